"""Which calls draw from the global generators of random numbers, and which only might have."""

from __future__ import annotations

import pytest

from labline_compiler.importing import imported_elsewhere
from labline_compiler.passage import Passage
from tests.compiler.helpers import compile_text, edges, pipeline_of
from tests.compiler.test_graph import steps

IMPORTS = """\
import array, bisect, collections, copy, csv, datetime, decimal, email, functools, glob, hashlib, heapq, inspect, io
import itertools, json, logging, math, operator, os, pathlib, pickle, random, re, shutil, sqlite3, statistics, string
import struct, subprocess, sys, textwrap, time, urllib.parse
import altair, bs4, cv2, dateutil.parser, geopandas, h5py, ipywidgets, joblib, lxml.etree, mlflow, nltk, openpyxl
import networkx as nx, numpy as np, pandas as pd, PIL.Image, pytz, requests, seaborn as sns, shapely.geometry, sklearn
import skimage.io, sympy as sp, statsmodels.api as sm, statsmodels.formula.api as smf, tabulate, tqdm, unheard, yaml
from scipy import fft, integrate, interpolate, linalg, ndimage, optimize, signal, sparse, spatial, special, stats
from functools import partial
from sklearn.linear_model import LogisticRegression, Perceptron, Ridge
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
"""
MADE = (
    "x = np.arange(3.0)\ndf = pd.DataFrame({'a': x})\nG = nx.Graph()\ns = sp.Symbol('s')\ntext = 'a b'\noptions = {}\n"
)

QUIET = """\
re.compile("a").search(text).group(0)
itertools.groupby([1])
collections.Counter(text).most_common(1)
json.loads(json.dumps({"a": 1}))
datetime.datetime.now().strftime("%Y")
math.sin(1)
os.path.join("a", "b")
pathlib.Path("a").exists()
glob.glob("*")
string.ascii_letters.upper()
textwrap.fill(text)
heapq.heappush([], 1)
bisect.bisect([1], 1)
statistics.mean([1])
decimal.Decimal("1").sqrt()
functools.reduce(lambda a, b: a + b, [1])
operator.itemgetter(1)([1, 2])
partial(lambda a, b: a, 1)(2)
time.time()
urllib.parse.quote(text)
hashlib.md5(b"a").hexdigest()
struct.pack("i", 1)
io.StringIO("a").read()
csv.reader(open("x"))
sys.getsizeof(x)
inspect.signature(len)
array.array("i", [1]).append(2)
sqlite3.connect("x").execute("select 1").fetchall()
subprocess.run(["ls"])
logging.info("a")
shutil.copy("a", "b")
pickle.dumps(x)
copy.deepcopy(x)
sp.solve(s**2 - 1, s)
sp.integrate(s, s).subs(s, 1)
sp.lambdify(s, s)(1)
sp.Matrix([[1]]).det()
G.add_edge(1, 2)
nx.degree_centrality(G)
nx.betweenness_centrality(G)
nx.shortest_path(G, 1, 2)
nx.from_pandas_edgelist(df, "a", "a").nodes()
nx.draw(G, nx.circular_layout(G))
nx.spring_layout(G, seed=1)
bs4.BeautifulSoup(text).find_all("a")[0].get_text()
requests.get("http://x").json()
stats.norm.pdf(x)
stats.norm(0, 1).cdf(1)
stats.gaussian_kde(x)(1)
optimize.minimize(np.sum, x)
optimize.curve_fit(lambda a, b: a, x, x)
integrate.solve_ivp(lambda t, y: y, (0, 1), [1])
interpolate.interp1d(x, x)(1)
signal.find_peaks(x)
linalg.svd(np.eye(2))
sparse.csr_matrix(np.eye(2)).dot(x[:2])
spatial.KDTree(np.eye(2)).query([0, 0])
fft.fft(x)
ndimage.gaussian_filter(x, 1)
special.gamma(1)
sm.OLS(x, x).fit().summary()
smf.ols("a ~ a", df).fit().params
PIL.Image.open("a").resize((1, 1))
yaml.safe_load("a")
list(tqdm.tqdm([1]))
ipywidgets.IntSlider(1)
altair.Chart(df).mark_bar().encode(x="a")
geopandas.read_file("x").plot()
shapely.geometry.Point(1, 2).buffer(1).area
h5py.File("x")["a"]
skimage.io.imread("a")
cv2.cvtColor(x, 1)
dateutil.parser.parse("2020").isoformat()
pytz.timezone("UTC").localize(datetime.datetime(2020, 1, 1))
tabulate.tabulate([[1]])
openpyxl.load_workbook("a").active["A1"].value
lxml.etree.fromstring("<a/>").findall("b")
nltk.word_tokenize(text)
np.vectorize(len)(["a"])
np.vectorize(lambda a: a)(x)
df.pipe(len)
df.rolling(2).apply(np.sum)
sns.heatmap(df)
sns.catplot(data=df, kind="bar")
joblib.dump(x, "f")
LogisticRegression(C=2).fit(df, x)
df.sample(3, random_state=sklearn.utils.check_random_state(3))
df.sample(3, random_state=options["seed"])
Perceptron(random_state=1).set_params(alpha=2).fit(df, x)
list(sklearn.model_selection.KFold(3, shuffle=False).split(x))
LogisticRegression(solver="newton-cg").fit(df, x)
make_pipeline(StandardScaler(), Ridge(0.5)).fit(df, x)
Ridge().set_params(alpha=2).fit(df, x)
cross_val_score(LogisticRegression(max_iter=9), df, x, cv=3)
GridSearchCV(Ridge(), {"alpha": [1, 2]}).fit(df, x)
"""

