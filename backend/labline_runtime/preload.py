"""Imports a notebook's libraries in a warm parent, as its steps would, and finds out whether that is harmless.

A library may be imported ahead when nobody can tell that it was: the import must leave nothing behind that a fork would
break or share (threads, open files, processes), nothing that is of one step alone (its shell, a generator of random
numbers), and no change that :mod:`labline_runtime.shelf` cannot undo and do again.
One that does is :class:`Refused`, for a reason that a person understands, and each step imports it anew.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import os
import random
import signal
import sys
import types
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from labline_runtime import environ, files, import_draws, library, shell, tracking
from labline_runtime.outputs import Recorder
from labline_runtime.requests import AUTOLOGGING
from labline_runtime.shelf import MISSING, Brought, Change, Shelf, added, set_filters
from labline_runtime.states import generators, looks, parts, patches

HARMLESS_THREADS = frozenset(("jemalloc_bg_thd",))  # of jemalloc, which stops it before every fork
LATER = {
    "pandas": ("pandas.io.formats.string", "pandas.io.formats.html"),
    "pyarrow": ("pyarrow.pandas_compat", "pyarrow.vendored.version"),
    "sklearn.datasets": ("sklearn.datasets.data", "sklearn.datasets.descr"),
    "narwhals": ("narwhals._pandas_like.namespace", "narwhals._interchange.dataframe", "narwhals.stable.v2._namespace"),
}
"""By library, what it, or those that use it, imports when it is used for the first time."""

_STATES = ("@cwd", "@sys.path", "@interpreter", "@locale", "@decimal", "@logging")
_IN_USE = ("labline_runtime", "IPython", "traitlets", "_cython_")  # by all that there is already
_BOOKKEEPING = ("__warningregistry__", "__annotations__")
_HOOKS = ("excepthook", "displayhook", "unraisablehook", "breakpointhook")

Stamp = tuple[int, int] | str | None


class Refused(Exception):
    """The library must not be imported ahead. ``statement`` is what imports it, the message says why."""

    def __init__(self, statement: str, reason: str) -> None:
        super().__init__(reason)
        self.statement = statement


class Ahead:
    """Libraries imported ahead for the notebooks in one folder."""

    def __init__(
        self, folder: str, shelf: Shelf, looked_at: Iterable[str], asked: Iterable[str], stage: shell.Stage
    ) -> None:
        self.shelf = shelf
        self.stage = stage
        self.looked_at = frozenset(looked_at)
        self.asked = frozenset(asked)  # packages that a library looked for, whether there is one or not
        self._folder = folder
        self._stamps = {path: _stamp(path) for path in self.looked_at}
        self._shadows = self._shadowing()

    def is_current(self) -> bool:
        """Whether importing it all now would still give the same."""
        return all(_stamp(path) == seen for path, seen in self._stamps.items()) and self._shadowing() == self._shadows

    def _shadowing(self) -> set[str]:
        """What in the folder might be imported in place of a library."""
        return {name.partition(".")[0] for name in library.beside(self._folder)} & (self.shelf.names() | self.asked)

    def enter_step(self) -> None:
        """Have the step find the libraries on the shelf, with random numbers of its own."""
        numpy_random: Any = self.shelf.module("numpy.random")
        if numpy_random is not None:  # Python reseeds its own after a fork, NumPy and PyTorch do not
            generators.renew_numpy(numpy_random)
        torch: Any = self.shelf.module("torch")
        if torch is not None:
            torch.default_generator.seed()
        shell.prepared = self.stage
        self.shelf.serve()


def preload(statements: Sequence[str], folder: str, done: Ahead | None = None, *, autologging: bool = False) -> Ahead:
    """Carry out import *statements* as a step in *folder* would, and put what they bring out of sight.

    What is *done* are the first of them. With *autologging* what the runtime itself takes to log a training lies aside.

    Changes the process for good: working directory, environment and ``sys.path`` are those of a step. Raises
    :class:`Refused`.
    """
    os.chdir(folder)
    sys.argv[:] = [""]
    shell.set_variables()
    shell.add_current_folder_to_path()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    looked_at = set(done.looked_at) if done is not None else set[str]()
    asked = set(done.asked) if done is not None else set[str]()
    found = list(done.shelf.kept) if done is not None else []
    later = list(done.shelf.later) if done is not None else []
    aside: list[Brought] = []
    stage = done.stage if done is not None else shell.Stage()
    names: dict[str, Any] = {"__name__": "__main__"}  # what the notebook will have names for
    watch = files.Watch(everywhere=True)
    try:
        with _scene(stage, folder) as scene, _noting_looks(looked_at), _noting_own_variables(scene):
            for brought in found:
                brought.put_back()
            for brought in later:
                brought.put_back()
                brought.bind()
            for statement in statements[len(found) :]:
                name = statement.split()[1]
                if not library.is_library(name):
                    break  # code beside the notebook, or missing: both are the step's own
                found.append(_carry_out(statement, scene, names))
            later += _bring_later(statements[len(found) - 1], scene) if found else ()
            # What lies beside the notebook under that name is not carried out before the notebook does so.
            if autologging and len(found) == len(statements) and library.is_library("mlflow"):
                aside += _bring_aside(scene)
            # While all is in sight. The notebook may call a module otherwise than the statement does.
            patches.learn(names | {s: sys.modules.get(s.split()[1]) for s in statements})
            looks.learn()
            tracking.learn()
            asked |= scene.fence.asked
    finally:
        uses = watch.stop()
    if written := [use.path for use in uses if use.mode == "write"]:
        statement = AUTOLOGGING if autologging else statements[0]
        raise Refused(statement, f"a library writes {written[0]} when it is imported")
    shelf = Shelf(found, later, aside)
    library.forget()  # what lies beside the notebook may change
    return Ahead(folder, shelf, {*looked_at, *(use.path for use in uses)}, asked, stage)


def threads() -> list[str]:
    """The names of the process's threads, without the first and those that are harmless."""
    found = []
    for task in os.listdir("/proc/self/task"):  # noqa: PTH208
        if int(task) != os.getpid():
            with contextlib.suppress(OSError), open(f"/proc/self/task/{task}/comm") as comm:  # noqa: PTH123
                found.append(comm.read().strip())
    return sorted(name for name in found if name not in HARMLESS_THREADS)


