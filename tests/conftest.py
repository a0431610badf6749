"""What every test stands on: a data folder of its own and an environment that says nothing about the machine."""

from __future__ import annotations

import os
import signal
from collections.abc import Generator
from pathlib import Path

import hypothesis
import pytest

from labline_runtime import telemetry

# Set before anything of ours or of MLflow's is imported, so that nothing leaks in from whoever runs the tests.
for _name in [name for name in os.environ if name.startswith(("MLFLOW_", "LABLINE_", "JUPYTER_", "IPYTHON"))]:
    del os.environ[_name]
telemetry.turn_off()
# JupyterLab and its server ask for this choice by a warning otherwise.
os.environ["JUPYTER_PLATFORM_DIRS"] = "1"

# A shell that starts the tests in the background has them ignore Ctrl-C, and with them all that they start.
if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# How long an example takes depends on what else the machine does.
hypothesis.settings.register_profile("labline", deadline=None)
hypothesis.settings.load_profile("labline")


# What takes minutes begins first: begun last, it would be waited for while other cores are idle.
_LONG = (
    "tests/e2e/test_lab.py",
    "tests/notebooks/",
    "tests/backend/tracking/test_registering.py",
    "tests/backend/endpoints/",
    "tests/libraries/",
    "tests/equivalence/",
    "tests/e2e/",
    "tests/verification/",
    "tests/backend/packaging/",
    "tests/backend/cli/",
)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the files; ``--no-loadscope-reorder`` lets them be so."""
    places = {start: place for place, start in enumerate(_LONG)}
    items.sort(key=lambda item: min((places[s] for s in _LONG if item.nodeid.startswith(s)), default=len(_LONG)))


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call() -> Generator[None, object, object]:
    """Keep the test's name out of its environment: steps would get it, and with it an interpreter of their own."""
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    return (yield)


@pytest.fixture(autouse=True)
def labline_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder that is this test's alone; nobody's own runs are ever touched."""
    home = tmp_path / "labline-home"
    monkeypatch.setenv("LABLINE_HOME", str(home))
    return home


@pytest.fixture(scope="session")
def without_registries(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Files in which no registry of images is named, and nobody is signed in to one."""
    folder = tmp_path_factory.mktemp("registries")
    (folder / "registries.conf").write_text("")
    for name in ("auth.json", "config.json"):
        (folder / name).write_text("{}")
    return folder


@pytest.fixture(autouse=True)
def no_registry_is_asked(without_registries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What whoever runs the tests has set up of registries does not lead a test to a real one."""
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(without_registries / "registries.conf"))
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(without_registries / "auth.json"))
    monkeypatch.setenv("DOCKER_CONFIG", str(without_registries))
