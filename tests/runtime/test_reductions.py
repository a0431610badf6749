"""What pickle refuses or changes crosses all the same, and comes back as what it was."""

from __future__ import annotations

import argparse
import array
import dataclasses
import functools
import io
import logging
import random
import re
import sys
import weakref
from collections import OrderedDict
from typing import Any
from unittest import mock

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from IPython.core.inputtransformer2 import TransformerManager

from labline_runtime.values import digest, load, store
from labline_runtime.values.parts import parts
from labline_runtime.values.writing import pickled_size


def crossed(tmp_path, **values: Any) -> Any:
    stored = store(values, tmp_path)
    return load(stored.path, stored.digest)[0]


@pytest.mark.parametrize(
    ("draws", "owner"),
    [(random.shuffle, random._inst), (random.random, random._inst), (np.random.randn, np.random.mtrand._rand)],
    ids=["method", "builtin", "numpy"],
)
def test_a_function_that_draws_goes_on_drawing_from_the_global_generator(tmp_path, draws, owner):
    assert crossed(tmp_path, v=draws)["v"].__self__ is owner


def test_a_mock_remembers_its_calls_and_keeps_its_parts(tmp_path):
    made = mock.MagicMock(return_value=3)
    made.part.value = 5
    made.__len__.return_value = 4
    made(1, word=len(made))
    back = crossed(tmp_path, made=made, part=made.part)
    assert digest(back["made"]) == digest(made)
    assert back["made"].part is back["part"]
    assert (back["made"].call_args, back["part"].value) == (mock.call(1, word=4), 5)
    assert (back["made"](), len(back["made"])) == (3, 4)


def test_error_settings_of_numpy_cross(tmp_path):
    with crossed(tmp_path, v=np.errstate(divide="ignore"))["v"]:
        assert np.ones(1) / 0 == np.inf


def test_a_distribution_goes_on_drawing_from_the_global_generator(tmp_path):
    assert crossed(tmp_path, v=scipy.stats.norm(0, 1))["v"].random_state is np.random.mtrand._rand


def test_drawing_leaves_the_digest_of_what_draws(tmp_path):
    distribution = scipy.stats.norm(0, 1)
    before = digest(distribution)
    state = np.random.get_state()
    distribution.rvs()
    after = digest(distribution)
    np.random.set_state(state)
    assert after == before


def test_looking_at_the_attributes_of_an_exception_leaves_its_digest():
    error = KeyError([1])
    before = digest(error)
    assert (vars(error), digest(error)) == ({}, before)


MATCHES = {
    "search": re.search("b(c)?", "abcb"),
    "match": re.compile("b").match("ab", 1),
    "fullmatch": re.fullmatch("a|ab", "ab"),
    "one of many": list(re.finditer("b", "abcb"))[1],
}


@pytest.mark.parametrize("case", MATCHES)
def test_a_match_crosses(tmp_path, case):
    match = MATCHES[case]
    found = crossed(tmp_path, v=match)["v"]
    assert (found.regs, found.pos, found.endpos, found.re) == (match.regs, match.pos, match.endpos, match.re)
    assert digest(found) == digest(match)


def test_a_memoryview_stays_a_view_of_its_object(tmp_path):
    memory = bytearray(b"abc")
    values = crossed(tmp_path, memory=memory, view=memoryview(memory))
    values["view"][0] = ord("z")
    assert values["memory"] == b"zbc"


def test_a_view_of_a_part_stays_one(tmp_path):
    memory = bytearray(b"abcd")
    values = crossed(tmp_path, memory=memory, view=memoryview(memory)[1:3])
    values["view"][0] = ord("z")
    assert values["memory"] == b"azcd"


def test_a_memoryview_that_was_released_stays_so(tmp_path):
    with memoryview(b"abc") as view:
        pass
    found = crossed(tmp_path, view=view)["view"]
    with pytest.raises(ValueError, match="released"):
        _ = found.obj
    assert digest(found) == digest(view)


@pytest.mark.parametrize("kind", [io.StringIO, io.BytesIO])
def test_a_file_in_memory_that_was_closed_stays_so(tmp_path, kind):
    with kind() as file:
        pass
    found = crossed(tmp_path, file=file)["file"]
    assert (type(found), found.closed, digest(found)) == (kind, True, digest(file))


@pytest.mark.parametrize("look", [OrderedDict.keys, OrderedDict.values, OrderedDict.items])
def test_a_view_of_an_ordered_dict_goes_on_looking(tmp_path, look):
    held = OrderedDict(a=1)
    values = crossed(tmp_path, held=held, view=look(held))
    values["held"]["b"] = 2
    assert list(values["view"]) == list(look(values["held"]))


def test_what_waits_for_the_end_of_an_object_does_not_cross(tmp_path):
    thing = Thing()
    with pytest.raises(Exception, match="whose end it waits for"):
        crossed(tmp_path, thing=thing, waits=weakref.finalize(thing, print))


