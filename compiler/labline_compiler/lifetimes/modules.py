"""LL410: what a module beside the notebook keeps from one step to another, and no step gets from another."""

from __future__ import annotations

import ast
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import field, replace
from functools import cached_property
from typing import NamedTuple

from labline_compiler.analysis.flows import NO_STEPS
from labline_compiler.findings import Finding
from labline_compiler.kept.calls import BODY, Effects, KeepingModules, Site, Slot
from labline_compiler.kept.facts import ALTERING, Alteration
from labline_compiler.kept.functions import writes
from labline_compiler.kept.names import FUNCTIONS
from labline_compiler.lifetimes.parts import Part, Story, root_of, told
from labline_compiler.syntax import dump
from labline_runtime.dataclass import dataclass

_FIX = (
    "Keep it in a variable of the notebook and hand it to the function, do both in one step, or make the setting in a "
    "cell tagged `imports`, which runs at the start of every step."
)
Place = tuple[int, int, int]  # in the notebook: the cell, the line, the column


class _Mention(NamedTuple):
    """Something of a module in code: what it does."""

    node: ast.AST
    name: str
    effects: Effects
    given: tuple[ast.expr, ...] = ()
    taken: bool = False  # by a name that is bound at the start of every step


@dataclass(frozen=True)
class _Use:
    """A mention in a cell, or of a function of the notebook that has it, and how it is spelled."""

    part: Part
    place: Place
    node: ast.AST
    name: str
    effects: Effects
    text: str
    given: tuple[ast.expr, ...] = ()
    taken: bool = False


@dataclass(frozen=True)
class _Altered:
    use: _Use
    sites: list[Site]

    @property
    def site(self) -> Site:
        """The one to tell of."""
        return max(self.sites, key=lambda site: site.alteration.how != "bound" or not site.alteration.sure)

    @property
    def settles(self) -> bool:
        """Whether nothing of what was there before is left."""
        return any(site.alteration.how == "bound" and site.alteration.sure for site in self.sites)

    @property
    def repeatable(self) -> bool:
        """Whether doing the same again leaves the same."""
        return self.settles or all(site.alteration.how in ("bound", "item", "reset") for site in self.sites)

    def concerns(self, effects: Effects) -> bool:
        """Whether anything that was altered is read by what has these effects."""
        known = all(site.attributes for site in self.sites) and "*" not in effects.attributes
        return not (known and all(site.attributes.isdisjoint(effects.attributes) for site in self.sites))


def find(story: Story, modules: KeepingModules) -> Iterator[Finding]:
    """Steps that read what another has altered there, and get what the module has when it is imported."""
    uses = list(_Uses(story, modules).all())
    altered: dict[Slot, list[_Altered]] = {}
    for use in uses:
        for slot, sites in use.effects.alters.items():
            by_notebook = any(not site.function for site in sites)
            if use.part.step is not None and (by_notebook or not modules.is_cache(slot)):
                altered.setdefault(slot, []).append(_Altered(use, sites))
    if not altered:
        return
    for those in altered.values():
        those.sort(key=lambda each: each.use.place)
    lost = _Lost(story, modules, uses)
    found: dict[tuple[str, str], _Reading] = {}  # by what is altered, and by which call
    for use in uses:
        for slot, through in use.effects.reads.items():
            if use.part.step is None or slot not in altered:
                continue
            above = lost.latest(slot, altered[slot], use)
            if above is None or (slot in use.effects.early and above.site.alteration.how in ("bound", "reset")):
                continue  # a name still stands for what was there when it was imported
            first = found.setdefault((slot.module, above.use.name), _Reading(slot, above, use, through))
            first.steps.add(use.part.step)
    for reading in found.values():
        yield _finding(modules, reading)


@dataclass(frozen=True)
class _Reading:
    """The first reading that misses an alteration, and the steps that do so."""

    slot: Slot
    altered: _Altered
    use: _Use
    through: str
    steps: set[str] = field(default_factory=set)


def _finding(modules: KeepingModules, reading: _Reading) -> Finding:
    slot, altered, use, through = reading.slot, reading.altered, reading.use, reading.through
    file = modules.modules[slot.module].path
    above = altered.use
    by = f"{above.name}()" if not above.name.startswith("import ") else above.name
    where = f"{altered.site.module.path}, line {altered.site.alteration.line}"
    how = f" through {through}()" if through and not through.endswith(BODY) else ""
    why = modules.stays(slot)
    because = f": what is kept there ({why}) goes to no other step" if why else ""
    message = (
        f"Step {use.part.step} (cell {use.part.cell.number}) reads {slot.name} of {file}, line {modules.line(slot)},"
        f"{how}, which step {above.part.step} (cell {above.part.cell.number}) has altered by {by} ({where}). Each step "
        f"imports the module anew, and this one does not see the change{because}."
    )
    if (more := len(reading.steps) - 1) > 0:
        message += f" So it is with {more} more step{'s' if more > 1 else ''}."
    return told("LL410", message, use.part, use.node, _FIX)


