"""Runs on a target: submitted, followed, cancelled, through trouble on either side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from labline_backend.cloning import clone
from labline_backend.errors import InputError, NotFoundError
from labline_backend.planning import forecast
from labline_backend.store.records import EventRecord
from tests.backend.engine.bench import wait_until
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.listening import Refused
from tests.backend.notebooks import DOUBLE, code, write
from tests.backend.s3 import S3


def states(run: dict[str, Any]) -> dict[str, str]:
    return {step["name"]: step["state"] for step in run["steps"]}


def waiting(folder: Path) -> tuple[dict[str, Any], ...]:
    """A step that ends when there is a file ``go``."""
    go, begun = str(folder / "go"), str(folder / "begun")
    return (
        code(f"open({begun!r}, 'w').close()\nimport os\nwhile not os.path.exists({go!r}): pass\nx = 1", "step:slow"),
    )


def is_running(run: dict[str, Any]) -> bool:
    return states(run) == {"slow": "running"}


def test_a_run_is_submitted_followed_and_its_results_are_mirrored(
    client: Client, emulator: Emulator, with_storage: S3
) -> None:
    client.add(emulator, root=f"s3://{with_storage.bucket}/kfp")
    record = client.submit(*DOUBLE, parameters={"count": "4"})
    run = client.end(record)
    assert (run["target"], run["state"], run["error"]) == ("prod", "succeeded", None)
    assert states(run) == {"load": "succeeded", "double": "succeeded"}
    assert (run["metrics"], run["findings"]) == ({"total": 12}, [])
    (load,) = [step for step in run["steps"] if step["name"] == "load"]
    assert [(v["name"], v["type"], v["preview"]["text"]) for v in load["values"]] == [
        ("numbers", "list", "[0, 1, 2, 3]")
    ]
    assert [cell["state"] for cell in load["cells"]][-1] == "succeeded"
    notebook = client.service.executed_notebook(record.id, "load")
    assert "loaded äöü" in str([cell["outputs"] for cell in notebook["cells"]])
    assert client.service.page(record.id) == f"{emulator.url}/#/runs/details/{next(iter(emulator.runs))}"
    here = client.submit(*DOUBLE, parameters={"count": "4"}, target="local")
    assert [step["values"] for step in client.end(here)["steps"]] == [step["values"] for step in run["steps"]]


def test_a_run_is_started_as_the_service_account_that_the_notebook_names(client: Client, emulator: Emulator) -> None:
    run = client.run(code("x = 1", "step:one"), metadata={"service_account": "birds"})
    (there,) = emulator.runs.values()
    assert (run["state"], there.document["service_account"]) == ("succeeded", "birds")


def test_a_folder_that_cannot_be_written_leaves_the_run_to_be_resumed(
    client: Client, emulator: Emulator, with_storage: S3
) -> None:
    client.add(emulator, root=f"s3://{with_storage.bucket}/kfp")
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    notebook = client.service.home.step_folder(record.id, "slow") / "executed.ipynb"
    notebook.mkdir(parents=True)
    (client.folder / "go").touch()
    run = client.until(record, lambda run: run["state"] == "interrupted")
    assert "The data folder" in run["error"]
    notebook.rmdir()
    wait_until(lambda: client.service.get(record.id).owner is None, "the run was never free for others")
    client.service.resume(record.id)
    assert client.end(record)["state"] == "succeeded"


def test_a_failing_step_says_where_and_why(
    client: Client, emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    client.add(emulator, kubeconfig=cluster.kubeconfig(tmp_path))
    run = client.run(code("x = 1\nx / 0", "step:bad"), code("y = x", "step:after"))
    assert states(run) == {"bad": "failed", "after": "skipped"}
    error = run["steps"][0]["error"]
    assert (error["ename"], error["cell_index"], error["line"]) == ("ZeroDivisionError", 0, 2)
    assert "ZeroDivisionError" in "".join(error["traceback"])
    assert "ZeroDivisionError" in client.service.log(run["id"], "bad").text
    assert run["error"] == "Step bad failed: Cell 1, line 2 raised ZeroDivisionError: division by zero"


LOOPING = {"steps": {"s": {"foreach": True}, "tell": {"exit": "outcome"}}}
LOOP = (
    code("outcome = 'succeeded'", "pipeline-parameters"),
    code("xs = [1, 2, 4]", "step:a"),
    code("found = []\nfor x in xs:\n    print('item', x)\n    found.append(8 // x)", "step:s"),
    code("if len(found) > 3:\n    print('many')", "step:many"),
    code("print('it has', outcome)", "step:tell"),
)


def is_last_count(event: EventRecord) -> bool:
    return event.kind == "cell" and event.data["items"]["done"] == event.data["items"]["total"] == 3


@pytest.mark.long
def test_the_items_of_a_loop_are_followed_as_one_step(
    client: Client, emulator: Emulator, cluster: Cluster, with_storage: S3, tmp_path: Path
) -> None:
    root = f"s3://{with_storage.bucket}/kfp"
    client.add(emulator, kubeconfig=cluster.kubeconfig(tmp_path), root=root)
    run = client.run(*LOOP, metadata=LOOPING)
    assert (run["state"], run["error"], run["findings"]) == ("succeeded", None, [])
    assert states(run) == dict.fromkeys(("a", "s", "many", "tell"), "succeeded")
    there = next(iter(emulator.runs.values()))
    tasks = ["a", "s-items", "s-item", "s-item", "s-item", "s", "many", "tell"]
    assert [task.name for task in there.tasks.values()] == tasks
    by_name = {step["name"]: step for step in run["steps"]}
    assert by_name["s"]["items"] == {"total": 3, "cached": 0, "failed": 0}
    assert [value["preview"]["text"] for value in by_name["s"]["values"]] == ["[8, 4, 2]"]
    assert by_name["many"]["condition"] is False
    log = client.service.log(run["id"], "s").text
    assert [line.strip() for line in log.split("\n") if re.fullmatch(r" *item \d", line)] == [
        "item 1",
        "item 2",
        "item 4",
    ]
    assert "it has succeeded" in client.service.log(run["id"], "tell").text
    (counted,) = {event.data["items"]["done"] for event in client.service.store.events() if is_last_count(event)}
    assert counted == 3


def test_the_last_step_runs_in_a_run_that_fails(
    client: Client, emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    client.add(emulator, kubeconfig=cluster.kubeconfig(tmp_path))
    cells = (*LOOP[:1], code("xs = [1, 0, 4]", "step:a"), *LOOP[2:])
    run = client.run(*cells, metadata=LOOPING)
    assert states(run) == {"a": "succeeded", "s": "failed", "many": "skipped", "tell": "succeeded"}
    assert run["error"].startswith("Step s failed: Item 2 of 3: Cell 3, line 4 raised ZeroDivisionError")
    assert "it has failed" in client.service.log(run["id"], "tell").text


def test_a_run_that_has_failed_is_tried_again_from_where_it_stopped(client: Client, emulator: Emulator) -> None:
    there = client.folder / "there"
    mark = f"open({str(client.folder / 'marks')!r}, 'a').write('x')"
    cells = (code(f"{mark}\nx = 1", "step:a"), code(f"y = x + len(open({str(there)!r}).read())", "step:b"))
    run = client.run(*cells)
    assert states(run) == {"a": "succeeded", "b": "failed"}
    there.touch()
    run = client.end(client.service.resume(run["id"]))
    assert (run["state"], run["error"], states(run)) == ("succeeded", None, {"a": "succeeded", "b": "succeeded"})
    assert ((client.folder / "marks").read_text(), len(emulator.runs)) == ("x", 1)


def test_a_clone_is_of_the_notebook_as_it_was(client: Client, emulator: Emulator) -> None:
    record = client.submit(*DOUBLE, parameters={"count": "4", "label": "it's"}, target="local")
    client.end(record)
    write(client.folder / "notebook.ipynb", code("1 / 0", "step:other"))
    cloned = client.end(clone(client.service, record.id, parameters={"count": "5"}, target="prod"))
    assert (cloned["state"], cloned["target"]) == ("succeeded", "prod")
    assert cloned["parameters"] == {"count": "5", "label": '"it\'s"'}


def test_a_retry_whose_answer_is_lost_is_not_asked_for_twice(client: Client, emulator: Emulator) -> None:
    there = client.folder / "there"
    record = client.submit(code(f"open({str(there)!r})", "step:a"))
    client.end(record)
    there.touch()
    retry = emulator._retry

    def lose_the_answer(*given: Any) -> dict[str, Any]:
        emulator._retry = retry
        retry(*given)
        raise Refused(503, "an injected fault", 13)

    emulator._retry = lose_the_answer
    assert client.end(client.service.resume(record.id))["state"] == "succeeded"
    assert [call for call in emulator.called if call.endswith(":retry")] == [
        f"POST /apis/v2beta1/runs/{_id(emulator)}:retry"
    ]


def _id(emulator: Emulator) -> str:
    return next(iter(emulator.runs))


def test_a_retry_that_kubeflow_cannot_do_fails_the_run_again(client: Client, emulator: Emulator) -> None:
    record = client.submit(code("1 / 0", "step:a"))
    client.end(record)
    emulator.faults.append((":retry", 500))
    run = client.end(client.service.resume(record.id))
    assert (run["state"], "cannot be tried again there" in run["error"]) == ("failed", True)


def test_a_log_grows_with_its_pods(client: Client, emulator: Emulator, cluster: Cluster, tmp_path: Path) -> None:
    client.add(emulator, kubeconfig=cluster.kubeconfig(tmp_path))
    record = client.submit(code("print('it begins', flush=True)", "step:slow"), *waiting(client.folder))
    wait_until(lambda: "it begins" in client.service.log(record.id, "slow").text, "the log never grew")
    assert is_running(client.service.detail(record.id))
    (client.folder / "go").touch()
    client.end(record)
    part = client.service.log(record.id, "slow")
    assert (part.text.count("it begins"), part.complete) == (1, True)


def test_without_a_kubeconfig_a_failed_step_says_where_to_look(client: Client, emulator: Emulator) -> None:
    run = client.run(code("1 / 0", "step:bad"))
    assert run["steps"][0]["error"]["message"] == "The step failed: the target does not say why."
    (there,) = emulator.runs
    assert f"kubectl logs -l pipeline/runid={there} -c main" in client.service.log(run["id"], "bad").text


def test_cancelling_ends_the_run_there(client: Client, emulator: Emulator) -> None:
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    client.service.cancel(record.id)
    run = client.end(record)
    assert (run["state"], states(run)) == ("cancelled", {"slow": "cancelled"})
    assert [run.state for run in emulator.runs.values()] == ["CANCELED"]


def test_a_server_that_is_gone_for_a_while_costs_nothing(client: Client, emulator: Emulator) -> None:
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    emulator.stop()
    run = client.until(record, lambda run: any(found["code"] == "LL608" for found in run["findings"]))
    assert is_running(run)
    (client.folder / "go").touch()
    emulator.faults += [("GET .*/runs/", status) for status in (0, 302, 429, 500, 503, 504)]
    emulator.start()
    run = client.end(record)
    assert (run["state"], [found["code"] for found in run["findings"]]) == ("succeeded", ["LL611"])  # no root
    assert emulator.faults == []


def test_a_run_is_followed_again_after_a_restart_of_this_side(client: Client, emulator: Emulator) -> None:
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    client.close()
    client.open()
    assert client.service.document(record.id)["state"] == "interrupted"
    client.service.targets.remove("prod")  # the run knows its way all the same
    client.service.resume(record.id)
    (client.folder / "go").touch()
    assert client.end(record)["state"] == "succeeded"
    assert len(emulator.runs) == 1


def test_a_run_is_cancelled_before_it_could_be_submitted(client: Client, emulator: Emulator) -> None:
    emulator.faults += [("GET .*/experiments", 503)] * 999
    emulator.faults.insert(0, ("GET .*/experiments", 200))  # the pre-flight's
    record = client.submit(code("x = 1", "step:one"))
    client.until(record, lambda run: any(found["code"] == "LL608" for found in run["findings"]))
    client.service.cancel(record.id)
    run = client.end(record)
    assert (run["state"], states(run)) == ("cancelled", {"one": "skipped"})
    assert emulator.runs == {}


def test_a_run_that_nobody_follows_is_cancelled_there(client: Client, emulator: Emulator) -> None:
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    client.close()
    client.open()
    client.service.cancel(record.id)
    assert client.end(record)["state"] == "cancelled"
    assert [run.state for run in emulator.runs.values()] == ["CANCELED"]


def test_a_start_whose_answer_is_lost_is_not_made_twice(client: Client, emulator: Emulator) -> None:
    start = emulator._create_run

    def lose_the_answer(*given: Any) -> dict[str, Any]:
        emulator._create_run = start
        start(*given)
        emulator.faults.append(("GET .*runs$", 503))
        raise ConnectionError

    emulator._create_run = lose_the_answer
    run = client.run(code("x = 1", "step:one"))
    assert (run["state"], len(emulator.runs)) == ("succeeded", 1)


def test_the_same_notebook_is_uploaded_once(client: Client, emulator: Emulator) -> None:
    emulator.namespaces = {"team", "others"}
    client.add(emulator, namespace="team")
    cells = (code("x = 1", "step:one"),)
    first, second = client.submit(*cells), client.submit(*cells)
    assert client.end(first)["state"] == client.end(second)["state"] == "succeeded"
    assert (len(emulator.pipelines), len(emulator.versions), len(emulator.runs)) == (1, 1, 2)


def test_credentials_that_expire_while_a_run_goes_on_are_read_again(
    client: Client, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PROD_TOKEN", "token-of-old")
    emulator.credentials = ("Authorization", "Bearer token-of-old")
    client.add(emulator, auth="token", secret="env:PROD_TOKEN")
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    emulator.credentials = ("Authorization", "Bearer token-of-new")
    run = client.until(record, lambda run: len(run["findings"]) > 1)
    assert "does not accept the credentials (401)" in run["findings"][-1]["message"]
    monkeypatch.setenv("PROD_TOKEN", "token-of-new")
    (client.folder / "go").touch()
    assert client.end(record)["state"] == "succeeded"
    files = [path for path in client.home.rglob("*") if path.is_file()]
    assert [path for path in files if b"token-of" in path.read_bytes()] == []


def test_a_run_that_was_removed_there_has_failed(client: Client, emulator: Emulator) -> None:
    record = client.submit(*waiting(client.folder))
    client.until(record, is_running)
    run = emulator.runs.pop(next(iter(emulator.runs)))
    emulator._kill(run)
    ended = client.end(record)
    assert (ended["state"], states(ended)) == ("failed", {"slow": "failed"})
    assert "does not have a run (404)" in ended["error"]


def test_a_refused_upload_fails_the_run_with_what_the_server_says(client: Client, emulator: Emulator) -> None:
    emulator.faults.append(("POST .*/upload_version", 400))
    run = client.run(code("x = 1", "step:one"))
    assert (run["state"], states(run)) == ("failed", {"one": "skipped"})
    assert "refuses to upload a pipeline (400, bad request). It says: an injected fault" in run["error"]


def test_a_run_is_foreseen_by_what_its_steps_took_there(client: Client) -> None:
    client.run(code("x = 1", "step:one"))
    path = client.folder / "notebook.ipynb"
    (step,) = forecast(client.service, path, notebook="notebook.ipynb", target="prod").steps
    assert (step.outcome, step.reason) == ("depends", "runs unless prod has its result")
    assert step.seconds is not None and step.seconds > 0


def test_an_unknown_target_is_said_with_those_there_are(client: Client) -> None:
    client.service.targets.remove("prod")
    with pytest.raises(NotFoundError, match="There is no target 'prod'; there are local"):
        client.submit(code("x = 1", "step:one"))


def test_nothing_is_submitted_where_the_preflight_fails(client: Client, emulator: Emulator) -> None:
    emulator.credentials = ("Authorization", "Bearer good")
    with pytest.raises(InputError) as caught:
        client.submit(code("x = 1", "step:one"))
    assert [found.code for found in caught.value.findings] == ["LL603"]
    assert client.service.runs() == []
