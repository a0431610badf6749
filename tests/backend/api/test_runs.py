"""Real runs through the API."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import nbformat
import pytest

from labline_backend.home import Home
from labline_backend.service import Service
from labline_backend.store.certificates import Certificates

from ..notebooks import DOUBLE, code, notebook, write
from .conftest import Call, Listen, Run


async def test_a_run_computes_what_the_notebook_computes(run: Run) -> None:
    detail = await run(*DOUBLE)
    assert detail["state"] == "succeeded"
    assert detail["metrics"] == {"total": 6}
    assert detail["parameters"] == {"count": "3", "label": "'x'"}
    assert (detail["steps_done"], detail["steps_total"]) == (2, 2)


async def test_a_run_shows_the_values_that_crossed(run: Run) -> None:
    detail = await run(*DOUBLE)
    (value,) = detail["steps"][0]["values"]
    assert (value["name"], value["type"], value["preview"]["text"]) == ("numbers", "list", "[0, 1, 2]")


async def test_a_run_takes_what_stands_in_the_editor(call: Call, listen: Listen) -> None:
    listener = await listen()
    answer = await call("POST", "runs", {"path": "Untitled.ipynb", "content": notebook(code("x = 1", "step:only"))})
    assert answer.status == 201
    messages = await listener.until_ended(answer.document["id"])
    assert messages[-1]["data"]["state"] == "succeeded"


async def test_a_loop_tells_how_many_of_its_items_have_ended(call: Call, listen: Listen) -> None:
    loop = "found = []\nfor x in [1, 2]:\n    found.append(x)"
    content = notebook(code(loop, "step:loop"), code("if found == []:\n    print(found)", "step:ask"))
    content["metadata"]["labline"] = {"steps": {"loop": {"foreach": True}}}
    listener = await listen()
    answer = await call("POST", "runs", {"path": "Untitled.ipynb", "content": content})
    messages = await listener.until_ended(answer.document["id"])
    cells = [message["data"] for message in messages if message["kind"] == "cell"]
    detail = (await call("GET", f"runs/{answer.document['id']}")).document
    facts = [(step["name"], step["items"], step["condition"]) for step in detail["steps"]]
    assert [cell["items"] for cell in cells if "items" in cell] == [{"done": done, "total": 2} for done in (1, 2)]
    assert facts == [("loop", {"total": 2, "cached": 0, "failed": 0}, None), ("ask", None, False)]


async def test_a_part_of_a_pipeline_is_run(run: Run) -> None:
    detail = await run(*DOUBLE, to="load", priority=3)
    assert [step["state"] for step in detail["steps"]] == ["succeeded", "skipped"]
    assert (detail["steps_done"], detail["steps_total"]) == (1, 1)
    assert (detail["control"]["to"], detail["control"]["priority"]) == ("load", 3)


async def test_parameters_are_taken_as_they_are_typed(run: Run) -> None:
    detail = await run(*DOUBLE, parameters={"count": "5", "label": "plain text"})
    assert detail["parameters"] == {"count": "5", "label": "'plain text'"}
    assert detail["metrics"] == {"total": 20}


async def test_a_run_that_was_verified_shows_its_certificate(run: Run, call: Call, labline_home: Path) -> None:
    detail = await run(code("x = 1", "step:only"))
    assert detail["certificate"] is None
    value = {"step": "only", "name": "x", "role": "output", "source": "only", "type": "int"}
    value |= {"status": "equal", "note": None, "difference": None}
    found = {"created": "2030-01-01T00:00:00+00:00", "target": "local", "verdict": "verified", "failure": None}
    found |= {"run": detail["id"], "reference_runs": 1}
    certificates = Certificates(Home.open(labline_home))
    certificates.keep(certificates.make(found, [{**value, "notebook": "1"}], []), detail["id"])
    answer = await call("GET", f"runs/{detail['id']}")  # checked against the API's document
    assert answer.document["certificate"]["values"] == [value]


async def test_a_second_run_is_taken_from_the_cache(run: Run) -> None:
    first = await run(*DOUBLE)
    second = await run(*DOUBLE)
    assert [step["state"] for step in second["steps"]] == ["cached", "cached"]
    assert {step["cached_from"] for step in second["steps"]} == {first["id"]}


async def test_a_cached_step_shows_the_log_and_the_cells_it_had(run: Run, call: Call) -> None:
    await run(*DOUBLE)
    place = f"runs/{(await run(*DOUBLE))['id']}/steps/load"
    assert "loaded äöü" in (await call("GET", f"{place}/log")).document["text"]
    assert len((await call("GET", f"{place}/notebook")).document["cells"]) > 0


async def test_a_run_without_the_cache_runs_every_step(run: Run) -> None:
    await run(*DOUBLE)
    second = await run(*DOUBLE, cache=False)
    assert [step["state"] for step in second["steps"]] == ["succeeded", "succeeded"]


@pytest.mark.parametrize(("given", "code_"), [({"depth": "1"}, "LL120"), ({"count": "many"}, "LL121")])
async def test_a_parameter_that_does_not_fit_is_refused(call: Call, given: dict[str, str], code_: str) -> None:
    request = {"path": "a.ipynb", "content": notebook(*DOUBLE), "parameters": given}
    answer = await call("POST", "runs", request)
    assert answer.status == 422
    assert [f["code"] for f in answer.document["findings"]] == [code_]
    assert (await call("GET", "runs")).document["runs"] == []


async def test_a_notebook_with_errors_is_refused(call: Call) -> None:
    answer = await call("POST", "runs", {"path": "a.ipynb", "content": notebook(code("x = = 1"))})
    assert answer.status == 422
    assert [f["code"] for f in answer.document["findings"]] == ["LL101"]


async def test_an_unknown_kernel_is_refused(call: Call) -> None:
    answer = await call("POST", "runs", {"path": "a.ipynb", "content": notebook(*DOUBLE, kernel="pascal")})
    assert answer.status == 422
    assert [f["code"] for f in answer.document["findings"]] == ["LL501"]


async def test_a_failing_cell_is_named(run: Run) -> None:
    detail = await run(code("x = 1", "step:good"), code("y = x\nx / 0", "step:bad"), code("y", "step:after"))
    assert detail["state"] == "failed"
    assert [step["state"] for step in detail["steps"]] == ["succeeded", "failed", "skipped"]
    error = detail["steps"][1]["error"]
    assert (error["ename"], error["cell_index"], error["line"]) == ("ZeroDivisionError", 1, 2)


async def test_what_a_cell_displays_is_json_even_with_nan(run: Run, call: Call) -> None:
    show = "from IPython.display import display\ndisplay({'application/json': {'x': float('nan')}}, raw=True)"
    detail = await run(code(show, "step:only"))
    document = (await call("GET", f"runs/{detail['id']}/steps/only/notebook")).document
    outputs = [output for cell in document["cells"] for output in cell.get("outputs", [])]
    assert [output["data"]["application/json"] for output in outputs if "data" in output] == [{"x": None}]


async def test_an_executed_notebook_is_a_valid_notebook(run: Run, call: Call) -> None:
    detail = await run(*DOUBLE)
    document = (await call("GET", f"runs/{detail['id']}/steps/load/notebook")).document
    nbformat.validate(document)
    assert any("loaded" in str(cell.get("outputs")) for cell in document["cells"])


async def test_a_step_that_has_not_started_has_an_empty_notebook_and_log(run: Run, call: Call) -> None:
    detail = await run(code("1 / 0", "step:bad"), code("y = 1", "step:after", "prev:bad"))
    place = f"runs/{detail['id']}/steps/after"
    assert (await call("GET", f"{place}/notebook")).document["cells"] == []
    assert (await call("GET", f"{place}/log")).document == {"text": "", "offset": 0, "next_offset": 0, "complete": True}


async def test_a_log_is_read_in_parts(run: Run, call: Call) -> None:
    place = f"runs/{(await run(*DOUBLE))['id']}/steps/load/log"
    whole = (await call("GET", place)).document
    assert whole["text"] == "x loaded äöü\n"
    assert whole["complete"] is True
    text, offset = "", 0
    while True:
        part = (await call("GET", place, offset=offset, limit=5)).document
        text, offset = text + part["text"], part["next_offset"]
        if part["complete"]:
            break
    assert text == whole["text"]
    assert (await call("GET", place, offset=-6)).document["text"] == "öü\n"


@pytest.mark.parametrize("step", ["none", "..", "%2e%2e%2fload", "load%00"])
async def test_an_unknown_step_is_not_found(run: Run, call: Call, step: str) -> None:
    answer = await call("GET", f"runs/{(await run(code('x = 1', 'step:load')))['id']}/steps/{step}/log")
    assert answer.status == 404


async def test_a_run_is_cancelled(call: Call, listen: Listen) -> None:
    listener = await listen()
    cells = (
        code("import time\nprint('begun', flush=True)\ntime.sleep(600)", "step:slow"),
        code("x = 1", "step:after", "prev:slow"),
    )
    created = (await call("POST", "runs", {"path": "a.ipynb", "content": notebook(*cells)})).document
    while (await listener.next("cell"))["data"]["state"] != "running":
        pass
    assert (await call("POST", f"runs/{created['id']}/cancel")).status == 202
    messages = await listener.until_ended(created["id"])
    assert messages[-1]["data"]["state"] == "cancelled"
    steps = (await call("GET", f"runs/{created['id']}")).document["steps"]
    assert [step["state"] for step in steps] in (["cancelled", "cancelled"], ["cancelled", "skipped"])


async def test_cancelling_a_run_that_has_ended_changes_nothing(run: Run, call: Call) -> None:
    detail = await run(*DOUBLE)
    answer = await call("POST", f"runs/{detail['id']}/cancel")
    assert (answer.status, answer.document["state"]) == (202, "succeeded")


async def test_runs_are_listed_in_pages_newest_first(run: Run, call: Call) -> None:
    ids = [(await run(*DOUBLE))["id"] for _ in range(3)]
    first = (await call("GET", "runs", limit=2)).document["runs"]
    assert [each["id"] for each in first] == [ids[2], ids[1]]
    rest = (await call("GET", "runs", before=ids[1])).document["runs"]
    assert [each["id"] for each in rest] == [ids[0]]


async def test_runs_are_listed_by_notebook(run: Run, call: Call) -> None:
    detail = await run(*DOUBLE)
    assert [r["id"] for r in (await call("GET", "runs", notebook="notebook.ipynb")).document["runs"]] == [detail["id"]]
    assert (await call("GET", "runs", notebook="other.ipynb")).document["runs"] == []


@pytest.fixture
def past_run(labline_home: Path, tmp_path: Path) -> Any:
    """A run that another process made before this server started."""
    path = write(tmp_path / "past.ipynb", *DOUBLE)
    with Service(Home.find(), track=False) as service:
        return service.engine.wait(service.run(path, notebook="past.ipynb").id)


async def test_a_server_shows_runs_from_before_its_start(past_run: Any, call: Call) -> None:
    (listed,) = (await call("GET", "runs")).document["runs"]
    assert (listed["id"], listed["state"]) == (past_run.id, "succeeded")
    detail = (await call("GET", f"runs/{past_run.id}")).document
    assert detail["metrics"] == {"total": 6}
    assert "loaded" in (await call("GET", f"runs/{past_run.id}/steps/load/log")).document["text"]


async def test_a_status_names_the_data_folder(call: Call, labline_home: Path) -> None:
    status = (await call("GET", "status")).document
    assert status["home"] == str(labline_home)
    assert status["latest_event"] == 0


async def test_a_run_is_cloned_with_another_parameter(run: Run, call: Call, listen: Listen, jp_root_dir: Path) -> None:
    first = await run(*DOUBLE, parameters={"label": "'y'"})
    (jp_root_dir / "notebook.ipynb").unlink()  # what counts is the notebook as it was
    listener = await listen()
    await listener.next("hello")
    answer = await call("POST", f"runs/{first['id']}/clone", {"parameters": {"count": "4"}})
    assert answer.status == 201
    assert answer.document["parameters"] == {"count": "4", "label": "'y'"}
    assert (await listener.until_ended(answer.document["id"]))[-1]["data"]["state"] == "succeeded"


async def test_a_run_of_a_notebook_outside_the_served_folder_is_not_cloned(
    call: Call, labline_home: Path, tmp_path: Path
) -> None:
    (tmp_path / "elsewhere").mkdir()
    path = write(tmp_path / "elsewhere" / "notebook.ipynb", code("x = 1", "step:only"))
    service = Service(Home.open(labline_home), track=False)
    record = service.run(path, notebook="notebook.ipynb")
    service.engine.wait(record.id, 60)
    service.close()
    answer = await call("POST", f"runs/{record.id}/clone", {})
    assert (answer.status, len((await call("GET", "runs")).document["runs"])) == (404, 1)


async def test_many_calls_at_once_are_all_answered(run: Run, call: Call) -> None:
    detail = await run(*DOUBLE)
    answers = await asyncio.gather(*(call("GET", f"runs/{detail['id']}") for _ in range(40)))
    assert {answer.status for answer in answers} == {200}


async def test_stored_values_are_listed_pruned_and_kept(run: Run, call: Call) -> None:
    detail = await run(*DOUBLE)
    kept = await call("POST", f"runs/{detail['id']}/keep", {})
    assert kept.document["kept"] is True
    listed = await call("GET", "cache")
    assert [result["kept"] for result in listed.document["results"] if result["step"] == "load"] == [
        f"{detail['id']} is kept"
    ]
    pruned = await call("POST", "cache/prune", {"keep": 0, "pretend": True})
    assert (pruned.status, pruned.document["files"]) == (200, 0)
