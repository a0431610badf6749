"""How single kinds of objects cross a step boundary that pickle refuses, or brings back as something else.

What a library has once for everybody crosses as what it is (:mod:`labline_runtime.values.own`). What would arrive, but
not as what it was, is refused: whoever writes to its copy would write to nothing.
"""

from __future__ import annotations

import array
import contextlib
import copyreg
import ctypes
import functools
import gc
import importlib
import io
import itertools
import pickle
import re
import sys
import types
import weakref
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from labline_runtime.values import (
    based,
    containers,
    iterators,
    own,
    reduce_logging,
    reduce_patsy,
    reduce_rdkit,
    remade,
)

_MATCHES = 10_000  # of one text that are gone through to find a match again

# Of which libraries' objects pickle makes something else.
_LOST_IN_PART = {
    ("bokeh.model.model", "Model"): "a number of its own: the next step counts the parts of plots anew",
    ("holoviews.core.tree", "AttrTree"): "its order: HoloViews adds each part once more when it loads it",
}

_VIEWS: dict[type, Any] = {
    type(view(kind())): view for kind in (dict, OrderedDict) for view in (kind.keys, kind.values, kind.items)
}


def reduce_object(value: Any, note_weak: Callable[[Any], None]) -> Any:
    """How to pickle *value*; None for all kinds that are left to others. *note_weak* is told what is weakly held."""
    kind = type(value)
    found = _REDUCERS.get(kind)
    if found is not None:
        return found(value)
    if kind in _WEAK:
        return _reduce_weak(value, note_weak)
    if isinstance(value, BaseException):
        return _reduce_exception(value)
    if reduce_logging.is_handler(value):
        return reduce_logging.reduce_handler(value)
    if reduce_patsy.is_part(value):
        return reduce_patsy.reduce_part(value)
    if reduce_rdkit.is_molecule(kind):
        return reduce_rdkit.reduce_molecule(value)
    if (container := containers.container_of(kind)) is not None:
        return _reduce_container(value, container)
    if (reduced := based.reduce_based(value) or remade.reduce_remade(value)) is not None:
        return reduced
    if kind.__module__ == "__main__":
        return _reduce_instance(value)
    if isinstance(value, dict) and kind.__dictoffset__ and object.__getattribute__(value, "__dict__") is value:
        return dict.__new__, (kind,), True, None, iter(dict.items(value)), _be_own_attributes
    if kind.__module__ == "typing" and value.__module__ == "__main__":
        return _reduce_type_name(kind, value)
    if (mock := sys.modules.get("unittest.mock")) is not None and isinstance(value, (mock._Call, mock.NonCallableMock)):
        return _reduce_mock(value, mock)
    if kind.__name__ == "finfo" and kind.__module__ == "numpy":  # what numpy pickles of it cannot be loaded
        return kind, (value.dtype,)
    if (parsing := sys.modules.get("argparse")) is not None and isinstance(value, _parts_of_parsers(parsing)):
        return _reduce_parser(value)
    place = own.place_of(value)
    if place is None and (lost := _lost(kind, value)) is not None:
        raise pickle.PicklingError(f"what arrives would be a copy without {lost}")
    return (own.find, place) if place is not None else None


def _lost(kind: type, value: Any) -> str | None:
    """What *value* would arrive without, though pickle takes it."""
    if kind is io.TextIOWrapper and not value.closed and "+" in getattr(value, "mode", ""):
        return "its file, which it could not write to"
    if kind.__module__ == "tempfile" and kind.__name__ == "TemporaryDirectory":
        return "its folder, which goes when the step ends"
    if kind is weakref.finalize and value.alive:
        return "the object whose end it waits for"
    if kind.__module__ == "multiprocessing.connection":
        return "its other end"
    for (module, name), lost in _LOST_IN_PART.items():
        if (home := sys.modules.get(module)) is not None and isinstance(value, getattr(home, name, ())):
            return lost
    return None


def viewed(view: Any) -> dict[Any, Any] | None:
    """The dict that a view (``d.keys()``) looks at; None for what is no such view."""
    if type(view) not in _VIEWS:
        return None
    return next(held for held in gc.get_referents(view) if isinstance(held, dict))


def _reduce_dict_view(view: Any) -> Any:
    return _VIEWS[type(view)], (viewed(view),)  # it goes on looking at its dict


# ---------------------------------------------------------------------------------------------------------- functions


def _reduce_cell(cell: types.CellType) -> Any:
    """A variable of a closure, filled once it exists: functions share it, and it may hold one of them."""
    try:
        return types.CellType, (), (cell.cell_contents,), None, None, _fill_cell
    except ValueError:
        return types.CellType, ()


