"""Stored values: content-addressed files, written by the steps themselves, and where they are kept for good.

Steps map artifacts into memory, so the data folder always holds those that are in use. Where a durable store is
configured, the folder is its cache: what a step made goes there before the step counts as done, and what is missing
here comes back from there.
"""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Protocol

from labline_backend.home import Home
from labline_compiler.findings import Finding, finding
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import ArtifactRecord
from labline_runtime.unfinished import make_way, putting_aside, sweep, unfinished

ENVIRONMENT_VARIABLE = "LABLINE_ARTIFACTS"

UNAVAILABLE = "LL612"
DAMAGED = "LL404"

FETCHES = 2  # the second one only where the first brought something else than what was stored


class ArtifactStoreError(Exception):
    """Values cannot be kept or had. The message is one sentence, ``fix`` another."""

    def __init__(self, message: str, fix: str, code: str = UNAVAILABLE) -> None:
        super().__init__(message)
        self.fix = fix
        self.code = code

    @property
    def finding(self) -> Finding:
        """The same as a finding."""
        return finding(self.code, str(self), fix=self.fix)


class BrokenTransferError(Exception):
    """What came is not all that was stored: worth another try."""


class DurableStore(Protocol):
    """Keeps files by their digest. All methods block, and raise ``ArtifactStoreError`` where the store fails."""

    def check(self) -> None:
        """Try out that files can be kept and had."""

    def has(self, digest: str, size: int) -> bool:
        """Whether the file is known to be there, at its full size."""

    def put(self, digest: str, path: Path, *, replace: bool = False) -> None:
        """Keep the file; it appears whole or not at all. One of its size that is there stays, unless *replace*."""

    def get(self, digest: str, into: BinaryIO) -> None:
        """Write the file's bytes to *into*. Raises ``KeyError`` where it is not there, ``BrokenTransferError``."""

    def close(self) -> None:
        """Let go of connections."""


@dataclass(frozen=True)
class StoredFile:
    """An artifact in the data folder; ``used`` is when it was made or used last, in seconds since the epoch."""

    digest: str
    size: int
    used: float


