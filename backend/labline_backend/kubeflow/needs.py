"""What a pipeline's steps name that a target's cluster has not: secrets, config maps, volumes, service accounts, room.

Asked of Kubernetes itself, where a kubeconfig is given. What this user may not see is not known, and nothing is said of
it. Of a secret only its metadata is asked for, never what is in it: who has set which of its keys stands there, too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from fractions import Fraction
from typing import Any

from labline_backend.kubeflow.cluster import Cluster, ClusterError, KubeconfigError
from labline_backend.kubeflow.errors import REFUSED
from labline_backend.kubeflow.targets import Target
from labline_compiler.findings import Finding, finding
from labline_compiler.pipeline import Pipeline, StepOptions
from labline_compiler.quantities import amount
from labline_compiler.targets.kubeflow import service_account

METADATA = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"


def lacking(target: Target, pipeline: Pipeline) -> list[Finding]:
    """What the steps of *pipeline* would wait for in vain on *target*. Never raises."""
    if target.kubeconfig is None and target.context is None:
        return []
    try:
        cluster = Cluster(target)
    except KubeconfigError:  # the pre-flight tells of it
        return []
    found: list[Finding] = []
    try:
        for asked in (_things(cluster, pipeline, target.packages), _room(cluster, pipeline)):
            found += asked
    except ClusterError as error:
        message = f"The cluster's API {error}, so whether it has all that the steps need is not known."
        found.append(Finding(REFUSED, "warning", message, fix="See that kubectl works with the target's kubeconfig."))
    finally:
        cluster.close()
    return found


def _things(cluster: Cluster, pipeline: Pipeline, packages: str | None) -> Iterator[Finding]:
    """What is named and not there, the volume for *packages* among it."""
    namespace = cluster.namespace
    shared = {packages} if packages is not None else set()
    account = service_account(pipeline)
    accounts = {account} if account is not None else set()
    kinds: tuple[tuple[str, str, Callable[[StepOptions], set[str]]], ...] = (
        (
            "secret",
            "secrets",
            lambda options: (
                {name for name, *_ in (*options.secrets, *options.secret_files)} | set(options.pull_secrets)
            ),
        ),
        (
            "config map",
            "configmaps",
            lambda options: {name for name, *_ in (*options.config_maps, *options.config_map_files)},
        ),
        ("volume claim", "persistentvolumeclaims", lambda options: {claim for claim, *_ in options.volumes} | shared),
        ("service account", "serviceaccounts", lambda _: accounts),
    )
    for kind, resource, named in kinds:
        users: dict[str, list[str]] = {}
        for step in pipeline.steps:
            for name in sorted(named(step.options)):
                users.setdefault(name, []).append(step.name)
        for name, steps in users.items():
            metadata = _metadata(cluster, f"/api/v1/namespaces/{namespace}/{resource}/{name}")
            if metadata is None:
                yield finding(
                    REFUSED,
                    f"There is no {kind} {name} in the namespace {namespace}, for which {', '.join(steps)} would wait.",
                    step=steps[0],
                    fix=f"Make it there (kubectl create ... -n {namespace}), or name another.",
                )
            elif kind == "secret":
                yield from _keys(metadata, kind, name, namespace, {s.name: s.options.secrets for s in pipeline.steps})
            elif kind == "config map":
                entries = {step.name: step.options.config_maps for step in pipeline.steps}
                yield from _keys(metadata, kind, name, namespace, entries)


def _keys(
    metadata: dict[str, Any], kind: str, name: str, namespace: str, entries: dict[str, tuple[tuple[str, ...], ...]]
) -> Iterator[Finding]:
    """The keys of a secret or config map that steps name in their *entries* and that nobody is known to have set.

    Warnings: where the record of who set what was cleared, as some tools do, a key may be there all the same.
    """
    known = _keys_set(metadata)
    if not known:
        return
    for step, named in entries.items():
        for source, key, *_ in named:
            if source == name and key not in known:
                yield Finding(
                    REFUSED,
                    "warning",
                    f"Step {step} would wait for the key {key} of the {kind} {name} in the namespace "
                    f"{namespace}, which has {', '.join(sorted(known))} as far as can be seen.",
                    step=step,
                    fix="Name one of its keys, or add the missing one.",
                )


def _keys_set(metadata: dict[str, Any]) -> set[str]:
    """The keys of an object's data, as its managed fields tell them (FieldsV1: ``f:NAME`` for a field)."""
    return {
        field.removeprefix("f:")
        for manager in metadata.get("managedFields") or ()
        for part in ("f:data", "f:stringData")
        for field in (manager.get("fieldsV1") or {}).get(part) or ()
        if field.startswith("f:")
    }


