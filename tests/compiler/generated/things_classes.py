"""Classes and objects that keep state, and what is done with them."""

# ruff: noqa: E501 - one template, one line
from tests.compiler.generated.things import Thing

_PLUGIN = """\
class Plugin:
    registry = {}
    kept = None
    def __init_subclass__(cls, label='x', **rest):
        super().__init_subclass__(**rest)
        cls.label = label
        Plugin.registry.setdefault(label, []).append(cls)
    def look(self):
        return a
"""
_TYPED = """\
class Typed:
    def __set_name__(self, owner, name):
        self.name = '_' + name
    def __get__(self, owner, kind=None):
        return self if owner is None else owner.__dict__.get(self.name, a)
    def __set__(self, owner, value):
        owner.__dict__[self.name] = value
class Held:
    part = Typed()
hd = Held()
"""
_PROXY = """\
class Proxy:
    def __init__(self, target):
        object.__setattr__(self, 'target', target)
    def __getattr__(self, name):
        return getattr(object.__getattribute__(self, 'target'), name)
    def __setattr__(self, name, value):
        setattr(object.__getattribute__(self, 'target'), name, value)
px = Proxy(o)
"""
_SINGLE = """\
class Single(type):
    made = {}
    def __call__(cls, *args):
        if cls not in cls.made:
            cls.made[cls] = super().__call__(*args)
        return cls.made[cls]
class Config(metaclass=Single):
    def __init__(self):
        self.values = a
class Only:
    made = None
    def __new__(cls):
        if cls.made is None:
            cls.made = super().__new__(cls)
            cls.made.values = [0]
        return cls.made
class Borg:
    state = {'values': [0]}
    def __init__(self):
        self.__dict__ = self.state
bg = Borg()
"""
_EVENTS = """\
class Events:
    def __init__(self):
        self.listeners, self.seen = [], []
    def on(self, fn):
        self.listeners.append(fn)
        return fn
    def emit(self, *args):
        for fn in self.listeners:
            fn(*args)
        self.seen.append(len(args))
ev = Events()
"""
_TREE = """\
class Node:
    def __init__(self, items, parent=None):
        self.items, self.parent, self.children = items, parent, []
        if parent is not None:
            parent.children.append(self)
    def walk(self):
        yield self.items
        for child in self.children:
            yield from child.walk()
root = Node(a)
leaf = Node(b, root)
"""

