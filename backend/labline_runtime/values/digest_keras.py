"""How Keras's models, layers, optimizers and metrics are digested: Keras pickles an archive with the time in it."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk


def saveable(walk: Walk, value: Any) -> bytes | None:
    """One by class, configuration, how it was compiled, and all variables with the optimizer's.

    None for one whose class tells no configuration.
    """
    try:
        configuration = value.get_config()
    except NotImplementedError:
        return None
    keras = sys.modules["keras"]
    arrays = [
        keras.ops.convert_to_numpy(variable) for variable in (*getattr(value, "variables", ()), *_progress(value))
    ]
    compiled = value.get_compile_config() if getattr(value, "compiled", False) else None
    content = _lists(configuration), _lists(compiled), arrays
    return walk.tagged("keras", walk.node(type(value)), *map(walk.node, content))


def _progress(value: Any) -> list[Any]:
    """The optimizer's variables, once it took a step: before that they may not have been made yet."""
    optimizer = getattr(value, "optimizer", None)
    return list(optimizer.variables) if optimizer is not None and int(optimizer.iterations) > 0 else []


def _lists(value: Any) -> Any:
    """A configuration as it is after it was JSON: tuples come back as lists."""
    if type(value) is dict:
        return {name: _lists(item) for name, item in value.items()}
    return [_lists(item) for item in value] if type(value) in (list, tuple) else value
