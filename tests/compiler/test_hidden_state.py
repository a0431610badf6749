"""Which hidden state flows where: a table of little notebooks."""

from __future__ import annotations

import dataclasses

import pytest

from labline_compiler.compile import compile_notebook
from labline_compiler.notebook import parse
from tests.compiler.helpers import compile_text, edges, pipeline_of
from tests.compiler.test_graph import steps

PLT = "import matplotlib.pyplot as plt\n"
IMPORTS = f'# %% tags=["imports"]\nimport numpy as np, random, os, logging\n{PLT}'

CASES = {
    "inline figures end with their cell": (steps(a="plt.plot([1])", b="plt.plot([2])"), set()),
    "a figure with a name is a value": (steps(a="fig, ax = plt.subplots()", b="ax.plot([1])"), {"a>b:ax"}),
    "axes that are altered bring their figure along": (
        steps(a="fig, ax = plt.subplots()", b="ax.plot([1])", c="fig.savefig('x.png')"),
        {"a>b:ax,fig", "b>c:fig"},
    ),
    "the current axes are those of the cell's figure": (
        steps(a="fig = plt.figure()\nplt.plot([1])", b="fig.savefig('x.png')"),
        {"a>b:fig"},
    ),
    "going back to old axes alters them": (
        steps(a="fig, ax = plt.subplots()", b="plt.sca(ax)\nplt.plot([1])", c="fig.savefig('x.png')"),
        {"a>b:ax,fig", "b>c:fig"},
    ),
    "axes of a frame's plot bring their figure along": (
        steps(
            a="import pandas as pd\nax = pd.DataFrame().plot.scatter('a', 'b')\ntwin = ax.twinx()",
            b="twin.set_ylabel('x')",
            c="ax.figure",
        ),
        {"a>b:ax,twin", "b>c:ax"},
    ),
    "printing fills what stands in a stream's place": (
        steps(a="import io, sys\nsys.stdout = caught = io.StringIO()", b="print(1)", c="text = caught.getvalue()"),
        {"a>b:@patch:sys.stdout,caught", "b>c:@patch:sys.stdout,caught"},
    ),
    "so does a shell line": (
        steps(a="import io, sys\nsys.stdout = caught = io.StringIO()", b="!echo 1", c="text = caught.getvalue()"),
        {"a>b:@patch:sys.stdout,caught", "b>c:@patch:sys.stdout,caught"},
    ),
    "printing calls what the notebook has put in a stream's place": (
        steps(
            a="import sys\nseen = []\nclass Tee:\n def write(self, text): seen.append(text)\nsys.stdout = Tee()",
            b="print(1)",
            c="del sys.stdout\nn = len(seen)",
        ),
        {"a>b:@patch:sys.stdout,seen", "b>c:@patch:sys.stdout,seen", "a>c:sys"},
    ),
    "a stream that a function has put back is nobody's": (
        steps(
            a="import io, sys\ndef f():\n old = sys.stdout\n sys.stdout = io.StringIO()\n sys.stdout = old\nf()",
            b="print(1)",
            c="print(2)",
        ),
        {"a>b:@patch:sys.stdout", "a>c:@patch:sys.stdout"},
    ),
    "frames are drawn side by side": (
        steps(a="import pandas as pd\ndf = pd.DataFrame()", b="df.plot()", c="df.hist()"),
        {"a>b:df", "a>c:df"},
    ),
    "open figures flow": (
        steps(a="plt.switch_backend('agg')", b="plt.plot([1])", c="plt.plot([2])"),
        {"a>b:@matplotlib.backend", "a>c:@matplotlib.backend", "b>c:@matplotlib.figures"},
    ),
    "open figures and their names are one artifact": (
        steps(a="%matplotlib agg\nfig, ax = plt.subplots()", b="plt.plot([1])", c="fig.savefig('x')"),
        {"a>b:@matplotlib.backend,@matplotlib.figures,fig", "a>c:@matplotlib.backend", "b>c:fig"},
    ),
    "figures that another step has opened are handed on closed": (
        steps(a="%matplotlib agg\nplt.plot([1])", b="plt.close('all')", c="plt.plot([2])"),
        {
            "a>b:@matplotlib.backend,@matplotlib.figures",
            "a>c:@matplotlib.backend",
            "b>c:@matplotlib.figures",
        },
    ),
    "closed figures are gone": (
        steps(a="%matplotlib agg\nplt.plot([1])\nplt.close('all')", b="x = 1", c="plt.plot([2])"),
        {"a>b:@matplotlib.backend", "a>c:@matplotlib.backend"},
    ),
    "open figures by pylab's name": (
        steps(a="import pylab as pl\npl.switch_backend('agg')\npl.plot([1])", b="x = pl.sin([1])", c="pl.plot([2])"),
        {"a>b:@matplotlib.backend,pl", "a>c:@matplotlib.backend,@matplotlib.figures,pl"},
    ),
    "the backend is chosen below a package that may choose another, whose import later steps do again": (
        steps(a="from unknown_package import unused\n%matplotlib inline", b="plt.plot([1])"),
        {"a>b:@matplotlib.backend"},
    ),
    "what statsmodels plots has pandas convert dates from then on": (
        steps(
            a="from statsmodels.tsa.seasonal import seasonal_decompose\nparts = seasonal_decompose([1, 2])",
            b="parts.plot()",
            c="plt.plot([1])",
        ),
        {"a>b:parts", "b>c:@matplotlib.rcParams"},
    ),
    "shap's plots shake points with NumPy's generator": (
        steps(a="import shap\nnp.random.seed(1)", b="shap.summary_plot(x, x)", c="np.random.rand()"),
        {"a>b:@numpy.random,shap", "b>c:@numpy.random"},
    ),
    "XGBoost's cross-validation seeds NumPy's generator": (
        steps(a="import xgboost\nx = [1]", b="xgboost.cv({}, x)", c="np.random.rand()"),
        {"a>b:x,xgboost", "b>c:@numpy.random"},
    ),
    "modules that pylab has imported": (
        steps(a="from pylab import plt, mpl\nplt.style.use('bmh')", b="mpl.rcParams['lines.linewidth'] = 4"),
        {"a>b:@matplotlib.rcParams,mpl"},
    ),
    "modules that pylab's star binds": (
        steps(a="from pylab import *\nmpl.rcParams['lines.linewidth'] = 4\nnp.random.seed(1)", b="plot(rand(2))"),
        {"a>b:@matplotlib.rcParams,@numpy.random,plot,rand"},
    ),
    "pylab draws from NumPy's generator": (
        steps(
            a="import pylab as pl\npl.seed(1)", b="pl.title('x')", c="from pylab import rand\nx = rand()", d="pl.rand()"
        ),
        {"a>b:pl", "a>c:@numpy.random", "a>d:pl", "c>d:@numpy.random"},
    ),
    "figures that are not closed": (
        steps(a="%config InlineBackend.close_figures = False\nplt.plot([1])", b="plt.plot([2])"),
        {"a>b:@matplotlib.backend,@matplotlib.figures"},
    ),
    "another backend than the one that IPython knows": (
        steps(
            a="%matplotlib inline", b="plt.plot([1])", c="import matplotlib\nmatplotlib.use('svg')", d="plt.plot([2])"
        ),
        {"a>b:@matplotlib.backend", "a>c:@matplotlib.backend", "c>d:@matplotlib.backend"},
    ),
    "inline again is nothing new": (steps(a="%matplotlib inline", b="plt.plot([1])"), set()),
    "a parameter that is set is no look at the backend": (
        steps(
            a="%matplotlib inline", b="from matplotlib import rcParams", c="plt.rcParams['font.size']\nplt.plot([1])"
        ),
        set(),
    ),
    "widgets look at the backend": (
        steps(a="%matplotlib inline", b="from ipywidgets import interact\ninteract(print, x=1)"),
        {"a>b:@matplotlib.backend"},
    ),
    "which backend it is is looked at": (
        steps(a="%matplotlib inline", b="print(plt.isinteractive())"),
        {"a>b:@matplotlib.backend"},
    ),
    "parameters that the inline backend sets": (
        steps(a="%config InlineBackend.rc = {'font.size': 7}", b="%matplotlib inline", c="x = 1"),
        {
            "a>b:@matplotlib.backend,@matplotlib.rcParams",
            "a>c:@matplotlib.backend",
            "b>c:@matplotlib.rcParams",
        },
    ),
    "a draw after a seed": (
        steps(a="np.random.seed(1)", b="x = np.random.rand()", c="y = np.random.rand()"),
        {"a>b:@numpy.random", "b>c:@numpy.random"},
    ),
    "patterns and dates draw nothing": (
        steps(
            a="import re, datetime\nnp.random.seed(1)",
            b="x = re.compile('a').search('a').group(), datetime.date(2020, 1, 1).weekday()",
            c="y = np.random.rand()",
        ),
        {"a>b:datetime,re", "a>c:@numpy.random"},
    ),
    "draws without a seed": (steps(a="x = np.random.rand()", b="y = np.random.rand()"), set()),
    "another generator": (steps(a="random.seed(1)", b="x = np.random.rand()"), set()),
    "a distribution draws": (
        steps(a="np.random.seed(1)", b="from scipy import stats\nx = stats.norm.rvs()", c="y = np.random.rand()"),
        {"a>b:@numpy.random", "b>c:@numpy.random"},
    ),
    "an attribute put into a library": (
        steps(a="import pandas as pd\npd.DataFrame.shout = len", b="x = 1"),
        {"a>b:@patch:pandas.DataFrame.shout"},
    ),
    "an attribute set by name": (
        steps(a="setattr(os, 'mine', 1)", b="x = 1"),
        {"a>b:@patch:os.mine"},
    ),
    "a list that a library holds": (
        steps(a="import mimetypes\nmimetypes.knownfiles.append('x')", b="x = 1"),
        {"a>b:@patch:mimetypes.knownfiles[]"},
    ),
    "a module of the notebook's own": (
        steps(a="import helpers\nhelpers.count += 1", b="import helpers\nprint(helpers.count)"),
        {"a>b:@module:helpers,@patch:helpers.count"},
    ),
    "an item of a dict that a library holds": (
        steps(a="import mimetypes\nmimetypes.types_map['.x'] = 'y'", b="x = 1"),
        {"a>b:@patch:mimetypes.types_map[]"},
    ),
    "an attribute set by a method on what somebody hands it is not a module's": (
        steps(
            a="import math\nclass K:\n    def put(self, x): self.x = x\nk = K()\nunknown.call(k.put, [math.pi])",
            b="x = 1",
        ),
        set(),
    ),
    "a function put into a library has a parameter called as a variable is": (
        steps(a="import textwrap\ntextwrap.shout = lambda q: [q]\nq = 1", b="x = 1"),
        {"a>b:@patch:textwrap.shout"},
    ),
    "a dict of a library that is changed, then replaced": (
        steps(
            a="import mimetypes\nmimetypes.types_map['.x'] = 'y'",
            b="mimetypes.types_map = {}",
            c="x = 1",
        ),
        {"a>b:@patch:mimetypes.types_map[],mimetypes", "b>c:@patch:mimetypes.types_map,@patch:mimetypes.types_map[]"},
    ),
    "handlers taken off the root logger": (steps(a="logging.root.handlers.clear()", b="x = 1"), {"a>b:@logging"}),
    "folds that are shuffled": (
        steps(
            a="from sklearn.model_selection import KFold\nnp.random.seed(1)",
            b="s = list(KFold(3, shuffle=True).split([1, 2, 3]))",
            c="y = np.random.rand()",
        ),
        {"a>b:@numpy.random,KFold", "b>c:@numpy.random"},
    ),
    "a logger that is set up": (steps(a="logging.getLogger('x').setLevel(10)", b="x = 1"), {"a>b:@logging"}),
    "a logger that is used": (steps(a="logging.getLogger('x').info('y')", b="x = 1"), set()),
    "a module that is reloaded": (
        steps(a="import tools", b="import importlib\nimportlib.reload(tools)", c="print(tools.x)"),
        {"a>b:tools", "a>c:tools", "b>c:@module:tools"},
    ),
    "what was put into a module that is reloaded": (
        steps(a="import tools\ntools.x = 2", b="import importlib\nimportlib.reload(tools)", c="print(tools.x)"),
        {
            "a>b:@module:tools,@patch:tools.x,tools",
            "a>c:tools",
            "b>c:@module:tools,@patch:tools.x",
        },
    ),
    "what is put into a module that keeps something": (
        steps(a="import tools\ntools.use()", b="tools.x = 2", c="print(tools.x)"),
        {"a>b:@module:tools,tools", "a>c:tools", "b>c:@module:tools,@patch:tools.x"},
    ),
    "a logger that is set up once more, with a handler that holds something": (
        steps(
            a="import io\ntext = io.StringIO()\nlog = logging.getLogger('x')\n"
            "log.addHandler(logging.StreamHandler(text))",
            b="log.setLevel(10)",
            c="log.info('y')\nprint(text.getvalue())",
        ),
        {"a>b:@logging,log,text", "a>c:log", "b>c:@logging,text"},
    ),
    "messages to a stream": (
        steps(
            a="log = logging.getLogger('x')\nlog.addHandler(logging.StreamHandler())",
            b="log.info('y')",
            c="log.info('z')",
        ),
        {"a>b:@logging,log", "a>c:@logging,log"},
    ),
    "messages into a text": (
        steps(
            a="import io\ntext = io.StringIO()\nlogging.basicConfig(stream=text, force=True)",
            b="logging.info('y')",
            c="text.getvalue()",
        ),
        {"a>b:@logging,text", "b>c:@logging,text"},
    ),
    "messages to a handler of the notebook's own": (
        steps(
            a="seen = []\nclass Own(logging.Handler):\n    def emit(self, record): seen.append(record)\n"
            "log = logging.getLogger('x')\nlog.addHandler(Own())",
            b="log.info('y')",
            c="len(seen)",
        ),
        {"a>b:@logging,log,seen", "a>c:@logging", "b>c:seen"},
    ),
    "a method that every logger gets": (
        steps(a="logging.Logger.trace = lambda self: None", b="x = 1"),
        {"a>b:@patch:logging.Logger.trace"},
    ),
    "an extension": (steps(a="%load_ext autoreload", b="x = 1"), {"a>b:@ipython"}),
    "a generator of a star import": (
        steps(a="from numpy.random import *", b="seed(1)", c="x = rand(2)", d="y = rand(2)"),
        {"a>b:seed", "a>c:rand", "a>d:rand", "b>c:@numpy.random", "c>d:@numpy.random"},
    ),
    "IPython's own settings": (
        steps(
            a="from IPython.core.interactiveshell import InteractiveShell as S\nS.ast_node_interactivity = 'all'", b="1"
        ),
        {"a>b:@ipython"},
    ),
    "postponed annotations": (steps(a="from __future__ import annotations", b="x = 1"), {"a>b:@ipython"}),
    "the environment by a magic": (steps(a="%env A=1", b="x = 1"), {"a>b:@environ"}),
    "a name deleted by a magic": (steps(a="x = 1", b="x = 2\n%xdel x", c="x = 3", d="print(x)"), {"c>d:x"}),
    "an alias deleted by a magic": (steps(a="x = [1]\ny = x", b="%xdel x", c="print(y)"), {"a>b:x,y", "b>c:y"}),
    "everything deleted by a magic": (steps(a="x = 1", b="%reset -f\nx = 2", c="print(x)"), {"a>b:x", "b>c:x"}),
    "a script that binds names": (steps(a="%run s.py", b="y = found"), {"a>b:found"}),
    "a script that sees the names, after another that has bound some": (
        steps(a="%run q.py", b="def f(): return Queue()", c="%run -i t.py"),
        {"a>c:@numpy.random,@random,@torch.random,Queue,logging,np,os,plt,random", "b>c:f"},
    ),
    "a script that sees the names": (steps(a="x = [1]", b="%run -i s.py", c="y = x"), {"a>b:x", "b>c:x"}),
}


