"""Functions that ``map``, ``filter``, ``reduce`` and sorting call with items: when, with what, and what they give."""

from __future__ import annotations

import pytest

from .helpers import edges, pipeline_of
from .test_graph import steps


@pytest.mark.parametrize("made", ["map(change, xs)", "filter(change, xs)", "map(same, map(change, xs))"])
@pytest.mark.parametrize(
    "through",
    [
        "for q in m:\n    pass",
        "one, = m",
        "all = [q for q in m]",
        "all = [*m]",
        "print(*m)",
        "all = list(m)",
        "all = sorted(m)",
        "if any(m):\n    pass",
        "for q in zip(m, [1]):\n    pass",
        "next(m)",
        "m.__next__()",
        "if 3 in m:\n    pass",
        "def go():\n    yield from m\nlist(go())",
        "import package\npackage.use(m)",
        "try:\n    dict([m])\nexcept (TypeError, ValueError):\n    pass",
    ],
)
def test_going_through_an_iterator_calls_its_function_with_the_items(made: str, through: str) -> None:
    start = "xs = [[1]]\ndef change(q):\n    q.append(2)\n    return q\ndef same(q):\n    return q"
    text = steps(a=start, b=f"m = {made}", c=through, d="print(xs)")
    assert any(edge.startswith("c>d:") and "xs" in edge for edge in edges(pipeline_of(text)))


@pytest.mark.parametrize(
    "make",
    [
        "ys = list(map(lambda q: q, xs))",
        "ys = list(map(lambda q: [q], xs))",
        "ys = list(filter(lambda q: q, xs))",
        "ys = list(filter(lambda q: q, map(lambda q: q, xs)))",
        "ys = sorted(xs, key=lambda q: q[0])",
        "ys = [max(xs, key=lambda q: q[0])]",
        "import functools\nys = functools.reduce(lambda done, q: done + [q], xs, [])",
        "import functools\nys = functools.reduce(lambda done, q: (done.append(q), done)[1], xs, [])",
        "m = None\nfor i in range(2):\n    m = map(lambda q: q, m or xs)\nys = list(m)",
    ],
)
def test_what_items_become_shares_with_them(make: str) -> None:
    text = steps(a="xs = [[1], [2]]", b=make, c="for y in ys:\n    y.append(3)", d="print(xs)")
    assert any(edge.startswith("c>d:") and "xs" in edge for edge in edges(pipeline_of(text)))


@pytest.mark.parametrize(
    "make",
    [
        "ys = list(map(count, xs))",
        "ys = list(filter(count, xs))",
        "ys = sorted(xs, key=count)",
        "ys = [max(xs, key=count)]",
        "ys = [1]\nys.sort(key=count)",
        "import functools\nys = [functools.reduce(lambda a, b: a + count(b), xs, 0)]",
    ],
)
def test_what_items_become_does_not_hold_the_function_that_was_called(make: str) -> None:
    start = "seen = []\nxs = [1, 2]\ndef count(q):\n    seen.append(q)\n    return q"
    text = steps(a=start, b=make, c="import package\npackage.use(ys)", d="print(seen)")
    assert not any(edge.startswith("c>d") for edge in edges(pipeline_of(text)))


@pytest.mark.parametrize("use", ["f().append(2)", "list(map(f, [1]))[0].append(2)"])
def test_a_function_may_give_itself_or_what_is_the_notebooks(use: str) -> None:
    start = "seen = []\ndef f(q=0):\n    return seen"
    assert "b>c:seen" in edges(pipeline_of(steps(a=start, b=use, c="print(seen)")))


def test_a_function_that_gives_itself_is_among_what_map_gives() -> None:
    start = "seen = []\ndef f(q=0):\n    seen.append(q)\n    return f"
    text = steps(a=start, b="fs = list(map(f, [1]))", c="for g in fs:\n    g()", d="print(seen)")
    assert any(edge.startswith("c>d:") for edge in edges(pipeline_of(text)))


@pytest.mark.parametrize("use", ["xs.sort()", "xs.index(x)", "xs.count(x)", "xs.remove(x)", "x in xs", "sorted(xs)"])
def test_comparing_calls_what_the_items_define_for_that(use: str) -> None:
    start = (
        "seen = []\nclass T:\n    def __lt__(self, other):\n        seen.append(1)\n        return True\n"
        "    __eq__ = __lt__\nx = 0\nxs = [T(), T()]"
    )
    assert "b>c:seen" in edges(pipeline_of(steps(a=start, b=use, c="print(seen)")))


def test_the_key_of_a_sort_gets_the_items() -> None:
    text = steps(a="xs = [[1], [2]]", b="ys = [*xs]", c="ys.sort(key=lambda q: q.append(1) or 0)", d="print(xs)")
    assert any(edge.startswith("c>d:") for edge in edges(pipeline_of(text)))


def test_a_function_that_a_frame_is_piped_through_gets_and_gives_it() -> None:
    start = "import pandas as pd\ndf = pd.read_csv('a.csv')\ndef f(d, k):\n    d[k] = 1\n    return d"
    text = steps(a=start, b="e = df.pipe(f, 'b')", c="e['c'] = 1", d="print(df)")
    assert {"a>b:df,f", "b>c:df,e", "c>d:df"} <= edges(pipeline_of(text))
