"""Which results can be used again: one entry a cache key."""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass

import sqlalchemy as sa

from labline_backend.store import database as db
from labline_backend.store.encoding import dump, load
from labline_runtime.specification import StepResult


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
        return self._first(sa.select(db.cache).where(db.cache.c.key == key))

    def newest(self, pipeline: str, step: str) -> CacheEntry | None:
        """The last result remembered for a step of this name, to tell what has changed since."""
        table = db.cache.c
        return self._first(
            sa.select(db.cache)
            .where(table.pipeline == pipeline, table.step == step)
            .order_by(sa.literal_column("rowid").desc())  # clocks may be set back
            .limit(1)
        )

    def remember(self, key: str, pipeline: str, entry: CacheEntry) -> None:
        """Keep a result under *key*, in the place of an earlier one."""
        row = {
            "key": key,
            "pipeline": pipeline,
            "step": entry.step,
            "run": entry.run,
            "created": time.time(),
            "ingredients": dump(entry.ingredients),
            "result": dump(entry.result),
        }
        with self._database.write() as connection:
            connection.execute(sa.insert(db.cache).prefix_with("OR REPLACE").values(row))

    def entries(self) -> list[tuple[CacheEntry, str, float]]:
        """All results, the newest first, each with its pipeline's name and when it was remembered."""
        with self._database.read() as connection:
            rows = connection.execute(sa.select(db.cache).order_by(db.cache.c.created.desc())).mappings().all()
        return [(_entry(row), row["pipeline"], row["created"]) for row in rows]

    def forget(self, digests: Set[str]) -> None:
        """Give up the results that have one of these artifacts."""
        keys = sa.select(db.cache.c.key, db.cache.c.result)
        with self._database.write() as connection:
            for row in connection.execute(keys).all():
                artifacts = load(StepResult, row.result).artifacts
                if any(artifact.digest in digests for artifact in artifacts):
                    connection.execute(sa.delete(db.cache).where(db.cache.c.key == row.key))

    def _first(self, query: sa.Select[tuple[object, ...]]) -> CacheEntry | None:
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        return None if row is None else _entry(row)


def _entry(row: sa.RowMapping) -> CacheEntry:
    return CacheEntry(
        row["run"], row["step"], load(dict[str, str], row["ingredients"]), load(StepResult, row["result"])
    )
