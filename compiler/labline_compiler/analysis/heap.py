"""Abstract objects: what may exist while the notebook runs, and what may hold what.

What holds what: see ``links.py``.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Hashable, Iterable
from dataclasses import field
from typing import TYPE_CHECKING, NamedTuple

from labline_compiler.analysis.generators import draws_when_gone_through
from labline_compiler.analysis.hidden_state import seeded_from
from labline_compiler.analysis.homes import imported_by, path_of
from labline_compiler.analysis.links import NOTHING, Links, Node, Value
from labline_compiler.analysis.operations import ESTIMATOR_PATH, TRANSPARENT, WHOLE
from labline_compiler.analysis.scopes import FunctionNode, Scope
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from labline_compiler.analysis.state import Frame

__all__ = ["ANY_PART", "MAIN", "NOTHING", "ClassInfo", "FunctionInfo", "Heap", "Lazy", "Thing", "Value"]
MAIN = "__main__"  # the module whose names are the notebook's
ANY_PART = ".*."  # stands in the dotted name of a library object for any number of attributes
_PARTS = 20  # so many attributes of attributes of library objects that may not be meant at all are told apart


@dataclass(frozen=True, eq=False)
class FunctionInfo:
    """A function of the notebook, with the scopes around it."""

    node: FunctionNode
    scope: Scope
    frame: Frame | None  # the function around it, if any
    defaults: dict[str, Value]
    binding: str | None = None  # "static", "class", "property", "kept", "accessor" where a decorator says so
    texts: dict[str, str] = field(default_factory=dict)  # the defaults that are texts which are known

    @property
    def is_property(self) -> bool:
        """Whether asking for it runs it; what a kept one gives stays in the object ("kept")."""
        return self.binding in ("property", "kept")


@dataclass(frozen=True, eq=False)
class ClassInfo:
    """A class of the notebook. ``members`` are its body's names; ``bases`` and ``metaclass`` are values."""

    node: ast.ClassDef
    members: dict[str, Value]
    bases: tuple[Value, ...]
    metaclass: Value = NOTHING


@dataclass(eq=False, slots=True)
class Thing(Node):
    """One abstract object. ``origin`` is the dotted name of something of a library."""

    kind: str | None = None
    origin: str | None = None
    maker: str | None = None  # of an object of unknown kind: what of a library has made it, by dotted name
    root: str | None = None  # of a library object that may not be meant at all: what it was looked for in
    function: FunctionInfo | None = None
    klass: ClassInfo | None = None
    instance_of: int | None = None
    caches: bool = False  # a function that gives again what it gave before
    gave: Value = NOTHING  # what such a function gave so far
    draws: bool = False  # an estimator without random_state
    passes: bool = False  # an estimator that may write into its input, and give it back
    keeps: bool = False  # an estimator that keeps what fitting it gave
    of: Value = NOTHING  # what a live view (``dict.keys()``, ``zip``) looks at: held, but not given by going through it
    parted: bool = False  # a library's fresh result, whose parts share nothing with each other
    stored: dict[str, Value] = field(default_factory=dict)  # attributes assigned from outside; "*": of any name
    since: dict[int, int] = field(
        default_factory=dict
    )  # what it holds: how many links there were when it came, in that order


class Lazy(NamedTuple):
    """An iterator of ``map`` or ``filter``."""

    calls: Value  # the notebook's functions, with items of what it goes through
    through: Value
    passes_on: bool  # whether it gives these, not only what the functions give
    is_known: bool  # whether nothing else may be called


@dataclass(eq=False)
class _Family:
    """Frames that may look at one memory until one of them is changed."""

    members: set[int]
    new: set[int]  # those that were not yet told of ``memory``
    memory: Value = NOTHING  # where an array looks at it as well