@pytest.mark.parametrize("case", CASES)
def test_flows(case: str) -> None:
    text, expected = CASES[case]
    assert edges(pipeline_of(IMPORTS + text)) == expected


def test_the_environment_may_choose_a_backend_that_keeps_figures_open() -> None:
    notebook = parse(IMPORTS + steps(a="plt.plot([1])", b="plt.plot([2])"), "n.py")
    pipeline = compile_notebook(notebook, plots="Agg").pipeline
    assert pipeline is not None
    assert edges(pipeline) == {"a>b:@matplotlib.figures"}


def test_with_parallel_random_steps_wait_for_the_seed_only() -> None:
    notebook = parse(IMPORTS + steps(a="np.random.seed(1)", b="x = np.random.rand()", c="y = np.random.rand()"), "n.py")
    asked = dataclasses.replace(notebook, metadata={"labline": {"parallel_random": True}})
    pipeline = compile_notebook(asked).pipeline
    assert pipeline is not None
    assert pipeline.parallel_random
    assert edges(pipeline) == {"a>b:@numpy.random", "a>c:@numpy.random"}


def test_a_function_of_a_library_may_be_put_back_and_called() -> None:
    original = "original = os.getcwd\nos.getcwd = lambda: original()\nos.getcwd()\nos.getcwd = original"
    assert "a>b:@patch:os.getcwd" in edges(pipeline_of(IMPORTS + "\n" + steps(a=original, b="os.getcwd()")))


