"""What a loop goes through, where its items run apart: told one after the other, or one of them given to the body.

The cell has :data:`GOES_THROUGH` called on it. Things are taken as the loop takes them, each before the next is made:
a generator may fill one buffer again and again, and the groups of ``itertools.groupby`` are gone when it goes on.
"""

from __future__ import annotations

import builtins
import contextlib
import hashlib
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from labline_runtime.specification import Item

GOES_THROUGH = "__labline_items__"

NOW = "now"
"""The file in which a process of several items says which of them runs: its place from 0 as text, or ``NO_ITEM``."""
NO_ITEM = -1

Digest = Callable[[Any], str]
"""Gives the digest of a thing's content; "" where it has none."""


@contextlib.contextmanager
def gone_through(by: Callable[[Iterable[Any]], Any] | None) -> Iterator[None]:
    """While inside, *by* is what :data:`GOES_THROUGH` calls."""
    if by is None:
        yield
        return
    setattr(builtins, GOES_THROUGH, by)
    try:
        yield
    finally:
        delattr(builtins, GOES_THROUGH)


def chains(digests: Sequence[str]) -> list[str]:
    """For each of *digests* one of all that follow it; "" for the last."""
    found = [""]
    for each in reversed(digests[1:]):
        found.append(hashlib.sha256(f"{each}/{found[-1]}".encode()).hexdigest())
    return found[::-1]


class Listing:
    """Notes the digest of each item."""

    def __init__(self, digest: Digest) -> None:
        self.digests: list[str] = []
        self._digest = digest

    def __call__(self, things: Iterable[Any]) -> None:
        """Go through *things*."""
        for thing in things:
            self.digests.append(self._digest(thing))


class Picked:
    """Gives a loop one item, and sees whether the notebook's loop would come to the same one, and to the same others.

    ``wrong`` says what is against that, as a sentence.
    """

    def __init__(self, item: Item, digest: Digest) -> None:
        self.others: dict[str, Any] = {}
        self.wrong: str | None = "What the loop goes through has become shorter."
        self._item = item
        self._digest = digest

    def __call__(self, things: Iterable[Any]) -> Iterator[Any]:
        """Go through *things*: the body runs when it is the item's turn."""
        count, is_altered = 0, False
        following: list[str] = []
        for thing in things:
            count += 1
            if count != self._item.number + 1:
                self.others[f"item {count}"] = thing
                following += [self._digest(thing)] if is_altered else []
                continue
            if self._digest(thing) != self._item.digest:
                self.wrong = "What the loop goes through is something else each time."
                return
            yield thing
            self.wrong = figures()
            is_altered = not self._item.digest or self._digest(thing) != self._item.digest
        if self.wrong is None and (
            count != self._item.count or (is_altered and chains(["", *following])[0] != self._item.following)
        ):
            self.wrong = "It changes what comes after it."


def figures() -> str | None:
    """What is wrong where the item leaves figures of pyplot open: they are shown when the loop has ended."""
    pyplot = sys.modules.get("matplotlib.pyplot")
    if pyplot is None or not pyplot.get_fignums():
        return None
    return "It leaves a figure open, on which the next item may draw: end each with plt.show() or plt.close()."
