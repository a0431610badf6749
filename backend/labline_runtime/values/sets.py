"""The order in which a set is gone through, kept where it is pickled.

That order is the order of the set's table: it follows from the hashes of the elements, from the size of the table, and,
where two want the same place, from who came first. pickle adds the elements one after the other to an empty set, which
often gives another table. So the table of a set that would come back in another order is looked at, and the set is
built anew as that table would be: as big, elements that had to give way after those that stood in their way, with the
places of removed ones, and with the place at which ``pop`` goes on. What is added or popped later is in order, too.

The table is that of CPython's ``setobject.c`` (linear probing over ten places, then by the perturbed hash). Nothing
relies on that: :class:`Orders` builds each set once to see whether it comes back as it was. One that does not is left
to pickle, as are all sets of other Pythons.
"""

from __future__ import annotations

import contextlib
import functools
import graphlib
import operator
import struct
import sys
import sysconfig
from collections.abc import Callable, Iterable
from typing import Any

from labline_runtime.dataclass import dataclass

OPCODES = (b"\x8f\x94", b"\x91\x94")
"""What stands in every pickle that has a set, or a frozenset, in it: each is made and then remembered."""

LARGEST = 1 << 17  # places of a table that is still built anew
LARGEST_FROZEN = 1 << 10  # of a frozenset's, where that does not grow by itself as it should

_SMALLEST = 8  # places
_PROBES = 9  # places after the wanted one that are tried
_SHIFT = 5
_CIRCLES = 100  # of elements that seem to have given way to each other
_NO_HASH = -1  # of the place of a removed element
_WORD = 8  # bytes
_HEADER = struct.Struct("8n")  # references, type, places in use or removed, in use, mask, table, hash, finger


@dataclass(frozen=True)
class Table:
    """How a set lies in memory: ``entries`` are the keys' addresses and the hashes. ``pop`` goes on at ``finger``."""

    entries: bytes
    finger: int

    @property
    def size(self) -> int:
        """How many places there are."""
        return len(self.entries) // (2 * _WORD)

    def hashes(self) -> list[int | None]:
        """The hash at each place; None where it is free."""
        words = struct.unpack(f"{len(self.entries) // _WORD}n", self.entries)
        return [number if key else None for key, number in zip(words[::2], words[1::2], strict=True)]


def table_of(held: Any) -> Table | None:
    """The table of the set or frozenset *held*; None where that cannot be known, or is too big to be built anew."""
    return _read(held) if _is_readable() else None


def _read(held: Any) -> Table | None:
    _, _, _, _, mask, address, _, finger = _HEADER.unpack(_memory(id(held), _HEADER.size))
    return Table(_memory(address, 2 * _WORD * (mask + 1)), finger) if mask < LARGEST else None


def _memory(address: int, size: int) -> bytes:
    import ctypes  # only where there are sets

    return ctypes.string_at(address, size)


@functools.cache
def _is_readable() -> bool:
    """Whether this Python keeps sets as :func:`_read` reads them."""
    if sys.implementation.name != "cpython" or sys.maxsize >> 32 == 0 or sysconfig.get_config_var("Py_GIL_DISABLED"):
        return False
    sample = {1, 2, 3}
    sample.discard(2)
    if sys.getsizeof(sample) != _HEADER.size + (2 * _SMALLEST + 1) * _WORD + _collector():
        return False
    header = _HEADER.unpack(_memory(id(sample), _HEADER.size))
    if header[2:6] != (3, 2, _SMALLEST - 1, id(sample) + _HEADER.size):  # a small table lies within the set
        return False
    table, expected = _read(sample), [None, 1, _NO_HASH, 3, None, None, None, None]
    return table is not None and (table.hashes(), table.finger) == (expected, 0)


def _collector() -> int:
    """Bytes that the garbage collector has before each object."""
    return sys.getsizeof([]) - list.__basicsize__


class _Placeholder:
    """Takes a place for a while. Of some kinds an *answer* is asked for when it is compared with what is there."""

    __array_ufunc__ = None  # numpy's scalars leave it to this to compare

    def __init__(self, number: int, answer: Callable[[], bool] | None = None) -> None:
        self.number = number
        self.answer = answer
        self.asked = False

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        for each in (self, other):
            if isinstance(each, _Placeholder) and each.asked and each.answer:
                return each.answer()
        return self is other


