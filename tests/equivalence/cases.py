"""Small notebooks that a naive split into steps gets wrong. ``---`` separates steps; the last one prints what matters.

A line ``# tags: ...`` at the head of a part gives it tags of its own instead of a step's.
"""

CASES = {
    "an_alias_sees_a_later_change": """
a = [1, 2]
b = a
---
a.append(3)
---
print(b, a is b)
""",
    "an_alias_inside_a_container_sees_a_later_change": """
row = [1]
table = {"row": row}
---
row.append(2)
---
print(table, table["row"] is row)
""",
    "a_function_that_alters_a_global": """
seen = []
def note(x):
    seen.append(x)
---
note(1)
---
note(2)
print(seen)
""",
    "a_function_reads_a_global_that_is_rebound_later": """
rate = 2
def price(x):
    return x * rate
---
rate = 3
---
print(price(10))
""",
    "a_global_declared_in_a_function_is_rebound": """
count = 0
def bump():
    global count
    count += 1
---
bump()
---
bump()
print(count)
""",
    "a_name_bound_in_one_branch_only": """
x = "old"
flag = False
---
if flag:
    x = "new"
---
print(x)
""",
    "a_name_shadowed_by_a_comprehension": """
x = 1
---
squares = [x * x for x in range(3)]
---
print(x, squares)
""",
    "a_loop_variable_outlives_its_loop": """
for i in range(4):
    pass
---
print(i)
""",
    "a_parameter_rebound_in_a_step": """
# tags: parameters
n = 2
---
n = n + 1
---
print(n)
""",
    "code_in_the_parameters_cell_follows_the_parameters": """
# tags: parameters
a = 2
b = a * 10
---
print(a, b)
""",
    "augmented_assignment_through_an_alias": """
import numpy as np
v = np.zeros(3)
w = v
---
v += 1
---
print(w.tolist())
""",
    "a_numpy_view_sees_a_later_change": """
import numpy as np
base = np.arange(6)
view = base[2:4]
---
base[2] = 99
---
print(view.tolist(), np.shares_memory(view, base))
""",
    "a_frame_altered_in_place": """
import pandas as pd
df = pd.DataFrame({"a": [1, 2, 3]})
---
df["b"] = df["a"] * 2
---
df.drop(columns="a", inplace=True)
---
print(df.to_dict())
""",
    "two_branches_alter_one_object": """
items = []
---
items.append("first")
---
items.append("second")
---
print(items)
""",
    "a_class_defined_in_one_step_and_used_in_others": """
class Point:
    scale = 2
    def __init__(self, x):
        self.x = x
    def scaled(self):
        return self.x * self.scale
---
p = Point(3)
---
print(isinstance(p, Point), type(p) is Point, p.scaled())
""",
    "a_class_attribute_changed_later": """
class Config:
    depth = 1
c = Config()
---
Config.depth = 5
---
print(c.depth, Config.depth)
""",
    "enum_members_stay_the_same_object": """
import enum
class Colour(enum.Enum):
    RED = 1
    BLUE = 2
favourite = Colour.RED
---
print(favourite is Colour.RED, Colour(2) is Colour.BLUE)
""",
    "a_dataclass_and_its_instances": """
from dataclasses import dataclass, field
@dataclass
class Box:
    items: list = field(default_factory=list)
b = Box()
---
b.items.append(1)
---
print(b, b == Box([1]))
""",
    "a_closure_keeps_its_state": """
def counter():
    n = 0
    def step():
        nonlocal n
        n += 1
        return n
    return step
tick = counter()
---
tick()
---
print(tick())
""",
    "a_lambda_over_a_global": """
k = 3
f = lambda x: x + k
---
k = 10
---
print(f(1))
""",
    "a_mutable_default_remembers": """
def remember(x, seen=[]):
    seen.append(x)
    return list(seen)
---
remember(1)
---
print(remember(2))
""",
    "a_cached_function": """
from functools import lru_cache
@lru_cache
def square(x):
    return x * x
---
square(3)
---
print(square(4))
""",
    "a_partial_of_a_notebook_function": """
from functools import partial
offset = 1
def add(a, b):
    return a + b + offset
add_two = partial(add, 2)
---
offset = 100
---
print(add_two(3))
""",
    "a_subclass_of_a_class_from_another_step": """
class Base:
    def name(self):
        return "base"
---
class Child(Base):
    def name(self):
        return "child of " + super().name()
---
c = Child()
print(c.name(), isinstance(c, Base), issubclass(Child, Base))
""",
    "an_import_in_a_step_used_by_a_later_one": """
import math as m
from collections import Counter
---
counts = Counter("abca")
print(m.floor(2.5), counts.most_common(1))
""",
    "python_random_seeded_once": """
import random
random.seed(7)
---
a = random.random()
---
b = random.random()
---
print(a, b)
""",
    "numpy_random_seeded_once": """
import numpy as np
np.random.seed(7)
---
a = np.random.rand(2)
---
b = np.random.rand(2)
---
print(a.tolist(), b.tolist())
""",
    "a_generator_of_random_numbers_is_a_value": """
import numpy as np
rng = np.random.default_rng(7)
---
a = rng.normal(size=2)
---
b = rng.normal(size=2)
---
print(a.tolist(), b.tolist())
""",
    "a_split_without_random_state": """
import numpy as np
from sklearn.model_selection import train_test_split
np.random.seed(0)
X = np.arange(20)
---
train, test = train_test_split(X)
---
again, _ = train_test_split(X)
---
print(train.tolist(), again.tolist())
""",
    "environment_variables": """
import os
os.environ["FLAVOUR"] = "vanilla"
---
print(os.environ["FLAVOUR"])
""",
    "pandas_options": """
import pandas as pd
pd.set_option("display.max_rows", 7)
---
print(pd.get_option("display.max_rows"))
""",
    "numpy_print_options": """
import numpy as np
np.set_printoptions(precision=2)
---
print(np.array([1 / 3]))
""",
    "a_deleted_name_is_gone": """
x = 1
y = 2
---
del x
---
try:
    print(x)
except NameError:
    print("gone", y)
""",
    "except_unbinds_its_name": """
error = "kept"
---
try:
    1 / 0
except ZeroDivisionError as error:
    caught = str(error)
---
print(caught, "error" in globals())
""",
    "match_captures": """
command = ("go", 3)
---
match command:
    case (verb, count):
        pass
---
print(verb, count)
""",
    "a_walrus_in_a_comprehension_binds_outside": """
values = [1, 2, 3]
---
doubled = [last := v * 2 for v in values]
---
print(doubled, last)
""",
    "with_as_and_unpacking": """
import contextlib
with contextlib.nullcontext((1, [2, 3])) as pair:
    first, (second, *rest) = pair
---
print(pair, first, second, rest)
""",
    "top_level_await": """
import asyncio
async def fetch(x):
    await asyncio.sleep(0)
    return x * 2
---
result = await fetch(21)
---
print(result)
""",
    "a_fitted_estimator_and_its_scaler": """
import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.preprocessing import StandardScaler
X = np.arange(10.0).reshape(-1, 1)
y = X.ravel() * 2
---
scaler = StandardScaler()
scaler.fit(X)
---
model = LinearRegression().fit(scaler.transform(X), y)
---
print(model.predict(scaler.transform([[3.0]])).round(6).tolist())
""",
    "a_type_changes_between_steps": """
x = [3, 1, 2]
---
x = tuple(sorted(x))
---
x = {k: v for k, v in enumerate(x)}
---
print(x)
""",
    "a_self_referring_structure": """
node = {"name": "a"}
node["self"] = node
---
node["name"] = "b"
---
print(node["self"]["self"]["name"], node["self"] is node)
""",
    "a_function_calls_a_function_defined_later": """
def outer(x):
    return inner(x) + 1
---
def inner(x):
    return x * 10
---
print(outer(2))
""",
    "setattr_on_an_object_from_a_list": """
class Thing:
    size = 1
things = [Thing(), Thing()]
---
for thing in things:
    thing.size = 5
---
print([t.size for t in things])
""",
    "a_decorator_from_another_step": """
calls = []
def logged(f):
    def wrapper(*args):
        calls.append(f.__name__)
        return f(*args)
    return wrapper
---
@logged
def double(x):
    return 2 * x
---
print(double(4), calls)
""",
    "an_iterator_goes_on_where_it_stopped": """
numbers = iter([1, 2, 3, 4])
---
first = next(numbers)
---
print(first, list(numbers))
""",
    "shell_output_in_a_variable": """
word = "hello"
---
lines = !echo {word} world
---
print(list(lines))
""",
    "the_working_directory": """
%cd -q ..
---
import os
print(os.path.basename(os.getcwd()))
""",
    "a_file_written_by_an_earlier_step": """
with open("note.txt", "w") as f:
    f.write("from the first step")
---
print(open("note.txt").read())
""",
    "a_class_that_counts_its_instances": """
class Account:
    opened = 0
    def __init__(self, owner):
        self.owner = owner
        self.log = []
        Account.opened += 1
    def pay(self, n):
        self.log.append(n)
        return self
a = Account("ann")
---
b = Account("bob")
b.pay(3).pay(4)
---
a.pay(1)
print(Account.opened, a.log, b.log)
""",
    "a_property_that_keeps_a_history": """
class T:
    def __init__(self):
        self._v = 1
        self.history = []
    @property
    def v(self):
        return self._v
    @v.setter
    def v(self, new):
        self.history.append(self._v)
        self._v = new
t = T()
h = t.history
---
t.v = 7
---
print(t.v, h, h is t.history)
""",
    "a_leaf_of_nested_containers": """
tree = {"a": [{"b": (1, [2])}]}
leaf = tree["a"][0]["b"][1]
---
leaf.append(3)
---
print(tree)
""",
    "a_group_by_made_before_the_frame_was_altered": """
import pandas as pd
df = pd.DataFrame({"k": list("abab"), "v": [1, 2, 3, 4]})
groups = df.groupby("k")
---
df.loc[df["k"] == "a", "v"] = 10
---
df["m"] = df.groupby("k")["v"].transform("mean")
---
print(df.to_dict("list"), groups["v"].sum().to_dict())
""",
    "an_estimator_inside_a_pipeline": """
import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.linear_model import LinearRegression
X = np.arange(8.0).reshape(-1, 1); y = X.ravel() * 3
scaler = StandardScaler()
pipe = Pipeline([("scale", scaler), ("fit", LinearRegression())])
---
pipe.fit(X, y)
---
print(scaler.mean_.tolist(), pipe.named_steps["scale"] is scaler, pipe.predict([[2.0]]).round(3).tolist())
""",
    "matplotlib_parameters": """
import matplotlib
matplotlib.use("agg")
import matplotlib.pyplot as plt
plt.rcParams["figure.figsize"] = (3, 2)
---
fig, ax = plt.subplots()
---
print(fig.get_size_inches().tolist(), plt.rcParams["figure.figsize"])
""",
    "a_function_of_globals_that_are_bound_later": """
def total():
    return sum(values)
---
values = [1, 2]
---
a = total()
values = [5]
---
print(a, total())
""",
    "try_and_finally": """
state = []
ok = False
---
try:
    state.append("try")
    raise ValueError("x")
except ValueError as e:
    message = str(e)
finally:
    state.append("finally")
    ok = True
---
print(state, ok, message)
""",
    "a_star_import": """
from math import *
---
area = pi * 2
---
print(round(area, 3), floor(area))
""",
    "a_decorator_with_arguments_fills_a_registry": """
registry = {}
def register(name):
    def wrap(f):
        registry[name] = f
        return f
    return wrap
---
@register("one")
def one():
    return 1
---
@register("two")
def two():
    return one() + 1
---
print(sorted(registry), registry["two"](), registry["one"] is one)
""",
    "inheritance_over_three_steps": """
class A:
    items = []
    def add(self, x):
        self.items.append(x)
---
class B(A):
    def add(self, x):
        super().add(x * 2)
---
class C(B):
    def add(self, x):
        super().add(x + 1)
C().add(3)
---
print(A.items, B.items is A.items, [k.__name__ for k in C.__mro__])
""",
    "reading_a_default_dict_makes_a_key": """
from collections import defaultdict
groups = defaultdict(list)
---
n = len(groups["new"])
---
print(dict(groups), n)
""",
    "a_slice_of_a_list_and_a_view_of_an_array": """
import numpy as np
rows = [[1], [2], [3]]
part = rows[1:]
arr = np.arange(4)
tail = arr[2:]
---
part[0].append(9)
part.append([4])
tail[0] = 50
---
print(rows, part, arr.tolist())
""",
    "functions_kept_in_a_dict": """
total = 0
def add(x):
    global total
    total += x
ops = {"add": add}
---
ops["add"](4)
---
ops["add"](5)
print(total)
""",
    "a_conditional_import": """
try:
    import no_such_module as fast
except ImportError:
    import json as fast
---
text = fast.dumps({"a": 1})
---
print(text, fast.__name__)
""",
    "deleted_and_bound_again": """
x = [1]
y = x
---
del x
x = [2]
---
y.append(3)
---
print(x, y)
""",
    "deleted_in_a_branch": """
x = 1
flag = True
---
if flag:
    del x
---
try:
    print(x)
except NameError:
    print("gone")
""",
    "deleted_in_a_branch_not_taken": """
x = 1
flag = False
---
if flag:
    del x
---
try:
    print(x)
except NameError:
    print("gone")
""",
    "a_global_deleted_in_a_function": """
tmp = 1
def clean():
    global tmp
    del tmp
---
clean()
---
print("tmp" in dir())
""",
    "a_global_in_an_f_string": """
name = "ann"
def hello():
    return f"hello {name!r:>8} {len(name)}"
---
name = "robert"
---
print(hello())
""",
    "an_attribute_of_an_object_of_an_object": """
class Node:
    def __init__(self):
        self.child = None
        self.v = 0
def make():
    n = Node()
    n.child = Node()
    return n
root = make()
kid = root.child
---
root.child.v = 5
---
print(kid.v, kid is root.child)
""",
    "two_closures_over_one_object": """
def recorder():
    seen = []
    def add(x):
        seen.append(x)
    def show():
        return list(seen)
    return add, show
add, show = recorder()
---
add(1)
---
add(2)
---
print(show())
""",
    "zip_and_enumerate_go_on": """
pairs = zip([1, 2, 3], "abc")
count = enumerate("xyz", 5)
---
print(next(pairs), next(count))
---
print(list(pairs), list(count))
""",
    "a_base_class_that_lists_its_subclasses": """
class Base:
    subs = []
    def __init_subclass__(cls, **kw):
        Base.subs.append(cls.__name__)
---
class X(Base): pass
---
class Y(Base): pass
---
print(Base.subs)
""",
    "a_context_manager_that_keeps_a_log": """
import contextlib
log = []
@contextlib.contextmanager
def traced(n):
    log.append("start " + n)
    yield
    log.append("end " + n)
---
with traced("a"):
    pass
---
print(log)
""",
    "a_subscript_that_counts": """
class Lazy:
    def __init__(self): self.hits = 0
    def __getitem__(self, k):
        self.hits += 1
        return k
z = Lazy()
---
z[1]
---
print(z.hits)
""",
    "an_array_that_takes_the_result": """
import numpy as np
a = np.arange(3.)
b = np.zeros(3)
---
np.add(a, 1, b)
---
print(b.tolist())
""",
    "a_ufunc_at_places": """
import numpy as np
a = np.zeros(3)
---
np.add.at(a, [0, 0, 2], 1)
---
print(a.tolist())
""",
    "numpy_error_settings": """
import numpy as np
np.seterr(divide="raise")
---
try:
    np.array([1.0]) / 0
    print("no")
except FloatingPointError:
    print("raised")
""",
    "text_printed_into_a_buffer": """
import io
buf = io.StringIO()
---
print("hello", file=buf)
---
print(buf.getvalue())
""",
    "a_bound_method_with_a_name": """
bag = []
put = bag.append
---
put(1)
---
print(bag)
""",
    "a_lazy_map_of_a_bound_method": """
seen = []
m = map(seen.append, [1, 2])
---
list(m)
---
print(seen)
""",
    "a_trace_left_by_reduce": """
from functools import reduce
trace = []
def f(a, b):
    trace.append((a, b))
    return a + b
---
s = reduce(f, [1, 2, 3])
---
print(trace, s)
""",
    "a_callback_run_when_a_stack_closes": """
import contextlib
events = []
stack = contextlib.ExitStack()
stack.callback(events.append, "closed")
---
stack.close()
---
print(events)
""",
    "a_global_assigned_through_globals": """
x = 1
---
globals()["x"] = 8
---
print(x)
""",
    "two_closures_over_one_variable": """
def outer():
    n = 0
    def mid():
        def inner():
            nonlocal n
            n += 1
            return n
        return inner
    return mid(), lambda: n
inc, get = outer()
---
inc(); inc()
---
print(get())
""",
    "a_live_view_of_a_dict": """
d = {"a": 1}
keys = d.keys()
---
d["b"] = 2
---
print(sorted(keys))
""",
    "frames_that_share_memory_until_one_is_written": """
import pandas as pd
x = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0]})
y = x.assign(k=1)
z = x[:]
---
y.loc[0, "a"] = 9
z.loc[1, "a"] = 7
---
print(x["a"].tolist(), y["a"].tolist(), z["a"].tolist())
""",
    "a_masked_array_sees_what_is_written_into_its_data": """
import numpy as np
x = np.arange(4.0)
m = np.ma.masked_array(x, [0, 1, 0, 0], copy=False)
---
x[0] = 9
---
print(m.tolist(), np.shares_memory(m, x))
""",
}
