"""The artifact file: some named values in one file, addressed by a digest of its bytes.

Layout::

    magic | pickle stream | padding | buffer | padding | buffer ... | index (JSON) | its length (8 bytes) | magic

The index that locates everything else comes last, so a file is written in one pass. Buffers start at multiples of 64
bytes and are never copied: they are written from the memory they lie in and loaded as copy-on-write maps, so that a big
array costs nothing until it is written to.

A small file's digest is the sha256 of its bytes. That of a bigger one is the sha256 of the hashes of its leaves, which
several threads work out, and ends in the name of the hash: ``-tree`` stands for sha256, which whoever has Python can
check, ``-blake3`` for BLAKE3, which takes a quarter of the time and is used where all who read the file are known to
have it. Leaves are of a MiB, and cut where arrays are in the buffers, so that these are hashed once for the file and
for the content digest of the values (:mod:`labline_runtime.values.hashed`). The index says where, and tells the hashes
of the buffers' leaves. Since all leaves, one after the other, are the file, no other file has the same digest, wherever
it says that it is cut. A file of an earlier version is cut nowhere, or its digest is the plain sha256 whatever its
size.

What is unpickled, and the index, are hashed whenever a file is loaded, and the buffers, too, unless the file's stamp is
the one that it had when its digest was taken: then nobody has written to it since, and their hashes are as it says.
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import io
import itertools
import mmap
import os
import pickle
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from json import dumps, loads  # as they were before the notebook could replace them
from pathlib import Path
from typing import Any, BinaryIO

from labline_runtime.dataclass import dataclass
from labline_runtime.unfinished import make_way, unfinished
from labline_runtime.values import disk, hashed, hashing, memory, own
from labline_runtime.values.writing import Seen, dump

MAGIC = b"LABLINE\x01"
ALIGNMENT = 64
CHUNK = 1 << 22
SMALL = 1 << 20  # bytes below which there is nothing to gain by leaves
BESIDE = 1 << 22  # bytes from which on room is taken ahead, and the disk writes while they are hashed
_LENGTH = 8  # bytes that tell how long the index is
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
    stamp: tuple[int, ...] = ()


Facts = Mapping[str, Any] | Callable[[hashed.Written | None], Mapping[str, Any]]


class _File:
    """Writes through to a file and keeps the position."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.position = 0
        self._begun = 0  # what the disk was told to write

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        for start in range(0, len(view), CHUNK):
            part = view[start : start + CHUNK]
            self._file.write(part)
            self.position += len(part)
            if self.position - self._begun >= disk.STRETCH:
                disk.begin(self._file.fileno(), self._begun, self.position - self._begun)
                self._begun = self.position
        return len(view)

    def pad(self) -> None:
        self.write(b"\0" * (-self.position % ALIGNMENT))


