"""How `logging` is set up: levels, handlers, filters, formats, and what the module itself is told."""

from __future__ import annotations

import logging
import sys
from typing import Any

from labline_runtime import library
from labline_runtime.states.baseline import Baseline

_ROOT = ""
_PLAIN = {"level": logging.NOTSET, "propagate": True, "disabled": False, "filters": [], "handlers": []}
_OF_EACH = frozenset((*_PLAIN, *vars(logging.Logger("")), "name", "parent", "manager", "_cache"))
_SWITCHES = ("raiseExceptions", "logThreads", "logProcesses", "logMultiprocessing")


def capture(_: Baseline) -> Any:
    """Every logger that is not as it is made, the levels' own names, and what new loggers and records are."""
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
        "switches": {name: getattr(logging, name) for name in _SWITCHES if hasattr(logging, name)},
        "last resort": logging.lastResort.level if logging.lastResort is not None else None,
        "class": logging.getLoggerClass(),
        "record": logging.getLogRecordFactory(),
    }


def restore(value: Any, _: Baseline) -> None:
    """Set every logger up as it was."""
    for level, name in value["levels"].items():
        logging.addLevelName(level, name)
    logging._loggerClass = value["class"]  # type: ignore[attr-defined]  # setLoggerClass() refuses the plain one's bases
    logging.setLogRecordFactory(value["record"])
    for name, facts in value["loggers"].items():
        logger: Any = logging.getLogger(name) if name else logging.root
        if (kind := facts.get("class")) is not None and type(logger) is not kind:
            logger.__class__ = kind
        vars(logger).update(facts.get("own", {}))
        logger.setLevel(facts["level"])
        logger.propagate, logger.disabled = facts["propagate"], facts["disabled"]
        logger.filters[:] = facts["filters"]
        logger.handlers[:] = facts["handlers"]
    logging.disable(value["disabled"])
    for name, setting in value["switches"].items():
        setattr(logging, name, setting)
    if value["last resort"] is None:
        logging.lastResort = None
    elif logging.lastResort is not None:
        logging.lastResort.setLevel(value["last resort"])
    logging.captureWarnings(value["captures warnings"])


def _describe(logger: logging.Logger) -> dict[str, Any]:
    facts: dict[str, Any] = {
        "level": logger.level,
        "propagate": logger.propagate,
        "disabled": logger.disabled,
        "filters": list(logger.filters),
        "handlers": [handler for handler in logger.handlers if not _is_of_library(handler, logger)],
    }
    if not library.is_library(type(logger).__module__):
        facts["class"] = type(logger)
    own = {name: held for name, held in vars(logger).items() if name not in _OF_EACH}
    if own and ("class" in facts or not library.is_library(logger.name)):
        facts["own"] = own
    return facts


def _is_of_library(handler: logging.Handler, logger: logging.Logger) -> bool:
    """Whether a library has given it to a logger of its own, as it does again in the next step, when it is used."""
    if type(handler) is logging.NullHandler and logger.name == "py.warnings":  # there as soon as one was captured
        return True
    kind = type(handler).__module__
    foreign = kind.partition(".")[0] not in sys.stdlib_module_names and library.is_library(kind)
    return foreign and logger is not logging.root and library.is_library(logger.name)
