"""Pickling of values between steps.

cloudpickle does the work; these things differ, because here a value moves between *steps of one notebook*:

- A function of the notebook reads the globals of the step it is loaded in, live, and ships none of them: globals are
  variables, and variables travel as values of their own. The same holds for functions of any importable module that
  cannot be found by name (closures, decorated ones).
- A class of the notebook gets a tracking number that follows from its content when its cell ended, not a random one.
  So the class that the imports cell defines in each step is one class, and equal values make equal files.
- Loading does not touch a class that the step already has in the same form.
- A module brings the submodules that cells imported (``import xml.etree`` binds ``xml``).
- An iterator over a dictionary goes on through that dictionary.
- A module that nobody can import, such as one loaded from a file's path, is what its functions go on reading; so is a
  dictionary that code was run in.
- Arrays that share memory go on sharing it (:mod:`labline_runtime.values.views`).
- An instance is stored with all its attributes where that can be, whatever its ``__getstate__`` would leave out.
- Sets are gone through in the order that they had (:mod:`labline_runtime.values.sets`).
- ``numpy.nan`` is ``numpy.nan`` (:mod:`labline_runtime.values.nans`).

The C pickler, protocol 5, buffers out of band.
"""

from __future__ import annotations

import builtins
import collections
import contextlib
import functools
import gc
import importlib
import importlib.machinery
import io
import pickle
import sys
import types
import typing
from collections.abc import Callable, Iterable, MutableMapping
from typing import Any

import cloudpickle

try:
    from cloudpickle import cloudpickle as _cloudpickle
except ImportError:  # pragma: no cover - every release so far has the module
    _cloudpickle = cloudpickle

from labline_runtime.states import patches, plots
from labline_runtime.values import (
    blocks,
    classes,
    closed,
    opened,
    reduce_keras,
    reduce_plotly,
    reduce_soup,
    reduce_torch,
    remembered,
    sets,
)
from labline_runtime.values.digest import DigestError, class_digest
from labline_runtime.values.frames import Ties, reduce_frame
from labline_runtime.values.kinds import reduce_kind
from labline_runtime.values.making import not_again
from labline_runtime.values.reach import Reach
from labline_runtime.values.reductions import own_way, reduce_object, reduce_whole
from labline_runtime.values.rows import reduce_row, reduce_row_of_objects
from labline_runtime.values.tensors import reduce_tensor
from labline_runtime.values.views import (
    MemoryOwners,
    is_plain_array,
    is_row,
    owner_of,
    read_only,
    reduce_objects,
    reduce_sealed,
    reduce_times,
    reduce_view,
)

PROTOCOL = 5
NOTEBOOK = "__main__"

_SMALL = 1 << 14  # bytes of an array that are copied rather than looked at where they were loaded
_TRIALS = 3  # instances of one class that cannot be stored with all attributes, before no more are tried

_submodules: dict[str, set[str]] = {}


def remember_imports(names: Iterable[str]) -> None:
    """Note the dotted module *names* that cells imported, so that their packages bring them along."""
    for name in names:
        root, _, rest = name.partition(".")
        if rest:
            _submodules.setdefault(root, set()).add(name)


def track_classes(namespace: dict[str, Any]) -> None:
    """Give the notebook's classes in *namespace* that are new their lasting number. Call it after each cell."""
    for value in list(namespace.values()):
        if issubclass(type(value), type) and value.__module__ == NOTEBOOK:  # an instance may answer with an error
            _track(value)


def _track(kind: type) -> None:
    by_class: MutableMapping[type, str] = _cloudpickle._DYNAMIC_CLASS_TRACKER_BY_CLASS
    by_id: MutableMapping[str, type] = _cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID
    if kind in by_class:
        return
    try:
        number = class_digest(kind)
    except (DigestError, RecursionError):
        return  # cloudpickle makes a random one when it needs it
    # Two classes alike in one process are still two classes.
    candidate, count = number, 1
    while candidate in by_id:
        count += 1
        candidate = f"{number}-{count}"
    by_class[kind] = candidate
    by_id[candidate] = kind


