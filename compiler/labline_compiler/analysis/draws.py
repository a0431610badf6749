"""Which calls draw from the global generators of random numbers, by the tables of ``generators.py``."""

from __future__ import annotations

from labline_compiler.analysis import generators, hidden_state
from labline_compiler.analysis.arguments import Arguments
from labline_compiler.analysis.heap import NOTHING, Heap, Value
from labline_compiler.analysis.operations import CONTAINERS, WHOLE
from labline_compiler.analysis.state import State

# Kinds whose objects draw nothing when a library that does not draw gets hold of them.
_STILL = (
    CONTAINERS | WHOLE | {*("function", "variable", "bound", "meeting", "module", "styler", "logger", "sklearn", "rng")}
)
_LAYOUTS = ("draw", "draw_networkx", "display")  # of networkx: they draw unless they are told where the nodes are
_CENTRALITIES = ("betweenness_centrality", "edge_betweenness_centrality")  # they draw when they are to choose nodes


class Draws:
    """What calls draw."""

    heap: Heap
    state: State

    def foreign_bases(self, number: int) -> bool:
        """Whether a class of the notebook has bases that are not the notebook's."""
        raise NotImplementedError

    def made_by(self, value: Value) -> str | None:
        """Who made *value*, something of a library, if that is known of all objects of unknown kind among it.

        Where several packages have, one of those is told that may draw.
        """
        makers = {self.heap.things[number].maker for number in self.heap.only(value, None)}
        if not makers or None in makers:
            return None
        known = sorted(maker for maker in makers if maker is not None)
        return min(known, key=lambda maker: generators.is_quiet(generators.package_of(maker)))

    def unknown_draws(
        self, reached: Value = NOTHING, *, seeds: bool = False, drawn: frozenset[str] = generators.EVERY
    ) -> None:
        """Code that is not known may draw random numbers, and seed what is within reach; anything if *seeds*.

        *drawn*: from which generators it may draw by itself, if it is known. What it is handed may be called as well.
        """
        things, seeding = self.heap.things, self.seeds_in(reached)
        seeded = {s for n in seeding for s in hidden_state.seeded_from(things[n].origin or "")}
        if drawn != generators.EVERY:
            drawn = drawn.union(seeded, *(self._drawn_through(number) for number in reached))
        for state in hidden_state.RANDOM_STATES:
            if seeds or state in seeded:
                self.state.sink.hidden(state, "unknown")
            elif state in drawn:
                self.state.sink.hidden(state, "draw")
        self.unknown_plots()

    def _drawn_through(self, number: int) -> frozenset[str]:
        """What a library may draw from that gets hold of the object, and calls it or one of its methods."""
        thing = self.heap.things[number]
        klass = thing.instance_of if thing.instance_of is not None else number if thing.klass is not None else None
        if klass is not None:
            return generators.EVERY if self.foreign_bases(klass) else generators.NONE
        if thing.draws:
            return generators.NUMPY
        if thing.kind == "library":
            return generators.drawn_by(thing.origin or "")
        if thing.kind is None:
            return generators.drawn_by_method(thing.maker, "")
        return generators.NONE if thing.kind in _STILL else generators.EVERY

    def drawn_by_call(self, origin: str, arguments: Arguments) -> frozenset[str]:
        """What a call of something of a library draws from by itself."""
        if arguments.has_state():
            return generators.drawn_by(origin) & frozenset(("@torch.random",))
        package, _, name = origin.partition(".")
        name = name.rpartition(".")[2]
        if package == "networkx" and name in _LAYOUTS:
            given = "pos" in arguments.keywords or len(arguments.positional) > 1 or arguments.starred
            return generators.NONE if given else generators.PLAIN
        if package == "networkx" and name in _CENTRALITIES:
            given = "k" in arguments.keywords or len(arguments.positional) > 1 or arguments.starred
            return generators.PLAIN if given else generators.NONE
        if package == "seaborn":
            if name in ("catplot", "factorplot") and arguments.constant(None, "kind") not in (Ellipsis, "strip"):
                return generators.NONE
            if any(
                arguments.constant(None, word) not in (None, False) for word in arguments.keywords if "jitter" in word
            ):
                return generators.NUMPY
        return generators.drawn_by(origin)

    def drawn_by_method(self, receiver: Value, name: str) -> frozenset[str]:
        """What a method draws from by itself, of an object of which only may be known who made it."""
        return generators.drawn_by_method(self.made_by(receiver), name)

    def note_draws(self, origin: str, arguments: Arguments) -> None:
        """Tell what a function draws from, if the tables know its package."""
        package = generators.package_of(origin)
        known = package in generators.NAMES or generators.is_quiet(package)
        if known and not hidden_state.generators_used(origin):  # else that was told
            for state in sorted(self.drawn_by_call(origin, arguments)):
                self.state.sink.hidden(state, "draw")

    def draws_of(self, kind: str | None, receiver: Value, name: str, arguments: Arguments) -> None:
        """Whether a fit, a split or a sample draws from NumPy's global generator."""
        if name == "sample":
            draws = kind in ("pandas", "data", "sklearn", None)
        else:
            draws = any(self.heap.things[n].draws for n in self.heap.reach(receiver | arguments.all))
            draws |= kind is None and bool(self.drawn_by_method(receiver, name))
        if draws:
            self.state.sink.hidden("@numpy.random", "draw")

    def seeds_in(self, reached: Value) -> Value:
        """The modules and functions of libraries in *reached* by which a random generator may be seeded."""
        return reached & self.heap.seeding

    def unknown_plots(self) -> None:
        """Code that is not known may draw on pyplot's figures."""
        raise NotImplementedError
