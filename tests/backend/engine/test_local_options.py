"""What this machine cannot give a step is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.engine.capacity import Share
from labline_backend.engine.local_options import left_out, memory_limit, share
from labline_compiler.pipeline import Toleration
from tests.backend.engine.pipelines import pipeline, step

LACKS = [
    ({"limits": {"nvidia.com/gpu": "1"}}, "info", "nvidia.com/gpu is not limited"),
    ({"limits": {"memory": "lots"}}, "warning", "limit:memory:lots"),
    ({"secrets": (("store", "key", "STORE_KEY"),)}, "warning", "STORE_KEY is to come from the secret store"),
    ({"volumes": (("claim", "/no/such/folder"),)}, "warning", "claim is not mounted"),
    ({"volumes": (("claim", "/", "DATA"),)}, "warning", "claim is not mounted"),
    ({"requests": {"nvidia.com/gpu": "1"}}, "info", "nvidia.com/gpu is not set aside"),
    ({"secret_files": (("store", "/no/such/folder"),)}, "warning", "the files of the secret store are not"),
    ({"config_maps": (("settings", "key", "LEVEL"),)}, "warning", "LEVEL is to come from the config map settings"),
    ({"config_map_files": (("settings", "/no/such"),)}, "warning", "the files of the config map settings are not"),
    ({"node_selector": {"a": "b"}, "pull_secrets": ("c",)}, "info", "node selectors and pull secrets are for pods"),
    ({"tolerations": (Toleration("gpu", "Exists"),)}, "info", "tolerations are for pods"),
    ({"service_account": "birds"}, "info", "the service account birds is for pods"),
    ({"image": "birds:3"}, "info", "birds:3 is not used"),
    ({"labels": {"a": "b"}, "annotations": {"a": "b"}}, "info", "labels and annotations are for pods"),
]


@pytest.mark.parametrize(("options", "severity", "said"), LACKS, ids=[said for *_, said in LACKS])
def test_what_a_step_does_not_get_is_told(options: dict[str, object], severity: str, said: str) -> None:
    (found,) = left_out(pipeline(step("a", "1", **options)), {})
    assert (found.code, found.severity, found.step) == ("LL601", severity, "a")
    assert said in found.message


def test_steps_that_lack_the_same_are_told_together() -> None:
    (found,) = left_out(pipeline(step("a", "1", image="i"), step("b", "1", image="i")), {})
    assert found.message.startswith("Steps a, b: ")


@pytest.mark.parametrize(
    "options",
    [
        {"limits": {"cpu": "2", "memory": "1Gi"}},
        {"secrets": (("store", "key", "STORE_KEY"),), "config_maps": (("settings", "key", "STORE_KEY"),)},
        {"requests": {"cpu": "2", "memory": "1Gi"}, "config_map_files": (("settings", "/"),)},
        {"volumes": (("claim", "/data", "DATA"),)},
        {"retries": 2, "timeout": 5.0, "cache": False, "report": False},
    ],
)
def test_what_a_step_gets_is_not_told(options: dict[str, object]) -> None:
    assert left_out(pipeline(step("a", "1", **options)), {"STORE_KEY": "x", "DATA": "here"}) == ()


def test_a_volume_whose_folder_is_here_is_not_told(tmp_path: Path) -> None:
    assert left_out(pipeline(step("a", "1", volumes=(("claim", str(tmp_path)),))), {}) == ()


@pytest.mark.parametrize(
    ("requests", "limits", "expected"),
    [
        ({}, {"cpu": "2", "memory": "1Gi"}, Share(2, 2**30)),
        ({"cpu": "1500m", "memory": "1Gi"}, {}, Share(2, 2**30)),
        ({"cpu": "1", "memory": "1Ki"}, {"cpu": "4", "memory": "1Gi"}, Share(1, 1024)),
    ],
)
def test_what_a_step_requests_is_set_aside_for_it_and_else_its_limit(
    requests: dict[str, str], limits: dict[str, str], expected: Share
) -> None:
    assert share(step("a", "1", requests=requests, limits=limits)) == expected


def test_a_request_is_no_limit() -> None:
    assert memory_limit(step("a", "1", requests={"memory": "1Gi"})) == 0
