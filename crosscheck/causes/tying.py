"""Weights that one model ties and the other does not, where these came with values of their own."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from crosscheck.causes.catalogue import CAUSES, cause
from crosscheck.causes.explanation import Explanation
from crosscheck.causes.unit_scenes import there
from crosscheck.pairing.tied_model import TiedModel
from crosscheck.twins.forced import back
from crosscheck.twins.layouts import distance

NEAR = 1e-6

cause(
    "weights-tied",
    "embedding",
    "one side uses one matrix at two places, for embeddings and for logits, say; the other has two",
    "self.head.weight = self.emb.weight: one parameter under two names, and one in the optimizer",
    "emb.attend(h), h @ emb.embedding.T: the one parameter; a Linear has a kernel of its own",
    "self.head.weight = self.emb.weight, after every module has been made",
    "self.emb.attend(h) in the place of the Linear",
    "https://docs.pytorch.org/docs/stable/generated/torch.nn.Module.html",
)


def tied_apart(twins: Any, scene: Any, divergence: Any) -> Explanation | None:
    """Where the first model was run with what the second ties as two: whether what is left of the difference is gone
    once it has one."""
    model, ask, match = twins.first, scene.asks[0], divergence.match
    if match is None or divergence.before or not isinstance(model, TiedModel) or not model.is_apart(ask):
        return None
    theirs = back(there(scene, match).outputs, match.outputs)
    together = model.run(replace(model.tied(ask), trace=True))
    call = next((call for call in together.calls if call.key == match.first.key), match.first)
    before, after = (
        max((distance(theirs[name], one.outputs[name]) for name in theirs), default=0.0) for one in (match.first, call)
    )
    if not after < NEAR < before:
        return None
    path, (home, _) = next((path, tie) for path, tie in model.ties.items() if path in ask.values)
    shared = ", ".join(twins.pairing.seconds(home))
    says = f"{path} beside {home}", f"{shared} for both"
    return Explanation((CAUSES["weights-tied"],), *says, "neither", before, after)