def store(
    values: Mapping[str, Any],
    directory: str | os.PathLike[str],
    facts: Facts | None = None,
    scheme: str = hashing.PLAIN,
) -> StoredArtifact:
    """Write *values* into the content-addressed *directory*; *facts* (plain JSON) are kept beside them.

    *facts* may be asked for when the values' buffers are in the file, so that who digests a value need not hash them
    once more: see :class:`hashed.Written`. Where the file is small there is nothing to gain, and None is given.
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
        if (size := stream_end + sum(_room(buffer) for buffer in buffers)) >= BESIDE:
            disk.reserve(raw.fileno(), size)
        places = []
        for buffer in buffers:
            with buffer.raw() as view:
                file.pad()
                places.append((file.position, view.nbytes, view.readonly))
                file.write(view)
        index = {"stream": (len(MAGIC), stream_end), "buffers": places, "nans": seen.nans}
        scheme = scheme if scheme in hashing.HASHES else hashing.PLAIN
        is_small = file.position < SMALL
        if is_small:
            index["facts"] = dict((facts(None) if callable(facts) else facts) or {})
            file.write(_text_of(index))
            raw.flush()
            digest = _plainly(temporary)
        else:
            digest = _in_leaves(file, raw, temporary, index, buffers, facts, scheme)
        written = _time_of(raw)
        target = root / digest[:2] / digest
        with contextlib.suppress(FileExistsError):
            target.parent.mkdir()
            _sync_directory(root)
        os.fchmod(raw.fileno(), 0o444)
        if not (is_small and _put(raw, temporary, target)):
            if is_small:
                os.fsync(raw.fileno())  # before it takes the place of one that others know of
            make_way(target)
            temporary.replace(target)
            _sync_directory(target.parent)
        stamp = _stamp(raw) if _time_of(raw) == written and digest.endswith(tuple(_ENDINGS.values())) else ()
    return StoredArtifact(target, digest, file.position, stamp)


def _room(buffer: pickle.PickleBuffer) -> int:
    """How many bytes of a file *buffer* takes at most."""
    with buffer.raw() as view:
        return view.nbytes + ALIGNMENT


def _text_of(index: Mapping[str, Any]) -> bytes:
    """How a file ends."""
    text = dumps(index, sort_keys=True, separators=(",", ":")).encode()
    return text + len(text).to_bytes(_LENGTH, "little") + MAGIC


def _in_leaves(
    file: _File,
    raw: BinaryIO,
    path: Path,
    index: dict[str, Any],
    buffers: Sequence[pickle.PickleBuffer],
    facts: Facts | None,
    scheme: str,
) -> str:
    """Write the *index* of a big file, whose buffers are written, and have it all on the disk. The file's digest.

    What is there is hashed while the disk still writes it.
    """
    raw.flush()
    (_, first), last = index["stream"], file.position
    with path.open("rb") as written:
        view = memoryview(mmap.mmap(written.fileno(), 0, access=mmap.ACCESS_READ))
    places = zip(map(hashed.address_of, buffers), index["buffers"], strict=True)
    arrays = hashed.Written(view, [(address, size, at) for address, (at, size, _) in places], scheme)
    with ThreadPoolExecutor(1, hashing.THREADS) as beside:
        synced = beside.submit(os.fsync, raw.fileno()) if last >= BESIDE else None
        index["facts"] = dict((facts(arrays) if callable(facts) else facts) or {})
        runs, leaves = arrays.all(first, last)
        head = hashed.hashes(scheme, view, list(hashed.pieces(0, first)))
        if synced is not None:
            synced.result()
    index["runs"], index["leaves"] = [dataclasses.astuple(run) for run in runs], leaves.hex()
    end = _text_of(index)
    file.write(end)
    raw.flush()
    os.fsync(raw.fileno())
    tail = hashed.hashes(scheme, memoryview(end), list(hashed.pieces(0, len(end))))
    return _named(head + leaves + tail, scheme)


def _named(leaves: bytes, scheme: str) -> str:
    return f"{hashlib.sha256(leaves).hexdigest()}-{_ENDINGS[scheme]}"


def _plainly(path: Path) -> str:
    with path.open("rb") as file:
        return _file_digest(file, None)


def _time_of(file: BinaryIO) -> int:
    return os.fstat(file.fileno()).st_mtime_ns


def _stamp(file: BinaryIO) -> tuple[int, ...]:
    """What is another as soon as anybody writes to the file or puts another in its place: ``ctime`` cannot be set."""
    facts = os.fstat(file.fileno())
    return facts.st_ino, facts.st_size, facts.st_mtime_ns, facts.st_ctime_ns


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


def load(
    path: str | os.PathLike[str], digest: str | None = None, stamp: tuple[int, ...] = (), *, owned: bool = False
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read back ``(values, facts)``. With *digest* the file is checked before anything is unpickled.

    The buffers are left out where the file still has the *stamp* that it had when its digest was taken. Arrays look at
    the file's map unless they are to be *owned*.

    Raises :class:`DamagedArtifactError`, :class:`UncheckableArtifactError`, ``OSError`` where the file cannot be read,
    or whatever unpickling raises.
    """
    if Path(path).is_dir():
        raise DamagedArtifactError(f"{path} is a folder")
    with Path(path).open("rb") as file:
        if os.fstat(file.fileno()).st_size < 2 * len(MAGIC) + _LENGTH:
            raise DamagedArtifactError(f"{path} is too short to be an artifact")
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY)
        is_as_stamped = bool(stamp) and stamp == _stamp(file)
    view = memoryview(content)
    scheme = None if digest is None else _scheme_of(digest)
    if digest is not None and _digest(view, scheme, is_as_stamped) != digest:
        raise DamagedArtifactError(f"{path} does not have the content that was stored")
    if bytes(view[: len(MAGIC)]) != MAGIC or bytes(view[-len(MAGIC) :]) != MAGIC:
        raise DamagedArtifactError(f"{path} is not an artifact of this version")
    place = _index_place(view)
    index = loads(bytes(view[place : len(view) - len(MAGIC) - _LENGTH]))
    buffers = []
    for start, length, readonly in index["buffers"]:
        buffer = view[start : start + length]
        buffers.append(buffer.toreadonly() if readonly else buffer)
    start, stop = index["stream"]
    if scheme is not None and index.get("runs"):
        runs = [hashed.Run(*run) for run in index["runs"]]
        hashed.remember(content, scheme, stop, runs, bytes.fromhex(index["leaves"]))
    unpickler = memory.OwningUnpickler if owned else memory.Unpickler
    values = unpickler(io.BytesIO(view[start:stop]), buffers=buffers).load()
    return values, index["facts"]