def _bring_later(statement: str, scene: _Scene) -> Iterator[Brought]:
    """What the libraries that *statement* is the last to import would import later. Raises :class:`Refused`."""
    for name in (name for user, names in LATER.items() if user in sys.modules for name in names):
        modules, variables, filters = set(sys.modules), dict(os.environ), list(warnings.filters)
        before, stood = _facts(scene), import_draws.stand()
        with scene.fence, contextlib.suppress(ImportError):  # another release may not have it
            importlib.import_module(name)
        brought = {name: module for name, module in sys.modules.items() if name not in modules}
        reasons = (scene.problem(), _differing(before, _facts(scene)), _living(), _carried(brought), _drawn(stood))
        if reason := next(filter(None, reasons), None):
            raise Refused(statement, reason)
        own = Brought({n: m for n, m in brought.items() if n.partition(".")[0] not in sys.stdlib_module_names})
        if own.modules and (variables, filters) == (dict(os.environ), list(warnings.filters)):
            yield own
        else:  # the step will import it anew
            own.take_away()


def _bring_aside(scene: _Scene) -> Iterator[Brought]:
    """What it takes to log a training: first what MLflow uses, which knows nothing of it. Raises :class:`Refused`."""
    found, stood = [], import_draws.stand()
    for name in tracking.TAKES:
        try:  # a smaller MLflow, or another release, may not have it all
            found.append(_carry_out(f"try:\n    import {name}\nexcept ImportError:\n    pass", scene, {}))
        except Refused as refused:
            raise Refused(AUTOLOGGING, str(refused)) from None
    if reason := _drawn(stood):
        raise Refused(AUTOLOGGING, reason)
    own = [{n: m for n, m in each.modules.items() if n.partition(".")[0] == "mlflow"} for each in found]
    for each, mine in zip(found, own, strict=True):  # whatever else they bring is of what MLflow uses
        yield replace(each, modules={name: module for name, module in each.modules.items() if name not in mine})
    yield from map(Brought, filter(None, own))


