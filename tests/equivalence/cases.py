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
}
