# ruff: noqa: PTH100, PTH109, PTH110, PTH111, PTH208, PTH115, PTH116, PTH118, PTH123
# Paths are texts here: an audit hook runs at every open and must be cheap.
"""The files that a step reads and writes, seen through the interpreter's audit events.

Seen are files that Python code opens, renames into place or imports, files it looked for in vain, and listings of
folders; what the notebook's code asks about files without opening them, :mod:`~labline_runtime.asked` tells. Libraries
that open files in C do not tell the interpreter: once one is there, the kernel is asked what this process opens below
the notebook's folder (:mod:`~labline_runtime.opens`). Processes that the step forks see their own uses and tell them
here. What another program reads that the notebook starts is not seen, but that it was started is:
:attr:`Watch.blind` says so.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import stat
import sys
import tempfile
import threading
import types
from collections.abc import Iterable, Mapping
from time import time  # before a cell can put others in their places
from typing import Any

from labline_runtime import library, opens
from labline_runtime.library import folder
from labline_runtime.outcome import FileMode, FileUse

CONTENT_LIMIT = 64 << 20  # bigger files are known by size and time
FILE_LIMIT = 5000
LOOKS: tuple[FileMode, ...] = ("look", "facts")
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND

_STARTS = frozenset(("subprocess.Popen", "os.system", "os.posix_spawn", "os.exec", "os.forkpty", "pty.spawn"))
_LISTS = frozenset(("os.listdir", "os.scandir"))
_SETS = frozenset(("os.putenv", "os.unsetenv"))
_EVENTS = _STARTS | _LISTS | _SETS | {"open", "import", "os.chdir", "os.rename", "sqlite3.connect"}
_COMMANDS = tuple(f"{os.sep}{name}{os.sep}" for name in ("IPython", "pexpect", "ptyprocess"))
"""Libraries that start programs for who calls them."""
_POOLS = (f"{os.sep}joblib{os.sep}",)  # whose processes, not forked but started anew, do what who calls them says
_STARTERS = ("popen_spawn_posix.py", "popen_forkserver.py", "popen_loky_posix.py")
READERS = frozenset(
    (
        *("av", "catboost", "cv2", "duckdb", "fiona", "h5py", "lance", "lightgbm", "netCDF4", "osgeo"),
        *("polars", "pyarrow", "pyogrio", "rasterio", "safetensors", "soundfile", "tables", "tensorflow"),
        *("torch", "torchaudio", "torchvision", "vtk", "xgboost"),
    )
)
"""Libraries that open files in C."""
_COMPILED = re.compile(r"\.pyc(?:\.\d+)?$")
"""What Python makes of modules; it writes them beside their place first, with a number."""
_BESIDE = ("", "-journal", "-wal", "-shm")  # what SQLite adds to a database's name for the files that go with it
# Libraries that set environment variables for who calls them.
_SERVANTS = (f"{os.sep}dotenv{os.sep}", f"{os.sep}environs{os.sep}")


_watching: Watch | None = None
_hooked = False
_libraries: dict[str, types.ModuleType] = {}  # some that were imported before the step began


class Watch:
    """Collects file uses from its making until :meth:`stop`."""

    def __init__(self, own: Iterable[str] = (), *, left: Iterable[str] = (), everywhere: bool = False) -> None:
        """*own* folders are the step's; what lies in folders for settings and throwaway files counts *everywhere*.

        *left* are files that an earlier execution of the step has written; ``met`` comes to be those of them that are
        gone on with: read, or added to, before they are written anew.
        """
        global _watching, _hooked
        self._folder = os.getcwd()
        self._seen: dict[tuple[str, FileMode], tuple[float, float]] = {}  # when first, and when last
        self.blind: str | None = None  # why more may have been read than was seen
        self.variables: set[str] = set()  # of the environment, that the notebook's own code has set or unset
        self.asked: dict[str, str | None] = {}  # those it has read, and what they were known by as the step began
        self.looked: set[tuple[Any, ...]] = set()  # what was asked of a path, and by which code: to know it again
        self.met: set[str] = set()
        self.left = set(left)
        self.tracked: set[str] = set()  # the databases that MLflow has opened, with their journals
        self._own = tuple(folder(path) for path in own)
        self._excluded = (*library.folders(), *library.SYSTEM)
        self._elsewhere = () if everywhere else _throwaway_folders()
        self._inside = (folder(self._folder), *_around(self._folder))
        self._looking: int | None = None  # the thread that looks what there is
        self._opens: opens.Opens | None = None
        self._is_asked = everywhere  # whether the kernel has been asked, or is not to be
        self._process = os.getpid()
        self._told = -1  # a file in memory, in which forked processes tell what they use
        self._heard = 0  # bytes of it
        _watching = self
        if not _hooked:
            sys.addaudithook(_hook)  # there is no way to take it off again
            os.register_at_fork(before=_before_fork)
            _hooked = True
        if not READERS.isdisjoint(sys.modules):
            self.listen()

    def note(self, path: Any, mode: FileMode) -> None:
        """A file was opened, a folder listed, or one of them looked at."""
        if isinstance(path, int) or self._looking == threading.get_ident():
            return
        name = os.path.abspath(os.fsdecode(path))
        if not self._counts(name) or (mode == "look" and self._inside[0].startswith(name + os.sep)):
            return  # that the notebook's folder is there, and those that it lies in, goes without saying
        if len(self._seen) >= FILE_LIMIT:
            self.be_blind(f"it uses more than {FILE_LIMIT} files")
            return
        use, now = (name, mode), time()
        if use not in self._seen and os.getpid() != self._process:
            self._tell(name, mode, now)
        self._seen[use] = (self._seen.get(use, (now,))[0], now)

    def meet(self, path: Any, *, anew: bool) -> None:
        """A file was opened; *anew*: with nothing in it."""
        if isinstance(path, int) or self._looking == threading.get_ident():
            return
        name = os.path.abspath(os.fsdecode(path))
        if name in self.left:
            self.left.discard(name)
            if not anew and os.path.exists(name):
                self.met.add(name)

    def be_blind(self, why: str) -> None:
        """More may be read than is seen."""
        if self.blind is None and os.getpid() != self._process:
            self._tell("", why, 0.0)
        self.blind = why

    def stop(self) -> tuple[FileUse, ...]:
        """End the watch; returns what was used, by path."""
        global _watching
        _watching = None
        try:
            return self.uses()
        finally:
            if self._opens is not None:
                self._opens.close()
            if (told := self._where_told()) is not None:
                os.close(told)

    def listen(self) -> None:
        """Have the kernel tell what is opened below the notebook's folder, where it does."""
        if self._is_asked:
            return
        self._is_asked = True
        before, self._looking = self._looking, threading.get_ident()
        try:
            with contextlib.suppress(OSError):
                self._opens = opens.Opens(opens.folders(self._folder))
        finally:
            self._looking = before

    def expect_fork(self) -> None:
        """A process is about to be forked, which will tell here what it uses."""
        if self._told < 0 and os.getpid() == self._process:
            try:
                self._told = os.memfd_create("labline-files")
                self._as_made = os.fstat(self._told)
            except (OSError, AttributeError):
                self.be_blind("it starts other processes, whose files are not seen")

    def _where_told(self) -> int | None:
        """The descriptor of what forked processes tell; None where there is none, or none of ours any more."""
        with contextlib.suppress(OSError):
            if self._told >= 0 and os.path.samestat(os.fstat(self._told), self._as_made):
                return self._told
        return None

    def _tell(self, path: str, mode: str, when: float) -> None:
        with contextlib.suppress(OSError):
            if (told := self._where_told()) is not None:
                os.write(told, json.dumps([path, mode, when]).encode() + b"\n")

    def _hear(self) -> None:
        """Take in what forked processes have told, and the kernel."""
        if (descriptor := self._where_told()) is not None:
            told = os.pread(descriptor, os.fstat(descriptor).st_size - self._heard, self._heard)
            whole = told[: told.rfind(b"\n") + 1]
            self._heard += len(whole)
            for line in whole.splitlines():
                path, mode, when = json.loads(line)
                if not path:
                    self.blind = mode
                else:
                    first, last = self._seen.get((path, mode), (when, when))
                    self._seen[path, mode] = (min(first, when), max(last, when))
        for opened in self._opens.heard() if self._opens is not None else ():
            if opened is None:
                self.blind = "it opens more files than the kernel remembers"
            elif opened not in self.tracked:
                self.note(opened, "named")

    def uses(self) -> tuple[FileUse, ...]:
        """What was used so far, by path."""
        self._hear()
        for name, module in list(sys.modules.items()):  # an import from the cache of compiled files opens no source
            if _libraries.get(name) is module:
                continue
            source = getattr(module, "__file__", None)
            if isinstance(source, str) and self._counts(source):
                self._seen.setdefault((source, "read"), (0.0, 0.0))
        seen = {use: when for use, when in sorted(self._seen.items()) if use[1] != "named" or not self._knows(use[0])}
        self._looking = threading.get_ident()  # what is opened now, to tell what is in it, is no use
        try:
            uses = [_use(path, mode, *when) for (path, mode), when in seen.items()]
        finally:
            self._looking = None
        return tuple(use for use in uses if use is not None)

    def _knows(self, path: str) -> bool:
        """Whether it was seen that the file at *path* was opened."""
        return (path, "read") in self._seen or (path, "write") in self._seen

    def _counts(self, path: str) -> bool:
        inside = path if path.endswith(os.sep) else path + os.sep  # so that a folder counts as what is in it does
        if _COMPILED.search(path) or inside.startswith(self._own) or inside.startswith(self._excluded):
            return False
        return inside.startswith(self._inside) or not inside.startswith(self._elsewhere)


