"""The settings audit: versions, device, threads and precision switches that a result depends on.

Frameworks are looked at only if something else has imported them: asking for the record starts nothing.
"""

from __future__ import annotations

import importlib
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("numpy", "scipy", "einops", "torch", "jax", "jaxlib", "flax", "optax")
THREADS = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "NPROC": "1"}
"""One thread a process: cores are shared out by case. OpenMP and both BLAS read theirs, XLA's CPU client NPROC."""

Facts = dict[str, Any]


def one_thread() -> None:
    """Ask for one thread in this process and those it starts, where the user asked for nothing else.

    Has to come before the frameworks are imported. On a GPU, JAX would otherwise claim most of the memory at once.
    """
    for name, value in {**THREADS, "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}.items():
        os.environ.setdefault(name, value)


def record(device: str = "cpu", dtypes: Iterable[str] = ("float32",)) -> Facts:
    """Everything a reader needs to know about where a report was made, as plain data: what is set, and what the probes
    find the arithmetic in these dtypes to be."""
    columns = {
        column: facts(device) | probed(column, device, tuple(dtypes))
        for column, facts in COLUMNS.items()
        if column_is_loaded(column)
    }
    return {
        **unchanging(),
        "device": device,
        "environment": {name: os.environ[name] for name in ENVIRONMENT if name in os.environ},
        "columns": columns,
        "differences": differences(columns),
    }


ENVIRONMENT = (
    *THREADS,
    "OPENBLAS_CORETYPE",
    "XLA_FLAGS",
    "JAX_PLATFORMS",
    "CUDA_VISIBLE_DEVICES",
    "NVIDIA_TF32_OVERRIDE",
)
"""Environment variables that change results or speed."""


@cache
def unchanging() -> Facts:
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "commit": commit(),
        "versions": {name: version(name) for name in PACKAGES},
    }


def version(package: str) -> str | None:
    """The installed version, without importing the package; None if it is not installed."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def commit(folder: Path = Path(__file__).parents[1]) -> str:
    """The git commit of the project, marked if there are changes on top; "" if the project is no checkout."""
    if not (folder / ".git").exists():
        return ""

    def git(*words: str) -> str:
        run = subprocess.run(["git", "-C", str(folder), *words], capture_output=True, text=True, timeout=10, check=True)
        return run.stdout.strip()

    try:
        changed = git("status", "--porcelain", "--untracked-files=no")
        return git("rev-parse", "--short=12", "HEAD") + (" with changes" if changed else "")
    except (OSError, subprocess.SubprocessError):
        return ""


def column_is_loaded(column: str) -> bool:
    return column in sys.modules


def probed(column: str, device: str, dtypes: tuple[str, ...]) -> Facts:
    """What the arithmetic of a column that is in use really is."""
    from crosscheck.probes.readings import readings, summary

    return {**summary(readings(column, device if column != "numpy" else "cpu", dtypes))}


def numpy_facts(device: str) -> Facts:
    return {"device": processor(), "float64": True, "threads": blas_threads(), "float32 matmul": "float32"}


def torch_facts(device: str) -> Facts:
    import torch

    facts: Facts = {
        "device": torch.cuda.get_device_name() if device == "gpu" else processor(),
        "float64": True,
        "threads": torch.get_num_threads(),
    }
    if device == "gpu":
        facts |= {
            "float32 matmul": torch_precision(read(lambda: torch.backends.cuda.matmul.fp32_precision)),
            "float32 conv": torch_precision(read(lambda: torch.backends.cudnn.conv.fp32_precision)),
            "deterministic": torch.are_deterministic_algorithms_enabled(),
        }
    else:
        facts["float32 matmul"] = torch_precision(read(lambda: torch.backends.mkldnn.matmul.fp32_precision))
    switches = {
        "float32_matmul_precision": read(torch.get_float32_matmul_precision),
        "cuda.matmul.allow_tf32": read(lambda: torch.backends.cuda.matmul.allow_tf32),
        "cudnn.allow_tf32": read(lambda: torch.backends.cudnn.allow_tf32),
        "cudnn.benchmark": torch.backends.cudnn.benchmark,
        "autocast": torch.is_autocast_enabled("cuda" if device == "gpu" else "cpu"),
        "deterministic_algorithms": torch.are_deterministic_algorithms_enabled(),
        "default_dtype": str(torch.get_default_dtype()),
        "cuda": torch.version.cuda,
    }
    return {**facts, "switches": switches}


def torch_precision(precision: Any) -> str:
    return {"tf32": "TF32", "bf16": "bfloat16"}.get(str(precision), "float32")


def jax_facts(device: str) -> Facts:
    import jax

    precision, flags = jax.config.jax_default_matmul_precision, os.environ.get("XLA_FLAGS", "")
    facts: Facts = {
        "device": jax.devices("gpu")[0].device_kind if device == "gpu" else processor(),
        "float64": bool(jax.config.jax_enable_x64),
        "threads": int(os.environ.get("NPROC") or unchanging()["cores"]),
        "float32 matmul": jax_precision(precision, device),
    }
    if device == "gpu":
        facts["float32 conv"] = facts["float32 matmul"]
        facts["deterministic"] = "xla_gpu_deterministic_ops=true" in flags
    switches = {
        "enable_x64": bool(jax.config.jax_enable_x64),
        "default_matmul_precision": precision,
        "XLA_FLAGS": flags,
        "default_backend": jax.default_backend(),
        "disable_jit": bool(jax.config.jax_disable_jit),
    }
    return {**facts, "switches": switches}


def jax_precision(precision: str | None, device: str) -> str:
    """JAX's default allows TF32 on a GPU and is plain float32 on a CPU."""
    if device == "cpu" or precision in ("highest", "float32"):
        return "float32"
    return "bfloat16" if precision and "bf" in precision.lower() else "TF32"


