"""What a pipeline's steps, values and parameters are called in Kubeflow Pipelines, and how parameters travel there."""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Iterable
from typing import Any, Literal

from labline_compiler.pipeline import Parameter, Pipeline, Step
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import HIDDEN_STATE_PREFIX

# What every component may have beside the step's own values.
RESULT = "step_result"
WRITTEN = "written_files"
OWN_OUTPUTS = ("executed_notebook", RESULT, "metrics", "classification", "report", WRITTEN)
# What KFP passes to tasks of loops and to the task that ends a run.
PASSED = (
    "loop_item",
    "loop_listing",
    "loop_results",
    "loop_notebooks",
    "loop_values",
    "run_status",
    "notebook_files",
)
RETURNED = "Output"  # what KFP calls the value that a component returns
_KFPS_OWN = (RETURNED, "self")  # a component is called by the names of its arguments, as a method

# The function that gives a component's step as JSON; each component has its own.
SPECIFICATION = "labline_specification"

FOLDER = "notebook_folder"  # the component that has the notebook's files
IMPORTER = "importer"  # what KFP calls that which fetches them from a storage
INSTALLER = "notebook_packages"  # the component that installs packages into a volume
FOLDERS = (FOLDER.replace("_", "-"), IMPORTER, INSTALLER.replace("_", "-"))  # as tasks, which are no steps

# What no component may be called: the names that its source, or the Python target's module of components, stands on.
RESERVED = (
    *("dsl", "labline_component", "labline_image", SPECIFICATION, "notebook_as_html", "run_labline_step"),
    *(FOLDER, IMPORTER, INSTALLER, "install_labline_packages"),
)

# The widest whole number that survives the double which protobuf keeps every number in.
EXACT_INTEGER = 2**53


# ---------------------------------------------------------------- names


Role = Literal["step", "list", "item", "whole", "exit"]
"""What a task runs: a step; of a step's loop the items' list, one item, or the whole; a step that ends the run."""

_PARTS: tuple[tuple[Role, str], ...] = (("list", "items"), ("item", "item"))


def runs_apart(step: Step) -> bool:
    """Whether *step* is a loop whose items are to have tasks of their own.

    Items small enough to share processes here are not worth a pod each, unless only so one of them may fail.
    """
    asked = step.options.foreach
    return step.loop is not None and asked is not None and (not asked.pool or asked.allow_failures)


class Names:
    """What steps, parameters and values are called in KFP, where only plain ASCII identifiers are safe."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.parameters = unique((p.name, p.name) for p in pipeline.parameters)
        self.steps = unique(((s.name, s.name) for s in pipeline.steps), taken=RESERVED)
        self.parts = unique(
            (
                ((s.name, role), f"{self.steps[s.name]}_{word}")
                for s in pipeline.steps
                if runs_apart(s)
                for role, word in _PARTS
            ),
            taken=[*RESERVED, *self.steps.values()],
        )
        self.outputs = {
            s.name: unique(
                ((n, "_".join(o.names)) for n, o in enumerate(s.outputs)),
                # A component's inputs and outputs share its function's signature.
                taken=[*OWN_OUTPUTS, *PASSED, *(self.parameters[p] for p in s.parameters)],
            )
            for s in pipeline.steps
        }
        # The kfp SDK takes the file of a pipeline that is called like one of its components for that component.
        components = {task_name(name) for name in (*self.steps.values(), *self.parts.values(), *FOLDERS)}
        self.pipeline = pipeline.name
        while task_name(self.pipeline) in components:
            self.pipeline += "-pipeline"


def task_name(name: str) -> str:
    """What KFP calls the task of the component *name*."""
    return re.sub("[^0-9a-z]+", "-", name.lower()).strip("-")


def unique(wanted: Iterable[tuple[Any, str]], taken: Iterable[str] = ()) -> dict[Any, str]:
    """Map each key to an identifier close to the text wanted for it, no two alike even in lower case."""
    used = {name.lower() for name in taken}
    result = {}
    for key, text in wanted:
        stem = re.sub(r"\W+", "_", text.replace(HIDDEN_STATE_PREFIX, ""), flags=re.ASCII).strip("_")[:60]
        if not stem or stem[0].isdigit() or keyword.iskeyword(stem):
            stem = f"x_{stem}".strip("_")
        name, number = stem, 2
        # KFP writes dashes for underscores in lower case: A_b and a_b would be one.
        while name.lower() in used or name in _KFPS_OWN:
            name, number = f"{stem}_{number}", number + 1
        used.add(name.lower())
        result[key] = name
    return result


# ---------------------------------------------------------------- parameters


@dataclass(frozen=True)
class Passing:
    """How a parameter travels: its type in KFP, its default there, and how the step reads back what KFP passed."""

    type: type
    default: Any
    kind: str


def passing(parameter: Parameter) -> Passing:
    """KFP's own types where they are exact, and the text of the Python literal everywhere else.

    KFP keeps every number as a double, also within its lists and structs: the 3 of a notebook would become 3.0.
    """
    as_text = Passing(str, parameter.default, "literal")
    if parameter.type not in ("int", "float", "bool", "str"):
        return as_text
    try:
        value = ast.literal_eval(parameter.default)
    except (ValueError, SyntaxError):  # an expression of literals
        return as_text
    if isinstance(value, float) and not math.isfinite(value):
        return as_text
    if isinstance(value, int) and abs(value) > EXACT_INTEGER:
        return as_text
    return Passing(type(value), value, type(value).__name__)


def passed(parameter: Parameter, literal: str) -> Any:
    """What to pass for *literal*. Raises ``ValueError`` for a number that KFP would pass inexactly."""
    kind = passing(parameter).kind
    if kind == "literal":
        return literal
    value = ast.literal_eval(literal)
    if kind in ("int", "float"):
        is_exact = abs(value) <= EXACT_INTEGER if isinstance(value, int) else math.isfinite(value)
        if not is_exact:
            raise ValueError(f"Parameter {parameter.name} cannot be {literal} here: KFP passes numbers as doubles.")
    return value
