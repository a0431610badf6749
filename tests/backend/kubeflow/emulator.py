"""A server that speaks Kubeflow Pipelines' v2beta1 REST API and really runs what is submitted, with KFP's local runner.

Requests and answers are held to the models of the generated client: an unknown field or parameter is refused. Runs are
told as KFP's server tells them: ``NAME-driver``, ``NAME`` and ``executor`` nodes with their states and times.
Where the pipeline root is in an S3, outputs of tasks that succeeded are put there as KFP's launcher does.
"""

from __future__ import annotations

import contextlib
import datetime
import functools
import json
import os
import re
import signal
import ssl
import threading
import time
import uuid
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from email.parser import BytesParser
from email.policy import HTTP
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.backend.kubeflow import listening, shapes
from tests.backend.kubeflow.listening import Refused
from tests.backend.kubeflow.running import Runner

PREFIX = "/apis/v2beta1"
EPOCH = "1970-01-01T00:00:00Z"  # what KFP gives for a moment that has not come yet

LISTING = {"page_size", "page_token", "sort_by", "filter", "namespace"}


@dataclass
class Task:
    """One task of a run."""

    name: str
    started: str
    place: str = ""  # of a part of the pipeline: the loop's turn, or the end of the run
    state: str = "RUNNING"
    ended: str = EPOCH
    message: str = ""  # that its container left
    log: tuple[int, int | None] = (0, None)  # where its part of the run's log begins and ends


@dataclass
class Run:
    """One run: what was asked for, and how it goes."""

    document: dict[str, Any]
    folder: Path
    state: str = "PENDING"
    finished: str = EPOCH
    tasks: dict[str, Task] = field(default_factory=dict)
    pid: int | None = None


