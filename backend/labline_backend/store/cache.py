"""Which results can be used again: one entry a cache key."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Set

from labline_backend.store import database as db
from labline_backend.store.encoding import dump, load
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import StepResult


@dataclass(frozen=True)
class CacheEntry:
    """A finished step. ``ingredients`` is what its key was made of: what it stands for -> digest or text."""

    run: str
    step: str
    ingredients: dict[str, str]
    result: StepResult


class StepCache:
    """The cache table of one data folder. Part of :class:`~labline_backend.store.runs.RunStore`."""

    def __init__(self, database: db.Database) -> None:
        self._database = database

    def lookup(self, key: str) -> CacheEntry | None:
        """The result that was remembered under *key*."""
        return self._first("SELECT * FROM cache WHERE key = ?", key)

    def newest(self, pipeline: str, step: str) -> CacheEntry | None:
        """The last result remembered for a step of this name, to tell what has changed since."""
        # Not by time: clocks may be set back.
        query = "SELECT * FROM cache WHERE pipeline = ? AND step = ? ORDER BY rowid DESC LIMIT 1"
        return self._first(query, pipeline, step)

    def remember(self, pipeline: str, entries: Mapping[str, CacheEntry]) -> None:
        """Keep results under their keys, in the place of earlier ones: all of them or none."""
        rows = [
            {
                "key": key,
                "pipeline": pipeline,
                "step": entry.step,
                "run": entry.run,
                "created": time.time(),
                "ingredients": dump(entry.ingredients),
                "result": dump(entry.result),
            }
            for key, entry in entries.items()
        ]
        if not rows:
            return
        with self._database.write() as connection:
            for row in rows:
                db.insert(connection, "cache", row, "INSERT OR REPLACE")

    def entries(self) -> list[tuple[CacheEntry, str, float]]:
        """All results, the newest first, each with its pipeline's name and when it was remembered."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT * FROM cache ORDER BY created DESC").fetchall()
        return [(_entry(row), row["pipeline"], row["created"]) for row in rows]

    def forget(self, digests: Set[str]) -> None:
        """Give up the results that have one of these artifacts."""
        with self._database.write() as connection:
            for key, result in connection.execute("SELECT key, result FROM cache").fetchall():
                if any(artifact.digest in digests for artifact in load(StepResult, result).artifacts):
                    connection.execute("DELETE FROM cache WHERE key = ?", (key,))

    def _first(self, query: str, *values: str) -> CacheEntry | None:
        with self._database.read() as connection:
            row = connection.execute(query, values).fetchone()
        return None if row is None else _entry(row)


def _entry(row: sqlite3.Row) -> CacheEntry:
    return CacheEntry(
        row["run"], row["step"], load(dict[str, str], row["ingredients"]), load(StepResult, row["result"])
    )