class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    """cloudpickle's pickler with the differences that the module's docstring names.

    ``owners`` tells whose memory the arrays look at, and ``ties`` which frames belong together: those of an earlier
    run, given as *owners* and *ties*, are used for this one.
    """

    def __init__(
        self, *arguments: Any, owners: MemoryOwners | None = None, ties: Ties | None = None, **options: Any
    ) -> None:
        super().__init__(*arguments, **options)
        self.owners = owners or MemoryOwners()
        self.ties = Ties() if ties is None else ties
        self._framed: dict[int, Any] = {}  # arrays in which pandas keeps values
        self._detached: list[tuple[Any, list[Any]]] = []  # parts of pandas that were made here, and their arrays
        self._tried: set[int] = set()  # functions with a cache, of which is being found out whether it can be stored
        self._whole: set[int] | None = set()  # instances that can be stored with all attributes; None: take all for it
        self._met: dict[int, Any] = {}  # instances that were taken for it
        self._not_whole: collections.Counter[type] = collections.Counter()
        self._trees = reduce_soup.Trees()
        self._weak: list[Any] = []  # what is held by weak references
        self._value: Any = None  # what is being pickled
        self._reach = Reach(None)
        self._modules: dict[int, types.ModuleType] | None = None  # by the ids of their namespaces
        self._shared = owners.shared() if owners is not None else frozenset[int]()

    def dump(self, value: Any) -> None:
        """Pickle *value*. Raises ``PicklingError`` where a weak reference would lose what it refers to."""
        self._value = value
        super().dump(value)
        if not self._weak:
            return
        held = Reach(value)
        for item in self._weak:
            if not isinstance(item, type) and not held.holds(item):
                raise pickle.PicklingError(f"a weak reference to a {type(item).__name__} that does not travel with it")

    def reducer_override(self, obj: Any) -> Any:
        """Reduce functions, classes, modules and views; leave all else to pickle."""
        if is_row(obj):  # first, for there may be many, and each question to a row of a recarray costs
            return reduce_row(obj, self.owners, self._shared)
        if (row := reduce_row_of_objects(obj, self.owners, self._shared)) is not None:
            return row
        if framed := blocks.framed_arrays(obj):
            shared = any(id(self.owners.whole(owner_of(array))) in self._shared for array in framed)
            if shared and (block := blocks.reduce_block(obj)):
                return block
            notes, again = blocks.notes_of(obj), not self._framed.keys().isdisjoint(map(id, framed))
            if again and not self.owners.shares_unnoticed(framed, notes):  # another part of pandas has the same arrays
                self.owners.separate.update(map(id, framed))
                obj = blocks.detached(obj)
                self._detached.append((obj, blocks.framed_arrays(obj)))
                return obj.__reduce_ex__(PROTOCOL)
            self._framed |= {id(array): array for array in framed}
            for array in framed:
                self.owners.note(array, framed=True, notes=notes)
            if blocks.is_index(obj):
                self.owners.indexes.update(map(id, framed))
        elif arrow := blocks.framed_arrow(obj):
            if not self._framed.keys().isdisjoint(map(id, arrow)):
                obj = blocks.detached(obj)
                self._detached.append((obj, []))
                return obj.__reduce_ex__(PROTOCOL)
            self._framed |= {id(array): array for array in arrow}
        if type(obj) is types.BuiltinMethodType and is_plain_array(array := obj.__self__):
            self.owners.note(array[...])  # who calls it looks at the memory
        if is_plain_array(obj):
            detached_here = any(obj is array for _, arrays in self._detached for array in arrays)
            if not detached_here:
                self.owners.note(obj)
                if view := reduce_view(obj, self.owners, self._shared):
                    return view
                if obj.base is None and obj.nbytes <= _SMALL and obj.flags.writeable:
                    return obj.__reduce__()  # so that it owns its memory again, and is what views of it call their base
            if not obj.flags.writeable and (detached_here or id(obj) in self._framed):
                obj = obj.copy()  # whose memory it was is forgotten: pandas writes where it is
                return reduce_times(obj) or obj.__reduce_ex__(PROTOCOL)
            if sealed := reduce_sealed(obj):
                return sealed
            if not obj.flags.writeable and obj.dtype.hasobject:
                return reduce_objects(obj)
            if not obj.flags.writeable and not obj.flags.forc:  # numpy stores a copy, which anybody could write into
                return read_only, (obj.copy(order="K"),)
            return reduce_times(obj) or NotImplemented
        reduced = (
            reduce_kind(obj, self.owners)
            or blocks.reduce_notes(obj)
            or reduce_tensor(obj, self.owners)
            or _reduce_part(obj)
        )
        if reduced is not None:
            return reduced
        if patches.can_be_original(obj) and (original := patches.reduce_original(obj)) is not None:
            return original
        if isinstance(obj, type):
            if obj.__module__ == NOTEBOOK:
                _track(obj)
            _import_home(obj)
            reduced = super().reducer_override(obj)
            if isinstance(reduced, tuple) and len(reduced) == 6:
                made, content = classes.reduce(obj, reduced)
                return _make_class, made, content, None, None, _set_class_state
            return reduced
        if isinstance(obj, types.FunctionType):
            _import_home(obj)
            reduced = super().reducer_override(obj)
            home = _home(obj)
            if isinstance(reduced, tuple) and len(reduced) == 6:
                around = home if home is not None else self._namespace_of(obj)
                return reduced if around is None else _reduce_function(obj, around, reduced[2])
            return reduced
        if isinstance(obj, typing.TypeVar) and obj.__module__ == NOTEBOOK:
            return _make_type_variable, _cloudpickle._decompose_typevar(obj)
        if isinstance(obj, sets.StandIn):
            return obj.reduced
        if isinstance(obj, sets.Now):
            obj.apply(self)
            return tuple, ()
        if isinstance(obj, types.CodeType) and obj.co_filename.startswith("<Cell "):
            make, arguments = _cloudpickle._code_reduce(obj)
            return _make_code, (make, arguments, obj.co_filename)
        if isinstance(obj, types.ModuleType) and (name := vars(obj).get("__name__", "")) != NOTEBOOK:
            listed = sys.modules.get(name) is obj
            if listed and not _is_made_by_hand(obj):
                return _import, (name, tuple(sorted(_submodules.get(name.partition(".")[0], ()))))
            # Made by hand, loaded from a file's path, or by %run, which takes its name away.
            names = {each: value for each, value in vars(obj).items() if each != "__builtins__"}
            return type(obj), (name,), names, None, None, _set_listed_module if listed else _set_module_state
        if reduce_soup.is_element(obj):
            return self._trees.reduce(obj)
        if plots.is_figure(obj):
            return plots.reduce_figure(obj, obj.__reduce_ex__(PROTOCOL))
        if (parts := own_way(obj)) is not None and self._is_stored_whole(obj):
            return reduce_whole(obj, parts)
        reduced = reduce_frame(obj, self.ties) or reduce_object(obj, self._weak.append)
        if reduced is not None:
            return reduced
        if (found := closed.describe(obj)) is not None:
            return closed.make, (type(obj), *found)
        if (file := opened.reduce_opened(obj)) is not None:
            return file
        if isinstance(obj, functools._lru_cache_wrapper) and _is_of_notebook(obj.__wrapped__):
            state = (dict(obj.__dict__), self._remembered(obj))
            return _make_cached, (obj.__wrapped__, obj.cache_parameters()), state, None, None, _set_cached
        return super().reducer_override(obj)

    def _namespace_of(self, function: types.FunctionType) -> types.ModuleType | dict[str, Any] | None:
        """Whose globals a function reads that is of no module that can be imported, where anybody else may see them.

        A module that was loaded from a file's path, or a dictionary that code was run in, if that travels as well.
        """
        namespace = function.__globals__
        if self._modules is None:
            self._modules = {id(vars(each)): each for each in gc.get_objects() if isinstance(each, types.ModuleType)}
            self._reach = Reach(self._value)
        return self._modules.get(id(namespace)) or (namespace if self._reach.holds(namespace) else None)

    def _is_stored_whole(self, instance: Any) -> bool:
        """Whether an instance, of which its class says how to pickle it, can be stored with all its attributes.

        It crosses as it is then. Where it holds a lock or the like, what the class says counts (``__getstate__``).
        """
        self._met[id(instance)] = instance
        if self._whole is None or id(instance) in self._whole:
            return True
        if self._not_whole[type(instance)] >= _TRIALS:
            return False
        trial = Pickler(Counter(), protocol=PROTOCOL, buffer_callback=lambda _: None)
        trial._tried, trial._whole = self._tried, None
        try:
            super(Pickler, trial).dump(instance)  # what it refers to weakly may lie beside it
        except Exception:  # whatever foreign objects raise that cannot be stored
            self._not_whole[type(instance)] += 1
            return False
        self._met |= trial._met
        self._whole |= trial._met.keys()
        return True

    def _remembered(self, cached: remembered.Cached[Any]) -> remembered.Remembered | None:
        """What *cached* remembers; nothing where that cannot be stored, as a connection to a database cannot."""
        found = remembered.read(cached)
        if found is None or not found.calls or id(cached) in self._tried:
            return found
        trial = Pickler(io.BytesIO(), protocol=PROTOCOL, buffer_callback=lambda _: None)
        trial._tried = {*self._tried, id(cached)}
        try:
            trial.dump(found.calls)
        except Exception:  # whatever foreign objects raise that cannot be stored
            return None
        return found