def test_functions_of_a_library_may_change_places() -> None:
    swap = "one, other = lib.f, lib.g\nlib.f = other\nlib.g = one\nlib.f()"
    text = f'# %% tags=["imports"]\nimport lib\n{steps(a=swap, b="lib.g()")}'
    assert any("@patch:lib.f" in edge and edge.startswith("a>b:") for edge in edges(pipeline_of(text)))


def test_setting_attributes_of_an_instance_puts_nothing_into_the_class_of_a_library() -> None:
    model = (
        "from lib import Base\nclass Model(Base):\n    def fit(self, x):\n        self.a = x\n        self.a.b.c = x"
    )
    pipeline = pipeline_of(steps(a=model, b="model = Model()\nmodel.fit(model)\nmodel.a.a.b = 1", c="model.a"))
    assert not any("@patch" in edge for edge in edges(pipeline))


@pytest.mark.parametrize(
    "seeding",
    [
        "getattr(random, 'seed')(1)",
        "__import__('random').seed(1)",
        "import importlib\nimportlib.import_module('random').seed(1)",
        "import sys\nsys.modules['random'].seed(1)",
        "list(map(random.seed, [1]))",
        "import functools\nfunctools.partial(random.seed, 1)()",
        "import operator\noperator.methodcaller('seed', 1)(random)",
        "exec('random.seed(1)')",
        "globals()['random'].seed(1)",
        "random._inst.seed(1)",
        "class A:\n    def __init__(self): self.r = random\nA().r.seed(1)",
        "from collections import namedtuple\nnamedtuple('A', 'r')(random).r.seed(1)",
        "import inspect\ninspect.sys.modules['random'].seed(1)",
        "import statistics\nstatistics.random.seed(1)",
        "from helper import set_seed\nset_seed(1)",
        "%run seeds.py",
    ],
)
def test_a_seed_set_in_a_roundabout_way_reaches_who_draws(seeding: str) -> None:
    text = '# %% tags=["imports"]\nimport random\n' + steps(a=seeding, b="random.random()")
    assert any("@random" in edge for edge in edges(pipeline_of(text)))


