"""What an attribute of an instance is, and which method ``super()`` means: exactly, as far as code tells it."""

from __future__ import annotations

import pytest

from labline_compiler.analysis import functions

from .helpers import codes, edges, pipeline_of
from .test_graph import steps

_NODE = "class T:\n    def __init__(self, other=None):\n        self.rows = []\n        self.other = other\nL = [1]\n"


@pytest.mark.parametrize(
    "put",
    [
        "x.far = L",
        "setattr(x, 'far', L)",
        "setattr(x, ''.join(['f', 'ar']), L)",
        "x.near = L\nsetattr(x, ''.join(['f', 'ar']), L)",
        "object.__setattr__(x, 'far', L)",
        "vars(x)['far'] = L",
        "x.__dict__['far'] = L",
        "x.__dict__.update(far=L)",
        "vars(x).setdefault('far', L)",
        "d = x.__dict__\nd |= {'far': L}",
        "x.__dict__ = {'far': L}",
        "d = {}\nx.__dict__ = d\nd['far'] = L",
        "getattr(x, '__dict__')['far'] = L",
        "x.__getattribute__('__dict__')['far'] = L",
        "import operator\noperator.attrgetter('__dict__')(x)['far'] = L",
        "exec('x.far = L')",
        "import package\npackage.fill(x, L)",
        "class U(T):\n    def fill(self, **given):\n        self.__dict__.update(given)\nx = U()\nx.fill(far=L)",
        "class U(T):\n    def __setattr__(self, n, v):\n        super().__setattr__('far', v)\nx = U()\nx.a = L",
        "x = T()\nfor name in ['near', 'far']:\n    setattr(x, name, L)",
        "import copy\nx.far = L\nx = copy.copy(x)",
        "x.near = x\nx.near.far = L",
        "x.rows.append(x)\nx.rows[0].far = L",
    ],
)
def test_however_an_attribute_is_set_changing_it_changes_what_it_is(put: str) -> None:
    assert "b>c:L" in edges(pipeline_of(steps(a=f"{_NODE}x = T()\n{put}", b="x.far.append(2)", c="print(L)")))


@pytest.mark.parametrize("put", ["x = K if k else L\nx.append(L)", "x = y if k else z\nx.far = z\nz.rows = L"])
def test_one_of_two_may_come_to_hold_the_other(put: str) -> None:
    made = f"{_NODE}K, k, y, z = [], 1, T(), T()\n{put}"
    change = "(K[0] if K else y.far.rows).append(2)"
    assert any(edge.startswith("b>c:") for edge in edges(pipeline_of(steps(a=made, b=change, c="print(L)"))))


def test_an_attribute_is_what_was_set_there_and_nothing_else_that_the_instance_holds() -> None:
    text = steps(a=f"{_NODE}x = T(L)", b="x.rows.append(2)", c="print(L)")
    assert "a>c:L" in edges(pipeline_of(text))


def test_linked_instances_are_told_apart_by_their_attributes() -> None:
    text = steps(a=f"{_NODE}x = T()", b="y = T(x)", c="y.rows.append(2)", d="print(x.rows)")
    assert not any(edge.startswith("c>d") for edge in edges(pipeline_of(text)))


def test_a_list_calls_nothing_that_is_put_into_it() -> None:
    made = "class T:\n    def clear(self):\n        L.clear()\nL = [1]\nx = T()\nall = []"
    assert "a>c:L" in edges(pipeline_of(steps(a=made, b="all.append(x)", c="print(L)")))


def test_a_set_compares_what_is_put_into_it() -> None:
    made = "class T:\n    def __hash__(self):\n        L.append(2)\n        return 1\nL = [1]\nx = T()\nall = set()"
    assert "b>c:L" in edges(pipeline_of(steps(a=made, b="all.add(x)", c="print(L)")))


_ABOVE = "L, M = [1], [1]\nclass A:\n    def put(self):\n        L.append(2)\n"


def test_super_is_the_method_of_the_class_above() -> None:
    made = f"{_ABOVE}class B(A):\n    def put(self):\n        super().put()\n    def other(self):\n        M.append(2)"
    found = edges(pipeline_of(steps(a=made, b="B().put()", c="print(L)", d="print(M)")))
    assert {"b>c:L", "a>d:M"} <= found


