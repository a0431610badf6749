"""A pipeline as Kubeflow Pipelines v2 IR YAML, written by the kfp SDK: one Lightweight Python Component a step.

The component of a step runs the same step specification as every other target does. Its function is built from syntax
tree nodes, because each step has a signature of its own; what it calls is :mod:`.kubeflow_step`, embedded as source.
"""

from __future__ import annotations

import ast
import inspect
import keyword
import linecache
import math
import re
import threading
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from labline_compiler.findings import Finding
from labline_compiler.pipeline import Parameter, Pipeline, Step
from labline_compiler.targets.kubeflow_report import notebook_as_html
from labline_compiler.targets.kubeflow_step import run_labline_step
from labline_runtime.specification import HIDDEN_STATE_PREFIX, StepSpecification, to_json

STEP_IMAGE = "labline-step"

# What every component may have beside the step's own values.
OWN_OUTPUTS = ("executed_notebook", "metrics", "report")
EMBEDDED = (notebook_as_html, run_labline_step)

# The widest whole number that survives the double which protobuf keeps every number in.
EXACT_INTEGER = 2**53

UNSUPPORTED_OPTION = "LL601"

# kfp keeps the pipeline it is building in a global.
_ONE_AT_A_TIME = threading.Lock()


def default_image() -> str:
    """The step image that belongs to the installed Labline."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return f"{STEP_IMAGE}:{version('labline')}"
    except PackageNotFoundError:
        return f"{STEP_IMAGE}:latest"


DEFAULT_IMAGE = default_image()


class UnsupportedOptionWarning(UserWarning):
    """A step asks for something that this target does not carry."""


def compile_to_yaml(pipeline: Pipeline, *, image: str = DEFAULT_IMAGE, report: list[Finding] | None = None) -> str:
    """Write *pipeline* as KFP v2 IR YAML; the same pipeline gives the same bytes.

    *image* runs the steps that name none of their own. What the target cannot carry is appended to *report*, or warned
    about when there is none. Raises ``ValueError`` for a pipeline without steps.
    """
    if not pipeline.steps:
        raise ValueError(f"{pipeline.name} has no steps, so there is nothing to run")
    findings: list[Finding] = []
    names = _Names(pipeline)
    with _ONE_AT_A_TIME, warnings.catch_warnings():
        # kfp announces its own deprecations on import; they say nothing about the user's pipeline.
        warnings.simplefilter("ignore", FutureWarning)
        warnings.simplefilter("ignore", DeprecationWarning)
        graph = _graph(pipeline, names, image, findings)
        text = _to_yaml(graph.pipeline_spec, graph.platform_spec)
    if report is None:
        for finding in findings:
            warnings.warn(finding.message, UnsupportedOptionWarning, stacklevel=2)
    else:
        report.extend(findings)
    return text


def _to_yaml(pipeline_spec: Any, platform_spec: Any) -> str:
    """The documents as KFP's own writer has them, without its comments, which a default of two lines breaks out of."""
    import yaml
    from google.protobuf import json_format

    class Dumper(yaml.SafeDumper):
        """Writes a component's source as the lines it has."""

        def ignore_aliases(self, data: Any) -> bool:
            return True

    def text(dumper: yaml.SafeDumper, value: str) -> yaml.Node:
        return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)

    Dumper.add_representer(str, text)
    documents = [json_format.MessageToDict(spec) for spec in (pipeline_spec, platform_spec)]
    return yaml.dump_all(
        [document for document in documents if document],
        Dumper=Dumper,
        sort_keys=True,
        allow_unicode=True,
        width=math.inf,
    )


# ---------------------------------------------------------------- names


class _Names:
    """What steps, parameters and values are called in KFP, where only plain ASCII identifiers are safe."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.parameters = _unique((p.name, p.name) for p in pipeline.parameters)
        self.steps = _unique(
            ((s.name, s.name) for s in pipeline.steps), taken=[function.__name__ for function in EMBEDDED]
        )
        self.outputs = {
            s.name: _unique(
                ((n, "_".join(o.names)) for n, o in enumerate(s.outputs)),
                # A component's inputs and outputs share its function's signature.
                taken=[*OWN_OUTPUTS, *(self.parameters[p] for p in s.parameters)],
            )
            for s in pipeline.steps
        }


def _unique(wanted: Iterable[tuple[Any, str]], taken: Iterable[str] = ()) -> dict[Any, str]:
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
class _Passing:
    """How a parameter travels: its type in KFP, its default there, and how the step reads back what KFP passed."""

    type: type
    default: Any
    kind: str


def _passing(parameter: Parameter) -> _Passing:
    """KFP's own types where they are exact, and the text of the Python literal everywhere else.

    KFP keeps every number as a double, also within its lists and structs: the 3 of a notebook would become 3.0.
    """
    as_text = _Passing(str, parameter.default, "literal")
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
    return _Passing(type(value), value, type(value).__name__)


# ---------------------------------------------------------------- one step


@dataclass(frozen=True)
class _Source:
    """Names a step takes from one artifact of an earlier step."""

    step: str
    output: int
    names: tuple[str, ...]
    unaltered: tuple[str, ...]


def _sources(pipeline: Pipeline, step: Step) -> list[_Source]:
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
        _Source(source, place, tuple(names), tuple(name for name in names if (source, name) in unaltered))
        for (source, place), names in result.items()
    ]


def _own_outputs(step: Step) -> dict[str, str]:
    """What the component leaves beside the step's values, and as which kind of KFP artifact."""
    kinds = {"executed_notebook": "Artifact"}
    if any(cell.role == "metrics" for cell in step.cells):
        kinds["metrics"] = "Metrics"
    if step.options.report is not False:
        kinds["report"] = "HTML"
    return kinds


