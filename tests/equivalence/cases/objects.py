"""Objects that several names or containers share."""

CASES = {
    "an_array_and_its_memory": """
import numpy as np
x = np.arange(5000.0)
y, z = x[1:], x + 1
---
x[0] = 3
z.resize(6000, refcheck=False)
---
print(x.flags, y.flags, x.base is None, y.base is x, z[-1])
""",
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
    "a_name_shadowed_by_a_comprehension": """
x = 1
---
squares = [x * x for x in range(3)]
---
print(x, squares)
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
    "a_row_of_records_sees_a_later_change": """
import numpy as np
x = np.array([(1, 2.0), (3, 4.0)], dtype=[("a", int), ("b", float)])
row, rows = x[0], list(x.view(np.recarray))
---
x["a"] += 10
row["b"] = 7
rows[1].b = 8
---
print(row, rows, x)
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
    "an_iterator_goes_on_where_it_stopped": """
numbers = iter([1, 2, 3, 4])
---
first = next(numbers)
---
print(first, list(numbers))
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
    "zip_and_enumerate_go_on": """
pairs = zip([1, 2, 3], "abc")
count = enumerate("xyz", 5)
---
print(next(pairs), next(count))
---
print(list(pairs), list(count))
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
    "what_is_found_by_its_identity": """
class Node:
    def __init__(self, n):
        self.n = n
a, b = Node(1), Node(2)
names = {a: "a", b: "b"}
seen = [a]
done = {b}
---
names[3] = "c"
seen.append(3)
done.add(3)
---
print(names[a], names.get(b), a in seen, seen.index(a), done - {b}, b in done, Node(1) in names)
""",
    "what_is_found_by_the_identity_of_its_parts": """
class Node:
    def __init__(self, n):
        self.n = n
def first(): return 1
def second(): return 2
a, b = Node(1), Node(2)
MISSING = object()
edges, calls, found = {}, [first], [MISSING]
---
edges[a, b] = 3
edges[frozenset((a, b))] = 4
calls.append(second)
found.append(0)
---
print(calls.index(second))
print(edges[a, b], (b, a) in edges, edges[frozenset((b, a))], calls[0](), second in calls, found.index(MISSING))
""",
    "what_is_equal_by_the_identity_of_what_is_in_it": """
from dataclasses import dataclass
from types import SimpleNamespace
class Plain: pass
class Names:
    EMPTY = object()
@dataclass
class Box:
    inner: object
@dataclass(frozen=True)
class Edge:
    ends: tuple
plain, other, MISSING = Plain(), Plain(), object()
boxes, rows, weights, spaces, found = [], [], {}, [], []
---
boxes += [Box(plain), Box(MISSING)]
rows += [[plain], {"a": MISSING}]
weights[Edge((plain, other))] = 5
spaces.append(SimpleNamespace(a=MISSING))
found.append(Names.EMPTY)
---
print(Box(plain) in boxes, boxes[1] == Box(MISSING), Box(other) in boxes)
print([plain] in rows, rows == [[plain], {"a": MISSING}], rows.index({"a": MISSING}), [other] in rows)
print(weights.get(Edge((plain, other))), SimpleNamespace(a=MISSING) in spaces)
match found[0]:
    case Names.EMPTY:
        print("nothing")
    case _:
        print("something")
""",
    "a_class_that_names_what_it_inherits": """
class Base:
    __hash__ = object.__hash__
    def __eq__(self, other): return self is other
class Sub(Base):
    __eq__ = Base.__eq__
    __hash__ = Base.__hash__
    def __init__(self, n): self.n = n
a, b = Sub(1), Sub(1)
known = {a: 1}
---
known[b] = 2
---
print(known[a], known[b], a == b, Sub(1) in known)
""",
    "a_class_that_is_equal_by_identity_again": """
class Base:
    def __init__(self, n): self.n = n
    def __eq__(self, other): return isinstance(other, Base) and self.n == other.n
    def __hash__(self): return hash(self.n)
class Sub(Base):
    __hash__ = object.__hash__
    __eq__ = object.__eq__
a, b = Sub(1), Sub(1)
known = {a: 1}
---
known[b] = 2
---
print(known[a], known[b], a == b, Sub(1) in known)
""",
    "classes_that_say_what_they_are_equal_to_and_have_no_hash": """
from dataclasses import dataclass
@dataclass
class Base:
    n: int
@dataclass
class Sub(Base):
    m: int = 0
rows = [Sub(1), Base(1)]
---
rows.append(Sub(2, 3))
---
print(rows, Base(1) in rows, Sub(1) in rows, Sub.__hash__)
""",
    "an_array_mapped_from_a_file_and_its_views": """
import numpy as np
mapped = np.memmap("mapped.bin", dtype=float, mode="w+", shape=(3, 2))
row, plain = mapped[0], np.asarray(mapped)
---
mapped[0, 0] += 5
---
print(row.tolist(), plain.tolist(), type(row).__name__)
""",
    "a_row_of_a_masked_array_of_records": """
import numpy as np
x = np.ma.array([(1, 2.0), (3, 4.0)], dtype=[("a", int), ("b", float)], mask=[(0, 1), (0, 0)])
row = x[0]
---
x["a"][0] += 9
row["b"] = 7
---
print(row, x, type(row).__name__)
""",
}