@pytest.mark.parametrize(
    "classes",
    [
        "class B(A):\n    def put(self):\n        super().put()\nclass C(A):\n    def put(self):\n        M.append(2)\n"
        "class D(B, C):\n    pass",
        "class D(A):\n    def put(self):\n        super().put()\nA.put = lambda self: M.append(2)",
        "class D(A):\n    def put(self):\n        super().put()\n"
        "setattr(A, ''.join(['p', 'ut']), lambda self: M.append(2))",
        "def late(c):\n    c.put = lambda self: M.append(2)\n    return c\n@late\nclass B(A): ...\n"
        "class D(B):\n    def put(self):\n        super().put()",
        "class B(A):\n    def __getattr__(self, name):\n        return lambda: M.append(2)\n"
        "class D(B):\n    def put(self):\n        self.any()\n        super().put()",
    ],
)
def test_super_may_be_a_method_that_the_class_above_does_not_show(classes: str) -> None:
    found = edges(pipeline_of(steps(a=f"{_ABOVE}{classes}", b="D().put()", c="print(M)")))
    assert "b>c:M" in found


def test_what_a_dataclass_above_keeps_is_in_the_instance() -> None:
    made = (
        "from dataclasses import dataclass\nL = [1]\n@dataclass\nclass A:\n    rows: list\n"
        "class B(A):\n    def __init__(self, rows):\n        super().__init__(rows)\nx = B(L)"
    )
    assert "b>c:L" in edges(pipeline_of(steps(a=made, b="x.rows.append(2)", c="print(L)")))


def _deep(body: str, before: str = "") -> str:
    """Functions that call each other further down than is followed; the last has *body*."""
    chain = "\n".join(f"def f{i}(x):\n    return f{i - 1}(x)" for i in range(1, 20))
    return f"L = [1]\n{before}\ndef f0(x):\n{body}\n{chain}"


@pytest.mark.parametrize(
    ("body", "before"),
    [
        ("    L.append(x)", ""),
        ("    x += [2]\n    return x", ""),
        ("    y = L\n    y[0] = 2", ""),
        ("    y = L\n    y += [2]", ""),
        ("    g(L)", "g = lambda q: q.append(2)"),
        ("    return sorted([1], key=g)", "def g(q):\n    L.append(q)\n    return q"),
        ("    return x < T()", "class T:\n    def __gt__(self, o):\n        L.append(2)\n        return True"),
        (
            "    return t.size",
            "class T:\n    @property\n    def size(self):\n        L.append(2)\n        return 1\nt = T()",
        ),
        ("    return t.size()", "class T:\n    def size(self):\n        L.append(2)\nt = T()"),
        ("    return t.size()", "class T: ...\nt = T()\nt.size = lambda: L.append(2)"),
        ("    return len(t)", "class T:\n    def __len__(self):\n        L.append(2)\n        return 1\nt = T()"),
        ("    return [L.append(q) for q in x]", ""),
        ("    global L\n    L = [x]", ""),
        ("    return len(x)", "import builtins\nbuiltins.len = lambda q: L.append(2)"),
    ],
)
def test_what_is_not_followed_is_taken_to_only_look_where_that_is_sure(body: str, before: str) -> None:
    found = edges(pipeline_of(steps(a=_deep(body, before), b="f19(L)", c="print(L)")))
    assert any(edge.startswith("b>c:") and "L" in edge.partition(":")[2].split(",") for edge in found)


@pytest.mark.parametrize(
    ("made", "altered", "asked"),
    [
        ("d = {k: 1}", "d[2] = 3", "d[k]"),
        ("d = {k: 1}", "d.update({2: 3})", "d.get(k)"),
        ("d = {k: 1}", "d[2] = 3", "del d[k]"),
        ("d = [k]", "d[0:0] = [1]", "print(k in d)"),
        ("d = [k]", "d.append(2)", "d.index(k)"),
        ("d = [k]", "d.append(2)", "print(d[0] == k)"),
        ("d = {k}", "d.add(2)", "print(d - {k})"),
    ],
)
def test_what_is_looked_for_by_its_identity_travels_with_what_holds_it(made: str, altered: str, asked: str) -> None:
    found = edges(pipeline_of(steps(a=f"class K: ...\nk = K()\n{made}", b=altered, c=asked)))
    assert any(edge.startswith("b>c:") and {"d", "k"} <= set(edge.partition(":")[2].split(",")) for edge in found)


