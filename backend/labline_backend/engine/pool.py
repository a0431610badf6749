"""Items of a loop in processes that each run many, one after the other, where the user asks for that.

Every item has a result, a place in the cache and attempts of its own, as if it had had a process to itself. They are
told in batches (:mod:`labline_runtime.pooling`). Where a process ends with an item, by its failure or a crash, another
goes on with the items after it; those that had ended and were not stored yet run again.
"""

from __future__ import annotations

import asyncio
import collections
import functools
import itertools
import random
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.engine.attempt import Attempt
from labline_backend.engine.loop_item import AsAWholeError, Done
from labline_backend.engine.step_process import open_log
from labline_compiler.pipeline import Step
from labline_runtime import retrying
from labline_runtime.documents import from_json
from labline_runtime.looped import AS_A_WHOLE
from labline_runtime.looping import NO_ITEM, NOW
from labline_runtime.outcome import Batch, BatchPlace, ItemRun, StepError, StepResult
from labline_runtime.specification import StepSpecification

if TYPE_CHECKING:
    from labline_backend.engine.loop import LoopRunner
    from labline_backend.engine.run import Run

SLICES = 4  # processes for each core: items that take longer than others do not leave cores idle for long


class PoolRunner:
    """Runs the items of *loop*; ``slices`` are the items that are to run, as processes are given them."""

    def __init__(self, loop: LoopRunner, run: Run, step: Step, folder: Path, tracked: dict[str, str]) -> None:
        self.done: dict[int, Done] = {}
        self.slices: list[tuple[int, ...]] = []
        self._loop = loop
        self._run = run
        self._step = step
        self._folder = folder
        self._tracked = tracked
        self._places = itertools.count()
        self._attempts: collections.Counter[int] = collections.Counter()

    async def begin(self, parallel: int | None) -> None:
        """Find out which items have ended before, and share out the others among *parallel* processes at a time."""
        left = [path for path in self._folder.glob("*") if path.name.isdigit()]
        self._places = itertools.count(max((int(path.name) for path in left), default=-1) + 1)
        for path in left:
            (await open_log(path / "log.txt")).close()  # what is left of an earlier attempt may be about to end
        await asyncio.to_thread(self._recall, left)
        missing = [number for number in range(len(self._loop.items)) if number not in self.done]
        self._loop.count(len(self.done))
        at_once = min(parallel or self._run.capacity.cores, self._run.capacity.cores)
        length = -(-len(missing) // (SLICES * at_once)) or 1
        self.slices = [tuple(missing[start : start + length]) for start in range(0, len(missing), length)]

    async def run(self, numbers: tuple[int, ...]) -> None:
        """Run items, in as many processes as it takes. Raises :class:`AsAWholeError`, :class:`ItemFailedError`."""
        while numbers:
            place = str(next(self._places))
            folder = self._folder / place
            specification = self._loop.of_items(numbers)
            process = Attempt(self._run, self._step, folder, is_told=False, begun=functools.partial(_begun, folder))
            async with self._run.share(self._step):
                _, error = await self._loop.attempt(f"pool/{place}", specification, self._tracked, 1, process)
            ended = await asyncio.to_thread(self._keep, folder)
            self._loop.count(ended)
            await self._loop.say(f"--- items {numbers[0] + 1} to {numbers[-1] + 1} ---\n", folder)
            numbers = tuple(number for number in numbers if number not in self.done)
            if error is None and not numbers:
                return
            numbers = await self._after(numbers, folder, error or StepError(message="items were left out."))

    async def _after(self, numbers: tuple[int, ...], folder: Path, error: StepError) -> tuple[int, ...]:
        """What is to be run of *numbers*, after a process has ended with one of them."""
        number, started = _now(folder)
        if error.code in AS_A_WHOLE or number not in numbers:  # it is of no single item
            raise AsAWholeError(error.message)
        self._attempts[number] += 1
        tried, label = self._attempts[number], f"item {number + 1} of {len(self._loop.items)}"
        if tried <= self._step.options.retries and retrying.is_worth_another_try(self._step.options.retry_on, error):
            await asyncio.sleep(retrying.pause(self._step.options.backoff, tried, random.random()))  # noqa: S311
            return numbers
        rest = tuple(each for each in numbers if each != number)
        if any(each < number for each in rest):  # they had ended, and were not stored
            await self.run(tuple(each for each in rest if each < number))
        self.done[number] = self._loop.failed(folder, label, error, time.time() - started)
        self._loop.count(1)
        return tuple(each for each in rest if each > number)

    def _recall(self, left: list[Path]) -> None:
        """The items that ended before the run went on, or in an earlier run."""
        for folder in left:
            try:
                found = from_json(StepSpecification, (folder / "spec.json").read_text("utf-8"))
            except (OSError, ValueError):
                continue
            process = Attempt(self._run, self._step, folder, is_told=False)
            if found.pool is not None and process.was_for(self._loop.of_items(found.pool.numbers)):
                self._keep(folder)
        for number, item in enumerate(self._loop.items):
            entry = self._loop.look_up(self._loop.key(item.digest)) if number not in self.done else None
            if entry is not None:
                run = ItemRun("cached", entry.result.started, entry.result.seconds)
                self.done[number] = Done(run, entry.result, self._run.home.step_folder(entry.run, entry.step))

    def _keep(self, folder: Path) -> int:
        """Take what a process has stored in *folder* for what it is; how many items that are."""
        ended = 0
        for file, batch in _batches(folder):
            if batch.artifact is not None:
                if not self._run.artifacts.has(batch.artifact):
                    continue
                if self._run.artifacts.is_durable:
                    self._run.artifacts.keep((batch.artifact,))
            remembered = []
            for place, item in enumerate(batch.items):
                result = StepResult(
                    state="succeeded",
                    started=item.started,
                    seconds=item.seconds,
                    artifacts=(batch.artifact,) if batch.artifact is not None else (),
                    files=batch.files,
                    pages=batch.pages,
                    variables=batch.variables,
                    outdated=batch.outdated,
                    unrepeatable=batch.unrepeatable,
                    place=BatchPlace(file, place),
                )
                ended += item.number not in self.done
                self.done[item.number] = Done(ItemRun("succeeded", item.started, item.seconds), result, folder)
                if (key := self._loop.key(self._loop.items[item.number].digest)) is not None:
                    remembered.append((key, result))
            if not any(use.mode == "write" for use in batch.files):  # which of the items did is not known
                where = f"{self._step.name}/pool/{folder.name}"
                self._run.cache.remember_items(self._run.record, where, remembered)
        return ended


def _batches(folder: Path) -> Iterator[tuple[str, Batch]]:
    """What a process has stored, in order, with the files' names."""
    found = {int(match[1]): path for path in folder.glob("batch-*.json") if (match := re.search(r"(\d+)", path.name))}
    for _, path in sorted(found.items()):
        try:
            yield path.name, from_json(Batch, path.read_text("utf-8", "surrogatepass"))
        except (OSError, ValueError):
            continue


def _now(folder: Path) -> tuple[int, float]:
    """The item that runs, or ran last, in the process of *folder*, and since when; below 0 where none does."""
    path = folder / NOW
    try:
        return int(path.read_text()), path.stat().st_mtime
    except (OSError, ValueError):
        return NO_ITEM, time.time()


def _begun(folder: Path) -> float | None:
    number, since = _now(folder)
    return time.time() if number == NO_ITEM else since
