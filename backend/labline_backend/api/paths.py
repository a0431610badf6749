"""Contents-API paths to files, confined to the folder that the Jupyter server serves."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jupyter_core.paths import is_hidden
from jupyter_server.utils import to_os_path

from labline_backend.errors import InputError, NotFoundError


def confined(contents_manager: Any, path: str) -> Path:
    """The file that the contents API calls *path*.

    Raises ``NotFoundError`` for what Jupyter would not show either: outside the served folder, also by way of ``..`` or
    of a link, or hidden.
    """
    root = getattr(contents_manager, "root_dir", None)
    if not root:
        raise InputError("This Jupyter server keeps its files in no folder of this machine: runs need one.")
    refused = NotFoundError(f"There is no notebook at {path!r} in the folder that this Jupyter server serves.")
    if not path.strip("/") or "\0" in path:
        raise refused
    top = Path(root).resolve()
    file = Path(to_os_path(path, str(top)))
    try:
        if not _visible(contents_manager, file, top) or not file.parent.is_dir():
            raise refused
    except (OSError, RuntimeError):  # a name that is too long, or a loop of links
        raise refused from None
    return file


def served(contents_manager: Any, file: Path) -> str:
    """What the contents API calls *file*. Raises ``NotFoundError`` for what Jupyter would not show."""
    path = called(contents_manager, file)
    try:
        if file.is_file():
            return path
    except OSError:
        pass
    raise _gone(file)


def called(contents_manager: Any, file: Path) -> str:
    """What the contents API calls *file*, which need not be there. Raises ``NotFoundError`` as :func:`confined`."""
    root = getattr(contents_manager, "root_dir", None)
    if not root:
        raise _gone(file)
    try:
        path = file.resolve().relative_to(Path(root).resolve()).as_posix()
        confined(contents_manager, path)
    except (ValueError, OSError, RuntimeError, NotFoundError):
        raise _gone(file) from None
    return path


def _gone(file: Path) -> NotFoundError:
    return NotFoundError(f"The notebook {file} is not there any more in the folder that this Jupyter server serves.")


def _visible(contents_manager: Any, file: Path, top: Path) -> bool:
    for place in (file, file.resolve()):
        if not place.is_relative_to(top):
            return False
        if not contents_manager.allow_hidden and is_hidden(str(place), str(top)):
            return False
    return True
