"""The filters of warnings: which of them the notebook has set, and which libraries set when they are imported.

Both travel, in their order. What counts, where states are compared, are the notebook's: which libraries a process has
imported so far, and in which order, is not the same in a step and in a run of the whole notebook.
"""

from __future__ import annotations

import sys
import warnings
from typing import Any

from labline_runtime import files
from labline_runtime.dataclass import dataclass
from labline_runtime.states.baseline import Baseline

_own: set[str] = set()  # filters that the notebook has set, in words, here or before
_added: set[str] = set()  # those of them that were set since `forget`
_watching: Any = None


@dataclass(frozen=True)
class Filters:
    """The state as it travels. Filters are as :mod:`warnings` has them. Only ``own`` is in the digest."""

    own: tuple[Any, ...]
    everything: tuple[Any, ...]


def watch() -> None:
    """From now on know the filters that the notebook's own code sets."""
    global _watching
    if warnings._add_filter is _watching:  # type: ignore[attr-defined]
        return
    # What both filterwarnings and simplefilter call, under whatever name the notebook has got them.
    plain = warnings._add_filter  # type: ignore[attr-defined]

    def add_filter(*item: Any, append: bool) -> None:
        plain(*item, append=append)
        if files.is_called_by_notebook(sys._getframe(1)):
            _own.add(in_words(*item))
            _added.add(in_words(*item))

    _watching = warnings._add_filter = add_filter  # type: ignore[attr-defined]


def forget() -> None:
    """From now on :func:`added` counts anew."""
    _added.clear()


def added() -> frozenset[str]:
    """The filters, in words, that the notebook's own code has set."""
    return frozenset(_added)


def capture(_: Baseline) -> Filters:
    """All filters, in their order."""
    everything = tuple(warnings.filters)
    return Filters(tuple(each for each in everything if in_words(*each[:5]) in _own), everything)


def restore(value: Filters, _: Baseline) -> None:
    """Make the filters those of *value*."""
    warnings.resetwarnings()
    warnings.filters.extend(value.everything)  # type: ignore[attr-defined]
    _own.clear()
    _own.update(in_words(*each[:5]) for each in value.own)


def in_words(action: str, message: Any, category: Any, module: Any, line: int) -> str:
    """A filter in words."""
    pattern, place = getattr(message, "pattern", message), getattr(module, "pattern", module)
    words = [action, getattr(category, "__name__", str(category)), pattern, place, line or None]
    return " ".join(str(word) for word in words if word)
