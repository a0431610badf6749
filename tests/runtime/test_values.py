"""Values cross a step boundary as the notebook would have had them."""

from __future__ import annotations

import os
import pickle
import sys
import tempfile
import threading
import warnings
from collections import deque

import numpy as np
import pandas as pd
import pytest

from labline_runtime.values import DamagedArtifactError, load, store
from labline_runtime.values.culprit import find_culprit
from tests.runtime.crossing import crossed


def test_a_class_whose_module_is_imported_only_when_it_is_asked_for_is_not_stored_with_its_methods(
    tmp_path, monkeypatch
):
    monkeypatch.delitem(sys.modules, "numpy.rec", raising=False)
    stored = store({"value": np.zeros(2, "i4,f8").view(np.recarray)}, tmp_path)
    assert b"_make_skeleton_class" not in stored.path.read_bytes()


def test_objects_shared_within_an_artifact_stay_shared(tmp_path):
    shared = [1]
    stored = store({"a": shared, "b": {"inner": shared}}, tmp_path)
    values = load(stored.path)[0]
    assert values["b"]["inner"] is values["a"]


@pytest.mark.parametrize(
    "value",
    [np.nan, [1.0, np.nan], {np.nan: 1}, np.array(["a", np.nan], dtype=object), pd.Series(["a", np.nan], dtype=object)],
    ids=["alone", "in a list", "as a key", "in an array", "in a series"],
)
def test_numpys_nan_is_numpys_nan(tmp_path, value):
    loaded = crossed(value, tmp_path)
    assert any(each is np.nan for each in ([loaded] if isinstance(loaded, float) else loaded))


def test_another_nan_is_another(tmp_path):
    assert crossed([float("nan")], tmp_path)[0] is not np.nan


@pytest.mark.parametrize(
    "start", [iter, lambda d: iter(d.values()), lambda d: iter(d.items()), reversed, lambda d: reversed(d.values())]
)
def test_an_iterator_over_a_dictionary_sees_what_is_replaced_in_it(tmp_path, start):
    held = {"a": 1, "b": 2, "c": 3}
    here = {"held": held, "it": start(held)}
    next(here["it"])
    there = load(store(here, tmp_path).path)[0]
    for each in (here, there):
        each["held"] |= {"a": 7, "b": 8, "c": 9}
    assert list(there["it"]) == list(here["it"])


def test_an_artifact_is_addressed_by_its_content(tmp_path):
    stored = store({"x": 1}, tmp_path)
    assert stored.path == tmp_path / stored.digest[:2] / stored.digest
    assert store({"x": 1}, tmp_path) == stored
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [stored.digest]


@pytest.mark.parametrize("links", [True, False])
def test_a_value_is_on_the_disk_with_its_name_when_it_is_stored(tmp_path, monkeypatch, links):
    synced = []
    sync = os.fsync
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.readlink(f"/proc/self/fd/{file}")) or sync(file))
    if not links:
        monkeypatch.setattr(os, "link", lambda *_: (_ for _ in ()).throw(PermissionError))
    stored = store({"x": 1}, tmp_path)
    inside = [path for path in synced if path != str(tmp_path)]  # whose new subfolder is synced first
    if links:  # the content after the name, which the file had had from its link on
        assert len(inside) == 1
    else:
        assert inside[-1] == str(stored.path.parent)
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == [stored.digest]


@pytest.mark.parametrize("damage", [False, True])
def test_a_value_that_is_there_is_written_again_only_where_it_is_damaged(tmp_path, damage):
    stored = store({"x": 1}, tmp_path)
    first, content = stored.path.stat(), stored.path.read_bytes()
    os.utime(stored.path, (1, 1))
    if damage:
        stored.path.chmod(0o644)
        stored.path.write_bytes(content[:-1])
    assert store({"x": 1}, tmp_path) == stored
    assert stored.path.read_bytes() == content
    assert (stored.path.stat().st_ino != first.st_ino) == damage
    assert stored.path.stat().st_mtime > 1  # it is not pruned as one that nobody uses


def test_facts_travel_with_an_artifact(tmp_path):
    stored = store({"x": 1}, tmp_path, {"x": {"digest": "d"}})
    assert load(stored.path)[1] == {"x": {"digest": "d"}}


def test_nothing_is_left_of_a_value_that_cannot_be_stored(tmp_path):
    with pytest.raises(TypeError):
        store({"x": np.arange(1e5), "lock": threading.Lock()}, tmp_path)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("damage", ["flip", "cut", "grow", "empty"])
def test_damage_is_found(tmp_path, damage):
    stored = store({"x": np.arange(1000)}, tmp_path)
    content = bytearray(stored.path.read_bytes())
    damaged = {
        "flip": bytes(content[:500]) + bytes([content[500] ^ 1]) + bytes(content[501:]),
        "cut": bytes(content[:-1]),
        "grow": bytes(content) + b"\0",
        "empty": b"",
    }[damage]
    os.chmod(stored.path, 0o644)
    stored.path.write_bytes(damaged)
    with pytest.raises(DamagedArtifactError):
        load(stored.path, stored.digest)


def test_a_file_that_is_no_artifact_is_refused_without_a_digest_too(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 1000)
    with pytest.raises(DamagedArtifactError):
        load(path)


