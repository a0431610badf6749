"""Packages that are installed once into a volume, under KFP's local runner with a folder in the volume's place."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from google.protobuf import json_format
from kfp.kubernetes import kubernetes_executor_config_pb2 as platform

from labline_backend.verification.kubeflow import RUNNER
from labline_compiler.pipeline import StepOptions, Toleration
from labline_compiler.targets.kubeflow import compile_to_yaml
from labline_compiler.targets.kubeflow_folder import Shipped
from labline_compiler.targets.kubeflow_packages import MOUNT, Packages
from tests.backend.images.kernels import wheel
from tests.compiler.targets.conftest import LocalRun

SHIPPED = Shipped("digest", b"an archive")
PACKAGES = Packages("shared", "labline-step:1", ("iniconfig==99.0", "tinything==1.5"))


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All that pip can get, and a folder in the volume's place."""
    folder = tmp_path / "index"
    wheel(folder, "tinything", "1.5", "version = '1.5'")
    wheel(folder, "iniconfig", "99.0", "version = '99.0'")  # the environment of the tests has another
    (tmp_path / "volume").mkdir()
    for name, value in {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(folder), "PIP_CONFIG_FILE": "/dev/null"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("LABLINE_PACKAGES", str(tmp_path / "volume"))
    return folder


def run(text: str, folder: Path) -> LocalRun:
    """Run a compiled pipeline with interpreters of its own: forked ones have looked for packages before."""
    (folder / "pipeline.yaml").write_text(text)
    result = folder / "result.json"
    order = {"pipeline": str(folder / "pipeline.yaml"), "root": str(folder / "root"), "arguments": {}}
    done = subprocess.run(
        RUNNER,
        input=json.dumps({**order, "result": str(result)}),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return LocalRun(json.loads(result.read_text()), done.stdout)


@pytest.mark.long
def test_steps_find_what_was_installed_once_before_what_the_image_has(index: Path, tmp_path: Path, step, pipeline):
    cell = "import tinything, iniconfig\nseen = tinything.version, iniconfig.version"
    text = compile_to_yaml(pipeline(step("one", cell, gives="seen")), packages=PACKAGES)
    assert run(text, tmp_path).value("one", "seen") == ("1.5", "99.0")
    assert [path.name for path in (tmp_path / "volume").iterdir()] == [PACKAGES.name]

    for file in index.iterdir():  # nothing can be installed any more
        file.unlink()
    again = run(text, tmp_path)
    assert again.value("one", "seen") == ("1.5", "99.0")
    assert "2 packages are in the volume already" in again.log


def test_what_pip_cannot_install_leaves_nothing_and_fails_the_run(index: Path, tmp_path: Path, step, pipeline):
    missing = Packages("shared", "labline-step:1", ("tinything==9",))
    ended = run(compile_to_yaml(pipeline(step("one", "x = 1", gives="x")), packages=missing), tmp_path)
    assert "one" not in ended.steps
    assert "pip could not install the packages" in ended.log
    assert list((tmp_path / "volume").iterdir()) == []


def test_each_pod_has_the_volume_but_those_of_other_images(step, pipeline):
    own = StepOptions(image="example.org/own:1")
    text = compile_to_yaml(pipeline(step("one", "x = 1"), step("two", "y = 1", options=own)), packages=PACKAGES)
    document = list(yaml.safe_load_all(text))[1]
    executors = document["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    strict = {
        name: json_format.ParseDict(each, platform.KubernetesExecutorConfig()) for name, each in executors.items()
    }
    assert {name: [mount.mount_path for mount in each.pvc_mount] for name, each in strict.items()} == {
        "exec-notebook-packages": [MOUNT],
        "exec-one": [MOUNT],
    }
    assert text.count("constant: shared") == 4  # of each by the old field and by the new one


def test_every_step_waits_for_them_and_what_installs_is_never_taken_from_the_cache(step, pipeline):
    text = compile_to_yaml(pipeline(step("one", "x = 1"), step("two", "y = 1")), packages=PACKAGES)
    tasks = next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]
    assert [tasks[name]["dependentTasks"] for name in ("one", "two")] == [["notebook-packages"]] * 2
    assert "enableCache" not in tasks["notebook-packages"].get("cachingOptions", {})


def test_the_same_packages_give_the_same_bytes_and_others_another_name(step, pipeline):
    notebook = pipeline(step("one", "x = 1"))
    assert compile_to_yaml(notebook, packages=PACKAGES) == compile_to_yaml(notebook, packages=PACKAGES)
    others = Packages("shared", "labline-step:1", ("tinything==1.6",))
    assert others.name != PACKAGES.name
    assert compile_to_yaml(notebook, packages=others) != compile_to_yaml(notebook, packages=PACKAGES)


def test_a_step_that_ends_the_run_does_not_wait_for_them(step, pipeline):
    last = step("last", "print('over')", options=StepOptions(exit=("state",)))
    text = compile_to_yaml(pipeline(step("one", "x = 1"), last), packages=PACKAGES)
    tasks = next(yaml.safe_load_all(text))["root"]["dag"]["tasks"]
    assert "notebook-packages" not in tasks["last"]["dependentTasks"]


def of_the_cluster(text: str) -> dict[str, Any]:
    """What each executor asks of the cluster, without its volumes."""
    executors = list(yaml.safe_load_all(text))[1]["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    for each in executors.values():
        json_format.ParseDict(each, platform.KubernetesExecutorConfig())
    return {
        name.removeprefix("exec-"): {k: v for k, v in e.items() if k != "pvcMount"} for name, e in executors.items()
    }


def secrets_of(executor: dict[str, Any]) -> list[str]:
    return [secret["secretName"] for secret in executor["imagePullSecret"]]


def test_what_labline_adds_fetches_its_image_by_the_secrets_of_the_steps_in_it(step, pipeline):
    one, other = StepOptions(pull_secrets=("a",)), StepOptions(pull_secrets=("b", "a"))
    elsewhere = StepOptions(image="example.org/own:1", pull_secrets=("c",))
    steps = [step(name, "x = 1", options=own) for name, own in (("one", one), ("two", other), ("three", elsewhere))]
    found = of_the_cluster(compile_to_yaml(pipeline(*steps), packages=PACKAGES, shipped=SHIPPED))
    assert [secrets_of(found[name]) for name in ("notebook-packages", "notebook-folder")] == [["a", "b"]] * 2


def test_the_files_come_by_an_image_of_the_steps_where_all_name_their_own(step, pipeline):
    own = StepOptions(image="example.org/own:1", pull_secrets=("c",))
    text = compile_to_yaml(pipeline(step("one", "x = 1", options=own)), shipped=SHIPPED)
    executors = next(yaml.safe_load_all(text))["deploymentSpec"]["executors"]
    assert executors["exec-notebook-folder"]["container"]["image"] == "example.org/own:1"
    assert secrets_of(of_the_cluster(text)["notebook-folder"]) == ["c"]


def test_what_all_steps_say_of_their_pods_holds_for_what_labline_adds(step, pipeline):
    shared = StepOptions(labels={"team": "birds"}, node_selector={"pool": "batch"}, annotations={"note": "x"})
    heavy = replace(shared, annotations={}, tolerations=(Toleration("gpu", "Exists"),))
    made = pipeline(step("one", "x = 1", options=shared), step("two", "y = 1", options=heavy))
    found = of_the_cluster(compile_to_yaml(made, packages=PACKAGES, shipped=SHIPPED))
    assert found["notebook-packages"] == found["notebook-folder"]
    assert found["notebook-folder"] == {
        "nodeSelector": {"labels": {"pool": "batch"}},
        "podMetadata": {"labels": {"team": "birds"}},
    }
