"""Where a verification runs: a copy of the notebook's folder, put back to its first state before each execution.

All executions run at one path, one after the other, so that a value that holds the path is the same in all of them. The
copy stands in a tree that mirrors the way to the notebook's folder, with links to what lies beside it on every level:
``../data/x.csv`` means what it means to the notebook, and what is made beside the folder is gone at the next reset. The
user's own folder is only read.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import shutil
import stat
from collections import deque
from collections.abc import Iterator
from pathlib import Path

from labline_runtime.dataclass import dataclass

BYTES = 2 << 30
"""What is copied at most. The biggest files beyond that are linked."""

ENTRIES = 20_000
"""How many files and folders are copied at most. What lies deeper beyond that is linked, a folder at a time."""

_TOOLS = frozenset({".git", ".hg", ".svn", ".ipynb_checkpoints", "node_modules"})
_ENVIRONMENT = "pyvenv.cfg"  # a virtual environment has it

Facts = tuple[int, ...]


class WorkspaceError(Exception):
    """The folder cannot be copied, or was changed meanwhile; the message is one sentence."""


@dataclass(frozen=True)
class _Entry:
    """What stands at a place: a link to ``link``, a copy of the file ``source``, or a folder."""

    link: str | None = None
    source: Path | None = None


class Workspace:
    """A copy of *folder* below *place*, which is a folder of its own; *private* is never part of it.

    ``root`` stands for ``/``: taken off a path in the copy, it leaves the path in the notebook's folder. ``linked``
    names what was not copied, relative to the folder. Raises ``WorkspaceError``.
    """

    def __init__(self, folder: Path, place: Path, private: Path, limit: int = BYTES, entries: int = ENTRIES) -> None:
        self._real = folder.resolve()
        self._private = private.resolve()
        self.root = place.resolve()
        self.folder = self._at(self._real)
        self._entries: dict[Path, _Entry] = {}
        self._copied: dict[Path, tuple[Facts, Facts]] = {}  # of the file and of its copy, when it was made
        self._linked: dict[Path, Facts] = {}
        self.files = self.bytes = 0
        if self.folder == self.root:
            raise WorkspaceError(f"The notebook lies in {self._real}, which cannot be copied: give it a folder.")
        try:
            self._mirror()
            self._plan(min(limit, shutil.disk_usage(self.root).free // 2), entries)
            for path, entry in list(self._entries.items()):
                try:
                    self._make(path, entry)
                except FileNotFoundError:  # taken away since it was seen
                    del self._entries[path]
            self._settle()
        except OSError as error:
            raise WorkspaceError(_said(f"The notebook's folder {self._real} cannot be copied", error)) from error

    @property
    def linked(self) -> list[str]:
        """What was linked and not copied: its originals are what every execution reads, and may write."""
        return sorted(path.relative_to(self._real).as_posix() for path in self._linked)

    def altered(self) -> list[str]:
        """Those of ``linked`` that are not any more as they were; not those of tools, which others use meanwhile."""
        return sorted(
            path.relative_to(self._real).as_posix()
            for path, was in self._linked.items()
            if path.name not in _TOOLS and _facts(path) != was
        )

    def reset(self) -> None:
        """Put everything back as it was at first. Raises ``WorkspaceError``."""
        try:
            for path in list(_below(self.root)):
                if path not in self._entries:
                    remove(path)
            for path, entry in self._entries.items():
                if not self._is_as_made(path, entry):
                    remove(path)
                    self._make(path, entry)
            self._settle()
        except OSError as error:
            raise WorkspaceError(_said(f"The copy of {self._real} cannot be put back", error)) from error

    def is_outside(self, path: str) -> bool:
        """Whether *path*, which an execution wrote, is shared by all executions."""
        real = Path(os.path.realpath(self.folder / path))
        return not (real.is_relative_to(self.root) or real.is_relative_to(self._private))

    def shown(self, text: str) -> str:
        """*text* as it would be had everything run in the notebook's folder."""
        return text.replace(f"{self.root}{os.sep}", os.sep)

    # ------------------------------------------------------------------ what is to be there

    def _at(self, real: Path) -> Path:
        return self.root / real.relative_to(real.anchor)

    def _mirror(self) -> None:
        """The way to the folder, with links to all that lies beside it."""
        for above, way in itertools.pairwise([*reversed(self._real.parents), self._real]):
            try:
                found = list(above.iterdir())
            except OSError:  # one may pass, and not look
                found = []
            for beside in found:
                if beside not in (way, self.root):
                    self._link(beside)
            self._entries[self._at(way)] = _Entry()

    def _link(self, real: Path) -> None:
        """A link in the place of *real*. One that is a link already stays what it is, so that it leads to copies."""
        target = str(real)
        if real.is_symlink():
            target = str(real.readlink())
            if Path(target).is_relative_to(self._real):
                target = str(self._at(Path(target)))
        self._entries[self._at(real)] = _Entry(link=target)

    def _plan(self, limit: int, entries: int) -> None:
        """Decide what of the folder is copied and what is linked: the nearer and the smaller, the rather copied."""
        sizes: dict[Path, int] = {}
        beside = len(self._entries)
        ahead = deque([self._real])
        while ahead:
            folder = ahead.popleft()
            found = self._listing(folder)
            so_far = len(self._entries) - beside + len(sizes)
            if found is None or (folder != self._real and so_far + len(found) > entries):
                self._leave(folder)
                continue
            for each in found:
                path = folder / each.name
                if each.is_symlink():
                    self._link(path)
                elif each.is_dir():
                    self._entries[self._at(path)] = _Entry()
                    ahead.append(path)
                elif each.is_file():  # a socket or a device is nothing that could be copied
                    sizes[path] = each.stat().st_size
        for path in sorted(sizes, key=sizes.__getitem__):
            if self.bytes + sizes[path] > limit or not os.access(path, os.R_OK):
                self._leave(path)
            else:
                self.bytes += sizes[path]
                self.files += 1
                self._entries[self._at(path)] = _Entry(source=path)

    def _listing(self, folder: Path) -> list[os.DirEntry[str]] | None:
        """What is in *folder*; None for one to be linked whole."""
        try:
            found = sorted(os.scandir(folder), key=lambda each: each.name)
        except OSError:
            return None
        if folder != self._real and (folder.name in _TOOLS or any(each.name == _ENVIRONMENT for each in found)):
            return None
        return [each for each in found if folder / each.name != self._private]

    def _leave(self, real: Path) -> None:
        self._entries[self._at(real)] = _Entry(link=str(real))
        self._linked[real] = _facts(real)

    # ------------------------------------------------------------------ making it so

    def _make(self, path: Path, entry: _Entry) -> None:
        if entry.link is not None:
            path.symlink_to(entry.link)
        elif entry.source is None:
            path.mkdir(parents=True)
        else:
            now = _facts(entry.source)
            if path in self._copied and self._copied[path][0] != now:
                raise WorkspaceError(
                    f"{entry.source} was changed while the notebook was being verified: verify again when it rests."
                )
            shutil.copyfile(entry.source, path)
            shutil.copystat(entry.source, path)
            self._copied[path] = (now, _facts(path))

    def _is_as_made(self, path: Path, entry: _Entry) -> bool:
        if entry.link is not None:
            return path.is_symlink() and str(path.readlink()) == entry.link
        if entry.source is None:
            return path.is_dir() and not path.is_symlink()
        return path in self._copied and _facts(path) == self._copied[path][1]

    def _settle(self) -> None:
        """Give the copied folders their modes and times, which making what is in them has changed."""
        for path, entry in reversed(self._entries.items()):
            if entry.link is None and entry.source is None and path.is_relative_to(self.folder):
                with contextlib.suppress(FileNotFoundError):
                    shutil.copystat(self._original(path), path)

    def _original(self, path: Path) -> Path:
        return Path(self._real.anchor) / path.relative_to(self.root)


def remove(path: Path) -> None:
    """Take away what stands at *path*, whatever it is, and never what a link leads to."""
    if not os.path.lexists(path):
        return
    if path.is_symlink() or not path.is_dir():
        path.unlink()
        return
    for folder, _, _ in os.walk(path):
        os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101 - a folder that forbids it cannot be emptied
    shutil.rmtree(path)


def _below(folder: Path) -> Iterator[Path]:
    """All below *folder*, made writable on the way; links are not followed."""
    os.chmod(folder, stat.S_IRWXU)  # noqa: PTH101
    for each in list(os.scandir(folder)):
        path = folder / each.name
        yield path
        if each.is_dir(follow_symlinks=False) and path.exists():
            yield from _below(path)


def _facts(path: Path) -> Facts:
    """What changes whenever somebody writes to *path*, or puts something else in its place."""
    try:
        found = path.lstat()
    except OSError:
        return ()
    return (found.st_mode, found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns)


def _said(what: str, error: OSError) -> str:
    return f"{what}: {error.strerror or error}."
