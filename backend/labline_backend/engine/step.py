"""One step's life: cache, launch, progress, result, retries.

Every transition is in the store before it is acted on.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.engine import failures, file_order, local_options, retrying
from labline_backend.engine.cache import Lookup
from labline_backend.engine.cachekey import kept
from labline_backend.engine.launcher import Exit, StepProcess, environment, open_log
from labline_backend.engine.tracking import trains
from labline_backend.store.artifacts import DAMAGED, ArtifactStoreError
from labline_backend.store.encoding import dump
from labline_backend.store.records import StepState
from labline_compiler.passage import Passage
from labline_compiler.pipeline import Step
from labline_runtime import post_mortem
from labline_runtime.specification import (
    ArtifactRecord,
    CellSource,
    Progress,
    StepError,
    StepInput,
    StepResult,
    StepSpecification,
    from_json,
)

if TYPE_CHECKING:
    from labline_backend.engine.run import Run


class StepRunner:
    """Runs one step of one run, once."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step
        self._folder = run.home.step_folder(run.record.id, step.name)
        self._cell: CellSource | None = None  # the one that runs, for a process that dies without a word
        self._has_stayed = False

    async def run(self) -> StepState:
        """From the cache or by a process: the state that the step ends in. Raises ``HomeError``."""
        try:
            finished = await self._finished_before()
            lookup = await self._look_up()
            if finished is not None:
                self._run.set_step(self._step.name, started=finished.started)
                result, error = self._compared(finished)
                return await self._succeed(result, lookup) if error is None else self._end("failed", result, error)
            if lookup.hit is not None:
                if await asyncio.to_thread(self._run.artifacts.use, lookup.hit.result.artifacts):
                    return await self._take(lookup)
                lookup = replace(lookup, hit=None, note="changed: the stored values have just been pruned")
            return await self._execute(lookup)
        except ArtifactStoreError as error:
            return self._end("failed", error=failures.of_store(error))
        except OSError as error:
            return self._end("failed", error=failures.of_system(error, self._run.home))

    async def _look_up(self) -> Lookup:
        run = self._run
        if run.workspace is not None:
            return Lookup(None, {}, None, "not cached: to be verified, it runs in a copy of the notebook's folder")
        results = {source: result for source in self._step.predecessors if (result := run.steps[source].result)}
        return await asyncio.to_thread(run.cache.look_up, run.record, self._step, run.kernel, results)

    async def _take(self, lookup: Lookup) -> StepState:
        entry = lookup.hit
        assert entry is not None  # noqa: S101 - the caller has looked
        await self._keep(entry.result)
        await asyncio.to_thread(self._run.cache.lay_out, entry.run, entry.step, self._folder)
        now = time.time()
        self._run.set_step(
            self._step.name,
            state="cached",
            started=now,
            ended=now,
            cache_key=lookup.key,
            cache_note=lookup.note,
            cached_from=entry.run,
            error=None,
            result=entry.result,
        )
        self._run.tracking.end_step(self._run.steps[self._step.name], self._folder)
        return "cached"

    async def _execute(self, lookup: Lookup) -> StepState:
        first = self._run.steps[self._step.name].attempt + 1  # not 1 where a run is resumed
        last = first + self._step.options.retries
        for attempt in range(first, last + 1):
            async with self._run.share(self._step):
                result, error = await self._try(attempt, lookup, is_last=attempt == last)
                if error is None and result is not None:
                    return await self._succeed(result, lookup)
            if attempt == last or not retrying.is_worth_another_try(self._step.options, error):
                return self._end("failed", result=result, error=error)
            tried = replace(self._run.steps[self._step.name], state="failed", ended=time.time(), error=error)
            self._run.tracking.end_step(tried, self._folder)
            if wait := retrying.pause(self._step.options, attempt - first + 1, random.random()):  # noqa: S311
                self._run.set_step(self._step.name, state="pending", error=error)
                await asyncio.sleep(wait)
        raise AssertionError("a step has at least one attempt")

    async def _try(self, attempt: int, lookup: Lookup, *, is_last: bool) -> tuple[StepResult | None, StepError | None]:
        """One attempt: its result, or why there is none that can be used."""
        self._run.set_step(
            self._step.name,
            state="running",
            attempt=attempt,
            started=time.time(),
            ended=None,
            result=None,
            error=None,
            cache_key=lookup.key,
            cache_note=lookup.note,
        )
        result, error = await self._attempt(attempt, is_last=is_last)
        return self._compared(result) if error is None and result is not None else (result, error)

    def _compared(self, result: StepResult) -> tuple[StepResult, StepError | None]:
        """Hold the files that the step used against those of the steps that ran beside it."""
        name = self._step.name
        self._run.ran[name] = result  # at once: of two that end together one must see the other
        found = file_order.look(self._run.record.pipeline, name, self._run.ran, self._run.directory)
        if found.error is not None:  # what was computed from the wrong file is no result for a run that goes on
            (self._folder / "result.json").unlink(missing_ok=True)
        return replace(result, observed=found.facts), found.error and _advised(found.error)

    async def _succeed(self, result: StepResult, lookup: Lookup) -> StepState:
        # Remembered first: where the artifact store fails, the next run need not compute the values again.
        # What was seen of other steps is of this run alone.
        own = replace(result, observed=())
        await asyncio.to_thread(self._run.cache.remember, self._run.record, self._step, lookup, own)
        await self._keep(result)
        return self._end("succeeded", result=result)

    async def _keep(self, result: StepResult) -> None:
        """Have the result's values in the durable store, where there is one."""
        if self._run.artifacts.is_durable:  # else changing threads would cost more than all the rest
            await asyncio.to_thread(self._run.artifacts.keep, result.artifacts)

    async def _finished_before(self) -> StepResult | None:
        """The result of an attempt that ended well when there was no engine any more to write that down."""
        if not self._run.steps[self._step.name].attempt or not self._folder.exists():
            return None
        (await open_log(self._folder / "log.txt")).close()  # what is left of that attempt may be about to end well
        self._tidy()
        result, _ = self._result()
        if result is None or result.state != "succeeded" or not self._is_of_this_step():
            return None
        # Off the loop: whether the values are still there may be asked of a store far away.
        there = [await asyncio.to_thread(self._run.artifacts.has, artifact) for artifact in result.artifacts]
        return result if all(there) else None

    def _is_of_this_step(self) -> bool:
        """Whether what lies in the step's folder is of the step as it is now: its run may have been patched since."""
        try:
            found = from_json(StepSpecification, (self._folder / "spec.json").read_text("utf-8"))
        except (OSError, ValueError):
            return False
        now = self._specification()
        return all(getattr(found, name) == getattr(now, name) for name in ("cells", "parameters", "inputs", "outputs"))

    async def _attempt(self, attempt: int, *, is_last: bool) -> tuple[StepResult | None, StepError | None]:
        tracked = await self._run.tracking.begin_step(self._step)
        self._cell = None
        self._has_stayed = False
        if self._run.artifacts.is_durable:
            await asyncio.to_thread(self._fetch)
        post_mortem.release(self._folder)  # it may hold the log
        specification = self._prepare(attempt, stays=is_last and self._stays)
        with await open_log(self._folder / "log.txt") as log:
            if attempt > 1:
                log.write(f"\n--- attempt {attempt} ---\n".encode())
            process = self._run.launcher.launch(
                self._run.kernel,
                specification,
                self._run.directory,
                log,
                environment(self._run.kernel, tracked),
                local_options.memory_limit(self._step),
                self._run.imports,
                more=any(step.state == "pending" for step in self._run.steps.values()),
            )
        try:
            ended, in_time = await self._watch(process)
        finally:
            if not (self._folder / "result.json").exists():  # the last that a step writes
                self._tidy()
        if not in_time:
            return None, failures.of_time(self._step.name, self._step.options.timeout or 0, self._cell)
        result, error = self._outcome(ended)
        if error is not None and error.code == DAMAGED:
            for artifact in self._taken():
                await asyncio.to_thread(self._run.artifacts.discard_damaged, artifact)
        return result, error

    def _tidy(self) -> None:
        """Take away what a process that was killed had begun to write."""
        with contextlib.suppress(OSError):
            for left in self._folder.glob(".*"):
                shutil.rmtree(left) if left.is_dir() else left.unlink()
            self._run.artifacts.sweep()

    def _taken(self) -> Iterator[ArtifactRecord]:
        """The artifacts that hold the step's inputs."""
        for taken in self._step.inputs:
            made = self._run.steps[taken.source].result
            for artifact in made.artifacts if made is not None else ():
                if set(artifact.names) & set(taken.names):
                    yield artifact

    def _fetch(self) -> None:
        """Have what the step takes here. Raises ``ArtifactStoreError``."""
        for artifact in self._taken():
            self._run.artifacts.fetch(artifact)

    @property
    def _stays(self) -> bool:
        return self._step.options.post_mortem or self._run.record.control.post_mortem

    def _prepare(self, attempt: int, *, stays: bool) -> Path:
        """The step's folder with nothing in it of an earlier attempt that could be taken for this one's."""
        self._folder.mkdir(parents=True, exist_ok=True)
        # At first the log goes too: it may be a link to that of the run whose result was about to be used.
        for name in ("result.json", "executed.ipynb", "log.txt")[: 3 if attempt == 1 else 2]:
            (self._folder / name).unlink(missing_ok=True)
        path = self._folder / "spec.json"
        path.write_text(dump(replace(self._specification(), post_mortem=stays)), "utf-8")
        return path

    def _specification(self) -> StepSpecification:
        run, step = self._run.record, self._step
        passage = Passage(run.pipeline, step.name)
        return StepSpecification(
            run=run.id,
            pipeline=run.pipeline.name,
            step=step.name,
            notebook=run.pipeline.notebook,
            working_directory=str(self._run.directory),
            artifacts_directory=str(self._run.home.artifacts),
            output_directory=str(self._folder),
            cells=(*run.pipeline.preamble, *step.cells),
            parameters={name: run.parameters[name] for name in step.parameters} | self._run.outcome(step),
            inputs=self._inputs(),
            outputs=step.outputs,
            metadata=run.pipeline.metadata,
            autolog=self._run.tracking.active and trains(step),
            passing=passage.passing,
            unawaited=passage.unawaited,
            pauses=passage.pauses,
            types=run.pipeline.types(step.name),
            kept=kept(step, {source: state.result for source, state in self._run.steps.items() if state.result}),
            derive_random=run.pipeline.parallel_random,
            definitions=run.pipeline.definitions(step.name),
        )

    def _inputs(self) -> tuple[StepInput, ...]:
        inputs = []
        for taken in self._step.inputs:
            made = self._run.steps[taken.source].result
            for artifact in made.artifacts if made is not None else ():
                names = tuple(name for name in artifact.names if name in taken.names)
                if names:
                    unaltered = tuple(name for name in names if name in taken.unaltered)
                    path = str(self._run.artifacts.path(artifact.digest))
                    inputs.append(StepInput(names, taken.source, path, artifact.digest, unaltered))
        return tuple(inputs)

    async def _watch(self, process: StepProcess) -> tuple[Exit, bool]:
        """Wait for the process; whether it ended in its time. A cancelled wait kills it first."""
        follower = asyncio.create_task(self._follow(process))
        waiter = asyncio.create_task(process.wait())
        try:
            await asyncio.wait({waiter}, timeout=self._step.options.timeout)
            in_time = waiter.done()
            if not in_time:
                process.kill()
            return await asyncio.shield(waiter), in_time
        finally:
            process.kill()
            while not waiter.done():  # whoever cancels, and however often: no process is left behind
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait({waiter})
            await follower

    async def _follow(self, process: StepProcess) -> None:
        async for line in process.progress():
            try:
                told = from_json(Progress, line.decode())
            except ValueError:
                continue  # a stray write of the user's code to the descriptor
            if told.event == "stays":
                self._has_stayed = True
                process.let_stay()
                continue
            cells = (*self._run.record.pipeline.preamble, *self._step.cells)
            cell = next((c for c in cells if c.index == told.index), None)
            self._cell = cell if told.event == "cell_started" else None
            open_id = cell.open_id if cell is not None else told.id
            try:
                self._run.store.add_cell_event(self._run.record.id, self._step.name, told.index, open_id, told.state)
            except Exception:
                process.kill()
                raise

    def _outcome(self, ended: Exit) -> tuple[StepResult | None, StepError | None]:
        result, damaged = self._result()
        if result is not None and result.state == "succeeded":
            return result, None
        if result is not None and result.error is not None:
            error = result.error
            if error.ename == "OSError" and "[Errno 28]" in (error.evalue or ""):
                error = replace(error, code=error.code or failures.FULL, hint=error.hint or failures.NO_SPACE)
            if self._has_stayed:
                return result, replace(error, hint=failures.stayed(self._run.record.id, self._step.name))
            return result, _advised(error)
        if not self._folder.is_dir():
            return None, failures.of_lost_folder(self._folder)
        if _is_exhausted(self._run.home.root):
            return None, failures.of_full_disk(self._run.home)
        if ended.over:
            return None, failures.of_memory(self._step, ended.over, self._cell)
        return None, failures.of_exit(ended, self._cell, damaged=damaged, last_words=self._last_words())

    def _result(self) -> tuple[StepResult | None, bool]:
        """What the step left behind, or ``None`` and whether there is something that cannot be read."""
        try:
            return from_json(StepResult, (self._folder / "result.json").read_text("utf-8", "surrogatepass")), False
        except FileNotFoundError:
            return None, False
        except ValueError:
            return None, True

    def _last_words(self) -> str:
        with (self._folder / "log.txt").open("rb") as log:
            log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
            lines = log.read().decode("utf-8", "replace").strip().splitlines()
        return lines[-1] if lines else ""

    def _end(self, state: StepState, result: StepResult | None = None, error: StepError | None = None) -> StepState:
        self._run.set_step(self._step.name, state=state, ended=time.time(), result=result, error=error)
        self._run.tracking.end_step(self._run.steps[self._step.name], self._folder)
        return state


def _advised(error: StepError) -> StepError:
    """The error of a guard with the easiest way on."""
    return replace(error, hint=f"{failures.RUN_AGAIN} {error.hint or ''}".rstrip()) if error.observed else error


def _is_exhausted(folder: Path) -> bool:
    try:
        found = os.statvfs(folder)
    except OSError:
        return False
    return found.f_bavail * found.f_frsize < 1 << 16 or (found.f_files > 0 and found.f_favail == 0)
