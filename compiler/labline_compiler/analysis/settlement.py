"""Settle who needs what from whom, once the whole notebook was followed."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace

from labline_compiler.analysis.flows import NO_STEPS, PARAMETERS, PREAMBLE, Flows, Version
from labline_compiler.analysis.hidden_state import FIGURES, INSIDE, PATCH, is_ambient
from labline_compiler.analysis.recorder import Recorder
from labline_compiler.findings import Span, finding
from labline_compiler.findings.place import find_name, span_of
from labline_compiler.notebook import Cell
from labline_compiler.pipeline import ValueKind

# What is told of a value, by its kind in the heap.
_TOLD: dict[str | None, ValueKind] = {
    "pandas": "data",
    "numpy": "data",
    "data": "data",
    "sklearn": "model",
    "scalar": "scalar",
}
_MOST_OPTIONS = 3  # that are told by name in one finding


class _Latest:
    """In which stretch an artifact is taken the latest, and by another than who does so then."""

    def __init__(self) -> None:
        self._step, self._segment, self._other = "", 0, 0

    def add(self, step: str, segment: int) -> None:
        """The step takes it there."""
        if step == self._step:
            self._segment = max(segment, self._segment)
        elif segment > self._segment:
            self._step, self._segment, self._other = step, segment, self._segment
        else:
            self._other = max(segment, self._other)

    def but(self, step: str) -> int:
        """The latest stretch in which another than this step takes it; 0 where none does."""
        return self._other if step == self._step else self._segment


class Settlement:
    """From what was recorded to what each step takes and gives."""

    def __init__(self, record: Recorder) -> None:
        self.record = record
        self.steps = record.steps
        self.findings = record.findings
        self.told: set[tuple[str, str, str]] = set()
        self.interrupted: dict[tuple[str, str, int, int], tuple[Cell, Cell, list[str]]] = {}  # by step, name and cells
        self.options: dict[tuple[str, str], Version] = {}  # by step and name: what it changes that others depend on
        self._unbound: dict[Version, bool] = {}  # which may be bound to nothing
        self.parted: list[tuple[int, int]] = []
        self._place = {name: number for number, name in enumerate(record.versions.names())}

    def flows(self) -> Flows:
        """Settle who needs what from whom."""
        given: dict[str, set[str]] = {}
        seen: set[tuple[int, int]] = set()
        stack = list(reversed(self.record.needs))
        while stack:
            step, segment, version, cell = stack.pop()
            if (segment, id(version)) in seen:
                continue
            seen.add((segment, id(version)))
            if version.step == PREAMBLE:
                continue
            flow = self.steps[step]
            if version.step != PARAMETERS and version.segment != segment:
                flow.stretches[segment].needs[version.name] = version
                self.steps[version.step].stretches[version.segment].makes.add(version.name)
            if version.step == step:
                if not version.always and version.parent is not None:
                    stack.append((step, version.segment, version.parent, version.cell))
                continue
            self._check_interruption(step, segment, version, cell)
            if version.step == PARAMETERS:
                flow.parameters.add(version.name)
                continue
            self._check_staying(step, version, cell)
            flow.inputs.setdefault(version.name, version)
            given.setdefault(version.step, set()).add(version.name)
            if not version.always and version.parent is not None:
                stack.append((version.step, version.segment, version.parent, version.cell))
            if self._maybe_unbound(version) and not version.name.startswith("@"):
                self.steps[version.step].optional.add(version.name)
            if is_ambient(version.name):
                self.options.setdefault((version.step, version.name), version)
            elif version.name == FIGURES:
                self._tell_figures(version)
        for step, names in given.items():
            self.steps[step].groups = self._groups(step, names)
            self.steps[step].kinds = self._kinds(step, names)
        self._mark_unaltered()
        self._tell_interruptions()
        self._tell_options()
        self.parted += [(0, found.cell_index or 0) for found in self.findings if found.code == "LL305"]
        return Flows(self.steps, self.findings, self.record.misplaced, parted=self.parted)

    def _maybe_unbound(self, version: Version) -> bool:
        above: list[Version] = []
        found = None
        while found is None:
            found = self._unbound.get(version)
            above.append(version)
            if version.unbound:
                found = True
            elif version.always or version.step in NO_STEPS:
                found = False
            elif version.parent is None:
                found = True
            else:
                version = version.parent
        self._unbound |= dict.fromkeys(above, found)
        return found

    def _mark_unaltered(self) -> None:
        """Find the inputs whose change, were there one, would be missed further down the notebook.

        By another step that takes them, or by the step that made them, where it has cells down there, too.
        """
        together = {
            (step, name): (step, *group) for step, flow in self.steps.items() for group in flow.groups for name in group
        }
        takers: dict[tuple[str, ...], _Latest] = {}  # by artifact
        kept: dict[tuple[str, ...], list[tuple[int, int]]] = {}  # by artifact: stretches of its maker, to make and read
        for step, flow in self.steps.items():
            for segment, stretch in flow.stretches.items():
                for name, version in stretch.needs.items():
                    artifact = together.get((version.step, name), ())
                    if version.step == step:
                        kept.setdefault(artifact, []).append((version.segment, segment))
                    else:
                        takers.setdefault(artifact, _Latest()).add(step, segment)

        def is_missed(name: str, version: Version, step: str, here: int) -> bool:
            artifact = together[version.step, name]
            return takers[artifact].but(step) > here or any(
                made < here < below for made, below in kept.get(artifact, ())
            )

        for step, flow in self.steps.items():
            flow.altered = {
                name for name in flow.inputs if not name.startswith("@") and self.record.versions.made(step, name)
            }
            for segment, stretch in flow.stretches.items():
                stretch.unaltered = {
                    name
                    for name, version in flow.inputs.items()
                    if not name.startswith("@") and name not in flow.altered and is_missed(name, version, step, segment)
                }

    def _kinds(self, step: str, names: Collection[str]) -> dict[str, ValueKind]:
        left = {name: self.record.left(step, name) for name in names}
        kinds = {name: self.record.heap.kind(found.value) for name, found in left.items() if found is not None}
        return {name: _TOLD[kind] for name, kind in kinds.items() if kind in _TOLD and not name.startswith("@")}

    def _groups(self, step: str, names: Collection[str]) -> list[list[str]]:
        """Split *names* into those that share objects. What one name has led to is not gone through for another."""
        if len(names) < 2:
            return [[name] for name in sorted(names)]
        heap = self.record.heap
        group = {name: [name] for name in names}
        ordered = sorted(group, key=lambda name: self._place.get(name, len(self._place)))
        left = {name: found for name in ordered if (found := self.record.left(step, name)) is not None}
        apart = sum(bool(found.value) for found in left.values())  # what stands for no object is never joined
        led_here: dict[int, str] = {}
        stack: list[tuple[int, str]] = []

        def join(number: int, name: str, links: int) -> None:
            nonlocal group, apart
            other = led_here[number]
            if group[other] is not group[name] and self._shows(number, links):
                group |= dict.fromkeys(group[other] + group[name], group[other] + group[name])
                apart -= 1

        def meet(number: int, name: str, links: int) -> None:
            if number in led_here:
                join(number, name, links)
            elif heap.settled(number) > links:
                led_here[number] = name
                stack.append((number, name))
            else:  # it holds what it does in the end, so nobody has to go from one to the next
                below = heap.below(number)
                for each in below & led_here.keys():
                    join(each, name, links)
                led_here.update(dict.fromkeys(below - led_here.keys(), name))

        moments = {found.links for found in left.values()}
        for together in [list(left)] if len(moments) == 1 else [[name] for name in left]:
            for name in together:
                for number in left[name].value if apart > 1 else ():
                    meet(number, name, left[name].links)
            while stack and apart > 1:
                number, name = stack.pop()
                links = left[name].links
                for held in heap.held_then(number, links):
                    if led_here.get(held) is not name:
                        meet(held, name, links)
        return sorted({id(each): sorted(each) for each in group.values()}.values())

    def _shows(self, number: int, links: int) -> bool:
        """Whether the identity of the object or of what it held may show.

        That of classes and functions does only where they are altered.
        """
        things, seen, stack = self.record.heap.things, {number}, [number]
        while stack:
            each = stack.pop()
            if each in self.record.last or things[each].kind not in ("module", "library", "class", "function"):
                return True
            new = set(self.record.heap.held_then(each, links)) - seen
            seen |= new
            stack += new
        return False

    # --------------------------------------------------------------------------------------------------------- telling

    def _check_staying(self, step: str, version: Version, cell: Cell) -> None:
        """What cannot leave its process must not be taken by another step."""
        stays, name = self.record.staying.get(version.step, {}).get(version.name), version.name
        key = ("LL406", step, name)
        if stays is None or not (version.always or stays.inside) or key in self.told:
            return
        self.told.add(key)
        self.parted.append((version.cell.index, cell.index))
        maker, seen = version.cell.number, f"Step {step} (cell {cell.number}) needs {name}"
        if stays.inside:
            message = f"{seen}, which may hold {stays.what} since cell {maker}: that cannot leave step {version.step}."
        else:
            message = f"{seen}, which is {stays.what} made in cell {maker}: it cannot leave step {version.step}."
        fix = (
            f"Make {name} in step {step}, move the cut so that cells {version.cell.number} to {cell.number} are in one "
            f"step, or hand on what {name} was made from."
        )
        span = self._mention(name, cell)
        found = finding("LL406", message, cell=cell.place, step=step, span=span, fix=fix)
        self.findings.append(replace(found, severity="warning") if stays.inside else found)

    def _check_interruption(self, step: str, segment: int, version: Version, cell: Cell) -> None:
        """A step runs as a whole: what it takes must not change meanwhile, nor what it gives once it was taken."""
        flow, name = self.steps[step], version.name
        other = flow.inputs.get(name)
        own = self.record.versions.made(step, name)
        last = self.record.versions.made(version.step, name)[-1]
        if other is not None and other is not version:
            self._tell_interrupted(step, name, other.cell, version.cell)
        elif any(earlier.segment < segment for earlier in own):
            self._tell_interrupted(step, name, own[0].cell, version.cell)
        elif version.step != PARAMETERS and last is not version and last.segment > version.segment:
            self._tell_interrupted(version.step, name, cell, last.cell)

    def _tell_interrupted(self, step: str, name: str, first: Cell, second: Cell) -> None:
        key = ("LL202", step, name)
        if key not in self.told:
            self.told.add(key)
            # One finding for all hidden state: code that nobody knows may use all there is.
            place = (step, name if name.isidentifier() else "", first.index, second.index)
            self.interrupted.setdefault(place, (first, second, []))[-1].append(name)

    def _tell_interruptions(self) -> None:
        for (step, *_), (first, second, names) in self.interrupted.items():
            cells = [unit.cell for unit in self.record.units if unit.step == step]
            message = (
                f"Step {step} (cells {_numbers(cells)}) is interrupted by other cells that use {_listed(names)} "
                f"between them (see cells {_numbers([first, second])})."
            )
            span = self._mention(names[0], second)
            self.findings.append(finding("LL202", message, cell=second.place, step=step, span=span))

    def _mention(self, name: str, cell: Cell) -> Span | None:
        for unit in self.record.units:
            if unit.cell is cell and unit.parsed and (found := find_name(unit.parsed.tree, name)):
                return span_of(found, cell.source)
        return None

    def _tell_options(self) -> None:
        """One finding for each statement that changes options, surely or perhaps."""
        statements: dict[tuple[str, int, int], list[Version]] = {}
        for version in self.options.values():
            place = (version.step, version.cell.index, id(version.statement))
            statements.setdefault(place, []).append(version)
        for (step, _, _), versions in statements.items():
            cell, statement = versions[0].cell, versions[0].statement
            span = span_of(statement, cell.source) if statement is not None else None
            # Several at once are those that a call may reach which nobody has followed.
            names = _listed([each.name for each in versions])
            what = f"any option ({names})" if len(versions) > _MOST_OPTIONS else names
            changes = "changes" if len(versions) == 1 else "may change"
            message = f"Step {step} {changes} {what}, so all later steps wait for it."
            self.findings.append(finding("LL302", message, cell=cell.place, step=step, span=span))

    def _tell_figures(self, version: Version) -> None:
        key = ("LL309", version.step, version.name)
        if key not in self.told:
            self.told.add(key)
            message = (
                f"Step {version.step} leaves figures open that later cells may draw on, so later plots wait for it."
            )
            self.findings.append(finding("LL309", message, cell=version.cell.place, step=version.step))


def _shown(name: str) -> str:
    """A name, or hidden state, for people."""
    return name.removeprefix(PATCH).removeprefix("@").removesuffix(INSIDE)


def _listed(names: Sequence[str]) -> str:
    """Some names, and how many there are besides."""
    shown = [_shown(name) for name in names]
    more = len(shown) - _MOST_OPTIONS
    return f"{', '.join(shown[:_MOST_OPTIONS])} and {more} more" if more > 0 else ", ".join(shown)


def _numbers(cells: Iterable[Cell]) -> str:
    numbers = [str(number) for _, number in sorted({(cell.index, cell.number) for cell in cells})]
    return " and ".join([", ".join(numbers[:-1]), numbers[-1]]) if len(numbers) > 1 else numbers[0]
