"""The names in force while a notebook is followed, with its branches, and who is told of each use."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, Protocol, TypeAlias

from labline_compiler.analysis.files import Mode
from labline_compiler.analysis.heap import NOTHING, Heap, Value
from labline_compiler.analysis.hidden_state import Use
from labline_compiler.analysis.journal import ABSENT, Change, Changes, Journal, Table
from labline_compiler.analysis.scopes import Scope
from labline_compiler.analysis.staying import Staying
from labline_runtime.dataclass import dataclass

Output = Literal["some", "maybe", "none"]


@dataclass(frozen=True)
class Ran:
    """A cell that was followed: its number, whether it has given something, and its step once cells have one."""

    number: int
    output: Output
    step: str = ""


Lacks: TypeAlias = Callable[[str, Sequence[Ran]], bool]  # a step, the cells that have run: does the step miss some?


class Sink(Protocol):
    """Is told what the code does, in the order in which the notebook does it."""

    def read(self, name: str, node: ast.AST | None, *, kept: bool) -> None:
        """The name is read, and the cell has not surely bound it. *kept*: nor may it have unbound it."""

    def read_again(self, names: tuple[str, ...]) -> None:
        """The names are read that were read before, since any was bound."""

    def looked_up(self, name: str, *, kept: bool) -> None:
        """The same, by what finds names only if they are there."""

    def bind(self, name: str, value: Value, *, always: bool, joined: bool = False) -> None:
        """The name is bound. *joined*: on each of several ways, so that it is nothing new where it was bound before."""

    def delete(self, name: str, *, always: bool) -> None:
        """The name is unbound."""

    def alter(self, objects: Value) -> None:
        """The objects may be changed."""

    def compared(self, objects: Value) -> None:
        """The objects are compared by identity."""

    def hidden(self, state: str, use: Use) -> None:
        """Hidden state is used."""

    def file(self, mode: Mode, path: str | None, *, tree: bool = False) -> None:
        """A file is used; *path* where it is known. *tree*: with what lies in that folder."""

    def unrepeatable(self) -> None:
        """Something that differs from one run to the next is computed."""

    def unbound(self, name: str, node: ast.AST | None, *, kept: bool, late: bool, forgiven: bool) -> None:
        """Nothing binds the name that is read. *late*: it may be read later only. *forgiven*: that is seen to."""

    def star_import(self, module: str) -> None:
        """Names that cannot be known here are bound."""

    def history(self, what: str, lacks: Lacks) -> None:
        """IPython's history is read, of which a step has its own cells only."""

    def note(self, code: str, message: str, node: ast.AST | None, *, lacks: Lacks | None = None) -> None:
        """There is something to tell the user, of a step which *lacks* something, where that is given."""


class Frame:
    """The names of one scope being run: the module, a function call, a class body or a comprehension."""

    __slots__ = (
        "callee",
        "is_class",
        "is_comprehension",
        "names",
        "parent",
        "replaced",
        "returns",
        "scope",
        "texts",
        "variables",
    )

    def __init__(
        self,
        scope: Scope | None = None,
        parent: Frame | None = None,
        *,
        is_class: bool = False,
        is_comprehension: bool = False,
        callee: Value = NOTHING,
    ) -> None:
        self.names: dict[str, Value] = {}
        self.texts: dict[str, str] = {}  # of the names that stand for a text that is known (see texts.py)
        self.scope = scope
        self.parent = parent
        self.is_class = is_class
        self.is_comprehension = is_comprehension
        self.callee = callee
        self.returns: Value = NOTHING
        self.variables: dict[str, Value] = {}  # those that functions inside rebind, as objects
        self.replaced: dict[str, tuple[int, Value]] = {}  # names it has bound of the notebook: how deep, what was there