class _Lost:
    """Which alterations a step does not see."""

    def __init__(self, story: Story, modules: KeepingModules, uses: list[_Use]) -> None:
        self.story, self.modules = story, modules
        self.texts: dict[tuple[str | None, str], Place] = {}
        self.imports: dict[str | None, set[str]] = {}
        self.known: dict[tuple[Slot, int, str | None], int] = {}
        self.travelling: dict[tuple[str, str | None, str], bool] = {}
        for use in uses:
            self.texts.setdefault((use.part.step, use.text), use.place)
            self.imports.setdefault(use.part.step, set()).update(modules.imported_by(use.name.removeprefix("import ")))

    def latest(self, slot: Slot, altered: list[_Altered], use: _Use) -> _Altered | None:
        """The last alteration of *slot* above *use* that the notebook sees there and its step does not.

        *altered*: all of it, in the notebook's order.
        """
        step = use.part.step
        above = bisect_left(altered, use.place, key=lambda each: each.use.place)
        for each in altered[above:]:
            if each.use.place != use.place:
                break
            if each.use is use and each.settles:
                return None
        if use.taken and not self.modules.is_container(slot):
            for each in altered[:above]:
                if each.use.part.step != step and each.site.alteration.how in ("item", "inside"):
                    return each  # the name stands for the object that the module had at first
        place = self._first_lost(slot, altered, above - 1, step)
        while place >= 0 and not altered[place].concerns(use.effects):
            place = self._first_lost(slot, altered, place - 1, step)
        return altered[place] if place >= 0 else None

    def _first_lost(self, slot: Slot, altered: list[_Altered], place: int, step: str | None) -> int:
        """Where, going up from *place*, the notebook has altered what *step* does not see; -1 where nowhere.

        What comes from a step comes as that step has seen it, so each place is looked at once.
        """
        gone_through, latest = [], place
        while place >= 0:
            key = slot, place, step
            if key in self.known:
                place = self.known[key]
                break
            gone_through.append(key)
            each = altered[place]
            repeated = self._does_too(each, step, altered[latest].use.place)
            if each.use.part.step != step and not repeated:
                if self._is_lost(slot, each, step):
                    break
                step = each.use.part.step
            if each.settles:
                place = -1
                break
            place -= 1
        self.known.update(dict.fromkeys(gone_through, place))
        return place

    def _does_too(self, altered: _Altered, step: str | None, place: Place) -> bool:
        """Whether *step* does the same itself, which leaves the same."""
        name = altered.use.name
        if name.startswith("import ") and name[7:] in self.imports.get(step, ()):
            return True
        at = self.texts.get((step, altered.use.text))
        return altered.repeatable and at is not None and at <= place

    def _is_lost(self, slot: Slot, altered: _Altered, step: str | None) -> bool:
        """Whether an alteration by another step is not seen by *step*."""
        if self.modules.stays(slot) is not None:
            return True
        if self.modules.takes_code(slot) and any(map(self._is_code, altered.use.given)):
            return True
        return not self._travels(slot, altered.use.part.step, step)

    def _travels(self, slot: Slot, source: str | None, target: str | None) -> bool:
        """Whether the step *target* gets the data of the slot's module as *source* has left it."""
        flows = self.story.flows.steps
        set_by_notebook = f"@patch:{slot.module}.{slot.name}"
        if target in flows and any(name.startswith(set_by_notebook) for name in flows[target].inputs):
            return True
        state = f"@module:{slot.module.partition('.')[0]}"
        found, seen = False, []
        while target is not None and target in flows:
            key = state, source, target
            if key in self.travelling:
                found = self.travelling[key]
                break
            self.travelling[key] = False  # should it come round again
            seen.append(key)
            version = flows[target].inputs.get(state)
            if version is None or version.step in NO_STEPS:
                break
            target = version.step
            if target == source:
                found = True
                break
        self.travelling.update(dict.fromkeys(seen, found))
        return found

    def _is_code(self, node: ast.expr) -> bool:
        """Whether an expression, of which functions or classes are expected, is one."""
        if isinstance(node, ast.Lambda) or self.story.origin(node):
            return True
        return isinstance(node, ast.Name) and node.id in self._definitions

    @cached_property
    def _definitions(self) -> frozenset[str]:
        return frozenset(
            node.name
            for part in self.story.parts
            for node in part.tree.body
            if isinstance(node, (*FUNCTIONS, ast.ClassDef))
        )


