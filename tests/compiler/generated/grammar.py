"""A grammar of notebook idioms: statements that keep every name to its kind, so that any sequence of them runs.

In a template a capital and a digit stand for a name of a kind, drawn anew for each notebook: ``L1 = L2`` may become
``a = c``. ``K1`` stands for a number.
"""

# ruff: noqa: E501 - one template, one line
from __future__ import annotations

import random
import re

from tests.compiler.generated import idioms_kernel
from tests.compiler.generated.idioms_data import DATA
from tests.compiler.generated.idioms_python import PYTHON
from tests.compiler.generated.things_classes import THINGS_CLASSES
from tests.compiler.generated.things_containers import THINGS_CONTAINERS
from tests.compiler.generated.things_data import THINGS_DATA
from tests.compiler.generated.things_functions import THINGS_FUNCTIONS
from tests.compiler.generated.things_made import THINGS_DRAWN, THINGS_MADE

NAMES = {
    "L": ("a", "b", "c", "d"),  # lists of numbers and lists
    "D": ("h", "k"),  # dicts of lists
    "O": ("o", "p"),  # instances of the notebook's classes
    "F": ("f", "g"),  # what gives a list when called without arguments
    "N": ("n", "m"),  # numbers
    "I": ("it", "jt"),  # iterators over lists
    "V": ("v", "w", "x"),  # arrays of four numbers
    "S": ("s", "r"),  # series of four numbers
    "T": ("t", "z"),  # frames with columns x and y of four numbers
    # what only some notebooks have: see things_*.py
    "Q": ("dq", "eq"),  # deques of lists
    "E": ("es", "fs"),  # sets of numbers
    "B": ("ba", "bb"),  # bytearrays
    "A": ("sa", "sb"),  # structured arrays
    "Z": ("za", "zb"),  # masked arrays
    "R": ("ra", "rb"),  # generators of random numbers
    "H": ("ha", "hb"),  # groups of a frame
    "M": ("ma", "mb"),  # frames with two levels of rows
    "C": ("ca", "cb"),  # series of categories
    "X": ("xa", "xb"),  # series over days
    "G": ("ga", "gb"),  # models
    "P": ("pa", "pb"),  # pipelines of scikit-learn
}

CLASSES = """\
class Base:
    shared = []
    size = 1
    def __init__(self, items):
        self.items = items
        self.other = None
    def __repr__(self):
        return f"{type(self).__name__}({self.__dict__.get('items')})"
{METHODS}
class C(Base):
    def add(self, item):
        super().add(item)
        d.append(item)
        return self
"""
# Methods that a notebook's classes have if its statements use them: text, and what shows the use.
METHODS = {
    "def add(self, item):\n    self.items.append(item)\n    return self": r"add",
    "def look(self):\n    return a": r"look",
    "def bump(self):\n    global n\n    n += 1": r"\.bump",
    "@property\ndef view(self):\n    return self.items\n@view.setter\ndef view(self, value):\n"
    "    self.items = value\n    c.append(0)": r"\.view",
    "@functools.cached_property\ndef kept(self):\n    a.append(0)\n    return [self.items]": r"\.kept",
    "@staticmethod\ndef push(items):\n    items.append(7)\n    return items": r"\.push",
    "@classmethod\ndef collect(cls, item):\n    cls.shared.append(item)\n    return cls.shared": r"\.collect",
    "def __len__(self):\n    return len(self.items)": r"len\([op]\)|match",
    "def __getitem__(self, key):\n    return self.items": r"\b[op]\[0\]",
    "def __setitem__(self, key, value):\n    b.append(value)": r"\b[op]\['x'\]",
    "def __delitem__(self, key):\n    b.append(key)": r"del [op]\[",
    "def __iter__(self):\n    self.items.append(0)\n    return iter([self.items])": r"list\([op]\)|in [op]:",
    "def __enter__(self):\n    self.items.append(1)\n    return self.items\n"
    "def __exit__(self, *_):\n    c.append(2)": r"with [op]\b",
    "def __call__(self):\n    return self.items": r"[op]\(\)|[fg] = [op]$",
    "def __add__(self, other):\n    return self.items": r"= [op] \+",
    "def __radd__(self, other):\n    return self": r"sum\(\[[op]",
    "def __iadd__(self, other):\n    self.items.append(3)\n    return self": r"[op] \+=",
    "def __contains__(self, item):\n    self.items.append(4)\n    return False": r"in [op]$",
    "def __bool__(self):\n    c.append(5)\n    return True": r"if [op]\b|not [op]|bool\([op]",
    "def __hash__(self):\n    return 3": r"hash\(",
    "def __eq__(self, other):\n    c.append(6)\n    return False": r"==|index\(",
    "def __abs__(self):\n    return self.items": r"abs\(",
    "def __format__(self, spec):\n    a.append(8)\n    return 'o'": r"f'\{[op]",
    "def __getattr__(self, name):\n    if name.startswith('__'):\n        raise AttributeError(name)\n    return d": r"missing",
    "def __setattr__(self, name, value):\n    object.__setattr__(self, name, value)\n    n_set.append(name)": r"n_set",
    "def __copy__(self):\n    return self": r"copy\.copy\([op]",
    "def __del__(self):\n    pass": r"never",
    "steps = Step()": r"\.steps",
}
START = """\
import copy, functools, itertools, contextlib
n_set = []
class Step:
    def __get__(self, owner, kind=None):
        return b
    def __set__(self, owner, value):
        c.append(value)
{CLASSES}
a = [1]
b = [2, 3]
c = [4]
d = [5, 6]
h = {"x": [1]}
k = {"x": [2], "y": [3]}
o = Base([1])
p = C([2])
def f():
    return [0]
g = lambda: a
n, m = 1, 2
it = iter([[1], [2], [3]])
jt = iter([[4], [5]])
"""

