"""What is written for KServe."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from labline_backend.endpoints.kserve import Place, objects
from labline_backend.errors import InputError
from labline_backend.store.endpoints import CanaryRule, EndpointSpec, Share

ONE = EndpointSpec("flights", (Share("champion", 100),), workers=2)
SPLIT = EndpointSpec("flights", (Share("champion", 90), Share("3", 10)))
GRPC = EndpointSpec("flights", ONE.shares, grpc_port=0, bound=1e-6, access_log=True)
SOURCES = {"champion": "s3://models/flights/1", "3": "s3://models/flights/3"}

CRDS = "TEST_KSERVE_CRDS"
"""Names a folder with KServe's own definitions, ``inferenceservices.yaml`` and ``servingruntimes.yaml``."""


def made(spec: EndpointSpec = ONE, place: Place | None = None) -> list[dict[str, Any]]:
    return objects("flights", spec, SOURCES, place or Place(namespace="serving"))


def test_the_runtime_is_this_server_on_the_model_that_kserve_fetched() -> None:
    runtime, _ = made()
    assert (runtime["apiVersion"], runtime["kind"]) == ("serving.kserve.io/v1alpha1", "ServingRuntime")
    assert runtime["metadata"] == {"name": "flights-labline", "namespace": "serving"}
    (container,) = runtime["spec"]["containers"]
    assert container["name"] == "kserve-container"
    assert container["args"][:3] == ["serve", "--folder=/mnt/models", "--name={{.Name}}"]
    assert container["readinessProbe"]["httpGet"] == {"path": "/v2/health/ready", "port": 8080}


def test_endpoints_share_no_runtime_nor_have_the_one_that_all_once_shared() -> None:
    named = [objects(name, ONE, SOURCES, Place())[0]["metadata"]["name"] for name in ("flights", "server")]
    assert named == ["flights-labline", "server-labline"]


def test_the_server_knows_all_options_that_the_runtime_gives_it() -> None:
    from labline_backend.cli.serve import serve

    runtime, service = made(GRPC)
    (container,) = runtime["spec"]["containers"]
    known = {option for parameter in serve.params for option in parameter.opts}
    given = [*container["args"][1:], *service["spec"]["predictor"]["model"]["args"]]
    assert {argument.partition("=")[0] for argument in given} <= known


def test_grpc_is_a_protocol_of_the_runtime_and_the_services_own() -> None:
    runtime, service = made(GRPC)
    (container,) = runtime["spec"]["containers"]
    assert runtime["spec"]["protocolVersions"] == ["v2", "grpc-v2"]
    assert "--grpc-port=8081" in container["args"]
    assert [port["containerPort"] for port in container["ports"]] == [8080, 8081]
    assert service["spec"]["predictor"]["model"]["protocolVersion"] == "grpc-v2"
    assert service["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Standard"}


def test_the_bound_of_onnx_goes_with_the_model() -> None:
    assert made(GRPC)[1]["spec"]["predictor"]["model"]["args"] == ["--onnx=1e-06"]


def test_the_service_names_the_model_and_a_secret_and_holds_no_token() -> None:
    runtime, service = made()
    (container,) = runtime["spec"]["containers"]
    assert service["metadata"] == {"name": "flights", "namespace": "serving"}
    predictor = service["spec"]["predictor"]
    assert predictor["minReplicas"] == 2
    assert predictor["model"] == {
        "modelFormat": {"name": "mlflow"},
        "runtime": runtime["metadata"]["name"],
        "protocolVersion": "v2",
        "storageUri": "s3://models/flights/1",
        "env": [
            {"name": "LABLINE_TOKEN", "valueFrom": {"secretKeyRef": {"name": "flights-token", "key": "token"}}},
        ],
        "name": container["name"],
    }


def test_a_split_becomes_a_canary_with_a_name_of_its_own() -> None:
    service = made(SPLIT)[1]
    assert service["metadata"]["annotations"] == {"serving.kserve.io/deploymentMode": "Standard"}
    (canary,) = service["spec"]["canary"]
    assert (canary["trafficPercent"], canary["predictor"]["name"]) == (10, "v3")
    assert canary["predictor"]["model"]["storageUri"] == "s3://models/flights/3"
    assert service["spec"]["predictor"]["name"] == "champion"


@pytest.mark.parametrize(
    ("spec", "place", "said"),
    [
        (EndpointSpec("flights", ONE.shares, shadow="3"), Place(), "KServe has no shadows"),
        (EndpointSpec("flights", SPLIT.shares, canary=CanaryRule("3")), Place(), "takes no canary back"),
        (EndpointSpec("flights", ONE.shares, log_rate=0.1), Place(), "leave --log-requests out"),
        (SPLIT, Place(storage="s3://other"), "--storage names the place of one version"),
        (ONE, Place(storage="file:///models/1"), "The model lies at file:///models/1, which no cluster reaches"),
    ],
)
def test_what_kserve_cannot_do_is_said(spec: EndpointSpec, place: Place, said: str) -> None:
    with pytest.raises(InputError) as refused:
        made(spec, place)
    assert said in refused.value.message


@pytest.mark.skipif(CRDS not in os.environ, reason=f"{CRDS} names no folder with KServe's definitions")
@pytest.mark.parametrize("spec", [ONE, SPLIT, GRPC], ids=["one", "split", "grpc"])
def test_kserves_own_schemas_know_every_field(spec: EndpointSpec) -> None:
    for document, file in zip(made(spec), ("servingruntimes", "inferenceservices"), strict=True):
        text = Path(os.environ[CRDS], f"{file}.yaml").read_text()
        definition = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        version = document["apiVersion"].partition("/")[2]
        (schema,) = [v["schema"]["openAPIV3Schema"] for v in definition["spec"]["versions"] if v["name"] == version]
        schema["properties"]["metadata"] = {"type": "object"}  # which is Kubernetes' own
        assert [error.message for error in jsonschema.Draft202012Validator(strict(schema)).iter_errors(document)] == []


def strict(schema: Any) -> Any:
    """The schema, with fields that it does not know refused, as strict validation by the API server does."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    made = {name: strict(each) for name, each in schema.items()}
    if isinstance(schema.get("properties"), dict):
        made.setdefault("additionalProperties", False)
    if schema.get("x-kubernetes-int-or-string"):
        made.pop("type", None)
    return made