def _carry_out(statement: str, scene: _Scene, names: dict[str, Any]) -> Brought:
    """What *statement*, carried out where *names* are, brings. Raises :class:`Refused`."""
    modules, variables, filters = set(sys.modules), dict(os.environ), list(warnings.filters)
    finders, attributes = list(sys.meta_path), _attributes()
    before = _facts(scene)
    try:
        with scene.fence:
            exec(compile(statement, "<imports>", "exec"), names)  # noqa: S102 - an import statement
    except BaseException as error:
        raise Refused(statement, scene.problem() or f"importing it raises {type(error).__name__}") from None
    brought = {name: module for name, module in sys.modules.items() if name not in modules}
    reasons = [scene.problem(), _differing(before, _facts(scene)), _living(), _carried(brought)]
    if reason := next(filter(None, reasons), None):
        raise Refused(statement, reason)
    if sys.meta_path[: len(finders)] != finders:
        raise Refused(statement, "it changes how modules are found")
    front, back = _around(filters, list(warnings.filters), statement)
    now = dict(os.environ)
    return Brought(
        {name: module for name, module in brought.items() if name.partition(".")[0] not in sys.stdlib_module_names},
        {name: now.get(name) for name in variables.keys() | now.keys() if variables.get(name) != now.get(name)},
        front,
        back,
        sys.meta_path[len(finders) :],
        list(_changes(attributes)),
    )


def _attributes() -> dict[int, tuple[Any, dict[str, Any]]]:
    """What the modules of libraries, and the classes that find modules, hold by name."""
    holders: list[Any] = [module for name, module in list(sys.modules.items()) if _is_of_library(name, module)]
    holders += (finder for finder in sys.meta_path if isinstance(finder, type))
    return {id(holder): (holder, dict(vars(holder))) for holder in holders}


def _is_of_library(name: str, module: object) -> bool:
    top = name.partition(".")[0]
    return type(module) is types.ModuleType and top not in sys.stdlib_module_names and not top.startswith(_IN_USE)


def _changes(before: dict[int, tuple[Any, dict[str, Any]]]) -> Iterator[Change]:
    """What has changed since, modules of packages apart."""
    for holder, held in before.values():
        now = vars(holder)
        for name in held.keys() | now.keys():
            was, value = held.get(name, MISSING), now.get(name, MISSING)
            if was is not value and not isinstance(value, types.ModuleType) and name not in _BOOKKEEPING:
                yield Change(holder, name, was, value)


def _around(before: list[Any], after: list[Any], statement: str) -> tuple[list[Any], list[Any]]:
    """The filters of warnings that were added in front and behind."""
    for place in range(len(after) + 1):
        front = after[:place]
        rest = [each for each in before if each not in front]
        if after[place : place + len(rest)] == rest:
            back = after[place + len(rest) :]
            if added(before, front, back) == after:
                return front, back
    raise Refused(statement, "it takes filters of warnings away")


# --------------------------------------------------------------------------------------------------- what to look at


