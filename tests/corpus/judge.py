"""Holds pipelines against notebooks as ``labline verify`` does, one after the other on one engine.

The steps are children of warm parents that have imported, as the product would, all that notebooks commonly import;
they are of one folder, so every notebook is judged at the same path. The run of the notebook itself begins in a clean
interpreter.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from unittest import mock

from labline_backend.compiling import suggest_steps
from labline_backend.engine import run as engine_run
from labline_backend.home import Home
from labline_backend.notebook_file import write_document
from labline_backend.service import Service
from labline_backend.store.records import RunRecord
from labline_backend.verification import session
from labline_backend.verification.interpreter import Reason
from labline_backend.verification.subject import Document, read_subject
from labline_backend.verification.verify import fix_hash_seed
from labline_compiler.edits import apply
from labline_runtime import telemetry

_COMMON = (
    "numpy matplotlib matplotlib.pyplot scipy scipy.stats scipy.optimize scipy.integrate scipy.interpolate "
    "scipy.signal pandas sklearn sklearn.datasets sklearn.linear_model sklearn.model_selection sklearn.pipeline "
    "sklearn.ensemble sklearn.cluster sklearn.svm sklearn.neighbors sklearn.naive_bayes sklearn.decomposition "
    "sklearn.mixture sklearn.manifold sklearn.feature_extraction.text sklearn.neural_network seaborn "
    "statsmodels.api"
)


class Judge:
    """One engine for many notebooks, all of which lie below *root* when they are judged."""

    def __init__(self, root: Path, seconds: int) -> None:
        self._home = root / "home"
        self._scratch = root / "scratch"
        self._seconds = seconds
        fix_hash_seed()
        # Else NumPy and pyarrow start threads when they are imported, and then nobody may fork.
        os.environ |= {"OMP_NUM_THREADS": "1", "JE_ARROW_MALLOC_CONF": "background_thread:false"}
        telemetry.turn_off()
        imports = tuple(f"import {name}" for name in _COMMON.split())
        self._patches = contextlib.ExitStack()
        self._patches.enter_context(mock.patch.object(engine_run, "first_imports", return_value=imports))
        self._patches.enter_context(mock.patch.object(session, "scratch_folder", self._folder))
        self.stopped: list[str] = []  # why guards stopped the pipeline of the last notebook, which then ran again
        self._service = Service(Home.open(self._home), track=False)

    def __enter__(self) -> Judge:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._service.close()
        self._patches.close()

    def split(self, notebook: Path) -> None:
        """Tag it as ``labline suggest`` does. Raises ``InputError``."""
        suggested = suggest_steps(notebook)
        write_document(notebook, notebook.read_bytes(), apply(suggested.content, suggested.suggestion.edit))

    def __call__(self, notebook: Path) -> Document:
        """The certificate. Raises ``InputError`` where there is none, and ``Stopped`` when it takes too long."""
        # Not with what was seen of others at this path.
        subject = replace(read_subject(self._service, notebook, {}, observed=False), observed=True)
        watcher = _Watch(time.monotonic() + self._seconds)
        self.stopped = watcher.stopped
        try:
            return session.verify(self._service, subject, "local", watcher)
        finally:
            self._service.values.prune(0)

    @contextlib.contextmanager
    def _folder(self, _: Home) -> Iterator[Path]:
        shutil.rmtree(self._scratch, ignore_errors=True)
        self._scratch.mkdir()
        yield self._scratch
        shutil.rmtree(self._scratch)


class _Watch(session.Watcher):
    """Lets a verification go on until then."""

    again = True

    def __init__(self, until: float) -> None:
        self._until = until
        self.stopped: list[str] = []

    def warn(self, problem: str) -> None:
        self.stopped.append(problem)

    def attend(self, service: Service, record: RunRecord) -> RunRecord:
        ended = service.engine.wait(record.id, max(self._until - time.monotonic(), 1))
        if ended.state == "running":
            service.engine.cancel(record.id)
            ended = service.engine.wait(record.id)
        return ended

    def stop(self) -> Reason | None:
        return "interrupted" if time.monotonic() > self._until else None