def _index_place(view: memoryview) -> int:
    """Where the index begins."""
    end = len(view) - len(MAGIC) - _LENGTH
    return end - int.from_bytes(view[end : end + _LENGTH], "little")


def is_intact(path: str | os.PathLike[str], digest: str) -> bool:
    """Whether the file's bytes are what *digest* says. Raises ``OSError`` and :class:`UncheckableArtifactError`."""
    if Path(path).is_dir():
        return False
    with Path(path).open("rb") as file:
        return _file_digest(file, _scheme_of(digest)) == digest


def _scheme_of(digest: str) -> str | None:
    """The hash that the digest of a file is a tree of; None where it is the plain sha256."""
    ending = digest.partition("-")[2]
    scheme = next((name for name, known in _ENDINGS.items() if known == ending), None)
    if ending and scheme not in hashing.HASHES:
        raise UncheckableArtifactError(f"its digest needs the package {ending}, which this environment has not")
    return scheme


def _file_digest(file: BinaryIO, scheme: str | None) -> str:
    if not os.fstat(file.fileno()).st_size:  # cannot be mapped
        return _digest(memoryview(b""), scheme)
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content, memoryview(content) as view:
        return _digest(view, scheme)


def _digest(view: memoryview, scheme: str | None, is_as_stamped: bool = False) -> str:
    """The digest of a file's bytes; those of the buffers are taken for what the index says if the file *is_as_stamped*.

    The bytes may be anything: that they are an artifact, or one that was not changed, is to be found out.
    """
    if scheme is None:
        return hashlib.sha256(view).hexdigest()
    first, last, runs, leaves = _told(view)
    if is_as_stamped and leaves:
        ends = [*hashed.pieces(0, first), *hashed.pieces(last, len(view))]
        found = hashed.hashes(scheme, view, ends)
        head = len(found) - hashed.WORD * sum(1 for _ in hashed.pieces(last, len(view)))
        return _named(found[:head] + leaves + found[head:], scheme)
    places = (*hashed.pieces(0, first), *hashed.pieces(first, last, runs), *hashed.pieces(last, len(view)))
    return _named(hashed.hashes(scheme, view, places), scheme)


def _told(view: memoryview) -> tuple[int, int, list[hashed.Run], bytes]:
    """Where a file says that its buffers begin and end, which arrays are there, and the hashes of the leaves.

    No buffers where it does not: an earlier version's file is cut every MiB from its beginning to its end.
    """
    nothing = len(view), len(view), list[hashed.Run](), b""
    last = _index_place(view)
    if not 0 < last < len(view):
        return nothing
    try:
        index = loads(bytes(view[last : len(view) - len(MAGIC) - _LENGTH]))
        first, runs = index["stream"][1], [hashed.Run(*run) for run in index["runs"]]
        if not all(type(each) is int for each in (first, *itertools.chain(*map(dataclasses.astuple, runs)))):
            return nothing
        for _ in hashed.pieces(first, last, runs):
            pass
        return (first, last, runs, bytes.fromhex(index["leaves"])) if first <= last else nothing
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return nothing


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
