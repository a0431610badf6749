"""The Kubernetes under a target, for targets with a kubeconfig."""

from __future__ import annotations

from typing import Any

from labline_backend.kubeflow.targets import Target

NAMESPACE = "kubeflow"  # where KFP for one user runs
SECONDS = (5.0, 30.0)  # to connect, and to wait for an answer


def opened(target: Target) -> tuple[Any, str]:
    """A client of *target*'s cluster, which asks nothing twice, and the namespace in which its runs are.

    Raises ``ConfigException``, ``OSError``, ``TypeError`` and ``ValueError`` for a kubeconfig that cannot be used.
    """
    from kubernetes import config

    api = config.new_client_from_config(target.kubeconfig, target.context, persist_config=False)
    api.configuration.retries = False
    namespace = target.namespace
    if namespace is None:
        contexts, active = config.list_kube_config_contexts(target.kubeconfig)
        chosen = next((each for each in contexts if each["name"] == target.context), active)
        namespace = chosen["context"].get("namespace") or NAMESPACE
    return api, namespace


def close(api: Any) -> None:
    """Close a client's connections."""
    api.rest_client.pool_manager.clear()
    api.close()
