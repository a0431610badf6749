"""The SQLite file: how it is opened, and read and written in transactions."""

from __future__ import annotations

import collections
import contextlib
import fcntl
import os
import sqlite3
import threading
from collections.abc import Collection, Iterator, Mapping

from labline_backend.home import Home, HomeError
from labline_runtime.data_folder import ENVIRONMENT_VARIABLE

HEAD = "0006"
"""The newest revision in ``migrations/versions``; :mod:`schema` describes the tables as of it."""

BUSY_SECONDS = 30.0
IDLE = 4  # connections that are kept open
CACHE = 512  # KiB of the file that each may hold in memory; the system holds it, too


class Database:
    """One data folder's database. Transactions are short; writers queue up for at most ``BUSY_SECONDS``."""

    def __init__(self, home: Home) -> None:
        """Open, creating or migrating first where needed. Raises ``HomeError``."""
        self.home = home
        self._idle: collections.deque[sqlite3.Connection] = collections.deque()
        self._watch: sqlite3.Connection | None = None
        self._watch_lock = threading.Lock()
        try:
            with self._explained():
                self._prepare()
            self._opened = self._file()
        except BaseException:
            self.close()
            raise

    @contextlib.contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A consistent view of the database. Raises ``HomeError``."""
        with self._explained(), self._transaction("BEGIN") as connection:
            yield connection

    @contextlib.contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """A transaction that is committed when the block ends, or leaves no trace. Raises ``HomeError``."""
        if self._file() != self._opened:  # connections would write on in what nobody finds any more
            raise HomeError(
                f"The database {self.home.database} was removed, or another put in its place, while Labline used it: "
                "what happens is not written down. Put it back where it was moved away, and start Labline anew."
            )
        with self._explained(), self._transaction("BEGIN IMMEDIATE") as connection:  # writers take their turn at once
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
        while self._idle:
            self._idle.pop().close()

    def _file(self) -> tuple[int, int] | None:
        """Which file lies where the database is; None for none."""
        try:
            found = os.stat(self.home.database)  # noqa: PTH116 - asked before each commit
        except OSError:
            return None
        return found.st_dev, found.st_ino

    @contextlib.contextmanager
    def _transaction(self, begin: str) -> Iterator[sqlite3.Connection]:
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            connection.execute(begin)
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()  # which rolls back
            raise
        self._idle.append(connection)
        if len(self._idle) > IDLE:
            with contextlib.suppress(IndexError):
                self._idle.popleft().close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.home.database, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        try:
            connection.row_factory = sqlite3.Row
            settings = ("journal_mode = WAL", "synchronous = NORMAL", "foreign_keys = ON", f"cache_size = -{CACHE}")
            for pragma in settings:
                connection.execute(f"PRAGMA {pragma}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _prepare(self) -> None:
        if self.home.database.exists() and self._revision() == HEAD:
            return
        with (self.home.root / ".migrate").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            is_new = self._make()
            revision = self._revision()
            if revision == HEAD:
                return
            if revision is None and not is_new and any(self.home.runs.iterdir()):
                raise HomeError(
                    f"The database {self.home.database} is empty, though {self.home.runs} holds runs: put back a copy "
                    "of it, or remove it to begin anew without these runs."
                )
            from labline_backend.store import schema

            try:
                schema.create(self._connect) if revision is None else schema.migrate(self._connect)
            except schema.NewerDatabaseError as error:
                raise HomeError(
                    f"The data folder {self.home.root} was written by a newer Labline (revision {revision}): "
                    f"upgrade Labline, or set {ENVIRONMENT_VARIABLE} to another folder."
                ) from error

    def _make(self) -> bool:
        """Make the file where there is none; whether that was so. Raises ``HomeError``.

        It is the owner's alone, whatever the folder's mode: logs, values' previews and code are in it. SQLite gives its
        other files the same mode.
        """
        try:
            if self.home.database.exists():
                return False
            self.home.database.touch(0o600)
        except OSError as error:
            raise self.home.error(error) from error
        return True

    def _revision(self) -> str | None:
        """The revision that the database is at, or ``None`` for a new one."""
        with self.read() as connection:
            names = "SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'"
            if connection.execute(names).fetchone() is None:
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
            return str(row[0]) if row is not None else "base"

    @contextlib.contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            explained = self._explain(error)
            if explained is None:
                raise
            raise explained from error

    def _explain(self, error: sqlite3.Error) -> HomeError | None:
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


def insert(connection: sqlite3.Connection, table: str, row: Mapping[str, object], verb: str = "INSERT") -> None:
    """Add a *row* to *table*."""
    marks = ", ".join(f":{name}" for name in row)
    connection.execute(f"{verb} INTO {table} ({', '.join(row)}) VALUES ({marks})", row)


def update(
    connection: sqlite3.Connection, table: str, changes: Mapping[str, object], where: str, **known: object
) -> int:
    """Make *changes* in the rows *where* something holds that may name what is *known*; how many there are."""
    values = ", ".join(f"{name} = :{name}" for name in changes)
    query = f"UPDATE {table} SET {values} WHERE {where}"  # noqa: S608 - names of ours
    return connection.execute(query, {**changes, **known}).rowcount


def marks(values: Collection[object]) -> str:
    """Question marks for the *values* of a list in a query."""
    return f"({', '.join('?' * len(values))})"
