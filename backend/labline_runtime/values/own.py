"""What a library, or Python itself, has once for everybody: it crosses as what it is, the one of the next process.

A copy of ``os.environ``, ``matplotlib.rcParams`` or of the generator behind ``random.shuffle`` would no longer be what
the library goes by. Their content is hidden state and travels as such.
"""

from __future__ import annotations

import sys
from typing import Any

_FORMATTERS = {  # of IPython
    **{"PlainTextFormatter": "text/plain", "HTMLFormatter": "text/html", "MarkdownFormatter": "text/markdown"},
    **{"SVGFormatter": "image/svg+xml", "PNGFormatter": "image/png", "JPEGFormatter": "image/jpeg"},
    **{"PDFFormatter": "application/pdf", "LatexFormatter": "text/latex", "JSONFormatter": "application/json"},
    "JavascriptFormatter": "application/javascript",
}
# By the name of the type: where such an object may be kept.
_PLACES: dict[str, tuple[tuple[str, str], ...]] = {
    "Random": (("random", "_inst"),),
    "RandomState": (("numpy.random.mtrand", "_rand"),),
    "MT19937": (("numpy.random.mtrand", "_rand._bit_generator"),),
    "Generator": (("torch", "default_generator"),),
    "_Environ": (("os", "environ"), ("os", "environb")),
    "RcParams": (("matplotlib", "rcParams"),),
    "ColormapRegistry": (("matplotlib", "colormaps"),),
    "DictWrapper": (("pandas", "options"),),
    "TemplatesConfig": (("plotly.io", "templates"),),
    "RenderersConfig": (("plotly.io", "renderers"),),
    "_MISSING_TYPE": (("dataclasses", "MISSING"),),
    "_KW_ONLY_TYPE": (("dataclasses", "KW_ONLY"),),
    "_HAS_DEFAULT_FACTORY_CLASS": (("dataclasses", "_HAS_DEFAULT_FACTORY"),),
    "_FIELD_BASE": tuple(("dataclasses", name) for name in ("_FIELD", "_FIELD_CLASSVAR", "_FIELD_INITVAR")),
    **{
        name: (("sys", name),)
        for name in ("flags", "float_info", "hash_info", "int_info", "thread_info", "version_info")
    },
    "Context": (("decimal", "getcontext()"),),
    "ZMQInteractiveShell": (("IPython", "get_ipython()"),),
    "DisplayFormatter": (("IPython", "get_ipython().display_formatter"),),
    **{
        name: (("IPython", f"get_ipython().display_formatter.formatters.[{kind}]"),)
        for name, kind in _FORMATTERS.items()
    },
    "_unspecified": (("numpy._core._ufunc_config", "_Unspecified"),),  # what numpy.errstate is not told
    "StepStream": (("labline_runtime.outputs", "stdout()"), ("labline_runtime.outputs", "stderr()")),
}
_COMPILED = frozenset(("CPUDispatcher",))  # of numba
# Plain lists are looked for among the values of variables only: there are too many of them inside others.
_LISTS = (("sys", "path"), ("warnings", "filters"), ("sys", "argv"))


def place_of(value: Any) -> tuple[str, str] | None:
    """The module and the attribute under which *value* is kept; None for all that is not shared out so."""
    for module, attribute in _PLACES.get(type(value).__name__, ()):
        kept = _kept(module, attribute)
        if kept is value and value is not None:
            return module, attribute
        if type(value).__name__ == "DictWrapper" and type(kept) is type(value):  # pandas makes one for each look
            prefix = object.__getattribute__(value, "prefix")
            return module, f"{attribute}.{prefix}" if prefix else attribute
    return _place_of_compiled(value) if type(value).__name__ in _COMPILED else None


def _place_of_compiled(value: Any) -> tuple[str, str] | None:
    """Of a function that a library has numba compile: another copy of it has an identity of its own."""
    module, name = getattr(value, "__module__", None), getattr(value, "__qualname__", "")
    if not isinstance(module, str) or module == "__main__" or not name.isidentifier():
        return None
    return (module, name) if _kept(module, name) is value else None


def _kept(module: str, attribute: str) -> Any:
    try:
        return find(module, attribute) if module in sys.modules else None
    except (AttributeError, KeyError, ImportError):
        return None


def list_place_of(value: Any) -> tuple[str, str] | None:
    """The same for a plain list."""
    if type(value) is not list:
        return None
    return next((place for place in _LISTS if getattr(sys.modules.get(place[0]), place[1], None) is value), None)


def find(module: str, attribute: str) -> Any:
    """What is kept there in this process."""
    __import__(module)
    found: Any = sys.modules[module]
    for part in attribute.split("."):
        if part.startswith("["):
            found = found[part[1:-1]]
            continue
        found = getattr(found, part.removesuffix("()"))
        found = found() if part.endswith("()") else found
    return found


class Kept:
    """Stands for a list in an artifact."""

    def __init__(self, place: tuple[str, str]) -> None:
        self._place = place

    def __reduce__(self) -> Any:
        return find, self._place
