"""Objects that two artifacts have in common, though the compiler took the values for separate.

Within one artifact shared objects stay shared; between two they do not: each is loaded as a copy of its own. That is
harmless until some later step alters the object through one of the names while the other is still to be read. So a step
notes what its artifacts share (:func:`find`), the notes travel in the artifacts, and the step that takes such a value
watches the shared part (:class:`Watched`): only an alteration that is really made, of the part that is really shared,
counts.
"""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any

from labline_runtime.dataclass import dataclass
from labline_runtime.specification import Shared
from labline_runtime.values.digest import DigestError, digest
from labline_runtime.values.parts import ATOMS, Part, is_index, parts
from labline_runtime.values.reach import Reach
from labline_runtime.values.views import extent

LIMIT = 1000  # shared parts noted of one artifact
MIRRORED = 1 << 28  # bytes of memory of which it is told which elements overlap
WORK = 10_000  # how hard NumPy tries to tell whether two arrays overlap


@dataclass(frozen=True)
class Home:
    """Values that lie, or will lie, in one artifact. ``source`` is the step that makes it."""

    source: str
    values: Mapping[str, Any]


@dataclass
class Watched:
    """A shared part of a value that came in, and what it held then."""

    shared: Shared
    part: Part
    before: str | None

    def renew(self) -> None:
        """Go by what the part holds now."""
        self.before = _content(self.part, self.shared.region)

    def altered(self) -> bool:
        """Whether the part holds something else now."""
        return self.before is not None and _content(self.part, self.shared.region) != self.before


def watch(values: Mapping[str, Any], notes: Iterable[Shared]) -> list[Watched]:
    """Look up the shared parts that *notes* tell of in *values*, which have just been loaded."""
    wanted: dict[str, list[Shared]] = {}
    for note in notes:
        if note.name in values:
            wanted.setdefault(note.name, []).append(note)
    watched = []
    for name, there in wanted.items():
        by_place = {(note.path, note.memory): note for note in there}
        several = {place: [note for note in there if (note.path, note.memory) == place] for place in by_place}
        for part in parts(name, values[name]):
            for note in several.pop((part.path, part.memory), ()):
                watched.append(Watched(note, part, _content(part, note.region)))
            if not several:
                break
    return watched


def find(outputs: Sequence[Home], inputs: Sequence[Home], watched: Sequence[Watched]) -> list[list[Shared]]:
    """What each of *outputs* and *inputs* has in common with others, one list for each.

    Of outputs: with another output, with an artifact taken in, or with one further up; of inputs: with outputs.
    """
    search = _Search()
    for home in _suspects([*outputs, *inputs], watched):
        search.add(home)
    for known in watched:
        search.add_known(known)
    notes = search.notes(len(outputs))
    return [
        sorted(notes.get(place, ()), key=lambda note: (note.name, note.path, note.source, note.other))[:LIMIT]
        for place in range(len(outputs) + len(inputs))
    ]


def _suspects(homes: Sequence[Home], watched: Sequence[Watched]) -> list[Home]:
    """*homes* with only those values that seem to have something in common with another home's."""
    if len(homes) + len(watched) < 2:
        return []
    reached = {
        (place, name): Reach(value)
        for place, home in enumerate(homes)
        for name, value in home.values.items()
        if type(value) not in ATOMS
    }
    first: dict[int, tuple[int, str]] = {}
    suspects: set[tuple[int, str]] = set()
    common = {id(one.part.value) for one in watched}
    for key, reach in reached.items():
        met = first.keys() & reach.ids
        common.update(number for number in met if first[number][0] != key[0])
        first.update((number, key) for number in reach.ids - met)
    if common:
        suspects.update(key for key, reach in reached.items() if not reach.ids.isdisjoint(common))
    memory = sorted((*extent(array), *key) for key, reach in reached.items() for array in reach.arrays if array.size)
    memory += ((*extent(one.part.value), -1, "") for one in watched if one.part.memory)
    last: dict[tuple[int, str], int] = {}
    for start, end, place, name in sorted(memory):
        key = (place, name)
        overlapped = {other for other, until in last.items() if other[0] != key[0] and until > start}
        suspects |= {key, *overlapped} if overlapped else set()
        last[key] = max(end, last.get(key, 0))
    return [
        Home(home.source, {name: v for name, v in home.values.items() if (place, name) in suspects})
        for place, home in enumerate(homes)
    ]


@dataclass(frozen=True)
class _Holder:
    home: int
    source: str
    name: str
    part: Part
    known: Shared | None = None  # held by an artifact that this step does not see, as a note tells