class Heap(Links):
    """All objects of one analysis."""

    things: list[Thing]

    def __init__(self) -> None:
        super().__init__()
        self.things = []
        self._made: dict[Hashable, int] = {}
        self.listener: Callable[[int, Value], None] | None = None  # is told of every link
        self._put: set[tuple[Value, Value]] = set()  # what was put where: links stay
        self._mutable: dict[Value, Value] = {}
        self._parts = 0
        self._settled: dict[int, int] = {}  # by ring
        self.instances: set[int] = set()  # of the notebook's classes
        self.instances_of: dict[int, set[int]] = {}  # by class
        self.classes: set[int] = set()  # the notebook's
        self.libraries: set[int] = set()  # modules and what lives in them
        self.dotted: set[int] = set()  # of these, those whose dotted name is known
        self.seeding: set[int] = set()  # of these, those by which a random generator may be seeded
        self.functions: set[int] = set()  # the notebook's
        self.sentinels: set[int] = set()  # of ``object()``
        self.namespaces: set[int] = set()  # of ``types.SimpleNamespace()``
        self.mixed: set[int] = set()  # instances that may hold themselves or their class, classes that may hold more
        self.vague: set[int] = set()  # instances that may have attributes that were not set by their names
        self.class_makers: set[int] = set()  # of these, those with a class inside
        self.drawing: set[int] = set()  # estimators without random_state
        self.fitted: set[int] = set()  # objects of unknown libraries on which ``fit`` was called, or ``load_weights``
        self.loaders: set[int] = set()  # who goes through one draws
        self.views: set[int] = set()  # such as ``dict.keys()``
        self.lazy: dict[int, Lazy] = {}  # iterators of ``map`` and ``filter``
        self.giving_themselves: set[int] = set()  # functions that may give themselves
        self.unfollowed: dict[int, int] = {}  # what functions may have made that were not followed: by which
        self._of_kind: dict[str | None, set[int]] = {}
        self._kinds: dict[Value, str | None] = {}
        self._related: dict[int, set[int]] = {}  # frames that may share an index, whose names can be changed
        self.indexes_named = False  # whether anything may name one, so that it counts which ones they have
        self._indexes: dict[int, Value] = {}  # those that a frame may have
        self._families: dict[int, _Family] = {}  # of frames that may look at one memory
        self.memories: set[int] = set()  # that arrays look at as well

    def make(self, key: Hashable, kind: str | None = None, holds: Value = NOTHING, **facts: object) -> Value:
        """The object made at the place *key*; made anew at its first call only, so that loops come to an end."""
        number = self._made.get(key)
        new = number is None
        if number is None:
            number = self._made[key] = len(self.things)
            self.things.append(Thing(kind=kind, **facts))  # type: ignore[arg-type]
            if kind in ("module", "library"):
                self.libraries.add(number)
                if (origin := facts.get("origin")) is not None:
                    self.dotted.add(number)
                    if seeded_from(str(origin)):
                        self.seeding.add(number)
            self._of_kind.setdefault(kind, set()).add(number)
            if facts.get("draws"):
                self.drawing.add(number)
            if "function" in facts:
                self.functions.add(number)
            if draws_when_gone_through(str(facts.get("maker") or "")):
                self.loaders.add(number)
            if facts.get("maker") == "builtins.object":
                self.sentinels.add(number)
            if facts.get("maker") == "types.SimpleNamespace":
                self.namespaces.add(number)
            if "klass" in facts:
                self.classes.add(number)
            if isinstance(klass := facts.get("instance_of"), int):
                self.instances.add(number)
                self.instances_of.setdefault(klass, set()).add(number)
        value = frozenset((number,))
        self.put(value, holds, named=number in self.instances)
        if new and number in self.instances:  # made with its class, which may be put there later on
            self._put.discard((value, holds))
            self.mixed.discard(number)
        return value

    def put(self, holders: Value, content: Value, *, named: bool = False) -> None:
        """Let every one of *holders* hold all of *content* from now on.

        *named*: of instances it is attributes that were noted by their names (``Thing.stored``), or their class.
        """
        if not content:
            return
        if not named:
            self.vague |= holders & self.instances
        if (holders, content) in self._put:
            return
        self._put.add((holders, content))
        self.work += len(holders)
        for number in holders & self.instances - self.mixed:  # which reach themselves and their classes all the same
            if number in content or self.things[number].instance_of in content:
                self.mixed.add(number)
        roots: dict[bool, Value] = {}
        enough: Value | None = None  # what objects that all hold each other reach is one set
        covered: set[int] = set()  # rings that hold one to which it was linked
        for holder in self._lowest_first(holders):
            wanted = content
            thing = self.things[holder]
            if thing.kind not in TRANSPARENT:
                if self.ring(holder) in covered:
                    continue
                reached = self.below(holder)
                if reached is enough or content <= reached:
                    enough = reached
                    continue  # all that is ever asked is what it reaches
                wide = thing.kind in WHOLE
                if wide not in roots:
                    roots[wide] = self._roots(content, wide=wide)
                wanted = roots[wide]
            if new := wanted - thing.holds:
                covered |= self.link(holder, new)
                thing.since |= dict.fromkeys(new, self.links)
                if self.listener is not None:
                    self.listener(holder, new)

    def _lowest_first(self, holders: Value) -> Iterable[int]:
        """Those that hold nothing, and then the others: who holds one of the former needs no link of its own."""
        if len(holders) < 2:
            return holders
        lowest = [number for number in holders if not self.things[number].holds]
        return [*lowest, *holders.difference(lowest)]

    def _roots(self, content: Value, *, wide: bool) -> Value:
        """Some of *content* that reach the rest of it: links to the rest would tell nothing new, and cost a lot.

        Unless *wide*, only along objects through which the parts of an estimator are looked for.
        """
        if len(content) < 2:
            return content
        self.work += len(content)
        roots: set[int] = set()
        found: set[int] = set()
        for number in sorted(content, reverse=True):  # the newest first, as they tend to hold the older
            if number in found:
                continue
            stack = [number]
            while stack:
                thing = self.things[stack.pop()]
                if wide or thing.kind in ESTIMATOR_PATH:
                    roots -= thing.holds
                    new = thing.holds - found
                    found |= new
                    stack.extend(new)
            found.add(number)
            roots.add(number)
        return frozenset(roots)

    def held_then(self, number: int, links: int) -> Collection[int]:
        """What the object held when there were so many links."""
        since = self.things[number].since
        if not since or next(reversed(since.values())) <= links:
            return since.keys()
        return [held for held, when in since.items() if when <= links]

    def settled(self, number: int) -> int:
        """How many links there were when what the object reaches was what it is in the end, which has come."""
        stack = [self.ring(number)]
        while stack:
            ring = stack[-1]
            if ring in self._settled:
                stack.pop()
                continue
            since = [self.things[each].since for each in self.members(ring)]
            held = {self.ring(one) for each in since for one in each} - {ring}
            if new := held - self._settled.keys():
                stack += new
                continue
            last = [next(reversed(each.values())) for each in since if each]
            self._settled[stack.pop()] = max([*last, *(self._settled[below] for below in held)], default=0)
        return self._settled[self.ring(number)]

    def kind(self, value: Value) -> str | None:
        """The kind that all objects of *value* have in common; "scalar" where there are none."""
        known = self._kinds.get(value, "")
        if known == "":
            kinds = {self.things[number].kind for number in value} or {"scalar"}
            known = self._kinds[value] = kinds.pop() if len(kinds) == 1 else None
        return known

    def only(self, value: Value, *kinds: str | None) -> Value:
        """Those objects of *value* that are of one of *kinds*."""
        return NOTHING.union(*(value & self._of_kind[kind] for kind in kinds if kind in self._of_kind))

    def any_of_kinds(self, value: Value, kinds: Iterable[str | None]) -> bool:
        """Whether an object of *value* is of one of *kinds*."""
        return any(not value.isdisjoint(self._of_kind.get(kind, NOTHING)) for kind in kinds)

    def origin(self, value: Value) -> str | None:
        """The dotted name of the one library object that *value* is, if it is one."""
        if len(value) != 1:
            return None
        (number,) = value
        return self.things[number].origin if self.things[number].kind in ("module", "library") else None

    def library(self, origin: str, kind: str = "library") -> Value:
        """The library object called *origin*."""
        return self.make(("library", origin), kind, origin=origin)

    def imported_from(self, module: str, name: str) -> Value:
        """What ``from module import name`` gives: something of the library, or a module that it has imported."""
        known = imported_by(module, name)
        return self.library(known, "module") if known is not None else self.library(path_of(module, name))

    def library_part(self, number: int, name: str, *, sure: bool) -> Value:
        """The attribute *name* of a library object.

        Unless it is *sure* that this object is meant, only so many attributes of attributes are told apart. In loops
        and among functions that may call each other there would be as many as there are words made of their names.
        """
        thing = self.things[number]
        if thing.origin is not None and (module := imported_by(thing.origin, name)):
            return self.library(module, "module")
        path = path_of(str(thing.origin), name)
        if sure or ("library", path) in self._made:
            return self.library(path)
        root = thing.root or thing.origin
        if thing.root is not None and (self._parts >= _PARTS or ANY_PART in path):
            return self.make(
                ("library", f"{root}{ANY_PART}{name}"), "library", origin=f"{root}{ANY_PART}{name}", root=root
            )
        self._parts += thing.root is not None
        return self.make(("library", path), "library", origin=path, root=root)

    def callable_in(self, value: Value) -> Value:
        """The notebook's functions among *value*, and what may be one because a function made it out of sight."""
        return (value & self.functions) | (value & self.unfollowed.keys())

    def mutable(self, value: Value) -> Value:
        """*value* without modules and what lives in them."""
        known = self._mutable.get(value)
        if known is None:
            known = self._mutable[value] = value if value.isdisjoint(self.libraries) else value - self.libraries
        return known

    def elements(self, value: Value) -> Value:
        """What iterating over *value*, or taking an item, may give."""
        single = self.only(value, *TRANSPARENT) | (value & self.views) | (value & self.lazy.keys())
        if not single:
            return self.reach(value)
        found = set(self.reach(value - single))
        self.work += len(single)
        for number in single:
            thing = self.things[number]
            if number in self.lazy:
                found |= self._passed_on(number)
            elif thing.kind in TRANSPARENT:
                found |= thing.holds - thing.of
            else:
                found |= self.reach(thing.holds - thing.of)
        return frozenset(found)

    def given_by(self, functions: Value) -> Value:
        """What the notebook's *functions* have given to those who called them unseen."""
        held = NOTHING.union(*(self.things[number].holds for number in functions))
        return self.reach(held) | (functions & self.giving_themselves)

    def note_lazy(self, made: Value, lazy: Lazy) -> None:
        """What the iterators *made* do."""
        for number in made:
            before = self.lazy.get(number, lazy)
            self.lazy[number] = Lazy(
                before.calls | lazy.calls,
                before.through | lazy.through,
                before.passes_on | lazy.passes_on,
                before.is_known and lazy.is_known,
            )

    def lazy_in(self, value: Value) -> Collection[int] | None:
        """The iterators of ``map`` and ``filter`` that going through *value* goes on in, the inner ones first, mostly.

        None where it goes on in others, or in what is not known.
        """
        found: dict[int, None] = {}
        stack = [value]
        while stack:
            for number in stack.pop():
                lazy = self.lazy.get(number)
                if number in found or self.things[number].kind in TRANSPARENT:
                    continue
                if lazy is None or not lazy.is_known:
                    return None
                found[number] = None
                stack.append(lazy.through)
        self.work += len(found)
        return list(reversed(found))

    def _passed_on(self, number: int) -> Value:
        """What going through an iterator of ``map`` or ``filter`` gives."""
        found, seen, stack = NOTHING, {number}, [number]
        while stack:
            lazy = self.lazy[stack.pop()]
            if not lazy.is_known:
                return self.reach((number,))
            if not lazy.passes_on:
                found |= self.given_by(lazy.calls)
                continue
            others = lazy.through & self.lazy.keys()
            stack += others - seen
            seen |= others
            found |= self.given_by(lazy.calls)  # it may have been one of ``map``, too
            found |= self.elements(lazy.through - others) if lazy.through - others else NOTHING
        return found

    def relate(self, made: Value, to: Value) -> Value:
        """Note that frames among *made*, which it returns, may have the very index of those among *to*."""
        for number in made & self._of_kind.get("pandas", NOTHING):
            for other in (to & self._of_kind["pandas"]) - made:
                self._related.setdefault(number, set()).add(other)
                self._related.setdefault(other, set()).add(number)
                if self.indexes_named:
                    self._share_index(number, other)
        return made

    def _share_index(self, made: int, other: int) -> None:
        if other not in self._indexes:
            self._indexes[other] = self.make(("index", other), "pandas")
            self.put(frozenset((other,)), self._indexes[other])
        self._indexes[made] = self._indexes.get(made, NOTHING) | self._indexes[other]
        self.put(frozenset((made,)), self._indexes[other])

    def related(self, value: Value) -> Value:
        """The frames that may have the index of one of *value*."""
        found, stack = set(value), list(value)
        while stack:
            new = self._related.get(stack.pop(), set()) - found
            found |= new
            stack.extend(new)
        return frozenset(found)

    def copy_late(self, made: Value, of: Value) -> Value:
        """Note that frames among *made*, which it returns, may look at the memory of those among *of*.

        That pandas copies it before it writes to it is true of frames only, not of an array that somebody took of one.
        """
        for number in self.only(made, "pandas", "data"):
            for other in self.only(of, "pandas", "data") - made:
                self._relate(number, other)
                self.put(frozenset((number,)), frozenset(self.memories & self.things[other].holds))
        return made

    def _relate(self, one: int, other: int) -> None:
        """These may look at one memory."""
        found = [self._families.get(number) or _Family({number}, {number}) for number in (one, other)]
        small, large = sorted(found, key=lambda family: len(family.members))
        if small is not large:
            for family, its in ((small, large), (large, small)):
                if its.memory:  # which those of the other do not know of
                    family.new |= family.members
            large.members |= small.members
            large.new |= small.new
            large.memory |= small.memory
            self._families |= dict.fromkeys(small.members, large)
            self._families[one] = self._families[other] = large

    def take_array(self, value: Value) -> Value:
        """Arrays in the place of the frames among *value*: they see what is written to the memory of one of these,
        or of one that has the same memory.
        """
        frames = self.only(value, "pandas")
        for number in sorted(self.only(value, "pandas", "data") & self._families.keys()):
            family = self._families[number]
            if not family.memory:
                family.memory = self.make(("memory", min(family.members)), "pandas")
                self.memories |= family.memory
            if family.new:
                self.work += len(family.new)
                self.put(frozenset(family.new), family.memory)
                family.new.clear()
        return (value - frames).union(*(self.make(("array", n), "numpy", frozenset((n,))) for n in frames))

    def look(self, views: Value, at: Value) -> None:
        """*views* look at what *at* holds: they hold it, but going through them does not give it."""
        if not at:
            return
        self.views |= views
        for number in views:
            self.things[number].of |= at

    def part(self, value: Value, index: int) -> Value:
        """What unpacking *value* gives at one place."""
        parted = [number for number in value if self.things[number].parted]
        found: Value = NOTHING
        for number in parted:
            thing = self.things[number]
            piece = self.make(("part", number, index), thing.kind if thing.kind != "library" else None)
            self.put(frozenset((number,)), piece)
            found |= piece
        return found | self.elements(value.difference(parted))
