"""Looks at hidden state that cost next to nothing where it cannot have changed since the last one.

States are looked at whenever a library begins and ends to be imported, which in a step happens ten times and more: each
time a library's function needs a module for the first time.
"""

from __future__ import annotations

import decimal
import functools
import operator
import os
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from labline_runtime.dataclass import dataclass
from labline_runtime.states import ipython, parts, plots
from labline_runtime.states.versions import Bare, Ground


@dataclass(frozen=True)
class _Source:
    """Where a state's parts are read from: objects, of which there may be others next time, and containers in them.

    That ``containers`` gives None says that the parts rest on more.
    """

    roots: Callable[[], Sequence[Any]]
    containers: Callable[..., Iterable[Any] | None]


@dataclass(frozen=True)
class _Look:
    roots: Sequence[Any]
    ground: Ground
    parts: parts.Parts

    def holds(self, roots: Sequence[Any]) -> bool:
        return all(map(operator.is_, self.roots, roots)) and self.ground.holds()


_last: dict[str, _Look] = {}


def look(name: str) -> parts.Parts | None:
    """The parts of the state *name*, which nobody may alter: they are given again as long as they are the same.

    None where its library is not in use, or still on its way in.
    """
    source = _SOURCES.get(name)
    if source is None:
        return parts.look(name)
    try:
        roots = source.roots()
        if (last := _last.get(name)) is not None and last.holds(roots):
            return last.parts
        containers = source.containers(*roots)
        ground = Ground(containers) if containers is not None else None
    except Exception:  # a library that is not there, half imported, or another release
        return parts.look(name)
    found = parts.look(name)
    if found is not None and ground is not None:
        _last[name] = _Look(roots, ground, found)
    return found


def learn() -> None:
    """Look at what is there, so that a process that is forked need not read what it finds as it was."""
    parts.look("@ipython")  # traits have no value until somebody asks
    for name in (*_SOURCES, "@logging", "@random", "@numpy.random"):
        look(name)


def _variables() -> Sequence[Any]:
    variables: Any = os.environ
    return variables, variables._data


def _plots() -> Sequence[Any]:
    inline = plots.inline_settings()
    colors = sys.modules.get("matplotlib.colors")
    letters = colors.colorConverter.colors if colors is not None else None
    units = getattr(sys.modules.get("matplotlib.units"), "registry", None)
    return sys.modules["matplotlib"].rcParams, inline, letters, units, getattr(inline, "rc", None)


def _of_plots(parameters: dict[str, Any], _: Any, *others: dict[str, Any] | None) -> Any:
    inner = (value for value in dict.values(parameters) if type(value) in (list, dict))
    return [parameters, *inner, *(each for each in others if each is not None)]


def _nested(options: dict[str, Any]) -> Iterable[Any]:
    yield options
    for value in options.values():
        if isinstance(value, dict):
            yield from _nested(value)
        elif type(value) is list:
            yield value


def _shell() -> Sequence[Any]:
    kind: Any = sys.modules["IPython.core.interactiveshell"]
    shell = kind.InteractiveShell._instance  # as `get_ipython` gives it, in a tenth of the time
    text = shell._trait_values["display_formatter"]._trait_values["formatters"]["text/plain"]
    own = map(shell._trait_values.get, ipython.SETTINGS)
    return shell, text, *own, *map(text._trait_values.get, ipython.TEXT)


def _of_shell(shell: Any, text: Any, *_: Any) -> Iterable[Any] | None:
    for thing, names in ((shell, ipython.SETTINGS), (text, ipython.TEXT)):
        if any(name not in thing._trait_values and hasattr(thing, name) for name in names):
            return None  # not a trait, or one that nobody has asked for
    return (shell.extension_manager.loaded,)


def _numpy_options() -> Sequence[Any]:
    """Both are exchanged as a whole: NumPy keeps them in context variables."""
    shown: Any = sys.modules["numpy._core.printoptions"]
    faults: Any = sys.modules["numpy._core.umath"]
    return shown.format_options.get(), faults._extobj_contextvar.get()


def _settings() -> Any:
    return sys.modules["sklearn._config"]._threadlocal


def _decimals() -> Sequence[Any]:
    return (decimal.getcontext(),)


def _of_decimals(context: decimal.Context) -> Iterable[Any] | None:
    """A context keeps all in its own memory, among it the flags that computations set."""
    kind: Any = type(context)
    return [Bare(context)] if _is_context_in_memory(kind) else None


@functools.cache
def _is_context_in_memory(kind: Any) -> bool:
    """Whether every setting of a context of decimal numbers can be seen in its memory."""
    told = True
    for name, value in (
        ("prec", 7),
        ("rounding", "ROUND_UP"),
        ("Emin", -7),
        ("Emax", 7),
        ("capitals", 0),
        ("clamp", 1),
    ):
        context = kind()
        ground = Ground([Bare(context)])
        setattr(context, name, value)
        told = told and not ground.holds()
    context = kind(traps=[])
    ground = Ground([Bare(context)])
    context.traps[decimal.Inexact] = True
    return told and not ground.holds()


_SOURCES: dict[str, _Source] = {
    "@environ": _Source(_variables, lambda _, variables: [variables]),
    "@warnings": _Source(lambda: (warnings.filters,), lambda filters: [filters]),
    "@ipython": _Source(_shell, _of_shell),
    "@matplotlib.rcParams": _Source(_plots, _of_plots),
    "@numpy.printoptions": _Source(_numpy_options, lambda shown, _: [shown]),
    "@decimal": _Source(_decimals, _of_decimals),
    "@sklearn.config": _Source(lambda: (vars(_settings())["global_config"],), lambda settings: [settings]),
    "@sys.path": _Source(lambda: (sys.path,), lambda path: [path]),
    "@pandas.options": _Source(lambda: (sys.modules["pandas._config.config"]._global_config,), _nested),
}
