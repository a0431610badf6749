"""What a call hands over."""

from __future__ import annotations

import ast
from dataclasses import field
from functools import cached_property

from labline_compiler.analysis.heap import NOTHING, Value
from labline_compiler.analysis.operations import Sharing
from labline_runtime.dataclass import dataclass

STATES = frozenset(("random_state", "seed", "rng"))  # what a generator of random numbers, or its seed, is given as


@dataclass
class Arguments:
    """Evaluated arguments of a call. ``rest`` is what came by ``*`` and ``**``."""

    positional: list[Value]
    keywords: dict[str, Value] = field(default_factory=dict)
    rest: Value = NOTHING
    starred: bool = False
    node: ast.Call | None = None

    @cached_property
    def all(self) -> Value:
        """Everything that is handed over."""
        return self.rest.union(*self.positional, *self.keywords.values())

    def constant(self, position: int | None, keyword: str | None = None) -> object:
        """The literal at a place, or an unlikely object where there is none."""
        if self.node is None:
            return Ellipsis
        found: ast.expr | None = None
        if position is not None and position < len(self.node.args):
            found = self.node.args[position]
        for word in self.node.keywords:
            if keyword is not None and word.arg == keyword:
                found = word.value
        return found.value if isinstance(found, ast.Constant) else Ellipsis

    def deciding(self, told: Sharing) -> Value:
        """What the result shares with, by the argument that decides whether it does so; nothing where it is new."""
        if self.starred or self.rest:
            return self.all
        by_place = told.place < len(self.positional)
        if not by_place and told.keyword not in self.keywords:
            return NOTHING
        constant = self.constant(told.place, told.keyword)
        if constant is not Ellipsis and constant not in told.constants:
            return NOTHING
        own = self.positional[told.place] if by_place else self.keywords[told.keyword]
        return own if told.itself else self.all

    def states(self) -> list[tuple[ast.expr | None, Value]]:
        """The random_state, or what else it may be called, with the code that gives it, where there is some."""
        code = {word.arg: word.value for word in self.node.keywords} if self.node is not None else {}
        return [(code.get(name), value) for name, value in self.keywords.items() if name in STATES]
