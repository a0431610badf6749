"""The versions of every name. Those that come of changes to shared objects are made when somebody asks for them.

A change may concern hundreds of names, of which later cells read one or two. So it is written down as a whole, a
*wave*, and a name that is asked for goes through the waves since it was asked for last.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import NamedTuple

from labline_compiler.analysis.flows import Unit, Version
from labline_compiler.analysis.scene import Scene
from labline_compiler.notebook import Cell


class _Wave(NamedTuple):
    """What a stretch of cells altered, and those names that it made no versions of before."""

    names: int
    step: str
    segment: int
    cell: Cell
    statement: ast.stmt | None


class Versions:
    """Which version of each name is in force."""

    def __init__(self, scene: Scene) -> None:
        self._scene = scene
        self._current: dict[str, Version] = {}
        self._known = 0  # the names that have a version
        self._made: dict[tuple[str, str], list[Version]] = {}  # by step and name
        self._waves: list[_Wave] = []
        self._waves_of: dict[str, int] = {}  # by step: how many waves there were after its last one
        self._seen: dict[str, int] = {}  # by name: how many of the waves its version knows of
        self._unit: Unit
        self._segment = 0
        self._here = 0  # the names of which this stretch of cells made a version

    def go_on(self, unit: Unit, segment: int) -> None:
        """The next unit, in this stretch of cells or another."""
        if segment != self._segment:
            self._here = 0
        self._unit, self._segment = unit, segment

    def names(self) -> list[str]:
        """All names that have one, in the order in which they came to."""
        return list(self._current)

    def among(self, *names: Iterable[str]) -> list[str]:
        """Those of *names* that have one."""
        return [name for name in chain(*names) if name in self._current]

    def get(self, name: str) -> Version | None:
        """The version in force."""
        return self._go_through(name, len(self._waves))

    def _go_through(self, name: str, waves: int) -> Version | None:
        """The version that so many waves have led to, or more of them, where they were gone through before."""
        version = self._current.get(name)
        if version is None or (seen := self._seen[name]) >= waves:
            return version
        bit = self._scene.bits.get(name, 0)
        for at in range(seen, waves):
            wave = self._waves[at]
            if wave.names & bit and (version.step, version.segment) != (wave.step, wave.segment):
                version = Version(name, wave.step, wave.segment, version, False, wave.cell, statement=wave.statement)
                self._keep(version)
        self._seen[name] = waves
        self._current[name] = version
        return version

    def put(self, version: Version) -> None:
        """Another version is in force."""
        self._current[version.name] = version
        self._known |= self._scene.bits.get(version.name, 0)
        self._seen[version.name] = len(self._waves)

    def drop(self, name: str) -> None:
        """The name has no version any more."""
        self.get(name)
        self._current.pop(name, None)
        bit = self._scene.bits.get(name, 0)
        self._known &= ~bit
        self._here &= ~bit

    def touch(self, name: str, *, always: bool, statement: ast.stmt | None) -> Version:
        """The current step makes a version of *name*, if it has not yet in this stretch of cells."""
        version, unit = self.get(name), self._unit
        if version is not None and version.step == unit.step and version.segment == self._segment:
            version.always |= always
            return version
        version = Version(name, unit.step, self._segment, version, always, unit.cell, statement=statement)
        self.put(version)
        self._here |= self._scene.bits.get(name, 0)
        self._keep(version)
        return version

    def touch_all(self, names: int, statement: ast.stmt | None) -> None:
        """The same of many, none of which is surely bound."""
        new = names & ~self._here
        if not new:
            return
        for name in self._scene.named(new & ~self._known):
            self.touch(name, always=False, statement=statement)
        self._here |= new
        self._waves.append(_Wave(new, self._unit.step, self._segment, self._unit.cell, statement))
        self._waves_of[self._unit.step] = len(self._waves)

    def star(self, name: str, stars: Sequence[Version]) -> None:
        """The name may be bound by star imports above."""
        version = self.get(name)
        for star in stars:
            if version is None or (version.step, version.segment) != (star.step, star.segment):
                version = Version(name, star.step, star.segment, version, False, star.cell, unbound=True, starred=True)
                self._keep(version)
        if version is not None:
            self.put(version)

    def made(self, step: str, name: str) -> Sequence[Version]:
        """The versions of *name* that *step* made, in order."""
        self._go_through(name, self._waves_of.get(step, 0))
        return self._made.get((step, name), ())

    def _keep(self, version: Version) -> None:
        self._made.setdefault((version.step, version.name), []).append(version)
