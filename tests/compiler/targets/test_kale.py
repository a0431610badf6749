"""Every tag and every entry of Kale's metadata, followed from the notebook into the YAML that Kubeflow gets."""

from __future__ import annotations

import ast
import json
import warnings
from typing import Any

import pytest
import yaml

from labline_compiler.compile import compile_notebook
from labline_compiler.findings import Finding
from labline_compiler.notebook import parse
from labline_compiler.targets.kubeflow import compile_to_yaml

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # kfp announces on import which Python versions it will drop
    from kfp.kubernetes import kubernetes_executor_config_pb2
    from kfp.pipeline_spec import pipeline_spec_pb2

from google.protobuf import json_format

Cells = list[tuple[str, list[str]]]

TAGS = [
    "step:train",
    "limit:cpu:1500m",
    "limit:memory:2Gi",
    "limit:nvidia.com/gpu:2",
    "label:team:birds",
    "annotation:example.org/note:a:b",
    "secret:store:password:STORE_PASSWORD",
    "image:registry:5000/birds:3",
    "cache:disabled",
    "report:disabled",
]
CELLS: Cells = [
    ("import math", ["imports"]),
    ("def twice(n):\n    return 2 * n", ["functions"]),
    ("size = 3", ["pipeline-parameters"]),
    ("data = [size]", ["step:load"]),
    ("data.append(math.pi)", []),
    ("1 / 0", ["skip"]),
    ("print('ready')", ["step:ready"]),
    ("score = twice(sum(data))", [*TAGS, "prev:ready"]),
    ("print(score)", ["pipeline-metrics"]),
]


