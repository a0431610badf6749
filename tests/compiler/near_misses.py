"""For each rule of the compiler's: the smallest notebook that breaks it, and notebooks close to it that do not.

A notebook is a text in the percent format, or what an .ipynb file holds. What is close to breaking a rule may break
another one.
"""

from __future__ import annotations

import json
from typing import Any

Content = str | dict[str, Any]
HOOK = "f = None\ndef use(g):\n    global f\n    f = g\ndef run(x): return f(x)"
PLOTS = "import matplotlib.pyplot as plt\nplt.switch_backend('agg')"


def steps(*sources: str) -> str:
    """Each source a step of its own."""
    return "\n".join(f'# %% tags=["step:s{number}"]\n{source}\n' for number, source in enumerate(sources))


def tagged(*cells: tuple[str, str]) -> str:
    """Cells as pairs of their tags, separated by blanks, and their source."""
    return "\n".join(f"# %% tags={json.dumps(tags.split())}\n{source}\n" for tags, source in cells)


def document(*sources: Any, **changes: Any) -> dict[str, Any]:
    """A notebook's file, with *changes* to what stands on top of it. A source may be a whole cell."""
    cells = [
        source
        if isinstance(source, dict)
        else {"cell_type": "code", "metadata": {"tags": ["step:a"]}, "source": source}
        for source in sources
    ]
    return {"nbformat": 4, "nbformat_minor": 5, "metadata": {}, "cells": cells, **changes}


def kale(**metadata: Any) -> dict[str, Any]:
    return document("x = 1", metadata={"kubeflow_notebook": metadata})


def labline(source: str = "x = 1", **metadata: Any) -> dict[str, Any]:
    return document(source, metadata={"labline": metadata})


def foreach(source: str) -> dict[str, Any]:
    """A loop between a step that makes what it goes through and one that looks at ``found``."""
    cells = [
        {"cell_type": "code", "metadata": {"tags": [f"step:{step}"]}, "source": text}
        for step, text in (("make", "items, start = [1, 2], 0"), ("loop", source), ("look", "print(found)"))
    ]
    return document(*cells, metadata={"labline": {"steps": {"loop": {"foreach": True}}}})


WHOLE = json.dumps(document("x = 1"))
R = {"name": "ir", "language": "R"}

FILES: dict[str, tuple[Content, list[Content]]] = {
    "LL003": ("nothing", [WHOLE, f"\n {WHOLE}\n", WHOLE.replace("x = 1", "<<<<<<< HEAD = 1")]),
    "LL004": (WHOLE[:-1], [WHOLE + "\n\n", document("x = '{[' ")]),
    "LL005": (
        document("x = 1", metadata=[]),
        [
            document("x = 1", extra=[], nbformat_minor=99),
            document({"cell_type": "raw", "source": "x"}, "x = 1"),
            document({"cell_type": "code", "source": ["x ", "= 1"], "outputs": [{}], "execution_count": "?"}),
            document({"cell_type": "markdown", "source": "", "attachments": {}}, "x = 1"),
        ],
    ),
    "LL006": (document("x = 1", nbformat=3), [document("x = 1", nbformat_minor=0)]),
    "LL007": (
        document(" ", {"cell_type": "markdown", "source": "x = 1"}),
        [document("", "x"), document("# nothing but a remark"), document("%matplotlib inline")],
    ),
    "LL008": (
        document("x = 1", metadata={"kernelspec": R}),
        [
            document("x = 1", metadata={"kernelspec": {"name": "ir", "language": "python"}}),
            document("x = 1", metadata={"kernelspec": {"name": "ir"}}),
            document("x = 1", metadata={"language_info": {"name": "ipython", "version": "3"}}),
            document("x = 1", metadata={"kernelspec": {"name": "conda", "language": "Python"}}),
        ],
    ),
    "LL009": (
        document("x = '\ud800'"),
        [
            document(r"x = '\ud800'"),
            document(r"x = '\0'"),
            document("x = '\U0001d11e\ufeff\u200b'"),
            json.dumps(document("x = '\U0001d11e'")),
            document("x = 1", {"cell_type": "markdown", "source": "a\0b"}),
        ],
    ),
}