def _reduce_part(value: Any) -> tuple[Any, ...] | None:
    """How to pickle an object of a library whose own way loses something; None for all others."""
    return reduce_torch.reduce_part(value) or reduce_keras.reduce_saveable(value) or reduce_plotly.reduce_figure(value)


def _import_home(definition: type | types.FunctionType) -> None:
    """Import the module that a library's *definition* says it is from, such as ``numpy.rec`` for ``numpy.recarray``.

    Packages import some only when they are asked for. cloudpickle looks no further than what is imported, and would
    take the definition for one of the notebook's, which makes another of it in each process.
    """
    name = definition.__module__
    if isinstance(name, str) and name not in sys.modules and "." in name and name.partition(".")[0] in sys.modules:
        with contextlib.suppress(Exception):  # whatever a foreign module raises
            importlib.import_module(name)


def _is_of_notebook(function: Any) -> bool:
    return getattr(function, "__globals__", None) is sys.modules[NOTEBOOK].__dict__


def _make_cached(function: Any, parameters: dict[str, Any]) -> Any:
    return functools.lru_cache(**parameters)(function)


def _set_cached(cached: Any, state: tuple[dict[str, Any], remembered.Remembered | None]) -> None:
    attributes, known = state
    cached.__dict__.update(attributes)
    if known is not None:
        remembered.fill(cached, known)


