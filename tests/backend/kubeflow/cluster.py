"""The part of Kubernetes' API that tells a user's rights, and the pods of the emulator's runs with their logs."""

from __future__ import annotations

import contextlib
import datetime
import json
import re
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

from tests.backend.kubeflow.emulator import Emulator, Run, Task
from tests.backend.kubeflow.forwarding import Backend, Forwarding

TOKEN = "abc"
KINDS = "secrets|configmaps|persistentvolumeclaims|serviceaccounts"


class Cluster(ThreadingHTTPServer):
    """The server; a context manager."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.denied: set[tuple[str, str]] = set()
        self.things: set[str] = set()  # secrets, claims and such that there are, as KIND/NAME
        self.keys: dict[str, set[str]] = {}  # what of such a thing is recorded to have been set
        self.quotas: dict[str, dict[str, str]] = {}  # name -> what it gives
        self.fault: tuple[str, bytes] | None = None  # a pattern of calls, and what they are answered in place of HTTP
        self.policy: str | None = None  # why no pod is taken
        self.tried: list[dict[str, Any]] = []  # pods of dry runs that were taken
        self.hidden = False  # whether this user may see neither
        self.asked: list[dict[str, Any]] = []
        self.forwarding = Forwarding({"ml-pipeline-a": Backend(emulator.port)})
        self.authority: Path | None = None  # whose certificate it serves https with
        self.times: dict[str, list[datetime.datetime]] = {}  # of each pod's lines
        self.given: list[int] = []  # how many lines each look at a log was answered with
        super().__init__(("127.0.0.1", 0), _Calls)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.forwarding.cut()
        self.shutdown()
        self._thread.join()
        self.server_close()

    def kubeconfig(self, folder: Path) -> str:
        """A file that leads here."""
        address = f"{'https' if self.authority else 'http'}://127.0.0.1:{self.server_address[1]}"
        trusted = {"certificate-authority": str(self.authority)} if self.authority else {}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": address, **trusted}}],
            "users": [{"name": "u", "user": {"token": TOKEN}}],
            "contexts": [{"name": "here", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "here",
        }
        (folder / "kubeconfig").write_text(yaml.safe_dump(document))
        return str(folder / "kubeconfig")

    def review(self, review: dict[str, Any]) -> dict[str, Any]:
        """A SelfSubjectAccessReview's answer."""
        asked = review["spec"]["resourceAttributes"]
        self.asked.append(asked)
        resource = "/".join(filter(None, [asked["resource"], asked.get("subresource")]))
        return {**review, "status": {"allowed": (asked["verb"], resource) not in self.denied}}

    def take(self, pod: dict[str, Any]) -> tuple[int, str]:
        """The status for a pod of a dry run, and what is said of it: schema and labels as Kubernetes has them."""
        try:
            kubernetes_validate.validate(pod, "1.34", strict=True)
        except kubernetes_validate.ValidationError as error:
            return 400, f"Pod in version v1 cannot be handled as a Pod: {error.message}"
        for value in pod["metadata"]["labels"].values():
            if not re.fullmatch(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", value):
                return 422, f'Pod "x" is invalid: metadata.labels: Invalid value: "{value}"'
        if sum(len(key) + len(value) for key, value in pod["metadata"].get("annotations", {}).items()) > 262_144:
            return 422, 'Pod "x" is invalid: metadata.annotations: Too long: may not be more than 262144 bytes'
        if self.policy is not None:
            return 403, self.policy
        self.tried.append(pod)
        return 201, ""

    def pods(self, selector: str) -> list[dict[str, Any]]:
        """The pods of a run, those of the drivers too."""
        run = self.emulator.runs[selector.removeprefix("pipeline/runid=")]
        return [pod for task in run.tasks.values() for pod in (_driver(task), _executor(run, task))]

    def log(self, pod: str, query: dict[str, str]) -> bytes:
        """What a task has written so far, as the *query* asks for it: each line with the time at which it was seen."""
        assert query["timestamps"] == "True"
        lines = self._written(pod).splitlines(keepends=True)
        times = self.times.setdefault(pod, [])
        if len(lines) < len(times):  # another pod of the same name, of a run that was tried again
            times.clear()
        now = datetime.datetime.now(datetime.UTC)
        times += [now] * (len(lines) - len(times))
        since = now - datetime.timedelta(seconds=int(query.get("sinceSeconds", 10**9)))
        found = [f"{time:%Y-%m-%dT%H:%M:%S.%f}000Z ".encode() + line for time, line in zip(times, lines, strict=True)]
        self.given.append(len(wanted := [line for time, line in zip(times, found, strict=True) if time >= since]))
        return b"".join(wanted)[: int(query["limitBytes"])]

    def _written(self, pod: str) -> bytes:
        for run in self.emulator.runs.values():
            for task in run.tasks.values():
                if pod == _pod(run, task):
                    with (run.folder / "log.txt").open("rb") as log:
                        log.seek(task.log[0])
                        return log.read(-1 if task.log[1] is None else task.log[1] - task.log[0])
        raise KeyError(pod)


def _pod(run: Run, task: Task) -> str:
    turn = task.place.rpartition("-")[2] if task.place else "1"
    return f"{task.name}-{run.document['run_id'][:8]}-system-container-impl-{turn}"


def _node(task: Task) -> str:
    """Argo's name of a task's node."""
    loop, _, turn = task.place.rpartition("-iteration-")
    return f"wf-x7.root.{f'{loop}.iteration-iterations({turn}:{turn}).iteration-item.' if loop else ''}{task.name}"


def _driver(task: Task) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"{task.name}-system-container-driver-1",
            "creationTimestamp": task.started,
            "annotations": {"workflows.argoproj.io/node-name": f"{_node(task)}-driver"},
        },
        "status": {"phase": "Succeeded"},
    }


