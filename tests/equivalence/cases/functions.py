"""The notebook's functions, their globals and what they close over."""

CASES = {
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
    print("squared")
    return [x * x]
square(3).append("kept")
---
print(square(3), square(x=4))
---
print(square(3), square(4), square.cache_info())
square.cache_clear()
---
print(square(3))
""",
    "a_library_function_exchanged_and_put_back": """
import math
kept = math.sqrt
def doubled(x):
    return 2 * kept(x)
math.sqrt = doubled
---
print(math.sqrt(4))
---
math.sqrt = kept
---
print(math.sqrt(4), kept is math.sqrt)
""",
    "two_library_functions_exchanged": """
import math
math.sin, math.cos = math.cos, math.sin
---
print(math.sin(0), math.cos(0))
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
    "a_function_calls_a_function_defined_later": """
def outer(x):
    return inner(x) + 1
---
def inner(x):
    return x * 10
---
print(outer(2))
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
}
