"""LL1xx: rules on cells, their tags, and metadata."""

from __future__ import annotations

from labline_compiler.findings.model import Rule

TITLE = "Cells, tags and metadata"

RULES = (
    Rule(
        "LL101",
        "syntax error",
        "error",
        "The cell is not valid Python, so it could not run in the notebook either.",
        "Correct the line named, or tag the cell `skip`.",
        bad="""\
# %%
if x > 1
    print(x)
""",
        good="""\
# %%
x = 2
if x > 1:
    print(x)
""",
    ),
    Rule(
        "LL102",
        "malformed tag",
        "error",
        "The tag starts like one of Labline's but does not go on as it should.",
        "Write it as the message shows.",
        bad="""\
# %% tags=["step:load", "cache:off"]
x = 1
""",
        good="""\
# %% tags=["step:load", "cache:disabled"]
x = 1
""",
    ),
    Rule(
        "LL103",
        "bad step name",
        "error",
        "A step's name becomes a file name, a component and a Python name: it must be a Python identifier in "
        "ASCII, no keyword, "
        "and at most 63 characters long.",
        "Use letters, digits and underscores, such as `step:load_data`.",
        bad="""\
# %% tags=["step:load-data"]
x = 1
""",
        good="""\
# %% tags=["step:load_data"]
x = 1
""",
    ),
    Rule(
        "LL104",
        "unknown step in prev",
        "error",
        "A `prev:` tag names a step that no cell has.",
        "Correct the name, or tag the cell that should come first.",
        bad="""\
# %% tags=["step:load"]
x = 1
# %% tags=["step:report", "prev:laod"]
print("done")
""",
        good="""\
# %% tags=["step:load"]
x = 1
# %% tags=["step:report", "prev:load"]
print("done")
""",
    ),
    Rule(
        "LL105",
        "several roles for one cell",
        "error",
        "A cell can be part of one step only, or have one of the special roles.",
        "Keep one of the tags; split the cell if both are meant.",
        bad="""\
# %% tags=["step:load", "step:clean"]
x = 1
""",
        good="""\
# %% tags=["step:load"]
x = 1
# %% tags=["step:clean"]
x = x + 1
""",
    ),
    Rule(
        "LL106",
        "cycle of steps",
        "error",
        "Each of these steps would have to wait for the next, so none could start.",
        "Remove one of the `prev:` tags named.",
        bad="""\
# %% tags=["step:load", "prev:load"]
x = 1
""",
        good="""\
# %% tags=["step:load"]
x = 1
""",
    ),
    Rule(
        "LL107",
        "contradicting options",
        "error",
        "Two cells of one step, or two tags of one cell, ask for different values of the same option.",
        "Keep one of the tags.",
        bad="""\
# %% tags=["step:load", "limit:cpu:1"]
x = 1
# %% tags=["step:load", "limit:cpu:2"]
y = 2
""",
        good="""\
# %% tags=["step:load", "limit:cpu:2"]
x = 1
# %%
y = 2
""",
    ),
    Rule(
        "LL108",
        "malformed metadata",
        "error",
        "The notebook's metadata under `labline` or `kubeflow_notebook`, or a cell's tags, cannot be understood.",
        "Correct the entry named in the notebook's metadata.",
    ),
    Rule(
        "LL109",
        "tag without effect",
        "warning",
        "The tag needs a step, or a kind of cell, that this cell does not have, or the option needs another one beside "
        "it, so it changes nothing.",
        "Move the tag to a cell of the step that it is meant for, or remove it; give a step that says how it is tried "
        "again `retries`.",
        bad="""\
# %% tags=["imports", "limit:memory:2Gi"]
import json
# %% tags=["step:load"]
x = json.loads("1")
""",
        good="""\
# %% tags=["imports"]
import json
# %% tags=["step:load", "limit:memory:2Gi"]
x = json.loads("1")
""",
    ),
    Rule(
        "LL110",
        "parameter defined twice",
        "error",
        "A pipeline parameter has one default. Two cells give it different ones, and the steps between them "
        "would see the first.",
        "Keep one of the assignments; give the other value another name. Notebooks in this one take the value of a "
        "parameter that this one defines above them.",
        bad="""\
# %% tags=["parameters"]
depth = 3
# %% tags=["parameters"]
depth = 5
# %% tags=["step:train"]
print(depth)
""",
        good="""\
# %% tags=["parameters"]
depth = 3
# %% tags=["step:train"]
print(depth)
""",
    ),
    Rule(
        "LL111",
        "preamble cell runs once",
        "info",
        "Cells tagged `imports` or `functions` run at the start of every step. This one cannot: it needs a value "
        "of the cells above it, "
        "changes what other cells see, or gives something else each time. It runs once, with the step above it, "
        "which keeps the notebook's meaning.",
        "Leave in such cells only imports, definitions and constants.",
        bad="""\
# %% tags=["imports"]
import time
started = time.time()
# %% tags=["step:load"]
print(started)
""",
        good="""\
# %% tags=["imports"]
import time
# %% tags=["step:load"]
started = time.time()
print(started)
""",
    ),
    Rule(
        "LL112",
        "steps differ in case only",
        "error",
        "File systems and clusters may take the two names for one.",
        "Rename one of the steps.",
        bad="""\
# %% tags=["step:train"]
x = 1
# %% tags=["step:Train"]
y = 2
""",
        good="""\
# %% tags=["step:train"]
x = 1
# %% tags=["step:train_again"]
y = 2
""",
    ),
    Rule(
        "LL113",
        "notebook that cannot be put in its place",
        "error",
        "The cell stands for another notebook (`notebook:NAME`), whose steps cannot become part of this pipeline: it "
        "is not there, lies outside this notebook's folder, cannot be read, leads back to this one, has steps of the "
        "same name, or the cell holds code of its own, which would not run.",
        "Name the other notebook in the cell as `%run PATH.ipynb`, in its metadata as `notebook_path`, or by its "
        "file's name; move code to a cell of its own.",
    ),
    Rule(
        "LL114",
        "option of Kale left out",
        "warning",
        "Kale's metadata asks for something that Labline does not do: a volume of another kind than an existing claim "
        "(`pvc`, with a mount point that starts with a slash), a snapshot, a search by Katib, an option that it does "
        "not know. Steps that count on it will not find it.",
        "Remove the entry where it is not needed. Limits, retries and timeouts can be given under `labline` in the "
        "notebook's metadata.",
    ),
    Rule(
        "LL120",
        "unknown parameter",
        "error",
        "The run sets a parameter that the notebook does not define.",
        "Define it in a cell tagged `pipeline-parameters`, or correct the name.",
    ),
    Rule(
        "LL121",
        "parameter value does not fit",
        "error",
        "The value given for a parameter is not a literal of the parameter's type.",
        "Give a value of the type that the default has.",
    ),
)