@pytest.mark.parametrize(
    ("call", "draws"),
    [
        ("svm.SVR().fit(X, y)", True),
        ("manifold.Isomap().fit(X)", True),
        ("linear_model.lasso_path(X, y)", True),
        ("metrics.silhouette_score(X, y, sample_size=9)", True),
        ("feature_selection.SelectKBest(feature_selection.mutual_info_classif).fit(X, y)", True),
        ("metrics.silhouette_score(X, y)", False),
    ],
)
def test_a_call_of_scikit_learn_that_has_no_seed_of_its_own_draws(call: str, draws: bool) -> None:
    modules = "feature_selection, linear_model, manifold, metrics, svm"
    imports = f'# %% tags=["imports"]\nimport numpy as np\nfrom sklearn import {modules}\n'
    text = imports + steps(a="np.random.seed(0)\nX, y = [[1.0]], [1]", b=call)
    assert any("@numpy.random" in edge for edge in edges(pipeline_of(text))) == draws


def test_a_step_that_waits_because_a_call_may_seed_is_told_which_call() -> None:
    helped = "import random, helper\ndef prepare(x):\n    return helper.prepare(x)\nprepare([1])"
    found = compile_text(steps(a=helped, b="random.random()", c="random.random()")).findings
    told = [each.message for each in found if each.code == "LL301"]
    assert ["helper.prepare() in cell 1 line 3" in each.replace(",", "") for each in told] == [True, True]


