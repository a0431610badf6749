"""What must hold on every installation of Kubeflow Pipelines. The emulator of the tests is one, too."""

from __future__ import annotations

import uuid
from typing import Any

import pytest

from labline_backend import recurring
from labline_backend.cloning import clone
from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.cluster import Cluster
from labline_backend.kubeflow.submission import Place as There
from labline_backend.recurrence.recurring import Wish
from labline_backend.recurrence.timing import Timing
from labline_backend.verification.session import Watcher, verify
from labline_backend.verification.subject import read_subject
from tests.backend.notebooks import DOUBLE, code
from tests.cluster.place import Place

LOOP = (
    code("xs = [1, 2, 4]", "step:a"),
    code("found = []\nfor x in xs:\n    found.append(8 // x)", "step:s"),
    code("assert found == [8, 4, 2]", "step:last"),
)


def states(run: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in run["steps"]}


def test_the_preflight_finds_nothing_wrong(place: Place) -> None:
    findings = place.service.targets.check(place.target.name).findings
    assert [found for found in findings if found.severity == "error"] == []


def test_a_run_is_followed_to_its_end(place: Place) -> None:
    run = place.end(place.submit(*DOUBLE, parameters={"count": "4"}))
    assert (run["state"], run["error"]) == ("succeeded", None)
    assert states(run) == {"load": "succeeded", "double": "succeeded"}


def test_its_values_and_metrics_are_mirrored(place: Place) -> None:
    if place.target.root is None:
        pytest.skip("no pipeline root is named: results stay on the cluster")
    run = place.end(place.submit(*DOUBLE, parameters={"count": "4"}))
    assert run["metrics"] == {"total": 12}
    (load,) = [step for step in run["steps"] if step["name"] == "load"]
    assert [value["preview"]["text"] for value in load["values"]] == ["[0, 1, 2, 3]"]


def test_a_failing_step_says_where_and_why(place: Place) -> None:
    run = place.end(place.submit(code("x = 1\nx / 0", "step:bad"), code("y = x", "step:after")))
    assert states(run) == {"bad": "failed", "after": "skipped"}
    assert run["error"] == "Step bad failed: Cell 1, line 2 raised ZeroDivisionError: division by zero"
    assert "ZeroDivisionError" in place.service.log(run["id"], "bad").text


def test_the_items_of_a_loop_are_counted(place: Place) -> None:
    run = place.end(place.submit(*LOOP, metadata={"steps": {"s": {"foreach": True}}}))
    assert (run["state"], run["error"]) == ("succeeded", None)
    (loop,) = [step for step in run["steps"] if step["name"] == "s"]
    known = place.target.root is not None  # how many there are is among the results
    assert loop["items"] == ({"total": 3, "cached": 0, "failed": 0} if known else None)


def test_cancelling_ends_the_run_there(place: Place) -> None:
    record = place.submit(code("import time\ntime.sleep(3600)\nx = 1", "step:slow"))
    place.until(record, lambda run: states(run) == {"slow": "running"})
    place.service.cancel(record.id)
    run = place.end(record)
    assert (run["state"], states(run)) == ("cancelled", {"slow": "cancelled"})


def test_a_failed_run_is_tried_again_from_where_it_failed(place: Place) -> None:
    record = place.submit(code("import time\nstamp = time.time_ns()", "step:begin"), code("stamp / 0", "step:bad"))
    first = place.end(record)
    assert states(first) == {"begin": "succeeded", "bad": "failed"}
    again = place.end(place.service.resume(record.id))
    assert (states(again), again["error"]) == (states(first), first["error"])
    assert again["steps"][0] == first["steps"][0]  # what had succeeded did not run again
    assert again["steps"][1]["ended"] > first["steps"][1]["ended"]
    assert [patch["state"] for patch in again["patches"]] == ["failed"]


def test_a_run_is_cloned_with_other_parameters(place: Place) -> None:
    first = place.end(place.submit(*DOUBLE, parameters={"count": "4", "label": "'first'"}))
    second = place.end(clone(place.service, first["id"], parameters={"count": "5"}))
    assert (second["state"], second["target"], second["id"] != first["id"]) == ("succeeded", place.target.name, True)
    assert second["parameters"] == {"count": "5", "label": "'first'"}
    if place.target.root is not None:
        assert (first["metrics"], second["metrics"]) == ({"total": 12}, {"total": 20})


