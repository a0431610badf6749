"""The parts of hidden state, cheap enough to be looked at whenever a library has been imported.

Each function gives, by a name that a person understands, all that the notebook's code may have set, and leaves out what
libraries set of their own accord when they are first used: the backend that matplotlib settles on, the number of
threads, handlers of their own loggers.
"""

from __future__ import annotations

import decimal
import locale
import logging
import os
import sys
import warnings
from collections.abc import Callable
from typing import Any

from labline_runtime import library
from labline_runtime.states import generators, libraries, plots, process
from labline_runtime.states.baseline import Baseline
from labline_runtime.states.versions import Remembered

Parts = dict[Any, Any]


def _module(name: str) -> Any:
    return sys.modules.get(name)


def _frozen(value: Any) -> Any:
    """*value* as it is now, where somebody may alter it in place."""
    if type(value) is list:
        return tuple(value)
    return dict(value) if type(value) is dict else value


# ---------------------------------------------------------------------------------------- the process and the language


def environment() -> Parts:
    """The environment's variables, as the system has them: most are never asked for by name."""
    variables: Any = os.environ
    return dict(variables._data)


def variable(part: Any) -> str:
    """The name of the environment's variable that :func:`environment` calls *part*."""
    variables: Any = os.environ
    return str(variables.decodekey(part))


def paths() -> Parts:
    """Where modules are looked for."""
    return dict.fromkeys(map(str, sys.path), True)


def warning_filters() -> Parts:
    """The filters of warnings, as :mod:`warnings` has them: putting them into words takes longer than looking."""
    return dict.fromkeys(warnings.filters, True)


def interpreter() -> Parts:
    """Settings of the interpreter, and what the notebook does about signals."""
    parts: Parts = process.settings(process.umask_now())
    return {**parts, "signals": process.signals()}


def decimals() -> Parts:
    """The context of decimal numbers."""
    context = decimal.getcontext()
    names = ("prec", "rounding", "Emin", "Emax", "capitals", "clamp")
    return {**{name: getattr(context, name) for name in names}, "traps": dict(context.traps)}


def language() -> Parts:
    """The locale."""
    return {"LC_ALL": locale.setlocale(locale.LC_ALL)}


def loggers() -> Parts:
    """The root logger, and those that are called as the notebook or modules beside it.

    Libraries set up others, under any names, when they are used: MLflow those of the steps by which it migrates.
    """
    root = logging.root
    parts: Parts = {"disable": root.manager.disable, "levels": dict(logging._levelToName), **_logger("root", root)}
    for name in _own_loggers(root.manager.loggerDict):
        logger = root.manager.loggerDict.get(name)
        if isinstance(logger, logging.Logger) and name.partition(".")[0] in sys.modules:
            parts |= _logger(name, logger)
    return parts


_own_loggers = Remembered(lambda held: tuple(name for name in list(held) if not library.is_library(name)))


def _logger(name: str, logger: logging.Logger) -> Parts:
    """What of *logger* is set: to make one, or to ask for it, is no change."""
    parts = {
        f"{name}'s level": logger.level,
        f"{name}'s handlers": tuple(handler for handler in logger.handlers if not _is_default(handler)),
        f"{name}'s filters": tuple(logger.filters),
    }
    return {part: value for part, value in parts.items() if value}


def _is_default(handler: logging.Handler) -> bool:
    """Whether it may be the one that ``logging.warning()`` makes where there is none."""
    form = getattr(handler.formatter, "_fmt", None)
    return type(handler) is logging.StreamHandler and not handler.level and form == logging.BASIC_FORMAT


def shell() -> Parts:
    """How IPython shows results, and its extensions."""
    from labline_runtime.states import ipython

    here = getattr(_module("IPython"), "get_ipython", lambda: None)()
    if here is None:
        return {}
    text = here.display_formatter.formatters["text/plain"]
    return {
        "extensions": frozenset(here.extension_manager.loaded),
        **ipython.vars_of(here, ipython.SETTINGS),
        **ipython.vars_of(text, ipython.TEXT),
    }


# ----------------------------------------------------------------------------------------------------------- libraries


def pandas_options() -> Parts:
    """pandas' options, by their dotted names."""
    found: Parts = {}

    def follow(prefix: str, options: dict[str, Any]) -> None:
        for name, value in options.items():
            if isinstance(value, dict):
                follow(f"{prefix}{name}.", value)
            else:
                found[prefix + name] = _frozen(value)

    follow("", getattr(_module("pandas._config.config"), "_global_config", {}))
    return found


def numpy_options() -> Parts:
    """How NumPy prints, and what it does about faults."""
    numpy = _module("numpy")
    errors = {f"errors.{name}": value for name, value in numpy.geterr().items()}
    return {**{f"print.{name}": value for name, value in numpy.get_printoptions().items()}, **errors}