class _FullError(Exception):
    """No more is to be added."""


def _refuse() -> bool:
    raise _FullError


def fill(
    made: set[Any],
    size: int,
    finger: int,
    removed: Iterable[int],
    elements: tuple[Any, ...],
    late_places: Iterable[int],
    late: tuple[Any, ...],
) -> None:
    """Give the empty set *made* a table of *size* places with *elements* and then *late* ones, added in this order.

    *removed* are places that are to be those of removed elements; *late_places* are held free for late ones.
    """
    if finger:
        _make_room(made, _Placeholder(finger - 1), size)
        made.pop()
        made.clear()
    gone = [_Placeholder(place) for place in removed]
    kept_free = [_Placeholder(place) for place in late_places]
    for element in (first for first in (*gone, *kept_free, *elements)):
        if made:
            made.add(element)
        else:
            _make_room(made, element, size)
    for element in kept_free:
        made.discard(element)
    made.update(late)
    for element in gone:
        made.discard(element)


def _make_room(made: set[Any], first: Any, size: int) -> None:
    """Give the empty set *made* a table of *size* places, with *first* in it.

    A set makes room for all keys of a dictionary before it adds the first. The second one here puts an end to that.
    """
    if size <= _SMALLEST:
        made.add(first)
        return
    full = _Placeholder(hash(first), _refuse)
    keys = {first: None, full: None, **dict.fromkeys(map(_Placeholder, range(_keys_for(size) - 2)))}
    full.asked = True
    with contextlib.suppress(_FullError):
        made.update(keys)


