"""A registry whose versions can be told apart, and endpoints of it: real keepers, real workers."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from labline_backend.endpoints.deploying import Endpoints, Found, Wish
from labline_backend.endpoints.folder import EndpointFolder
from labline_backend.home import Home

from ..stores import copy_into
from .models import log_versions

SECONDS = 400  # after which something that hangs has failed


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A data folder with the versions of ``tide``; those that can be loaded are checked."""
    checked = [f"tide/{number}" for number in range(1, 5)]
    return copy_into(Home.open(tmp_path_factory.mktemp("endpoints")), tmp_path_factory, log_versions, checked)


@pytest.fixture(scope="module")
def endpoints(home: Home) -> Iterator[Endpoints]:
    """The endpoints of the data folder; none outlives the tests."""
    with Endpoints(home) as endpoints:
        try:
            yield endpoints
        finally:
            for found in endpoints.all():
                end(home, found)


def end(home: Home, found: Found) -> None:
    """End an endpoint's processes at once."""
    keeper = EndpointFolder.of(home, found.endpoint.name).keeper()
    for pid in (keeper, *found.endpoint.status.workers):
        if pid is not None and found.alive:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)


@pytest.fixture(autouse=True)
def _own_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
        monkeypatch.delenv(name, raising=False)


Deploy = Callable[..., Found]


@pytest.fixture
def deploy(endpoints: Endpoints) -> Deploy:
    """Deploy, and wait until it is served."""

    def deploy(model: str = "tide/1", within: float = SECONDS, **wish: Any) -> Found:
        wanted = endpoints.deploy(Wish(model, **wish))
        found = endpoints.wait(wanted.endpoint.name, wanted.endpoint.generation, within)
        assert found.state == "ready", found
        return found

    return deploy


@dataclass(frozen=True)
class Answer:
    status: int
    version: str | None
    document: Any

    @property
    def value(self) -> float:
        """The one prediction."""
        return float(self.document["predictions"][0])


class Client:
    """A client with one connection that stays open, which it makes anew where it was lost."""

    def __init__(self, found: Found, token: str) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", found.endpoint.port, timeout=SECONDS)
        self._token = token

    def ask(self, row: tuple[float, float] = (1.0, 2.0), **headers: str) -> Answer:
        """One prediction. Raises ``OSError`` and ``HTTPException`` where the connection is lost."""
        sent = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        sent |= {name.replace("_", "-"): value for name, value in headers.items()}
        body = json.dumps({"dataframe_records": [dict(zip("ab", row, strict=True))]})
        try:
            self._connection.request("POST", "/invocations", body, sent)
            response = self._connection.getresponse()
            return Answer(response.status, response.headers.get("x-labline-version"), json.loads(response.read()))
        except (OSError, http.client.HTTPException):
            self._connection.close()
            raise

    def text(self, path: str) -> str:
        """What is to be read at *path*."""
        self._connection.request("GET", path, headers={"Authorization": f"Bearer {self._token}"})
        return self._connection.getresponse().read().decode()

    def close(self) -> None:
        self._connection.close()


Connect = Callable[[Found], Client]


@pytest.fixture
def connect(endpoints: Endpoints) -> Iterator[Connect]:
    """A client of an endpoint."""
    with contextlib.ExitStack() as stack:

        def connect(found: Found) -> Client:
            return stack.enter_context(contextlib.closing(Client(found, endpoints.token(found.endpoint.name))))

        yield connect


def until(holds: Callable[[], Any]) -> Any:
    """Wait until something holds; what it gave."""
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        if value := holds():
            return value
        time.sleep(0.05)
    raise AssertionError("it did not come to be")
