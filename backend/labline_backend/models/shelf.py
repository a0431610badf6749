"""Models in MLflow's registry: read, and put to use. Imports MLflow.

The registry is the only record. What MLflow has no field for is kept in tags, each entry in one of its own, so that two
people who add one at the same time lose nothing: on a model ``labline.gate`` and ``labline.move.WHEN``, on a version
``labline.approval.WHEN``; WHEN is in nanoseconds since the epoch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import fcntl
import json
import time
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from labline_backend.models.conditions import CHAMPION, Condition, ConditionError, Judgement, judge
from labline_backend.models.records import Approval, Line, Model, Move, Promotion, Version, standing
from labline_backend.registry import AbsentError, ModelReference, RegistryError, resolve, told

if TYPE_CHECKING:
    from pathlib import Path

    from labline_backend.tracking.location import Location

GATE = "labline.gate"
MOVE = "labline.move."
APPROVAL = "labline.approval."
VERDICT = "labline.verdict"
RUN = "labline.run"
STEP = "labline.step"
PARENT = "mlflow.parentRunId"

NEWEST = 50  # versions of a model that are shown
LONGEST_NOTE = 2000  # characters
GENERATIONS = 4  # of nested runs, up to the run of the pipeline


class Shelf:
    """The models of one registry."""

    def __init__(self, location: Location) -> None:
        """Nothing is asked yet. Every method raises ``RegistryError`` for what a user can get wrong."""
        self._location = location
        self._made: Any = None

    def all_(self) -> tuple[Line, ...]:
        """Every registered model, by name."""
        if not self._exists():
            return ()
        with told(self._location):
            models = _pages(self._client.search_registered_models)
            return tuple(sorted((_line(model) for model in models), key=lambda line: line.name))

    def model(self, name: str, newest: int = NEWEST) -> Model:
        """The model *name* with its *newest* versions."""
        registered = self._registered(name)
        with told(self._location):
            every = sorted(self._versions(name), key=lambda version: int(version.version), reverse=True)
            held = set(_aliases(registered).values())
            shown = [version for at, version in enumerate(every) if at < newest or str(version.version) in held]
            return Model(
                name,
                registered.description or "",
                _aliases(registered),
                tuple(self._version(version, registered) for version in shown),
                len(every) - len(shown),
                _gate(registered),
                tuple(reversed(_history(registered))),
            )

    def version(self, reference: ModelReference) -> Version:
        """The version that *reference* stands for now."""
        found = resolve(reference, self._location)
        registered = self._registered(found.name)
        with told(self._location):
            return self._version(self._client.get_model_version(found.name, found.version), registered)

    def set_gate(self, name: str, conditions: Iterable[str]) -> tuple[str, ...]:
        """Have every promotion of the model ask for *conditions*, and for no other; as they are kept."""
        try:
            gate = tuple(str(Condition.parse(text)) for text in conditions)
        except ConditionError as error:
            raise RegistryError(str(error)) from error
        self._registered(name)
        with told(self._location):
            self._client.set_registered_model_tag(name, GATE, json.dumps(gate))
        return gate

    def judged(self, reference: ModelReference) -> tuple[Judgement, ...]:
        """The version held against its model's gate."""
        version = self.version(reference)
        return self._judged(version, self._registered(version.name))

    def approve(self, reference: ModelReference, who: str, note: str = "") -> Version:
        """Record that *who* is for the version."""
        version = self.version(reference)
        if len(note) > LONGEST_NOTE:
            raise RegistryError(f"The note is too long: {len(note)} characters, {LONGEST_NOTE} are taken.")
        at = time.time_ns()
        approval = Approval(who, at / 1e9, note)
        with told(self._location):
            self._client.set_model_version_tag(
                version.name, version.version, f"{APPROVAL}{at}", json.dumps(dataclasses.asdict(approval))
            )
        return self.version(ModelReference(version.name, version=version.version))

    def promote(
        self, reference: ModelReference, who: str, alias: str = CHAMPION, *, force: bool = False, reason: str = ""
    ) -> Promotion:
        """Give *alias* to the version, where it passes the gate, or where it is *force*d to, which needs a *reason*."""
        _check(alias, reason, force=force)
        with self._alone():
            version = self.version(reference)
            registered = self._registered(version.name)
            judgements = self._judged(version, registered)
            failed = tuple(each.condition for each in judgements if not each.passed)
            if failed and not force:
                return Promotion(version.version, alias, judgements, None)
            previous = _aliases(registered).get(alias)
            if previous == version.version:
                raise RegistryError(f"{version.name}@{alias} is version {version.version} already.")
            move = self._move(
                version.name, Move("promotion", alias, version.version, previous, who, time.time(), reason, failed)
            )
            return Promotion(version.version, alias, judgements, move)

    def roll_back(self, name: str, who: str, alias: str = CHAMPION, *, reason: str = "") -> Move:
        """Give *alias* back to the version that had it before the last promotion."""
        _check(alias, reason, force=False)
        with self._alone():
            registered = self._registered(name)
            now = _aliases(registered).get(alias)
            stack = standing(_history(registered), alias)
            if now is None:
                raise RegistryError(f"{name} has no alias {alias}.")
            if not stack or stack[-1].version != now:
                raise RegistryError(
                    f"{name}@{alias} is version {now}, which Labline has not promoted, so that it does not know what "
                    f"was there before. Name the version: labline models promote {name}/VERSION --to {alias}."
                )
            before = stack[-1].previous
            if before is None:
                raise RegistryError(f"Version {now} is the first that was promoted to {name}@{alias}: none was before.")
            with told(self._location):
                if before not in {str(version.version) for version in self._versions(name)}:
                    raise RegistryError(f"Version {before} of {name}, which was {alias} before, is no longer there.")
            return self._move(name, Move("rollback", alias, before, now, who, time.time(), reason))

    # ---------------------------------------------------------------------

    @property
    def _client(self) -> Any:
        if self._made is None:
            from mlflow import MlflowClient

            self._made = MlflowClient(self._location.uri, self._location.registry_uri)
        return self._made

    def _exists(self) -> bool:
        database = self._location.database
        return database is None or self._location.registry_uri is not None or database.exists()

    def _registered(self, name: str) -> Any:
        """The model as MLflow has it."""
        from mlflow.exceptions import MlflowException

        if self._exists():
            with told(self._location):
                try:
                    return self._client.get_registered_model(name)
                except MlflowException as error:
                    if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
                        raise
        known = ", ".join(line.name for line in self.all_()[:10])
        rest = f"registered are {known}" if known else "none is registered yet"
        raise AbsentError(f"There is no model {name} in the registry; {rest}.")

    def _versions(self, name: str) -> list[Any]:
        quoted = name.replace("'", "''")
        return _pages(self._client.search_model_versions, f"name = '{quoted}'")

    def _version(self, found: Any, registered: Any) -> Version:
        version = str(found.version)
        metrics, tags = self._run(found.run_id)
        for metric in found.metrics or ():  # of the logged model itself
            metrics[metric.key] = metric.value
        return Version(
            found.name,
            version,
            found.creation_timestamp / 1000,
            tuple(sorted(alias for alias, held in _aliases(registered).items() if held == version)),
            dict(sorted(metrics.items())),
            tuple(sorted(_entries(found.tags, APPROVAL, Approval), key=lambda approval: approval.when)),
            found.tags.get(VERDICT),
            tags.get(RUN),
            tags.get(STEP),
            found.run_id or None,
            found.description or "",
        )

    def _run(self, run_id: str | None) -> tuple[dict[str, float], dict[str, str]]:
        """The metrics of the run that registered a version, and of the runs that it is part of; and its tags.

        What is nearer to the model counts where two have a metric of one name.
        """
        from mlflow.exceptions import MlflowException

        metrics: dict[str, float] = {}
        tags: dict[str, str] = {}
        for _ in range(GENERATIONS):
            if not run_id:
                break
            try:
                run = self._client.get_run(run_id)
            except MlflowException as error:  # deleted; the version outlives it
                if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                    raise
                break
            metrics = {**run.data.metrics, **metrics}
            tags = {**run.data.tags, **tags}
            run_id = run.data.tags.get(PARENT)
        return metrics, tags

    def _judged(self, version: Version, registered: Any) -> tuple[Judgement, ...]:
        try:
            conditions = [Condition.parse(text) for text in _gate(registered)]
        except ConditionError as error:
            raise RegistryError(f"The gate of {version.name} cannot be read: {error}") from error
        held = _aliases(registered).get(CHAMPION)
        champion = None
        if held is not None:
            with told(self._location):
                champion = self._version(self._client.get_model_version(version.name, held), registered)
        return judge(conditions, version, champion)

    def _move(self, name: str, move: Move) -> Move:
        """Move an alias. What is going to happen is written down first, so that nothing happens unrecorded."""
        with told(self._location):
            self._client.set_registered_model_tag(name, f"{MOVE}{time.time_ns()}", json.dumps(dataclasses.asdict(move)))
            self._client.set_registered_model_alias(name, move.alias, move.version)
        return move

    @contextlib.contextmanager
    def _alone(self) -> Iterator[None]:
        """Nobody else on this machine moves an alias in our own registry. A server elsewhere offers no such lock."""
        path: Path | None = self._location.database
        if path is None or not path.exists():
            yield
            return
        with path.with_suffix(".aliases.lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def _check(alias: str, reason: str, *, force: bool) -> None:
    ModelReference.parse(f"model@{alias}")
    if force and not reason.strip():
        raise RegistryError("To promote a version in spite of its gate needs a reason, which is recorded.")
    if len(reason) > LONGEST_NOTE:
        raise RegistryError(f"The reason is too long: {len(reason)} characters, {LONGEST_NOTE} are taken.")


def _pages(search: Any, *condition: str) -> list[Any]:
    found: list[Any] = []
    token = None
    while True:
        page = search(*condition, page_token=token)
        found += page
        token = page.token
        if not token:
            return found


def _line(model: Any) -> Line:
    newest = max((int(version.version) for version in model.latest_versions or ()), default=None)
    return Line(
        model.name,
        model.description or "",
        _aliases(model),
        None if newest is None else str(newest),
        (model.last_updated_timestamp or model.creation_timestamp or 0) / 1000,
    )


def _aliases(model: Any) -> dict[str, str]:
    return {alias: str(version) for alias, version in sorted((model.aliases or {}).items())}


def _gate(model: Any) -> tuple[str, ...]:
    try:
        gate = json.loads(model.tags.get(GATE, "[]"))
        return tuple(str(condition) for condition in gate)
    except (ValueError, TypeError):  # somebody else's: a gate that nobody can read lets nothing pass
        return (str(model.tags[GATE]),)


def _history(model: Any) -> list[Move]:
    """In the order in which it happened."""
    return sorted(_entries(model.tags, MOVE, Move), key=lambda move: move.when)


def _entries(tags: dict[str, str], prefix: str, kind: Any) -> list[Any]:
    """What was written into *tags* by us; what others have put there is passed over."""
    found = []
    for key, value in tags.items():
        if not key.startswith(prefix):
            continue
        with contextlib.suppress(ValueError, TypeError):
            entry = kind(**json.loads(value))
            if kind is Move:
                entry = dataclasses.replace(entry, failed=tuple(entry.failed))
            found.append(entry)
    return found
