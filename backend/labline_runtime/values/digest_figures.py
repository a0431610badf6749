"""What is digested of matplotlib's figures: how they look.

A figure and what is on it all refer to each other, so there is no end to what each is made of; what a program and its
reader see of it are its pixels. They are drawn of a copy, because drawing lays a figure out for good.

Functions and classes of the notebook that word the labels of an axis count as such, and the copy goes without the
labels: what they make of variables is not settled before the figure is drawn where somebody sees it.
"""

from __future__ import annotations

import importlib
import io
import pickle
import sys
import types
import warnings
from typing import TYPE_CHECKING, Any

from labline_runtime.values.packages import is_importable

if TYPE_CHECKING:
    from labline_runtime.values.digest import Walk


def is_artist(kind: type) -> bool:
    """Whether values of *kind* are figures, axes or anything else that is drawn."""
    module = sys.modules.get("matplotlib.artist")
    return module is not None and issubclass(kind, module.Artist)


def artist(walk: Walk, value: Any) -> bytes | None:
    """A figure by its pixels; what is on one by that figure and its place there. None for what is on none."""
    figure = _root(value)
    if figure is None:
        return None
    kind = type(value)
    if value is figure:
        wording = [formatter for _, formatter in _worded_by_the_notebook(figure)]
        size, content = _pixels(figure)
        words = [walk.items([type(each), {**vars(each), "axis": None}]) for each in wording]
        return walk.tagged("figure", walk.name_of(kind), repr(size).encode(), content, *words)
    place = next((number for number, each in enumerate(figure.findobj()) if each is value), -1)
    return walk.tagged("artist", walk.name_of(kind), str(place).encode(), walk.node(figure))


def _root(value: Any) -> Any:
    figure = getattr(value, "figure", None)
    while figure is not None and getattr(figure, "figure", None) not in (None, figure):
        figure = figure.figure
    return figure


def _worded_by_the_notebook(figure: Any) -> list[tuple[Any, Any]]:
    """The tickers of axes that the notebook words itself, each with what does so."""
    axes = figure.findobj(sys.modules["matplotlib.axis"].Axis)
    tickers = [(each, each.formatter) for axis in axes for each in (axis.major, axis.minor)]
    return [(ticker, formatter) for ticker, formatter in tickers if _is_of_notebook(formatter)]


def _is_of_notebook(formatter: Any) -> bool:
    words = getattr(formatter, "func", None) if type(formatter).__name__ == "FuncFormatter" else type(formatter)
    return not (isinstance(words, (type, types.FunctionType, types.BuiltinFunctionType)) and is_importable(words))


def _pixels(figure: Any) -> tuple[tuple[int, int], bytes]:
    from labline_runtime.values.writing import dump

    agg = importlib.import_module("matplotlib.backends.backend_agg")
    file = io.BytesIO()
    dump(figure, file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        copy = pickle.loads(file.getvalue())  # noqa: S301 - what was written just above
        for ticker, _ in _worded_by_the_notebook(copy):
            ticker.formatter = sys.modules["matplotlib.ticker"].NullFormatter()
        canvas = agg.FigureCanvasAgg(copy)
        canvas.draw()
        return canvas.get_width_height(), bytes(canvas.buffer_rgba())
