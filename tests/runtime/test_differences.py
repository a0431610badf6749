"""Stored values compared: what is told of hidden state, and of values that cannot be loaded."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from labline_runtime.differences import run_differences
from labline_runtime.values import store
from labline_runtime.verification import DifferencesSpecification, Pair, PairResult, StoredValue


def compared(name: str, notebook: Any, pipeline: Any, folder: Path) -> PairResult:
    stored = []
    for value in (notebook, pipeline):
        kept = store({name: value}, folder / "artifacts")
        stored.append(StoredValue(str(kept.path), kept.digest))
    spec = DifferencesSpecification(str(folder), str(folder), (Pair(name, *stored),))
    return run_differences(spec).results[0]


def test_the_place_of_a_difference_is_found_in_stored_values(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.path", [])
    found = compared("x", {"a": [1, 2]}, {"a": [1, 3]}, tmp_path).difference
    assert found is not None and (found.path, found.notebook, found.pipeline) == ("x['a'][1]", "2", "3")


def test_of_the_environment_only_the_place_is_told(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.path", [])
    found = compared("@environ", {"set": {"KEY": "secret"}}, {"set": {"KEY": "other"}}, tmp_path).difference
    assert found is not None
    assert (found.path, found.notebook, found.pipeline) == ("@environ['set']['KEY']", "not shown", "not shown")


def test_of_other_hidden_state_it_is_told_what_differs(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.path", [])
    found = compared("@module:helper", {"helper": {"seen": [1]}}, {"helper": {"seen": [1, 2]}}, tmp_path).difference
    assert found is not None
    assert (found.path, found.notebook, found.pipeline) == ("len(@module:helper['helper']['seen'])", "1", "2")


def test_a_damaged_value_is_said_to_be_damaged(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr("sys.path", [])
    missing = StoredValue(str(tmp_path / "missing"), "0")
    spec = DifferencesSpecification(str(tmp_path), str(tmp_path), (Pair("x", missing, missing),))
    assert "could not be loaded: FileNotFoundError" in (run_differences(spec).results[0].problem or "")
