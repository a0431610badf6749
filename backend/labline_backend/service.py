"""The one facade that the CLI and the API share. It knows no terminal and no HTTP.

Everything a user can get wrong comes out as one of the errors of ``errors.py``.
"""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from labline_backend import wire
from labline_backend.ahead import kernel_of
from labline_backend.compiling import Compiled, compile_file, literals, summary
from labline_backend.displays import tells_of_displays, updated
from labline_backend.engine_errors import engine_errors
from labline_backend.errors import InputError, NotFoundError
from labline_backend.home import Home, HomeError
from labline_backend.logs import LogPart, read_part

if TYPE_CHECKING:
    from labline_backend.endpoints.deploying import Endpoints
    from labline_backend.engine.driver import Driver
    from labline_backend.engine.engine import Engine
    from labline_backend.engine.launcher import Launcher
    from labline_backend.engine.tracker import Tracker
    from labline_backend.store.certificates import Certificates
    from labline_backend.store.records import Begun, EventRecord, RunRecord, StepRecord
    from labline_backend.store.runs import RunStore
    from labline_backend.targets import KnownTargets
    from labline_backend.values import StoredValues
    from labline_compiler.compile import Compilation
    from labline_compiler.findings import Finding
    from labline_compiler.pipeline import Pipeline
    from labline_compiler.selection import Selection

EMPTY_NOTEBOOK: wire.Document = {"cells": [], "metadata": {}, "nbformat": 4, "nbformat_minor": 5}


