"""Handlers of :mod:`logging`: pickle takes none of them, because each holds a lock, and many hold a stream.

A handler crosses with all its attributes but the lock, which it gets anew. What it writes to follows: the step's own
``stdout`` and ``stderr`` are those of the next step, a text in memory travels, and a file is opened again, to be
appended to, when the next record comes. Its path is kept from the working directory on, where it lies in there.
"""

from __future__ import annotations

import logging
import os
from typing import Any

_LOCK = "lock"


def is_handler(value: Any) -> bool:
    """Whether *value* is a handler, of the standard library or another's."""
    return isinstance(value, logging.Handler)


def reduce_handler(handler: logging.Handler) -> tuple[Any, ...]:
    """A handler for pickle, and for its digest."""
    if handler is logging.lastResort:
        return getattr, (logging, "lastResort")
    return _make, (type(handler),), state_of(handler), None, None, _fill


def state_of(handler: logging.Handler) -> dict[str, Any]:
    """What of a handler crosses, by the names of its attributes."""
    state = {name: value for name, value in vars(handler).items() if name != _LOCK}
    if isinstance(handler, logging.FileHandler):
        if handler.stream is not None:
            handler.flush()
            state.update(stream=None, mode="a")
        state["baseFilename"] = _from_here(handler.baseFilename)
    return state


def _from_here(path: str) -> str:
    here = os.getcwd().rstrip(os.sep) + os.sep  # noqa: PTH109 - these are texts
    return path.removeprefix(here)


def _make(kind: type[logging.Handler]) -> logging.Handler:
    return kind.__new__(kind)


def _fill(handler: Any, state: dict[str, Any]) -> None:
    vars(handler).update(state)
    if isinstance(handler, logging.FileHandler):
        handler.baseFilename = os.path.abspath(handler.baseFilename)  # noqa: PTH100
    handler.createLock()
    logging._addHandlerRef(handler)  # type: ignore[attr-defined]  # so that it is flushed when the step ends
    if handler.name:
        handler.set_name(handler.name)
