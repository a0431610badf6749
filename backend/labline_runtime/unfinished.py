"""Files that somebody is about to finish, and what became of them when their writer was killed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def unfinished(root: Path) -> Iterator[tuple[Path, BinaryIO]]:
    """A new file to write and to rename into place, gone at the end where it was not.

    It is locked as long as somebody writes it, so that what a killed process has left can be told: see :func:`sweep`.
    """
    path, file = _locked(root)
    try:
        with file:
            yield path, file
    finally:
        path.unlink(missing_ok=True)


@contextlib.contextmanager
def putting_aside(path: Path, root: Path) -> Iterator[Path]:
    """The file *path* under another name in *root*, gone at the end where nobody has given it its name again."""
    aside = root / f".{os.getpid()}-{secrets.token_hex(8)}.tmp"
    with path.open("rb") as file:
        with contextlib.suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        path.rename(aside)
        try:
            yield aside
        finally:
            aside.unlink(missing_ok=True)


def make_way(path: Path) -> None:
    """Give a folder that stands where a file is to be another name beside: it is nobody's here, and is not removed."""
    if path.is_dir() and not path.is_symlink():
        path.rename(path.with_name(f".{path.name}-{secrets.token_hex(4)}.folder"))


def _locked(root: Path) -> tuple[Path, BinaryIO]:
    while True:
        path = root / f".{os.getpid()}-{secrets.token_hex(8)}.tmp"
        file = path.open("xb")
        with contextlib.suppress(OSError):  # where files cannot be locked nothing is swept either
            fcntl.flock(file, fcntl.LOCK_EX)
        if path.exists():
            return path, file
        file.close()  # taken away in the moment before it was locked


def sweep(directory: str | os.PathLike[str]) -> None:
    """Take away what killed processes were about to store in *directory*."""
    for left in Path(directory).glob(".*.tmp"):
        with contextlib.suppress(OSError), left.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            left.unlink()
