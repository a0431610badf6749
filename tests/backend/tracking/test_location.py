from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from labline_backend.home import Home
from labline_backend.tracking.location import Location, run_url, shown


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.open(tmp_path / "home")


def test_without_a_word_the_store_lies_in_the_data_folder(home: Home) -> None:
    location = Location.find(home, {})
    assert location.uri == f"sqlite:///{home.mlflow}/mlflow.db"
    assert location.artifacts == home.mlflow / "artifacts"


def test_a_tracking_uri_wins(home: Home) -> None:
    location = Location.find(home, {"MLFLOW_TRACKING_URI": "https://tracking.example:5000"})
    assert (location.uri, location.artifacts) == ("https://tracking.example:5000", None)


@pytest.mark.parametrize(("given", "scheme"), [("sqlite:///mine.db", "sqlite:///"), ("mine.db", "file://")])
def test_a_relative_store_means_the_same_in_every_step(
    home: Home, given: str, scheme: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    assert Location.find(home, {"MLFLOW_TRACKING_URI": given}).uri == f"{scheme}{tmp_path}/mine.db"


def test_a_registry_elsewhere_is_told_to_the_steps(home: Home) -> None:
    location = Location.find(home, {"MLFLOW_REGISTRY_URI": "https://registry.example"})
    assert location.environment({})["MLFLOW_REGISTRY_URI"] == "https://registry.example"


def test_telemetry_is_off(home: Home) -> None:
    environment = Location.find(home, {}).environment({})
    assert environment["MLFLOW_DISABLE_TELEMETRY"] == environment["DO_NOT_TRACK"] == "true"
    assert environment["ORT_DISABLE_TELEMETRY"] == "1"


def test_the_users_own_patience_is_kept(home: Home) -> None:
    environment = Location.find(home, {}).environment({"MLFLOW_HTTP_REQUEST_TIMEOUT": "90"})
    assert environment["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "90"


def test_credentials_are_not_shown() -> None:
    assert shown("https://me:secret@tracking.example:5000/x") == "https://tracking.example:5000/x"


def test_a_run_is_found_behind_the_jupyter_server() -> None:
    assert run_url("7", "abc") == "labline/mlflow/#/experiments/7/runs/abc?workflowType=machine_learning"


def test_a_run_at_a_server_is_found_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@tracking.example/")
    url = run_url("7", "abc")
    assert url == "https://tracking.example/#/experiments/7/runs/abc?workflowType=machine_learning"


def test_the_tracker_does_not_import_mlflow() -> None:
    code = (
        "import sys, json, labline_backend.tracking, labline_backend.tracking.ui; print(json.dumps(list(sys.modules)))"
    )
    loaded = json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout)
    assert {"mlflow", "jupyter_server", "tornado", "sqlalchemy"}.isdisjoint(loaded)