def _metadata(cluster: Cluster, path: str) -> dict[str, Any] | None:
    """The metadata of an object; nothing in it where this user may not see it, None where there is no such object.

    Raises ``ClusterError``.
    """
    try:
        with cluster.asking() as options:
            (document, *_) = cluster.api.call_api(
                path,
                "GET",
                header_params={"Accept": METADATA},
                auth_settings=["BearerToken"],
                response_type="object",
                **options,
            )
            return dict(document["metadata"] or {})
    except ClusterError as error:
        if error.status not in (403, 404):
            raise
        return None if error.status == 404 else {}


def _room(cluster: Cluster, pipeline: Pipeline) -> Iterator[Finding]:
    """The steps that ask for more than the namespace's quotas ever give. Raises ``ClusterError``."""
    from kubernetes import client

    namespace = cluster.namespace
    try:
        with cluster.asking() as options:
            quotas = client.CoreV1Api(cluster.api).list_namespaced_resource_quota(namespace, **options).items
            quotas = [(quota.metadata.name, dict(quota.spec.hard or {})) for quota in quotas]
    except ClusterError as error:
        if error.status == 403:
            return
        raise
    for step in pipeline.steps:
        # What a pod may use at most, KFP lets it ask for, too, where it says no less.
        for kind, asked in (("limit", step.options.limits), ("request", step.options.requests)):
            for resource, wanted in asked.items():
                if _amount(wanted) is None:
                    yield _no_amount(step.name, kind, resource, wanted)
                    continue
                names = {f"{kind}s.{resource}"} | ({f"requests.{resource}", resource} if kind == "request" else set())
                if kind == "limit" and resource not in step.options.requests:
                    names |= {f"requests.{resource}", resource}
                yield from _beyond(step.name, kind, resource, wanted, names, quotas, namespace)


def _beyond(
    step: str,
    kind: str,
    resource: str,
    wanted: str,
    names: set[str],
    quotas: list[tuple[str, dict[str, str]]],
    namespace: str,
) -> Iterator[Finding]:
    """The quotas that give less of what they call one of the *names* than is *wanted*."""
    for quota, hard in quotas:
        given = [hard[name] for name in names if _amount(hard.get(name, "")) is not None]
        least = min(given, key=amount, default=None)
        if least is not None and amount(wanted) > amount(least):
            yield finding(
                REFUSED,
                f"Step {step} asks for {wanted} of {resource}, and the quota {quota} of the namespace {namespace} "
                f"gives {least} to all its pods together.",
                step=step,
                fix=f"Ask for less ({kind}:{resource}:{least}), or ask the cluster's administrator for more.",
            )


def _no_amount(step: str, kind: str, resource: str, wanted: str) -> Finding:
    return finding(
        REFUSED,
        f"Step {step} asks for {wanted} of {resource}, which is no amount that Kubernetes reads.",
        step=step,
        fix=f"Write it as 500m, 2 or 1.5Gi: {kind}:{resource}:2, for example.",
    )


def _amount(text: str) -> Fraction | None:
    """The amount that *text* says; None where it says none."""
    try:
        return amount(text)
    except ValueError:
        return None
