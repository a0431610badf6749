"""One step's life: cache, launch, progress, result, retries.

Every transition is in the store before it is acted on.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from labline_backend.engine import failures, file_order, leftovers
from labline_backend.engine.attempt import Attempt, advised
from labline_backend.engine.cache import Lookup
from labline_backend.engine.cachekey import kept
from labline_backend.engine.loop import LoopRunner
from labline_backend.engine.loop_item import AsAWholeError, ItemFailedError
from labline_backend.engine.tracking import trains
from labline_backend.store.artifacts import DAMAGED, ArtifactStoreError
from labline_backend.store.encoding import dump
from labline_backend.store.records import StepState
from labline_compiler.importing import imported_elsewhere
from labline_compiler.passage import Passage
from labline_compiler.pipeline import Input, Step
from labline_runtime import retrying
from labline_runtime.notebook import write_atomically
from labline_runtime.outcome import ArtifactRecord, StepError, StepResult
from labline_runtime.specification import FAST_HASH, HIDDEN_STATE_PREFIX, StepInput, StepSpecification

if TYPE_CHECKING:
    from labline_backend.engine.run import Run


class StepRunner:
    """Runs one step of one run, once."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step
        self._folder = run.home.step_folder(run.record.id, step.name)
        self._process = Attempt(run, step, self._folder)
        self._written: set[str] = set()  # files, by earlier executions of the step in this run

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
        return await asyncio.to_thread(
            run.cache.look_up, run.record, self._step, run.kernel, results, variables=run.variables
        )

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
        in_one: str | None = None
        self._written |= leftovers.before(self._run.home, self._run.record.id, self._step)
        if self._step.loop is not None:
            try:
                return await self._run_loop(first, lookup)
            except AsAWholeError as reason:
                in_one = str(reason) or None
        last = first + self._step.options.retries
        for attempt in range(first, last + 1):
            async with self._run.share(self._step):
                result, error = await self._try(attempt, lookup, is_last=attempt == last)
                if error is None and result is not None and in_one is not None and result.remains:
                    error = leftovers.of_items(self._step, in_one, result, self._run.directory)
                    (self._folder / "result.json").unlink(missing_ok=True)
                if error is None and result is not None:
                    return await self._succeed(replace(result, in_one=in_one), lookup)
            if attempt == last or not retrying.is_worth_another_try(self._step.options.retry_on, error):
                return self._end("failed", result=result, error=error)
            tried = replace(self._run.steps[self._step.name], state="failed", ended=time.time(), error=error)
            self._run.tracking.end_step(tried, self._folder)
            if wait := retrying.pause(self._step.options.backoff, attempt - first + 1, random.random()):  # noqa: S311
                self._run.set_step(self._step.name, state="pending", error=error)
                await asyncio.sleep(wait)
        raise AssertionError("a step has at least one attempt")

    async def _run_loop(self, attempt: int, lookup: Lookup) -> StepState:
        """Run the items of the step's loop in processes of their own. Raises :class:`AsAWholeError`."""
        self._begin(attempt, lookup)
        tracked = await self._run.tracking.begin_step(self._step)
        if self._run.artifacts.is_durable:
            await asyncio.to_thread(self._fetch)
        specification = self._specification()
        self._process.prepare(specification, attempt)
        loop = LoopRunner(self._run, self._step, self._folder, specification, lookup)
        try:
            result = await loop.run(tracked)
        except AsAWholeError:
            self._written |= loop.written
            raise
        except ItemFailedError as failed:
            return self._end("failed", error=advised(failed.error))
        write_atomically(self._folder / "result.json", dump(result))
        result, wrong = self._compared(result)
        return await self._succeed(result, lookup) if wrong is None else self._end("failed", result, wrong)

    async def _try(self, attempt: int, lookup: Lookup, *, is_last: bool) -> tuple[StepResult | None, StepError | None]:
        """One attempt: its result, or why there is none that can be used."""
        self._begin(attempt, lookup)
        result, error = await self._attempt(attempt, is_last=is_last)
        return self._compared(result) if error is None and result is not None else (result, error)

    def _begin(self, attempt: int, lookup: Lookup) -> None:
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

    def _compared(self, result: StepResult) -> tuple[StepResult, StepError | None]:
        """Hold the files that the step used against those of the steps that ran beside it."""
        name = self._step.name
        self._run.ran[name] = result  # at once: of two that end together one must see the other
        found = file_order.look(self._run.record.pipeline, name, self._run.ran, self._run.directory)
        if found.error is not None:  # what was computed from the wrong file is no result for a run that goes on
            (self._folder / "result.json").unlink(missing_ok=True)
        return replace(result, observed=found.facts), found.error and advised(found.error)

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
        if not self._run.steps[self._step.name].attempt:
            return None
        result = await self._process.left()
        return result if result is not None and self._process.was_for(self._specification()) else None

    async def _attempt(self, attempt: int, *, is_last: bool) -> tuple[StepResult | None, StepError | None]:
        tracked = await self._run.tracking.begin_step(self._step)
        if self._run.artifacts.is_durable:
            await asyncio.to_thread(self._fetch)
        result, error = await self._process.run(
            replace(self._specification(), post_mortem=is_last and self._stays), tracked, attempt
        )
        self._written |= leftovers.written(result)
        if error is not None and error.code == DAMAGED:
            for artifact in self._taken():
                await asyncio.to_thread(self._run.artifacts.discard_damaged, artifact)
        return result, error

    def _taken(self) -> Iterator[ArtifactRecord]:
        """The artifacts that hold the step's inputs."""
        for taken in self._sources():
            for artifact in self._artifacts(taken.source):
                if set(artifact.names) & set(taken.names):
                    yield artifact

    def _artifacts(self, step: str) -> tuple[ArtifactRecord, ...]:
        made = self._run.steps[step].result
        return made.artifacts if made is not None else ()

    def _sources(self) -> Iterator[Input]:
        """What the step takes. Hidden state that a step which failed has not handed on to the one that ends the run is
        as it was last known."""
        for taken in self._step.inputs:
            yield taken
            if not self._step.options.exit:
                continue
            above = [step.name for step in self._run.record.pipeline.steps]
            above = above[: above.index(taken.source) + 1]
            for state in (name for name in taken.names if name.startswith(HIDDEN_STATE_PREFIX)):
                holders = [each for each in above if any(state in made.names for made in self._artifacts(each))]
                if holders and holders[-1] != taken.source:
                    yield Input((state,), holders[-1])

    def _fetch(self) -> None:
        """Have what the step takes here. Raises ``ArtifactStoreError``."""
        for artifact in self._taken():
            self._run.artifacts.fetch(artifact)

    @property
    def _stays(self) -> bool:
        return self._step.options.post_mortem or self._run.record.control.post_mortem

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
            passage=str(self._run.passage),
            span=passage.span,
            unawaited=passage.unawaited,
            seeded=passage.seeded,
            pauses=passage.brief_pauses,
            types=run.pipeline.types(step.name),
            kept=kept(step, {name: made for name in step.predecessors if (made := self._run.steps[name].result)}),
            derive_random=run.pipeline.parallel_random,
            setups=step.setups,
            definitions=run.pipeline.definitions(step.name),
            imported=imported_elsewhere(run.pipeline, step.name),
            subclasses=run.pipeline.asks_for_subclasses,
            condition=step.condition.cell if step.condition is not None else None,
            register=step.options.register if self._run.workspace is None else None,  # a verification leaves nothing
            left=tuple(sorted(self._written)),
            file_hash=FAST_HASH,  # the server has it, and whoever reads what this kernel wrote has what it has
        )

    def _inputs(self) -> tuple[StepInput, ...]:
        inputs = []
        for taken in self._sources():
            for artifact in self._artifacts(taken.source):
                names = tuple(name for name in artifact.names if name in taken.names)
                if names:
                    unaltered = tuple(name for name in names if name in taken.unaltered)
                    path = str(self._run.artifacts.path(artifact.digest))
                    inputs.append(StepInput(names, taken.source, path, artifact.digest, unaltered, artifact.stamp))
        return tuple(inputs)

    def _end(self, state: StepState, result: StepResult | None = None, error: StepError | None = None) -> StepState:
        self._run.set_step(self._step.name, state=state, ended=time.time(), result=result, error=error)
        self._run.tracking.end_step(self._run.steps[self._step.name], self._folder)
        return state
