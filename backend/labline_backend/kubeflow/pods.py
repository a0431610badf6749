"""A run's pods, from Kubernetes itself: what KFP's API does not tell, for targets with a kubeconfig.

KFP marks every pod of a run with ``pipeline/runid``; Argo names its node ``WORKFLOW.root.TASK.executor``.
"""

from __future__ import annotations

import contextlib
import re
import time
from collections.abc import Iterator
from typing import Any

from labline_backend.kubeflow.cluster import Cluster, ClusterError, KubeconfigError
from labline_backend.kubeflow.errors import NOT_MIRRORED, TargetError
from labline_backend.kubeflow.pod_log import LONGEST_LOG, PodLog
from labline_backend.kubeflow.targets import Target
from labline_runtime.dataclass import dataclass

CONTAINER = "main"
NODE = "workflows.argoproj.io/node-name"
EXECUTOR = re.compile(r"\.([^.()]+)(?:\(\d+\))?\.executor(?:\(\d+\))?$")
ITEM = re.compile(r"\.iteration-iterations\((\d+):")  # of a loop's task, from 0


@dataclass(frozen=True)
class Pod:
    """A task's pod; ``message`` is what its container left when it ended, ``item`` its item's number in a loop."""

    name: str
    message: str | None = None
    item: int = 0
    has_ended: bool = False


class Pods:
    """The pods of one target's namespace. Every method blocks and raises ``TargetError``."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._cluster: Cluster | None = None

    def of_run(self, run_id: str) -> dict[str, tuple[Pod, ...]]:
        """The pods of a run's tasks, by the task's name; of several attempts the last one's.

        A loop's tasks, which have one name, have one each, in the order of its items.
        """
        from kubernetes import client

        pods: dict[str, dict[int, Pod]] = {}
        with self._asking() as (cluster, options):
            core = client.CoreV1Api(cluster.api)
            found = core.list_namespaced_pod(cluster.namespace, label_selector=f"pipeline/runid={run_id}", **options)
            for pod in sorted(found.items, key=lambda pod: pod.metadata.creation_timestamp or 0):
                place = (pod.metadata.annotations or {}).get(NODE, "")
                if node := EXECUTOR.search(place):
                    item = int(turn[1]) if (turn := ITEM.search(place)) else 0
                    has_ended, message = _end(pod)
                    pods.setdefault(node[1], {})[item] = Pod(pod.metadata.name, message, item, has_ended)
        return {task: tuple(pod for _, pod in sorted(found.items())) for task, found in pods.items()}

    def read(self, pod: Pod, log: PodLog) -> bytes:
        """What *pod* has written since *log* was last read, up to a limit."""
        from kubernetes import client

        if log.size >= LONGEST_LOG:
            return b""
        now = time.monotonic()
        with self._asking() as (cluster, options):
            core = client.CoreV1Api(cluster.api)
            answer = core.read_namespaced_pod_log(
                pod.name,
                cluster.namespace,
                container=CONTAINER,
                limit_bytes=2 * LONGEST_LOG,  # with the lines' times
                timestamps=True,
                **({} if (since := log.since(now)) is None else {"since_seconds": since}),
                _preload_content=False,
                **options,
            )
            new = log.take(bytes(answer.data), is_whole=pod.has_ended)
        log.asked = now
        return new

    def close(self) -> None:
        """Close the connections."""
        cluster, self._cluster = self._cluster, None
        if cluster is not None:
            cluster.close()

    @contextlib.contextmanager
    def _asking(self) -> Iterator[tuple[Cluster, dict[str, Any]]]:
        try:
            if self._cluster is None:
                self._cluster = Cluster(self._target)
            with self._cluster.asking() as options:
                yield self._cluster, options
        except ClusterError as error:
            raise TargetError(
                NOT_MIRRORED,
                f"The cluster's API {error}, so that pods' logs and messages are not known.",
                "See that kubectl works with the target's kubeconfig, and may list pods and get their logs.",
            ) from error
        except KubeconfigError as error:
            raise TargetError(
                NOT_MIRRORED, f"The target's kubeconfig cannot be used: {error}.", "Correct --kubeconfig and --context."
            ) from error


def _end(pod: Any) -> tuple[bool, str | None]:
    """Whether the task's container has ended, and what it left."""
    for status in pod.status.container_statuses or () if pod.status else ():
        ended = status.state.terminated if status.state else None
        if status.name == CONTAINER and ended is not None:
            return True, str(ended.message) if ended.message else None
    return False, None
