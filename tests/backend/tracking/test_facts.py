from __future__ import annotations

from dataclasses import replace

import pytest

from labline_backend.store.records import RunRecord
from labline_backend.tracking import facts
from labline_backend.tracking.limits import MAX_KEY, MAX_PARAMETER, cut, key

from .conftest import pipeline


@pytest.mark.parametrize(
    ("name", "taken"),
    [
        ("accuracy", "accuracy"),
        ("précision", "précision"),
        ("train.f1", "train.f1"),
        ("f1 (macro)", "f1 _macro_"),
        ("@random", "_random"),
        ("", "_"),
        ("../up", "__up"),
        ("/root", "__root"),
        ("a//b", "_a__b"),
    ],
)
def test_a_name_becomes_one_that_mlflow_takes(name: str, taken: str) -> None:
    assert key(name) == taken


def test_a_long_name_is_bounded() -> None:
    assert len(key("x" * 1000)) == MAX_KEY


def test_a_long_text_says_how_much_is_missing() -> None:
    text = cut("y" * 10_000, 100)
    assert len(text) == 100
    assert text.endswith("(cut, 10000 characters in all)")


def run(**parameters: str) -> RunRecord:
    return RunRecord("r", pipeline(), "orders.ipynb", "/", "running", 0.0, parameters)


@pytest.mark.parametrize(
    ("literal", "logged"), [("1e-3", "0.001"), ("'x'", "x"), ("[1,2]", "[1, 2]"), ("None", "None"), ("''", "")]
)
def test_a_parameter_reads_as_the_notebook_itself_would_log_it(literal: str, logged: str) -> None:
    assert facts.parameters(run(value=literal)) == {"value": logged}


def test_a_long_parameter_is_cut_and_named() -> None:
    long = run(text=repr("z" * 7000), short="1")
    assert len(facts.parameters(long)["text"]) == MAX_PARAMETER
    assert facts.cut_parameters(long) == ["text"]


@pytest.mark.parametrize(
    "call",
    [
        'mlflow.set_experiment("shop")',
        "mlflow.set_experiment('shop')",
        'mlflow.set_experiment(experiment_name="shop")',
        'x = 1\nif x:\n    mlflow.set_experiment( "shop" )',
    ],
)
def test_the_experiment_that_the_code_names_is_used(call: str) -> None:
    assert facts.experiments(pipeline(call), {}) == ["shop"]


def test_an_experiment_named_in_a_comment_is_not_used() -> None:
    assert facts.experiments(pipeline('# mlflow.set_experiment("shop")'), {}) == ["orders"]


def test_the_notebooks_metadata_wins_over_its_code() -> None:
    named = pipeline('mlflow.set_experiment("shop")', experiment="mine")
    assert facts.experiments(named, {"MLFLOW_EXPERIMENT_NAME": "other"}) == ["mine", "shop"]


def test_the_environment_wins_over_the_pipelines_name() -> None:
    assert facts.experiments(pipeline(), {"MLFLOW_EXPERIMENT_NAME": "other"}) == ["other"]


def test_hidden_state_is_told_apart_from_a_variable_of_the_same_name() -> None:
    tags = facts.lineage_tags("output", {"@random": "a", "random": "b"})
    assert tags == {"labline.output.hidden_state.random": "a", "labline.output.random": "b"}


def test_lineage_tags_are_bounded() -> None:
    assert len(facts.lineage_tags("input", {f"x{i}": "d" for i in range(1000)})) == facts.MAX_LINEAGE_TAGS


def test_an_error_longer_than_mlflow_takes_is_cut() -> None:
    failed = replace(run(), state="failed", error="e" * 9000)
    assert len(facts.run_end_tags(failed)["labline.error"]) == 8000