def _executor(run: Run, task: Task) -> dict[str, Any]:
    ended = {"exitCode": 0 if task.state == "SUCCEEDED" else 1, "reason": "Error", "message": task.message}
    state = {"running": {"startedAt": task.started}} if task.state == "RUNNING" else {"terminated": ended}
    status = {"name": "main", "image": "x", "imageID": "x", "ready": False, "restartCount": 0, "state": state}
    return {
        "metadata": {
            "name": _pod(run, task),
            "creationTimestamp": task.started,
            "annotations": {"workflows.argoproj.io/node-name": f"{_node(task)}.executor"},
        },
        "status": {"phase": "Running", "containerStatuses": [status]},
    }


class _Calls(BaseHTTPRequestHandler):
    server: Cluster

    def do_GET(self) -> None:
        address = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(address.query))
        pods = "/api/v1/namespaces/kubeflow/pods"
        if not self._is_known():
            return
        if self._forwards(address.path, query):
            return
        if address.path == pods:
            self._answer(200, {"kind": "PodList", "items": self.server.pods(query["labelSelector"])})
        elif found := re.fullmatch(f"/api/v1/namespaces/kubeflow/((?:{KINDS})/.+)", address.path):
            assert "as=PartialObjectMetadata" in self.headers["Accept"]  # nobody asks for what is in a secret
            status = 403 if self.server.hidden else 200 if found[1] in self.server.things else 404
            keys = {f"f:{key}": {} for key in self.server.keys.get(found[1], ())}
            managed = [{"manager": "kubectl", "fieldsV1": {"f:data": {".": {}, **keys}, "f:type": {}}}]
            self._answer(status, {"kind": "PartialObjectMetadata", "metadata": {"managedFields": managed}})
        elif address.path.rstrip("/") == "/version":
            rest = ("gitCommit", "gitTreeState", "buildDate", "goVersion", "compiler", "platform")
            told = {"major": "1", "minor": "34", "gitVersion": "v1.34.1", **dict.fromkeys(rest, "x")}
            self._answer(200, told)
        elif address.path == "/api/v1/namespaces/kubeflow/resourcequotas":
            quotas = [{"metadata": {"name": n}, "spec": {"hard": hard}} for n, hard in self.server.quotas.items()]
            self._answer(403 if self.server.hidden else 200, {"kind": "ResourceQuotaList", "items": quotas})
        elif found := re.fullmatch(pods + "/([^/]+)/log", address.path):
            assert query["container"] == "main"
            self._answer(200, self.server.log(found[1], query))
        else:
            self._answer(404, {"kind": "Status", "code": 404})

    def _forwards(self, path: str, query: dict[str, str]) -> bool:
        """Answer what a port-forward takes, where it is that."""
        forwarding = self.server.forwarding
        parts = path.removeprefix("/api/v1/namespaces/kubeflow/").split("/")
        is_list = parts == ["pods"] and not query["labelSelector"].startswith("pipeline/")
        kind = "pods/portforward" if parts[2:] == ["portforward"] else parts[0]
        if kind not in ("services", "pods/portforward") and not is_list:
            return False
        if kind in forwarding.denied:
            self._answer(403, {"kind": "Status", "code": 403, "message": f'User "u" cannot do that with {kind}'})
        elif is_list:
            assert query["labelSelector"] == ",".join(f"{k}={v}" for k, v in (forwarding.selector or {}).items())
            items = [pod.document(name) for name, pod in forwarding.pods.items()]
            self._answer(200, {"kind": "PodList", "items": items})
        elif parts == ["services", "ml-pipeline"]:
            self._answer(200, {"spec": {"ports": forwarding.ports, "selector": forwarding.selector}})
        elif kind == "pods/portforward" and parts[1] in forwarding.pods and not forwarding.pods[parts[1]].is_gone:
            forwarding.serve(self, parts[1], query)
        else:
            self._answer(404, {"kind": "Status", "code": 404, "message": "not found"})
        return True

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_known():
            return
        if self.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            self._answer(201, self.server.review(review))
        elif self.path == "/api/v1/namespaces/kubeflow/pods?dryRun=All":
            status, said = self.server.take(review)
            self._answer(status, review if status == 201 else {"kind": "Status", "code": status, "message": said})
        else:
            self._answer(404, {"kind": "Status", "code": 404})

    def _is_known(self) -> bool:
        if self.server.fault is not None and re.search(self.server.fault[0], self.path):
            self._fail(self.server.fault[1])
            return False
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            return True
        self._answer(401, {"kind": "Status", "code": 401})
        return False

    def _fail(self, answer: bytes) -> None:
        """Say *answer* and hang up; where it ends with dots go on with one after another; where it is empty wait."""
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.wfile.write(answer)
            if not answer:
                self.rfile.read(1)  # until the client has had enough
            for _ in range(6000 if answer.endswith(b"...") else 0):
                time.sleep(0.02)
                self.wfile.write(b".")

    def _answer(self, status: int, document: dict[str, Any] | bytes) -> None:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(document, bytes) else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