def know(modules: Mapping[str, types.ModuleType]) -> None:
    """Have those of *modules* that belong to libraries passed over quickly when a watch ends."""
    mine = library.folders()
    for name, module in modules.items():
        source = getattr(module, "__file__", None)
        if not isinstance(source, str) or folder(source).startswith(mine):
            _libraries[name] = module


def _hook(event: str, arguments: tuple[Any, ...]) -> None:
    watch = _watching  # it may end meanwhile, for another thread
    if watch is None or event not in _EVENTS:
        return
    try:
        if event in _STARTS:
            if is_called_by_notebook(sys._getframe(1), _COMMANDS):
                watch.be_blind("it starts another program, whose files are not seen")
        elif event == "os.chdir":
            watch.looked.clear()
        elif event == "import":
            if arguments[0] in READERS:
                watch.listen()
        elif event in _LISTS:
            if not _is_import():
                watch.note("." if arguments[0] is None else arguments[0], "read")
        elif event in _SETS:
            if is_called_by_notebook(sys._getframe(1), _SERVANTS):
                watch.variables.add(os.fsdecode(arguments[0]))
        elif event == "open":
            path, mode, flags = arguments
            if isinstance(path, int):
                if _starts_anew(sys._getframe(1)):
                    watch.be_blind("it starts other processes, whose files are not seen")
                return
            write = any(letter in mode for letter in "wax+") if mode else bool((flags or 0) & _WRITE_FLAGS)
            if watch.left:
                watch.meet(path, anew="w" in mode or "x" in mode if mode else bool((flags or 0) & os.O_TRUNC))
            watch.note(path, "write" if write else "read")
        elif event == "os.rename":
            watch.meet(arguments[0], anew=False)
            watch.meet(arguments[1], anew=True)
            watch.note(arguments[1], "write")
        elif arguments[0] != ":memory:":
            if _tracks(sys._getframe(1)):
                path = os.path.abspath(os.fsdecode(arguments[0]))
                watch.tracked.update(each + end for each in (path, os.path.realpath(path)) for end in _BESIDE)
            else:
                watch.meet(arguments[0], anew=False)
                watch.note(arguments[0], "write")
    except Exception:  # an odd path must not break the program that opens it, nor be taken for nothing
        watch.be_blind("it uses a file whose path cannot be told")


