"""Which steps run again, which do not, and what is said about it."""

from __future__ import annotations

import json
import os

import pytest

from labline_backend.store.artifacts import ArtifactStore
from tests.backend.engine.bench import Bench
from tests.backend.engine.pipelines import cell, pipeline, step

NOT_RUN = "not run before"


def twice(bench: Bench, first, second, **parameters: str) -> dict[str, str]:
    """Run one pipeline, then another; the states of the second run's steps."""
    assert bench.run(first).state == "succeeded"
    run = bench.run(second, **parameters)
    assert run.state == "succeeded"
    return bench.states(run)


def note(bench: Bench, name: str) -> str:
    return bench.step(bench.store.resolve("latest"), name).cache_note


def two(code: str = "x = 1", below: str = "print(x)", **options: object):
    return pipeline(step("a", cell(code, index=3), gives="x", **options), step("b", cell(below), takes={"x": "a"}))


def test_a_second_run_takes_everything_from_the_cache(bench: Bench) -> None:
    assert twice(bench, two(), two()) == {"a": "cached", "b": "cached"}


def test_a_cached_step_names_the_run_that_computed_it(bench: Bench) -> None:
    first = bench.run(two())
    bench.run(two())
    assert bench.step(bench.run(two()), "a").cached_from == first.id


def test_a_cached_steps_log_and_notebook_and_result_are_there(bench: Bench) -> None:
    bench.run(two())
    run = bench.run(two())
    assert bench.log(run, "b") == "1\n"
    folder = bench.home.step_folder(run.id, "b")
    assert json.loads((folder / "executed.ipynb").read_text())["cells"]
    assert bench.step(run, "a").result.artifacts[0].names == ("x",)


def test_comments_and_blank_lines_change_nothing(bench: Bench) -> None:
    assert twice(bench, two(), two("# one\n\nx  =  1 # two")) == {"a": "cached", "b": "cached"}


def test_changed_code_runs_again_and_is_named(bench: Bench) -> None:
    assert twice(bench, two(), two("x = 2"))["a"] == "succeeded"
    assert note(bench, "a") == "changed: code of cell 4"


def test_a_changed_value_runs_the_steps_below_and_is_named(bench: Bench) -> None:
    assert twice(bench, two(), two("x = 2"))["b"] == "succeeded"
    assert note(bench, "b") == "changed: value x from a"


def test_a_step_that_makes_the_same_value_again_does_not_wake_the_steps_below(bench: Bench) -> None:
    assert twice(bench, two(), two("x = 3 - 2")) == {"a": "succeeded", "b": "cached"}


def test_a_first_run_says_so(bench: Bench) -> None:
    bench.run(two())
    assert note(bench, "a") == NOT_RUN


def test_a_parameter_runs_only_the_steps_that_read_it(bench: Bench) -> None:
    trial = pipeline(step("a", "print(p)", parameters=("p",)), step("b", "print('b')"), p="1")
    assert twice(bench, trial, trial, p="2") == {"a": "succeeded", "b": "cached"}
    assert note(bench, "a") == "changed: parameter p"


def test_changed_imports_run_everything_again(bench: Bench) -> None:
    def with_preamble(source: str):
        return pipeline(step("a", "1"), preamble=(cell(source, "imports", index=0),))

    assert twice(bench, with_preamble("import os"), with_preamble("import sys")) == {"a": "succeeded"}
    assert note(bench, "a") == "changed: code of cell 1"


def test_a_changed_file_that_was_read_runs_the_step_again(bench: Bench) -> None:
    trial = pipeline(step("a", "print(open('data.csv').read())"))
    bench.file("data.csv").write_text("1")
    bench.run(trial)
    bench.file("data.csv").write_text("2")
    run = bench.run(trial)
    assert bench.log(run, "a") == "2\n"
    assert note(bench, "a") == f"changed: file {bench.file('data.csv')}"


