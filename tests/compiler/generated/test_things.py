"""What things once did otherwise in later steps, without a word: small notebooks. Every string is a step."""

# ruff: noqa: E501 - one step, one line

from __future__ import annotations

import pytest

from tests.compiler.generated.processes import check

CASES = {
    "an attribute of a member of an enumeration": (
        "import enum\nclass E(enum.Enum):\n    A = 1\nb = [1]",
        "E.A.note = b",
        "E.A.note.append(2)",
        "print(b)",
    ),
    "what members of an enumeration were made with": (
        "import enum\nclass E(enum.Enum):\n    A = 1\n    def __init__(self, n):\n        self.items = [n]",
        "E.A.items.append(2)",
        "print(E.A.items, E.A is E(1))",
    ),
    "objects of an array made of a copy": (
        "import numpy as np\nimport pandas as pd\na = [1]\nx = np.array([a, None], dtype=object)\ny = x[:1].copy()",
        "y = np.concatenate([y])",
        "print(y[0] is x[0])",
    ),
    "an object that a series refers to": (
        "import numpy as np\nimport pandas as pd\na = [1]\nx = np.array([a, None], dtype=object)\ns = pd.Series(x)",
        "s.iloc[0].append(2)",
        "print(a)",
    ),
    "objects that two arrays refer to": (
        "import numpy as np\nimport pandas as pd\na = [1]\nx = np.array([a, None], dtype=object)\ny = x[:1].copy()",
        "q = pd.Series(y)",
        "a = [4]",
        "print(y[0] is x[0])",
    ),
    "what a stack of callbacks calls at its end": (
        "import contextlib\na = [1]\nk = contextlib.ExitStack()",
        "k.push(lambda *_: a.append(5))",
        "with k: pass",
        "print(a)",
    ),
    "what a hook gives to a library": (
        "import json\na = [1]",
        "b = json.loads('{\"q\": 1}', object_hook=lambda q: a)",
        "b.append(2)",
        "print(a)",
    ),
    "what a function raises that is not followed": (
        "class B:\n    def __init__(self):\n        self.items = []\no = B()\nb = [1]\nclass P:\n    def __init__(self, t): object.__setattr__(self, 't', t)\n    def __getattr__(self, n): return getattr(object.__getattribute__(self, 't'), n)\n    def __setattr__(self, n, v): setattr(object.__getattribute__(self, 't'), n, v)\np = P(o)",
        "p.items.append(6)\ndef fails():\n    raise KeyError(b)\ntry:\n    fails()\nexcept KeyError as problem:\n    c = problem.args[0]",
        "c.append(2)",
        "print(b)",
    ),
    "an attribute that a proxy sets": (
        "class B:\n    pass\no = B()\nb = [1]\nclass P:\n    def __init__(self, t): object.__setattr__(self, 't', t)\n    def __setattr__(self, n, v): setattr(object.__getattribute__(self, 't'), n, v)\n    def __setitem__(self, n, v): setattr(object.__getattribute__(self, 't'), n, v)\np = P(o)",
        "p.x = b",
        "o.x.append(2)",
        "print(b)",
    ),
    "an attribute that a proxy sets by its name": (
        "class B:\n    pass\no = B()\nb = [1]\nclass P:\n    def __init__(self, t): object.__setattr__(self, 't', t)\n    def __setattr__(self, n, v): setattr(object.__getattribute__(self, 't'), n, v)\n    def __setitem__(self, n, v): setattr(object.__getattribute__(self, 't'), n, v)\np = P(o)",
        "setattr(p, 'x', b)",
        "o.x.append(2)",
        "print(b)",
    ),
    "an item that a proxy sets": (
        "class B:\n    pass\no = B()\nb = [1]\nclass P:\n    def __init__(self, t): object.__setattr__(self, 't', t)\n    def __setattr__(self, n, v): setattr(object.__getattribute__(self, 't'), n, v)\n    def __setitem__(self, n, v): setattr(object.__getattribute__(self, 't'), n, v)\np = P(o)",
        "p['x'] = b",
        "o.x.append(2)",
        "print(b)",
    ),
    "an only instance that __new__ keeps": (
        "b = [1]\nclass Only:\n    made = None\n    def __new__(cls):\n        if cls.made is None:\n            cls.made = super().__new__(cls)\n        return cls.made",
        "Only().values = b",
        "Only().values.append(3)",
        "print(b)",
    ),
    "an only instance that a metaclass keeps": (
        "b = [1]\nclass Single(type):\n    made = {}\n    def __call__(cls):\n        if cls not in cls.made:\n            cls.made[cls] = super().__call__()\n        return cls.made[cls]\nclass K(metaclass=Single):\n    pass",
        "K().values = b",
        "K().values.append(3)",
        "print(b)",
    ),
    "a name found through a function's globals": ("b=[1]\ndef f(): pass", "f.__globals__['b'].append(2)", "print(b)"),
    "a default of what vars gives": ("c=[1]\ndef f(): pass", "b = vars(f).get('note', c)", "c.append(2)", "print(b,c)"),
    "an attribute set by object's method": (
        "class K: pass\nk=K()\na=[1]\nk.x=[0]",
        "object.__setattr__(k,'x',a)",
        "a.append(2)",
        "print(k.x,a)",
    ),
    "an attribute found by object's method": (
        "class K: pass\nk=K()\na=[1]\nk.x=a",
        "y=object.__getattribute__(k,'x')",
        "y.append(2)",
        "print(k.x,a)",
    ),
    "a method of list called on a list": ("a=[1]", "list.append(a, 2)", "print(a)"),
    "an item found by dict's method": ("a=[1]\nd={'x':a}", "y=dict.__getitem__(d,'x')", "y.append(2)", "print(d)"),
    "a value that all keys of a dict share": ("a=[1]", "d=dict.fromkeys('xy',a)", "d['x'].append(2)", "print(d,a)"),
    "a method of DataFrame called on a frame": (
        "import pandas as pd\na=pd.DataFrame({'x':[1]})",
        "pd.DataFrame.insert(a,0,'y',2)",
        "print(a)",
    ),
    "a method of ndarray called on an array": (
        "import numpy as np\na=np.array([3,1])",
        "np.ndarray.sort(a)",
        "print(a)",
    ),
    "a list that a generator chose": (
        "import random\na=[1]\nb=[2]\nr=random.Random(1)",
        "y=r.choice([a,b])",
        "y.append(3)",
        "print(a,b)",
    ),
    "a list out of a sample": (
        "import random\na=[1]\nb=[2]\nr=random.Random(1)",
        "y=r.sample([a,b],1)[0]",
        "y.append(3)",
        "print(a,b)",
    ),
    "an object that a generator chose from an array": (
        "import numpy as np\na=[1]\nb=[2,3]\nr=np.random.default_rng(1)\nx=np.array([a,b,None],dtype=object)[:2]",
        "y=r.choice(x)",
        "y.append(3)",
        "print(a,b)",
    ),
    "objects of arrays put together": (
        "import numpy as np\na=[1]\nb=[2,3]\nx=np.array([a,b,None],dtype=object)",
        "y=np.concatenate([x,x])[0]",
        "y.append(3)",
        "print(a,b)",
    ),
    "a name of the module __main__": ("b=[1]", "import __main__\n__main__.b.append(2)", "print(b)"),
    "a name set in the module __main__": ("b=[1]", "import __main__ as m\nm.c = b", "c.append(2)", "print(b)"),
    "a name set in what sys.modules has": ("b=[1]", "import sys\nsetattr(sys.modules[__name__],'b',[2])", "print(b)"),
    "a name imported from __main__": ("b=[1]", "from __main__ import b as q", "q.append(2)", "print(b)"),
    "a name found through a frame": ("b=[1]", "import sys\nsys._getframe().f_globals['b'].append(2)", "print(b)"),
    "an array made of a list": ("import numpy as np\nx=np.asarray([1,2,3,4])", "y=x[:]", "y+=1", "print(x,y)"),
    "a view of an array made of a list": (
        "import numpy as np\nx=np.atleast_1d([1,2,3,4])\ny=x[1:]",
        "y+=1",
        "print(x,y)",
    ),
    "a view of a masked array made of a list": (
        "import numpy as np\nx=np.ma.array([1,2,3,4],mask=[0,1,0,0])",
        "y=x[:]",
        "y+=1",
        "print(x,y)",
    ),
    "an array that came by DLPack": ("import numpy as np\nw=np.arange(4)", "x=np.from_dlpack(w)", "w[0]=7", "print(x)"),
    "a query that names a variable": (
        "import pandas as pd\nn=1\nt=pd.DataFrame({'x':[1,2]})",
        "t=t.query('x > @n')",
        "print(t)",
    ),
    "a query in a function that names a variable": (
        "import pandas as pd\nn=1\nt=pd.DataFrame({'x':[1,2]})\ndef f(q): return q.query('x > @n')",
        "t=f(t)",
        "print(t)",
    ),
    "a query that a name stands for": (
        "import pandas as pd\nn=1\nt=pd.DataFrame({'x':[1,2]})\nw='x > @n'",
        "t=t.query(w)",
        "print(t)",
    ),
    "an expression that pandas evaluates": (
        "import pandas as pd\nn=1\nt=pd.DataFrame({'x':[1,2]})",
        "t=pd.eval('t.x + n')",
        "print(t)",
    ),
    "instances that share their attributes": (
        "class Borg:\n    state={}\n    def __init__(self): self.__dict__=self.state\nx=Borg()\ny=Borg()",
        "x.v=1",
        "print(y.v, Borg.state)",
    ),
    "a dict that is its own attributes": (
        "class A(dict):\n    def __init__(self,*q,**e):\n        super().__init__(*q,**e)\n        self.__dict__=self\nx=A(p=1)",
        "x.q=2",
        "x['r']=3",
        "print(x, x.r, x.q)",
    ),
    "a dict that tells of its items": (
        "a=[]\nclass K(dict):\n    def __setitem__(self,k,v):\n        a.append(k)\n        super().__setitem__(k,v)\nk=K()\nk['x']=1",
        "k['y']=2",
        "print(k,a)",
    ),
    "a list that tells of its items": (
        "a=[]\nclass K(list):\n    def append(self,v):\n        a.append(v)\n        super().append(v)\nk=K()\nk.append(1)",
        "k.append(2)\nk.note=a",
        "print(k,a,k.note is a)",
    ),
    "a dict that holds itself": (
        "class K(dict):\n    def __setitem__(self,k,v):\n        super().__setitem__(k,v)\nk=K()\nk['me']=k",
        "k['y']=2",
        "print(k['me'] is k)",
    ),
    "a class with slots": (
        "a = [1]\nclass Slotted:\n    __slots__ = ('items',)\n    def __init__(self, items):\n        self.items = items\nsl = Slotted(a)",
        "print(Slotted.items.__get__(sl))\ntry:\n    sl.other=1\nexcept AttributeError: print('no')",
        "print(a, sl.items)",
    ),
    "private and inherited slots": (
        "class B:\n    __slots__ = 'one'\nclass S(B):\n    __slots__ = ('__hidden','two')\n    def put(self): self.__hidden=5\n    def get(self): return self.__hidden\ns=S()\ns.put()\ns.one=[1]",
        "s.two=s.one",
        "s.two.append(2)",
        "print(s.get(),s.one,s.two)",
    ),
    "a class that is a named tuple": (
        "import typing\nclass P(typing.NamedTuple):\n    one: list\n    two: int = 3\np=P([1])",
        "p.one.append(2)\nq=p._replace(two=5)",
        "print(p,q,p.one is q.one,type(q) is P)",
    ),
    "a view of a mapping": ("import types\nd={'x':1}\nm=types.MappingProxyType(d)", "d['y']=2", "print(dict(m))"),
    "functions registered for types": (
        "import functools\n@functools.singledispatch\ndef f(q):\n    return 0",
        "@f.register(int)\ndef _(q): return 1",
        "print(f(1), len(f.registry))",
    ),
    "the cause of an exception": (
        "a = [1]\ntry:\n    try:\n        raise KeyError(a)\n    except KeyError as inner:\n        raise ValueError(2) from inner\nexcept ValueError as outer:\n    kept = outer",
        "a.append(2)",
        "print(kept, repr(kept.__cause__), kept.__cause__.args[0] is a)",
    ),
    "the cause of an exception of the notebook's": (
        "class T(Exception):\n    def __init__(self, items, why):\n        super().__init__(why)\n        self.items = items\na=[1]\ntry:\n    raise T(a,'w') from KeyError(1)\nexcept T as e: kept=e",
        "a.append(2)",
        "print(kept.items, kept.items is a, repr(kept.__cause__), kept.args)",
    ),
    "what a method that works in place gives": (
        "import numpy as np\nv = np.arange(4)\nx = v[:]",
        "w = v.byteswap(inplace=True).byteswap(inplace=True)",
        "w[0]=9",
        "print(v.tolist(), w.tolist(), x.tolist())",
    ),
    "categories that two series share": (
        "import pandas as pd\nca = pd.Series(['u', 'v', 'u', 'w'], dtype='category')",
        "cb = ca.astype('category')",
        "cb[cb == cb.iloc[1]] = cb.iloc[0]",
        "print(ca.tolist(), cb.tolist())",
    ),
    "the frequency of an index": (
        "import pandas as pd\nxa = pd.Series([1, 2, 3, 4], index=pd.date_range('2024-01-01', periods=4, freq='D'))\nxb = xa.copy()",
        "xa.iloc[0] = 1",
        "print(xa.index.freq, xb.index.freq)",
    ),
    "a generator made of a generator": (
        "import numpy as np\nrng2 = np.random.default_rng(1)",
        "rng = np.random.default_rng(rng2)",
        "print(rng.integers(99), rng2.integers(99))",
    ),
    "the generator that check_random_state gives": (
        "import numpy as np\nnp.random.seed(1)\nfrom sklearn.utils import check_random_state\nr=check_random_state(None)",
        "print(r.randint(99))",
        "print(np.random.randint(99))",
        "print(r.randint(99))",
    ),
    "a clone of an estimator of the notebook's": (
        "import numpy as np\nfrom sklearn.base import BaseEstimator, TransformerMixin, clone\nc=[]\nclass S(TransformerMixin, BaseEstimator):\n    def fit(self, X, y=None):\n        c.append(len(X))\n        return self\ns=S()",
        "s=clone(s)",
        "s.fit([[1]])",
        "print(c)",
    ),
    "a clone that draws from NumPy's generator": (
        "import numpy as np\nnp.random.seed(1)\nfrom sklearn.base import clone\nfrom sklearn.cluster import KMeans\nm=KMeans(2,n_init=1)",
        "m=clone(m)",
        "m.fit(np.eye(4))",
        "print(np.random.randint(999))",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_what_once_went_wrong_is_right(name: str) -> None:
    steps = (f'# %% tags=["step:s{number}"]\n{source}\n' for number, source in enumerate(CASES[name]))
    assert check("\n".join(steps)) == "same"
