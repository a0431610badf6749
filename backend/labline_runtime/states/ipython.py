"""How IPython is set up: extensions, how results are shown, aliases, settings."""

from __future__ import annotations
import __future__

import contextlib
import sys
from typing import Any

from labline_runtime.states.baseline import Baseline

SETTINGS = ("ast_node_interactivity", "automagic", "autocall", "xmode", "show_rewritten_input", "colors")
_FUTURE = __future__.annotations.compiler_flag
TEXT = ("float_format", "float_precision", "pprint", "max_width", "max_seq_length")


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython()


def capture(_: Baseline) -> Any:
    """What ``%load_ext``, ``%autoreload``, ``%precision``, ``%pprint``, ``%alias`` and ``%config`` have set."""
    shell = _shell()
    text = shell.display_formatter.formatters["text/plain"]
    reloader = _reloader()
    return {
        "extensions": sorted(shell.extension_manager.loaded),
        "settings": {name: getattr(shell, name) for name in SETTINGS if hasattr(shell, name)},
        "text": {name: getattr(text, name) for name in TEXT if hasattr(text, name)},
        "active": list(shell.display_formatter.active_types),
        "aliases": list(shell.alias_manager.aliases),
        "future": shell.compile.flags & _FUTURE,  # what ``from __future__`` in one cell means for all later ones
        "tracebacks": shell.InteractiveTB.mode,
        "reloads": vars_of(reloader, ("enabled", "check_all", "autoload_obj")) if reloader is not None else None,
    }


def restore(value: Any, _: Baseline) -> None:
    """Set it up like that."""
    shell = _shell()
    for name in value["extensions"]:
        if name not in shell.extension_manager.loaded:
            shell.extension_manager.load_extension(name)
    for name, setting in value["settings"].items():
        if getattr(shell, name, setting) != setting:
            setattr(shell, name, setting)
    if shell.InteractiveTB.mode != value["tracebacks"]:
        shell.InteractiveTB.set_mode(mode=value["tracebacks"])
    text = shell.display_formatter.formatters["text/plain"]
    for name, setting in value["text"].items():
        if getattr(text, name) != setting:
            setattr(text, name, setting)
    shell.display_formatter.active_types = value["active"]
    shell.compile.flags |= value["future"]
    for name, command in value["aliases"]:
        with contextlib.suppress(Exception):  # some of IPython's own may not be made twice
            shell.alias_manager.soft_define_alias(name, command)
    reloader = _reloader()
    if value["reloads"] is not None and reloader is not None:
        for name, setting in value["reloads"].items():
            setattr(reloader, name, setting)


def vars_of(thing: Any, names: tuple[str, ...]) -> dict[str, Any]:
    """Those of the attributes *names* that *thing* has."""
    known = vars(thing).get("_trait_values", {})  # to ask a trait for its value takes ten times as long
    return {
        name: known[name] if name in known else getattr(thing, name)
        for name in names
        if name in known or hasattr(thing, name)
    }


def _reloader() -> Any:
    magics = _shell().magics_manager.registry.get("AutoreloadMagics")
    return getattr(magics, "_reloader", None)
