"""The helper process that records runs: it imports mlflow, so that the engine does not.

It uses ``MlflowClient`` and none of MLflow's fluent state: many runs are recorded at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import socket
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from labline_backend.tracking import answering
from labline_backend.tracking.answering import AwayError
from labline_backend.tracking.limits import key
from labline_backend.tracking.location import Location, shown

PARENT = "mlflow.parentRunId"
CONNECT_SECONDS = 5.0


def prepare_store(uri: str, artifacts: Path) -> None:
    """Create our own SQLite store, once, however many processes ask for it at the same time.

    The default experiment, too, gets an artifact folder here; without this it would be ``./mlruns`` wherever the
    process that happens to come first was started.
    """
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore

    database = Path(uri.removeprefix("sqlite:///"))
    database.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    artifacts.mkdir(mode=0o700, exist_ok=True)
    with _locked(database.with_suffix(".lock")):
        if not database.exists():
            _use_write_ahead_log(database)
        SqlAlchemyStore(uri, artifacts.as_uri())


def _use_write_ahead_log(database: Path) -> None:
    """Let steps, the recorder and the user interface read while one of them writes; the file remembers the mode."""
    import sqlite3

    with contextlib.closing(sqlite3.connect(database)) as connection:
        connection.execute("PRAGMA journal_mode=WAL")


@contextlib.contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)  # released when the file is closed, by a crash too
        yield


class Recorder:
    """The calls. Every public method may be asked for by name."""

    def __init__(self, uri: str, registry_uri: str | None, artifacts: Path | None) -> None:
        self._uri = uri
        self._registry_uri = registry_uri
        self._artifacts = artifacts
        self._client: Any = None
        self._experiments: dict[str, str] = {}

    def start_run(
        self,
        experiments: list[str],
        name: str,
        existing: str | None,
        start_time: int,
        tags: dict[str, str],
        parameters: dict[str, str],
        texts: dict[str, str],
    ) -> dict[str, str]:
        """Open a run in the first of *experiments*, or reopen *existing*; its ids. Creates the others too.

        One that was opened for an engine which died before it could write that down is reopened as well.
        """
        client = self._connected()
        ids = [self._experiment(experiment) for experiment in experiments]
        if run := (existing and self._find(existing)) or self._left_open(ids[0], name):
            client.update_run(run.info.run_id, status="RUNNING")
            self._log_texts(run.info.run_id, texts)  # the notebook that it goes on with may be a changed one
            return {"experiment_id": run.info.experiment_id, "run_id": run.info.run_id}
        run_id = client.create_run(ids[0], start_time=start_time, tags=tags, run_name=name).info.run_id
        self._log(run_id, parameters=parameters)
        self._log_texts(run_id, texts)
        return {"experiment_id": ids[0], "run_id": run_id}

    def start_step(self, experiment_id: str, parent: str, name: str, start_time: int, tags: dict[str, str]) -> str:
        """Open a nested run; its id. One left open by an earlier attempt at the same step is closed."""
        client = self._connected()
        for open_run in self._children(experiment_id, parent, f"tags.`labline.step` = '{name}'"):
            client.set_terminated(open_run.info.run_id, "KILLED", start_time)
        run = client.create_run(experiment_id, start_time=start_time, tags={**tags, PARENT: parent}, run_name=name)
        return str(run.info.run_id)

    def finish_step(
        self,
        run_id: str,
        status: str,
        end_time: int,
        tags: dict[str, str],
        parameters: dict[str, str],
        metrics: dict[str, float],
        texts: dict[str, str],
        model_tags: dict[str, str],
        cached_from: str | None,
        elsewhere: dict[str, str] | None = None,
    ) -> dict[str, Any]:
        """Close a nested run; what the user's own code has logged there. Versions registered in it get *model_tags*.

        So does the version that was registered *elsewhere*, in a run of its own, which is hung below this one; where it
        is not here, ``missing`` is a sentence that says so.
        The state comes first, so that it is right whatever happens to the rest. Parameters that the user's code has
        logged itself stay as they are: MLflow refuses to change one.
        """
        client = self._connected()
        run = client.get_run(run_id)
        client.set_terminated(run_id, status, end_time)
        for child in self._below(run):
            if child.info.status == "RUNNING":  # the step's process has gone
                client.set_terminated(child.info.run_id, "KILLED", end_time)
        holder = run
        if cached_from and (source := self._step_of_run(run, cached_from)):
            holder, tags = source, {**tags, "labline.cached_from_mlflow_run": source.info.run_id}
        mine = {key(name): float(value) for name, value in metrics.items()}
        self._log(
            run_id,
            parameters={name: value for name, value in parameters.items() if name not in run.data.params},
            metrics={name: value for name, value in mine.items() if run.data.metrics.get(name) != value},
            tags=tags,
            time_ms=end_time,
        )
        self._log_texts(run_id, texts)
        missing = elsewhere and self._hang_below(run, elsewhere, model_tags)
        family = [*self._below(holder), holder]
        models = self._models([each.info.run_id for each in family])
        if elsewhere and not missing and (its := {key: elsewhere[key] for key in ("name", "version")}) not in models:
            models.append(its)  # its run is in another experiment
        if holder is run:  # else they have them from the run that they come from
            self._tag(models, model_tags)
        return {
            "metrics": {name: value for each in family for name, value in each.data.metrics.items()},
            "models": models,
            "missing": missing,
        }

    def finish_run(
        self,
        experiment_id: str,
        run_id: str,
        name: str,
        status: str,
        end_time: int,
        tags: dict[str, str],
        metrics: dict[str, float],
    ) -> None:
        """Close a run, and all of its that something left open: nested runs, and those of an engine that died."""
        client = self._connected()
        client.set_terminated(run_id, status, end_time)
        for open_run in self._open(experiment_id, name):
            client.set_terminated(open_run.info.run_id, "KILLED", end_time)
        self._log(
            run_id, metrics={key(name): float(value) for name, value in metrics.items()}, tags=tags, time_ms=end_time
        )

    def attach_certificate(
        self, experiment_id: str, run_id: str, name: str, text: str, tags: dict[str, str]
    ) -> list[dict[str, str]]:
        """Keep a certificate with a run; the model versions that it registered, which get the same tags."""
        client = self._connected()
        client.log_text(run_id, text, "certificate.json")
        self._log(run_id, tags=tags)
        family = client.search_runs([experiment_id], f"tags.`labline.run` = '{name}'", max_results=1000)
        models = self._models([run.info.run_id for run in family])
        models += [model for model in self._tagged(name) if model not in models]
        self._tag(models, tags)
        return models

    def _connected(self) -> Any:
        _check_reachable(self._uri)
        if self._client is None:
            from mlflow import MlflowClient

            if self._artifacts:
                prepare_store(self._uri, self._artifacts)
            self._client = MlflowClient(self._uri, self._registry_uri)
        return self._client

    def _experiment(self, name: str) -> str:
        if name in self._experiments:
            return self._experiments[name]
        from mlflow.exceptions import MlflowException

        found = self._client.get_experiment_by_name(name)
        if found is None:
            try:
                self._experiments[name] = self._create_experiment(name)
                return self._experiments[name]
            except MlflowException:  # somebody else made it just now
                found = self._client.get_experiment_by_name(name)
                if found is None:
                    raise
        if found.lifecycle_stage == "deleted":
            self._client.restore_experiment(found.experiment_id)
        self._experiments[name] = found.experiment_id
        return self._experiments[name]

    def _create_experiment(self, name: str) -> str:
        tags = {"mlflow.experimentKind": "custom_model_development"}  # how MLflow's user interface shows it
        if self._artifacts is None:
            return str(self._client.create_experiment(name, tags=tags))
        folder = re.sub(r"[^\w.-]", "_", name)[:80].strip(".") or "experiment"
        # Two names may be cleaned to the same, and a deleted experiment keeps its files: the time tells them apart.
        location = self._artifacts / f"{folder}-{time.time_ns():x}"
        return str(self._client.create_experiment(name, location.as_uri(), tags))

    def _find(self, run_id: str) -> Any:
        from mlflow.exceptions import MlflowException

        try:
            run = self._client.get_run(run_id)
        except MlflowException as error:
            if error.error_code == "RESOURCE_DOES_NOT_EXIST":
                return None
            raise
        return run if run.info.lifecycle_stage == "active" else None

    def _open(self, experiment_id: str, name: str) -> list[Any]:
        """All that is open of the run *name* of ours."""
        condition = f"tags.`labline.run` = '{name}' AND attributes.status = 'RUNNING'"
        return list(self._client.search_runs([experiment_id], condition, max_results=1000))

    def _left_open(self, experiment_id: str, name: str) -> Any:
        found = (run for run in self._open(experiment_id, name) if PARENT not in run.data.tags)
        return next(found, None)

    def _children(self, experiment_id: str, parent: str, which: str) -> list[Any]:
        condition = f"tags.`{PARENT}` = '{parent}' AND attributes.status = 'RUNNING' AND {which}"
        return list(self._client.search_runs([experiment_id], condition))

    def _step_of_run(self, nested: Any, run: str) -> Any:
        """The run of the same step as *nested* in another pipeline run, where it was computed."""
        step = nested.data.tags.get("labline.step", "")
        found = self._client.search_runs(
            [nested.info.experiment_id],
            f"tags.`labline.run` = '{run}' AND tags.`labline.step` = '{step}' AND attributes.status = 'FINISHED'",
            max_results=1,
        )
        return found[0] if found else None

    def _below(self, run: Any) -> list[Any]:
        """The runs that a step's code has started besides the step's own."""
        condition = f"tags.`{PARENT}` = '{run.info.run_id}'"
        return list(self._client.search_runs([run.info.experiment_id], condition, max_results=100))

    def _hang_below(self, run: Any, elsewhere: dict[str, str], tags: dict[str, str]) -> str | None:
        """Have the run that a step's pod has opened for its model be one of the step's; why not, where it is not here.

        An MLflow of its own has other runs, though its models may be called the same.
        """
        found = self._find(elsewhere["run_id"])
        model = {key: elsewhere[key] for key in ("name", "version")}
        if found is None or model not in self._models([elsewhere["run_id"]]):
            version = f"{model['name']} version {model['version']}"
            return (
                f"The step's pod has registered {version} in another MLflow than this one, so that it is not among the "
                "models of the run, and no certificate goes to it."
            )
        self._log(found.info.run_id, tags={**tags, PARENT: run.info.run_id})
        return None

    def _tagged(self, name: str) -> list[dict[str, str]]:
        """The model versions that say that they are of the run *name* of ours. Not every registry can be asked that."""
        from mlflow.exceptions import MlflowException

        try:
            versions = self._client.search_model_versions(f"tags.`labline.run` = '{name}'")
        except MlflowException:
            return []
        return [{"name": version.name, "version": str(version.version)} for version in versions]

    def _models(self, run_ids: list[str]) -> list[dict[str, str]]:
        """The model versions that runs have registered. A registry that cannot say is not a reason to fail."""
        from mlflow.exceptions import MlflowException

        try:
            versions = [v for run_id in run_ids for v in self._client.search_model_versions(f"run_id = '{run_id}'")]
        except MlflowException:
            return []
        return [{"name": version.name, "version": str(version.version)} for version in versions]

    def _tag(self, models: list[dict[str, str]], tags: dict[str, str]) -> None:
        for model in models:
            for tag, value in tags.items():
                self._client.set_model_version_tag(model["name"], model["version"], tag, value)

    def _log(
        self,
        run_id: str,
        *,
        parameters: dict[str, str] | None = None,
        metrics: dict[str, float] | None = None,
        tags: dict[str, str] | None = None,
        time_ms: int | None = None,
    ) -> None:
        from mlflow.entities import Metric, Param, RunTag

        params = [Param(name, value) for name, value in (parameters or {}).items()]
        points = [Metric(name, value, time_ms, 0) for name, value in (metrics or {}).items()]
        labels = [RunTag(name, value) for name, value in (tags or {}).items()]
        for start in range(0, max(len(params), len(points), len(labels)), 100):  # the most that one call may carry
            part = slice(start, start + 100)
            self._client.log_batch(run_id, points[part], params[part], labels[part])

    def _log_texts(self, run_id: str, texts: dict[str, str]) -> None:
        for name, text in texts.items():
            self._client.log_text(run_id, text, name)


def _check_reachable(uri: str) -> None:
    """Fail at once where nobody answers, not after MLflow's retries. Behind a proxy only MLflow itself can tell."""
    parts = urlsplit(uri)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return
    if parts.scheme in urllib.request.getproxies() and not urllib.request.proxy_bypass(parts.hostname):
        return
    port = parts.port or (443 if parts.scheme == "https" else 80)
    try:
        socket.create_connection((parts.hostname, port), CONNECT_SECONDS).close()
    except TimeoutError as error:
        raise AwayError(f"the MLflow server {shown(uri)} does not answer") from error
    except (OSError, UnicodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise AwayError(f"the MLflow server {shown(uri)} cannot be reached ({reason})") from error


def main() -> None:
    """Answer until standard input ends."""
    location = Location.taken()
    answering.run(Recorder(location.uri, location.registry_uri, location.artifacts))


if __name__ == "__main__":
    main()
