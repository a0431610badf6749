"""Classes and functions of the notebook are the same ones in every step."""

from __future__ import annotations

import pytest


def test_a_function_of_the_notebook_reads_the_live_globals_of_its_step(steps):
    ran = steps.chain("k = 1\ndef f(): return k", ["f"], "k = 10\nprint(f())\nk = 20\nprint(f())")
    assert ran.printed() == "10\n20\n"


def test_a_function_ships_none_of_the_globals_it_reads(steps):
    ran = steps.chain("import threading\nlock = threading.Lock()\ndef f(): return lock", ["f"], "lock = 3\nprint(f())")
    assert ran.printed() == "3\n"


def test_closures_defaults_and_recursion_survive(steps):
    ran = steps.chain(
        "def outer(n):\n    def fact(k, scale=2):\n        return 1 if k == 0 else k * fact(k - 1)\n"
        "    return lambda: fact(n)\ng = outer(5)\nh = lambda x, *, y=[3]: x + y[0]",
        ["g h"],
        "print(g(), h(1))",
    )
    assert ran.printed() == "120 4\n"


def test_a_class_of_the_imports_cell_is_one_class_in_every_step(steps):
    imports = ("import enum\nclass A: pass\nclass Color(enum.Enum):\n    RED = 1", "imports")
    before = steps.run(imports, "a = A(); c = Color.RED", outputs=["a", "c"])
    ran = steps.run(imports, "print(isinstance(a, A), type(a) is A, c is Color.RED)", inputs=before.inputs())
    assert ran.printed() == "True True True\n"


def test_a_class_is_one_class_across_artifacts(steps):
    ran = steps.chain(
        "from dataclasses import dataclass\n@dataclass\nclass P:\n    x: int = 0\nclass Q(P): pass\n"
        "a = P(1); b = P(1); q = Q(2)",
        ["a", "b", "P", "q"],
        "print(type(a) is type(b) is P, a == b, isinstance(q, P), a)",
    )
    assert ran.printed() == "True True True P(x=1)\n"


def test_two_classes_of_one_name_stay_two(steps):
    ran = steps.chain(
        "class C: x = 1\na = C()\nclass C: x = 2\nb = C()",
        ["a", "b", "C"],
        "print(a.x, b.x, type(b) is C, type(a) is C)",
    )
    assert ran.printed() == "1 2 True False\n"


def test_class_attributes_that_a_step_changed_arrive_changed(steps):
    imports = ("class A:\n    count = 0\n    seen = []", "functions")
    before = steps.run(imports, "A.count += 1; A.seen.append('x')", outputs=["A"])
    ran = steps.run(imports, "print(A.count, A.seen)", inputs=before.inputs())
    assert ran.printed() == "1 ['x']\n"


def test_a_method_of_the_base_that_the_class_was_given_stays_its_own(steps):
    make = "class B:\n    def add(self): return 1\nclass C(B): pass\nC.add = B.add"
    use = "B.add = lambda self: 2\nprint(C().add(), 'add' in vars(C))"
    assert steps.chain(make, ["B C"], use).printed() == "1 True\n"


ONCE = """
class Once:
    known = {}
    made = []
    def __new__(cls, key):
        if key not in cls.known:
            cls.known[key] = super().__new__(cls)
            cls.made.append(key)
        return cls.known[key]
one = Once(1)
kinds = [Once]
"""


def test_what_a_class_keeps_is_what_comes_from_the_last_step_that_hands_it_on(steps):
    first = steps.run(ONCE, outputs=["kinds", "Once one"])
    last = steps.run("pass", inputs=first.inputs("Once", "one"), outputs=["Once one"], step="last")
    used = "print(one is Once.known[1], one is kinds[0].known[1], Once(1) is one, Once.made)"
    ran = steps.run(used, inputs=[*first.inputs("kinds"), *last.inputs()])
    assert ran.printed() == "True True True [1]\n"


def test_a_class_stays_registered_with_abstract_classes_of_python(steps):
    make = "import numbers\nclass N: pass\nn = N()\nnumbers.Number.register(N)"
    use = "import numbers\nprint(isinstance(n, numbers.Number), isinstance(n, numbers.Real))"
    assert steps.chain(make, ["n"], use).printed() == "True False\n"


@pytest.mark.parametrize(("asked", "seen"), [(True, "['Z', 'A']"), (False, "[]")])
def test_a_class_brings_its_subclasses_where_somebody_asks_for_them(steps, asked, seen):
    made = steps.run("class B: pass\nclass Z(B): pass\nclass A(B): pass\na = A()", outputs=["B"], subclasses=asked)
    ran = steps.run("import gc; gc.collect()\nprint([k.__name__ for k in B.__subclasses__()])", inputs=made.inputs())
    assert ran.printed() == f"{seen}\n"


def test_what_a_class_of_the_imports_cell_keeps_is_what_comes_with_it(steps):
    first = steps.run((ONCE.replace("one = Once(1)", ""), "functions"), "one = Once(1)", outputs=["kinds", "Once one"])
    used = "print(one is Once.known[1], one is kinds[0].known[1], Once(1) is one)"
    ran = steps.run((ONCE.replace("one = Once(1)", ""), "functions"), used, inputs=first.inputs())
    assert ran.printed() == "True True True\n"


