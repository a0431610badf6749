"""How plotly's figures are digested: by their properties, in no order, for plotly orders them anew on loading."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk


def is_figure(kind: type) -> bool:
    """Whether values of *kind* are figures of plotly, or parts of such."""
    module = sys.modules.get("plotly.basedatatypes")
    return module is not None and issubclass(kind, (module.BaseFigure, module.BasePlotlyType))


def figure(walk: Walk, value: Any) -> bytes:
    """A figure by all its properties; the order of traces and of what else is a list counts."""
    return walk.tagged("plotly", walk.name_of(type(value)), _properties(walk, value.to_plotly_json()))


def _properties(walk: Walk, value: Any) -> bytes:
    if type(value) is dict:
        names = sorted(value)
        return walk.tagged("properties", walk.items(names), *(_properties(walk, value[name]) for name in names))
    if type(value) in (list, tuple):
        if any(type(item) is dict for item in value):
            return walk.tagged("list", *(_properties(walk, item) for item in value))
        return walk.items(value)
    return walk.node(value)
