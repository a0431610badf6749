"""Coded diagnostics: one rule, one entry. The docs page of all rules is generated from this table.

``python -m labline_compiler.findings`` prints the page.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True)
class Rule:
    """A kind of finding. ``explanation`` says why it matters and ``fix`` what to do, in the user's words."""

    code: str
    name: str
    severity: Severity
    explanation: str
    fix: str


@dataclass(frozen=True)
class Finding:
    """One rule broken at one place. ``line`` counts from 1 and ``column`` from 1 in the cell's source."""

    code: str
    severity: Severity
    message: str
    cell_index: int | None = None
    cell_id: str | None = None
    line: int | None = None
    column: int | None = None
    step: str | None = None
    fix: str | None = None


_RULES = (
    # The file
    Rule(
        "LL001",
        "notebook not found",
        "error",
        "There is no file at the path given.",
        "Check the path; it is taken from the current folder.",
    ),
    Rule(
        "LL002",
        "not a file",
        "error",
        "The path is a folder, or something else that cannot be read as a notebook.",
        "Name the .ipynb file itself, or a .py file in the percent format.",
    ),
    Rule(
        "LL003",
        "not JSON",
        "error",
        "An .ipynb file is JSON text in UTF-8, and this one is not.",
        "Open it in a text editor at the line named; a version control conflict often leaves marks there.",
    ),
    Rule(
        "LL004",
        "truncated notebook",
        "error",
        "The file ends in the middle: it was cut off while it was saved, copied or downloaded.",
        "Get the file again, or restore it from a checkpoint or from version control.",
    ),
    Rule(
        "LL005",
        "not a notebook",
        "error",
        "The file is JSON but not what Jupyter writes: a part that every notebook has is missing or of another type.",
        "Check that it is the right file; opening and saving it in JupyterLab repairs small damage.",
    ),
    Rule(
        "LL006",
        "unsupported notebook version",
        "error",
        "Labline reads version 4 of the notebook format, which Jupyter has written since 2015.",
        "Open the notebook in JupyterLab and save it, or run `jupyter nbconvert --to notebook`.",
    ),
    Rule(
        "LL007",
        "no code",
        "error",
        "The notebook has no code cell with code in it that is not skipped, so there is nothing to run.",
        "Add a code cell, or remove a `skip` tag.",
    ),
    Rule(
        "LL008",
        "not a Python notebook",
        "error",
        "The notebook's kernel speaks another language. Labline follows values through Python code.",
        "Choose a Python kernel for the notebook.",
    ),
    Rule(
        "LL009",
        "text that is not Unicode",
        "error",
        "A string of the notebook holds half of a surrogate pair, or a null byte where code is expected, which "
        "no program can run.",
        "Delete the character named and type it again.",
    ),
    Rule(
        "LL010",
        "notebook cannot be read",
        "error",
        "The operating system refused to read the file.",
        "Check the file's permissions.",
    ),
    # The notebook: code, tags, metadata
    Rule(
        "LL101",
        "syntax error",
        "error",
        "The cell is not valid Python, so it could not run in the notebook either.",
        "Correct the line named, or tag the cell `skip`.",
    ),
    Rule(
        "LL102",
        "malformed tag",
        "error",
        "The tag starts like one of Labline's but does not go on as it should.",
        "Write it as the message shows.",
    ),
    Rule(
        "LL103",
        "bad step name",
        "error",
        "A step's name becomes a file name, a component and a Python name: it must be a Python identifier in "
        "ASCII, no keyword, "
        "and at most 63 characters long.",
        "Use letters, digits and underscores, such as `step:load_data`.",
    ),
    Rule(
        "LL104",
        "unknown step in prev",
        "error",
        "A `prev:` tag names a step that no cell has.",
        "Correct the name, or tag the cell that should come first.",
    ),
    Rule(
        "LL105",
        "several roles for one cell",
        "error",
        "A cell can be part of one step only, or have one of the special roles.",
        "Keep one of the tags; split the cell if both are meant.",
    ),
    Rule(
        "LL106",
        "cycle of steps",
        "error",
        "Each of these steps would have to wait for the next, so none could start.",
        "Remove one of the `prev:` tags named.",
    ),
    Rule(
        "LL107",
        "contradicting options",
        "error",
        "Two cells of one step ask for different values of the same option.",
        "Keep the tag on one cell of the step.",
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
        "The tag needs a step, or a kind of cell, that this cell does not have, so it changes nothing.",
        "Move the tag to a cell of the step that it is meant for, or remove it.",
    ),
    Rule(
        "LL110",
        "parameter defined twice",
        "error",
        "A pipeline parameter has one default. Two cells give it different ones, and the steps between them "
        "would see the first.",
        "Keep one of the assignments; give the other value another name.",
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
    ),
    Rule(
        "LL112",
        "steps differ in case only",
        "error",
        "File systems and clusters may take the two names for one.",
        "Rename one of the steps.",
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
    # Data flow
    Rule(
        "LL201",
        "name never bound",
        "warning",
        "The cell reads a name that no cell above it binds and Python does not provide: a clean run of the "
        "notebook would stop here.",
        "Define the name in a cell above, or correct its spelling.",
    ),
    Rule(
        "LL202",
        "interrupted step",
        "error",
        "Cells of one step stand on both sides of another step's, and values flow between them: no order of "
        "whole steps computes "
        "what the notebook computes.",
        "Give the later cells a step name of their own, or move them up to the rest of their step.",
    ),
    Rule(
        "LL203",
        "prev against the data",
        "error",
        "A `prev:` tag asks for an order that the values flowing between the steps forbid.",
        "Remove the `prev:` tag named; edges are inferred from the data.",
    ),
    Rule(
        "LL204",
        "names out of sight",
        "warning",
        "`exec`, `eval`, `globals()` and their like can read and change any name. Labline assumes the worst: "
        "all names cross to this step, and later ones wait for it.",
        "Name the variables in plain code.",
    ),
    Rule(
        "LL205",
        "class made anew in later steps",
        "warning",
        "Making the class runs code of its metaclass or of a base class's `__init_subclass__`. A step that takes the "
        "class over makes it anew, and that code runs once more there.",
        "Move the class to a cell tagged `functions`, which runs at the start of every step.",
    ),
    # Hidden state
    Rule(
        "LL301",
        "steps share a random generator",
        "info",
        "To draw the numbers that the notebook draws, the step has to wait for the earlier one and take over its "
        "generator's state.",
        "Pass `random_state=`, or draw from a generator of the step's own, such as `numpy.random.default_rng(seed)`.",
    ),
    Rule(
        "LL302",
        "option set in the middle",
        "info",
        "Options of libraries, the environment and the working directory hold for everything after them, so all "
        "later steps wait for this one.",
        "Set options in a cell tagged `imports`, which runs at the start of every step.",
    ),
    Rule(
        "LL303",
        "module changed",
        "warning",
        "The cell changes an attribute of a module. Modules are imported anew in every step, so later steps do "
        "not see the change.",
        "Move the change to a cell tagged `imports` or `functions`, which runs at the start of every step.",
    ),
    Rule(
        "LL304",
        "IPython set up in a step",
        "warning",
        "Extensions and settings of IPython hold in the process that runs the cell. Other steps run in processes "
        "of their own.",
        "Move the line to a cell tagged `imports`, which runs at the start of every step.",
    ),
    Rule(
        "LL305",
        "output history",
        "warning",
        "`_`, `Out` and `In` hold what was run before. In a step they know the cells of that step only.",
        "Give the value a name in the cell that computes it.",
    ),
    # Values
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
        "Run again without the cache; the value is computed anew.",
    ),
    Rule(
        "LL405",
        "value missing at the end of a step",
        "error",
        "A later step needs a name that the step was to bind, and when the step ended it was not bound.",
        "Assign the name on every path through the step's cells, or before them.",
    ),
    # Environment
    Rule(
        "LL501",
        "unknown kernel",
        "error",
        "The kernel that the notebook names is not installed here.",
        "Choose another kernel for the notebook, or install this one.",
    ),
    Rule(
        "LL502",
        "tracking unavailable",
        "warning",
        "The run could not be recorded in MLflow. Its results are complete all the same.",
        "Check MLFLOW_TRACKING_URI and that the server answers.",
    ),
    Rule(
        "LL503",
        "data folder unusable",
        "error",
        "The folder that holds runs and values is full or not writable.",
        "Free space or set LABLINE_HOME to another folder.",
    ),
    Rule(
        "LL504",
        "parameter of a run refused",
        "error",
        "The run sets a parameter that the pipeline does not have, or to what is not a literal of its type.",
        "Correct the name, or give a value of the type that the default has.",
    ),
    # Targets
    Rule(
        "LL601",
        "option left out",
        "warning",
        "The target that the pipeline is compiled for has no field for this option, so the step runs there without it.",
        "Remove the option, or run on a target that has it.",
    ),
)

