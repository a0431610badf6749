"""Containers, closures, classes and objects of the standard library that keep state, and what is done with them."""

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
_COUNTER = """\
def counter():
    count, log = 0, []
    def up(by=1):
        nonlocal count
        count += by
        log.append(count)
        return list(log)
    def seen():
        return [count, log]
    return up, seen
up, seen = counter()
"""
_CALLS = """\
class Calls:
    def __init__(self, fn):
        functools.update_wrapper(self, fn)
        self.fn, self.calls = fn, []
    def __call__(self, *args):
        self.calls.append(len(args))
        return self.fn(*args)
@Calls
def counted(q):
    return q
"""
_MEMO = """\
def memo(fn):
    store = {}
    @functools.wraps(fn)
    def inner(q):
        if q not in store:
            store[q] = fn(q)
        return store[q]
    inner.store = store
    return inner
@memo
def made_of(q):
    return [q]
"""
_TABLE = """\
table_of = {}
def registered(fn):
    table_of[fn.__name__] = fn
    return fn
@registered
def first():
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

THINGS_PYTHON = (
    Thing(
        "import collections\ndq = collections.deque([a, b])\neq = collections.deque([c], maxlen=3)",
        "print(list(dq), list(eq), dq is eq, [q is e for q in dq for e in (a, b, c)])",
        (
            "Q1.append(L1)",
            "Q1.appendleft([K1])",
            "Q1.rotate(K1)",
            "L1 = Q1[0] if Q1 else L2",
            "Q1.extend([L1, L2])",
            "Q1 = Q2",
            "Q1 = Q2.copy()",
            "Q1 = collections.deque(Q2, maxlen=K1)",
            "L1 = Q1.popleft() if Q1 else [K1]",
            "for q in Q1: q.append(K1)",
            "Q1 += [L1]",
            "L1 = list(Q1)",
            "Q1.reverse()",
            "if Q1: Q1[-1] = L1",
            "L1 = next(iter(Q1), L2)",
            "while len(Q1) > 2: Q1.pop().append(K1)",
        ),
    ),
    Thing(
        "es, fs = {1, 2}, {3}",
        "print(sorted(es), sorted(fs), es is fs)",
        (
            "E1.add(K1)",
            "E1 |= {K1, N1}",
            "E1 = E2",
            "E1 = E2 | {K1}",
            "E1 -= E2 - {K1}",
            "E1.discard(K1)",
            "E1.update(range(K1))",
            "E1 &= E2",
            "E1 = set(E2)",
            "E1 ^= {K1}",
            "E1 = {q for q in E2 if q > K1}",
            "L1 = sorted(E1)",
            "D1['s'] = [E1]\nD1.pop('s')[0].add(K1)",
            "for q in sorted(E1): L1.append(q)",
            "E1.intersection_update(E2, {K1})",
        ),
    ),
    Thing(
        "import array, struct, io\nba, bb = bytearray(b'abc'), bytearray(b'xyz')\narr = array.array('i', [1, 2])\nlooking = memoryview(ba)",
        "print(ba, bb, ba is bb, arr.tolist(), looking.tolist())",
        (
            "B1[0] = K1",
            "B1 = B2",
            "B1 = B2[:]",
            "memoryview(B1)[0] = K1",
            "with memoryview(B1) as q: q[:1] = b'w'",
            "L1 = list(B1)",
            "struct.pack_into('b', B1, 0, K1)",
            "io.BytesIO(b'uv').readinto(B1)",
            "looking[0] = K1",
            "looking = memoryview(B1)",
            "L1 = looking.tolist()",
            "looking[:2] = b'gh'",
            "arr.append(K1)",
            "memoryview(arr)[0] = K1",
            "arr = arr[:]",
            "arr *= 2",
            "L1 = arr.tolist()",
            "B1.reverse()",
        ),
    ),
    Thing(
        "import collections\ncm = collections.ChainMap(h, k)\nvw = h.values()\nks = k.keys()",
        "print(cm.maps, [q is e for q in cm.maps for e in (h, k)], list(vw), list(ks))",
        (
            "cm['x'] = L1",
            "L1 = cm.get('y', L2)",
            "cm = cm.new_child({'y': L1})",
            "cm.maps[-1]['x'] = L1",
            "cm = cm.parents if len(cm.maps) > 1 else cm",
            "for q in cm.values(): q.append(K1)",
            "D1 = cm.maps[0]",
            "cm.maps.append(D1)",
            "cm.pop('y', None)",
            "L1 = [len(cm)]",
            "D1 = dict(cm)",
            "vw = D1.values()",
            "L1 = list(vw)",
            "for q in vw: q.append(K1)",
            "L1 = [K1, 'y' in ks]",
            "ks = D1.keys()",
            "D1['y'] = L1",
            "L1 = sorted(ks | {'z'})",
        ),
    ),
    Thing(
        "import collections\ndd = collections.defaultdict(list, x=b)\nod = collections.OrderedDict(x=a, y=c)\nct = collections.Counter([1, 1, 2])",
        "print(dict(dd), list(od.items()), sorted(ct.items()))",
        (
            "dd['y'].append(K1)",
            "dd['x'].append(L1)",
            "L1 = dd['z']",
            "dd.default_factory = lambda: L1",
            "dd['w'] += [K1]",
            "dd['x'] = L1",
            "L1 = list(dd)",
            "for q in dd.values(): q.append(K1)",
            "od.move_to_end('x')",
            "od['x'] = L1",
            "od['y'].append(K1)",
            "od = collections.OrderedDict(reversed(od.items()))",
            "L1 = next(iter(od.values()))",
            "ct[K1] += 1",
            "ct.update([N1, K1])",
            "ct.subtract([K1])",
            "ct -= collections.Counter([K1])",
            "L1 = [list(q) for q in sorted(ct.items())]",
            "ct = +ct",
        ),
    ),
    Thing(
        "import heapq, bisect\nhp = [1, 3, 5]\nhq = hp",
        "print(hp, hq, hp is hq)",
        (
            "heapq.heappush(hp, K1)",
            "L1 = [heapq.heappop(hp)] if hp else L2",
            "if hp: heapq.heapreplace(hp, K1)",
            "heapq.heapify(hq)",
            "bisect.insort(hq, K1)",
            "L1 = heapq.nsmallest(2, hp)",
            "L1 = list(heapq.merge(hp, [K1]))",
            "hp = sorted(hq)",
            "hp.sort(reverse=True)",
            "hp[:] = [K1, K2]",
            "hq = hp",
            "hq = hp[:]",
            "import random\nrandom.shuffle(hp)",
            "import random\nL1 = random.sample(hp, len(hp))",
            "N1 = bisect.bisect(hp, K1)",
            "heapq.heappushpop(hp, K1)",
            "hp += hq[:1]",
        ),
    ),
    Thing(
        _COUNTER,
        "print(seen(), up.__closure__[0].cell_contents)",
        (
            "up()",
            "L1 = up(K1)",
            "L1 = seen()",
            "seen()[1].append(K1)",
            "F1 = seen",
            "F1 = up",
            "up, seen = counter()",
            "L1 = seen.__closure__[1].cell_contents",
            "up.__closure__[1].cell_contents.append(K1)",
            "up.__defaults__ = (K1,)",
            "up, _ = counter()",
            "seen.__closure__[1].cell_contents = L1",
            "D1['f'] = [up]\nL1 = D1.pop('f')[0]()",
        ),
    ),
    Thing(
        _CALLS,
        "print(counted.calls, counted([0]))",
        (
            "L1 = counted(L2)",
            "counted(K1)",
            "L1 = counted.calls",
            "counted.calls.clear()",
            "counted.fn = lambda q: L1",
            "F1 = functools.partial(counted, L1)",
            "F1 = Calls(F2)",
            "@Calls\ndef counted(q):\n    return L1",
            "counted.calls = L1",
            "L1 = list(map(counted, [L2]))[0]",
            "counted = Calls(counted)",
            "L1 = counted.__wrapped__(L2)",
        ),
    ),
    Thing(
        _MEMO
        + "@functools.lru_cache(maxsize=None)\ndef cached_list(q):\n    return [q]\n@functools.cache\ndef cached_name(q):\n    return a",
        "print(made_of.store, made_of(1), cached_list(1), cached_list.cache_info().misses, cached_name(1) is a)",
        (
            "L1 = made_of(K1)",
            "made_of(K1).append(K2)",
            "made_of.store.clear()",
            "N1 = len(made_of.store)",
            "made_of.store[K1] = L1",
            "made_of = memo(lambda q: L1)",
            "L1 = cached_list(K1)",
            "cached_list(K1).append(K2)",
            "cached_list.cache_clear()",
            "N1 = cached_list.cache_info().hits",
            "cached_name(K1).append(K2)",
            "L1 = cached_name(K1)",
            "cached_name.cache_clear()",
            "L1 = cached_list.__wrapped__(K1)",
        ),
    ),
    Thing(
        _TABLE,
        "print({name: fn() for name, fn in table_of.items()})",
        (
            "@registered\ndef one(): return L1",
            "L1 = table_of['one']() if 'one' in table_of else L2",
            "L1 = table_of['first']()",
            "table_of['first'] = F1",
            "table_of.pop('one', None)",
            "L1 = [fn() for fn in table_of.values()]",
            "registered(lambda: L1)",
            "L1 = sorted(table_of)",
            "@registered\ndef first(): return L1[:]",
            "table_of['first']().append(K1)",
            "D1.update({name: fn() for name, fn in table_of.items()})",
        ),
    ),
    Thing(
        "def remember(q, kept=[]):\n    kept.append(q)\n    return kept\ndef noted(*, into={}):\n    into[len(into)] = n\n    return [into]",
        "print(remember(0), noted())",
        (
            "L1 = remember(K1)",
            "remember(K1)",
            "remember(K1, L1)",
            "L1 = remember.__defaults__[0]",
            "remember.__defaults__ = (L1,)",
            "noted()",
            "L1 = noted()",
            "noted.__kwdefaults__['into'] = {}",
            "noted.__kwdefaults__['into'].clear()",
            "remember.note = L1",
            "L1 = vars(remember).get('note', L2)",
            "F1 = functools.partial(remember, K1)",
            "remember.__globals__['L1'] = [K1]",
            "remember.__globals__['L1'].append(K1)",
        ),
    ),
    Thing(
        "kept_error = KeyError(a)\nclass Trouble(Exception):\n    def __init__(self, items, note):\n        super().__init__(note)\n        self.items = items",
        "print(repr(kept_error), kept_error.args, repr(kept_error.__cause__), getattr(kept_error, '__notes__', []))",
        (
            "try:\n    raise KeyError(L1)\nexcept KeyError as problem:\n    kept_error = problem",
            "L1 = kept_error.args[0] if isinstance(kept_error.args[0], list) else L2",
            "if isinstance(kept_error.args[0], list): kept_error.args[0].append(K1)",
            "kept_error = ValueError(L1)",
            "try:\n    raise kept_error\nexcept Exception as again:\n    L1 = list(again.args)",
            "try:\n    try:\n        raise KeyError(L1)\n    except KeyError as inner:\n        raise ValueError(K1) from inner\nexcept ValueError as outer:\n    kept_error = outer",
            "L1 = kept_error.__cause__.args[0] if kept_error.__cause__ else L2",
            "kept_error.add_note('noted')",
            "kept_error = Trouble(L1, 'why')",
            "L1 = getattr(kept_error, 'items', L2)",
            "try:\n    raise Trouble(L1, 'how')\nexcept Trouble as trouble:\n    trouble.items.append(K1)\n    kept_error = trouble",
            "if not isinstance(kept_error, ExceptionGroup): kept_error.args = (L1, K1)",
            "kept_error = ExceptionGroup('several', [ValueError(L1), kept_error])",
        ),
    ),
    Thing(
        "kept_stack = contextlib.ExitStack()\n@contextlib.contextmanager\ndef noting(into):\n    into.append('in')\n    try:\n        yield into\n    finally:\n        into.append('out')",
        "kept_stack.close()\nprint(a, b, c, d)",
        (
            "kept_stack.callback(L1.append, K1)",
            "kept_stack.close()",
            "with noting(L1) as q: q.append(K1)",
            "with noting(L1), noting(L2) as L3: pass",
            "kept_stack.push(lambda *_: L1.append(K1))",
            "with kept_stack: L1.append(K1)",
            "with contextlib.ExitStack() as q:\n    q.callback(L1.append, K1)\n    kept_stack = q.pop_all()",
            "@noting(L1)\ndef F1(): return L2",
            "try:\n    with noting(L1): raise KeyError\nexcept KeyError:\n    L2 = L1",
            "with contextlib.suppress(ZeroDivisionError), noting(L1): 1 / 0",
        ),
    ),
    Thing(
        "@functools.singledispatch\ndef shown_as(q):\n    return a\nclass Shower:\n    @functools.singledispatchmethod\n    def show(self, q):\n        return b\n    @show.register\n    def _(self, q: str):\n        return c",
        "print(shown_as(1), shown_as([]), Shower().show(1), Shower().show(''), len(shown_as.registry))",
        (
            "@shown_as.register\ndef _(q: list): return L1",
            "shown_as.register(int, lambda q: L1)",
            "L1 = shown_as(K1)",
            "L1 = shown_as(L2)",
            "shown_as(K1).append(K2)",
            "L1 = shown_as.dispatch(int)(K1)",
            "L1 = Shower().show(K1)",
            "Shower().show('x').append(K1)",
            "F1 = functools.partial(shown_as, K1)",
            "@shown_as.register(int)\n@shown_as.register(str)\ndef _(q):\n    L1.append(K1)\n    return L2",
        ),
    ),
    Thing(
        "import weakref\nweak = weakref.WeakValueDictionary(o=o)\npointing = weakref.ref(p)",
        "print([q.items for q in weak.values()], pointing() is p, pointing() is o)",
        (
            "weak['o'] = O1",
            "L1 = weak['o'].items if 'o' in weak else L2",
            "pointing = weakref.ref(O1)",
            "L1 = pointing().items if pointing() else L2",
            "if pointing(): pointing().add(K1)",
            "weak.pop('o', None)",
            "O1.other = weakref.proxy(O2).items",
            "for q in list(weak.values()): q.items = L1",
        ),
    ),
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
