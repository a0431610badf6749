"""One run's life, on the engine's event loop: starts steps as they become ready, and ends in a state that is true."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import logging
import time
from collections.abc import Collection, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path

from labline_backend.engine import failures, leftovers, local_options
from labline_backend.engine.cache import Cache
from labline_backend.engine.capacity import Capacity
from labline_backend.engine.driver import Journal, Reason
from labline_backend.engine.imports import first_imports
from labline_backend.engine.launcher import Launcher
from labline_backend.engine.scheduler import Decision, Scheduler
from labline_backend.engine.step import StepRunner
from labline_backend.engine.tracker import Tracker
from labline_backend.engine.tracking import LEAVING, PATIENCE, RunTracking, autologs
from labline_backend.engine.variables import environment
from labline_backend.home import Home, HomeError
from labline_backend.kernels import Kernel
from labline_backend.registrations import unregistered
from labline_backend.store.artifacts import ArtifactStore
from labline_backend.store.records import ENDED_STEP, RunRecord, RunState, StepRecord, StepState
from labline_backend.store.runs import RunChanges, RunStore
from labline_compiler.findings import Finding
from labline_compiler.passage import readings
from labline_compiler.pipeline import Step
from labline_runtime import passing
from labline_runtime.dataclass import dataclass
from labline_runtime.notebook import write_atomically
from labline_runtime.outcome import StepError

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Means:
    """What the runs of one engine share."""

    home: Home
    store: RunStore
    artifacts: ArtifactStore
    cache: Cache
    launcher: Launcher
    capacity: Capacity
    tracker: Tracker | None


class Run(Journal):
    """Drives one run on this machine."""

    def __init__(
        self,
        means: Means,
        record: RunRecord,
        steps: list[StepRecord],
        kernel: Kernel,
        workspace: Path | None = None,
    ) -> None:
        super().__init__(means.home, means.store, record, steps)
        self.workspace = workspace
        self.directory = workspace or Path(record.folder)
        self.artifacts, self.cache, self.launcher, self.capacity = (
            means.artifacts,
            means.cache,
            means.launcher,
            means.capacity,
        )
        self.kernel = kernel
        self.variables = environment(kernel, {})  # of every step's process, besides what tracking adds
        self.imports = first_imports(record.pipeline.preamble)
        self.autologging = means.tracker is not None and autologs(record.pipeline, self.imports)
        self.ran = {step.name: step.result for step in steps if step.state == "succeeded" and step.result}
        self._plan = {step.name: step for step in record.pipeline.steps}
        self.tracking = RunTracking(means.tracker, means.store, record)
        self._ended: asyncio.Queue[tuple[str, StepState]] = asyncio.Queue()
        self._tasks: dict[str, asyncio.Task[StepState]] = {}
        self._stopped: Reason | None = None
        self._broken: Exception | None = None
        self._is_overdue = False

    @functools.cached_property
    def passage(self) -> Path:
        """The file that tells every step what passes it by. Raises ``OSError``."""
        text = passing.table(readings(self.record.pipeline))
        path = self.home.run_folder(self.record.id) / f"passage-{hashlib.sha256(text).hexdigest()[:16]}.txt"
        if not path.exists():  # of a run that goes on with a changed pipeline there is another one
            for half in path.parent.glob(f".{path.name}-*"):  # of an engine that was killed while it wrote
                half.unlink(missing_ok=True)
            write_atomically(path, text.decode())
        return path

    def stop(self, reason: Reason) -> None:
        """Kill what runs and start nothing more. The first reason counts."""
        if self._stopped is None:
            self._stopped = reason
            self._kill()

    async def drive(self) -> RunRecord:
        """Run all steps that can run; the record as it is at the end. Never raises."""
        try:
            self._begin()
            with self._within(self._timeout):
                await self._go()
            await self._end_with_exit()
        except HomeError as error:
            self._break(error)
        except Exception as error:
            log.exception("The run %s failed by a fault in the engine", self.record.id)
            self._break(error)
        while self._tasks:  # after a failure of the engine's own: nothing of the run may go on
            self._kill()
            name, _ = await self._ended.get()
            del self._tasks[name]
        return await self._finish()

    def share(self, step: Step) -> AbstractAsyncContextManager[None]:
        """Wait for *step*'s share of the machine, and hold it."""
        notebook = f"{self.record.folder}/{self.record.pipeline.notebook}"
        return self.capacity.share(local_options.share(step), notebook, self.record.control.priority)

    @property
    def _timeout(self) -> float | None:
        return self.record.control.timeout or self.record.pipeline.timeout

    @contextlib.contextmanager
    def _within(self, seconds: float | None) -> Iterator[None]:
        """Stop the run when it takes longer. A run that is resumed has its time anew."""
        timer = None if seconds is None else asyncio.get_running_loop().call_later(seconds, self._expire)
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()

    def _expire(self) -> None:
        is_open = any(not task.done() for task in self._tasks.values())
        if self._stopped is None and self._broken is None and is_open:
            self._is_overdue = True
            self._kill()

    def _begin(self) -> None:
        for name, step in self.steps.items():
            if step.state not in ENDED_STEP and step.state != "pending":  # its engine died
                self.set_step(name, state="pending", started=None)
        is_new = self.record.started is None
        self.set_run(state="running", started=self.record.started or time.time(), ended=None, error=None)
        self.tracking.run = self.record
        self.tracking.open()
        for name, step in self.steps.items():
            folder = self.home.step_folder(self.record.id, name)
            if is_new and name in self.record.control.taken:
                self.tracking.end_step(step, folder)
            elif not is_new and step.state in ENDED_STEP:
                self.tracking.recall_step(step, folder)

    async def _go(self) -> None:
        predecessors = {step.name: step.predecessors for step in self._plan.values() if not step.options.exit}
        scheduler = Scheduler(predecessors, {name: step.state for name, step in self.steps.items()})
        if self._stopped is None:
            self._follow(scheduler.begin())
        while self._tasks:
            name, state = await self._ended.get()
            del self._tasks[name]
            decision = scheduler.ended(name, state)
            if self._stopped is None and self._broken is None and not self._is_overdue:
                self._follow(decision)

    async def _end_with_exit(self) -> None:
        """Run the step that ends every run, unless that was to stop at once."""
        names = [step.name for step in self._plan.values() if step.options.exit]
        if self._stopped is not None or self._broken is not None:
            return
        if self._is_overdue:
            self._end_steps(time.time(), but=names)
        self._follow(Decision(ready=tuple(name for name in names if self.steps[name].state not in ENDED_STEP)))
        while self._tasks:
            name, _ = await self._ended.get()
            del self._tasks[name]

    @property
    def has_more(self) -> bool:
        """Whether any step has not begun yet; the last are the likeliest, of thousands."""
        return any(step.state == "pending" for step in reversed(self.steps.values()))

    def outcome(self, step: Step) -> dict[str, str]:
        """The parameters, as Python literals, that tell a step that ends the run how it went."""
        if not step.options.exit:
            return {}
        others = {each.state for name, each in self.steps.items() if name != step.name}
        state = "failed" if self._is_overdue or "failed" in others else "succeeded"
        return dict(zip(step.options.exit, (repr(state), repr(self._error(state))), strict=False))

    def _follow(self, decision: Decision) -> None:
        for name in decision.skipped:
            self.set_step(name, state="skipped", ended=time.time())
        for name in decision.ready:
            task = self._tasks[name] = asyncio.create_task(self._drive_step(name))
            task.add_done_callback(functools.partial(self._note_end, name))

    def _note_end(self, name: str, task: asyncio.Task[StepState]) -> None:
        # What a cancelled step ends as is written down in _finish, which knows why it was cancelled.
        self._ended.put_nowait((name, "cancelled" if task.cancelled() else task.result()))

    async def _drive_step(self, name: str) -> StepState:
        try:
            return await StepRunner(self, self._plan[name]).run()
        except HomeError as error:
            self._break(error)
        except Exception as error:
            log.exception("The step %s of %s failed by a fault in the engine", name, self.record.id)
            try:
                self.set_step(name, state="failed", ended=time.time(), error=failures.of_fault(error))
            except HomeError as worse:
                self._break(worse)
        return "failed"

    def _break(self, error: Exception) -> None:
        """The data folder, or the engine itself, failed: nothing of this run may go on."""
        if self._broken is None:
            self._broken = error
            self._kill()

    def _kill(self) -> None:
        current = asyncio.current_task()
        for task in self._tasks.values():
            if task is not current:
                task.cancel()

    async def _finish(self) -> RunRecord:
        state = self._state()
        now = time.time()
        try:
            self._end_steps(now)
        except HomeError as error:
            self._break(error)
            self.home.free_reserve()
            with contextlib.suppress(HomeError):
                self._end_steps(now)
            state = self._state()
        findings = self.record.findings
        if isinstance(self._broken, HomeError):
            findings += (Finding("LL503", "error", str(self._broken)),)
        found = (*unregistered(self.steps.values()), *leftovers.told(self.steps.values(), self.directory))
        findings += tuple(each for each in found if each not in findings)
        changes = RunChanges(
            state=state, ended=None if state == "interrupted" else now, error=self._error(state), findings=findings
        )
        self.keep_end(changes)
        # Nobody who watches waits for the tracker; who waits for the run does.
        patience = LEAVING if state == "interrupted" else PATIENCE
        ended = replace(self.record, ended=now)
        untold = await self.tracking.finish(ended, list(self.steps.values()), patience)
        tracked = self.tracking.run
        self.record = replace(self.record, experiment_id=tracked.experiment_id, mlflow_run_id=tracked.mlflow_run_id)
        if untold:
            self.keep_end(RunChanges(findings=findings + untold))
        return self.record

    def _state(self) -> RunState:
        if self._broken is not None:
            return "failed"
        states = {step.state for step in self.steps.values()}
        if self._stopped is not None and states - ENDED_STEP:
            return self._stopped
        if self._is_overdue:
            return "failed"
        return "failed" if "failed" in states else "succeeded"

    def _end_steps(self, now: float, but: Collection[str] = ()) -> None:
        """Give the steps that did not end by themselves a state that is true."""
        for name, step in self.steps.items():
            if step.state in ENDED_STEP or name in but:
                continue
            if self._broken is not None and step.state == "running":
                self.set_step(name, state="failed", ended=now, error=self._why_broken(self._broken))
            elif self._stopped == "interrupted" and self._broken is None:
                if step.state == "running":
                    self.set_step(name, state="pending", started=None)
            elif step.state == "running" or step.attempt:  # or it waits to be tried again
                if self._is_overdue:
                    late = step.error or failures.of_whole_run(self._timeout or 0)
                    self.set_step(name, state="failed", ended=now, error=late)
                else:
                    self.set_step(name, state="cancelled", ended=now)
                self.tracking.end_step(self.steps[name], self.home.step_folder(self.record.id, name))
            else:
                self.set_step(name, state="skipped", ended=now)

    @staticmethod
    def _why_broken(error: Exception) -> StepError:
        return failures.of_home(error) if isinstance(error, HomeError) else failures.of_fault(error)

    def _error(self, state: str) -> str | None:
        if self._broken is not None:
            return self._why_broken(self._broken).message
        if self._is_overdue and state == "failed":
            return failures.of_whole_run(self._timeout or 0).message
        failed = [step for step in self.steps.values() if step.state == "failed"]
        if state != "failed" or not failed:
            return None
        first = min(failed, key=lambda step: step.ended or 0)
        return f"Step {first.name} failed: {first.error.message if first.error else 'it did not say why.'}"
