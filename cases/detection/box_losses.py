from crosscheck.case import Case

PAIRS = {"inputs": {"B": "k=11 v=4 boxes", "Y": "k=11 v=4 boxes"}}
TIED = {"inputs": {"B": "k=29 v=4 tied_boxes", "Y": "k=29 v=4 tied_boxes"}, "why": "equal edges share the gradient"}

CASES = [
    Case("detection.box_losses.iou_loss", why="no slope between boxes apart", **PAIRS),
    Case("detection.box_losses.giou_loss", why="the hull draws boxes together that are apart", **PAIRS),
    Case("detection.box_losses.diou_loss", why="the distance of the centres in units of the hull's diagonal", **PAIRS),
    Case("detection.box_losses.ciou_loss", why="the weight of the aspect's term takes no gradient", **PAIRS),
    Case("detection.box_losses.iou_loss", "kink", **TIED),
    Case("detection.box_losses.giou_loss", "kink", **TIED),
    Case("detection.box_losses.diou_loss", "kink", **TIED),
    Case("detection.box_losses.ciou_loss", "kink", **TIED),
]