TAGS: dict[str, tuple[Content, list[Content]]] = {
    "LL101": (
        steps("x = "),
        [
            steps("await x", "async with x as y: pass", "[y async for y in x]"),
            steps("%%bash\nif [ 1 ]; then echo; fi", "%%html\n<b>"),
            steps("!ls *.csv | wc -l", "files = !ls", "x?", "??x", "%timeit -n 1 x"),
            steps("match = 1\nmatch match:\n    case 1: pass"),
            steps("    x = 1\n    y = 2"),
            steps("def f():\n    return\nclass A: x = 1; return_ = 2"),
            tagged(("step:a", "x = 1"), ("skip", "x = (")),
        ],
    ),
    "LL102": (
        tagged(("step:a limit:cpu", "x = 1")),
        [
            tagged(("step:a limit:cpu:500m limit:memory:1Gi", "x = 1")),
            tagged(("step:a limits:cpu imports_ stepwise cached limit", "x = 1")),
            tagged(("step:a slide:notes nbgrader:solution hide-input", "x = 1")),
            tagged(("step:a annotation:example.org/a:b:c label:a:true", "x = 1")),
        ],
    ),
    "LL103": (
        tagged(("step:a-b", "x = 1")),
        [tagged(("step:_1", "x = 1")), tagged(("step:Class", "x = 1")), tagged((f"step:{'a' * 63}", "x = 1"))],
    ),
    "LL104": (
        tagged(("step:a prev:c", "x = 1"), ("step:b", "y = 1")),
        [tagged(("step:a", "x = 1"), ("step:b prev:a", "y = 1"), ("step:b prev:a", "z = 1"))],
    ),
    "LL105": (
        tagged(("step:a step:b", "x = 1")),
        [tagged(("step:a step:a", "x = 1")), tagged(("step:a", "x = 1"), ("step:b", "y = 1"), ("step:a", "z = 1"))],
    ),
    "LL106": (
        tagged(("step:a prev:b", "x = 1"), ("step:b prev:a", "y = 1")),
        [
            tagged(("step:a", "x = 1"), ("step:b prev:a", "y = 1"), ("step:c prev:a prev:b", "z = 1")),
            tagged(("step:a prev:b", "x = 1"), ("step:b", "y = 1")),
        ],
    ),
    "LL107": (
        tagged(("step:a limit:cpu:1", "x = 1"), ("step:a limit:cpu:2", "y = 1")),
        [
            tagged(("step:a limit:cpu:1", "x = 1"), ("step:a limit:cpu:1", "y = 1")),
            tagged(("step:a limit:cpu:1", "x = 1"), ("step:b limit:cpu:2", "y = 1")),
            tagged(("step:a limit:cpu:1 limit:memory:1Gi", "x = 1")),
            tagged(("step:a label:a:b label:c:d secret:s:k:A secret:s:l:B", "x = 1")),
        ],
    ),
    "LL108": (
        labline(steps={"b": {}}),
        [
            labline(steps={"a": {}}),
            labline(steps={}),
            labline(timeout=1, parallel_random=False),
            document("x = 1", metadata={"labline": {}, "kernelspec": {"name": "python3"}, "widgets": [1]}),
        ],
    ),
    "LL109": (
        tagged(("imports limit:cpu:1", "import os"), ("step:a", "x = 1")),
        [
            tagged(("imports", "import os"), ("step:a limit:cpu:1", "x = 1")),
            tagged(("step:a", "x = 1"), ("limit:cpu:1", "y = 1")),
            tagged(("step:a", "x = 1"), ("skip", "import os")),
        ],
    ),
    "LL110": (
        tagged(("parameters", "n = 1"), ("parameters", "n = 2"), ("step:a", "print(n)")),
        [
            tagged(("parameters", "n = 1"), ("parameters", "m = 2"), ("step:a", "print(n, m)")),
            tagged(("parameters", "n = 1"), ("step:a", "n = 2"), ("step:b", "print(n)")),
            tagged(("parameters", "n = 1\nn = 2"), ("step:a", "print(n)")),
        ],
    ),
    "LL111": (
        tagged(("imports", "import time\nbegan = time.time()"), ("step:a", "print(began)")),
        [
            tagged(("imports", "import time\nclock = time.time"), ("step:a", "print(clock())")),
            tagged(("functions", "import random\ndef f(): return random.random()"), ("step:a", "f()")),
            tagged(("imports", "import pandas as pd\npd.set_option('display.width', 9)"), ("step:a", "x = 1")),
            tagged(("imports", "import numpy as np\nnp.random.seed(0)\nN = 10 ** 3"), ("step:a", "x = np.pi")),
            tagged(
                ("functions", "class A:\n    kinds = ('a', 'b')\n    def f(self): return rows"), ("step:a", "x = 1")
            ),
        ],
    ),
    "LL112": (
        tagged(("step:a", "x = 1"), ("step:A", "y = 1")),
        [tagged(("step:a", "x = 1"), ("step:a", "y = 1")), tagged(("step:a1", "x = 1"), ("step:A2", "y = 1"))],
    ),
    "LL113": (
        tagged(("notebook:other", "x = 1"), ("step:a", "y = 1")),
        [tagged(("step:a", "%run other.py")), tagged(("step:a notebooks:other", "x = 1"))],
    ),
    "LL114": (
        kale(katib_run=True),
        [
            kale(katib_run=False, snapshot_volumes=False, volumes=[], katib_metadata={}, docker_image=""),
            kale(volumes=[{"name": "v", "type": "pvc", "mount_point": "/v", "snapshot": False}]),
            kale(steps_defaults=["limit:memory:2Gi", "label:a:b"]),
        ],
    ),
}

