"""One row a request, eight connections: CPU of the server's processes for a request, not the time that it takes.

Time says how busy the machine is; CPU says what a request costs. The client is a process of its own.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil

from labline_backend.home import Home
from labline_backend.tracking.location import Location
from labline_runtime import telemetry

from ..backend.serving.models import COLUMNS, frame, log_models
from . import asking

NAME = "serving_one_row"
TITLE = "CPU of a request: logistic regression and random forest, one row, eight connections"
REFERENCE = "mlflow models serve, logistic"
ROUNDS = 3
CONNECTIONS = 8
SECONDS = 1.0  # of asking, a contender and a round
START_SECONDS = 180.0
TOKEN = "bench"
HEADERS = {"content-type": "application/json", "authorization": f"Bearer {TOKEN}"}
MODELS = ("logistic", "forest")


@dataclass(frozen=True)
class Contender:
    """A way of asking a server."""

    name: str
    process: psutil.Process
    port: int
    path: str
    body: bytes


def measure() -> dict[str, list[float]]:
    """CPU seconds for one request, by contender; the contenders take turns."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        home = Home.open(Path(folder))
        location = Location.find(home, {})
        _register(location)
        contenders = [c for model in MODELS for c in (*_ours(model, home, stack), _theirs(model, location, stack))]
        for contender in contenders:
            _ask(contender)  # the first requests warm up
        samples: dict[str, list[float]] = {contender.name: [] for contender in contenders}
        for _ in range(ROUNDS):
            for contender in contenders:
                before = cpu_of(contender.process)
                answered = _ask(contender)
                samples[contender.name].append((cpu_of(contender.process) - before) / answered.requests)
        return samples


def _register(location: Location) -> None:
    from labline_backend.tracking.recorder import prepare_store

    assert location.artifacts is not None
    prepare_store(location.uri, location.artifacts)
    log_models(location.uri)


def _ours(model: str, home: Home, stack: contextlib.ExitStack) -> Iterator[Contender]:
    process = stack.enter_context(
        started(
            [sys.executable, "-m", "labline_backend", "serve", model, "--port", "0", "--token-env", "BENCH_TOKEN"],
            {"LABLINE_HOME": str(home.root), "BENCH_TOKEN": TOKEN},
            stdout=subprocess.PIPE,
        )
    )
    assert process.stdout is not None
    said = ""
    while "Ctrl-C" not in said:
        line = process.stdout.readline()
        assert line, "the server ended"
        said += line
    found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
    assert found is not None
    row = frame(1).to_numpy()
    tensor = {"name": "rows", "shape": [1, len(COLUMNS)], "datatype": "FP64", "data": row.ravel().tolist()}
    watched = psutil.Process(process.pid)
    v2 = json.dumps({"inputs": [tensor]}).encode()
    yield Contender(f"labline, V2, {model}", watched, int(found[1]), f"/v2/models/{model}/infer", v2)
    split = _split()
    yield Contender(f"labline, /invocations, {model}", watched, int(found[1]), "/invocations", split)


def _theirs(model: str, location: Location, stack: contextlib.ExitStack) -> Contender:
    port = free_port()
    arguments = ["--model-uri", f"models:/{model}/1", "--env-manager", "local", "--host", "127.0.0.1"]
    process = stack.enter_context(
        started(
            [sys.executable, "-m", "mlflow", "models", "serve", *arguments, "--port", str(port)], location.environment()
        )
    )
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end and process.poll() is None:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                break
        time.sleep(0.1)
    assert process.poll() is None, "mlflow's server ended"
    name = f"mlflow models serve, {model}"
    return Contender(name, psutil.Process(process.pid), port, "/invocations", _split())


def _split() -> bytes:
    row = frame(1)
    return json.dumps({"dataframe_split": {"columns": list(row.columns), "data": row.to_numpy().tolist()}}).encode()


@contextlib.contextmanager
def started(
    command: list[str], variables: dict[str, str], stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])  # mlflow starts uvicorn by name
    environment = {**os.environ, "PATH": path, **telemetry.OFF, **variables}
    process = subprocess.Popen(command, env=environment, stdout=stdout, stderr=subprocess.DEVNULL, text=True)
    family = psutil.Process(process.pid)
    try:
        yield process
    finally:
        with contextlib.suppress(psutil.NoSuchProcess):
            for member in [*family.children(recursive=True), family]:
                member.kill()
        process.communicate()


def cpu_of(process: psutil.Process) -> float:
    """CPU seconds of a process and all it has started."""
    times = [member.cpu_times() for member in (process, *process.children(recursive=True))]
    return sum(spent.user + spent.system for spent in times)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _ask(contender: Contender) -> asking.Answered:
    return asking.ask(contender.port, contender.path, contender.body, HEADERS, CONNECTIONS, SECONDS)