@pytest.mark.parametrize(
    "value",
    [
        np.ma.masked_array([1.0, 2.0], [True, False]),
        np.array([1, "a", None], dtype=object),
        np.asfortranarray(np.arange(12).reshape(3, 4)),
        np.arange(100)[::3],
        np.float32(1.5),
        pd.Series(pd.date_range("2024-01-01", periods=3, tz="Europe/Berlin")),
        pd.DataFrame({"a": pd.Categorical(["x", "y", "x"]), "b": [1.5, None, 2], "c": ["u", None, "w"]}),
        pd.MultiIndex.from_product([["a", "b"], [1, 2]], names=["k", None]),
        pd.Series([1, None, 3], dtype="Int64"),
        np.random.default_rng(3),
    ],
    ids=lambda value: type(value).__name__,
)
def test_a_value_comes_back_with_the_same_digest(tmp_path, value):
    from labline_runtime.values import digest

    assert digest(crossed(value, tmp_path)) == digest(value)


class Holder:
    def __init__(self, **parts):
        self.__dict__.update(parts)


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (threading.Lock(), "model"),
        ([1, {"k": threading.Lock()}], "model[1]['k']"),
        (Holder(callbacks=[1, 2, Holder(_thread=threading.Lock())]), "model.callbacks[2]._thread"),
        ((n for n in ()), "model"),
        (Holder(make=(lambda lock: lambda: lock)(threading.Lock())), "model.make.<lock>"),
        (Holder(callbacks=[Holder(_thread=threading.Thread())]), "model.callbacks[0]._thread"),
        (deque([1, threading.Lock()]), "model[1]"),
        (np.array([[1, threading.Lock()]], dtype=object), "model[0, 1]"),
        (pd.DataFrame({"a": [1, 2], "b": [1, threading.Lock()]}), "model['b'].iloc[1]"),
        (threading.Lock().acquire, "model.__self__"),
    ],
)
def test_the_culprit_is_the_innermost_part(value, path):
    assert find_culprit({"fine": 1, "model": value}).path == path


def test_a_culprit_inside_a_cycle_is_found():
    value = Holder(lock=threading.Lock())
    value.me = value
    assert find_culprit({"v": value}).path == "v.lock"


def test_no_part_is_to_blame_for_what_is_nested_too_deeply():
    first = value = Holder()
    for _ in range(5000):
        value.next = Holder()
        value = value.next
    assert find_culprit({"v": first}).path == "v"


def test_there_is_no_culprit_in_what_pickles():
    assert find_culprit({"v": [1, Holder()]}) is None


def test_a_captured_output_has_a_digest(steps):
    ran = steps.run("%%capture shown\nprint('hi')", "first = shown", outputs=["shown"])
    assert ran.result.artifacts[0].values[0].digest


def test_a_steps_stream_is_that_of_the_next_step_whatever_stands_in_its_place(steps):
    first = "import io, sys\nkept = sys.stdout\nsys.stdout = io.StringIO()"
    assert steps.chain(first, ["kept"], "n = kept.write('seen\\n')").printed() == "seen\n"


def test_a_module_brings_its_imported_submodules(steps):
    first = steps.run("import xml.dom.minidom", outputs=["xml"])
    second = steps.run("x = 1", inputs=first.inputs(), outputs=["xml"])
    ran = steps.run("print(xml.dom.minidom.__name__)", inputs=second.inputs())
    assert ran.printed() == "xml.dom.minidom\n"


def test_a_closure_of_a_local_module_reads_that_modules_globals(steps):
    (steps.folder / "helper.py").write_text(
        "import threading\nlock = threading.Lock()\ndef make():\n    return lambda: lock\n"
    )
    ran = steps.chain("import helper\nf = helper.make()", ["f"], "import helper\nprint(f() is helper.lock)")
    assert ran.printed() == "True\n"


def test_frames_and_models_cross(steps):
    ran = steps.chain(
        "import pandas as pd\nfrom sklearn.linear_model import LinearRegression\n"
        "df = pd.DataFrame({'x': [1., 2.], 'n': ['a', None]}); df.attrs['k'] = 1\n"
        "m = LinearRegression().fit(df[['x']], [2, 4])",
        ["df", "m"],
        "df.loc[0, 'x'] = 3\nprint(df.x.tolist(), df.attrs, round(m.predict(df[['x']])[0]))",
    )
    assert ran.printed() == "[3.0, 2.0] {'k': 1} 6\n"


@pytest.mark.parametrize("kept", [lambda: os.environ, lambda: sys.path, lambda: warnings.filters])
def test_what_everybody_goes_by_arrives_as_itself(tmp_path, kept):
    assert crossed(kept(), tmp_path) is kept()


def test_options_of_pandas_arrive_as_those_that_pandas_goes_by(tmp_path):
    display = crossed(pd.options.display, tmp_path)
    with pd.option_context("display.max_rows", 7):
        assert display.max_rows == 7


def test_a_file_open_to_be_changed_is_refused(tmp_path):
    with (tmp_path / "x").open("w+") as file, pytest.raises(pickle.PicklingError):
        store({"value": file}, tmp_path)


def test_a_temporary_folder_is_refused(tmp_path):
    folder = tempfile.TemporaryDirectory(dir=tmp_path)
    with pytest.raises(pickle.PicklingError):
        store({"value": folder}, tmp_path)
    folder.cleanup()