DRAWING = """\
np.random.rand()
np.vectorize(np.random.normal)(x)
np.random.mtrand._rand.normal()
partial(df.sample, 3)()
df.sample(3, random_state=np.random.mtrand._rand)
df.sample(3, random_state=sklearn.utils.check_random_state(None))
df.sample(3, random_state=random.random.__self__)
sklearn.utils.check_random_state(np.random).rand()
sklearn.utils.check_random_state(options.get("seed")).rand()
sklearn.utils.shuffle(x, random_state=stats.norm.random_state)
Perceptron(random_state=np.random).fit(df, x)
list(sklearn.model_selection.KFold(3, shuffle=text > "a").split(x))
list(sklearn.model_selection.KFold(**options).split(x))
Perceptron(random_state=1).set_params(random_state=None).fit(df, x)
np.random.Generator(np.random.get_bit_generator()).random()
df.sample(3)
list(map(np.random.rand, [1]))
nx.draw(G)
nx.gnp_random_graph(3, 0.5)
nx.erdos_renyi_graph(3, 0.5)
nx.spring_layout(G)
nx.spring_layout(G, seed=None)
nx.betweenness_centrality(G, k=2)
stats.norm(0, 1).rvs()
stats.gaussian_kde(x).resample(3)
stats.multivariate_normal([0], [[1]]).cdf([1])
optimize.differential_evolution(np.sum, [(0, 1)])
sparse.random(3, 3)
sparse.linalg.svds(np.eye(3))
sp.Matrix.randMatrix(3)
sm.tsa.arma_generate_sample([1], [1], 3)
sns.stripplot(data=df)
sns.catplot(data=df)
sns.regplot(data=df, x="a", y="a", x_jitter=0.1)
unheard.of(x)
unheard.Model(df).train()
operator.methodcaller("sample")(df)
statistics.NormalDist().samples(3)
email.message_from_string("a").as_string()
LogisticRegression(solver="saga").fit(df, x)
LogisticRegression(**options).fit(df, x)
Ridge(solver=x).fit(df, x)
Ridge().set_params(solver="sag").fit(df, x)
GridSearchCV(Ridge(), {"solver": ["svd", "sag"]}).fit(df, x)
GridSearchCV(LogisticRegression(), options).fit(df, x)
Perceptron(random_state=None).fit(df, x)
"""