def _fill_cell(cell: types.CellType, state: tuple[Any]) -> None:
    (cell.cell_contents,) = state


def _reduce_cached_property(value: Any) -> Any:  # before Python 3.12 it holds a lock
    return _make_cached_property, (value.func, value.attrname)


def _make_cached_property(function: Any, name: str | None) -> Any:
    made = functools.cached_property(function)
    made.attrname = name
    return made


# ---------------------------------------------------------------------------------------------------- texts and memory


def _reduce_match(match: re.Match[Any]) -> Any:
    spans = tuple(match.span(group) for group in range(match.re.groups + 1))
    arguments = match.re, match.string, match.pos, match.endpos, spans
    _find_match(*arguments)
    return _find_match, arguments


def _find_match(pattern: re.Pattern[Any], text: Any, start: int, end: int, spans: tuple[Any, ...]) -> Any:
    """The match again, in the way it may have been found. Raises ``PicklingError`` where that is none of these."""
    once = (find(text, start, end) for find in (pattern.search, pattern.match, pattern.fullmatch))
    for match in itertools.chain(once, itertools.islice(pattern.finditer(text, start, end), _MATCHES)):
        if match is not None and tuple(match.span(group) for group in range(pattern.groups + 1)) == spans:
            return match
    raise pickle.PicklingError("a match of a regular expression that cannot be found again")


def _reduce_memoryview(view: memoryview) -> Any:
    """A view goes on looking at its object, or at the part of it that it looks at; one that was released at nothing."""
    try:
        owner, start = view.obj, 0
    except ValueError:
        return _released, ()
    if not isinstance(owner, (bytes, bytearray, array.array)) or not view.c_contiguous or (at := _start(view)) is None:
        owner = view.tobytes() if view.readonly else bytearray(view.tobytes())
    else:
        start = at
    arguments: tuple[Any, ...] = owner, view.format, view.shape, view.readonly, start, view.nbytes
    _look_at(*arguments)
    return _look_at, arguments


def _reduce_memory(file: io.StringIO | io.BytesIO) -> Any:
    """A file in memory that was closed stays closed: a with statement leaves one behind."""
    return (_closed, (type(file),)) if file.closed else None


def _closed(kind: Any) -> io.StringIO | io.BytesIO:
    file: io.StringIO | io.BytesIO = kind()
    file.close()
    return file


def _released() -> memoryview:
    view = memoryview(b"")
    view.release()
    return view


def _start(view: memoryview) -> int | None:
    """The byte of its object at which *view* begins; None where that is not known."""
    whole = memoryview(view.obj).cast("B")
    if view.nbytes in (0, whole.nbytes):
        return 0
    if view.readonly:
        return None
    first, of_all = (ctypes.addressof(ctypes.c_char.from_buffer(each)) for each in (view.cast("B"), whole))
    return first - of_all


def _look_at(owner: Any, form: str, shape: tuple[int, ...], readonly: bool, start: int, size: int) -> memoryview:
    view = memoryview(owner).cast("B")[start : start + size]
    view = view if (form, len(shape)) == ("B", 1) else view.cast(form, list(shape))  # type: ignore[call-overload]
    return view.toreadonly() if readonly else view


# ---------------------------------------------------------------------------------------------------------- exceptions


def _reduce_exception(error: BaseException) -> Any:
    """One whose ``__init__`` or ``__new__`` the notebook wrote: pickle would call it with what its base's got."""
    if error.__cause__ is not None:  # which pickle leaves out
        made = _reduce_plain_exception(error) or error.__reduce_ex__(5)
        state = made[2] if len(made) > 2 else None
        return made[0], made[1], (state, error.__cause__, error.__suppress_context__), None, None, _set_cause
    return _reduce_plain_exception(error)


def _set_cause(error: BaseException, state: tuple[dict[str, Any] | None, BaseException, bool]) -> None:
    attributes, error.__cause__, error.__suppress_context__ = state
    vars(error).update(attributes or {})


def _reduce_plain_exception(error: BaseException) -> Any:
    kind: Any = type(error)
    base: Any = next(each for each in kind.__mro__ if each.__module__ == "builtins")
    names = ("__init__", "__new__", "__reduce__", "__reduce_ex__")
    differing = {name for name in names if getattr(kind, name) != getattr(base, name)}
    if not differing or not differing <= {"__init__", "__new__"}:
        return None
    return _make_exception, (kind, base, error.args), dict(vars(error)) or None


def _make_exception(kind: type[BaseException], base: type[BaseException], arguments: tuple[Any, ...]) -> BaseException:
    error = base.__new__(kind, *arguments)
    base.__init__(error, *arguments)
    return error


