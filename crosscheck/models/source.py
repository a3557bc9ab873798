"""Models by the name of a function that makes them: "file.py:build", or "package.module:build".

The file is executed, as `python file.py` would: only name files that you would run.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from crosscheck.names import nearest


def build(text: str, argument: str) -> Any:
    """What the function returns. Raises ValueError that names the argument for whatever is wrong with it."""
    source, _, name = text.rpartition(":")
    if not source or not name.isidentifier():
        raise ValueError(f"{argument} is {text!r}; expected file.py:function, a function that returns the model")
    module = executed(source, argument)
    public = [word for word, value in vars(module).items() if callable(value) and word[0] != "_"]
    function = getattr(module, name, None)
    if function is None:
        raise ValueError(f"{argument}: {source} has no {name}{nearest(name, public)}")
    if not callable(function):
        raise ValueError(f"{argument}: {name} of {source} is {type(function).__name__}; expected a function")
    require_no_arguments(function, text, argument)
    return guarded(function, source, argument, f"{name}()")


def executed(source: str, argument: str) -> ModuleType:
    """The module, whose own folder is searched for what it imports, as Python does for a script."""
    if not source.endswith(".py"):
        sys.path.insert(0, str(Path.cwd()))
        found: ModuleType = guarded(lambda: importlib.import_module(source), source, argument, "importing it")
        return found
    file = Path(source).absolute()
    if not file.is_file():
        raise ValueError(f"{argument}: there is no file {source}")
    sys.path.insert(0, str(file.parent))
    spec = importlib.util.spec_from_file_location(f"crosscheck_model_{abs(hash(str(file)))}", file)
    if spec is None or spec.loader is None:
        raise ValueError(f"{argument}: {source} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    loader = spec.loader
    guarded(lambda: loader.exec_module(module), source, argument, "running it")
    return module


def require_no_arguments(function: Any, text: str, argument: str) -> None:
    try:
        parameters = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        return
    optional = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    needed = [p.name for p in parameters if p.default is p.empty and p.kind not in optional]
    if needed:
        raise ValueError(
            f"{argument}: {text} needs arguments ({', '.join(needed)}); expected a function that makes the model "
            "without any"
        )


def guarded(call: Any, source: str, argument: str, doing: str) -> Any:
    """The call's result; what it raises as a ValueError that says where in the user's own file."""
    try:
        return call()
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        own = [frame for frame in frames if Path(frame.filename).name == Path(source).name]
        at = f" in line {own[-1].lineno}" if own else ""
        raise ValueError(f"{argument}: {source}: {doing} raised {type(error).__name__}{at}: {error}") from error
