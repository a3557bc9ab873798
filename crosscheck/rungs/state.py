"""state: running statistics after several training batches, then outputs in eval mode with what they have become."""

from __future__ import annotations

from dataclasses import replace

from crosscheck.agreement import compare
from crosscheck.axes import Array
from crosscheck.observation import Key, Observation
from crosscheck.rungs.finding import NOT_RUN, Finding, conclude
from crosscheck.session import Session

BATCHES = 3


def check(session: Session) -> Finding:
    if not session.feed().state:
        return Finding("state", NOT_RUN, reason="it keeps no running state")
    observations = [after_batches(session, column) for column in session.running()]
    return conclude("state", compare(observations, {"state", "output", "input", "activation"}), observations[0].modules)


def after_batches(session: Session, column: str) -> Observation:
    """The state left by the training batches, seen together with an eval pass that uses it."""
    state = dict(session.feed().state)
    for batch in range(BATCHES):
        seen = session.subject(column).observe(
            replace(session.feed(batch), state=state), train=True, trace=column == "jax"
        )
        state = state_of(seen)
    last = session.subject(column).observe(replace(session.feed(BATCHES), state=state), train=False)
    return replace(last, tensors={**last.tensors, **{Key("state", path): value for path, value in state.items()}})


def state_of(seen: Observation) -> dict[str, Array]:
    return {key.path: value for key, value in seen.tensors.items() if key.kind == "state"}
