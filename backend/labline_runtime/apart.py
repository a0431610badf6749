"""A step's loop by tasks of a pipeline: one lists the items, one runs an item, one puts all together.

What the engine does for a loop on this machine, without an engine: each task is a process, or a few one after the
other, that know of the others only by what these have left. A task of ``python -m labline_runtime SPEC`` beside the
step. Where the items cannot run apart for a reason that shows only when they run, whoever sees it leaves it as its
result's ``in_one``, and the last task runs the step as a whole: it comes to the same, and takes longer.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from labline_runtime import looped, retrying
from labline_runtime.dataclass import dataclass
from labline_runtime.documents import from_json, to_json
from labline_runtime.notebook import write_atomically
from labline_runtime.outcome import ItemRun, StepError, StepResult
from labline_runtime.specification import SCHEMA_VERSION, Item, Looped, Part, StepInput, StepSpecification, code_digest

_START = (
    "import sys; sys.path[:] = filter(None, sys.path); import runpy; "
    "runpy.run_module('labline_runtime', run_name='__main__', alter_sys=True)"
)
"""Python's own ``-m`` would look for all modules in the notebook's folder first."""

TOO_FEW = ""  # the reason to run as a whole that nobody need be told

RunStep = Callable[[StepSpecification], StepResult]


@dataclass(frozen=True)
class Left:
    """What the task of one item has left: the paths of its result and its executed notebook, and what it gathered."""

    result: str
    notebook: str
    artifact: StepInput | None = None


@dataclass(frozen=True)
class LoopSpecification:
    """One ``part`` of the loop that ``step`` is: the list of its items, one item, or the whole.

    ``listing`` is the path of the first part's result, ``item`` the number of the item to run. ``left`` has for the
    whole what the items have left, in their order.
    """

    step: StepSpecification
    part: Literal["list", "item", "whole"]
    listing: str | None = None
    item: int = 0
    left: tuple[Left, ...] = ()
    task: Literal["loop"] = "loop"
    schema: int = SCHEMA_VERSION

    @property
    def working_directory(self) -> str:
        """Where the notebook's code runs."""
        return self.step.working_directory

    @property
    def output_directory(self) -> str:
        """Where the result goes."""
        return self.step.output_directory


def run_part(spec: LoopSpecification, run_step: RunStep) -> StepResult:
    """Carry out *spec* and leave ``result.json`` as a step does; *run_step* runs one in this process, at most once."""
    loop = spec.step.loop
    if loop is None:
        raise ValueError("the step has no loop")
    task = _Task(spec, loop, run_step)
    result = {"list": task.list, "item": task.item, "whole": task.whole}[spec.part]()
    write_atomically(Path(spec.output_directory) / "result.json", to_json(result))
    return result