START_DATA = """\
import numpy as np, pandas as pd
def shares(q, e):
    return q is not e and (q.flags.writeable or e.flags.writeable) and np.shares_memory(q, e)
v = np.arange(4)
w = np.array([4, 3, 2, 1])
x = v[:]
s = pd.Series([1, 2, 3, 4])
r = pd.Series([5, 6, 7, 8])
t = pd.DataFrame({"x": [1, 2, 3, 4], "y": [5, 6, 7, 8]})
z = t.copy()
groups = t.groupby("x")["y"]
rng = np.random.default_rng(1)
from sklearn.preprocessing import StandardScaler
scaler = StandardScaler().fit([[1.0], [3.0]])
"""

PROBES = ["print(L1, L2 is L3)", "print(D1)", "print(O1, O1.items is L1)", "print(N1, N2)", "print(L1 is D1.get('x'))"]
DATA_PROBES = [
    "print(V1.tolist(), shares(V1, V2))",
    "print(S1.tolist(), S1 is S2)",
    "print(T1.to_dict('list'), T1 is T2, T1.index.name)",
]
LAST = """\
print([a, b, c, d, h, k], n, m)
print([q is e for q in (a, b, c, d) for e in (a, b, c, d)])
print([q.items for q in (o, p)], [q.other is e for q in (o, p) for e in (a, b, c, d, o, p)])
print([q.items is e for q in (o, p) for e in (a, b, c, d)], Base.shared, C.shared, Base.shared is C.shared, Base.size)
print([q() for q in (f, g)])
print([list(q) for q in (it, jt)])
"""
LAST_DATA = """\
print(v.tolist(), w.tolist(), x.tolist())
print([q is e for q in (v, w, x) for e in (v, w, x)], shares(v, w), shares(v, x))
print(s.tolist(), r.tolist(), t.to_dict("list"), z.to_dict("list"), t.index.name, z.index.name, s is r, t is z)
"""

THINGS = THINGS_CONTAINERS + THINGS_FUNCTIONS + THINGS_CLASSES + THINGS_MADE
PROFILES = {  # what a profile adds: idioms, probes, to the first cell, to the last, things
    "python": ([], [], "", "", ()),
    "data": (DATA, DATA_PROBES, START_DATA, LAST_DATA, THINGS_DATA + THINGS_DRAWN),
    "kernel": (idioms_kernel.KERNEL, [], idioms_kernel.START, idioms_kernel.LAST, ()),
}

