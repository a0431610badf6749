"""A verification from the first copy of the folder to the certificate that its run carries, for whoever starts it.

Whoever watches is told how far it is, also in other processes: of a run on this machine the store knows all along.
"""

from __future__ import annotations

import contextlib
import fcntl
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.store.records import RunRecord, Verification
from labline_backend.verification import kubeflow
from labline_backend.verification import verify as comparing
from labline_backend.verification.interpreter import Reason, Stopped
from labline_backend.verification.subject import Document, Subject
from labline_backend.verification.target import see_that_results_are_read, target_outcome
from labline_backend.verification.verify import HERE, KFP_LOCAL, LOCAL, Stage
from labline_backend.verification.workspace import Workspace, WorkspaceError, remove
from labline_compiler.findings import Finding

if TYPE_CHECKING:
    from labline_backend.service import Service

_SCRATCH = ".verify-"
MOST_AGAIN = 5
"""How often a pipeline that a guard stopped runs again, reckoning with what was seen."""


class Watcher:
    """Who watches a verification; this one does not look.

    ``again``: whether a pipeline that a guard stopped runs again by itself, as it would if it were started once more.
    """

    again = False

    def attend(self, service: Service, record: RunRecord) -> RunRecord:
        """The pipeline's run has started: wait for its end; the record as it is then."""
        return service.engine.wait(record.id)

    def told(self, stage: Stage) -> None:
        """It has come this far."""

    def found(self, notebook: str, findings: tuple[Finding, ...]) -> None:
        """What is to be known of a pipeline that runs without a run of Labline's, which would carry it."""

    def warn(self, problem: str) -> None:
        """Something beside the verification went wrong; one sentence."""

    def stop(self) -> Reason | None:
        """Asked often: whether to stop, and why."""
        return None


def verify(service: Service, subject: Subject, target: str, watcher: Watcher) -> Document:
    """Verify *subject* on *target*; the certificate.

    It is kept, with the run where there is one. Raises ``InputError`` for what keeps it from being verified,
    ``NotFoundError`` where there is no such target, and ``Stopped``.
    """
    comparing.fix_hash_seed()
    if target not in HERE:
        see_that_results_are_read(service, target)
    with scratch_folder(service.home) as scratch:
        watcher.told(Stage("copying the notebook's folder"))
        workspace = copied(service, subject, scratch)
        if target != KFP_LOCAL:
            return _of_a_run(service, subject, target, workspace, scratch, watcher)
        findings = (*subject.compilation.findings, *kubeflow.left_out(subject.pipeline, service.left_out))
        watcher.found(subject.shown, findings)
        steps = len(subject.pipeline.steps)
        watcher.told(Stage(f"the pipeline under kfp.local, {steps} step{'s' if steps > 1 else ''}"))
        outcome = comparing.kubeflow_outcome(subject, workspace, scratch)
        certificate = comparing.certificate(
            service, subject, outcome, target, None, workspace, scratch, watcher.told, watcher.stop
        )
        service.certificates.keep(certificate, None)
        return certificate


def _of_a_run(
    service: Service,
    subject: Subject,
    target: str,
    workspace: Workspace,
    scratch: Path,
    watcher: Watcher,
    again: int = MOST_AGAIN,
) -> Document:
    record = service.run_for_verification(
        subject.pipeline,
        notebook=subject.shown,
        folder=subject.folder,
        content=subject.content,
        parameters=subject.parameters,
        findings=subject.compilation.findings,
        workspace=workspace.folder,
        target=target,
    )
    with _written_down(service, record.id):
        ended = watcher.attend(service, record)
        if ended.state in ("cancelled", "interrupted"):
            raise Stopped("cancelled" if ended.state == "cancelled" else "interrupted")
        if watcher.again and again and (knowing := _knowing_more(service, subject, ended)) is not None:
            problem = "A guard stopped the run. It was verified again, reckoning with what this run saw."
            service.store.set_run(record.id, verification=Verification("failed", problem=problem))
            watcher.warn(f"{ended.error or 'A guard stopped the run.'} Running again, reckoning with that.")
            workspace.reset()
            return _of_a_run(service, knowing, target, workspace, scratch, watcher, again - 1)
        cancels = _Cancels(service, record.id)

        def told(stage: Stage) -> None:
            watcher.told(stage)
            going = Verification("running", stage.doing, stage.done, stage.total)
            service.store.set_run(record.id, verification=going)

        is_here = target == LOCAL
        certificate = comparing.certificate(
            service,
            subject,
            comparing.local_outcome(service, ended) if is_here else target_outcome(service, ended, scratch),
            target,
            record.id,
            workspace,
            scratch,
            told,
            lambda: watcher.stop() or cancels.asked(),
        )
        for problem in service.certify(record.id, certificate):
            watcher.warn(problem)
    return certificate


def _knowing_more(service: Service, subject: Subject, ended: RunRecord) -> Subject | None:
    """*subject* as it is compiled with what the guard that stopped its run saw; None where that changes nothing."""
    if not subject.observed or not any(step.error and step.error.observed for step in service.store.steps(ended.id)):
        return None
    try:
        compilation, pipeline, _ = service.compile_to_run(subject.path, subject.shown, subject.content)
    except InputError:  # it leaves no order of whole steps: the run that was stopped is told
        return None
    if pipeline.steps == subject.pipeline.steps:
        return None
    return replace(subject, compilation=compilation, pipeline=pipeline)


@contextlib.contextmanager
def _written_down(service: Service, run: str) -> Iterator[None]:
    """However the verification ends without a certificate, its run tells so."""
    end = Verification("interrupted", problem="The verification was interrupted: verify again.")
    try:
        yield
    except (Stopped, KeyboardInterrupt) as stopped:
        if not isinstance(stopped, Stopped) or stopped.reason == "cancelled":
            end = Verification("cancelled")
        raise
    except InputError as error:
        end = Verification("failed", problem=error.message)
        raise
    except Exception as fault:
        end = Verification(
            "failed", problem=f"Labline met an error it did not expect ({type(fault).__name__}: {fault})."
        )
        raise
    finally:
        known = service.get(run).verification
        if known is None or known.state == "running":
            if service.store.cancels_requested([run]):
                end = replace(end, state="cancelled", problem=None)
            service.store.set_run(run, verification=end)


class _Cancels:
    """Whether somebody, in whatever process, asked for a run's end. Cheap enough to be asked often."""

    def __init__(self, service: Service, run: str) -> None:
        self._store = service.store
        self._run = run
        self._seen: int | None = None

    def asked(self) -> Reason | None:
        """Look."""
        version = self._store.version()
        if version == self._seen:
            return None
        self._seen = version
        return "cancelled" if self._store.cancels_requested([self._run]) else None


def copied(service: Service, subject: Subject, scratch: Path) -> Workspace:
    """The folder that *subject* is verified in. Raises ``InputError``."""
    place = scratch / "at"
    place.mkdir()
    try:
        return Workspace(subject.folder, place, service.home.root)
    except WorkspaceError as error:
        raise InputError(str(error)) from error


@contextlib.contextmanager
def scratch_folder(home: Home) -> Iterator[Path]:
    """A folder for one verification alone, gone afterwards. It may hold values, so nobody else may look into it.

    Those of verifications that were killed go first.
    """
    for left in home.root.glob(f"{_SCRATCH}*"):
        with contextlib.suppress(OSError), (left / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove(left)
    folder = Path(tempfile.mkdtemp(dir=home.root, prefix=_SCRATCH))
    try:
        with (folder / "lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH)
            yield folder
    finally:
        with contextlib.suppress(OSError):  # at worst the next one takes it away
            remove(folder)