class Compiled:
    """A notebook as Kubeflow gets it, strictly read."""

    def __init__(self, cells: Cells, metadata: dict[str, Any]) -> None:
        document = {
            "nbformat": 4,
            "nbformat_minor": 5,
            "metadata": metadata,
            "cells": [{"cell_type": "code", "metadata": {"tags": tags}, "source": text} for text, tags in cells],
        }
        compilation = compile_notebook(parse(document, "made_for_kale.ipynb"))
        assert compilation.pipeline is not None, compilation.findings
        self.findings = compilation.findings
        self.report: list[Finding] = []
        self.spec, *more = yaml.safe_load_all(compile_to_yaml(compilation.pipeline, report=self.report))
        json_format.ParseDict(self.spec, pipeline_spec_pb2.PipelineSpec())
        self.platform: dict[str, Any] = {}
        if more:
            self.platform = more[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
        for each in self.platform.values():
            json_format.ParseDict(each, kubernetes_executor_config_pb2.KubernetesExecutorConfig())

    def container(self, step: str) -> dict[str, Any]:
        found: dict[str, Any] = self.spec["deploymentSpec"]["executors"][f"exec-{step}"]["container"]
        return found

    def cells(self, step: str) -> list[str]:
        """The code that the step's component runs."""
        tree = ast.parse(self.container(step)["command"][-1])
        texts = [
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        ]
        specification = next(json.loads(text) for text in texts if text.startswith('{"') and '"cells"' in text)
        return [cell["source"] for cell in specification["cells"]]

    def task(self, step: str) -> dict[str, Any]:
        found: dict[str, Any] = self.spec["root"]["dag"]["tasks"][step]
        return found

    def outputs(self, step: str) -> set[str]:
        return set(self.spec["components"][f"comp-{step}"]["outputDefinitions"]["artifacts"])


@pytest.fixture(scope="module")
def tagged() -> Compiled:
    return Compiled(CELLS, {})


def test_no_tag_of_kales_is_complained_of(tagged: Compiled) -> None:
    assert tagged.findings == ()


def test_steps_are_tasks_and_untagged_cells_belong_to_them(tagged: Compiled) -> None:
    assert set(tagged.spec["root"]["dag"]["tasks"]) == {"load", "ready", "train"}
    assert "data.append(math.pi)" in tagged.cells("load")


def test_imports_and_functions_run_first_in_every_step(tagged: Compiled) -> None:
    for step in ("load", "ready", "train"):
        assert tagged.cells(step)[:2] == ["import math", "def twice(n):\n    return 2 * n"]


def test_parameters_are_the_pipelines(tagged: Compiled) -> None:
    assert tagged.spec["root"]["inputDefinitions"]["parameters"]["size"]["defaultValue"] == 3


def test_metrics_are_those_of_the_step_above(tagged: Compiled) -> None:
    assert "metrics" in tagged.outputs("train") and "metrics" not in tagged.outputs("load")


def test_skipped_cells_are_nowhere(tagged: Compiled) -> None:
    assert all("1 / 0" not in tagged.cells(step) for step in ("load", "ready", "train"))


def test_prev_is_an_order_without_data(tagged: Compiled) -> None:
    assert set(tagged.task("train")["dependentTasks"]) == {"load", "ready"}
    assert "dependentTasks" not in tagged.task("ready")


def test_limits_are_the_containers(tagged: Compiled) -> None:
    found = tagged.container("train")["resources"]
    assert (found["resourceCpuLimit"], found["resourceMemoryLimit"]) == ("1500m", "2Gi")
    assert (found["accelerator"]["resourceType"], found["accelerator"]["resourceCount"]) == ("nvidia.com/gpu", "2")


def test_labels_and_annotations_are_the_pods(tagged: Compiled) -> None:
    metadata = tagged.platform["exec-train"]["podMetadata"]
    assert metadata == {"labels": {"team": "birds"}, "annotations": {"example.org/note": "a:b"}}


def test_a_secret_is_an_environment_variable(tagged: Compiled) -> None:
    (secret,) = tagged.platform["exec-train"]["secretAsEnv"]
    assert secret["secretName"] == "store"
    assert secret["keyToEnv"] == [{"secretKey": "password", "envVar": "STORE_PASSWORD"}]


def test_the_image_is_the_containers_and_must_hold_labline(tagged: Compiled) -> None:
    assert tagged.container("train")["image"] == "registry:5000/birds:3"
    assert [(f.code, f.severity, f.step) for f in tagged.report] == [("LL601", "info", "train")]


def test_caching_is_switched_off_for_the_step_alone(tagged: Compiled) -> None:
    caching = [tagged.task(step)["cachingOptions"].get("enableCache", False) for step in ("load", "train")]
    assert caching == [True, False]


def test_the_report_is_switched_off_for_the_step_alone(tagged: Compiled) -> None:
    assert "report" in tagged.outputs("load") and "report" not in tagged.outputs("train")


# ------------------------------------------------------------------------------------------------------ the metadata

KALE = {
    "pipeline_name": "birds-of-kale",
    "pipeline_description": "Counts birds.",
    "experiment_name": "birds",
    "base_image": "registry/all:1",
    "enable_caching": False,
    "volumes": [
        {"name": "raw-data", "type": "pvc", "mount_point": "/data", "expose_as_env_var": True, "snapshot": False}
    ],
    "steps_defaults": ["label:team:owls", "limit:memory:1Gi", "cache:enabled", "report:disabled", "limit:cpu:1"],
    "katib_run": False,
    "snapshot_volumes": False,
    "security_context": {"enabled": False},
    "storage_class_name": "",
    "volume_access_mode": "rwm",
}


@pytest.fixture(scope="module")
def described() -> Compiled:
    return Compiled([("x = 1", ["step:own", "limit:cpu:2"]), ("y = x", ["step:other"])], {"kubeflow_notebook": KALE})


def test_metadata_that_asks_for_nothing_special_is_not_complained_of(described: Compiled) -> None:
    assert described.findings == ()


def test_name_and_description_are_the_pipelines(described: Compiled) -> None:
    assert described.spec["pipelineInfo"] == {"name": "birds-of-kale", "description": "Counts birds."}


def test_the_base_image_is_that_of_every_step(described: Compiled) -> None:
    assert [described.container(step)["image"] for step in ("own", "other")] == ["registry/all:1"] * 2


def test_volumes_are_mounted_into_every_step_and_named_as_kale_names_them(described: Compiled) -> None:
    for step in ("own", "other"):
        (mount,) = described.platform[f"exec-{step}"]["pvcMount"]
        assert mount["mountPath"] == "/data"
        assert described.container(step)["env"] == [{"name": "KALE_VOLUME_RAW_DATA", "value": "/data"}]


def test_defaults_of_steps_stand_where_a_step_says_nothing(described: Compiled) -> None:
    limits = [described.container(step)["resources"] for step in ("own", "other")]
    assert [(each["resourceCpuLimit"], each["resourceMemoryLimit"]) for each in limits] == [("2", "1Gi"), ("1", "1Gi")]


def test_a_default_of_steps_wins_over_the_notebooks_caching(described: Compiled) -> None:
    assert described.task("own")["cachingOptions"]["enableCache"] is True


def test_defaults_of_steps_switch_reports_off(described: Compiled) -> None:
    assert "report" not in described.outputs("own")


def test_defaults_of_steps_may_be_an_object() -> None:
    defaults = {
        "labels": {"team": "owls"},
        "secrets": {"KEY": {"secret_name": "store", "secret_key": "key"}},
        "retry_count": 2,
        "timeout": 60,
        "base_image": "",
        "generate_html_report": False,
    }
    found = Compiled([("x = 1", ["step:a"])], {"kubeflow_notebook": {"steps_defaults": defaults}})
    platform = found.platform["exec-a"]
    assert platform["podMetadata"]["labels"] == {"team": "owls"}
    assert platform["secretAsEnv"][0]["keyToEnv"] == [{"secretKey": "key", "envVar": "KEY"}]
    assert platform["activeDeadlineSeconds"] == "60"
    assert found.task("a")["retryPolicy"]["maxRetryCount"] == 2
    assert "report" not in found.outputs("a")
    assert found.findings == ()