def test_a_file_that_was_written_and_is_gone_runs_the_step_again(bench: Bench) -> None:
    trial = pipeline(step("a", "open('out.txt', 'w').write('1')"))
    bench.run(trial)
    bench.file("out.txt").unlink()
    bench.run(trial)
    assert bench.file("out.txt").read_text() == "1"


def test_a_file_that_is_as_the_step_left_it_changes_nothing(bench: Bench) -> None:
    trial = pipeline(step("a", "open('out.txt', 'w').write('1')"))
    assert twice(bench, trial, trial) == {"a": "cached"}


def test_a_changed_module_beside_the_notebook_runs_its_importers_again(bench: Bench) -> None:
    bench.file("helper.py").write_text("x = 1")
    trial = pipeline(step("a", "import helper\nprint(helper.x)"), step("b", "print('b')"))
    bench.run(trial)
    bench.file("helper.py").write_text("x = 22")
    run = bench.run(trial)
    assert bench.states(run) == {"a": "succeeded", "b": "cached"}
    assert (bench.log(run, "a"), note(bench, "a")) == ("22\n", "changed: module helper.py")


def test_a_variable_of_the_environment_that_the_code_names_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial = pipeline(step("a", "import os\nprint(os.environ['REGION'])"))
    monkeypatch.setenv("REGION", "north")
    bench.run(trial)
    monkeypatch.setenv("REGION", "south")
    run = bench.run(trial)
    assert (bench.log(run, "a"), note(bench, "a")) == ("south\n", "changed: environment variable REGION")


