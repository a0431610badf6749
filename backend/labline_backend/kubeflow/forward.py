"""The way to a target's API server through Kubernetes: a port-forward to a ready pod behind its Service.

Nothing listens here: the HTTP client has one end of a pair of sockets as its connection, and a thread carries between
the other end and a stream to the pod. So nobody else on this machine can use it.
"""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import threading
from collections.abc import Iterator
from typing import Any

from labline_backend.kubeflow import errors
from labline_backend.kubeflow.cluster import Cluster, ClusterError, KubeconfigError
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.pod_stream import PodStream, StreamError, open_stream
from labline_backend.kubeflow.targets import Target
from labline_runtime.dataclass import dataclass

# What Kubernetes asks for, in the Service's namespace. A websocket begins with a GET, and was allowed by that verb
# alone until the verb of the other ways to forward was asked for as well.
RIGHTS = (("services", "get"), ("pods", "list"), ("pods/portforward", "create"), ("pods/portforward", "get"))
CLOSING_SECONDS = 2.0  # for a stream to end by itself
UNAUTHORIZED = 401


@dataclass(frozen=True)
class _Place:
    """A port of a pod."""

    pod: str
    namespace: str
    port: int


class Forward:
    """Connections to one target's API server, each to a pod that is ready then. Not for several threads at once.

    ``fault`` is what went wrong with the newest one since it was made.
    """

    def __init__(self, target: Target) -> None:
        self.fault: TargetError | None = None
        self._target = target
        self._cluster: Cluster | None = None
        self._streams: set[PodStream] = set()
        self._lock = threading.Lock()
        self._newest: _Place | None = None
        self._failed: str | None = None  # the pod of the newest fault: another one is taken where there is one

    def connect(self) -> socket.socket:
        """A new connection; blocks until there is one. Raises ``TargetError``."""
        self.fault = None
        is_old = self._cluster is not None
        try:
            return self._connected()
        except TargetError as error:
            if error.status != UNAUTHORIZED or not is_old:
                raise
        # Credentials end while a run is followed, and whoever signs in anew writes them into the kubeconfig.
        self._forget_cluster()
        return self._connected()

    def _connected(self) -> socket.socket:
        cluster = self._opened()
        self._newest = place = self._find(cluster)
        try:
            stream = open_stream(cluster.api, place.pod, place.namespace, place.port)
        except StreamError as error:
            self._failed = place.pod
            raise self._not_opened(cluster, place, error) from error
        ours, theirs = socket.socketpair()
        stream.carry(ours, lambda how, said: self._broken(place, how, said), self._ended)
        with self._lock:
            self._streams.add(stream)
        stream.start()
        return theirs

    def close(self) -> None:
        """End all streams, and their threads."""
        with self._lock:
            left = list(self._streams)
        for stream in left:
            stream.end(CLOSING_SECONDS)
        self._forget_cluster()

    def _forget_cluster(self) -> None:
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()

    def _opened(self) -> Cluster:
        if self._cluster is None:
            try:
                cluster = Cluster(self._target)
            except KubeconfigError as error:
                where = self._target.kubeconfig or "the default kubeconfig"
                raise TargetError(
                    errors.UNREACHABLE,
                    f"No port-forward to the target {self._target.name}: {where} cannot be used: {error}.",
                    "Correct --kubeconfig and --context.",
                ) from error
            self._cluster = cluster
        # The secret goes with what is forwarded: to the cluster's API first.
        dataclasses.replace(self._target, host=self._cluster.host, port_forward=False).check_connection()
        return self._cluster

    # ---------------------------------------------------------------- which pod

    def _find(self, cluster: Cluster) -> _Place:
        """A ready pod behind the Service, and its port."""
        from kubernetes import client

        name, namespace, port = self._target.service()
        core = client.CoreV1Api(cluster.api)
        with self._asking(cluster, f"get the Service {name}") as options:
            service = core.read_namespaced_service(name, namespace, **options)
            selector = service.spec.selector
            ports = {each.port: each.target_port or each.port for each in service.spec.ports or ()}
        if port not in ports or not selector:
            has = ", ".join(str(each) for each in ports) or "none"
            what = f"has no port {port}, but {has}" if port not in ports else "selects no pods"
            raise self._error(
                f"the Service {name} in the namespace {namespace} {what}.",
                "Name the Service and its port: --host ml-pipeline.kubeflow:8888.",
            )
        with self._asking(cluster, "list pods") as options:
            labels = ",".join(f"{key}={value}" for key, value in selector.items())
            pods = core.list_namespaced_pod(namespace, label_selector=labels, **options).items
            found = [
                _Place(pod.metadata.name, namespace, number)
                for pod in pods
                if _is_ready(pod) and (number := _number(pod, ports[port])) is not None
            ]
        if not found:
            raise self._error(
                f"none of the {len(pods)} pods behind the Service {name} is ready.",
                f"See why: kubectl -n {namespace} get pods -l {labels}",
                passing=True,
            )
        return min(found, key=lambda place: (place.pod == self._failed, place.pod))

    @contextlib.contextmanager
    def _asking(self, cluster: Cluster, what: str) -> Iterator[dict[str, Any]]:
        name, namespace, _ = self._target.service()
        try:
            with cluster.asking() as options:
                yield options
        except ClusterError as error:
            if error.status == 404 and "Service" in what:
                raise self._error(
                    f"there is no Service {name} in the namespace {namespace}.",
                    "Name the Service of Kubeflow Pipelines' API server: --host ml-pipeline.kubeflow:8888.",
                ) from error
            raise self._not_asked(cluster, what, error.status, str(error), error.said) from error

    # ---------------------------------------------------------------- what goes wrong

    def _not_opened(self, cluster: Cluster, place: _Place, error: StreamError) -> TargetError:
        if error.status in (404, 410):
            return self._error(f"the pod {place.pod} is gone.", "Try again: another one is looked for.", passing=True)
        return self._not_asked(cluster, "create pods/portforward", error.status, str(error), error.said)

    def _not_asked(self, cluster: Cluster, what: str, status: int | None, how: str, said: str) -> TargetError:
        says = f" It says: {said}" if said else ""
        _, namespace, _ = self._target.service()
        if status in (UNAUTHORIZED, 403) and not cluster.has_credentials:
            return self._error(
                f"the kubeconfig gives no credentials that can be used, without which the cluster refuses ({status}).",
                "Where it names a program for them, see what that says: kubectl get pods with this kubeconfig.",
                code=errors.NOT_LET_IN,
                status=status,
            )
        if status == 403:
            return self._error(
                f"this user may not {what} in the namespace {namespace} (403).{says}",
                f"Ask for a role in {namespace} that may get services, list pods, and create and get pods/portforward.",
                code=errors.NOT_LET_IN,
            )
        if status == UNAUTHORIZED:
            return self._error(
                "the cluster does not accept the kubeconfig's credentials (401).",
                "Renew them, and see that kubectl works with this kubeconfig and context.",
                code=errors.NOT_LET_IN,
                status=status,
            )
        return self._error(
            f"the cluster's API at {cluster.host} {how}, asked to {what}.{says}",
            "See that kubectl works with this kubeconfig and context.",
            passing=status is None or status == 429 or status >= 500,
        )

    def _broken(self, place: _Place, how: str, said: str) -> None:
        """Keep why a stream ended: by its thread, before its connection is closed."""
        if place is not self._newest:
            return
        if how == "closed":  # where the pod's server has answered all, nothing is wrong
            self.fault = self._error(
                f"the pod {place.pod} hung up before it had answered.", "Look at its log, or try again.", passing=True
            )
            return
        self._failed = place.pod
        if "refused" in said:
            message = f"nothing listens on port {place.port} in the pod {place.pod}. It says: {said}"
            fix = "See that --host names the port of Kubeflow Pipelines' API server, and that it runs."
        elif said:
            message, fix = f"the pod {place.pod} cannot be reached. It says: {said}", "Look at the pod, or try again."
        else:
            message, fix = f"the stream to the pod {place.pod} {how}.", "Try again: another one is opened."
        self.fault = self._error(message, fix, passing=True)

    def _ended(self, stream: PodStream) -> None:
        with self._lock:
            self._streams.discard(stream)

    def _error(
        self,
        message: str,
        fix: str,
        *,
        code: str = errors.UNREACHABLE,
        passing: bool = False,
        status: int | None = None,
    ) -> TargetError:
        said = f"No port-forward to the target {self._target.name}: {message}"
        return TargetError(code, said, fix, passing=passing, status=status)


def _is_ready(pod: Any) -> bool:
    conditions = (pod.status.conditions if pod.status else None) or ()
    is_ready = any(each.type == "Ready" and each.status == "True" for each in conditions)
    return is_ready and pod.metadata.deletion_timestamp is None


def _number(pod: Any, port: int | str) -> int | None:
    """The number of a pod's port, which a Service may name."""
    if isinstance(port, int):
        return port
    named = (each for container in pod.spec.containers for each in container.ports or ())
    return next((int(each.container_port) for each in named if each.name == port), None)
