"""An endpoint as KServe has it: a ServingRuntime that is this server, and an InferenceService of the model.

KServe fetches the model into the pod, so the place that the registry names must be one that a cluster reaches. Weights
become ``spec.canary`` (KServe 0.20 or newer, deployment mode Standard). KServe has no shadows. The fields' spelling is
Kubernetes'.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from labline_backend._version import __version__
from labline_backend.endpoints.rollouts import references
from labline_backend.errors import InputError
from labline_backend.store.endpoints import EndpointSpec
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from kubernetes import client as kubernetes

IMAGE = "labline-server"
FORMAT = "mlflow"
CONTAINER = "kserve-container"  # KServe's word for the one that answers
PORT = 8080
GRPC_PORT = 8081
MODEL_FOLDER = "/mnt/models"  # where KServe puts the model
TOKEN_VARIABLE, TOKEN_KEY = "LABLINE_TOKEN", "token"
SCHEMES = frozenset({"s3", "gs", "abfs", "abfss", "wasbs", "https", "http", "hdfs", "webhdfs", "pvc", "hf", "oci"})
"""What KServe's storage initialiser fetches from."""

_NAME = re.compile(r"[a-z]([a-z0-9-]{0,40}[a-z0-9])?")


@dataclass(frozen=True)
class Metadata:
    """An object's name and place."""

    name: str
    namespace: str | None = None
    annotations: Mapping[str, str] | None = None


@dataclass(frozen=True)
class ModelFormat:
    """What a runtime serves, or a model is."""

    name: str
    autoSelect: bool | None = None


@dataclass(frozen=True)
class RuntimeSpec:
    """What a ServingRuntime runs."""

    containers: Sequence[kubernetes.V1Container]
    supportedModelFormats: Sequence[ModelFormat]
    protocolVersions: Sequence[str]
    annotations: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class ServingRuntime:
    """``serving.kserve.io/v1alpha1``."""

    apiVersion: str = "serving.kserve.io/v1alpha1"
    kind: str = "ServingRuntime"
    metadata: Metadata
    spec: RuntimeSpec


@dataclass(frozen=True)
class Model:
    """A model, and the runtime that serves it."""

    modelFormat: ModelFormat
    runtime: str
    protocolVersion: str
    storageUri: str
    env: Sequence[kubernetes.V1EnvVar]
    name: str  # of the container that this is laid over
    args: Sequence[str] | None = None  # added to the runtime's


@dataclass(frozen=True)
class Predictor:
    """One version in pods of its own."""

    model: Model
    minReplicas: int
    name: str | None = None


@dataclass(frozen=True)
class Canary:
    """A version with a share of the requests, in per cent."""

    predictor: Predictor
    trafficPercent: int


@dataclass(frozen=True)
class ServiceSpec:
    """What an InferenceService serves."""

    predictor: Predictor
    canary: Sequence[Canary] | None = None


@dataclass(frozen=True, kw_only=True)
class InferenceService:
    """``serving.kserve.io/v1beta1``."""

    apiVersion: str = "serving.kserve.io/v1beta1"
    kind: str = "InferenceService"
    metadata: Metadata
    spec: ServiceSpec


@dataclass(frozen=True)
class Place:
    """Where in a cluster, and from which image; ``storage`` is given where the registry's place will not do."""

    namespace: str | None = None
    image: str | None = None
    storage: str | None = None


def objects(name: str, spec: EndpointSpec, sources: Mapping[str, str], place: Place) -> list[dict[str, Any]]:
    """The two objects for the endpoint *name*, as plain data.

    *sources* say where the versions lie that the spec refers to. Raises ``InputError`` for what KServe cannot do.
    """
    if not _NAME.fullmatch(name):
        raise InputError(f"KServe takes no InferenceService called {name!r}: use small letters, digits and dashes.")
    if spec.shadow is not None:
        raise InputError("KServe has no shadows: leave --shadow out, or deploy here.")
    if spec.canary is not None:
        raise InputError(
            "KServe takes no canary back by itself: leave --canary out; --split becomes its traffic split."
        )
    if spec.log_rate:
        raise InputError("Nothing keeps what a pod has logged of requests: leave --log-requests out, or deploy here.")
    if place.storage is not None and len(references(spec)) > 1:
        raise InputError("--storage names the place of one version: leave --split out.")
    found = {reference: place.storage or sources[reference] for reference in references(spec)}
    for uri in found.values():
        if urlsplit(uri).scheme not in SCHEMES:
            raise InputError(
                f"The model lies at {uri}, which no cluster reaches: copy it to an S3, or to another place that KServe "
                "fetches from, and name that with --storage."
            )
    from kubernetes import client as kubernetes

    plain = kubernetes.ApiClient().sanitize_for_serialization
    runtime = ServingRuntime(metadata=Metadata(runtime_of(name), place.namespace), spec=_runtime(spec, place))
    service = _service(name, spec, found, place)
    return [_plain(each, plain) for each in (runtime, service)]


