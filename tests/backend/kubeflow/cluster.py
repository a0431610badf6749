"""The part of Kubernetes' API that tells a user's rights, and the pods of the emulator's runs with their logs."""

from __future__ import annotations

import json
import re
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import yaml

from tests.backend.kubeflow.emulator import Emulator, Run, Task

TOKEN = "abc"


class Cluster(ThreadingHTTPServer):
    """The server; a context manager."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator
        self.denied: set[tuple[str, str]] = set()
        self.asked: list[dict[str, Any]] = []
        super().__init__(("127.0.0.1", 0), _Calls)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02})
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()

    def kubeconfig(self, folder: Path) -> str:
        """A file that leads here."""
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "c", "cluster": {"server": f"http://127.0.0.1:{self.server_address[1]}"}}],
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

    def pods(self, selector: str) -> list[dict[str, Any]]:
        """The pods of a run, those of the drivers too."""
        run = self.emulator.runs[selector.removeprefix("pipeline/runid=")]
        return [pod for task in run.tasks.values() for pod in (_driver(task), _executor(run, task))]

    def log(self, pod: str) -> bytes:
        """What a task has written so far."""
        for run in self.emulator.runs.values():
            for task in run.tasks.values():
                if pod == _pod(run, task):
                    with (run.folder / "log.txt").open("rb") as log:
                        log.seek(task.log[0])
                        return log.read(-1 if task.log[1] is None else task.log[1] - task.log[0])
        raise KeyError(pod)


def _pod(run: Run, task: Task) -> str:
    return f"{task.name}-{run.document['run_id'][:8]}-system-container-impl-1"


def _driver(task: Task) -> dict[str, Any]:
    return {
        "metadata": {
            "name": f"{task.name}-system-container-driver-1",
            "creationTimestamp": task.started,
            "annotations": {"workflows.argoproj.io/node-name": f"wf-x7.root.{task.name}-driver"},
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
            "annotations": {"workflows.argoproj.io/node-name": f"wf-x7.root.{task.name}.executor"},
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
        if address.path == pods:
            self._answer(200, {"kind": "PodList", "items": self.server.pods(query["labelSelector"])})
        elif found := re.fullmatch(pods + "/([^/]+)/log", address.path):
            assert query["container"] == "main"
            self._answer(200, self.server.log(found[1])[: int(query["limitBytes"])])
        else:
            self._answer(404, {"kind": "Status", "code": 404})

    def do_POST(self) -> None:
        review = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if not self._is_known():
            return
        if self.path == "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews":
            self._answer(201, self.server.review(review))
        else:
            self._answer(404, {"kind": "Status", "code": 404})

    def _is_known(self) -> bool:
        if self.headers["Authorization"] == f"Bearer {TOKEN}":
            return True
        self._answer(401, {"kind": "Status", "code": 401})
        return False

    def _answer(self, status: int, document: dict[str, Any] | bytes) -> None:
        content = document if isinstance(document, bytes) else json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain" if isinstance(document, bytes) else "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