@pytest.mark.parametrize("sentinel", [dataclasses.MISSING, dataclasses.KW_ONLY])
def test_a_sentinel_of_dataclasses_stays_the_one(tmp_path, sentinel):
    assert crossed(tmp_path, v=sentinel)["v"] is sentinel


def test_the_format_of_a_memoryview_counts(tmp_path):
    view = memoryview(array.array("d", [1.0]))
    assert crossed(tmp_path, v=view)["v"].format == "d"
    assert digest(view) != digest(view.cast("B").cast("q"))


class Refused(Exception):
    def __init__(self, name: str, size: int) -> None:
        super().__init__(f"{name} of {size}")
        self.size = size


def test_an_exception_with_an_init_of_its_own_crosses(tmp_path):
    error = crossed(tmp_path, v=Refused("a", 3))["v"]
    assert (type(error), str(error), error.size) == (Refused, "a of 3", 3)


class Thing:
    pass


def test_a_weak_reference_crosses_with_what_it_refers_to(tmp_path):
    thing = Thing()
    values = crossed(tmp_path, thing=thing, reference=weakref.ref(thing))
    assert values["reference"]() is values["thing"]


def test_a_weak_reference_is_measured_alone():
    thing = Thing()
    assert pickled_size(weakref.ref(thing)) > 0


def test_a_weak_reference_does_not_cross_alone(tmp_path):
    thing = Thing()
    with pytest.raises(Exception, match="weak reference to a Thing"):
        crossed(tmp_path, reference=weakref.ref(thing))


def test_a_function_with_many_implementations_crosses(tmp_path):
    @functools.singledispatch
    def describe(value):
        return "anything"

    describe.register(int, lambda value: "a number")
    described = crossed(tmp_path, v=describe)["v"]
    assert [described(1), described("a")] == ["a number", "anything"]


class Words(set):  # type: ignore[type-arg]
    pass


def test_the_order_of_a_set_of_a_class_does_not_count():
    words = [f"word {number}" for number in range(40)]
    assert digest(Words(words)) == digest(Words(reversed(words)))


class Measured(np.ndarray):  # type: ignore[type-arg]
    unit: str


def measured(unit: str, order: str = "C") -> Any:
    made = np.array([[1.0, 2.0], [3.0, 4.0]], order=order).view(Measured)
    made.unit = unit
    return made


def test_the_attributes_of_an_array_cross(tmp_path):
    assert crossed(tmp_path, v=measured("m"))["v"].unit == "m"


def test_the_attributes_of_an_array_count_and_its_layout_does_not():
    assert digest(measured("m")) == digest(measured("m", "F")) != digest(measured("s"))


def test_the_limits_of_a_type_cross(tmp_path):
    assert crossed(tmp_path, v=np.finfo("f4"))["v"].max == np.finfo("f4").max


def test_views_of_a_dict_have_the_digest_of_its_content():
    assert digest({"a": 1}.items()) == digest({"a": 1}.items()) != digest({"a": 2}.items())


@pytest.mark.parametrize("kind", [type(None), int | None, type(lambda: None)])
def test_types_that_have_no_name_of_their_own_have_a_digest(kind):
    assert digest(kind)


def test_an_iterator_over_a_dict_keeps_its_digest(tmp_path):
    assert digest(crossed(tmp_path, v=iter({"a": 1}))["v"]) == digest(iter({"a": 1}))


def test_a_masked_array_of_objects_keeps_its_digest(tmp_path):
    def made():
        return np.ma.masked_array(np.array([1, "a"], dtype=object), [0, 1])

    assert digest(crossed(tmp_path, v=made())["v"]) == digest(made())


def test_an_array_whose_memory_belongs_to_itself_is_stored(tmp_path):
    class Memory:  # as Cython's arrays are
        def __init__(self):
            self.base = self
            self.array = np.arange(3)
            self.__array_interface__ = self.array.__array_interface__

    assert crossed(tmp_path, v=np.asarray(Memory()))["v"].tolist() == [0, 1, 2]


def test_what_a_library_attaches_to_a_frame_is_left_out_as_pandas_does(tmp_path):
    frame = pd.DataFrame({"x": [1]})
    vars(frame).update(made_by=TransformerManager(), name="train")
    found = crossed(tmp_path, v=frame)["v"]
    assert (hasattr(found, "made_by"), found.name) == (False, "train")


def _page(tags: int) -> Any:
    bs4 = pytest.importorskip("bs4")
    return bs4.BeautifulSoup("<ul>" + "<li class='a b'>one<!-- two --></li>" * tags + "</ul>", "html.parser")


