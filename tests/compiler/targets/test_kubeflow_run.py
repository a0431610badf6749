"""The compiled YAML under KFP's own local runner: every step gets, and leaves, what the notebook would have had."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.compiler.helpers import pipeline_of


def test_values_go_down_a_chain(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("one", "x = [1]", gives="x"),
            step("two", "y = x + [2]", takes={"one": "x"}, gives="y"),
            step("three", "z = sum(y)", takes={"two": "y"}, gives="z"),
        )
    )
    assert run.value("three", "z") == 3


def test_a_diamond_joins_both_sides(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("top", "x = 10", gives="x"),
            step("left", "a = x + 1", takes={"top": "x"}, gives="a"),
            step("right", "b = x + 2", takes={"top": "x"}, gives="b"),
            step("bottom", "c = (a, b)", takes={"left": "a", "right": "b"}, gives="c"),
        )
    )
    assert run.value("bottom", "c") == (11, 12)


def test_names_in_one_artifact_go_on_sharing_their_object(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("make", "a = []\nb = a", gives=[("a", "b")]),
            step("use", "a.append(1)\nseen = b", takes={"make": "a b"}, gives=[("a", "b"), ("seen",)]),
        )
    )
    assert run.value("use", "seen") == [1]


def test_a_step_alters_a_value_and_hands_it_on(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("make", "xs = [1]", gives="xs"),
            step("alter", "xs.append(2)", takes={"make": "xs"}, gives="xs"),
            step("read", "total = sum(xs)", takes={"alter": "xs"}, gives="total"),
        )
    )
    assert run.value("read", "total") == 3


LITERALS = {
    "an_int": "3",
    "a_big_int": str(2**63 + 1),
    "a_negative": "-7",
    "a_float": "3.0",
    "a_tiny_float": "5e-324",
    "infinite": "1e999",
    "yes": "True",
    "no": "False",
    "text": "'it\\'s \"quoted\", ünï, 100% {{x}}\\n'",
    "empty_text": "''",
    "looks_like_a_number": "'007'",
    "nothing": "None",
    "a_list": "[1, 2.0, 'x', None, True]",
    "a_dict": "{'a': 1, 2: [3.0], (4,): {5}}",
    "a_tuple": "(1, -2)",
    "raw": "b'\\x00\\xff'",
    "a_complex": "1+2j",
}


def test_the_default_of_a_parameter_arrives_exactly_whatever_its_type(run_on_kfp, step, pipeline):
    names = " ".join(LITERALS)
    run = run_on_kfp(
        pipeline(
            step(
                "only", f"seen = {{name: repr(globals()[name]) for name in {names.split()}}}", reads=names, gives="seen"
            ),
            **LITERALS,
        )
    )
    assert run.value("only", "seen") == {name: repr(eval(text)) for name, text in LITERALS.items()}


def test_arguments_take_the_place_of_the_defaults(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("only", "seen = repr((n, f, s, flag, d))", reads="n f s flag d", gives="seen"),
            n="1",
            f="1.0",
            s="'a'",
            flag="True",
            d="{'k': 1}",
        ),
        n=5,
        f=2.5,
        s="b",
        flag=False,
        d="{'k': 2, 'l': 3.0}",
    )
    assert run.value("only", "seen") == "(5, 2.5, 'b', False, {'k': 2, 'l': 3.0})"


def test_an_argument_that_is_no_literal_is_refused_by_name(run_on_kfp, step, pipeline):
    run = run_on_kfp(pipeline(step("only", "x = d", reads="d", gives="x"), d="{}"), d="not a literal")
    assert "only" not in run.steps
    assert "parameter d" in run.log.lower()


def test_every_step_starts_from_the_preamble(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("one", "x = math.floor(2.5)", gives="x"),
            step("two", "y = math.ceil(x + 0.5)", takes={"one": "x"}, gives="y"),
            preamble=("import math",),
        )
    )
    assert run.value("two", "y") == 3


def test_random_numbers_go_on_where_the_step_before_stopped(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("seed", "np.random.seed(7)\nrandom.seed(7)", gives="@numpy.random @random"),
            step(
                "draw",
                "drawn = (float(np.random.random()), random.random())",
                takes={"seed": "@numpy.random @random"},
                gives="drawn",
            ),
            preamble=("import random\nimport numpy as np",),
        )
    )
    import random

    import numpy as np

    state = random.getstate()
    try:
        random.seed(7)
        assert run.value("draw", "drawn") == (np.random.RandomState(7).random_sample(), random.random())
    finally:
        random.setstate(state)


def test_modules_of_python_are_not_looked_for_in_the_notebooks_folder(run_on_kfp, step, pipeline):
    run = run_on_kfp(pipeline(step("only", "import os, sys\nahead = os.getcwd() in sys.path", gives="ahead")))
    assert run.value("only", "ahead") is False


def test_metrics_are_kfp_metrics(run_on_kfp, step, pipeline):
    run = run_on_kfp(pipeline(step("only", "score = 0.75\ncount = 3", metrics="print(score, count)")))
    assert run.metrics("only") == {"score": 0.75, "count": 3}


def test_a_confusion_matrix_and_a_curve_are_kfp_classification_metrics(run_on_kfp, step, pipeline):
    data = "true, told, scores = [0, 0, 1, 1], [0, 1, 1, 1], [0.1, 0.4, 0.35, 0.8]"
    measures = "matrix = metrics.confusion_matrix(true, told)\nf, t, at = metrics.roc_curve(true, scores)"
    run = run_on_kfp(pipeline(step("only", f"from sklearn import metrics\n{data}", metrics=measures)))
    found = run.steps["only"]["classification"]["metadata"]
    assert [row["row"] for row in found["confusionMatrix"]["rows"]] == [[1, 1], [0, 2]]
    assert found["confidenceMetrics"][-1] == {"confidenceThreshold": 0.1, "recall": 1, "falsePositiveRate": 1}


def test_a_metric_that_is_no_number_for_json_does_not_fail_the_step(run_on_kfp, step, pipeline):
    run = run_on_kfp(pipeline(step("only", "score = float('nan')\ncount = 1", metrics="print(score, count)")))
    assert run.metrics("only") == {"count": 1}


def test_the_executed_notebook_is_an_artifact(run_on_kfp, step, pipeline):
    run = run_on_kfp(pipeline(step("only", "print('hello from the cell')")))
    notebook = json.loads(Path(run.steps["only"]["executed_notebook"]["path"]).read_text(encoding="utf-8"))
    assert "hello from the cell" in json.dumps(notebook["cells"][0]["outputs"])


def test_the_report_shows_code_text_tables_and_pictures(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step(
                "only",
                "print('1 < 2')\npd.DataFrame({'a': [42]})",
                "plt.plot([1, 2])\nplt.show()",
            ),
            preamble=("import matplotlib.pyplot as plt\nimport pandas as pd",),
        )
    )
    page = Path(run.steps["only"]["report"]["path"]).read_text(encoding="utf-8")
    assert '<pre class="source">print(&#x27;1 &lt; 2&#x27;)' in page
    assert '<pre class="stdout">1 &lt; 2' in page
    assert "<td>42</td>" in page
    assert '<img alt="" src="data:image/png;base64,iVBOR' in page


def test_what_a_cell_prints_is_in_the_log(run_on_kfp, step, pipeline):
    assert "hello from the cell" in run_on_kfp(pipeline(step("only", "print('hello', 'from the cell')"))).log


def test_a_failing_cell_stops_the_pipeline_and_names_the_error(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("bad", "x = {}['missing']", gives="x"),
            step("never", "y = x", takes={"bad": "x"}, gives="y"),
        )
    )
    assert run.steps == {}
    assert "Step bad failed" in run.log
    assert "KeyError" in run.log


def test_a_step_that_alters_what_another_keeps_of_the_same_input_fails(run_on_kfp):
    cells = {
        "make": "x = [1]",
        "keep": "import gc\ny = {'k': gc.get_referents([x])[0]}",
        "alter": "x.append(2)",
        "look": "print(y)",
    }
    run = run_on_kfp(pipeline_of("\n".join(f'# %% tags=["step:{name}"]\n{code}' for name, code in cells.items())))
    assert "altered x, which in the notebook is the same object as y['k'] from step keep" in run.log


def test_a_step_that_dies_says_how(run_on_kfp, step, pipeline):
    run = run_on_kfp(pipeline(step("dies", "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)")))
    assert "Step dies was killed by SIGKILL" in run.log


def test_a_name_bound_in_a_branch_that_did_not_run_stays_unbound(run_on_kfp, step, pipeline):
    run = run_on_kfp(
        pipeline(
            step("maybe", "if False:\n    extra = 1", gives="extra", optional=("extra",)),
            step("look", "seen = 'extra' in globals()", takes={"maybe": "extra"}, gives="seen"),
        )
    )
    assert run.value("look", "seen") is False


def test_an_artifact_changed_on_its_way_is_refused(run_on_kfp, step, pipeline, tmp_path):
    run = run_on_kfp(
        pipeline(
            step("make", "x = [1, 2, 3]", gives="x"),
            # Stands for a damaged object in the store: the file beside this run's own folder is cut short.
            step(
                "damage",
                f"import glob, os\npath, = glob.glob({str(tmp_path / 'root')!r} + '/*/make/x')\n"
                "os.chmod(path, 0o644)\nopen(path, 'r+b').truncate(40)",
                after=("make",),
            ),
            step("use", "y = x", takes={"make": "x"}, gives="y", after=("damage",)),
        )
    )
    assert "use" not in run.steps
    assert "Step use failed" in run.log


@pytest.mark.parametrize("name", ["Output", "self", "metrics", "größe"])
def test_names_that_kfp_keeps_for_itself_still_arrive(run_on_kfp, step, pipeline, name):
    run = run_on_kfp(
        pipeline(
            step("first", f"{name} = 41", gives=name),
            step("second", f"{name} += 1", takes={"first": name}, gives=name),
        )
    )
    assert run.value("second", name) == 42


def test_braces_in_the_code_reach_the_cell_unchanged(run_on_kfp, step, pipeline):
    run = run_on_kfp(pipeline(step("only", "x = '{{$.inputs}}{{$}}'\ny = {(1,): {2: 3}}", gives="x y")))
    assert run.value("only", "x") == "{{$.inputs}}{{$}}"
    assert run.value("only", "y") == {(1,): {2: 3}}
