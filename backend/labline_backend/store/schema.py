"""The tables, and how a database gets them: created here, or migrated by alembic.

Only where there is something to create or to migrate is this imported: SQLAlchemy takes longer to import than all the
rest. What is read and written every day is plain SQL, in the modules beside this one.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Callable, Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from labline_backend.store.database import HEAD

metadata = sa.MetaData()

runs = sa.Table(
    "runs",
    metadata,
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("notebook", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("target", sa.Text, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("cache", sa.Boolean, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("findings", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("cancel_requested", sa.Boolean, nullable=False),
    sa.Column("experiment_id", sa.Text),
    sa.Column("mlflow_run_id", sa.Text),
    sa.Column("verification", sa.Text),
    sa.Column("control", sa.Text),
    sa.Column("kept", sa.Boolean, nullable=False, server_default="0"),
    sa.Index("runs_by_notebook", "notebook"),
    sa.Index("runs_by_state", "state"),
    sqlite_autoincrement=True,
)

steps = sa.Table(
    "steps",
    metadata,
    sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempt", sa.Integer, nullable=False),
    sa.Column("started", sa.Float),
    sa.Column("ended", sa.Float),
    sa.Column("cache_key", sa.Text),
    sa.Column("cache_note", sa.Text),
    sa.Column("cached_from", sa.Text),
    sa.Column("result", sa.Text),
    sa.Column("error", sa.Text),
    sa.Column("mlflow_run_id", sa.Text),
)

events = sa.Table(
    "events",
    metadata,
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("time", sa.Float, nullable=False),
    sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("data", sa.Text, nullable=False),
    sqlite_autoincrement=True,
)

patches = sa.Table(
    "patches",
    metadata,
    sa.Column("run", sa.Text, sa.ForeignKey("runs.id", ondelete="CASCADE"), primary_key=True),
    sa.Column("number", sa.Integer, primary_key=True),
    sa.Column("patch", sa.Text, nullable=False),
)

cache = sa.Table(
    "cache",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("pipeline", sa.Text, nullable=False),
    sa.Column("step", sa.Text, nullable=False),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("ingredients", sa.Text, nullable=False),
    sa.Column("result", sa.Text, nullable=False),
    sa.Index("cache_by_step", "pipeline", "step", "created"),
)

schedules = sa.Table(
    "schedules",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("notebook", sa.Text, nullable=False),
    sa.Column("folder", sa.Text, nullable=False),
    sa.Column("content", sa.Text, nullable=False),
    sa.Column("cron", sa.Text),
    sa.Column("interval", sa.Integer),
    sa.Column("zone", sa.Text),
    sa.Column("parameters", sa.Text, nullable=False),
    sa.Column("cache", sa.Boolean, nullable=False),
    sa.Column("catch_up", sa.Boolean, nullable=False),
    sa.Column("at_most", sa.Integer, nullable=False),
    sa.Column("paused", sa.Boolean, nullable=False),
    sa.Column("begun", sa.Float, nullable=False),
    sa.Column("next", sa.Float, nullable=False),
    sa.Column("problem", sa.Text),
)

endpoints = sa.Table(
    "endpoints",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("created", sa.Float, nullable=False),
    sa.Column("wanted", sa.Text, nullable=False),
    sa.Column("generation", sa.Integer, nullable=False),
    sa.Column("port", sa.Integer, nullable=False),
    sa.Column("spec", sa.Text, nullable=False),
    sa.Column("served", sa.Text),
    sa.Column("status", sa.Text, nullable=False),
)

_ALEMBIC_VERSION = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


class NewerDatabaseError(Exception):
    """A newer version has written the database."""


def create(connect: Callable[[], sqlite3.Connection]) -> None:
    """Make the tables, as of ``HEAD``: a new database needs no history. Raises ``sqlite3.Error``."""
    with _transaction(connect) as connection:
        metadata.create_all(connection)
        connection.execute(sa.text(_ALEMBIC_VERSION))
        connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})


def migrate(connect: Callable[[], sqlite3.Connection]) -> None:
    """Bring an older database to ``HEAD``. Raises :class:`NewerDatabaseError` and ``sqlite3.Error``."""
    from alembic.util import CommandError

    from labline_backend.store.migrations import upgrade

    try:
        with _transaction(connect) as connection:
            upgrade(connection)
    except CommandError as error:
        raise NewerDatabaseError from error


@contextlib.contextmanager
def _transaction(connect: Callable[[], sqlite3.Connection]) -> Iterator[sa.Connection]:
    engine = sa.create_engine("sqlite://", creator=connect, poolclass=sa.NullPool)
    sa.event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            yield connection
    except DatabaseError as error:
        if isinstance(error.orig, sqlite3.Error):
            raise error.orig from error
        raise
    finally:
        engine.dispose()
