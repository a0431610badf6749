"""The overlay for JupyterHub: what its configuration says of users' servers fits the manifests beside it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from traitlets.config import Config, PyFileConfigLoader

from labline_backend._version import __version__

from .conftest import Manifest
from .test_kubernetes import SPAWNED, one


@pytest.fixture
def manifests(rendered: Callable[[str], list[Manifest]]) -> list[Manifest]:
    return rendered("jupyterhub")


@pytest.fixture
def settings(manifests: list[Manifest]) -> dict[str, str]:
    """The files that the Hub reads."""
    (found,) = (m for m in manifests if m["kind"] == "ConfigMap")
    data: dict[str, str] = found["data"]
    return data


@pytest.fixture
def config(settings: dict[str, str], tmp_path: Path) -> Config:
    """The Hub's configuration, read as it reads it."""
    for name, text in settings.items():
        (tmp_path / name).write_text(text)
    return PyFileConfigLoader(str(tmp_path / "jupyterhub_config.py")).load_config()


def container(manifests: list[Manifest]) -> dict[str, Any]:
    (found,) = one(manifests, "StatefulSet", "hub")["spec"]["template"]["spec"]["containers"]
    return dict(found)


def test_the_hub_reads_the_files_of_the_config_map(manifests: list[Manifest], settings: dict[str, str]) -> None:
    hub = container(manifests)
    assert hub["args"] == ["jupyterhub", "--config=/etc/jupyterhub/jupyterhub_config.py"]
    assert "/etc/jupyterhub" in {mount["mountPath"] for mount in hub["volumeMounts"] if mount["name"] == "config"}
    assert {"authenticator.py", "jupyterhub_config.py"} <= set(settings)


def test_as_it_is_nobody_can_sign_in(config: Config) -> None:
    assert config.JupyterHub.authenticator_class == "null"


def test_what_an_operator_writes_into_authenticator_counts_last(settings: dict[str, str], tmp_path: Path) -> None:
    own = "c = get_config()\nc.JupyterHub.authenticator_class = 'github'\nc.KubeSpawner.mem_limit = '32G'\n"
    for name, text in {**settings, "authenticator.py": own}.items():
        (tmp_path / name).write_text(text)
    found = PyFileConfigLoader(str(tmp_path / "jupyterhub_config.py")).load_config()
    assert (found.JupyterHub.authenticator_class, found.KubeSpawner.mem_limit) == ("github", "32G")


def test_users_servers_have_the_image_of_the_hub(manifests: list[Manifest], settings: dict[str, str]) -> None:
    assert settings["image"] == container(manifests)["image"] == f"labline-hub:{__version__}"


def test_users_servers_have_an_account_without_rights_or_a_token(manifests: list[Manifest], config: Config) -> None:
    account = one(manifests, "ServiceAccount", config.KubeSpawner.service_account)
    assert account["automountServiceAccountToken"] is config.KubeSpawner.automount_service_account_token is False
    bound = [subject["name"] for m in manifests if m["kind"] == "RoleBinding" for subject in m["subjects"]]
    assert bound == ["hub"]


def test_the_hub_may_make_pods_and_claims_and_nothing_else(manifests: list[Manifest]) -> None:
    assert not [m for m in manifests if "ClusterRole" in m["kind"]]
    rules = one(manifests, "Role", "hub")["rules"]
    assert all(rule["apiGroups"] == [""] and "*" not in rule["verbs"] for rule in rules)
    assert {name for rule in rules for name in rule["resources"]} == {"pods", "persistentvolumeclaims", "events"}


def test_a_users_claim_stays_when_the_user_is_removed(config: Config) -> None:
    assert config.KubeSpawner.delete_pvc is False


def test_users_servers_are_closed_to_each_other(manifests: list[Manifest], config: Config) -> None:
    assert config.KubeSpawner.extra_labels == SPAWNED
    policy = one(manifests, "NetworkPolicy", "labline-user")["spec"]
    assert policy["podSelector"]["matchLabels"] == SPAWNED
    (rule,) = policy["ingress"]
    callers = [each["podSelector"]["matchLabels"] for each in rule["from"]]
    assert callers == [{"app.kubernetes.io/name": "hub"}, {"app.kubernetes.io/name": "proxy"}]


def test_users_servers_keep_the_restricted_pod_security_standard(manifests: list[Manifest], config: Config) -> None:
    spawner = config.KubeSpawner
    assert spawner.uid > 0
    assert spawner.pod_security_context == {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}}
    assert spawner.container_security_context == container(manifests)["securityContext"]
    labels = one(manifests, "Namespace", "labline-hub")["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"


def test_the_services_that_the_configuration_names_exist(manifests: list[Manifest], config: Config) -> None:
    for address, name in (
        (config.JupyterHub.hub_connect_url, "hub"),
        (config.ConfigurableHTTPProxy.api_url, "proxy-api"),
    ):
        (port,) = one(manifests, "Service", name)["spec"]["ports"]
        assert address == f"http://{name}:{port['port']}"


def test_proxy_and_hub_share_the_secret_of_the_routes(manifests: list[Manifest]) -> None:
    (proxy,) = one(manifests, "Deployment", "proxy")["spec"]["template"]["spec"]["containers"]

    def token(variables: list[dict[str, Any]]) -> Any:
        (found,) = (each["valueFrom"] for each in variables if each["name"] == "CONFIGPROXY_AUTH_TOKEN")
        return found

    assert (
        token(proxy["env"])
        == token(container(manifests)["env"])
        == {"secretKeyRef": {"name": "hub", "key": "proxy-token"}}
    )
