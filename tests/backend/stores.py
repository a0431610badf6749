"""MLflow stores made once for all workers of the tests: setting one up takes seconds of processor time, a copy none."""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import sqlite3
import warnings
from collections.abc import Callable, Iterable, Iterator

import pytest

from labline_backend.home import Home
from labline_backend.registry import ModelReference
from labline_backend.serving.checks import RECORD, Checks
from labline_backend.tracking.location import Location


@contextlib.contextmanager
def using(uri: str) -> Iterator[None]:
    """MLflow asks the store *uri* inside, and no other test's MLflow does: it keeps the choice in the environment."""
    import mlflow

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.set_tracking_uri(uri)
        try:
            yield
        finally:
            mlflow.set_tracking_uri(None)


def set_up(home: Home, fill: Callable[[str], None] | None = None) -> Home:
    """Give a data folder its store, as the recorder does; *fill* puts models into the store of the URI it is told."""
    from labline_backend.tracking.recorder import prepare_store

    location = Location.find(home, {})
    assert location.artifacts is not None
    with using(location.uri):
        prepare_store(location.uri, location.artifacts)
        if fill is not None:
            fill(location.uri)
    return home


def copy_into(
    home: Home, factory: pytest.TempPathFactory, fill: Callable[[str], None] | None = None, checked: Iterable[str] = ()
) -> Home:
    """The same by a copy of what :func:`set_up` has made, in whichever worker needed it first.

    What deploying finds out about the versions that *checked* names comes along.
    """
    shared = factory.getbasetemp().parent if "PYTEST_XDIST_WORKER" in os.environ else factory.getbasetemp()
    made = shared / ("store" if fill is None else f"store-{fill.__module__}")
    with made.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (made / "done").exists():
            shutil.rmtree(made, ignore_errors=True)
            model = set_up(Home.open(made), fill)
            references = [ModelReference.parse(name) for name in checked]
            Checks(model, Location.find(model, {})).resolved(references)  # in one process
            (made / "done").touch()
    _copy(Home.open(made), home)
    return home


def _copy(old: Home, new: Home) -> None:
    """Copy the store and what is known of its models: rows and records name absolute paths.

    A model's own files stay as they are, for there are digests of them; MLflow finds them by what the rows say.
    """
    for before, after in ((old.mlflow, new.mlflow), (old.checks, new.checks)):
        if before.exists():
            shutil.copytree(before, after, ignore=shutil.ignore_patterns("mlflow.*"), dirs_exist_ok=True)
    for path in new.checks.glob(f"*/*/{RECORD}"):
        path.write_text(path.read_text("utf-8").replace(str(old.root), str(new.root)), "utf-8")
    with (
        contextlib.closing(sqlite3.connect(old.mlflow / "mlflow.db")) as source,
        contextlib.closing(sqlite3.connect(new.mlflow / "mlflow.db")) as target,
    ):
        source.backup(target)  # a copy of the file would be without what lies in the log yet
        target.execute("PRAGMA journal_mode=WAL")
        places = (str(old.root), str(new.root), str(old.root))
        for (table,) in target.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            for _, column, kind, *_ in target.execute(f'PRAGMA table_info("{table}")').fetchall():
                if kind.startswith(("VARCHAR", "TEXT")):
                    changed = f'UPDATE "{table}" SET "{column}" = replace("{column}", ?, ?) WHERE instr("{column}", ?)'
                    target.execute(changed, places)
        target.commit()