class _Scene:
    """What a library finds while it is imported that concerns the step alone, and what it did with it."""

    def __init__(self, output: int, stage: shell.Stage, folder: str) -> None:
        self._output = output
        self._stage = stage
        self._shown: list[str] = []
        self.fence = library.Fence(folder)
        self.shell = _StandIn(self)
        self.asked: str | None = None  # what somebody wanted of the shell
        self.read: str | None = None  # a variable of the environment that is the step's own

    def show(self, message: Any) -> None:
        """Note a warning."""
        self._shown.append(message.category.__name__)

    def held(self) -> int:
        """How often the shell's stand-in is referred to."""
        return sys.getrefcount(self.shell)

    def problem(self) -> str | None:
        """Why the step has to do it itself."""
        self._stage.stdout.flush()
        self._stage.stderr.flush()
        if self.fence.found:
            return f"it would import {self.fence.found}, which lies beside the notebook"
        if self._shown:
            return f"importing it shows a {self._shown[0]}"
        if os.fstat(self._output).st_size:
            return "importing it prints something"
        if self.read:
            return f"it reads {self.read}, which is another one in each step, when it is imported"
        if self.asked:
            return f"it uses the notebook's shell when it is imported ({self.asked})"
        return None


class _StandIn:
    """Stands for a step's shell. Libraries that only tell a notebook from a terminal by it get the shell's answers."""

    def __init__(self, scene: _Scene) -> None:
        object.__setattr__(self, "_scene", scene)

    def __getattribute__(self, name: str) -> Any:
        if name == "__class__":
            return shell.ZMQInteractiveShell
        if name != "kernel":  # which a kernel's shell has, and a step's has not
            object.__getattribute__(self, "_scene").asked = name
        raise AttributeError(name)

    def __setattr__(self, name: str, value: Any) -> None:
        object.__getattribute__(self, "_scene").asked = name


@contextlib.contextmanager
def _scene(stage: shell.Stage, folder: str) -> Iterator[_Scene]:
    """Have streams, a ``__main__`` and filters of warnings as in a step, and notice who looks for its shell."""
    import builtins

    from IPython.core.getipython import get_ipython
    from IPython.core.interactiveshell import InteractiveShell

    output = os.memfd_create("labline-output")
    plain = [os.dup(descriptor) for descriptor in (1, 2)]
    for descriptor in (1, 2):
        os.dup2(output, descriptor)
    stage.open(Recorder())
    scene = _Scene(output, stage, folder)

    filters, show = list(warnings.filters), warnings._showwarnmsg_impl  # type: ignore[attr-defined]
    streams, main = (sys.stdout, sys.stderr), sys.modules["__main__"]
    warnings.filterwarnings("default", category=DeprecationWarning, module="__main__")  # as IPython does
    warnings._showwarnmsg_impl = scene.show  # type: ignore[attr-defined]
    sys.stdout, sys.stderr = stage.stdout, stage.stderr
    sys.modules["__main__"] = stage.module
    InteractiveShell.initialized = classmethod(lambda _: True)
    InteractiveShell.instance = classmethod(lambda _: scene.shell)
    builtins.get_ipython = get_ipython  # type: ignore[attr-defined]  # who keeps it will be given the step's shell
    try:
        yield scene
    finally:
        del builtins.get_ipython, InteractiveShell.initialized, InteractiveShell.instance  # type: ignore[attr-defined]
        sys.modules["__main__"] = main
        sys.stdout, sys.stderr = streams
        stage.close()
        warnings._showwarnmsg_impl = show  # type: ignore[attr-defined]
        set_filters(filters)
        for descriptor, copy in zip((1, 2), plain, strict=True):
            os.dup2(copy, descriptor)
            os.close(copy)
        os.close(output)


@contextlib.contextmanager
def _noting_looks(looked_at: set[str]) -> Iterator[None]:
    """Note in *looked_at* what files somebody asks the system about, outside the folders of libraries."""
    plain = os.stat
    mine = (*library.folders(), *library.SYSTEM)

    def stat(path: Any, *arguments: Any, **options: Any) -> os.stat_result:
        if not isinstance(path, int) and not options.get("dir_fd"):
            name = os.path.abspath(os.fsdecode(path))  # noqa: PTH100
            if not library.folder(name).startswith(mine):
                looked_at.add(name)
        return plain(path, *arguments, **options)

    os.stat = stat
    try:
        yield
    finally:
        os.stat = plain


