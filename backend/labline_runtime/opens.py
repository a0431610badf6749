"""The files that this process opens in some folders, told by the kernel: by whatever code, in Python or in C.

That is Linux's fanotify in the way that needs no rights: folders are marked, and what is opened in them is told by the
folder's handle and the file's name. Where the kernel or a container does not allow it, nothing is told.
"""

from __future__ import annotations

import ctypes
import os
import struct
from collections.abc import Iterable, Iterator

MOST = 64  # folders below another that are watched
_CLOEXEC, _NONBLOCK, _DIR_FID, _NAME = 0x1, 0x2, 0x400, 0x800
_ADD, _ONLYDIR = 0x1, 0x8
_OPEN, _OVERFLOW, _ON_CHILD = 0x20, 0x4000, 0x0800_0000
_AT_FDCWD = -100
_EVENT = struct.Struct("=IBBHQii")  # length, version, reserved, length of this, what, descriptor, process
_INFO = struct.Struct("=BBH8xIi")  # kind, padding, length, file system, length of the handle, its kind
_HANDLE = struct.Struct("=Ii")
_LONGEST = 128  # bytes of a handle
_FOLDER_AND_NAME = 2
_NO_DATA = (".", "__pycache__", "node_modules")

Handle = tuple[int, bytes]


class Opens:
    """Hears from its making on what this process opens in folders."""

    def __init__(self, folders: Iterable[str]) -> None:
        """Hear what is opened in each of *folders* itself. Raises ``OSError`` where that cannot be had."""
        self._c = ctypes.CDLL(None, use_errno=True)
        self._process = os.getpid()
        self._folders: dict[Handle, str] = {}
        try:
            self._queue = self._checked(
                self._c.fanotify_init(_CLOEXEC | _NONBLOCK | _DIR_FID | _NAME, os.O_RDONLY | os.O_CLOEXEC)
            )
        except AttributeError as error:  # another system
            raise OSError("there is no fanotify here") from error
        for folder in folders:
            try:
                self._watch(folder)
            except OSError:  # others may be watched all the same
                if not self._folders:
                    self.close()
                    raise

    def heard(self) -> Iterator[str | None]:
        """What was opened since it was last asked, by path, some of it more than once; None where not all is known."""
        if os.getpid() != self._process or not self._is_ours():
            return
        while True:
            try:
                events = os.read(self._queue, 1 << 16)
            except OSError:  # there is no more
                return
            place = 0
            while place < len(events):
                length, _, _, start, what, _, process = _EVENT.unpack_from(events, place)
                if what & _OVERFLOW:
                    yield None
                elif process == self._process and (path := self._path(events[place + start : place + length])):
                    yield path
                place += length

    def close(self) -> None:
        """Hear no more."""
        if self._is_ours():
            os.close(self._queue)
        self._queue = -1

    def _is_ours(self) -> bool:
        """Whether the notebook's code has not closed the queue, and maybe opened something else in its place."""
        try:
            return self._queue >= 0 and "fanotify" in os.readlink(f"/proc/self/fd/{self._queue}")  # noqa: PTH115
        except OSError:
            return False

    def _watch(self, folder: str) -> None:
        name, found = os.fsencode(folder), ctypes.create_string_buffer(_HANDLE.size + _LONGEST)
        _HANDLE.pack_into(found, 0, _LONGEST, 0)
        self._checked(self._c.name_to_handle_at(_AT_FDCWD, name, found, ctypes.byref(ctypes.c_int()), 0))
        length, kind = _HANDLE.unpack_from(found)
        self._folders[kind, found.raw[_HANDLE.size : _HANDLE.size + length]] = folder
        what = ctypes.c_uint64(_OPEN | _ON_CHILD)
        self._checked(self._c.fanotify_mark(self._queue, _ADD | _ONLYDIR, what, _AT_FDCWD, name))

    def _path(self, facts: bytes) -> str | None:
        if len(facts) < _INFO.size:
            return None
        kind, _, _, length, of_handle = _INFO.unpack_from(facts)
        end = _INFO.size + length
        folder = self._folders.get((of_handle, facts[_INFO.size : end]))
        name = facts[end:].partition(b"\0")[0]
        return os.path.join(folder, os.fsdecode(name)) if kind == _FOLDER_AND_NAME and folder and name else None  # noqa: PTH118

    @staticmethod
    def _checked(result: int) -> int:
        if result < 0:
            raise OSError(number := ctypes.get_errno(), os.strerror(number))
        return result


def folders(top: str) -> Iterator[str]:
    """*top* and the folders below it, the nearest first, without those that hold no data; :data:`MOST` at most."""
    ahead = [top]
    for place in range(MOST):
        if place == len(ahead):
            return
        try:
            with os.scandir(ahead[place]) as entries:
                found = [*entries]
        except OSError:  # it is not ours to look into, or has just gone
            continue
        if place and any(each.name == "pyvenv.cfg" for each in found):  # an environment of Python's
            continue
        yield ahead[place]
        ahead += sorted(
            each.path for each in found if not each.name.startswith(_NO_DATA) and each.is_dir(follow_symlinks=False)
        )
