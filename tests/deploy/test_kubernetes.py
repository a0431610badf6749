"""The manifests in deploy/kubernetes: what they render to is valid, hangs together, and gives nothing away."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from labline_backend._version import __version__
from labline_backend.kubeflow.preflight import BEGINNING, LATER, RIGHTS

from .conftest import KUBERNETES, VARIANTS, Manifest, render

Rendered = Callable[[str], list[Manifest]]

# The versions that the schemas are known for, from old to new.
VERSIONS = ("1.31", "1.34", "1.37")
# Kinds of Istio's, which no schema at hand describes.
UNKNOWN = {"AuthorizationPolicy", "VirtualService"}
# The labels of the pods that JupyterHub makes, which no manifest holds.
SPAWNED = {"labline.dev/server": "user"}


def pods(manifests: list[Manifest]) -> Iterator[tuple[str, Manifest]]:
    """The pod templates."""
    for manifest in manifests:
        if manifest["kind"] in ("Deployment", "StatefulSet"):
            yield manifest["metadata"]["name"], manifest["spec"]["template"]


def containers(manifests: list[Manifest]) -> Iterator[Manifest]:
    for _, pod in pods(manifests):
        yield from pod["spec"]["containers"]


def one(manifests: list[Manifest], kind: str, name: str = "labline") -> Manifest:
    (found,) = (m for m in manifests if (m["kind"], m["metadata"]["name"]) == (kind, name))
    return found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "variant", ["standalone with mlflow, postgresql", "kubeflow", "jupyterhub"]
)  # the others hold nothing else
def test_every_field_is_one_that_kubernetes_knows(rendered: Rendered, variant: str, version: str) -> None:
    for manifest in rendered(variant):
        if manifest["kind"] not in UNKNOWN:
            kubernetes_validate.validate(manifest, version, strict=True)


def test_an_unknown_field_would_be_refused(rendered: Rendered) -> None:
    service = one(rendered("standalone"), "Service")
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate({**service, "spec": {**service["spec"], "porst": []}}, VERSIONS[-1], strict=True)


@pytest.mark.parametrize("file", sorted(KUBERNETES.rglob("kustomization.yaml")), ids=lambda file: file.parent.name)
def test_a_kustomization_lists_exactly_the_files_beside_it(file: Path) -> None:
    listed = yaml.safe_load(file.read_text())
    named = [*listed.get("resources", []), *(patch["path"] for patch in listed.get("patches", []))]
    beside = {path.name for path in file.parent.glob("*.yaml")} - {file.name}
    assert {name for name in named if "/" not in name} == beside


@pytest.mark.parametrize("variant", VARIANTS)
def test_pods_keep_the_restricted_pod_security_standard(rendered: Rendered, variant: str) -> None:
    for _, pod in pods(rendered(variant)):
        spec = pod["spec"]
        assert not {"hostNetwork", "hostPID", "hostIPC"} & set(spec)
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        allowed = {"emptyDir", "projected", "configMap", "secret", "persistentVolumeClaim", "name"}
        assert all(set(volume) <= allowed for volume in spec.get("volumes", []))
        for container in spec["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["privileged"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert not any("hostPort" in port for port in container["ports"])


@pytest.mark.parametrize("variant", VARIANTS)
def test_containers_write_to_volumes_only(rendered: Rendered, variant: str) -> None:
    for container in containers(rendered(variant)):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert "/tmp" in {mount["mountPath"] for mount in container["volumeMounts"]}


@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_mounted_is_declared(rendered: Rendered, variant: str) -> None:
    for manifest in rendered(variant):
        if manifest["kind"] not in ("Deployment", "StatefulSet"):
            continue
        spec = manifest["spec"]["template"]["spec"]
        declared = {volume["name"] for volume in spec.get("volumes", [])}
        declared |= {claim["metadata"]["name"] for claim in manifest["spec"].get("volumeClaimTemplates", [])}
        assert {mount["name"] for c in spec["containers"] for mount in c["volumeMounts"]} == declared


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_container_has_requests_limits_and_probes(rendered: Rendered, variant: str) -> None:
    for container in containers(rendered(variant)):
        resources = {"cpu", "memory", "ephemeral-storage"}
        assert set(container["resources"]["requests"]) == set(container["resources"]["limits"]) == resources
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= set(container)


@pytest.mark.parametrize("variant", VARIANTS)
def test_secrets_come_from_secrets_and_none_is_in_the_manifests(rendered: Rendered, variant: str) -> None:
    manifests = rendered(variant)
    assert not [m for m in manifests if m["kind"] == "Secret"]
    secret = [
        variable
        for container in containers(manifests)
        for variable in container.get("env", [])
        if variable["name"].endswith(("TOKEN", "PASSWORD", "KEY", "KEY_ID", "SECRET"))
    ]
    assert secret or variant == "kubeflow"  # behind whose gateway there is no token
    assert all(set(variable["valueFrom"]) == {"secretKeyRef"} for variable in secret)


@pytest.mark.parametrize("variant", VARIANTS)
def test_no_pod_but_the_hub_that_makes_pods_gets_a_token_for_the_kubernetes_api(
    rendered: Rendered, variant: str
) -> None:
    manifests = rendered(variant)
    accounts = {m["metadata"]["name"]: m for m in manifests if m["kind"] == "ServiceAccount"}
    for name, pod in pods(manifests):
        assert pod["spec"]["automountServiceAccountToken"] is (name == "hub")
        assert accounts[pod["spec"]["serviceAccountName"]]["automountServiceAccountToken"] is (name == "hub")


def test_alone_the_server_has_no_rights_in_the_cluster(rendered: Rendered) -> None:
    assert not [m for m in rendered("standalone with mlflow") if "Role" in m["kind"]]


def test_in_kubeflow_its_rights_are_on_pipelines_and_name_each_verb(rendered: Rendered) -> None:
    manifests = rendered("kubeflow")
    assert not [m for m in manifests if "ClusterRole" in m["kind"]]
    for rule in one(manifests, "Role")["rules"]:
        assert rule["apiGroups"] == ["pipelines.kubeflow.org"]
        assert "*" not in rule["resources"] + rule["verbs"]


def test_in_kubeflow_it_may_all_that_it_does_there_and_that_the_preflight_asks_for(rendered: Rendered) -> None:
    rules = one(rendered("kubeflow"), "Role")["rules"]
    granted = {(resource, verb) for rule in rules for resource in rule["resources"] for verb in rule["verbs"]}
    assert granted >= {*RIGHTS, *BEGINNING, *LATER}


@pytest.mark.parametrize("variant", VARIANTS)
def test_selectors_find_exactly_one_workload(rendered: Rendered, variant: str) -> None:
    manifests = rendered(variant)
    labels = [pod["metadata"]["labels"] for _, pod in pods(manifests)]
    selectors: list[dict[str, str]] = []
    for manifest in manifests:
        spec = manifest.get("spec", {})
        match manifest["kind"]:
            case "Service":
                selectors.append(spec["selector"])
            case "NetworkPolicy":
                if spec["podSelector"]["matchLabels"] != SPAWNED:
                    selectors.append(spec["podSelector"]["matchLabels"])
            case "PodDisruptionBudget" | "Deployment" | "StatefulSet":
                selectors.append(spec["selector"]["matchLabels"])
    for selector in selectors:
        assert sum(selector.items() <= found.items() for found in labels) == 1


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_workload_has_a_network_policy_for_both_directions(rendered: Rendered, variant: str) -> None:
    manifests = rendered(variant)
    policies = [m["spec"] for m in manifests if m["kind"] == "NetworkPolicy"]
    for _, pod in pods(manifests):
        labels = pod["metadata"]["labels"].items()
        (policy,) = (p for p in policies if p["podSelector"]["matchLabels"].items() <= labels)
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        assert all(rule["from"] for rule in policy["ingress"])
        assert all(rule["ports"] for rule in [*policy["ingress"], *policy.get("egress", [])])


@pytest.mark.parametrize("variant", VARIANTS)
def test_ports_that_are_named_exist(rendered: Rendered, variant: str) -> None:
    manifests = rendered(variant)
    ports = {
        pod["metadata"]["labels"]["app.kubernetes.io/name"]: {
            port["name"] for container in pod["spec"]["containers"] for port in container["ports"]
        }
        for _, pod in pods(manifests)
    }
    for manifest in manifests:
        if manifest["kind"] == "Service":
            found = ports[manifest["spec"]["selector"]["app.kubernetes.io/name"]]
            assert {port["targetPort"] for port in manifest["spec"]["ports"]} <= found
        if manifest["kind"] == "NetworkPolicy" and manifest["spec"]["podSelector"]["matchLabels"] != SPAWNED:
            found = ports[manifest["spec"]["podSelector"]["matchLabels"]["app.kubernetes.io/name"]]
            assert {port["port"] for rule in manifest["spec"]["ingress"] for port in rule["ports"]} <= found


def test_one_server_owns_its_data_folder(rendered: Rendered) -> None:
    spec = one(rendered("standalone"), "StatefulSet")["spec"]
    assert spec["replicas"] == 1
    (container,) = spec["template"]["spec"]["containers"]
    environment = {variable["name"]: variable.get("value") for variable in container["env"]}
    claims = {claim["metadata"]["name"] for claim in spec["volumeClaimTemplates"]}
    assert environment["LABLINE_HOME"] in {m["mountPath"] for m in container["volumeMounts"] if m["name"] in claims}


@pytest.mark.parametrize("variant", VARIANTS)
def test_lablines_images_carry_the_version_of_the_code(rendered: Rendered, variant: str) -> None:
    images = {container["image"] for container in containers(rendered(variant)) if "labline" in container["image"]}
    assert images == {f"labline-{'hub' if variant == 'jupyterhub' else 'server'}:{__version__}"}


def test_kubeflows_gateway_changes_the_servers_base_url_and_who_is_let_in(rendered: Rendered) -> None:
    def arguments(variant: str) -> list[str]:
        (container,) = one(rendered(variant), "StatefulSet")["spec"]["template"]["spec"]["containers"]
        return [argument for argument in container["args"] if not argument.startswith("--base-url=")]

    gateway = ["--user-header=kubeflow-userid", "--gateway-only"]
    assert arguments("kubeflow") == [*arguments("standalone"), *gateway]


def test_only_kubeflows_gateway_reaches_the_server_that_believes_its_header(rendered: Rendered) -> None:
    manifests = rendered("kubeflow with mlflow, postgresql")
    (container,) = one(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert "--gateway-only" in container["args"]
    (rule,) = one(manifests, "NetworkPolicy")["spec"]["ingress"]
    assert rule["from"] == [
        {
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "istio-system"}},
            "podSelector": {"matchLabels": {"app": "istio-ingressgateway"}},
        }
    ]
    policy = one(manifests, "AuthorizationPolicy")["spec"]
    assert policy["action"] == "DENY"
    (mesh,) = policy["rules"]
    (caller,) = mesh["from"]
    gateway = "cluster.local/ns/istio-system/sa/istio-ingressgateway-service-account"
    assert (set(mesh), caller) == ({"from"}, {"source": {"notPrincipals": [gateway]}})
    labels = one(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
    assert policy["selector"]["matchLabels"].items() <= labels.items()
    assert labels["sidecar.istio.io/inject"] == "true"  # else nobody asks the policy


def test_the_owners_are_in_one_place_and_a_change_of_them_starts_the_server_anew(tmp_path: Path) -> None:
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes" / "overlays" / "kubeflow" / "kustomization.yaml"

    def owners() -> tuple[str, str]:
        manifests = render(file.parent)
        (found,) = (m for m in manifests if m["kind"] == "ConfigMap")
        (container,) = one(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
        (variable,) = (v for v in container["env"] if v["name"] == "LABLINE_OWNERS")
        assert variable["valueFrom"]["configMapKeyRef"] == {"name": found["metadata"]["name"], "key": "owners"}
        return found["metadata"]["name"], found["data"]["owners"]

    before = owners()
    file.write_text(file.read_text().replace("owner@example.com", "ann@example.org bob@example.org"))
    after = owners()
    assert after[1] == "ann@example.org bob@example.org"
    assert after[0] != before[0]


def test_the_namespace_of_the_kubeflow_overlay_is_set_in_one_place(tmp_path: Path) -> None:
    shutil.copytree(KUBERNETES, tmp_path / "kubernetes")
    file = tmp_path / "kubernetes" / "overlays" / "kubeflow" / "kustomization.yaml"
    file.write_text(file.read_text().replace("namespace: profile-name", "namespace: birds"))
    manifests = render(file.parent)
    assert {m["metadata"]["namespace"] for m in manifests} == {"birds"}
    (container,) = one(manifests, "StatefulSet")["spec"]["template"]["spec"]["containers"]
    assert "--base-url=/labline/birds/" in container["args"]
    probes = [container[name]["httpGet"]["path"] for name in ("startupProbe", "readinessProbe", "livenessProbe")]
    assert probes == ["/labline/birds/api"] * 3
    (route,) = one(manifests, "VirtualService")["spec"]["http"]
    assert route["match"] == [{"uri": {"prefix": "/labline/birds/"}}]
    assert route["route"][0]["destination"]["host"] == "labline.birds.svc.cluster.local"
    assert one(manifests, "RoleBinding")["subjects"][0]["namespace"] == "birds"


def test_mlflow_is_where_the_server_tracks(rendered: Rendered) -> None:
    def environment(manifest: Manifest) -> dict[str, Any]:
        (container,) = manifest["spec"]["template"]["spec"]["containers"]
        return {variable["name"]: variable.get("value") for variable in container["env"]}

    manifests = rendered("standalone with mlflow")
    service = one(manifests, "Service", "mlflow")
    (port,) = service["spec"]["ports"]
    assert environment(one(manifests, "StatefulSet"))["MLFLOW_TRACKING_URI"] == f"http://mlflow:{port['port']}"
    (mlflow,) = one(manifests, "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"]
    assert f"--allowed-hosts=mlflow:{port['port']}" in mlflow["args"]


def told(container: Manifest, settings: Manifest) -> dict[str, str]:
    """Those of its variables that a config map holds."""
    named = {each["name"]: each.get("valueFrom", {}).get("configMapKeyRef") for each in container["env"]}
    assert all(key["name"] == settings["metadata"]["name"] for key in named.values() if key)
    return {name: settings["data"][key["key"]] for name, key in named.items() if key}


def test_mlflows_database_is_the_postgresql_of_the_component(rendered: Rendered) -> None:
    manifests = rendered("standalone with mlflow, postgresql")
    settings = one(manifests, "ConfigMap", "mlflow")
    (mlflow,) = one(manifests, "Deployment", "mlflow")["spec"]["template"]["spec"]["containers"]
    (database,) = one(manifests, "StatefulSet", "mlflow-postgresql")["spec"]["template"]["spec"]["containers"]
    asked, made = told(mlflow, settings), told(database, settings)
    assert (asked["PGUSER"], asked["PGDATABASE"]) == (made["POSTGRES_USER"], made["POSTGRES_DB"])
    (port,) = one(manifests, "Service", asked["PGHOST"])["spec"]["ports"]
    assert asked["PGPORT"] == str(port["port"])


def test_mlflow_reaches_that_postgresql_and_none_elsewhere(rendered: Rendered) -> None:
    def targets(variant: str) -> list[Manifest]:
        rules = one(rendered(variant), "NetworkPolicy", "mlflow")["spec"]["egress"]
        return [to for rule in rules if rule["ports"][0]["port"] == 5432 for to in rule["to"]]

    assert [list(to) for to in targets("standalone with mlflow")] == [["ipBlock"]]
    assert [list(to) for to in targets("standalone with mlflow, postgresql")] == [["podSelector"]]


def test_without_the_component_no_postgresql_is_installed(rendered: Rendered) -> None:
    names = {manifest["metadata"]["name"] for manifest in rendered("standalone with mlflow")}
    assert "mlflow" in names
    assert "mlflow-postgresql" not in names