class State:
    """Frames, branches and the notebook's names. Everything that changes goes through here and to the sink."""

    def __init__(self, heap: Heap, sink: Sink) -> None:
        self.heap = heap
        self.sink = sink
        self.module = Frame()
        self.frames: list[Frame] = [self.module]
        # What the cell has done to names for sure: True once it has bound one, False once it may have unbound it; of
        # others that is as when it began.
        self.always: dict[str, bool] = {}
        self._journal = Journal()
        self.staying: dict[str, Staying] = {}  # names that surely stand for what cannot leave its process
        self.depth = 0  # of branches
        self.bindings = 0  # how often a name of the notebook came to stand for something else
        self.time = 0
        self.forgiving = 0  # inside a try that catches NameError
        self.restored: tuple[str, ...] = ()  # hidden state that is put back where the block ends that is being followed
        self.late = False  # functions are gone through that may run later only
        self.statement: ast.stmt | None = None  # of a cell, not of a function, that is being followed
        self.call: ast.Call | None = None  # that was entered last
        self._collectors: list[dict[tuple[Frame, str], Value]] = []

    def watch_names(self, watcher: Callable[[str, Any], None]) -> None:
        """Tell *watcher* what the notebook's names come to stand for."""
        self._journal.watched, self._journal.watcher = self.module.names, watcher

    @property
    def frame(self) -> Frame:
        """The scope being run."""
        return self.frames[-1]

    @property
    def moment(self) -> tuple[int, int]:
        """Stays the same as long as the notebook's names stand for what they did and no object came to hold another."""
        heap = self.heap
        return self.bindings, heap.links + len(heap.mixed) + len(heap.vague) + len(heap.giving_themselves)

    # ---------------------------------------------------------------------------------------------- names

    def lookup(self, name: str, node: ast.AST | None = None) -> Value | None:
        """The value of a name, None where nothing binds it."""
        frame: Frame | None = self.frame
        first = True
        while frame is not None and frame is not self.module:
            if frame.scope is not None:
                if name in frame.scope.globals:
                    break
                if name in frame.scope.locals and (first or not frame.is_class):
                    if name in frame.names:
                        return frame.names[name]
                    if not frame.is_class:
                        return NOTHING  # a local that is not bound yet
            first = first and frame.is_comprehension
            frame = frame.parent
        return self.global_value(name, node)

    def global_value(self, name: str, node: ast.AST | None = None) -> Value | None:
        """The value of a name of the notebook."""
        self.time += 1
        value, bound = self.module.names.get(name), self.always.get(name)
        if not bound:
            if value is not None:
                self.sink.read(name, node, kept=bound is None)
            else:
                self.sink.unbound(name, node, kept=bound is None, late=self.late, forgiven=self.forgiving > 0)
        return value

    def peek_global(self, name: str) -> Value | None:
        """The value of a name of the notebook, without reading it."""
        return self.module.names.get(name)

    def maybe_global_value(self, name: str) -> Value:
        """The same of a name that need not be bound, nor be read."""
        self.forgiving += 1
        value = self.global_value(name)
        self.forgiving -= 1
        return value or NOTHING

    def read_again(self, names: tuple[str, ...]) -> None:
        """Names of the notebook are read that were read when they stood for what they do, each if it is bound."""
        self.time += 1
        self.sink.read_again(names)

    def look_up(self, name: str) -> Value:
        """The value of a name of the notebook, which is read where it is there."""
        self.time += 1
        if not (bound := self.always.get(name)):
            self.sink.looked_up(name, kept=bound is None)
        return self.module.names[name]

    def retake(self, name: str, value: Value) -> None:
        """A name of the notebook is taken for *value* from here on; nothing binds it."""
        self.bindings += self.module.names.get(name) != value
        self._set(self.module, name, value)

    def bind(self, name: str, value: Value) -> None:
        """Bind a name in the scope being run."""
        frame = self.frame
        while frame.is_comprehension and frame.scope is not None and name not in frame.scope.locals:
            frame = frame.parent or self.module
        if frame is self.module:
            self.bind_global(name, value)
        elif frame.scope is not None and name in frame.scope.globals:
            self.bind_global(name, value, inside=True)
        elif frame.scope is not None and name in frame.scope.nonlocals:
            self._bind_nonlocal(frame, name, value)
        else:
            self._set(frame, name, value)

    def bind_global(self, name: str, value: Value, *, inside: bool = False) -> None:
        """Bind a name of the notebook; *inside* a function it may be on a path not taken."""
        self.time += 1
        self.staying.pop(name, None)
        always = not inside and self.depth == 0
        if inside:
            value |= self.module.names.get(name, NOTHING)
        self.bindings += self.module.names.get(name) != value
        self._set(self.module, name, value)
        self.sink.bind(name, value, always=always)
        if not inside:
            self._journal.put(self.always, name, True)

    def bind_for_a_while(self, name: str, value: Value) -> None:
        """Bind a name of the notebook inside a function, in the place of what that has bound it to before."""
        depth, before = self.frame.replaced.setdefault(name, (self.depth, self.module.names.get(name, NOTHING)))
        if self.depth > depth or self.frame is self.module or name not in self.module.names:
            self.bind_global(name, value, inside=True)
            return
        self.time += 1
        self.bindings += self.module.names[name] != value | before
        self._set(self.module, name, value | before)
        self.sink.bind(name, value | before, always=False)

    def bind_inside(self, names: Sequence[str], value: Value) -> None:
        """Each of the notebook's *names*, which are bound, may stand for *value* from now on as well."""
        self.time += 1
        for name in names:
            self.staying.pop(name, None)
            before = self.module.names[name]
            if not value <= before:
                self.bindings += 1
                self._set(self.module, name, value | before)
            else:
                self._set(self.module, name, before)
        for name in names:
            self.sink.bind(name, self.module.names[name], always=False)

    def _bind_nonlocal(self, frame: Frame, name: str, value: Value) -> None:
        outer, variable = frame.parent, NOTHING
        while outer is not None:
            if outer.scope is not None and name in outer.scope.locals and not outer.is_class:
                self._set(outer, name, value | outer.names.get(name, NOTHING))
                variable = outer.variables.get(name, NOTHING)
                break
            outer = outer.parent
        self.heap.put(frame.callee | variable, value)
        self.alter(frame.callee | variable)

    # ---------------------------------------------------------------------------------------------- texts

    def text_of(self, name: str) -> str | None:
        """The text that a name stands for, where it is known. Does not count as a read."""
        return self._where(name).texts.get(name)

    def set_text(self, name: str, text: str) -> None:
        """The name has just been bound to a text."""
        where = self._where(name)
        if where is self.frame:
            self._journal.put(where.texts, name, text)

    def peek(self, name: str) -> Value | None:
        """The value of a name, without reading it."""
        return self._where(name).names.get(name)

    def _where(self, name: str) -> Frame:
        frame: Frame | None = self.frame
        first = True
        while frame is not None and frame is not self.module:
            scope = frame.scope
            if scope is not None and name in scope.globals:
                break
            if scope is not None and name in scope.locals and (first or not frame.is_class):
                return frame
            first = first and frame.is_comprehension
            frame = frame.parent
        return self.module

    def _set(self, frame: Frame, name: str, value: Value) -> None:
        self._journal.put(frame.names, name, value)
        if name in frame.texts:
            self._journal.put(frame.texts, name, ABSENT)
        for collector in self._collectors:
            collector[frame, name] = collector.get((frame, name), NOTHING) | value

    def delete(self, name: str) -> None:
        """Unbind a name in the scope being run."""
        frame = self.frame
        if frame is not self.module and not (frame.scope is not None and name in frame.scope.globals):
            self._journal.put(frame.names, name, ABSENT)
            self._journal.put(frame.texts, name, ABSENT)
            return
        self.delete_global(name)

    def delete_global(self, name: str) -> None:
        """Unbind a name of the notebook, wherever that is done."""
        frame = self.frame
        self.global_value(name)  # a name that is not bound cannot be unbound
        self.staying.pop(name, None)
        always = self.depth == 0 and frame is self.module
        if frame is self.module:
            self.bindings += 1
            self._journal.put(self.module.names, name, ABSENT)
            self._journal.put(self.always, name, False)
        self._journal.put(self.module.texts, name, ABSENT)
        self.sink.delete(name, always=always)

    def alter(self, value: Value, extra: Value = NOTHING, *, named: bool = False) -> None:
        """The objects of *value* may be changed, and may hold *extra* afterwards.

        *named*: it is an attribute that is set, which was noted by its name.
        """
        objects = self.heap.mutable(value)
        if not objects:
            return
        self.time += 1
        if len(objects) > 1 and not extra.isdisjoint(objects):  # one of them may come to hold another
            self.heap.mixed |= objects & self.heap.instances
        if not named:
            self.heap.vague |= objects & self.heap.instances
        self.heap.put(objects, extra, named=named)  # a list may come to hold itself
        self.sink.alter(objects)

    # ------------------------------------------------------------------------------------------- branches

    def branches(self, *alternatives: Callable[[], None]) -> None:
        """Run each alternative from here; afterwards any of them may have been taken."""
        self.depth += 1
        ends = [self._tried(alternative) for alternative in alternatives]
        self.depth -= 1
        surely = {at[1] for end in ends for at, change in end.items() if change.table is self.always}
        before = {name: self.always.get(name) for name in surely}
        self._join(ends)
        if self.depth == 0:
            for name in sorted(surely):
                if self.always.get(name) and not before[name]:
                    self.sink.bind(name, self.module.names[name], always=True, joined=before[name] is None)

    def repeat(self, body: Callable[[], None]) -> None:
        """Run *body* any number of times, none included, and leave it anywhere."""
        self._journal.open()
        self.depth += 1
        for _ in range(5):
            self._journal.open()
            with self.collected() as met:
                once = self._tried(body)
            self._join([{}, once])
            self._weaken(met)
            changes = self._journal.close(self._tables())
            self._journal.keep(changes)
            if all(change.table is self.always for change in changes.values()):
                break
        self.depth -= 1
        changes = self._journal.close(self._tables())
        surely = {at: change for at, change in changes.items() if change.table is self.always}
        self._journal.undo(surely)
        self._journal.keep({at: change for at, change in changes.items() if at not in surely})

    def attempt(
        self, body: Callable[[], None], orelse: Callable[[], None], handlers: Sequence[Callable[[], None]]
    ) -> None:
        """Run *body*, which may stop anywhere and go on in one of *handlers*."""
        if not handlers:
            body()
            orelse()
            return
        self.depth += 1
        with self.collected() as met:
            done = self._tried(body)
        self.depth -= 1

        def through() -> None:
            self._join([done])
            orelse()

        def handler(run: Callable[[], None]) -> Callable[[], None]:
            def from_anywhere() -> None:
                self._join([{}, done])
                self._weaken(met)
                run()

            return from_anywhere

        self.branches(through, *(handler(run) for run in handlers))

    @contextmanager
    def collected(self) -> Iterator[dict[tuple[Frame, str], Value]]:
        """Collect every value that any name has had meanwhile."""
        met: dict[tuple[Frame, str], Value] = {}
        self._collectors.append(met)
        try:
            yield met
        finally:
            self._collectors.pop()

    def _weaken(self, met: dict[tuple[Frame, str], Value]) -> None:
        active = set(map(id, self.frames))
        for (frame, name), value in met.items():
            if id(frame) in active:
                self._set(frame, name, frame.names.get(name, NOTHING) | value)

    def _tables(self) -> list[Table]:
        """What branches may leave different: what is known of the names in force."""
        return [self.always, *(table for frame in self.frames for table in (frame.names, frame.texts))]

    def _tried(self, run: Callable[[], None]) -> Changes:
        """What *run* would change from here."""
        self._journal.open()
        run()
        changes = self._journal.close(self._tables())
        self._journal.undo(changes)
        self._count(changes)
        return changes

    def _join(self, ends: Sequence[Changes]) -> None:
        """Go on from any of *ends*, each of which starts from here: names stand for what they do at any of them."""
        texts = [frame.texts for frame in self.frames]
        joined: Changes = {}
        for at, change in ((at, change) for end in ends for at, change in end.items()):
            if at in joined:
                continue
            values = [end[at].after if at in end else change.before for end in ends]
            after: Any
            if change.table is self.always:
                after = False if False in values else True if all(value is True for value in values) else ABSENT
            elif any(change.table is table for table in texts):
                after = values[0] if all(value == values[0] for value in values) else ABSENT
            else:
                bound = [value for value in values if value is not ABSENT]
                after = NOTHING.union(*bound) if len(bound) > 1 else bound[0] if bound else ABSENT
            joined[at] = Change(change.table, change.key, change.before, after)
            self._journal.put(change.table, change.key, after)
        self._count(joined)

    def _count(self, changes: Changes) -> None:
        names = self.module.names
        self.bindings += any(change.table is names and change.before != change.after for change in changes.values())
