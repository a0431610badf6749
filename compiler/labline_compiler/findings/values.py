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
)
