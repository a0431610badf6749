"""One run's life on a target: submitted once, followed through restarts on either side, mirrored into the store."""

from __future__ import annotations

import asyncio
import functools
import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, TypeVar

from labline_backend.engine.driver import Journal, Reason
from labline_backend.engine.tracker import Tracker
from labline_backend.engine.tracking import LEAVING, RunTracking
from labline_backend.home import Home, HomeError
from labline_backend.kubeflow import states
from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import GONE, NOT_MIRRORED, NOT_SIGNED_IN, OUT_OF_SIGHT, REFUSED, TargetError
from labline_backend.kubeflow.mirror import Mirror, mirror_of
from labline_backend.kubeflow.pod_log import PodLog
from labline_backend.kubeflow.pods import Pod, Pods
from labline_backend.kubeflow.submission import SPECIFICATION, Place, pipeline_name, version_name
from labline_backend.registrations import unregistered
from labline_backend.store.records import DONE_STEP, ENDED_RUN, ENDED_STEP, RunRecord, RunState, StepRecord, StepState
from labline_backend.store.runs import RunChanges, RunStore
from labline_compiler.findings import Finding, finding
from labline_compiler.targets.kubeflow import service_account
from labline_runtime.outcome import StepResult

log = logging.getLogger(__name__)

INTERVAL = 2.0  # seconds between two looks at a run
LONGEST_INTERVAL = 30.0  # while the target does not answer
SIGNED_OUT_INTERVAL = 5.0  # while nobody is signed in: who has just signed in looks on
UNSEEN = (OUT_OF_SIGHT, NOT_SIGNED_IN)

T = TypeVar("T")


class _Left(Exception):
    """Nobody here follows the run any more; it goes on where it is."""


class _Abandoned(Exception):
    """The run was cancelled before its start was asked for."""


