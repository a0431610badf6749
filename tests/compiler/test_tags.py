"""What tags and metadata ask for."""

from __future__ import annotations

from typing import Any

import pytest

from labline_compiler.compile import Compilation, compile_notebook, pipeline_name
from labline_compiler.notebook import parse
from labline_compiler.pipeline import Pipeline, StepOptions, Toleration
from labline_runtime.specification import Backoff, Registration


def compiled(*cells: tuple[str, list[str]], **metadata: Any) -> Compilation:
    document = {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": metadata,
        "cells": [{"cell_type": "code", "metadata": {"tags": tags}, "source": source} for source, tags in cells],
    }
    return compile_notebook(parse(document, "My Notebook.ipynb"))


def options(*tags: str, **metadata: Any) -> StepOptions:
    compilation = compiled(("x = 1", ["step:a", *tags]), **metadata)
    assert compilation.pipeline is not None, compilation.findings
    return compilation.pipeline.step("a").options


@pytest.mark.parametrize(
    ("tag", "field", "value"),
    [
        ("limit:nvidia.com/gpu:1", "limits", {"nvidia.com/gpu": "1"}),
        ("limit:memory:4Gi", "limits", {"memory": "4Gi"}),
        ("label:access-ml-pipeline:true", "labels", {"access-ml-pipeline": "true"}),
        ("annotation:example.org/note:a:b", "annotations", {"example.org/note": "a:b"}),
        ("secret:db:password:DB_PASSWORD", "secrets", (("db", "password", "DB_PASSWORD"),)),
        ("request:memory:1.5Gi", "requests", {"memory": "1.5Gi"}),
        ("node-selector:example.org/disk:fast", "node_selector", {"example.org/disk": "fast"}),
        ("secret-files:db:/var/keys", "secret_files", (("db", "/var/keys"),)),
        ("config-map:settings:log.level:LEVEL", "config_maps", (("settings", "log.level", "LEVEL"),)),
        ("config-map-files:settings:/etc/settings", "config_map_files", (("settings", "/etc/settings"),)),
        ("pull-secret:registry", "pull_secrets", ("registry",)),
        ("service-account:birds", "service_account", "birds"),
        ("image:example.org:5000/python:3.12", "image", "example.org:5000/python:3.12"),
        ("cache:disabled", "cache", False),
        ("report:enabled", "report", True),
    ],
)
def test_a_tag_sets_an_option(tag: str, field: str, value: object) -> None:
    assert getattr(options(tag), field) == value


def test_metadata_sets_what_tags_cannot() -> None:
    found = options(labline={"steps": {"a": {"retries": 2, "timeout": 60}}})
    assert (found.retries, found.timeout) == (2, 60.0)


@pytest.mark.parametrize(
    ("written", "expected"),
    [(5, Backoff(5.0)), ({"seconds": 1, "factor": 1.5, "most": 60}, Backoff(1.0, 1.5, 60.0))],
)
def test_how_long_to_wait_before_another_try(written, expected):
    found = options(labline={"steps": {"a": {"retries": 2, "backoff": written, "retry_on": ["OSError", "LL403"]}}})
    assert (found.backoff, found.retry_on) == (expected, ("OSError", "LL403"))


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("flights", Registration("flights")),
        ({"name": "flights", "variable": "model", "input": "X"}, Registration("flights", "model", "X")),
        ({"name": "flights", "sample": False}, Registration("flights", sample=False)),
    ],
)
def test_which_model_a_step_registers(written: object, expected: Registration) -> None:
    assert options(labline={"steps": {"a": {"register": written}}}).register == expected


def test_a_timeout_of_the_whole_run():
    compilation = compiled(("x = 1", ["step:a"]), labline={"timeout": 90})
    assert compilation.pipeline is not None and compilation.pipeline.timeout == 90.0


