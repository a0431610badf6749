"""A pipeline as a Python project that a person can read, change and keep, and that kfp alone compiles.

``pipeline.py`` is the graph, ``components.py`` says what goes into and comes out of each step, ``steps/`` holds the
notebook's code. The components are those of the Kubeflow target: ``python pipeline.py`` writes, byte for byte, what
``labline compile`` would have written.
"""

from __future__ import annotations

import ast
import dataclasses
import hashlib
import inspect
import json
from collections.abc import Callable, Mapping
from typing import Any

from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.targets import python_support, source
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE, apply_options, build
from labline_compiler.targets.kubeflow_component import (
    RESULT,
    Component,
    Names,
    component,
    passing,
    specification,
    unique,
)
from labline_compiler.targets.kubeflow_embedding import function_of_source, specification_function, yaml_of_pipeline
from labline_compiler.targets.kubeflow_report import notebook_as_html
from labline_compiler.targets.kubeflow_step import run_labline_step
from labline_compiler.targets.python_cells import read_cells, write_cells
from labline_compiler.targets.python_readme import plain, readme
from labline_runtime.specification import CellSource

PROJECT_FILE = "labline.json"
MADE_BY = "labline compile --target python"

KFP = "kfp>=2.17.0,<2.18"
KFP_KUBERNETES = "kfp-kubernetes>=2.17.0,<2.18"

_IN_THE_POD = (notebook_as_html, run_labline_step)
_WHILE_COMPILING: tuple[Callable[..., Any], ...] = (
    python_support.write_pipeline,
    yaml_of_pipeline,
    python_support.labline_component,
    python_support.specification_of_step,
    python_support.labline_specification,
    specification_function,
    function_of_source,
    read_cells,
)


def compile_to_project(
    pipeline: Pipeline,
    *,
    image: str = DEFAULT_IMAGE,
    prose: Mapping[int, tuple[str, ...]] | None = None,
    report: list[Finding] | None = None,
) -> dict[str, str]:
    """The project's files, path to text; the same pipeline gives the same bytes.

    *image* runs the steps that name none of their own. *prose* holds the notebook's texts above a code cell, by the
    cell's index. What KFP cannot carry is appended to *report*. Raises ``ValueError`` for a pipeline without steps.
    """
    names = Names(pipeline)
    local = _local_names(names)
    options = _Options(local)
    # The real graph is built along the way: what kfp refuses is refused here and not on the user's machine.
    build(pipeline, names, image, [] if report is None else report, options.apply)
    components = {step.name: component(pipeline, step, names) for step in pipeline.steps}
    texts = prose or {}
    files = {
        "README.md": readme(pipeline, names, image),
        "requirements.txt": KFP + "\n" + (KFP_KUBERNETES + "\n" if options.kubernetes else ""),
        "pipeline.py": _pipeline_module(pipeline, names, local, components, options),
        "components.py": _components_module(pipeline, components, image),
        "labline_step.py": _support_module(),
    }
    if pipeline.preamble:
        heading = [f"What every step of {plain(pipeline.notebook)} starts from: imports and functions."]
        files["steps/_preamble.py"] = write_cells(pipeline.preamble, texts, heading)
    for step in pipeline.steps:
        files[f"steps/{names.steps[step.name]}.py"] = write_cells(step.cells, texts, _heading(pipeline, step))
    project = {
        "made_by": MADE_BY,
        **_specifications(pipeline),
        "files": {path: hashlib.sha256(text.encode("utf-8")).hexdigest() for path, text in sorted(files.items())},
    }
    files[PROJECT_FILE] = json.dumps(project, indent=2, ensure_ascii=False) + "\n"
    return files


def _specifications(pipeline: Pipeline) -> dict[str, Any]:
    """What the steps are told beside their cells: what all of them are, and what only one of them is."""
    told = {step.name: dataclasses.asdict(specification(pipeline, step)) for step in pipeline.steps}
    common = {**told[pipeline.steps[0].name], "step": "", "cells": []}
    own = {
        name: {key: value for key, value in one.items() if key not in ("step", "cells") and value != common[key]}
        for name, one in told.items()
    }
    cell = dataclasses.asdict(CellSource(0, "", ""))
    return {"specification": common, "steps": {name: differs for name, differs in own.items() if differs}, "cell": cell}


