"""Which distributions a notebook's imports come from."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable
from pathlib import Path


def imported_modules(trees: Iterable[ast.Module]) -> list[str]:
    """The top-level modules that the code imports, in the order of first mention."""
    found: dict[str, None] = {}
    for tree in trees:
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                found.update((alias.name.partition(".")[0], None) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found[node.module.partition(".")[0]] = None
    return list(found)


def local_modules(modules: Iterable[str], folder: Path) -> list[str]:
    """Those of *modules* that are found beside the notebook."""
    return [name for name in modules if (folder / f"{name}.py").is_file() or (folder / name).is_dir()]


def distributions(modules: Iterable[str], folder: Path) -> dict[str, tuple[str, ...]]:
    """Module -> the installed distributions that provide it; the standard library and local modules left out."""
    from importlib.metadata import packages_distributions

    provided = packages_distributions()
    modules = list(modules)
    local = set(local_modules(modules, folder))
    return {
        name: tuple(dict.fromkeys(provided.get(name, ())))
        for name in modules
        if name not in sys.stdlib_module_names and name not in local
    }
