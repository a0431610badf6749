"""Files that travel between machines which share no folder: an archive of the notebook's, and of what steps wrote.

An archive is a gzipped tar of plain files below one folder, the same bytes for the same files, known by its SHA-256.
Its first entry names what a step has taken away.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import tarfile
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path

REMOVED = ".labline-removed.json"  # the first entry: an archive without any could not be read
TIME = 946_684_800  # of every file in an archive of unchanged bytes; a zip archive knows no time before 1980
PASSED_OVER = frozenset({"__pycache__", ".ipynb_checkpoints"})

Seen = Mapping[str, tuple[int, ...]]


def place() -> Path:
    """The folder that steps run in: the process's own, or one below the temporary folder where that is no place."""
    here = Path.cwd()
    if here != Path(here.anchor) and os.access(here, os.W_OK):
        return here
    made = Path(tempfile.gettempdir()) / "labline-work"  # the same in every pod: values may hold the path
    made.mkdir(exist_ok=True)
    return made


def pack(files: Iterable[tuple[str, Path]], archive: Path, *, removed: Iterable[str] = (), dated: bool = False) -> str:
    """Write *files*, by their names in the archive, in that order; returns the digest of the archive.

    With *dated* they keep their times. Raises ``OSError``.
    """
    gone = json.dumps(sorted(removed)).encode()
    with (
        archive.open("wb") as raw,
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0, compresslevel=6) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        entry = tarfile.TarInfo(REMOVED)
        entry.size, entry.mtime = len(gone), TIME
        tar.addfile(entry, io.BytesIO(gone))
        for name, path in files:
            with path.open("rb") as file:
                facts = os.fstat(file.fileno())
                entry = tarfile.TarInfo(name)
                entry.size = facts.st_size
                entry.mode = 0o755 if facts.st_mode & 0o100 else 0o644
                entry.mtime = facts.st_mtime if dated else TIME
                tar.addfile(entry, file)
    return digest_of(archive)


def digest_of(archive: Path) -> str:
    """What an archive is known by. Raises ``OSError``."""
    content = hashlib.sha256()
    with archive.open("rb") as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()


def unpack(archive: Path, digest: str, folder: Path) -> None:
    """Put the archive's files into *folder*, in the place of those of the same names.

    Raises ``ValueError`` where the archive is not what *digest* says, and ``OSError``.
    """
    if digest_of(archive) != digest:
        raise ValueError(f"the archive with files of the notebook's folder is damaged (not {digest[:12]})")
    try:
        with tarfile.open(archive, "r:gz") as tar:
            for entry in tar:
                content = tar.extractfile(entry)
                if content is None:
                    raise ValueError(f"the archive holds {entry.name}, which is no file")
                if entry.name == REMOVED:
                    for name in json.load(content):
                        _inside(folder, name).unlink(missing_ok=True)
                    continue
                target = _inside(folder, entry.name)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.unlink(missing_ok=True)
                with content, target.open("wb") as file:
                    while chunk := content.read(1 << 20):
                        file.write(chunk)
                target.chmod(entry.mode & 0o755)
                os.utime(target, (entry.mtime, entry.mtime))
    except tarfile.TarError as error:
        raise ValueError(f"the archive with files of the notebook's folder cannot be read: {error}") from error


def look(folder: Path) -> Seen:
    """The files below *folder*, by name, with what changes when they are written. Links and mounts are passed over."""
    found: dict[str, tuple[int, ...]] = {}
    for above, folders, files in os.walk(folder):
        here = Path(above)
        folders[:] = [
            name
            for name in folders
            if name not in PASSED_OVER and not (here / name).is_symlink() and not (here / name).is_mount()
        ]
        for name in files:
            path = here / name
            try:
                facts = path.lstat()
            except FileNotFoundError:
                continue
            if path.is_file() and not path.is_symlink():
                found[path.relative_to(folder).as_posix()] = (facts.st_ino, facts.st_size, facts.st_mtime_ns)
    return found


def pack_changes(folder: Path, before: Seen, archive: Path) -> str:
    """Pack what is new or another in *folder* than *before*; returns the archive's digest. Raises ``OSError``."""
    now = look(folder)
    changed = sorted(name for name, facts in now.items() if before.get(name) != facts)
    return pack(((name, folder / name) for name in changed), archive, removed=before.keys() - now.keys(), dated=True)


def _inside(folder: Path, name: str) -> Path:
    path = Path(os.path.normpath(folder / name))
    if Path(name).is_absolute() or not path.is_relative_to(folder) or path == folder:
        raise ValueError(f"the archive holds {name}, which lies outside of the notebook's folder")
    return path
