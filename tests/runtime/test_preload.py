"""What libraries a warm parent may import ahead, and how it leaves the process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from labline_runtime.requests import AUTOLOGGING
from tests.runtime.conftest import BUNDLE

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="warm parents are for Linux")

REFUSED = {
    "starts_a_thread": ("import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()", "a thread"),
    "starts_a_process": ("import subprocess\np = subprocess.Popen(['sleep', '600'])", "starts a process"),
    "keeps_a_file": ("held = open('/dev/null')", "keeps a file or a connection open"),
    "prints": ("print('hello')", "prints something"),
    "warns": ("import warnings\nwarnings.warn('look')", "shows a UserWarning"),
    "deprecated": ("import warnings\nwarnings.warn('old', DeprecationWarning, stacklevel=2)", "a DeprecationWarning"),
    "handles_signals": ("import signal\nsignal.signal(signal.SIGUSR1, lambda *_: 0)", "handles signals"),
    "sets_up_logging": ("import logging\nlogging.basicConfig()", "sets up logging"),
    "goes_elsewhere": ("import os\nos.chdir('/')", "the working directory"),
    "adds_a_path": ("import sys\nsys.path.append('/opt')", "sys.path"),
    "limits_recursion": ("import sys\nsys.setrecursionlimit(999)", "settings of the interpreter"),
    "hooks": ("import sys\nsys.excepthook = print", "hooks of the interpreter"),
    "asks_the_shell": ("from IPython import get_ipython\nget_ipython().events", "uses the notebook's shell"),
    "keeps_the_shell": ("from IPython import get_ipython\nheld = get_ipython()", "keeps the notebook's shell"),
    "draws": ("import random\nown = random.Random()", "makes a generator of random numbers"),
    "fails": ("1 / 0", "raises ZeroDivisionError"),
    "leaves": ("raise SystemExit", "raises SystemExit"),
    "writes": ("import tempfile, os\nopen(f'{tempfile.gettempdir()}/x{os.getpid()}', 'w').close()", "writes "),
    "finds_modules": ("import sys\nsys.meta_path.insert(0, sys.meta_path[-1])", "how modules are found"),
    "unwarns": ("import warnings\nwarnings.resetwarnings()", "filters of warnings"),
    "knows_the_step": ("import os\nos.environ.get('MLFLOW_RUN_ID')", "reads MLFLOW_RUN_ID, which is another one"),
    "needs_another": ("import beside", "it would import beside, which lies beside the notebook"),
}

FINE = """
import builtins, logging, os, sys, types, warnings
made_up = sys.modules['made_up'] = types.ModuleType('made_up')
made_up.__file__ = '_made_up.py'
names = dict(vars(builtins))  # with get_ipython among them
os.environ['FINE'] = 'set'
warnings.filterwarnings('ignore', message='front')
warnings.filterwarnings('ignore', message='back', append=True)
sys.meta_path.append(sys.meta_path[-1])
handler = logging.StreamHandler()
"""

SCRIPT = """
import sys; sys.path.append({bundle!r})
import json, os, warnings
from labline_runtime import forkserver
forkserver._warm_up()
from labline_runtime.preload import Refused, preload
def state():
    return sorted(sys.modules), list(map(str, warnings.filters)), len(sys.meta_path), sys.stdout is out
out, found = sys.stdout, {{}}
for name in {names!r}:
    reader, writer = os.pipe()
    if os.fork() == 0:
        before = state()
        try:
            ahead = preload(['import ' + name], {folder!r})
            changed = [a != b for a, b in zip(before[1:], state()[1:])]
            told = {{'reason': None, 'changed': changed, 'hidden': name not in sys.modules}}
            del os.environ['FINE']
            ahead.enter_step()
            exec('import ' + name)
            told['shown'] = [os.environ.get('FINE'), name in sys.modules, len(sys.meta_path) - before[2],
                             [f[1].pattern for f in (warnings.filters[0], warnings.filters[-1])],
                             sys.modules[name].handler.stream is ahead.stage.stderr]
        except Refused as refused:
            told = {{'reason': str(refused)}}
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    os.close(writer)
    found[name] = json.loads(os.fdopen(reader).read() or 'null')
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, object]]:
    """What came of importing each library."""
    base, folder = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("notebooks")
    installed = Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(base)}))
    installed.mkdir(parents=True)
    for name, (source, _) in REFUSED.items():
        (installed / f"{name}.py").write_text(source)
    (installed / "fine.py").write_text(FINE)
    (folder / "beside.py").write_text("")
    script = SCRIPT.format(bundle=str(BUNDLE), names=[*REFUSED, "fine"], folder=str(folder))
    environment = os.environ | {"PYTHONUSERBASE": str(base), "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", REFUSED)
def test_an_import_that_leaves_more_than_modules_is_refused(told: dict[str, dict[str, object]], name: str) -> None:
    assert REFUSED[name][1] in str(told[name]["reason"])


def test_what_an_import_changes_is_taken_back(told: dict[str, dict[str, object]]) -> None:
    assert (told["fine"]["changed"], told["fine"]["hidden"]) == ([False, False, False], True)


def test_what_an_import_changes_is_there_when_the_step_imports_it(told: dict[str, dict[str, object]]) -> None:
    assert told["fine"]["shown"] == ["set", True, 1, ["front", "back"], True]


