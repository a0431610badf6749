"""Runs, their steps and the numbered events: every transition in one place, each one transaction."""

from __future__ import annotations

import builtins
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, TypedDict, Unpack

import sqlalchemy as sa

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
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline
from labline_runtime.specification import StepError, StepResult

Row = sa.RowMapping


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
            connection.execute(sa.insert(db.runs).values(row))
            if pending:
                connection.execute(sa.insert(db.steps), pending)
            for step in known:
                row = _step_row({name: getattr(step, name) for name in _STEP_COLUMNS})
                where = (db.steps.c.run == run.id, db.steps.c.name == step.name)
                connection.execute(sa.update(db.steps).where(*where).values(row))
            _tell(connection, run.id, "run", {})

    def get(self, run_id: str) -> RunRecord:
        """The run with this id. Raises ``KeyError``."""
        with self._database.read() as connection:
            row = connection.execute(sa.select(db.runs).where(db.runs.c.id == run_id)).mappings().first()
        if row is None:
            raise KeyError(run_id)
        return _run(row)

    def resolve(self, name: str) -> RunRecord:
        """The run called *name*: "latest", an id, or the unique beginning of one.

        Raises ``KeyError`` with a sentence as its argument.
        """
        query = sa.select(db.runs).order_by(db.runs.c.number.desc())
        with self._database.read() as connection:
            if name == "latest":
                rows = connection.execute(query.limit(1)).mappings().all()
                if not rows:
                    raise KeyError("There are no runs yet.")
                return _run(rows[0])
            row = connection.execute(query.where(db.runs.c.id == name)).mappings().first()
            if row is not None:
                return _run(row)
            matching = query.where(db.runs.c.id.startswith(name, autoescape=True)).limit(2)
            rows = connection.execute(matching).mappings().all() if name else []
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
        notebook = db.runs.c.notebook
        named = sa.or_(notebook == name, notebook.endswith(f"/{name}", autoescape=True))
        query = sa.select(db.runs).where(db.runs.c.folder == folder, named).order_by(db.runs.c.number.desc())
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query.limit(limit)).mappings()]

    def list(
        self, limit: int = 50, before: str | None = None, notebook: str | None = None, folder: str | None = None
    ) -> builtins.list[RunRecord]:
        """Runs, newest first: at most *limit*, before the run *before*, of the notebook *notebook*, in *folder*.

        Raises ``KeyError`` where there is no run *before*.
        """
        query = sa.select(db.runs).order_by(db.runs.c.number.desc()).limit(limit)
        with self._database.read() as connection:
            if before is not None:
                number = connection.execute(sa.select(db.runs.c.number).where(db.runs.c.id == before)).scalar()
                if number is None:
                    raise KeyError(before)
                query = query.where(db.runs.c.number < number)
            if notebook is not None:
                query = query.where(db.runs.c.notebook == notebook)
            if folder is not None:
                query = query.where(db.runs.c.folder == folder)
            return [_run(row) for row in connection.execute(query).mappings()]

    def facts(self) -> builtins.list[RunFacts]:
        """What is quickly told of all runs, the newest first."""
        names = ("id", "folder", "notebook", "state", "created", "kept", "mlflow_run_id")
        being_verified = _IS_BEING_VERIFIED.label("being_verified")
        query = sa.select(*(db.runs.c[name] for name in names), being_verified).order_by(db.runs.c.number.desc())
        tracked_steps = sa.select(db.steps.c.run, db.steps.c.mlflow_run_id).where(db.steps.c.mlflow_run_id.is_not(None))
        with self._database.read() as connection:
            tracked: dict[str, set[str]] = {}
            for run_id, mlflow_run in connection.execute(tracked_steps):
                tracked.setdefault(run_id, set()).add(mlflow_run)
            return [
                RunFacts(
                    *row[:6],
                    tracked=frozenset({*tracked.get(row.id, ()), *filter(None, [row.mlflow_run_id])}),
                    is_being_verified=row.being_verified,
                )
                for row in connection.execute(query)
            ]

    def steps(self, run_id: str) -> builtins.list[StepRecord]:
        """The steps of a run in the pipeline's order. Raises ``KeyError``."""
        found = self.steps_of([run_id])
        if not found[run_id]:
            self.get(run_id)
        return found[run_id]

    def steps_of(self, run_ids: builtins.list[str]) -> dict[str, builtins.list[StepRecord]]:
        """The steps of many runs, by run id, in one query."""
        found: dict[str, builtins.list[StepRecord]] = {run_id: [] for run_id in run_ids}
        query = sa.select(db.steps).where(db.steps.c.run.in_(run_ids)).order_by(db.steps.c.run, db.steps.c.position)
        with self._database.read() as connection:
            for row in connection.execute(query).mappings():
                found[row["run"]].append(_step(row))
        return found

    def step(self, run_id: str, name: str) -> StepRecord:
        """One step of a run. Raises ``KeyError``."""
        query = sa.select(db.steps).where(db.steps.c.run == run_id, db.steps.c.name == name)
        with self._database.read() as connection:
            row = connection.execute(query).mappings().first()
        if row is None:
            raise KeyError(f"{run_id}/{name}")
        return _step(row)

    def set_run(self, run_id: str, **changes: Unpack[RunChanges]) -> None:
        """Change a run and tell it as an event. Raises ``KeyError``."""
        with self._database.write() as connection:
            change = sa.update(db.runs).where(db.runs.c.id == run_id).values(_run_row(changes))
            if connection.execute(change).rowcount == 0:
                raise KeyError(run_id)
            _tell(connection, run_id, "run", {})

    def set_step(self, run_id: str, name: str, **changes: Unpack[StepChanges]) -> None:
        """Change a step of a run and tell it as an event. Raises ``KeyError``."""
        with self._database.write() as connection:
            where = (db.steps.c.run == run_id, db.steps.c.name == name)
            if connection.execute(sa.update(db.steps).where(*where).values(_step_row(changes))).rowcount == 0:
                raise KeyError(f"{run_id}/{name}")
            _tell(connection, run_id, "step", {"step": name})

    def add_cell_event(self, run_id: str, step: str, index: int, cell_id: str, state: str) -> None:
        """Tell that a cell has started or ended."""
        with self._database.write() as connection:
            _tell(connection, run_id, "cell", {"step": step, "index": index, "id": cell_id, "state": state})

    def request_cancel(self, run_id: str) -> None:
        """Ask the run's owner, in whatever process, to cancel it, or its verification. What has ended stays as it is.

        Raises ``KeyError``.
        """
        with self._database.write() as connection:
            going_on = sa.or_(db.runs.c.state.not_in(ENDED_RUN), _IS_BEING_VERIFIED)
            row = connection.execute(sa.select(going_on.label("going_on")).where(db.runs.c.id == run_id)).first()
            if row is None:
                raise KeyError(run_id)
            if row.going_on:
                connection.execute(sa.update(db.runs).where(db.runs.c.id == run_id).values(cancel_requested=True))
                _tell(connection, run_id, "run", {})

    def cancels_requested(self, run_ids: builtins.list[str]) -> set[str]:
        """Those of *run_ids* that somebody asked to cancel."""
        query = sa.select(db.runs.c.id).where(db.runs.c.id.in_(run_ids), db.runs.c.cancel_requested)
        with self._database.read() as connection:
            return set(connection.execute(query).scalars())

    def claim(self, run_id: str, owner: str | None, previous: str | None, state: RunState | None = None) -> bool:
        """Make *owner* (or nobody) drive the run, if *previous* still does. Only one of several claimants wins.

        With *state* the run changes to it in the same transaction, so that no other claimant can come in between.
        """
        where = (db.runs.c.id == run_id, db.runs.c.owner.is_not_distinct_from(previous))
        values = {"owner": owner} if state is None else {"owner": owner, "state": state}
        with self._database.write() as connection:
            won = connection.execute(sa.update(db.runs).where(*where).values(values)).rowcount == 1
            if won and state is not None:
                _tell(connection, run_id, "run", {})
            return won

    def patch(self, patch: Patch, run: RunRecord, previous: str | None) -> bool:
        """Let a run that has stopped go on as *run* says (its pipeline, parameters, findings, owner), queued.

        The steps in ``patch.again`` begin anew, and so do new ones; those that the pipeline has no more are gone. Only
        one of several claimants wins, and only while the run still has stopped and its owner is *previous*.
        """
        table = db.runs.c
        where = (table.id == run.id, table.owner.is_not_distinct_from(previous), table.state.in_(STOPPED_RUN))
        changes: dict[str, object] = {"state": "queued", "ended": None, "error": None, "cancel_requested": False}
        changes |= {name: getattr(run, name) for name in ("pipeline", "parameters", "findings", "owner")}
        with self._database.write() as connection:
            if connection.execute(sa.update(db.runs).where(*where).values(_run_row(changes))).rowcount != 1:
                return False
            of_run = db.steps.c.run == run.id
            known = set(connection.execute(sa.select(db.steps.c.name).where(of_run)).scalars())
            names = [step.name for step in run.pipeline.steps]
            connection.execute(sa.delete(db.steps).where(of_run, db.steps.c.name.not_in(names)))
            for position, name in enumerate(names):
                values: dict[str, object] = {"position": position}
                if name in patch.again:
                    values |= dict.fromkeys(_RESET) | {"state": "pending", "attempt": 0}
                if name in known:
                    connection.execute(sa.update(db.steps).where(of_run, db.steps.c.name == name).values(values))
                else:
                    connection.execute(sa.insert(db.steps).values(run=run.id, name=name, **values))
            number = connection.execute(
                sa.select(sa.func.count()).select_from(db.patches).where(db.patches.c.run == run.id)
            ).scalar_one()
            connection.execute(sa.insert(db.patches).values(run=run.id, number=number + 1, patch=dump(patch)))
            _tell(connection, run.id, "run", {})
            for name in names:
                if name in patch.again:
                    _tell(connection, run.id, "step", {"step": name})
            return True

    def patches(self, run_id: str) -> builtins.list[Patch]:
        """The changes with which a run went on, oldest first."""
        query = sa.select(db.patches.c.patch).where(db.patches.c.run == run_id).order_by(db.patches.c.number)
        with self._database.read() as connection:
            return [load(Patch, text) for text in connection.execute(query).scalars()]

    def unfinished(self) -> builtins.list[RunRecord]:
        """Runs that have not ended, oldest first."""
        query = sa.select(db.runs).where(db.runs.c.state.not_in(ENDED_RUN)).order_by(db.runs.c.number)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def is_understood(self, run_id: str) -> bool:
        """Whether this version knows all there is to the run: else it can be looked at, and not gone on with."""
        query = sa.select(db.runs.c.pipeline).where(db.runs.c.id == run_id)
        with self._database.read() as connection:
            return is_whole(Pipeline, connection.execute(query).scalar_one())

    def being_verified(self) -> builtins.list[RunRecord]:
        """Runs whose verification has not ended, oldest first."""
        query = sa.select(db.runs).where(_IS_BEING_VERIFIED).order_by(db.runs.c.number)
        with self._database.read() as connection:
            return [_run(row) for row in connection.execute(query).mappings()]

    def events(self, after: int = 0, limit: int = 1000) -> builtins.list[EventRecord]:
        """Events with a number above *after*, in order."""
        query = sa.select(db.events).where(db.events.c.seq > after).order_by(db.events.c.seq).limit(limit)
        with self._database.read() as connection:
            return [
                EventRecord(row["seq"], row["time"], row["run"], row["kind"], load(dict[str, Any], row["data"]))
                for row in connection.execute(query).mappings()
            ]

    def latest_event(self) -> int:
        """The number of the newest event, 0 where there is none."""
        with self._database.read() as connection:
            return connection.execute(sa.select(sa.func.max(db.events.c.seq))).scalar() or 0

    def version(self) -> int:
        """A number that changes whenever anybody, in any process, wrote to the database. Costs microseconds."""
        return self._database.version()