# ---------------------------------------------------------------------------------- instances of the notebook's classes

_FILLERS = ("__setitem__", "append", "extend")  # what pickle fills dicts and lists with


def _reduce_instance(value: Any) -> Any:
    """One that pickle would make, ask or fill by methods of the notebook's own, or whose attributes others share.

    A ``__new__`` of the notebook has run once; what it did to others they have already.
    """
    kind: Any = type(value)
    if kind.__reduce_ex__ is not object.__reduce_ex__:
        return None
    base: Any = next(each for each in kind.__mro__ if each.__module__ != "__main__")
    own = issubclass(base, (dict, list)) and any(_is_of_notebook(kind, base, name) for name in _FILLERS)
    attributes = object.__getattribute__(value, "__dict__") if kind.__dictoffset__ else None  # or __getattr__ answers
    shared = attributes is not None and (type(attributes) is not dict or _references(attributes) > _REFERENCES)
    answers = any(_is_of_notebook(kind, base, name) for name in _ANSWERS) and not hasattr(kind, "__setstate__")
    makes = getattr(kind.__new__, "__module__", None) == "__main__" and kind.__reduce__ is object.__reduce__
    if not own and not shared and not answers and not makes:
        return None
    reduced = value.__reduce_ex__(5)
    if not isinstance(reduced, tuple):
        return None
    make, arguments, state, items, pairs = (*reduced, None, None, None)[:5]
    if shared and not attributes and kind.__getstate__ is object.__getstate__:
        state = attributes  # pickle has none for an empty one
    shared = shared and state is attributes
    answers = (answers or makes) and (state is None or type(state) is dict or _is_slotted(state))
    if makes and not hasattr(kind, "__setstate__"):
        make, arguments = base.__new__, (kind, *getattr(base, "__getnewargs__", lambda _: ())(value))
    if not own and not shared and not answers:
        return None
    return make, arguments, (base, state, shared, list(items or ()), list(pairs or ())), None, None, _fill_instance


def _be_own_attributes(value: Any, _: bool) -> None:
    """A dict whose items are its attributes: ``self.__dict__ = self``."""
    object.__setattr__(value, "__dict__", value)


def _reduce_container(value: Any, base: Any) -> Any:
    kind: Any = type(value)
    attributes = object.__getattribute__(value, "__dict__") if kind.__dictoffset__ else None
    shared = attributes is not None and (type(attributes) is not dict or _references(attributes) > _REFERENCES)
    setting, items, pairs = containers.content_of(value, base)
    state = attributes if type(attributes) not in (dict, type(None)) else (attributes, containers.slots_of(value))
    return containers.make, (kind, base, setting), (base, state, shared, items, pairs), None, None, _fill_instance


_OWN_WAYS = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")


