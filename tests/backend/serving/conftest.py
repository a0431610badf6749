"""Real models in a real registry, logged once for all tests, and a real server on one of them."""

from __future__ import annotations

import contextlib
import functools
import http.client
import json
import os
import re
import subprocess
import sys
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from labline_backend.home import Home
from labline_backend.registry import RegisteredVersion
from labline_backend.serving.checks import Checks
from labline_backend.serving.predictor import Predictor, load
from labline_backend.tracking.location import Location

from ..stores import copy_into, set_up, using
from .models import frame, log_models, mixed_frame

REPOSITORY = Path(__file__).parents[3]
SECONDS = 240  # after which something that hangs has failed
TOKEN = "a token that only tests know"


@dataclass
class Registry:
    """A data folder with registered models."""

    home: Home
    _loaded: dict[str, Predictor] = field(default_factory=dict)
    _references: dict[str, Any] = field(default_factory=dict)

    @property
    def location(self) -> Location:
        return Location.find(self.home, {})

    @property
    def checks(self) -> Checks:
        return Checks(self.home, self.location)

    def predictor(self, name: str) -> Predictor:
        """The model as the server has it."""
        if name not in self._loaded:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # MLflow's, on the classes of a model that another worker has logged
                self._loaded[name] = load(RegisteredVersion(name, "1"), self.checks)
        return self._loaded[name]

    def pyfunc(self, name: str, rows: Any) -> Any:
        """What MLflow itself predicts."""
        import mlflow

        with using(self.location.uri):
            if name not in self._references:
                self._references[name] = mlflow.pyfunc.load_model(f"models:/{name}/1")
            return self._references[name].predict(rows)


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """Models that were logged as users log them."""
    home = Home.open(tmp_path_factory.mktemp("registry"))
    return Registry(copy_into(home, tmp_path_factory, log_models, ("logistic", "prices", "pixels", "ratio", "scaled")))


def filled(registry: Registry) -> Registry:
    """Log the models. Requirements are given: working them out takes half a minute."""
    set_up(registry.home, log_models)
    return registry


@dataclass
class Server:
    """A ``labline serve`` process."""

    process: subprocess.Popen[str]
    port: int
    said: str

    @property
    def grpc(self) -> str:
        """Where it is asked by gRPC."""
        found = re.search(r"gRPC: (\S+)", self.said)
        assert found is not None
        return found[1]

    def connect(self) -> http.client.HTTPConnection:
        """A connection that stays open."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)

    def ask(
        self,
        path: str,
        body: Any = None,
        *,
        method: str | None = None,
        connection: http.client.HTTPConnection | None = None,
        token: str | None = TOKEN,
        **headers: str,
    ) -> Answer:
        """One request; a body that is not bytes is sent as JSON."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if token is not None:
            sent.setdefault("authorization", f"Bearer {token}")
        if body is not None and not isinstance(body, bytes) and not hasattr(body, "__next__"):
            body = json.dumps(body).encode()
            sent.setdefault("content-type", "application/json")
        with contextlib.ExitStack() as stack:
            used = connection or stack.enter_context(contextlib.closing(self.connect()))
            used.request(method or ("GET" if body is None else "POST"), path, body, sent)
            response = used.getresponse()
            return Answer(response.status, dict(response.headers.items()), response.read())

    def memory(self) -> int:
        """Resident bytes."""
        import psutil

        return int(psutil.Process(self.process.pid).memory_info().rss)


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Start = Callable[..., contextlib.AbstractContextManager[Server]]


@pytest.fixture(scope="session")
def start(registry: Registry) -> Start:
    """Start ``labline serve`` with these arguments, and wait until it says that the model is served."""
    return functools.partial(started, registry)


@contextlib.contextmanager
def started(registry: Registry, *arguments: str) -> Iterator[Server]:
    """``labline serve`` with these arguments, from when it serves."""
    places = [str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")]
    process = subprocess.Popen(
        [sys.executable, "-m", "labline_backend", "serve", *arguments, "--port", "0", "--token-env", "TEST_TOKEN"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join(places),
            "LABLINE_HOME": str(registry.home.root),
            "TEST_TOKEN": TOKEN,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert process.stdout is not None
        said = ""
        while "Ctrl-C" not in said:
            line = process.stdout.readline()
            if not line:
                pytest.fail(f"the server ended: {process.communicate()[1]}")
            said += line
        found = re.search(r"http://127\.0\.0\.1:(\d+)", said)
        assert found is not None
        yield Server(process, int(found[1]), said)
    finally:
        process.kill()
        process.communicate()


def place(registry: Registry, forest: Server, prices: Server) -> dict[str, Any]:
    """What clients are told (``tests/clients``), with what MLflow itself predicts."""
    rows, mixed = frame(5), mixed_frame(5).fillna(80.0)
    return {
        "token": TOKEN,
        "http": f"127.0.0.1:{forest.port}",
        "mixed_http": f"127.0.0.1:{prices.port}",
        "grpc": forest.grpc,
        "mixed_grpc": prices.grpc,
        "rows": rows.to_numpy().tolist(),
        "expected": registry.pyfunc("forest", rows).tolist(),
        "mixed_rows": mixed.to_dict(orient="list"),
        "mixed_expected": registry.pyfunc("prices", mixed).tolist(),
    }


@pytest.fixture(scope="session")
def server(start: Start) -> Iterator[Server]:
    """A server of the forest, with a small limit on bodies."""
    with start("forest@champion", "--max-body", "1") as server:
        yield server


def tensor(rows: Any, name: str = "rows", datatype: str = "FP64") -> dict[str, Any]:
    """Rows as one tensor of the V2 protocol."""
    values = np.asarray(rows)
    return {"name": name, "shape": list(values.shape), "datatype": datatype, "data": values.ravel().tolist()}


def infer(rows: Any, **more: Any) -> dict[str, Any]:
    """A V2 request."""
    return {"inputs": [tensor(rows)], **more}