def _specification(pipeline: Pipeline, step: Step) -> str:
    """The step's specification without what only the pod knows."""
    text = to_json(
        StepSpecification(
            run="",
            pipeline=pipeline.name,
            step=step.name,
            notebook=pipeline.notebook,
            working_directory="",
            artifacts_directory="",
            output_directory="",
            cells=(*pipeline.preamble, *step.cells),
            outputs=step.outputs,
            metadata=pipeline.metadata,
        )
    )
    # Argo and KFP substitute {{...}} wherever they find it. In JSON two opening braces only meet inside a string.
    return text.replace("{{", "{\\u007b")


@dataclass(frozen=True)
class _Component:
    """A step's component and what its arguments are fed from."""

    call: Callable[..., Any]
    parameters: dict[str, str]  # the argument -> the pipeline parameter
    inputs: dict[str, _Source]  # the argument -> the artifact


def _component(pipeline: Pipeline, step: Step, names: _Names, image: str) -> _Component:
    from kfp import dsl

    sources = _sources(pipeline, step)
    outputs = names.outputs[step.name]
    parameters = {p.name: names.parameters[p.name] for p in pipeline.parameters if p.name in step.parameters}
    arguments = _unique(
        ((source, names.outputs[source.step][source.output]) for source in sources),
        taken=[*OWN_OUTPUTS, *outputs.values(), *parameters.values()],
    )
    passing = {p.name: _passing(p) for p in pipeline.parameters}

    signature: list[tuple[str, str]] = [(argument, "Input[Artifact]") for argument in arguments.values()]
    signature += [(argument, passing[name].type.__name__) for name, argument in parameters.items()]
    signature += [(argument, "Output[Artifact]") for argument in outputs.values()]
    own = _own_outputs(step)
    signature += [(argument, f"Output[{kind}]") for argument, kind in own.items()]

    call = ast.Call(
        func=_name(run_labline_step.__name__),
        args=[ast.Constant(_specification(pipeline, step))],
        keywords=[
            ast.keyword(
                "parameters",
                ast.Dict(
                    [ast.Constant(name) for name in parameters],
                    [_tuple(ast.Constant(passing[name].kind), _name(arg)) for name, arg in parameters.items()],
                ),
            ),
            ast.keyword(
                "inputs",
                _list(
                    _tuple(ast.Constant(source.step), _texts(source.names), _texts(source.unaltered), _name(argument))
                    for source, argument in arguments.items()
                ),
            ),
            ast.keyword(
                "outputs",
                _list(_tuple(_name(outputs[n]), _texts(output.names)) for n, output in enumerate(step.outputs)),
            ),
            *(ast.keyword(argument, _name(argument)) for argument in own),
        ],
    )
    function = _function(names.steps[step.name], signature, f"Step {step.name} of {pipeline.notebook}.", call)
    component = dsl.component(
        function,
        base_image=step.options.image or image,
        install_kfp_package=False,
        additional_funcs=list(EMBEDDED),
    )
    return _Component(
        component,
        {argument: name for name, argument in parameters.items()},
        {argument: source for source, argument in arguments.items()},
    )


def _name(text: str) -> ast.expr:
    return ast.Name(text, ast.Load())


def _tuple(*items: ast.expr) -> ast.expr:
    return ast.Tuple(list(items), ast.Load())


def _list(items: Iterable[ast.expr]) -> ast.expr:
    return ast.List(list(items), ast.Load())


def _texts(items: Iterable[str]) -> ast.expr:
    return _list(map(ast.Constant, items))