def _before_fork() -> None:
    if _watching is not None:
        _watching.expect_fork()


def _starts_anew(frame: types.FrameType | None) -> bool:
    """Whether a process that is no fork of this one is told what to do, by the notebook's code."""
    nearest = (frame, frame.f_back if frame is not None else None)
    if not any(each is not None and each.f_code.co_filename.endswith(_STARTERS) for each in nearest):
        return False
    return is_called_by_notebook(frame, _POOLS)


def _tracks(frame: types.FrameType | None) -> bool:
    """Whether MLflow opens a database to track in, which is not the notebook's: every run changes it."""
    places = getattr(sys.modules.get("mlflow"), "__path__", ())
    stores = tuple(os.path.join(place, "store", "") for place in places)
    while frame is not None:
        if frame.f_code.co_filename.startswith(stores):
            return True
        frame = frame.f_back
    return False


def _is_import() -> bool:
    """Whether the interpreter itself lists a folder, in search of a module."""
    return "importlib" in sys._getframe(2).f_code.co_filename


def is_called_by_notebook(frame: types.FrameType | None, servants: tuple[str, ...] = ()) -> bool:
    """Whether the notebook's code does it, by the standard library or *servants*; what others do is their own."""
    libraries = library.folders()
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(libraries) and not name.startswith("<frozen "):
            return True
        if "site-packages" in name and not any(servant in name for servant in servants):
            return False
        frame = frame.f_back
    return False


