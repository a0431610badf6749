"""How a step becomes a component of Kubeflow Pipelines: its names there, its signature, and what its body calls.

Needs no KFP. The function that is written here runs the same step specification as every other target does; what it
calls is :mod:`.kubeflow_step`, embedded as source.
"""

from __future__ import annotations

import ast
import keyword
import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from labline_compiler.passage import Passage
from labline_compiler.pipeline import Parameter, Pipeline, Step
from labline_compiler.targets import source
from labline_compiler.targets.kubeflow_report import notebook_as_html
from labline_compiler.targets.kubeflow_step import run_labline_step
from labline_runtime.specification import HIDDEN_STATE_PREFIX, StepSpecification

# What every component may have beside the step's own values.
RESULT = "step_result"
OWN_OUTPUTS = ("executed_notebook", RESULT, "metrics", "report")
EMBEDDED = (notebook_as_html, run_labline_step)

# The function that gives a component's step as JSON; each component has its own.
SPECIFICATION = "labline_specification"

# What no component may be called: the names that its source, or the Python target's module of components, stands on.
RESERVED = ("dsl", "labline_component", "labline_image", SPECIFICATION, *(function.__name__ for function in EMBEDDED))

# The widest whole number that survives the double which protobuf keeps every number in.
EXACT_INTEGER = 2**53


# ---------------------------------------------------------------- names


class Names:
    """What steps, parameters and values are called in KFP, where only plain ASCII identifiers are safe."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.parameters = unique((p.name, p.name) for p in pipeline.parameters)
        self.steps = unique(((s.name, s.name) for s in pipeline.steps), taken=RESERVED)
        self.outputs = {
            s.name: unique(
                ((n, "_".join(o.names)) for n, o in enumerate(s.outputs)),
                # A component's inputs and outputs share its function's signature.
                taken=[*OWN_OUTPUTS, *(self.parameters[p] for p in s.parameters)],
            )
            for s in pipeline.steps
        }


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
        while name.lower() in used or name == "Output":  # the one name that KFP keeps for itself
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


# ---------------------------------------------------------------- one step


@dataclass(frozen=True)
class Source:
    """Names a step takes from one artifact of an earlier step."""

    step: str
    output: int
    names: tuple[str, ...]
    unaltered: tuple[str, ...]


def sources(pipeline: Pipeline, step: Step) -> list[Source]:
    """The artifacts that *step* reads, one entry each, in a fixed order."""
    result: dict[tuple[str, int], list[str]] = {}
    unaltered = {(taken.source, name) for taken in step.inputs for name in taken.unaltered}
    for taken in step.inputs:
        outputs = pipeline.step(taken.source).outputs
        for name in taken.names:
            place = next((n for n, o in enumerate(outputs) if name in o.names), None)
            if place is None:
                raise ValueError(f"step {step.name} takes {name} from {taken.source}, which does not hand it on")
            result.setdefault((taken.source, place), []).append(name)
    return [
        Source(origin, place, tuple(names), tuple(name for name in names if (origin, name) in unaltered))
        for (origin, place), names in result.items()
    ]


def specification(pipeline: Pipeline, step: Step) -> StepSpecification:
    """The step's specification without what the component fills in and what only the pod knows."""
    passage = Passage(pipeline, step.name)
    return StepSpecification(
        run="",
        pipeline=pipeline.name,
        step=step.name,
        notebook=pipeline.notebook,
        working_directory="",
        artifacts_directory="",
        output_directory="",
        cells=(*pipeline.preamble, *step.cells),
        metadata=pipeline.metadata,
        passing=passage.passing,
        unawaited=passage.unawaited,
        pauses=passage.pauses,
        types=pipeline.types(step.name),
        derive_random=pipeline.parallel_random,
        definitions=pipeline.definitions(step.name),
        condition=step.condition.cell if step.condition is not None else None,
    )


@dataclass(frozen=True)
class Component:
    """A step's function and what its arguments are fed from."""

    function: ast.FunctionDef
    parameters: dict[str, str]  # the argument -> the pipeline parameter
    inputs: dict[str, Source]  # the argument -> the artifact
    keepers: dict[str, str]  # the argument -> the step whose account of itself it is


def component(pipeline: Pipeline, step: Step, names: Names) -> Component:
    """The function that KFP makes a component of."""
    taken = sources(pipeline, step)
    outputs = names.outputs[step.name]
    parameters = {p.name: names.parameters[p.name] for p in pipeline.parameters if p.name in step.parameters}
    arguments = unique(
        ((origin, names.outputs[origin.step][origin.output]) for origin in taken),
        taken=[*OWN_OUTPUTS, *outputs.values(), *parameters.values()],
    )
    keepers = unique(
        ((keeper, f"result_of_{names.steps[keeper]}") for keeper in step.keepers),
        taken=[*OWN_OUTPUTS, *outputs.values(), *parameters.values(), *arguments.values()],
    )
    travels = {p.name: passing(p) for p in pipeline.parameters}
    own = _own_outputs(step)

    signature = [(argument, _artifact("Input", "Artifact")) for argument in (*arguments.values(), *keepers.values())]
    signature += [(argument, source.name(travels[name].type.__name__)) for name, argument in parameters.items()]
    signature += [(argument, _artifact("Output", "Artifact")) for argument in outputs.values()]
    signature += [(argument, _artifact("Output", kind)) for argument, kind in own.items()]

    run = source.call(
        source.name(run_labline_step.__name__),
        source.call(source.name(SPECIFICATION)),
        parameters=ast.Dict(
            [ast.Constant(name) for name in parameters],
            [_tuple(ast.Constant(travels[name].kind), source.name(arg)) for name, arg in parameters.items()],
        ),
        inputs=_list(
            _tuple(
                ast.Constant(origin.step),
                source.literal(list(origin.names)),
                source.literal(list(origin.unaltered)),
                source.name(argument),
            )
            for origin, argument in arguments.items()
        ),
        outputs=_list(
            _tuple(
                source.name(outputs[n]),
                source.literal(list(output.names)),
                source.literal(list(output.optional)),
            )
            for n, output in enumerate(step.outputs)
        ),
        **{argument: source.name(argument) for argument in own},
        **({"kept": _list(map(source.name, keepers.values()))} if keepers else {}),
    )
    function = source.function(
        names.steps[step.name],
        ((argument, annotation, None) for argument, annotation in signature),
        [ast.Expr(run)],
        docstring=f"Step {step.name} of {pipeline.notebook}.",
    )
    return Component(
        function,
        {argument: name for name, argument in parameters.items()},
        {argument: origin for origin, argument in arguments.items()},
        {argument: keeper for keeper, argument in keepers.items()},
    )


def _own_outputs(step: Step) -> dict[str, str]:
    """What the component leaves beside the step's values, and as which kind of KFP artifact."""
    kinds = {"executed_notebook": "Artifact", RESULT: "Artifact"}
    if any(cell.role == "metrics" for cell in step.cells):
        kinds["metrics"] = "Metrics"
    if step.options.report is not False:
        kinds["report"] = "HTML"
    return kinds


def _artifact(direction: str, kind: str) -> ast.expr:
    return ast.Subscript(source.dotted(f"dsl.{direction}"), source.dotted(f"dsl.{kind}"), ast.Load())


def _tuple(*items: ast.expr) -> ast.expr:
    return ast.Tuple(list(items), ast.Load())


def _list(items: Iterable[ast.expr]) -> ast.expr:
    return ast.List(list(items), ast.Load())
