"""Objects that are made, found or drawn from in ways of their own, and what is done with them."""

# ruff: noqa: E501 - one template, one line
from tests.compiler.generated.things import Thing

_ONCE = """\
class Once:
    known = {}
    def __new__(cls, key):
        if key not in cls.known:
            made = super().__new__(cls)
            made.items = [key]
            cls.known[key] = made
        return cls.known[key]
oc = Once(1)
"""
_SPACE = """\
space = {'held': [0]}
exec('def read(): return held\\ndef keep(q):\\n    held.append(q)\\n    return held', space)
"""
_MODULE = """\
import types
mk = types.ModuleType('mk')
exec('held = [0]\\ndef read(): return held\\ndef keep(q):\\n    global held\\n    held = [*held, q]\\n    return held', vars(mk))
"""
_SHAPE = """\
import abc
class Shape(abc.ABC):
    pass
class Square:
    pass
sq = Square()
sq.items = [1]
"""
_SEEDS = """\
from sklearn.model_selection import KFold
seq, bits, state = np.random.SeedSequence(7), np.random.PCG64(3), np.random.RandomState(5)
gen, other = np.random.Generator(bits), np.random.Generator(bits)
folds = KFold(2, shuffle=True, random_state=state)
"""

THINGS_MADE = (
    Thing(
        _ONCE,
        "print(sorted(Once.known), oc.items, oc is Once(1), Once(2).items is oc.items)",
        (
            "oc = Once(K1)",
            "Once(K1).items.append(K2)",
            "Once(K1).items = L1",
            "L1 = oc.items",
            "oc.items = L1",
            "L1 = list(Once.known)",
            "Once.known.pop(K1, None)",
            "D1['x'] = [Once(K1).items]",
            "L1 = [oc is Once(K1)]",
        ),
    ),
    Thing(
        _SPACE,
        "print(space['held'], space['read']() is space['held'])",
        (
            "space['held'] = L1",
            "L1 = space['read']()",
            "space['keep'](K1)",
            "L1 = space['keep'](K1)[:]",
            "F1 = space['read']",
            "L1 = space['held']",
        ),
    ),
    Thing(
        _MODULE,
        "print(mk.held, mk.read() is mk.held)",
        ("mk.held = L1", "L1 = mk.read()", "mk.keep(K1)", "F1 = mk.read", "L1 = mk.held", "mk.held.append(K1)"),
    ),
    Thing(
        _SHAPE,
        "print(isinstance(sq, Shape), isinstance(o, Shape), issubclass(C, Shape), sq.items)",
        (
            "Shape.register(Square)",
            "Shape.register(C)",
            "@Shape.register\nclass Round: pass\nL1 = [isinstance(Round(), Shape)]",
            "L1 = [isinstance(sq, Shape)]",
            "L1 = sq.items",
            "sq.items = L1",
        ),
    ),
)

THINGS_DRAWN = (
    Thing(
        _SEEDS,
        "print(seq.n_children_spawned, gen.integers(9), other.integers(9), [q.tolist() for q, _ in folds.split(range(4))], state.randint(9))",
        (
            "seq.spawn(1)",
            "V1 = np.random.default_rng(seq.spawn(1)[0]).integers(0, 9, 4)",
            "V1 = gen.integers(0, 9, 4)",
            "V1 = other.permutation(V2)",
            "gen = np.random.default_rng(other)",
            "V1 = gen.spawn(1)[0].integers(0, 9, 4)",
            "V1 = np.concatenate([q for _, q in folds.split(V2)])",
            "V1 = state.permutation(V2)",
            "from sklearn.dummy import DummyRegressor\nfrom sklearn.model_selection import cross_val_predict\nV1 = cross_val_predict(DummyRegressor(), V2.reshape(-1, 1), V3, cv=folds).astype(int)",
        ),
    ),
)
