"""What a step was believed to leave alone and did not fails it; a right step passes."""

from __future__ import annotations

import importlib
import logging
import os
import random
import signal
import site
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from labline_runtime import hidden_state
from labline_runtime import library as library_module
from labline_runtime.failure import StepFailure
from labline_runtime.guard import Guard
from labline_runtime.outcome import FileUse

from .handover import Handover


@pytest.fixture
def handover(tmp_path: Path) -> Handover:
    return Handover(tmp_path)


def unaltered(handover: Handover, make: str, use: str):
    """What *use* does to ``v``, which it is believed to leave as it is."""
    taken = [replace(one, unaltered=one.names) for one in handover.make(make, ["v"])]
    return handover.error(use, taken, step="train")


MAKE = "import numpy as np, pandas as pd\n"
ALTERED = {
    "array": ("v = np.arange(5.)", "v[2] = 9"),
    "frame": ("v = pd.DataFrame({'a': [1, 2]})", "v['b'] = v.a * 2"),
    "cell of a frame": ("v = pd.DataFrame({'a': [1, 2]})", "v.loc[0, 'a'] = 7"),
    "series": ("v = pd.Series([2, 1])", "v.sort_values(inplace=True)"),
    "index name": ("v = pd.DataFrame({'a': [1]})", "v.index.name = 'k'"),
    "list": ("v = [1, 2]", "v.append(3)"),
    "dict in a list": ("v = [{'k': [1]}]", "v[0]['k'][0] = 2"),
    "frame in a dict": ("v = {'df': pd.DataFrame({'a': [1, 2]})}", "v['df'].drop(columns='a', inplace=True)"),
    "set": ("v = {1, 2}", "v.discard(1)"),
    "instance": ("class A: pass\nv = A()\nv.x = [1]", "v.x = [2]"),
    "list in an instance": ("class A: pass\nv = A()\nv.x = [1]", "v.x.append(2)"),
    "slot": ("class A:\n    __slots__ = ('x',)\nv = A()\nv.x = 1", "v.x = 2"),
    "instance in a list": ("class A: pass\nv = [A()]", "v[0].y = 1"),
    "dataclass": ("import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\nv = A(1)", "v.x = 2"),
    "estimator fitted again": (
        "from sklearn.linear_model import LinearRegression\nv = LinearRegression().fit([[0], [1]], [0, 1])",
        "v.fit([[0], [1]], [0, 2])",
    ),
    "pipeline's parameter": (
        "from sklearn.pipeline import make_pipeline\nfrom sklearn.preprocessing import StandardScaler\n"
        "v = make_pipeline(StandardScaler()).fit([[0], [1]])",
        "v.set_params(standardscaler__with_mean=False)",
    ),
    "generator of random numbers": ("v = np.random.default_rng(0)", "v.normal()"),
}


@pytest.mark.parametrize("case", ALTERED)
def test_an_altered_input_fails_the_step_and_is_named(handover, case):
    make, alter = ALTERED[case]
    error = unaltered(handover, MAKE + make, alter)
    assert error is not None
    assert (error.code, error.variable) == ("LL210", "v")
    assert "Step train altered v" in error.message


def test_the_step_itself_fails(steps):
    error = steps.chain("v = [1]", ["v"], "v.append(2)", step="train").result.error
    assert error is not None
    assert error.code == "LL210"


