"""The engine's public face. Thread-safe and synchronous; behind it one thread with an event loop of its own."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any

from labline_backend.engine import parameters as run_parameters
from labline_backend.engine import patching
from labline_backend.engine.driver import Driver, RemoteTarget
from labline_backend.engine.earlier import Plan, plan
from labline_backend.engine.imports import first_imports
from labline_backend.engine.launcher import Launcher
from labline_backend.engine.owner import is_alive
from labline_backend.engine.run import Run
from labline_backend.engine.thread import LOOK, EngineThread
from labline_backend.engine.tracker import Tracker
from labline_backend.engine.tracking import autologs
from labline_backend.home import Home, HomeError
from labline_backend.kernels import Kernel, KernelError, find_kernel
from labline_backend.store.artifacts import ArtifactStore
from labline_backend.store.encoding import dump
from labline_backend.store.records import (
    DONE_STEP,
    ENDED_RUN,
    ENDED_STEP,
    LOCAL,
    STOPPED_RUN,
    Begun,
    Control,
    Patch,
    RunRecord,
    StepRecord,
    StepState,
    Verification,
)
from labline_backend.store.runs import RunStore
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline
from labline_compiler.selection import Selection
from labline_runtime.cores import usable_cores

RUN_FACTS = "run.json"  # what is read of a run without the database, by notebooks that ask for its values
INTERRUPTED = Verification("interrupted", problem="The process that verified the run has ended: verify again.")


class RunStateError(Exception):
    """The run is in no state for what was asked; the message is one sentence."""


class Engine:
    """Runs pipelines on this machine, several at once, one process a step.

    ``workers`` bounds the steps that run at the same time, over all runs of this engine; by default as many as the
    cores that this process may really use (CPU affinity and the control group's quota). The engine's thread starts with
    the first run. *prune* is called after each run, beside whatever runs; it must not fail.
    The engine's own is the *launcher* now, with the parents that it may have by then.
    """

    def __init__(
        self,
        home: Home,
        store: RunStore,
        tracker: Tracker | None = None,
        workers: int | None = None,
        artifacts: ArtifactStore | None = None,
        remote: RemoteTarget | None = None,
        prune: Callable[[], None] | None = None,
        launcher: Launcher | None = None,
    ) -> None:
        self._home = home
        self._launcher = launcher or Launcher(home)
        self._prune = prune
        self._store = store
        self._artifacts = artifacts or ArtifactStore(home)
        self._remote = remote
        self._tracker = tracker
        self._workers = max(1, workers or usable_cores())
        self._lock = threading.Lock()
        self._thread: EngineThread | None = None
        self._closed = False

    def submit(
        self,
        pipeline: Pipeline,
        *,
        notebook: str,
        folder: Path,
        content: dict[str, Any],
        parameters: dict[str, str] | None = None,
        cache: bool = True,
        findings: tuple[Finding, ...] = (),
        target: str = LOCAL,
        files: Mapping[str, str] | None = None,
        workspace: Path | None = None,
        selection: Selection | None = None,
        timeout: float | None = None,
        priority: int = 0,
        post_mortem: bool = False,
        begun: Begun | None = None,
        created: float | None = None,
    ) -> RunRecord:
        """Start a run and return at once. It is in the store when this returns.

        With a *selection* only a part of the pipeline runs. The run may take *timeout* seconds, else as many as the
        pipeline says; its steps go before those of runs with a lower *priority*. With *post_mortem* the processes of
        steps that fail stay for a debugger. *begun* tells of the recurring run that begins it, *created* when it was
        made, where that is not now.

        A run to be verified runs in *workspace*, a copy of *folder*, where its target is this machine; its results
        are of no use to the cache.

        ``parameters`` override the pipeline's defaults, as Python literals. ``files`` are what the driver of another
        *target* than this machine finds in the run's folder. Raises ``KernelError`` (LL501),
        ``ParameterError`` (LL504), ``SelectionError``, ``ArtifactStoreError`` (LL612) and ``HomeError``; nothing is
        kept then.
        """
        kernel = find_kernel(pipeline.kernel) if target == LOCAL else None
        if target == LOCAL:
            self._artifacts.check()
        values = run_parameters.merge(pipeline, parameters or {})
        thread = self._started()
        now = time.time() if created is None else created
        facts = {"created": now, "notebook": notebook, "folder": str(folder.absolute()), "parameters": values}
        record = RunRecord(
            id=self._make_folder(pipeline, content, now, {RUN_FACTS: json.dumps(facts), **(files or {})}),
            pipeline=pipeline,
            notebook=notebook,
            folder=str(folder.absolute()),
            state="queued",
            created=now,
            parameters=values,
            cache=cache,
            findings=findings,
            target=target,
            owner=thread.owner.name,
            verification=None if workspace is None else Verification("running", "the pipeline"),
            control=Control(timeout=timeout, priority=priority, post_mortem=post_mortem, begun=begun),
        )
        try:
            known: dict[str, StepRecord] = {}
            if selection and kernel is not None:
                chosen = plan(thread.means.cache, self._store, record, kernel, selection, parameters or {})
                record, known = _partial(record, chosen)
                for name, step in chosen.steps.items():
                    self._artifacts.use(step.result.artifacts if step.result is not None else ())
                    thread.means.cache.lay_out(step.run, name, self._home.step_folder(record.id, name))
            self._store.create(record, known.values())
        except BaseException:
            shutil.rmtree(self._home.run_folder(record.id), ignore_errors=True)
            raise
        steps = [known.get(step.name) or StepRecord(record.id, step.name) for step in pipeline.steps]
        thread.drive(self._driver(thread, record, steps, kernel, workspace))
        return record

    def prepare(self, pipeline: Pipeline, folder: Path) -> None:
        """Have what the notebook's steps import imported by the time that it is run. Returns at once.

        Raises ``KernelError`` and ``HomeError``.
        """
        thread, imports = self._started(), first_imports(pipeline.preamble)
        autologging = thread.means.tracker is not None and autologs(pipeline, imports)
        thread.prepare(find_kernel(pipeline.kernel), folder.absolute(), imports, autologging)

    def expect(self, kernel: str, folder: Path) -> None:
        """Have a process ready to fork steps from by the time that a notebook for *kernel* is run. Returns at once.

        Raises ``KernelError`` and ``HomeError``.
        """
        self._started().prepare(find_kernel(kernel), folder.absolute(), ())

    def cancel(self, run_id: str) -> None:
        """Cancel a run, whichever process drives it. Its steps are killed with all that they started.

        Raises ``KeyError``. A run that has ended stays as it is.
        """
        thread = self._thread
        ours = thread is not None and thread.stop(run_id)
        with contextlib.suppress(HomeError) if ours else contextlib.nullcontext():
            self._store.request_cancel(run_id)
        if not ours:
            record = self._store.get(run_id)
            if record.target != LOCAL:
                self._take_over(record)  # it goes on where it runs, until somebody ends it there
            elif self._is_orphan(record) and self._store.claim(run_id, f"cancelled {time.time_ns()}", record.owner):
                self._bury(record)

    def wait(self, run_id: str, timeout: float | None = None) -> RunRecord:
        """Wait until the run has ended or *timeout* seconds are over; the record as it is then.

        An interrupted run, and one whose process has died, count as ended here. Raises ``KeyError``.
        """
        future = self._thread.future(run_id) if self._thread is not None else None
        if future is not None:
            try:
                return future.result(timeout)
            except TimeoutError:
                return self._store.get(run_id)
        until = None if timeout is None else time.monotonic() + timeout
        while True:
            record = self._store.get(run_id)
            if record.state in ENDED_RUN or self._is_orphan(record):
                return record
            left = LOOK / 2 if until is None else min(LOOK / 2, until - time.monotonic())
            if left <= 0:
                return record
            time.sleep(left)

    def resume(self, run_id: str) -> RunRecord:
        """Go on with an interrupted run, or one whose owner has died. Finished steps are not repeated.

        A run that has failed or was cancelled is tried again, from where it stopped and as it is.
        Raises ``KeyError``, ``RunStateError`` where the run has succeeded or somebody drives it, and what :meth:`patch`
        raises.
        """
        record = self._store.get(run_id)
        if record.state == "succeeded":
            raise RunStateError(f"The run {run_id} has succeeded: there is nothing to resume.")
        if record.verification is not None and (record.target == LOCAL or record.state in ENDED_RUN):
            raise RunStateError(f"The run {run_id} was made to be verified, and that is over: verify again.")
        if not self._store.is_understood(run_id):
            raise RunStateError(f"The run {run_id} was begun by another version of Labline: resume it with that one.")
        if record.state in ENDED_RUN:
            return self._try_again(record)
        if not self._take_over(record):
            raise RunStateError(f"The run {run_id} is driven by another process.")
        return self._store.get(run_id)

    def _try_again(self, before: RunRecord) -> RunRecord:
        """Have a run that has ended go on where it was: noted as a patch that changes nothing."""
        if before.target == LOCAL:
            try:
                content = patching.kept_notebook(self._home, before.id)
            except HomeError as error:
                raise RunStateError(str(error)) from error
            return self.patch(
                before.id, before.pipeline, notebook=before.notebook, content=content, findings=before.findings
            )
        thread = self._started()
        if (ending := thread.future(before.id)) is not None:
            ending.result()
        steps = [step for step in self._store.steps(before.id) if step.state not in DONE_STEP]
        again = {step.name: patching.WHY.get(step.state, "it was not done") for step in steps}
        patch = Patch(time.time(), before.notebook, before.state, before.error, again, "")
        if not self._store.patch(patch, replace(before, owner=thread.owner.name), before.owner):
            raise RunStateError(f"The run {before.id} is already being gone on with.")
        record = self._store.get(before.id)
        thread.drive(self._driver(thread, record, self._store.steps(before.id), None))
        return record

    def patch(
        self,
        run_id: str,
        pipeline: Pipeline,
        *,
        notebook: str,
        content: dict[str, Any],
        findings: tuple[Finding, ...] = (),
    ) -> RunRecord:
        """Go on with a run that has failed, was cancelled or interrupted, as the changed *pipeline* says.

        Finished steps that the change does not concern stay as they are (:mod:`patching`). What the run was before is
        kept, and the change noted in the store. Raises ``KeyError``, ``RunStateError``, ``KernelError``,
        ``ParameterError``, ``ArtifactStoreError`` and ``HomeError``; the run is as it was then.
        """
        self.settle()
        before = self._store.get(run_id)
        if before.target != LOCAL:
            raise RunStateError(f"The run {run_id} is on {before.target}, where none goes on changed: run it anew.")
        if before.verification is not None:
            raise RunStateError(f"The run {run_id} was made to be verified: verify the changed notebook.")
        if before.state not in STOPPED_RUN:
            why = "run the notebook anew" if before.state == "succeeded" else "cancel it first"
            raise RunStateError(f"The run {run_id} is {before.state}, so nothing goes on changed: {why}.")
        kernel = find_kernel(pipeline.kernel)
        self._artifacts.check()
        thread = self._started()
        if (ending := thread.future(run_id)) is not None:
            ending.result()  # what of it is still being tracked
        run = replace(patching.patched(before, pipeline), findings=findings, owner=thread.owner.name)
        again = patching.again(thread.means.cache, before, run, self._store.steps(run_id), kernel)
        kept = patching.keep(self._home, run_id, len(self._store.patches(run_id)) + 1, again)
        place = str(kept.relative_to(self._home.run_folder(run_id)))
        patch = Patch(time.time(), notebook, before.state, before.error, again, place)
        if not self._store.patch(patch, run, before.owner):
            shutil.rmtree(kept, ignore_errors=True)
            raise RunStateError(f"The run {run_id} is already being gone on with.")
        with contextlib.suppress(HomeError):  # a full disk is for the run to tell, which is under way by now
            patching.lay_out(self._home, run, content, again)
        record = self._store.get(run_id)
        thread.drive(self._driver(thread, record, self._store.steps(run_id), kernel))
        return record

    def adopt(self) -> list[RunRecord]:
        """Resume every run that was interrupted or whose owner has died; the runs that were."""
        self._settle_verifications()
        found = self._store.unfinished()
        return [each for each in found if self._store.is_understood(each.id) and self._take_over(each)]

    def settle(self) -> list[RunRecord]:
        """Mark runs whose owner has died as interrupted, so that lists tell the truth; the runs that were."""
        settled = self._settle_verifications()
        for record in self._store.unfinished():
            if record.state == "interrupted" or not self._is_orphan(record):
                continue
            if self._store.claim(record.id, None, record.owner, "interrupted"):  # else somebody has just adopted it
                settled.append(record)
        return settled

    def certify(self, record: RunRecord, certificate: dict[str, Any]) -> list[str]:
        """Attach the certificate of a run that has ended where the run is tracked; what went wrong, a sentence each."""
        if self._tracker is None or record.mlflow_run_id is None:
            return []
        return self._started().certify(self._tracker, record, certificate)

    def close(self) -> None:
        """Stop. Running steps are killed; their runs become ``interrupted`` and can be resumed."""
        with self._lock:
            self._closed = True
            thread, self._thread = self._thread, None
        if thread is not None:
            thread.close()
        else:
            self._launcher.close()
        self._artifacts.close()

    def __enter__(self) -> Engine:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def _started(self) -> EngineThread:
        with self._lock:
            if self._closed:
                raise RuntimeError("the engine is closed")
            if self._thread is None:
                try:
                    self._thread = EngineThread(
                        self._home,
                        self._store,
                        self._artifacts,
                        self._launcher,
                        self._tracker,
                        self._workers,
                        self._prune,
                    )
                except OSError as error:
                    raise self._home.error(error) from error
            return self._thread

    def _make_folder(self, pipeline: Pipeline, content: dict[str, Any], now: float, files: Mapping[str, str]) -> str:
        """The new run's id, with its folder made."""
        slug = re.sub(r"[^a-z0-9]+", "-", pipeline.name.lower()).strip("-")[:50].rstrip("-") or "run"
        moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
        run_id = f"{slug}-{moment}-{secrets.token_hex(2)}"
        folder = self._home.run_folder(run_id)
        try:
            folder.mkdir()
        except FileExistsError:
            return self._make_folder(pipeline, content, now, files)
        except OSError as error:
            raise self._home.error(error) from error
        try:
            (folder / "steps").mkdir()
            (folder / "notebook.ipynb").write_text(json.dumps(content, indent=1), "utf-8")
            for name, text in {"pipeline.json": dump(pipeline), **files}.items():
                (folder / name).write_text(text, "utf-8")
        except OSError as error:
            shutil.rmtree(folder, ignore_errors=True)
            raise self._home.error(error) from error
        return run_id

    def _is_orphan(self, record: RunRecord) -> bool:
        return record.state not in ENDED_RUN and not is_alive(self._home, record.owner)

    def _take_over(self, record: RunRecord) -> bool:
        if not self._is_orphan(record) or (record.target != LOCAL and self._remote is None):
            return False
        if record.verification is not None and record.target == LOCAL:  # the folder that it ran in is gone
            return False
        thread = self._started()
        if not self._store.claim(record.id, thread.owner.name, record.owner):
            return False
        if record.cancel_requested and record.target == LOCAL:
            self._bury(record)
            return False
        try:
            kernel = find_kernel(record.pipeline.kernel) if record.target == LOCAL else None
        except KernelError as error:
            self._store.set_run(record.id, state="failed", ended=time.time(), error=str(error))
            return False
        thread.drive(self._driver(thread, record, self._store.steps(record.id), kernel))
        return True

    def _settle_verifications(self) -> list[RunRecord]:
        """End those whose process has died, with their runs; the runs that were not settled before.

        A run on another target goes on there, and is followed again as every other.
        """
        settled = []
        for record in self._store.being_verified():
            if is_alive(self._home, record.owner):
                continue
            if record.state not in ENDED_RUN and record.target == LOCAL:
                if not self._store.claim(record.id, f"settled {time.time_ns()}", record.owner):
                    continue
                self._bury(record)
                settled.append(record)
            self._store.set_run(record.id, verification=INTERRUPTED)
        return settled

    def _driver(
        self,
        thread: EngineThread,
        record: RunRecord,
        steps: list[StepRecord],
        kernel: Kernel | None,
        workspace: Path | None = None,
    ) -> Driver:
        """What drives the run, where its target is."""
        if kernel is not None:
            return Run(thread.means, record, steps, kernel, workspace)
        assert self._remote is not None  # noqa: S101 - the callers have looked
        return self._remote(record, steps, self._tracker)

    def _bury(self, record: RunRecord) -> None:
        """Cancel a run that nobody drives."""
        now = time.time()
        for step in self._store.steps(record.id):
            if step.state not in ENDED_STEP:
                state: StepState = "cancelled" if step.state == "running" else "skipped"
                self._store.set_step(record.id, step.name, state=state, ended=now)
        self._store.set_run(record.id, state="cancelled", ended=now)


def _partial(record: RunRecord, chosen: Plan) -> tuple[RunRecord, dict[str, StepRecord]]:
    """The run as one of a part of its pipeline, and the steps that do not run in it as they are from the start."""
    found, now = {}, record.created
    for name, step in chosen.steps.items():
        found[name] = replace(
            step,
            run=record.id,
            state="cached",
            attempt=0,
            started=now,
            ended=now,
            cache_note=chosen.note(name),
            cached_from=chosen.source,
            mlflow_run_id=None,
        )
    for name in chosen.part.left_out:
        found[name] = StepRecord(record.id, name, "skipped", ended=now, cache_note=chosen.left_out)
    asked, part = chosen.selection, chosen.part
    control = replace(
        record.control,
        start=asked.start,
        stop=asked.stop,
        only=asked.only,
        source=chosen.source,
        taken=part.taken,
        left_out=part.left_out,
    )
    return replace(record, parameters=chosen.parameters, control=control), found