FLOWS: dict[str, tuple[Content, list[Content]]] = {
    "LL201": (
        steps("print(x)"),
        [
            steps("def f(): return x", "x = 1", "f()"),
            steps("class A:\n    def f(self): return __class__, self.x, __name__, __doc__"),
            steps("print([x for x in 'a'], (lambda y: y)(1), {k: v for k, v in []})"),
            steps("try:\n    import simplejson\nexcept ImportError:\n    simplejson = None\nprint(simplejson)"),
            steps("for x in []: pass", "if input(): x = 1", "print(x)"),
            steps("try:\n    x\nexcept NameError as e: print(e)"),
            steps("def f():\n    global x\n    x = 1", "f()", "print(x)"),
            steps("print(__builtins__, get_ipython(), display, exit, quit, _, In, Out, _i)"),
            steps("%run other.py", "print(x)"),
            steps("%pylab inline", "plot(sin(linspace(0, 1)))"),
            steps("%%time\nx = 1", "print(x)"),
            steps("%%timeit -n 1 -r 1 import json; x = [1]\njson.dumps(x)"),
            steps("%%memit x = [1]\nsum(x)"),
            steps("%%capture out\nprint(1)", "out.show()"),
            steps("files = !ls", "print(files)", "%timeit -o -q files"),
            steps("import os.path", "print(os.path.join('a'))"),
            steps("match [1]:\n    case [first, *rest] if (n := len(rest)) == 0: pass", "print(first, rest, n)"),
            steps("[last := x for x in [1]]", "print(last)"),
            steps("%load_ext autoreload\n%autoreload 2", "print(__file__ if '__file__' in globals() else 1)"),
            steps("import sympy\nsympy.var('x y')", "print(x + y)"),
            steps("def f(x: 'Later') -> 'Any': ..."),
            steps("del_ = 1\ndef f():\n    def g(): return inner\n    inner = 1\n    return g"),
            steps("exec('x = 1')", "print(x)"),
            steps("globals()['x'] = 1", "print(x)"),
            steps("from somewhere import *", "print(x)"),
            steps("get_ipython().push({'x': 1})", "print(x)"),
            steps("%%writefile a.py\nprint(x)"),
        ],
    ),
    "LL202": (
        tagged(("step:a", "x = [1]"), ("step:b", "x.append(2)"), ("step:a", "print(x)")),
        [
            tagged(("step:a", "x = [1]"), ("step:b", "print(len(x))"), ("step:c", "print(x)")),
            tagged(("step:a", "x = [1]"), ("step:b", "y = 2"), ("step:a", "print(x)")),
            tagged(("step:a", "x = [1]"), ("step:b", "def f(x): x.append(2)"), ("step:a", "print(x)")),
            tagged(("step:a", "x = [1]"), ("imports", "import os"), ("step:a", "print(x)")),
            tagged(("step:a", "x = [1]"), ("skip", "x.append(2)"), ("step:a", "print(x)")),
        ],
    ),
    "LL203": (
        tagged(("step:a prev:b", "x = 1"), ("step:b", "print(x)")),
        [
            tagged(("step:a prev:b", "x = 1"), ("step:b", "print(1)")),
            tagged(("step:a prev:b", "x = 1"), ("step:b", "print([x for x in []])")),
            tagged(("step:a prev:b", "x = 1"), ("step:b", "def f(x): return x")),
            tagged(("step:a prev:b", "x = 1"), ("step:b", "x = 2\nprint(x)")),
        ],
    ),
    "LL204": (
        steps("x = 1", "exec(input())"),
        [
            steps("import pandas as pd\ndf = pd.DataFrame({'a': [1]})", "print(df.eval('a + 1'), df.query('a > 0'))"),
            steps("class Model:\n    def eval(self): return self\nm = Model()", "m.eval()"),
            steps("x = 1", "globals()['x']\nvars()['x'] = 2\nlocals().get('x')"),
            steps("x = 1", "exec('y = x')", "eval('x + 1')"),
            steps("import ast\nrows = ast.literal_eval('[1]')", "print(rows)"),
            steps("def f():\n    x = 1\n    return locals()", "f()"),
            steps("import re\npattern = re.compile('x')", "pattern.match('x')"),
            steps("class A: pass\na = A()", "vars(a)['x'] = 1\nprint(a.__dict__)"),
        ],
    ),
    "LL207": (
        tagged(("step:a", "x = [1]"), ("step:b", "y = 2"), ("step:a", "print(x)")),
        [
            tagged(("step:a", "x = [1]"), ("step:a", "print(x)"), ("step:b", "y = 2")),
            tagged(("step:a", "x = [1]"), ("functions", "def f(): pass"), ("step:a", "f()")),
            tagged(("step:a", "x = [1]"), ("skip", "y = 2"), ("step:a", "print(x)")),
        ],
    ),
    "LL209": (
        foreach("found = []\nfor x in items:\n    start += x\n    found.append(start)"),
        [
            foreach("found = []\nfor x in items:\n    found.append(start + x)"),
            foreach("found = []\nfor x in items:\n    start = x\n    start += 1\n    found.append(start)"),
            foreach("found = [[] for x in items]"),
        ],
    ),
    "LL213": (
        steps(
            "rows = []\ndef grow(rows):\n" + "    rows.append(1)\n" * 30,
            "grow(rows)\n" * 30,
        ),
        [
            steps("rows = []\n" + "rows.append(1)\n" * 900, "print(rows)"),
            steps("def f(x): return x + 1\n" + "y = f(1)\n" * 100, "print(y)"),
            steps("def f(n): return f(n - 1) + f(n - 2) if n > 1 else n", "for i in range(99):\n    f(i)\nf(3)"),
        ],
    ),
}