COLUMNS: Mapping[str, Callable[[str], Facts]] = {"numpy": numpy_facts, "torch": torch_facts, "jax": jax_facts}
"""What can be compared between columns, by the same names; each framework's own switches beside it."""


def differences(columns: Mapping[str, Facts]) -> list[str]:
    """In words, every setting that is not the same in all columns: read these before any verdict."""
    names = dict.fromkeys(name for facts in columns.values() for name in facts if name != "switches")
    found = []
    for name in names:
        values = {column: facts[name] for column, facts in columns.items() if name in facts}
        if len(set(map(str, values.values()))) > 1:
            found.append(f"{name}: " + ", ".join(f"{column} {shown(value)}" for column, value in values.items()))
    return found


def shown(value: Any) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


def read(switch: Callable[[], Any]) -> Any:
    """A switch's value. PyTorch refuses to read one that was set through both its older and its newer name."""
    try:
        return switch()
    except (RuntimeError, AttributeError) as error:
        return f"unreadable: {str(error).splitlines()[0]}"


def blas_threads() -> int:
    """The threads of NumPy's BLAS, not of another library's copy."""
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    pools = [pool for pool in threadpool_info() if pool["user_api"] == "blas"]
    own = [pool for pool in pools if "numpy" in pool["filepath"]] or pools
    return int(own[0]["num_threads"]) if own else 1


@cache
def processor() -> str:
    """The processor's name where the system tells it, else its architecture."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    except OSError:
        names = []
    return names[0] if names else platform.processor() or platform.machine()


@cache
def sees_gpu(column: str) -> bool:
    """Whether the column can use a CUDA GPU here; the reference needs none. Imports the column's framework."""
    if column == "numpy":
        return True
    framework = importlib.import_module(column)
    if column == "torch":
        return bool(framework.cuda.is_available())
    try:
        return bool(framework.devices("cuda"))
    except RuntimeError:
        return False
