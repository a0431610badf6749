"""LL3xx: rules on what a program depends on without naming it."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Hidden state"

RULES = (
    Rule(
        "LL301",
        "steps share a random generator",
        "info",
        "To draw the numbers that the notebook draws, the step has to wait for the earlier one and take over its "
        "generator's state.",
        "Pass `random_state=`, or draw from a generator of the step's own, such as `numpy.random.default_rng(seed)`. "
        'Where other numbers do as well, put `"parallel_random": true` under `labline` in the notebook\'s metadata.',
        bad="""\
# %% tags=["imports"]
import random
# %% tags=["step:seed"]
random.seed(1)
# %% tags=["step:first"]
a = random.random()
# %% tags=["step:second"]
b = random.random()
""",
        good="""\
# %% tags=["imports"]
import random
# %% tags=["step:first"]
a = random.Random(1).random()
# %% tags=["step:second"]
b = random.Random(2).random()
""",
    ),
    Rule(
        "LL302",
        "option set in the middle",
        "info",
        "Options of libraries, attributes put into modules, the environment and the working directory hold for "
        "everything after them, so all later steps wait for this one.",
        "Set options in a cell tagged `imports`, which runs at the start of every step.",
        bad="""\
# %% tags=["step:load"]
import os
os.environ["MODE"] = "fast"
# %% tags=["step:report"]
print(1)
""",
        good="""\
# %% tags=["imports"]
import os
os.environ["MODE"] = "fast"
# %% tags=["step:report"]
print(1)
""",
    ),
    Rule(
        "LL303",
        "effect ends with the step",
        "warning",
        "What the cell sets up holds in the process that runs it. Other steps run in processes of their own, and this "
        "cannot be handed on to them. (Known calls with nothing in them but literals and what imports bind, such as "
        "`tqdm.pandas()` or `nest_asyncio.apply()` at the top level of a cell, are made again at the start of later "
        "steps.)",
        "Move the call to a cell tagged `imports` or `functions`, which runs at the start of every step.",
        bad="""\
# %% tags=["step:load"]
import codecs
codecs.register_error("ask", lambda error: ("?", error.end))
""",
        good="""\
# %% tags=["imports"]
import codecs
codecs.register_error("ask", lambda error: ("?", error.end))
# %% tags=["step:load"]
x = 1
""",
    ),
    Rule(
        "LL304",
        "IPython set up in a step",
        "warning",
        "Hooks that the notebook gives IPython hold in the process that runs the cell. Other steps run in processes of "
        "their own. (Magics of the notebook's own, functions that show values of a type, extensions, `%precision`, "
        "`%config` of IPython's shell and the like are handed on.)",
        "Move the line to a cell tagged `imports`, which runs at the start of every step.",
        bad="""\
# %% tags=["step:load"]
get_ipython().events.register("pre_execute", print)
""",
        good="""\
# %% tags=["imports"]
get_ipython().events.register("pre_execute", print)
# %% tags=["step:load"]
x = 1
""",
    ),
    Rule(
        "LL305",
        "history of another step",
        "error",
        "A step runs its own cells only, so `In`, `_i`, `%rerun` and the like do not find those of other steps. (What "
        "cells gave does go from step to step: `_`, `_3` and `Out[3]` are what they are in the notebook, unless "
        "IPython is told to show more than the last expression of a cell.)",
        "Write the code out, or give the value a name in the cell that computes it.",
        bad="""\
# %% tags=["step:load"]
rows = [1, 2]
# %% tags=["step:report"]
print(In[1])
""",
        good="""\
# %% tags=["step:load"]
rows = [1, 2]
# %% tags=["step:report"]
print("rows = [1, 2]")
""",
    ),
    Rule(
        "LL306",
        "IPython's store",
        "warning",
        "`%store` keeps values beside IPython's profile. A step has a profile of its own, which ends with it.",
        "Use the variable itself, which later steps get, or write a file.",
        bad="""\
# %% tags=["step:load"]
rows = [1, 2]
%store rows
""",
        good="""\
# %% tags=["step:load"]
rows = [1, 2]
# %% tags=["step:report"]
print(rows)
""",
    ),
    Rule(
        "LL307",
        "names or cells are listed",
        "warning",
        "A step has the names that it needs and the cells that it runs, not all that the notebook has at that point, "
        "so what `dir()`, `__annotations__`, `%who` and `%history` list is shorter, and `%xdel` finds fewer names.",
        "Remove the line, or tag its cell `skip`.",
        bad="""\
# %% tags=["step:load"]
rows = [1, 2]
# %% tags=["step:report"]
%whos
""",
        good="""\
# %% tags=["step:load"]
rows = [1, 2]
""",
    ),
    Rule(
        "LL308",
        "work goes on behind a step",
        "warning",
        "The step starts a thread, a task or a program and does not wait for it. In the notebook it goes on while "
        "later cells run; a step's process ends with its cells and takes it along, and what it changes in variables "
        "after that is not handed on.",
        "Wait for it in the step (`join`, `wait`, `await`), or put the cells that need it into the same step.",
        bad="""\
# %% tags=["step:load"]
import subprocess
server = subprocess.Popen(["python", "-m", "http.server", "8001"])
# %% tags=["step:report"]
print(1)
""",
        good="""\
# %% tags=["step:load"]
import subprocess
program = subprocess.Popen(["make", "data"])
program.wait()
# %% tags=["step:report"]
print(1)
""",
    ),
    Rule(
        "LL309",
        "figures stay open",
        "info",
        "The notebook's plots are not shown and closed at the end of their cell, as IPython's inline backend does. "
        "What is drawn later may go on a figure that is open, so steps that plot run in the notebook's order.",
        'Use `%matplotlib inline`, or close figures with `plt.close("all")` where they are done.',
        bad="""\
# %% tags=["imports"]
import matplotlib.pyplot as plt
plt.switch_backend("agg")
# %% tags=["step:first"]
plt.plot([1, 2])
# %% tags=["step:second"]
plt.plot([2, 1])
""",
        good="""\
# %% tags=["imports"]
import matplotlib.pyplot as plt
# %% tags=["step:first"]
plt.plot([1, 2])
# %% tags=["step:second"]
plt.plot([2, 1])
""",
    ),
    Rule(
        "LL310",
        "random numbers of the step's own",
        "info",
        "The notebook's metadata asks for `parallel_random`: a step draws from generators that are derived from the "
        "seed and the step's name. Every run draws the same numbers, but not those of the notebook.",
        "Remove `parallel_random` from the notebook's metadata to get the notebook's numbers.",
    ),
)