def own_way(value: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
    """The attributes and the slots of an instance whose class, of the notebook's, says how it is to be pickled.

    It may say less than there is, and more than that may happen. None for all others, and where a library's class may
    keep more in an instance than these.
    """
    kind: Any = type(value)
    if kind.__module__ != "__main__":
        return None
    if not all(each is object or each.__module__ in ("__main__", "abc", "typing") for each in kind.__mro__):
        return None
    if kind not in copyreg.dispatch_table and not any(_is_of_notebook(kind, object, name) for name in _OWN_WAYS):
        return None
    attributes = dict(object.__getattribute__(value, "__dict__")) if kind.__dictoffset__ else {}
    slots = {}
    for name in copyreg._slotnames(kind):  # type: ignore[attr-defined]
        with contextlib.suppress(AttributeError):
            slots[name] = object.__getattribute__(value, name)
    return attributes, slots


def reduce_whole(value: Any, parts: tuple[dict[str, Any], dict[str, Any]]) -> Any:
    """An instance by its attributes and slots, whatever its class says."""
    return object.__new__, (type(value),), (object, parts, False, [], []), None, None, _fill_instance


_ANSWERS = ("__getattr__", "__getattribute__", "__setattr__")
"""Methods by which pickle would ask an instance that has no attributes yet for one, or set them."""


def _is_of_notebook(kind: Any, base: Any, name: str) -> bool:
    """Whether a class that is defined in the notebook has the method of *name*, and not from its library *base*."""
    return getattr(kind, name, None) is not getattr(base, name, None)


def _is_slotted(state: Any) -> bool:
    return type(state) is tuple and len(state) == 2 and all(each is None or type(each) is dict for each in state)


class _Plain:
    pass


def _references(attributes: Any) -> int:
    return sys.getrefcount(attributes)


def _references_of_one() -> int:
    instance = _Plain()
    attributes = object.__getattribute__(instance, "__dict__")
    return _references(attributes)


_REFERENCES = _references_of_one()  # to the attributes of an instance, when nobody else has them


def _fill_instance(value: Any, filling: tuple[Any, Any, bool, list[Any], list[tuple[Any, Any]]]) -> None:
    base, state, shared, items, pairs = filling
    for key, item in pairs:
        base.__setitem__(value, key, item)
    for item in items:
        (base.add if base is set else base.append)(value, item)
    state, slots = state if _is_slotted(state) else (state, None)
    if shared:
        object.__setattr__(value, "__dict__", state)
    elif state:
        object.__getattribute__(value, "__dict__").update(state)
    for name, item in (slots or {}).items():
        object.__setattr__(value, name, item)


def _reduce_type_name(kind: type, value: Any) -> Any:
    """What ``typing`` would find by its name alone, which the step may bind to something else, or later."""
    if kind.__name__ == "NewType":
        return _named, (kind, value.__name__, value.__supertype__)
    if kind.__name__ in ("ParamSpec", "TypeVarTuple"):
        return _named, (kind, value.__name__)
    return None


def _named(kind: Any, name: str, *arguments: Any) -> Any:
    made = kind(name, *arguments)
    made.__module__ = "__main__"  # it takes that of whoever makes it
    return made


# ---------------------------------------------------------------------------------------------- parsers of arguments


def _parts_of_parsers(parsing: Any) -> tuple[type, ...]:
    return parsing.Action, parsing._ActionsContainer


def _reduce_parser(value: Any) -> Any:
    """A parser, or an argument of one: it tells by identity the text that means that there is no default."""
    return object.__new__, (type(value),), dict(vars(value)), None, None, _set_parser


def _set_parser(value: Any, state: dict[str, Any]) -> None:
    nothing = importlib.import_module("argparse").SUPPRESS
    is_nothing = {name for name, held in state.items() if type(held) is str and held == nothing}
    vars(value).update(state, **dict.fromkeys(is_nothing, nothing))


# --------------------------------------------------------------------------------------------------------------- mocks


def _reduce_mock(value: Any, mock: Any) -> Any:
    """A mock, which has a class of its own, or the record of a call: both answer for attributes that they lack."""
    kind = type(value)
    if isinstance(value, mock._Call):
        return tuple.__new__, (kind, tuple(value)), (dict(vars(value)), {}), None, None, _set_mock
    special = {name: held for name, held in vars(kind).items() if isinstance(held, mock.NonCallableMock)}
    return _make_mock, (kind.__mro__[1],), (dict(vars(value)), special), None, None, _set_mock


def _make_mock(kind: Any) -> Any:
    made = kind.__new__(kind)
    kind.__init__(made)
    return made


def _set_mock(value: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, special = state
    object.__getattribute__(value, "__dict__").update(attributes)
    for name, held in special.items():
        setattr(type(value), name, held)


# ----------------------------------------------------------------------------------------------------- weak references

_WEAK: dict[type, Callable[[Any], Any]] = {
    weakref.ref: lambda value: value(),
    weakref.WeakSet: list,
    weakref.WeakValueDictionary: dict,
    weakref.WeakKeyDictionary: dict,
}


def weakly_held(value: Any) -> Any:
    """What a weak reference or container holds, in a strong one; None for one that holds nothing any more."""
    return _WEAK[type(value)](value)


def is_weak(kind: type) -> bool:
    """Whether values of *kind* are weak references or containers of such."""
    return kind in _WEAK


def _reduce_weak(value: Any, note_weak: Callable[[Any], None]) -> Any:
    kind, held = type(value), weakly_held(value)
    if kind is weakref.ref:
        if value.__callback__ is not None:
            return None
        if held is None:
            return _dead, ()
        note_weak(held)
        return weakref.ref, (held,)
    for item in held.values() if kind is weakref.WeakValueDictionary else held:
        note_weak(item)
    return kind, (held,)


class _Gone:
    """What a dead reference has referred to."""


def _dead() -> Any:
    return weakref.ref(_Gone())


_REDUCERS: dict[type, Callable[[Any], Any]] = {
    **dict.fromkeys(_VIEWS, _reduce_dict_view),
    **iterators.REDUCERS,
    types.CellType: _reduce_cell,
    functools.cached_property: _reduce_cached_property,
    re.Match: _reduce_match,
    memoryview: _reduce_memoryview,
    io.StringIO: _reduce_memory,
    io.BytesIO: _reduce_memory,
}