class Emulator:
    """The server and its state, which outlives a :meth:`stop`."""

    def __init__(self, folder: Path, runner: Runner, upload: Callable[[str, Path], None] | None = None) -> None:
        self.folder = folder
        self.credentials: tuple[str, str] | None = None  # a header and what it must say
        self.login_page = False  # whether strangers are sent to one instead of being refused
        self.namespaces: set[str] | None = None  # of a cluster with many users
        self.faults: list[tuple[str, int]] = []  # the next answers to calls that match: a pattern and a status
        self.losing = False  # whether the answer to the next removal of a recurring run is lost
        self.tls: ssl.SSLContext | None = None  # what it serves https with, from its next start on
        self.called: list[str] = []
        self.experiments: dict[str, dict[str, Any]] = {}
        self.pipelines: dict[str, dict[str, Any]] = {}
        self.versions: dict[str, dict[str, Any]] = {}
        self.runs: dict[str, Run] = {}
        self.recurring: dict[str, dict[str, Any]] = {}
        self.lock = threading.RLock()
        self._upload = upload
        self._download: Callable[[str, Path], None] | None = None
        self._runner = runner
        self._port = 0
        self._server: ThreadingHTTPServer | None = None
        _definition()  # imported now, and not while a client waits for an answer
        self.start()

    @property
    def port(self) -> int:
        return self._port

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Listen, at the same address as before."""
        self._server = listening.server(self._port, self.answer)
        if self.tls is not None:
            self._server.socket = self.tls.wrap_socket(self._server.socket, server_side=True)
        self._port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def stop(self) -> None:
        """Do not listen any more; runs go on."""
        if self._server is not None:
            self._server.shutdown()
            self._thread.join()
            self._server.server_close()
            self._server = None

    def close(self) -> None:
        """Stop everything."""
        self.stop()
        for run in self.runs.values():
            self._kill(run)

    # ---------------------------------------------------------------- the API

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, headers: Any) -> dict[str, Any]:
        """The document that answers a call."""
        self.called.append(f"{method} {path}")
        for fault in self.faults:
            if re.search(fault[0], f"{method} {path}"):
                self.faults.remove(fault)
                if fault[1] == 200:
                    break
                raise Refused(fault[1], "an injected fault", 13)
        if self.credentials is not None and headers.get(self.credentials[0]) != self.credentials[1]:
            raise Refused(302 if self.login_page else 401, "not signed in", 16)
        if (method, path) == ("GET", "/apis/v1beta1/healthz"):
            return {"commit_sha": "0" * 40, "tag_name": "2.15.0", "multi_user": self.namespaces is not None}
        if not path.startswith(PREFIX):
            raise Refused(404, "Not Found", 5)
        for route, kind, work in self._routes():
            asked, _, template = route.partition(" ")
            found = re.fullmatch(re.sub(r"\{\w+\}", "([^/:]+)", template), path.removeprefix(PREFIX))
            if asked == method and found:
                document = work(*found.groups(), query, body, headers)
                if kind:
                    shapes.check(kind, document)
                return document
        raise Refused(404, "Not Found", 5)

    def _routes(self) -> list[tuple[str, str, Callable[..., dict[str, Any]]]]:
        return [
            ("GET /healthz", "V2beta1GetHealthzResponse", self._health),
            ("GET /experiments", "V2beta1ListExperimentsResponse", self._list_experiments),
            ("POST /experiments", "V2beta1Experiment", self._create_experiment),
            ("GET /pipelines", "V2beta1ListPipelinesResponse", self._list_pipelines),
            ("POST /pipelines", "V2beta1Pipeline", self._create_pipeline),
            ("GET /pipelines/{pipeline}/versions", "V2beta1ListPipelineVersionsResponse", self._list_versions),
            ("POST /pipelines/upload_version", "V2beta1PipelineVersion", self._upload_version),
            ("GET /runs", "V2beta1ListRunsResponse", self._list_runs),
            ("POST /runs", "V2beta1Run", self._create_run),
            ("GET /runs/{run}", "V2beta1Run", lambda run, query, *_: self._told(self._run(run, query))),
            ("POST /runs/{run}:terminate", "", self._terminate),
            ("POST /runs/{run}:retry", "", self._retry),
            ("GET /recurringruns", "V2beta1ListRecurringRunsResponse", self._list_recurring),
            ("POST /recurringruns", "V2beta1RecurringRun", self._create_recurring),
            ("DELETE /recurringruns/{run}", "", self._delete_recurring),
            ("POST /recurringruns/{run}:enable", "", lambda *given: self._switch_recurring("ENABLE", *given)),
            ("POST /recurringruns/{run}:disable", "", lambda *given: self._switch_recurring("DISABLE", *given)),
        ]

    def _health(self, query: dict[str, str], *_: Any) -> dict[str, Any]:
        _only(query, set())
        return {"multi_user": self.namespaces is not None, "pipeline_store": "database"}

    def _list_experiments(self, query: dict[str, str], *_: Any) -> dict[str, Any]:
        return page("experiments", self._in_namespace(self.experiments, query), query)

    def _create_experiment(self, query: dict[str, str], body: bytes, *_: Any) -> dict[str, Any]:
        _only(query, set())
        made = _document("V2beta1Experiment", body)
        self._allowed(made.get("namespace"))
        with self.lock:
            _new(self.experiments, made, "display_name")
            made |= {"experiment_id": str(uuid.uuid4()), "created_at": _now(), "storage_state": "AVAILABLE"}
            self.experiments[made["experiment_id"]] = made
        return made

    def _list_pipelines(self, query: dict[str, str], *_: Any) -> dict[str, Any]:
        return page("pipelines", self._in_namespace(self.pipelines, query), query)

    def _create_pipeline(self, query: dict[str, str], body: bytes, *_: Any) -> dict[str, Any]:
        _only(query, set())
        made = _document("V2beta1Pipeline", body)
        self._allowed(made.get("namespace"))
        if not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,126}[a-z0-9])?", made["name"]):
            raise Refused(400, "Invalid input error: pipeline's name must be a Kubernetes name")
        with self.lock:
            _new(self.pipelines, made, "name")
            made |= {"pipeline_id": str(uuid.uuid4()), "created_at": _now()}
            self.pipelines[made["pipeline_id"]] = made
        return made

    def _list_versions(self, pipeline: str, query: dict[str, str], *_: Any) -> dict[str, Any]:
        if pipeline not in self.pipelines:
            raise Refused(404, f"pipeline {pipeline} not found", 5)
        found = [self._told_version(v) for v in self.versions.values() if v["pipeline_id"] == pipeline]
        return page("pipeline_versions", found, query)

    def _upload_version(self, query: dict[str, str], body: bytes, headers: Any) -> dict[str, Any]:
        _only(query, {"name", "display_name", "description", "pipelineid", "tags"})
        if query.get("pipelineid") not in self.pipelines:
            raise Refused(404, "pipeline not found", 5)
        head = f"Content-Type: {headers['Content-Type']}\r\n\r\n".encode()
        parts = BytesParser(policy=HTTP).parsebytes(head + body).iter_parts()
        (content,) = [
            part.get_content() for part in parts if part.get_param("name", header="content-disposition") == "uploadfile"
        ]
        text = content if isinstance(content, str) else content.decode()
        specification = _pipeline(text)
        made = {"name": query["name"], "display_name": query["name"], "pipeline_id": query["pipelineid"]}
        with self.lock:  # a name is unique in the database
            siblings = {k: v for k, v in self.versions.items() if v["pipeline_id"] == made["pipeline_id"]}
            _new(siblings, made, "name")
            made |= {"pipeline_version_id": str(uuid.uuid4()), "created_at": _now(), "pipeline_spec": specification}
            self._file(made).write_text(text)
            self.versions[made["pipeline_version_id"]] = made
        return made

    def _told_version(self, version: dict[str, Any]) -> dict[str, Any]:
        """A version as the server tells it: where the file has a platform's part, beside the pipeline's own."""
        import yaml

        documents = yaml.load_all(self._file(version).read_text(), Loader=yaml.CSafeLoader)
        specification, *platform = [each for each in documents if each]
        both = {"pipeline_spec": specification, "platform_spec": platform[0]} if platform else specification
        return {**version, "pipeline_spec": both}

    def _file(self, version: dict[str, Any]) -> Path:
        return self.folder / f"{version['pipeline_version_id']}.yaml"

    def _list_runs(self, query: dict[str, str], *_: Any) -> dict[str, Any]:
        _only(query, LISTING | {"experiment_id"})
        wanted = query.pop("experiment_id", None)
        found = [self._told(run) for run in self.runs.values()]
        return page("runs", [run for run in found if wanted in (None, run["experiment_id"])], query)

    def _create_run(self, query: dict[str, str], body: bytes, *_: Any) -> dict[str, Any]:
        _only(query, {"experiment_id"})
        made = _document("V2beta1Run", body)
        version, given = self._version_of(made)
        made |= {
            "run_id": str(uuid.uuid4()),
            "created_at": _now(),
            "scheduled_at": _now(),
            "storage_state": "AVAILABLE",
        }
        folder = self.folder / made["run_id"]
        folder.mkdir()
        run = self.runs[made["run_id"]] = Run(made, folder)
        file = self._with_imports(version, run.folder)
        self._runner.start(made["run_id"], folder, file, given, lambda event: self._happened(run, event))
        return self._told(run)

    def _retry(self, run_id: str, query: dict[str, str], *_: Any) -> dict[str, Any]:
        run = self._run(run_id, query)
        with self.lock:
            if run.state not in ("FAILED", "CANCELED"):
                raise Refused(400, "Workflow must be Failed/Error to retry")
            run.tasks = {place: task for place, task in run.tasks.items() if task.state == "SUCCEEDED"}
            run.state, run.finished = "RUNNING", EPOCH
        version, given = self._version_of(run.document)
        file = self._with_imports(version, run.folder)
        self._runner.start(run_id, run.folder, file, given, lambda event: self._happened(run, event))
        return {}

    def _version_of(self, made: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
        """The pipeline version that a run is of, and what it is given."""
        reference = made.get("pipeline_version_reference") or {}
        version = self.versions.get(reference.get("pipeline_version_id", ""))
        if made.get("experiment_id") not in self.experiments or version is None:
            raise Refused(404, "the run's experiment or pipeline version is not found", 5)
        if version["pipeline_id"] != reference.get("pipeline_id"):
            raise Refused(400, "the version is another pipeline's")
        given = (made.get("runtime_config") or {}).get("parameters") or {}
        known = version["pipeline_spec"]["root"].get("inputDefinitions", {}).get("parameters", {})
        if unknown := sorted(set(given) - set(known)):
            raise Refused(400, f"Unknown input parameter {unknown[0]}")
        return version, given

    def _with_imports(self, version: dict[str, Any], folder: Path) -> Path:
        """The pipeline's file, with what it imports from the storage brought here, as KFP's launcher does."""
        text = self._file(version).read_text()
        for name, executor in version["pipeline_spec"]["deploymentSpec"]["executors"].items():
            if uri := executor.get("importer", {}).get("artifactUri", {}).get("constant"):
                assert self._download is not None
                self._download(uri, folder / name)
                text = text.replace(uri, str(folder / name))
        file = folder / "pipeline.yaml"
        file.write_text(text)
        return file

    def _terminate(self, run_id: str, query: dict[str, str], *_: Any) -> dict[str, Any]:
        run = self._run(run_id, query)
        with self.lock:
            if run.state not in ("PENDING", "RUNNING"):
                raise Refused(400, f"Failed to terminate run {run_id}. Row not found")
            self._cancel(run)
        return {}

    def _cancel(self, run: Run) -> None:
        self._kill(run)
        for task in run.tasks.values():
            if task.state == "RUNNING":
                task.state, task.ended = "CANCELED", _now()
        run.state, run.finished = "CANCELED", _now()

    def _list_recurring(self, query: dict[str, str], *_: Any) -> dict[str, Any]:
        return page("recurringRuns", self._in_namespace(self.recurring, query), query)

    def _create_recurring(self, query: dict[str, str], body: bytes, *_: Any) -> dict[str, Any]:
        _only(query, set())
        made = _document("V2beta1RecurringRun", body)
        self._allowed(made.get("namespace"))
        self._version_of(made)
        by_cron, by_time = (made["trigger"].get(name) for name in ("cron_schedule", "periodic_schedule"))
        is_timed = len(by_cron["cron"].split()) == 6 if by_cron else by_time and int(by_time["interval_second"]) > 0
        if not is_timed or int(made["max_concurrency"]) not in range(1, 11):
            raise Refused(400, "Invalid input error: the schedule")
        made |= {"recurring_run_id": str(uuid.uuid4()), "created_at": _now(), "status": "ENABLED"}
        self.recurring[made["recurring_run_id"]] = made
        return made

    def _delete_recurring(self, identifier: str, query: dict[str, str], *_: Any) -> dict[str, Any]:
        _only(query, set())
        self._recurring(identifier)
        del self.recurring[identifier]
        with self.lock:
            for run in self.runs.values():  # their workflows are owned by it, and go with it
                if run.document.get("recurring_run_id") == identifier and run.state in ("PENDING", "RUNNING"):
                    self._cancel(run)
        if self.losing:
            self.losing = False
            raise Refused(504, "the answer is lost", 4)
        return {}

    def _switch_recurring(self, mode: str, identifier: str, query: dict[str, str], *_: Any) -> dict[str, Any]:
        _only(query, set())
        self._recurring(identifier)["mode"] = mode
        return {}

    def _recurring(self, identifier: str) -> dict[str, Any]:
        if identifier not in self.recurring:
            raise Refused(404, f"recurring run {identifier} not found", 5)
        return self.recurring[identifier]

    def begin(self, identifier: str) -> Run:
        """Begin a run of a recurring one, as the scheduled workflow's controller does when the time has come."""
        of = self._recurring(identifier)
        kept = ("experiment_id", "pipeline_version_reference", "runtime_config")
        run = {"display_name": f"{of['display_name']}-1", **{key: of[key] for key in kept if key in of}}
        made = self.runs[self._create_run({}, json.dumps(run).encode())["run_id"]]
        made.document["recurring_run_id"] = identifier  # which the server sets, and no client
        return made

    # ---------------------------------------------------------------- runs

    def _happened(self, run: Run, event: dict[str, Any]) -> None:
        with self.lock:
            if run.state == "CANCELED":
                return
            if "pid" in event:
                run.pid, run.state = event["pid"], "RUNNING"
            elif event.get("over"):
                failed = not run.tasks or any(task.state != "SUCCEEDED" for task in run.tasks.values())
                run.state, run.finished = "FAILED" if failed else "SUCCEEDED", _now()
            elif event["state"] == "RUNNING":
                task = Task(event["task"], _now(), event["place"], log=(_size(run), None))
                run.tasks[f"{event['place']}/{event['task']}"] = task
            else:
                task = run.tasks[f"{event['place']}/{event['task']}"]
                if event["state"] == "SUCCEEDED":
                    self._launch_out(run, task)
                task.log = (task.log[0], _size(run))
                task.state, task.ended, task.message = event["state"], _now(), event["message"]

    def _launch_out(self, run: Run, task: Task) -> None:
        """Put a task's outputs where KFP's launcher does."""
        root = (run.document.get("runtime_config") or {}).get("pipeline_root")
        if root is None or self._upload is None:
            return
        turn = f"{task.place}/" if "-iteration-" in task.place else ""
        if task.name == "importer":
            return  # what it gives lies where it was
        (written,) = (run.folder / "root").glob(f"*/{turn}{task.name}/executor_output.json")
        version = self.versions[run.document["pipeline_version_reference"]["pipeline_version_id"]]
        pipeline = version["pipeline_spec"]["pipelineInfo"]["name"]
        place = f"{root}/{pipeline}/{run.document['run_id']}/{task.name}/{uuid.uuid4()}"
        for name, found in json.loads(written.read_text())["artifacts"].items():
            path = Path(found["artifacts"][0]["uri"])
            if path.exists():
                self._upload(f"{place}/{name}", path)

    def _kill(self, run: Run) -> None:
        if run.pid is not None and run.state in ("PENDING", "RUNNING"):
            with contextlib.suppress(ProcessLookupError):
                os.killpg(run.pid, signal.SIGKILL)

    def _told(self, run: Run) -> dict[str, Any]:
        with self.lock:
            nodes = [node for task in run.tasks.values() for node in _nodes(run.document["run_id"], task)]
            return {
                **run.document,
                "state": run.state,
                "finished_at": run.finished,
                "run_details": {"task_details": nodes},
            }

    def _run(self, run_id: str, query: dict[str, str]) -> Run:
        _only(query, {"experiment_id"})
        if run_id not in self.runs:
            raise Refused(404, f"run {run_id} not found", 5)
        return self.runs[run_id]

    def _in_namespace(self, kept: dict[str, dict[str, Any]], query: dict[str, str]) -> list[dict[str, Any]]:
        self._allowed(query.get("namespace"))
        return [each for each in kept.values() if self.namespaces is None or each["namespace"] == query["namespace"]]

    def _allowed(self, namespace: str | None) -> None:
        if self.namespaces is None and namespace:
            raise Refused(400, "In single-user mode there are no namespaces")
        if self.namespaces is not None and namespace not in self.namespaces:
            raise Refused(403, f"user is not authorized in namespace {namespace}", 7)