def plot_parameters() -> Parts:
    """matplotlib's ``rcParams``, and what the letters for colours stand for."""
    parameters = _module("matplotlib").rcParams
    inline = plots.inline_settings()
    mine = plots.OF_THE_BACKEND | set(getattr(inline, "rc", ()))
    found = {name: _frozen(value) for name, value in dict.items(parameters) if name not in mine}
    if (colors := _module("matplotlib.colors")) is not None:
        known = colors.colorConverter.colors
        found |= {f"color {letter}": known.get(letter) for letter in "bgrcmykw"}
    return found | {"pandas converts dates": plots.converted_by_pandas()}


def plot_backend() -> Parts:
    """How IPython shows figures."""
    inline = plots.inline_settings()
    formats = getattr(inline, "figure_formats", {"png"})
    return {"figure formats": frozenset(formats), "closes figures": getattr(inline, "close_figures", True)}


def figures() -> Parts:
    """pyplot's open figures, and the current one."""
    managers = _module("matplotlib._pylab_helpers").Gcf
    active = managers.get_active()
    return {"open figures": tuple(sorted(managers.figs)), "current figure": active.num if active else None}


def sklearn_config() -> Parts:
    """scikit-learn's configuration."""
    return dict(_module("sklearn").get_config())


def xgboost_config() -> Parts:
    """XGBoost's configuration."""
    return {name: value for name, value in _module("xgboost").get_config().items() if name != "nthread"}


def torch_settings() -> Parts:
    """What new tensors are, and how they are computed."""
    parts: Parts = libraries.capture_torch_settings(Baseline({}, (), ""))
    del parts["threads"]
    return parts


def plotly_defaults() -> Parts:
    """plotly's template and renderer."""
    return dict(libraries.capture_plotly(Baseline({}, (), "")))


def polars_config() -> Parts:
    """How polars prints."""
    return {"settings": libraries.capture_polars(Baseline({}, (), ""))}


# ---------------------------------------------------------------------------------------------------------- generators


def random_state() -> Parts:
    """Python's generator."""
    return {"": generators.python_now()}


def numpy_state() -> Parts:
    """NumPy's generator."""
    return {"": generators.numpy_now()}


def torch_state() -> Parts:
    """PyTorch's generator."""
    return {"": bytes(_module("torch").get_rng_state().numpy())}


def folder() -> Parts:
    """The working directory."""
    return {"": os.getcwd()}  # noqa: PTH109 - this is looked at often


# By state: the module without which there is nothing to look at, and how to look.
TABLE: dict[str, tuple[str | None, Callable[[], Parts]]] = {
    "@environ": (None, environment),
    "@cwd": (None, folder),
    "@sys.path": (None, paths),
    "@interpreter": (None, interpreter),
    "@locale": (None, language),
    "@decimal": (None, decimals),
    "@ipython": ("IPython", shell),
    "@matplotlib.backend": ("matplotlib", plot_backend),
    "@matplotlib.rcParams": ("matplotlib", plot_parameters),
    "@matplotlib.figures": ("matplotlib._pylab_helpers", figures),
    "@plotly.defaults": ("plotly.io", plotly_defaults),
    "@pandas.options": ("pandas._config.config", pandas_options),
    "@polars.config": ("polars", polars_config),
    "@numpy.printoptions": ("numpy", numpy_options),
    "@sklearn.config": ("sklearn", sklearn_config),
    "@xgboost.config": ("xgboost", xgboost_config),
    "@torch.settings": ("torch", torch_settings),
    "@random": (None, random_state),
    "@numpy.random": ("numpy.random", numpy_state),
    "@torch.random": ("torch", torch_state),
    "@warnings": (None, warning_filters),
    "@logging": (None, loggers),
}


def look(name: str) -> Parts | None:
    """The parts of the state *name*; None where its library is not in use, or still on its way in."""
    module, parts = TABLE[name]
    if module is not None and module not in sys.modules:
        return None
    try:
        return parts()
    except Exception:  # a library that is half imported, or another release
        return None


def changed(before: Parts, now: Parts) -> list[str]:
    """The names of the parts that differ."""
    if before is now:
        return []
    return sorted((name for name in before.keys() | now.keys() if not _same(before, now, name)), key=str)


def _same(before: Parts, now: Parts, name: str) -> bool:
    first, second = before.get(name, _ABSENT), now.get(name, _ABSENT)
    if first is second:
        return True
    try:
        return type(first) is type(second) and bool(first == second)
    except Exception:  # arrays among the values of an option
        return False


_ABSENT = object()