def _keys_for(size: int) -> int:
    """How many keys of a dictionary a set makes a table of *size* places for."""
    return max(5, size // 4)


def freeze(size: int, removed: Iterable[int], elements: tuple[Any, ...]) -> frozenset[Any]:
    """The frozenset of *elements*, added in this order to a table that grows, or that has *size* places, if not 0.

    *removed* are places that are to be those of elements that were taken away from a frozenset with these.
    """
    gone = [_Placeholder(place) for place in removed]
    made = _frozen(size, (*gone, *elements))
    return made.difference(gone) if gone else made


def _frozen(size: int, elements: tuple[Any, ...]) -> frozenset[Any]:
    """A frozenset in a table of *size* places, if not 0.

    Nobody can stop a frozenset while it is made; so the keys that it makes room for are, when asked, all the first.
    """
    if not size:
        return frozenset(elements)
    first, *rest = elements
    more = [_Placeholder(hash(first), lambda: True) for _ in range(_keys_for(size) - 1)] if size > _SMALLEST else []
    keys = dict.fromkeys([first, *more])
    for each in more:
        each.asked = True
    return frozenset().union(keys, rest)


def _in_order(elements: list[Any], table: Table) -> tuple[tuple[Any, ...], tuple[int, ...], tuple[Any, ...]]:
    """*elements*, which lie in *table* in this order, so that each comes after those that it gave way to.

    Where that goes round in circles, an element has taken the place of a removed one, which others gave way to: these
    places are told, and which elements come into them when all others are there.
    """
    mask = table.size - 1
    taken = [(place, number) for place, number in enumerate(table.hashes()) if number not in (None, _NO_HASH)]
    held = dict(zip((place for place, _ in taken), elements, strict=True))
    earlier = {
        place: [each for each in _before(place, number, mask) if each in held]
        for place, number in taken
        if number is not None and number & mask != place
    }
    first = [element for place, element in held.items() if place not in earlier]
    late: list[int] = []
    for _ in range(_CIRCLES):
        try:
            order = [place for place in graphlib.TopologicalSorter(earlier).static_order() if place in earlier]
            break
        except graphlib.CycleError as error:
            late.append(next(place for place in error.args[1] if place in earlier))
            del earlier[late[-1]]
    else:
        raise ValueError("too many elements in places of removed ones")
    return (*first, *(held[place] for place in order)), tuple(late), tuple(held[place] for place in late)


def _before(place: int, number: int, mask: int) -> list[int]:
    """The places that an element is not put at before it is put at *place*."""
    tried: list[int] = []
    perturbed = number & (2**64 - 1)
    wanted = number & mask
    while len(tried) <= 10 * mask:
        last = wanted + (_PROBES if wanted + _PROBES <= mask else 0)
        if wanted <= place <= last:
            return [*tried, *range(wanted, place)]
        tried.extend(range(wanted, last + 1))
        perturbed >>= _SHIFT
        wanted = (wanted * 5 + 1 + perturbed) & mask
    return []


# ---------------------------------------------------------------------------------------------------------- pickling


class StandIn:
    """Pickled as what it was *reduced* to."""

    def __init__(self, *reduced: Any) -> None:
        self.reduced = reduced


class Now:
    """From here on in a pickle, the first of each pair is what the second was pickled as."""

    def __init__(self, pairs: list[tuple[Any, StandIn]]) -> None:
        self.pairs = pairs

    def apply(self, pickler: Any) -> None:
        """Tell *pickler*. An object that it has met in the meantime stays what it became."""
        memo = pickler.memo.copy()
        for held, made in self.pairs:
            if id(held) not in memo:
                number, _ = memo.pop(id(made))
                memo[id(held)] = number, held
        pickler.memo = memo


def last(*parts: Any) -> Any:
    """The last one of *parts*."""
    return parts[-1]


class Orders:
    """How to build those of the sets in *values* that pickle would bring back in another order."""

    def __init__(self, values: Iterable[Any]) -> None:
        self.sets: list[tuple[set[Any], tuple[Any, ...]]] = []
        levels: dict[int, list[tuple[frozenset[Any], tuple[Any, ...]]]] = {}
        for each in values:
            if type(each) not in (set, frozenset):
                continue
            how = None
            with contextlib.suppress(Exception):  # whatever the hashes and comparisons of foreign elements raise
                how = _how(each)
            if how is not None and type(each) is set:
                self.sets.append((each, how))
            elif how is not None:
                levels.setdefault(_depth(each), []).append((each, how))
        self.frozen = [levels[depth] for depth in sorted(levels)]  # inner ones first

    def __bool__(self) -> bool:
        return bool(self.sets or self.frozen)

    def ahead_of(self, value: Any) -> StandIn:
        """What to pickle for *value*: these sets, and then *value*, which has them.

        Sets are filled when there are all of them, because what they hold may refer to them.
        """
        parts: list[Any] = []
        for level in self.frozen:
            parts += _made_now([(held, StandIn(freeze, how)) for held, how in level])
        parts += _made_now([(held, StandIn(set, ())) for held, _ in self.sets])
        parts.append([StandIn(fill, (held, *how)) for held, how in self.sets])
        return StandIn(last, (*parts, value))


def _made_now(pairs: list[tuple[Any, StandIn]]) -> list[Any]:
    return [[made for _, made in pairs], Now(pairs)]


def _depth(held: Any) -> int:
    """How deep frozensets lie within each other, within tuples or not."""
    inside = [each for each in held if type(each) in (tuple, frozenset)]
    return (type(held) is frozenset) + max(map(_depth, inside), default=0)


def _how(held: Any) -> tuple[Any, ...] | None:
    """How to build the set or frozenset *held*; None where pickle does it, or where nobody can."""
    elements = list(held)
    again = type(held)(elements) if len(elements) <= LARGEST else held
    same = _are_same(elements, again)
    if same and (again is held or type(held) is frozenset):
        return None
    table = table_of(held)
    if table is None or (same and table_of(again) == table):
        return None
    ordered, late_places, late = _in_order(elements, table)
    removed = tuple(place for place, number in enumerate(table.hashes()) if number == _NO_HASH)
    if type(held) is frozenset:
        for size in (0, table.size if table.size <= LARGEST_FROZEN else 0):
            if _are_same(elements, freeze(size, removed, ordered)):
                return size, removed, ordered
        return None
    how = table.size, table.finger, removed, ordered, late_places, late
    made: set[Any] = set()
    fill(made, *how)
    return how if _are_same(elements, made) else None


def _are_same(elements: list[Any], held: Any) -> bool:
    return len(elements) == len(held) and all(map(operator.is_, elements, held))
