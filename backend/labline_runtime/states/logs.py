"""How `logging` is set up: levels, handlers, formats. Handlers hold streams and locks, so they are described."""

from __future__ import annotations

import logging
import sys
from typing import Any

from labline_runtime.failure import StepFailure
from labline_runtime.specification import StepError
from labline_runtime.states.baseline import Baseline

_ROOT = ""


def capture(_: Baseline) -> Any:
    """Every logger that is not as it is made, and the levels' own names.

    Raises :class:`StepFailure` where a handler is of a kind that cannot be made anew from what it shows.
    """
    names = [name for name, logger in logging.root.manager.loggerDict.items() if isinstance(logger, logging.Logger)]
    loggers = {_ROOT: _describe(logging.root)}
    for name in names:
        facts = _describe(logging.getLogger(name))
        if facts != _PLAIN:
            loggers[name] = facts
    return {
        "loggers": loggers,
        "disabled": logging.root.manager.disable,
        "levels": {level: logging.getLevelName(level) for level in logging._levelToName},
        "captures warnings": getattr(logging, "_warnings_showwarning", None) is not None,
    }


def restore(value: Any, _: Baseline) -> None:
    """Set every logger up as it was."""
    for level, name in value["levels"].items():
        logging.addLevelName(level, name)
    for name, facts in value["loggers"].items():
        logger = logging.getLogger(name) if name else logging.root
        logger.setLevel(facts["level"])
        logger.propagate, logger.disabled = facts["propagate"], facts["disabled"]
        logger.filters[:] = facts["filters"]
        for handler in list(logger.handlers):
            logger.removeHandler(handler)
        for described in facts["handlers"]:
            logger.addHandler(_made(described))
    logging.disable(value["disabled"])
    logging.captureWarnings(value["captures warnings"])


def _describe(logger: logging.Logger) -> dict[str, Any]:
    return {
        "level": logger.level,
        "propagate": logger.propagate,
        "disabled": logger.disabled,
        "filters": list(logger.filters),
        "handlers": [_described(handler, logger) for handler in logger.handlers],
    }


_PLAIN = {"level": logging.NOTSET, "propagate": True, "disabled": False, "filters": [], "handlers": []}


def _described(handler: logging.Handler, logger: logging.Logger) -> dict[str, Any]:
    facts = {"level": handler.level, "filters": list(handler.filters), "format": handler.formatter}
    if type(handler) is logging.NullHandler:
        return {**facts, "kind": "null"}
    if type(handler) is logging.FileHandler:
        handler.flush()
        return {**facts, "kind": "file", "path": handler.baseFilename, "encoding": handler.encoding}
    if isinstance(handler, logging.StreamHandler) and type(handler).__module__ == "logging":
        for name in ("stdout", "stderr"):
            if handler.stream is getattr(sys, name):
                return {**facts, "kind": "stream", "stream": name}
    raise StepFailure(
        StepError(
            message=f"The logger {logger.name} has a {type(handler).__name__} that later steps cannot take over.",
            variable="@logging",
            hint="Set logging up in a cell tagged `imports`, which runs at the start of every step.",
        )
    )


def _made(facts: dict[str, Any]) -> logging.Handler:
    handler: logging.Handler
    if facts["kind"] == "null":
        handler = logging.NullHandler()
    elif facts["kind"] == "file":
        handler = logging.FileHandler(facts["path"], mode="a", encoding=facts["encoding"], delay=True)
    else:
        handler = logging.StreamHandler(getattr(sys, facts["stream"]))
    handler.setLevel(facts["level"])
    handler.filters[:] = facts["filters"]
    handler.setFormatter(facts["format"])
    return handler
