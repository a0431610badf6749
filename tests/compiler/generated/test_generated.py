"""The law: a pipeline prints what its notebook prints, or says that it cannot."""

from __future__ import annotations

import random

import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, given, settings

from tests.compiler.generated import grammar
from tests.compiler.generated.processes import check

_some = settings(max_examples=25, suppress_health_check=list(HealthCheck))


@_some
@given(st.integers(0, 2**32))
def test_a_notebook_of_python_idioms_prints_the_same(number: int) -> None:
    check(grammar.notebook(random.Random(number), "python"), number)


@_some
@given(st.integers(0, 2**32))
def test_a_notebook_of_data_idioms_prints_the_same(number: int) -> None:
    check(grammar.notebook(random.Random(number), "data"), number)


NUMPY = "import numpy as np\nx = np.arange(4.0)\n"
LATER = ("y[0] = 9", "print(x.tolist(), y.tolist())")
OBJECTS = ("y[0].append(2)", "print(x)")
CLASS = (
    "class K:\n    def __init__(self):\n        self.items = [1]\n    def add(self, x):\n        self.items.append(x)\n"
)

# What once went wrong without a word, made small. Every string is a step.
CASES = {
    "attributes that a class leaves out of its pickles": (
        "class K:\n    def __init__(self): self.seen = []\n    def __getstate__(self): return 1\n"
        "    def __setstate__(self, state): print('again')\nk = K()",
        "k.seen.append(1)",
        "print(k.seen)",
    ),
    "an attribute that cannot be stored, and a class that knows it": (
        "import threading\nclass K:\n    def __init__(self): self.seen, self.lock = [], threading.Lock()\n"
        "    def __getstate__(self): return self.seen\n    def __setstate__(self, state): self.seen = state\n"
        "k = K()",
        "k.seen.append(1)",
        "print(k.seen)",
    ),
    "array that need not copy": (NUMPY + "y = np.array(x, copy=False)", *LATER),
    "masked array over an array": (NUMPY + "y = np.ma.array(x)", *LATER),
    "masked array that does not copy": (NUMPY + "y = np.ma.masked_invalid(x, copy=False)", *LATER),
    "windows that can be written to": (
        NUMPY + "y = np.lib.stride_tricks.sliding_window_view(x, 2, writeable=True)[0]",
        *LATER,
    ),
    "a result that goes to the third argument": (NUMPY + "y = np.add(x, 1, x)", *LATER),
    "a result that goes to the second argument": (NUMPY + "y = np.sqrt(x, x)", *LATER),
    "a method's result that goes to an argument": (NUMPY + "y = x.round(0, x)", *LATER),
    "a result that goes to a named argument": (NUMPY + "y = np.multiply(x, 2, out=x)", *LATER),
    "a named tuple's parts": (
        "import collections\na = [1]\nPair = collections.namedtuple('Pair', 'one other')\nb = Pair(a, a).one",
        "b.append(7)",
        "print(a, b)",
    ),
    "the defaults of a named tuple": (
        "import collections\nPair = collections.namedtuple('Pair', 'one other', defaults=[[]])\nx = Pair(1)",
        "x.other.append(1)",
        "print(Pair(2))",
    ),
    "arguments that come from a list": (NUMPY + "all = [x, 1, x]\ny = np.add(*all)", *LATER),
    "an array over a memoryview": (NUMPY + "y = np.frombuffer(memoryview(x))", *LATER),
    "an array over a bytearray": (
        "import numpy as np\nx = bytearray(8)\ny = np.frombuffer(x)",
        "y[0] = 9",
        "print(x, y.tolist())",
    ),
    "a generator told where to write": (
        NUMPY + "r = np.random.default_rng(1)",
        "y = r.random(4, np.float64, x)",
        *LATER,
    ),
    "a conjugate of real numbers": (NUMPY + "y = x.conj()", *LATER),
    "a mean along an axis": ("import numpy as np\nm = np.mean(np.eye(2), axis=0)", "m[0] = 5", "print(m.tolist())"),
    "a sum that starts with a list": ("x = [1]\ny = sum([], x)", "y.append(2)", "print(x, y is x)"),
    "a default of max": ("x = [1]\ny = max([], default=x)", "y.append(2)", "print(x, y is x)"),
    "an exception's argument": (
        "x = [1]\ntry:\n    raise ValueError(x)\nexcept ValueError as error:\n    y = error.args[0]",
        "y.append(2)",
        "print(x)",
    ),
    "a factory of a defaultdict": (
        "import collections\nx = [1]\nd = collections.defaultdict(lambda: x)",
        "d['k'].append(2)",
        "print(x)",
    ),
    "a factory of a dataclass": (
        "import dataclasses\nx = [1]\n@dataclasses.dataclass\nclass R:\n"
        "    more: list = dataclasses.field(default_factory=lambda: x)",
        "R().more.append(2)",
        "print(x)",
    ),
    "an attribute that __getattr__ finds": (
        "x = [1]\nclass K:\n    def __getattr__(self, name):\n        return x\no = K()",
        "o.any.append(2)",
        "print(x)",
    ),
    "an attribute that __getattr__ finds by its name": (
        "x = [1]\nclass K:\n    def __getattr__(self, name):\n        return x\no = K()",
        "y = getattr(o, 'any', None)",
        "y.append(2)",
        "print(x)",
    ),
    "a property that is set": (
        "x = [1]\nclass K:\n    @property\n    def a(self):\n        return 1\n    @a.setter\n"
        "    def a(self, value):\n        x.append(value)\no = K()",
        "o.a = 2",
        "print(x)",
    ),
    "a descriptor": (
        "x = [1]\nclass D:\n    def __get__(self, owner, kind=None):\n        return x\nclass K:\n    a = D()\no = K()",
        "o.a.append(2)",
        "print(x)",
    ),
    "a method replaced on the instance": (CLASS + "x = [1]\no = K()\no.add = x.append", "o.add(2)", "print(x)"),
    "a method replaced on the class": (
        CLASS + "x = [1]\no = K()",
        "K.add = lambda self, v: x.append(v)",
        "o.add(2)",
        "print(x)",
    ),
    "an attribute set through vars": (CLASS + "o = K()\nx = [1]", "vars(o)['items'] = x", "o.add(2)", "print(x)"),
    "elements that compare themselves": (
        "x = [1]\nclass K:\n    def __eq__(self, other):\n        x.append(2)\n        return False\no = K()",
        "[o] == [1]",
        "print(x)",
    ),
    "a transformer that gives its input back": (
        "import numpy as np\nfrom sklearn.preprocessing import FunctionTransformer\nx = np.zeros((2, 2))\n"
        "y = FunctionTransformer().fit_transform(x)",
        "y[0, 0] = 9",
        "print(x.tolist())",
    ),
    "labels that the estimator keeps": (
        "import numpy as np\nfrom sklearn.cluster import KMeans\nm = KMeans(2, n_init=1, random_state=0)\n"
        "y = m.fit_predict(np.eye(4))",
        "y[:] = 7",
        "print(m.labels_.tolist())",
    ),
    "a scaler that works in place": (
        "import numpy as np\nfrom sklearn.preprocessing import StandardScaler\nx = np.eye(2)\n"
        "m = StandardScaler(copy=False)",
        "y = m.fit_transform(x)",
        "print(x.tolist())",
    ),
    "a result that goes to an array of a series": (
        "import pandas as pd\nx = pd.Series([1, 9]).to_numpy(copy=True)\ny = x.clip(0, 5, x)",
        *LATER,
    ),
    "a dict that makes what is missing": (
        "x = [1]\nclass K(dict):\n    def __missing__(self, key):\n        return x\no = K()",
        "y = o['k']",
        "y.append(2)",
        "print(x)",
    ),
    "a mapping that is unpacked": (
        "x = [1]\nclass K:\n    def keys(self):\n        return ['k']\n    def __getitem__(self, key):\n"
        "        return x\no = K()",
        "y = {**o}['k']",
        "y.append(2)",
        "print(x)",
    ),
    "a class with an item": (
        "x = [1]\nclass K:\n    def __class_getitem__(cls, key):\n        return x",
        "y = K[0]",
        "y.append(2)",
        "print(x)",
    ),
    "an array of objects": ("import numpy as np\nx = [1]\ny = np.array([x, None], dtype=object)", *OBJECTS),
    "an array of instances": (
        "import numpy as np\nx = [1]\nclass K:\n    pass\no = K()\no.a = x\ny = np.array([o, o])",
        "y[0].a.append(2)",
        "print(x)",
    ),
    "a copy of an array of objects": (
        "import numpy as np\nx = [1]\ny = np.array([x, None], dtype=object).copy()",
        *OBJECTS,
    ),
    "a list of an array of objects": (
        "import numpy as np\nx = [1]\ny = np.array([x, None], dtype=object).tolist()",
        *OBJECTS,
    ),
    "an array of a series seen in another shape": (
        "import pandas as pd\nx = pd.Series([1, 9]).to_numpy(copy=True)",
        "y = x.reshape(2, 1)",
        "x[0] = 3",
        "print(y.tolist())",
    ),
    "a list made of an array": (NUMPY + "y = x.tolist()", "y.append(9)", "print(y)"),
    "parts of a list made of an array": (NUMPY + "y = x.reshape(2, 2).tolist()", "y[0].append(9)", "print(y)"),
    "memory that two arrays share": (NUMPY + "y = x[1:]", "print(np.shares_memory(x, y))"),
    "what id tells": ("x = [1]\ny = [x]", "print(id(y[0]) == id(x))"),
    "a list in itself": ("x = [1]\nx.append(x)", "y = x * 2", "x += [2]", "print(y)"),
    "an instance that is tested": (
        "x = [1]\nclass K:\n    def __bool__(self):\n        x.append(2)\n        return True\no = K()",
        "if o:\n    y = 1",
        "print(x)",
    ),
    "a copy of an instance": (CLASS + "o = K()", "import copy\nq = copy.copy(o)", "q.add(2)", "print(o.items)"),
    "methods of a deep copy read names": (
        "a = [1]\nclass K:\n    def look(self):\n        return a\no = K()",
        "import copy\nq = copy.deepcopy([o])",
        "a.append(2)",
        "print(q[0].look())",
    ),
    "a name found through globals": ("x = [1]", "y = globals()['x']", "y.append(2)", "print(x, y is x)"),
    "a name bound through globals": ("x = [1]\ny = [2]", "globals()['y'] = x", "y.append(2)", "print(x)"),
    "an item set by a function": ("x = [1]\nd = {}", "import operator\noperator.setitem(d, 'k', x)", "print(d)"),
    "a class registered with an abstract one": (
        "import abc\nclass Shape(abc.ABC): pass",
        "@Shape.register\nclass Square: pass",
        "print(issubclass(Square, Shape))",
    ),
    "examples in the documentation of functions": (
        'def f():\n    """\n    >>> f()\n    1\n    """\n    return x',
        "x = 1",
        "import doctest\nprint(doctest.testmod())",
    ),
    "code that is timed": (
        "x = []\ndef f(): x.append(1)",
        "import timeit\nt = timeit.timeit('f()', 'from __main__ import f', number=2)",
        "print(x)",
    ),
    "code that is profiled": (
        "x = []\ndef f(): x.append(1)",
        "import contextlib, cProfile, io\nwith contextlib.redirect_stdout(io.StringIO()): cProfile.run('f()')",
        "print(x)",
    ),
    "a name in an annotation": (
        "class K:\n    a: 'Kind'",
        "Kind = int",
        "import typing\nprint(typing.get_type_hints(K))",
    ),
    "seeds that are spawned": (
        "import numpy as np\nseeds = np.random.SeedSequence(1)",
        "seeds.spawn(2)",
        "print(seeds.spawn(1)[0].spawn_key)",
    ),
    "generators that are spawned": (
        "import numpy as np\nchild = np.random.default_rng(1).spawn(2)[0]",
        "child.random()",
        "print(child.random())",
    ),
    "two generators over one stream of bits": (
        "import numpy as np\nbits = np.random.PCG64(3)\na, b = np.random.Generator(bits), np.random.Generator(bits)",
        "a.random()",
        "print(b.random())",
    ),
    "a generator that a splitter draws from": (
        "import numpy as np\nfrom sklearn.model_selection import KFold\nrng = np.random.RandomState(1)\n"
        "cv = KFold(2, shuffle=True, random_state=rng)",
        "list(cv.split(range(6)))",
        "print(rng.rand())",
    ),
    "a generator that a validation draws from": (
        "import numpy as np\nfrom sklearn.dummy import DummyClassifier\n"
        "from sklearn.model_selection import KFold, cross_val_score\nrng = np.random.RandomState(1)\n"
        "cv = KFold(2, shuffle=True, random_state=rng)",
        "cross_val_score(DummyClassifier(), np.eye(4), [0, 1, 0, 1], cv=cv)",
        "print(rng.rand())",
    ),
    "a module made by hand": (
        "import types\nm = types.ModuleType('m')\nexec('k = 1\\ndef f(): return k', m.__dict__)",
        "m.k = 2",
        "print(m.f())",
    ),
    "a dictionary that code was run in": ("d = {}\nexec('def f(): return k', d)", "d['k'] = 2", "print(d['f']())"),
    "fields of a dataclass from another step": (
        "import dataclasses\n@dataclasses.dataclass\nclass A:\n    x: int\n"
        "    y: list = dataclasses.field(default_factory=list)",
        "@dataclasses.dataclass\nclass B(A):\n    z: int = 1",
        "print(B(1), B(2).y is B(3).y)",
    ),
    "an object that stands for another": (
        "class Proxy:\n    def __init__(self, inner): self.inner = inner\n"
        "    def __getattr__(self, name): return getattr(self.inner, name)\np = Proxy([1])",
        "p.append(2)",
        "print(p.inner, p.index(2))",
    ),
    "an object that has every attribute": (
        "asked = []\nclass Any:\n    def __getattr__(self, name):\n        asked.append(name)\n        return name\n"
        "a = Any()",
        "a.one",
        "print(a.two, asked)",
    ),
    "an object with slots that nobody may set": (
        "class Fixed:\n    __slots__ = ('x',)\n    def __init__(self): object.__setattr__(self, 'x', [1])\n"
        "    def __setattr__(self, name, value): raise AttributeError(name)\na = Fixed()",
        "a.x.append(2)",
        "print(a.x)",
    ),
    "a class that makes its instances itself": (
        "class Kept:\n    known = {}\n    def __new__(cls, name):\n        if name not in cls.known:\n"
        "            cls.known[name] = super().__new__(cls)\n        return cls.known[name]\na = Kept('a')",
        "b = Kept('a')",
        "print(a is b, list(Kept.known))",
    ),
    "a text that makes itself": (
        "class Both(str):\n    def __new__(cls, a, b): return super().__new__(cls, a + b)\nx = Both('a', 'b')",
        "x.more = 1",
        "print(x, x.more)",
    ),
    "a type by another name": (
        "import typing\nNumber = typing.NewType('Number', int)\nof = {'a': Number}",
        "del Number",
        "print(of['a'](2), of['a'].__name__)",
    ),
    "a method with a cache": (
        "import functools\nclass K:\n    def __init__(self): self.look = functools.lru_cache(self._look)\n"
        "    def _look(self, key): return [key]\na = K()",
        "a.look(1).append(2)",
        "print(a.look(1), a.look.cache_info().hits)",
    ),
    "how a frame is shown": (
        "import pandas as pd\nstyle = pd.DataFrame({'a': [1]}).style.set_uuid('u')",
        "style.format('{:.2f}')",
        "print('1.00' in style.to_html())",
    ),
    "objects in a series": (
        "import pandas as pd\nclass K:\n    n = 0\n    def add(self):\n        self.n += 1\ns = pd.Series([K(), K()])",
        "s.apply(lambda each: each.add())",
        "print([each.n for each in s])",
    ),
    "an index that a series was made with": (
        "import pandas as pd\nx = pd.Index(['a'], name='k')\ns = pd.Series([1], index=x)",
        "s.index.name = 'z'",
        "print(x.name)",
    ),
    "a frame with a name": (
        "import pandas as pd\nt = pd.DataFrame({'a': [1]})\nt.name = 'train'",
        "t['b'] = len(t.name)",
        "print(t.name, t['b'].tolist())",
    ),
    "a function that a transformer calls": (
        "from sklearn.preprocessing import FunctionTransformer\nx = []\ndef f(v):\n    x.append(k)\n    return v\n"
        "k = 1\nm = FunctionTransformer(f)",
        "k = 2",
        "m.fit_transform([[1]])",
        "print(x)",
    ),
    "a view and its base": (NUMPY + "y = x[1:]", "print(y.base is x, x.flags.owndata)"),
    "a place found by bisection": ("x = [1, 3]", "import bisect\nbisect.insort_left(x, 2)", "print(x)"),
}