@contextlib.contextmanager
def _noting_own_variables(scene: _Scene) -> Iterator[None]:
    """Note who reads variables that the parent has not as a step has them."""
    variables: Any = type(os.environ)
    plain = variables.__getitem__

    def getitem(held: Any, name: Any) -> Any:
        if isinstance(name, str) and name.startswith(environ.STEPS_OWN):
            scene.read = name
        return plain(held, name)

    variables.__getitem__ = getitem
    try:
        yield
    finally:
        variables.__getitem__ = plain


def _stamp(path: str) -> Stamp:
    try:
        facts = os.stat(path)  # noqa: PTH116
    except OSError:
        return None
    return "folder" if os.path.isdir(path) else (facts.st_mtime_ns, facts.st_size)  # noqa: PTH112


def _facts(scene: _Scene) -> dict[str, Any]:
    """What an import must leave as it is, by what is wrong where it does not."""
    states = {name: parts.look(name) for name in _STATES}
    return {
        "it changes sys.path": states.pop("@sys.path"),
        "it changes the working directory": states.pop("@cwd"),
        "it sets up logging when it is imported": (states.pop("@logging"), list(logging.root.handlers)),
        "it changes settings of the interpreter": states,
        "it handles signals": [signal.getsignal(number) for number in signal.valid_signals()],
        "it exchanges hooks of the interpreter": [getattr(sys, name) for name in _HOOKS] + [sys.gettrace()],
        "it exchanges how warnings are shown": warnings.showwarning,
        "it keeps a file or a connection open": _descriptors(),
        "it keeps the notebook's shell": scene.held(),
    }


def _differing(before: dict[str, Any], now: dict[str, Any]) -> str | None:
    return next((what for what, value in before.items() if value != now[what]), None)


def _drawn(stood: dict[str, Any]) -> str | None:
    """What is wrong where generators of random numbers have *stood* elsewhere, and the notebook may set them first."""
    now = import_draws.stand()
    moved = any(now[state] != before for state, before in stood.items())
    return "it draws random numbers when it is imported" if moved else None


def _descriptors() -> set[str]:
    # The folder that is being listed has a descriptor itself, always the lowest that is free.
    found = set()
    for name in os.listdir("/proc/self/fd"):  # noqa: PTH208
        with contextlib.suppress(OSError):
            found.add(f"{name} {os.readlink(f'/proc/self/fd/{name}')}")  # noqa: PTH115
    return found


def _living() -> str | None:
    """What an import has started that lives on beside it."""
    with contextlib.suppress(ChildProcessError):
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
        return "it starts a process when it is imported"
    if threads():  # libraries that know of forks end their threads before one
        if (child := os.fork()) == 0:
            os._exit(0)
        os.waitpid(child, 0)
    if still := threads():
        return f"it starts a thread when it is imported ({still[0]})"
    return None


def _carried(brought: dict[str, types.ModuleType]) -> str | None:
    """What is wrong with the modules that an import has brought."""
    mine = library.folders()
    for name, module in brought.items():
        source = getattr(module, "__file__", None)
        if not isinstance(source, str) or os.path.abspath(source).startswith(mine):  # noqa: PTH100
            continue
        if os.path.exists(source):  # noqa: PTH110 - else the library made the module, and its file, up
            return f"it comes with {name}, which is not installed"
    kinds = _generators()
    shared = getattr(sys.modules.get("numpy.random.mtrand"), "_rand", None)
    for name, module in brought.items():
        for value in list(vars(module).values()) if isinstance(module, types.ModuleType) else ():
            if type(value) in kinds and value is not shared:
                return f"{name} makes a generator of random numbers when it is imported"
    return None


def _generators() -> tuple[type, ...]:
    numpy: Any = sys.modules.get("numpy.random")
    return (random.Random, *((numpy.RandomState, numpy.Generator) if numpy is not None else ()))
