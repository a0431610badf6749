"""Things that keep state over steps, each with the idioms that use it, so that several of them meet in a notebook."""

from __future__ import annotations

import ast
from dataclasses import dataclass


@dataclass(frozen=True)
class Thing:
    """``start`` goes to the first cell, ``look`` to the last; ``idioms`` are templates as in ``grammar.NAMES``."""

    start: str
    look: str
    idioms: tuple[str, ...]

    @property
    def names(self) -> set[str]:
        """What ``start`` binds, imports excepted."""
        found: set[str] = set()
        for statement in ast.parse(self.start).body:
            if isinstance(statement, ast.FunctionDef | ast.ClassDef):
                found.add(statement.name)
            elif isinstance(statement, ast.Assign):
                nodes = [node for target in statement.targets for node in ast.walk(target)]
                found |= {node.id for node in nodes if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
        return found
