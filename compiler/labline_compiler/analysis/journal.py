"""Tables that branches of a program change: put back and joined at the cost of what changed, not of all they hold."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final, TypeAlias

from labline_runtime.dataclass import dataclass

Table: TypeAlias = dict[str, Any]


class _Absent:
    """Stands for no entry."""


ABSENT: Final = _Absent()


@dataclass(frozen=True, slots=True)
class Change:
    """What a stretch of the program made of one entry of a table."""

    table: Table
    key: str
    before: Any
    after: Any


Changes: TypeAlias = dict[tuple[int, str], Change]  # by the table's identity and the key


class Journal:
    """Notes what is written into tables while stretches are open; the innermost one notes for those around it."""

    def __init__(self) -> None:
        self._open: list[dict[tuple[int, str], tuple[Table, Any]]] = []  # what there was when the stretch began
        self.watched: Table | None = None
        self.watcher: Callable[[str, Any], None] = lambda key, value: None  # is told of what is written into *watched*

    def put(self, table: Table, key: str, value: Any) -> None:
        """Write an entry, or take it away."""
        if self._open:
            stretch, at = self._open[-1], (id(table), key)
            if at not in stretch:
                stretch[at] = table, table.get(key, ABSENT)
        self._write(table, key, value)

    def open(self) -> None:
        """A stretch begins."""
        self._open.append({})

    def close(self, tables: Iterable[Table]) -> Changes:
        """The innermost stretch ends. What it changed of *tables*; what it did to others counts for nobody around."""
        wanted = {id(table) for table in tables}
        stretch = self._open.pop()
        changes: Changes = {}
        for at, (table, before) in stretch.items():
            after = table.get(at[1], ABSENT)
            if at[0] in wanted and before is not after and before != after:
                changes[at] = Change(table, at[1], before, after)
        return changes

    def keep(self, changes: Changes) -> None:
        """What a stretch changed that has ended is a part of the one around it."""
        if self._open:
            for at, change in changes.items():
                self._open[-1].setdefault(at, (change.table, change.before))

    def undo(self, changes: Changes) -> None:
        """Put back what a stretch that has ended changed, right after it."""
        for change in changes.values():
            self._write(change.table, change.key, change.before)

    def _write(self, table: Table, key: str, value: Any) -> None:
        if value is ABSENT:
            table.pop(key, None)
        else:
            table[key] = value
        if table is self.watched:
            self.watcher(key, value)