SAID = {
    "requests": {"cpu": 2, "memory": "1.5Gi"},
    "node_selector": {"disk": "fast"},
    "tolerations": [
        {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "seconds": 60},
        {"key": "team", "value": "birds"},
    ],
    "secret_files": [["db", "/keys"]],
    "config_maps": [["settings", "level", "LEVEL"]],
    "config_map_files": [["settings", "/settings"]],
    "pull_secrets": ["registry"],
    "service_account": "birds",
}
MEANT = StepOptions(
    requests={"cpu": "2", "memory": "1.5Gi"},
    node_selector={"disk": "fast"},
    tolerations=(Toleration("gpu", "Exists", effect="NoExecute", seconds=60), Toleration("team", value="birds")),
    secret_files=(("db", "/keys"),),
    config_maps=(("settings", "level", "LEVEL"),),
    config_map_files=(("settings", "/settings"),),
    pull_secrets=("registry",),
    service_account="birds",
)


def test_metadata_says_all_that_a_cluster_is_asked_for() -> None:
    assert options(labline={"steps": {"a": SAID}}) == MEANT


def test_what_a_cluster_is_asked_for_goes_through_json() -> None:
    pipeline = compiled(("x = 1", ["step:a"]), labline={"steps": {"a": SAID}, "service_account": "owls"}).pipeline
    assert pipeline is not None and pipeline.service_account == "owls"
    assert Pipeline.from_json(pipeline.to_json()) == pipeline


@pytest.mark.parametrize(
    ("option", "wrong", "said"),
    [
        ("requests", {"cpu": "many"}, "says cpu: 'many' is not an amount"),
        ("requests", {"a b": "1"}, "has 'a b', which is no resource"),
        ("node_selector", {"disk": "very fast"}, "'very fast', which is no label of a node"),
        ("tolerations", {"key": "gpu"}, "is not a list of objects"),
        ("tolerations", ["gpu"], "has an entry that is no object"),
        ("tolerations", [{"tolerationSeconds": 5}], "has an entry with `tolerationSeconds`; it has key, operator"),
        ("tolerations", [{"value": "birds"}], "with no key, which only the operator Exists does without"),
        ("tolerations", [{"key": "gpu", "operator": "In"}], "an operator that is neither Equal nor Exists"),
        ("tolerations", [{"key": "gpu", "operator": "Exists", "value": "a"}], "a value beside the operator Exists"),
        ("tolerations", [{"key": "gpu", "effect": "Never"}], "an effect that is none of"),
        ("tolerations", [{"key": "gpu", "seconds": 5}], "seconds without the effect NoExecute"),
        ("tolerations", [{"key": "a b"}], "the key 'a b', which is that of no taint"),
        ("labels", {"team": "the birds"}, "'the birds', which is no label of a pod"),
        ("labels", {"a team": "birds"}, "'a team': 'birds', which is no label of a pod"),
        ("annotations", {"a note": "birds"}, "'a note', which is no key of an annotation"),
        ("secrets", [["db", "password", "1ST"]], "is not a list of [secret, key, environment variable]"),
        ("secrets", [["My DB", "password", "PASSWORD"]], "is not a list of [secret, key, environment variable]"),
        ("volumes", [["My Claim", "/data"]], "is not a list of [claim, /path]"),
        ("volumes", [["claim", "/data", "a-b"]], "is not a list of [claim, /path]"),
        ("secret_files", [["db", "keys"]], "is not a list of [secret, /path]"),
        ("config_maps", [["Settings", "level", "LEVEL"]], "is not a list of [config map, key, environment variable]"),
        ("config_map_files", "settings", "is not a list of [config map, /path]"),
        ("pull_secrets", "registry", "is not a list of secrets' names"),
        ("service_account", "Birds!", "is not the name of a service account"),
    ],
)
def test_what_is_wrong_with_an_option_for_clusters_is_told_with_its_step(option: str, wrong: object, said: str) -> None:
    (found,) = compiled(("x = 1", ["step:a"]), labline={"steps": {"a": {option: wrong}}}).findings
    assert found.code == "LL108"
    assert f"`labline.steps.a.{option}`" in found.message and said in found.message


@pytest.mark.parametrize(
    "tag",
    ["request:cpu:many", "node-selector:disk:very fast", "secret-files:db:keys", "config-map:settings:level",
     "config-map-files:settings", "pull-secret:No", "service-account:a b", "label:team:the birds",
     "label:a team:birds", "secret:-db:password:PASSWORD"],
)  # fmt: skip
def test_a_malformed_tag_for_clusters_is_told_with_its_cell(tag: str) -> None:
    (found,) = compiled(("x = 1", ["step:a", tag])).findings
    assert (found.code, f"Cell 1 has the tag {tag!r}" in found.message) == ("LL102", True)


