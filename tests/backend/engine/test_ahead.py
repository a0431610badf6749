"""Steps forked from a parent that has imported the notebook's libraries see what they would see without it."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from labline_backend.engine.warm import WarmParents
from labline_compiler.pipeline import Pipeline
from tests.backend.engine.bench import Bench, is_gone, wait_until
from tests.backend.engine.pipelines import cell, pipeline, step

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm parents are for Linux")

IMPORTS = """
import numpy as np
import pandas as pd
import pyarrow
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.model_selection import cross_val_score
%matplotlib inline
import matplotlib.pyplot as plt
"""

NOTE = """
import os, pathlib
def parent_of(pid):
    return int(pathlib.Path(f'/proc/{pid}/stat').read_text().rpartition(')')[2].split()[1])
pathlib.Path('pids').write_text(f'{parent_of(os.getppid())}')
"""

PROBE = """
import json, logging, os, sys, warnings
parts = ('numpy', 'pandas', 'pyarrow', 'sklearn', 'scipy', 'joblib', 'matplotlib', 'six', '__mp_main__')
facts = {
    'modules': sorted(name for name in sys.modules if name.startswith(parts)),
    'environment': dict(os.environ),
    'filters': [str(item) for item in warnings.filters],
    'finders': [getattr(f, '__name__', type(f).__name__) for f in sys.meta_path],
    'path': sys.path,
    'argv': sys.argv,
    'cwd': os.getcwd(),
    'main': sys.modules['__mp_main__'].__dict__ is globals(),
    'streams': [h.stream is sys.stderr for h in logging.getLogger('concurrent.futures').handlers],
    'descriptors': sorted(name for n in os.listdir('/proc/self/fd') if os.path.exists(f'/proc/self/fd/{n}')
                          and (name := os.path.basename(os.path.realpath(f'/proc/self/fd/{n}')).partition(':')[0])
                          != 'anon_inode'),  # what listens to the kernel is the step's own
    'columns': pd.get_option('display.max_columns'),
    'parameters': {key: str(value) for key, value in plt.rcParams.items()},
    'backend': plt.get_backend(),
    'machinery': sys.modules['importlib._bootstrap']._find_and_load.__code__.co_argcount,
}
json.dump(facts, open('facts', 'w'))
"""


def trial(imports: str, *sources: str, kernel: str = "python3") -> Pipeline:
    """Steps that all begin with *imports*; the first notes whose child its keeper is."""
    sources = sources or ("pass",)
    made = pipeline(
        *(step("abc"[place], source, cache=False) for place, source in enumerate((NOTE, *sources))),
        preamble=(cell(imports, "imports"),),
    )
    return replace(made, kernel=kernel)


def parent(bench: Bench, run: Pipeline) -> int:
    """The parent that the first step of *run*, run now, is forked from."""
    record = bench.run(run, cache=False)
    assert record.state == "succeeded", record.error
    return int(bench.file("pids").read_text())


def warm(bench: Bench, imports: str, kernel: str = "python3") -> int:
    """The parent with the libraries, once it is ready."""
    first = parent(bench, replace(pipeline(step("a", NOTE, cache=False)), kernel=kernel))
    bench.engine.prepare(trial(imports, kernel=kernel), bench.folder)
    found = first

    def is_ready() -> bool:
        nonlocal found
        found = parent(bench, trial(imports, kernel=kernel))
        return found not in (first, os.getpid())

    wait_until(is_ready, "no parent got ready")
    return found


@pytest.fixture
def cold(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Have every step from here on start as an interpreter of its own."""

    def refuse(*_: object) -> None:
        raise OSError("no warm parent")

    return lambda: monkeypatch.setattr(WarmParents, "start", refuse)


@pytest.mark.long
def test_a_step_finds_what_it_finds_where_nothing_was_imported_ahead(bench: Bench, cold: Callable[[], None]) -> None:
    found = []
    for prepare in (lambda: warm(bench, IMPORTS), cold):
        prepare()
        parent(bench, trial(IMPORTS, PROBE))
        found.append(json.loads(bench.file("facts").read_text()))
    assert found[0] == found[1]


