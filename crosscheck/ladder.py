"""Climbing the ladder: every rung on one case, cheapest first; a crash is reported and the rest goes on."""

from __future__ import annotations

import shlex
import time
import traceback
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from crosscheck.case import Case
from crosscheck.names import nearest
from crosscheck.rungs import backward, exact, forward, modes, precision, state, structure, training
from crosscheck.rungs.finding import AGREE, CRASHED, DIVERGE, NOT_RUN, Finding
from crosscheck.session import Session, split_columns
from crosscheck.settings import sees_gpu

RUNGS: Mapping[str, Callable[[Session], Finding]] = {
    "structure": structure.check,
    "exact": exact.check,
    "forward": forward.check,
    "backward": backward.check,
    "state": state.check,
    "training": training.check,
    "precision": precision.check,
    "modes": modes.check,
}


DTYPES = ("float64", "float32", "tf32", "bfloat16", "float16")
"""The number types that the rungs can judge: float64 decides semantics, the others are the precision rung's. TF32 is
float32 whose products are rounded by a GPU's tensor cores."""

MODES = ("eager", "compiled")
"""Eager is always run, being what the compiled run is compared with; JAX's usual mode is jit in both."""

DEVICES = ("cpu", "gpu")


@dataclass(frozen=True)
class Settings:
    """What to run: columns, rungs, dtypes, modes, device and the seed of all random draws."""

    backends: tuple[str, ...] = ("numpy", "torch", "jax")
    rungs: tuple[str, ...] = tuple(RUNGS)
    dtypes: tuple[str, ...] = ("float64", "float32")
    modes: tuple[str, ...] = MODES
    device: str = "cpu"
    seed: int = 0

    def __post_init__(self) -> None:
        split_columns(self.backends)
        require_known("rung", self.rungs, RUNGS)
        require_known("dtype", self.dtypes, DTYPES)
        require_known("mode", self.modes, MODES)
        require_known("device", [self.device], DEVICES)
        if "tf32" in self.dtypes and self.device == "cpu":
            raise ValueError("dtype tf32 is an arithmetic of NVIDIA GPUs; expected device gpu with it")

    def options(self) -> dict[str, str]:
        """The same on the command line."""
        return {
            "--backends": ",".join(self.backends),
            "--rungs": ",".join(self.rungs),
            "--dtypes": ",".join(self.dtypes),
            "--modes": ",".join(self.modes),
            "--device": self.device,
            "--seed": str(self.seed),
        }


def require_known(kind: str, names: Iterable[str], known: Iterable[str]) -> None:
    """Raises LookupError with the nearest known names for the first that is not among them."""
    known = list(known)
    for name in names:
        if name not in known:
            raise LookupError(f"unknown {kind} {name!r}{nearest(name, known)}")


@dataclass(frozen=True)
class Outcome:
    """All findings on one case; `not_run` says which columns are missing and why, `why` the reason for the case."""

    case: str
    findings: Sequence[Finding]
    not_run: Mapping[str, str] = field(default_factory=dict)
    seconds: float = 0.0
    settings: Settings = Settings()
    why: str = ""

    @property
    def status(self) -> str:
        statuses = [finding.status for finding in self.findings]
        return next((status for status in (CRASHED, DIVERGE, AGREE) if status in statuses), NOT_RUN)

    @property
    def reproduce(self) -> str:
        """The command that repeats this case alone."""
        failed = [f.rung for f in self.findings if f.status in (CRASHED, DIVERGE)]
        usual = Settings().options()
        options = {name: value for name, value in self.settings.options().items() if value != usual[name]}
        if failed:
            options["--rungs"] = ",".join(dict.fromkeys(["structure", *failed]))
        return shlex.join(["crosscheck", "run", self.case, *(word for option in options.items() for word in option)])


def available(settings: Settings) -> tuple[list[str], dict[str, str]]:
    """The columns that can run on the device, and why the others cannot."""
    columns, absent = split_columns(settings.backends)
    if settings.device == "gpu":
        absent |= {column: f"{column} sees no CUDA GPU" for column in columns if not sees_gpu(column)}
    return [column for column in columns if column not in absent], absent


def climb(case: Case, settings: Settings) -> Outcome:
    """Run the rungs on a case. Structure comes first: what it breaks is left out of the other rungs."""
    start = time.perf_counter()
    columns, absent = available(settings)
    case = case if "compiled" in settings.modes else replace(case, compiled=False)
    session = Session(case, columns, settings.dtypes, settings.device, settings.seed)
    findings = [attempt(rung, session) for rung in RUNGS if rung in settings.rungs]
    return Outcome(case.name, findings, absent, time.perf_counter() - start, settings, case.why)


def attempt(rung: str, session: Session) -> Finding:
    if len(session.running()) < 2:
        why = "; ".join(session.broken.values()) or "only the reference is here: nothing to compare it with"
        return Finding(rung, NOT_RUN, reason=why)
    try:
        return RUNGS[rung](session)
    except Exception as error:
        return Finding(rung, CRASHED, reason=f"{type(error).__name__}: {error}", traceback=traceback.format_exc())
