"""What the notebook has put into modules and classes of libraries, and the data that modules of its own hold.

``@patch:pandas.DataFrame.shout`` is the attribute ``shout`` of ``pandas.DataFrame``; ``@patch:mimetypes.types_map[]``
what is in that container; ``@module:helpers`` all plain data of the module ``helpers``, and its text.
"""

from __future__ import annotations

import builtins
import contextlib
import enum
import importlib
import io
import itertools
import sys
import types
from collections.abc import Container, Iterable, Iterator, Mapping
from typing import Any

from labline_runtime.dataclass import dataclass
from labline_runtime.library import is_library
from labline_runtime.states import sources
from labline_runtime.states.versions import Found, Ground

PATCH, MODULE, INSIDE = "@patch:", "@module:", "[]"
_TEXTS = "<texts>"  # among the names of modules, in what is captured of them
_OF_THE_STEP = ("labline_runtime", "IPython")


class _Missing:
    """Stands for an attribute that was deleted."""

    def __reduce__(self) -> Any:
        return _missing, ()


_MISSING = _Missing()


def _missing() -> _Missing:
    return _MISSING


def note_exchange(path: str) -> None:
    """Let :func:`reduce_original` know, before anything is stored, that something else may stand at *path*."""
    if path.startswith(PATCH):
        capture_patch(path.removeprefix(PATCH))


def capture_patch(path: str) -> Any:
    """The present value of the attribute, as it is stored; None where there is nothing to put back.

    That is so where the module is not in use, where the step's own streams and hooks are back in place, and where what
    should be a container is none.
    """
    holder, name = _holder(path.removesuffix(INSIDE))
    _exchanged.add(name)
    if holder is None:
        return None
    held = vars(holder) if isinstance(holder, (type, types.ModuleType)) else {}
    value = held[name] if name in held else getattr(holder, name, _MISSING)
    if path.endswith(INSIDE) and not isinstance(value, (dict, list, set)):
        return None
    if holder is sys and type(getattr(value, "__self__", value)).__module__.startswith(_OF_THE_STEP):
        return None
    if can_be_original(value) and (own := getattr(value, "__name__", None)):
        _exchanged.add(own)  # its own name may lead to another, whose turn has not come yet
    return {"value": value}


def restore_patch(path: str, value: Any) -> None:
    """Put it there; what is a container of the library's is filled, so that everybody else who holds it sees it."""
    if value is None:
        return
    holder, name = _holder(path.removesuffix(INSIDE), load=True)
    _exchanged.add(name)
    if holder is None:
        return
    wanted = value["value"]
    if isinstance(wanted, _Missing):
        if name in getattr(holder, "__dict__", ()):  # else there is nothing to take away
            delattr(holder, name)
        return
    present = getattr(holder, name, None)
    if not _filled(present, wanted):
        if (home := _home(present)) is not None:
            _originals.setdefault(home, present)
        setattr(holder, name, wanted)


_exchanged: set[str] = set()  # the last part of the paths of all patches, and the names of what is there instead
_originals: dict[tuple[str, str], Any] = {}  # functions and classes of libraries that something else stands in for
_OF_NUMPY = frozenset({("numpy", "_ArrayFunctionDispatcher"), ("numpy", "ufunc")})  # nobody else's code makes these


def can_be_original(value: Any) -> bool:
    """Whether *value* is of a kind that modules define by name."""
    return isinstance(value, (types.FunctionType, types.BuiltinFunctionType, type)) or _is_of_numpy(value)


def reduce_original(value: Any) -> Any:
    """How to store what a library defines and its own name does not lead to any more; None for all else."""
    if value.__name__ not in _exchanged or (home := _home(value)) is None or "<" in home[1]:
        return None
    return None if _named(*home) is value else (_original, home)


def _original(module: str, name: str) -> Any:
    found = _originals.get((module, name))
    if found is None:
        importlib.import_module(module)
        found = _named(module, name)
    if _home(found) != (module, name):
        raise ImportError(f"{module}.{name} is not what {module} defines: it was exchanged before the step began")
    return found


def _home(value: Any) -> tuple[str, str] | None:
    """Module and name of what a library defines; None for all else, and for what stands in for it under its name."""
    if _is_of_numpy(value):
        return getattr(value, "__module__", None) or "numpy", value.__name__
    name = getattr(value, "__module__", None)
    module = sys.modules.get(name) if isinstance(name, str) else None
    if module is None or name == "__main__":
        return None
    if isinstance(value, types.BuiltinFunctionType):
        own = value.__self__ is module
    elif isinstance(value, types.FunctionType):
        own = value.__globals__ is vars(module)
    else:
        own = isinstance(value, type)
    return (module.__name__, value.__qualname__) if own else None


