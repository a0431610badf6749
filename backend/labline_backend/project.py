"""Write a generated project into a folder, and lose nothing that somebody else has put there."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from labline_backend.errors import InputError
from labline_compiler.targets.python import MADE_BY, PROJECT_FILE


def write_project(files: Mapping[str, str], folder: Path) -> None:
    """Make *folder* hold *files*, and remove those of an earlier compilation that are no longer among them.

    Raises ``InputError`` where the folder is not one of ours, or a file in it was changed since it was written; then
    nothing has been touched.
    """
    try:
        before = _written_before(folder)
        for path in sorted({*files, *before} - {PROJECT_FILE}):
            _refuse_to_lose(folder / path, before.get(path), files.get(path))
        folder.mkdir(parents=True, exist_ok=True)
        for path, text in files.items():
            _replace(folder / path, text)
        for path in sorted(set(before) - set(files)):
            (folder / path).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(f"{error.filename or folder} cannot be written: {error.strerror or error}.") from error


def _written_before(folder: Path) -> dict[str, str]:
    """The files that an earlier compilation left in *folder*, with the digests of what it wrote."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; a project needs a folder. Name one with -o.")
    if not folder.exists() or not any(folder.iterdir()):
        return {}
    try:
        project = json.loads((folder / PROJECT_FILE).read_text("utf-8"))
        files = project["files"] if project["made_by"] == MADE_BY else None
    except (OSError, ValueError, TypeError, KeyError, RecursionError):
        files = None
    if not isinstance(files, dict):
        raise InputError(f"{folder} holds something that Labline did not write. Name another folder with -o.")
    return {path: str(digest) for path, digest in files.items() if _inside(path)}


def _inside(path: str) -> bool:
    """Whether *path*, as a file that anybody may have edited names it, stays in the project's folder."""
    pure = PurePosixPath(path)
    return bool(pure.parts) and not pure.is_absolute() and ".." not in pure.parts


def _refuse_to_lose(file: Path, written: str | None, text: str | None) -> None:
    if not file.exists():
        return
    if not file.is_file():
        raise InputError(f"{file} is in the way. Move it, or name another folder with -o.")
    found = hashlib.sha256(file.read_bytes()).hexdigest()
    if found == written or (text is not None and found == hashlib.sha256(text.encode("utf-8")).hexdigest()):
        return
    raise InputError(
        f"{file} was changed since Labline wrote it. Keep it by naming another folder with -o, or delete it."
        if written is not None
        else f"{file} is not Labline's. Move it, or name another folder with -o."
    )


def _replace(file: Path, text: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=".labline-")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(text.encode("utf-8"))
        mask = os.umask(0)
        os.umask(mask)
        Path(temporary).chmod(0o666 & ~mask)
        Path(temporary).replace(file)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
