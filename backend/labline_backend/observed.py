"""What earlier runs of a notebook saw its steps do, and its compilation with that in mind: the one place for both.

A run's pipeline keeps the facts it was compiled with, and a step that a guard failed tells a new one: so the newest run
knows them all. A fact is given up with the code it was seen of. What type a value had is told by the results of the
newest run, and given up with any code that the value was made by.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from labline_backend.compiling import Compiled, compile_file
from labline_backend.engine.cachekey import code_digest
from labline_backend.home import Home, HomeError
from labline_backend.store.records import RunRecord, StepRecord
from labline_backend.store.runs import RunStore
from labline_compiler.findings import Finding, finding
from labline_compiler.pipeline import Pipeline
from labline_runtime.files import digest as file_digest
from labline_runtime.outcome import Observation, StepResult, kind_of
from labline_runtime.specification import HIDDEN_STATE_PREFIX, CellSource

UNSTORABLE = ("LL401",)  # codes of steps that failed because a value of theirs cannot be stored


def compile_knowing(
    store: RunStore, path: Path, content: dict[str, Any] | None = None, *, shown: str | None = None
) -> Compiled:
    """Compile as ``compile_file`` does, reckoning with what earlier runs saw the notebook's steps do.

    Where that changes anything, :attr:`Compiled.reckoned` says with what.
    """
    plain = compile_file(path, content, shown=shown)
    pipeline = plain.compilation.pipeline
    if pipeline is None:
        return plain
    known = facts(store, path, pipeline)
    without_types = tuple(fact for fact in known if fact.kind != "is")
    compiled = plain
    for told in dict.fromkeys((without_types, known)):  # what changes nothing is not taken along
        if told:
            knowing = compile_file(path, content, shown=shown, observed=told)
            before, now = compiled.compilation.pipeline, knowing.compilation.pipeline
            if now is None or before is None or now.steps != before.steps:
                compiled = replace(knowing, reckoned=told if now is None else now.observed)
    return compiled


def compile_with_what_is_known(path: Path, *, observed: bool = True) -> Compiled:
    """Compile with the facts of the user's data folder, if there is one; plainly where *observed* is false."""
    home = Home(Home.place())
    if not observed or not home.database.exists():
        return compile_file(path)
    try:
        store = RunStore(Home.open(home.root))
    except HomeError:  # a folder that cannot be used matters to who runs something
        return compile_file(path)
    try:
        return compile_knowing(store, path)
    finally:
        store.close()


def facts(store: RunStore, path: Path, pipeline: Pipeline) -> tuple[Observation, ...]:
    """The facts of the newest run of the notebook at *path* that still hold for *pipeline*."""
    place = path.absolute()
    newest = store.newest(str(place.parent), place.name)
    if newest is None:
        return ()
    steps = store.steps(newest.id)
    told = [fact for step in steps if step.error is not None for fact in step.error.observed]
    told += [fact for step in steps if step.result is not None for fact in step.result.observed]
    known = dict.fromkeys(fact for fact in (*newest.pipeline.observed, *told) if fact.kind != "is")
    same = _Same(newest.pipeline, pipeline)
    held = [fact for fact in known if same.step(fact.step)]
    return (*held, *_types(newest, steps, same))


def unstorable(store: RunStore, folder: Path, pipeline: Pipeline) -> list[Finding]:
    """The values that the newest run of *pipeline*'s notebook, in *folder*, could not hand on, of unchanged code.

    They travel as pickles to every target, so it would fail there, too.
    """
    newest = store.newest(str(folder), pipeline.notebook)
    if newest is None:
        return []
    same = _Same(newest.pipeline, pipeline)
    return [
        finding(
            error.code,
            f"Step {step.name} would fail as it did in the newest run here: {error.message}",
            step=step.name,
            fix=error.hint,
        )
        for step in store.steps(newest.id)
        if (error := step.error) is not None and error.code in UNSTORABLE and step.state == "failed"
        if any(each.name == step.name for each in pipeline.steps) and same.up_to(step.name)
    ]


class _Same:
    """Which code is in both pipelines, as far as it counts."""

    def __init__(self, before: Pipeline, now: Pipeline) -> None:
        self._before = {step.name: step for step in before.steps}
        self._now = {step.name: step for step in now.steps}
        self.around = (_code(before.preamble), before.parameters) == (_code(now.preamble), now.parameters)

    def step(self, name: str) -> bool:
        """Whether the step's own code is the same."""
        before, now = self._before.get(name), self._now.get(name)
        return before is not None and now is not None and _code(before.cells) == _code(now.cells)

    def up_to(self, name: str) -> bool:
        """Whether the code of the step, and of all that it waited for, is the same."""
        return self.around and all(self.step(each) for each in self.above(name))

    def above(self, name: str) -> set[str]:
        """The step with all that it waited for, directly or not."""
        found, ahead = set(), [name]
        while ahead:
            each = ahead.pop()
            if each not in found:
                found.add(each)
                ahead += self._before[each].predecessors
        return found


def _types(newest: RunRecord, steps: Iterable[StepRecord], same: _Same) -> Iterator[Observation]:
    """What types the values had, by what the *newest* run, or the one before it, tells of them."""
    known = {(fact.step, fact.names[0]): fact for fact in newest.pipeline.observed if fact.kind == "is"}
    # What was taken from another run may be of other code, and so may be what was made of it.
    results = {
        step.name: step.result
        for step in steps
        if step.result is not None and same.above(step.name).isdisjoint(newest.control.taken)
    }
    for name, result in results.items():
        for value in (value for artifact in result.artifacts for value in artifact.values):
            known.pop((name, value.name), None)
            if kind_of(value.type) is not None and not value.name.startswith(HIDDEN_STATE_PREFIX):
                known[name, value.name] = Observation(name, "is", (value.name, value.type))
    for fact in (fact for step in steps if step.error is not None for fact in step.error.observed):
        if fact.kind == "is":  # what was believed is wrong
            known.pop((fact.step, fact.names[0]), None)
    holding: dict[str, bool] = {}
    for fact in known.values():
        if fact.step not in holding:
            holding[fact.step] = same.up_to(fact.step) and not any(
                _has_other_modules(results.get(each)) for each in same.above(fact.step)
            )
        if holding[fact.step]:
            yield fact


def _has_other_modules(result: StepResult | None) -> bool:
    """Whether a module beside the notebook is another than the step had."""
    for use in result.files if result is not None else ():
        if use.mode == "read" and use.path.endswith(".py"):
            try:
                if file_digest(use.path, Path(use.path).stat()) != use.digest:
                    return True
            except OSError:
                return True
    return False


def _code(cells: Iterable[CellSource]) -> list[str]:
    return [code_digest(cell.source) for cell in cells]