THINGS_CLASSES = (
    Thing(
        "class Slotted:\n    __slots__ = ('items', '__weakref__')\n    def __init__(self, items):\n        self.items = items\nsl = Slotted(a)",
        "print(sl.items, [sl.items is q for q in (a, b, c, d)])",
        (
            "sl.items.append(K1)",
            "L1 = sl.items",
            "sl.items = L1",
            "sl = copy.copy(sl)",
            "sl = copy.deepcopy(sl)",
            "sl = Slotted(L1)",
            "L1 = getattr(sl, 'items')",
            "del sl.items\nsl.items = L1",
            "Slotted.items.__set__(sl, L1)",
            "L1 = Slotted.items.__get__(sl)",
            "object.__setattr__(sl, 'items', L1)",
            "O1.other = sl\nO1.other.items.append(K1)",
        ),
    ),
    Thing(
        "import dataclasses, typing\n@dataclasses.dataclass(frozen=True)\nclass Frozen:\n    items: list\n    extra: tuple = ()\nfz = Frozen(a)\nclass Pair(typing.NamedTuple):\n    left: list\n    right: list = []\npr = Pair(b)",
        "print(fz, pr, [q is e for q in (fz.items, *pr) for e in (a, b, c, d)])",
        (
            "fz = dataclasses.replace(fz, items=L1)",
            "fz.items.append(K1)",
            "L1 = fz.items",
            "L1 = dataclasses.asdict(fz)['items']",
            "L1 = dataclasses.astuple(fz)[0]",
            "object.__setattr__(fz, 'items', L1)",
            "L1 = [getattr(fz, q.name) for q in dataclasses.fields(fz)][0]",
            "fz = Frozen(L1, (L2,))",
            "if fz.extra: fz.extra[0].append(K1)",
            "pr = pr._replace(left=L1)",
            "pr.left.append(K1)",
            "pr.right.append(K1)",
            "L1, L2 = pr",
            "L1 = pr._asdict()['left']",
            "pr = Pair(*pr[::-1])",
            "pr = Pair._make([L1, L2])",
            "match fz:\n    case Frozen(items=L1, extra=()): L1.append(K1)\n    case Frozen(extra=(L2, *_)): L2.append(K1)",
        ),
    ),
    Thing(
        _TYPED,
        "print(hd.part, sorted(vars(hd)), type(Held.part).__name__)",
        (
            "hd.part = L1",
            "L1 = hd.part",
            "hd.part.append(K1)",
            "L1 = sorted(vars(hd))",
            "hd = Held()",
            "vars(hd)['_part'] = L1",
            "setattr(hd, 'part', L1)",
            "L1 = getattr(hd, 'part')",
            "Held.part.name = '_more'",
            "class Held(Held):\n    more = Typed()\nhd = Held()\nhd.more = L1",
            "L1 = Held.part.__get__(hd)",
        ),
    ),
    Thing(
        _PROXY,
        "print(px.items, px.other is o.other)",
        (
            "px.items = L1",
            "L1 = px.items",
            "px.items.append(K1)",
            "px.add(K1)",
            "px = Proxy(O1)",
            "L1 = getattr(px, 'items')",
            "O1 = object.__getattribute__(px, 'target')",
            "setattr(px, 'other', L1)",
            "px = Proxy(px)",
        ),
    ),
    Thing(
        "import collections\nclass Log(collections.UserList):\n    def append(self, q):\n        super().append(q)\n        c.append(len(self.data))\nlg = Log([1])\nclass Dot(dict):\n    __getattr__ = dict.__getitem__\n    __setattr__ = dict.__setitem__\ndt = Dot(x=a)",
        "print(lg, dict(dt), dt.x is a)",
        (
            "lg.append(K1)",
            "L1 = lg.data",
            "lg += [K1]",
            "lg.data = L1",
            "lg = Log(L1)",
            "lg.extend([K1])",
            "L1 = list(lg)",
            "lg = lg[:]",
            "dt.x.append(K1)",
            "dt.y = L1",
            "dt.x = L1",
            "L1 = dt['x']",
            "dt['x'] = L1",
            "L1 = dt.get('y', L2)",
            "dt.update(D1)",
            "L1 = dt.x",
        ),
    ),
    Thing(
        _SINGLE,
        "print(Config().values, Only().values, bg.values, Borg().values is bg.values, Config() is Config(), Only() is Only())",
        (
            "Config().values.append(K1)",
            "L1 = Config().values",
            "Config().values = L1",
            "Only().values.append(K1)",
            "Only().values = L1",
            "L1 = Only().values",
            "bg.values.append(K1)",
            "bg.values = L1",
            "L1 = Borg().values",
            "Borg.state['values'] = L1",
            "bg = Borg()",
            "O1.other = Only()\nO1.other.values.append(K1)",
            "Single.made.clear()",
            "D1['x'] = Config().values",
        ),
    ),
    Thing(
        "import enum\nclass Level(enum.Enum):\n    LOW = [1]\n    HIGH = [2]\nclass Flags(enum.Flag):\n    ONE = 1\n    TWO = 2\nfl = Flags.ONE\nlv = Level.LOW",
        "print(Level.LOW.value, Level.HIGH.value, lv is Level.LOW, fl, [q.name for q in Level])",
        (
            "Level.LOW.value.append(K1)",
            "L1 = lv.value",
            "lv = Level.HIGH",
            "lv = Level['LOW']",
            "L1 = [Level['LOW'] is lv]",
            "Level.LOW.note = L1",
            "L1 = getattr(lv, 'note', L2)",
            "fl |= Flags.TWO",
            "fl ^= Flags.ONE",
            "L1 = [fl.value, Flags.TWO in fl]",
            "for q in Level: q.value.append(K1)",
            "L1 = Level(L2).value if L2 in [q.value for q in Level] else L3",
            "match lv:\n    case Level.LOW: L1 = L2\n    case Level.HIGH: L2.append(K1)",
        ),
    ),
    Thing(
        "import io\nbuf = io.StringIO()\nraw = io.BytesIO(b'abc')",
        "print(buf.getvalue(), raw.getvalue(), raw.tell())",
        (
            "buf.write(str(K1))",
            "L1 = [buf.getvalue()]",
            "print(N1, file=buf)",
            "buf.seek(0)",
            "L1 = buf.readlines()",
            "with contextlib.redirect_stdout(buf): print(L1)",
            "buf = io.StringIO(str(K1))",
            "L1 = list(raw.read(1))",
            "raw.seek(0)",
            "raw.write(b'q')",
            "with raw.getbuffer() as q: q[0] = K1",
            "buf.truncate(0)",
            "import csv\ncsv.writer(buf).writerow([N1, K1])",
            "import json\njson.dump(N1, buf)",
        ),
    ),
    Thing(
        "import random\nrd = random.Random(1)\nre_rd = rd",
        "print(rd.random(), re_rd.random(), random.random())",
        (
            "rd.shuffle(L1)",
            "N1 = rd.randrange(9)",
            "rd = random.Random(K1)",
            "re_rd = rd",
            "re_rd.seed(K1)",
            "rd.setstate(re_rd.getstate())",
            "L1 = rd.choice([L2, L3])",
            "L1 = random.choices([K1, K2], k=2)",
            "rd = copy.deepcopy(re_rd)",
            "rd.setstate(random.getstate())",
            "random.setstate(rd.getstate())",
            "F1 = lambda: [rd.randrange(9)]",
            "roll = random.randrange\nN1 = roll(9)",
            "L1.sort(key=lambda q: rd.random())",
        ),
    ),
    Thing(
        _EVENTS,
        "ev.emit(1)\nprint(ev.seen, len(ev.listeners))",
        (
            "ev.on(L1.append)",
            "ev.emit(K1)",
            "@ev.on\ndef heard(q): L1.append(q)",
            "ev.listeners.clear()",
            "L1 = ev.seen",
            "ev.on(lambda q: O1.add(q))",
            "ev.listeners.append(functools.partial(L1.insert, 0))",
            "ev.on(O1.add)",
            "ev = Events()",
            "ev.seen = L1",
            "ev.on(list(L1).append)",
        ),
    ),
    Thing(
        _TREE,
        "print(list(root.walk()), leaf.parent is root, list(leaf.walk()))",
        (
            "leaf = Node(L1, root)",
            "leaf.items.append(K1)",
            "for q in root.walk(): q.append(K1)",
            "root = leaf.parent or leaf",
            "root.items = L1",
            "L1 = list(root.walk())[-1]",
            "leaf = root.children[0] if root.children else leaf",
            "root.children.clear()",
            "if leaf.parent: leaf.parent.items.append(K1)",
            "root = copy.deepcopy(root)",
            "root.children.sort(key=lambda q: len(q.items))",
            "O1.other = leaf",
        ),
    ),
    Thing(
        _PLUGIN,
        "print({label: [q.__name__ for q in kinds] for label, kinds in Plugin.registry.items()}, Plugin.kept)",
        (
            "class One(Plugin, label='y'): kept = L1",
            "class Two(Plugin):\n    def look(self): return L1",
            "L1 = [q.__name__ for q in Plugin.registry.get('y', [])]",
            "for kinds in Plugin.registry.values():\n    for q in kinds: q.kept = L1",
            "L1 = getattr(Plugin.registry.get('y', [Plugin])[-1], 'kept') or L2",
            "Plugin.registry.clear()",
            "L1 = Plugin.registry.get('x', [Plugin])[0]().look()",
            "Plugin.kept = L1",
            "type('Three', (Plugin,), {'kept': L1}, label='z')",
            "O1.other = Plugin.registry.get('x', [Plugin])[-1]()",
        ),
    ),
    Thing(
        "import re, threading, concurrent.futures, sys, types, operator",
        "print(a, b, c, d, n, m)",
        (
            "re.sub('a', lambda q: L1.append(K1) or 'b', 'aa')",
            "q = threading.Thread(target=L1.append, args=(K1,))\nq.start()\nq.join()",
            "with concurrent.futures.ThreadPoolExecutor(1) as pool: L1 = pool.submit(lambda: L2).result()",
            "with concurrent.futures.ThreadPoolExecutor(1) as pool: list(pool.map(L1.append, [K1]))",
            "import json\nL1 = json.loads('{\"q\": 1}', object_hook=lambda q: L2)",
            "import json\njson.dumps([object()], default=lambda q: L1.append(K1))",
            "import timeit\n_ = timeit.timeit(lambda: L1.append(K1), number=1)",
            "L1.sort(key=functools.cmp_to_key(lambda q, e: L2.append(0) or 0)) if L1 is not L2 else None",
            "L1 = max([L2, L3], key=lambda q: L4.append(0) or 0)",
            "for q in iter(lambda: L1.pop() if len(L1) > 1 else None, None): L2.insert(0, K1) if L1 is not L2 else None",
            "sys.modules['__main__'].L1 = L2",
            "setattr(sys.modules[__name__], 'L1', L2)",
            "import __main__\n__main__.L1.append(K1)",
            "import __main__\nL1 = __main__.L2",
            "import __main__\nL1 = vars(__main__)['L2']",
            "O1.look = types.MethodType(lambda self: L1, O1)",
            "L1 = O1.add.__self__.items",
            "type(O1).size = K1",
            "setattr(type(O1), 'shared', L1)",
            "class Mixed(C, Base):\n    def add(self, item):\n        L1.append(item)\n        return super().add(item)\nO1 = Mixed(L2)",
            "class Part(Base): push_one = functools.partialmethod(Base.add, K1)\nPart(L1).push_one()",
            "import statistics\nN1 = round(statistics.mean([N1, K1]))",
            "L1 = [*map(operator.itemgetter(0), [(L2, K1)])][0]",
            "L1, L2 = map(list, zip(*[(L3, K1), (L4, K2)]))",
            "(lambda *q, **e: q[0].append(e['z']))(*[L1], **{'z': K1})",
            "print(*L1, sep='-')",
            "L1.append(L1.count(K1))",
            "L1[len(L1):] = L2[:1]",
            "L1[::2] = [K1] * len(L1[::2])",
            "if (q := len(L1)) > 2: L1.pop()",
            "L1 = [(y := K1), y + 1]",
            "with contextlib.suppress(Exception): L1.append(L1[99])",
            "F1 = types.FunctionType((lambda: L1).__code__, globals())",
            "F1 = lambda: operator.attrgetter('items')(O1)",
        ),
    ),
)