class ArtifactStore:
    """The artifacts of one data folder. A file's name is the digest of its content; it is complete or absent."""

    def __init__(self, home: Home, durable: DurableStore | None = None) -> None:
        self.folder = home.artifacts
        self._durable = durable
        self._kept: set[str] = set()
        self._damaged: set[str] = set()  # in the durable store, at their full size all the same

    @staticmethod
    def find(home: Home) -> ArtifactStore:
        """The store that the environment names; never fails, a wrong name is told by :meth:`check`."""
        if not (url := os.environ.get(ENVIRONMENT_VARIABLE)):
            return ArtifactStore(home)
        from labline_backend.store.s3 import S3Store

        return ArtifactStore(home, S3Store(url))

    def check(self) -> None:
        """Try out the durable store, if there is one. Raises ``ArtifactStoreError``."""
        if self._durable is not None:
            self._durable.check()

    def path(self, digest: str) -> Path:
        """Where the artifact with this digest lies, or would."""
        return self.folder / digest[:2] / digest

    def has(self, artifact: ArtifactRecord) -> bool:
        """Whether the artifact can be had, at its full size. Raises ``ArtifactStoreError``."""
        if self._is_here(artifact):
            return True
        return self._durable is not None and self._durable.has(artifact.digest, artifact.size)

    @property
    def is_durable(self) -> bool:
        """Whether there is a store behind the data folder, which :meth:`keep` and :meth:`fetch` ask."""
        return self._durable is not None

    def use(self, artifacts: Iterable[ArtifactRecord]) -> bool:
        """Note that the artifacts are used now, so that they are not pruned; whether all can still be had.

        Raises ``ArtifactStoreError``.
        """
        artifacts = list(artifacts)
        for artifact in artifacts:
            with contextlib.suppress(OSError):
                os.utime(self.path(artifact.digest))
        return all(map(self.has, artifacts))

    def files(self) -> list[StoredFile]:
        """The artifacts that are in the data folder."""
        found = []
        for folder in self.folder.glob("??"):
            with contextlib.suppress(FileNotFoundError), os.scandir(folder) as entries:
                for entry in entries:
                    with contextlib.suppress(FileNotFoundError):
                        if not entry.name.startswith(".") and entry.is_file():
                            status = entry.stat()
                            found.append(StoredFile(entry.name, status.st_size, status.st_mtime))
        return found

    def can_go(self, file: StoredFile) -> bool:
        """Whether the file is nowhere in need, or kept in the durable store. Raises ``ArtifactStoreError``."""
        return self._durable is None or self._durable.has(file.digest, file.size)

    def remove(self, file: StoredFile, began: float) -> bool:
        """Take the file out of the data folder, unless it was used since *began*; whether it is gone.

        It is put aside before its time is looked at: whoever uses it either does so before, or does not find it.
        """
        path = self.path(file.digest)
        with contextlib.suppress(FileNotFoundError), putting_aside(path, self.folder) as aside:
            if aside.stat().st_mtime >= began:
                aside.rename(path)
                return False
        return True

    def keep(self, artifacts: Iterable[ArtifactRecord]) -> None:
        """Have the artifacts in the durable store, those that are here. Raises ``ArtifactStoreError``."""
        if self._durable is None:
            return
        for artifact in artifacts:
            if artifact.digest in self._kept or not self._is_here(artifact):
                continue
            is_damaged = artifact.digest in self._damaged
            if is_damaged or not self._durable.has(artifact.digest, artifact.size):
                self._durable.put(artifact.digest, self.path(artifact.digest), replace=is_damaged)
            self._damaged.discard(artifact.digest)
            self._kept.add(artifact.digest)

    def fetch(self, artifact: ArtifactRecord) -> None:
        """Have the artifact here, its digest checked. Without a durable store a missing one stays missing.

        Raises ``ArtifactStoreError`` where the store fails, or what it holds is not what was stored.
        """
        if self._durable is None or self._is_here(artifact):
            return
        if any(self._bring(self._durable, artifact) for _ in range(FETCHES)):
            return
        self._kept.discard(artifact.digest)
        self._damaged.add(artifact.digest)
        raise ArtifactStoreError(
            f"The artifact store's copy of {', '.join(artifact.names)} is damaged (artifact {artifact.digest[:12]}).",
            "Run again without the cache: the value is computed and stored anew.",
            DAMAGED,
        )

    def discard_damaged(self, artifact: ArtifactRecord) -> None:
        """Take the artifact away where it is not what was stored, so that nobody counts on it any more."""
        path = self.path(artifact.digest)
        with contextlib.suppress(OSError):
            if not _is_intact(path, artifact.digest):
                make_way(path)
                path.unlink(missing_ok=True)

    def sweep(self) -> None:
        """Take away what killed processes were about to store."""
        sweep(self.folder)

    def close(self) -> None:
        """Let go of connections."""
        if self._durable is not None:
            self._durable.close()

    def _is_here(self, artifact: ArtifactRecord) -> bool:
        try:
            facts = self.path(artifact.digest).stat()
        except OSError:
            return False
        return stat.S_ISREG(facts.st_mode) and facts.st_size == artifact.size

    def _bring(self, durable: DurableStore, artifact: ArtifactRecord) -> bool:
        """Copy the artifact here; whether it is what was stored."""
        try:
            with unfinished(self.folder) as (temporary, file):
                durable.get(artifact.digest, file)
                file.flush()
                os.fsync(file.fileno())
                if not _is_intact(temporary, artifact.digest):
                    return False
                target = self.path(artifact.digest)
                target.parent.mkdir(exist_ok=True)
                temporary.chmod(0o444)
                make_way(target)
                temporary.replace(target)
                return True
        except BrokenTransferError:
            return False
        except KeyError as error:
            raise ArtifactStoreError(
                f"The value of {', '.join(artifact.names)} is neither here nor in the artifact store.",
                "Run again without the cache: the value is computed and stored anew.",
                DAMAGED,
            ) from error


def _is_intact(path: Path, digest: str) -> bool:
    from labline_runtime.values.artifact import is_intact  # with all that reads values, which is seldom asked for here

    return is_intact(path, digest)
