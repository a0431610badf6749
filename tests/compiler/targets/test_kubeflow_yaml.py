"""The IR YAML itself: strict against KFP's schema, stable, and holding what the pipeline says."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import warnings
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

import labline_runtime
from labline_compiler.findings import RULES, Finding
from labline_compiler.pipeline import Foreach, Pipeline, StepOptions, Toleration
from labline_compiler.targets.kubeflow import (
    DEFAULT_IMAGE,
    UnsupportedOptionWarning,
    arguments,
    compile_to_yaml,
    service_account,
)
from labline_compiler.targets.kubeflow_component import specification
from labline_compiler.targets.kubeflow_options import LONGEST
from labline_compiler.targets.kubeflow_step import run_labline_step
from labline_runtime.specification import Backoff, Registration
from tests.compiler.helpers import pipeline_of

from .conftest import looping

with warnings.catch_warnings():
    # kfp announces on import which Python versions it will drop.
    warnings.simplefilter("ignore")
    from kfp.kubernetes import kubernetes_executor_config_pb2
    from kfp.pipeline_spec import pipeline_spec_pb2

from google.protobuf import json_format

REPOSITORY = Path(__file__).parents[3]


def documents(pipeline: Pipeline, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    spec, *platform = yaml.safe_load_all(compile_to_yaml(pipeline, **options))
    return spec, (platform[0]["platforms"]["kubernetes"]["deploymentSpec"]["executors"] if platform else {})


def source_of(spec: dict[str, Any], executor: str) -> str:
    return spec["deploymentSpec"]["executors"][executor]["container"]["command"][-1]


def test_every_field_is_one_that_kfp_knows(step, pipeline):
    spec, executors = documents(
        pipeline(
            step("load", "df = 1", gives="df", reads="size names"),
            step(
                "train",
                takes={"load": "df"},
                metrics="score = 1",
                options=StepOptions(
                    limits={"cpu": "500m", "memory": "2Gi", "nvidia.com/gpu": "2"},
                    labels={"team": "birds"},
                    annotations={"note": "long"},
                    secrets=(("store", "password", "STORE_PASSWORD"),),
                    retries=3,
                    timeout=90.5,
                    cache=False,
                ),
            ),
            size="3",
            names="['a', 'b']",
        )
    )
    parsed = json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    assert set(parsed.root.dag.tasks) == {"load", "train"}
    for executor in executors.values():
        json_format.ParseDict(executor, kubernetes_executor_config_pb2.KubernetesExecutorConfig())


def test_another_process_with_other_hashes_writes_the_same_bytes(step, pipeline):
    made = pipeline(step("load", "a = b = c = 1", gives="a b c", reads="one two"), one="1", two="'2'")
    program = (
        "import sys; from labline_compiler.pipeline import Pipeline;"
        "from labline_compiler.targets.kubeflow import compile_to_yaml;"
        "sys.stdout.write(compile_to_yaml(Pipeline.from_json(sys.stdin.read())))"
    )
    path = os.pathsep.join([str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")])
    other = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        input=made.to_json(),
        env={**os.environ, "PYTHONHASHSEED": "4711", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert other.stdout == compile_to_yaml(made)


def test_pipelines_compiled_at_the_same_time_do_not_mix(step, pipeline):
    made = [pipeline(step("only", f"x = {n}", gives="x")) for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(compile_to_yaml, made))
    assert together == [compile_to_yaml(one) for one in made]


@pytest.mark.parametrize(
    ("literal", "kfp_type", "default"),
    [
        ("3", "NUMBER_INTEGER", 3),
        ("-3", "NUMBER_INTEGER", -3),
        (str(2**60), "STRING", str(2**60)),
        ("0.5", "NUMBER_DOUBLE", 0.5),
        ("-1e999", "STRING", "-1e999"),
        ("True", "BOOLEAN", True),
        ("'a text'", "STRING", "a text"),
        ("''", "STRING", ""),
        ("None", "STRING", "None"),
        ("[1, 2.0]", "STRING", "[1, 2.0]"),
        ("{'a': (1, None)}", "STRING", "{'a': (1, None)}"),
        ("{1, 2}", "STRING", "{1, 2}"),
        ("b'raw'", "STRING", "b'raw'"),
        ("2j", "STRING", "2j"),
    ],
)
def test_a_parameter_has_kfps_type_where_that_is_exact_and_is_text_elsewhere(
    step, pipeline, literal, kfp_type, default
):
    spec, _ = documents(pipeline(step("only", "x = p", reads="p"), p=literal))
    found = spec["root"]["inputDefinitions"]["parameters"]["p"]
    assert found["parameterType"] == kfp_type
    assert found["defaultValue"] == default
    assert type(found["defaultValue"]) is (float if kfp_type.startswith("NUMBER") else type(default))


def test_a_parameter_that_no_step_reads_is_still_an_input_of_the_pipeline(step, pipeline):
    spec, _ = documents(pipeline(step("only", "x = 1"), unused="1"))
    assert "unused" in spec["root"]["inputDefinitions"]["parameters"]
    assert "inputDefinitions" not in spec["components"]["comp-only"]


def test_an_artifact_is_called_after_the_names_in_it(step, pipeline):
    spec, _ = documents(pipeline(step("load", "x = y = []", gives=[("x", "y"), ("@numpy.random",)])))
    assert set(spec["components"]["comp-load"]["outputDefinitions"]["artifacts"]) == {
        "x_y",
        "numpy_random",
        "executed_notebook",
        "step_result",
        "report",
    }


def test_a_value_that_passes_through_a_step_is_its_input_and_its_output(step, pipeline):
    spec, _ = documents(
        pipeline(step("a", "df = []", gives="df"), step("b", "df.append(1)", takes={"a": "df"}, gives="df"))
    )
    component = spec["components"]["comp-b"]
    (taken,) = component["inputDefinitions"]["artifacts"]
    assert taken not in component["outputDefinitions"]["artifacts"]
    assert spec["root"]["dag"]["tasks"]["b"]["inputs"]["artifacts"][taken]["taskOutputArtifact"] == {
        "outputArtifactKey": "df",
        "producerTask": "a",
    }


@pytest.mark.parametrize(
    "name", ["Output", "executed_notebook", "step_result", "metrics", "report", "run_labline_step", "größe", "X" * 200]
)
def test_no_name_in_the_notebook_is_in_the_way_of_kfps_own(step, pipeline, name):
    spec, _ = documents(
        pipeline(
            step("first", f"{name} = 1", gives=name),
            step("second", takes={"first": name}, metrics=name, reads="p"),
            p="1",
        )
    )
    own = {"executed_notebook", "step_result", "report"}
    (key,) = spec["components"]["comp-first"]["outputDefinitions"]["artifacts"].keys() - own
    assert key.isascii() and key.isidentifier() and len(key) <= 64
    (argument,) = spec["root"]["dag"]["tasks"]["second"]["inputs"]["artifacts"].values()
    assert argument["taskOutputArtifact"]["outputArtifactKey"] == key


def test_steps_that_kfp_would_call_the_same_stay_apart(step, pipeline):
    spec, _ = documents(pipeline(step("Fit_it", "a = 1"), step("fit_it", "a = 2"), step("fit__it", "a = 3")))
    tasks = spec["root"]["dag"]["tasks"]
    assert sorted(task["taskInfo"]["name"] for task in tasks.values()) == ["Fit_it", "fit__it", "fit_it"]
    assert len({task["componentRef"]["name"] for task in tasks.values()}) == 3


def test_braces_of_the_notebook_are_no_placeholders_for_kfp(step, pipeline):
    text = compile_to_yaml(pipeline(step("only", "x = '{{$.inputs}} {{workflow.name}}'\ny = {(1,): {2: {3}}}")))
    assert text.count("{{") == 1  # the {{$}} that hands KFP's own input to the component


def test_an_order_without_data_is_kept(step, pipeline):
    spec, _ = documents(pipeline(step("a", "x = 1"), step("b", "y = 1", after=("a",))))
    assert spec["root"]["dag"]["tasks"]["b"]["dependentTasks"] == ["a"]


def test_steps_without_an_edge_between_them_do_not_wait_for_each_other(step, pipeline):
    spec, _ = documents(pipeline(step("a", "x = 1"), step("b", "y = 1")))
    assert all("dependentTasks" not in task for task in spec["root"]["dag"]["tasks"].values())


def test_metrics_are_a_metrics_artifact(step, pipeline):
    spec, _ = documents(pipeline(step("a", "x = 1", metrics="x")))
    found = spec["components"]["comp-a"]["outputDefinitions"]["artifacts"]["metrics"]
    assert found["artifactType"]["schemaTitle"] == "system.Metrics"


TYPED = """# %% tags=["step:load"]
import pandas as pd
from sklearn.linear_model import Ridge
rows = pd.read_csv("rows.csv")
target = rows["price"]
names = ["a", "b"]
count = 3
rows["b"] = 0
# %% tags=["step:train"]
model = Ridge(alpha=count).fit(rows[names], target)
# %% tags=["step:judge"]
score = model.score(rows[names], target)
# %% tags=["step:tell"]
print(score)"""


@pytest.mark.parametrize(
    ("step", "output", "kind"),
    [
        ("load", "rows_target", "Dataset"),
        ("load", "names", "Artifact"),
        ("load", "count", "Artifact"),
        ("train", "model", "Model"),
        ("judge", "score", "Artifact"),
    ],
)
def test_what_holds_rows_is_a_dataset_and_what_was_fitted_a_model(step, output, kind):
    spec, _ = documents(pipeline_of(TYPED))
    found = spec["components"][f"comp-{step}"]["outputDefinitions"]["artifacts"][output]
    assert found["artifactType"]["schemaTitle"] == f"system.{kind}"


def test_what_a_step_takes_is_of_the_type_that_was_left():
    spec, _ = documents(pipeline_of(TYPED))
    taken = spec["components"]["comp-judge"]["inputDefinitions"]["artifacts"]
    found = {name: one["artifactType"]["schemaTitle"] for name, one in taken.items()}
    assert found == {"names": "system.Artifact", "rows_target": "system.Dataset", "model": "system.Model"}


@pytest.mark.parametrize("measures", ["m = confusion_matrix(y, p)", "f, t, s = metrics.roc_curve(y, p)"])
def test_what_a_metrics_cell_measures_of_a_classifier_is_an_artifact(step, pipeline, measures):
    spec, _ = documents(pipeline(step("a", "x = 1", metrics=measures)))
    found = spec["components"]["comp-a"]["outputDefinitions"]["artifacts"]["classification"]
    assert found["artifactType"]["schemaTitle"] == "system.ClassificationMetrics"


@pytest.mark.parametrize(("report", "kept"), [(None, True), (True, True), (False, False)])
def test_the_report_is_an_html_artifact_unless_it_is_switched_off(step, pipeline, report, kept):
    spec, _ = documents(pipeline(step("a", "x = 1", options=StepOptions(report=report))))
    found = spec["components"]["comp-a"]["outputDefinitions"]["artifacts"]
    assert [found[name]["artifactType"]["schemaTitle"] for name in found if name == "report"] == ["system.HTML"] * kept


def test_images_are_the_default_the_one_given_and_the_steps_own(step, pipeline):
    made = pipeline(step("a", "x = 1"), step("b", "x = 1", options=StepOptions(image="registry/birds:3")))
    default = documents(made)[0]["deploymentSpec"]["executors"]
    given = documents(made, image="registry/all:1")[0]["deploymentSpec"]["executors"]
    assert [e["container"]["image"] for e in default.values()] == [DEFAULT_IMAGE, "registry/birds:3"]
    assert [e["container"]["image"] for e in given.values()] == ["registry/all:1", "registry/birds:3"]


def test_the_image_installs_nothing_when_a_step_starts(step, pipeline):
    assert "pip install" not in compile_to_yaml(pipeline(step("a", "x = 1")))


def test_limits_land_in_the_container(step, pipeline):
    limits = {"cpu": "500m", "memory": "1.5Gi", "amd.com/gpu": "2"}
    spec, _ = documents(pipeline(step("a", "x = 1", options=StepOptions(limits=limits))))
    found = spec["deploymentSpec"]["executors"]["exec-a"]["container"]["resources"]
    assert found["resourceCpuLimit"] == "500m"
    assert found["resourceMemoryLimit"] == str(3 * 2**29)
    assert found["accelerator"]["resourceType"] == "amd.com/gpu"
    assert found["accelerator"]["resourceCount"] == "2"


def test_labels_annotations_secrets_and_the_timeout_land_in_the_kubernetes_document(step, pipeline):
    options = StepOptions(
        labels={"team": "birds"}, annotations={"note": "x"}, secrets=(("store", "key", "STORE_KEY"),), timeout=10.2
    )
    _, executors = documents(pipeline(step("a", "x = 1", options=options)))
    found = executors["exec-a"]
    assert found["podMetadata"] == {"labels": {"team": "birds"}, "annotations": {"note": "x"}}
    assert found["activeDeadlineSeconds"] == "11"
    assert found["secretAsEnv"][0]["secretName"] == "store"
    assert found["secretAsEnv"][0]["keyToEnv"] == [{"secretKey": "key", "envVar": "STORE_KEY"}]


def test_where_a_pod_may_run_and_who_fetches_its_image_land_in_the_kubernetes_document(step, pipeline):
    options = StepOptions(
        node_selector={"disk": "fast"},
        tolerations=(Toleration("gpu", "Exists", effect="NoExecute", seconds=0), Toleration("team", value="birds")),
        pull_secrets=("registry", "mirror"),
    )
    _, executors = documents(pipeline(step("a", "x = 1", options=options)))
    found = executors["exec-a"]
    json_format.ParseDict(found, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    assert found["nodeSelector"] == {"labels": {"disk": "fast"}}
    assert found["tolerations"] == [
        {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": "0"},
        {"key": "team", "operator": "Equal", "value": "birds"},
    ]
    assert [secret["secretName"] for secret in found["imagePullSecret"]] == ["registry", "mirror"]


def test_files_of_secrets_and_config_maps_land_in_the_kubernetes_document(step, pipeline):
    options = StepOptions(
        secret_files=(("store", "/keys"),),
        config_maps=(("settings", "level", "LEVEL"),),
        config_map_files=(("settings", "/settings"),),
    )
    _, executors = documents(pipeline(step("a", "x = 1", options=options)))
    found = executors["exec-a"]
    json_format.ParseDict(found, kubernetes_executor_config_pb2.KubernetesExecutorConfig())
    (secret,), (variables,), (files,) = found["secretAsVolume"], found["configMapAsEnv"], found["configMapAsVolume"]
    assert (secret["secretName"], secret["mountPath"]) == ("store", "/keys")
    assert variables["configMapName"] == "settings"
    assert variables["keyToEnv"] == [{"configMapKey": "level", "envVar": "LEVEL"}]
    assert (files["configMapName"], files["mountPath"]) == ("settings", "/settings")


def test_requests_land_in_the_container(step, pipeline):
    options = StepOptions(
        requests={"cpu": "250m", "memory": "1.5Gi", "amd.com/gpu": "2"}, limits={"cpu": "2", "amd.com/gpu": "2"}
    )
    report = []
    spec, _ = documents(pipeline(step("a", "x = 1", options=options)), report=report)
    json_format.ParseDict(spec, pipeline_spec_pb2.PipelineSpec())
    found = spec["deploymentSpec"]["executors"]["exec-a"]["container"]["resources"]
    assert (found["resourceCpuRequest"], found["resourceMemoryRequest"]) == ("250m", str(3 * 2**29))
    assert (found["resourceCpuLimit"], report) == ("2", [])  # of an accelerator request and limit are the same


@pytest.mark.parametrize("resource", ["ephemeral-storage", "nvidia.com/gpu"])
def test_a_request_that_kubeflow_has_no_field_for_is_told(step, pipeline, resource):
    report = []
    compile_to_yaml(pipeline(step("a", "x = 1", options=StepOptions(requests={resource: "1"}))), report=report)
    (found,) = report
    assert (found.code, found.severity, found.step) == ("LL601", "warning", "a")
    assert f"so that for {resource} is left out" in found.message


@pytest.mark.parametrize(
    ("of_run", "of_steps", "named", "told"),
    [
        (None, ("birds", "birds"), "birds", []),
        ("owls", (None, "owls"), "owls", []),
        ("owls", (None, "birds"), "owls", ["so birds is left out"]),
        (None, ("owls", "birds"), None, ["so owls is left out", "so birds is left out"]),
        (None, (None, "birds"), None, ["so birds is left out"]),
    ],
)
def test_a_run_has_one_service_account(step, pipeline, of_run, of_steps, named, told):
    made = pipeline(
        *(
            step(name, "x = 1", options=StepOptions(service_account=one))
            for name, one in zip("ab", of_steps, strict=True)
        )
    )
    made = replace(made, service_account=of_run)
    report: list[Finding] = []
    compile_to_yaml(made, report=report)
    assert service_account(made) == named
    warnings_ = [found.message for found in report if found.severity == "warning"]
    assert [any(part in said for said in warnings_) for part in told] == [True] * len(warnings_)


def test_volumes_are_mounted_and_named_in_the_environment(step, pipeline):
    options = StepOptions(volumes=(("claim", "/data", "DATA"), ("other", "/other")))
    spec, executors = documents(pipeline(step("a", "x = 1", options=options)))
    mounts = [
        (m["constant"] if "constant" in m else m["pvcName"], m["mountPath"]) for m in executors["exec-a"]["pvcMount"]
    ]
    assert mounts == [("claim", "/data"), ("other", "/other")]
    assert spec["deploymentSpec"]["executors"]["exec-a"]["container"]["env"] == [{"name": "DATA", "value": "/data"}]


def test_retries_are_kfps_retries(step, pipeline):
    spec, _ = documents(pipeline(step("a", "x = 1", options=StepOptions(retries=4))))
    assert spec["root"]["dag"]["tasks"]["a"]["retryPolicy"]["maxRetryCount"] == 4


def test_a_backoff_is_kfps_and_does_not_end_with_the_hour(step, pipeline):
    options = StepOptions(retries=4, backoff=Backoff(1.5, 3.0))
    policy = documents(pipeline(step("a", "x = 1", options=options)))[0]["root"]["dag"]["tasks"]["a"]["retryPolicy"]
    assert policy == {
        "maxRetryCount": 4,
        "backoffDuration": "2s",
        "backoffFactor": 3.0,
        "backoffMaxDuration": f"{LONGEST}s",
    }


@pytest.mark.parametrize(
    ("secrets", "codes"),
    [((), ["LL601"]), ((("mlflow", "address", "MLFLOW_TRACKING_URI"),), [])],
)
def test_a_model_is_registered_where_the_pod_is_told_where_mlflow_is(step, pipeline, secrets, codes):
    report = []
    options = StepOptions(register=Registration("flights"), secrets=secrets)
    compile_to_yaml(pipeline(step("a", "x = 1", options=options)), report=report)
    assert [found.code for found in report] == codes


def test_a_pod_that_registers_a_model_opens_its_run_in_the_pipelines_experiment(step, pipeline):
    options = StepOptions(register=Registration("flights"), secrets=(("mlflow", "address", "MLFLOW_TRACKING_URI"),))
    made = pipeline(step("a", "x = 1", options=options))
    assert specification(made, made.step("a")).register == Registration("flights", experiment=made.name)


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        ({"retry_on": ("OSError",)}, "Step a: Kubeflow Pipelines tries a step again whatever it failed of"),
        ({"backoff": Backoff(60.0, 2.0, 100.0)}, "so 100 s is left out"),
    ],
)
def test_what_kfp_does_not_know_of_retries_is_told(step, pipeline, asked, told):
    report = []
    compile_to_yaml(pipeline(step("a", "x = 1", options=StepOptions(retries=4, **asked))), report=report)
    assert [(found.code, told in found.message) for found in report] == [("LL601", True)]


def test_a_timeout_of_the_whole_run_is_told_to_be_left_out(step, pipeline):
    report = []
    compile_to_yaml(replace(pipeline(step("a", "x = 1")), timeout=9.0), report=report)
    assert ["no timeout for a whole run, so 9 s is left out" in found.message for found in report] == [True]


@pytest.mark.parametrize(
    ("of_pipeline", "of_step", "cached"), [(True, None, True), (True, False, False), (False, True, True)]
)
def test_a_step_caches_as_it_says_and_else_as_the_pipeline_says(step, pipeline, of_pipeline, of_step, cached):
    made = pipeline(step("a", "x = 1", options=StepOptions(cache=of_step)))
    made = Pipeline(**{**vars(made), "cache": of_pipeline})
    spec, _ = documents(made)
    assert spec["root"]["dag"]["tasks"]["a"]["cachingOptions"].get("enableCache", False) is cached


@pytest.mark.parametrize(
    ("limits", "named"),
    [
        ({"ephemeral-storage": "1Gi"}, "ephemeral-storage"),
        ({"cpu": "many"}, "limit:cpu:many"),
        ({"memory": "lots"}, "limit:memory:lots"),
        ({"nvidia.com/gpu": "1", "amd.com/gpu": "1"}, "amd.com/gpu"),
        ({"nvidia.com/gpu": "0.5"}, "limit:nvidia.com/gpu:0.5"),
    ],
)
def test_an_option_that_kubeflow_cannot_carry_is_a_finding_that_names_step_and_option(step, pipeline, limits, named):
    report: list[Finding] = []
    compile_to_yaml(pipeline(step("train", "x = 1", options=StepOptions(limits=limits))), report=report)
    (finding,) = report
    assert finding.code in RULES
    assert finding.step == "train"
    assert named in finding.message


def test_an_amount_that_kubeflow_does_not_take_leaves_nothing_in_its_place(step, pipeline):
    limits = {"nvidia.com/gpu": "0.5", "memory": "lots", "cpu": "many"}
    with pytest.warns(UnsupportedOptionWarning):
        spec, _ = documents(pipeline(step("a", "x = 1", options=StepOptions(limits=limits))))
    assert "resources" not in spec["deploymentSpec"]["executors"]["exec-a"]["container"]


def test_a_process_that_is_to_stay_after_a_failure_is_told_not_to(step, pipeline):
    report: list[Finding] = []
    compile_to_yaml(pipeline(step("a", "x = 1", options=StepOptions(post_mortem=True))), report=report)
    assert [(found.code, "no process stays after a failure" in found.message) for found in report] == [("LL601", True)]


def test_without_a_report_such_an_option_is_a_warning(step, pipeline):
    made = pipeline(step("train", "x = 1", options=StepOptions(limits={"hugepages-2Mi": "1"})))
    with pytest.warns(UnsupportedOptionWarning, match="hugepages-2Mi"):
        compile_to_yaml(made)


def test_a_pipeline_without_steps_is_refused(pipeline):
    with pytest.raises(ValueError, match="no steps"):
        compile_to_yaml(pipeline())


def test_importing_the_target_does_not_import_kfp():
    program = "import sys, labline_compiler.targets.kubeflow; sys.exit('kfp' in sys.modules)"
    path = os.pathsep.join([str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")])
    done = subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": path}, check=False)
    assert done.returncode == 0


def test_the_embedded_source_is_valid_on_its_own(step, pipeline):
    spec, _ = documents(pipeline(step("only", "x = '''it's \"quoted\" \\\\ and ünï'''")))
    ast.parse(source_of(spec, "exec-only"))


def test_a_runs_arguments_are_called_and_typed_as_the_compiled_pipeline_has_them(step, pipeline):
    compiled = pipeline(step("only", "x = 1", reads="n f größe"), n="3", f="0.5", größe="(1, 2)")
    passed = arguments(compiled, {"n": "4", "f": "2", "größe": "(1, 2)"})
    assert set(passed) == set(documents(compiled)[0]["root"]["inputDefinitions"]["parameters"])
    assert (passed["n"], passed["f"], passed.popitem()[1]) == (4, 2, "(1, 2)")


def test_a_number_that_a_double_does_not_hold_is_no_argument(step, pipeline):
    with pytest.raises(ValueError, match="Parameter n cannot be 9007199254740993"):
        arguments(pipeline(step("only", "x = 1", reads="n"), n="3"), {"n": str(2**53 + 1)})


EXIT = StepOptions(exit=("outcome", "error"))


def test_a_last_step_that_takes_nothing_is_kfps_exit_task(step, pipeline):
    last = step("last", "print(outcome, error)", reads="outcome error", options=EXIT)
    report = []
    made = pipeline(step("a", "x = 1"), last, outcome="'succeeded'", error="None")
    tasks = next(yaml.safe_load_all(compile_to_yaml(made, report=report)))["root"]["dag"]["tasks"]
    assert tasks["last"]["triggerPolicy"] == {"strategy": "ALL_UPSTREAM_TASKS_COMPLETED"}
    assert (tasks["last"]["dependentTasks"], tasks["last"]["cachingOptions"]) == (["exit-handler-1"], {})
    assert [(found.severity, "error only says so" in found.message) for found in report] == [("info", True)]


@pytest.mark.parametrize(
    ("uses", "severity"), [({"files": ("names.csv",)}, "info"), ({"files_of": ("a",)}, "warning"), ({}, None)]
)
def test_a_last_step_that_uses_files_is_told_to_get_none(step, pipeline, uses, severity):
    last = replace(step("last", "print()", options=StepOptions(exit=("outcome",))), **uses)
    report = []
    compile_to_yaml(pipeline(step("a", "x = 1"), last, outcome="'succeeded'"), report=report)
    assert [found.severity for found in report if found.code == "LL613"] == ([severity] if severity else [])


def test_a_last_step_that_takes_values_is_told_to_run_after_success_only(step, pipeline):
    last = step("last", "print(x)", takes={"a": "x"}, reads="outcome", options=StepOptions(exit=("outcome",)))
    report = []
    compile_to_yaml(pipeline(step("a", "x = 1", gives="x"), last, outcome="'succeeded'"), report=report)
    assert [(found.severity, "it takes x of a." in found.message) for found in report] == [("warning", True)]


def test_each_part_of_a_loop_has_the_steps_options():
    spec, _ = documents(looping(foreach=Foreach(parallel=3), retries=2))
    tasks = spec["root"]["dag"]["tasks"]
    item = spec["components"]["comp-for-loop-1"]["dag"]["tasks"]["s-item"]
    assert tasks["for-loop-1"]["iteratorPolicy"] == {"parallelismLimit": 3}
    assert [each["retryPolicy"]["maxRetryCount"] for each in (tasks["s-items"], item, tasks["s"])] == [2, 2, 2]


def test_items_that_may_fail_try_again_by_themselves_and_are_not_cached():
    report = []
    text = compile_to_yaml(looping(foreach=Foreach(allow_failures=True), retries=2), report=report)
    spec = next(yaml.safe_load_all(text))
    item = spec["components"]["comp-for-loop-1"]["dag"]["tasks"]["s-item"]
    assert ("retryPolicy" in item, item["cachingOptions"]) == (False, {})
    assert [(found.severity, "whole pod is killed" in found.message) for found in report] == [("info", True)]


def test_items_that_share_processes_share_a_pod():
    report = []
    text = compile_to_yaml(looping(foreach=Foreach(pool=True)), report=report)
    assert list(next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]) == ["a", "b", "s"]
    assert [(found.severity, "in one pod" in found.message) for found in report] == [("info", True)]


def test_a_pipeline_is_not_called_like_one_of_its_components(step, pipeline):
    spec, _ = documents(replace(pipeline(step("Slow_step", "x = 1")), name="slow-step"))
    assert (spec["pipelineInfo"]["name"], list(spec["components"])) == ("slow-step-pipeline", ["comp-slow-step"])


def test_an_image_that_cannot_unpack_files_is_said_to_be_older(monkeypatch):
    monkeypatch.setitem(sys.modules, "labline_runtime.shipping", None)
    monkeypatch.delattr(labline_runtime, "shipping", raising=False)
    with pytest.raises(SystemExit, match="Step fit cannot begin: its image is older than this pipeline"):
        run_labline_step('{"step": "fit"}', {}, [], [], archives=[(None, "digest")])