def _function(name: str, signature: list[tuple[str, str]], docstring: str, body: ast.expr) -> Callable[..., None]:
    """A function with a source of its own, which KFP embeds as it stands."""
    from kfp import dsl

    arguments = ", ".join(f"{argument}: {kind}" for argument, kind in signature)
    module = ast.parse(f"def {name}({arguments}):\n    {docstring!r}\n    ...")
    definition = module.body[0]
    assert isinstance(definition, ast.FunctionDef)  # noqa: S101 - for the type checker
    definition.body[-1] = ast.Expr(body)
    source = ast.unparse(ast.fix_missing_locations(module)) + "\n"
    filename = f"<step {name}>"
    # inspect.getsource, which KFP calls, looks here for what no file holds.
    linecache.cache[filename] = (len(source), None, source.splitlines(keepends=True), filename)
    namespace: dict[str, Any] = {
        "__name__": filename,
        **{k: getattr(dsl, k) for k in ("Artifact", "HTML", "Input", "Metrics", "Output")},
    }
    # KFP reads the annotations as objects, so this module's own postponed annotations must not rub off.
    exec(compile(source, filename, "exec", dont_inherit=True), namespace)  # noqa: S102 - built from the nodes above
    function: Callable[..., None] = namespace[name]
    return function


# ---------------------------------------------------------------- the graph


def _graph(pipeline: Pipeline, names: _Names, image: str, findings: list[Finding]) -> Any:
    from kfp import dsl

    def build(**channels: Any) -> None:
        tasks: dict[str, Any] = {}
        for step in pipeline.steps:
            component = _component(pipeline, step, names, image)
            task = component.call(
                **{argument: channels[names.parameters[name]] for argument, name in component.parameters.items()},
                **{
                    argument: tasks[source.step].outputs[names.outputs[source.step][source.output]]
                    for argument, source in component.inputs.items()
                },
            )
            task.set_display_name(step.name)
            task.after(*(tasks[name] for name in step.after))
            _apply_options(pipeline, step, task, findings)
            tasks[step.name] = task

    def entry(*values: Any) -> None:
        # KFP passes the pipeline's parameters in the order of the signature below.
        build(**dict(zip(names.parameters.values(), values, strict=True)))

    entry.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
        [
            inspect.Parameter(
                names.parameters[p.name],
                inspect.Parameter.POSITIONAL_OR_KEYWORD,
                default=passing.default,
                annotation=passing.type,
            )
            for p in pipeline.parameters
            for passing in [_passing(p)]
        ]
    )
    return dsl.pipeline(entry, name=pipeline.name, description=f"Compiled by Labline from {pipeline.notebook}.")


# ---------------------------------------------------------------- options


def _apply_options(pipeline: Pipeline, step: Step, task: Any, findings: list[Finding]) -> None:
    from kfp import kubernetes

    options = step.options

    def refuse(what: str, fix: str) -> None:
        message = f"Step {step.name}: {what}"
        findings.append(Finding(UNSUPPORTED_OPTION, "warning", message, step=step.name, fix=fix))

    task.set_caching_options(pipeline.cache if options.cache is None else options.cache)
    if options.retries:
        task.set_retry(options.retries)
    if options.timeout is not None:
        kubernetes.set_timeout(task, math.ceil(options.timeout))
    for key, value in options.labels.items():
        kubernetes.add_pod_label(task, key, value)
    for key, value in options.annotations.items():
        kubernetes.add_pod_annotation(task, key, value)
    for secret, key, variable in options.secrets:
        kubernetes.use_secret_as_env(task, secret, {key: variable})

    accelerators: list[str] = []
    for resource, quantity in options.limits.items():
        try:
            if resource == "cpu":
                task.set_cpu_limit(quantity)
            elif resource == "memory":
                task.set_memory_limit(_memory(quantity))
            elif "/" in resource and not accelerators:
                task.set_accelerator_type(resource).set_accelerator_limit(quantity)
                accelerators.append(resource)
            elif "/" in resource:
                refuse(
                    f"Kubeflow Pipelines gives a step one kind of accelerator, so {resource} is left out beside "
                    f"{accelerators[0]}",
                    "Split the step, or keep one of the two.",
                )
            else:
                refuse(f"Kubeflow Pipelines has no limit for {resource}", "Remove the tag, or set it on the cluster.")
        except ValueError as problem:
            refuse(f"limit:{resource}:{quantity} is left out: {problem}", "Write the quantity as Kubeflow takes it.")


def _memory(quantity: str) -> str:
    """A quantity as the SDK takes it: it knows no fractions such as 1.5Gi, which are whole bytes all the same."""
    if re.fullmatch(r"\d+([EPTGMK]i?)?", quantity):
        return quantity
    from kubernetes.utils.quantity import parse_quantity

    return str(math.ceil(parse_quantity(quantity)))
