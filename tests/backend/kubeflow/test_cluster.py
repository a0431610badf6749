"""Kubernetes itself under a target: whatever it answers, who asks is told in a sentence."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.needs import lacking
from labline_backend.kubeflow.pod_log import PodLog
from labline_backend.kubeflow.pods import Pod, Pods
from labline_backend.kubeflow.preflight import check
from labline_backend.kubeflow.targets import Target
from labline_compiler.pipeline import Pipeline, Step, StepOptions
from labline_runtime.specification import CellSource
from tests.backend.kubeflow.cluster import Cluster

NEEDY = StepOptions(secrets=(("store", "password", "PASSWORD"),), limits={"memory": "3Gi"})
PIPELINE = Pipeline("p", "p.ipynb", (Step("fit", (CellSource(0, "c", "1"),), options=NEEDY),))


def answer(body: bytes, status: int = 200) -> bytes:
    return b"HTTP/1.1 %d X\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (
        status,
        len(body),
        body,
    )


ANSWERS = {
    **{str(status): (answer(b'{"kind": "Status"}', status), f"answers {status}") for status in (401, 410, 429)},
    **{str(status): (answer(b"<html>", status), f"answers {status}") for status in (302, 400, 409, 500, 503)},
    "half": (answer(b"{" + b" " * 99)[:-50], "cannot be reached"),
    "hangs up": (b"HTTP/1.1 2", "cannot be reached"),
    "silent": (b"", "does not answer in time"),
    "slow": (b"HTTP/1.1 200 OK\r\nContent-Length: 90000\r\n\r\n...", "does not answer in time"),
    "a page": (answer(b"<html>Hello</html>"), "does not answer as Kubernetes does"),
    "a list": (answer(b"[1]"), "does not answer as Kubernetes does"),
    "a text": (answer(b'"text"'), "does not answer as Kubernetes does"),
    "nothing": (answer(b"null"), "does not answer as Kubernetes does"),
    "no text": (answer(b"\xff\xfe"), "does not answer as Kubernetes does"),
    "another document": (answer(b'{"items": [{"spec": 3}]}'), "does not answer as Kubernetes does"),
}
BAD = pytest.mark.parametrize(("bad", "how"), ANSWERS.values(), ids=ANSWERS)
SOME = ("401", "503", "hangs up", "slow", "a page", "another document")
SOME_BAD = pytest.mark.parametrize(("bad", "how"), [ANSWERS[name] for name in SOME], ids=SOME)


@pytest.fixture
def target(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Target:
    """A target on the cluster, which is not waited for long."""
    return Target("prod", cluster.emulator.url, kubeconfig=cluster.kubeconfig(tmp_path))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.cluster.SECONDS", (5.0, 0.5))
    monkeypatch.setattr("labline_backend.kubeflow.cluster.WHOLE_SECONDS", 0.7)


@pytest.fixture
def pods(target: Target) -> Iterator[Pods]:
    pods = Pods(target)
    yield pods
    pods.close()


@pytest.mark.usefixtures("impatient")
@SOME_BAD
def test_rights_that_cannot_be_asked_for_are_said(target: Target, cluster: Cluster, bad: bytes, how: str) -> None:
    cluster.fault = ("selfsubject", bad)
    (found,) = check(target).findings
    assert (found.code, f"{how}, so that rights are not known" in found.message) == ("LL606", True)


@pytest.mark.usefixtures("impatient")
@BAD
def test_pods_that_cannot_be_listed_are_said(pods: Pods, cluster: Cluster, bad: bytes, how: str) -> None:
    cluster.fault = ("/pods", bad)
    with pytest.raises(TargetError, match=f"{how}, so that pods' logs"):
        pods.of_run("some-run")


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("name", ["401", "503", "slow", "half"])
def test_a_log_that_cannot_be_read_is_said(pods: Pods, cluster: Cluster, name: str) -> None:
    bad, how = ANSWERS[name]
    cluster.fault = ("/log", bad)
    with pytest.raises(TargetError, match=how):
        pods.read(Pod("one"), PodLog())


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize("asked", ["/secrets/", "/resourcequotas"])
@SOME_BAD
def test_needs_that_cannot_be_asked_for_are_said_and_hinder_nobody(
    target: Target, cluster: Cluster, asked: str, bad: bytes, how: str
) -> None:
    cluster.things = {"secrets/store"}
    cluster.fault = (asked, bad)
    (found,) = lacking(target, PIPELINE)
    assert (found.severity, how in found.message, bool(found.fix)) == ("warning", True, True)


@pytest.mark.parametrize(
    "text", ["", "[]", "clusters: 3", "{", "apiVersion: v1\ncontexts:\n- name: x\ncurrent-context: x"]
)
def test_a_kubeconfig_that_is_none_is_said(target: Target, text: str) -> None:
    assert target.kubeconfig is not None
    Path(target.kubeconfig).write_text(text)
    (found,) = check(target).findings
    assert (found.code, "cannot be used" in found.message, "\n" in found.message) == ("LL606", True, False)
    assert lacking(target, PIPELINE) == []
    with pytest.raises(TargetError, match="kubeconfig cannot be used"):
        Pods(target).of_run("some-run")