def test_two_cells_that_name_other_nodes_contradict_each_other() -> None:
    cells = (("x = 1", ["step:a", "node-selector:disk:fast"]), ("y = x", ["step:a", "node-selector:disk:slow"]))
    (found,) = compiled(*cells).findings
    assert (found.code, "on node-selector:disk" in found.message) == ("LL107", True)


@pytest.mark.parametrize(("option", "value"), [("backoff", 5), ("retry_on", ["OSError"])])
def test_how_a_step_is_tried_again_that_is_never_tried_again_is_told(option: str, value: object) -> None:
    said = {option: value}
    (found,) = compiled(("x = 1", ["step:a"]), labline={"steps": {"a": said}}).findings
    assert (found.code, found.step, option in found.message) == ("LL109", "a", True)
    assert compiled(("x = 1", ["step:a"]), labline={"steps": {"a": {**said, "retries": 1}}}).findings == ()


def test_a_request_beyond_the_limit_is_told() -> None:
    (found,) = compiled(("x = 1", ["step:a", "request:memory:3Gi", "limit:memory:2Gi"])).findings
    assert found.code == "LL107"
    assert "Step a asks for 3Gi of memory, which is more than its limit of 2Gi." in found.message


@pytest.mark.parametrize(
    "own",
    [
        {"steps": {"nobody": {}}}, {"steps": {"a": {"retries": -1}}},
        {"steps": {"a": {"timeout": "long"}}}, {"steps": []}, [], {"timeout": 0},
        {"steps": {"a": {"backoff": {"factor": 2}}}}, {"steps": {"a": {"backoff": {"seconds": 1, "max": 2}}}},
        {"steps": {"a": {"backoff": -1}}}, {"steps": {"a": {"retry_on": "OSError"}}},
        {"steps": {"a": {"typo": 1}}}, {"steps": {"a": {"volumes": [["claim", "relative"]]}}},
        {"cache": "yes"}, {"experiment": 5}, {"steps": {"a": 1}}, {"service_account": 5},
        {"steps": {"a": {"register": "a/b"}}}, {"steps": {"a": {"register": {"variable": "model"}}}},
        {"steps": {"a": {"register": {"name": "b", "variable": "m.n"}}}}, {"steps": {"a": {"register": True}}},
        {"steps": {"a": {"register": {"name": "b", "model": "m"}}}},
        {"steps": {"a": {"register": {"name": "b", "sample": "no"}}}},
    ],
)  # fmt: skip
def test_malformed_metadata_is_a_finding(own: object) -> None:
    compilation = compiled(("x = 1", ["step:a"]), labline=own)
    assert [found.code for found in compilation.findings] == ["LL108"]


def test_names_from_kales_metadata() -> None:
    kale = {"pipeline_name": "titanic-ml", "experiment_name": "titanic", "steps_defaults": ["label:team:ml"]}
    compilation = compiled(("x = 1", ["block:a"]), kubeflow_notebook=kale)
    assert compilation.pipeline is not None
    assert (compilation.pipeline.name, compilation.pipeline.experiment) == ("titanic-ml", "titanic")
    assert compilation.pipeline.step("a").options.labels == {"team": "ml"}


def test_kales_empty_block_is_an_untagged_cell() -> None:
    compilation = compiled(("x = 1", ["block:a"]), ("y = x", ["block:"]))
    assert [cell.step for cell in compilation.cells] == ["a", "a"]


def test_foreign_tags_are_left_alone() -> None:
    compilation = compiled(("x = 1", ["step:a", "hide-input", "raises-exception", "slide:notes"]))
    assert compilation.findings == ()


def test_tags_that_are_no_list_are_a_finding() -> None:
    document = {
        "nbformat": 4,
        "metadata": {},
        "cells": [{"cell_type": "code", "source": "1", "metadata": {"tags": "step:a"}}],
    }
    compilation = compile_notebook(parse(document, "n.ipynb"))
    assert [found.code for found in compilation.findings] == ["LL108"]


