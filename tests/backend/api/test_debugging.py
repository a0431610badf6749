"""Into a failure, and on from there, through the API."""

from __future__ import annotations

from pathlib import Path

from ..notebooks import code, notebook
from .conftest import Call, Listen, Run

FAILING = (code("x = 3", "step:make"), code("y = x / 0", "step:use"))


async def test_a_failed_step_says_what_a_kernel_has_to_run(run: Run, call: Call) -> None:
    detail = await run(*FAILING)
    answer = await call("POST", f"runs/{detail['id']}/steps/use/replay")
    found = answer.document
    assert (answer.status, found["path"], found["stop"], found["cell_id"], found["line"]) == (
        200,
        "notebook.ipynb",
        "at",
        "c1",
        1,
    )
    assert found["parts"][-1] == {"code": "y = x / 0", "cell_id": "c1"}


async def test_a_failed_run_goes_on_with_what_stands_in_the_editor(run: Run, call: Call, listen: Listen) -> None:
    detail = await run(*FAILING)
    listener = await listen()
    await listener.next("hello")
    changed = notebook(FAILING[0], code("y = x / 2", "step:use"))
    answer = await call("POST", f"runs/{detail['id']}/resume", {"path": "notebook.ipynb", "content": changed})
    assert (answer.status, answer.document["id"]) == (202, detail["id"])
    await listener.until_ended(detail["id"])
    ended = (await call("GET", f"runs/{detail['id']}")).document
    assert (ended["state"], ended["patches"][0]["again"]) == ("succeeded", {"use": "it had failed"})


async def test_what_cannot_go_on_is_refused_in_words(run: Run, call: Call, jp_root_dir: Path) -> None:
    detail = await run(code("x = 3", "step:make"))
    refused = await call("POST", f"runs/{detail['id']}/resume", {"path": "notebook.ipynb"})
    assert (refused.status, "run the notebook anew" in refused.document["message"]) == (400, True)
    outside = await call("POST", f"runs/{detail['id']}/resume", {"path": "../notebook.ipynb"})
    assert outside.status == 404
    (jp_root_dir / "notebook.ipynb").unlink()
    gone = await call("POST", f"runs/{detail['id']}/steps/make/replay")
    assert (gone.status, "is not there any more" in gone.document["message"]) == (404, True)


async def test_a_run_that_has_succeeded_does_not_go_on(run: Run, call: Call) -> None:
    detail = await run(code("x = 3", "step:make"))
    refused = await call("POST", f"runs/{detail['id']}/retry", {})
    assert (refused.status, "there is nothing to resume" in refused.document["message"]) == (400, True)