def test_a_tag_of_a_long_page_is_a_tag_of_that_page_again(tmp_path):
    page = _page(500)
    back = crossed(tmp_path, page=page, tag=page.find_all("li")[1])
    back["tag"]["id"] = "x"
    assert back["page"].find(id="x") is back["tag"]


def test_a_page_is_one_part_of_what_holds_its_tags(tmp_path):
    page = _page(50)
    assert [part.value for part in parts("rows", list(page.find_all("li"))) if part.path != "rows"] == [page]


def test_parts_of_a_page_that_were_destroyed_cross(tmp_path):
    page = _page(2)
    tag, text = page.li, page.li.string
    tag.decompose()
    back = crossed(tmp_path, page=page, parts=[tag, text])
    assert (str(back["page"]), back["parts"][0].decomposed) == (str(page), True)


def test_a_page_comes_back_as_what_it_was(tmp_path):
    page = _page(2)
    back = crossed(tmp_path, v=page)["v"]
    assert (str(back), digest(back), back.li.next_element.next_element) == (str(page), digest(page), " two ")


def test_a_file_that_is_logged_to_is_gone_on_with(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    handler = logging.FileHandler("note.log", mode="w")
    record = logging.makeLogRecord({"msg": "once"})
    handler.handle(record)
    back = crossed(tmp_path / "kept", v=handler)["v"]
    back.handle(record)
    for each in (handler, back):
        each.close()
    assert (tmp_path / "note.log").read_text() == "once\nonce\n"


def test_a_parser_of_arguments_goes_on_parsing_as_it_did(tmp_path):
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=float, default=argparse.SUPPRESS)
    back = crossed(tmp_path, v=parser)["v"]
    assert back.parse_args([]) == parser.parse_args([]) == argparse.Namespace()


def test_a_dict_of_a_library_whose_items_are_its_attributes_stays_one(tmp_path, monkeypatch):
    kind = type("Bunch", (dict,), {"__module__": __name__})
    monkeypatch.setattr(sys.modules[__name__], "Bunch", kind, raising=False)
    bunch = kind(a=1)
    bunch.__dict__ = bunch
    back = crossed(tmp_path, v=bunch)["v"]
    back.b = 2
    assert back == {"a": 1, "b": 2}


def test_a_value_of_a_class_without_a_module_crosses(tmp_path):
    kind = type("Made", (), {"__module__": None})
    assert type(crossed(tmp_path, v=[kind(), kind])["v"][0]).__name__ == "Made"


CONTAINERS = {
    "a list that answers otherwise": (
        "class C(list):\n    def __iter__(self): return (x * 2 for x in list.__iter__(self))\nc = C([1, 2])",
        lambda c: [c[0], c[1], len(c)],
    ),
    "a list that counts what it is given": (
        "class C(list):\n    given = 0\n    def append(self, x): C.given += 1; list.append(self, x)\n"
        "c = C(); c.append(1)",
        lambda c: [c[0], type(c).given],
    ),
    "a dict that answers otherwise": (
        "class C(dict):\n    def items(self): return [(k.upper(), v) for k, v in dict.items(self)]\nc = C(a=1)",
        lambda c: [c["a"], len(c)],
    ),
    "a dict in an order, of a size": (
        "from collections import OrderedDict\nclass C(OrderedDict):\n"
        "    def __init__(self, size): super().__init__(); self.size = size\n"
        "c = C(2); c['a'] = 1; c['b'] = 2; c.move_to_end('a')",
        lambda c: [list(c), c.size],
    ),
    "a dict with a factory, and slots": (
        "from collections import defaultdict\nclass C(defaultdict):\n    __slots__ = ('top',)\n"
        "    def __init__(self, top): super().__init__(list); self.top = top\nc = C(3)",
        lambda c: [c["new"], c.top],
    ),
    "a queue of a length": (
        "from collections import deque\nclass C(deque):\n    def __init__(self, n): super().__init__([1, 2], n)\n"
        "c = C(2)",
        lambda c: [list(c), c.maxlen],
    ),
    "a set with a name": (
        "class C(set):\n    def __init__(self, name): super().__init__(); self.name = name\nc = C('n'); c.add(1)",
        lambda c: [list(c), c.name],
    ),
    "a frozen set of two": (
        "class C(frozenset):\n    def __new__(cls, a, b): return frozenset.__new__(cls, [a, b])\nc = C(1, 2)",
        sorted,
    ),
}


@pytest.mark.parametrize("case", CONTAINERS)
def test_a_container_of_the_notebook_s_arrives_as_it_was_whatever_its_methods_do(tmp_path, case):
    code, look = CONTAINERS[case]
    notebook: dict[str, Any] = {"__name__": "__main__"}
    exec(code, notebook)
    before = digest(notebook["c"])
    back = crossed(tmp_path, c=notebook["c"])["c"]
    assert (digest(back), look(back)) == (before, look(notebook["c"]))
