"""How plotly's figures are pickled: plotly alone would put their properties into another order, which JSON shows."""

from __future__ import annotations

import sys
from typing import Any


def reduce_figure(value: Any) -> tuple[Any, ...] | None:
    """As plotly does, with the order of all properties; None for anything but a figure."""
    module = sys.modules.get("plotly.basedatatypes")
    if module is None or not isinstance(value, module.BaseFigure) or not hasattr(value, "_layout"):
        return None
    order = _order(value._data), _order(value._layout)
    return (*value.__reduce__()[:2], order, None, None, _set_order)


def _order(value: Any) -> Any:
    """The names in *value*, a property or a list of such, each with those inside; None where there are none."""
    if type(value) is dict:
        return {name: _order(item) for name, item in value.items()}
    if type(value) in (list, tuple):
        inside = [_order(item) for item in value]
        return inside if any(each is not None for each in inside) else None
    return None


def _set_order(figure: Any, order: tuple[Any, Any]) -> None:
    for value, its in zip((figure._data, figure._layout), order, strict=True):
        _put_in_order(value, its)


def _put_in_order(value: Any, order: Any) -> None:
    if type(value) is dict and type(order) is dict:
        items = dict(value)
        value.clear()  # other parts of the figure have this very dict
        value.update((name, items.pop(name)) for name in order if name in items)
        value.update(items)
        for name, inside in order.items():
            _put_in_order(value.get(name), inside)
    elif type(value) in (list, tuple) and type(order) is list:
        for item, inside in zip(value, order, strict=False):
            _put_in_order(item, inside)