FRAME = "v = pd.DataFrame({'k': list('aba'), 'x': [1., 2., None]})"
USED = {
    "reading a frame": (FRAME, "v.x.mean(); v.describe(); v[v.x > 1]"),
    "grouping": (FRAME, "v.groupby('k').x.sum(); v.pivot_table(index='k')"),
    "index caches": (FRAME + ".set_index('k')", "v.loc['b']; v.index.get_loc('b'); v.index.is_unique"),
    "times": (
        "v = pd.DataFrame({'t': pd.date_range('2024', periods=3, tz='UTC')}).set_index('t')",
        "v.index.month; v.resample('D').size()",
    ),
    "plotting": (FRAME, "v.plot()"),
    "merging": (
        "v = pd.DataFrame({'k': [1, 2], 'c': pd.Categorical(['a', 'b'])})",
        "v.merge(v, on='k'); v.c.cat.codes; pd.get_dummies(v)",
    ),
    "copies": ("v = np.arange(4)", "w = v.copy(); w[0] = 5"),
    "rebinding": ("v = [1, 2]", "v = v + [3]; v.append(4)"),
    "predicting": (
        "from sklearn.ensemble import RandomForestClassifier as Forest\n"
        "v = Forest(3, random_state=0).fit([[0], [1]], [0, 1])",
        "v.predict([[0]]); v.feature_importances_; v.estimators_samples_",
    ),
    "caching": (
        "import functools\nclass A:\n    @functools.cached_property\n    def x(self): return 1\nv = A()",
        "v.x",
    ),
    "nearest neighbours": (
        "from sklearn.neighbors import KNeighborsClassifier as Near\n"
        "v = Near(1, algorithm='kd_tree').fit([[0.], [1.]], [0, 1])",
        "v.predict([[0.2]]); v.kneighbors([[0.3]]); repr(v); v._repr_html_()",
    ),
    "hashing words": (
        "from sklearn.feature_extraction.text import HashingVectorizer\nv = HashingVectorizer(n_features=8)",
        "v.transform(['a b'])",
    ),
    "reading an instance": ("class A: pass\nv = A()\nv.x = [1]", "v.x; repr(v); hash(v); v.x == [1]; vars(v)"),
    "private caches of others": ("import string\nv = string.Template('$a')", "v.cache = 1"),
    "iterating": ("v = iter([1, 2, 3])", "next(v)"),
    "array of objects": ("v = np.array(['a', None, 2.5], dtype=object)", "v == 'a'; v.tolist()"),
    "masked array": ("v = np.ma.masked_array([1., 2.], [True, False])", "v.mean(); repr(v); v.fill_value"),
    "sorted copy": ("v = {'b': 1, 'a': [2]}", "sorted(v); list(v.items()); repr(v)"),
    "strings": ("v = pd.Series(['a', None, 'c'])", "v.str.upper(); v.isna(); v.value_counts(); v.map(str)"),
}


@pytest.mark.parametrize("case", USED)
def test_using_an_input_is_no_false_alarm(handover, case):
    make, use = USED[case]
    assert unaltered(handover, MAKE + make, MAKE + use) is None


def test_an_input_that_may_be_altered_may_be_altered(handover):
    assert handover.error("v.append(2)", handover.make("v = [1]", ["v"])) is None


# ----------------------------------------------------------------------------------------------------- names and state


def test_a_name_bound_out_of_sight_fails_where_a_later_step_takes_the_old_value(handover):
    error = handover.error("globals().update(n=2)", before=("n",))
    assert error is not None
    assert (error.code, error.variable) == ("LL222", "n")


@pytest.mark.parametrize("passing", [{}, {"before": ("other",)}])
def test_a_name_bound_out_of_sight_that_nobody_takes_is_no_alarm(handover, passing):
    assert handover.error("globals().update(n=2)", **passing) is None


def test_what_the_shell_binds_is_no_alarm(handover):
    assert handover.error("_ = 5; _3 = 6; In = []", before=("_", "_3", "In")) is None


def test_reading_a_value_that_passes_by_is_no_alarm(handover):
    assert handover.error("n[0]; m = n", handover.make("n = [1]", ["n"]), before=("n",)) is None


DRAWS = {"@random": "import random; random.random()", "@numpy.random": "import numpy; numpy.random.rand()"}


@pytest.fixture
def generators():
    states = random.getstate(), np.random.get_state()
    yield
    random.setstate(states[0])
    np.random.set_state(states[1])


@pytest.mark.usefixtures("generators")
@pytest.mark.parametrize("state", DRAWS)
def test_an_unseen_draw_fails_where_a_later_step_goes_on_from_the_seed(handover, state):
    error = handover.error(DRAWS[state], before=(state,))
    assert error is not None
    assert (error.code, error.variable) == ("LL221", state)


