"""How environments are made, and what is left of those that are not: the real uv, and packages that need no index."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import pytest

from labline_backend.endpoints import deploying
from labline_backend.endpoints.deploying import Endpoints, Found, Wish
from labline_backend.endpoints.folder import EndpointFolder
from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.serving import environments as module
from labline_backend.serving.environments import Environments, Place
from labline_backend.serving.needs import Needs, NeedsError, here
from labline_backend.tracking.location import Location

from ..stores import using
from .conftest import SECONDS, Connect, Deploy, until
from .packages import Package

ALONE = "from labline_backend.serving import environments; environments.SERVER = ()"
"""So that no index is asked for what the server needs."""

MAKES = f"""{ALONE}
import asyncio, sys
from labline_backend.home import Home
from labline_backend.serving.needs import Needs, here

async def tell(message): pass
asyncio.run(environments.Environments(Home.find()).place("m/1", Needs(here(), (sys.argv[1],)), (), tell))
"""


async def quiet(message: str) -> None:
    """Nobody is told."""


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """A data folder, and a server that needs nothing."""
    monkeypatch.setattr(module, "SERVER", ())
    return Home.open(tmp_path / "home")


@pytest.fixture
def endless(tmp_path: Path) -> Iterator[Package]:
    """A package that is never built."""
    package = Package(tmp_path / "endless", "endless", endless=True)
    yield package
    package.end()


@pytest.fixture
def quick(tmp_path: Path) -> Package:
    """A package that is built at once."""
    return Package(tmp_path / "quick", "quick")


def place(home: Home, *requirements: str) -> Place:
    """As a process finds it that then ends."""
    environments = Environments(home)
    try:
        return asyncio.run(environments.place("m/1", Needs(here(), requirements), (), quiet))
    finally:
        for descriptor in environments._held.values():
            os.close(descriptor)


def is_locked(home: Home) -> bool:
    (lock,) = home.environments.glob("*.lock")
    with lock.open("r+") as file:
        return not module._locked(file.fileno(), fcntl.LOCK_SH)


def test_an_attempt_that_is_given_up_leaves_no_process_and_no_folder(small: Home, endless: Package) -> None:
    async def given_up() -> None:
        making = asyncio.create_task(Environments(small).place("m/1", Needs(here(), (endless.line,)), (), quiet))
        await asyncio.to_thread(endless.builders)
        making.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await making

    asyncio.run(given_up())
    until(lambda: not endless.is_being_built())
    assert [path.suffix for path in small.environments.iterdir()] == [".lock"]
    until(lambda: not is_locked(small))


def test_nobody_else_makes_it_while_what_a_killed_process_began_goes_on(small: Home, endless: Package) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", MAKES, endless.line], env={**os.environ, "LABLINE_HOME": str(small.root)}
    )
    builders = endless.builders()
    process.kill()
    process.wait()
    assert endless.is_being_built()
    assert is_locked(small)
    os.killpg(builders, signal.SIGKILL)
    until(lambda: not is_locked(small))


def test_what_an_attempt_left_is_removed_by_the_next(small: Home, quick: Package) -> None:
    made = Path(place(small, quick.line).python).parent.parent
    left = made.with_name(f"{made.name}.left.part")
    made.rename(left)
    assert Path(place(small, quick.line).python).exists()
    assert sorted(path.suffix for path in small.environments.iterdir()) == ["", ".lock"]


@pytest.mark.parametrize("how", ["emptied", "without its interpreter"])
def test_an_environment_that_is_broken_is_made_anew(how: str, small: Home, quick: Package) -> None:
    python = Path(place(small, quick.line).python)
    python.unlink()
    if how == "emptied":
        shutil.rmtree(python.parent.parent / "lib")
    else:
        python.symlink_to("/no/such/interpreter")
    assert place(small, quick.line).python == str(python)
    code = "import quick; print(quick.__name__)"
    assert subprocess.run([python, "-c", code], capture_output=True, text=True, check=True).stdout == "quick\n"


def test_constraints_are_uvs_too(small: Home, quick: Package) -> None:
    needs = Needs(here(), (quick.line,), ("quick>1",))
    with pytest.raises(NeedsError, match="quick"):
        asyncio.run(Environments(small).place("m/1", needs, (), quiet))


def test_settings_of_the_folder_that_a_command_stands_in_are_not_uvs(
    small: Home, quick: Package, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here").mkdir()
    (tmp_path / "here" / "uv.toml").write_text("no-such-setting = 1\n")
    monkeypatch.chdir(tmp_path / "here")
    assert Path(place(small, quick.line).python).exists()


def test_a_server_that_is_told_to_end_gives_up_what_it_makes(small: Home, endless: Package, tmp_path: Path) -> None:
    model = tmp_path / "model"
    model.mkdir()
    (model / "requirements.txt").write_text(f"{endless.line}\n")
    serves = f"{ALONE}\nfrom labline_backend.cli import main\nmain()"
    process = subprocess.Popen(
        [sys.executable, "-c", serves, "serve", "--folder", str(model), "--port", "0"],
        env={**os.environ, "LABLINE_HOME": str(small.root)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        endless.builders()
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
        process.communicate()
    assert process.returncode == 128 + signal.SIGTERM
    assert "Traceback" not in errors
    until(lambda: not endless.is_being_built())
    assert [path.suffix for path in small.environments.iterdir()] == [".lock"]


@pytest.fixture
def building(
    home: Home,
    endpoints: Endpoints,
    deploy: Deploy,
    endless: Package,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[Found]:
    """An endpoint with one worker, as it was before an environment was begun to be made for it."""

    def start_keeper(name: str) -> None:
        code = f"{ALONE}\nfrom labline_backend.endpoints import keeper\nkeeper.main()"
        given = {**os.environ, "LABLINE_HOME": str(home.root)}
        EndpointFolder.of(home, name).make()
        subprocess.run([sys.executable, "-P", "-c", code, name], env=given, check=True)

    monkeypatch.setattr(endpoints, "start_keeper", start_keeper)
    found = deploy("tide/1", name="built", workers=1)
    model = tmp_path / "model"
    model.mkdir()
    (model / "requirements.txt").write_text(f"{endless.line}\n")
    with using(Location.find(home, {}).uri):
        from mlflow import MlflowClient
        from mlflow.exceptions import MlflowException

        with contextlib.suppress(MlflowException):  # the test before has made it
            MlflowClient().create_registered_model("endless")
        version = MlflowClient().create_model_version("endless", model.as_uri()).version
    endpoints.deploy(Wish(f"endless/{version}", name="built"))
    until(lambda: endpoints.get("built").endpoint.status.making)
    endless.builders()
    yield found
    endpoints.remove("built")


@pytest.mark.long
def test_a_worker_that_dies_while_an_environment_is_made_is_replaced(
    building: Found, connect: Connect, endpoints: Endpoints, endless: Package
) -> None:
    (before,) = building.endpoint.status.workers
    os.kill(before, signal.SIGKILL)
    until(lambda: endpoints.get("built").endpoint.status.workers not in ((), (before,)))
    assert connect(building).ask().version == "1"
    assert endless.is_being_built()


@pytest.mark.long
def test_a_newer_wish_gives_up_the_environment_that_is_being_made(
    building: Found, deploy: Deploy, connect: Connect, endless: Package
) -> None:
    assert connect(deploy("tide/2", name="built", environment="server")).ask().version == "2"
    assert not endless.is_being_built()


@pytest.mark.long
def test_who_waits_does_so_as_long_as_an_environment_is_made(
    building: Found, endpoints: Endpoints, endless: Package, monkeypatch: pytest.MonkeyPatch
) -> None:
    faster = SimpleNamespace(monotonic=lambda: 30 * time.monotonic(), sleep=time.sleep)
    monkeypatch.setattr(deploying, "time", faster)
    generation = building.endpoint.generation + 1
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(endpoints.wait, "built", generation, 180)
        time.sleep(6.5)  # more than 180 s of theirs
        endless.end()
        with pytest.raises(InputError, match="an environment of its own cannot be made"):
            waiting.result()


def test_what_is_not_served_in_time_is_an_error(
    building: Found, endpoints: Endpoints, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deploying, "MADE_SECONDS", 0.0)
    with pytest.raises(InputError, match=r"built does not serve what is wanted yet.* labline endpoints show built"):
        endpoints.wait("built", building.endpoint.generation + 1, 0.3)


def test_what_uv_says_is_told_without_passwords(small: Home) -> None:
    said = "cannot fetch https://me:p@ss@index.example/x.whl?token=abc and http://index.example/y"
    told = asyncio.run(module._run("/bin/sh", "-c", f"echo '{said}' >&2; exit 1", within=small.root, lock=0))
    assert told == "cannot fetch https://index.example/x.whl and http://index.example/y"
