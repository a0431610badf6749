"""Names bound, shadowed and unbound."""

CASES = {
    "a_name_bound_in_one_branch_only": """
x = "old"
flag = False
---
if flag:
    x = "new"
---
print(x)
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
    "an_import_in_a_step_used_by_a_later_one": """
import math as m
from collections import Counter
---
counts = Counter("abca")
print(m.floor(2.5), counts.most_common(1))
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
    "a_star_import": """
from math import *
---
area = pi * 2
---
print(round(area, 3), floor(area))
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
}
