"""Run a notebook in one namespace, and its pipeline step by step, and tell what every cell printed.

Steps are run one after another in this process, each as if in one of its own: a new ``__main__``, no class known from
another step, hidden state as at the start, and nothing but what went through the runtime's own pickling. Thousands of
notebooks can be tried so; what takes a process of its own (monkeypatched modules) is left to ``tests/equivalence``.
"""

from __future__ import annotations

import ast
import asyncio
import contextlib
import inspect
import io
import pickle
import random
import re
import sys
import types
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.pipeline import Pipeline, Step
from labline_runtime import hidden_state
from labline_runtime.specification import HIDDEN_STATE_PREFIX
from labline_runtime.values import nans, pickling, writing

_ADDRESS = re.compile(r"0x[0-9a-f]{6,}")
_FLAGS = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT


class Refused(Exception):
    """The pipeline says loudly that it cannot: a finding, or a value that no step can hand on. ``code`` is a rule's."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


_KEPT = frozenset(("LL406",))  # errors where a step needs what cannot leave another


class Diverged(AssertionError):
    """The pipeline does something else than the notebook, without a word."""


@dataclass
class Printed:
    """What cells printed, by their index. ``error``: what stopped them."""

    cells: dict[int, str] = field(default_factory=dict)
    error: BaseException | None = None


def compiled(text: str) -> Pipeline:
    """The notebook's pipeline. Raises :class:`Refused` where a finding says that there is none."""
    compilation = compile_notebook(parse(text, "little.py"))
    if compilation.pipeline is None:
        found = next(f for f in compilation.findings if f.severity == "error")
        if found.code not in _KEPT:  # there is nothing else in a generated notebook that cannot be compiled
            raise Diverged(f"{found.code} {found.message}\n{text}")
        raise Refused(found.code, found.message)
    return compilation.pipeline


def printed_by_notebook(text: str) -> Printed:
    """Run all cells from top to bottom, up to the first that fails."""
    printed = Printed()
    with _process() as namespace:
        for cell in parse(text, "little.py").code_cells:
            try:
                _run(cell.index, cell.source, namespace, printed)
            except Exception as error:
                printed.error = error
                break
    return printed


def printed_by_pipeline(pipeline: Pipeline, seed: int = 0) -> Printed:
    """Run all steps, in an order that *seed* picks among those that the pipeline allows."""
    printed = Printed()
    stored: dict[str, list[tuple[tuple[str, ...], bytes]]] = {}
    for step in _order(pipeline, random.Random(seed)):
        with _process() as namespace:
            baseline = hidden_state.Baseline.take()
            for cell in pipeline.preamble:
                _run(cell.index, cell.source, namespace, Printed())
            for parameter in pipeline.parameters:
                if parameter.name in step.parameters:
                    namespace[parameter.name] = ast.literal_eval(parameter.default)
            _receive(step, stored, namespace, baseline)
            for cell in step.cells:
                try:
                    _run(cell.index, cell.source, namespace, printed)
                except Exception as error:
                    error.add_note(f"in step {step.name}")
                    printed.error = error
                    return printed
                pickling.track_classes(namespace)
            stored[step.name] = _send(step, namespace, baseline)
    return printed


def check(text: str, seed: int = 0) -> str:
    """Hold the pipeline of *text* against the notebook. Tells how it went: "same", "refused: CODE" or "fails".

    Raises :class:`Diverged` where the pipeline prints something else, or fails where the notebook does not.
    """
    expected = printed_by_notebook(text)
    if expected.error is not None:
        return "fails"
    try:
        found = printed_by_pipeline(compiled(text), seed)
    except Refused as refusal:
        return f"refused: {refusal.code}"
    if found.error is not None:
        raise Diverged(
            f"{type(found.error).__name__}: {found.error} {found.error.__notes__}\n\n{text}"
        ) from found.error
    for cell, wanted in expected.cells.items():
        if found.cells.get(cell) != wanted:
            raise Diverged(f"cell {cell} prints\n{found.cells.get(cell)}instead of\n{wanted}\n{text}")
    return "same"


def _order(pipeline: Pipeline, rng: random.Random) -> Iterator[Step]:
    waiting = list(pipeline.steps)
    done: set[str] = set()
    while waiting:
        step = rng.choice([step for step in waiting if done.issuperset(step.predecessors)])
        waiting.remove(step)
        done.add(step.name)
        yield step


@contextlib.contextmanager
def _process() -> Iterator[dict[str, Any]]:
    """A new ``__main__`` while inside, and hidden state as it is now once outside again."""
    ours = sys.modules["__main__"]
    module = types.ModuleType("__main__")
    before = hidden_state.Baseline.take()
    states = {name: hidden_state.capture(name, before) for name in _RESTORED}
    drawn = random.getstate(), np.random.get_state()
    sys.modules["__main__"] = module
    _forget_classes()
    try:
        yield module.__dict__
    finally:
        _forget_classes()
        sys.modules["__main__"] = ours
        for name, value in states.items():
            hidden_state.restore(name, value, before)
        random.setstate(drawn[0])
        np.random.set_state(drawn[1])


_RESTORED = ("@numpy.printoptions", "@pandas.options")


def _forget_classes() -> None:
    pickling._cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS.clear()
    pickling._cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID.clear()


def _run(index: int, source: str, namespace: dict[str, Any], printed: Printed) -> None:
    code = compile(source, f"<Cell {index + 1}>", "exec", _FLAGS)
    text = io.StringIO()
    with contextlib.redirect_stdout(text):
        made = eval(code, namespace)
        if code.co_flags & inspect.CO_COROUTINE:
            asyncio.run(made)
    printed.cells[index] = printed.cells.get(index, "") + _ADDRESS.sub("0x", text.getvalue())


def _receive(
    step: Step,
    stored: dict[str, list[tuple[tuple[str, ...], bytes]]],
    namespace: dict[str, Any],
    baseline: hidden_state.Baseline,
) -> None:
    for taken in step.inputs:
        for names, content in stored[taken.source]:
            wanted = [name for name in taken.names if name in names]
            values = nans.Unpickler(io.BytesIO(content)).load() if wanted else {}
            for name in wanted:
                if name.startswith(HIDDEN_STATE_PREFIX):
                    hidden_state.restore(name, values[name], baseline)
                else:
                    namespace[name] = values[name]


def _send(
    step: Step, namespace: dict[str, Any], baseline: hidden_state.Baseline
) -> list[tuple[tuple[str, ...], bytes]]:
    artifacts = []
    for output in step.outputs:
        values = {}
        for name in output.names:
            if name.startswith(HIDDEN_STATE_PREFIX):
                values[name] = hidden_state.capture(name, baseline)
            elif name in namespace:
                values[name] = namespace[name]
            elif name not in output.optional:
                raise Diverged(f"step {step.name} ends without {name}")
        artifacts.append((tuple(values), _pickled(values)))
    return artifacts


def _pickled(values: dict[str, Any]) -> bytes:
    file = io.BytesIO()
    try:
        seen = writing.dump(values, file)
        if seen.asks_again:
            file = io.BytesIO()
            writing.dump(values, file, seen=seen)
    except (TypeError, pickle.PicklingError, AttributeError) as error:
        raise Refused("LL401", f"{sorted(values)} cannot be stored: {error}") from error
    return file.getvalue()
