"""Value by value, cell by cell: equal, nondeterministic, different or not comparable, and the verdict of it all."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Callable, Container, Hashable, Iterable, Mapping, Sequence
from dataclasses import field
from typing import Any, Literal, TypeVar

from labline_backend.verification import memory, outputs
from labline_backend.verification.outputs import Piece
from labline_backend.verification.plan import Place
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import HIDDEN_STATE_PREFIX
from labline_runtime.values.hashing import comparable, scheme_of
from labline_runtime.verification import Difference, Sighting, StoredValue

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
Status = Literal["equal", "nondeterministic", "different", "not comparable"]
Verdict = Literal["verified", "partly verified", "different"]

MOST_RUNS = 4
"""How often the notebook runs, at most: twice, and further where a difference may be chance that came out alike."""

UNBOUND = "(not bound)"
UNSEEDED = "nobody has seeded this generator: where it stands is chance, and what was drawn from it is compared itself"
GENERATORS = frozenset(f"{HIDDEN_STATE_PREFIX}{name}" for name in ("random", "numpy.random", "torch.random"))
OTHER_HASH = (
    "the notebook's environment hashes big values with {}, the pipeline's with {}: install blake3 in both, or in none"
)


class FetchError(Exception):
    """What a step stored cannot be brought here; the message is one sentence."""


@dataclass(frozen=True)
class HandedOn:
    """A value as the pipeline stored it. ``digest`` is empty where its content cannot be digested.

    ``text`` is how it looks, where the pipeline told.
    """

    type: str
    digest: str
    stored: StoredValue | None = None
    text: str | None = None


@dataclass(frozen=True)
class Outcome:
    """What the pipeline left on its target.

    ``values`` by step and name, ``notebooks`` as executed, in the order of the steps, ``ended`` the steps that
    succeeded; ``failure`` is one sentence where not all did. ``written`` are the files that steps were seen to write,
    as far as the target tells. ``unread`` says of steps that succeeded why what they left is not known here; ``fetch``
    brings what a step stored under a name, where that is not here yet.
    """

    values: Mapping[tuple[str, str], HandedOn] = field(default_factory=dict)
    notebooks: Sequence[Mapping[str, Any]] = ()
    ended: frozenset[str] = frozenset()
    failure: str | None = None
    written: frozenset[str] = frozenset()
    unread: Mapping[str, str] = field(default_factory=dict)
    fetch: Callable[[str, str], StoredValue] | None = None

    def stored(self, step: str | None, name: str) -> StoredValue | None:
        """What *step* stored under *name*. Raises ``FetchError``."""
        known = self.values.get((step or "", name))
        if known is None or step is None or known.stored is not None or self.fetch is None:
            return None if known is None else known.stored
        return self.fetch(step, name)


@dataclass(frozen=True)
class ComparedValue:
    """One value at one step boundary. ``again`` is the second reference run's digest, where there was one."""

    step: str
    name: str
    role: str
    source: str | None
    status: Status
    type: str | None = None
    notebook: str | None = None
    again: str | None = None
    pipeline: str | None = None
    note: str | None = None
    difference: Difference | None = None


@dataclass(frozen=True)
class ComparedCell:
    """What one cell shows. The digests are of the outputs made comparable."""

    index: int
    id: str
    step: str | None
    status: Status
    notebook: str | None = None
    again: str | None = None
    pipeline: str | None = None
    note: str | None = None
    difference: Difference | None = None
    label: str = ""  # its number in messages, where that is not of its place


