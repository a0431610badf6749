"""What KFP's local runner leaves out of a step's options is told before it runs."""

from __future__ import annotations

from typing import Any

import pytest

from labline_backend.engine.local_options import left_out as not_here
from labline_backend.verification.kubeflow import left_out
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline
from tests.backend.engine.pipelines import pipeline, step


def here(of: Pipeline) -> tuple[Finding, ...]:
    return not_here(of, {})


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"timeout": 9.0}, ["Step a: KFP's local runner knows no timeouts."]),
        ({"limits": {"memory": "1Gi"}}, ["Step a: KFP's local runner knows no limits and requests."]),
        ({"secrets": (("store", "key", "KEY"),)}, ["Step a: KEY is to come from the secret store"]),
        ({"retries": 2, "retry_on": ("OSError",)}, ["Step a: Kubeflow Pipelines tries a step again whatever"]),
        ({"retries": 2}, []),
    ],
)
def test_what_a_step_does_not_get_under_the_runner_is_told(options: dict[str, Any], said: list[str]) -> None:
    found = left_out(pipeline(step("a", "1", **options)), here)
    assert [each.code for each in found] == ["LL601"] * len(said)
    assert all(each.message.startswith(begins) for each, begins in zip(found, said, strict=True))
