"""Servers of other projects beside ours, with the models of ``servers/fit.py``: CPU of a request, by model and load.

They take turns, so that ratios hold on a machine that is busy with other things. The CPU is that of a server's process
and all that it has started. Printed, too, are memory, the CPU until the first answer, how many requests a second were
answered and how long they took; these depend on what else the machine does.
"""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import psutil

from labline_backend.home import Home
from labline_backend.tracking.location import Location

from . import asking, peers
from .serving import HEADERS, TOKEN, cpu_of, free_port, started

SERVERS = Path(__file__).parent / "servers"
ROUNDS = 3
SECONDS = 1.0
"""Of asking: a contender, a load and a round."""

START_SECONDS = 300.0
PACKAGES = {
    "kserve": ("kserve", "scikit-learn", "joblib"),
    "bentoml": ("bentoml", "scikit-learn"),
    "mlserver": ("mlserver", "mlserver-sklearn", "uvloop==0.21.0"),
    "fastapi": ("fastapi", "uvicorn[standard]", "scikit-learn"),
}
LOADS = tuple(itertools.product((1, 256), (1, 8, 64)))
"""Rows of a request, and connections."""


@dataclass
class Contender:
    """A server, and how it is asked for so many rows."""

    name: str
    process: psutil.Process
    port: int
    path: str
    body: dict[int, bytes]
    headers: dict[str, str] = field(default_factory=lambda: HEADERS)


def rows(count: int) -> Any:
    return np.random.default_rng(1).normal(size=(count, 4))


def v2(count: int, **more: object) -> bytes:
    tensor = {"name": "rows", "shape": [count, 4], "datatype": "FP64", "data": rows(count).ravel().tolist()}
    return json.dumps({"inputs": [tensor], **more}).encode()


def plain(count: int) -> bytes:
    return json.dumps({"rows": rows(count).tolist()}).encode()


def split(count: int) -> bytes:
    return json.dumps({"dataframe_split": {"columns": list("abcd"), "data": rows(count).tolist()}}).encode()


def by_size(make: Callable[[int], bytes]) -> dict[int, bytes]:
    return {count: make(count) for count in (1, 256)}


def binary(count: int) -> tuple[bytes, str]:
    """The binary tensor extension, both ways; and the length of the JSON before the tensor."""
    raw = rows(count).tobytes()
    tensor = {"name": "rows", "shape": [count, 4], "datatype": "FP64", "parameters": {"binary_data_size": len(raw)}}
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    return head + raw, str(len(head))


