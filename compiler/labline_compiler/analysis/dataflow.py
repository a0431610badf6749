"""From what cells do to what steps need of each other.

The notebook is followed twice in its own order. The first time tells which objects are altered, and when for the last
time; with that the second time knows for every name, at every moment, the last step that may have bound or altered it
or anything it may share objects with. That step is where a reader takes the name from.

Names that share an object which is altered later always have one and the same source, so that they are read from one
artifact and still share the object afterwards.
"""

from __future__ import annotations

import ast
import builtins
import difflib
import posixpath
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from labline_compiler.analysis.expressions import IPYTHON_NAMES
from labline_compiler.analysis.heap import NOTHING, Heap, Value
from labline_compiler.analysis.hidden_state import AMBIENT, Use
from labline_compiler.analysis.walker import Walker
from labline_compiler.findings import Finding, finding
from labline_compiler.ipython import ParsedCell
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import Parameter

PREAMBLE = "<preamble>"
PARAMETERS = "<parameters>"
_NO_STEPS = (PREAMBLE, PARAMETERS)
_GENERATORS = {"@random": "random", "@numpy.random": "numpy.random", "@torch.random": "torch"}


@dataclass(frozen=True, eq=False)
class Unit:
    """A cell, or a part of one, that runs in one step. Parameters are a unit of their own."""

    cell: Cell
    step: str
    parsed: ParsedCell | None = None
    parameters: tuple[Parameter, ...] = ()


@dataclass(eq=False)
class Version:
    """What a name is after a step bound it or altered what it stands for."""

    name: str
    step: str
    segment: int  # which stretch of consecutive cells, of all steps
    parent: Version | None  # what it was before
    always: bool  # surely bound anew, so that the step does not need the parent
    cell: Cell
    unbound: bool = False  # may be unbound again


@dataclass
class StepFlow:
    """What one step takes and gives."""

    inputs: dict[str, Version] = field(default_factory=dict)
    unaltered: set[str] = field(default_factory=set)  # inputs left as they are that a later step takes too
    parameters: set[str] = field(default_factory=set)
    groups: list[list[str]] = field(default_factory=list)
    optional: set[str] = field(default_factory=set)
    after: dict[str, None] = field(default_factory=dict)


@dataclass
class Flows:
    """The result: what flows between steps, and what there is to tell."""

    steps: dict[str, StepFlow]
    findings: list[Finding]
    misplaced: set[int]  # cells that cannot run at the start of every step


class _Scout:
    """The first time through: when is each object altered for the last time, with somebody left to see it?

    A change is seen by a later read of a name that holds the object, or at once where the step has come to the object
    by two names.
    """

    def __init__(self) -> None:
        self.heap = Heap()
        self.walker = Walker(self.heap, self)
        self.walker.identity_listener = self.compared
        self.last: dict[int, int] = {}
        self._unseen: dict[int, int] = {}
        self._names: dict[int, set[str]] = {}  # by object: the names by which this step has come to it

    def start(self) -> None:
        """Another step begins."""
        self.walker.state.always = set()
        self._names = {}

    def read(self, name: str, node: ast.AST | None) -> None:
        for number in self.heap.reach(self.walker.state.module.names.get(name, NOTHING)):
            self._names.setdefault(number, set()).add(name)
            if number in self._unseen:
                self.last[number] = self._unseen.pop(number)

    def compared(self, objects: Value) -> None:
        """Objects are compared by identity, which counts as much as a change."""
        self.last.update(dict.fromkeys(objects, self.walker.state.time))

    def alter(self, objects: Value) -> None:
        for number in objects:
            if len(self._names.get(number, ())) > 1:
                self.last[number] = self.walker.state.time
            self._unseen[number] = self.walker.state.time

    def bind(self, name: str, value: Value, *, always: bool) -> None: ...

    def delete(self, name: str, *, always: bool) -> None: ...

    def hidden(self, state: str, use: Use) -> None: ...

    def file(self, mode: str, path: str | None) -> None: ...

    def unrepeatable(self) -> None: ...

    def unbound(self, name: str, node: ast.AST | None) -> None: ...

    def star_import(self, module: str) -> None: ...

    def note(self, code: str, message: str, node: ast.AST | None) -> None: ...


