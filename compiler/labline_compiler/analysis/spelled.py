"""What a piece of code names, for those who do not follow it: dotted names, attributes of whatever else, imports."""

from __future__ import annotations

import ast
from functools import lru_cache

from labline_runtime.dataclass import dataclass


@dataclass(frozen=True)
class Spelled:
    """``np.random.rand(x).mean()`` names ``np.random.rand`` and ``x``, and the attribute ``mean`` of something else.

    ``imports``: what is imported, by dotted name, with the names of functions. Keyword arguments that are switched on
    count as attributes.
    """

    names: frozenset[str]
    attributes: frozenset[str]
    imports: frozenset[str]


@lru_cache(maxsize=4096)
def spelled(node: ast.AST) -> Spelled:
    """What the code below *node* names."""
    names: set[str] = set()
    attributes: set[str] = set()
    imports: set[str] = set()
    stack = [node]
    while stack:
        each = stack.pop()
        if isinstance(each, ast.Attribute):
            if (name := dotted(each)) is not None:
                names.add(name)
                continue
            attributes.add(each.attr)
        elif isinstance(each, ast.Name):
            names.add(each.id)
        elif isinstance(each, ast.Import):
            imports.update(alias.name for alias in each.names)
        elif isinstance(each, ast.ImportFrom):
            module = "." * each.level + (each.module or "")
            imports.update(f"{module}.{alias.name}" for alias in each.names)
        elif isinstance(each, ast.Call):
            attributes.update(word.arg for word in each.keywords if word.arg and not is_off(word.value))
        stack += ast.iter_child_nodes(each)
    return Spelled(frozenset(names), frozenset(attributes), frozenset(imports))


def dotted(node: ast.expr) -> str | None:
    """The dotted name that an expression is, if it is one."""
    parts: list[str] = []
    while isinstance(node, ast.Attribute):
        parts.append(node.attr)
        node = node.value
    return ".".join((node.id, *reversed(parts))) if isinstance(node, ast.Name) else None


def is_off(value: ast.expr) -> bool:
    """Whether an argument switches nothing on."""
    return isinstance(value, ast.Constant) and not value.value
