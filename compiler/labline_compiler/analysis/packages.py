"""Which modules code imports, and which of these lie beside the notebook."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from labline_runtime.dataclass import dataclass

_FORGIVING = {"ImportError", "ModuleNotFoundError", "Exception", "BaseException"}


@dataclass(frozen=True)
class Imported:
    """A module that code imports, with dots as far as it is written.

    What ``from`` takes of a module is counted as one, too. ``optional``: the code goes on where there is no such one.
    """

    name: str
    optional: bool = False

    @property
    def top(self) -> str:
        """The name up to the first dot."""
        return self.name.partition(".")[0]


def imported_modules(trees: Iterable[ast.Module]) -> list[Imported]:
    """The modules that the code imports, in the order of first mention; those of the standard library left out."""
    found: dict[str, Imported] = {}
    for tree in trees:
        for each in _imports(tree, optional=False):
            if each.top not in sys.stdlib_module_names:
                known = found.setdefault(each.name, each)
                if known.optional and not each.optional:
                    found[each.name] = each
    return list(found.values())


def local_modules(modules: Iterable[str], folder: Path) -> list[str]:
    """Those of *modules* that are found beside the notebook."""
    return [name for name in modules if (folder / f"{name}.py").is_file() or (folder / name).is_dir()]


def _imports(node: ast.AST, *, optional: bool) -> Iterator[Imported]:
    if isinstance(node, ast.Import):
        yield from (Imported(alias.name, optional) for alias in node.names)
    elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
        taken = [alias.name for alias in node.names if alias.name != "*"]
        yield from (Imported(f"{node.module}.{name}", optional) for name in taken)
        if not taken:
            yield Imported(node.module, optional)
    elif isinstance(node, ast.Try):
        # What stands in for a module that is not there need not be there either.
        forgives = optional or any(_forgives(handler.type) for handler in node.handlers)
        for part in (*node.body, *node.handlers, *node.orelse, *node.finalbody):
            yield from _imports(part, optional=forgives)
    elif isinstance(node, ast.If) and _is_for_checkers(node.test):
        for part in node.orelse:
            yield from _imports(part, optional=optional)
    else:
        for child in ast.iter_child_nodes(node):
            yield from _imports(child, optional=optional)


def _forgives(caught: ast.expr | None) -> bool:
    """Whether an ``except`` of this catches a module's absence."""
    if caught is None:
        return True
    names = caught.elts if isinstance(caught, ast.Tuple) else [caught]
    return any(isinstance(name, ast.Name) and name.id in _FORGIVING for name in names)


def _is_for_checkers(test: ast.expr) -> bool:
    """Whether an ``if`` of this is for type checkers only."""
    return ast.unparse(test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING")