class _Uses:
    """All mentions of the modules, cell by cell; functions of the notebook do what they do where they are named."""

    def __init__(self, story: Story, modules: KeepingModules) -> None:
        self.story, self.modules = story, modules
        self.definitions: dict[str, list[ast.AST]] = {}
        self.taken: set[str] = set()  # names of things of modules that the start of every step binds
        self.early: set[str] = set()  # and of any that stand for what was there when they were imported
        self.starred: dict[str, str] = {}
        for part in story.parts:
            for node in part.tree.body:
                if isinstance(node, (*FUNCTIONS, ast.ClassDef)):
                    self.definitions.setdefault(node.name, []).append(node)
            if "import" in part.cell.source:
                self._imports(part)
        self.names: dict[str, str] = {}  # variables that are something of a module
        self.instances: dict[str, frozenset[str]] = {}  # variables that modules have made, and of which classes
        for part in story.parts:
            if any(top in part.cell.source for top in modules.tops) or self.starred or self.instances:
                self._variables(part)
        self._inside: dict[str, list[_Mention]] = {}

    def _imports(self, part: Part) -> None:
        for node in ast.walk(part.tree):
            if isinstance(node, ast.ImportFrom) and node.module and not node.level:
                self.early.update(alias.asname or alias.name for alias in node.names)
                for alias in node.names:
                    if alias.name == "*" and (module := self.modules.modules.get(node.module)) is not None:
                        names = (*module.variables, *module.units, *module.classes, *module.origins)
                        self.starred |= {name: f"{module.name}.{name}" for name in names if not name.startswith("_")}
                        self.taken |= set(module.variables) if part.step is None else set()
                    elif part.step is None:
                        self.taken.add(alias.asname or alias.name)

    def _variables(self, part: Part) -> None:
        for node in ast.walk(part.tree):
            target: ast.expr | None
            match node:
                case ast.Assign(targets=[ast.Name() as target], value=value):
                    pass
                case ast.For(target=ast.Name() as target, iter=value):
                    pass
                case ast.withitem(context_expr=value, optional_vars=ast.Name() as target):
                    pass
                case _:
                    continue
            if isinstance(value, (ast.Attribute, ast.Name)) and (path := self._path(value)):
                self.names[target.id] = path
            elif isinstance(value, ast.Call) and (path := self._path(value.func)):
                self.instances[target.id] = self.modules.classes_of(path)
                if next(self.modules.slots(f"{path}()"), None) is not None:
                    self.names[target.id] = f"{path}()"
            elif root_of(value) in self.instances:
                self.instances[target.id] = frozenset()

    def _path(self, node: ast.AST) -> str:
        """The path of what an expression is of the modules; else nothing."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute) or (isinstance(node, ast.Call) and parts):
            if isinstance(node, ast.Call):
                inner = self._path(node.func)
                return ".".join((f"{inner}()", *reversed(parts))) if inner else ""
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return ""
        root = self.names.get(node.id) or self.story.origin(node) or ""
        if (not root or root.startswith("builtins.")) and node.id in self.starred:
            root = self.starred[node.id]
        return ".".join((root, *reversed(parts))) if root.partition(".")[0] in self.modules.tops else ""

    def all(self) -> Iterator[_Use]:
        """In the notebook's order."""
        for number, part in enumerate(self.story.parts):
            seen: set[str] = set()
            for statement in part.tree.body:
                for node, name, effects, given, taken in self._of(statement, seen):
                    place = number, statement.lineno, getattr(node, "col_offset", 0)
                    yield _Use(part, place, statement, name, effects, f"{name} {dump(node)}", given, taken)

    def _of(self, statement: ast.AST, seen: set[str], *, entered: bool = False) -> Iterator[_Mention]:
        """What a statement, or a function that is *entered*, uses of the modules."""
        inside: set[int] = set()
        stack: list[ast.AST] = [statement]
        while stack:
            node = stack.pop()
            if isinstance(node, (*FUNCTIONS, ast.ClassDef)) and not entered:
                for each in node.decorator_list:
                    if path := self._path(each):
                        yield _Mention(
                            each, path, self.modules.calling(path), (ast.Name(node.name, ast.Load()),), False
                        )
                    else:
                        stack.append(each)
                continue
            children = list(ast.iter_child_nodes(node))
            if isinstance(node, (ast.Import, ast.ImportFrom)):
                yield from self._imported(node)
            elif isinstance(node, ast.Call):
                yield from self._called(node, inside)
            elif isinstance(node, (ast.Attribute, ast.Name)) and id(node) not in inside:
                path = self._path(node)
                if path:
                    inside.update(id(each) for each in ast.walk(node))
                if path and isinstance(node.ctx, ast.Load):
                    reads = dict.fromkeys(self.modules.slots(path), "")
                    name = node.id if isinstance(node, ast.Name) else ""
                    own = name in self.early
                    if not own or name in self.taken:  # else it goes from step to step as a variable
                        early = set(reads) if own else set()
                        yield _Mention(
                            node,
                            path,
                            Effects(reads=reads, attributes=self._read_of(path), early=early),
                            (),
                            root_of(node) in self.taken,
                        )
                elif "()" in path and isinstance(node, ast.Attribute):
                    yield self._set(node, path)
            elif isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Store):
                yield from [self._set(node, path) for path in [self._path(node.value)] if "()" in path]
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load) and node.id in self.definitions:
                if node.id not in self._inside:
                    self._inside[node.id] = []  # while it is gone through
                    for definition in self.definitions[node.id]:
                        for child in ast.iter_child_nodes(definition):
                            self._inside[node.id] += self._of(child, seen, entered=isinstance(definition, ast.ClassDef))
                yield from self._inside[node.id]
            stack += reversed(children)

    def _read_of(self, path: str) -> set[str]:
        """The attributes that are read of an instance where *path* stands."""
        found = self.modules.find(path)
        return {"*"} if found is not None and len(found[1]) == 1 else set(path.split("."))

    def _set(self, node: ast.AST, path: str) -> _Mention:
        """An attribute or an item of what a function gives is set."""
        altering = Alteration(path, "item", 0)
        alters = {}
        for slot in self.modules.slots(path, altered=True):
            alters[slot] = [
                Site(self.modules.modules[slot.module], "", replace(altering, line=self.modules.line(slot)))
            ]
        return _Mention(node, path, Effects(alters))

    def _imported(self, node: ast.Import | ast.ImportFrom) -> Iterator[_Mention]:
        if isinstance(node, ast.Import):
            paths = [alias.name for alias in node.names]
        else:
            paths = [f"{node.module}.{alias.name}" for alias in node.names] if node.module and not node.level else []
        for module in sorted({each for path in paths for each in self.modules.imported_by(path)}):
            yield _Mention(node, f"import {module}", self.modules.calling(f"{module}.{BODY}"))
        for path in paths if isinstance(node, ast.ImportFrom) else ():
            reads = dict.fromkeys(self.modules.slots(path), "")
            if reads:
                yield _Mention(node, path, Effects(reads=reads))

    def _called(self, node: ast.Call, inside: set[int]) -> Iterator[_Mention]:
        given = (*node.args, *(word.value for word in node.keywords))
        if path := self._path(node.func):
            inside.update(id(each) for each in ast.walk(node.func) if not isinstance(each, ast.Call))
            holder, _, method = path.rpartition(".")
            found = self.modules.calling(path)
            slots = list(self.modules.slots(holder))
            reads = dict.fromkeys(slots, "") if method not in ALTERING else {}
            alters = dict(found.alters)
            passed = {word.arg for word in node.keywords}
            for slot, argument, place in self.modules.defaults(path):
                if argument in passed or len(node.args) > place:
                    alters.pop(slot, None)
                    found = replace(found, reads={each: how for each, how in found.reads.items() if each != slot})
            if method in ALTERING and not found.alters and (writes(node) or not method.startswith("execute")):
                module = self.modules.find(holder)
                line = Alteration(holder, "inside", self.modules.line(slots[0])) if slots else None
                if module is not None and line is not None:
                    alters = {slot: [Site(module[0], "", line)] for slot in slots}
            yield _Mention(
                node,
                path,
                Effects(alters, {**reads, **found.reads}, found.attributes | set(path.split(".")), found.early),
                given,
                root_of(node.func) in self.taken,
            )
        elif isinstance(node.func, ast.Attribute) and (root := root_of(node.func)) in self.instances:
            classes = self.instances[root] if isinstance(node.func.value, ast.Name) else frozenset()
            effects = self.modules.calling_method(node.func.attr, classes)
            yield _Mention(node, f"{root}.{node.func.attr}", effects, given, False)
        for each in given:
            if isinstance(each, (ast.Attribute, ast.Name)) and (path := self._path(each)):
                yield _Mention(each, path, self.modules.calling(path))