@pytest.mark.parametrize(
    ("base", "own", "seen"),
    [
        ("def __hash__(self): return 1", "__hash__ = object.__hash__", "True"),
        ("__hash__ = object.__hash__", "__hash__ = Base.__hash__", "True"),
        ("def __eq__(self, other): return True", "def __eq__(self, other): return False", "True"),  # both without hash
        ("pass", "pass", "False"),
    ],
)
def test_a_class_goes_on_having_what_it_names_though_it_inherits_it(steps, base, own, seen):
    make = f"class Base:\n    {base}\nclass Sub(Base):\n    {own}\nhad = Sub.__hash__"
    use = "print('__hash__' in vars(Sub), Sub.__hash__ is had)"
    assert steps.chain(make, ["Base Sub had"], use).printed() == f"{seen} True\n"


def test_loading_leaves_an_unchanged_class_alone(steps):
    imports = ("class A:\n    seen = []\nseen = A.seen", "functions")
    before = steps.run(imports, "a = A()", outputs=["a"])
    assert steps.run(imports, "print(A.seen is seen)", inputs=before.inputs()).printed() == "True\n"


def test_loading_does_not_tell_a_registry_of_a_class_twice(steps):
    imports = (
        "class Base:\n    known = []\n    def __init_subclass__(cls): Base.known.append(cls)\nclass A(Base): pass",
        "functions",
    )
    before = steps.run(imports, "a = A()", outputs=["a"])
    assert steps.run(imports, "print(Base.known == [type(a)])", inputs=before.inputs()).printed() == "True\n"


_HOOKED = {
    "of a base": "class Base:\n    def __init_subclass__(cls, *, key, **rest):\n"
    "        super().__init_subclass__(**rest)\n        made.append(key)\nclass A(Base, key=1): pass",
    "of a metaclass": "class Meta(type):\n    def __new__(mcs, name, bases, own):\n"
    "        made.append(name)\n        return super().__new__(mcs, name, bases, own)\n"
    "    def __init__(cls, *given):\n        made.append(len(given))\n        super().__init__(*given)\n"
    "    @classmethod\n    def __prepare__(mcs, *given):\n        made.append('prepare')\n        return {}\n"
    "    def __setattr__(cls, name, value):\n        made.append(name)\n        type.__setattr__(cls, name, value)\n"
    "class A(metaclass=Meta):\n    x = 1",
    "of an abstract one": "import abc\nclass Meta(abc.ABCMeta):\n    def __new__(mcs, *given, **words):\n"
    "        made.append(mcs)\n        return super().__new__(mcs, *given, **words)\n"
    "class A(metaclass=Meta):\n    def f(self): return isinstance(1, A)\nA.register(int)\nA().f()",
    "of an enumeration": "import enum\nclass Base(enum.Enum):\n    def __init_subclass__(cls, **rest):\n"
    "        made.append(cls.__name__)\nclass A(Base):\n    one = 1",
}


@pytest.mark.parametrize("define", _HOOKED.values(), ids=_HOOKED)
def test_what_the_notebook_runs_to_make_a_class_runs_once(steps, define):
    seen = "\nprint(made, type(A), A.__mro__, isinstance(1, A), sorted(vars(A)))"
    ran = steps.chain(f"made = []\n{define}", ["A made"], seen)
    assert ran.printed() == steps.run(f"made = []\n{define}", seen).printed()


def test_what_the_notebook_runs_to_make_a_class_runs_for_the_next_one(steps):
    define = "class Base:\n    known = []\n    def __init_subclass__(cls): Base.known.append(cls)\nclass A(Base): pass"
    more = "class B(Base): pass\nprint(Base.known == [A, B], [each.__name__ for each in Base.__subclasses__()])"
    assert steps.chain(define, ["A Base"], more).printed() == "True ['A', 'B']\n"


def test_cached_functions_and_properties_cross(steps):
    ran = steps.chain(
        "import functools\n@functools.lru_cache(maxsize=3)\ndef f(n): return n * k\n"
        "class A:\n    @functools.cached_property\n    def x(self): return 6\na = A()",
        ["f", "a"],
        "k = 7\nprint(f(1), f.cache_parameters()['maxsize'], a.x)",
    )
    assert ran.printed() == "7 3 6\n"


@pytest.mark.parametrize("maxsize", [None, 2])
@pytest.mark.parametrize("typed", [True, False])
def test_what_a_cached_function_remembers_crosses(steps, maxsize, typed):
    calls = "f(1); f(1.0); f('a', k=2); f(k=3, j=4); f('a', k=2)\n"
    define = (
        f"import functools\ndone = []\n@functools.lru_cache({maxsize}, {typed})\n"
        "def f(*a, **k):\n    done.append((a, k))\n    return [a, k]\n"
    )
    show = f"{calls}print(done, f.cache_info())"
    assert steps.chain(define + calls, ["f done"], show).printed() == steps.run(define + calls + show).printed()


def test_a_cache_that_cannot_be_stored_is_begun_anew(steps):
    first = "import functools, sqlite3\n@functools.cache\ndef connect(): return sqlite3.connect(':memory:')\nconnect()"
    assert (
        steps.chain(first, ["connect"], "import sqlite3\nconnect()\nprint(connect.cache_info().misses)").printed()
        == "1\n"
    )


def test_a_class_keeps_its_full_name(steps):
    first = "def make():\n    class A:\n        class B: pass\n    return A.B()\nb = make()"
    show = "print(type(b).__qualname__)"
    assert steps.chain(first, ["b"], show).printed() == "make.<locals>.A.B\n"


def test_super_and_properties_work_after_crossing(steps):
    ran = steps.chain(
        "class A:\n    def __init__(self, n): self._n = n\n    @property\n    def n(self): return self._n\n"
        "class B(A):\n    def __init__(self): super().__init__(4)\nb = B()",
        ["b B"],
        "print(b.n, B().n)",
    )
    assert ran.printed() == "4 4\n"