def test_options_on_a_cell_without_a_step_are_told() -> None:
    compilation = compiled(("import os", ["imports", "limit:cpu:1"]), ("x = 1", ["step:a"]))
    assert [found.code for found in compilation.findings] == ["LL109"]


def test_without_a_name_the_pipeline_takes_the_files() -> None:
    compilation = compiled(("x = 1", []))
    assert compilation.pipeline is not None
    assert compilation.pipeline.name == "my-notebook"


def test_a_name_without_letters_becomes_pipeline() -> None:
    assert pipeline_name("!!!") == "pipeline"


def test_kales_volumes_and_caching_are_taken_over() -> None:
    kale = {
        "enable_caching": False,
        "volumes": [
            {"name": "raw-data", "type": "pvc", "mount_point": "/data", "expose_as_env_var": True},
            {"name": "more", "type": "pvc", "mount_point": "/more"},
        ],
    }
    compilation = compiled(("x = 1", ["step:a"]), kubeflow_notebook=kale)
    assert compilation.pipeline is not None
    assert compilation.pipeline.step("a").options.volumes == (
        ("raw-data", "/data", "KALE_VOLUME_RAW_DATA"),
        ("more", "/more"),
    )
    assert compilation.pipeline.cache is False


def test_a_volume_that_is_not_mounted_is_told() -> None:
    kale = {"volumes": [{"name": "fresh", "type": "new_pvc", "mount_point": "/data"}]}
    found = compiled(("x = 1", ["step:a"]), kubeflow_notebook=kale).findings
    assert [(f.code, f.severity, "fresh" in f.message) for f in found] == [("LL114", "warning", True)]


def test_a_cell_that_stands_for_another_notebook_is_refused() -> None:
    compilation = compiled(("x = 1", ["step:a"]), ("", ["notebook:other"]))
    assert compilation.pipeline is None
    assert [(f.code, f.cell_index) for f in compilation.findings] == [("LL113", 1)]


def test_metadata_mounts_volumes() -> None:
    found = options(labline={"steps": {"a": {"volumes": [["claim", "/data", "DATA"], ["other", "/x"]]}}})
    assert found.volumes == (("claim", "/data", "DATA"), ("other", "/x"))


OUTCOME = ("outcome = 'succeeded'\nerror = None", ["parameters"])


def test_the_step_that_ends_every_run_comes_after_all_others() -> None:
    own = {"steps": {"bye": {"exit": ["outcome", "error"]}}}
    cells = (OUTCOME, ("print(outcome)", ["step:bye"]), ("x = 1", ["step:a"]))
    pipeline = compiled(*cells, labline=own).pipeline
    assert pipeline is not None
    assert [step.name for step in pipeline.steps] == ["a", "bye"]
    assert (pipeline.step("bye").after, pipeline.step("bye").options.exit) == (("a",), ("outcome", "error"))


@pytest.mark.parametrize(
    ("cells", "exits", "told"),
    [
        ([("print(outcome)", ["step:bye"])], {"bye": "outcome"}, "write `outcome = 'succeeded'` in the cell"),
        ([("outcome = 'fine'", ["parameters"]), ("1", ["step:bye"])], {"bye": "outcome"}, "has to be 'succeeded'"),
        ([OUTCOME, ("x = 1", ["step:bye"]), ("x", ["step:a"])], {"bye": "outcome"}, "though step a waits for it"),
        ([OUTCOME, ("1", ["step:a"]), ("1", ["step:b"])], {"a": "outcome", "b": "outcome"}, "one step ends a run"),
        ([OUTCOME, ("1", ["step:a"])], {"a": ["outcome", "error", "more"]}, "is not the name of a parameter"),
    ],
)
def test_what_cannot_end_every_run_is_a_finding(cells, exits, told: str) -> None:
    steps = {name: {"exit": value} for name, value in exits.items()}
    found = compiled(*cells, labline={"steps": steps}).findings
    assert [
        (each.code, told in each.message) for each in found if each.severity == "error" or each.code == "LL108"
    ] == [("LL108", True)]
