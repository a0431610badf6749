"""Hidden state: what a program depends on without naming it, captured after a step and restored before another.

One table, :data:`STATES`, says how each kind is taken and put back. What is captured is an ordinary value and travels
like one. A library is imported on restoring only where it was in use when the state was captured.
"""

from __future__ import annotations

import hashlib
import importlib
import random
import sys
from collections.abc import Callable, Container, Mapping, Sequence
from typing import Any

from labline_runtime.dataclass import dataclass
from labline_runtime.states import filters, generators, ipython, libraries, logs, patches, plots, process
from labline_runtime.states.baseline import Baseline

__all__ = ["PLACES", "STATES", "Baseline", "capture", "derive", "rank", "restore", "restore_all"]

PLACES = frozenset(("@environ", "@cwd", "@sys.path"))


def rank(names: Sequence[str]) -> int:
    """When an artifact of *names* is to be loaded: places, then modules, then what may be of these modules."""
    if not PLACES.isdisjoint(names):
        return 0
    return 1 if any(name.startswith(patches.MODULE) for name in names) else 2


def capture(name: str, baseline: Baseline) -> Any:
    """The present state *name*; None where its library is not in use."""
    if name.startswith(patches.PATCH):
        return patches.capture_patch(name.removeprefix(patches.PATCH))
    if name.startswith(patches.MODULE):
        return patches.capture_module(name.removeprefix(patches.MODULE))
    state = STATES[name]
    if state.library is not None and state.library not in sys.modules:
        return None
    return state.capture(baseline)


def restore(name: str, value: Any, baseline: Baseline, held: Container[int] = ()) -> None:
    """Put the state *name* back to what :func:`capture` gave. *held*: see :func:`patches.restore_module`."""
    if name.startswith(patches.PATCH):
        patches.restore_patch(name.removeprefix(patches.PATCH), value)
        return
    if name.startswith(patches.MODULE):
        patches.restore_module(value, held)
        return
    state = STATES[name]
    if state.library is not None:
        if value is None:
            return
        importlib.import_module(state.library)
    state.restore(value, baseline)


def restore_all(values: Mapping[str, Any], baseline: Baseline, held: Container[int] = ()) -> None:
    """Restore several states in the table's order, patches last."""
    order = {name: place for place, name in enumerate(STATES)}
    for name in sorted(values, key=lambda name: order.get(name, len(order))):
        restore(name, values[name], baseline, held)


def derive(step: str) -> None:
    """Let every generator that was seeded go on from a place of the step's own, which its state and *step* determine.

    So steps can draw side by side, each the same numbers in every run, though not those of the notebook.
    """
    seed = hashlib.sha256(f"{step} {random.getstate()}".encode()).digest()
    random.seed(seed)
    if (numpy := sys.modules.get("numpy")) is not None:
        state = numpy.random.get_state(legacy=True)
        words = hashlib.sha256(step.encode() + state[1].tobytes() + str(state[2:]).encode()).digest()
        numpy.random.seed(list(memoryview(words).cast("I")))
    if (torch := sys.modules.get("torch")) is not None:
        words = hashlib.sha256(step.encode() + bytes(torch.get_rng_state().tolist())).digest()
        torch.manual_seed(int.from_bytes(words[:7], "little"))


@dataclass(frozen=True)
class _State:
    capture: Callable[[Baseline], Any]
    restore: Callable[[Any, Baseline], None]
    library: str | None = None


# Generators that everybody draws from, and how to be independent of them.
GENERATORS = {
    "@random": "Draw from a generator of your own (random.Random(seed)), or name the draw in plain code.",
    "@numpy.random": "Give what draws a generator of its own (random_state=, numpy.random.default_rng).",
    "@torch.random": "Give what draws a generator of its own (torch.Generator).",
}

STATES: dict[str, _State] = {
    # Places first: what comes later may be looked for there.
    "@environ": _State(process.capture_environ, process.restore_environ),
    "@cwd": _State(process.capture_folder, process.restore_folder),
    "@sys.path": _State(process.capture_path, process.restore_path),
    "@interpreter": _State(process.capture_interpreter, process.restore_interpreter),
    "@locale": _State(process.capture_locale, process.restore_locale),
    "@decimal": _State(process.capture_decimal, process.restore_decimal, "decimal"),
    "@ipython": _State(ipython.capture, ipython.restore),
    "@matplotlib.backend": _State(plots.capture_backend, plots.restore_backend, "matplotlib"),
    "@matplotlib.rcParams": _State(plots.capture_parameters, plots.restore_parameters, "matplotlib"),
    "@matplotlib.figures": _State(plots.capture_figures, plots.restore_figures, "matplotlib.pyplot"),
    "@plotly.defaults": _State(libraries.capture_plotly, libraries.restore_plotly, "plotly.io"),
    "@pandas.options": _State(libraries.capture_pandas, libraries.restore_pandas, "pandas"),
    "@polars.config": _State(libraries.capture_polars, libraries.restore_polars, "polars"),
    "@numpy.printoptions": _State(libraries.capture_numpy_options, libraries.restore_numpy_options, "numpy"),
    "@sklearn.config": _State(libraries.capture_sklearn, libraries.restore_sklearn, "sklearn"),
    "@xgboost.config": _State(libraries.capture_xgboost, libraries.restore_xgboost, "xgboost"),
    "@torch.settings": _State(libraries.capture_torch_settings, libraries.restore_torch_settings, "torch"),
    "@random": _State(generators.capture_random, generators.restore_random),
    "@numpy.random": _State(generators.capture_numpy, generators.restore_numpy, "numpy"),
    "@torch.random": _State(generators.capture_torch, generators.restore_torch, "torch"),
    # Last: importing a library may add filters and handlers of its own.
    "@warnings": _State(filters.capture, filters.restore),
    "@logging": _State(logs.capture, logs.restore),
}