_IS_BEING_VERIFIED = sa.func.json_extract(db.runs.c.verification, "$.state").is_not_distinct_from("running")

_RESET = ("started", "ended", "cache_key", "cache_note", "cached_from", "result", "error", "mlflow_run_id")

_RUN_COLUMNS = [column.name for column in db.runs.columns if column.name != "number"]
_STEP_COLUMNS = [column.name for column in db.steps.columns if column.name not in ("run", "name", "position")]


def _tell(connection: sa.Connection, run_id: str, kind: EventKind, data: dict[str, Any]) -> None:
    connection.execute(sa.insert(db.events).values(time=time.time(), run=run_id, kind=kind, data=dump(data)))


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
    fields = {name: row[name] for name in _RUN_COLUMNS}
    fields["pipeline"] = load_pipeline(row["pipeline"])
    fields["parameters"] = load(dict[str, str], row["parameters"])
    fields["findings"] = load(tuple[Finding, ...], row["findings"])
    fields["verification"] = None if row["verification"] is None else load(Verification, row["verification"])
    fields["control"] = Control() if row["control"] is None else load(Control, row["control"])
    return RunRecord(**fields)


def _step(row: Row) -> StepRecord:
    fields = {name: value for name, value in row.items() if name != "position"}
    fields["result"] = None if row["result"] is None else load(StepResult, row["result"])
    fields["error"] = None if row["error"] is None else load(StepError, row["error"])
    return StepRecord(**fields)
