"""Functions of the notebook that ``map``, ``filter`` and ``reduce`` call with items, one after the other."""

from __future__ import annotations

import ast

from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.functions import ROUNDS
from labline_compiler.analysis.heap import NOTHING, Lazy, Value
from labline_compiler.analysis.replacements import Replacements


class Iterators(Replacements):
    """Iterators that call the notebook's functions when somebody goes through them."""

    def postponed_calls(self, origin: str, arguments: Arguments, node: ast.AST) -> Value:
        """``iter``, ``map``, ``filter`` and ``partial``: what they give calls what they are handed, later."""
        held = self.heap.reach(arguments.all)
        called = arguments.positional[0] if arguments.positional else NOTHING
        maker = origin if called and called <= self.heap.functions else None  # else it may be any method
        kind = "iterator" if origin.startswith("builtins") else None
        made = self.heap.make(self.site(node), kind, held, maker=maker)
        if origin in ("builtins.map", "builtins.filter"):
            through = NOTHING.union(*arguments.positional[1:])
            known = maker is not None and not arguments.starred
            self.heap.note_lazy(made, Lazy(called, through, origin == "builtins.filter", known))
        if origin == "builtins.iter":
            self.draws_of_loaders(made)
        if self.heap.lazy_in(made) is None:
            self.callbacks(arguments)
        else:
            self.use(made)
            self.go_on(made)
        return made

    def reduced(self, arguments: Arguments, node: ast.AST) -> Value | None:
        """What ``reduce`` gives. None where its function is not known, or there is no end of what that gives."""
        called = arguments.positional[0] if arguments.positional else NOTHING
        if not called or not called <= self.heap.functions or arguments.starred or len(arguments.positional) < 2:
            return None
        handed = self.iterate(arguments.positional[1]).union(*arguments.positional[2:], *arguments.keywords.values())
        self.use(handed)
        for _ in range(ROUNDS):
            self.invoke(called, handed)
            given = self.heap.given_by(called)
            if given <= handed:
                return handed | self.heap.make(self.site(node), "data")
            handed |= given  # which it gets the next time
        return None

    def go_on(self, iterators: Value) -> None:
        """Somebody goes through *iterators*: the functions that they hold run, with what these go through."""
        lazy = self.heap.lazy_in(iterators)
        for _ in range(ROUNDS if lazy is not None else 0):
            before = self.state.moment
            for number in lazy or ():
                its = self.heap.lazy[number]
                self.invoke(its.calls, self.heap.elements(its.through))
            if before == self.state.moment:  # else one of them may get what another has given since
                return
        reached = self.heap.reach(iterators)
        if functions := self.heap.callable_in(reached):
            self.invoke(functions, reached - functions)
