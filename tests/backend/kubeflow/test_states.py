"""What KFP tells, in our words."""

from __future__ import annotations

import json
from typing import Any

import kfp_server_api.models as models
import pytest

from labline_backend.kubeflow.pods import Pod
from labline_backend.kubeflow.states import MARK, Tasks, seen
from labline_runtime.documents import to_json
from labline_runtime.outcome import StepError

TASKS = {"Load": Tasks("load"), "fit": Tasks("fit")}


def node(name: str, state: str | None, **more: Any) -> models.V2beta1PipelineTaskDetail:
    return models.V2beta1PipelineTaskDetail(display_name=name, task_id=more.pop("id", name), state=state, **more)


def run(state: str, *nodes: Any, **more: Any) -> models.V2beta1Run:
    return models.V2beta1Run(state=state, run_details=models.V2beta1RunDetails(task_details=list(nodes)), **more)


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ("PENDING", "pending"),
        ("RUNNING", "running"),
        ("SUCCEEDED", "succeeded"),
        ("SKIPPED", "skipped"),
        ("FAILED", "failed"),
        ("CANCELED", "cancelled"),
        ("PAUSED", "running"),
        ("SOMETHING_NEW", "pending"),
        (None, "pending"),
    ],
)
def test_a_tasks_state_is_a_steps(theirs: str | None, ours: str) -> None:
    found = seen(
        run("RUNNING", node("load-driver", "SUCCEEDED"), node("load", theirs), node("executor", "RUNNING")), TASKS
    )
    assert {name: step.state for name, step in found.steps.items()} == {"Load": ours}


@pytest.mark.parametrize(
    ("state", "load", "fit"),
    [
        ("SUCCEEDED", "succeeded", "succeeded"),  # the cluster has forgotten the nodes
        ("FAILED", "failed", "skipped"),
        ("CANCELED", "cancelled", "skipped"),
    ],
)
def test_what_is_not_told_of_a_run_that_has_ended_follows_from_its_end(state: str, load: str, fit: str) -> None:
    found = seen(run(state, node("load", "RUNNING")), TASKS)
    assert {name: step.state for name, step in found.steps.items()} == {"Load": load, "fit": fit}


def test_a_failed_steps_own_words_are_found_below_its_node() -> None:
    error = StepError(message="Cell 3 raised ValueError", ename="ValueError", cell_index=2, line=1)
    text = f"main: Error (exit code 1): Step fit failed.\n{MARK}{to_json(error)}\n"
    below = node("executor", "FAILED", id="e", error=models.GoogleRpcStatus(message=text))
    child = models.PipelineTaskDetailChildTask(task_id="e")
    above = node("fit", "FAILED", error=models.GoogleRpcStatus(message="child failed"), child_tasks=[child])
    step = seen(run("FAILED", above, below), TASKS).steps["fit"]
    assert step.error == error


def test_a_failed_steps_own_words_are_in_its_pods_message() -> None:
    error = StepError(message="Cell 3 raised ValueError", ename="ValueError", cell_index=2, line=1)
    pod = Pod("fit-pod", f"Step fit failed.\n{MARK}{to_json(error)}")
    step = seen(run("FAILED", node("fit", "FAILED")), TASKS, {"fit": (pod,)}).steps["fit"]
    assert (step.error, step.pods) == (error, (pod,))


def test_words_that_were_cut_off_are_told_as_far_as_they_go() -> None:
    text = f"main: Error (exit code 1): Step fit failed: no.\n{MARK}{json.dumps({'message': 'x' * 50})[:20]}"
    step = seen(run("FAILED", node("fit", "FAILED", error=models.GoogleRpcStatus(message=text))), TASKS).steps["fit"]
    assert step.error == StepError(message="main: Error (exit code 1): Step fit failed: no.")


def test_a_task_that_says_nothing_points_to_its_log() -> None:
    error = seen(run("FAILED", node("fit", "FAILED")), TASKS).steps["fit"].error
    assert error is not None and "the target does not say why" in error.message and "log says more" in str(error.hint)


LOOP = {"fit": Tasks("fit", "fit-items", "fit-item")}


def test_a_loop_runs_while_its_items_do() -> None:
    step = seen(run("RUNNING", node("fit-items", "SUCCEEDED"), node("fit-item", "RUNNING")), LOOP).steps["fit"]
    assert step.state == "running"


def test_a_loop_has_ended_with_the_task_that_puts_it_together() -> None:
    nodes = [node("fit-items", "SUCCEEDED"), node("fit-item", "SUCCEEDED"), node("fit", "SUCCEEDED")]
    assert seen(run("RUNNING", *nodes), LOOP).steps["fit"].state == "succeeded"


def test_of_items_that_fail_the_first_in_order_says_why() -> None:
    pods = [Pod(f"p{n}", f"Item {n}.\n{MARK}{to_json(StepError(message=f'Item {n}'))}", n) for n in (1, 2)]
    nodes = [node("fit-items", "SUCCEEDED"), node("fit-item", "FAILED", id="2"), node("fit-item", "FAILED", id="1")]
    step = seen(run("FAILED", *nodes), LOOP, {"fit-item": tuple(pods)}).steps["fit"]
    assert (step.state, step.error) == ("failed", StepError(message="Item 1"))


@pytest.mark.parametrize(
    ("items", "told"),
    [
        ((), None),
        (("item-driver", "item-driver", "item-driver"), (0, 3)),
        (("item-driver", "item-driver", "item", "FAILED item", "RUNNING item"), (2, 3)),
    ],
)
def test_of_a_loops_items_those_that_have_ended_are_counted(
    items: tuple[str, ...], told: tuple[int, int] | None
) -> None:
    nodes = [node(each.split()[-1], each.split()[0] if " " in each else "SUCCEEDED") for each in items]
    tasks = {"Loop": Tasks("loop", "list", "item")}
    found = seen(run("RUNNING", node("list", "SUCCEEDED"), *nodes), tasks)
    assert found.steps["Loop"].items == told
