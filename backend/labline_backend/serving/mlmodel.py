"""The description that lies beside a model, MLflow's ``MLmodel`` file, read as the YAML that it is.

MLflow reads it, too, but importing MLflow takes a second and some 100 MB, which a worker has no other use for.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from labline_backend.serving import cells
from labline_backend.serving.signature import Column, Signature, Tensor
from labline_runtime.dataclass import dataclass

FILE = "MLmodel"
SKLEARN = "mlflow.sklearn"
"""The module that loads models of scikit-learn."""


@dataclass(frozen=True)
class Pickled:
    """The file that holds a scikit-learn model. ``trusted`` are the types that skops may make."""

    file: str
    form: str
    trusted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Description:
    """A model as its file describes it. ``platform`` is the module that loads it; ``function`` is asked for answers."""

    signature: Signature
    platform: str
    function: str
    pickled: Pickled | None
    """None where the model is none of scikit-learn's, or brings modules of its own along."""


def read(text: str | bytes) -> Description:
    """Read an ``MLmodel`` file. Raises ``ValueError``, ``KeyError`` and ``TypeError`` for what is none."""
    import yaml

    try:
        document: dict[str, Any] = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - is safe
    except yaml.YAMLError as error:
        raise ValueError("it is not YAML") from error
    flavours = document.get("flavors", {})
    pyfunc, sklearn = flavours.get("python_function", {}), flavours.get("sklearn")
    pickled = None
    if sklearn is not None and not (sklearn.get("code") or pyfunc.get("code")):
        pickled = Pickled(
            str(sklearn["pickled_model"]),
            str(sklearn.get("serialization_format", "pickle")),
            tuple(map(str, sklearn.get("skops_trusted_types") or ())),
        )
    return Description(
        read_signature(document),
        str(pyfunc.get("loader_module", "mlflow")),
        str(pyfunc.get("predict_fn", "predict")),
        pickled,
    )


def read_signature(document: dict[str, Any]) -> Signature:
    """The signature in the *document* that an ``MLmodel`` file holds."""
    given = document.get("signature") or {}
    inputs, outputs = _specs(given.get("inputs")), _specs(given.get("outputs"))
    answers = tuple(map(_tensor, outputs or ()))
    parameters = bool(given.get("params"))
    if not inputs or document.get("is_signature_from_type_hint"):
        return Signature(outputs=answers, takes_parameters=parameters)
    if inputs[0]["type"] == "tensor":
        return Signature(tensors=tuple(map(_tensor, inputs)), outputs=answers, takes_parameters=parameters)
    columns = tuple(
        Column(str(spec.get("name", index)), _kind(spec["type"]), bool(spec.get("required", True)))
        for index, spec in enumerate(inputs)
    )
    return Signature(columns, (), answers, inputs[0].get("name") is not None, parameters)


def _specs(text: str | None) -> list[dict[str, Any]]:
    return json.loads(text) if text else []


def _tensor(spec: dict[str, Any]) -> Tensor:
    """A tensor, or a column as the tensor that it is on the wire."""
    name = spec.get("name")
    if spec["type"] == "tensor":
        tensor = spec["tensor-spec"]
        return Tensor(name, np.dtype(tensor["dtype"]), tuple(tensor["shape"]))
    return Tensor(name, cells.DTYPES[_kind(spec["type"])], (-1,))


def _kind(name: str) -> str:
    return name if name in cells.DTYPES else "any"  # arrays, maps and objects; MLflow checks what is in them
