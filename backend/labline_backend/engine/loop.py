"""A step's loop, its items each in a process of its own: listed, run, and joined to what the loop comes to.

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
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.engine.attempt import Attempt
from labline_backend.engine.cache import Lookup
from labline_compiler.passage import looped as contract
from labline_compiler.pipeline import Step
from labline_runtime import looped, retrying
from labline_runtime.specification import (
    Item,
    ItemRun,
    Part,
    StepError,
    StepInput,
    StepResult,
    StepSpecification,
)

if TYPE_CHECKING:
    from labline_backend.engine.run import Run


class AsAWholeError(Exception):
    """The loop has to run in one process, for this reason; without one where it has too few items for more."""


class ItemFailedError(Exception):
    """An item failed, and with it the step."""

    def __init__(self, error: StepError) -> None:
        super().__init__(error.message)
        self.error = error


@dataclass(frozen=True)
class _Done:
    """An item that has ended: its result; without one it failed."""

    run: ItemRun
    result: StepResult | None


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
        self._items: list[Item] = []
        self._tasks: list[asyncio.Task[_Done]] = []
        self._ended = 0

    async def run(self, tracked: dict[str, str]) -> StepResult:
        """What the loop comes to. Raises :class:`AsAWholeError`, :class:`ItemFailedError`."""
        started, clock = time.time(), time.monotonic()
        self._tell("running")
        listed = await self._list(tracked)
        if len(listed.listed) < 2:
            raise AsAWholeError
        self._items = looped.items(listed.listed)
        done = await self._run_items(tracked)
        results = [one.result for one in done if one.result is not None]
        if (path := looped.clash(results, self._run.directory)) is not None:
            raise AsAWholeError(f"several items use {path}, which one of them writes")
        joined = await self._join(done, tracked)
        self._tell("succeeded")
        runs = [one.run for one in done]
        seconds = time.monotonic() - clock
        return looped.put_together(joined, listed, results, runs, self._step.cells, started, seconds)

    # ----------------------------------------------------------------------------------------------- the three stages

    async def _list(self, tracked: dict[str, str]) -> StepResult:
        async with self._run.share(self._step):
            result, error = await self._attempt("list", self._parts.listing(), tracked, 1)
        if error is not None or result is None:  # as a whole, the loop fails of it in its place
            raise AsAWholeError(f"its items could not be listed: {error.message if error else ''}")
        return result

    async def _run_items(self, tracked: dict[str, str]) -> list[_Done]:
        """Run all items; the first in the loop's order to fail ends those after it, as in the notebook."""
        at_once = asyncio.Semaphore(self._asked.parallel or len(self._items))
        self._tasks = [
            asyncio.create_task(self._run_item(number, at_once, tracked)) for number in range(len(self._items))
        ]
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        left = set(range(len(self._items)))

        def note(number: int, task: asyncio.Task[_Done]) -> None:
            left.discard(number)
            error = None if task.cancelled() else task.exception()
            if error is not None:
                for other in self._tasks[number + 1 :]:
                    other.cancel()
            if not over.done() and error is not None and not isinstance(error, ItemFailedError):
                over.set_exception(error)
            elif not over.done() and not left:
                over.set_result(None)

        for number, task in enumerate(self._tasks):
            task.add_done_callback(functools.partial(note, number))
        try:
            await over
            return [task.result() for task in self._tasks]
        finally:
            while going := [task for task in self._tasks if not task.done()]:  # however often this is cancelled
                for task in going:
                    task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait(going)

    async def _run_item(self, number: int, at_once: asyncio.Semaphore, tracked: dict[str, str]) -> _Done:
        async with at_once:
            done = await self._drive_item(number, tracked)
            self._ended += 1
            self._tell("running", (self._ended, len(self._items)))
            return done

    async def _drive_item(self, number: int, tracked: dict[str, str]) -> _Done:
        label = f"item {number + 1} of {len(self._items)}"
        key = self._key(self._items[number].digest)
        known = await self._known(number, label, key)
        if known is not None:
            return known
        started, clock = time.time(), time.monotonic()
        result, error = await self._try(number, tracked)
        if result is not None and error is None:
            await asyncio.to_thread(self._remember, number, key, result)
            await self._say(f"--- {label} ---\n", self._item_folder(number))
            return _Done(ItemRun("succeeded", result.started, result.seconds), result)
        error = error or StepError(message="it did not say why.")
        if error.code in looped.AS_A_WHOLE:
            raise AsAWholeError(f"{label}: {error.message}")
        await self._say(f"--- {label} failed ---\n", self._item_folder(number))
        self._fail(number, label, error)
        return _Done(ItemRun("failed", started, time.monotonic() - clock, error.message), None)

    async def _known(self, number: int, label: str, key: Lookup | None) -> _Done | None:
        """The item as it ended before the run went on, or in an earlier run."""
        folder = self._item_folder(number)
        process = Attempt(self._run, self._step, folder, is_told=False)
        left = await process.left()
        if left is not None and process.was_for(self._of_item(number)):
            return _Done(ItemRun("succeeded", left.started, left.seconds), left)
        if key is None:
            return None
        cache = self._run.cache
        entry = await asyncio.to_thread(cache.look_up_item, self._run.record, self._step, key)
        if entry is None or not await asyncio.to_thread(self._run.artifacts.use, entry.result.artifacts):
            return None
        await asyncio.to_thread(cache.lay_out, entry.run, entry.step, folder)
        await self._say(f"--- {label}: as in the run {entry.run} ---\n")
        return _Done(ItemRun("cached", entry.result.started, entry.result.seconds), entry.result)

    async def _try(self, number: int, tracked: dict[str, str]) -> tuple[StepResult | None, StepError | None]:
        """Run the item, as often as its step is to be tried: how the last attempt ended."""
        attempts = itertools.count(1)
        while True:
            attempt = next(attempts)
            async with self._run.share(self._step):
                result, error = await self._attempt(f"items/{number}", self._of_item(number), tracked, attempt)
            is_useful = attempt <= self._step.options.retries and (error is None or error.code not in looped.AS_A_WHOLE)
            if (result is not None and error is None) or not is_useful:
                return result, error
            if not retrying.is_worth_another_try(self._step.options.retry_on, error):
                return result, error
            await asyncio.sleep(retrying.pause(self._step.options.backoff, attempt, random.random()))  # noqa: S311

    async def _join(self, done: Sequence[_Done], tracked: dict[str, str]) -> StepResult:
        parts = []
        for number, one in enumerate(done):
            artifact = None
            for record in one.result.artifacts if one.result is not None else ():
                if self._run.artifacts.is_durable:
                    await asyncio.to_thread(self._run.artifacts.fetch, record)
                path = str(self._run.artifacts.path(record.digest))
                artifact = StepInput(record.names, self._step.name, path, record.digest)
            parts.append(Part(artifact, str(self._item_folder(number) / "executed.ipynb"), one.run.error))
        async with self._run.share(self._step):
            result, error = await self._attempt("join", self._parts.joining(parts), tracked, 1)
        if error is not None or result is None:
            raise AsAWholeError(f"its items could not be put together: {error.message if error else ''}")
        (self._folder / "join" / "executed.ipynb").replace(self._folder / "executed.ipynb")
        return result

    # ------------------------------------------------------------------------------------------------------- one item

    def _of_item(self, number: int) -> StepSpecification:
        return self._parts.one(self._items[number])

    async def _attempt(
        self, place: str, specification: StepSpecification, tracked: dict[str, str], number: int
    ) -> tuple[StepResult | None, StepError | None]:
        folder = self._folder / place
        process = Attempt(self._run, self._step, folder, is_told=False)
        return await process.run(replace(specification, output_directory=str(folder)), tracked, number)

    def _fail(self, number: int, label: str, error: StepError) -> None:
        """Raise :class:`ItemFailedError` unless the user has allowed for it."""
        if self._asked.allow_failures:
            return
        with contextlib.suppress(OSError):
            (self._item_folder(number) / "executed.ipynb").replace(self._folder / "executed.ipynb")
        self._tell("failed")
        raise ItemFailedError(replace(error, message=f"{label.capitalize()}: {error.message}"))

    def _item_folder(self, number: int) -> Path:
        return self._folder / "items" / str(number)

    def _key(self, digest: str) -> Lookup | None:
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

    async def _say(self, line: str, folder: Path | None = None) -> None:
        """Add to the step's log *line* and what an item has written into its own."""
        with (self._folder / "log.txt").open("ab") as log:
            log.write(line.encode())
            if folder is not None:
                with contextlib.suppress(OSError):
                    log.write((folder / "log.txt").read_bytes())
