"""A guard stops the first run; the next one reckons with what it saw."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from labline_backend.cli import labline
from labline_backend.errors import InputError
from labline_backend.home import Home
from labline_backend.service import Service

from .notebooks import code, write

# To the compiler, what gc gives is new; it is the very list.
SHARING = (
    code("import gc\nx = [1]\ny = gc.get_referents([x])[0]", "step:make"),
    code("x.append(2)", "step:alter"),
    code("print(y)", "step:show"),
)
BINDING = (
    code("n = 1", "step:make"),
    code("import operator, sys\nsetattr(operator.getitem(sys.modules, '__main__'), 'n', 2)", "step:alter"),
    code("print(n)", "step:show"),
)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    with Service(Home.open(tmp_path / "home"), track=False) as service:
        yield service


@pytest.mark.parametrize(
    ("cells", "finding", "shown"), [(SHARING, "LL220", "[1, 2]"), (BINDING, "LL222", "2")], ids=["sharing", "binding"]
)
def test_running_again_after_a_guard_stopped_a_run_is_right(service, tmp_path, cells, finding, shown):
    path = write(tmp_path / "notebook.ipynb", *cells)
    first = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    error = service.step(first.id, "alter").error
    assert error is not None
    assert (first.state, error.code) == ("failed", finding)
    second = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    assert second.state == "succeeded", second.error
    assert service.log(second.id, "show").text == f"{shown}\n"


def test_a_result_that_outdated_a_value_is_not_used_again_where_that_value_is_read(service, tmp_path):
    early = code("len(y)", "step:early")
    path = write(tmp_path / "notebook.ipynb", SHARING[0], early, SHARING[1])
    first = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    write(path, SHARING[0], early, *SHARING[1:])
    second = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    states = [service.step(second.id, step).state for step in ("make", "alter")]
    assert (first.state, states) == ("succeeded", ["cached", "failed"])


def test_a_fact_is_given_up_with_the_code_it_was_seen_of(service, tmp_path):
    path = write(tmp_path / "notebook.ipynb", *BINDING)
    service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    write(path, BINDING[0], code("pass", "step:alter"), BINDING[2])
    run = service.run(path, notebook="notebook.ipynb")
    service.engine.wait(run.id, timeout=120)
    assert run.pipeline.observed == ()


SETTING = (
    code("import tuning", "step:other"),
    code("tuning.tune()", "step:alter"),
    code("import decimal\nprint(decimal.Decimal(1) / 3)", "step:show"),
)


def test_an_option_that_a_module_beside_the_notebook_sets_is_handed_on_by_the_next_run(service, tmp_path):
    (tmp_path / "tuning.py").write_text(
        "import pydoc\ndef tune():\n    pydoc.locate('decimal').getcontext().prec = 4\n"
    )
    path = write(tmp_path / "notebook.ipynb", *SETTING)
    first = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    error = service.step(first.id, "alter").error
    assert error is not None
    assert (error.code, error.variable, "prec" in error.message) == ("LL221", "@decimal", True)
    second = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    assert second.state == "succeeded", second.error
    assert service.log(second.id, "show").text == "0.3333\n"


def edges(pipeline):
    return {(edge.source, edge.target) for edge in pipeline.edges()}


LOADING = (
    code("import loading\nv = loading.load()", "step:make"),
    code("w = v.searchsorted(2)", "step:read"),
    code("print(v)", "step:show"),
)


LOAD = """
import pathlib, numpy
class Odd(list):
    def searchsorted(self, x): self.append(x)
def load():
    return Odd() if pathlib.Path("odd").exists() else numpy.arange(4)
