"""``labline models``, on a real registry."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from labline_backend.cli import labline
from labline_backend.errors import InputError

from .conftest import Store


@pytest.fixture
def run(folder: Path, capsys: pytest.CaptureFixture[str]) -> Any:
    """The command in this process, where MLflow is imported already; its exit code, and what it printed."""

    def run(*arguments: str) -> tuple[int, str]:
        capsys.readouterr()
        try:
            labline.main(["models", *arguments], standalone_mode=False)
        except SystemExit as end:
            return int(end.code or 0), capsys.readouterr().out
        return 0, capsys.readouterr().out

    return run


@pytest.fixture
def model(store: Store, name: str) -> str:
    """Two versions, the second of which is worse."""
    store.register(name, {"auc": 0.9, "rmse": 2.0})
    store.register(name, {"auc": 0.8})
    return name


def test_list_names_every_model(run: Any, model: str) -> None:
    assert model in run("list")[1]


def test_show_has_the_metrics_side_by_side(run: Any, model: str) -> None:
    lines = run("show", model)[1].splitlines()
    assert [line.split()[-1] for line in lines if line.lstrip().startswith(("1", "2"))] == ["-", "2"]


def test_compare_has_a_column_a_version(run: Any, model: str) -> None:
    out = run("compare", f"{model}/1", f"{model}/2")[1]
    assert [line.split() for line in out.splitlines()[1:]] == [["auc", "0.9", "0.8"], ["rmse", "2", "-"]]


def test_a_promotion_that_the_gate_refuses_ends_with_1_and_says_why(run: Any, model: str) -> None:
    run("gate", model, "auc >= 0.85")
    code, out = run("promote", f"{model}/2")
    assert (code, "0.8 is not >= 0.85" in out) == (1, True)


def test_a_dry_run_changes_nothing(run: Any, model: str, store: Store) -> None:
    assert run("promote", f"{model}/1", "--dry-run") == (0, "It would pass.\n")
    assert store.shelf.model(model).aliases == {}


def test_promoted_and_rolled_back(run: Any, model: str) -> None:
    run("promote", f"{model}/1")
    run("promote", f"{model}/2")
    assert "version 1 again; it was 2" in run("rollback", model)[1]


def test_a_gate_is_shown_and_cleared(run: Any, model: str) -> None:
    run("gate", model, "auc >= champion - 0.01", "verified")
    assert run("gate", model)[1] == "auc >= champion - 0.01\nverified\n"
    run("gate", model, "--clear")
    assert json.loads(run("gate", model, "--json")[1])["gate"] == []


def test_an_approval_has_the_name_of_who_asks(run: Any, model: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGNAME", "ada")
    assert "approved by ada" in run("approve", f"{model}/1", "--note", "fine")[1]


def test_what_is_not_there_is_told_in_a_sentence(run: Any, model: str) -> None:
    with pytest.raises(InputError, match=r"the versions of .* are 1, 2"):
        run("promote", f"{model}/7")
