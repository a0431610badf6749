"""Documents checked strictly against the models that are generated from the API's definition."""

from __future__ import annotations

import datetime
import re
from typing import Any

import kfp_server_api.models as models


class ShapeError(Exception):
    """The document is not what the model says."""


def check(kind: str, value: Any, where: str = "") -> None:
    """Raise ``ShapeError`` where *value* is not a *kind*: one of the client's type names."""
    where = where or kind
    if found := re.fullmatch(r"list\[(.*)\]", kind):
        _expect(isinstance(value, list), where, "a list")
        for index, item in enumerate(value):
            check(found[1], item, f"{where}[{index}]")
    elif found := re.fullmatch(r"dict\(str, (.*)\)", kind):
        _expect(isinstance(value, dict), where, "an object")
        for key, item in value.items():
            check(found[1], item, f"{where}.{key}")
    elif kind in ("str", "bool", "int"):
        _expect(type(value) is {"str": str, "bool": bool, "int": int}[kind], where, f"a {kind}")
    elif kind == "datetime":
        _expect(isinstance(value, str), where, "a time")
        datetime.datetime.fromisoformat(value)
    elif kind != "object":
        _check_model(getattr(models, kind), value, where)


def _check_model(model: Any, value: Any, where: str) -> None:
    if not model.openapi_types:  # an enumeration
        _expect(value in model.allowable_values, where, f"one of {', '.join(model.allowable_values)}")
        return
    _expect(isinstance(value, dict), where, "an object")
    kinds = {model.attribute_map[name]: kind for name, kind in model.openapi_types.items()}
    for key, item in value.items():
        _expect(key in kinds, f"{where}.{key}", "no field")
        check(kinds[key], item, f"{where}.{key}")


def _expect(true: bool, where: str, what: str) -> None:
    if not true:
        raise ShapeError(f"{where} must be {what}" if what != "no field" else f"unknown field {where}")
