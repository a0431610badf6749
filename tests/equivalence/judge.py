"""Holds pipelines against their notebooks as ``labline verify`` does, one after the other on one engine.

Every value at every boundary, what every cell shows, and that no guard stops a right notebook: the certificate tells it
all.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Literal
from unittest import mock

from labline_backend.engine import bundle, warm
from labline_backend.engine.launcher import Launcher
from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.service import Service
from labline_backend.verification import kubeflow
from labline_backend.verification import verify as verification
from labline_backend.verification.session import copied, scratch_folder
from labline_backend.verification.subject import read_subject

from .forked import Forked
from .notebooks import CASE, notebooks_of

Target = Literal["local", "kfp-local"]
Cells = list[tuple[str, list[str]]]  # sources and tags

GUARDS = frozenset(("LL210", "LL220", "LL221", "LL222", "LL223"))


@dataclass(frozen=True)
class Judgement:
    """How a pipeline compares with its notebook, and what there is to say about it.

    "refused": a finding says that there is none, or that a value cannot be handed on.
    "alarm": a guard stopped it, and it was right when it ran again; "fails": the notebook itself does. "partly": not
    all of it can be compared.
    """

    outcome: Literal["equal", "partly", "refused", "alarm", "different", "fails"]
    said: str = ""


@contextlib.contextmanager
def roomy_folder() -> Iterator[Path]:
    """A folder that little lies beside, gone afterwards.

    Each copy of a notebook's folder has links to all that lies beside the way to it, of which a machine's folder of
    temporary files may hold thousands.
    """
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as root:
        yield Path(root)


class Judge:
    """One engine and one warm interpreter for many notebooks. *imported*: modules that both have imported already."""

    def __init__(self, root: Path, imported: str = "", kernel: str = "python3") -> None:
        self._root = root
        self._kernel = kernel
        self._imported = imported
        self._count = 0
        verification.fix_hash_seed()
        # Else NumPy and pyarrow start threads when they are imported, and then nobody may fork.
        os.environ |= {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
        self._warm = mock.patch.object(warm, "WARM", f"import {imported}\n{bundle.WARM}" if imported else bundle.WARM)
        self._warm.start()
        self._service = Service(Home.open(root / "home"), track=False)
        self._launcher = Launcher(self._service.home)
        self._forked: Forked | None = None  # there is one as soon as KFP is asked for

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._forked is not None:
            self._forked.close()
        self._launcher.close()
        self._service.close()
        self._warm.stop()

    def __call__(self, cells: Cells, target: Target = "local") -> Judgement:
        """Run the notebook of *cells* and its pipeline, and compare."""
        self._count += 1
        folder = self._root / str(self._count)
        try:
            path = _written(folder, cells, self._kernel)
            found = self._judged(path, target)
            if found.outcome == "alarm":  # then running again is right
                again = self._judged(path, target)
                found = found if again.outcome in ("equal", "partly") else again
            return found
        except InputError as error:
            codes = [found.code for found in error.findings if found.severity == "error"]
            return Judgement("refused" if codes else "fails", f"{codes} {error}")
        finally:
            shutil.rmtree(folder)

    def _judged(self, path: Path, target: Target) -> Judgement:
        subject = read_subject(self._service, path, {})
        alarm, run = "", None
        with scratch_folder(self._service.home) as scratch:
            workspace = copied(self._service, subject, scratch)
            if target == "local":
                record = self._service.run_for_verification(
                    subject.pipeline,
                    notebook=subject.shown,
                    folder=subject.folder,
                    content=subject.content,
                    parameters=subject.parameters,
                    findings=subject.compilation.findings,
                    workspace=workspace.folder,
                )
                run = record.id
                outcome = verification.local_outcome(self._service, self._service.engine.wait(run, timeout=600))
                errors = [step.error for step in self._service.store.steps(run) if step.error is not None]
                alarm = "; ".join(f"{e.code} {e.message}" for e in errors if e.code in GUARDS)
                if unstorable := [e.message for e in errors if e.code == "LL401"]:
                    return Judgement("refused", f"['LL401'] {unstorable[0]}")
            else:
                self._forked = self._forked or Forked(list(filter(None, self._imported.split(", "))))
                with mock.patch.object(kubeflow, "RUNNER", (str(self._forked.executable), *kubeflow.RUNNER[1:])):
                    outcome = verification.kubeflow_outcome(subject, workspace, scratch)
                failure = outcome.failure or ""
                alarm = failure if "believed" in failure else ""
                if "cannot be handed to another step" in failure:
                    return Judgement("refused", f"['LL401'] {failure}")
            if alarm:
                return Judgement("alarm", alarm)
            document = verification.certificate(
                self._service,
                subject,
                outcome,
                target,
                run,
                workspace,
                scratch,
                lambda _: None,
                launcher=self._launcher,
            )
        if run is not None:
            shutil.rmtree(self._service.home.run_folder(run))
        verdict: str = document["subject"]["verdict"]
        if verdict == "verified":
            return Judgement("equal")
        return Judgement("different" if verdict == "different" else "partly", _said(document))


def _written(folder: Path, cells: Cells, kernel: str) -> Path:
    """The notebook and those in it, alone in *folder*, with some room above it for cells that go up."""
    path = folder / "base" / "work" / f"{CASE}.ipynb"
    path.parent.mkdir(parents=True)
    for name, content in notebooks_of(cells, kernel).items():
        path.with_stem(name).write_text(json.dumps(content))
    return path


def _said(document: Mapping[str, Any]) -> str:
    lines = [document["subject"]["failure"] or ""]
    for value in document["values"]:
        if value["status"] != "equal":
            place = value["difference"] or {}
            told = f"{value['note'] or ''} {place.get('path', '')}: {place.get('notebook')} / {place.get('pipeline')}"
            lines.append(f"{value['status']}: {value['role']} {value['name']} of {value['step']} {told}")
    for cell in document["cells"]:
        if cell["status"] != "equal":
            lines.append(f"{cell['status']}: cell {cell['index']} {cell['note'] or ''} {cell['difference']}")
    return "\n".join(filter(None, lines))