def _heading(pipeline: Pipeline, step: Step) -> list[str]:
    """What a reader of the step's code wants to know first."""
    lines = [f"Step {step.name} of {plain(pipeline.notebook)}.", ""]
    rows = [("takes", ", ".join(taken.names), f"from {taken.source}") for taken in step.inputs]
    rows += [("takes", ", ".join(step.parameters), "of the pipeline's parameters")] if step.parameters else []
    rows += [("gives", ", ".join(output.names), "") for output in step.outputs]
    return [*lines, *(f"{verb} {names} {where}".rstrip() for verb, names, where in rows)]


# ---------------------------------------------------------------- pipeline.py


@dataclasses.dataclass(frozen=True)
class _Local:
    """What things are called within the pipeline's function, where parameters come first."""

    components: str
    kubernetes: str
    tasks: dict[str, str]


def _local_names(names: Names) -> _Local:
    parameters = [*names.parameters.values()]
    modules = unique((("components", "components"), ("kubernetes", "kubernetes")), taken=parameters)
    taken = [*parameters, *modules.values(), "dsl", "write_pipeline"]
    tasks = unique(((step, f"{name}_task") for step, name in names.steps.items()), taken=taken)
    return _Local(modules["components"], modules["kubernetes"], tasks)


class _Options:
    """Sets the steps' options on KFP's own tasks, and keeps each call that KFP accepts as a line of source."""

    def __init__(self, local: _Local) -> None:
        self.calls: dict[str, list[ast.stmt]] = {}
        self.kubernetes = False
        self._local = local

    def apply(self, pipeline: Pipeline, step: Step, task: Any, kubernetes: Any, findings: list[Finding]) -> None:
        calls = self.calls[step.name] = []
        recorded = _Recorded(task, source.name(self._local.tasks[step.name]), calls)
        module = _Recorded(kubernetes, source.name(self._local.kubernetes), calls)
        apply_options(pipeline, step, recorded, module, findings)
        self.kubernetes |= module.used


class _Recorded:
    """Stands for an object whose methods set options. A call goes on to the object; what succeeds is kept."""

    def __init__(self, real: Any, written: ast.expr, calls: list[ast.stmt]) -> None:
        self.real, self.written, self.calls, self.used = real, written, calls, False

    def __getattr__(self, method: str) -> Callable[..., _Recorded]:
        def call(*arguments: Any, **named: Any) -> _Recorded:
            getattr(self.real, method)(*map(_real, arguments), **{key: _real(value) for key, value in named.items()})
            if (method, arguments) != ("set_caching_options", (True,)):  # as KFP has it anyway
                function = ast.Attribute(self.written, method, ast.Load())
                written = {key: _written(value) for key, value in named.items()}
                self.calls.append(ast.Expr(source.call(function, *map(_written, arguments), **written)))
            self.used = True
            return self

        return call


def _real(value: Any) -> Any:
    return value.real if isinstance(value, _Recorded) else value


def _written(value: Any) -> ast.expr:
    return value.written if isinstance(value, _Recorded) else source.literal(value)


