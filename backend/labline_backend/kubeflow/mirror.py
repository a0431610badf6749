"""What a step left on the cluster, brought here from the pipeline root: its own account and its executed notebook.

KFP's REST API tells no artifact's place or metadata, so this looks for them by name below the run's own root, where
KFP's launcher puts ``PIPELINE/RUN/TASK/.../OUTPUT``. A task that KFP took from its cache left them in another run's.
"""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import BinaryIO

from labline_backend.kubeflow.errors import NOT_MIRRORED, TargetError
from labline_backend.kubeflow.submission import Place
from labline_backend.store.artifacts import ArtifactStoreError, BrokenTransferError
from labline_backend.store.s3 import S3Store
from labline_runtime.documents import from_json
from labline_runtime.outcome import StepResult

RESULT = "step_result"
NOTEBOOK = "executed_notebook"
LARGEST = 64 << 20  # bytes; these are accounts, not data


def mirror_of(place: Place, run: str) -> Mirror | None:
    """Where the run with the id *run* leaves its results; None where that is not to be read."""
    if place.target.root is None:
        return None
    return Mirror(place.results, 0) if place.results else Mirror(f"{place.target.root}/{run}", 2)


class Mirror:
    """The place *root* that one run leaves its results in, those of a task *depth* folders below."""

    def __init__(self, root: str, depth: int) -> None:
        self._depth = depth
        self._store = S3Store(root.replace("minio://", "s3://", 1))

    def step(self, task: str, folder: Path) -> StepResult | None:
        """The account of a task, its notebook put into *folder*; None where it left none. Raises ``TargetError``."""
        try:
            names = self._names(task)
            notebook, result = self._read(names, NOTEBOOK), self._read(names, RESULT)
        except (ArtifactStoreError, BrokenTransferError, KeyError) as error:
            raise _unreadable(task, error) from error
        if notebook is not None:
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "executed.ipynb").write_bytes(notebook)
        if result is None:
            return None
        try:
            found = from_json(StepResult, result.decode())
        except ValueError as error:
            raise TargetError(NOT_MIRRORED, f"What task {task} says of itself cannot be read: {error}.") from error
        # The paths are those inside a pod that is gone.
        return dataclasses.replace(found, artifacts=tuple(dataclasses.replace(a, path="") for a in found.artifacts))

    def fetch(self, task: str, output: str, into: BinaryIO) -> bool:
        """Write what a task left as *output* into a file; whether there was any. Raises ``TargetError``."""
        try:
            found = _last(self._names(task), output)
            if found is not None:
                self._store.get(found, into)
        except (ArtifactStoreError, BrokenTransferError, KeyError) as error:
            raise _unreadable(task, error) from error
        return found is not None

    def close(self) -> None:
        """Let go of connections."""
        self._store.close()

    def _names(self, task: str) -> list[str]:
        return [name for name in self._store.names() if task in name.split("/")[self._depth : -1]]

    def _read(self, names: list[str], output: str) -> bytes | None:
        found = _last(names, output)
        if found is None:
            return None
        content = _Bounded()
        self._store.get(found, content)
        return content.getvalue()


def _last(names: list[str], output: str) -> str | None:
    return max((name for name in names if name.rsplit("/", 1)[-1] == output), default=None)


def _unreadable(task: str, error: Exception) -> TargetError:
    return TargetError(
        NOT_MIRRORED,
        f"What task {task} left on the target cannot be read: {error}",
        getattr(error, "fix", None) or "See that the pipeline root can be read from here.",
    )


class _Bounded(io.BytesIO):
    def write(self, data: bytes) -> int:  # type: ignore[override]
        if self.tell() + len(data) > LARGEST:
            raise BrokenTransferError(f"it is larger than {LARGEST >> 20} MiB")
        return super().write(data)