def test_another_version_of_a_package_runs_everything_again_and_is_named(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = bench.file("site")
    (site / "trialpackage-1.0.dist-info").mkdir(parents=True)
    monkeypatch.setenv("PYTHONPATH", str(site), prepend=":")
    bench.run(two())
    (site / "trialpackage-1.0.dist-info").rename(site / "trialpackage-2.0.dist-info")
    assert bench.states(bench.run(two())) == {"a": "succeeded", "b": "succeeded"}
    assert note(bench, "a") == "changed: trialpackage 1.0 -> 2.0"


def test_a_value_that_is_gone_is_computed_again(bench: Bench) -> None:
    run = bench.run(two())
    ArtifactStore(bench.home).path(bench.step(run, "a").result.artifacts[0].digest).unlink()
    again = bench.run(two())
    assert bench.states(again) == {"a": "succeeded", "b": "cached"}
    assert note(bench, "a") == "changed: the stored value of x is gone"


def test_a_step_that_asks_not_to_be_cached_runs_every_time(bench: Bench) -> None:
    assert twice(bench, two(cache=False), two(cache=False)) == {"a": "succeeded", "b": "cached"}


def test_a_run_without_the_cache_runs_every_step(bench: Bench) -> None:
    bench.run(two())
    run = bench.run(two(), cache=False)
    assert bench.states(run) == {"a": "succeeded", "b": "succeeded"}


def test_a_failed_step_is_not_remembered(bench: Bench) -> None:
    trial = pipeline(step("a", "import os\nif not os.path.exists('f'):\n    1 / 0"))
    assert bench.run(trial).state == "failed"
    bench.file("f").touch()
    assert bench.states(bench.run(trial)) == {"a": "succeeded"}


def test_another_folder_shares_nothing(bench: Bench) -> None:
    trial = pipeline(step("a", "print(open('data.csv').read())"))
    bench.file("data.csv").write_text("1")
    bench.run(trial)
    other = bench.folder.with_name("other")
    other.mkdir()
    (other / "data.csv").write_text("2")
    bench.folder = other
    assert bench.log(bench.run(trial), "a") == "2\n"


def test_a_renamed_step_is_still_known(bench: Bench) -> None:
    bench.run(pipeline(step("a", cell("print('once')"))))
    run = bench.run(pipeline(step("z", cell("print('once')"))))
    assert (bench.states(run), bench.log(run, "z")) == ({"z": "cached"}, "once\n")


def test_a_step_that_runs_again_does_not_write_into_the_log_it_was_given(bench: Bench) -> None:
    trial = pipeline(step("a", "print(open('f').read())"))
    bench.file("f").write_text("1")
    first = bench.run(trial)
    second = bench.start(trial)
    bench.end(second)
    bench.file("f").write_text("2")
    bench.run(trial)
    assert bench.log(first, "a") == "1\n"


@pytest.mark.parametrize(
    "starts",
    [
        "import subprocess\nprint(subprocess.check_output(['cat', 'data.txt']))",
        "!cat data.txt",
        "import multiprocessing\nfrom pathlib import Path\nprint(multiprocessing.get_context('spawn').Pool(1).map("
        "Path.read_text, [Path('data.txt')]))",
    ],
)
def test_a_step_that_starts_a_program_is_not_taken_from_the_cache(bench: Bench, starts: str) -> None:
    bench.file("data.txt").write_text("one")
    reads = pipeline(step("read", starts))
    bench.run(reads)
    bench.file("data.txt").write_text("two")
    assert "two" in bench.log(bench.run(reads), "read")


def test_a_file_that_was_missing_counts_once_it_is_there(bench: Bench) -> None:
    looks = pipeline(step("look", "try:\n    print(open('conf.txt').read())\nexcept FileNotFoundError:\n    pass"))
    assert twice(bench, looks, looks) == {"look": "cached"}
    bench.file("conf.txt").write_text("there")
    assert bench.states(bench.run(looks)) == {"look": "succeeded"}


def test_a_new_file_counts_where_a_folder_was_listed(bench: Bench) -> None:
    bench.file("parts").mkdir()
    counts = pipeline(step("count", "import os\nprint(len(os.listdir('parts')))"))
    assert twice(bench, counts, counts) == {"count": "cached"}
    bench.file("parts").joinpath("new.csv").touch()
    assert bench.states(bench.run(counts)) == {"count": "succeeded"}


def test_equal_values_that_share_objects_otherwise_are_another_input(bench: Bench) -> None:
    use = step("use", "x[0].append(1)\nprint(x)", takes={"x": "make"})
    bench.run(pipeline(step("make", "x = [[0]] * 2", gives="x"), use))
    again = bench.run(pipeline(step("make", "x = [[0], [0]]", gives="x"), use))
    assert "[[0, 1], [0]]" in bench.log(again, "use")


@pytest.mark.parametrize(
    "asks", ["os.path.exists('flag')", "Path('flag').is_file()", "glob.glob('fl*g')", "os.access('flag', os.F_OK)"]
)
def test_a_file_that_was_only_looked_for_counts_once_it_is_there(bench: Bench, asks: str) -> None:
    looks = pipeline(step("look", f"import glob, os\nfrom pathlib import Path\nprint(bool({asks}))"))
    assert twice(bench, looks, looks) == {"look": "cached"}
    bench.file("flag").touch()
    assert bench.log(bench.run(looks), "look") == "True\n"


@pytest.mark.parametrize(
    "asks",
    ["print(os.path.exists('fl' + 'ag'))", "print(os.path.isfile('flag'))", "p = Path('flag')\nprint(p.exists())"],
)
def test_what_a_file_holds_is_nothing_to_who_only_looks_whether_it_is_there(bench: Bench, asks: str) -> None:
    bench.file("flag").write_text("one")
    looks = pipeline(step("look", f"import os\nfrom pathlib import Path\n{asks}"))
    bench.run(looks)
    bench.file("flag").write_text("another")
    assert bench.states(bench.run(looks)) == {"look": "cached"}


def test_a_file_that_was_touched_counts_for_who_asked_when_it_was_changed(bench: Bench) -> None:
    bench.file("data").touch()
    asks = pipeline(step("ask", "import os\nprint(os.path.getmtime('data'))"))
    assert twice(bench, asks, asks) == {"ask": "cached"}
    os.utime(bench.file("data"), (5, 5))
    assert bench.log(bench.run(asks), "ask") == "5.0\n"


def test_a_folder_that_a_step_makes_where_there_is_none_is_as_it_left_it(bench: Bench) -> None:
    makes = pipeline(step("make", "import os\nos.makedirs('out', exist_ok=True)"))
    assert twice(bench, makes, makes) == {"make": "cached"}


@pytest.mark.parametrize(
    "reads",
    [
        "import os\nprint(os.environ.get('REG' + 'ION'))",
        "import helper\nprint(helper.region())",
        "import os\nprint([os.environ[name] for name in os.environ if name.startswith('REG')])",
    ],
)
def test_a_variable_of_the_environment_that_is_read_without_being_named_counts(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, reads: str
) -> None:
    bench.file("helper.py").write_text("import os\ndef region(): return os.environ.get('REGION')")
    trial = pipeline(step("a", reads), step("b", "print('b')"))
    bench.run(trial)
    monkeypatch.setenv("REGION", "south")
    run = bench.run(trial)
    assert "south" in bench.log(run, "a")
    assert bench.states(run)["b"] == "cached"


def test_a_variable_of_the_environment_that_the_step_sets_itself_does_not_count(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "'REG' + 'ION'"
    trial = pipeline(step("a", f"import os\nos.environ[{name}] = 'own'\nprint(os.environ[{name}])"))
    bench.run(trial)
    monkeypatch.setenv("REGION", "south")
    assert bench.states(bench.run(trial)) == {"a": "cached"}


def test_a_file_changed_in_the_same_size_and_with_its_old_time_counts(bench: Bench) -> None:
    data = bench.file("data.txt")
    data.write_text("one")
    trial = pipeline(step("read", "print(open('data.txt').read())"))
    assert twice(bench, trial, trial) == {"read": "cached"}  # its digest is known by now
    found = data.stat()
    data.write_text("two")
    os.utime(data, ns=(found.st_atime_ns, found.st_mtime_ns))
    assert bench.log(bench.run(trial), "read") == "two\n"


@pytest.mark.parametrize(
    "names", ["name = bytes(b'data.txt')", "import os\npath = 'data.txt'\nname = os.fsencode(path)"]
)
def test_a_file_that_a_library_opens_in_c_counts_where_the_step_names_it(bench: Bench, names: str) -> None:
    bench.file("data.txt").write_text("one")
    opens = (
        "import ctypes\nc, read = ctypes.CDLL(None), ctypes.create_string_buffer(3)\nc.read(c.open(name, 0), read, 3)"
    )
    trial = pipeline(step("read", f"{names}\n{opens}\nprint(read.raw)"), step("other", "output = 'data.txt'"))
    assert twice(bench, trial, trial) == {"read": "cached", "other": "cached"}
    bench.file("data.txt").write_text("two")
    run = bench.run(trial)
    assert (bench.log(run, "read"), bench.states(run)["other"]) == ("b'two'\n", "cached")


def test_a_file_that_a_library_looks_at_before_it_opens_it_in_c_counts(bench: Bench) -> None:
    import pandas as pd

    pd.DataFrame({"x": [1]}).to_parquet(bench.file("1.parquet"))
    trial = pipeline(step("read", "import pandas as pd\nprint(pd.read_parquet(f'{1}.parquet').x.sum())"))
    bench.run(trial)
    pd.DataFrame({"x": [2]}).to_parquet(bench.file("1.parquet"))
    assert bench.log(bench.run(trial), "read") == "2\n"


def test_who_looks_again_in_another_folder_looks_at_another_file(bench: Bench) -> None:
    for name in ("one", "two"):
        bench.file(name).mkdir()
    looks = (
        "for each in ('one', 'two'):\n    os.chdir(each)\n    print(os.path.exists('fl' + 'ag'))\n    os.chdir('..')"
    )
    looks = f"import os\n{looks}"
    bench.run(pipeline(step("look", looks)))
    bench.file("two/flag").touch()
    assert bench.log(bench.run(pipeline(step("look", looks))), "look") == "False\nTrue\n"