class Service:
    """Runs of one data folder. Thread-safe; the engine is started by the first call that needs it."""

    def __init__(self, home: Home, *, track: bool = True, launcher: Launcher | None = None) -> None:
        """Open the store in *home*. The engine is to start steps by *launcher*. Raises ``HomeError``."""
        from labline_backend.store.runs import RunStore

        self.home = home
        self.store: RunStore = RunStore(home)
        self._track = track
        self._engine: Engine | None = None
        self._launcher = launcher  # of the engine, until there is one
        self._endpoints: Endpoints | None = None
        self._closed = False
        self._lock = threading.Lock()

    def __enter__(self) -> Service:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    @property
    def engine(self) -> Engine:
        """The engine, started when it is first asked for."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this service is closed")
            if self._engine is None:
                from labline_backend.engine.engine import Engine
                from labline_backend.store.artifacts import ArtifactStore

                self._engine = Engine(
                    self.home,
                    self.store,
                    self._tracker(),
                    artifacts=ArtifactStore.find(self.home),
                    remote=self._remote,
                    prune=lambda: self.values.prune_to_limit(),
                    launcher=self._launcher,
                )
                self._launcher = None
            return self._engine

    def close(self) -> None:
        """Stop the engine, which leaves its runs resumable, and give the store back."""
        with self._lock:
            if self._closed:
                return
            self._closed = True
            engine, self._engine = self._engine, None
            launcher, self._launcher = self._launcher, None
            endpoints, self._endpoints = self._endpoints, None
        if endpoints is not None:
            endpoints.close()
        if engine is not None:
            engine.close()
        if launcher is not None:
            launcher.close()
        self.store.close()

    # ------------------------------------------------------------------ runs

    def compile(
        self, path: Path, content: dict[str, Any] | None = None, *, shown: str | None = None, observed: bool = True
    ) -> Compiled:
        """Compile the notebook at *path*, or *content* as if it were there; *shown* is its name in messages.

        What earlier runs saw its steps do is reckoned with unless *observed* is false. Never fails for what is in the
        notebook.
        """
        if not observed:
            return compile_file(path, content, shown=shown)
        from labline_backend.observed import compile_knowing

        return compile_knowing(self.store, path, content, shown=shown)

    def run(
        self,
        path: Path,
        *,
        notebook: str,
        content: dict[str, Any] | None = None,
        parameters: Mapping[str, str] | None = None,
        cache: bool = True,
        target: str = "local",
        observed: bool = True,
        selection: Selection | None = None,
        timeout: float | None = None,
        priority: int = 0,
        post_mortem: bool = False,
        begun: Begun | None = None,
    ) -> RunRecord:
        """Compile and start a run, and return at once; with a *selection* a run of a part of the pipeline.

        *path* is where the notebook is or would be, *notebook* its name as the user gave it. What earlier runs saw
        its steps do is reckoned with unless *observed* is false. Raises ``InputError``
        with the findings where the notebook has errors, for parameters that do not fit, and for a target that fails
        its pre-flight. *begun* tells of the recurring run that begins it.
        """
        if target == "local" and self._launcher is None:
            self._expect(path, content)
        compilation, pipeline, document = self.compile_to_run(path, notebook, content, observed=observed)
        findings = compilation.findings
        given = literals(pipeline, parameters or {})
        files: dict[str, str] = {}
        if target == "local":
            findings = (*findings, *self.left_out(pipeline))
        else:
            from labline_backend.kubeflow.submission import left_out

            place = self.targets.to_run(target, selection)
            submission = self.targets.prepare(place, pipeline, given, cache=cache, folder=path.absolute().parent)
            files, findings = submission.files, (*findings, *submission.findings)
            findings = (*findings, *left_out(place, timeout, priority, post_mortem=post_mortem))
        with engine_errors():
            return self.engine.submit(
                pipeline,
                notebook=notebook,
                folder=path.absolute().parent,
                content=document,
                parameters=given,
                cache=cache,
                findings=findings,
                target=target,
                files=files,
                selection=selection,
                timeout=timeout,
                priority=priority,
                post_mortem=post_mortem,
                begun=begun,
            )

    def _expect(self, path: Path, content: dict[str, Any] | None) -> None:
        """Start what the steps will be forked from beside the compilation, which takes as long."""
        from labline_backend.kernels import KernelError

        try:
            kernel = kernel_of(json.loads(path.read_bytes()) if content is None else content)
        except (OSError, ValueError, RecursionError):  # there is no such notebook
            return
        if kernel is not None:
            with engine_errors(), contextlib.suppress(KernelError):  # the run will tell
                self.engine.expect(kernel, path.absolute().parent)

    def prepare(self, path: Path, compiled: Compiled) -> None:
        """Have the libraries of the notebook at *path* imported by the time that it is run. Returns at once."""
        from labline_backend.kernels import KernelError

        pipeline = compiled.compilation.pipeline
        if pipeline is not None and len(pipeline.steps) > 1:
            with contextlib.suppress(KernelError, HomeError):  # a run will tell
                self.engine.prepare(pipeline, path.absolute().parent)

    def run_for_verification(
        self,
        pipeline: Pipeline,
        *,
        notebook: str,
        folder: Path,
        content: wire.Document,
        parameters: Mapping[str, str],
        findings: tuple[Finding, ...],
        workspace: Path,
        target: str = "local",
    ) -> RunRecord:
        """Start the run of a verification.

        It runs in *workspace*, a copy of *folder*, or on another *target*, which passes its pre-flight.
        Raises ``InputError`` and ``NotFoundError``.
        """
        files: dict[str, str] = {}
        if target == "local":
            findings = (*findings, *self.left_out(pipeline))
        else:
            place = self.targets.to_run(target, None)
            submission = self.targets.prepare(place, pipeline, parameters, cache=False, folder=folder)
            files, findings = submission.files, (*findings, *submission.findings)
        with engine_errors():
            return self.engine.submit(
                pipeline,
                notebook=notebook,
                folder=folder,
                content=content,
                parameters=dict(parameters),
                cache=False,
                findings=findings,
                target=target,
                files=files,
                workspace=workspace,
            )

    def compile_to_run(
        self, path: Path, notebook: str, content: wire.Document | None = None, *, observed: bool = True
    ) -> tuple[Compilation, Pipeline, wire.Document]:
        """Compile what is to be run; the notebook as it was read, too. Raises ``InputError``."""
        compiled = self.compile(path, content, shown=notebook, observed=observed)
        pipeline, findings = compiled.compilation.pipeline, compiled.compilation.findings
        if pipeline is None or compiled.content is None:  # or what was seen leaves no order of whole steps
            raise InputError(summary(findings), findings)
        return compiled.compilation, pipeline, compiled.content

    def runs(self, limit: int = 50, before: str | None = None, notebook: str | None = None) -> list[wire.Document]:
        """The runs, newest first, rendered. Raises ``NotFoundError`` where there is no run *before*."""
        self.engine.settle()
        try:
            records = self.store.list(limit, before, notebook)
        except KeyError as error:
            raise NotFoundError(f"There is no run {before}.") from error
        steps = self.store.steps_of([record.id for record in records])
        return [self._rendered(record, steps.get(record.id, [])) for record in records]

    def value_sizes(self, notebook: str) -> dict[str, int]:
        """How many bytes the values of a notebook had, by name, in the newest of its last runs that knows."""
        records = self.store.list(5, None, notebook)
        steps = self.store.steps_of([record.id for record in records])
        sizes: dict[str, int] = {}
        for record in records:
            for step in steps.get(record.id, []):
                for artifact in step.result.artifacts if step.result is not None else ():
                    for value in artifact.values:
                        sizes.setdefault(value.name, value.size)
        return sizes

    def resolve(self, name: str) -> RunRecord:
        """The run that a person calls *name*: "latest", an id or the beginning of one."""
        self.engine.settle()
        try:
            return self.store.resolve(name)
        except KeyError as error:
            raise NotFoundError(str(error.args[0])) from error

    def get(self, run: str) -> RunRecord:
        """The run with exactly this id."""
        try:
            return self.store.get(run)
        except KeyError as error:
            raise NotFoundError(f"There is no run {run}.") from error

    def step(self, run: str, step: str) -> StepRecord:
        """One step of a run."""
        try:
            return self.store.step(run, step)
        except KeyError as error:
            names = ", ".join(s.name for s in self.get(run).pipeline.steps)
            raise NotFoundError(f"The run {run} has no step {step!r}; its steps are {names}.") from error

    def document(self, run: str) -> wire.Document:
        """A run, rendered."""
        return self._rendered(self.get(run), self.store.steps(run))

    def detail(self, run: str) -> wire.Document:
        """A run with its graph, steps and certificate, rendered."""
        record, kept = self.get(run), self.certificates.of_run(run)
        steps, patches = self.store.steps(run), self.store.patches(run)
        return wire.run_detail(record, steps, self.mlflow_url, patches, kept.document, kept.fault, self._page(record))

    def _rendered(self, record: RunRecord, steps: list[StepRecord]) -> wire.Document:
        return wire.run(record, steps, self.mlflow_url, self._page(record))

    def certificate(self, run: str) -> wire.Document:
        """The certificate of a run, with every digest. Raises ``NotFoundError`` where there is none to be trusted."""
        self.get(run)
        kept = self.certificates.of_run(run)
        if kept.document is None:
            raise NotFoundError(kept.fault or f"The run {run} has no certificate: verify its notebook.")
        return kept.document

    @property
    def certificates(self) -> Certificates:
        """The certificates of runs that were verified."""
        from labline_backend.store.certificates import Certificates

        return Certificates(self.home)

    def certify(self, run: str, certificate: wire.Document) -> list[str]:
        """Keep a certificate with its run, tell who watches, and attach it at MLflow; what went wrong there."""
        from labline_backend.store.records import Verification

        record = self.get(run)
        self.certificates.keep(certificate, run)
        self.store.set_run(run, verification=Verification("ended", verdict=certificate["subject"]["verdict"]))
        return self.engine.certify(record, certificate)

    def cancel(self, run: str) -> wire.Document:
        """Cancel a run, or its verification, whichever process drives it; what has ended stays as it is."""
        self.get(run)
        self.engine.cancel(run)
        return self.document(run)

    def resume(self, run: str) -> RunRecord:
        """Go on with a run that was interrupted, has failed or was cancelled, or that nobody follows on its target."""
        self.get(run)
        with engine_errors():
            return self.engine.resume(run)

    def keep(self, run: str, kept: bool) -> wire.Document:
        """Have the values of a run stay, or let them go when others need the room."""
        self.get(run)
        self.store.set_run(run, kept=kept)
        return self.document(run)

    @property
    def values(self) -> StoredValues:
        """The stored values, to look through and to prune."""
        from labline_backend.values import StoredValues

        return StoredValues(self.home, self.store)

    def adopt(self) -> list[RunRecord]:
        """Go on with the runs whose process has died."""
        return self.engine.adopt() if self.store.unfinished() or self.store.being_verified() else []

    def status(self) -> wire.Document:
        """What this is, rendered."""
        from labline_backend._version import __version__

        return {"version": __version__, "home": str(self.home.root), "latest_event": self.store.latest_event()}

    # ------------------------------------------------------------- endpoints

    @property
    def endpoints(self) -> Endpoints:
        """What is deployed on this machine."""
        with self._lock:
            if self._closed:
                raise HomeError("This server is stopping.")
            if self._endpoints is None:
                from labline_backend.endpoints.deploying import Endpoints

                self._endpoints = Endpoints(self.home)
            return self._endpoints

    # --------------------------------------------------------------- targets

    @property
    def targets(self) -> KnownTargets:
        """Where runs can go."""
        from labline_backend.targets import KnownTargets

        return KnownTargets(self.home, self.store)

    def page(self, run: str) -> str | None:
        """Where a browser finds a run on its target; None for a run of this machine, or one that is not there yet."""
        return self._page(self.get(run))

    def _page(self, record: RunRecord) -> str | None:
        if record.target == "local":
            return None
        from labline_backend.kubeflow.submission import page

        return page(self.home.run_folder(record.id))

    @staticmethod
    def left_out(pipeline: Pipeline) -> tuple[Finding, ...]:
        """What the pipeline's options ask for and this machine does not give."""
        from labline_backend.engine.local_options import left_out
        from labline_backend.engine.variables import environment
        from labline_backend.kernels import KernelError, find_kernel

        variables: dict[str, str] = {}
        asked = (step.options for step in pipeline.steps)
        if any(options.secrets or options.config_maps or options.volumes for options in asked):
            with contextlib.suppress(KernelError):  # submitting tells that there is none
                variables = environment(find_kernel(pipeline.kernel), {})
        return left_out(pipeline, variables)

    def _remote(self, record: RunRecord, steps: list[StepRecord], tracker: Tracker | None) -> Driver:
        from labline_backend.kubeflow.run import KubeflowRun

        return KubeflowRun(self.home, self.store, record, steps, tracker)

    # ------------------------------------------------------------ what steps leave behind

    def log(self, run: str, step: str, offset: int = 0, limit: int = 1 << 20) -> LogPart:
        """A part of what a step wrote to its standard output and error."""
        record = self.step(run, step)  # looked at before the file, so that "ended" is never said too early
        return read_part(self.home.step_folder(run, step) / "log.txt", offset, limit, ended=_has_ended(record))

    def executed_notebook(self, run: str, step: str) -> wire.Document:
        """The step's cells with their outputs, as far as it has come, and as steps below have updated them."""
        self.step(run, step)
        text = self._executed_text(run, step)
        if text is None:
            return EMPTY_NOTEBOOK
        document = _read_notebook(text)
        if tells_of_displays(text):
            others = (self._executed_text(run, each.name) for each in self.store.steps(run) if each.name != step)
            document = dict(updated([document], [_read_notebook(other) for other in others if other])[0])
        return document

    def _executed_text(self, run: str, step: str) -> str | None:
        try:
            return (self.home.step_folder(run, step) / "executed.ipynb").read_text("utf-8")
        except FileNotFoundError:
            return None

    # ---------------------------------------------------------------- events

    def messages(self, after: int, limit: int) -> list[tuple[int, str]]:
        """The next events as numbered JSON messages, with the run or step rendered as it is now."""
        events = self.store.events(after, limit)
        changed = list(dict.fromkeys(event.run for event in events if event.kind != "cell"))
        steps = self.store.steps_of(changed)
        rendered: dict[tuple[str, str, str], wire.Document] = {}

        def data(event: EventRecord) -> wire.Document:
            if event.kind == "cell":
                return event.data
            key = (event.kind, event.run, event.data.get("step", ""))
            if key not in rendered:
                if event.kind == "run":
                    rendered[key] = self._rendered(self.store.get(event.run), steps[event.run])
                else:
                    rendered[key] = wire.step_run(next(s for s in steps[event.run] if s.name == key[2]))
            return rendered[key]

        return [
            (e.seq, wire.dumps({"seq": e.seq, "time": e.time, "run": e.run, "kind": e.kind, "data": data(e)}))
            for e in events
        ]

    # --------------------------------------------------------------- tracking

    @staticmethod
    def mlflow_url(experiment_id: str, run_id: str) -> str | None:
        """Where a browser finds an MLflow run."""
        from labline_backend.tracking.location import run_url

        return run_url(experiment_id, run_id)

    def _tracker(self) -> Any:
        if not self._track:
            return None
        from labline_backend.tracking.tracker import Tracker

        return Tracker(self.home)


def _has_ended(record: StepRecord) -> bool:
    from labline_backend.store.records import ENDED_STEP

    return record.state in ENDED_STEP


def _read_notebook(text: str) -> wire.Document:
    # What a cell displays may hold NaN, which Python reads and writes but JSON does not know.
    document: wire.Document = json.loads(text, parse_constant=lambda _: None)
    return document
