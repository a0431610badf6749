"""What functions mention that are not followed, with all functions that they lead to."""

from __future__ import annotations

from typing import NamedTuple

from labline_compiler.analysis import scopes
from labline_compiler.analysis.draws import Draws
from labline_compiler.analysis.generators import NONE
from labline_compiler.analysis.heap import Value


class Mentions(NamedTuple):
    """What a function and those it reaches mention, as far as the notebook's names go."""

    moment: tuple[int, int]  # that this was right at
    values: Value  # what the names stand for
    declared: frozenset[str]  # the names that are declared global
    names: tuple[str, ...]
    held: tuple[Value | None, ...]  # what each of them stands for
    spelled: frozenset[str]  # names, too, should any be bound
    functions: frozenset[int]  # which they are
    drawn: frozenset[str]  # the random generators that they may draw from
    changed: frozenset[str]  # the other hidden state that they may change
    stars: int  # how many star imports there were, which may bind what else they name


class Mentioning(Draws):
    """Works out what functions mention, and has it read."""

    mentions: dict[int, Mentions]  # by function
    read_here: set[int]  # functions of which this cell has read what they mention

    def mentioned(self, number: int) -> Mentions:
        """What a function and those it reaches mention: all of that is read."""
        moment, known = self.state.moment, self.mentions.get(number)
        if known is not None and known.moment == moment and number in self.read_here:
            return known
        self.read_here.add(number)
        if known is not None and self._still_holds(known):
            self.heap.work += len(known.names)
            self.state.read_again(known.names)
            mentions = self.mentions[number] = known._replace(moment=moment)
            return mentions
        waiting, seen, met = [number], {number}, {number}
        reached = set(self.heap.reach(met))
        declared: frozenset[str] = frozenset()
        spelled: frozenset[str] = frozenset()
        drawn, changed = NONE, NONE
        covered: set[int] = set()  # functions that came with others
        read: dict[str, None] = {}
        while waiting:
            each = waiting.pop()
            info, known = self.heap.things[each].function, self.mentions.get(each)
            if info is None or each in covered:
                continue
            if known is not None and self._names_stand(known):
                if known.moment != moment or each not in self.read_here:
                    self.state.read_again(known.names)
                read |= dict.fromkeys(known.names)
                values = {known.values}
                declared |= known.declared
                spelled |= known.spelled
                drawn |= known.drawn
                changed |= known.changed
                covered |= known.functions
                seen |= known.functions
            else:
                maybe = scopes.spelled_names(info.node)
                new_names = (scopes.free_names(info.node) | (maybe & self.state.module.names.keys())) - read.keys()
                values = {self.state.maybe_global_value(name) for name in sorted(new_names)}
                read |= dict.fromkeys(sorted(new_names))
                declared |= scopes.global_names(info.node)
                spelled |= maybe
                drawn |= self.drawn_by_function(each)
                changed |= self.changed_by_function(each)
            for value in values:
                if not value <= met:
                    met |= value
                    reached |= self.heap.reach(value)
            new = (reached & self.heap.functions) - seen
            seen |= new
            waiting.extend(sorted(new, key=lambda one: (one in self.mentions, one)))  # those known first, being many
        names = tuple(read)
        self.heap.work += 2 * len(names) + 10 * len(seen)
        mentions = self.mentions[number] = Mentions(
            moment,
            frozenset(met),
            declared,
            names,
            tuple(map(self.state.module.names.get, names)),
            spelled,
            frozenset(seen),
            drawn,
            changed,
            len(self.stars),
        )
        return mentions

    def _still_holds(self, known: Mentions) -> bool:
        """Whether working it out again would find the same."""
        if known.moment == self.state.moment:
            return True
        return self._names_stand(known) and self.heap.reach(known.values) & self.heap.functions <= known.functions

    def _names_stand(self, known: Mentions) -> bool:
        """Whether the names that it read stand for what they did."""
        if known.moment[0] == self.state.moment[0]:
            return True
        names = self.state.module.names
        if known.stars != len(self.stars) or tuple(map(names.get, known.names)) != known.held:
            return False
        return all(name in known.names for name in known.spelled & names.keys())
