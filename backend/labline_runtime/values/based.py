"""Instances of the notebook's own kinds of numbers, dates, paths and the like: subclasses of Python's.

Python's classes say that these are to be made by calling the class with what they consist of. The notebook's may want
other arguments, do more when they are called, and have attributes, of which Python's know nothing. So the instance is
made and filled as its library makes it, without the notebook's code, and gets all its attributes.
"""

from __future__ import annotations

import contextlib
import copyreg
import fractions
import functools
import sys
from typing import Any

from labline_runtime.values.containers import is_ours

_HOMES = frozenset(("datetime", "decimal", "fractions", "ipaddress", "pathlib", "random"))
_OWN_WAYS = ("__getstate__", "__setstate__", "__reduce__", "__reduce_ex__", "__getnewargs__", "__getnewargs_ex__")


def reduce_based(value: Any) -> tuple[Any, ...] | None:
    """How to pickle such an instance; None for all else, and where its class says itself how."""
    kind: Any = type(value)
    base = _base_of(kind)
    if base is None:
        return None
    arguments, state = _content_of(value, base)
    return _make, (kind, base, arguments), (state, *_attributes_of(value)), None, None, _fill


@functools.lru_cache(maxsize=4096)
def _base_of(kind: Any) -> Any:
    """The class of Python, or of NumPy's numbers, that *kind* is made from."""
    if not is_ours(kind):
        return None
    base = next(each for each in kind.__mro__ if not is_ours(each) and each.__module__ not in ("abc", "typing"))
    if not (base is bytearray or base.__module__.partition(".")[0].lstrip("_") in _HOMES or _is_number(base)):
        return None
    return base if all(getattr(kind, way, None) is getattr(base, way, None) for way in _OWN_WAYS) else None


def _is_number(base: type) -> bool:
    numpy = sys.modules.get("numpy")
    return numpy is not None and hasattr(numpy, "generic") and issubclass(base, numpy.generic)


def _content_of(value: Any, base: Any) -> tuple[tuple[Any, ...], Any]:
    """What *base* is to be called with for it, and the state that it has then."""
    if _is_number(base):
        return (base(value),), None
    if base is fractions.Fraction:  # whose own way asks for a text, which the notebook may word otherwise
        return (value._numerator, value._denominator), None
    if base is bytearray:
        return (bytes(value),), None
    _, arguments, state = (*value.__reduce_ex__(5), None)[:3]
    return arguments, None if type(state) is dict else state


def _attributes_of(value: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """Attributes, and what stands in slots of the notebook's classes."""
    kind: Any = type(value)
    attributes = object.__getattribute__(value, "__dict__") if kind.__dictoffset__ else {}
    theirs = next(each for each in kind.__mro__ if not is_ours(each))
    slots = {}
    for name in copyreg._slotnames(kind):  # type: ignore[attr-defined]
        if not hasattr(theirs, name):
            with contextlib.suppress(AttributeError):
                slots[name] = object.__getattribute__(value, name)
    return dict(attributes), slots


def _make(kind: Any, base: Any, arguments: tuple[Any, ...]) -> Any:
    value = object.__new__(kind) if base.__new__ is object.__new__ else base.__new__(kind, *arguments)
    if base.__init__ is not object.__init__:
        base.__init__(value, *arguments)
    return value


def _fill(value: Any, filling: tuple[Any, dict[str, Any], dict[str, Any]]) -> None:
    state, attributes, slots = filling
    if state is not None:
        value.__setstate__(state)
    if attributes:
        object.__getattribute__(value, "__dict__").update(attributes)
    for name, held in slots.items():
        object.__setattr__(value, name, held)
