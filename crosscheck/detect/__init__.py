"""A detector trained on scenes of shapes: in every column from the same start, held to the same detections."""
