"""Where each name comes from at every moment, and who needs it, as going through a trace of the notebook shows."""

from __future__ import annotations

import ast
import builtins
import difflib
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import NamedTuple

from labline_compiler.analysis.files import FileAccess, FileLog, Mode, must_wait, normalised
from labline_compiler.analysis.flows import NO_STEPS, PREAMBLE, StepFlow, StretchFlow, Unit, Version
from labline_compiler.analysis.given_names import IPYTHON_NAMES
from labline_compiler.analysis.hidden_state import AMBIENT, PATCH, PLACES, Use
from labline_compiler.analysis.history import is_text
from labline_compiler.analysis.links import NOTHING, Value
from labline_compiler.analysis.scene import Scene
from labline_compiler.analysis.state import Lacks, Ran
from labline_compiler.analysis.staying import Staying
from labline_compiler.analysis.texts import ANY
from labline_compiler.analysis.trace import Part, Trace
from labline_compiler.analysis.versions import Versions
from labline_compiler.findings import Finding, finding
from labline_compiler.findings.place import span_of
from labline_compiler.notebook import Cell
from labline_compiler.syntax import unparse

_GENERATORS = {"@random": "random", "@numpy.random": "numpy.random", "@torch.random": "torch"}


class Left(NamedTuple):
    """What a name stands for when a step ends, and how many links there are between objects by then."""

    value: Value
    links: int


