"""Which values flow where: a table of little notebooks."""

from __future__ import annotations

import pytest

from labline_compiler.analysis import expressions, walker
from tests.compiler.helpers import edges, pipeline_of


def steps(**cells: str) -> str:
    return "\n".join(f'# %% tags=["step:{name}"]\n{source}\n' for name, source in cells.items())


CASES = {
    "a value goes to its reader": (steps(a="x = 1", b="print(x)"), {"a>b:x"}),
    "a function that hands another to itself": (
        steps(
            a="def inner(x):\n    return x",
            b="def call(f):\n    return f(1)",
            c="def outer(x):\n    return call(lambda y: inner(y))",
            d="call(outer)",
        ),
        {"a>d:inner", "b>d:call", "c>d:outer"},
    ),
    "code to be timed reads its names": (
        steps(a="def f(): ...", b="import timeit\ntimeit.timeit('f()', 'from __main__ import f')"),
        {"a>b:f"},
    ),
    "a name spelled out in globals() is that name": (
        steps(
            a="x = 1\ny = 2",
            b="globals()['x'] += 1\nglobals().update(z=3)\n'y' in globals()\ndel vars()['y']",
            c="print(x, z)",
        ),
        {"a>b:x,y", "b>c:x,z"},
    ),
    "a name removed from globals()": (
        steps(a="x = 1\ny = 2", b="x = globals().pop('x')", c="print(globals().get('y', 0), globals()['x'])"),
        {"a>b:x", "b>c:x", "a>c:y"},
    ),
    "help on a name reads it": (steps(a="x = 1\ny = 2", b="x.real?"), {"a>b:x"}),
    "a pickle names classes and functions": (
        steps(
            a="import pickle, collections\nclass C: ...\ndef f(): ...\nP = collections.namedtuple('P', 'x')\nn = 1",
            b="thing = pickle.load(open('file', 'rb'))",
        ),
        {"a>b:C,P,f,pickle"},
    ),
    "what is shown runs methods that show it": (
        steps(a="n = 0\nclass R:\n    def _repr_html_(self): R.n = n; return ''", b="r = R()", c="[r]", d="print(R.n)"),
        {"a>b:R", "a>c:n", "b>c:R,r", "c>d:R"},
    ),
    "a function over arrays reads what its function reads": (
        steps(a="import numpy as np\nf = np.frompyfunc(lambda x: x * w, 1, 1)", b="w = 3", c="f([1])"),
        {"a>c:f", "b>c:w"},
    ),
    "what was handed a function reads what that reads, whatever its methods are called": (
        steps(a="import json\nd = json.JSONDecoder(object_hook=lambda o: w)", b="w = 3", c="d.decode('{}')"),
        {"a>c:d", "b>c:w"},
    ),
    "a time asks its zone": (
        steps(
            a="import datetime\nclass Z(datetime.tzinfo):\n    def utcoffset(self, t): return w\n"
            "t = datetime.datetime(2024, 1, 1, tzinfo=Z())",
            b="w = datetime.timedelta(0)",
            c="print(t)",
            d="t.isoformat()",
        ),
        {"a>b:datetime", "a>c:t", "a>d:t", "b>c:w", "b>d:w"},
    ),
    "a scorer reads what its function reads": (
        steps(
            a="from sklearn.metrics import make_scorer\ndef cost(y, p): return w\ns = make_scorer(cost)",
            b="w = 3",
            c="from sklearn.svm import SVC\nfrom sklearn.model_selection import cross_val_score as score\n"
            "score(SVC(), [[1], [2]], [0, 1], scoring=s)",
        ),
        {"a>c:s", "b>c:w"},
    ),
    "what shows a frame reads what its functions read": (
        steps(
            a="import pandas as pd\ndef show(v): return unit\nst = pd.DataFrame([1]).style.format(show)",
            b="unit = 'm'",
            c="st",
        ),
        {"a>c:st", "b>c:unit"},
    ),
    "a class that frames have under a name": (
        steps(
            a="import pandas as pd\n@pd.api.extensions.register_dataframe_accessor('geo')\nclass Geo:\n"
            "    def __init__(self, df): self.df = df\n    @property\n    def wide(self): return unit\n"
            "df = pd.DataFrame([1])",
            b="unit = 'm'",
            c="print(df.geo.wide)",
        ),
        {"a>b:@patch:pandas.DataFrame.geo", "a>c:@patch:pandas.DataFrame.geo,df", "b>c:unit"},
    ),
    "a function that an option is set to": (
        steps(
            a="import pandas as pd\npd.set_option('display.float_format', lambda v: unit)",
            b="unit = 'm'",
            c="print(pd.Series([1.5]))",
        ),
        {"a>b:@pandas.options", "a>c:@pandas.options,pd", "b>c:unit"},
    ),
    "what an adapter of a logger adds": (
        steps(
            a="import logging\nmore = {}\nlog = logging.LoggerAdapter(logging.getLogger('a'), more)",
            b="more['x'] = 1",
            c="print(log.extra)",
        ),
        {"a>b:log,more", "b>c:log"},
    ),
    "what nobody reads stays": (steps(a="x = 1\ny = 2", b="print(x)"), {"a>b:x"}),
    "independent steps have no edge": (steps(a="x = 1", b="y = 2"), set()),
    "the last binding wins": (steps(a="x = 1", b="x = 2", c="print(x)"), {"b>c:x"}),
    "an altered list comes from who altered it": (
        steps(a="x = []", b="x.append(1)", c="print(x)"),
        {"a>b:x", "b>c:x"},
    ),
    "an alias carries the alteration": (
        steps(a="x = []\ny = x", b="x.append(1)", c="print(y)"),
        {"a>b:x,y", "b>c:y"},
    ),
    "an alias made in a later step": (
        steps(a="x = []", b="y = x", c="x.append(1)", d="print(y)"),
        {"a>b:x", "b>c:x,y", "c>d:y"},
    ),
    "a copy shares nothing": (
        steps(a="import copy\nx = []\ny = copy.deepcopy(x)", b="x.append(1)", c="print(y)"),
        {"a>b:x", "a>c:y"},
    ),
    "a copy of a generator is one": (
        steps(
            a="import copy, numpy as np, pandas as pd\nf = pd.DataFrame({'x': [1]})\nr = np.random.RandomState(1)\n"
            "s = copy.deepcopy(r)",
            b="g = f.sample(1, random_state=s)",
            c="print(s.rand())",
        ),
        {"a>b:f,s", "b>c:s"},
    ),
    "what a magic of the notebook's own gives": (
        steps(
            a="from IPython.core.magic import register_cell_magic as own\n@own\ndef csv(line, cell): return [cell]",
            b="%%csv\n1",
            c="y = _",
        ),
        {"a>b:@ipython,own", "a>c:@ipython", "b>c:_2,own"},
    ),
    "a variable bound through IPython's shell": (
        steps(a="x = 1", b="get_ipython().user_ns['x'] = 2", c="y = x"),
        {"a>b:x", "b>c:x"},
    ),
    "a function of a later step that another one calls by the type of its argument": (
        steps(
            a="import functools\nx = []\n@functools.singledispatch\ndef f(q):\n    pass",
            b="@f.register\ndef _(q: int):\n    x.append(q)",
            c="f(1)",
            d="print(x)",
        ),
        {"a>b:f,x", "b>c:f,x", "c>d:x"},
    ),
    "a name of Python's own that any of several steps may bind": (
        steps(a="exec(input())", b="print(1)", c="exec(input())", d="exec(input())", e="print(2)"),
        {
            "a>b:print",
            "a>c:@numpy.random,@random,@torch.random,exec,input,print",
            "c>d:@numpy.random,@random,@torch.random,exec,input,print",
            "d>e:print",
        },
    ),
    "what IPython gives every step comes from none": (
        steps(a="from math import *", b="get_ipython()"),
        set(),
    ),
    "an iterator over several lists sees what is appended to one": (
        steps(a="c = [1]", b="i = zip(c, 'ab')", c="c.append(1)", d="print(list(i))"),
        {"a>b:c", "b>c:c,i", "c>d:i"},
    ),
    "what pairs of an iterator are unpacked to": (
        steps(a="c = []\nd = []", b="for n, (x, y) in enumerate(zip([c], [d])):\n    y.append(n)", c="print(d)"),
        {"a>b:c,d", "b>c:d"},
    ),
    "what is done to an element is not done to the list": (
        steps(a="c = [1]", b="for n, x in enumerate(c):\n    x += 1", c="print(c)"),
        {"a>b:c", "a>c:c"},
    ),
    "annotations of a function inside a function": (
        steps(a="b = []", b="def f():\n    def g(q: b.append(1)) -> b:\n        pass\nf()", c="print(b)"),
        {"a>b:b", "b>c:b"},
    ),
    "a named tuple holds what it is made of": (
        steps(
            a="import collections\nP = collections.namedtuple('P', 'x')\nc = []",
            b="p = P(c)",
            c="p.x.append(1)",
            d="print(c)",
        ),
        {"a>b:P,c", "b>c:c,p", "c>d:c"},
    ),
    "an attribute of what may be an instance": (
        steps(
            a="d = []\nclass K:\n    def __radd__(self, x): return self\n    def __getattr__(self, n): return d\n"
            "o = K()",
            b="p = sum([o])",
            c="q = p.any\nq.append(1)",
            d="print(d)",
        ),
        {"a>b:d,o", "b>c:d,p", "c>d:d"},
    ),
    "what a generator is sent it may alter": (
        steps(
            a="a = []",
            b="def f():\n    got = yield\n    got.append(1)\n    yield\ng = f()\nnext(g)\ng.send(a)",
            c="print(a)",
        ),
        {"a>b:a", "b>c:a"},
    ),
    "help on a value needs the value": (steps(a="x = 1", b="x?"), {"a>b:x"}),
    "bound in a branch falls through": (
        steps(a="x = 1", b="if len('ab') > 3:\n    x = 2", c="print(x)"),
        {"a>b:x", "b>c:x"},
    ),
    "bound in both branches does not": (
        steps(a="x = 1", b="if len('ab') > 3:\n    x = 2\nelse:\n    x = 3", c="print(x)"),
        {"b>c:x"},
    ),
    "a function brings the globals it reads": (
        steps(a="k = 2\ndef f(x):\n    return x * k", b="print(f(1))"),
        {"a>b:f,k"},
    ),
    "a global is read when the function is called": (
        steps(a="def f():\n    return k", b="k = 1", c="print(f())"),
        {"a>c:f", "b>c:k"},
    ),
    "globals of functions called by functions": (
        steps(a="k = 1\ndef f():\n    return k\ndef g():\n    return f()", b="print(g())"),
        {"a>b:f,g,k"},
    ),
    "a function in a container brings its globals": (
        steps(a="k = 1\ndef f():\n    return k", b="table = {'f': f}", c="print(table['f']())"),
        {"a>b:f", "a>c:k", "b>c:table"},
    ),
    "a function that alters a global": (
        steps(a="log = []\ndef f():\n    log.append(1)", b="f()", c="print(log)"),
        {"a>b:f,log", "b>c:log"},
    ),
    "a global assigned in a function": (
        steps(a="n = 0\ndef f():\n    global n\n    n = n + 1", b="f()", c="print(n)"),
        {"a>b:f,n", "b>c:n"},
    ),
    "comprehension targets stay inside": (steps(a="x = 1", b="y = [x for x in range(3)]", c="print(x)"), {"a>c:x"}),
    "a walrus in a comprehension binds outside": (
        steps(a="x = 0", b="[x := v for v in [1, 2]]", c="print(x)"),
        {"a>b:x", "b>c:x"},
    ),
    "class bodies keep their names": (steps(a="x = 1", b="class C:\n    x = 2", c="print(x)"), {"a>c:x"}),
    "a method's globals come with a call of it": (
        steps(a="k = 1\nclass C:\n    def m(self):\n        return k", b="c = C()", c="print(c.m())"),
        {"a>b:C", "a>c:k", "b>c:c"},
    ),
    "two models fitted on the same data run in parallel": (
        steps(
            split="import numpy as np\nfrom sklearn.linear_model import Ridge, Lasso\n"
            "X = np.arange(6).reshape(3, 2)\ny = np.arange(3)",
            one="m1 = Ridge(random_state=0)\nm1.fit(X, y)",
            two="m2 = Lasso(random_state=0)\nm2.fit(X, y)",
            judge="print(m1.score(X, y), m2.score(X, y))",
        ),
        {"split>one:Ridge,X,y", "split>two:Lasso,X,y", "split>judge:X,y", "one>judge:m1", "two>judge:m2"},
    ),
    "train_test_split gives values apart": (
        steps(
            load="import pandas as pd\nfrom sklearn.model_selection import train_test_split\ndf = pd.read_csv('x.csv')",
            split="train, test = train_test_split(df, random_state=1)",
            scale="train['z'] = train['a'] * 2",
            look="print(test.head())",
        ),
        {"load>split:df,train_test_split", "split>scale:train", "split>look:test"},
    ),
    "a view of a frame follows the frame": (
        steps(
            load="import pandas as pd\ndf = pd.DataFrame({'a': [1]})\ncol = df['a']",
            change="df.loc[0, 'a'] = 5",
            look="print(col)",
        ),
        {"load>change:col,df", "change>look:col"},
    ),
    "reading a frame leaves it alone": (
        steps(
            load="import pandas as pd\ndf = pd.read_csv('x.csv')",
            one="print(df.describe())",
            two="print(df.groupby('a').mean())",
            three="df.head()",
        ),
        {"load>one:df", "load>two:df", "load>three:df"},
    ),
    "an unknown function may alter what it is given": (
        steps(a="import helper\nx = []", b="helper.do(x)", c="print(x)"),
        {"a>b:helper,x", "b>c:x"},
    ),
    "an iterator is used up": (
        steps(a="it = iter([1, 2])", b="print(next(it))", c="print(next(it))"),
        {"a>b:it", "b>c:it"},
    ),
    "a written file comes before its reader": (
        steps(a="open('f.txt', 'w').write('1')", b="print(open('f.txt').read())"),
        {"a>b"},
    ),
    "another file may be read at once": (
        steps(a="open('f.txt', 'w').write('1')", b="print(open('g.txt').read())"),
        set(),
    ),
    "a seed is handed on": (
        steps(
            a="import numpy as np\nnp.random.seed(0)",
            b="x = np.random.rand()",
            c="y = np.random.rand()",
        ),
        {"a>b:@numpy.random,np", "a>c:np", "b>c:@numpy.random"},
    ),
    "without a seed nobody waits": (
        '# %% tags=["imports"]\nimport numpy as np\n' + steps(b="x = np.random.rand()", c="y = np.random.rand()"),
        set(),
    ),
    "an option holds for all that follows": (
        '# %% tags=["imports"]\nimport pandas as pd\n' + steps(a="pd.set_option('display.max_rows', 5)", b="x = 1"),
        {"a>b:@pandas.options"},
    ),
    "prev holds without data": (
        steps(a="x = 1") + '# %% tags=["step:b", "prev:a"]\ny = 2\n',
        {"a>b"},
    ),
    "a shell line reads the names it mentions": (steps(a="x = 1", b="!echo {x}", c="y = 1"), {"a>b:x"}),
    "a timed cell is Python": (steps(a="x = 1", b="%%time\ny = x", c="print(y)"), {"a>b:x", "b>c:y"}),
    "captured output has a name": (steps(a="%%capture out\nprint(1)", b="out.show()"), {"a>b:out"}),
    "a deleted name does not cross": (steps(a="x = 1", b="x = 2\ndel x", c="x = 3", d="print(x)"), {"c>d:x"}),
    "a match captures": (
        steps(
            a="v = [1, 2]",
            b="match v:\n    case [p, *q]:\n        pass\n    case _:\n        p = q = 0",
            c="print(p, q)",
        ),
        {"a>b:v", "b>c:p,q"},
    ),
    "an exception's name is gone afterwards": (
        steps(a="e = 1", b="try:\n    x = 1\nexcept ValueError as e:\n    x = 2", c="print(x)"),
        {"b>c:x"},
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_edges(case: str) -> None:
    text, expected = CASES[case]
    assert edges(pipeline_of(text)) == expected


def test_names_that_share_an_object_are_one_artifact() -> None:
    pipeline = pipeline_of(steps(a="x = []\ny = [x]\nz = []", b="print(x, y, z)"))
    assert [output.names for output in pipeline.step("a").outputs] == [("x", "y"), ("z",)]


def test_a_name_bound_only_maybe_is_optional() -> None:
    pipeline = pipeline_of(steps(a="n = 3", b="if n > 5:\n    x = 1", c="if n > 5:\n    print(x)"))
    (output,) = pipeline.step("b").outputs
    assert (output.names, output.optional) == (("x",), ("x",))


def test_untagged_cells_above_the_first_step_form_setup() -> None:
    pipeline = pipeline_of("# %%\nx = 1\n" + steps(a="print(x)"))
    assert edges(pipeline) == {"setup>a:x"}


def test_setup_gives_way_to_a_step_of_that_name() -> None:
    pipeline = pipeline_of("# %%\nx = 1\n" + steps(setup="print(x)"))
    assert [step.name for step in pipeline.steps] == ["setup_2", "setup"]


def test_an_untagged_cell_belongs_to_the_step_above() -> None:
    pipeline = pipeline_of(steps(a="x = 1") + "# %%\ny = x\n")
    assert [cell.index for cell in pipeline.step("a").cells] == [0, 1]


def test_imports_and_functions_run_in_every_step() -> None:
    text = '# %% tags=["imports"]\nimport math\n# %% tags=["functions"]\ndef f(): return math.pi\n' + steps(a="x = f()")
    pipeline = pipeline_of(text)
    assert [cell.role for cell in pipeline.preamble] == ["imports", "functions"]
    assert pipeline.step("a").inputs == ()


def test_a_functions_cell_that_needs_a_value_runs_once() -> None:
    text = steps(a="n = 2") + '# %% tags=["functions"]\ndef f(x=n):\n    return x\n' + steps(b="print(f())")
    pipeline = pipeline_of(text)
    assert pipeline.preamble == ()
    assert edges(pipeline) == {"a>b:f"}


def test_a_functions_cell_that_needs_a_name_of_a_star_import_runs_once() -> None:
    source = steps(a="from typing import *") + '# %% tags=["functions"]\ndef f() -> List: ...\n' + steps(b="f()")
    assert not pipeline_of(source).preamble


def test_a_skipped_cell_is_left_out() -> None:
    pipeline = pipeline_of(steps(a="x = 1") + '# %% tags=["skip"]\nx = 2\n' + steps(b="print(x)"))
    assert [cell.index for step in pipeline.steps for cell in step.cells] == [0, 2]


def test_a_parameter_reaches_the_steps_that_read_it() -> None:
    pipeline = pipeline_of('# %% tags=["parameters"]\nn = 3\n' + steps(a="x = 1", b="print(n, x)"))
    assert [step.parameters for step in pipeline.steps] == [(), ("n",)]


def test_a_parameter_that_a_step_rebinds_is_a_value_of_that_step() -> None:
    pipeline = pipeline_of('# %% tags=["parameters"]\nn = 3\n' + steps(a="n = n + 1", b="print(n)"))
    assert pipeline.step("b").parameters == ()
    assert edges(pipeline) == {"a>b:n"}


def test_what_was_never_fitted_may_go_on_when_it_predicts() -> None:
    found = edges(pipeline_of(steps(a="from filters import Kalman\nk = Kalman()", b="k.predict()", c="print(k)")))
    assert "b>c:k" in found


@pytest.mark.parametrize(
    "made",
    [
        "from models import Tree\nk = Tree()\nk.fit([[1]], [2])",
        "from models import Tree\nk = Tree()\nk.load_weights('k.h5')",
        "import keras\nk = keras.models.load_model('k.keras')",
        "import lightgbm\nk = lightgbm.train({}, lightgbm.Dataset([[1]]))",
    ],
)
def test_what_was_fitted_or_loaded_stays_as_it_is_when_it_predicts(made: str) -> None:
    assert "a>c:k" in edges(pipeline_of(steps(a=made, b="k.predict([[1]])", c="print(k)")))


def test_a_mutable_parameter_that_a_step_alters_comes_from_there() -> None:
    pipeline = pipeline_of('# %% tags=["parameters"]\ncols = ["a"]\n' + steps(a="cols.append('b')", b="print(cols)"))
    assert edges(pipeline) == {"a>b:cols"}


def test_code_beside_parameters_runs_in_setup() -> None:
    pipeline = pipeline_of('# %% tags=["parameters"]\nn = 3\nm = n * 2\n' + steps(a="print(m)"))
    (cell,) = pipeline.step("setup").cells
    assert (cell.role, cell.source) == ("parameters", "\nm = n * 2")
    assert pipeline.step("setup").parameters == ("n",)


def test_metrics_belong_to_the_step_above() -> None:
    pipeline = pipeline_of(steps(a="acc = 1.0") + '# %% tags=["pipeline-metrics"]\nprint(acc)\n')
    assert [cell.role for cell in pipeline.step("a").cells] == ["step", "metrics"]


def test_interleaved_steps_that_share_nothing_are_fine() -> None:
    pipeline = pipeline_of(steps(a="x = 1") + steps(b="y = 2") + steps(a="z = x"))
    assert [cell.index for cell in pipeline.step("a").cells] == [0, 2]


def test_the_order_of_the_notebook_is_kept() -> None:
    pipeline = pipeline_of(steps(c="x = 1", a="y = x", b="z = x"))
    assert [step.name for step in pipeline.steps] == ["c", "a", "b"]


UNALTERED = {
    "a reader above another reader": (steps(a="x = [1]", b="print(x)", c="print(x)"), {"b:x"}),
    "the one reader": (steps(a="x = [1]", b="print(x)"), set()),
    "who alters it": (steps(a="x = [1]", b="x.append(2)", c="print(x)"), set()),
    "who alters it for nobody": (steps(a="x = [1]", b="print(x)", c="x.append(2)"), {"b:x"}),
    "a reader above who alters it maybe": (
        steps(a="x = [1]", b="print(x)", c="if len('ab') > 3:\n    x = 2", d="print(x)"),
        {"b:x"},
    ),
    "a reader of what a later step knows by another name": (
        steps(a="x = [1]\ny = [x]", b="print(x)", c="y[0].append(2)\nprint(y)"),
        {"b:x"},
    ),
    "hidden state": (
        steps(a="import os\nos.environ['K'] = '1'", b="print(os.getenv('K'))", c="print(os.getenv('K'))"),
        {"b:os"},
    ),
}


@pytest.mark.parametrize("case", UNALTERED)
def test_inputs_whose_change_a_later_step_would_miss(case: str) -> None:
    text, expected = UNALTERED[case]
    pipeline = pipeline_of(text)
    found = {f"{step.name}:{name}" for step in pipeline.steps for taken in step.inputs for name in taken.unaltered}
    assert found == expected


def test_the_worst_is_assumed_of_functions_once_the_budget_is_used_up(monkeypatch: pytest.MonkeyPatch) -> None:
    text = """
    # %% tags=["step:a"]
    seen = []
    def note(x):
        seen.append(x)

    # %% tags=["step:b"]
    note(1)

    # %% tags=["step:c"]
    print(seen)
    """
    monkeypatch.setattr(expressions, "NOTEBOOK_BUDGET", 0)
    assert [taken.source for step in pipeline_of(text).steps if step.name == "c" for taken in step.inputs] == ["b"]


def test_code_that_can_bind_any_name_interrupts_no_step() -> None:
    show = "def show(text):\n    print(repr(eval(text)))"
    source = steps(a=show, b="x = 1\nshow('x')", c="y = str(2)\nshow('y')", d="z = str(repr(3))\nshow('z')")
    assert edges(pipeline_of(source))  # which asserts that there is no error


def test_a_name_that_several_steps_may_bind_has_one_version_of_each() -> None:
    ask = "def ask(name):\n    return name in globals()"
    source = steps(
        a=ask, b="ask('x')\nprint(bool(1))", c="ask('x')", d="ask('x')", e="print(bool(0))\nask('x')", f="str()"
    )
    assert edges(pipeline_of(source))  # which asserts that there is no error


_WORK = "def work():\n" + "    a = 1\n" * 30
_MAKE_INNER = "def make():\n    def inner():\n        return m\n    return inner"
_SHOWN = "class Shown:\n    def __repr__(self):\n        return str(m)"
OUT_OF_SIGHT = {  # what the first step defines, what the second does once its budget is used up, what the third does
    "a function inside": (_MAKE_INNER, "g = make()", "print(g())"),
    "a function handed on as a key": (
        "def make():\n    def inner(x):\n        return m\n    return inner",
        "g = make()",
        "print(sorted([2, 1], key=g))",
    ),
    "a global function": ("def make():\n    global h\n    h = lambda: m", "make()", "print(h())"),
    "an instance": (f"{_SHOWN}\ndef make():\n    return Shown()", "g = make()", "print(g)"),
    "an instance of a class inside": (
        "def make():\n    class Shown:\n        def __repr__(self):\n            return str(m)\n    return Shown()",
        "g = make()",
        "print(g)",
    ),
}


@pytest.mark.parametrize("case", OUT_OF_SIGHT)
def test_what_a_function_made_that_was_not_followed_takes_its_names_along(
    case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(walker, "BUDGET", 20)
    defined, made, used = OUT_OF_SIGHT[case]
    text = steps(a=f"m = 1\n{_WORK}\n{defined}", b=f"work()\n{made}", c=used)
    assert "m" in {name for taken in pipeline_of(text).step("c").inputs for name in taken.names}


def test_a_function_that_is_not_followed_calls_those_it_is_handed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "NOTEBOOK_BUDGET", 0)
    text = steps(a="m = 1\ndef get():\n    return m\ndef apply(call):\n    return call()", b="print(apply(get))")
    assert "m" in {name for taken in pipeline_of(text).step("b").inputs for name in taken.names}


def test_a_function_that_is_not_followed_takes_names_of_star_imports(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "NOTEBOOK_BUDGET", 0)
    text = steps(a="def make():\n    return zeros(2)", b="from numpy import *", c="print(make())")
    assert "zeros" in {name for taken in pipeline_of(text).step("c").inputs for name in taken.names}


@pytest.mark.parametrize("gives", ["t.query('x > @m')", "eval('m + 1')"])
def test_a_function_that_is_not_followed_takes_the_names_in_its_texts(
    gives: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(expressions, "NOTEBOOK_BUDGET", 0)
    text = steps(a=f"m = 1\ndef above(t):\n    return {gives}", b="print(above(1))")
    assert "m" in {name for taken in pipeline_of(text).step("b").inputs for name in taken.names}


def test_expressions_of_a_plot_take_their_names_wherever_they_are_given() -> None:
    text = steps(a="scale = 3\nfrom plotnine import aes", b="a = aes('x', 'y * scale')")
    assert "scale" in {name for taken in pipeline_of(text).step("b").inputs for name in taken.names}


def test_an_expression_of_a_frame_takes_its_names_also_in_place() -> None:
    text = steps(
        a="m = 1\ndef make(pd):\n    return pd.DataFrame({'x': [1]})",
        b="t = make(pd)\nt.eval('y = x * @m', inplace=True)",
    )
    assert "m" in {name for taken in pipeline_of(text).step("b").inputs for name in taken.names}


@pytest.mark.parametrize("use", ["d[d.a > 1]", "d.head()", "d.copy()", "d + 1"])
def test_what_pandas_makes_of_a_frame_of_the_notebooks_own_class_takes_that(use: str) -> None:
    own = "class Own(pd.DataFrame):\n    @property\n    def _constructor(self):\n        return Own\n"
    text = steps(a=f"import pandas as pd\n{own}d = Own({{'a': [1, 2]}})", b=f"e = {use}")
    assert "Own" in {name for taken in pipeline_of(text).step("b").inputs for name in taken.names}


def test_a_function_that_is_not_followed_takes_any_name_by_globals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(expressions, "NOTEBOOK_BUDGET", 0)
    text = steps(a="m = 1\ndef get(name):\n    return globals()[name]", b="print(get('m'))")
    assert "m" in {name for taken in pipeline_of(text).step("b").inputs for name in taken.names}


@pytest.mark.parametrize("calls", [("print(1)", "package.twice(make)"), ("package.both(hold, make)", "keep[0]()")])
def test_what_a_function_gives_to_unknown_code_may_be_called(calls: tuple[str, str]) -> None:
    defined = f"import package\nm = 1\nkeep = []\ndef hold(x):\n    keep.append(x)\n{_MAKE_INNER}"
    pipeline = pipeline_of(steps(a=defined, b=calls[0], c=calls[1]))
    assert "m" in {name for taken in pipeline.step("c").inputs for name in taken.names}


def test_naming_an_index_alters_all_frames_that_may_have_it() -> None:
    made = "import pandas as pd\ndf = pd.DataFrame({'a': [1]})"
    text = steps(a=made, b="j = df.join(df, rsuffix='x')", c="j.index.name = 'i'", d="print(df)")
    assert "c>d:df" in edges(pipeline_of(text))


@pytest.mark.parametrize("made", ["j = df * 2", "j = df / df.sum() * 100", "j = df.join(df, rsuffix='x')"])
def test_frames_that_may_have_one_index_travel_together_where_it_is_named(made: str) -> None:
    text = steps(a="import pandas as pd\ndf = pd.DataFrame({'a': [1]})", b=made, c="j.index.name = 'i'", d="print(df)")
    assert {"b>c:df,j", "c>d:df"} <= edges(pipeline_of(text))


def test_a_wrapper_holds_the_function_that_it_is_named_after() -> None:
    adding = "import functools\nbase = [0]\ndef add(x, kept=base):\n    kept.append(x)"
    wrapper = "@functools.wraps(add)\ndef other(x):\n    return x"
    text = steps(a=adding, b=wrapper, c="other.__wrapped__(1)", d="print(base)")
    assert "c>d:base" in edges(pipeline_of(text))


def test_a_transformer_keeps_nothing_of_what_it_is_fitted_with_but_what_its_methods_say() -> None:
    kept = (
        "import numpy as np\nfrom sklearn.base import TransformerMixin\nX = np.ones(3)\n"
        "class Shift(TransformerMixin):\n"
        "    def fit(self, X, y=None):\n"
        "        self.by = {keeps}\n"
        "        return self\n"
        "    def transform(self, X):\n"
        "        return X - 1"
    )
    used = {"b": "s = Shift()\nZ = s.fit_transform(X)", "c": "s.by[0] = 7", "d": "print(X)"}
    assert "c>d:X" in edges(pipeline_of(steps(a=kept.replace("{keeps}", "X"), **used)))
    assert "a>d:X" in edges(pipeline_of(steps(a=kept.replace("{keeps}", "[0]"), **used)))


@pytest.mark.parametrize("put", ["x.other = x", "vars(x)['other'] = x", "x.rows.append(x)\nx.other = x.rows[0]"])
def test_an_attribute_may_be_the_instance_itself(put: str) -> None:
    made = f"class T:\n    def __init__(self):\n        self.rows, self.n = [], 0\nx = T()\n{put}"
    assert "b>c:x" in edges(pipeline_of(steps(a=made, b="x.other.n += 1", c="print(x.n)")))


def test_an_attribute_may_be_the_class_whose_instance_has_it() -> None:
    made = "class T: ...\nT.log = []\nx = T()\nvars(x)['kind'] = T"
    assert "b>c:T" in edges(pipeline_of(steps(a=made, b="x.kind.log.append(1)", c="print(T.log)")))
