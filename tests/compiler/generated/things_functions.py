"""Functions that keep state: closures, caches, defaults, contexts, errors kept, and what is done with them."""

# ruff: noqa: E501 - one template, one line
from tests.compiler.generated.things import Thing

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

THINGS_FUNCTIONS = (
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
)