LATER = """
import sys; sys.path.append({bundle!r})
import json, os
from labline_runtime import forkserver
forkserver._warm_up()
from labline_runtime import preload, shelf
preload.LATER = {{"used": ("used.missing", "used.sets", "used.one", "used.two", "used.three")}}
ahead = preload.preload(["import used", "import used as same"], {folder!r})
os.environ.pop("USED", None)
ahead.enter_step()
told = {{"early": shelf.brings_modules_alone("used.one")}}
import used
names = "sets", "one", "two", "three"
told["hidden"] = [name for name in names if hasattr(used, name) or f"used.{{name}}" in sys.modules]
told["alone"] = [name for name in names[:3] if shelf.brings_modules_alone(f"used.{{name}}")]
import used.two
told["shown"] = [name for name in names if hasattr(used, name) and f"used.{{name}}" in sys.modules]
told["once"] = used.made
import used.sets
told["set"] = os.environ["USED"]
print(json.dumps(told))
"""


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a step sees of a library that imports more of itself when it is used."""
    base, folder = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("notebooks")
    package = Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(base)})) / "used"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("made = []\n")
    (package / "sets.py").write_text("import os\nos.environ['USED'] = 'set'\n")
    for name, needs in (("one", ""), ("two", "import used.one\n"), ("three", "")):
        (package / f"{name}.py").write_text(f"import used\n{needs}used.made.append({name!r})\n")
    script = LATER.format(bundle=str(BUNDLE), folder=str(folder))
    environment = os.environ | {"PYTHONUSERBASE": str(base), "PYTHONPATH": str(package.parent)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_what_a_library_imports_later_is_hidden_until_it_does(used: dict[str, object]) -> None:
    assert (used["early"], used["hidden"]) == (False, [])


def test_what_is_imported_later_comes_with_what_it_may_rest_on(used: dict[str, object]) -> None:
    assert used["shown"] == ["one", "two"]
    assert used["once"] == ["one", "two", "three"]  # made ahead, and not again


def test_what_sets_more_than_modules_is_imported_in_the_step(used: dict[str, object]) -> None:
    assert (used["alone"], used["set"]) == (["one", "two"], "set")


SHADOWED = """
import sys; sys.path.append({bundle!r})
import json, os
from labline_runtime import forkserver
forkserver._warm_up()
from labline_runtime.preload import Refused, preload
found = {{}}
for case, (statements, autologging) in {cases!r}.items():
    reader, writer = os.pipe()
    if os.fork() == 0:
        try:
            preload(statements, os.path.join({folder!r}, case), autologging=autologging)
            told = None
        except Refused as refused:
            told = [refused.statement, str(refused)]
        os.write(writer, json.dumps(told).encode())
        os._exit(0)
    os.close(writer)
    found[case] = json.loads(os.fdopen(reader).read())
print(json.dumps(found))
"""
USER = ["import uses_other"]
BESIDE = {
    # what lies beside the notebook, what is to be imported, whether a training is to be logged
    "module.other_lib.py": (USER, False),
    "package.other_lib/__init__.py": (USER, False),
    "aside.other_lib.py": (["import json"], True),
    "option.optional_lib.py": (["import with_option"], False),
    "logged.mlflow.py": (["import json"], True),
    "own.py_lib.py": (USER, False),
    "folder.other_lib/data.csv": (USER, False),
    "text.other_lib.txt": (USER, False),
    "python's.json.py": (USER, False),
}


@pytest.fixture(scope="module")
def beside(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[str] | None]:
    """What came of importing a library that imports another, by what lies beside the notebook."""
    base, folder = tmp_path_factory.mktemp("base"), tmp_path_factory.mktemp("notebooks")
    installed = Path(sysconfig.get_path("purelib", "posix_user", {"userbase": str(base)}))
    installed.mkdir(parents=True)
    (installed / "uses_other.py").write_text("import other_lib\n")
    (installed / "with_option.py").write_text("try:\n    import optional_lib\nexcept ImportError:\n    pass\n")
    (installed / "mlflow.py").write_text("import other_lib\n")
    (installed / "other_lib.py").write_text("")
    for case in BESIDE:
        path = folder / case / case.partition(".")[2]
        path.parent.mkdir(parents=True)
        path.write_text(f"open({str(folder / case / 'carried out')!r}, 'w').close()\n")
    script = SHADOWED.format(bundle=str(BUNDLE), cases=BESIDE, folder=str(folder))
    environment = os.environ | {"PYTHONUSERBASE": str(base), "PYTHONPATH": str(installed)}
    done = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list(folder.rglob("carried out"))
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("case", "statement"),
    [
        ("module.other_lib.py", USER[0]),
        ("package.other_lib/__init__.py", USER[0]),
        ("aside.other_lib.py", AUTOLOGGING),
        ("option.optional_lib.py", "import with_option"),
    ],
)
def test_what_lies_beside_the_notebook_under_a_librarys_name_is_not_carried_out(
    beside: dict[str, list[str] | None], case: str, statement: str
) -> None:
    told = beside[case]
    assert told is not None
    assert told[0] == statement
    assert case.split(".")[1].partition("/")[0] in told[1]


@pytest.mark.parametrize(
    "case", ["logged.mlflow.py", "own.py_lib.py", "folder.other_lib/data.csv", "text.other_lib.txt", "python's.json.py"]
)
def test_what_stands_in_no_librarys_way_keeps_none_from_being_imported_ahead(
    beside: dict[str, list[str] | None], case: str
) -> None:
    assert beside[case] is None
