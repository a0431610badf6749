"""Verifications through the API: real runs of small notebooks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.store.certificates import Certificates

from ..notebooks import DOUBLE, code, notebook, write
from .conftest import Call, Listen, Listener


async def ended(listener: Listener, run: str) -> dict[str, Any]:
    """What is told of a verification at its end."""
    while True:
        message = await listener.next("run")
        if message["run"] == run and message["data"]["verification"]["state"] != "running":
            return dict(message["data"]["verification"])


async def test_a_notebook_is_verified_and_its_run_carries_the_certificate(
    call: Call, listen: Listen, jp_root_dir: Path, labline_home: Path
) -> None:
    listener = await listen()
    write(jp_root_dir / "double.ipynb", *DOUBLE)
    answer = await call("POST", "verifications", {"path": "double.ipynb", "parameters": {"count": "4"}})
    assert (answer.status, answer.document["verification"]["state"]) == (201, "running")
    run = answer.document["id"]
    assert (await ended(listener, run))["state"] == "ended"
    assert (await call("GET", f"runs/{run}")).document["certificate"]["verdict"] == "verified"
    certificate = (await call("GET", f"runs/{run}/certificate")).document
    assert Certificates(Home.open(labline_home)).check(certificate).origin == "this data folder"


async def test_a_notebook_that_makes_a_folder_leaves_none_and_is_verified(
    call: Call, listen: Listen, jp_root_dir: Path
) -> None:
    listener = await listen()
    cells = (
        code("import os\nos.mkdir('out')\nprint(os.getcwd())", "step:make"),
        code("open('out/x', 'a').write('x')", "step:write"),
    )
    request = {"path": "made.ipynb", "content": notebook(*cells)}
    run = (await call("POST", "verifications", request)).document["id"]
    await ended(listener, run)
    assert (await call("GET", f"runs/{run}")).document["certificate"]["verdict"] == "verified"
    assert not (jp_root_dir / "out").exists()


async def test_a_verification_is_cancelled_while_the_notebook_runs(call: Call, listen: Listen) -> None:
    listener = await listen()
    slow = "import time\nif os.getpid() == process:\n    time.sleep(600)"  # as only the notebook's own run does
    cells = (code("import os\nprocess = os.getpid()", "step:one"), code(slow, "step:two"))
    run = (await call("POST", "verifications", {"path": "slow.ipynb", "content": notebook(*cells)})).document["id"]
    while (told := (await listener.next("run"))["data"]["verification"])["done"] == 0:
        pass
    assert told == {
        "state": "running",
        "doing": "the notebook from top to bottom",
        "done": 1,
        "total": 2,
        "problem": None,
        "verdict": None,
    }
    assert (await call("POST", f"runs/{run}/cancel")).status == 202
    assert (await ended(listener, run))["state"] == "cancelled"
    detail = (await call("GET", f"runs/{run}")).document
    assert (detail["state"], detail["certificate"]) == ("succeeded", None)


async def test_a_notebook_that_fails_by_itself_is_told(call: Call, listen: Listen) -> None:
    listener = await listen()
    request = {"path": "bad.ipynb", "content": notebook(code("1 / 0", "step:one"))}
    run = (await call("POST", "verifications", request)).document["id"]
    end = await ended(listener, run)
    assert end["state"] == "failed" and "Cell 1, line 1 raised ZeroDivisionError" in end["problem"]


async def test_a_notebook_with_errors_is_not_verified(call: Call) -> None:
    answer = await call("POST", "verifications", {"path": "a.ipynb", "content": notebook(code("x = = 1"))})
    assert (answer.status, [f["code"] for f in answer.document["findings"]]) == (422, ["LL101"])


@pytest.mark.parametrize("path", ["../a.ipynb", "nowhere/a.ipynb"])
async def test_only_what_the_server_serves_is_verified(call: Call, path: str) -> None:
    answer = await call("POST", "verifications", {"path": path, "content": notebook(*DOUBLE)})
    assert answer.status == 404


async def test_a_run_that_was_not_verified_has_no_certificate(call: Call) -> None:
    assert (await call("GET", "runs/none/certificate")).status == 404


async def test_a_target_that_nobody_has_added_is_not_found(call: Call) -> None:
    request = {"path": "one.ipynb", "content": notebook(code("x = 1", "step:one")), "target": "moon"}
    answer = await call("POST", "verifications", request)
    assert (answer.status, "There is no target 'moon'" in answer.document["message"]) == (404, True)