def analyse(units: Sequence[Unit]) -> Flows:
    """Work out what flows between the steps of *units*, which are in the notebook's order."""
    scout = _Scout()
    previous = None
    for unit in units:
        if unit.step != previous:
            scout.start()
        previous = unit.step
        _follow(scout.walker, unit)
    recorder = _Recorder(scout.last)
    for unit in units:
        recorder.start(unit)
        _follow(recorder.walker, unit)
    recorder.finish()
    return recorder.flows()


def _follow(walker: Walker, unit: Unit) -> None:
    for parameter in unit.parameters:
        walker.parameter(parameter.name, parameter.default)
    if unit.parsed is not None:
        walker.cell(unit.parsed)


@dataclass(frozen=True)
class _FileAccess:
    step: str
    mode: str
    path: str | None


class _Recorder:
    """The second time through."""

    def __init__(self, last_altered: dict[int, int]) -> None:
        self.heap = Heap()
        self.walker = Walker(self.heap, self)
        self.last = last_altered
        self.versions: dict[str, Version] = {}
        self.made: dict[tuple[str, str], list[Version]] = {}  # by step and name
        self.needs: list[tuple[str, int, Version, Cell]] = []
        self.files: list[_FileAccess] = []
        self.stars: list[Version] = []
        self.steps: dict[str, StepFlow] = {}
        self.reached: dict[str, dict[str, Value]] = {}  # by step: what its names hold when it ends
        self.findings: list[Finding] = []
        self.told: set[tuple[object, ...]] = set()
        self.misplaced: set[int] = set()
        self.brought: set[tuple[Value, int, int]] = set()
        self.touched: set[str] = set()
        self.values: dict[str, Value] = {}  # what each name may stand for, branches taken or not
        self.libraries: dict[str, Value | None] = {}  # names that the preamble bound to library objects
        self.units: list[Unit] = []
        self.segment = 0
        self.unit: Unit

    # ------------------------------------------------------------------------------------------------------- moving

    def start(self, unit: Unit) -> None:
        """Go on to the next unit."""
        if not self.units or self.unit.step != unit.step:
            self.finish()
            self.segment += 1
            self.walker.state.always = set()
        self.unit = unit
        self.units.append(unit)
        self.brought.clear()
        if unit.step in _NO_STEPS:
            return
        self.steps.setdefault(unit.step, StepFlow())
        for state in AMBIENT:
            self._need(state)

    def finish(self) -> None:
        """Remember what the names of the step that ends here hold."""
        if not self.units or self.unit.step in _NO_STEPS:
            return
        step = self.unit.step
        names = self.walker.state.module.names
        mine = [name for name, version in self.versions.items() if version.step == step and name in names]
        self.reached.setdefault(step, {}).update({name: self._sharable(self.heap.reach(names[name])) for name in mine})

    def _sharable(self, reached: Value) -> Value:
        """Objects whose identity may show. Classes and functions only where they are altered."""
        things = self.heap.things
        plain = ("module", "library", "class", "function")
        return frozenset(n for n in reached if n in self.last or things[n].kind not in plain)

    @property
    def _above(self) -> bool:
        """Whether cells of steps stand above the current one."""
        return bool(self.steps)

    # --------------------------------------------------------------------------------------------- the walker's sink

    def read(self, name: str, node: ast.AST | None) -> None:
        self.touched.add(name)
        if self.unit.step == PREAMBLE:
            version = self.versions.get(name)
            if version is not None and version.step != PREAMBLE:
                self.misplaced.add(self.unit.cell.index)
        self._need(name)

    def bind(self, name: str, value: Value, *, always: bool) -> None:
        if self.unit.step == PREAMBLE and self._above and name in self.touched:
            before = self.versions.get(name)
            same_module = before is not None and before.step == PREAMBLE and value == self.libraries.get(name)
            if not same_module:
                self.misplaced.add(self.unit.cell.index)
        if self.unit.step == PREAMBLE:
            self.libraries[name] = value if not self.heap.mutable(value) and value else None
        self.touched.add(name)
        self._touch(name, always=always)
        # Bound maybe, the name may still stand for what it stood for before.
        value = self.values[name] = value if always else value | self.values.get(name, NOTHING)
        hot = self._hot(value)
        if hot:
            self._bring_along(hot, {name})

    def delete(self, name: str, *, always: bool) -> None:
        if always:
            self.versions.pop(name, None)
        else:
            self._touch(name, always=False).unbound = True

    def alter(self, objects: Value) -> None:
        if self.unit.step == PREAMBLE and self._above and self._names_holding(objects):
            self.misplaced.add(self.unit.cell.index)
        moment = (objects, self.heap.links, self.walker.state.bindings)
        if moment not in self.brought:  # the same again would find the same names
            self.brought.add(moment)
            self._bring_along(objects, set())

    def hidden(self, state: str, use: Use) -> None:
        version = self.versions.get(state)
        if use == "read" or (use == "draw" and version is None):
            if use == "draw" and self.unit.step == PREAMBLE:
                self.misplaced.add(self.unit.cell.index)
            self._need(state)
            return
        if self.unit.step == PREAMBLE and (use == "draw" or self._above):
            self.misplaced.add(self.unit.cell.index)
        if use == "draw" and version is not None and version.step not in (*_NO_STEPS, self.unit.step):
            self._tell_shared_generator(state, version)
        if use != "set":
            self._need(state)
        walker_state = self.walker.state
        plain = walker_state.depth == 0 and len(walker_state.frames) == 1
        self._touch(state, always=use == "set" and plain)

    def file(self, mode: str, path: str | None) -> None:
        step = self.unit.step
        if step == PREAMBLE:
            if mode == "write":
                self.misplaced.add(self.unit.cell.index)
            return
        if path is not None:
            if "://" in path:
                return
            path = posixpath.normpath(path)
        for earlier in self.files:
            if earlier.step != step and _must_wait(earlier, mode, path):
                self.steps[step].after[earlier.step] = None
        access = _FileAccess(step, mode, path)
        if access not in self.files:
            self.files.append(access)

    def unrepeatable(self) -> None:
        if self.unit.step == PREAMBLE:
            self.misplaced.add(self.unit.cell.index)

    def unbound(self, name: str, node: ast.AST | None) -> None:
        self.touched.add(name)
        if self.stars:
            version: Version | None = None
            for star in self.stars:
                version = Version(name, star.step, star.segment, version, False, star.cell, unbound=True)
                self.made.setdefault((star.step, name), []).append(version)
            if version is not None:
                self.versions[name] = version
            self._need(name)
        elif name not in IPYTHON_NAMES and not hasattr(builtins, name) and not self.walker.forgiving:
            self._tell_unbound(name, node)

    def star_import(self, module: str) -> None:
        self.stars.append(Version("*", self.unit.step, self.segment, None, False, self.unit.cell))
        if self.unit.step == PREAMBLE and self._above:
            self.misplaced.add(self.unit.cell.index)
        for name in list(self.versions):
            if not name.startswith("@"):
                self._touch(name, always=False)

    def note(self, code: str, message: str, node: ast.AST | None) -> None:
        if self.unit.step == PREAMBLE:
            return  # it runs at the start of every step, so nothing is lost
        self._tell(code, message, node)

    # ---------------------------------------------------------------------------------------------------- versions

    def _touch(self, name: str, *, always: bool) -> Version:
        """The current step makes a version of *name*, if it has not yet."""
        version = self.versions.get(name)
        if version is not None and version.step == self.unit.step and version.segment == self.segment:
            version.always |= always
            return version
        version = Version(name, self.unit.step, self.segment, version, always, self.unit.cell)
        self.versions[name] = version
        self.made.setdefault((self.unit.step, name), []).append(version)
        return version

    def _hot(self, value: Value) -> Value:
        """The objects of *value* that are altered later."""
        now = self.walker.state.time
        return frozenset(n for n in self.heap.reach(value) if self.last.get(n, -1) > now)

    def _names_holding(self, objects: Value) -> list[str]:
        holders = self.heap.holders(objects)
        return [name for name, value in self.walker.state.module.names.items() if not holders.isdisjoint(value)]

    def _bring_along(self, objects: Value, done: set[str]) -> None:
        """All names that share *objects*, or share others with those, have their source here from now on."""
        waiting = [objects]
        names = self.walker.state.module.names
        while waiting:
            for name in self._names_holding(waiting.pop()):
                if name not in done:
                    done.add(name)
                    self._touch(name, always=False)
                    hot = self._hot(names[name])
                    if hot:
                        waiting.append(hot)

    def _need(self, name: str) -> None:
        version = self.versions.get(name)
        here = (self.unit.step, self.segment)
        while version is not None and (version.step, version.segment) == here and not version.always:
            version = version.parent  # the step may bind it surely later, but reads it now
        if version is not None and self.unit.step not in _NO_STEPS:
            self.needs.append((self.unit.step, self.segment, version, self.unit.cell))

    # ------------------------------------------------------------------------------------------------------ telling

    def _tell(self, code: str, message: str, node: ast.AST | None, step: str | None = None) -> None:
        cell = self._cell_of(node)
        key = (code, message, cell.index)
        if key in self.told:
            return
        self.told.add(key)
        line, column = getattr(node, "lineno", None), getattr(node, "col_offset", None)
        self.findings.append(
            finding(
                code,
                message,
                cell=cell.place,
                line=line,
                column=column + 1 if column is not None else None,
                step=step or (self.unit.step if self.unit.step not in _NO_STEPS else None),
            )
        )

    def _cell_of(self, node: ast.AST | None) -> Cell:
        if node is not None:
            for unit in reversed(self.units):
                if unit.parsed is not None and any(inner is node for inner in ast.walk(unit.parsed.tree)):
                    return unit.cell
        return self.unit.cell

    def _tell_unbound(self, name: str, node: ast.AST | None) -> None:
        cell = self._cell_of(node)
        line = getattr(node, "lineno", None)
        where = f"Cell {cell.number}" + (f", line {line}," if line else "")
        near = difflib.get_close_matches(name, list(self.walker.state.module.names), n=2, cutoff=0.7)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        self._tell("LL201", f"{where} reads {name}, which nothing above it binds.{hint}", node)

    def _tell_shared_generator(self, state: str, version: Version) -> None:
        message = (
            f"Step {self.unit.step} draws random numbers from {_GENERATORS.get(state, state)}'s global generator "
            f"after step {version.step}, so it waits for it."
        )
        self._tell("LL301", message, None)

    # ------------------------------------------------------------------------------------------------------- result

    def flows(self) -> Flows:
        """Settle who needs what from whom."""
        given: dict[str, set[str]] = {}
        seen: set[tuple[str, int]] = set()
        stack = list(reversed(self.needs))
        while stack:
            step, segment, version, cell = stack.pop()
            if (step, id(version)) in seen:
                continue
            seen.add((step, id(version)))
            if version.step == PREAMBLE:
                continue
            flow = self.steps[step]
            if version.step == step:
                if not version.always and version.parent is not None:
                    stack.append((step, version.segment, version.parent, version.cell))
                continue
            self._check_interruption(step, segment, version, cell)
            if version.step == PARAMETERS:
                flow.parameters.add(version.name)
                continue
            flow.inputs.setdefault(version.name, version)
            given.setdefault(version.step, set()).add(version.name)
            if not version.always and version.parent is not None:
                stack.append((version.step, version.segment, version.parent, version.cell))
            if _maybe_unbound(version) and not version.name.startswith("@"):
                self.steps[version.step].optional.add(version.name)
            if version.name in AMBIENT:
                self._tell_option(version)
        for step, names in given.items():
            self.steps[step].groups = self._groups(step, names)
        self._mark_unaltered()
        return Flows(self.steps, self.findings, self.misplaced)

    def _mark_unaltered(self) -> None:
        """Find the inputs whose change, were there one, would be missed by a step further down the notebook."""
        first: dict[str, int] = {}
        last: dict[str, int] = {}
        for place, unit in enumerate(self.units):
            first.setdefault(unit.step, place)
            last[unit.step] = place
        together = {
            (step, name): (step, *group) for step, flow in self.steps.items() for group in flow.groups for name in group
        }
        takers: dict[tuple[str, ...], set[str]] = {}  # by artifact
        for step, flow in self.steps.items():
            for name, version in flow.inputs.items():
                takers.setdefault(together[version.step, name], set()).add(step)
        for step, flow in self.steps.items():
            flow.unaltered = {
                name
                for name, version in flow.inputs.items()
                if not name.startswith("@")
                and (step, name) not in self.made
                and any(last[taker] > first[step] for taker in takers[together[version.step, name]] - {step})
            }

    def _check_interruption(self, step: str, segment: int, version: Version, cell: Cell) -> None:
        """A step runs as a whole: what it takes must not change meanwhile, nor what it gives once it was taken."""
        flow, name = self.steps[step], version.name
        other = flow.inputs.get(name)
        own = self.made.get((step, name), [])
        last = self.made[version.step, name][-1]
        if other is not None and other is not version:
            self._tell_interrupted(step, name, other.cell, version.cell)
        elif any(earlier.segment < segment for earlier in own):
            self._tell_interrupted(step, name, own[0].cell, version.cell)
        elif version.step != PARAMETERS and last is not version and last.segment > version.segment:
            self._tell_interrupted(version.step, name, cell, last.cell)

    def _tell_interrupted(self, step: str, name: str, first: Cell, second: Cell) -> None:
        cells = [unit.cell.number for unit in self.units if unit.step == step]
        message = (
            f"Step {step} (cells {_numbers(cells)}) is interrupted by other cells that use {name} between them "
            f"(see cells {_numbers([first.number, second.number])})."
        )
        key = ("LL202", step, name)
        if key not in self.told:
            self.told.add(key)
            self.findings.append(finding("LL202", message, cell=second.place, step=step))

    def _tell_option(self, version: Version) -> None:
        key = ("LL302", version.step, version.name)
        if key not in self.told:
            self.told.add(key)
            what = version.name.removeprefix("@")
            message = f"Step {version.step} changes {what}, so all later steps wait for it."
            self.findings.append(finding("LL302", message, cell=version.cell.place, step=version.step))

    def _groups(self, step: str, names: Iterable[str]) -> list[list[str]]:
        """Split *names* into those that share objects."""
        reached = self.reached.get(step, {})
        order = list(self.versions)
        groups: list[tuple[set[str], set[int]]] = []
        for name in sorted(names, key=lambda name: order.index(name) if name in order else len(order)):
            objects = set(reached.get(name, NOTHING))
            joined = {name}
            apart = []
            for group, held in groups:
                if held.isdisjoint(objects):
                    apart.append((group, held))
                else:
                    joined |= group
                    objects |= held
            groups = [*apart, (joined, objects)]
        return sorted(sorted(group) for group, _ in groups)


def _maybe_unbound(version: Version) -> bool:
    while True:
        if version.unbound:
            return True
        if version.always or version.step in _NO_STEPS:
            return False
        if version.parent is None:
            return True
        version = version.parent


def _must_wait(earlier: _FileAccess, mode: str, path: str | None) -> bool:
    """Whether a use of *path* has to come after the earlier one."""
    if earlier.mode == "read" and mode == "read":
        return False
    if earlier.mode == "directory":
        return True
    if earlier.path is None or path is None:
        return earlier.mode == "write" and mode == "read"
    inside = f"{earlier.path}/".startswith(f"{path}/") or f"{path}/".startswith(f"{earlier.path}/")
    return inside or path == "." or earlier.path == "."


def _numbers(cells: Iterable[int]) -> str:
    numbers = [str(number) for number in sorted(set(cells))]
    return " and ".join([", ".join(numbers[:-1]), numbers[-1]]) if len(numbers) > 1 else numbers[0]