def waits(call: str) -> bool:
    """Whether a step waits for one that makes *call*, after a seed, because that may have drawn."""
    made = steps(
        a=f"{IMPORTS}{MADE}random.seed(1)\nnp.random.seed(1)", b=f"v = {call}", c="np.random.rand(), random.random()"
    )
    flows = {edge for edge in edges(pipeline_of(made)) if edge.startswith("b>c:")}
    return any("random" in edge for edge in flows)


@pytest.mark.parametrize("call", QUIET.splitlines())
def test_nobody_waits_for_a_call_that_draws_nothing(call: str) -> None:
    assert not waits(call)


@pytest.mark.parametrize("call", DRAWING.splitlines())
def test_what_draws_next_waits_for_a_call_that_may_draw(call: str) -> None:
    assert waits(call)


LONG = "def long(v, n):\n    t = 0\n" + "    t = t + n * 2\n" * 650  # too long to be followed


@pytest.mark.parametrize(
    ("line", "draws"),
    [
        ("    return np.exp(v).mean()\n", False),
        ("    return np.random.rand()\n", True),
        ("    return v.sample(3)\n", True),
        ("    from numpy.random import rand\n    return rand(3)\n", True),
        ("    return unheard.of(v)\n", True),
        ("    return stats.norm(0, 1).pdf(v)\n", False),
        ("    return helper(v)\n", True),
        ("    return exec('v')\n", True),
    ],
)
def test_of_a_function_that_is_not_followed_its_text_tells_whether_it_draws(line: str, draws: bool) -> None:
    helper = "def helper(v):\n    return np.random.rand()\n"
    made = f"{IMPORTS}{MADE}np.random.seed(1)\n{helper}{LONG}{line}"
    flows = edges(pipeline_of(steps(a=made, b="for i in range(3):\n    w = long(x, i)", c="np.random.rand()")))
    assert any(edge.startswith("b>c:") and "random" in edge for edge in flows) == draws


def test_what_a_library_makes_of_data_is_not_that_data() -> None:
    made = "import networkx as nx, pandas as pd\ndf = pd.DataFrame()\nG = nx.from_pandas_edgelist(df)"
    assert "b>c:G" in edges(pipeline_of(steps(a=made, b="G.add_node(1)", c="print(G)")))


def test_names_of_a_star_import_are_those_of_the_library() -> None:
    pipeline = pipeline_of(steps(a="from numpy import *\nx = arange(3)", b="y = sin(x)", c="z = cos(x)"))
    assert edges(pipeline) == {"a>b:sin,x", "a>c:cos,x"}


SEEDED = "import random\nrandom.seed(1)"


@pytest.mark.parametrize("statement", ["from sklearn import svm", "import rich.console", "import httpx as http"])
def test_what_draws_next_waits_for_an_import_that_may_draw(statement: str) -> None:
    assert "b>c:@random" in edges(pipeline_of(steps(a=SEEDED, b=statement, c="random.random()")))


@pytest.mark.parametrize(
    ("first", "second", "third"),
    [
        (f"{SEEDED}\nimport rich.console", "import rich.console", "random.random()"),  # it has been imported
        (SEEDED, "import rich.console", "print(1)"),  # nobody draws
        (SEEDED, "import rich.console", "random.seed(2); random.random()"),  # from another seed
        ("import random", "import rich.console", "random.random()"),  # from none
        (SEEDED, "import pandas", "random.random()"),  # which does not draw
        ("import numpy as np\nnp.random.seed(1)", "import rich.console", "np.random.rand()"),  # nor this from there
    ],
)
def test_nobody_waits_for_an_import_that_changes_no_numbers(first: str, second: str, third: str) -> None:
    found = edges(pipeline_of(steps(a=first, b=second, c=third)))
    assert not any(edge.startswith("b>c") for edge in found)


