"""Abstract classes of Python's own that classes of the notebook are registered with (``Sized.register(Rows)``)."""

from __future__ import annotations

import abc
import collections.abc
import contextlib
import functools
import importlib
import io
import numbers
import os
import types
import weakref
from typing import Any

_HOMES: tuple[types.ModuleType, ...] = (collections.abc, numbers, os, io, contextlib)


def registered(kind: type) -> tuple[type, ...]:
    """Those that know *kind* as a virtual subclass because they were told so."""
    registries = _registries()
    if registries is None:
        return ()
    look, known = registries
    this = weakref.ref(kind)
    return tuple(each for each in known if this in look(each)[0])


@functools.cache
def _registries() -> tuple[Any, tuple[type, ...]] | None:
    """What shows the registry of an abstract class, and all those there are; None where Python does not show it."""
    try:
        look = importlib.import_module("_abc")._get_dump
        held = [value for home in _HOMES for value in vars(home).values()]
        known = tuple(dict.fromkeys(value for value in held if isinstance(value, abc.ABCMeta)))
        look(known[0])[0]
    except Exception:
        return None
    return look, known
