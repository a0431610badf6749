"""LL4xx: rules on what variables hold at step boundaries."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Values"

RULES = (
    Rule(
        "LL401",
        "value cannot be stored",
        "error",
        "A value that a later step needs holds something that cannot leave its process, such as an open file, a "
        "lock or a generator.",
        "Make it in the step that uses it, move the cells so that both are in one step, or hand on what it was "
        "made from.",
    ),
    Rule(
        "LL402",
        "step ran out of memory",
        "error",
        "The operating system ended the step's process because memory ran out or the step's limit was reached.",
        "Use less data at a time, let fewer steps run at once, or raise the `limit:memory:` tag.",
    ),
    Rule(
        "LL403",
        "step timed out",
        "error",
        "The step took longer than its `timeout` allows and was ended.",
        "Raise the step's timeout in the notebook's metadata, or make the step faster.",
    ),
    Rule(
        "LL404",
        "artifact damaged",
        "error",
        "A stored value is missing or no longer has the digest it was stored under.",
        "Run again: the damaged file has been taken away, so the step that makes the value runs anew. Where the "
        "message says that it is the artifact store's copy, run once without the cache.",
    ),
    Rule(
        "LL405",
        "value missing at the end of a step",
        "error",
        "A later step needs a name that the step was to bind, and when the step ended it was not bound.",
        "Assign the name on every path through the step's cells, or before them.",
    ),
    Rule(
        "LL406",
        "value cannot leave its step",
        "error",
        "A step needs what another step has made and what lives in one process: an open file, a connection to a "
        "database, a lock, a thread, a generator. What can be seen to be so is told before anything runs, as an error; "
        "what may be held by the object that is needed, as a warning; the rest (`LL401`) when the step ends.",
        "Make it in the step that uses it, move the cells so that both are in one step, or hand on what it was made "
        "from.",
        bad="""\
# %% tags=["imports"]
import sqlite3
# %% tags=["step:load"]
connection = sqlite3.connect("shop.db")
# %% tags=["step:report"]
print(connection.execute("select count(*) from orders").fetchall())
""",
        good="""\
# %% tags=["imports"]
import sqlite3
# %% tags=["step:report"]
connection = sqlite3.connect("shop.db")
print(connection.execute("select count(*) from orders").fetchall())
""",
    ),
    Rule(
        "LL408",
        "another object in each process",
        "warning",
        "A step takes numbers that `id()` gave in another step. An object that goes from step to step is made anew "
        "there, so its number is another one, and what is kept under the old one is not found. Likewise, parts of two "
        "values that came from earlier steps apart are never one object here (`a.index is b.index`), though libraries "
        "may have made them one; nor are parts of an index what they were (`levels[0] is first`, `is_`). And what was "
        "taken out of a module that is then rewritten and loaded anew "
        "(`importlib.reload`) is the old thing in the notebook, and the new one in later steps.",
        "Use a key of the objects' own, such as a name or an index, or keep both in one step.",
        bad="""\
# %% tags=["step:load"]
rows = [[1], [2]]
names = {id(row): "row" for row in rows}
# %% tags=["step:report"]
print([names[id(row)] for row in rows])
""",
        good="""\
# %% tags=["step:load"]
rows = [[1], [2]]
names = {place: "row" for place, row in enumerate(rows)}
# %% tags=["step:report"]
print([names[place] for place, row in enumerate(rows)])
""",
    ),
    Rule(
        "LL409",
        "left behind with the process",
        "warning",
        "A value goes to another step, but something that hangs on it does not: the traceback of an exception that was "
        "kept; the file of an array that is mapped from it and written through it; a temporary folder, which goes with "
        "its object when the step ends; weak references to an object, and `__del__` of one, that a later step ends.",
        "Do it in the step that makes the value, or hand on what is needed of it: the traceback as a text, the array "
        "written to the file, a file in the notebook's folder.",
        bad="""\
# %% tags=["imports"]
import traceback
# %% tags=["step:load"]
try:
    int("seven")
except ValueError as error:
    fault = error
# %% tags=["step:report"]
traceback.print_exception(fault)
""",
        good="""\
# %% tags=["imports"]
import traceback
# %% tags=["step:load"]
try:
    int("seven")
except ValueError:
    fault = traceback.format_exc()
# %% tags=["step:report"]
print(fault)
""",
    ),
    Rule(
        "LL410",
        "kept by a module, and lost",
        "warning",
        "A step reads what a module beside the notebook keeps (a variable, an attribute of a class, what a function "
        "holds on to) and what a step above has altered there. Each step imports the module anew. The plain data of a "
        "module go along with the step that calls into it, to steps that use the same module; but not those of other "
        "modules that it alters, nor what cannot be stored (functions, locks, connections, private attributes of "
        "classes), nor what methods of instances alter. So the notebook sees the change, and the pipeline does not. "
        "Caches, and what is only kept and never read again, are not told of.",
        "Keep it in a variable of the notebook and hand it to the function, do both in one step, or make the setting "
        "in a cell tagged `imports`, which runs at the start of every step.",
        bad="""\
# %% tags=["step:write"]
%%writefile settings.py
_rounding = round
def use(function):
    global _rounding
    _rounding = function
def price(amount):
    return _rounding(amount)
# %% tags=["step:set"]
import math
import settings
settings.use(math.floor)
# %% tags=["step:report"]
print(settings.price(2.7))
""",
        good="""\
# %% tags=["step:write"]
%%writefile settings.py
def price(amount, rounding=round):
    return rounding(amount)
# %% tags=["step:set"]
import math
rounding = math.floor
# %% tags=["step:report"]
import settings
print(settings.price(2.7, rounding))
""",
    ),
)