class _Task:
    def __init__(self, spec: LoopSpecification, loop: Looped, run_step: RunStep) -> None:
        self._spec = spec
        self._loop = loop
        self._run_step = run_step
        self._folder = Path(spec.output_directory)
        self._started, self._clock = time.time(), time.monotonic()

    # ------------------------------------------------------------------------------------------------- the three parts

    def list(self) -> StepResult:
        """Tell the items' digests, or why there are none to run apart."""
        if code_digest(self._spec.step.cells) != self._loop.code:
            return self._in_one("its cells were changed after the loop had been looked at")
        listed, error = self._process("list", self._parts.listing())
        if listed is None:  # as a whole, the loop fails of it in its place
            return self._in_one(f"its items could not be listed: {error.message}")
        return listed if len(listed.listed) > 1 else self._in_one(TOO_FEW)

    def item(self) -> StepResult:
        """Run one item."""
        listing = _read(self._spec.listing or "")
        if listing.in_one is not None:
            return self._in_one(listing.in_one)
        item = looped.items(listing.listed)[self._spec.item]
        label = f"Item {item.number + 1} of {item.count}"
        result, error = self._tried(item)
        if result is not None:
            return replace(result, items=(ItemRun("succeeded", result.started, result.seconds),))
        if error.code in looped.AS_A_WHOLE:
            return self._in_one(f"{label[0].lower()}{label[1:]}: {error.message}")
        if self._loop.tries is None:
            return replace(self._nothing, state="failed", error=replace(error, message=f"{label}: {error.message}"))
        sys.stderr.write(f"{label} failed: {error.message}\n")
        failed = ItemRun("failed", self._started, time.monotonic() - self._clock, error.message)
        return replace(self._nothing, items=(failed,), unrepeatable="an item failed")

    def whole(self) -> StepResult:
        """Put together what the items have gathered; where that cannot be, run the step."""
        listed = _read(self._spec.listing or "")
        results = [_read(left.result) for left in self._spec.left]
        joined, reason = self._joined(listed, results)
        if joined is not None:
            return joined
        if reason:
            sys.stderr.write(f"The items run one after the other, in one process: {reason}.\n")
        return replace(self._run_step(replace(self._spec.step, loop=None)), in_one=reason or None)

    # ---------------------------------------------------------------------------------------------------------- inside

    @property
    def _parts(self) -> looped.Parts:
        return looped.Parts(self._spec.step, self._loop)

    @property
    def _nothing(self) -> StepResult:
        return StepResult("succeeded", self._started, time.monotonic() - self._clock)

    def _in_one(self, reason: str) -> StepResult:
        return replace(self._nothing, in_one=reason)

    def _joined(self, listed: StepResult, results: Sequence[StepResult]) -> tuple[StepResult | None, str]:
        """What the loop comes to, or why it has to run as a whole."""
        for each in (listed, *results):
            if each.in_one is not None:
                return None, each.in_one
        succeeded = [result for result in results if result.items[0].state == "succeeded"]
        if (path := looped.clash(succeeded, Path(self._spec.working_directory))) is not None:
            return None, f"several items use {path}, which one of them writes"
        runs = [result.items[0] for result in results]
        parts = [
            Part(left.artifact if run.error is None else None, left.notebook, run.error)
            for left, run in zip(self._spec.left, runs, strict=True)
        ]
        joined, error = self._process("join", self._parts.joining(parts))
        if joined is None:
            return None, f"its items could not be put together: {error.message}"
        (self._folder / "join" / "executed.ipynb").replace(self._folder / "executed.ipynb")
        began = min((run.started for run in runs), default=self._started)
        ended = max((run.started + run.seconds for run in runs), default=began)
        cells = self._parts.own
        return looped.put_together(joined, listed, succeeded, runs, cells, began, ended - began), ""

    def _tried(self, item: Item) -> tuple[StepResult | None, StepError]:
        """Run *item*, as often as it may be tried: its result, or the last error."""
        one = self._parts.one(item)
        tries = self._loop.tries
        if tries is None:  # whoever started this task tries again
            return _ended(self._run_step(one))
        for failures in range(1, tries.retries + 2):
            result, error = self._process(f"try-{failures}", one, tries.timeout)
            if (self._folder / f"try-{failures}" / "executed.ipynb").exists():
                (self._folder / f"try-{failures}" / "executed.ipynb").replace(self._folder / "executed.ipynb")
            if result is not None or error.code in looped.AS_A_WHOLE:
                return result, error
            if failures > tries.retries or not retrying.is_worth_another_try(tries.retry_on, error):
                break
            time.sleep(retrying.pause(tries.backoff, failures, random.random()))  # noqa: S311
        return None, error

    def _process(
        self, name: str, step: StepSpecification, timeout: float | None = None
    ) -> tuple[StepResult | None, StepError]:
        """Run *step* in a process of its own, in the folder *name*: its result, or its error."""
        import subprocess

        folder = self._folder / name
        folder.mkdir(parents=True)
        (folder / "step.json").write_text(to_json(replace(step, output_directory=str(folder))), "utf-8")
        with subprocess.Popen([sys.executable, "-c", _START, str(folder / "step.json")]) as process:
            try:
                code = process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
                return None, StepError(f"It took longer than {timeout:g} s.", code="LL403")
        if not (folder / "result.json").exists():
            how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
            killed = "LL402" if code == -signal.SIGKILL else None
            return None, StepError(f"Its process {how} and left no result.", code=killed)
        return _ended(_read(str(folder / "result.json")))


def _ended(result: StepResult) -> tuple[StepResult | None, StepError]:
    error = result.error or StepError("it did not say why.")
    return (result if result.state == "succeeded" else None), error


def _read(path: str) -> StepResult:
    return from_json(StepResult, Path(path).read_text("utf-8"))