def _home(function: types.FunctionType) -> str | None:
    """The name of the module whose live namespace *function* reads, if it has one."""
    for name in (NOTEBOOK, function.__module__, function.__globals__.get("__name__")):
        module = sys.modules.get(name) if isinstance(name, str) else None
        if module is not None and getattr(module, "__dict__", None) is function.__globals__:
            return name
    return None


_Home = str | types.ModuleType | dict[str, Any]  # a module that can be imported, one that cannot, or just a dict


def _reduce_function(function: types.FunctionType, home: _Home, state: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    attributes, slots = state
    slots = {name: value for name, value in slots.items() if name != "__globals__"}
    slots["_cloudpickle_submodules"] = sorted(module.__name__ for module in slots["_cloudpickle_submodules"])
    cells = slots.pop("__closure__", None)
    return _make_function, (function.__code__, home, cells), (attributes, slots), None, None, _set_function_state


def _make_code(make: Callable[..., types.CodeType], arguments: tuple[Any, ...], file: str) -> types.CodeType:
    """Code of a cell, named by the cell: some releases of cloudpickle give all code one name."""
    return make(*arguments).replace(co_filename=file)


def _make_function(code: types.CodeType, home: _Home, cells: tuple[types.CellType, ...] | None) -> types.FunctionType:
    if isinstance(home, str):
        home = sys.modules[NOTEBOOK] if home == NOTEBOOK else importlib.import_module(home)
    return types.FunctionType(code, vars(home) if isinstance(home, types.ModuleType) else home, None, None, cells)


def _make_type_variable(*parts: Any) -> Any:
    """The one that the step already has, or a new one that is the notebook's, not of the module that makes it."""
    made = _cloudpickle._make_typevar(*parts)
    made.__module__ = NOTEBOOK
    return made


def _set_module_state(module: types.ModuleType, state: dict[str, Any]) -> None:
    vars(module).clear()
    vars(module).update(state, __builtins__=builtins.__dict__)


def _is_made_by_hand(module: types.ModuleType) -> bool:
    """Whether it is listed among the modules, and yet no other process can import it."""
    if type(module) is not types.ModuleType or module.__spec__ is not None or module.__loader__ is not None:
        return False
    return "." not in module.__name__ and importlib.machinery.PathFinder.find_spec(module.__name__) is None


def _set_listed_module(module: types.ModuleType, state: dict[str, Any]) -> None:
    _set_module_state(module, state)
    sys.modules.setdefault(module.__name__, module)


def _set_function_state(function: types.FunctionType, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, slots = state
    function.__dict__.update(attributes)
    for name in slots.pop("_cloudpickle_submodules"):
        _import_quietly(name)
    for name, value in slots.items():
        setattr(function, name, value)


def _make_class(make: Callable[..., type], arguments: tuple[Any, ...]) -> type:
    """The class that the step already has, or else one that is made without the notebook's own code for that."""
    for argument in arguments:
        if isinstance(argument, str) and argument in _cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID:
            known: type = _cloudpickle._DYNAMIC_CLASS_TRACKER_BY_ID[argument]
            return known
    given = [each for argument in arguments for each in (argument if isinstance(argument, tuple) else (argument,))]
    kinds = [each for each in given if isinstance(each, type)]
    with not_again(kinds, [*(each for each in kinds if issubclass(each, type)), *map(type, kinds)]):
        return make(*arguments)


def _set_class_state(kind: Any, state: classes.State) -> None:
    classes.set_up(kind, state)


def _import(name: str, submodules: tuple[str, ...]) -> types.ModuleType:
    module = importlib.import_module(name)
    for submodule in submodules:
        _import_quietly(submodule)
    remember_imports(submodules)
    return module


def _import_quietly(name: str) -> None:
    with contextlib.suppress(ImportError):
        importlib.import_module(name)


class Counter:
    """A file that keeps only how much was written."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: Any) -> int:
        """Count *data*, as a file would write it."""
        written = memoryview(data).nbytes
        self.size += written
        return written

    def count(self, buffer: pickle.PickleBuffer) -> None:
        """Count a buffer that is handed on beside the pickle."""
        with buffer.raw() as view:
            self.size += view.nbytes
