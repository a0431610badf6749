"""Recurring runs of this machine, as the database keeps them."""

from __future__ import annotations

import sqlite3
from typing import Any

from labline_backend.recurrence.timing import Timing
from labline_backend.store import database as db
from labline_backend.store.encoding import clean, dump, load
from labline_backend.store.records import ENDED_RUN, Schedule

COLUMNS = (
    *("id", "name", "notebook", "folder", "cron", "interval", "zone", "parameters", "cache", "catch_up", "at_most"),
    *("paused", "begun", "next", "problem"),  # all but the notebook's content
)


NEWEST = 1000  # runs of a recurring run that are looked at; a target tells of the newest hundred


class NameTakenError(Exception):
    """There is one of this name."""


class ScheduleStore:
    """The table of schedules. Every method raises ``HomeError`` where the database fails."""

    def __init__(self, database: db.Database) -> None:
        self._database = database

    def create(self, schedule: Schedule, content: dict[str, Any]) -> None:
        """Keep a new one, with its notebook. Raises ``NameTakenError``."""
        with self._database.write() as connection:
            if connection.execute("SELECT 1 FROM schedules WHERE name = ?", (schedule.name,)).fetchone():
                raise NameTakenError(schedule.name)
            db.insert(connection, "schedules", {**_row(schedule), "content": dump(content)})

    def all(self) -> list[Schedule]:
        """All there are, by name."""
        return self._select("TRUE ORDER BY name, id")

    def named(self, name: str) -> Schedule:
        """The one of this name or id. Raises ``KeyError``."""
        found = self._select("? IN (id, name) ORDER BY id = ? DESC LIMIT 1", name, name)
        if not found:
            raise KeyError(name)
        return found[0]

    def content(self, schedule: str) -> dict[str, Any]:
        """The notebook of the one with this id. Raises ``KeyError``."""
        with self._database.read() as connection:
            row = connection.execute("SELECT content FROM schedules WHERE id = ?", (schedule,)).fetchone()
        if row is None:
            raise KeyError(schedule)
        return load(dict[str, Any], row["content"])

    def due(self, now: float) -> list[Schedule]:
        """Those whose time has come, the earliest first."""
        return self._select("NOT paused AND next <= ? ORDER BY next, id", now)

    def soonest(self) -> float | None:
        """When the next one's time comes, or came."""
        with self._database.read() as connection:
            (moment,) = connection.execute("SELECT min(next) FROM schedules WHERE NOT paused").fetchone()
        return None if moment is None else float(moment)

    def advance(self, schedule: str, before: float, after: float) -> bool:
        """Have its next time be *after*, if it is *before* as yet; only one of several who try succeeds."""
        with self._database.write() as connection:
            where = "id = :of AND next = :before AND NOT paused"
            return db.update(connection, "schedules", {"next": after}, where, of=schedule, before=before) == 1

    def pause(self, schedule: str, *, paused: bool, next_: float, problem: str | None) -> None:
        """Have it pause, or go on, with its *next_* time. Raises ``KeyError``."""
        self._change(schedule, {"paused": paused, "next": next_, "problem": problem})

    def edit(self, before: Schedule, after: Schedule) -> None:
        """Have what differs between the two be as *after*. Raises ``KeyError`` and ``NameTakenError``."""
        old, new = _row(before), _row(after)
        changes = {name: value for name, value in new.items() if old[name] != value}
        taken = "SELECT 1 FROM schedules WHERE name = ? AND id != ?"
        with self._database.write() as connection:
            if connection.execute(taken, (after.name, after.id)).fetchone():
                raise NameTakenError(after.name)
            if not connection.execute("SELECT 1 FROM schedules WHERE id = ?", (after.id,)).fetchone():
                raise KeyError(after.id)
            if changes:
                db.update(connection, "schedules", changes, "id = :of", of=after.id)

    def tell(self, schedule: str, problem: str | None) -> None:
        """Note why its last run could not begin, or that it could. Raises ``KeyError``."""
        self._change(schedule, {"problem": None if problem is None else clean(problem)})

    def remove(self, schedule: str) -> None:
        """Forget it; runs that it has begun stay. Raises ``KeyError``."""
        with self._database.write() as connection:
            if connection.execute("DELETE FROM schedules WHERE id = ?", (schedule,)).rowcount == 0:
                raise KeyError(schedule)

    def owners(self, schedule: str) -> list[str | None]:
        """Who drives the runs of it that have not ended."""
        query = "SELECT owner FROM runs WHERE state NOT IN ({}) AND json_extract(control, '$.begun.id') = ?"
        ended = ", ".join(f"'{state}'" for state in sorted(ENDED_RUN))
        with self._database.read() as connection:
            return [row["owner"] for row in connection.execute(query.format(ended), (schedule,))]

    def begun_by(self, schedule: str) -> list[str]:
        """The newest runs that a recurring run, of this machine or another target, has begun."""
        query = "SELECT id FROM runs WHERE json_extract(control, '$.begun.id') = ? ORDER BY created DESC LIMIT ?"
        with self._database.read() as connection:
            return [row["id"] for row in connection.execute(query, (schedule, NEWEST))]

    def _select(self, where: str, *values: object) -> list[Schedule]:
        query = f"SELECT {', '.join(COLUMNS)} FROM schedules WHERE {where}"  # noqa: S608 - texts of ours
        with self._database.read() as connection:
            return [_schedule(row) for row in connection.execute(query, values)]

    def _change(self, schedule: str, changes: dict[str, object]) -> None:
        with self._database.write() as connection:
            if db.update(connection, "schedules", changes, "id = :of", of=schedule) == 0:
                raise KeyError(schedule)


def _row(schedule: Schedule) -> dict[str, object]:
    timing = schedule.timing
    row = {"cron": timing.cron, "interval": timing.interval, "zone": timing.zone}
    row |= {name: getattr(schedule, name) for name in COLUMNS if name not in row}
    row["parameters"] = dump(schedule.parameters)
    return {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}


def _schedule(row: sqlite3.Row) -> Schedule:
    found = {name: row[name] for name in COLUMNS}
    found["timing"] = Timing(found.pop("cron"), found.pop("interval"), found.pop("zone"))
    found["parameters"] = load(dict[str, str], found["parameters"])
    for name in ("cache", "catch_up", "paused"):
        found[name] = bool(found[name])
    return Schedule(**found)
