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
        "Pass `random_state=`, or draw from a generator of the step's own, such as `numpy.random.default_rng(seed)`.",
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
        "Options of libraries, the environment and the working directory hold for everything after them, so all "
        "later steps wait for this one.",
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
        "module changed",
        "warning",
        "The cell changes an attribute of a module. Modules are imported anew in every step, so later steps do "
        "not see the change.",
        "Move the change to a cell tagged `imports` or `functions`, which runs at the start of every step.",
        bad="""\
# %% tags=["step:load"]
import helper
helper.limit = 3
""",
        good="""\
# %% tags=["imports"]
import helper
helper.limit = 3
# %% tags=["step:load"]
print(helper.limit)
""",
    ),
    Rule(
        "LL304",
        "IPython set up in a step",
        "warning",
        "Extensions and settings of IPython hold in the process that runs the cell. Other steps run in processes "
        "of their own.",
        "Move the line to a cell tagged `imports`, which runs at the start of every step.",
        bad="""\
# %% tags=["step:load"]
%load_ext autoreload
x = 1
""",
        good="""\
# %% tags=["imports"]
%load_ext autoreload
# %% tags=["step:load"]
x = 1
""",
    ),
    Rule(
        "LL305",
        "output history",
        "warning",
        "`_`, `Out` and `In` hold what was run before. In a step they know the cells of that step only.",
        "Give the value a name in the cell that computes it.",
        bad="""\
# %% tags=["step:load"]
3 * 4
print(_)
""",
        good="""\
# %% tags=["step:load"]
product = 3 * 4
print(product)
""",
    ),
)