"""


@pytest.fixture
def loaded(service, tmp_path):
    """A notebook that has run once, whose steps are seen to run side by side only by the type of a value."""
    (tmp_path / "loading.py").write_text(LOAD)
    path = write(tmp_path / "notebook.ipynb", *LOADING)
    run = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    assert ("read", "show") in edges(run.pipeline)
    return path


def test_steps_that_only_read_a_value_run_side_by_side_once_its_type_was_seen(service, loaded):
    run = service.engine.wait(service.run(loaded, notebook="notebook.ipynb").id, timeout=120)
    assert run.state == "succeeded", run.error
    assert edges(run.pipeline) == {("make", "read"), ("make", "show")}


def test_a_value_of_another_type_than_was_seen_stops_the_run_once(service, loaded):
    loaded.with_name("odd").touch()
    run = service.engine.wait(service.run(loaded, notebook="notebook.ipynb", cache=False).id, timeout=120)
    error = service.step(run.id, "make").error
    assert error is not None
    assert (run.state, error.code, error.variable) == ("failed", "LL222", "v")
    again = service.engine.wait(service.run(loaded, notebook="notebook.ipynb", cache=False).id, timeout=120)
    assert (again.state, service.log(again.id, "show").text) == ("succeeded", "[2]\n")


def test_a_type_is_given_up_with_the_code_that_the_value_was_made_by(service, loaded):
    write(loaded, code("import loading\nv = loading.load(1)", "step:make"), *LOADING[1:])
    assert service.compile(loaded).reckoned == ()


def test_a_type_is_given_up_with_the_module_that_the_value_was_made_by(service, loaded):
    loaded.with_name("loading.py").write_text("def load():\n    return [1]\n")
    assert service.compile(loaded).reckoned == ()


def test_a_type_is_kept_where_a_step_below_changes(service, loaded):
    write(loaded, *LOADING[:2], code("print(v, 1)", "step:show"))
    assert {fact.names for fact in service.compile(loaded).reckoned} == {("v", "numpy.ndarray")}


def test_what_was_seen_can_be_left_out(service, loaded):
    pipeline = service.compile(loaded, observed=False).compilation.pipeline
    assert ("read", "show") in edges(pipeline)


@pytest.mark.parametrize("command", ["check", "compile"])
def test_commands_tell_with_what_facts_they_reckon(service, loaded, command, monkeypatch):
    monkeypatch.setenv("LABLINE_HOME", str(service.home.root))
    told = CliRunner().invoke(labline, [command, str(loaded)])
    assert "step make hands on v of the type ndarray" in told.stderr
    untold = CliRunner().invoke(labline, [command, str(loaded), "--no-observed"])
    assert (untold.exit_code, "ndarray" in untold.output) == (0, False)


def test_a_run_of_a_notebook_of_the_same_name_elsewhere_takes_no_fact_away(service, tmp_path):
    for name in ("here", "there"):
        (tmp_path / name).mkdir()
    path = write(tmp_path / "here" / "notebook.ipynb", *BINDING)
    other = write(tmp_path / "there" / "notebook.ipynb", code("m = 1", "step:other"))
    for each in (path, other):
        service.engine.wait(service.run(each, notebook="notebook.ipynb").id, timeout=120)
    run = service.run(path, notebook="notebook.ipynb")
    service.engine.wait(run.id, timeout=120)
    assert [fact.names for fact in run.pipeline.observed] == [("n",)]


def test_a_change_that_the_maker_itself_would_miss_stops_the_run(service, tmp_path):
    cells = (
        code("x = [1]", "step:make"),
        code("import gc\ngc.get_referents([x])[0].append(2)", "step:alter"),
        code("print(x)", "step:make"),
    )
    path = write(tmp_path / "notebook.ipynb", *cells)
    run = service.engine.wait(service.run(path, notebook="notebook.ipynb").id, timeout=120)
    error = service.step(run.id, "alter").error
    assert error is not None
    assert (run.state, error.code, error.variable) == ("failed", "LL210", "x")
    with pytest.raises(InputError) as refused:  # what was seen leaves no order of whole steps
        service.run(path, notebook="notebook.ipynb")
    assert "LL202" in {found.code for found in refused.value.findings}
