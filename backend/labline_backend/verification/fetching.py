"""Values of a run on a target, brought here one by one to find where they differ from the notebook's.

They go from the connection to a file, a piece at a time, never more than was told of them, and none that there is no
room for. Whoever loads one checks its digest.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.mirror import mirror_of
from labline_backend.kubeflow.states import task_names
from labline_backend.kubeflow.submission import SPECIFICATION, Place
from labline_backend.store.artifacts import BrokenTransferError
from labline_backend.verification.comparison import FetchError
from labline_runtime.verification import StoredValue

if TYPE_CHECKING:
    from labline_backend.service import Service
    from labline_backend.store.records import RunRecord
    from labline_runtime.outcome import ArtifactRecord

LARGEST = 512 << 20  # bytes of one value
MOST = 2 << 30  # bytes of all values that one verification has here


class Fetching:
    """Brings values of *run* into *folder*, each once."""

    def __init__(self, service: Service, run: RunRecord, folder: Path) -> None:
        self._service = service
        self._run = run
        self._folder = folder
        self._kept = service.home.run_folder(run.id)
        self._stored: dict[str, StoredValue] = {}
        self._taken = 0

    def __call__(self, step: str, name: str) -> StoredValue:
        """What *step* stored under *name*. Raises ``FetchError``."""
        result = self._service.step(self._run.id, step).result
        found = next((a for a in (result.artifacts if result else ()) if name in a.names), None)
        value = f"{name} of step {step}"
        if found is None:
            raise FetchError(f"{value} is in no artifact.")
        if found.digest not in self._stored:
            try:
                self._stored[found.digest] = self._fetched(step, name, value, found)
            except (TargetError, OSError, ValueError) as error:
                raise FetchError(f"{value} cannot be fetched: {error}") from error
        return self._stored[found.digest]

    def _fetched(self, step: str, name: str, value: str, found: ArtifactRecord) -> StoredValue:
        from labline_compiler.targets.kubeflow_names import Names

        self._folder.mkdir(exist_ok=True)
        self._see_that_there_is_room(value, found.size)
        path = self._folder / str(len(self._stored))
        outputs = self._run.pipeline.step(step).outputs
        number = next(n for n, output in enumerate(outputs) if name in output.names)
        task = task_names((self._kept / SPECIFICATION).read_text("utf-8"))[step].name
        mirror = mirror_of(Place.read(self._kept), self._run.id)
        if mirror is None:
            raise FetchError(f"{value} stays on {self._run.target}.")
        try:
            with path.open("wb") as file:
                into = cast(BinaryIO, _Limited(file, found.size))
                is_there = mirror.fetch(task, Names(self._run.pipeline).outputs[step][number], into)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
        finally:
            mirror.close()
        if not is_there:
            path.unlink()
            raise FetchError(f"{value} is not in the pipeline root any more.")
        self._taken += found.size
        return StoredValue(str(path), found.digest)

    def _see_that_there_is_room(self, value: str, size: int) -> None:
        free = shutil.disk_usage(self._folder).free
        if size > LARGEST:
            why = f"at most {_mib(LARGEST)} are fetched"
        elif self._taken + size > MOST:
            why = f"{_mib(self._taken)} of other values were fetched before, and no more than {_mib(MOST)} are"
        elif size > free // 2:  # others need the disk as well
            why = f"only {_mib(free)} are free at {self._folder.parent.parent}"
        else:
            return
        raise FetchError(f"{value} has {_mib(size)}, and {why}.")


def _mib(size: int) -> str:
    return f"{-(-size >> 20):,} MiB"


class _Limited:
    """A file that takes *most* bytes and no more, whatever a server sends."""

    def __init__(self, file: BinaryIO, most: int) -> None:
        self._file = file
        self._most = most
        self.seek, self.tell, self.truncate = file.seek, file.tell, file.truncate

    def write(self, data: bytes) -> int:
        if self._file.tell() + len(data) > self._most:
            raise BrokenTransferError(f"it is larger than the {self._most:,} bytes that the step has told of")
        return self._file.write(data)
