"""What a pipeline's steps name that a target's cluster has not: secrets, volumes, room in the namespace's quota.

Asked of Kubernetes itself, where a kubeconfig is given. What this user may not see is not known, and nothing is said of
it. Of a secret only whether there is one is asked, never what is in it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from labline_backend.kubeflow.cluster import SECONDS, close, opened
from labline_backend.kubeflow.errors import REFUSED
from labline_backend.kubeflow.targets import Target
from labline_compiler.findings import Finding, finding
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.quantities import amount

METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


def lacking(target: Target, pipeline: Pipeline) -> list[Finding]:
    """What the steps of *pipeline* would wait for in vain on *target*. Never raises."""
    if target.kubeconfig is None and target.context is None:
        return []
    from kubernetes.client.exceptions import ApiException
    from kubernetes.config import ConfigException
    from urllib3.exceptions import HTTPError

    api = None
    try:
        api, namespace = opened(target)
        return [*_things(api, namespace, pipeline), *_room(api, namespace, pipeline)]
    except (ApiException, HTTPError, ConfigException, OSError, TypeError, ValueError):  # the pre-flight tells of it
        return []
    finally:
        if api is not None:
            close(api)


def _things(api: Any, namespace: str, pipeline: Pipeline) -> Iterator[Finding]:
    """The secrets and volumes that are not there."""
    kinds: tuple[tuple[str, str, Callable[[Step], set[str]]], ...] = (
        ("secret", "secrets", lambda step: {secret for secret, *_ in step.options.secrets}),
        ("volume claim", "persistentvolumeclaims", lambda step: {claim for claim, *_ in step.options.volumes}),
    )
    for kind, resource, named in kinds:
        users: dict[str, list[str]] = {}
        for step in pipeline.steps:
            for name in sorted(named(step)):
                users.setdefault(name, []).append(step.name)
        for name, steps in users.items():
            if _is_missing(api, f"/api/v1/namespaces/{namespace}/{resource}/{name}"):
                yield finding(
                    REFUSED,
                    f"There is no {kind} {name} in the namespace {namespace}, for which {', '.join(steps)} would wait.",
                    step=steps[0],
                    fix=f"Make it there (kubectl create ... -n {namespace}), or name another.",
                )


def _is_missing(api: Any, path: str) -> bool:
    from kubernetes.client.exceptions import ApiException

    try:
        api.call_api(
            path,
            "GET",
            header_params={"Accept": METADATA},
            auth_settings=["BearerToken"],
            response_type="object",
            _request_timeout=SECONDS,
        )
    except ApiException as error:
        return bool(error.status == 404)
    return False


def _room(api: Any, namespace: str, pipeline: Pipeline) -> Iterator[Finding]:
    """The steps that ask for more than the namespace's quotas ever give."""
    from kubernetes import client
    from kubernetes.client.exceptions import ApiException

    try:
        quotas = client.CoreV1Api(api).list_namespaced_resource_quota(namespace, _request_timeout=SECONDS).items
    except ApiException:
        return
    for step in pipeline.steps:
        for resource, wanted in step.options.limits.items():
            # What a pod may use at most, KFP lets it ask for, too.
            for quota in quotas:
                hard = quota.spec.hard or {}
                given = [
                    hard[name] for name in (f"limits.{resource}", f"requests.{resource}", resource) if name in hard
                ]
                least = min(given, key=amount, default=None)
                if least is not None and amount(wanted) > amount(least):
                    yield finding(
                        REFUSED,
                        f"Step {step.name} asks for {wanted} of {resource}, and the quota {quota.metadata.name} of the "
                        f"namespace {namespace} gives {least} to all its pods together.",
                        step=step.name,
                        fix=f"Ask for less (limit:{resource}:{least}), or ask the cluster's administrator for more.",
                    )
