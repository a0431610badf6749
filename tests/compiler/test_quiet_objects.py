"""Objects of SciPy, SymPy and networkx: merely using them alters nothing, and what does alter them is known."""

from __future__ import annotations

import importlib

import numpy as np
import pytest
import scipy.interpolate
import scipy.sparse
import scipy.stats

from labline_compiler.analysis import quiet_objects
from labline_compiler.analysis.out_of_sight import symbols
from labline_compiler.pipeline import Pipeline
from labline_runtime.values import digest
from tests.compiler.helpers import codes, pipeline_of

GRAPH = "import networkx as nx\nG = nx.path_graph(3)"
SYMBOL = "import sympy as sp\nx, y = sp.symbols('x y')\ne = x**2 + y\nM = sp.Matrix([[x, 1], [y, 2]])"


def steps(*sources: str) -> str:
    return "".join(f'# %% tags=["step:s{number}"]\n{source}\n\n' for number, source in enumerate(sources))


def taken(pipeline: Pipeline, step: str, name: str) -> str | None:
    """The step that *step* takes *name* from."""
    return next((each.source for each in pipeline.step(step).inputs if name in each.names), None)


@pytest.mark.parametrize(
    ("made", "name", "reading"),
    [
        (GRAPH, "G", "for n in G.nodes():\n    print(n, G.degree(n), G.nodes[n])"),
        (GRAPH, "G", "print(nx.pagerank(G), len(G), G.number_of_edges(), list(nx.connected_components(G)))"),
        (GRAPH, "G", "nx.draw(G, with_labels=True)"),
        (GRAPH, "G", "seen = G.edges"),
        (SYMBOL, "x", "print(sp.diff(x**2, x), (2 * sp.pi * x).subs(x, 1), e.free_symbols)"),
        (SYMBOL, "M", "print(M.det(), M * M, M.T, M[0, 0])"),
        (SYMBOL, "e", "f = sp.lambdify(x, e)\nprint(f(1))"),
    ],
)
def test_merely_using_such_an_object_does_not_alter_it(made: str, name: str, reading: str) -> None:
    pipeline = pipeline_of(steps(made, reading, f"print({name})"))
    assert taken(pipeline, "s2", name) == "s0"


@pytest.mark.parametrize(
    ("made", "name", "altering"),
    [
        (GRAPH, "G", "G.add_edge(1, 9)"),
        (GRAPH, "G", "add = G.add_node\nadd(3)"),
        (GRAPH, "G", "G.nodes[1]['x'] = 1"),
        (GRAPH, "G", "for a, b, data in G.edges(data=True):\n    data['w'] = 2"),
        (GRAPH, "G", "nx.set_node_attributes(G, 1, 'z')"),
        (GRAPH, "G", "H = nx.relabel_nodes(G, {1: 9}, copy=False)"),
        (SYMBOL, "M", "M[0, 0] = 3"),
        (SYMBOL, "M", "M.row_del(0)"),
        (GRAPH + "\nnext_to = G.neighbors(1)", "next_to", "for n in next_to: pass"),
        ("import numpy as np\nfrom scipy import sparse\nm = sparse.eye(2).tocsr()", "m", "m.T[0, 0] = 5"),
        ("import numpy as np\nfrom scipy import sparse\nm = sparse.eye(2).tocsr()", "m", "m.tocsr().setdiag(3)"),
    ],
)
def test_what_alters_such_an_object_is_known(made: str, name: str, altering: str) -> None:
    pipeline = pipeline_of(steps(made, altering, f"print({name})"))
    assert taken(pipeline, "s2", name) == "s1"


@pytest.mark.parametrize("draw", ["a = rv.rvs(3)", "draw = rv.rvs\na = draw(3)"])
def test_a_distribution_that_draws_draws_from_numpy_s_generator(draw: str) -> None:
    made = "import numpy as np\nfrom scipy import stats\nnp.random.seed(0)\nrv = stats.norm(2, 1)"
    pipeline = pipeline_of(steps(made, draw, "b = np.random.rand()"))
    assert taken(pipeline, "s2", "@numpy.random") == "s1"