def _is_of_numpy(value: Any) -> bool:
    return (str(type(value).__module__).partition(".")[0], type(value).__name__) in _OF_NUMPY


def _named(module: str, name: str) -> Any:
    found: Any = sys.modules.get(module)
    for part in name.split("."):
        found = getattr(found, part, None)
    return found


def _filled(present: Any, wanted: Any) -> bool:
    if present is wanted:
        return True
    if type(present) is not type(wanted) or not isinstance(present, (dict, list, set)):
        return False
    content = type(wanted)(wanted) if not isinstance(wanted, dict) else dict(wanted)
    present.clear()
    if isinstance(present, list):
        present.extend(content)
    else:
        present.update(content)
    return True


def _holder(path: str, *, load: bool = False) -> tuple[Any, str]:
    """The object that has the attribute, and the attribute's name."""
    parts = path.split(".")
    for end in range(len(parts) - 1, 0, -1):
        name = ".".join(parts[:end])
        holder: Any = sys.modules.get(name)
        if holder is None and load:
            with contextlib.suppress(ImportError):
                holder = importlib.import_module(name)
        if holder is None:
            continue
        for part in parts[end:-1]:
            holder = getattr(holder, part, None)
        return holder, parts[-1]
    return None, parts[-1]


def capture_module(name: str) -> Any:
    """The data that the module and its classes hold: what can be stored, without functions, classes and modules.

    First the texts of the modules, so that what follows is loaded with the modules that it is of.
    """
    from labline_runtime.values.writing import dump

    own = _modules_of(name)
    found: dict[str, dict[str, Any]] = {}
    if texts := {full: source for full in own if (source := sources.of(full)) is not None}:
        found[_TEXTS] = texts
    for full, module in own.items():
        for key, value in _data_of(module):
            with contextlib.suppress(Exception):
                dump(value, io.BytesIO(), lambda _: None)  # big arrays are not copied for that
                found.setdefault(full, {})[key] = value
    return found or None


def _modules_of(name: str) -> dict[str, types.ModuleType]:
    """The module beside the notebook called *name*, and those in it if it is a package."""
    return {
        full: module
        for full, module in list(sys.modules.items())
        if (full == name or full.startswith(f"{name}.")) and sources.is_of_notebook(getattr(module, "__file__", None))
    }


def present_data(name: str) -> dict[str, Any]:
    """The data that the module and its classes hold, by dotted names, be it such that can be stored or not."""
    return {f"{full}.{key}": value for full, module in _modules_of(name).items() for key, value in _data_of(module)}


def _data_of(module: types.ModuleType) -> Iterator[tuple[str, Any]]:
    """Data under the names of the module, and of its classes (``Account.opened``) but for what works on instances."""
    for key, value in list(vars(module).items()):
        if key.startswith("__") or isinstance(value, (types.ModuleType, types.FunctionType)):
            continue
        if not isinstance(value, type):
            yield key, value
        elif value.__module__ == module.__name__ and value.__qualname__ == key and not isinstance(value, enum.EnumMeta):
            for name, held in list(vars(value).items()):
                if not name.startswith("_") and not isinstance(held, type) and not hasattr(type(held), "__get__"):
                    yield f"{key}.{name}", held


def data_in(value: Any) -> dict[str, dict[str, Any]]:
    """By module, what :func:`capture_module` has found in it."""
    # The texts have had their effect when they were loaded.
    return {full: content for full, content in (value or {}).items() if full != _TEXTS}


def restore_module(value: Any, held: Container[int] = ()) -> None:
    """Import the modules where they are in reach, and fill them.

    What is one object when they have just been imported may be two by now: only the first of them fills it. What is
    *held* elsewhere, by the ids of the objects, fills nothing: it is put there itself.
    """
    filled: dict[int, tuple[Any, Any]] = {}
    for full, content in data_in(value).items():
        with contextlib.suppress(ImportError):
            module = importlib.import_module(full)
            for key, wanted in content.items():
                kind, _, name = key.rpartition(".")
                holder = getattr(module, kind, None) if kind else module
                present = getattr(holder, name, None)
                first = (
                    filled.setdefault(id(present), (present, wanted))[1] is wanted
                )  # kept, so that no number returns
                is_filled = first and id(wanted) not in held and _filled(present, wanted)
                if not is_filled and holder is not None:
                    with contextlib.suppress(AttributeError, TypeError):  # what a metaclass refuses
                        setattr(holder, name, wanted)