RULES: dict[str, Rule] = {rule.code: rule for rule in _RULES}

_CHAPTERS = {
    "LL0": "The file",
    "LL1": "Cells, tags and metadata",
    "LL2": "Data flow",
    "LL3": "Hidden state",
    "LL4": "Values",
    "LL5": "Environment",
    "LL6": "Targets",
}


def finding(
    code: str,
    message: str,
    *,
    cell: tuple[int, str] | None = None,
    line: int | None = None,
    column: int | None = None,
    step: str | None = None,
    fix: str | None = None,
) -> Finding:
    """A finding of the rule *code*. *cell* is the cell's index and id; without *fix* the rule's own is given."""
    rule = RULES[code]
    index, identifier = cell if cell is not None else (None, None)
    return Finding(code, rule.severity, message, index, identifier, line, column, step, fix or rule.fix)


def render_markdown() -> str:
    """The page of all rules, for the users' documentation."""
    lines = [
        "# Findings",
        "",
        "Labline tells what it finds in a notebook with a code, a place and a way out. An *error* keeps the "
        "notebook from being",
        "compiled or the run from going on, a *warning* does not, and an *info* explains a decision.",
    ]
    for prefix, title in _CHAPTERS.items():
        lines += ["", f"## {title}"]
        for rule in RULES.values():
            if rule.code.startswith(prefix):
                lines += [
                    "",
                    f"### {rule.code}: {rule.name}",
                    "",
                    f"*{rule.severity}*",
                    "",
                    rule.explanation,
                    "",
                    f"**What to do:** {rule.fix}",
                ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    import sys

    sys.stdout.write(render_markdown())
