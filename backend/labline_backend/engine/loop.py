"""A step's loop, its items apart from each other: listed, run, and joined to what the loop comes to.

Each item has a process of its own, or shares one with others (:mod:`labline_backend.engine.pool`).

Whatever an item does that makes the outcome another than the notebook's ends this, and the step runs as a whole: a loop
run apart is never more than a quicker way to the same result.

An item that has ended is in the cache, or in its folder, before the next one starts: a run that goes on repeats none.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import itertools
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from labline_backend.engine import leftovers
from labline_backend.engine.attempt import Attempt
from labline_backend.engine.cache import Lookup
from labline_backend.engine.loop_item import AsAWholeError, Done, ItemFailedError
from labline_backend.engine.pool import PoolRunner
from labline_backend.store.cache import CacheEntry
from labline_compiler.passage import looped as contract
from labline_compiler.pipeline import Step
from labline_runtime import looped, retrying
from labline_runtime.outcome import ItemRun, StepError, StepResult
from labline_runtime.specification import Item, Part, StepSpecification

if TYPE_CHECKING:
    from labline_backend.engine.run import Run


T = TypeVar("T")

UNTOLD = StepError(message="it did not say why.")


class LoopRunner:
    """Runs the loop of one step of one run, once."""

    def __init__(self, run: Run, step: Step, folder: Path, specification: StepSpecification, lookup: Lookup) -> None:
        assert step.loop is not None and step.options.foreach is not None  # noqa: S101 - the caller has looked
        self._run = run
        self._step = step
        self._asked = step.options.foreach
        self._folder = folder
        self._lookup = lookup
        self._parts = looped.Parts(specification, contract(step, specification.cells))
        self.items: list[Item] = []
        self._ended = 0
        self._written: dict[str, set[str]] = {}  # files that parts of the loop have written, by their folders

    async def run(self, tracked: dict[str, str]) -> StepResult:
        """What the loop comes to. Raises :class:`AsAWholeError`, :class:`ItemFailedError`."""
        started, clock = time.time(), time.monotonic()
        self._tell("running")
        listed = await self._list(tracked)
        if len(listed.listed) < 2:
            raise AsAWholeError
        self.items = looped.items(listed.listed)
        done = await self._run_items(tracked)
        results = [one.result for one in done if one.result is not None]
        owners = [one.folder for one in done if one.result is not None]
        if (path := looped.clash(results, self._run.directory, owners)) is not None:
            raise AsAWholeError(f"several items use {path}, which one of them writes")
        joined = await self._join(done, tracked)
        self._tell("succeeded")
        runs = [one.run for one in done]
        seconds = time.monotonic() - clock
        return looped.put_together(joined, listed, results, runs, self._step.cells, started, seconds)

    # ----------------------------------------------------------------------------------------------- the three stages

    async def _list(self, tracked: dict[str, str]) -> StepResult:
        async with self._run.share(self._step):
            result, error = await self.attempt("list", self._parts.listing(), tracked, 1)
        if error is not None or result is None:  # as a whole, the loop fails of it in its place
            raise AsAWholeError(f"its items could not be listed: {error.message if error else ''}")
        return result

    async def _run_items(self, tracked: dict[str, str]) -> list[Done]:
        """Run all items, each by itself or some after the other."""
        if self._asked.pool:
            pool = PoolRunner(self, self._run, self._step, self._folder / "pool", tracked)
            await pool.begin(self._asked.parallel)
            await self._run_all([functools.partial(pool.run, numbers) for numbers in pool.slices])
            return [pool.done[number] for number in range(len(self.items))]
        return await self._run_all(
            [functools.partial(self._run_item, number, tracked) for number in range(len(self.items))]
        )

    async def _run_all(self, jobs: Sequence[Callable[[], Awaitable[T]]]) -> list[T]:
        """Do all *jobs*; the first in the loop's order to fail ends those after it, as in the notebook."""
        at_once = asyncio.Semaphore(self._asked.parallel or len(jobs) or 1)

        async def do(job: Callable[[], Awaitable[T]]) -> T:
            async with at_once:
                return await job()

        tasks = [asyncio.create_task(do(job)) for job in jobs]
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = set(range(len(tasks)))
        if not tasks:
            return []

        def note(number: int, task: asyncio.Task[T]) -> None:
            left.discard(number)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                for other in tasks[number + 1 :]:
                    other.cancel()
            if not over.done() and error is not None and not isinstance(error, ItemFailedError):
                over.set_exception(error)
            elif not over.done() and not left:
                over.set_result(None)

        for number, task in enumerate(tasks):
            task.add_done_callback(functools.partial(note, number))
        try:
            await over
            return [task.result() for task in tasks]
        finally:
            while going := [task for task in tasks if not task.done()]:  # however often this is cancelled
                for task in going:
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait(going)

    async def _run_item(self, number: int, tracked: dict[str, str]) -> Done:
        done = await self._drive_item(number, tracked)
        self.count(1)
        return done

    def count(self, ended: int) -> None:
        """Tell that more items have *ended*."""
        self._ended += ended
        self._tell("running", (self._ended, len(self.items)))

    async def _drive_item(self, number: int, tracked: dict[str, str]) -> Done:
        label = f"item {number + 1} of {len(self.items)}"
        key = self.key(self.items[number].digest)
        known = await self._known(number, label, key)
        if known is not None:
            return known
        clock = time.monotonic()
        result, error = await self._try(number, tracked)
        if result is not None and error is None:
            await asyncio.to_thread(self._remember, number, key, result)
            await self.say(f"--- {label} ---\n", self._item_folder(number))
            return Done(ItemRun("succeeded", result.started, result.seconds), result, self._item_folder(number))
        error = error or UNTOLD
        if error.code in looped.AS_A_WHOLE:
            raise AsAWholeError(f"{label}: {error.message}")
        await self.say(f"--- {label} failed ---\n", self._item_folder(number))
        return self.failed(self._item_folder(number), label, error, time.monotonic() - clock)

    async def _known(self, number: int, label: str, key: Lookup | None) -> Done | None:
        """The item as it ended before the run went on, or in an earlier run."""
        folder = self._item_folder(number)
        process = Attempt(self._run, self._step, folder, is_told=False)
        left = await process.left()
        if left is not None and process.was_for(self._of_item(number)):
            return Done(ItemRun("succeeded", left.started, left.seconds), left, folder)
        entry = await asyncio.to_thread(self.look_up, key)
        if entry is None:
            return None
        await self.say(f"--- {label}: as in the run {entry.run} ---\n")
        if entry.result.place is not None:
            folder = self._run.home.step_folder(entry.run, entry.step)
        else:
            await asyncio.to_thread(self._run.cache.lay_out, entry.run, entry.step, folder)
        return Done(ItemRun("cached", entry.result.started, entry.result.seconds), entry.result, folder)

    def look_up(self, key: Lookup | None) -> CacheEntry | None:
        """The item as an earlier run has it, whose values are still there and stay."""
        variables = self._run.variables
        entry = self._run.cache.look_up_item(self._run.record, self._step, key, variables) if key is not None else None
        return entry if entry is not None and self._run.artifacts.use(entry.result.artifacts) else None

    async def _try(self, number: int, tracked: dict[str, str]) -> tuple[StepResult | None, StepError | None]:
        """Run the item, as often as its step is to be tried: how the last attempt ended."""
        attempts = itertools.count(1)
        while True:
            attempt = next(attempts)
            async with self._run.share(self._step):
                result, error = await self.attempt(f"items/{number}", self._of_item(number), tracked, attempt)
            is_useful = attempt <= self._step.options.retries and (error is None or error.code not in looped.AS_A_WHOLE)
            if (result is not None and error is None) or not is_useful:
                return result, error
            if not retrying.is_worth_another_try(self._step.options.retry_on, error):
                return result, error
            await asyncio.sleep(retrying.pause(self._step.options.backoff, attempt, random.random()))  # noqa: S311

    async def _join(self, done: Sequence[Done], tracked: dict[str, str]) -> StepResult:
        def parts() -> list[Part]:
            return [one.part(self._step.name, self._run.artifacts) for one in done]

        specification = self._parts.joining(await asyncio.to_thread(parts))
        async with self._run.share(self._step):
            result, error = await self.attempt("join", specification, tracked, 1)
        if error is not None or result is None:
            raise AsAWholeError(f"its items could not be put together: {error.message if error else ''}")
        (self._folder / "join" / "executed.ipynb").replace(self._folder / "executed.ipynb")
        return result

    # ------------------------------------------------------------------------------------------------------- one item

    def _of_item(self, number: int) -> StepSpecification:
        return self._parts.one(self.items[number])

    def of_items(self, numbers: tuple[int, ...]) -> StepSpecification:
        """What a process does that runs several items."""
        assert self._step.loop is not None  # noqa: S101 - the maker of this has looked
        return self._parts.several(numbers, self.items, self._step.loop.gathers)

    async def attempt(
        self,
        place: str,
        specification: StepSpecification,
        tracked: dict[str, str],
        number: int,
        process: Attempt | None = None,
    ) -> tuple[StepResult | None, StepError | None]:
        """Run a part of the loop in the folder *place*, for the *number*-th time."""
        folder = self._folder / place
        process = process or Attempt(self._run, self._step, folder, is_told=False)
        written = self._written.setdefault(place, set())
        specification = replace(specification, output_directory=str(folder), left=tuple(sorted(written)))
        result, error = await process.run(specification, tracked, number)
        written |= leftovers.written(result)
        return result, error

    @property
    def written(self) -> set[str]:
        """The files that parts of the loop have written, as far as they have said so."""
        return set().union(*self._written.values())

    def failed(self, folder: Path, label: str, error: StepError, seconds: float) -> Done:
        """An item that has failed, in *folder*; raises :class:`ItemFailedError` unless the user has allowed for it."""
        if self._asked.allow_failures:
            return Done(ItemRun("failed", time.time() - seconds, seconds, error.message), None, folder)
        with contextlib.suppress(OSError):
            (folder / "executed.ipynb").replace(self._folder / "executed.ipynb")
        self._tell("failed")
        raise ItemFailedError(replace(error, message=f"{label.capitalize()}: {error.message}"))

    def _item_folder(self, number: int) -> Path:
        return self._folder / "items" / str(number)

    def key(self, digest: str) -> Lookup | None:
        """What an item with this *digest* is found by; None where it cannot be used again."""
        if self._lookup.key is None or not digest:
            return None
        results = {name: found for name in self._step.predecessors if (found := self._run.steps[name].result)}
        return self._run.cache.of_item(self._lookup, self._step, results, digest)

    def _remember(self, number: int, key: Lookup | None, result: StepResult) -> None:
        if self._run.artifacts.is_durable:
            self._run.artifacts.keep(result.artifacts)
        if key is not None:
            self._run.cache.remember_item(self._run.record, f"{self._step.name}/items/{number}", key, result)

    def _tell(self, state: str, items: tuple[int, int] | None = None) -> None:
        """Tell the run's watchers how the step's cells fare, and how many of the *items* have ended."""
        name = self._step.name
        for cell in self._step.cells if items is None else [self._parts.cell]:
            self._run.store.add_cell_event(self._run.record.id, name, cell.index, cell.open_id, state, items)

    async def say(self, line: str, folder: Path | None = None) -> None:
        """Add to the step's log *line* and what an item has written into its own."""
        with (self._folder / "log.txt").open("ab") as log:
            log.write(line.encode())
            if folder is not None:
                with contextlib.suppress(OSError):
                    log.write((folder / "log.txt").read_bytes())