HIDDEN: dict[str, tuple[Content, list[Content]]] = {
    "LL301": (
        steps("import random\nrandom.seed(1)", "random.random()", "random.random()"),
        [
            steps("import random\nrandom.seed(1)", "x = random.random", "print(random.SystemRandom().random())"),
            steps("import random\nr = random.Random(1)\ns = random.Random(1)", "r.random()", "s.random()"),
            steps("import random", "random.random()", "random.random()"),
            steps(
                "import numpy as np\nnp.random.seed(1)",
                "x = np.random.default_rng(2).normal()",
                "y = np.random.RandomState(3).rand()",
            ),
            steps("import numpy as np, random\nnp.random.seed(1)\nx = np.random.rand()", "random.shuffle([1])"),
            steps(
                "import numpy as np\nfrom sklearn.model_selection import train_test_split\nnp.random.seed(1)",
                "a = train_test_split([1, 2], random_state=1)",
                "b = train_test_split([1, 2], random_state=2)",
            ),
            steps(
                "import numpy as np\nfrom sklearn.linear_model import LinearRegression\nnp.random.seed(1)",
                "a = LinearRegression().fit([[1]], [1])",
                "b = LinearRegression().fit([[1]], [1])",
            ),
            steps(
                "import numpy as np, pandas as pd\nnp.random.seed(1)\ndf = pd.DataFrame({'a': [1, 2]})",
                "a = df.sample(1, random_state=3)",
                "b = df.sample(1, random_state=4)",
            ),
            steps(
                "import numpy as np\nfrom scipy import stats\nnp.random.seed(1)",
                "a = stats.norm.pdf(1), stats.norm.cdf(1)",
                "b = stats.norm.rvs(random_state=1)",
            ),
            steps(
                "import random\nrandom.seed(1)", "def f(): return random.random()", "def g(): return random.random()"
            ),
        ],
    ),
    "LL302": (
        steps("import os\nos.environ['A'] = 'b'", "x = 1"),
        [
            tagged(("imports", "import os\nos.environ['A'] = 'b'"), ("step:a", "x = 1")),
            steps("import os\nprint(os.environ['A'], os.environ.get('B'), os.getcwd())", "x = 1"),
            steps("import os\ne = dict(os.environ)\ne['A'] = 'b'", "x = 1"),
            steps("import os\nx = os.environ.copy()\nx.update(A='b')", "print(1)"),
            steps("import pandas as pd\nprint(pd.get_option('display.width'), pd.options.display.width)", "x = 1"),
            steps("import pandas as pd\nwith pd.option_context('display.width', 9): print(1)", "x = 1"),
            steps("import numpy as np\nwith np.errstate(all='ignore'): x = np.log(0)", "y = 1"),
            steps("import numpy as np\nwith np.printoptions(precision=2): print(np.pi)", "y = 1"),
            steps("import matplotlib.pyplot as plt\nwith plt.style.context('ggplot'): plt.plot([1])", "x = 1"),
            steps("import matplotlib.pyplot as plt\nx = plt.rcParams['figure.figsize']", "x = 1"),
            steps("import warnings\nwarnings.warn('x')", "x = 1"),
            steps("import logging\nlog = logging.getLogger(__name__)\nlog.info('x')", "x = 1"),
            steps("import sys\nprint(sys.path, sys.argv)", "x = 1"),
            steps("import math\npi = math.pi\npi += 1", "x = 1"),
            steps("class A: pass\nA.x = 1\na = A()\na.y = 2", "z = 1"),
            steps("import contextlib, os\nwith contextlib.chdir('..'): print(os.getcwd())", "x = 1"),
            steps("import locale\nprint(locale.getlocale())", "x = 1"),
            steps("x = 1", "import os\nos.environ['A'] = 'b'"),
            steps("!cd .. && export A=1 && ls", "x = 1"),
            steps("%env A", "x = 1"),
        ],
    ),
    "LL303": (
        steps("import atexit\natexit.register(print)", "x = 1"),
        [
            tagged(("imports", "import atexit\natexit.register(print)"), ("step:a", "x = 1")),
            steps("import signal\nprint(signal.getsignal(2))", "x = 1"),
            steps("import csv\nprint(csv.list_dialects())", "x = 1"),
            steps("import sys\nprint(sys.getrecursionlimit())", "x = 1"),
            steps("import threading\nlock = threading.Lock()\nwith lock: x = 1\ndel lock", "y = 1"),
            steps("class Bus:\n    def register(self, f): self.f = f\nbus = Bus()\nbus.register(print)", "x = bus"),
        ],
    ),
    "LL304": (
        steps("get_ipython().events.register('pre_execute', print)", "x = 1"),
        [
            steps("print(get_ipython())", "x = 1"),
            steps("shell = get_ipython()\nprint(shell.user_ns['In'] if 0 else 1)\ndel shell", "x = 1"),
            steps("get_ipython().run_line_magic('matplotlib', 'inline')", "x = 1"),
            steps(
                "class Bus:\n    def register(self, n, f): self.f = f\nevents = Bus()\nevents.register('a', print)",
                "x = 1",
            ),
        ],
    ),
    "LL305": (
        steps("x = 1", "print(In[0])"),
        [
            steps("x = 1", "In = [1]\nprint(In[0])"),
            steps("x = 1", "def f(In): return In[0]\nprint(f([1]))"),
            steps("1 + 1", "print(_, Out[1], _1)"),
            steps("x = 1", "for _, _i in []: print(_i)"),
        ],
    ),
    "LL306": (
        steps("x = 1\n%store x"),
        [steps("import pandas as pd\nstore = pd.HDFStore('x.h5')\nstore.close()"), steps("store = 1\nprint(store)")],
    ),
    "LL307": (
        steps("x = 1", "print(dir())"),
        [
            steps("x = 1", "print(dir(x), vars(int))"),
            steps("x = 1", "def f():\n    y = 1\n    return dir()\nprint(f())"),
            steps("x = 1", "def dir(): return 1\nprint(dir())"),
            steps("who = 1", "who"),
            steps("x = 1", "print('x' in globals())"),
            steps("class A:\n    y: int = 1", "print(A.__annotations__)"),
        ],
    ),
    "LL309": (
        steps(f"{PLOTS}\nplt.plot([1])", "plt.plot([2])"),
        [
            steps("import matplotlib.pyplot as plt\nplt.plot([1])", "plt.plot([2])"),
            steps(f"%matplotlib inline\n{PLOTS.partition(chr(10))[0]}\nplt.plot([1])", "plt.plot([2])"),
            steps(f"{PLOTS}\nplt.plot([1])\nplt.close(fig='all')", "plt.plot([2])"),
            steps(f"{PLOTS}\nplt.plot([1])\nplt.savefig('a.png')\nplt.close('all')", "plt.plot([2])\nplt.close()"),
            steps(f"{PLOTS}\nx = 1", "plt.plot([2])"),
            steps(f"{PLOTS}\nplt.plot([1])", "print(1)"),
            steps("from matplotlib.figure import Figure\nFigure().add_subplot().plot([1])", "Figure().add_subplot()"),
        ],
    ),
    "LL310": (
        document("import random\nrandom.seed(1)\nx = random.random()", metadata={"labline": {"parallel_random": True}}),
        [
            document(
                "import random\nrandom.seed(1)\nx = random.random()", metadata={"labline": {"parallel_random": False}}
            ),
            document("import random\nx = random.Random(1).random()", metadata={"labline": {"parallel_random": True}}),
        ],
    ),
}