class Recorder:
    """Goes through a trace, and keeps what settling the flows takes."""

    def __init__(
        self, trace: Trace, last_altered: dict[int, int], until: dict[int, int], *, parallel_random: bool = False
    ) -> None:
        self.trace = trace
        self.heap = trace.heap  # as it is in the end
        self.scene = Scene(until)
        self.last = last_altered
        self.ends = sorted(last_altered, key=last_altered.__getitem__, reverse=True)  # what is altered no more the last
        self.altered_later = set(last_altered)
        self.parallel_random = parallel_random
        self.versions = Versions(self.scene)
        self.needs: list[tuple[str, int, Version, Cell]] = []
        self.files = FileLog()
        self.preamble_files: list[tuple[FileAccess, int]] = []
        self.statement: ast.stmt | None = None  # of a cell, not of a function, that is being followed
        self.now = 0
        self.place = 0  # how often the working directory was changed
        self.stars: list[Version] = []
        self.starred: dict[str, int] = {}  # how many of the stars its versions know of
        self.steps: dict[str, StepFlow] = {}
        self.links: dict[int, int] = {}  # by stretch of cells: how many links there were when it ended
        self.staying: dict[str, dict[str, Staying]] = {}  # by step: what cannot leave its process when it ends
        self.findings: list[Finding] = []
        self.told: set[tuple[object, ...]] = set()
        self.misplaced: set[int] = set()
        # In this unit: what was altered, what names were bound to, each with the moment when its sharers were found.
        self.brought: set[tuple[Value, int, int]] = set()
        self.bound: set[tuple[Value, int, int]] = set()
        self.touched: set[str] = set()
        self.values: dict[str, Value] = {}  # what each name may stand for, branches taken or not
        self.libraries: dict[str, Value | None] = {}  # names that the preamble bound to library objects
        self.units: list[Unit] = []
        self.nodes: dict[ast.AST, frozenset[ast.AST]] = {}  # all of a cell's, once they were asked for
        self.segment = 0
        self.patches: dict[str, None] = {}  # names of what was put into libraries
        self.surely: set[str] = set()  # names that this stretch of cells has surely bound in cells above
        self.left_behind: dict[str, None] = {}  # names of what earlier steps made and what surely cannot leave these
        self.ran: list[Ran] = []
        self.unit: Unit
        self.stretch: StretchFlow

    # ---------------------------------------------------------------------------------------------------------- moving

    def go(self, units: Sequence[Unit]) -> None:
        """Go through the trace, its parts being *units*."""
        told: dict[str, Callable[..., object]] = {"link": self.scene.link, "name": self.scene.name, "at": self._at}
        for method in ("read", "looked_up", "bind", "delete", "alter", "hidden", "file", "unrepeatable"):
            told[method] = getattr(self, method)
        for method in ("unbound", "star_import", "history", "note"):
            told[method] = getattr(self, method)
        before = Part()
        for unit, part in zip(units, self.trace.parts, strict=True):
            begins = not self.units or self.unit.step != unit.step
            self._start(unit, before, begins=begins)
            for events in part.all_events(unit, begins=begins):
                for method, what in events.recorded:
                    told[method](*what)
            part.update(self.surely)
            if part.ran is not None:
                self.ran.append(replace(part.ran, step=unit.step))
            before = part
        self._finish(before)

    def _at(self, statement: ast.stmt | None) -> None:
        self.statement = statement

    def _start(self, unit: Unit, before: Part, *, begins: bool) -> None:
        if begins:
            self._finish(before)
            self.segment += 1
            self.scene.stretch = self.segment
            self.surely.clear()
        self.statement = None
        self.unit = unit
        self.versions.go_on(unit, self.segment)
        self.units.append(unit)
        self.brought.clear()
        self.bound.clear()
        if unit.step in NO_STEPS:
            return
        stretches = self.steps.setdefault(unit.step, StepFlow()).stretches
        self.stretch = stretches.setdefault(self.segment, StretchFlow(unit.cell.index, unit.cell.index))
        self.stretch.last = unit.cell.index
        for state in self.versions.among(AMBIENT, self.patches):
            self._need(state)

    def _finish(self, part: Part) -> None:
        """Remember what the names of the step stand for that ends with *part*, and what stays behind in it."""
        still = [name for name in self.left_behind if name not in self.surely]
        self.left_behind = dict.fromkeys([*still, *(name for name, its in part.staying.items() if not its.inside)])
        if not self.units or self.unit.step in NO_STEPS:
            return
        self.staying[self.unit.step] = part.staying
        self.links[self.segment] = self.scene.links

    def left(self, step: str, name: str) -> Left | None:
        """What a name stands for when the step ends, which made a version of it, as far as that ends with its cells."""
        for version in reversed(self.versions.made(step, name)):
            value = self.scene.stood_for(name, version.segment)
            if value is not None and not version.starred:
                return Left(value, self.links[version.segment])
        return None

    @property
    def _above(self) -> bool:
        """Whether cells of steps stand above the current one."""
        return bool(self.steps)

    # ------------------------------------------------------------------------------------------------------ the events

    def read(self, name: str, kept: bool) -> None:
        """The step needs the name, unless it bound it surely."""
        if kept and name in self.surely:
            return
        self.touched.add(name)
        if self.unit.step == PREAMBLE:
            version = self.versions.get(name)
            if version is not None and version.step != PREAMBLE:
                self.misplaced.add(self.unit.cell.index)
        self._need(name)

    def looked_up(self, name: str, kept: bool) -> None:
        """The same, but what cannot have left its step is not there."""
        if name not in self.left_behind:
            self.read(name, kept)

    def bind(self, name: str, value: Value, always: bool, joined: bool, time: int, bindings: int) -> None:
        """The step makes a version of the name; what shares with it comes along where it is altered later."""
        if joined and name in self.surely:
            return
        self.now = time
        if self.unit.step == PREAMBLE and self._above and name in self.touched:
            before = self.versions.get(name)
            same_module = before is not None and before.step == PREAMBLE and value == self.libraries.get(name)
            if not same_module:
                self.misplaced.add(self.unit.cell.index)
        if self.unit.step == PREAMBLE:
            self.libraries[name] = value if not self.heap.mutable(value) and value else None
        self.touched.add(name)
        self._touch(name, always=always)
        if always:
            self.starred[name] = len(self.stars)
        # Bound maybe, the name may still stand for what it stood for before.
        value = self.values[name] = value if always else value | self.values.get(name, NOTHING)
        moment = (value, self.scene.links, bindings)
        if moment not in self.bound:  # the same again would find the same names
            self.bound.add(moment)
            if hot := self._hot(value):
                self._bring_along(hot, but=self.scene.bits[name])

    def delete(self, name: str, always: bool) -> None:
        """The name has no source any more, or maybe none."""
        if always:
            self.versions.drop(name)
        else:
            self._touch(name, always=False).unbound = True

    def alter(self, objects: Value, time: int, bindings: int) -> None:
        """All names that may show the change have their source here from now on."""
        self.now = time
        if self.unit.step == PREAMBLE and self._above and self.scene.holding(objects, time):
            self.misplaced.add(self.unit.cell.index)
        moment = (objects, self.scene.links, bindings)
        if moment not in self.brought:  # the same again would find the same names
            self.brought.add(moment)
            self._bring_along(objects)

    def hidden(self, state: str, use: Use, plain: bool, call: ast.Call | None) -> None:
        """Hidden state flows between steps like a name."""
        if use == "strange import" and self.unit.step != PREAMBLE:
            return  # the guard sees it
        if use in ("import", "strange import"):
            seeded = self.versions.get(state) is not None and not self.parallel_random
            if not seeded or not self.trace.uses_later(state, len(self.units)):  # then nobody sees it
                return
            if self.unit.step == PREAMBLE:
                if self._above:
                    self.misplaced.add(self.unit.cell.index)
                return
            use = "change"
        if self.unit.step in self.steps:
            self.stretch.uses.add(state)
        is_suspect = use == "unknown"
        if is_suspect:
            if self.unit.step == PREAMBLE:
                self.misplaced.add(self.unit.cell.index)
            use = "draw" if self.parallel_random else "change"
        version = self.versions.get(state)
        if use == "draw" and self.parallel_random and self.unit.step != PREAMBLE:
            self._need(state)
            if version is not None:
                self._tell_own_generator()
            return
        if use == "read" or (use == "draw" and version is None):
            moved = version is not None and version.step != PREAMBLE and state in PLACES
            if self.unit.step == PREAMBLE and (use == "draw" or moved):
                self.misplaced.add(self.unit.cell.index)
            self._need(state)
            return
        if self.unit.step == PREAMBLE and (use == "draw" or self._above):
            self.misplaced.add(self.unit.cell.index)
        if use == "draw" and version is not None and version.step not in (*NO_STEPS, self.unit.step):
            self._tell_shared_generator(state, version)
        if use != "set":
            self._need(state)
        self.place += state == "@cwd"
        touched = self._touch(state, always=use == "set" and plain)
        if touched.suspect is None:
            touched.suspect = call if is_suspect else version.suspect if version and use != "set" else None

    def file(self, mode: Mode, path: str | None, tree: bool) -> None:
        """The step waits for earlier ones that use the same file."""
        step = self.unit.step
        if path is not None:
            if "://" in path:
                return
            path = normalised(path)
            if path is not None and ANY not in path and step in self.steps:
                self.stretch.files.add(path)
        access = FileAccess(step, mode, path, tree, self.place)
        if access in self.files:
            return
        waits = self.files.before(access)
        if step == PREAMBLE:
            if mode != "read" or waits:
                self.misplaced.add(self.unit.cell.index)
            self.preamble_files.append((access, self.unit.cell.index))
            return
        if mode != "read":  # what the preamble reads must be the same whenever it runs
            self.misplaced.update(cell for read, cell in self.preamble_files if must_wait(read, access))
        self.steps[step].after.update(dict.fromkeys(earlier.step for earlier in waits))
        written = (earlier.step for earlier in waits if earlier.mode != "read")
        self.steps[step].files_of.update(dict.fromkeys(written))
        self.files.add(access)

    def unrepeatable(self) -> None:
        """The preamble runs once a step, so what differs from run to run has no place there."""
        if self.unit.step == PREAMBLE:
            self.misplaced.add(self.unit.cell.index)

    def unbound(self, name: str, node: ast.AST | None, kept: bool, late: bool, forgiven: bool) -> None:
        """The name comes from a star import above, or else there is a fault to tell."""
        if kept and name in self.surely:
            return
        self.touched.add(name)
        if self.stars and name not in IPYTHON_NAMES:  # every step has those of its own
            if self.unit.step == PREAMBLE and any(star.step != PREAMBLE for star in self.stars):
                self.misplaced.add(self.unit.cell.index)
            self.versions.star(name, self.stars[self.starred.get(name, 0) :])
            self.starred[name] = len(self.stars)
            self._need(name)
        elif name not in IPYTHON_NAMES and not hasattr(builtins, name) and not is_text(name):
            if not forgiven and not (late and name in self.trace.bound):  # it may run later
                self._tell_unbound(name, node)
            elif self.unit.step in self.steps and name not in self.values:
                self.stretch.uses.add(name)  # should a step above bind it out of sight, this one would see it

    def star_import(self) -> None:
        """Any name may be bound from here on."""
        self.stars.append(Version("*", self.unit.step, self.segment, None, False, self.unit.cell))
        if self.unit.step == PREAMBLE and self._above:
            self.misplaced.add(self.unit.cell.index)
        for name in self.versions.names():
            if not name.startswith("@"):
                self._touch(name, always=False)
                self.starred[name] = len(self.stars)

    def history(self, what: str, lacks: Lacks) -> None:
        """The cell reads of IPython's history what its step may not have."""
        if not lacks(self.unit.step, self.ran):
            return
        if self.unit.step == PREAMBLE:
            self.unrepeatable()
        step = self.unit.step
        self.note("LL305", f"The cell reads {what}, IPython's history, which has the cells of step {step} only.", None)

    def note(self, code: str, message: str, node: ast.AST | None, lacks: Lacks | None = None) -> None:
        """Tell it, unless every step does the same again."""
        if self.unit.step == PREAMBLE or (lacks is not None and not lacks(self.unit.step, self.ran)):
            return  # it runs at the start of every step, so nothing is lost
        self._tell(code, message, node)

    # -------------------------------------------------------------------------------------------------------- versions

    def _touch(self, name: str, *, always: bool) -> Version:
        """The current step makes a version of *name*, if it has not yet."""
        if name.startswith(PATCH):
            self.patches[name] = None
        return self.versions.touch(name, always=always, statement=self.statement)

    def _hot(self, value: Value) -> Value:
        """The objects of *value* that are altered later."""
        return self.scene.reach(value) & self._later()

    def _later(self) -> set[int]:
        while self.ends and self.last[self.ends[-1]] <= self.now:
            self.altered_later.discard(self.ends.pop())
        return self.altered_later

    def _bring_along(self, objects: Value, but: int = 0) -> None:
        """All names that share *objects*, or share others with those, have their source here from now on."""
        names = self.scene.sharing(objects, self._later(), self.now)
        self.versions.touch_all(names & ~but, self.statement)

    def _need(self, name: str) -> None:
        version = self.versions.get(name)
        here = (self.unit.step, self.segment)
        while version is not None and (version.step, version.segment) == here and not version.always:
            version = version.parent  # the step may bind it surely later, but reads it now
        if version is not None and self.unit.step not in NO_STEPS:
            self.needs.append((self.unit.step, self.segment, version, self.unit.cell))

    # --------------------------------------------------------------------------------------------------------- telling

    def _tell(self, code: str, message: str, node: ast.AST | None, step: str | None = None) -> None:
        cell = self._cell_of(node)
        key = (code, message, cell.index)
        if key in self.told:
            return
        self.told.add(key)
        if node is None:
            node = self.statement
        self.findings.append(
            finding(
                code,
                message,
                cell=cell.place,
                span=span_of(node, cell.source) if node is not None else None,
                step=step or (self.unit.step if self.unit.step not in NO_STEPS else None),
            )
        )

    def _cell_of(self, node: ast.AST | None) -> Cell:
        if node is not None:
            for unit in reversed(self.units):
                if unit.parsed is not None and unit.parsed.tree not in self.nodes:
                    self.nodes[unit.parsed.tree] = frozenset(ast.walk(unit.parsed.tree))
                if unit.parsed is not None and node in self.nodes[unit.parsed.tree]:
                    return unit.cell
        return self.unit.cell

    def _tell_unbound(self, name: str, node: ast.AST | None) -> None:
        cell = self._cell_of(node)
        if ("LL201", name, cell.index) in self.told:  # once a cell: its other lines want the same
            return
        self.told.add(("LL201", name, cell.index))
        line = getattr(node, "lineno", None)
        where = f"Cell {cell.number}" + (f", line {line}," if line else "")
        near = difflib.get_close_matches(name, list(self.scene.names), n=2, cutoff=0.7)
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        self._tell("LL201", f"{where} reads {name}, which nothing above it binds.{hint}", node)

    def _tell_own_generator(self) -> None:
        message = f"Step {self.unit.step} draws random numbers of its own, not those that the notebook draws."
        self._tell("LL310", message, None)

    def _tell_shared_generator(self, state: str, version: Version) -> None:
        if version.suspect is not None and not version.always:  # told once, whichever generators these may be
            place = f"cell {self._cell_of(version.suspect).number}, line {version.suspect.lineno}"
            message = (
                f"{unparse(version.suspect.func)}() in {place} may seed global random generators, and step "
                f"{self.unit.step} may draw from them after step {version.step}, so it waits for it."
            )
        else:
            message = (
                f"Step {self.unit.step} draws random numbers from {_GENERATORS.get(state, state)}'s global generator "
                f"after step {version.step}, so it waits for it."
            )
        self._tell("LL301", message, None)
