"""Runs, their steps and the numbered events: every transition in one place, each one transaction."""

from __future__ import annotations

import builtins
import sqlite3
import time
from collections.abc import Iterable, Mapping
from dataclasses import fields
from typing import Any, TypedDict, Unpack

from labline_backend.home import Home
from labline_backend.store import database as db
from labline_backend.store.cache import StepCache
from labline_backend.store.encoding import clean, dump, is_whole, load, load_pipeline
from labline_backend.store.records import (
    ENDED_RUN,
    STOPPED_RUN,
    Control,
    EventKind,
    EventRecord,
    Patch,
    RunRecord,
    RunState,
    StepRecord,
    StepState,
    Verification,
)
from labline_backend.store.schedules import ScheduleStore
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import StepError, StepResult

Row = sqlite3.Row


class RunChanges(TypedDict, total=False):
    """What may change in a run after it was created."""

    state: RunState
    started: float | None
    ended: float | None
    error: str | None
    findings: tuple[Finding, ...]
    owner: str | None
    experiment_id: str | None
    mlflow_run_id: str | None
    verification: Verification | None
    kept: bool


class StepChanges(TypedDict, total=False):
    """What may change in a step run."""

    state: StepState
    attempt: int
    started: float | None
    ended: float | None
    cache_key: str | None
    cache_note: str | None
    cached_from: str | None
    result: StepResult | None
    error: StepError | None
    mlflow_run_id: str | None


@dataclass(frozen=True)
class RunFacts:
    """A run without its pipeline. ``tracked`` are the MLflow runs of it and of its steps."""

    id: str
    folder: str
    notebook: str
    state: RunState
    created: float
    kept: bool
    tracked: frozenset[str]
    is_being_verified: bool