class Bench:
    """All servers of one model."""

    def __init__(self, kind: str) -> None:
        self.NAME = f"serving_peers_{kind}"
        self.TITLE = f"CPU of a request to a served model ({kind}), beside peers"
        self.REFERENCE = "labline, 1 x 8"
        self._kind = kind

    def measure(self) -> dict[str, list[float]]:
        """CPU seconds of one request, by contender, rows and connections."""
        samples: dict[str, list[float]] = {}
        walls: dict[str, list[asking.Answered]] = {}
        with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack, warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = list(_all(self._kind, Path(folder), stack))
            for _, (count, connections), each in itertools.product(range(ROUNDS), LOADS, found):
                if count not in each.body:
                    continue
                before = cpu_of(each.process)
                answered = asking.ask(each.port, each.path, each.body[count], each.headers, connections, SECONDS)
                name = f"{each.name}, {count} x {connections}"
                samples.setdefault(name, []).append((cpu_of(each.process) - before) / answered.requests)
                walls.setdefault(name, []).append(answered)
        for name, rounds in walls.items():
            middle = sorted(rounds, key=lambda each: each.requests / each.seconds)[len(rounds) // 2]
            rate, median, late = middle.requests / middle.seconds, middle.median * 1e3, middle.late * 1e3
            print(f"  {name:40}{rate:8.0f} requests/s, half of them within {median:7.2f} ms, 99 % within {late:8.2f}")
        return samples


BENCHMARKS = (Bench("logistic"), Bench("forest"))


def _all(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    for make in (_echo, _ours, _mlflow, _naive, _kserve, _bento, _mlserver):
        try:
            found = list(make(kind, folder, stack))
        except (subprocess.CalledProcessError, RuntimeError) as error:
            print(f"  {make.__name__[1:]} is left out: {error}", flush=True)
            continue
        yield from found


def _answering(contender: Contender) -> Contender:
    """Wait until a server answers; print what it took, and warm it up."""
    end = time.monotonic() + START_SECONDS
    first = contender.body[min(contender.body)]
    said = "nothing"
    while time.monotonic() < end and contender.process.status() != psutil.STATUS_ZOMBIE:
        connection = http.client.HTTPConnection("127.0.0.1", contender.port, timeout=START_SECONDS)
        with contextlib.closing(connection), contextlib.suppress(OSError, http.client.HTTPException):
            connection.request("POST", contender.path, first, contender.headers)
            answer = connection.getresponse()
            said = f"{answer.status}: {answer.read()[:300]!r}"
            if answer.status == 200:
                _tell_start(contender)
                for body in contender.body.values():
                    asking.ask(contender.port, contender.path, body, contender.headers, 8, SECONDS / 2)
                return contender
            if answer.status not in (404, 503):  # it is not there yet
                break
        time.sleep(0.2)
    raise RuntimeError(f"{contender.name} answers {said}")


def _tell_start(contender: Contender) -> None:
    family = [contender.process, *contender.process.children(recursive=True)]
    cpu = cpu_of(contender.process)
    own = sum(member.memory_full_info().uss for member in family) / 1e6
    resident = sum(member.memory_info().rss for member in family) / 1e6
    print(
        f"  {contender.name:24} first answer after {cpu:5.1f} s of CPU, {resident:4.0f} MB, {own:4.0f} of its own",
        flush=True,
    )


def _run(stack: contextlib.ExitStack, command: list[str], variables: dict[str, str] | None = None) -> psutil.Process:
    return psutil.Process(stack.enter_context(started(command, variables or {})).pid)


def _fitted(python: Path, kind: str, folder: Path, name: str) -> Path:
    file = folder / f"{name}.joblib"
    subprocess.run([str(python), str(SERVERS / "fit.py"), kind, str(file)], check=True)
    return file


def _echo(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    port = free_port()
    process = _run(stack, [sys.executable, str(SERVERS / "echo.py"), str(port)])
    yield _answering(Contender("echo", process, port, "/", by_size(v2)))


def _ours(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    from labline_backend.tracking.recorder import prepare_store

    home = Home.open(folder / "home")
    location = Location.find(home, {})
    assert location.artifacts is not None
    prepare_store(location.uri, location.artifacts)
    subprocess.run(
        [sys.executable, "-m", "tests.bench.servers.register", kind],
        env={**os.environ, **location.environment()},
        check=True,
    )
    for name, more in (("labline", []), ("labline, ONNX", ["--onnx", "1e-6"])):
        port = free_port()
        process = _run(
            stack,
            [sys.executable, "-m", "labline_backend", "serve", kind, "--port", str(port), "--token-env", "T", *more],
            {"LABLINE_HOME": str(home.root), "T": TOKEN},
        )
        path = f"/v2/models/{kind}/infer"
        yield _answering(Contender(name, process, port, path, by_size(v2)))
        body, length = binary(256)
        headers = {**HEADERS, "content-type": "application/octet-stream", "inference-header-content-length": length}
        yield Contender(f"{name}, binary", process, port, path, {256: body}, headers)
        if not more:
            yield Contender(f"{name}, /invocations", process, port, "/invocations", by_size(split))


def _mlflow(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    port = free_port()
    arguments = ["--model-uri", f"models:/{kind}/1", "--env-manager", "local", "--host", "127.0.0.1"]
    variables = Location.find(Home.open(folder / "home"), {}).environment()
    command = [sys.executable, "-m", "mlflow", "models", "serve", *arguments, "--port", str(port)]
    process = _run(stack, command, variables)
    yield _answering(Contender("mlflow models serve", process, port, "/invocations", by_size(split)))


def _naive(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    python, port = peers.environment("fastapi", *PACKAGES["fastapi"]), free_port()
    model = _fitted(python, kind, folder, "naive")
    process = _run(stack, [str(python), str(SERVERS / "naive.py"), str(model), str(port)])
    yield _answering(Contender("FastAPI", process, port, "/predict", by_size(plain)))


def _kserve(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    python, port = peers.environment("kserve", *PACKAGES["kserve"]), free_port()
    model = _fitted(python, kind, folder, "kserve")
    process = _run(stack, [str(python), str(SERVERS / "kserved.py"), str(model), str(port)])
    yield _answering(Contender("KServe", process, port, "/v2/models/m/infer", by_size(v2)))


def _bento(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    python, port = peers.environment("bentoml", *PACKAGES["bentoml"]), free_port()
    model = _fitted(python, kind, folder, "bento")
    place = ["--working-dir", str(SERVERS), "--host", "127.0.0.1", "--port", str(port)]
    quiet = {"MODEL": str(model), "BENTOML_HOME": str(folder / "bento"), "BENTOML_DO_NOT_TRACK": "true"}
    process = _run(stack, [str(python), "-m", "bentoml", "serve", "bento:Served", *place], quiet)
    yield _answering(Contender("BentoML", process, port, "/predict", by_size(plain)))


def _mlserver(kind: str, folder: Path, stack: contextlib.ExitStack) -> Iterator[Contender]:
    python, port = peers.environment("mlserver", *PACKAGES["mlserver"]), free_port()
    place = folder / "mlserver"
    place.mkdir()
    model = _fitted(python, kind, place, "model")
    parameters = {"uri": str(model)}
    settings = {"name": "m", "implementation": "mlserver_sklearn.SKLearnModel", "parameters": parameters}
    (place / "model-settings.json").write_text(json.dumps(settings))
    ports = {"http_port": port, "grpc_port": free_port(), "metrics_port": free_port()}
    (place / "settings.json").write_text(json.dumps({"host": "127.0.0.1", "parallel_workers": 0, **ports}))
    process = _run(stack, [str(python.with_name("mlserver")), "start", str(place)])

    def asked(count: int) -> bytes:
        return v2(count, outputs=[{"name": "predict_proba"}])

    yield _answering(Contender("MLServer", process, port, "/v2/models/m/infer", by_size(asked)))
