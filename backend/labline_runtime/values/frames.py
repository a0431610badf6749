"""What pandas leaves out of pickles of frames and series.

Attributes that notebooks set on them (``train.name = "train"``), and up to pandas 2 its notes of who belongs to whom
(:class:`Ties`).

Accessors are none: up to pandas 2 a series keeps its ``str`` and ``dt`` there from the first time that they are asked
for. Nor is what other libraries put there for themselves, such as the description of its columns that patsy gives a
design matrix: they reckon with its being left out, and it need not be fit for pickling.
"""

from __future__ import annotations

import functools
import inspect
import sys
import weakref
from typing import Any

from labline_runtime.values.packages import package_of


class Ties:
    """Pandas' notes, up to its second release, of whose column a series is and of what a frame is a piece.

    Who alters a column in place alters its frame, even where another array has to be made for it
    (``column.replace("x", "y", inplace=True)``); a frame gives the same series whenever it is asked for a column; and
    who writes into a piece is warned. Notes cross where both that they tell of do, and that of a piece where only the
    piece does: the warning is given while the whole is there, wherever that is.
    """

    def __init__(self) -> None:
        self._met: dict[int, Any] = {}  # holding them keeps ids from being used twice

    def note(self, value: Any) -> None:
        """Remember *value*, a frame or a series about to be pickled."""
        if not vars(value).keys().isdisjoint(("_cacher", "_item_cache", "_is_copy")):
            self._met[id(value)] = value

    def __bool__(self) -> bool:
        """Whether there are notes of two that were both seen: known only once all were."""
        return any(not isinstance(each, str) for value in self._met.values() for each in self.of(value).values())

    def of(self, value: Any) -> dict[str, Any]:
        """Pandas' notes in *value* that are to cross, as far as was seen; by the attributes that have them."""
        found: dict[str, Any] = {}
        notes = vars(value)
        if (column := notes.get("_cacher")) and self._has(frame := column[1]()):
            found["_cacher"] = (column[0], frame)
        if isinstance(whole := notes.get("_is_copy"), weakref.ref) and (frame := whole()) is not None:
            if self._has(frame):
                found["_is_copy"] = frame
            elif frame.shape != value.shape:  # else pandas forgets it
                found["_is_copy"] = _ELSEWHERE
        if columns := {item: one for item, one in (notes.get("_item_cache") or {}).items() if self._has(one)}:
            found["_item_cache"] = columns
        return found

    def _has(self, value: Any) -> bool:
        return id(value) in self._met


_ELSEWHERE = "elsewhere"


@functools.cache
def _whole_elsewhere() -> Any:
    """What a piece is a piece of where the whole is not: kept for good, as pandas looks whether it is still there."""
    return sys.modules["pandas"].DataFrame()


def _tie(value: Any, ties: dict[str, Any]) -> None:
    notes = vars(value)
    if "_cacher" in ties:
        item, frame = ties["_cacher"]
        notes["_cacher"] = (item, weakref.ref(frame))
    if "_is_copy" in ties:
        whole = ties["_is_copy"]
        notes["_is_copy"] = weakref.ref(_whole_elsewhere() if isinstance(whole, str) else whole)
    if "_item_cache" in ties:
        notes["_item_cache"] = ties["_item_cache"]


def is_frame(value: Any) -> bool:
    """Whether *value* is a frame or a series of pandas."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and hasattr(pandas, "DataFrame") and isinstance(value, (pandas.DataFrame, pandas.Series))


def own_attributes(value: Any) -> dict[str, Any]:
    """Those of *value*; none where it is no frame and no series."""
    if not is_frame(value):
        return {}
    own = {name: held for name, held in vars(value).items() if name[0] != "_" and name not in value._metadata}
    return {name: held for name, held in own.items() if _is_plain(held) and not _is_accessor(type(value), name)}


def _is_plain(held: Any) -> bool:
    """Whether it is of the notebook's making, as far as its type tells."""
    package = package_of(type(held))
    return package in ("__main__", "numpy", "pandas", "patsy") or package in sys.stdlib_module_names


def _is_accessor(kind: type, name: str) -> bool:
    return type(inspect.getattr_static(kind, name, None)).__module__ == "pandas.core.accessor"


def reduce_frame(value: Any, ties: Ties) -> Any:
    """How to pickle a frame or a series with attributes of its own, or with *ties*; None for all else."""
    if not is_frame(value):
        return None
    ties.note(value)
    own, tied = own_attributes(value), ties.of(value)
    if not own and not tied:
        return None
    make, arguments, state = value.__reduce_ex__(5)[:3]
    return make, arguments, (state, own, tied), None, None, _set_state


def _set_state(value: Any, state: tuple[Any, dict[str, Any], dict[str, Any]]) -> None:
    value.__setstate__(state[0])
    vars(value).update(state[1])
    _tie(value, state[2])