def test_what_may_seed_any_generator_is_told_once_a_step() -> None:
    helped = "import numpy, random, helper\nhelper.prepare()"
    found = compile_text(steps(a=helped, b="random.random()\nnumpy.random.rand()")).findings
    assert [each.code for each in found] == ["LL301"]


def test_a_library_s_function_that_is_handed_over_may_be_called() -> None:
    text = '# %% tags=["imports"]\nimport os\n' + steps(a="list(map(os.remove, ['x']))", b="os.listdir()")
    assert edges(pipeline_of(text)) == {"a>b"}


def test_code_spelled_out_in_a_text_is_followed() -> None:
    assert edges(pipeline_of(steps(a="x = 1\ny = 2", b="exec('x += 1')", c="eval('x')"))) == {"a>b:x", "b>c:x"}


@pytest.mark.parametrize(
    ("cells", "found"),
    [
        ({"a": "logging.warning('x')", "b": "logging.basicConfig(format='y')"}, {"a>b:@logging"}),
        ({"a": "logging.warning('x')", "b": "logging.warning('y')"}, set()),
        ({"a": "logging.basicConfig()", "b": "logging.info('x')", "c": "1"}, {"a>b:@logging", "a>c:@logging"}),
        ({"a": "import importlib\nimportlib.reload(logging)", "b": "1"}, {"a>b:@logging"}),
    ],
)
def test_a_message_sets_logging_up_where_nothing_has_and_that_counts(cells: dict[str, str], found: set[str]) -> None:
    assert edges(pipeline_of(IMPORTS + steps(**cells))) == found


