"""What can be known to fail before a run is submitted, each finding with a fix."""

from __future__ import annotations

from collections.abc import Iterator

from labline_backend.kubeflow import errors
from labline_backend.kubeflow.client import Health, KubeflowClient
from labline_backend.kubeflow.connection import not_kubeflow
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.forward import RIGHTS as FORWARDING
from labline_backend.kubeflow.targets import Target
from labline_backend.store.artifacts import ArtifactStoreError
from labline_compiler.findings import Finding, finding
from labline_runtime.dataclass import dataclass

# What submitting and following takes, as Kubeflow Pipelines asks Kubernetes in a namespace of many users. Of versions
# it asks as of the pipeline that they are of: the resource pipelines/versions in its roles is asked for by nobody.
GROUP = "pipelines.kubeflow.org"
RIGHTS = (
    ("pipelines", "list"),
    ("pipelines", "create"),
    ("experiments", "list"),
    ("experiments", "create"),
    ("runs", "list"),
    ("runs", "create"),
    ("runs", "get"),
    ("runs", "terminate"),
)
BEGINNING = (("jobs", "list"), ("jobs", "create"))  # a recurring run
LATER = (("runs", "retry"), *BEGINNING, ("jobs", "enable"), ("jobs", "disable"), ("jobs", "delete"))  # what is offered
WATCHING = (("pods", "list"), ("pods/log", "get"))  # Kubernetes' own, for logs and what failed


@dataclass(frozen=True)
class Checked:
    """What was found out about a target; ``health`` is None where that was not reached.

    ``kubernetes`` is the cluster's version, where a kubeconfig leads to it and it tells.
    """

    health: Health | None
    findings: tuple[Finding, ...]
    kubernetes: str | None = None


def check(target: Target, *, recurring: bool = False) -> Checked:
    """Try out *target*, without leaving anything there but a small object in its pipeline root. Never raises.

    With *recurring* it is for a run that begins again and again, which takes rights of its own.
    """
    found: list[Finding] = []
    health = None
    with KubeflowClient(target) as client:
        try:
            health = client.health()
            found += _namespace(client, health)
        except TargetError as error:
            if error.code == errors.GONE:
                error = not_kubeflow(client.target)
            found.append(error.finding)
    found += _rights(target, RIGHTS + BEGINNING if recurring else RIGHTS)
    found += _root(target)
    return Checked(health, tuple(found), _kubernetes(target))


def _kubernetes(target: Target) -> str | None:
    """The cluster's version. That it cannot be asked is told where rights are asked for."""
    if target.kubeconfig is None and target.context is None:
        return None
    from kubernetes import client

    from labline_backend.kubeflow.cluster import Cluster, ClusterError, KubeconfigError

    try:
        cluster = Cluster(target)
    except KubeconfigError:
        return None
    try:
        with cluster.asking() as options:
            return str(client.VersionApi(cluster.api).get_code(**options).git_version)
    except ClusterError:
        return None
    finally:
        cluster.close()


def _namespace(client: KubeflowClient, health: Health) -> Iterator[Finding]:
    name = client.target.namespace
    if health.multi_user and name is None:
        yield finding(
            errors.NAMESPACE,
            f"The target {client.target.name} serves many users, and no namespace is named.",
            fix="Name a namespace of yours: labline target add ... --namespace NAME.",
        )
        return
    try:
        client.look_into_namespace()
    except TargetError as error:
        if error.status not in (400, 403, 404) or name is None:
            raise
        yield finding(errors.NAMESPACE, f"The namespace {name} cannot be used: {error}", fix=error.fix)


def _rights(target: Target, needed: tuple[tuple[str, str], ...]) -> Iterator[Finding]:
    """Ask Kubernetes itself, where a kubeconfig is given: *needed* is what is an error to lack."""
    if target.kubeconfig is None and target.context is None:
        return
    from kubernetes import client

    from labline_backend.kubeflow.cluster import Cluster, ClusterError, KubeconfigError

    try:
        cluster = Cluster(target)
    except KubeconfigError as error:
        where = target.kubeconfig or "the default kubeconfig"
        yield finding(errors.RIGHTS, f"{where} cannot be used: {error}.", fix="Correct --kubeconfig and --context.")
        return
    missing: list[str] = []
    denied: list[str] = []
    unseen: list[str] = []
    closed: list[str] = []
    later = tuple(right for right in LATER if right not in needed)
    asking = [
        (GROUP, target.namespace, needed, missing),
        (GROUP, target.namespace, later, denied),
        ("", target.namespace, WATCHING, unseen),
    ]
    if target.port_forward:
        asking.append(("", target.service()[1], FORWARDING, closed))
    try:
        for group, namespace, rights, lacking in asking:
            for resource, verb in rights:
                kind, _, part = resource.partition("/")
                asked = client.V1ResourceAttributes(
                    namespace=namespace, group=group, resource=kind, subresource=part or None, verb=verb
                )
                review = client.V1SelfSubjectAccessReview(
                    spec=client.V1SelfSubjectAccessReviewSpec(resource_attributes=asked)
                )
                with cluster.asking() as options:
                    reviews = client.AuthorizationV1Api(cluster.api)
                    answer = reviews.create_self_subject_access_review(review, **options)
                    if not answer.status.allowed:
                        lacking.append(f"{verb} {resource}")
    except ClusterError as error:
        yield finding(
            errors.RIGHTS,
            f"The cluster's API at {cluster.host} {error}, so that rights are not known.",
            fix="See that kubectl works with this kubeconfig and context.",
        )
    finally:
        cluster.close()
    where = f" in the namespace {target.namespace}" if target.namespace else ""
    if closed:
        behind = target.service()[1]
        yield finding(
            errors.RIGHTS,
            f"This user may not {', '.join(closed)} in the namespace {behind}, which a port-forward takes.",
            fix=f"Ask the cluster's administrator for a role in {behind} with these rights.",
        )
    if missing:
        yield finding(
            errors.RIGHTS,
            f"This user may not {', '.join(missing)} ({GROUP}){where}.",
            fix="Ask the cluster's administrator for a role with these rights, kubeflow-pipelines-edit for example.",
        )
    if denied:
        yield finding(
            errors.LATER_RIGHTS,
            f"This user may not {', '.join(denied)} ({GROUP}){where}: runs begin there, but what else the Lab offers "
            "for them is refused.",
            fix="Ask the cluster's administrator for a role with these rights, kubeflow-pipelines-edit for example.",
        )
    if unseen:
        yield finding(
            errors.NOT_MIRRORED,
            f"This user may not {', '.join(unseen)}{where}: pods' logs, and why a step failed, stay on the cluster.",
            fix="Ask the cluster's administrator for these rights.",
        )


def _root(target: Target) -> Iterator[Finding]:
    if target.root is None:
        return
    from labline_backend.store.s3 import S3Store

    store = S3Store(target.root.replace("minio://", "s3://", 1))
    try:
        store.check()
    except ArtifactStoreError as error:
        yield finding(errors.NOT_MIRRORED, f"The pipeline root {target.root}: {error}", fix=error.fix)
    finally:
        store.close()
