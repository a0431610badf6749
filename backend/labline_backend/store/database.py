"""The SQLite file: its tables, how it is opened, created and migrated."""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy.exc import DatabaseError

from labline_backend.home import Home, HomeError
from labline_runtime.data_folder import ENVIRONMENT_VARIABLE

HEAD = "0004"
"""The newest revision in ``migrations/versions``; :data:`metadata` describes the tables as of it."""

BUSY_SECONDS = 30.0

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

_ALEMBIC_VERSION = (
    "CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL, "
    "CONSTRAINT alembic_version_pkc PRIMARY KEY (version_num))"
)


class Database:
    """One data folder's database. Transactions are short; writers queue up for at most ``BUSY_SECONDS``."""

    def __init__(self, home: Home) -> None:
        """Open, creating or migrating first where needed. Raises ``HomeError``."""
        self.home = home
        self._engine = sa.create_engine(
            sa.URL.create("sqlite", database=str(home.database)),
            connect_args={"timeout": BUSY_SECONDS, "check_same_thread": False},
            pool_size=4,
            max_overflow=28,
        )
        sa.event.listen(self._engine, "connect", _configure)
        sa.event.listen(self._engine, "begin", _begin)
        self._watch: sqlite3.Connection | None = None
        self._watch_lock = threading.Lock()
        try:
            with self._explained():
                self._prepare()
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sa.Connection]:
        """A consistent view of the database. Raises ``HomeError``."""
        with self._explained(), self._engine.connect() as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sa.Connection]:
        """A transaction that is committed when the block ends, or leaves no trace. Raises ``HomeError``."""
        writing = self._engine.execution_options(labline_write=True)
        with self._explained(), writing.begin() as connection:
            yield connection

    def version(self) -> int:
        """A number that changes with every commit of any other connection, in this or any other process."""
        with self._explained(), self._watch_lock:
            if self._watch is None:
                # Never used to write: data_version does not count a connection's own commits.
                self._watch = sqlite3.connect(self.home.database, isolation_level=None, check_same_thread=False)
            (number,) = self._watch.execute("PRAGMA data_version").fetchone()
            return int(number)

    def close(self) -> None:
        """Close all connections."""
        with self._watch_lock:
            if self._watch is not None:
                self._watch.close()
                self._watch = None
        self._engine.dispose()

    def _prepare(self) -> None:
        # The owner's alone, whatever the folder's mode: logs, values' previews and code are in it. SQLite gives its
        # other files the same mode.
        try:
            if not self.home.database.exists():
                self.home.database.touch(0o600)
        except OSError as error:
            raise self.home.error(error) from error
        if self._revision() == HEAD:
            return
        with (self.home.root / ".migrate").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            revision = self._revision()
            if revision == HEAD:
                return
            if revision is None:
                # A new database needs no history, and importing alembic takes longer than all the rest.
                with self.write() as connection:
                    metadata.create_all(connection)
                    connection.execute(sa.text(_ALEMBIC_VERSION))
                    connection.execute(sa.text("INSERT INTO alembic_version VALUES (:head)"), {"head": HEAD})
                return
            self._migrate(revision)

    def _revision(self) -> str | None:
        """The revision that the database is at, or ``None`` for a new one."""
        with self.read() as connection:
            names = sa.text("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
            if connection.execute(names).first() is None:
                return None
            return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar() or "base"

    def _migrate(self, revision: str) -> None:
        from alembic.util import CommandError

        from labline_backend.store.migrations import upgrade

        try:
            with self.write() as connection:
                upgrade(connection)
        except CommandError as error:
            raise HomeError(
                f"The data folder {self.home.root} was written by a newer Labline (revision {revision}): "
                f"upgrade Labline, or set {ENVIRONMENT_VARIABLE} to another folder."
            ) from error

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except DatabaseError as error:
            explained = self._explain(error.orig)
            if explained is None:
                raise
            raise explained from error
        except sqlite3.Error as error:
            explained = self._explain(error)
            if explained is None:
                raise
            raise explained from error

    def _explain(self, error: BaseException | None) -> HomeError | None:
        """The sentence for what a user can cure; anything else is a fault of ours and stays what it is."""
        name: str = getattr(error, "sqlite_errorname", "")
        root = self.home.root
        cure = f"set {ENVIRONMENT_VARIABLE} to another folder"
        if name == "SQLITE_FULL":
            return HomeError(
                f"The disk that holds the data folder {root} is full: free some space, or {cure}.", full=True
            )
        if name.startswith("SQLITE_CANTOPEN") and _is_out_of_descriptors():
            return HomeError(
                f"The database {self.home.database} cannot be opened, too many files are open: raise the limit of this "
                "process (ulimit -n), or run less at a time."
            )
        if name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN", "SQLITE_PERM")):
            return HomeError(
                f"The database {self.home.database} cannot be written: allow this user to write it, or {cure}."
            )
        if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
            return HomeError(
                f"The database {self.home.database} is damaged: put back a copy of it, move it away, or {cure}."
            )
        if name.startswith("SQLITE_IOERR"):
            return HomeError(
                f"The disk that holds the data folder {root} fails to read or write, or is full: check it, or {cure}.",
                full=True,
            )
        if name.startswith("SQLITE_BUSY"):
            return HomeError(
                f"The database {self.home.database} was locked by another process for {BUSY_SECONDS:.0f} seconds: "
                "look for a stopped Labline, or try again."
            )
        return None


def _is_out_of_descriptors() -> bool:
    try:
        os.close(os.open(os.devnull, os.O_RDONLY))
    except OSError:
        return True
    return False


def _configure(connection: sqlite3.Connection, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by _begin, so that writers take their turn at once
    cursor = connection.cursor()
    for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _begin(connection: sa.Connection) -> None:
    write = connection.get_execution_options().get("labline_write", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if write else "BEGIN")
