"""Models that were made with other packages than are installed here: environments of their own, made by the real uv."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.metadata
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import tomllib

from labline_backend.endpoints.deploying import Endpoints
from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.serving import environments as module
from labline_backend.serving.environments import HERE, KEPT_DAYS, Environments, Place, find_uv, sweep, wanted
from labline_backend.serving.needs import Needs, NeedsError, here
from labline_backend.store.endpoints import EndpointSpec, EndpointStatus, EndpointStore, Rollout, Share
from labline_backend.tracking.location import Location

from ..serving.conftest import Registry, started, using
from .conftest import SECONDS, Connect, Deploy

PACKAGE, OLD, NEVER = "iniconfig", "1.1.1", "0.0.999"
"""Small, of Python alone, and installed here in another release; a release of it, and one that there is not."""

INSTALLED = importlib.metadata.version(PACKAGE)
REACHED_SECONDS = 120
MADE_SECONDS = 1800  # an index may be slow


def test_what_serving_is_refused_without_is_what_its_extra_brings() -> None:
    project = tomllib.loads((Path(__file__).parents[3] / "pyproject.toml").read_text("utf-8"))["project"]
    brought = {re.split(r"[^\w-]", each)[0] for each in project["optional-dependencies"]["serving"]}
    assert set(module.NEEDED) <= brought


def number(version: str) -> float:
    """A release as one number, so that a model can answer it."""
    major, minor, patch = map(int, version.split("."))
    return major * 10_000.0 + minor * 100 + patch


@pytest.fixture(scope="module")
def reached() -> None:
    """An index that uv reaches; else the test is skipped."""
    uv = find_uv()
    assert uv is not None
    command = [uv, "pip", "install", "--dry-run", "--no-deps", "--reinstall", "--python", sys.executable]
    try:
        asked = subprocess.run([*command, f"{PACKAGE}=={OLD}"], capture_output=True, text=True, timeout=REACHED_SECONDS)
    except subprocess.TimeoutExpired:
        pytest.skip(f"uv reaches no package index within {REACHED_SECONDS} s")
    if asked.returncode:
        pytest.skip(f"uv reaches no package index: {asked.stderr.strip()[-300:]}")


def _answering_the_release() -> Any:
    import mlflow

    class Dated(mlflow.pyfunc.PythonModel):
        def predict(self, context, model_input, params=None):
            import importlib.metadata

            import numpy as np

            major, minor, patch = map(int, importlib.metadata.version("iniconfig").split("."))
            return np.full(len(model_input), major * 10_000.0 + minor * 100 + patch)

    return Dated()


@pytest.fixture(scope="module")
def dated(home: Home) -> Iterator[str]:
    """A model that answers which release of a package it is asked with. Version 1 was made with another than is here,
    version 2 with one that there is not."""
    import mlflow
    import numpy as np
    import pandas as pd
    from mlflow.models import infer_signature

    table = pd.DataFrame({"a": [1.0], "b": [2.0]})
    for release in (OLD, NEVER):
        with using(Location.find(home, {}).uri), warnings.catch_warnings(), mlflow.start_run():
            warnings.simplefilter("ignore")
            mlflow.pyfunc.log_model(
                python_model=_answering_the_release(),
                name="model",
                registered_model_name="dated",
                signature=infer_signature(table, np.zeros(1)),
                pip_requirements=[f"{PACKAGE}=={release}", "pandas", "cloudpickle"],
            )
    yield "dated"
    shutil.rmtree(home.environments, ignore_errors=True)  # hundreds of megabytes


async def quiet(message: str) -> None:
    """Nobody is told."""


def place(home: Home, *requirements: str) -> module.Place:
    return asyncio.run(Environments(home).place("m/1", Needs(here(), requirements), (), quiet))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """A data folder, and a server that needs next to nothing, so that its environments are made at once."""
    monkeypatch.setattr(module, "SERVER", ("blake3",))
    return Home.open(tmp_path / "home")


def test_a_model_that_was_made_with_what_is_here_is_served_here(small: Home) -> None:
    assert place(small, f"{PACKAGE}=={INSTALLED}") == HERE
    assert not small.environments.exists()


def test_uv_is_beside_the_interpreter_whatever_the_search_path_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    found = find_uv()
    assert found is not None
    assert subprocess.run([found, "--version"], capture_output=True, text=True, check=True).stdout.startswith("uv ")


def test_without_uv_it_is_told_what_differs_and_what_to_do(small: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "find_uv", lambda: None)
    with pytest.raises(NeedsError) as told:
        place(small, f"{PACKAGE}=={OLD}")
    assert f"m/1 was made with {PACKAGE}=={OLD} (installed is {INSTALLED})" in str(told.value)
    assert "uv is not installed" in str(told.value)
    assert "--environment server" in str(told.value)


def test_a_python_that_is_too_old_for_the_server_is_told(small: Home) -> None:
    with pytest.raises(NeedsError, match=r"Python 3\.9 .* the server needs Python 3\.11 or later"):
        asyncio.run(Environments(small).place("m/1", Needs("3.9"), (), quiet))


def test_what_uv_cannot_install_leaves_nothing_and_says_so(small: Home, reached: None) -> None:
    with pytest.raises(NeedsError, match=rf"cannot be made\. uv says: .*{NEVER}"):
        place(small, f"{PACKAGE}=={NEVER}")
    assert [path.suffix for path in small.environments.iterdir()] == [".lock"]


def test_an_environment_is_made_once_whoever_asks_at_the_same_time(small: Home, reached: None) -> None:
    told: list[str] = []

    async def tell(message: str) -> None:
        told.append(message)

    async def both() -> list[module.Place]:
        needs = Needs(here(), (f"{PACKAGE}=={OLD}",))
        return await asyncio.gather(*(Environments(small).place("m/1", needs, (), tell) for _ in range(2)))

    one, other = asyncio.run(both())
    assert one == other
    assert told == [f"makes an environment for m/1, which was made with {PACKAGE}=={OLD} (installed is {INSTALLED})"]
    code = f"import importlib.metadata as m, labline_backend.serving; print(m.version({PACKAGE!r}))"
    found = subprocess.run([one.python, "-c", code], env=one.variables(), capture_output=True, text=True, check=True)
    assert found.stdout.strip() == OLD


def used_last(home: Home, name: str, days: int) -> None:
    """An environment that was used so many *days* ago."""
    (home.environments / name / "bin").mkdir(parents=True)
    (home.environments / name / "bin" / "python").symlink_to(sys.executable)
    last = time.time() - days * 24 * 3600
    (home.environments / f"{name}.lock").touch()
    os.utime(home.environments / f"{name}.lock", (last, last))


def test_only_environments_that_nobody_has_used_for_long_go(small: Home) -> None:
    for name, days in (("old", KEPT_DAYS + 1), ("new", 0), ("used", KEPT_DAYS + 1)):
        used_last(small, name, days)
    user = os.open(small.environments / "used.lock", os.O_RDWR)
    try:
        assert module._locked(user, module.fcntl.LOCK_SH)
        sweep(small)
    finally:
        os.close(user)
    assert sorted(path.name for path in small.environments.iterdir() if path.is_dir()) == ["new", "used"]


def test_the_last_environment_is_there_also_where_what_it_was_made_for_is_refused_by_now(small: Home) -> None:
    used_last(small, "last", 0)
    needs = Needs(here(), ("own @ https://me:hidden@example.org/own.whl",))
    environments = Environments(small)
    with pytest.raises(NeedsError):
        asyncio.run(environments.place("m/1", needs, (), quiet))
    found = asyncio.run(environments.last("last", needs, ()))
    assert found is not None and found.environment == "last"
    for descriptor in environments._held.values():
        os.close(descriptor)


def test_an_environment_counts_as_used_when_it_is_said_to_be_though_it_was_claimed_long_ago(small: Home) -> None:
    async def claimed() -> Environments:
        environments = Environments(small)
        assert await environments.last("held", Needs(here(), (f"{PACKAGE}=={OLD}",)), ()) is not None
        return environments

    used_last(small, "held", 0)
    environments = asyncio.run(claimed())
    lock = small.environments / "held.lock"
    for after, is_touched in ((24 * 3600.0, False), (0.0, True)):
        os.utime(lock, (0, 0))
        environments.touch(after)
        assert (lock.stat().st_mtime > 0) is is_touched
    for descriptor in environments._held.values():
        os.close(descriptor)
    sweep(small)
    assert (small.environments / "held").exists()


def test_an_environment_that_an_endpoint_comes_back_with_does_not_go(small: Home) -> None:
    spec = EndpointSpec("m", (Share("1", 100),))
    with contextlib.closing(EndpointStore(small)) as store:
        store.want("stopped", spec)
        store.serves("stopped", Rollout(1, spec, {"1": "1"}, place="last"), EndpointStatus())
    for name in ("last", "nobodys"):
        used_last(small, name, KEPT_DAYS + 1)
    sweep(small)
    assert sorted(path.name for path in small.environments.iterdir() if path.is_dir()) == ["last"]


def test_what_the_server_needs_is_as_here_unless_the_model_says_otherwise() -> None:
    lines = wanted(Needs("", ("uvicorn<1", "scipy")), ("no-such-extra",))
    assert lines[:3] == ["uvicorn<1", "scipy", f"mlflow=={importlib.metadata.version('mlflow')}"]
    assert not [line for line in lines if line.startswith(("uvicorn==", "no-such-extra"))]


def test_a_line_that_is_for_another_machine_takes_nothing_of_the_servers_away() -> None:
    lines = wanted(Needs("3.12", ("uvicorn<1; python_version < '3.12'", "orjson<9; python_version >= '3.12'")), ())
    assert [line.partition("==")[0] for line in lines if "==" in line and "uvicorn" in line] == ["uvicorn"]
    assert not [line for line in lines if line.startswith("orjson==")]


def test_what_uv_runs_knows_no_secrets_of_the_store() -> None:
    secrets = ["MLFLOW_TRACKING_PASSWORD", "LABLINE_X", "HF_TOKEN", "AWS_SECRET_ACCESS_KEY", "api_key", "DB_PASSWD"]
    needed = {"UV_INDEX_OURS_PASSWORD": "y", "SSL_CERT_KEY": "y", "UV_CACHE_DIR": "y", "KEYBOARD": "y"}
    given = {**dict.fromkeys([*secrets, "GOOGLE_APPLICATION_CREDENTIALS", "PYTHONPATH"], "x"), **needed}
    assert module._without_secrets(given) == needed


@pytest.mark.long
def test_a_model_that_was_made_with_other_packages_is_asked_with_them(
    deploy: Deploy, connect: Connect, endpoints: Endpoints, home: Home, dated: str, reached: None
) -> None:
    found = deploy(f"{dated}/1", within=MADE_SECONDS)
    assert connect(found).ask().value == number(OLD)
    assert f"makes an environment for dated/1, which was made with {PACKAGE}=={OLD}" in endpoints.log("dated", 100)
    (made,) = (path for path in home.environments.iterdir() if path.is_dir())
    before = made.stat().st_ctime_ns
    beside = deploy(f"{dated}/1", environment="server")
    assert connect(beside).ask().value == number(INSTALLED)
    again = deploy(f"{dated}/1", environment="model")
    assert connect(again).ask().value == number(OLD)
    assert made.stat().st_ctime_ns == before


@pytest.mark.long
def test_a_server_in_a_terminal_goes_over_to_the_models_environment(home: Home, dated: str, reached: None) -> None:
    with started(Registry(home), f"{dated}/1") as server:
        answer = server.ask("/invocations", {"dataframe_records": [{"a": 1.0, "b": 2.0}]})
        assert answer.json == {"predictions": [number(OLD)]}
        server.process.send_signal(signal.SIGTERM)
        _, errors = server.process.communicate(timeout=SECONDS)
    assert server.process.returncode == 0
    assert "Traceback" not in errors


@pytest.mark.long
def test_an_environment_that_cannot_be_made_changes_nothing_of_what_is_served(
    deploy: Deploy, connect: Connect, dated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_OFFLINE", "1")
    found = deploy("tide/1", name="kept")
    with pytest.raises(InputError, match=rf"kept: dated/2 was made with {PACKAGE}=={NEVER} .* cannot be made"):
        deploy(f"{dated}/2", name="kept")
    assert connect(found).ask().version == "1"


def test_a_server_computes_in_one_thread_unless_told_otherwise() -> None:
    told = Place().variables({"OMP_NUM_THREADS": "4"})
    assert (told["OMP_NUM_THREADS"], told["OPENBLAS_NUM_THREADS"], told["MKL_NUM_THREADS"]) == ("4", "1", "1")


def test_nothing_that_counts_its_threads_is_imported_before_that_is_said() -> None:
    code = "import sys, labline_backend.cli.serve, labline_backend.serving.environments; print('numpy' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == "False"