class RunStore:
    """The runs of one data folder. Thread-safe; any number of processes may open one each.

    Every method raises ``HomeError`` where the database fails: a full disk, a damaged file.
    """

    def __init__(self, home: Home) -> None:
        """Open the database, creating or migrating it first. Raises ``HomeError``."""
        self.home = home
        self._database = db.Database(home)
        self.cache = StepCache(self._database)
        self.schedules = ScheduleStore(self._database)

    def close(self) -> None:
        """Give the connections back."""
        self._database.close()

    def create(self, run: RunRecord, known: Iterable[StepRecord] = ()) -> None:
        """Keep a new run, with all its steps pending but those that are *known* from the start."""
        row = _run_row({name: getattr(run, name) for name in _RUN_COLUMNS})
        pending = [
            {"run": run.id, "name": step.name, "position": position, "state": "pending", "attempt": 0}
            for position, step in enumerate(run.pipeline.steps)
        ]
        with self._database.write() as connection:
            db.insert(connection, "runs", row)
            for each in pending:
                db.insert(connection, "steps", each)
            for step in known:
                row = _step_row({name: getattr(step, name) for name in _STEP_COLUMNS})
                db.update(connection, "steps", row, _STEP, of=run.id, called=step.name)
            _tell(connection, run.id, "run", {})

    def get(self, run_id: str) -> RunRecord:
        """The run with this id. Raises ``KeyError``."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM runs WHERE id = ?", (run_id,)).fetchone()
        if row is None:
            raise KeyError(run_id)
        return _run(row)

    def resolve(self, name: str) -> RunRecord:
        """The run called *name*: "latest", an id, or the unique beginning of one.

        Raises ``KeyError`` with a sentence as its argument.
        """
        with self._database.read() as connection:
            if name == "latest":
                row = connection.execute("SELECT * FROM runs ORDER BY number DESC LIMIT 1").fetchone()
                if row is None:
                    raise KeyError("There are no runs yet.")
                return _run(row)
            row = connection.execute("SELECT * FROM runs WHERE id = ?", (name,)).fetchone()
            if row is not None:
                return _run(row)
            matching = "SELECT * FROM runs WHERE substr(id, 1, length(:name)) = :name ORDER BY number DESC LIMIT 2"
            rows = connection.execute(matching, {"name": name}).fetchall() if name else []
        if not rows:
            raise KeyError(f"There is no run {name!r}.")
        if len(rows) > 1:
            raise KeyError(f"More than one run begins with {name!r}: {rows[0]['id']}, {rows[1]['id']}.")
        return _run(rows[0])

    def newest(self, folder: str, name: str) -> RunRecord | None:
        """The newest run of the notebook whose file is called *name*, in *folder*, however people wrote its path."""
        return next(iter(self.of_notebook(folder, name, 1)), None)

    def of_notebook(self, folder: str, name: str, limit: int) -> builtins.list[RunRecord]:
        """The newest runs of the notebook whose file is called *name*, in *folder*, however people wrote its path."""
        query = (
            "SELECT * FROM runs WHERE folder = :folder "
            "AND (notebook = :name OR substr(notebook, -length(:end)) = :end) ORDER BY number DESC LIMIT :limit"
        )
        values = {"folder": folder, "name": name, "end": f"/{name}", "limit": limit}
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query, values)]

    def list(
        self, limit: int = 50, before: str | None = None, notebook: str | None = None, folder: str | None = None
    ) -> builtins.list[RunRecord]:
        """Runs, newest first: at most *limit*, before the run *before*, of the notebook *notebook*, in *folder*.

        Raises ``KeyError`` where there is no run *before*.
        """
        asked = {"number < :number": before, "notebook = :notebook": notebook, "folder = :folder": folder}
        wanted = " AND ".join(["TRUE", *(each for each, value in asked.items() if value is not None)])
        query = f"SELECT * FROM runs WHERE {wanted} ORDER BY number DESC LIMIT :limit"  # noqa: S608 - texts of ours
        with self._database.read() as connection:
            number = None
            if before is not None:
                row = connection.execute("SELECT number FROM runs WHERE id = ?", (before,)).fetchone()
                if row is None:
                    raise KeyError(before)
                number = row["number"]
            values = {"number": number, "notebook": notebook, "folder": folder, "limit": limit}
            return [_run(row) for row in connection.execute(query, values)]

    def facts(self) -> builtins.list[RunFacts]:
        """What is quickly told of all runs, the newest first."""
        names = "id, folder, notebook, state, created, kept, mlflow_run_id"
        query = f"SELECT {names}, {_IS_BEING_VERIFIED} AS being_verified FROM runs ORDER BY number DESC"  # noqa: S608
        tracked_steps = "SELECT run, mlflow_run_id FROM steps WHERE mlflow_run_id IS NOT NULL"
        with self._database.read() as connection:
            tracked: dict[str, set[str]] = {}
            for run_id, mlflow_run in connection.execute(tracked_steps):
                tracked.setdefault(run_id, set()).add(mlflow_run)
            return [
                RunFacts(
                    id=row["id"],
                    folder=row["folder"],
                    notebook=row["notebook"],
                    state=row["state"],
                    created=row["created"],
                    kept=bool(row["kept"]),
                    tracked=frozenset({*tracked.get(row["id"], ()), *filter(None, [row["mlflow_run_id"]])}),
                    is_being_verified=bool(row["being_verified"]),
                )
                for row in connection.execute(query)
            ]

    def steps(self, run_id: str) -> builtins.list[StepRecord]:
        """The steps of a run in the pipeline's order. Raises ``KeyError``."""
        found = self.steps_of([run_id])
        if not found[run_id]:
            self.get(run_id)
        return found[run_id]

    def progress(self, run_id: str) -> builtins.list[StepRecord]:
        """The steps of a run in the pipeline's order, without their results: quickly read where there are thousands."""
        names = ", ".join(name for name in ("run", "name", *_STEP_COLUMNS) if name != "result")
        query = f"SELECT {names}, NULL AS result FROM steps WHERE run = ? ORDER BY position"  # noqa: S608 - names of ours
        with self._database.read() as connection:
            return [_step(row) for row in connection.execute(query, (run_id,))]

    def steps_of(self, run_ids: builtins.list[str]) -> dict[str, builtins.list[StepRecord]]:
        """The steps of many runs, by run id, in one query."""
        found: dict[str, builtins.list[StepRecord]] = {run_id: [] for run_id in run_ids}
        query = f"SELECT * FROM steps WHERE run IN {db.marks(run_ids)} ORDER BY run, position"  # noqa: S608 - marks
        with self._database.read() as connection:
            for row in connection.execute(query, run_ids):
                found[row["run"]].append(_step(row))
        return found

    def step(self, run_id: str, name: str) -> StepRecord:
        """One step of a run. Raises ``KeyError``."""
        with self._database.read() as connection:
            row = connection.execute("SELECT * FROM steps WHERE run = ? AND name = ?", (run_id, name)).fetchone()
        if row is None:
            raise KeyError(f"{run_id}/{name}")
        return _step(row)

    def set_run(self, run_id: str, **changes: Unpack[RunChanges]) -> None:
        """Change a run and tell it as an event. Raises ``KeyError``."""
        with self._database.write() as connection:
            if db.update(connection, "runs", _run_row(changes), "id = :of", of=run_id) == 0:
                raise KeyError(run_id)
            _tell(connection, run_id, "run", {})

    def set_step(self, run_id: str, name: str, **changes: Unpack[StepChanges]) -> None:
        """Change a step of a run and tell it as an event. Raises ``KeyError``."""
        with self._database.write() as connection:
            if db.update(connection, "steps", _step_row(changes), _STEP, of=run_id, called=name) == 0:
                raise KeyError(f"{run_id}/{name}")
            _tell(connection, run_id, "step", {"step": name})

    def add_cell_event(
        self, run_id: str, step: str, index: int, cell_id: str, state: str, items: tuple[int, int] | None = None
    ) -> None:
        """Tell that a cell has started or ended; of a cell with a loop also how many of its *items* have, of all."""
        data: dict[str, Any] = {"step": step, "index": index, "id": cell_id, "state": state}
        if items is not None:
            data["items"] = {"done": items[0], "total": items[1]}
        with self._database.write() as connection:
            _tell(connection, run_id, "cell", data)

    def request_cancel(self, run_id: str) -> None:
        """Ask the run's owner, in whatever process, to cancel it, or its verification. What has ended stays as it is.

        Raises ``KeyError``.
        """
        with self._database.write() as connection:
            going_on = f"SELECT {_IS_GOING_ON} OR {_IS_BEING_VERIFIED} AS going_on FROM runs WHERE id = ?"  # noqa: S608
            row = connection.execute(going_on, (run_id,)).fetchone()
            if row is None:
                raise KeyError(run_id)
            if row["going_on"]:
                db.update(connection, "runs", {"cancel_requested": True}, "id = :of", of=run_id)
                _tell(connection, run_id, "run", {})

    def cancels_requested(self, run_ids: builtins.list[str]) -> set[str]:
        """Those of *run_ids* that somebody asked to cancel."""
        query = f"SELECT id FROM runs WHERE id IN {db.marks(run_ids)} AND cancel_requested"  # noqa: S608 - marks
        with self._database.read() as connection:
            return {row["id"] for row in connection.execute(query, run_ids)}

    def claim(self, run_id: str, owner: str | None, previous: str | None, state: RunState | None = None) -> bool:
        """Make *owner* (or nobody) drive the run, if *previous* still does. Only one of several claimants wins.

        With *state* the run changes to it in the same transaction, so that no other claimant can come in between.
        """
        values = {"owner": owner} if state is None else {"owner": owner, "state": state}
        with self._database.write() as connection:
            where = "id = :of AND owner IS :previous"
            won = db.update(connection, "runs", values, where, of=run_id, previous=previous) == 1
            if won and state is not None:
                _tell(connection, run_id, "run", {})
            return won

    def patch(self, patch: Patch, run: RunRecord, previous: str | None) -> bool:
        """Let a run that has stopped go on as *run* says (its pipeline, parameters, findings, owner), queued.

        The steps in ``patch.again`` begin anew, and so do new ones; those that the pipeline has no more are gone. Only
        one of several claimants wins, and only while the run still has stopped and its owner is *previous*.
        """
        changes: dict[str, object] = {"state": "queued", "ended": None, "error": None, "cancel_requested": False}
        changes |= {name: getattr(run, name) for name in ("pipeline", "parameters", "findings", "owner")}
        where = f"id = :of AND owner IS :previous AND state IN {_texts(STOPPED_RUN)}"
        with self._database.write() as connection:
            if db.update(connection, "runs", _run_row(changes), where, of=run.id, previous=previous) != 1:
                return False
            known = {row["name"] for row in connection.execute("SELECT name FROM steps WHERE run = ?", (run.id,))}
            names = [step.name for step in run.pipeline.steps]
            for name in known - set(names):
                connection.execute("DELETE FROM steps WHERE run = ? AND name = ?", (run.id, name))
            for position, name in enumerate(names):
                values: dict[str, object] = {"position": position}
                if name in patch.again:
                    values |= dict.fromkeys(_RESET) | {"state": "pending", "attempt": 0}
                if name in known:
                    db.update(connection, "steps", values, _STEP, of=run.id, called=name)
                else:
                    db.insert(connection, "steps", {"run": run.id, "name": name, **values})
            (number,) = connection.execute("SELECT count(*) FROM patches WHERE run = ?", (run.id,)).fetchone()
            db.insert(connection, "patches", {"run": run.id, "number": number + 1, "patch": dump(patch)})
            _tell(connection, run.id, "run", {})
            for name in names:
                if name in patch.again:
                    _tell(connection, run.id, "step", {"step": name})
            return True

    def patches(self, run_id: str) -> builtins.list[Patch]:
        """The changes with which a run went on, oldest first."""
        query = "SELECT patch FROM patches WHERE run = ? ORDER BY number"
        with self._database.read() as connection:
            return [load(Patch, row["patch"]) for row in connection.execute(query, (run_id,))]

    def unfinished(self) -> builtins.list[RunRecord]:
        """Runs that have not ended, oldest first."""
        with self._database.read() as connection:
            query = f"SELECT * FROM runs WHERE {_IS_GOING_ON} ORDER BY number"  # noqa: S608 - texts of ours
            return [_run(row) for row in connection.execute(query)]

    def is_understood(self, run_id: str) -> bool:
        """Whether this version knows all there is to the run: else it can be looked at, and not gone on with."""
        with self._database.read() as connection:
            (text,) = connection.execute("SELECT pipeline FROM runs WHERE id = ?", (run_id,)).fetchone()
        return is_whole(Pipeline, text)

    def being_verified(self) -> builtins.list[RunRecord]:
        """Runs whose verification has not ended, oldest first."""
        with self._database.read() as connection:
            query = f"SELECT * FROM runs WHERE {_IS_BEING_VERIFIED} ORDER BY number"  # noqa: S608 - texts of ours
            return [_run(row) for row in connection.execute(query)]

    def events(self, after: int = 0, limit: int = 1000) -> builtins.list[EventRecord]:
        """Events with a number above *after*, in order."""
        query = "SELECT * FROM events WHERE seq > ? ORDER BY seq LIMIT ?"
        with self._database.read() as connection:
            return [
                EventRecord(row["seq"], row["time"], row["run"], row["kind"], load(dict[str, Any], row["data"]))
                for row in connection.execute(query, (after, limit))
            ]

    def latest_event(self) -> int:
        """The number of the newest event, 0 where there is none."""
        with self._database.read() as connection:
            (number,) = connection.execute("SELECT max(seq) FROM events").fetchone()
        return number or 0

    def version(self) -> int:
        """A number that changes whenever anybody, in any process, wrote to the database. Costs microseconds."""
        return self._database.version()