@pytest.mark.parametrize("name", CASES)
def test_what_once_went_wrong_is_right(name: str) -> None:
    steps = (f'# %% tags=["step:s{number}"]\n{source}\n' for number, source in enumerate(CASES[name]))
    assert check("\n".join(steps)) == "same"


# Ways to come by the list x of another step through a function that a library calls.
CALLED = [
    "y = list(map(lambda each: x, [1]))[0]",
    "y = next(map(lambda each: x, [1]))",
    "import functools\ny = functools.reduce(lambda left, right: x, [1, 2])",
    "import itertools\ny = next(itertools.starmap(lambda each: x, [(1,)]))",
    "import functools\n@functools.singledispatch\ndef f(q): pass\n@f.register\ndef _(q: int): return x\ny = f(1)",
    "import contextlib\n@contextlib.contextmanager\ndef f():\n    yield x\nwith f() as y: pass",
    "import asyncio\nasync def f(): return x\ny = (await asyncio.gather(f()))[0]",
    "import contextvars\ny = contextvars.copy_context().run(lambda: x)",
    "import pandas as pd\ny = pd.Series([1]).apply(lambda each: x).iloc[0]",
]


@pytest.mark.parametrize("use", CALLED)
def test_what_a_function_gives_to_whoever_calls_it_is_followed(use: str) -> None:
    steps = (f'# %% tags=["step:s{n}"]\n{s}\n' for n, s in enumerate(("x = [1]", use, "y.append(2)", "print(x)")))
    assert check("\n".join(steps)) == "same"


