"""Instances of subclasses of Python's containers, the notebook's and of modules beside it, whatever these answer.

pickle asks them for their items (``__iter__``, ``items``), makes some with the class's own ``__init__`` and fills them
through ``append`` or ``__setitem__``. Where the notebook has methods of its own for that, others come out than are in
it, and code runs that the notebook does not run. Here the containers' own methods are used.
"""

from __future__ import annotations

import copyreg
import sys
from collections import Counter, OrderedDict, defaultdict, deque
from typing import Any

from labline_runtime.states.sources import is_of_notebook

_KINDS: tuple[Any, ...] = (OrderedDict, defaultdict, Counter, dict, list, deque, set, frozenset)  # the nearest first
_SEQUENCES: tuple[Any, ...] = (list, deque, tuple, set, frozenset)
_OWN_WAYS = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")
_ASKED = ("__iter__", "items", "append", "extend", "__setitem__", "add", "__init__", "__new__")


def container_of(kind: Any) -> Any:
    """Of which container *kind* is a subclass that has methods of its own where pickle uses them; None for others.

    Nor where it says itself how it is to be pickled, or is a library's class in part, unless pickle leaves out what
    such a class adds.
    """
    if not issubclass(kind, _KINDS) or kind in _KINDS:
        return None
    base = next(each for each in _KINDS if issubclass(kind, each))
    if any(_differs(kind, base, name) for name in _OWN_WAYS):
        return None
    if base in (Counter, defaultdict):  # what they hand to pickle has no attributes, and calls the class
        return base
    others = [each for each in kind.__mro__ if each not in base.__mro__]
    if not all(each.__module__ in ("abc", "typing") or is_ours(each) for each in others):
        return None
    return base if any(_differs(kind, base, name) for name in _ASKED) else None


def is_ours(kind: Any) -> bool:
    """Whether a class is the notebook's, or of a module beside it."""
    name = kind.__module__
    if name == "__main__":
        return True
    if not isinstance(name, str) or name.partition(".")[0] in sys.stdlib_module_names:
        return False
    return is_of_notebook(getattr(sys.modules.get(name), "__file__", None))


def _differs(kind: Any, base: Any, name: str) -> bool:
    return getattr(kind, name, None) is not getattr(base, name, None)


def content_of(value: Any, base: Any) -> tuple[Any, list[Any], list[tuple[Any, Any]]]:
    """What makes the container *base* of *value*: what it is made with, its items, its pairs."""
    if base is frozenset:
        return list(frozenset.__iter__(value)), [], []
    if issubclass(base, dict):
        return (value.default_factory if base is defaultdict else None), [], list(base.items(value))
    return (value.maxlen if base is deque else None), list(base.__iter__(value)), []


def held(value: Any) -> Any:
    """What the container *value* holds, or a dictionary's values, to be gone through more than once."""
    kind = type(value)
    if kind.__module__ == "builtins":
        return value.values() if kind is dict else value
    if isinstance(value, dict):
        return (OrderedDict if isinstance(value, OrderedDict) else dict).values(value)
    return list(next(base for base in _SEQUENCES if isinstance(value, base)).__iter__(value))


def keys(value: Any) -> Any:
    """The keys of the dictionary *value*."""
    return (OrderedDict if isinstance(value, OrderedDict) else dict).keys(value)


def slots_of(value: Any) -> dict[str, Any]:
    """What stands in slots of the value's class."""
    found = {}
    for name in copyreg._slotnames(type(value)):  # type: ignore[attr-defined]
        try:
            found[name] = object.__getattribute__(value, name)
        except AttributeError:
            continue
    return found


def make(kind: Any, base: Any, setting: Any) -> Any:
    """An empty one, made without the notebook's own code."""
    if base is frozenset:
        return frozenset.__new__(kind, setting)
    value = base.__new__(kind)
    if base is deque:
        deque.__init__(value, (), setting)
    elif base is defaultdict:
        defaultdict.__init__(value, setting)
    return value
