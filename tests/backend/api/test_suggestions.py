"""Steps suggested through the API."""

from __future__ import annotations

from ..notebooks import code, notebook
from .conftest import Call


async def test_steps_are_suggested_for_the_editors_content(call: Call) -> None:
    content = notebook(code("import json"), code("rows = [1]"), code("print(json.dumps(rows))"))
    answer = await call("POST", "suggestions", {"path": "a.ipynb", "content": content})
    assert answer.status == 200
    assert [edit["add"] for edit in answer.document["edit"]["tags"]] == ["imports", "step:compute"]
    assert [step["name"] for step in answer.document["pipeline"]["steps"]] == ["compute"]


async def test_a_notebook_with_errors_is_refused_with_its_findings(call: Call) -> None:
    answer = await call("POST", "suggestions", {"path": "a.ipynb", "content": notebook(code("x = = 1"))})
    assert answer.status == 422
    assert [found["code"] for found in answer.document["findings"]] == ["LL101"]


async def test_a_notebook_with_steps_is_refused(call: Call) -> None:
    answer = await call("POST", "suggestions", {"path": "a.ipynb", "content": notebook(code("x = 1", "step:a"))})
    assert answer.status == 400
    assert "has steps already" in answer.document["message"]
