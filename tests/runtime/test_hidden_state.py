"""Hidden state crosses from step to step like a value."""

from __future__ import annotations

import sys
import types

import pytest

from labline_runtime.states import generators, patches
from labline_runtime.states.baseline import Baseline

CASES = {
    "@random": ("import random\nrandom.seed(3); random.random()", "import random\nprint(random.random())"),
    "@numpy.random": (
        "import numpy as np\nnp.random.seed(3); np.random.normal(size=3)",
        "import numpy as np\nprint(np.random.normal(), np.random.rand())",
    ),
    "@numpy.random seeded": (
        "import numpy as np\nnp.random.seed(3)",
        "import numpy as np\nprint(np.random.mtrand._rand._bit_generator._seed_seq)",
    ),
    "@pandas.options": (
        "import pandas as pd\npd.options.display.max_rows = 7; pd.options.display.float_format = '{:.1f}'.format",
        "import pandas as pd\nprint(pd.get_option('display.max_rows'), pd.Series([1.25]))",
    ),
    "@numpy.printoptions": (
        "import numpy as np\nnp.set_printoptions(precision=2); np.seterr(divide='raise')",
        "import numpy as np\nprint(np.array([1 / 3]), np.geterr())",
    ),
    "@matplotlib.rcParams": (
        "import matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth'] = 4.5; plt.style.use('ggplot')",
        "import matplotlib as m\nprint(m.rcParams['lines.linewidth'], m.rcParams['axes.facecolor'])",
    ),
    "@matplotlib.rcParams dates": (
        "from pandas.plotting import register_matplotlib_converters\nregister_matplotlib_converters()",
        "import datetime, matplotlib.dates, matplotlib.units as u\nprint(type(u.registry[datetime.date]).__module__)",
    ),
    "@matplotlib.rcParams colour map": (
        "import matplotlib as m\nfrom matplotlib.colors import ListedColormap\n"
        "m.colormaps.register(ListedColormap(['red', 'blue'], 'own')); m.rcParams['image.cmap'] = 'own'",
        "import matplotlib.pyplot as plt\nprint(plt.imshow([[0, 1]]).cmap([0, 1])); plt.close()",
    ),
    "@warnings": (
        "import warnings\nwarnings.simplefilter('error', UserWarning)",
        "import warnings\ntry:\n    warnings.warn('x')\nexcept UserWarning as e:\n    print('raised', e)",
    ),
    "@environ": (
        "import os\nos.environ['MARK'] = 'set'; os.environ.pop('GONE', None)",
        "import os\nprint(os.environ['MARK'], 'GONE' in os.environ)",
    ),
    "@cwd": (
        "import os\nos.makedirs('data', exist_ok=True); os.chdir('data')",
        "import os\nprint(os.path.basename(os.getcwd()))",
    ),
    "@sys.path": (
        "import sys\nsys.path.insert(1, 'lib'); sys.path.append('end')",
        "import sys\nprint(sys.path[1], sys.path[-1])",
    ),
    "@interpreter": (
        "import sys, gc, os, csv, socket\nsys.setrecursionlimit(2345); gc.disable(); os.umask(0o77)\n"
        "csv.field_size_limit(99); socket.setdefaulttimeout(7.0)",
        "import sys, gc, os, csv, socket\n"
        "print(sys.getrecursionlimit(), gc.isenabled(), os.umask(0), csv.field_size_limit())\n"
        "print(socket.getdefaulttimeout())",
    ),
    "@interpreter signals": (
        "import signal\nsignal.signal(signal.SIGUSR1, lambda number, frame: print('came'))",
        "import os, signal\nos.kill(os.getpid(), signal.SIGUSR1)\nprint('went on')",
    ),
    "@logging": (
        "import logging\nlogging.basicConfig(level=logging.INFO, format='%(levelname)s-%(message)s')\n"
        "logging.root.addHandler(logging.FileHandler('note.log')); logging.getLogger('quiet').setLevel('ERROR')\n"
        "logging.addLevelName(25, 'NOTICE')",
        "import logging\nlogging.getLogger('loud').info('heard'); logging.getLogger('quiet').info('not heard')\n"
        "logging.log(25, 'named')\nprint(open('note.log').read().splitlines()[-2:], logging.root.level)",
    ),
    "@logging own": (
        "import io, logging\nclass Own(logging.Handler):\n    def emit(self, record): self.seen = record.msg\n"
        "own, text = Own(), io.StringIO()\nlog = logging.getLogger('own')\nlog.addHandler(own)\n"
        "log.addHandler(logging.StreamHandler(text))\nlogging.raiseExceptions = False\nlog.error('one')",
        "import logging\nlog = logging.getLogger('own')\nlog.error('two')\nown, stream = log.handlers\n"
        "print(own.seen, repr(stream.stream.getvalue()), logging.raiseExceptions)",
    ),
    "@cwd before": ("import os\nos.makedirs('data', exist_ok=True)\n%pushd data", "%cd -\n%popd"),
    "@ipython": (
        "%load_ext autoreload\n%autoreload 2\n%precision 3\n%xmode Verbose\n"
        "get_ipython().ast_node_interactivity = 'all'\n"
        "from __future__ import annotations",
        "ip = get_ipython()\n"
        "print('autoreload' in ip.extension_manager.loaded, ip.ast_node_interactivity, ip.InteractiveTB.mode)\n"
        "print(ip.display_formatter.formatters['text/plain'].float_format)\ndef f(x: unknown): ...",
    ),
    "@ipython own": (
        "ip = get_ipython()\nip.register_magic_function(lambda line: line.upper(), magic_name='shout')\n"
        "ip.display_formatter.formatters['text/plain'].for_type(complex, lambda v, p, c: p.text('two parts'))",
        "print(get_ipython().run_line_magic('shout', 'a'), get_ipython().display_formatter.format(1j)[0])",
    ),
    "@matplotlib.backend": (
        "import matplotlib.pyplot as plt\n%matplotlib inline\n%config InlineBackend.figure_format = 'svg'\n"
        "%config InlineBackend.close_figures = False\nplt.ioff()",
        "import matplotlib.pyplot as plt, matplotlib\nfrom matplotlib_inline.config import InlineBackend\n"
        "print(InlineBackend.instance().close_figures, plt.isinteractive(), plt.get_backend())\n"
        "bundle = get_ipython().display_formatter.format(plt.figure())[0]\nprint(sorted(bundle))",
    ),
    "@patch:pathlib.Path.shout": (
        "import pathlib\npathlib.Path.shout = lambda self: str(self).upper()",
        "import pathlib\nprint(pathlib.Path('a').shout())",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_a_later_step_goes_on_where_the_earlier_stopped(steps, name):
    first, second = CASES[name]
    environment = {"GONE": "not yet"}
    before = steps.run(first, outputs=[name.partition(" ")[0]], environment=environment)
    whole = steps.run(first, second, environment=environment)
    ran = steps.run(second, inputs=before.inputs(), environment=environment)
    assert ran.result.error is None, ran.result.error
    assert ran.printed() == whole.printed() != ""


ORIGINALS = {
    "a function of numpy": ("import numpy as np\nold = np.mean\nnp.mean = len", "@patch:numpy.mean"),
    "a universal function": ("import numpy as np\nold = np.add\nnp.add = len", "@patch:numpy.add"),
    "a class": ("import fractions\nold = fractions.Fraction\nfractions.Fraction = int", "@patch:fractions.Fraction"),
}


@pytest.mark.parametrize("name", ORIGINALS)
def test_what_the_notebook_has_put_something_in_the_place_of_crosses_as_what_it_is(steps, name):
    code, patch = ORIGINALS[name]
    module, _, attribute = patch.removeprefix("@patch:").partition(".")
    before = steps.run(f"{code}\nprint(old.__name__)", outputs=["old", patch])
    assert before.result.error is None, before.result.error
    look = f"import {module} as m\nprint(old.__name__, m.{attribute} is old, m.{attribute}.__name__)"
    after = steps.run(look, inputs=before.inputs())
    assert after.result.error is None, after.result.error
    stand_in = code.rpartition(" ")[2]
    assert after.printed() == f"{before.printed().strip()} False {stand_in}\n"


def test_a_decimal_context_that_the_notebook_has_under_a_name_stays_the_one_in_force(steps):
    make = "import decimal\nkept = decimal.getcontext()\nkept.prec = 5; kept.rounding = decimal.ROUND_UP"
    before = steps.run(make, outputs=["kept", "@decimal"])
    after = steps.run(
        "import decimal\nprint(decimal.Decimal(1) / 3)\nkept.prec = 3\nprint(decimal.Decimal(1) / 3)",
        inputs=before.inputs(),
    )
    assert after.result.error is None, after.result.error
    assert after.printed() == "0.33334\n0.334\n"


def test_a_library_that_was_not_in_use_is_not_imported(steps):
    names = "@numpy.random @pandas.options @matplotlib.rcParams @torch.random"
    ran = steps.chain("x = 1", [names], "import sys\nprint({'numpy', 'pandas', 'matplotlib'} & set(sys.modules))")
    assert ran.printed() == "set()\n"


def test_an_option_that_went_back_to_its_default_goes_back(steps):
    imports = ("import pandas as pd\npd.set_option('display.max_rows', 7)", "imports")
    before = steps.run(imports, "pd.reset_option('display.max_rows')", outputs=["@pandas.options"])
    ran = steps.run(imports, "print(pd.get_option('display.max_rows'))", inputs=before.inputs())
    assert ran.printed() == "60\n"


def test_hidden_state_travels_on_through_a_step_that_adds_to_it(steps):
    first = steps.run("import os; os.environ['A'] = '1'", outputs=["@environ"])
    second = steps.run("import os; os.environ['B'] = '2'", inputs=first.inputs(), outputs=["@environ"])
    ran = steps.run("import os; print(os.environ['A'], os.environ['B'])", inputs=second.inputs())
    assert ran.printed() == "1 2\n"


def test_importing_pyplot_changes_nothing_of_a_backend_that_was_chosen_before(steps):
    chosen = "import matplotlib\nmatplotlib.use('agg')"
    ran = [steps.run(chosen, more, outputs=["@matplotlib.backend"]) for more in ("1", "import matplotlib.pyplot")]
    before, after = (each.result.artifacts[0].values[0].digest for each in ran)
    assert before == after != ""


def test_a_folder_that_is_gone_is_said(steps):
    before = steps.run("import os\nos.mkdir('data'); os.chdir('data')", outputs=["@cwd"])
    (steps.folder / "data").rmdir()
    error = steps.run("1", inputs=before.inputs()).result.error
    assert error.variable == "@cwd"
    assert str(steps.folder / "data") in error.message


def draws_of(steps, seed, step):
    seeded = steps.run(f"import random, numpy as np\nrandom.seed({seed}); np.random.seed({seed})", outputs=STATES)
    drawing = "import random, numpy as np\nprint(random.random(), np.random.rand())"
    ran = steps.run(drawing, inputs=seeded.inputs(), step=step, derive_random=True)
    return ran.printed()


STATES = ["@random", "@numpy.random"]


def test_a_derived_generator_follows_from_the_seed_and_the_step(steps):
    first = draws_of(steps, 1, "a")
    assert draws_of(steps, 1, "a") == first
    assert draws_of(steps, 1, "b").split() != first.split()
    assert not set(draws_of(steps, 2, "a").split()) & set(first.split())


def test_cells_have_the_numbers_of_the_notebook(steps):
    ran = steps.run(("20 + 1", "step", 7), ("print(Out[7], _7, _)", "step", 9))
    assert ran.printed() == "21 21 21\n"
    assert [cell["execution_count"] for cell in ran.notebook["cells"]] == [7, 9]


def test_a_handler_that_cannot_cross_is_said(steps):
    code = "import logging, threading\nhandler = logging.StreamHandler()\nhandler.mine = threading.Lock()"
    error = steps.run(f"{code}\nlogging.root.addHandler(handler)", outputs=["@logging"]).result.error
    assert "handlers'][0].mine" in error.message
    assert "imports" in error.hint


def test_a_generator_of_numpy_that_a_step_of_a_warm_parent_begins_with_is_one_that_nobody_has_touched() -> None:
    np = pytest.importorskip("numpy")
    held = np.random.get_bit_generator()
    try:
        np.random.seed(1)
        generators.renew_numpy(np.random)
        assert generators.capture_numpy(Baseline.take()) is None
    finally:
        np.random.set_bit_generator(held)


def test_a_class_that_says_of_no_module_that_it_is_from_there_stops_nothing(steps):
    assert steps.run("Made = type('Made', (), {'__module__': None})", outputs=["Made"]).result.error is None


def test_what_two_modules_share_no_more_are_two_objects_again(monkeypatch: pytest.MonkeyPatch) -> None:
    shared = {"n": 1}
    for name in ("one_of_two", "other_of_two"):
        module = types.ModuleType(name)
        module.CONFIG = shared  # type: ignore[attr-defined]
        monkeypatch.setitem(sys.modules, name, module)
    patches.restore_module({"one_of_two": {"CONFIG": {"n": 2}}, "other_of_two": {"CONFIG": {"n": 100}}})
    assert [sys.modules[name].CONFIG for name in ("one_of_two", "other_of_two")] == [{"n": 2}, {"n": 100}]
    assert sys.modules["one_of_two"].CONFIG is shared