class Patches:
    """Functions and classes of the notebook, or of modules beside it, that stand in libraries.

    Looked at are Python's own names, the libraries and the classes of theirs that *namespace* has names for, and
    pandas' classes of data.
    """

    def __init__(self, namespace: Mapping[str, Any]) -> None:
        self._namespace = namespace
        self._loaded = len(sys.modules)
        self._seen = _holders(namespace)
        self._before = _picture(self._seen)

    def new(self, known: Iterable[str]) -> list[str]:
        """The paths (``@patch:...``) of those that were put there since, save those at the paths *known*."""
        holders = _holders(self._namespace)
        if self._before.holds(holders):
            return []
        expected = {(id(holder), name) for holder, name in (_holder(_place(path)) for path in known)}
        found = []
        for each in holders:
            code = each.own_code()
            if code and each not in self._seen and self._was_loaded(each.module):
                continue  # it was there, and may have had them from the beginning
            for name, value in code:
                key = id(each.holder), name
                if self._before.code.get(key) is not value and key not in expected:
                    found.append(f"{PATCH}{each.path}.{name}")
        return found

    def _was_loaded(self, module: str) -> bool:
        """Whether it was before: modules stand in the order in which they came."""
        return module in itertools.islice(list(sys.modules), self._loaded)


def learn(namespace: Mapping[str, Any]) -> None:
    """Look at all that :class:`Patches` looks at, so that it, or a process that is forked, need not do it again."""
    _picture(_holders(namespace))


class _Holder:
    """A module or a class of a library, in which the notebook may put something of its own."""

    def __init__(self, holder: Any) -> None:
        self.holder = holder
        is_class = isinstance(holder, type)
        self.module = holder.__module__ if is_class else holder.__name__
        self.path = f"{holder.__module__}.{holder.__qualname__}" if is_class else holder.__name__
        self.own_code = Found(vars(holder), _find_own_code)


_met: dict[int, _Holder] = {}  # by the id of the module or class


@dataclass(frozen=True)
class _Picture:
    """What code of the notebook's there is in *holders*, which lie on *ground*."""

    holders: Mapping[_Holder, None]
    ground: Ground
    code: Mapping[tuple[int, str], Any]  # by the id of the holder, and the name in it

    def holds(self, holders: Mapping[_Holder, None]) -> bool:
        """Whether it still shows all that is in *holders*."""
        return holders.keys() <= self.holders.keys() and self.ground.holds()


_last: _Picture | None = None


def _picture(holders: Mapping[_Holder, None]) -> _Picture:
    """What is in *holders*, and in all others so far: the same object again as long as nothing in any of them changes.

    A step has names for some of the holders that its parent has looked at.
    """
    global _last
    if _last is None or not _last.holds(holders):
        holders = holders if _last is None else {**_last.holders, **holders}
        ground = Ground(vars(each.holder) for each in holders)
        code = {(id(each.holder), name): value for each in holders for name, value in each.own_code()}
        _last = _Picture(holders, ground, code)
    return _last


def _holders(namespace: Mapping[str, Any]) -> Mapping[_Holder, None]:
    """The holders in the order of their names, as a set that keeps it."""
    values = [builtins, *(value for value in list(namespace.values()) if issubclass(type(value), _HOLDERS))]
    if (pandas := sys.modules.get("pandas")) is not None:
        values += (getattr(pandas, name) for name in ("DataFrame", "Series", "Index") if hasattr(pandas, name))
    found = (_met.get(id(value)) or _meet(value) for value in values)  # who was met lives as long as that is known
    return dict.fromkeys(each for each in found if each is not None)


def _meet(value: Any) -> _Holder | None:
    if not is_library(str(value.__module__) if isinstance(value, type) else value.__name__):
        return None
    known = _met[id(value)] = _Holder(value)
    return known


_HOLDERS = (types.ModuleType, type)


def _place(path: str) -> str:
    return path.removeprefix(PATCH).removesuffix(INSIDE)


def _find_own_code(held: Mapping[str, Any]) -> tuple[tuple[str, Any], ...]:
    found = [(name, value) for name, value in list(held.items()) if type(value) in _CODE]
    return tuple((name, value) for name, value in found if not is_library(str(value.__module__)))


_CODE = (types.FunctionType, type)
