"""Whole verifications on the real engine, of pipelines that are right and of some that were broken on purpose."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from labline_backend.errors import InputError
from labline_backend.service import Service
from labline_backend.verification.comparison import HandedOn, Outcome
from labline_backend.verification.verify import local_outcome
from labline_compiler.pipeline import Input, Pipeline, Step
from labline_runtime.values import digest, store
from labline_runtime.verification import StoredValue

from ..backend.notebooks import DOUBLE, code, write
from .conftest import Certificate, Verifier, found, statuses

GROWING = (
    code("rows = [1]", "step:first"),
    code("rows = rows + [2]", "step:second"),
    code("print(rows)\ntotal = sum(rows)", "step:third"),
    code("print(total)", "step:last"),
)


def verdict(certificate: Certificate) -> str:
    return certificate["subject"]["verdict"]


def with_step(pipeline: Pipeline, name: str, change: Callable[[Step], Step]) -> Pipeline:
    """*pipeline* with one step changed: what a wrong compiler would have made."""
    return dataclasses.replace(pipeline, steps=tuple(change(s) if s.name == name else s for s in pipeline.steps))


def handing_on(service: Service, step: str, name: str, value: Any) -> Callable[[Outcome], Outcome]:
    """Have *step* hand on another value than it did."""

    def change(outcome: Outcome) -> Outcome:
        kept = store({name: value}, service.home.artifacts)
        forged = HandedOn(type(value).__name__, digest(value), StoredValue(str(kept.path), kept.digest))
        return dataclasses.replace(outcome, values={**outcome.values, (step, name): forged})

    return change


def test_a_pipeline_that_computes_what_the_notebook_computes_is_verified(verify: Verifier) -> None:
    certificate = verify(*DOUBLE)
    assert verdict(certificate) == "verified"
    assert statuses(certificate) == {
        ("load", "parameter", "count"): "equal",
        ("load", "parameter", "label"): "equal",
        ("load", "output", "numbers"): "equal",
        ("double", "input", "numbers"): "equal",
    }
    assert certificate["subject"]["reference_runs"] == 1


def test_the_notebook_runs_with_the_parameters_that_the_pipeline_had(verify: Verifier) -> None:
    certificate = verify(*DOUBLE, count="5")
    assert verdict(certificate) == "verified"
    assert certificate["values"][2]["notebook"] == digest([0, 1, 2, 3, 4])


def test_an_altered_value_is_different_and_the_path_leads_to_it(verify: Verifier) -> None:
    change = handing_on(verify.service, "load", "numbers", [0, 1, 9])
    certificate = verify(*DOUBLE, change=change)
    assert verdict(certificate) == "different"
    assert found(certificate, "different") == [("load", "numbers", "numbers[2]"), ("double", "numbers", "numbers[2]")]


def test_a_value_taken_from_the_wrong_step_is_different(verify: Verifier) -> None:
    def from_the_first(step: Step) -> Step:
        assert step.inputs == (Input(("rows",), "second"),)
        return dataclasses.replace(step, inputs=(Input(("rows",), "first"),))

    certificate = verify(*GROWING, pipeline=lambda right: with_step(right, "third", from_the_first))
    assert verdict(certificate) == "different"
    assert found(certificate, "different") == [
        ("third", "rows", "len(rows)"),
        ("third", "total", "total"),
        ("last", "total", "total"),
    ]
    assert [(c["index"], c["difference"]["path"]) for c in certificate["cells"] if c["status"] == "different"] == [
        (2, "stdout, line 1"),
        (3, "stdout, line 1"),
    ]


def test_chance_is_told_from_error(verify: Verifier) -> None:
    cells = (code("import random\nluck = random.random()\nkept = [1, 2]", "step:draw"), code("luck, kept", "step:use"))
    certificate = verify(*cells, change=handing_on(verify.service, "draw", "kept", [1, 3]))
    of_draw = {v["name"]: v["status"] for v in certificate["values"] if v["role"] == "output" and v["name"][0] != "@"}
    assert of_draw == {"luck": "nondeterministic", "kept": "different"}


def test_chance_alone_is_no_error(verify: Verifier) -> None:
    cells = (code("place = id(object())", "step:draw"), code("print(place)", "step:use"))
    assert verdict(verify(*cells)) == "partly verified"


def test_what_follows_from_chance_may_come_out_alike_twice(
    verify: Verifier, tmp_path_factory: pytest.TempPathFactory
) -> None:
    counter = tmp_path_factory.mktemp("elsewhere") / "runs"  # the pipeline counts 1, the notebook's runs from 2
    counter.write_text("0")
    certificate = verify(
        code(f"from pathlib import Path\nfile = Path({str(counter)!r})", "imports"),
        code("luck = int(file.read_text()) + 1\nfile.write_text(str(luck))", "step:draw"),
        code("coarse = luck in (2, 3)", "step:judge"),
        code("print(coarse)", "step:show"),
    )
    assert verdict(certificate) == "partly verified"
    assert certificate["subject"]["reference_runs"] == 3


def test_what_was_in_memory_before_is_chance(verify: Verifier) -> None:
    certificate = verify(
        code("import numpy as np", "imports"),
        code("x = [np.full(50, 7.0) for _ in range(9)]\ndel x", "step:fill"),
        code("np.empty(50)", "step:show"),
    )
    assert verdict(certificate) != "different"


def test_how_much_memory_something_takes_is_not_comparable(verify: Verifier) -> None:
    certificate = verify(
        code("import datetime, sys\ndef size(text):\n    return sys.getsizeof(text)", "functions"),
        # From then on the text remembers how it is encoded.
        code("text = 'ä' * 50\nday = datetime.date(2020, 1, 1).strftime(text)", "step:encode"),
        code("print('bytes:', size(text))", "step:show"),
    )
    assert [cell["status"] for cell in certificate["cells"]] == ["equal", "equal", "not comparable"]


def test_the_order_of_a_set_of_strings_is_no_chance(verify: Verifier) -> None:
    cells = (code("names = list({chr(n) for n in range(97, 123)})", "step:make"), code("print(names)", "step:use"))
    assert verdict(verify(*cells)) == "verified"


def test_a_pipeline_that_fails_where_the_notebook_does_not_is_different(verify: Verifier) -> None:
    def taking_nothing(step: Step) -> Step:
        return dataclasses.replace(step, inputs=())

    certificate = verify(*GROWING, pipeline=lambda right: with_step(right, "third", taking_nothing))
    assert verdict(certificate) == "different"
    assert "NameError" in certificate["subject"]["failure"]


def test_a_notebook_that_fails_by_itself_is_refused(verify: Verifier) -> None:
    with pytest.raises(InputError, match="Cell 2, line 1 raised ZeroDivisionError"):
        verify(code("a = 1", "step:one"), code("b = a / 0", "step:two"))


def test_a_run_that_was_stopped_is_no_difference(service: Service, tmp_path: Path) -> None:
    path = write(tmp_path / "slow.ipynb", code("import time\ntime.sleep(60)", "step:only"))
    run = service.run(path, notebook=str(path))
    service.cancel(run.id)
    with pytest.raises(InputError, match="was cancelled"):
        local_outcome(service, service.engine.wait(run.id, timeout=60))


def test_nothing_is_left_of_the_reference_run(verify: Verifier, service: Service) -> None:
    verify(*DOUBLE)
    assert list(service.home.root.glob(".verify-*")) == []
    assert sorted(path.name for path in verify.folder.iterdir()) == ["case.ipynb"]


def test_what_cannot_run_twice_in_one_folder_is_verified_and_the_folder_left_as_it_was(verify: Verifier) -> None:
    beside = verify.folder.parent / "beside.txt"
    beside.write_text("beside")
    (verify.folder / "log").write_text("before\n")
    cells = (
        code(
            "import os, random, sqlite3\nos.mkdir('out')\n"
            "with sqlite3.connect('some.db') as base:\n    base.execute('CREATE TABLE t (x)')\nbase.close()\n"
            "with open('log', 'a') as log:\n    _ = log.write('line\\n')\n"
            "print(open('log').read(), os.listdir('out'), open('../beside.txt').read(), os.getcwd())",
            "step:make",
        ),
        code("%%writefile out/made.py\nmade = 1", "step:write"),
        code("here = os.getcwd()\nluck = random.random()", "step:draw"),  # so that the notebook runs twice
        code("print(open('out/made.py').read(), here, luck)", "step:use"),
    )
    certificate = verify(*cells)
    assert verdict(certificate) == "partly verified"
    assert {name for _, name, _ in found(certificate, "nondeterministic") if not name.startswith("@")} == {"luck"}
    assert [cell["index"] for cell in certificate["cells"] if cell["status"] != "equal"] == [3]
    assert {path.name: path.stat().st_size for path in verify.folder.iterdir() if path.name != "case.ipynb"} == {
        "log": 7
    }
    assert certificate["subject"]["folder"]["shared"] == []