def compare_value(
    place: Place,
    first: Sighting | None,
    again: Sighting | None,
    theirs: HandedOn | None,
    *,
    ran: bool,
    unread: str | None = None,
) -> ComparedValue:
    """Compare what the notebook holds at *place* (twice, where it ran twice) with what the pipeline handed on.

    *unread*: why that is not known.
    """
    ours = digest_of(first)
    known = ComparedValue(
        place.step,
        place.name,
        place.role,
        place.source,
        "equal",
        type=first.record.type if first is not None and first.record is not None else None,
        notebook=ours,
        again=digest_of(again),
        pipeline=theirs.digest or None if theirs is not None else None,
    )
    if first is None:
        return _not_comparable(known, "the notebook did not come this far")
    if not ran:
        return _not_comparable(known, f"step {place.source} did not hand it on, because it did not succeed")
    if unread is not None:
        return _not_comparable(known, unread)
    if first.record is None and first.problem is not None:
        return _not_comparable(known, first.problem)
    if (first.record is None) != (theirs is None):
        if again is not None and (again.record is None) != (first.record is None):
            return dataclasses.replace(known, status="nondeterministic", note="it is not always bound")
        texts = first.record.preview.text if first.record else UNBOUND, theirs.type if theirs else UNBOUND
        return dataclasses.replace(known, status="different", difference=Difference(place.name, *texts))
    if first.record is None or theirs is None:
        return dataclasses.replace(known, note="not bound on either side")
    if not ours or not theirs.digest:
        if first.record.type != theirs.type:
            found = Difference(f"type({place.name})", first.record.type, theirs.type)
            return dataclasses.replace(known, status="different", difference=found)
        return _not_comparable(known, first.problem or "its content cannot be digested")
    if ours == theirs.digest:
        return known
    if place.name.startswith(HIDDEN_STATE_PREFIX) and theirs.type == "NoneType":
        return dataclasses.replace(known, note="its library was not imported when it was handed on")
    if not comparable(ours, theirs.digest):
        return _not_comparable(known, OTHER_HASH.format(*map(scheme_of, (ours, theirs.digest))))
    if again is not None and digest_of(again) != ours:
        if place.name in GENERATORS:
            return dataclasses.replace(known, note=UNSEEDED)
        return dataclasses.replace(known, status="nondeterministic", note="not the same in two runs of the notebook")
    return dataclasses.replace(known, status="different")


def compare_cell(
    index: int,
    identifier: str,
    step: str | None,
    first: Sequence[Piece] | None,
    again: Sequence[Piece] | None,
    theirs: Sequence[Piece] | None,
    unread: str | None = None,
    *,
    tells_memory: bool = False,
) -> ComparedCell:
    """Compare what a cell of the notebook shows with what it shows in the pipeline; None where it did not run.

    *unread*: why what it shows there is not known. *tells_memory*: its numbers may be of the memory that is in use.
    """
    ours, second, pipeline = (None if side is None else outputs.digest_of(side) for side in (first, again, theirs))
    known = ComparedCell(index, identifier, step, "equal", ours, second, pipeline)
    if first is None or theirs is None:
        where = "notebook's run" if first is None else "pipeline"
        note = unread if first is not None and unread is not None else f"it did not run in the {where}"
        return dataclasses.replace(known, status="not comparable", note=note)
    shown = outputs.first_difference(first, theirs)
    if shown is None:
        return known
    found = Difference(shown.path, shown.notebook, shown.pipeline)
    if again is not None and again != first:
        note = "not the same in two runs of the notebook"
        return dataclasses.replace(known, status="nondeterministic", note=note, difference=found)
    if tells_memory and memory.same_but_for_numbers(first, theirs):
        return dataclasses.replace(known, status="not comparable", note=memory.NOTE, difference=found)
    return dataclasses.replace(known, status="different", difference=found)


def is_chance(compared: ComparedValue | ComparedCell) -> bool:
    """Whether chance is known to be at work where this was compared."""
    return compared.status == "nondeterministic" or compared.note == UNSEEDED


def is_doubtful(compared: ComparedValue | ComparedCell, steps: Container[str | None]) -> bool:
    """Whether *compared* is different, and another run of the notebook may tell that as chance.

    *steps* are those with something that is known to be chance or may be, or all where nothing is known: an accuracy
    may well come out the same twice though the model is not.
    """
    return compared.status == "different" and compared.step in steps


def unlike(
    first: Mapping[K, V], before: Mapping[K, V], now: Mapping[K, V], content: Callable[[V | None], object]
) -> dict[K, V]:
    """What further runs of the notebook have shown, *before* and *now*: where one was not as the *first*, that one."""
    kept = {key: each for key, each in before.items() if content(each) != content(first.get(key))}
    return {**before, **now, **kept}


def verdict(statuses: Iterable[str], failure: str | None) -> Verdict:
    """What follows from the single results: "partly verified" leaves out what is not the same twice, or has no digest.

    *failure*: the pipeline failed where the notebook did not.
    """
    counts = Counter(statuses)
    if failure is not None or counts["different"]:
        return "different"
    return "partly verified" if counts["nondeterministic"] or counts["not comparable"] else "verified"


def digest_of(sighting: Sighting | None) -> str | None:
    """Of the content that was seen; None where there is none."""
    return None if sighting is None or sighting.record is None else sighting.record.digest or None


def _not_comparable(known: ComparedValue, why: str) -> ComparedValue:
    return dataclasses.replace(known, status="not comparable", note=why)