def test_an_object_that_holds_functions_of_the_notebook_s_may_run_them() -> None:
    made = f"{SYMBOL}\nseen = []\ndef f(v):\n    seen.append(v)\n    return v\n"
    made += "g = sp.lambdify(x, sp.Function('f')(x), modules={'f': f})"
    assert taken(pipeline_of(steps(made, "g(1)", "print(seen)")), "s2", "seen") == "s1"


def test_axes_that_a_plot_of_probabilities_is_drawn_on_are_altered() -> None:
    made = "import matplotlib.pyplot as plt\nfrom scipy import stats\nfig, ax = plt.subplots()"
    pipeline = pipeline_of(steps(made, "stats.probplot([1, 2, 3], plot=ax)", "fig.savefig('a.png')"))
    assert taken(pipeline, "s2", "fig") == "s1"


def test_asking_what_a_cache_holds_does_not_alter_the_function() -> None:
    made = "from functools import lru_cache\n@lru_cache\ndef f(n): return n\nf(1)"
    assert taken(pipeline_of(steps(made, "print(f.cache_info())", "print(f.cache_info())")), "s2", "f") == "s0"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", ["a"]),
        ("a, b  c", ["a", "b", "c"]),
        ("u1:4", ["u1", "u2", "u3"]),
        ("x:2", ["x0", "x1"]),
        ("x(2:4)", ["x2", "x3"]),
        ("a:c", ["a", "b", "c"]),
        (r"\\sigma", []),
        ("x:99999999999", []),
        (None, []),
    ],
)
def test_the_names_of_symbols_are_read_off_their_text(text: str | None, names: list[str]) -> None:
    assert symbols(text) == names


def test_names_that_sympy_binds_are_handed_on() -> None:
    pipeline = pipeline_of(steps("import sympy as sp\nsp.var('a u1:3')", "e = a + u2", "print(e, u1)"))
    assert (taken(pipeline, "s1", "u2"), taken(pipeline, "s2", "u1")) == ("s0", "s0")


def test_a_session_of_sympy_binds_its_symbols_and_all_names_of_sympy() -> None:
    text = steps("import sympy\nsympy.init_session()", "e = sin(x)", "print(e, k)")
    assert "LL201" not in codes(text)
    pipeline = pipeline_of(text)
    assert [taken(pipeline, "s1", name) for name in ("x", "sin")] == ["s0", "s0"]


def test_a_name_given_to_the_thread_is_told_to_end_with_the_step() -> None:
    made = "import threading\nthreading.current_thread().name = 'notebook'"
    assert "LL303" in codes(steps(made, "print(threading.current_thread().name)"))


@pytest.mark.parametrize("origin", sorted(quiet_objects.HOLDING | quiet_objects.COPYING | quiet_objects.ARRAYS))
def test_the_tables_name_what_scipy_has(origin: str) -> None:
    module, _, name = origin.rpartition(".")
    if module:
        assert hasattr(importlib.import_module(module), name) or importlib.import_module(origin)


USED = {
    "matrix": (scipy.sparse.csr_matrix(np.eye(3)), lambda m: (m @ m, m.toarray(), m.T, m[0, 1], m.sum(), m.tocsc())),
    "distribution": (scipy.stats.norm(1, 2), lambda d: (d.pdf(1), d.cdf([1, 2]), d.mean(), d.interval(0.9))),
    "density": (scipy.stats.gaussian_kde([1.0, 2, 4]), lambda d: (d([1.0]), d.pdf(2), d.integrate_box_1d(0, 1))),
    "spline": (scipy.interpolate.CubicSpline([0, 1, 2], [0, 1, 4]), lambda s: (s([0.5]), s.derivative()(1), s.roots())),
    "line": (scipy.interpolate.interp1d([0, 1, 2], [0, 1, 4]), lambda s: s([0.5])),
}


@pytest.mark.parametrize("case", USED)
def test_using_such_an_object_leaves_its_content(case: str) -> None:
    held, use = USED[case]
    before = digest(held)
    use(held)
    assert digest(held) == before
