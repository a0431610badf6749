"""Kubeflow Pipelines' v2beta1 REST API, through the client that is generated from its definition.

Every method blocks; every failure is a ``TargetError`` with one sentence. What a server says is quoted at most as one
short line, and nothing that was sent.
"""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Any, TypeVar

from labline_backend.kubeflow.connection import Connection, not_kubeflow
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.targets import Target
from labline_backend.recurrence import cron
from labline_backend.recurrence.timing import Timing
from labline_runtime.dataclass import dataclass

PAGE = 100  # things on a page of a list
MOST_PAGES = 50
GIVEN_BY_SERVER = {"recurring_run_id", "created_at", "updated_at", "status", "error"}  # of a recurring run

T = TypeVar("T")


@dataclass(frozen=True)
class Health:
    """What a server tells of itself; ``release`` is None where it does not say."""

    multi_user: bool
    release: str | None


class KubeflowClient:
    """One target's API. Not for several threads at once."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self._connection = Connection(target)
        self._health: Health | None = None

    def __enter__(self) -> KubeflowClient:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections."""
        self._connection.close()

    # ---------------------------------------------------------------- the server

    def health(self) -> Health:
        """Who is there."""
        import kfp_server_api as api

        with self._connection.calling("its health") as (client, options):
            found = api.HealthzServiceApi(client).healthz_service_get_healthz(**options)
        self._health = Health(bool(found.multi_user), self._release())
        return self._health

    def _release(self) -> str | None:
        """The old API's health names the release; a server without it does not."""
        with contextlib.suppress(TargetError), self._connection.calling("its release") as (client, options):
            told = client.call_api(
                "/apis/v1beta1/healthz",
                "GET",
                auth_settings=[],
                response_type="object",
                _return_http_data_only=True,
                **options,
            )
            return str(told["tag_name"])[:40] if isinstance(told, dict) and told.get("tag_name") else None
        return None

    def look_into_namespace(self) -> None:
        """Ask for what needs the right to read in the target's namespace."""
        import kfp_server_api as api

        with self._connection.calling("its experiments") as (client, options):
            service = api.ExperimentServiceApi(client)
            service.experiment_service_list_experiments(page_size=1, **self._namespace(), **options)

    # ---------------------------------------------------------------- what a run needs

    def pipeline(self, name: str, title: str) -> str:
        """The id of the pipeline *name*, made where there is none."""
        import kfp_server_api as api

        def find() -> str | None:
            with self._connection.calling("its pipelines") as (client, options):
                service = api.PipelineServiceApi(client)
                found = service.pipeline_service_list_pipelines(
                    filter=_equals("name", name), page_size=1, **self._namespace(), **options
                )
            return found.pipelines[0].pipeline_id if found.pipelines else None

        def make() -> str:
            made = api.V2beta1Pipeline(name=name, display_name=title, **self._namespace())
            with self._connection.calling("to make a pipeline") as (client, options):
                kept = api.PipelineServiceApi(client).pipeline_service_create_pipeline(made, **options)
            return self._given(kept.pipeline_id)

        return _ensure(find, make)

    def version(self, pipeline: str, name: str, file: Path) -> str:
        """The id of the version *name* of a pipeline, uploaded from *file* where there is none."""
        import kfp_server_api as api

        def find() -> str | None:
            with self._connection.calling("a pipeline's versions") as (client, options):
                service = api.PipelineServiceApi(client)
                found = service.pipeline_service_list_pipeline_versions(
                    pipeline, filter=_equals("name", name), page_size=1, **options
                )
            return found.pipeline_versions[0].pipeline_version_id if found.pipeline_versions else None

        def make() -> str:
            with self._connection.calling("to upload a pipeline") as (client, options):
                service = api.PipelineUploadServiceApi(client)
                made = service.upload_pipeline_version(str(file), name=name, pipelineid=pipeline, **options)
            return self._given(made.pipeline_version_id)

        return _ensure(find, make)

    def experiment(self, name: str) -> str:
        """The id of the experiment *name*, made where there is none."""
        import kfp_server_api as api

        def find() -> str | None:
            with self._connection.calling("its experiments") as (client, options):
                service = api.ExperimentServiceApi(client)
                found = service.experiment_service_list_experiments(
                    filter=_equals("display_name", name), page_size=1, **self._namespace(), **options
                )
            return found.experiments[0].experiment_id if found.experiments else None

        def make() -> str:
            made = api.V2beta1Experiment(display_name=name, **self._namespace())
            with self._connection.calling("to make an experiment") as (client, options):
                service = api.ExperimentServiceApi(client)
                kept = service.experiment_service_create_experiment(made, **options)
            return self._given(kept.experiment_id)

        return _ensure(find, make)

    # ---------------------------------------------------------------- runs

    def find_run(self, name: str, experiment: str) -> str | None:
        """The id of the run with this display name."""
        import kfp_server_api as api

        with self._connection.calling("its runs") as (client, options):
            found = api.RunServiceApi(client).run_service_list_runs(
                experiment_id=experiment, filter=_equals("display_name", name), page_size=1, **options
            )
        return found.runs[0].run_id if found.runs else None

    def runs_of(self, recurring_run: str, known: Container[str] = ()) -> list[Any]:
        """The ``V2beta1Run`` that a recurring run has begun, the newest first, back to a page of *known* ids alone.

        At most as many as fit on :data:`MOST_PAGES` pages.
        """
        import kfp_server_api as api

        found: list[Any] = []
        token: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            with self._connection.calling("its runs") as (client, options):
                page = api.RunServiceApi(client).run_service_list_runs(
                    filter=_equals("recurring_run_id", recurring_run),
                    sort_by="created_at desc",
                    page_size=PAGE,
                    **token,
                    **self._namespace(),
                    **options,
                )
            runs = page.runs or []
            found += runs
            if not page.next_page_token or all(run.run_id in known for run in runs):
                break
            token = {"page_token": page.next_page_token}
        return found

    def create_run(
        self,
        name: str,
        *,
        experiment: str,
        pipeline: str,
        version: str,
        arguments: dict[str, Any],
        root: str | None,
        account: str | None = None,
    ) -> str:
        """Start a run, its pods as the service *account*; its id. Twice makes two runs: look for it first."""
        import kfp_server_api as api

        made = api.V2beta1Run(
            display_name=name,
            experiment_id=experiment,
            pipeline_version_reference=api.V2beta1PipelineVersionReference(
                pipeline_id=pipeline, pipeline_version_id=version
            ),
            runtime_config=api.V2beta1RuntimeConfig(parameters=arguments or None, pipeline_root=root),
            service_account=account,
        )
        with self._connection.calling("to start a run") as (client, options):
            kept = api.RunServiceApi(client).run_service_create_run(made, **options)
        return self._given(kept.run_id)

    def run(self, run_id: str) -> Any:
        """A ``V2beta1Run`` as it is now."""
        import kfp_server_api as api

        with self._connection.calling("a run") as (client, options):
            found = api.RunServiceApi(client).run_service_get_run(run_id, **options)
        if found.run_id != run_id:
            raise not_kubeflow(self.target)
        return found

    def retry(self, run_id: str) -> None:
        """Have a run that has failed or was ended go on from where it stopped."""
        import kfp_server_api as api

        with self._connection.calling("to try a run again") as (client, options):
            api.RunServiceApi(client).run_service_retry_run(run_id, **options)

    def terminate(self, run_id: str) -> None:
        """Ask for a run's end."""
        import kfp_server_api as api

        with self._connection.calling("to end a run") as (client, options):
            api.RunServiceApi(client).run_service_terminate_run(run_id, **options)

    # ---------------------------------------------------------------- recurring runs

    def create_recurring_run(
        self,
        name: str,
        *,
        experiment: str,
        pipeline: str,
        version: str,
        arguments: dict[str, Any],
        root: str | None,
        timing: Timing,
        catch_up: bool,
        at_most: int,
        account: str | None = None,
    ) -> str:
        """Have a pipeline run whenever *timing* says so; the id.

        *at_most* so many runs go on at once; with *catch_up* all that were missed are made up for, else the last one.
        """
        import kfp_server_api as api

        made = api.V2beta1RecurringRun(
            display_name=name,
            experiment_id=experiment,
            pipeline_version_reference=api.V2beta1PipelineVersionReference(
                pipeline_id=pipeline, pipeline_version_id=version
            ),
            runtime_config=self.runtime_config(arguments, root),
            trigger=self.trigger(timing),
            mode="ENABLE",
            max_concurrency=str(at_most),
            no_catchup=not catch_up,
            service_account=account,
            **self._namespace(),
        )
        with self._connection.calling("to make a recurring run") as (client, options):
            kept = api.RecurringRunServiceApi(client).recurring_run_service_create_recurring_run(made, **options)
        return self._given(kept.recurring_run_id)

    @staticmethod
    def runtime_config(arguments: dict[str, Any], root: str | None) -> Any:
        """What runs are given, as the API has it."""
        import kfp_server_api as api

        return api.V2beta1RuntimeConfig(parameters=arguments or None, pipeline_root=root)

    @staticmethod
    def trigger(timing: Timing, of: Any = None) -> Any:
        """*timing* as the API has it, within the same bounds in time as *of*, a ``V2beta1Trigger``."""
        import kfp_server_api as api

        before = of and (of.cron_schedule or of.periodic_schedule)
        moments = {name: before and getattr(before, name) for name in ("start_time", "end_time")}
        bounds = {name: moment for name, moment in moments.items() if moment is not None and moment.timestamp() > 0}
        if timing.cron is not None:
            return api.V2beta1Trigger(
                cron_schedule=api.V2beta1CronSchedule(cron=cron.parse(timing.cron).in_full, **bounds)
            )
        every = str(timing.interval)
        return api.V2beta1Trigger(periodic_schedule=api.V2beta1PeriodicSchedule(interval_second=every, **bounds))

    def copy_recurring_run(self, of: Any, **changes: Any) -> Any:
        """Make a recurring run as *of*, a ``V2beta1RecurringRun``, but for *changes* of its fields; as it is then.

        What is due counts from now: times that have passed were the old one's.
        """
        import kfp_server_api as api

        kept = {name: getattr(of, name) for name in of.openapi_types if name not in GIVEN_BY_SERVER}
        if of.pipeline_version_reference is not None:  # what else says the pipeline is made from it
            kept |= {"pipeline_spec": None, "pipeline_version_id": None}
        made = api.V2beta1RecurringRun(**{**kept, "namespace": None, **self._namespace(), **changes})
        for schedule in (made.trigger and made.trigger.cron_schedule, made.trigger and made.trigger.periodic_schedule):
            if schedule and schedule.start_time is not None and schedule.start_time.timestamp() <= time.time():
                schedule.start_time = None
        with self._connection.calling("to make a recurring run") as (client, options):
            copied = api.RecurringRunServiceApi(client).recurring_run_service_create_recurring_run(made, **options)
        self._given(copied.recurring_run_id)
        return copied

    def recurring_runs(self) -> list[Any]:
        """All ``V2beta1RecurringRun`` there are, at most as many as fit on :data:`MOST_PAGES` pages."""
        import kfp_server_api as api

        found: list[Any] = []
        token: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            with self._connection.calling("its recurring runs") as (client, options):
                page = api.RecurringRunServiceApi(client).recurring_run_service_list_recurring_runs(
                    page_size=PAGE, **token, **self._namespace(), **options
                )
            found += page.recurring_runs or []
            if not page.next_page_token:
                break
            token = {"page_token": page.next_page_token}
        return found

    def pause_recurring_run(self, identifier: str, *, paused: bool) -> None:
        """Have a recurring run pause, or go on."""
        import kfp_server_api as api

        with self._connection.calling("to pause a recurring run") as (client, options):
            service = api.RecurringRunServiceApi(client)
            if paused:
                service.recurring_run_service_disable_recurring_run(identifier, **options)
            else:
                service.recurring_run_service_enable_recurring_run(identifier, **options)

    def delete_recurring_run(self, identifier: str) -> None:
        """Have a recurring run begin no more. A run of it that goes on ends, since its workflow is owned by it."""
        import kfp_server_api as api

        with self._connection.calling("to remove a recurring run") as (client, options):
            api.RecurringRunServiceApi(client).recurring_run_service_delete_recurring_run(identifier, **options)

    # ---------------------------------------------------------------- of many calls

    def _namespace(self) -> dict[str, Any]:
        if self.target.namespace is None:
            return {}
        # A server for one user has one namespace, and may refuse to be told.
        health = self._health or self.health()
        return {"namespace": self.target.namespace} if health.multi_user else {}

    def _given(self, identifier: str | None) -> str:
        if not identifier:
            raise not_kubeflow(self.target)
        return identifier


def _equals(key: str, value: str) -> str:
    return json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "string_value": value}]})


def _ensure(find: Callable[[], str | None], make: Callable[[], str]) -> str:
    """What is there, or what is made; somebody else may make it at the same moment."""
    found = find()
    if found is not None:
        return found
    try:
        return make()
    except TargetError as error:
        if error.status != 409:
            raise
        found = find()
        if found is None:
            raise
        return found
