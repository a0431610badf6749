"""Endpoints that come back when the server needs other packages than it did: real keepers, and environments by uv."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from labline_backend.endpoints.deploying import Endpoints, Found, Wish
from labline_backend.endpoints.folder import EndpointFolder
from labline_backend.home import Home
from labline_backend.registry import RegisteredVersion, source
from labline_backend.tracking.location import Location

from ..stores import using
from .conftest import SECONDS, Connect, until
from .packages import Package

pytestmark = pytest.mark.long

KEEPS = """
import sys
from labline_backend.endpoints import keeper
from labline_backend.serving import environments

environments.SERVER = ()  # so that no index is asked
own, more = environments.wanted, sys.argv[2:]
environments.wanted = lambda needs, extras: [*own(needs, extras), *more]
keeper.main()
"""


def keep(home: Home, *more: str) -> None:
    """Start the endpoint's keeper; the server needs *more* than the model asks for."""
    given = {**os.environ, "LABLINE_HOME": str(home.root)}
    EndpointFolder.of(home, "own").make()
    subprocess.run([sys.executable, "-P", "-c", KEEPS, "own", *more], env=given, check=True)


def keep_anew(home: Home, *more: str) -> None:
    """The same for one that is kept."""
    folder = EndpointFolder.of(home, "own")
    keeper = folder.keeper()
    assert keeper is not None
    os.kill(keeper, signal.SIGKILL)
    until(lambda: not folder.is_kept())
    keep(home, *more)


@pytest.fixture(scope="module")
def served(home: Home, endpoints: Endpoints, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """An endpoint in an environment of the model's own, which borrows all packages that are here."""
    folder = tmp_path_factory.mktemp("model")
    borrowed = Package(folder / "borrowed", "borrowed", path=sysconfig.get_path("purelib"))
    location = Location.find(home, {})
    with using(location.uri):
        from mlflow import MlflowClient

        shutil.copytree(Path(source(RegisteredVersion("tide", "1"), location).removeprefix("file://")), folder / "own")
        (folder / "own" / "requirements.txt").write_text(f"{borrowed.line}\n")
        MlflowClient().create_registered_model("own")
        MlflowClient().create_model_version("own", (folder / "own").as_uri())
    with pytest.MonkeyPatch.context() as patch:
        for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"):
            patch.delenv(name, raising=False)
        patch.setattr(endpoints, "start_keeper", lambda name: keep(home))
        wanted = endpoints.deploy(Wish("own", name="own", workers=1))
        return endpoints.wait("own", wanted.endpoint.generation, SECONDS)


def test_an_endpoint_comes_back_with_the_environment_it_had_while_another_is_made_and_says_where_that_fails(
    served: Found, home: Home, endpoints: Endpoints, connect: Connect, tmp_path: Path
) -> None:
    endless = Package(tmp_path / "endless", "endless", endless=True)
    keep_anew(home, endless.line)
    endless.builders()
    try:
        found = endpoints.get("own")
        assert (found.state, found.endpoint.status.making) == ("ready", True)
        assert connect(found).ask().version == "1"
    finally:
        endless.end()
    said = "it goes on with the environment that it was served with last: own/1 was made with borrowed"
    until(lambda: endpoints.get("own").endpoint.status.message.startswith(said))
    assert said in endpoints.log("own", 100)
    found = endpoints.get("own")
    assert (found.state, found.endpoint.status.refused) == ("ready", False)
    assert connect(found).ask().version == "1"


def test_an_environment_of_now_takes_the_last_ones_place_when_it_is_made(
    served: Found, home: Home, endpoints: Endpoints, connect: Connect, tmp_path: Path
) -> None:
    rollout = endpoints.get("own").endpoint.served
    assert rollout is not None and rollout.place
    keep_anew(home, Package(tmp_path / "quick", "quick").line)
    now = until(lambda: _place(endpoints) not in (rollout.place, "") and _place(endpoints))
    found = endpoints.get("own")
    assert connect(found).ask().version == "1"
    (worker,) = found.endpoint.status.workers
    variables = Path(f"/proc/{worker}/cmdline").read_bytes().split(b"\0")
    assert variables[0].decode() == str(home.environments / now / "bin" / "python")
    assert "it comes back with the environment that it was served with last" in endpoints.log("own", 100)


def _place(endpoints: Endpoints) -> str:
    rollout = endpoints.get("own").endpoint.served
    assert rollout is not None
    return rollout.place
