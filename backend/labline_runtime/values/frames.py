"""Attributes that notebooks set on frames and series (``train.name = "train"``), which pandas leaves out of pickles.

Accessors are none: up to pandas 2 a series keeps its ``str`` and ``dt`` there from the first time that they are asked
for. Nor is what other libraries put there for themselves, such as the description of its columns that patsy gives a
design matrix: they reckon with its being left out, and it need not be fit for pickling.
"""

from __future__ import annotations

import inspect
import sys
from typing import Any


def own_attributes(value: Any) -> dict[str, Any]:
    """Those of *value*; none where it is no frame and no series."""
    pandas = sys.modules.get("pandas")
    if pandas is None or not hasattr(pandas, "DataFrame") or not isinstance(value, (pandas.DataFrame, pandas.Series)):
        return {}
    own = {name: held for name, held in vars(value).items() if name[0] != "_" and name not in value._metadata}
    return {name: held for name, held in own.items() if _is_plain(held) and not _is_accessor(type(value), name)}


def _is_plain(held: Any) -> bool:
    """Whether it is of the notebook's making, as far as its type tells."""
    package = type(held).__module__.partition(".")[0]
    return package in ("__main__", "numpy", "pandas") or package in sys.stdlib_module_names


def _is_accessor(kind: type, name: str) -> bool:
    return type(inspect.getattr_static(kind, name, None)).__module__ == "pandas.core.accessor"


def reduce_frame(value: Any) -> Any:
    """How to pickle a frame or a series with attributes of its own; None for all else."""
    own = own_attributes(value)
    if not own:
        return None
    make, arguments, state = value.__reduce_ex__(5)[:3]
    return make, arguments, (state, own), None, None, _set_state


def _set_state(value: Any, state: tuple[Any, dict[str, Any]]) -> None:
    value.__setstate__(state[0])
    vars(value).update(state[1])
