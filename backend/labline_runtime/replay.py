"""A step as far as its failure, again, in a kernel or console: its frames are real there, so ``%debug`` works.

Whoever drives the kernel (the Lab, the console) runs the :class:`Part` s one after the other as cells, until one
raises. What has to happen between the notebook's cells is a line of code that calls this module; what it knows is kept
here, so that the notebook's namespace holds nothing but the notebook's own.
"""

from __future__ import annotations

import functools
import importlib.util
import linecache
import os
import sys
from pathlib import Path
from typing import Any

from labline_runtime import post_mortem
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_json
from labline_runtime.specification import PREAMBLE_ROLES, CellSource, StepSpecification


@dataclass(frozen=True)
class Part:
    """Code to run as one cell. ``cell`` is None for what is not the notebook's."""

    code: str
    cell: CellSource | None = None


def parts(spec: StepSpecification, path: Path, bundle: Path, before: int | None = None) -> tuple[Part, ...]:
    """What brings a fresh kernel to where the step described by *spec*, which lies at *path*, failed.

    *bundle* holds this runtime. The cells from the one with the index *before* on are left out; the step's own, too,
    where its process has stayed.
    """
    call = "__import__('labline_runtime.replay').replay"
    found = [Part(f"__import__('sys').path.insert(0, {str(bundle)!r}); {call}.begin({str(path)!r})")]
    preamble = [cell for cell in spec.cells if cell.role in PREAMBLE_ROLES]
    own = [cell for cell in spec.cells if cell.role not in PREAMBLE_ROLES]
    if before is not None and any(cell.index == before for cell in preamble):
        return (*found, *(Part(cell.source, cell) for cell in preamble[: _place(preamble, before)]))
    found += (Part(cell.source, cell) for cell in preamble)
    found.append(Part(f"{call}.take_inputs()"))
    if spec.post_mortem:
        return tuple(found)
    pauses = {pause.after for pause in spec.pauses}
    for cell in own[: _place(own, before)]:
        found.append(Part(cell.source, cell))
        if cell.index in pauses:
            found.append(Part(f"{call}.resume({cell.index})"))
    return tuple(found)


def _place(cells: list[CellSource], index: int | None) -> int | None:
    return next((place for place, cell in enumerate(cells) if cell.index == index), None)


class _Replay:
    """What is going on in this kernel."""

    def __init__(self, spec: StepSpecification, namespace: dict[str, Any]) -> None:
        from labline_runtime import hidden_state, transfer

        self.spec = spec
        self.namespace = namespace
        self.inbox = transfer.Inbox(spec, namespace, hidden_state.Baseline.take())


_replay: _Replay | None = None


def begin(path: str) -> None:
    """Be a step's process: in its folder, with our runtime and no trace of it on the path."""
    global _replay
    bundle = sys.path.pop(0)
    if importlib.util.find_spec("cloudpickle") is None:
        sys.path.append(os.path.join(bundle, "fallback"))  # noqa: PTH118
        import cloudpickle  # noqa: F401 - values that hold the notebook's own functions need it

        sys.path.pop()
    spec = from_json(StepSpecification, Path(path).read_text("utf-8"))
    os.chdir(spec.working_directory)
    shell = _shell()
    _know(spec.definitions, shell)
    if spec.post_mortem:
        _debug_there(Path(spec.output_directory), shell)
    _replay = _Replay(spec, shell.user_ns)


def take_inputs() -> None:
    """Bind the parameters and the values from the steps above, and restore hidden state. Raises what a step would."""
    from labline_runtime import parameters

    parameters.bind(_current().spec.parameters, _current().namespace)
    _current().inbox.open()


def resume(after: int) -> None:
    """Take what cells of other steps have made that the notebook has below the step's cell *after*."""
    for pause in _current().spec.pauses:
        if pause.after == after:
            _current().inbox.resume(pause)


def _current() -> _Replay:
    if _replay is None:
        raise RuntimeError("the replay has not begun in this process")
    return _replay


def _shell() -> Any:
    from IPython import get_ipython

    return get_ipython()


def _debug_there(folder: Path, shell: Any) -> None:
    """Have ``%debug`` look at the process that has stayed, as long as nothing has failed here."""
    here = shell.debugger

    def debugger(force: bool = False) -> None:
        if hasattr(sys, "last_traceback") or not post_mortem.visit(folder, input, functools.partial(print, end="")):
            here(force=force)

    shell.debugger = debugger


def _know(cells: tuple[CellSource, ...], shell: Any) -> None:
    """Have the source of functions that come in with values: the debugger shows it."""
    for cell in cells:
        name = f"<Cell {cell.shown}>"
        source = shell.transform_cell(cell.source) if set("%!?") & set(cell.source) else cell.source
        linecache.cache[name] = (len(source), None, [f"{line}\n" for line in source.splitlines()], name)