def forget_variables() -> None:
    """From now on :func:`variables_set` counts anew."""
    if _watching is not None:
        _watching.variables.clear()


def variables_set() -> frozenset[str] | None:
    """The environment variables that the notebook's own code has set or unset; None where nobody watches."""
    return None if _watching is None else frozenset(_watching.variables)


def present() -> Watch | None:
    """Who watches now."""
    return _watching


def looks(path: str, mode: FileMode) -> str | None:
    """What is there to see at *path* without opening it; None for nothing. To "facts" belong size and time."""
    try:
        found = os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return None
    link = ""
    if stat.S_ISLNK(found.st_mode):
        link = f" at the end of {os.readlink(path)}"
        try:
            found = os.stat(path)
        except OSError:
            return f"nothing{link}"
    if stat.S_ISDIR(found.st_mode):
        return f"folder{link}"
    return f"file{link} {found.st_size} {found.st_mtime_ns}" if mode == "facts" else f"file{link}"


def _use(path: str, mode: FileMode, first: float, last: float) -> FileUse | None:
    try:
        if mode in LOOKS:
            return FileUse(path, mode, looks(path, mode), 0, first, last)
        facts = os.stat(path)
        if mode == "named" and not stat.S_ISREG(facts.st_mode):
            return None
        listing = mode == "read" and stat.S_ISDIR(facts.st_mode)
        if not listing and not stat.S_ISREG(facts.st_mode):
            return None
        size = 0 if listing else facts.st_size
        if mode == "write":  # it was opened earlier than it was written
            last = max(last, facts.st_mtime)
        return FileUse(path, mode, digest(path, facts), size, first, last)
    except FileNotFoundError:
        return FileUse(path, mode, None, 0, first, last) if mode != "named" else None
    except OSError:
        return None


def digest(path: str, facts: os.stat_result) -> str:
    """What a file's content, or a folder's listing, is known by."""
    if stat.S_ISDIR(facts.st_mode):
        return hashlib.sha256("\0".join(sorted(os.listdir(path))).encode("utf-8", "surrogateescape")).hexdigest()
    if facts.st_size > CONTENT_LIMIT:
        return hashlib.sha256(f"{facts.st_size} {facts.st_mtime_ns}".encode()).hexdigest()
    content = hashlib.sha256()
    with open(path, "rb", buffering=0) as file:
        while chunk := file.read(1 << 20):
            content.update(chunk)
    return content.hexdigest()


def _around(notebook: str) -> tuple[str, ...]:
    """The part of the temporary folder that the folder *notebook* lies in: what is there is no library's."""
    for place in (os.path.realpath(tempfile.gettempdir()), "/tmp", "/var/tmp"):  # noqa: S108 - as below
        rest = folder(notebook).removeprefix(folder(place))
        if rest and rest != folder(notebook):
            return (os.path.join(place, rest.partition(os.sep)[0], ""),)
    return ()


def _throwaway_folders() -> tuple[str, ...]:
    home = os.path.expanduser("~")
    found = [tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm", "/etc", "/usr", "/lib"]  # noqa: S108 - left out, not used
    found += [
        os.path.join(home, name) for name in (".cache", ".config", ".ipython", ".jupyter", ".local", ".matplotlib")
    ]
    found += [value for name in ("MPLCONFIGDIR", "IPYTHONDIR", "XDG_CACHE_HOME") if (value := os.environ.get(name))]
    return tuple(folder(path) for path in found)