_DRAWS = r"np\.random|sample\(4\)|train_test_split|KFold|resample|stats|Forest"  # from NumPy's shared generator
_PLACE = re.compile(rf"\b([{''.join(NAMES)}K])([1-9])\b")
_HEADS = [
    "if len({L}) > 1:",
    "for step in range(2):",
    "try:",
    "def block():",
    "if n > 1:",
    "with contextlib.nullcontext():",
]


def filled(template: str, rng: random.Random) -> str:
    """The template with names and numbers in its places."""
    chosen: dict[str, str] = {}

    def one(match: re.Match[str]) -> str:
        if match[0] not in chosen:
            chosen[match[0]] = str(rng.randrange(1, 10)) if match[1] == "K" else rng.choice(NAMES[match[1]])
        return chosen[match[0]]

    return _PLACE.sub(one, template)


def statement(rng: random.Random, templates: list[str], names: set[str]) -> str:
    """One idiom, now and then inside another statement. *names*: what the notebook's first cell binds."""
    text = filled(rng.choice(templates), rng)
    if rng.random() > 0.2 or re.search(r"await|async|import \*|^%%", text):
        return text
    head = rng.choice(_HEADS).format(L=rng.choice(NAMES["L"]))
    inner = "\n".join("    " + line for line in text.splitlines())
    if head.startswith("def"):
        bound = sorted(names & set(re.findall(r"\w+", text)))
        if "global" in text or "del " in text or not bound:
            return text
        return f"{head}\n    global {', '.join(bound)}\n{inner}\nblock()"
    return f"{head}\n{inner}" + ("\nexcept ZeroDivisionError:\n    pass" if head == "try:" else "")


def notebook(rng: random.Random, profile: str) -> str:
    """A notebook as a percent script. It uses few of the idioms, so that they meet each other.

    *profile*: "python", "data", which adds NumPy and pandas, or "kernel", which adds what needs a process of its own.
    """
    more, probes, opening, looks, kinds = PROFILES[profile]
    templates = rng.sample(PYTHON, 12) + rng.sample(more, min(12, len(more)))
    things = [rng.choice(each) for each in (THINGS, kinds) if each and rng.random() < 0.7]
    for thing in things:
        templates += rng.sample(thing.idioms, min(8, len(thing.idioms)))
    names = {name for known in NAMES.values() for name in known}.union(*(thing.names for thing in things))
    cells = []
    for number in range(rng.randrange(2, 6)):
        lines = [statement(rng, templates, names) for _ in range(rng.randrange(1, 4))]
        if rng.random() < 0.4:
            lines.append(filled(rng.choice(PROBES + probes), rng))
        cells += [(f"s{number}", source) for source in _cells(lines)]
    body = "\n".join(source for _, source in cells)
    last = (LAST + looks).splitlines() + [thing.look for thing in things]
    if rng.random() < 0.5:
        last = rng.sample(last, rng.randrange(1, len(last)))
    opening += "".join(thing.start + "\n" for thing in things)
    cells.insert(0, ("first", start(opening + body, rng) + opening + seeds(opening + body)))
    cells.append(("last", "\n".join(last)))
    return "\n\n".join(f'# %% tags=["step:{name}"]\n{source}' for name, source in cells) + "\n"


def _cells(lines: list[str]) -> list[str]:
    """One cell of all, but a cell of its own for each that has to be one."""
    found: list[str] = []
    for line in lines:
        if found and not line.startswith("%%") and not found[-1].startswith("%%"):
            found[-1] += "\n" + line
        else:
            found.append(line)
    return found


def start(body: str, rng: random.Random) -> str:
    """The first cell. Classes have the methods that *body* uses, and few others."""
    used = [text for text, mark in METHODS.items() if rng.random() < 0.03 or re.search(mark, body, re.MULTILINE)]
    add = next(iter(METHODS))
    methods = "\n".join([add] * (add not in used) + used)
    indented = "\n".join("    " + line for line in methods.splitlines())
    return START.replace("{CLASSES}", CLASSES.replace("{METHODS}", indented))


def seeds(source: str) -> str:
    """What seeds the generators that *source* draws from. It stands below all imports: some libraries draw then."""
    python, numpy = "import random\nrandom.seed(1)\n", "import numpy as np\nnp.random.seed(1)\n"
    return python * ("random" in source) + numpy * bool(re.search(_DRAWS, source))