VALUES: dict[str, tuple[Content, list[Content]]] = {
    "LL406": (
        steps("f = open('x', 'w')", "f.write('1')"),
        [
            steps("with open('x', 'w') as f: f.write('1')", "print(1)"),
            steps("f = open('x', 'w')\nf.write('1')\nf.close()", "with open('x') as f: print(f.read())"),
            steps("rows = list(x for x in 'a')", "print(rows)"),
            steps("rows = (x for x in 'a')", "rows = [1]\nprint(rows)"),
            steps("def rows():\n    yield 1", "print(list(rows()))"),
            steps("import threading\nlock = threading.Lock()", "lock = threading.Lock()\nwith lock: print(1)"),
            steps(
                "import sqlite3, pandas as pd\nc = sqlite3.connect('x')\ndf = pd.read_sql('select 1', c)\nc.close()",
                "print(df)",
            ),
            steps("import io\nf = io.StringIO()", "f.write('1')"),
            steps("x = map(str, [1])\ny = zip('a', 'b')\nz = enumerate('a')", "print(list(x), next(y), next(z))"),
            steps("import itertools\nc = itertools.count()", "print(next(c))"),
            steps("import re\np = re.compile('a')\nm = p.match('a')", "print(p)"),
            steps("import requests\nr = requests.get('http://localhost')\nt = r.text", "print(t)"),
        ],
    ),
    "LL408": (
        steps("rows = [[1]]\nnumber = id(rows[0])", "print(number == id(rows[0]))"),
        [
            steps("rows = [[1]]\nnumber = hash('a')", "print(number, rows[0] is rows[0])"),
            steps("import pandas as pd\ndf = pd.DataFrame({'id': [1]})\nids = df.id", "print(ids == df['id'])"),
            steps("a = [1]\nb = a", "print(a is b)"),
            steps("import pandas as pd\ndf = pd.DataFrame()", "print(df.index is df.index, df.index.equals(df.index))"),
        ],
    ),
    "LL409": (
        steps(
            "import tempfile\nt = tempfile.TemporaryDirectory()\nname = t.name + '/x'",
            "print(open(name).read())",
        ),
        [
            steps("import tempfile\nname = tempfile.mkdtemp()", "print(open(name + '/x').read())"),
            steps("import tempfile\nwith tempfile.TemporaryDirectory() as t: n = len(t)", "print(n)"),
            steps("try:\n    1 / 0\nexcept ZeroDivisionError as e: text = str(e)", "print(text)"),
        ],
    ),
    "LL410": (
        steps(f"%%writefile h.py\n{HOOK}", "import h\nh.use(len)", "print(h.run('a'))"),
        [
            steps(f"%%writefile h.py\n{HOOK}", "import h\nh.use(len)\nprint(h.run('a'))", "x = 1"),
            steps(f"%%writefile h.py\n{HOOK}", "import h\nh.use(len)", "h.use(len)\nprint(h.run('a'))"),
            steps("%%writefile h.py\nN = 1\ndef f(n):\n    global N\n    N = n", "import h\nh.f(2)", "print(h.N)"),
        ],
    ),
    "LL308": (
        steps("import threading\nthreading.Thread(target=print).start()", "x = 1"),
        [
            steps("import threading\nt = threading.Thread(target=print)\nt.start()\nt.join()\ndel t", "x = 1"),
            steps("import subprocess\nsubprocess.run(['true'])\nsubprocess.check_output(['true'])", "x = 1"),
            steps(
                "from concurrent.futures import ThreadPoolExecutor\nwith ThreadPoolExecutor() as pool:\n"
                "    rows = list(pool.map(str, [1]))",
                "print(rows)",
            ),
            steps(
                "from joblib import Parallel, delayed\nrows = Parallel(2)(delayed(str)(x) for x in [1])", "print(rows)"
            ),
            steps("import asyncio\nasync def f(): return 1\nx = await asyncio.gather(f(), f())", "print(x)"),
        ],
    ),
}

TABLES = (FILES, TAGS, FLOWS, HIDDEN, VALUES)
