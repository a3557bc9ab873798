"""Why two models part: an executable catalogue of the ways in which frameworks and ports differ."""