def test_an_imports_cell_that_may_draw_below_a_seed_runs_where_it_stands() -> None:
    text = f"# %% tags=['step:a']\n{SEEDED}\n# %% tags=['imports']\nimport rich.console\n"
    pipeline = pipeline_of(f"{text}# %% tags=['step:b']\nrandom.random()")
    assert [len(step.cells) for step in pipeline.steps] == [2, 1]


def test_of_other_steps_a_step_is_told_what_they_import_that_may_draw() -> None:
    pipeline = pipeline_of(
        steps(a="import rich.console, pandas", b=f"{SEEDED}\nfrom sklearn import svm", c="from rich import table")
    )
    assert imported_elsewhere(pipeline, "b") == {"rich.console": pipeline.step("a").cells[0].index}


def test_a_step_that_uses_no_generator_is_told_nothing_of_imports() -> None:
    pipeline = pipeline_of(steps(a="import rich.console", b="from sklearn import svm"))
    assert imported_elsewhere(pipeline, "b") == {}


def test_a_step_is_told_nothing_of_imports_that_draw_from_a_generator_that_nobody_uses() -> None:
    seeded = "import numpy as np\nnp.random.seed(1)"
    pipeline = pipeline_of(steps(a=seeded, b="from sklearn import svm", c="from sklearn import tree\nnp.random.rand()"))
    assert imported_elsewhere(pipeline, "c") == {}


def test_a_step_that_a_seeded_generator_passes_is_told_of_imports() -> None:
    pipeline = pipeline_of(
        steps(a="import rich.style", b=SEEDED, c="import rich.style", d="import random\nrandom.random()")
    )
    assert imported_elsewhere(pipeline, "c") == {"rich.style": pipeline.step("a").cells[0].index}


@pytest.mark.parametrize("statement", ["if n: import rich.style", "for _ in x: import rich.style"])
def test_what_is_imported_under_a_condition_is_not_told_as_imported(statement: str) -> None:
    pipeline = pipeline_of(steps(a=statement, b=f"{SEEDED}\nimport rich.style\nrandom.random()"))
    assert imported_elsewhere(pipeline, "b") == {}


SEEDS = """\
# %% tags=["step:seed"]
import argparse
import numpy as np
import pandas as pd
np.random.seed(0)
df = pd.DataFrame({"a": range(9)})
p = argparse.ArgumentParser()
args = p.parse_args([])
# %% tags=["step:first"]
"""


