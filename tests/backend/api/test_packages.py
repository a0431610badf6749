"""Models packaged through the API: a real run, a real registry."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest

from labline_backend.errors import InputError, NotFoundError
from labline_backend.packaging import background
from labline_backend.packaging.background import Packagings
from labline_backend.packaging.project import Options
from labline_backend.service import Service

from ..notebooks import code, write
from .conftest import Answer, Call, Run

SECONDS = 900  # after which something that hangs has failed

ROWS = """import pandas as pd
houses = pd.read_csv('houses.csv')"""
MODEL = """from sklearn.linear_model import LinearRegression
X = houses[['size', 'rooms']]
model = LinearRegression().fit(X, houses['price'])"""
CELLS = (
    code(ROWS, "step:load"),
    code(MODEL, "step:train"),
    code("p = model.predict(X)", "step:predict"),
    code("shifted = houses[['size', 'rooms']].shift(1).fillna(0)\nq = model.predict(shifted)", "step:shifted"),
)


def houses(folder: Path) -> None:
    """Forty rows, none like another."""
    lines = [f"{50 + 3 * each},{1 + each % 5},{1000 + 17 * each + each % 3}" for each in range(40)]
    (folder / "houses.csv").write_text("\n".join(["size,rooms,price", *lines]) + "\n")


async def ended(call: Call, started: Answer) -> dict[str, Any]:
    """What has come of it."""
    assert (started.status, started.document["state"]) == (202, "running"), started.document
    end = time.monotonic() + SECONDS
    while time.monotonic() < end:
        document: dict[str, Any] = (await call("GET", f"packages/{started.document['id']}")).document
        if document["state"] != "running":
            return document
        await asyncio.sleep(0.1)
    raise AssertionError("it did not end")


@pytest.mark.long
async def test_a_prediction_is_packaged_and_one_that_cannot_be_is_refused_with_its_cell(
    call: Call, run: Run, jp_root_dir: Path
) -> None:
    houses(jp_root_dir)
    assert (await run(*CELLS))["state"] == "succeeded"
    given = {"path": "notebook.ipynb", "name": "prices"}
    made = await ended(call, await call("POST", "packages", {**given, "predict": "predict"}))
    assert (made["state"], made["stage"]) == ("registered", "register"), made["message"]
    packaged = made["packaged"]
    assert (packaged["model"], packaged["version"]) == ("prices", "1")
    assert packaged["columns"] == ["size", "rooms"] and packaged["absent"] == ["price"]
    assert packaged["tried"]["rows"] == 40
    assert packaged["prediction"] == "model.predict(X)"

    refused = await ended(call, await call("POST", "packages", {**given, "predict": "shifted"}))
    assert (refused["state"], refused["packaged"]) == ("refused", None)
    assert "ell 4, line 1" in refused["message"] and "shift" in refused["message"]


async def test_a_notebook_that_has_not_run_is_refused(call: Call, jp_root_dir: Path) -> None:
    write(jp_root_dir / "notebook.ipynb", *CELLS)
    made = await ended(call, await call("POST", "packages", {"path": "notebook.ipynb", "predict": "predict"}))
    assert (made["state"], made["stage"]) == ("refused", "slice")
    assert "Run it first" in made["message"]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"path": "../notebook.ipynb", "predict": "1"}, 404, "no notebook"),
        ({"path": "notebook.ipynb"}, 400, "predict"),
        ({"path": "notebook.ipynb", "predict": "1", "tolerance": -1}, 400, "tolerance"),
    ],
)
async def test_a_request_that_makes_no_sense_is_refused(body: Any, status: int, said: str, call: Call) -> None:
    answer = await call("POST", "packages", body)
    assert answer.status == status
    assert said in answer.document["message"]


async def test_a_packaging_that_nobody_started_is_404(call: Call) -> None:
    assert (await call("GET", "packages/none")).status == 404


def test_only_so_many_go_on_at_a_time_and_none_when_the_server_stops(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, labline_home: Path
) -> None:
    monkeypatch.setattr(background, "MOST", 0)
    packagings = Packagings()
    path = write(tmp_path / "x.ipynb", *CELLS)
    from labline_backend.home import Home

    with Service(Home.open(labline_home), track=False) as service:
        with pytest.raises(InputError, match="being packaged already"):
            packagings.start(service, path, "x.ipynb", Options("1"))
        packagings.close()
        with pytest.raises(InputError, match="is stopping"):
            packagings.start(service, path, "x.ipynb", Options("1"))
    with pytest.raises(NotFoundError):
        packagings.get("none")
