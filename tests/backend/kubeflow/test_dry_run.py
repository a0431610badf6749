"""Pods of steps, tried on a cluster before they are submitted."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.errors import InputError
from labline_backend.kubeflow.dry_run import refused
from labline_backend.kubeflow.targets import Target
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step, StepOptions, Toleration
from labline_runtime.specification import CellSource
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.conftest import Client
from tests.backend.notebooks import code


def said(cluster: Cluster, folder: Path, *options: StepOptions) -> list[Finding]:
    steps = tuple(Step(f"s{n}", (CellSource(n, f"c{n}", "1"),), options=each) for n, each in enumerate(options))
    target = Target("prod", "http://x", kubeconfig=cluster.kubeconfig(folder))
    return refused(target, Pipeline("p", "p.ipynb", steps))


def test_a_pod_says_all_that_its_step_asks_of_the_cluster(cluster: Cluster, tmp_path: Path) -> None:
    options = StepOptions(
        limits={"cpu": "2", "nvidia.com/gpu": "1"},
        labels={"team": "a"},
        annotations={"note": "b"},
        secrets=(("store", "password", "PASSWORD"),),
        volumes=(("data", "/data"),),
        image="example.org/own:1",
        requests={"cpu": "1"},
        node_selector={"disk": "fast"},
        tolerations=(Toleration("gpu", "Exists", effect="NoExecute", seconds=60),),
        secret_files=(("store", "/keys"),),
        config_maps=(("settings", "level", "LEVEL"),),
        config_map_files=(("settings", "/settings"),),
        pull_secrets=("registry",),
        service_account="birds",
    )
    assert said(cluster, tmp_path, options) == []
    (pod,) = cluster.tried
    (container,) = pod["spec"]["containers"]
    assert (pod["metadata"]["labels"], pod["metadata"]["annotations"]) == ({"team": "a"}, {"note": "b"})
    assert (container["image"], container["resources"]["limits"]) == (
        "example.org/own:1",
        {"cpu": "2", "nvidia.com/gpu": "1"},
    )
    assert container["env"][0]["valueFrom"]["secretKeyRef"] == {"name": "store", "key": "password"}
    assert container["env"][1]["valueFrom"]["configMapKeyRef"] == {"name": "settings", "key": "level"}
    assert container["resources"]["requests"] == {"cpu": "1"}
    mounts = {mount["name"]: mount["mountPath"] for mount in container["volumeMounts"]}
    claim, secret, settings = pod["spec"]["volumes"]
    assert (claim["persistentVolumeClaim"], mounts[claim["name"]]) == ({"claimName": "data"}, "/data")
    assert (secret["secret"], mounts[secret["name"]]) == ({"secretName": "store"}, "/keys")
    assert (settings["configMap"], mounts[settings["name"]]) == ({"name": "settings"}, "/settings")
    assert pod["spec"]["nodeSelector"] == {"disk": "fast"}
    assert pod["spec"]["tolerations"] == [
        {"key": "gpu", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 60}
    ]
    assert pod["spec"]["imagePullSecrets"] == [{"name": "registry"}]
    assert pod["spec"]["serviceAccountName"] == "birds"


def test_steps_that_ask_for_the_same_are_tried_once(cluster: Cluster, tmp_path: Path) -> None:
    said(cluster, tmp_path, StepOptions(), StepOptions(), StepOptions(limits={"cpu": "1"}))
    assert len(cluster.tried) == 2


def test_what_no_cluster_takes_is_an_error_of_its_steps(cluster: Cluster, tmp_path: Path) -> None:
    wrong = StepOptions(labels={"team": "a b"})
    (found,) = said(cluster, tmp_path, StepOptions(), wrong, wrong)
    assert (found.severity, found.step) == ("error", "s1")
    assert 'pod of s1, s2 in the namespace kubeflow (422): Pod "x" is invalid: metadata.labels' in found.message


def test_what_a_policy_refuses_is_a_warning(cluster: Cluster, tmp_path: Path) -> None:
    cluster.policy = 'pods "x" is forbidden: exceeded quota: small'
    (found,) = said(cluster, tmp_path, StepOptions())
    assert (found.severity, "exceeded quota: small" in found.message, bool(found.fix)) == ("warning", True, True)


def test_who_may_make_no_pods_tries_none(cluster: Cluster, tmp_path: Path) -> None:
    cluster.denied = {("create", "pods")}
    assert said(cluster, tmp_path, StepOptions(labels={"team": "a b"})) == []
    assert cluster.tried == []


@pytest.mark.parametrize("answer", [b"HTTP/1.1 503 X\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 2"])
def test_a_cluster_that_cannot_be_asked_is_said(cluster: Cluster, tmp_path: Path, answer: bytes) -> None:
    cluster.fault = ("dryRun", answer)
    (found,) = said(cluster, tmp_path, StepOptions())
    assert (found.severity, "would take the steps' pods is not known" in found.message) == ("warning", True)


def test_nothing_is_submitted_that_the_cluster_would_refuse(client: Client, cluster: Cluster, tmp_path: Path) -> None:
    client.add(cluster.emulator, kubeconfig=cluster.kubeconfig(tmp_path))
    cluster.things = {"persistentvolumeclaims/data"}
    with pytest.raises(InputError, match=r"would refuse the pod of one .* metadata\.annotations"):
        client.submit(code("x = 1", "step:one", f"annotation:note:{'a' * 262_144}"))
    assert client.service.runs() == []