OPTIONS = ("limit:memory:512Mi", "limit:cpu:1", "label:team:birds", "annotation:purpose:test")


def test_a_steps_options_are_in_the_pipeline_that_is_kept_there(place: Place, secret: str) -> None:
    record = place.submit(code("x = 1", "step:one", *OPTIONS, f"secret:{secret}:word:WORD"))
    assert place.end(record)["state"] == "succeeded"
    specification, kubernetes = kept(place, record.id)
    (executor,) = [
        each for each in specification["deploymentSpec"]["executors"].values() if "resources" in each["container"]
    ]
    resources = executor["container"]["resources"]
    assert (resources["resourceMemoryLimit"], resources["resourceCpuLimit"]) == ("512Mi", "1")
    assert kubernetes["podMetadata"] == {"labels": {"team": "birds"}, "annotations": {"purpose": "test"}}
    (given,) = kubernetes["secretAsEnv"]
    assert given["keyToEnv"] == [{"secretKey": "word", "envVar": "WORD"}]
    assert secret in str(given)


def test_a_steps_options_land_in_its_pod(place: Place, secret: str, has_pods: bool) -> None:
    if not has_pods:
        pytest.skip("steps have no pods of their own here")
    from kubernetes import client

    check = "import os\nassert os.environ['WORD'] == 'birds'"
    record = place.submit(code(check, "step:one", *OPTIONS, f"secret:{secret}:word:WORD"))
    run = place.end(record)
    assert (run["state"], run["error"]) == ("succeeded", None)
    cluster = Cluster(place.target)
    try:
        selector = f"team=birds,pipeline/runid={there(place, record.id).run_id}"
        (pod,) = client.CoreV1Api(cluster.api).list_namespaced_pod(cluster.namespace, label_selector=selector).items
    finally:
        cluster.close()
    (main,) = [container for container in pod.spec.containers if container.name == "main"]
    assert main.resources.limits == {"memory": "512Mi", "cpu": "1"}
    assert pod.metadata.annotations["purpose"] == "test"


def test_the_pipeline_computes_there_what_the_notebook_computes_here(place: Place) -> None:
    if place.target.root is None:
        pytest.skip("no pipeline root is named: results stay on the cluster")
    subject = read_subject(place.service, place.notebook(*DOUBLE), {"count": "4"})
    certificate = verify(place.service, subject, place.target.name, Watcher())
    assert [v for v in certificate["values"] if v["status"] != "equal"] == []
    assert certificate["subject"]["verdict"] == "verified"
    assert place.service.detail(certificate["subject"]["run"])["certificate"]["verdict"] == "verified"


def there(place: Place, run: str) -> There:
    return There.read(place.service.home.run_folder(run))


def kept(place: Place, run: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The pipeline that a run there is of, and what Kubernetes is told of its one step, as the API tells them."""
    import kfp_server_api as api

    with KubeflowClient(place.target) as client:
        of = client.run(there(place, run).run_id or "").pipeline_version_reference
        with client._connection.calling("its pipeline") as (opened, options):
            service = api.PipelineServiceApi(opened)
            found = service.pipeline_service_list_pipeline_versions(
                of.pipeline_id, page_size=100, sort_by="created_at desc", **options
            )
    (version,) = [each for each in found.pipeline_versions if each.pipeline_version_id == of.pipeline_version_id]
    told = version.pipeline_spec
    (kubernetes,) = told["platform_spec"]["platforms"]["kubernetes"]["deploymentSpec"]["executors"].values()
    return told["pipeline_spec"], kubernetes


def test_a_recurring_run_is_made_paused_and_removed(place: Place) -> None:
    service, target, name = place.service, place.target.name, f"labline-test-{uuid.uuid4().hex[:8]}"
    path = place.notebook(code("x = 1", "step:one"))
    made, _ = recurring.add(service, path, Timing("0 0 1 1 *"), Wish(name), notebook=path.name, target=target)
    try:
        assert made in recurring.all_(service, target)
        recurring.pause(service, made.id, paused=True, target=target)
        assert [each.paused for each in recurring.all_(service, target) if each.id == made.id] == [True]
    finally:
        recurring.remove(service, made.id, target=target)
    assert made.id not in [each.id for each in recurring.all_(service, target)]