def _pipeline_module(
    pipeline: Pipeline, names: Names, local: _Local, components: Mapping[str, Component], options: _Options
) -> str:
    body: list[list[ast.stmt]] = []
    awaited = {name for step in pipeline.steps for name in step.predecessors}
    for step in pipeline.steps:
        made, task = components[step.name], source.name(local.tasks[step.name])
        given = {argument: source.name(names.parameters[name]) for argument, name in made.parameters.items()}
        for argument, origin in made.inputs.items():
            outputs = ast.Attribute(source.name(local.tasks[origin.step]), "outputs", ast.Load())
            key = ast.Constant(names.outputs[origin.step][origin.output])
            given[argument] = ast.Subscript(outputs, key, ast.Load())
        for argument, keeper in made.keepers.items():
            outputs = ast.Attribute(source.name(local.tasks[keeper]), "outputs", ast.Load())
            given[argument] = ast.Subscript(outputs, ast.Constant(RESULT), ast.Load())
        function = ast.Attribute(source.name(local.components), names.steps[step.name], ast.Load())
        lines: list[ast.stmt] = []
        if step.name != names.steps[step.name].lower().replace("_", "-"):
            lines.append(_method(task, "set_display_name", ast.Constant(step.name)))
        if step.after:
            lines.append(_method(task, "after", *(source.name(local.tasks[name]) for name in step.after)))
        lines += options.calls[step.name]
        call = source.call(function, **given)
        if lines or step.name in awaited:
            body.append([ast.Assign([ast.Name(local.tasks[step.name], ast.Store())], call), *lines])
        else:
            body.append([ast.Expr(call)])

    called = unique([("pipeline", pipeline.name)], taken=["dsl", "write_pipeline", local.components, local.kubernetes])
    function_name = called["pipeline"]
    signature = [
        (names.parameters[p.name], source.name(passed.type.__name__), source.literal(passed.default))
        for p in pipeline.parameters
        for passed in [passing(p)]
    ]
    decorator = source.call(
        source.dotted("dsl.pipeline"),
        name=ast.Constant(pipeline.name),
        description=ast.Constant(pipeline.summary),
    )
    # A blank line between the steps says more than any comment; a syntax tree has none.
    head = source.write([source.function(function_name, signature, [], decorator=decorator)])
    graph = "\n".join(source.write(lines, depth=1) for lines in body)
    used = ["dsl", *([_imported("kubernetes", local.kubernetes)] if options.kubernetes else [])]
    docstring = (
        f"{pipeline.name}, from {plain(pipeline.notebook)}: the graph of its {len(pipeline.steps)} steps.\n\n"
        "``python pipeline.py`` writes pipeline.yaml, which Kubeflow Pipelines takes by upload.\n"
    )
    main = ast.If(
        ast.Compare(source.name("__name__"), [ast.Eq()], [ast.Constant("__main__")]),
        [
            ast.Expr(
                source.call(source.name("write_pipeline"), source.name(function_name), ast.Constant("pipeline.yaml"))
            )
        ],
        [],
    )
    return "\n".join(
        [
            source.write([ast.Expr(ast.Constant(docstring))]),
            f"from kfp import {', '.join(used)}\n",
            f"import {_imported('components', local.components)}",
            "from labline_step import write_pipeline\n\n",
            head + graph,
            "\n" + source.write([main]),
        ]
    )


def _imported(module: str, name: str) -> str:
    return module if name == module else f"{module} as {name}"


def _method(task: ast.expr, method: str, *arguments: ast.expr) -> ast.stmt:
    return ast.Expr(source.call(ast.Attribute(task, method, ast.Load()), *arguments))


# ---------------------------------------------------------------- components.py, labline_step.py


def _components_module(pipeline: Pipeline, components: Mapping[str, Component], image: str) -> str:
    docstring = (
        f"The steps of {plain(pipeline.notebook)} as components: what goes in and what comes out.\n\n"
        "A component's code are the cells of steps/NAME.py, after the imports and functions of steps/_preamble.py.\n"
    )
    functions = []
    for step in pipeline.steps:
        own = step.options.image
        decorator = source.call(
            source.name("labline_component"),
            ast.Constant(step.name),
            image=source.name("labline_image") if own is None else ast.Constant(own),
        )
        node = components[step.name].function
        node.decorator_list = [decorator]
        functions.append("\n" + source.write([node]))
    return "\n".join(
        [
            source.write([ast.Expr(ast.Constant(docstring))]),
            "from kfp import dsl\n",
            "from labline_step import labline_component, labline_specification, run_labline_step\n",
            source.write([ast.Assign([ast.Name("labline_image", ast.Store())], ast.Constant(image))]),
            *functions,
        ]
    )


def _support_module() -> str:
    docstring = (
        "What Labline's pipelines lean on: how a step runs in its pod, and how its code gets there.\n\n"
        "The same in every project; there is nothing of this pipeline in it.\n"
    )
    functions: list[Callable[..., Any]] = [*_IN_THE_POD, *_WHILE_COMPILING]
    return "\n".join(
        [
            source.write([ast.Expr(ast.Constant(docstring))]),
            "import json\nfrom collections.abc import Callable\nfrom pathlib import Path\nfrom typing import Any\n",
            *("\n" + inspect.getsource(function) for function in functions),
        ]
    )