@pytest.mark.long
def test_libraries_imported_ahead_work_with_threads_and_processes_of_their_own(bench: Bench) -> None:
    heavy = """
    x = np.random.default_rng(0).random((400, 300))
    y = x @ x.T
    labels = (x[:, 0] > 0.5).astype(int)
    RandomForestClassifier(n_estimators=4, n_jobs=2).fit(x, labels)
    HistGradientBoostingClassifier(max_iter=2).fit(x, labels)
    cross_val_score(RandomForestClassifier(n_estimators=2), x, labels, cv=2, n_jobs=2)
    pyarrow.table({'a': [2, 1]}).sort_by('a').group_by('a').aggregate([('a', 'sum')])
    pd.DataFrame({'a': ['x', 'y']}).groupby('a').size()
    plt.plot([1, 2]); plt.savefig('figure.png')
    """
    ahead = warm(bench, IMPORTS)
    assert parent(bench, trial(IMPORTS, heavy, heavy)) == ahead


def test_unseeded_steps_of_one_parent_draw_different_numbers(bench: Bench) -> None:
    imports = "import numpy.random"  # which NumPy itself leaves for later
    warm(bench, imports)
    draw = "import random\nprint(random.random(), numpy.random.rand())"
    run = bench.run(trial(imports, draw, draw))
    assert len({*bench.log(run, "b").split(), *bench.log(run, "c").split()}) == 4


def test_a_generator_that_nobody_has_seeded_or_drawn_from_is_known_to_be_so(bench: Bench) -> None:
    warm(bench, "import numpy.random")
    look = "from labline_runtime.states.generators import capture_numpy\nprint(type(capture_numpy(None)).__name__)"
    run = bench.run(trial("import numpy.random", look, f"numpy.random.rand()\n{look}"))
    assert (bench.log(run, "b"), bench.log(run, "c")) == ("NoneType\n", "dict\n")


def test_a_variable_set_before_an_import_counts(bench: Bench) -> None:
    imports = "import os\nos.environ['MPLBACKEND'] = 'svg'\nimport matplotlib\nfound = matplotlib.rcParams['backend']"
    warm(bench, "import os")
    run = bench.run(trial(imports, "print(found)"))
    assert bench.log(run, "b").strip() == "svg"


def test_an_import_that_is_left_to_the_steps_is_named_with_the_reason_in_their_logs(bench: Bench) -> None:
    run = None

    def says_so() -> bool:
        nonlocal run
        run = bench.run(trial("import json\nimport this", "print(json.__name__)"), cache=False)
        return "`import this` anew, and what comes after it: importing it prints something." in bench.log(run, "b")

    wait_until(says_so, "the run says nothing")
    assert "Beautiful is better than ugly." in bench.log(run, "b")


def test_a_file_that_an_import_would_read_by_now_makes_a_new_parent(bench: Bench) -> None:
    ahead = warm(bench, "import matplotlib")
    bench.file("matplotlibrc").write_text("lines.linewidth: 7.5\n")
    run = bench.run(trial("import matplotlib", "print(matplotlib.rcParams['lines.linewidth'])"))
    assert bench.log(run, "b").strip() == "7.5"
    wait_until(lambda: is_gone(ahead), "the parent lives on")


def test_a_module_beside_the_notebook_takes_the_place_of_a_library(bench: Bench) -> None:
    warm(bench, "import cycler")
    bench.file("cycler.py").write_text("mine = 'the notebook\\'s own'\n")
    run = bench.run(trial("import cycler", "print(cycler.mine)"))
    assert bench.log(run, "b").strip() == "the notebook's own"


def test_a_closed_engine_leaves_no_parent_with_libraries(bench: Bench) -> None:
    ahead = warm(bench, "import numpy")
    bench.engine.close()
    wait_until(lambda: is_gone(ahead), "the parent lives on")


def parent_of(process: int) -> int:
    return int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])


def test_one_more_import_makes_a_parent_from_the_one_that_has_the_others(bench: Bench) -> None:
    ahead = warm(bench, "import numpy")
    more = trial("import numpy\nimport cycler", "print(numpy.arange(2).sum(), cycler.__name__)")
    wait_until(lambda: parent(bench, more) != ahead, "no other parent got ready")
    twin = parent_of(int(bench.file("pids").read_text()))
    assert parent_of(twin) == ahead
