"""What passes a step by, of all that steps of its pipeline take: a file that the steps of a run share.

Told to each step by itself it would be as long as the pipeline, as often as that has steps. So it is written once, a
line for each thing that is taken, sorted by name, and a step looks up the few names that it has to do with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from json import dumps, loads  # as they were before the notebook could replace them

from labline_runtime.specification import Reading


def table(readings: Iterable[Reading]) -> bytes:
    """The file that has *readings*."""
    lines = (_key(each.name) + dumps(dataclasses.astuple(each)).encode() + b"\n" for each in readings)
    return b"".join(sorted(lines))


class Passing:
    """What passes by the cells of *step* in the *span* from one place to another.

    That is what *told* says, by source, and what follows from *shared*, the content of the file.
    """

    def __init__(self, told: Mapping[str, tuple[str, ...]], shared: bytes, step: str, span: tuple[int, ...]) -> None:
        self._told: dict[str, set[str]] = {}
        for source, names in told.items():
            for name in names:
                self._told.setdefault(name, set()).add(source)
        self._shared = shared if span else b""
        self._step = step
        self._span = span

    def sources(self, name: str) -> set[str]:
        """The steps, "" for none, that have made what passes by under this *name*; nothing where nothing does."""
        found = set(self._told.get(name, ()))
        if self._shared:
            first, last = self._span
            found |= {each.source for each in self._readings(name) if each.passes(self._step, first, last)}
        return found

    def _readings(self, name: str) -> Iterable[Reading]:
        key = _key(name)
        start = self._find(key)
        while self._shared.startswith(key, start):
            end = self._shared.index(b"\n", start)
            yield Reading(*loads(self._shared[start + len(key) : end]))
            start = end + 1

    def _find(self, key: bytes) -> int:
        """Where the first line starts that is not below *key*."""
        low, high = 0, len(self._shared)
        while low < high:
            middle = (low + high) // 2
            start = self._shared.rfind(b"\n", low, middle) + 1 or low
            if self._shared[start : start + len(key)] < key:
                low = self._shared.index(b"\n", middle) + 1
            else:
                high = start
        return low


def _key(name: str) -> bytes:
    return dumps(name).encode() + b"\t"
