"""Objects of libraries that pickle refuses, or could not load, though all that they are made of can be told.

They are made anew of that, for pickle as for the digest.
"""

from __future__ import annotations

import functools
import gc
import itertools
import json.scanner
import sys
import types
from collections.abc import Callable
from typing import Any


def reduce_remade(value: Any) -> tuple[Any, ...] | None:
    """How to pickle such an object; None for all else."""
    kind: Any = type(value)
    found = _reducer_of(kind)
    return found(value) if found is not None else None


@functools.lru_cache(maxsize=4096)
def _reducer_of(kind: type) -> Callable[[Any], Any] | None:
    found = (_REDUCERS.get((each.__module__, each.__name__)) for each in kind.__mro__)
    return next(filter(None, found), None)


def _held(value: Any) -> list[Any]:
    """What an object written in C refers to, in the order in which its code names it."""
    return [item for item in gc.get_referents(value) if item is not type(value)]


# ------------------------------------------------------------------------------------------------------------- Python


def _reduce_struct(value: Any) -> Any:
    return type(value), (value.format,)


def _reduce_key(value: Any) -> Any:
    """A comparison as a key, of ``functools.cmp_to_key``, or a key that it has made of an object."""
    return _make_key, tuple(_held(value))


def _make_key(compare: Any, *of: Any) -> Any:
    key: Any = functools.cmp_to_key(compare)
    return key(*of) if of else key


_NO_PAIR = len(_held(itertools.pairwise(())))  # what one refers to that has not begun


def _reduce_pairwise(value: Any) -> Any:
    """It goes on with the object that it has seen, and its iterator; one that is used up has none."""
    held = _held(value)
    if not held or len(held) < _NO_PAIR:
        return itertools.pairwise, ((),)
    if len(held) == _NO_PAIR:
        return itertools.pairwise, (held[0],)
    return itertools.pairwise, (itertools.chain((held[1],), held[0]),)


_OF_DIALECTS = (
    *("delimiter", "doublequote", "escapechar", "lineterminator"),
    *("quotechar", "quoting", "skipinitialspace", "strict"),
)


def _reduce_dialect(value: Any) -> Any:
    return _make_dialect, (type(value), {name: getattr(value, name) for name in _OF_DIALECTS})


def _make_dialect(kind: Any, settings: dict[str, Any]) -> Any:
    return kind(**settings)


_OF_SCANNERS = ("strict", "object_hook", "object_pairs_hook", "parse_float", "parse_int", "parse_constant")


def _reduce_scanner(value: Any) -> Any:
    """What a ``json.JSONDecoder`` reads with."""
    return _make_scanner, ({name: getattr(value, name) for name in _OF_SCANNERS},)


def _make_scanner(settings: dict[str, Any]) -> Any:
    return json.scanner.make_scanner(types.SimpleNamespace(**settings))  # type: ignore[arg-type]


def _reduce_mapping_proxy(value: Any) -> Any:
    """It goes on looking at its mapping, or at what a class of the notebook's holds."""
    held = next(iter(gc.get_referents(value)), None)
    if held is None:
        return None
    if "__module__" not in held:
        return types.MappingProxyType, (held,)
    owner = next((each for each in gc.get_referrers(held) if isinstance(each, type)), None)
    return None if owner is None else (vars, (owner,))


# ----------------------------------------------------------------------------------------------------- other libraries


def _reduce_ufunc(value: Any) -> Any:
    """A function that was made to work on arrays (``numpy.frompyfunc``); None for NumPy's own."""
    if not value.__name__.endswith(" (vectorized)") or not (held := _held(value)):
        return None
    return _make_ufunc, (held[0], value.nin, value.nout, value.identity)


def _make_ufunc(function: Any, taken: int, given: int, identity: Any) -> Any:
    return sys.modules["numpy"].frompyfunc(function, taken, given, identity=identity)


def _reduce_template(value: Any) -> Any:
    """A template of Jinja, whose class makes an environment when it is called."""
    return object.__new__, (type(value),), dict(vars(value))


def _reduce_rule(value: Any) -> Any:
    """A rule of dateutil that remembers its dates: it does so under a lock, which it gets anew."""
    if getattr(value, "_cache_lock", None) is None:
        return None
    state = {name: item for name, item in vars(value).items() if name not in _REMEMBERED}
    return object.__new__, (type(value),), state, None, None, _fill_rule


_REMEMBERED = ("_cache", "_cache_complete", "_cache_gen", "_cache_lock", "_len")


def _fill_rule(value: Any, state: dict[str, Any]) -> None:
    base: Any = next(each for each in type(value).__mro__ if each.__name__ == "rrulebase")
    base.__init__(value, cache=True)
    vars(value).update(state)
    value._invalidate_cache()


def _reduce_prepared(value: Any) -> Any:
    """A geometry that shapely has prepared for many questions."""
    return type(value), (value.context,)


def _reduce_curried(value: Any) -> Any:
    """A function with ``toolz.curry`` around it: toolz would look for it by its name, in the notebook itself."""
    kept = {name: item for name, item in vars(value).items() if name not in _WORKED_OUT}
    return _make_curried, (type(value), value.func, value.args, value.keywords, kept)


_WORKED_OUT = ("_partial", "_sigspec", "_has_unknown_args")


def _make_curried(kind: Any, function: Any, given: tuple[Any, ...], named: dict[str, Any], kept: dict[str, Any]) -> Any:
    made = kind(function, *given, **named)
    vars(made).update(kept)
    return made


_OF_TABLES = ("label", "base_margin", "weight", "label_lower_bound", "label_upper_bound", "feature_weights")


def _reduce_dmatrix(value: Any) -> Any:
    """XGBoost's table of what it trains on, which is held in C++; None for those that keep bins or categories only."""
    kinds = value.feature_types
    if type(value).__name__ != "DMatrix" or (kinds and "c" in kinds):
        return None
    rows = value.num_row()
    facts = {name: fact for name in _OF_TABLES if (fact := value.get_float_info(name)).size}
    for name in {"label", "base_margin"} & facts.keys():  # of which a row may have several
        facts[name] = facts[name] if facts[name].size == rows else facts[name].reshape(rows, -1)
    if groups := value.get_uint_info("group_ptr").tolist():
        facts["group"] = [last - first for first, last in itertools.pairwise(groups)]
    return _make_dmatrix, (type(value), value.get_data(), facts | {"feature_names": value.feature_names}, kinds)


def _make_dmatrix(kind: Any, data: Any, facts: dict[str, Any], kinds: Any) -> Any:
    return kind(data, feature_types=kinds, **facts)


_REDUCERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("_struct", "Struct"): _reduce_struct,
    ("functools", "KeyWrapper"): _reduce_key,
    ("itertools", "pairwise"): _reduce_pairwise,
    ("_csv", "Dialect"): _reduce_dialect,
    ("_json", "Scanner"): _reduce_scanner,
    ("builtins", "mappingproxy"): _reduce_mapping_proxy,
    ("numpy", "ufunc"): _reduce_ufunc,
    ("jinja2.environment", "Template"): _reduce_template,
    ("dateutil.rrule", "rrulebase"): _reduce_rule,
    ("shapely.prepared", "PreparedGeometry"): _reduce_prepared,
    ("toolz.functoolz", "curry"): _reduce_curried,
    ("xgboost.core", "DMatrix"): _reduce_dmatrix,
}