def _texts(names: Iterable[str]) -> str:
    """Words of ours as a list in a query."""
    return "(" + ", ".join(f"'{name}'" for name in sorted(names)) + ")"


_STEP = "run = :of AND name = :called"
_IS_GOING_ON = f"state NOT IN {_texts(ENDED_RUN)}"
_IS_BEING_VERIFIED = "json_extract(verification, '$.state') IS 'running'"

_RESET = ("started", "ended", "cache_key", "cache_note", "cached_from", "result", "error", "mlflow_run_id")

_RUN_COLUMNS = [each.name for each in fields(RunRecord)]
_STEP_COLUMNS = [each.name for each in fields(StepRecord) if each.name not in ("run", "name")]


def _tell(connection: sqlite3.Connection, run_id: str, kind: EventKind, data: dict[str, Any]) -> None:
    db.insert(connection, "events", {"time": time.time(), "run": run_id, "kind": kind, "data": dump(data)})


def _run_row(changes: Mapping[str, object]) -> dict[str, object]:
    row = dict(changes)
    for name in {"pipeline", "parameters", "findings", "verification", "control"} & set(row):
        row[name] = None if row[name] is None else dump(row[name])
    return {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}


def _step_row(changes: Mapping[str, object]) -> dict[str, object]:
    row = dict(changes)
    for name in {"result", "error"} & set(row):
        row[name] = None if row[name] is None else dump(row[name])
    return {name: clean(value) if isinstance(value, str) else value for name, value in row.items()}


def _run(row: Row) -> RunRecord:
    found = {name: row[name] for name in _RUN_COLUMNS}
    for name in ("cache", "cancel_requested", "kept"):
        found[name] = bool(found[name])
    found["pipeline"] = load_pipeline(row["pipeline"])
    found["parameters"] = load(dict[str, str], row["parameters"])
    found["findings"] = load(tuple[Finding, ...], row["findings"])
    found["verification"] = None if row["verification"] is None else load(Verification, row["verification"])
    found["control"] = Control() if row["control"] is None else load(Control, row["control"])
    return RunRecord(**found)


def _step(row: Row) -> StepRecord:
    found = {name: row[name] for name in ("run", "name", *_STEP_COLUMNS)}
    found["result"] = None if row["result"] is None else load(StepResult, row["result"])
    found["error"] = None if row["error"] is None else load(StepError, row["error"])
    return StepRecord(**found)
