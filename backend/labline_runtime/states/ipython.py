"""How IPython is set up: extensions, how results are shown, aliases, settings."""

from __future__ import annotations
import __future__

import contextlib
import sys
from collections.abc import Mapping
from typing import Any

from labline_runtime.states.baseline import Baseline

SETTINGS = ("ast_node_interactivity", "automagic", "autocall", "xmode", "show_rewritten_input", "colors")
_OF_MAGICS = ("shell", "magics", "options_table", "parent", "config")
_FUTURE = __future__.annotations.compiler_flag
TEXT = ("float_format", "float_precision", "pprint", "max_width", "max_seq_length")


def _shell() -> Any:
    return sys.modules["IPython"].get_ipython()


def capture(_: Baseline) -> Any:
    """What ``%load_ext``, ``%autoreload``, ``%precision``, ``%pprint``, ``%alias`` and ``%config`` have set.

    With the notebook's own functions that are magics, or show values of a type.
    """
    shell = _shell()
    text = shell.display_formatter.formatters["text/plain"]
    reloader = _reloader()
    return {
        "extensions": sorted(shell.extension_manager.loaded),
        "settings": {name: getattr(shell, name) for name in SETTINGS if hasattr(shell, name)},
        "text": {name: getattr(text, name) for name in TEXT if hasattr(text, name)},
        "active": list(shell.display_formatter.active_types),
        "aliases": list(shell.alias_manager.aliases),
        "magics": {kind: _own(magics) for kind, magics in shell.magics_manager.magics.items()},
        "classes": [
            (type(each), {name: held for name, held in vars(each).items() if name[0] != "_" and name not in _OF_MAGICS})
            for each in shell.magics_manager.registry.values()
            if type(each).__module__ == "__main__"
        ],
        "printers": {name: _own(each.type_printers) for name, each in shell.display_formatter.formatters.items()},
        "named printers": {
            name: _own(each.deferred_printers) for name, each in shell.display_formatter.formatters.items()
        },
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
    for kind, attributes in value["classes"]:
        if type(shell.magics_manager.registry.get(kind.__name__)) is not kind:
            shell.register_magics(kind)
        vars(shell.magics_manager.registry[kind.__name__]).update(attributes)
    for kind, magics in value["magics"].items():
        shell.magics_manager.magics[kind].update(magics)
    for name, formatter in shell.display_formatter.formatters.items():
        formatter.type_printers.update(value["printers"].get(name, {}))
        formatter.deferred_printers.update(value["named printers"].get(name, {}))
    reloader = _reloader()
    if value["reloads"] is not None and reloader is not None:
        for name, setting in value["reloads"].items():
            setattr(reloader, name, setting)


def _own(functions: Mapping[Any, Any]) -> dict[Any, Any]:
    """Those of *functions* that the notebook has defined."""
    variables = vars(sys.modules["__main__"])
    return {name: each for name, each in functions.items() if getattr(each, "__globals__", None) is variables}


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
