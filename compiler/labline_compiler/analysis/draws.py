"""Which calls draw from the global generators of random numbers, by the tables of ``generators.py``."""

from __future__ import annotations

import ast
from collections.abc import Callable
from functools import cached_property

from labline_compiler.analysis import estimators, files, generators, hidden_state, methods, operations
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.beside import NOTHING_BESIDE, Beside
from labline_compiler.analysis.given_names import BUILTINS
from labline_compiler.analysis.heap import NOTHING, Heap, Value
from labline_compiler.analysis.maybe_none import may_be_none
from labline_compiler.analysis.scopes import free_names
from labline_compiler.analysis.spelled import spelled
from labline_compiler.analysis.state import State

_LAYOUTS = ("draw", "draw_networkx", "display")  # of networkx: they draw unless they are told where the nodes are
_CENTRALITIES = ("betweenness_centrality", "edge_betweenness_centrality")  # they draw when they are to choose nodes


class Draws:
    """What calls draw."""

    heap: Heap
    state: State

    stars: dict[str, None]
    beside: Beside = NOTHING_BESIDE  # the modules beside the notebook
    find_nones: Callable[[], frozenset[str]] = frozenset
    _imported: set[str]  # modules that were surely imported by now
    _known_within: dict[Value, frozenset[str]]
    _known_of: dict[int, tuple[int, frozenset[str]]]  # by function: how many library objects there were then

    def drawn_by_bases(self, number: int) -> frozenset[str]:
        """What a class of the notebook draws from through classes of libraries that it inherits from."""
        raise NotImplementedError

    def made_by(self, value: Value, otherwise: str | None = None) -> str | None:
        """What of a library has made *value*, if that is known of all that is of unknown kind; else None.

        Where several packages have, one of those is told that may draw. *otherwise*: where all kinds are known.
        """
        makers = {self.heap.things[number].maker for number in self.heap.only(value, None, "quiet")}
        makers |= {self.heap.things[number].origin for number in value & self.heap.libraries}
        if None in makers:
            return None
        if not makers:
            return otherwise
        known = sorted(maker for maker in makers if maker is not None)
        return min(
            known, key=lambda maker: (generators.is_quiet(generators.package_of(maker)), self.beside.knows(maker))
        )

    def draws_when_fitted(self, name: str, arguments: Arguments) -> bool:
        """Whether an estimator or a splitter made of a class of that *name* draws from NumPy's generator."""
        told = "shuffle" in arguments.keywords or arguments.starred
        shuffles = name.endswith("KFold") and told and arguments.constant(None, "shuffle") is not False
        random = name in operations.RANDOM_ESTIMATORS and estimators.draws_as_made(name, arguments)
        if (random or shuffles) and not self.has_own_state(arguments):
            return True
        if name.endswith("SearchCV") and self.told_to_draw(arguments.all, arguments):
            return True
        called = {self.heap.things[number].origin for number in arguments.all & self.heap.libraries}
        return not called.isdisjoint(hidden_state.DRAW_WITHOUT_STATE)

    @cached_property
    def nones(self) -> frozenset[str]:
        """The words of the notebook that may stand for None. Few notebooks are asked."""
        return self.find_nones()

    def may_be_none(self, node: ast.expr) -> bool:
        """Whether an expression may give None."""
        return node.value is None if isinstance(node, ast.Constant) else may_be_none(node, self.nones)

    def has_own_state(self, arguments: Arguments) -> bool:
        """Whether a call is surely given a seed, or a generator that is not everybody's."""
        return any(
            not self.is_shared(value) and (node is None or not self.may_be_none(node))
            for node, value in arguments.states()
        )

    def is_shared(self, value: Value) -> bool:
        """Whether *value* may be a generator that everybody draws from."""
        if any(self.heap.things[number].draws for number in self.heap.only(value, "rng")):
            return True
        return any(generators.is_shared(self.heap.things[number].origin or "") for number in value & self.heap.dotted)

    def checked_state(self, arguments: Arguments, node: ast.AST) -> Value:
        """What ``check_random_state`` gives: NumPy's own generator for None and for its module."""
        call = arguments.node
        given = [*call.args, *(word.value for word in call.keywords)] if call is not None else []
        shared = self.is_shared(arguments.all) or not given or any(map(self.may_be_none, given))
        found = self.heap.library("numpy.random.mtrand._rand") if shared else NOTHING
        if not given or (not arguments.all and all(isinstance(each, ast.Constant) for each in given) and shared):
            return found
        own = self.heap.only(arguments.all, "rng", None)
        return found | own | self.heap.make(self.site(node), "rng", self.heap.mutable(arguments.all))

    def inherited_draws(self, number: int, name: str, arguments: Arguments) -> None:
        """A method of an instance is called, which may be one of a library's class, or may call that."""
        raise NotImplementedError

    def made_with_state(self, instance: Value, arguments: Arguments) -> None:
        """An instance of a class of the notebook is made, maybe with a seed."""
        raise NotImplementedError

    def site(self, node: ast.AST | None, extra: object = None) -> tuple[object, ...]:
        """The key of what *node* makes."""
        raise NotImplementedError

    def told_without_state(self, receiver: Value, arguments: Arguments) -> Value:
        """The estimators in reach that may draw from now on, as ``set_params`` takes their random_state away."""
        call = arguments.node
        given = call.keywords if call is not None else []
        if not any(
            self.may_be_none(word.value) or self.is_shared(arguments.keywords.get(word.arg, NOTHING))
            if word.arg is not None
            else "random_state" in self.nones
            for word in given
            if word.arg is None or word.arg.endswith("random_state")
        ):
            return NOTHING
        return self.heap.only(self.heap.reach(receiver), "sklearn")

    def told_to_draw(self, reached: Value, arguments: Arguments) -> Value:
        """The estimators in reach that may draw from now on, because a call sets their options."""
        made = self.heap.only(self.heap.reach(reached), "sklearn")
        names = {number: (self.heap.things[number].maker or "").rpartition(".")[2] for number in made}
        call = arguments.node
        return frozenset(n for n, name in names.items() if call is not None and estimators.may_be_told(name, call))

    def unknown_draws(
        self,
        reached: Value = NOTHING,
        *,
        seeds: bool = False,
        drawn: frozenset[str] = generators.EVERY,
        fits: bool = False,
    ) -> None:
        """Code that is not known may draw random numbers, and seed what is within reach; anything if *seeds*.

        *drawn*: from which generators it may draw by itself, if it is known. What it is handed may be called as well,
        and fitted, where it *fits*.
        """
        things, seeding = self.heap.things, self.seeds_in(reached)
        seeded = {s for n in seeding for s in hidden_state.seeded_from(things[n].origin or "")}
        if drawn != generators.EVERY:
            drawn |= self._drawn_within(reached)
            drawn |= generators.NUMPY if fits and not self.heap.drawing.isdisjoint(reached) else generators.NONE
        for state in hidden_state.RANDOM_STATES:
            if seeds or state in drawn:  # who seeds a generator names it, as who draws from it does
                self.state.sink.hidden(state, "unknown" if seeds or state in seeded else "draw")
        self.unknown_plots()

    def _drawn_within(self, reached: Value) -> frozenset[str]:
        """What a library may draw from that gets hold of *reached*, and calls any of it or its methods."""
        heap = self.heap
        if reached in self._known_within:
            return self._known_within[reached]
        drawn = generators.NONE
        classes = {heap.things[n].instance_of for n in reached & heap.instances} | (reached & heap.classes)
        drawn = drawn.union(*(self.drawn_by_bases(klass) for klass in classes if klass is not None))
        for number in heap.only(reached, None, "library", "ipython"):
            thing = heap.things[number]
            known = thing.origin or thing.maker or ""
            if self.beside.knows(known):
                drawn |= self.beside.drawing(known)
            elif thing.kind == "library":
                drawn |= generators.drawn_by(thing.origin or "")
            elif (maker := heap.unfollowed.get(number)) is not None:
                drawn |= self.drawn_by_function(maker)
            elif thing.kind == "ipython":
                drawn = generators.EVERY
            else:
                drawn |= generators.drawn_by_method(thing.maker, "")
            if drawn == generators.EVERY:
                break
        self._known_within[reached] = drawn
        return drawn

    def drawn_by_function(self, number: int) -> frozenset[str]:
        """What a function of the notebook draws from that is not followed, by what it names.

        Other functions of the notebook do not count. What it gets hold of does not count, either, but for the names of
        the methods that it calls.
        """
        info, dotted = self.heap.things[number].function, len(self.heap.dotted)
        if (known := self._known_of.get(number)) is not None and known[0] == dotted:
            return known[1]
        drawn = generators.EVERY if info is None else self._drawn_by_code(info.node)
        self._known_of[number] = dotted, drawn
        return drawn

    def _drawn_by_code(self, node: ast.AST) -> frozenset[str]:
        free, code = free_names(node), spelled(node)
        drawn = generators.NONE.union(
            *map(generators.drawn_by_word, code.attributes), *map(generators.drawn_by, code.imports)
        )
        for name in code.names:
            root, *parts = name.split(".")
            value = self.state.peek(root) if root in free else NOTHING
            if value is None:
                builtin = root in BUILTINS or not self.stars
                drawn |= generators.drawn_by(f"builtins.{name}") if builtin else generators.EVERY
            for each in value or ():
                if (origin := self.heap.things[each].origin) is not None:
                    whole = ".".join((origin, *parts))
                    effects = self.beside.calling(whole) if self.beside.knows(origin) else None
                    drawn |= generators.drawn_by(whole) if effects is None else effects.draws
            drawn = drawn.union(*map(generators.drawn_by_word, parts))
        return drawn

    def changed_by_function(self, number: int) -> frozenset[str]:
        """What hidden state such a function may change besides, by what it names. So may what is imported in it."""
        info = self.heap.things[number].function
        if info is None:
            return generators.NONE
        code, origins = spelled(info.node), set[str]()
        for name in code.names:
            root, *parts = name.split(".")
            known = {self.heap.things[each].origin for each in self.state.peek_global(root) or ()} - {None}
            origins |= {".".join((origin or "", *parts)) for origin in known or code.imports}
        changed = {state for origin in origins | code.imports for state in self._changed_by(origin)}
        return frozenset(changed | {"@logging"} if code.attributes & hidden_state.LOGGER_SETTINGS else changed)

    def _changed_by(self, origin: str) -> frozenset[str]:
        changed = hidden_state.changed_by(origin)
        if files.is_foreign(origin):
            effects = self.beside.calling(origin)
            changed |= effects.changes.difference(hidden_state.RANDOM_STATES)
            if not self.beside.knows(origin) or self.beside.keeps(origin):
                changed |= {hidden_state.module_state(origin)}
        return changed

    def drawn_by_call(self, origin: str, arguments: Arguments) -> frozenset[str]:
        """What a call of something of a library draws from by itself."""
        if self.beside.knows(origin):
            return self.beside.calling(origin).draws
        if self.has_own_state(arguments):
            return generators.drawn_by(origin) & frozenset(("@torch.random",))
        package, _, name = origin.partition(".")
        name = name.rpartition(".")[2]
        if package == "networkx" and name in _LAYOUTS:
            given = "pos" in arguments.keywords or len(arguments.positional) > 1 or arguments.starred
            return generators.NONE if given else generators.PLAIN
        if package == "networkx" and name in _CENTRALITIES:
            given = "k" in arguments.keywords or len(arguments.positional) > 1 or arguments.starred
            return generators.PLAIN if given else generators.NONE
        kind = arguments.constant(None, "kind")
        if package == "seaborn" and name in ("catplot", "factorplot") and kind not in (Ellipsis, "strip"):
            return generators.NONE
        chancy = [word for word in arguments.keywords if "jitter" in word or word == "bootstrap"]
        if any(arguments.constant(None, word) not in (None, False) for word in chancy):
            return generators.PLAIN | generators.drawn_by(origin)
        return generators.drawn_by(origin)

    def drawn_by_method(self, receiver: Value, name: str) -> frozenset[str]:
        """What a method draws from by itself, of an object of which only may be known who made it."""
        maker = self.made_by(receiver, "builtins.object")
        if maker is not None and self.beside.knows(maker):
            if name in self.beside.called:
                return self.beside.calling_method(name).draws
            # It is a library's: an estimator that one of them has made, for one.
            random = name in methods.RANDOM_METHODS or generators.drawn_by_word(name)
            return self.beside.drawing(maker) if random else generators.NONE
        return generators.drawn_by_method(maker, name)

    def is_first_import(self, module: str) -> bool:
        """Whether a module may be imported now for the first time."""
        if module in self._imported:
            return False
        if self.state.depth == 0 and len(self.state.frames) == 1:
            self._imported.add(module)
        return True

    def note_import(self, module: str) -> None:
        """Tell what a module may draw from, or sets, when it is imported, unless it was before."""
        if not self.is_first_import(module):
            return
        package = module.partition(".")[0]
        for state in sorted(generators.IMPORTS.get(package, ())):
            self.state.sink.hidden(state, "import")
        if package in hidden_state.STYLING_IMPORTS:
            self.state.sink.hidden("@matplotlib.rcParams", "change")
        if files.is_foreign(module) and not self.beside.knows(module) and not generators.is_quiet(package):
            for state in sorted(generators.PLAIN):
                self.state.sink.hidden(state, "strange import")

    def note_draws(self, origin: str, arguments: Arguments) -> None:
        """Tell what a function draws from, if the tables know its package."""
        package = generators.package_of(origin)
        known = package != "sklearn" and (package in generators.NAMES or generators.is_quiet(package))
        name = origin.rpartition(".")[2]
        known &= name != "get_ipython"  # gives the shell; what runs code are methods of that
        known |= name in generators.FUNCTIONS.get(package, ())
        if known and not hidden_state.generators_used(origin):  # else that was told
            for state in sorted(self.drawn_by_call(origin, arguments)):
                self.state.sink.hidden(state, "draw")

    def draws_of(self, kind: str | None, receiver: Value, name: str, arguments: Arguments) -> None:
        """Whether a fit, a split or a sample draws from NumPy's global generator."""
        if name == "sample":
            draws = kind in ("pandas", "data", "sklearn", None)
        else:
            draws = not self.heap.drawing.isdisjoint(self.heap.reach(receiver | arguments.all))
            draws |= kind is None and bool(self.drawn_by_method(receiver, name))
        if draws:
            self.state.sink.hidden("@numpy.random", "draw")

    def draws_of_loaders(self, iterators: Value) -> None:
        """Somebody goes through *iterators*, which draws where there is a loader of data in it."""
        if not (self.heap.loaders or self.beside.loading):
            return
        reached, things = self.heap.reach(iterators), self.heap.things
        found = not self.heap.loaders.isdisjoint(reached)
        if self.beside.loading:
            found |= any(self.beside.knows(things[number].maker or "") for number in self.heap.only(reached, None))
        for state in hidden_state.RANDOM_STATES if found else ():
            self.state.sink.hidden(state, "draw")

    def seeds_in(self, reached: Value) -> Value:
        """The modules and functions of libraries in *reached* by which a random generator may be seeded."""
        return reached & self.heap.seeding

    def unknown_plots(self) -> None:
        """Code that is not known may draw on pyplot's figures."""
        raise NotImplementedError