class KubeflowRun(Journal):
    """Drives one run. Calls to the target are made one at a time, on a thread of this run's own."""

    def __init__(
        self, home: Home, store: RunStore, record: RunRecord, steps: list[StepRecord], tracker: Tracker | None = None
    ) -> None:
        super().__init__(home, store, record, steps)
        self.tracking = RunTracking(tracker, store, record)
        self._folder = home.run_folder(record.id)
        self._calls = ThreadPoolExecutor(1, thread_name_prefix="labline-kubeflow")
        self._wake = asyncio.Event()
        self._is_left = False
        self._is_cancelled = record.cancel_requested
        self._is_asked_to_end = False
        self._may_abandon = False  # whether nothing of the run is there yet
        self._logs: dict[str, dict[str, PodLog]] = {}  # of each step: what is here of its pods' logs
        self._elsewhere = ""  # how to see the steps' logs without us
        self._tasks: dict[str, states.Tasks] = {}  # the steps' names there
        self._items: dict[str, tuple[int, int]] = {}  # of each loop: how many items have ended, of how many

    def stop(self, reason: Reason) -> None:
        """Cancel the run on the target, or only stop following it."""
        if reason == "cancelled":
            self._is_cancelled = True
        else:
            self._is_left = True
        self._wake.set()

    async def drive(self) -> RunRecord:
        """Submit and follow; the record as it is at the end. Never raises."""
        self._begin_tracking()
        try:
            await self._go()
        except _Left:
            self.keep_end(RunChanges(state="interrupted"))
        except HomeError as error:  # this side is in trouble, not the run
            self.home.free_reserve()
            self.keep_end(RunChanges(state="interrupted", error=str(error)))
        except TargetError as error:
            self._fail(str(error), error.finding)
        except Exception as error:
            log.exception("The run %s failed by a fault in its driver", self.record.id)
            self._fail(f"Labline itself failed ({type(error).__name__}: {error}); please report it.")
        finally:
            self._calls.shutdown(wait=False)
        await self._end_tracking()
        return self.record

    # ---------------------------------------------------------------- the way there

    async def _go(self) -> None:
        try:
            place = Place.read(self._folder)
            specification = (self._folder / SPECIFICATION).read_text("utf-8")
        except (OSError, ValueError) as error:
            raise TargetError(GONE, f"What was kept of this run's target cannot be read: {error}.") from error
        self._tasks = await self._in_thread(lambda: states.task_names(specification))
        client = KubeflowClient(place.target)
        target = place.target
        mirror = mirror_of(place, self.record.id)
        pods = Pods(target) if target.kubeconfig or target.context else None
        try:
            run_id = await self._retry(client, place) or await self._submit(client, place, specification)
            where = f" -n {target.namespace}" if target.namespace else ""
            self._elsewhere = f"kubectl logs{where} -l pipeline/runid={run_id} -c main --prefix"
            await self._follow(client, run_id, mirror, pods)
        except _Abandoned:
            self._end("cancelled", None, time.time())
        finally:
            for opened in (client, mirror, pods):
                if opened is not None:
                    self._calls.submit(opened.close)

    async def _retry(self, client: KubeflowClient, place: Place) -> str | None:
        """The run's id, if it is there; where it is to be tried again, that is asked for, once."""
        number = len(self.store.patches(self.record.id))
        run_id = place.run_id
        if run_id is None or number == place.retried:
            return run_id

        def retry() -> None:
            # Whoever asks a second time, after an answer that was lost, finds it going on.
            if states.RUN_STATES.get(client.run(run_id).state or "") in ("failed", "cancelled"):
                try:
                    client.retry(run_id)
                except TargetError as error:
                    if error.status != 500:  # what KFP answers where the workflow is gone, or not such as can go on
                        raise
                    raise TargetError(REFUSED, f"The run cannot be tried again there: {error}", error.fix) from error

        await self._call(retry)
        return self._keep(replace(place, retried=number), run_id)

    async def _submit(self, client: KubeflowClient, place: Place, specification: str) -> str:
        """Start the run there, once, however often this is called; its id. Raises ``_Abandoned``."""
        pipeline, target, name = self.record.pipeline, place.target, self.record.id
        self._may_abandon = not place.asked
        experiment = await self._call(lambda: client.experiment(place.experiment))
        if place.asked:
            found = await self._call(lambda: client.find_run(name, experiment))
            if found is not None:
                return self._keep(replace(place, run_id=found), found)
            self._may_abandon = True
        made = await self._call(lambda: client.pipeline(pipeline_name(pipeline), pipeline.name))
        label = version_name(pipeline, specification)
        version = await self._call(lambda: client.version(made, label, self._folder / SPECIFICATION))
        place = replace(place, asked=True)
        self._keep(place, "")
        self._may_abandon = False

        def create() -> str:
            # A call whose answer was lost may have had its effect.
            return client.find_run(name, experiment) or client.create_run(
                name,
                experiment=experiment,
                pipeline=made,
                version=version,
                arguments=place.arguments,
                root=None if target.root is None else f"{target.root}/{name}",
                account=service_account(pipeline),
            )

        run_id = await self._call(create)
        return self._keep(replace(place, run_id=run_id), run_id)

    def _keep(self, place: Place, run_id: str) -> str:
        try:
            place.write(self._folder)
        except OSError as error:
            raise self.home.error(error) from error
        return run_id

    # ---------------------------------------------------------------- following

    async def _follow(self, client: KubeflowClient, run_id: str, mirror: Mirror | None, pods: Pods | None) -> None:
        while True:
            if self._is_cancelled and not self._is_asked_to_end:
                await self._call(lambda: self._terminate(client, run_id), patient=True)
                self._is_asked_to_end = True
            run = await self._call(lambda: client.run(run_id), patient=True)
            found = states.seen(run, self._tasks, await self._pods_of(pods, run_id))
            # In the notebook's order: what a step has made is known by the time that another is told to have taken it.
            for name, step in ((each, found.steps[each]) for each in self.steps if each in found.steps):
                if self.steps[name].state not in ENDED_STEP and step.state != "pending":
                    await self._copy_log(pods, name, step.pods)
                await self._take(name, step, mirror)
                self._count_items(name, step)
            if found.state in ENDED_RUN:
                self._end(found.state, found.error, found.ended or time.time())
                return
            started = self.record.started or found.started
            if (found.state, started, None) != (self.record.state, self.record.started, self.record.error):
                self.set_run(state=found.state, started=started, error=None)
            await self._pause(INTERVAL)

    async def _pods_of(self, pods: Pods | None, run_id: str) -> dict[str, tuple[Pod, ...]]:
        if pods is None:
            return {}
        try:
            return await self._in_thread(lambda: pods.of_run(run_id))
        except TargetError as error:
            self._say(error.finding)
            return {}

    async def _copy_log(self, pods: Pods | None, name: str, of_step: Sequence[Pod]) -> None:
        """Append what a step's pods have written since the last look, one after the other, or say where that is."""
        log = self.home.step_folder(self.record.id, name) / "log.txt"
        try:
            if pods is None or not of_step:
                if not log.exists():
                    log.parent.mkdir(parents=True, exist_ok=True)
                    log.write_text(f"The log stays on {self.record.target}: {self._elsewhere}\n", "utf-8")
                return
            is_new = name not in self._logs
            read = self._logs.setdefault(name, {})
            log.parent.mkdir(parents=True, exist_ok=True)
            with log.open("wb" if is_new else "ab") as file:
                for pod in of_step:
                    known = read.setdefault(pod.name, PodLog())
                    if not known.is_complete:
                        file.write(await self._in_thread(functools.partial(pods.read, pod, known)))
                        known.is_complete = pod.has_ended
                    if not pod.has_ended:
                        break
        except TargetError as error:
            self._say(error.finding)
        except OSError as error:
            raise self.home.error(error) from error

    @staticmethod
    def _terminate(client: KubeflowClient, run_id: str) -> None:
        try:
            client.terminate(run_id)
        except TargetError as error:
            if error.status not in (400, 409, 412):  # it has ended by itself
                raise

    async def _take(self, name: str, found: states.SeenStep, mirror: Mirror | None) -> None:
        """Write down what has changed of a step."""
        known = self.steps[name]
        if known.state in DONE_STEP or known.state == found.state:  # what has failed may be tried again there
            return
        result = None
        if found.state == "succeeded" and mirror is not None:
            result = await self._mirrored(mirror, name)
        self.set_step(
            name,
            state=found.state,
            attempt=max(known.attempt, int(found.state != "pending")),
            started=found.started or known.started,
            ended=(found.ended or time.time()) if found.state in ENDED_STEP else None,
            error=found.error,
            result=result,
        )
        self._track(name)
        for said in unregistered([self.steps[name]]):
            self._say(said)

    def _count_items(self, name: str, found: states.SeenStep) -> None:
        """Tell how far a loop has come, where that has changed."""
        step = self.record.pipeline.step(name)
        if step.loop is None or found.items is None or found.items == self._items.get(name):
            return
        self._items[name] = found.items
        cell = next(each for each in step.cells if each.index == step.loop.cell)
        state = "succeeded" if found.items[0] == found.items[1] and found.state == "succeeded" else "running"
        self.store.add_cell_event(self.record.id, name, cell.index, cell.open_id, state, found.items)

    async def _mirrored(self, mirror: Mirror, name: str) -> StepResult | None:
        folder = self.home.step_folder(self.record.id, name)
        try:
            result = await self._in_thread(lambda: mirror.step(self._tasks[name].name, folder))
        except TargetError as error:
            self._say(error.finding)
            return None
        except OSError as error:  # a full disk here, while the run goes on there
            raise self.home.error(error) from error
        if result is None:
            message = (
                f"Step {name} left nothing below this run's root: most likely Kubeflow took it from its own cache."
            )
            self._say(finding(NOT_MIRRORED, message, step=name, fix="Run with --no-cache to have its results here."))
        return result

    # ---------------------------------------------------------------- calls

    async def _call(self, work: Callable[[], T], *, patient: bool = False) -> T:
        """Make a call, again and again while the target is out of reach.

        With *patient*, all is waited out but that the run is gone: tokens and proxies are mended while it goes on.
        Raises ``_Left``, ``_Abandoned`` and ``TargetError``.
        """
        pause = INTERVAL
        while True:
            if self._is_cancelled and self._may_abandon:
                raise _Abandoned
            try:
                done = await self._in_thread(work)
            except TargetError as error:
                if error.code == GONE or not (error.passing or patient):
                    raise
                self._lose_sight(error)
                await self._pause(pause)
                pause = min(2 * pause, SIGNED_OUT_INTERVAL if error.code == NOT_SIGNED_IN else LONGEST_INTERVAL)
                continue
            self._see_again()
            return done

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Do *work* on this run's thread; who leaves does not wait for it."""
        self._stay()
        call = asyncio.get_running_loop().run_in_executor(self._calls, work)
        while not call.done():
            waker = asyncio.create_task(self._wake.wait())
            both: set[asyncio.Future[Any]] = {call, waker}
            await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            waker.cancel()
            if not call.done():
                call.add_done_callback(lambda late: late.cancelled() or late.exception())
                self._stay()
                self._wake.clear()
        return call.result()

    async def _pause(self, seconds: float) -> None:
        if not self._wake.is_set():
            try:
                await asyncio.wait_for(self._wake.wait(), seconds)
            except TimeoutError:
                return
        self._wake.clear()
        self._stay()

    def _stay(self) -> None:
        if self._is_left:
            raise _Left

    def _lose_sight(self, error: TargetError) -> None:
        code = NOT_SIGNED_IN if error.code == NOT_SIGNED_IN else OUT_OF_SIGHT
        if not any(each.code == code for each in self.record.findings):
            said = finding(code, f"Out of sight since {time.strftime('%H:%M:%S')}: {error}", fix=error.fix)
            self.set_run(findings=(*self._seen_findings, replace(said, severity="warning")))

    def _see_again(self) -> None:
        if (kept := self._seen_findings) != self.record.findings:
            self.set_run(findings=kept)

    @property
    def _seen_findings(self) -> tuple[Finding, ...]:
        """Those that do not tell that the run is out of sight."""
        return tuple(each for each in self.record.findings if each.code not in UNSEEN)

    def _say(self, said: Finding) -> None:
        if said not in self.record.findings:
            self.set_run(findings=(*self.record.findings, said))

    # ---------------------------------------------------------------- tracking

    def _begin_tracking(self) -> None:
        self.tracking.open()
        for name, step in self.steps.items():
            if step.state in ENDED_STEP:
                self.tracking.recall_step(step, self.home.step_folder(self.record.id, name))

    def _track(self, name: str) -> None:
        """Tell the tracker, on the side, of the state that a step has come to."""
        step, folder = self.steps[name], self.home.step_folder(self.record.id, name)
        if step.state == "running":
            self.tracking.start_step(step)
        elif step.state not in ENDED_STEP:
            return
        elif step.mlflow_run_id is not None and not self.tracking.is_open(name):  # whoever followed before opened it
            self.tracking.recall_step(step, folder)
        elif step.state != "skipped":
            self.tracking.end_step(step, folder)

    async def _end_tracking(self) -> None:
        if self.record.state not in ENDED_RUN:
            await self.tracking.leave(LEAVING)
        elif untold := await self.tracking.finish(self.record, list(self.steps.values())):
            self.keep_end(RunChanges(findings=self.record.findings + untold))
        tracked = self.tracking.run
        self.record = replace(self.record, experiment_id=tracked.experiment_id, mlflow_run_id=tracked.mlflow_run_id)

    # ---------------------------------------------------------------- the end

    def _end(self, state: RunState, error: str | None, ended: float) -> None:
        begun, not_begun = states.LEFT[state]
        for name, step in self.steps.items():
            if step.state not in ENDED_STEP:
                self.set_step(name, state=begun if step.state == "running" else not_begun, ended=ended)
                self._track(name)
        self.keep_end(RunChanges(state=state, ended=ended, error=self._why(error) if state == "failed" else None))

    def _why(self, error: str | None) -> str:
        failed = [step for step in self.steps.values() if step.state == "failed"]
        if not failed:
            return error or "The run failed on the target, which does not say why."
        first = min(failed, key=lambda step: step.ended or 0)
        return f"Step {first.name} failed: {first.error.message if first.error else error or 'it did not say why.'}"

    def _fail(self, message: str, said: Finding | None = None) -> None:
        """The run cannot be driven: nothing more is known of it."""
        now = time.time()
        try:
            for name, step in self.steps.items():
                if step.state not in ENDED_STEP:
                    state: StepState = "failed" if step.state == "running" else "skipped"
                    self.set_step(name, state=state, ended=now)
                    self._track(name)
        except HomeError as error:
            log.error("The end of the run %s could not be written down: %s", self.record.id, error)
        findings = self.record.findings if said is None else (*self.record.findings, said)
        self.keep_end(RunChanges(state="failed", ended=now, error=message, findings=findings))
