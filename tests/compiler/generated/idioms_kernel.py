# ruff: noqa: E501 - one template, one line
"""Idioms that need a kernel or a process of their own: magics, shell, files, the state of the interpreter, pictures.

In a template a capital and a digit stand for a name of a kind, drawn anew for each use: see ``grammar.NAMES``. One that
begins with ``%%`` is a cell of its own.
"""

START = """\
import decimal, json, logging, os, pathlib, sys, textwrap, warnings
pathlib.Path("note.txt").write_text("0")
pathlib.Path("helper.py").write_text("value = [1]\\ndef get(q):\\n    value.append(len(q))\\n    return value\\n")
os.makedirs("sub", exist_ok=True)
os.environ["FLAVOUR"] = "plain"
"""

LAST = """\
print(sorted(os.listdir(".")), os.path.basename(os.getcwd()), os.environ["FLAVOUR"], decimal.getcontext().prec)
print(open("note.txt").read() if os.path.exists("note.txt") else None, logging.getLogger("work").level)
print(sys.getrecursionlimit(), getattr(textwrap, "mark", None))
"""

KERNEL = [
    # the environment and the interpreter
    "os.environ['FLAVOUR'] = str(N1)",
    "L1 = [os.environ.get('FLAVOUR')]",
    "os.environ.pop('OTHER', None)",
    "os.environ.setdefault('OTHER', str(N1))",
    "L1 = [os.getenv('OTHER')]",
    "%env FLAVOUR=K1",
    "q = %env FLAVOUR\nL1 = [q]",
    "q = !echo $FLAVOUR\nL1 = list(q)",
    "os.chdir('sub' if os.path.isdir('sub') else '..')",
    "%cd -q .",
    "L1 = [os.path.basename(os.getcwd())]",
    "L1 = [pathlib.Path.cwd().name]",
    "decimal.getcontext().prec = K1 + 1",
    "L1 = [str(decimal.Decimal(1) / 3)]",
    "with decimal.localcontext() as q:\n    q.prec = K1\n    L1 = [str(decimal.Decimal(2) / 3)]",
    "sys.setrecursionlimit(2000 + K1)",
    "N1 = sys.getrecursionlimit()",
    "warnings.simplefilter('error')",
    "warnings.simplefilter('ignore')",
    "warnings.filterwarnings('ignore', message='old')",
    "try:\n    warnings.warn('old')\nexcept UserWarning:\n    L1.append(K1)",
    "with warnings.catch_warnings():\n    warnings.simplefilter('ignore')\n    warnings.warn('old')",
    "logging.getLogger('work').setLevel(K1)",
    "N1 = logging.getLogger('work').level",
    "sys.path.append('sub')\nL1 = sys.path[-1:]",
    # monkeypatches
    "textwrap.mark = L1",
    "L1 = getattr(textwrap, 'mark', L2)",
    "textwrap.shout = lambda q: L1",
    "L1 = getattr(textwrap, 'shout', lambda q: [q])(N1)",
    "import builtins\nbuiltins.mark = L1",
    "import builtins\nL1 = getattr(builtins, 'mark', L2)",
    "pathlib.PurePosixPath.mark = lambda self: L1",
    "L1 = getattr(pathlib.PurePosixPath('q'), 'mark', lambda: L2)()",
    # files
    "pathlib.Path('note.txt').write_text(str(N1))",
    "with open('note.txt', 'a') as q: q.write(str(N1))",
    "L1 = [open('note.txt').read()] if os.path.exists('note.txt') else [K1]",
    "if os.path.exists('note.txt'): L1 = [pathlib.Path('note.txt').read_text()]",
    "pathlib.Path('more.json').write_text(json.dumps([N1, K1]))",
    "if (q := pathlib.Path('more.json')).exists(): L1 = json.loads(q.read_text())",
    "with open('more.json', 'w') as q: json.dump([N1], q)",
    "pathlib.Path('more.json').unlink(missing_ok=True)",
    "def save(q, name='note'):\n    with open(f'{name}.txt', 'w') as file: file.write(str(q))\nsave(L1)",
    "def load(name):\n    try:\n        return [pathlib.Path(name).read_text()]\n    except OSError:\n        return L1\nL2 = load('note.txt')",
    "L1 = sorted(os.listdir('.'))",
    "import glob\nL1 = sorted(glob.glob('*.txt') + glob.glob('*.json'))",
    "!echo K1 > note.txt",
    "!echo {N1} >> note.txt",
    "q = !cat note.txt 2>/dev/null\nL1 = list(q)",
    "L1 = !echo K1",
    "import helper\nL1 = list(helper.get(L2))",
    "import helper\nhelper.value.append(K1)",
    "from helper import get\nL1 = get(L2)[:]",
    "import helper\nL1 = list(helper.value)",
    "import helper\nhelper.value = [K1]",
    # magics
    "%time L1 = [K1]",
    "%time L1.append(K1)",
    "%timeit -q -n1 -r1 L1.append(K1)",
    "%%time\nL1.append(K1)",
    "%%capture caught\nprint(L1)",
    "try:\n    L1 = [caught.stdout]\nexcept NameError:\n    L1 = [K1]",
    "%%bash\necho K1 >> note.txt",
    "%%bash --out said\necho K1",
    "try:\n    L1 = [said]\nexcept NameError:\n    L1.append(K1)",
    "%%writefile made.txt\nK1",
    "if os.path.exists('made.txt'): L1 = [open('made.txt').read()]",
    "%%writefile script.py\nmade = [K1]",
    "if os.path.exists('script.py'): get_ipython().run_line_magic('run', 'script.py')",
    "try:\n    L1 = made\nexcept NameError:\n    L1.append(K1)",
    "%reset_selective -f ^q$",
    "get_ipython().user_ns['L1'] = L2",
    "L1 = get_ipython().user_ns['L2']",
    "get_ipython().run_cell('L1.append(K1)');",
    "get_ipython().system('true')",
    "%precision K1",
    "N1 / 3",
    "L1",
    "display(L1)",
    "from IPython.display import HTML\nHTML(str(N1))",
    "N1;",
    # pictures
    "import matplotlib.pyplot as plt\nplt.plot([N1, K1])",
    "import matplotlib.pyplot as plt\nfig, ax = plt.subplots(figsize=(1, 1))\nax.plot([N1, K1])",
    "try:\n    ax.set_title(str(N1))\nexcept NameError:\n    pass",
    "try:\n    L1 = [ax.get_title()]\nexcept NameError:\n    pass",
    "import matplotlib.pyplot as plt\nplt.rcParams['lines.linewidth'] = K1",
    "import matplotlib.pyplot as plt\nN1 = plt.rcParams['lines.linewidth']",
    "import matplotlib.pyplot as plt\nL1 = plt.get_fignums()",
]
