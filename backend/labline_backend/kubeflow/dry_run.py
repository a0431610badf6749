"""Whether a cluster would take the pods of a pipeline's steps: each is sent to it as a dry run, which makes nothing.

What no cluster takes, such as a label that is none, is an error. What this cluster's policies and quotas refuse now is
a warning: Kubeflow's own pods say more than ours do, and wait where a quota is used up.
"""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from labline_backend.kubeflow.cluster import Cluster, ClusterError, KubeconfigError
from labline_backend.kubeflow.errors import REFUSED
from labline_backend.kubeflow.targets import Target
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step, Toleration
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE, service_account

INVALID = (400, 422)
NOT_ADMITTED = 403


def refused(target: Target, pipeline: Pipeline) -> list[Finding]:
    """What *target*'s cluster says against the pods of *pipeline*'s steps, where it can be asked. Never raises."""
    if target.kubeconfig is None and target.context is None:
        return []
    try:
        cluster = Cluster(target)
    except KubeconfigError:  # the pre-flight tells of it
        return []
    steps: dict[str, list[Step]] = {}
    for step in pipeline.steps:
        pod = _pod(step, target, service_account(pipeline))
        steps.setdefault(json.dumps(pod, sort_keys=True), []).append(step)
    try:
        if not _may_try(cluster):
            return []
        tried = [(alike, _refusal(cluster, json.loads(pod))) for pod, alike in steps.items()]
    except ClusterError as error:
        message = f"The cluster's API {error}, so whether it would take the steps' pods is not known."
        return [Finding(REFUSED, "warning", message, fix="See that kubectl works with the target's kubeconfig.")]
    finally:
        cluster.close()
    return [_finding(cluster, alike, refusal) for alike, refusal in tried if refusal is not None]


def _finding(cluster: Cluster, steps: list[Step], refusal: ClusterError) -> Finding:
    names = ", ".join(step.name for step in steps)
    is_invalid = refusal.status in INVALID
    return Finding(
        REFUSED,
        "error" if is_invalid else "warning",
        f"The cluster would refuse the pod of {names} in the namespace {cluster.namespace} ({refusal.status}): "
        f"{refusal.said or 'it does not say why'}",
        step=steps[0].name,
        fix="Correct the step's options."
        if is_invalid
        else "Ask for less, or ask the cluster's administrator what pods this namespace takes.",
    )


def _may_try(cluster: Cluster) -> bool:
    """Whether this user may make pods, of which a dry run is one. Runs need no such right: Kubeflow makes theirs."""
    from kubernetes import client

    asked = client.V1ResourceAttributes(namespace=cluster.namespace, group="", resource="pods", verb="create")
    review = client.V1SelfSubjectAccessReview(spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked))
    with cluster.asking() as options:
        answer = client.AuthorizationV1Api(cluster.api).create_self_subject_access_review(review, **options)
        return bool(answer.status.allowed)


def _refusal(cluster: Cluster, pod: dict[str, Any]) -> ClusterError | None:
    """Why the cluster would not take *pod*; None where it would. Raises ``ClusterError`` where it cannot be asked."""
    from kubernetes import client

    try:
        with cluster.asking() as options:
            client.CoreV1Api(cluster.api).create_namespaced_pod(cluster.namespace, pod, dry_run="All", **options)
    except ClusterError as error:
        if error.status not in (*INVALID, NOT_ADMITTED):
            raise
        return error
    return None


def _pod(step: Step, target: Target, account: str | None) -> dict[str, Any]:
    """A pod with all that the *step* asks of the cluster, and nothing of what it does."""
    options = step.options
    mounted = [
        *(({"persistentVolumeClaim": {"claimName": claim}}, path) for claim, path, *_ in options.volumes),
        *(({"secret": {"secretName": secret}}, path) for secret, path in options.secret_files),
        *(({"configMap": {"name": config_map}}, path) for config_map, path in options.config_map_files),
    ]
    sources = {json.dumps(source): source for source, _ in mounted}  # what is mounted twice is one volume
    names = {key: f"volume-{number}" for number, key in enumerate(sources)}
    container = {
        "name": "main",
        "image": options.image or target.image or DEFAULT_IMAGE,
        "command": ["true"],
        "resources": {
            "limits": dict(options.limits),
            **({"requests": dict(options.requests)} if options.requests else {}),
        },
        "env": [
            {"name": variable, "valueFrom": {kind: {"name": name, "key": key}}}
            for kind, entries in (("secretKeyRef", options.secrets), ("configMapKeyRef", options.config_maps))
            for name, key, variable in entries
        ],
        "volumeMounts": [{"name": names[json.dumps(source)], "mountPath": path} for source, path in mounted],
    }
    metadata = {
        "generateName": "labline-dry-run-",
        "labels": dict(options.labels),
        "annotations": dict(options.annotations),
    }
    specification = {
        "restartPolicy": "Never",
        "containers": [container],
        "volumes": [{"name": names[key], **source} for key, source in sources.items()],
        "nodeSelector": dict(options.node_selector),
        "tolerations": [_toleration(each) for each in options.tolerations],
        "imagePullSecrets": [{"name": secret} for secret in options.pull_secrets],
        "serviceAccountName": account,
    }
    said = {key: value for key, value in specification.items() if value not in (None, {}, [])}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": said}


def _toleration(toleration: Toleration) -> dict[str, Any]:
    said = dataclasses.asdict(toleration)
    said["tolerationSeconds"] = said.pop("seconds")
    return {name: value for name, value in said.items() if value is not None}