def _runtime(spec: EndpointSpec, place: Place) -> RuntimeSpec:
    from kubernetes import client as kubernetes

    arguments = {
        "--folder": MODEL_FOLDER,
        "--name": "{{.Name}}",
        "--host": "0.0.0.0",  # noqa: S104 - a pod's own
        "--port": PORT,
        "--token-env": TOKEN_VARIABLE,
        "--max-body": spec.body_bytes >> 20,
        "--queue": spec.waiting,
        "--deadline": f"{spec.deadline:g}",
        "--environment": "server",  # what the model needs is in the image
        **({} if spec.grpc_port is None else {"--grpc-port": GRPC_PORT}),
        **({"--access-log": "-"} if spec.access_log else {}),
    }
    ports = [kubernetes.V1ContainerPort(container_port=PORT, name="http1", protocol="TCP")]
    if spec.grpc_port is not None:
        ports.append(kubernetes.V1ContainerPort(container_port=GRPC_PORT, name="grpc-port", protocol="TCP"))

    def probe(path: str, **times: int) -> kubernetes.V1Probe:
        return kubernetes.V1Probe(http_get=kubernetes.V1HTTPGetAction(path=path, port=PORT), **times)

    container = kubernetes.V1Container(
        name=CONTAINER,
        image=place.image or f"{IMAGE}:{__version__}",
        args=["serve", *(f"{option}={value}" for option, value in arguments.items())],
        env=[kubernetes.V1EnvVar(name="LABLINE_HOME", value="/tmp/labline")],  # noqa: S108 - the pod's alone
        ports=ports,
        readiness_probe=probe("/v2/health/ready", period_seconds=5),
        liveness_probe=probe("/v2/health/live", period_seconds=10, failure_threshold=6),
        startup_probe=probe("/v2/health/ready", period_seconds=2, failure_threshold=150),
        resources=kubernetes.V1ResourceRequirements(
            requests={"cpu": "250m", "memory": "512Mi"}, limits={"memory": "2Gi"}
        ),
        security_context=kubernetes.V1SecurityContext(
            allow_privilege_escalation=False,
            privileged=False,
            run_as_non_root=True,
            capabilities=kubernetes.V1Capabilities(drop=["ALL"]),
        ),
    )
    metrics = {"prometheus.kserve.io/port": str(PORT), "prometheus.kserve.io/path": "/metrics"}
    return RuntimeSpec([container], [ModelFormat(FORMAT, autoSelect=False)], ["v2", *_grpc(spec)], metrics)


def _service(name: str, spec: EndpointSpec, found: Mapping[str, str], place: Place) -> InferenceService:
    whole = sum(share.weight for share in spec.shares)
    main, *others = sorted(spec.shares, key=lambda share: -share.weight)
    several = bool(others)
    (protocol,) = _grpc(spec) or ("v2",)
    arguments = [f"--onnx={spec.bound:g}"] if spec.bound else None

    def predictor(reference: str) -> Predictor:
        model = Model(
            ModelFormat(FORMAT), runtime_of(name), protocol, found[reference], [_token(name)], CONTAINER, arguments
        )
        return Predictor(model, spec.workers, _named(reference) if several else None)

    canaries = [Canary(predictor(share.reference), 100 * share.weight // whole) for share in others]
    # Knative opens one port of a pod, and so KServe's other mode has no gRPC beside HTTP.
    standard = several or spec.grpc_port is not None
    annotations = {"serving.kserve.io/deploymentMode": "Standard"} if standard else None
    return InferenceService(
        metadata=Metadata(name, place.namespace, annotations),
        spec=ServiceSpec(predictor(main.reference), canaries or None),
    )


def _grpc(spec: EndpointSpec) -> tuple[str, ...]:
    """KServe's word for V2 over gRPC, where that is served."""
    return () if spec.grpc_port is None else ("grpc-v2",)


def _named(reference: str) -> str:
    """A predictor's name: part of the names of Kubernetes objects."""
    name = re.sub(r"[^a-z0-9]+", "-", reference.lower()).strip("-")
    return f"v{name}" if name[:1].isdigit() else name


def runtime_of(name: str) -> str:
    """The ServingRuntime of an endpoint. It has one of its own: limits and image of one are not another's.

    The endpoint's name comes first: else one called ``server`` would have ``labline-server``, which all once shared.
    """
    return f"{name}-labline"


def secret_of(name: str) -> str:
    """The Secret that holds the token of an endpoint."""
    return f"{name}-token"


def _token(name: str) -> kubernetes.V1EnvVar:
    from kubernetes import client as kubernetes

    selector = kubernetes.V1SecretKeySelector(name=secret_of(name), key=TOKEN_KEY)
    return kubernetes.V1EnvVar(name=TOKEN_VARIABLE, value_from=kubernetes.V1EnvVarSource(secret_key_ref=selector))


def _plain(value: Any, of_kubernetes: Any) -> Any:
    """Objects as data: what is None is left out."""
    if hasattr(value, "__dataclass_fields__"):
        fields = {name: getattr(value, name) for name in value.__dataclass_fields__}
        return {name: _plain(each, of_kubernetes) for name, each in fields.items() if each is not None}
    if isinstance(value, (list, tuple)):
        return [_plain(each, of_kubernetes) for each in value]
    return of_kubernetes(value)
