"""How Keras's models, layers, optimizers and metrics are pickled: as the objects they are, attribute by attribute.

Keras's own way is an archive of configuration and weights. It forgets where the seeds of dropout stood and which
metrics were built already (both change what later training draws), and makes a model of its own of each of two models
that have layers in common. Functions that Keras compiles on the first use are compiled anew. What Keras notes under
the address of an object is noted under the object itself meanwhile.

On TensorFlow, whose variables have no other way, the archive it is.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterable
from typing import Any

_BACKENDS = frozenset(("jax", "torch", "numpy"))
_COMPILED = ("train_function", "test_function", "predict_function")
_TRACKING = "keras.src.utils.tracking"


def is_saveable(kind: type) -> bool:
    """Whether values of *kind* are what Keras can save: models, layers, optimizers, metrics."""
    module = sys.modules.get("keras.src.saving.keras_saveable")
    return module is not None and hasattr(module, "KerasSaveable") and issubclass(kind, module.KerasSaveable)


def reduce_saveable(value: Any) -> tuple[Any, ...] | None:
    """How to pickle what Keras can save, or what it keeps lists of such in; None for anything else."""
    kind: Any = type(value)
    if kind.__module__ == _TRACKING:
        return _reduce_tracking(value)
    if (kind.__module__, kind.__name__) == ("keras.src.utils.backend_utils", "DynamicBackend"):
        return kind, (vars(value)["_backend"],)  # it looks for all its other attributes in the backend
    if not is_saveable(kind) or not kind.__reduce__.__module__.startswith("keras.src.saving."):
        return None
    backend: str = sys.modules["keras.src.backend"].backend()
    if backend not in _BACKENDS:
        return None
    state = dict(vars(value))
    state |= dict.fromkeys(name for name in _COMPILED if name in state)
    return _make, (_Backend(backend), kind), _without_addresses(state), None, None, _set


class _Backend:
    """Comes before any class of Keras, which looks for its backend when it is imported."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __reduce__(self) -> Any:
        return _import_on, (self._name,)


def _import_on(backend: str) -> None:
    if "keras" in sys.modules or "KERAS_BACKEND" in os.environ:
        return
    os.environ["KERAS_BACKEND"] = backend
    try:
        importlib.import_module("keras")
    finally:
        del os.environ["KERAS_BACKEND"]


def _make(_: None, kind: Any) -> Any:
    return object.__new__(kind)


def _set(value: Any, state: tuple[dict[str, Any], dict[str, Any]]) -> None:
    attributes, noted = state
    vars(value).update(attributes)
    vars(value).update((name, _ADDRESSED[name][1](content)) for name, content in noted.items())


# -------------------------------------------------------------------------------------------------- tracked containers


def _reduce_tracking(value: Any) -> tuple[Any, ...] | None:
    """A list that tells its owner of new items, or the owner's notes: pickle would tell it of all items once more."""
    kind = type(value)
    base = next((base for base in (list, dict, set) if isinstance(value, base)), None)
    if base is None:
        return object.__new__, (kind,), _without_addresses(dict(vars(value))), None, None, _set
    return base.__new__, (kind,), (base, base(value), dict(vars(value))), None, None, _fill


def _fill(container: Any, filling: tuple[Any, Any, dict[str, Any]]) -> None:
    base, items, attributes = filling
    fill = base.extend if base is list else base.update
    fill(container, items)
    vars(container).update(attributes)


# ----------------------------------------------------------------------------------------------------------- addresses


def _without_addresses(state: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """*state* in two: what can be pickled as it is, and what tells objects by their addresses, with the objects."""
    noted = {name: _ADDRESSED[name][0](state, state[name]) for name in _ADDRESSED if name in state}
    return {name: item for name, item in state.items() if name not in noted}, noted


def _by_address(items: Iterable[Any]) -> dict[int, Any]:
    return {id(item): item for item in items}


def _of_variables(state: dict[str, Any], numbers: dict[int, Any]) -> list[tuple[Any, Any]]:
    known = _by_address(state.get("_trainable_variables", ()))
    return [(known[address], number) for address, number in numbers.items() if address in known]


def _of_stores(state: dict[str, Any], stored: dict[str, set[int]]) -> dict[str, list[Any]]:
    stores = {name: _by_address(store) for name, (_, store) in state["config"].items()}
    return {
        name: [stores[name][address] for address in found if address in stores[name]] for name, found in stored.items()
    }


def _of_operations(state: dict[str, Any], keys: set[str]) -> list[tuple[Any, str]]:
    known = _by_address(state["_operations"])
    pairs = [key.partition("_") for key in keys]
    return [(known[int(address)], rest) for address, _, rest in pairs if int(address) in known]


# Attribute -> how to write it with objects, and how it is with their addresses again.
_ADDRESSED: dict[str, tuple[Callable[[dict[str, Any], Any], Any], Callable[[Any], Any]]] = {
    "_trainable_variables_indices": (_of_variables, lambda pairs: {id(item): number for item, number in pairs}),
    "_var_to_optimizer_idx": (_of_variables, lambda pairs: {id(item): number for item, number in pairs}),
    "_exclude_from_weight_decay_cache": (_of_variables, lambda pairs: {id(item): number for item, number in pairs}),
    "_exclude_from_weight_decay": (
        lambda state, found: _of_variables(state, dict.fromkeys(found)),
        lambda pairs: {id(item) for item, _ in pairs},
    ),
    "stored_ids": (_of_stores, lambda stores: {name: set(map(id, items)) for name, items in stores.items()}),
    "_nodes": (_of_operations, lambda pairs: {f"{id(item)}_{rest}" for item, rest in pairs}),
}
