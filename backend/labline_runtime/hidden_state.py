"""Hidden state: what a program depends on without naming it, captured after a step and restored before another.

One table, :data:`STATES`, says how each kind is taken and put back. What is captured is an ordinary value and travels
like one. A library is imported on restoring only where it was in use when the state was captured.
"""

from __future__ import annotations

import importlib
import os
import random
import sys
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from labline_runtime.failure import StepFailure
from labline_runtime.specification import StepError


@dataclass(frozen=True)
class Baseline:
    """The process as it was when the step began; environment, path and folder travel as differences from it."""

    environ: dict[str, str]
    path: tuple[str, ...]
    folder: str

    @classmethod
    def take(cls) -> Baseline:
        """The process as it is."""
        return cls(dict(os.environ), tuple(sys.path), str(Path.cwd()))


def capture(name: str, baseline: Baseline) -> Any:
    """The present state *name*; None where its library is not in use."""
    state = STATES[name]
    if state.library is not None and state.library not in sys.modules:
        return None
    return state.capture(baseline)


def restore(name: str, value: Any, baseline: Baseline) -> None:
    """Put the state *name* back to what :func:`capture` gave."""
    state = STATES[name]
    if state.library is not None:
        if value is None:
            return
        importlib.import_module(state.library)
    state.restore(value, baseline)


@dataclass(frozen=True)
class _State:
    capture: Callable[[Baseline], Any]
    restore: Callable[[Any, Baseline], None]
    library: str | None = None


def _module(name: str) -> Any:
    return sys.modules[name]


def _capture_torch(_: Baseline) -> Any:
    torch = _module("torch")
    cuda = torch.cuda.get_rng_state_all() if torch.cuda.is_available() and torch.cuda.is_initialized() else None
    return {"cpu": torch.get_rng_state(), "cuda": cuda}


def _restore_torch(value: Any, _: Baseline) -> None:
    torch = _module("torch")
    torch.set_rng_state(value["cpu"])
    if value["cuda"] is not None and torch.cuda.device_count() == len(value["cuda"]):
        torch.cuda.set_rng_state_all(value["cuda"])


def _pandas_options() -> dict[str, tuple[Any, Any]]:
    """Every option's present and default value."""
    config = importlib.import_module("pandas._config.config")
    options = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, option in config._registered_options.items():
            options[key] = (config.get_option(key), option.defval)
    return options


def _capture_pandas(_: Baseline) -> Any:
    return {key: value for key, (value, default) in _pandas_options().items() if not _same(value, default)}


def _restore_pandas(value: Any, _: Baseline) -> None:
    pandas = _module("pandas")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for key, (present, default) in _pandas_options().items():
            wanted = value.get(key, default)
            if not _same(present, wanted):
                pandas.set_option(key, wanted)


def _same(first: Any, second: Any) -> bool:
    try:
        return type(first) is type(second) and bool(first == second)
    except Exception:
        return False


def _capture_numpy_options(_: Baseline) -> Any:
    numpy = _module("numpy")
    return {"print": numpy.get_printoptions(), "errors": numpy.geterr()}


def _restore_numpy_options(value: Any, _: Baseline) -> None:
    numpy = _module("numpy")
    numpy.set_printoptions(**value["print"])
    numpy.seterr(**value["errors"])


_RC_OF_THE_PROCESS = frozenset(("backend", "backend_fallback", "interactive", "toolbar"))


def _capture_rc(_: Baseline) -> Any:
    parameters = _module("matplotlib").rcParams
    return {key: dict.__getitem__(parameters, key) for key in dict.keys(parameters) if key not in _RC_OF_THE_PROCESS}


def _restore_rc(value: Any, _: Baseline) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        known = {key: item for key, item in value.items() if key in _module("matplotlib").rcParams}
        _module("matplotlib").rcParams.update(known)


def _restore_warnings(value: Any, _: Baseline) -> None:
    warnings.resetwarnings()
    warnings.filters.extend(value)  # type: ignore[attr-defined]


def _capture_environ(baseline: Baseline) -> Any:
    changed = {name: text for name, text in os.environ.items() if baseline.environ.get(name) != text}
    return {"set": changed, "unset": sorted(set(baseline.environ) - set(os.environ))}


def _restore_environ(value: Any, _: Baseline) -> None:
    os.environ.update(value["set"])
    for name in value["unset"]:
        os.environ.pop(name, None)


def _capture_folder(baseline: Baseline) -> Any:
    """Relative to where the step began, where it lies in there: another target runs in another folder."""
    here = str(Path.cwd())
    inside = here == baseline.folder or here.startswith(baseline.folder.rstrip(os.sep) + os.sep)
    return os.path.relpath(here, baseline.folder) if inside else here


def _restore_folder(value: Any, baseline: Baseline) -> None:
    folder = str(Path(baseline.folder) / value)
    try:
        os.chdir(folder)
    except OSError as error:
        raise StepFailure(
            StepError(
                message=f"An earlier step changed the working directory to {folder}, "
                f"which cannot be entered here: {error.strerror}.",
                variable="@cwd",
                hint="Use paths relative to the notebook instead of changing the working directory.",
            )
        ) from error


def _capture_path(baseline: Baseline) -> Any:
    places = {entry: place for place, entry in enumerate(baseline.path)}
    return [places.get(entry, entry) for entry in sys.path]


def _restore_path(value: Any, baseline: Baseline) -> None:
    sys.path[:] = [
        baseline.path[entry] if isinstance(entry, int) else entry
        for entry in value
        if not isinstance(entry, int) or entry < len(baseline.path)
    ]


# Generators that everybody draws from, and how to be independent of them.
GENERATORS = {
    "@random": "Draw from a generator of your own (random.Random(seed)), or name the draw in plain code.",
    "@numpy.random": "Give what draws a generator of its own (random_state=, numpy.random.default_rng).",
    "@torch.random": "Give what draws a generator of its own (torch.Generator).",
}

STATES: dict[str, _State] = {
    "@random": _State(lambda _: random.getstate(), lambda value, _: random.setstate(value)),
    "@numpy.random": _State(
        lambda _: _module("numpy").random.get_state(legacy=False),
        lambda value, _: _module("numpy").random.set_state(value),
        "numpy",
    ),
    "@torch.random": _State(_capture_torch, _restore_torch, "torch"),
    "@pandas.options": _State(_capture_pandas, _restore_pandas, "pandas"),
    "@numpy.printoptions": _State(_capture_numpy_options, _restore_numpy_options, "numpy"),
    "@matplotlib.rcParams": _State(_capture_rc, _restore_rc, "matplotlib"),
    "@warnings": _State(lambda _: list(warnings.filters), _restore_warnings),
    "@environ": _State(_capture_environ, _restore_environ),
    "@cwd": _State(_capture_folder, _restore_folder),
    "@sys.path": _State(_capture_path, _restore_path),
}