def test_a_slice_of_what_a_module_keeps_is_an_object_of_its_own() -> None:
    found = edges(pipeline_of(steps(a="import sys\nk = sys.path[-1:]\no = []", b="o.append(k)", c="print(o[0] is k)")))
    assert any(edge.startswith("b>c:") and {"o", "k"} <= set(edge.partition(":")[2].split(",")) for edge in found)


@pytest.mark.parametrize(
    ("made", "key"),
    [
        ("k = object()", "k"),
        ("def k(): ...", "k"),
        ("class K: ...\nk = K()", "k, 1"),
        ("class K: ...\nk = K()", "(1, (2, k))"),
        ("class K: ...\nk = K()", "frozenset([k])"),
    ],
)
def test_so_does_what_is_a_part_of_a_key_and_what_is_no_instance(made: str, key: str) -> None:
    found = edges(pipeline_of(steps(a=f"{made}\nd = {{}}", b=f"d[{key}] = 3", c=f"d[{key}]")))
    assert any(edge.startswith("b>c:") and {"d", "k"} <= set(edge.partition(":")[2].split(",")) for edge in found)


@pytest.mark.parametrize(
    ("altered", "asked"),
    [
        ("d.append([k])", "d[0] == [k]"),
        ("d.append([k])", "print([k] in d)"),
        ("d.append({'a': k})", "d.index({'a': k})"),
        ("d.append(Box(k))", "print(Box(k) in d)"),
        ("d.append(Box([k]))", "d[0] == Box([k])"),
        ("d.append(Part(k))", "d[0] == Part(k)"),
        ("d.append(SimpleNamespace(a=k))", "d.remove(SimpleNamespace(a=k))"),
        ("d.append(Names.K)", "match d[0]:\n    case Names.K:\n        print(1)"),
        ("d.append({Names.K: 1})", "match d[0]:\n    case {Names.K: 1}:\n        print(1)"),
    ],
)
@pytest.mark.parametrize("key", ["class K: ...\nk = K()", "k = object()"])
def test_so_does_what_is_in_something_that_is_equal_where_its_parts_are(key: str, altered: str, asked: str) -> None:
    made = (
        f"from dataclasses import dataclass\nfrom types import SimpleNamespace\n{key}\n"
        "@dataclass\nclass Box:\n    inner: object\n"
        "class Part(Box): ...\nclass Names:\n    K = k\nd = []"
    )
    found = edges(pipeline_of(steps(a=made, b=altered, c=asked)))
    name = "Names" if "Names.K" in asked else "k"
    assert any(edge.startswith("b>c:") and {"d", name} <= set(edge.partition(":")[2].split(",")) for edge in found)


def test_what_is_looked_for_by_a_comparison_of_its_own_need_not_travel_with_what_holds_it() -> None:
    made = "class K:\n    def __eq__(self, o): return True\n    def __hash__(self): return 1\nk = K()\nd = {k: 1}"
    assert "b>c:d" in edges(pipeline_of(steps(a=made, b="d[2] = 3", c="d[k]")))


KEPT = """
from functools import cached_property
rate = 2
class T:
    @cached_property
    def kept(self):
        return rate
t = T()
"""


def test_a_kept_property_is_part_of_the_object_from_the_step_on_that_first_asks_for_it() -> None:
    found = edges(pipeline_of(steps(a=KEPT, b="x = t.kept", c="rate = 100", d="print(t.kept)")))
    assert any(edge.startswith("b>d:") and "t" in edge.partition(":")[2].split(",") for edge in found)


@pytest.mark.parametrize(
    "body",
    ["    return x", "    return L", "    return [x, L][0]", "    y = x or L\n    return y", "    return t.rows"],
)
def test_what_is_not_followed_may_give_what_it_looks_at(body: str) -> None:
    before = f"{_NODE}t = T()\nt.rows = L"
    found = edges(pipeline_of(steps(a=_deep(body, before), b="y = f19(L)", c="y.append(2)", d="print(L)")))
    assert any(edge.startswith("c>d:") and "L" in edge.partition(":")[2].split(",") for edge in found)


def test_functions_that_only_look_are_none_that_the_notebook_has_too_many_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(functions, "_MAXIMUM_DEPTH", 2)
    text = steps(a=_deep("    return len(x) + len(L)"), b="f19([1])", c="print(L)")
    assert "a>c:L" in edges(pipeline_of(text))
    assert codes(text) == []
