"""The text that each module beside the notebook was imported from, for later steps to have the same module.

A notebook that rewrites a module's file (``%%writefile``) goes on with the module that it has imported, until it
reloads it. A later step would import what is in the file by then, so the text crosses with the module's data.
"""

from __future__ import annotations

import importlib.machinery
import sys
import types
from pathlib import Path
from typing import Any

from labline_runtime.dataclass import dataclass

_texts: dict[str, bytes] = {}  # of modules that were imported, by their names
_given: dict[str, bytes] = {}  # of those that are yet to be
# Under the machinery's own file name the frame is left out of the traceback of a failed import, as its are.
_WATCHED = compile(
    """
def exec_module(self, module):
    code = begin(self, module)
    if code is None:
        load(self, module)
    else:
        exec(code, vars(module))
""",
    "<frozen importlib._bootstrap_external>",
    "exec",
)


def watch() -> None:
    """From here on, know what modules that are no library's are imported from."""
    loader: Any = importlib.machinery.SourceFileLoader
    if "exec_module" not in vars(loader):
        names = {"begin": _begin, "load": loader.exec_module}
        exec(_WATCHED, names)  # noqa: S102 - written above
        loader.exec_module = names["exec_module"]


def imported() -> set[str]:
    """The modules beside the notebook that this process has imported, packages by their first names."""
    return {name.partition(".")[0] for name in _texts}


def is_of_notebook(path: object) -> bool:
    """Whether a module from the file *path* may lie beside the notebook."""
    return isinstance(path, str) and "site-packages" not in path and "dist-packages" not in path


def _begin(loader: importlib.machinery.SourceFileLoader, module: types.ModuleType) -> types.CodeType | None:
    """The code of another text than is in the module's file, where it is to be that."""
    name = module.__name__
    if name.partition(".")[0] in sys.stdlib_module_names or not is_of_notebook(loader.path):
        return None
    try:
        present = Path(loader.path).read_bytes()
    except OSError:
        return None
    text = _texts[name] = _given.pop(name, present)
    return None if text == present else _compiled(text, loader.path)


def _compiled(text: bytes, path: str) -> types.CodeType:
    return compile(text, path, "exec", dont_inherit=True)


@dataclass(frozen=True)
class Source:
    """A module's text. Where it is loaded the module is what that makes, whatever is in its file by now."""

    name: str
    text: bytes

    def __reduce__(self) -> Any:
        return _load, (self.name, self.text)


def of(name: str) -> Source | None:
    """What the module *name* was imported from; None where that is not known, or IPython may import it anew."""
    if name not in _texts or "IPython.extensions.autoreload" in sys.modules:
        return None
    return Source(name, _texts[name])


def _load(name: str, text: bytes) -> Source:
    module = sys.modules.get(name)
    if module is None:
        watch()
        _given[name] = text
    elif _texts.get(name) != text and isinstance(path := getattr(module, "__file__", None), str):
        _texts[name] = text
        exec(_compiled(text, path), vars(module))  # noqa: S102 - the notebook's own module
    return Source(name, text)
