"""Parts of patsy's formulas, which refuse to be pickled: designs, terms, factors and where those are evaluated.

They cross by their attributes. Where they look for names in the notebook itself, they do so in that of the next step.
So do the data of statsmodels' models: statsmodels itself leaves the design out, and evaluates the formula again when
they are loaded, with names of whoever loads them.
"""

from __future__ import annotations

import copyreg
import importlib
import sys
from collections.abc import Callable
from typing import Any

_PLAIN = getattr(object, "__getstate__", None)
_NOTEBOOK = "the notebook's variables"


def refusal() -> Callable[..., Any] | None:
    """The method by which most of patsy's classes refuse; None where patsy is not in use."""
    return getattr(sys.modules.get("patsy.util"), "no_pickling", None)


def is_part(value: Any) -> bool:
    """Whether *value* is of a class of patsy's that refuses, or the data of a model of statsmodels'."""
    kind = type(value)
    data = sys.modules.get("statsmodels.base.data")
    if data is not None and isinstance(value, getattr(data, "ModelData", ())):
        return True
    return str(kind.__module__).startswith("patsy.") and getattr(kind, "__getstate__", _PLAIN) is not _PLAIN


def reduce_part(value: Any) -> tuple[Any, ...]:
    """Such a part for pickle, and for its digest."""
    names = [*getattr(value, "__dict__", ()), *copyreg._slotnames(type(value))]  # type: ignore[attr-defined]
    state = {name: _kept(getattr(value, name)) for name in names if hasattr(value, name)}
    return object.__new__, (type(value),), state, None, None, _fill


class _Builtin:
    """Stands for one of the functions that every formula knows: not all of them can be found by their names."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __reduce__(self) -> tuple[Any, ...]:
        return _builtin, (self._name,)


def _builtin(name: str) -> Any:
    return getattr(importlib.import_module("patsy.builtins"), name)


def _kept(held: Any) -> Any:
    """An attribute; of names that are looked up, without the notebook's and patsy's own."""
    if type(held) is not list or not all(isinstance(each, dict) for each in held):
        return held
    variables, own = vars(sys.modules["__main__"]), vars(importlib.import_module("patsy.builtins"))
    return [
        _NOTEBOOK
        if names is variables
        else {name: _Builtin(name) if own.get(name) is value else value for name, value in names.items()}
        for names in held
    ]


def _fill(value: Any, state: dict[str, Any]) -> None:
    variables = vars(sys.modules["__main__"])
    for name, held in state.items():
        if type(held) is list and _NOTEBOOK in [each for each in held if type(each) is str]:
            held = [variables if type(each) is str and each == _NOTEBOOK else each for each in held]
        object.__setattr__(value, name, held)
