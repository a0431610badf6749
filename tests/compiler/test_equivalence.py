"""The law: every value at the end of the pipeline is what a run of the notebook from top to bottom would have left."""

from __future__ import annotations

from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, given, settings

from tests.compiler.helpers import compile_text, run_notebook, run_pipeline

NAMES = ("a", "b", "c", "d")
STEPS = ("s1", "s2", "s3", "s4")

name = st.sampled_from(NAMES)
number = st.integers(0, 9)

# Each template keeps every name a list of numbers and lists, so that any sequence of them runs.
simple = st.one_of(
    st.builds("{0} = [{1}]".format, name, number),
    st.builds("{0} = {1}".format, name, name),
    st.builds("{0} = [{1}, {2}]".format, name, name, number),
    st.builds("{0}.append({1})".format, name, number),
    st.builds("{0}.append(list({1}))".format, name, name),
    st.builds("{0} += [{1}]".format, name, number),
    st.builds("{0} = {1} + [{2}]".format, name, name, number),
    st.builds("{0} = list({1})".format, name, name),
    st.builds("{0}[0] = {1}".format, name, number),
    st.builds("del {0}[1:]".format, name),
    st.builds("{0} = sorted([len({1}), {2}])".format, name, name, number),
    st.builds("{0} = [x for x in {1}]".format, name, name),
    st.builds("{0}, {1} = {1}, {0}".format, name, name),
    st.builds("def f():\n    return {0}\n{1} = f()".format, name, name),
    st.builds("def g(x):\n    x.append({0})\n    return x\n{1} = g({2})".format, number, name, name),
    st.builds("def h():\n    {0}.append({1})".format, name, number),
    st.just("h()"),
    st.builds("{0} = k({1})".format, name, name),
    st.builds("def k(x, kept={0}):\n    kept.append(len(x))\n    return kept".format, name),
    st.builds("def w():\n    global {0}\n    {0} = [{1}]\nw()".format, name, number),
    st.builds("holder['x'] = {0}".format, name),
    st.builds("{0} = holder.get('x', [0])".format, name),
    st.builds("{0} = [{1}] if {2} is {3} else [0]".format, name, number, name, name),
    st.builds("{0} = (lambda: {1})()".format, name, name),
    st.builds("for t in [1, 2]:\n    {0}.append(t)\n    {1} = {0}".format, name, name),
    st.builds(
        "try:\n    {0} = {1}\n    {0}[99]\n    {2} = [5]\nexcept IndexError:\n    {3} = {0}".format,
        name,
        name,
        name,
        name,
    ),
)


def indented(text: str) -> str:
    return "\n".join("    " + line for line in text.splitlines())


branch = st.builds(
    lambda tested, then, other: f"if len({tested}) % 2:\n{indented(then)}\nelse:\n{indented(other)}",
    name,
    simple,
    simple,
)
maybe = st.builds(lambda tested, then: f"if len({tested}) > 1:\n{indented(then)}", name, simple)
statement = st.one_of(simple, simple, simple, branch, maybe)
START = (
    "a = [1]\nb = [2, 3]\nc = [4]\nd = [5, 6]\nholder = {}\n"
    "def f():\n    return a\ndef h():\n    b.append(0)\ndef k(x, kept=[]):\n    kept.append(len(x))\n    return kept"
)


@st.composite
def notebooks(draw: st.DrawFn) -> str:
    cells = ['# %% tags=["step:start"]\n' + START]
    for step in STEPS[: draw(st.integers(2, 4))]:
        body = "\n".join(draw(st.lists(statement, min_size=1, max_size=4)))
        cells.append(f'# %% tags=["step:{step}"]\n{body}')
    look = "seen = repr([a, b, c, d, holder.get('x')])\nsame = [x is y for x in (a, b, c, d) for y in (a, b, c, d)]"
    cells.append(f'# %% tags=["step:finish"]\n{look}')
    return "\n\n".join(cells) + "\n"


def outcome(text: str) -> dict[str, Any]:
    try:
        namespace = run_notebook(text)
    except Exception:
        return {}
    return {key: namespace[key] for key in ("seen", "same")}


@settings(max_examples=300, suppress_health_check=list(HealthCheck))
@given(notebooks())
def test_the_last_step_sees_what_the_notebook_would_show(text: str) -> None:
    expected = outcome(text)
    if not expected:
        return
    compilation = compile_text(text)
    assert compilation.pipeline is not None
    finish = run_pipeline(compilation.pipeline)["finish"]
    assert {key: finish[key] for key in expected} == expected