# A method of a class, how it comes to be called, and what it gives: the list x of another step.
GIVEN = [
    ("__add__(self, other)", "y = o + 1", "x"),
    ("__radd__(self, other)", "y = 1 + o", "x"),
    ("__iadd__(self, other)", "y = o\ny += 1", "x"),
    ("__neg__(self)", "y = -o", "x"),
    ("__lt__(self, other)", "y = o < 1", "x"),
    ("__eq__(self, other)", "y = o == 1", "x"),
    ("__abs__(self)", "y = abs(o)", "x"),
    ("__round__(self)", "y = round(o)", "x"),
    ("__divmod__(self, other)", "y = divmod(o, 1)", "x"),
    ("__getitem__(self, key)", "y = o[0]", "x"),
    ("__getitem__(self, key)", "import operator\ny = operator.getitem(o, 0)", "x"),
    ("__call__(self)", "y = o()", "x"),
    ("__next__(self)", "y = next(o)", "x"),
    ("__iter__(self)", "y = list(o)[0]", "iter([x])"),
    ("__iter__(self)", "for y in o: pass", "iter([x])"),
    ("__iter__(self)", "y, = o", "iter([x])"),
    ("__iter__(self)", "y = [*o][0]", "iter([x])"),
    ("__iter__(self)", "y = [each for each in o][0]", "iter([x])"),
    ("__iter__(self)", "y = max(o)", "iter([x])"),
    ("__iter__(self)", "y = next(map(lambda each: each, o))", "iter([x])"),
    ("__iter__(self)", "y = (lambda *rest: rest[0])(*o)", "iter([x])"),
    ("__enter__(self)", "with o as y: pass", "x\n    def __exit__(self, *_):\n        pass"),
    ("__await__(self)", "y = await o", "x\n        yield"),
]


@pytest.mark.parametrize(("method", "use", "given"), GIVEN)
def test_what_a_special_method_gives_is_followed(method: str, use: str, given: str) -> None:
    make = f"x = [1]\nclass K:\n    def {method}:\n        return {given}\no = K()"
    steps = (f'# %% tags=["step:s{n}"]\n{s}\n' for n, s in enumerate((make, use, "y.append(2)", "print(x)")))
    assert check("\n".join(steps)) == "same"