@dataclass
class _Search:
    _holders: dict[int, list[_Holder]] = field(default_factory=dict)  # by object
    _arrays: list[_Holder] = field(default_factory=list)
    _pairs: dict[tuple[_Holder, int], Shared] = field(default_factory=dict)
    _count: int = 0

    def add(self, home: Home) -> None:
        place, self._count = self._count, self._count + 1
        for name, value in home.values.items():
            for part in parts(name, value):
                holder = _Holder(place, home.source, name, part)
                if part.memory:
                    self._arrays.append(holder)
                else:
                    self._holders.setdefault(id(part.value), []).append(holder)

    def add_known(self, watched: Watched) -> None:
        holder = _Holder(-1, watched.shared.source, watched.shared.other, watched.part, watched.shared)
        if watched.part.memory:
            self._arrays.append(holder)
        else:
            self._holders.setdefault(id(watched.part.value), []).append(holder)

    def notes(self, outputs: int) -> dict[int, set[Shared]]:
        """What was found, by the place of the home; the first homes are *outputs*."""
        several = (holders for holders in self._holders.values() if len(holders) > 1)
        pairs = [
            (one, two)
            for holders in itertools.islice(several, 2 * LIMIT)
            for one, two in itertools.permutations(holders, 2)
            if one.home != two.home and _counts(one, two, outputs)
        ]
        trails = {_place(one, two, one.part.trail) for one, two in pairs}
        found: dict[int, set[Shared]] = {}
        for one, two in pairs:
            if _is_outermost(one, two, trails):
                found.setdefault(one.home, set()).add(_note(one, two))
        for first, second in _overlapping(self._arrays):
            for one, two in ((first, second), (second, first)):
                if _counts(one, two, outputs) and _is_outermost(one, two, trails):
                    region = _region(one.part.value, two.part.value)
                    found.setdefault(one.home, set()).add(_note(one, two, region))
        return found


def _counts(one: _Holder, two: _Holder, outputs: int) -> bool:
    return one.known is None and (one.home < outputs or 0 <= two.home < outputs)


def _note(one: _Holder, two: _Holder, region: tuple[tuple[int, int], ...] | None = None) -> Shared:
    path = two.known.other_path if two.known is not None else two.part.path
    return Shared(one.name, one.part.path, two.source, two.name, path, one.part.memory, region)


def _place(one: _Holder, two: _Holder, trail: Any) -> tuple[str, str, str, int]:
    """A place in what *one* holds, for what it shares with *two*: trails are chained, so by identity."""
    return one.name, two.source, two.name, id(trail)


def _is_outermost(one: _Holder, two: _Holder, trails: set[tuple[str, str, str, int]]) -> bool:
    """Whether the shared part is inside no other that the same value shares: its content would count there."""
    trail = one.part.trail[0]
    while trail is not None and _place(one, two, trail) not in trails:
        trail = trail[0]
    return trail is None


def _overlapping(arrays: list[_Holder]) -> Iterable[tuple[_Holder, _Holder]]:
    """Pairs of arrays of different homes that look at the same memory."""
    if not arrays:
        return
    numpy = sys.modules["numpy"]
    ends = sorted(
        ((*extent(holder.part.value), place) for place, holder in enumerate(arrays) if holder.part.value.size),
    )
    open_: list[tuple[int, _Holder]] = []
    found = 0
    for start, end, place in ends:
        holder = arrays[place]
        open_ = [(other_end, other) for other_end, other in open_ if other_end > start]
        for _, other in open_:
            if other.home == holder.home or (other.part.private and holder.part.private):
                continue
            one, two = other.part.value, holder.part.value
            if not (one.flags.writeable or two.flags.writeable):
                continue
            if _overlap(numpy, one, two):
                found += 1
                yield other, holder
        if found > LIMIT:
            return
        open_.append((end, holder))


def _overlap(numpy: Any, one: Any, two: Any) -> bool:
    try:
        return bool(numpy.shares_memory(one, two, max_work=WORK))
    except Exception:  # too hard to tell
        return False


def _region(array: Any, other: Any) -> tuple[tuple[int, int], ...] | None:
    """The smallest box of *array*'s elements that holds all that *other* overlaps; None for all of it."""
    import numpy

    (start, end), (other_start, other_end) = extent(array), extent(other)
    if array.flags.c_contiguous and other.flags.c_contiguous and array.ndim:
        row = max(1, array.nbytes // array.shape[0])
        rows = max(0, other_start - start) // row, -(-(min(end, other_end) - start) // row)
        whole = rows == (0, array.shape[0])
        return None if whole else (rows, *((0, length) for length in array.shape[1:]))
    first = min(start, other_start)
    if max(end, other_end) - first > MIRRORED:
        return None
    memory: Any = numpy.zeros(max(end, other_end) - first, numpy.uint8)

    def mirrored(view: Any) -> Any:
        offset = view.__array_interface__["data"][0] - first
        shape, strides = (*view.shape, view.itemsize), (*view.strides, 1)
        return numpy.ndarray(shape, numpy.uint8, buffer=memory, offset=offset, strides=strides)

    mirrored(other)[...] = 1
    touched = mirrored(array).any(axis=-1)
    if touched.all():
        return None
    box = []
    for axis in range(touched.ndim):
        (places,) = touched.any(axis=tuple(other for other in range(touched.ndim) if other != axis)).nonzero()
        box.append((int(places[0]), int(places[-1]) + 1))
    return tuple(box)


def _content(part: Part, region: tuple[tuple[int, int], ...] | None) -> str | None:
    value = part.value
    try:
        if is_index(value):
            return digest([*value.names, str(getattr(value, "freq", None))])
        if region is not None:
            value = value[tuple(slice(start, stop) for start, stop in region)]
        return digest(value)
    except (DigestError, IndexError):
        return None