@pytest.mark.parametrize(
    ("code", "draws"),
    [
        ("SEED = None\na = df.sample(3, random_state=SEED)", True),
        ("SEED = 3\na = df.sample(3, random_state=SEED)", False),
        ("SEED = None\nSEED = 3\na = df.sample(3, random_state=SEED)", True),  # words are not told apart by place
        ("def take(rs=None):\n    return df.sample(3, random_state=rs)\na = take()", True),
        ("def take(rs=None):\n    return df.sample(3, random_state=rs)\na = take(3)", False),
        ("def take(rs=None):\n    return df.sample(3, random_state=rs)\na = take(rs=3)", False),
        ("def take(rs=None):\n    return df.sample(3, random_state=rs)\na = list(map(take, [3]))", True),
        ("def take(rs):\n    return df.sample(3, random_state=rs)\na = take(None)", True),
        ("def take(rs=None):\n    seed = rs\n    return df.sample(3, random_state=seed)\na = take()", True),
        ("options = {'seed': None}\na = df.sample(3, random_state=options['seed'])", True),
        ("options = {'seed': 3}\na = df.sample(3, random_state=options['seed'])", False),
        ("options = {}\na = df.sample(3, random_state=options.get('seed'))", True),
        ("options = {}\na = df.sample(3, random_state=options.get('seed', 3))", False),
        ("n = 2\na = df.sample(3, random_state=3 if n else None)", True),
        ("n, seed = 2, None\na = df.sample(3, random_state=seed)", True),
        ("def seed():\n    if df.empty:\n        return 3\na = df.sample(3, random_state=seed())", True),
        ("def seed():\n    return 3\na = df.sample(3, random_state=seed())", False),
        ("p.add_argument('--seed', type=int)\na = df.sample(3, random_state=args.seed)", True),
        ("p.add_argument('--seed', default=1)\na = df.sample(3, random_state=args.seed)", False),
        ("for seed in (1, None):\n    a = df.sample(3, random_state=seed)", True),
        (
            "class Taker:\n    def __init__(self, random_state=None):\n        self.random_state = random_state\n"
            "    def take(self):\n        return df.sample(3, random_state=self.random_state)\na = Taker().take()",
            True,
        ),
        (
            "class Taker:\n    def __init__(self, random_state=None):\n        self.random_state = random_state\n"
            "    def take(self):\n        return df.sample(3, random_state=self.random_state)\na = Taker(3).take()",
            False,
        ),
    ],
)
def test_a_seed_that_may_be_none_is_none(code: str, draws: bool) -> None:
    drawing = pipeline_of(f'{SEEDS}{code}\n# %% tags=["step:second"]\nb = np.random.rand()\n')
    assert ("first>second:@numpy.random" in edges(drawing)) is draws


def test_a_parameter_that_is_none_is_no_seed() -> None:
    text = f'# %% tags=["parameters"]\nSEED = None\n{SEEDS}a = df.sample(3, random_state=SEED)\n'
    drawing = pipeline_of(f'{text}# %% tags=["step:second"]\nb = np.random.rand()\n')
    assert "first>second:@numpy.random" in edges(drawing)


@pytest.mark.parametrize(("seed", "draws"), [("None", True), ("np.random", True), ("3", False)])
def test_an_estimator_whose_seed_is_taken_away_draws(seed: str, draws: bool) -> None:
    made = "from sklearn.linear_model import Perceptron\nm = Perceptron(random_state=1)\n"
    text = f"{SEEDS}{made}m.random_state = {seed}\nm.fit(df, df.a)\n"
    drawing = pipeline_of(f'{text}# %% tags=["step:second"]\nb = np.random.rand()\n')
    assert ("first>second:@numpy.random" in edges(drawing)) is draws


def test_a_distribution_that_was_given_a_generator_draws_from_that() -> None:
    text = "from scipy import stats\nd = stats.norm(0, 1)\nd.random_state = 3\n"
    drawing = pipeline_of(
        f'{SEEDS}{text}# %% tags=["step:second"]\na = d.rvs()\n# %% tags=["step:third"]\nb = d.rvs()\n'
    )
    assert any(edge.startswith("second>third:") and "d" in edge for edge in edges(drawing))


def test_a_seed_through_the_generator_under_a_name_seeds_it() -> None:
    text = "import sklearn.utils\nra = sklearn.utils.check_random_state(None)\nra.seed(3)\n"
    drawing = pipeline_of(f'# %% tags=["step:first"]\n{text}# %% tags=["step:second"]\na = ra.rand()\n')
    assert "first>second:@numpy.random,ra" in edges(drawing)


def test_what_seeding_pytorch_gives_is_its_generator() -> None:
    flows = edges(
        pipeline_of(steps(a="import torch\ng = torch.manual_seed(1)", b="g.manual_seed(2)", c="torch.rand(2)"))
    )
    assert flows == {"a>b:g", "a>c:torch", "b>c:@torch.random"}  # seeded anew, whatever it was