@pytest.mark.usefixtures("generators")
@pytest.mark.parametrize("state", DRAWS)
def test_an_unseen_draw_from_a_generator_that_nobody_seeded_is_told_only(handover, state):
    assert handover.error(DRAWS[state]) is None
    assert state in handover.outdated


@pytest.mark.usefixtures("generators")
def test_an_import_that_draws_fails_where_a_later_step_goes_on_from_the_seed(handover, monkeypatch):
    monkeypatch.delitem(sys.modules, "rich.style", raising=False)
    error = handover.error("import rich.style", before=("@random",))
    assert error is not None
    assert (error.code, error.variable) == ("LL221", "@random")


@pytest.mark.usefixtures("generators")
def test_an_import_that_draws_is_told_only_where_nobody_draws_below(handover, monkeypatch):
    monkeypatch.delitem(sys.modules, "rich.style", raising=False)
    assert handover.error("import rich.style") is None


def test_generators_of_their_own_leave_the_shared_ones_alone(handover):
    code = "import random, numpy; random.Random(0).random(); numpy.random.default_rng(0).random(); import tempfile"
    assert handover.error(code, before=tuple(DRAWS)) is None


def test_another_working_folder_fails_where_a_later_step_uses_files(handover, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    error = handover.error("import os; os.mkdir('d'); os.chdir('d')", nobody=("@cwd",))
    assert error is not None
    assert (error.code, error.variable) == ("LL221", "@cwd")


def drawn(handover: Handover, seeded: tuple[str, ...]) -> str | None:
    guard = Guard(handover.specification("work", seeded=seeded), {}, [], [], handover.baseline)
    random.random()
    guard.stop()
    try:
        guard.check()
    except StepFailure as failure:
        return failure.error.code
    return None


def test_who_draws_out_of_sight_from_what_was_seeded_above_fails_though_nobody_draws_later(handover):
    assert drawn(handover, ("@random",)) == "LL221"


def test_who_draws_out_of_sight_from_what_nobody_has_seeded_is_no_alarm(handover):
    assert drawn(handover, ()) is None


CHANGES = {
    "@pandas.options": ("import pandas; pandas.set_option('display.max_rows', 7)", "display.max_rows"),
    "@numpy.printoptions": ("import numpy; numpy.set_printoptions(precision=2)", "print.precision"),
    "@numpy.printoptions errors": ("import numpy; numpy.seterr(divide='raise')", "errors.divide"),
    "@matplotlib.rcParams": ("import matplotlib; matplotlib.rcParams['font.size'] = 7", "font.size"),
    "@matplotlib.rcParams list": (
        "import matplotlib; matplotlib.rcParams['font.serif'].insert(0, 'x')",
        "font.serif",
    ),
    "@sklearn.config": ("import sklearn; sklearn.set_config(assume_finite=True)", "assume_finite"),
    "@warnings": ("import warnings; warnings.filterwarnings('ignore', 'old')", "ignore Warning old"),
    "@logging": ("import logging; logging.getLogger().setLevel(7)", "root's level"),
    "@logging own": ("import logging; logging.getLogger('tests.work').setLevel(7)", "tests.work's level"),
    "@locale": ("import locale; locale.setlocale(locale.LC_ALL, 'C.UTF-8')", "LC_ALL"),
    "@decimal": ("import decimal; decimal.getcontext().prec = 4", "prec"),
    "@interpreter": ("import sys; sys.setrecursionlimit(4321)", "recursion limit"),
    "@interpreter umask": ("import os; os.umask(0o027)", "umask"),
    "@interpreter signals": ("import signal; signal.signal(signal.SIGUSR2, lambda *_: None)", "signals"),
    "@environ": ("import os; os.environ['FLAVOUR'] = 'vanilla'", "FLAVOUR"),
    "@sys.path": ("import sys; sys.path.insert(0, 'src')", "src"),
}


@pytest.fixture
def states(handover, monkeypatch):
    """Puts everything back, which these changes are made in this very process to."""
    for name in ("matplotlib", "pandas", "sklearn"):
        importlib.import_module(name)
    monkeypatch.setattr(sys, "path", sys.path[:])
    names = ["@random", *(case.partition(" ")[0] for case in CHANGES)]
    kept = {name: hidden_state.capture(name, handover.baseline) for name in dict.fromkeys(names) if name != "@logging"}
    root = logging.getLogger().level
    usr2 = signal.getsignal(signal.SIGUSR2)
    yield
    signal.signal(signal.SIGUSR2, usr2)
    logging.getLogger().setLevel(root)
    logging.getLogger("tests.work").setLevel(0)
    os.environ.pop("FLAVOUR", None)
    hidden_state.restore_all(kept, handover.baseline)


@pytest.mark.usefixtures("states")
@pytest.mark.parametrize("case", CHANGES)
def test_an_option_changed_out_of_sight_fails_where_later_steps_would_not_have_it(handover, case):
    code, part = CHANGES[case]
    state = case.partition(" ")[0]
    error = handover.error(code, nobody=(state,))
    assert error is not None
    assert (error.code, error.variable) == ("LL221", state)
    assert part in error.message


@pytest.mark.usefixtures("states")
def test_an_option_changed_out_of_sight_after_the_last_cell_that_could_miss_it_is_told_only(handover):
    assert handover.error(CHANGES["@sklearn.config"][0]) is None
    assert "@sklearn.config" in handover.outdated


@pytest.mark.parametrize(
    "code",
    [
        "import warnings\nwith warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    import tabnanny",
        "import pandas\nwith pandas.option_context('display.max_rows', 5): repr(pandas.Series([1]))",
        "import matplotlib\nwith matplotlib.rc_context({'font.size': 3}): pass",
        "import logging; logging.getLogger('sklearn').setLevel(40); logging.getLogger('sklearn').setLevel(0)",
    ],
)
def test_an_option_that_is_put_back_is_no_alarm(handover, code):
    assert handover.error(code, nobody=tuple(hidden_state.STATES)) is None


LEFT_BEHIND = """
import threading, warnings
def ignoring(first, second):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        first.set()
        second.wait(10)
def work():
    a, b, end = threading.Event(), threading.Event(), threading.Event()
    one = threading.Thread(target=ignoring, args=(a, b))
    one.start(); a.wait(10)
    two = threading.Thread(target=ignoring, args=(b, end))
    two.start(); one.join(); end.set(); two.join()
"""


def test_a_filter_that_threads_of_a_library_leave_behind_is_no_alarm(handover, library):
    (library / "threading_library.py").write_text(LEFT_BEHIND)
    code = "import threading_library, warnings; before = list(warnings.filters); threading_library.work()"
    assert handover.error(code + "; assert warnings.filters != before", nobody=("@warnings",)) is None


def test_a_message_logged_before_logging_is_set_up_is_no_alarm(handover):
    root = logging.getLogger()
    kept, root.handlers[:] = root.handlers[:], []
    try:
        assert handover.error("import logging; logging.warning('one')", nobody=("@logging",)) is None
    finally:
        root.handlers[:] = kept


def test_a_logger_that_is_only_made_is_no_alarm(handover):
    assert handover.error("import logging; logging.getLogger('tests.only_made')", nobody=("@logging",)) is None


@pytest.fixture
def library(tmp_path, monkeypatch):
    """A folder that counts as one of installed libraries."""
    folder = tmp_path / "site-packages"
    folder.mkdir()
    monkeypatch.syspath_prepend(folder)
    folders = (f"{folder}{os.sep}", *library_module.folders())
    monkeypatch.setattr(library_module, "folders", lambda: folders)
    library_module._is_installed.cache_clear()
    yield folder
    library_module._is_installed.cache_clear()


ON_IMPORT = "import warnings, sys\nwarnings.filterwarnings('ignore', 'old')\nsys.setrecursionlimit(4321)\n"


@pytest.mark.usefixtures("states")
def test_what_a_library_sets_when_it_is_imported_is_no_alarm(handover, library):
    (library / "setting.py").write_text(ON_IMPORT)
    assert handover.error("import setting", nobody=("@warnings", "@interpreter")) is None


@pytest.mark.usefixtures("states")
def test_what_is_set_before_and_after_a_library_is_imported_fails(handover, library):
    (library / "setting_too.py").write_text(ON_IMPORT)
    error = handover.error(
        "import decimal; decimal.getcontext().prec = 4; import setting_too", nobody=("@decimal", "@warnings")
    )
    assert error is not None
    assert error.variable == "@decimal"


@pytest.mark.usefixtures("states")
def test_what_a_module_beside_the_notebook_sets_when_it_is_imported_fails(handover, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "my_settings.py").write_text(ON_IMPORT)
    error = handover.error("import my_settings", nobody=("@warnings", "@interpreter"))
    assert error is not None
    assert error.code == "LL221"


def test_a_failed_import_is_told_as_ever(handover):
    with pytest.raises(ImportError) as caught:
        handover.error("import no_such_module_anywhere")
    files = [frame.path for frame in caught.traceback]
    assert not any("importlib" in str(path) for path in files)


@pytest.mark.usefixtures("states")
def test_a_method_put_into_a_library_out_of_sight_fails(handover):
    name = f"@patch:{pd.DataFrame.__module__}.DataFrame.shout"
    try:
        code = "import sys; setattr(sys.modules['pandas'].DataFrame, 'shout', lambda self: 1)"
        error = handover.error(code, nobody=("@patch:",))
    finally:
        del pd.DataFrame.shout
    assert error is not None
    assert (error.code, error.variable) == ("LL221", name)


def test_libraries_set_their_own_environment_variables_without_alarm(steps):
    path = steps.folder / "my_env.py"
    path.write_text("import os\ndef set(): os.environ['MINE'] = 'yes'\n")
    code = "import site, os; exec(compile(\"import os; os.environ['THEIRS'] = 'yes'\", {!r}, 'exec'))"
    ran = steps.run(code.format(f"{site.getsitepackages()[0]}/any.py"), passing={"": ("@environ",)})
    assert ran.result.error is None
    error = steps.run("import my_env; my_env.set()", passing={"": ("@environ",)}).result.error
    assert error is not None
    assert (error.code, "MINE" in error.message) == ("LL221", True)


# --------------------------------------------------------------------------------------------------------------- files


def written(handover: Handover, path: Path, *, before: bool) -> str | None:
    """The code of the error where a step has written *path*, before or after it began."""
    if before:
        path.write_text("a")
        past = path.stat().st_mtime - 100
        os.utime(path, (past, past))
    guard = Guard(handover.specification("work", unawaited={path.name: "plot"}), {}, [], [], handover.baseline)
    guard.stop()
    if not before:
        path.write_text("b")
    guard.check()
    try:
        guard.check_files([FileUse(str(path), "write", None, 1)])
    except StepFailure as failure:
        return failure.error.code
    return None


def test_writing_a_file_that_a_later_step_reads_without_waiting_fails(handover, tmp_path):
    assert written(handover, tmp_path / "data.csv", before=False) == "LL223"


def test_writing_such_a_file_by_a_link_fails(handover, tmp_path):
    (tmp_path / "data.csv").write_text("a")
    (tmp_path / "link.csv").symlink_to("data.csv")
    guard = Guard(handover.specification("work", unawaited={"data.csv": "plot"}), {}, [], [], handover.baseline)
    guard.stop()
    (tmp_path / "link.csv").write_text("longer")
    guard.check()
    with pytest.raises(StepFailure, match=r"wrote data.csv"):
        guard.check_files([FileUse(str(tmp_path / "link.csv"), "write", None, 1)])


def test_opening_a_file_without_changing_it_is_no_alarm(handover, tmp_path):
    assert written(handover, tmp_path / "data.csv", before=True) is None
