"""The artifact file: some named values in one file, addressed by a digest of its bytes.

Layout::

    magic | pickle stream | padding | buffer | padding | buffer ... | index (JSON) | its length (8 bytes) | magic

The index that locates everything else comes last, so a file is written in one pass. Buffers start at multiples of 64
bytes and are never copied: they are written from the memory they lie in and loaded as copy-on-write maps, so that a big
array costs nothing until it is written to.

A small file's digest is the sha256 of its bytes. That of a bigger one is the sha256 of the hashes of every MiB, which
several threads work out, and ends in the name of the hash: ``-tree`` stands for sha256, which whoever has Python can
check, ``-blake3`` for BLAKE3, which takes a quarter of the time and is used where all who read the file are known to
have it. A file of an earlier version, whose digest is the plain sha256 whatever its size, is checked by that.
"""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import mmap
import os
import pickle
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from labline_runtime.unfinished import unfinished
from labline_runtime.values import hashing, nans, own
from labline_runtime.values.writing import Seen, dump

MAGIC = b"LABLINE\x01"
ALIGNMENT = 64
CHUNK = 1 << 22
_ENDINGS = {hashing.PLAIN: "tree", hashing.FAST: hashing.FAST}  # of the digests of big files, by the hash


class DamagedArtifactError(Exception):
    """The file is not what its digest says."""


class UncheckableArtifactError(Exception):
    """The file's digest is of a hash that this environment has not."""


@dataclass(frozen=True)
class StoredArtifact:
    """Where the values lie."""

    path: Path
    digest: str
    size: int