@pytest.mark.parametrize(
    ("statement", "moves"),
    [
        ("import unheard", True),
        ("from unheard.of import it", True),
        ("import numpy, polars, torch, json", False),
    ],
)
def test_an_imports_cell_with_a_package_that_nobody_knows_runs_where_it_stands_below_a_seed(
    statement: str, moves: bool
) -> None:
    text = f'{SEEDS}\n# %% tags=["imports"]\n{statement}\n# %% tags=["step:second"]\na = np.random.rand()\n'
    assert ("LL111" in [found.code for found in compile_text(text).findings]) is moves


def test_an_imports_cell_with_such_a_package_above_the_seed_runs_in_every_step() -> None:
    text = f'# %% tags=["imports"]\nimport unheard\n{SEEDS}\na = np.random.rand()\n'
    assert "LL111" not in [found.code for found in compile_text(text).findings]


LOADER = """\
import torch
from torch.utils.data import DataLoader, TensorDataset
torch.manual_seed(0)
loader = DataLoader(TensorDataset(torch.arange(6)), batch_size=2, shuffle=True)
def gone_through(them):
    return [each for each in them]
"""


@pytest.mark.parametrize(
    "line",
    [
        "for each in loader:\n    print(each)",
        "a = list(loader)",
        "a = next(iter(loader))",
        "a = [each for _, each in enumerate(loader)]",
        "a = gone_through(loader)",
    ],
)
def test_who_goes_through_a_loader_draws(line: str) -> None:
    assert "b>c:@torch.random" in edges(pipeline_of(steps(a=LOADER, b=line, c="c = torch.rand(1)")))


@pytest.mark.parametrize("line", ["print(len(loader))", "for each in [1, 2]:\n    print(each)"])
def test_who_does_not_go_through_a_loader_draws_nothing(line: str) -> None:
    assert "b>c:@torch.random" not in edges(pipeline_of(steps(a=LOADER, b=line, c="c = torch.rand(1)")))


OWN = """\
import numpy as np
from sklearn.model_selection import KFold
from sklearn.tree import DecisionTreeClassifier
np.random.seed(0)
"""
TREE = "class Own(DecisionTreeClassifier):\n    "


@pytest.mark.parametrize(
    ("made", "use", "draws"),
    [
        (f"{TREE}pass\nm = Own()", "m.fit([[1]], [1])", True),
        (f"{TREE}pass\nm = Own()", "m.predict([[1]])", False),
        (f"{TREE}pass\nm = Own(random_state=1)", "m.fit([[1]], [1])", False),
        (f"{TREE}def fit(self, X, y):\n        return super().fit(X, y)\nm = Own()", "m.fit([[1]], [1])", True),
        (f"{TREE}def __init__(self):\n        super().__init__(random_state=1)\nm = Own()", "m.fit([[1]], [1])", False),
        ("class Own(KFold):\n    pass\nm = Own(3, shuffle=True)", "list(m.split([1, 2, 3]))", True),
    ],
)
def test_an_instance_draws_as_the_librarys_class_does_that_it_inherits_from(made: str, use: str, draws: bool) -> None:
    flows = edges(pipeline_of(steps(a=f"{OWN}{made}", b=f"r = {use}", c="np.random.rand()")))
    assert any("@numpy.random" in edge for edge in flows if edge.startswith("b>c:")) is draws


@pytest.mark.parametrize(
    ("first", "second", "seeded"),
    [
        ("np.random.seed(0)", "x = 1", ("@numpy.random",)),
        ("np.random.rand()", "x = 1", ()),  # the notebook itself draws other numbers each time
        ("np.random.seed(0)", "x = np.random.rand()", ()),  # it is given the state
        ("x = 1", "np.random.seed(0)", ()),
    ],
)
def test_a_step_is_told_what_is_seeded_above_that_it_is_not_seen_to_use(
    first: str, second: str, seeded: tuple[str, ...]
) -> None:
    pipeline = pipeline_of(steps(a=f"import numpy as np\n{first}", b=second))
    assert Passage(pipeline, "b").seeded == seeded
