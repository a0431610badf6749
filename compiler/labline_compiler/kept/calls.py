"""What calls into the modules beside a notebook alter and read of what these keep, followed through all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from functools import cached_property
from typing import NamedTuple

from labline_compiler.analysis.operations import words
from labline_compiler.kept.facts import ALTERING, MAKING, Alteration, Class, Kept, Made, Unit
from labline_compiler.kept.modules import read_kept
from labline_runtime.dataclass import dataclass

BODY = "<body>"  # stands for a module's own statements, in the place of a function's name
# Methods that so many objects have that their names tell nothing.
_COMMON = ALTERING | words("get items keys values copy split join strip format close open read write index count")
_DEEPEST = 12  # names that stand for names


class Slot(NamedTuple):
    """Something that a module keeps: a variable of it, an attribute of a class, or what a function holds on to."""

    module: str
    name: str


@dataclass(frozen=True)
class Site:
    """Where a slot is altered: the line, and the function that it stands in."""

    module: Kept
    function: str
    alteration: Alteration
    attributes: frozenset[str] = frozenset()  # of an instance; none: all of it


@dataclass
class Effects:
    """What a call does: each slot that it alters, where; and the functions through which it reads others."""

    alters: dict[Slot, list[Site]] = field(default_factory=dict)
    reads: dict[Slot, str] = field(default_factory=dict)
    attributes: set[str] = field(default_factory=set)  # what is read of instances; "*": all of it
    early: set[Slot] = field(default_factory=set)  # of these: only what stood there when it was imported

    def read(self, slot: Slot, through: str, *, early: bool) -> None:
        """The slot is read, too."""
        if early and slot not in self.reads:
            self.early.add(slot)
        elif not early:
            self.early.discard(slot)
        self.reads.setdefault(slot, through)


class KeepingModules:
    """All modules of which the text is known."""

    def __init__(self, sources: Mapping[str, str]) -> None:
        self._sources = sources
        self._effects: dict[str, Effects] = {}
        self._own: dict[tuple[str, str], Effects] = {}
        self._imported: dict[str, frozenset[str]] = {}

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self._sources)

    @cached_property
    def modules(self) -> Mapping[str, Kept]:
        """By their dotted names."""
        read = (read_kept(path, text) for path, text in self._sources.items())
        return {kept.name: kept for kept in read if kept is not None}

    @cached_property
    def tops(self) -> frozenset[str]:
        """The names under which they are imported, or their packages."""
        return frozenset(name.partition(".")[0] for name in self.modules)

    @cached_property
    def _methods(self) -> Mapping[str, list[tuple[Kept, str]]]:
        found: dict[str, list[tuple[Kept, str]]] = {}
        for module in self.modules.values():
            for name in module.units:
                if "." in name:
                    found.setdefault(name.rpartition(".")[2], []).append((module, name))
        return found

    # ----------------------------------------------------------------------------------------------- names

    def find(self, path: str) -> tuple[Kept, list[str]] | None:
        """The module where what *path* names is at home, and its name there in parts."""
        for _ in range(_DEEPEST):
            parts = path.split(".")
            for end in range(len(parts), 0, -1):
                module = self.modules.get(".".join(parts[:end]))
                if module is not None:
                    break
            else:
                return None
            rest = parts[end:]
            first = rest[0].removesuffix("()") if rest else ""
            if not rest or module.defines(first):
                return module, rest
            source = module.origins.get(first) or self._starred(module, first)
            if source is None:
                return module, rest
            path = ".".join((source + rest[0][len(first) :], *rest[1:]))
        return None

    def _starred(self, module: Kept, name: str) -> str | None:
        for star in module.stars:
            other = self.modules.get(star)
            if other is not None and other.defines(name):
                return f"{star}.{name}"
        return None

    def slots(self, path: str, depth: int = 0, *, altered: bool = False) -> Iterator[Slot]:
        """The slots that what stands at *path* is, or is a part of; of what they give, where that is not *altered*."""
        if (found := self.find(path)) is None or depth > _DEEPEST:
            return
        module, rest = found
        if rest and rest[0] in module.variables:
            if not (altered and any(part.endswith("()") for part in rest)):
                yield Slot(module.name, rest[0])
            return
        for place, part in enumerate(rest):
            if part.endswith("()"):  # what a function gives, which it may have from a slot
                function = ".".join([*rest[:place], part.removesuffix("()")])
                names = [function, *(f"{function}.{each}" for each in MAKING)]
                for unit in filter(None, map(module.units.get, names)):
                    for returned in unit.returns:
                        yield from self.slots(returned, depth + 1, altered=altered)
                return
        for end in range(len(rest) - 1, 0, -1):
            holder = ".".join(rest[:end])
            if holder in module.classes:
                if (owner := self._class_with(module, holder, rest[end])) is not None:
                    yield Slot(owner[0].name, f"{owner[1]}.{rest[end]}")
                return
            if holder in module.units:
                yield Slot(module.name, f"{holder}.{rest[end]}")
                return

    def _class_with(self, module: Kept, name: str, attribute: str, depth: int = 0) -> tuple[Kept, str] | None:
        """The class that has *attribute* of its own: the one called *name*, or one that it is derived from."""
        kind = module.classes[name]
        if attribute in kind.attributes:
            return module, name
        if f"{name}.{attribute}" in module.units or depth > _DEEPEST:
            return None
        for base in kind.bases:
            found = self.find(base)
            if found is None or ".".join(found[1]) not in found[0].classes:
                continue
            if (owner := self._class_with(found[0], ".".join(found[1]), attribute, depth + 1)) is not None:
                return owner
        return None

    def line(self, slot: Slot) -> int:
        """Where the module has it."""
        module = self.modules[slot.module]
        if slot.name in module.variables:
            return module.variables[slot.name].line
        holder, _, name = slot.name.rpartition(".")
        if holder in module.classes:
            return module.classes[holder].attributes.get(name, module.classes[holder].line)
        return module.units[holder].line if holder in module.units else 1

    # ----------------------------------------------------------------------------------------------- effects

    def calling(self, path: str) -> Effects:
        """What calling *path* does; or importing the module, where it ends with ``BODY``."""
        if path not in self._effects:
            found = Effects()
            self._follow(self._units(path), found, path)
            self._effects[path] = found
        return self._effects[path]

    def calling_method(self, name: str, classes: frozenset[str]) -> Effects:
        """What a method of an instance of one of *classes* does, where these are known; else of any."""
        key = f"{name} of {sorted(classes)}"
        if key not in self._effects:
            found = Effects()
            units = [
                (module, unit)
                for module, unit in self._methods.get(name, ())
                if not classes or f"{module.name}.{unit.rpartition('.')[0]}" in classes
            ]
            self._follow(units, found, None)
            self._effects[key] = found
        return self._effects[key]

    def defaults(self, path: str) -> Iterator[tuple[Slot, str, int]]:
        """The defaults, which can be altered, of the function that *path* is: their arguments, and the places."""
        for module, name in self._units(path):
            for argument, place in self._unit(module, name).defaults.items():
                yield Slot(module.name, f"{name}.{argument}"), argument, place

    def classes_of(self, path: str) -> frozenset[str]:
        """The class that *path* is, and those that it is derived from; else nothing."""
        found, stack = set(), [path]
        while stack:
            where = self.find(stack.pop())
            if where is None or (name := ".".join(where[1])) not in where[0].classes:
                continue
            full = f"{where[0].name}.{name}"
            if full not in found:
                found.add(full)
                stack += where[0].classes[name].bases
        return frozenset(found)

    def imported_by(self, path: str) -> frozenset[str]:
        """The modules that are imported with the one that *path* is, or is of: itself, its packages, and all theirs."""
        if path in self._imported:
            return self._imported[path]
        found: set[str] = set()
        stack = [path]
        while stack:
            parts = stack.pop().split(".")
            for end in range(1, len(parts) + 1):
                name = ".".join(parts[:end])
                if name in self.modules and name not in found:
                    found.add(name)
                    stack += (*self.modules[name].origins.values(), *self.modules[name].stars)
        self._imported[path] = frozenset(found)
        return self._imported[path]

    def _units(self, path: str) -> list[tuple[Kept, str]]:
        """The functions that are called where *path* is."""
        if path.endswith(BODY):
            module = self.modules.get(path.removesuffix(f".{BODY}"))
            return [(module, BODY)] if module is not None else []
        found = self.find(path)
        if found is None or not found[1]:
            return []
        module, rest = found
        name = ".".join(rest)
        if name in module.units:
            return [(module, name)]
        if name in module.classes:
            units = []
            for full in self.classes_of(path):
                where = self.find(full)
                if where is not None:
                    own = ".".join(where[1])
                    units += [(where[0], f"{own}.{each}") for each in MAKING if f"{own}.{each}" in where[0].units]
            return units
        if len(rest) > 1 and ".".join(rest[:-1]) in module.classes:  # a method that it has from another class
            classes = self.classes_of(path.rpartition(".")[0])
            methods = self._methods.get(rest[-1], ())
            return [(m, unit) for m, unit in methods if f"{m.name}.{unit.rpartition('.')[0]}" in classes]
        if (len(rest) > 1 and rest[-1] not in _COMMON | {"set"}) or rest[-1] == "set":
            return list(self._methods.get(rest[-1], ()))
        return []

    def _follow(self, units: list[tuple[Kept, str]], found: Effects, path: str | None) -> None:
        """All that *units* do, and those that they call; *path* is what was called, which may be held by a slot."""
        self._receiver(path, units, found)
        seen: set[tuple[str, str]] = set()
        stack = list(units)
        while stack:
            module, name = stack.pop()
            if (module.name, name) in seen:
                continue
            seen.add((module.name, name))
            own = self._effects_of(module, name)
            for slot, sites in own.alters.items():
                found.alters.setdefault(slot, []).extend(sites)
            for slot, through in own.reads.items():
                found.read(slot, through, early=slot in own.early)
            found.attributes |= own.attributes
            unit = self._unit(module, name)
            for call in unit.calls:
                called = self._units(call)
                self._receiver(call, called, found)
                stack += called
            for method in unit.methods - _COMMON:
                stack += self._methods.get(method, ())

    def _receiver(self, path: str | None, called: list[tuple[Kept, str]], found: Effects) -> None:
        """A method that alters its instance alters the slot that holds it; a function with memory alters its own."""
        if path is None:
            return
        holder = path.rpartition(".")[0]
        altering = [each for each in called if "." in each[1] and self._alters_self(*each)]
        for slot in self.slots(holder) if altering else ():
            module, name = altering[0]
            attributes = frozenset().union(*(self._alters_self(*each) for each in altering))
            site = Site(module, name, Alteration(path, "inside", self._unit(module, name).line), attributes)
            found.alters.setdefault(slot, []).append(site)
        where = self.find(path)
        if where is None or len(where[1]) != 1 or where[1][0] not in where[0].variables:
            return
        module, (name,) = where
        if self._remembers(module, name):
            slot = Slot(module.name, name)
            site = Site(module, name, Alteration(path, "inside", module.variables[name].line))
            found.alters.setdefault(slot, []).append(site)
            found.read(slot, f"{module.name}.{name}", early=False)

    def _alters_self(self, module: Kept, name: str) -> frozenset[str]:
        """The attributes of its instance that a method alters, by itself or by others that it calls."""
        found: set[str] = set()
        own = f"{module.name}.{name.rpartition('.')[0]}."
        seen, stack = {name}, [name]
        while stack:
            unit = module.units[stack.pop()]
            found |= unit.alters_self
            more = {call.removeprefix(f"{module.name}.") for call in unit.calls if call.startswith(own)}
            stack += [each for each in more - seen if each in module.units]
            seen |= more
        return frozenset(found)

    def _remembers(self, module: Kept, name: str) -> bool:
        """Whether a variable stands for a function that was made by another and keeps something of its own."""
        made = (call for each in module.variables[name].made for call in each.calls)
        return any(self._unit(*unit).closes_over for call in made for unit in self._units(call))

    def _unit(self, module: Kept, name: str) -> Unit:
        return module.body if name == BODY else module.units[name]

    def _effects_of(self, module: Kept, name: str) -> Effects:
        key = module.name, name
        if key not in self._own:
            found = self._own[key] = Effects()
            unit = self._unit(module, name)
            for alteration in unit.alterations:
                for slot in self._altered(alteration):
                    if name != BODY or slot.module != module.name:
                        found.alters.setdefault(slot, []).append(Site(module, name, alteration))
            for path in (*unit.reads, *unit.early):
                for slot in self.slots(path):
                    found.read(slot, f"{module.name}.{name}", early=path in unit.early)
                    found.attributes.update(path.split("."))
            found.attributes |= unit.reads_self
            if any(next(self.slots(path, altered=True), None) is not None for path in unit.returns):
                found.attributes.add("*")
        return self._own[key]

    def _altered(self, alteration: Alteration) -> Iterator[Slot]:
        for slot in self.slots(alteration.path, altered=True):
            owner = self.modules[slot.module].classes.get(slot.name.rpartition(".")[0])
            if owner is None or not alteration.of_self or slot.name.rpartition(".")[2] in owner.shared:
                yield slot
        if alteration.how != "bound":
            return
        found = self.find(alteration.path)  # what functions alone put into a module, a class or a function
        new = found is not None and len(found[1]) == 2 and found[1][0] in found[0].classes
        if found is not None and new and next(self.slots(alteration.path), None) is None:
            yield Slot(found[0].name, ".".join(found[1]))

    # ----------------------------------------------------------------------------------------------- what is kept

    @cached_property
    def _altering(self) -> Mapping[Slot, list[Site]]:
        """By slot, whatever alters it in any of the modules."""
        found: dict[Slot, list[Site]] = {}
        for module in self.modules.values():
            for name in (*module.units, BODY):
                for slot, sites in self._effects_of(module, name).alters.items():
                    found.setdefault(slot, []).extend(sites)
        return found

    def is_cache(self, slot: Slot) -> bool:
        """Whether it only saves the time to compute again what the same arguments would give."""
        sites = self._altering.get(slot, ())
        if not sites or any(site.alteration.how not in ("memo", "reset") for site in sites):
            return False
        for site in sites:
            if site.alteration.how == "memo":
                for other in self.calling(f"{site.module.name}.{site.function}").reads:
                    if other != slot and any(
                        s.alteration.how not in ("memo", "reset") for s in self._altering.get(other, ())
                    ):
                        return False
        return True

    def stays(self, slot: Slot) -> str | None:
        """Why what the slot holds cannot leave its process, in words; None where it can, as far as is seen."""
        module = self.modules[slot.module]
        holder, _, last = slot.name.rpartition(".")
        if holder in module.classes:
            kind: Class = module.classes[holder]
            if last.startswith("_") or kind.nested:
                return "an attribute of a class that is not public" if last.startswith("_") else "of a class in a class"
            if any(base.startswith("enum.") for base in kind.bases):
                return "of an enumeration"
        elif holder:
            return "held by a function"
        if slot.name.startswith("__"):
            return "a name with two underscores"
        made = [site.alteration.made for site in self._altering.get(slot, ())]
        made += module.variables[slot.name].made if slot.name in module.variables else ()
        for each in made:
            if each.stays is not None:
                return each.stays
            for call in each.calls:
                for kind_name in self.classes_of(call):
                    where = self.find(kind_name)
                    if where is not None and (stays := where[0].classes[".".join(where[1])].stays):
                        return f"an object that holds {stays}"
        if any(map(self._is_code, made)):
            return "a function or a class"
        if slot.name in module.variables and self._remembers(module, slot.name):
            return "a function that keeps something"
        return None

    def _is_code(self, made: Made) -> bool:
        if made.function or made.path is None:
            return made.function
        found = self.find(made.path)
        name = ".".join(found[1]) if found is not None else ""
        return found is not None and (name in found[0].units or name in found[0].classes)

    @cached_property
    def _called(self) -> frozenset[Slot]:
        """What is called of what is kept, as functions are."""
        units = [unit for module in self.modules.values() for unit in module.units.values()]
        return frozenset(slot for unit in units for call in unit.calls for slot in self._variable(call))

    def _variable(self, path: str) -> Iterator[Slot]:
        found = self.find(path)
        if found is not None and len(found[1]) == 1 and found[1][0] in found[0].variables:
            yield Slot(found[0].name, found[1][0])

    def takes_code(self, slot: Slot) -> bool:
        """Whether functions put an argument of theirs there, and others call it."""
        sites = self._altering.get(slot, ())
        return slot in self._called and any(s.alteration.made.argument and s.alteration.how == "bound" for s in sites)

    def is_container(self, slot: Slot) -> bool:
        """Whether it holds a dict, list or set, which is filled anew where it is put back."""
        variable = self.modules[slot.module].variables.get(slot.name)
        return variable is not None and variable.container