class _File:
    """Writes through to a file and keeps the position."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), CHUNK):
            self._file.write(view[start : start + CHUNK])
        self.position += len(view)
        return len(view)

    def pad(self) -> None:
        self.write(b"\0" * (-self.position % ALIGNMENT))


def store(
    values: Mapping[str, Any],
    directory: str | os.PathLike[str],
    facts: Mapping[str, Any] | None = None,
    scheme: str = hashing.PLAIN,
) -> StoredArtifact:
    """Write *values* into the content-addressed *directory*; *facts* (plain JSON) are kept beside them.

    A big file is hashed by *scheme*, which all who read it must have; by sha256 where this environment has it not.
    The file appears whole or not at all. What cannot be pickled raises whatever pickling it raised.
    """
    root = Path(directory)
    root.mkdir(parents=True, exist_ok=True)
    with unfinished(root) as (temporary, raw):
        file, buffers, seen = _write_stream(values, raw, None)
        if seen.asks_again:
            file, buffers, _ = _write_stream(values, raw, seen)
        stream_end = file.position
        places = []
        for buffer in buffers:
            with buffer.raw() as view:
                file.pad()
                places.append((file.position, view.nbytes, view.readonly))
                file.write(view)
        index = {"stream": (len(MAGIC), stream_end), "buffers": places, "facts": dict(facts or {}), "nans": seen.nans}
        text = json.dumps(index, sort_keys=True, separators=(",", ":")).encode()
        file.write(text)
        file.write(len(text).to_bytes(8, "little"))
        file.write(MAGIC)
        raw.flush()
        is_small = file.position < hashing.PARALLEL
        with temporary.open("rb") as written:
            if is_small:
                digest = _file_digest(written, None)
            else:
                digest = _synced(raw, written, scheme if scheme in hashing.HASHES else hashing.PLAIN)
        target = root / digest[:2] / digest
        with contextlib.suppress(FileExistsError):
            target.parent.mkdir()
            _sync_directory(root)
        os.fchmod(raw.fileno(), 0o444)
        if not (is_small and _put(raw, temporary, target)):
            if is_small:
                os.fsync(raw.fileno())  # before it takes the place of one that others know of
            temporary.replace(target)
            _sync_directory(target.parent)
    return StoredArtifact(target, digest, file.position)


def _put(raw: BinaryIO, temporary: Path, target: Path) -> bool:
    """Give a file a name, both on the disk afterwards, unless there is its like already; whether that could be done.

    It is written to the disk once, where syncing first the content and then the folder takes twice as long: what is
    synced after it got its name keeps it, as ext4, XFS and Btrfs order their changes. Nobody knows the name until then.
    """
    try:
        os.link(temporary, target)
    except FileExistsError:
        return _is_like(temporary, target)
    except OSError:
        return False
    os.fsync(raw.fileno())
    return True


def _is_like(file: Path, target: Path) -> bool:
    """Whether *target* has the content of *file*; then it is on the disk, and counts as used now, as a new one does."""
    try:
        os.utime(target)  # before it is looked at: who prunes takes it away before it looks at the time
        with file.open("rb") as made, target.open("rb") as found:
            if made.read() != found.read():
                return False
            os.fdatasync(found.fileno())  # it may be another's who has not come so far; else there is nothing to write
    except OSError:
        return False
    return True


def _write_stream(
    values: Mapping[str, Any], raw: BinaryIO, seen: Seen | None
) -> tuple[_File, list[pickle.PickleBuffer], Seen]:
    """Write the pickle stream at the start of *raw*, in place of what is there."""
    raw.seek(0)
    raw.truncate()
    file = _File(raw)
    file.write(MAGIC)
    buffers: list[pickle.PickleBuffer] = []
    stored = {name: own.Kept(place) if (place := own.list_place_of(v)) else v for name, v in values.items()}
    seen = dump(stored, file, buffers.append, seen)  # type: ignore[arg-type]
    return file, buffers, seen


def load(path: str | os.PathLike[str], digest: str | None = None) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read back ``(values, facts)``. With *digest* the file's bytes are checked before anything is unpickled.

    Raises :class:`DamagedArtifactError`, :class:`UncheckableArtifactError`, ``OSError`` where the file cannot be read,
    or whatever unpickling raises.
    """
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size < 2 * len(MAGIC) + 8:
            raise DamagedArtifactError(f"{path} is too short to be an artifact")
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
    view = memoryview(content)
    if digest is not None and _digest(view, _scheme_of(digest)) != digest:
        raise DamagedArtifactError(f"{path} does not have the content that was stored")
    if bytes(view[: len(MAGIC)]) != MAGIC or bytes(view[-len(MAGIC) :]) != MAGIC:
        raise DamagedArtifactError(f"{path} is not an artifact of this version")
    end = len(view) - len(MAGIC) - 8
    index = json.loads(bytes(view[end - int.from_bytes(view[end : end + 8], "little") : end]))
    buffers = []
    for start, length, readonly in index["buffers"]:
        buffer = view[start : start + length]
        buffers.append(buffer.toreadonly() if readonly else buffer)
    start, stop = index["stream"]
    if index.get("nans"):
        values = nans.Unpickler(io.BytesIO(view[start:stop]), buffers=buffers).load()
    else:
        values = pickle.loads(view[start:stop], buffers=buffers)  # noqa: S301 - what the digest vouches for
    return values, index["facts"]


def is_intact(path: str | os.PathLike[str], digest: str) -> bool:
    """Whether the file's bytes are what *digest* says. Raises ``OSError`` and :class:`UncheckableArtifactError`."""
    with Path(path).open("rb") as file:
        return _file_digest(file, _scheme_of(digest)) == digest


def _scheme_of(digest: str) -> str | None:
    """The hash that the digest of a file is a tree of; None where it is the plain sha256."""
    ending = digest.partition("-")[2]
    scheme = next((name for name, known in _ENDINGS.items() if known == ending), None)
    if ending and scheme not in hashing.HASHES:
        raise UncheckableArtifactError(f"its digest needs the package {ending}, which this environment has not")
    return scheme


def _synced(raw: BinaryIO, written: BinaryIO, scheme: str) -> str:
    """The digest of a big file, which is on the disk then: it is hashed meanwhile."""
    with ThreadPoolExecutor(1) as disk:
        synced = disk.submit(os.fsync, raw.fileno())
        digest = _file_digest(written, scheme)
        synced.result()
    return digest


def _file_digest(file: BinaryIO, scheme: str | None) -> str:
    if not os.fstat(file.fileno()).st_size:  # cannot be mapped
        return _digest(memoryview(b""), scheme)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
        return _digest(view, scheme)


def _digest(view: memoryview, scheme: str | None) -> str:
    if scheme is None:
        return hashlib.sha256(view).hexdigest()
    return f"{hashing.buffer(hashing.HASHES[scheme], view).hex()}-{_ENDINGS[scheme]}"


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