def _nodes(run_id: str, task: Task) -> list[dict[str, Any]]:
    """A task as the nodes that Argo makes of it, with what KFP's server tells of each: no error, no pod."""
    times = {"create_time": task.started, "start_time": task.started, "end_time": task.ended}

    def node(name: str, identifier: str, *children: str, **more: Any) -> dict[str, Any]:
        return {
            "run_id": run_id,
            "task_id": f"{run_id}-{task.place}-{identifier}",
            "display_name": name,
            "state": task.state,
            "child_tasks": [{"pod_name": f"wf-{run_id}-{child}"} for child in children],
            **times,
            **more,
        }

    return [
        node(f"{task.name}-driver", f"{task.name}-driver", task.name, state="SUCCEEDED", end_time=task.started),
        node(task.name, task.name, f"{task.name}-executor"),
        node("executor", f"{task.name}-executor"),
    ]


def _document(kind: str, body: bytes) -> dict[str, Any]:
    document = json.loads(body)
    shapes.check(kind, document)
    return dict(document)


def _only(query: dict[str, str], known: set[str]) -> None:
    if unknown := sorted(set(query) - known):
        raise Refused(400, f"unknown query parameter {unknown[0]}")


def page(name: str, found: list[dict[str, Any]], query: dict[str, str]) -> dict[str, Any]:
    _only(query, LISTING)
    if "filter" in query:
        document = json.loads(query["filter"])
        shapes.check("V2beta1Filter", document)
        for predicate in document["predicates"]:
            if predicate["operation"] != "EQUALS":
                raise Refused(400, "this emulator knows EQUALS only")
            found = [each for each in found if each.get(predicate["key"]) == predicate["string_value"]]
    if "sort_by" in query:
        key, _, order = query["sort_by"].partition(" ")
        found = sorted(found, key=lambda each: each[key], reverse=order == "desc")
    size = int(query.get("page_size") or 10)
    start = int(query.get("page_token") or 0)
    more = {"next_page_token": str(start + size)} if start + size < len(found) else {}
    return {name: found[start : start + size], "total_size": len(found), **more} if found else {}


def _new(kept: dict[str, dict[str, Any]], made: dict[str, Any], key: str) -> None:
    if any((each[key], each.get("namespace")) == (made[key], made.get("namespace")) for each in kept.values()):
        raise Refused(409, f"Already exist error: {made[key]}", 6)


@functools.cache
def _definition() -> tuple[Any, Any]:
    """KFP's own definition of a pipeline, and what reads it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from google.protobuf import json_format
        from kfp.pipeline_spec import pipeline_spec_pb2
    return json_format, pipeline_spec_pb2


def _pipeline(text: str) -> dict[str, Any]:
    """The uploaded pipeline, held to KFP's own definition of one."""
    import yaml

    json_format, pipeline_spec_pb2 = _definition()
    document = next(iter(yaml.load_all(text, Loader=yaml.CSafeLoader)))
    try:
        json_format.ParseDict(document, pipeline_spec_pb2.PipelineSpec())
    except json_format.ParseError as error:
        raise Refused(400, f"Invalid pipeline spec: {error}") from error
    return dict(document)


def _size(run: Run) -> int:
    return (run.folder / "log.txt").stat().st_size


def _now() -> str:
    return datetime.datetime.fromtimestamp(time.time(), datetime.UTC).isoformat()