def test_items_are_never_those_of_a_module() -> None:
    compilation = compile_text(IMPORTS + steps(a="x = {} if random else np", b="x['n'] = 1", c="print(x)"))
    assert "LL302" not in [found.code for found in compilation.findings]


def test_nothing_changes_a_number_of_a_library() -> None:
    compilation = compile_text(IMPORTS + steps(a="x = {} if random else np.inf", b="x['n'] = 1", c="print(x)"))
    assert "LL302" not in [found.code for found in compilation.findings]


@pytest.mark.parametrize(("sql", "told"), [("create table t as select 1", True), ("select 1", False)])
def test_tables_in_the_database_of_the_process_end_with_the_step(sql: str, told: bool) -> None:
    text = steps(a=f"import duckdb\nduckdb.sql({sql!r})", b="print(1)")
    assert ("LL303" in {each.code for each in compile_text(text).findings}) == told


@pytest.mark.parametrize(
    "call", ["from jupyterthemes import jtplot\njtplot.style()", "import scanpy\nscanpy.set_figure_params()"]
)
def test_themes_of_other_libraries_are_matplotlibs_parameters(call: str) -> None:
    text = steps(a=call, b="import matplotlib.pyplot as plt\nplt.plot([1])")
    assert any("@matplotlib.rcParams" in edge for edge in edges(pipeline_of(text)))


def test_an_import_that_styles_plots_is_followed_by_all_that_plot() -> None:
    cells = {
        "a": "from yellowbrick.cluster import KElbowVisualizer",
        "b": "import matplotlib.pyplot as plt\nplt.plot([1])",
    }
    assert any("@matplotlib.rcParams" in edge for edge in edges(pipeline_of(steps(**cells))))


@pytest.mark.parametrize("opened", ["cm.__enter__()", "stack.enter_context(cm)"])
def test_output_that_is_redirected_for_longer_than_a_with_is_so_in_later_steps(opened: str) -> None:
    made = "import contextlib, io\ncm = contextlib.redirect_stdout(io.StringIO())\nstack = contextlib.ExitStack()\n"
    assert any("@patch:sys.stdout" in edge for edge in edges(pipeline_of(steps(a=f"{made}{opened}", b="print(1)"))))


def test_output_that_is_redirected_in_a_with_is_so_in_there_only() -> None:
    made = "import contextlib, io\nwith contextlib.redirect_stdout(io.StringIO()):\n    print(1)\n"
    assert edges(pipeline_of(steps(a=made, b="print(1)"))) == set()


@pytest.mark.parametrize(("line", "told"), [("p.start()", True), ("with p:\n    print(1)", False)])
def test_a_patch_that_is_started_is_told(line: str, told: bool) -> None:
    made = f"from unittest import mock\np = mock.patch('math.pi', 3)\n{line}"
    assert ("LL303" in [found.code for found in compile_text(steps(a=made, b="x = 1")).findings]) is told
