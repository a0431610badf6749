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
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE, build
from labline_compiler.targets.kubeflow_component import Component, Feed, FromParameter, FromTask, specification
from labline_compiler.targets.kubeflow_embedding import function_of_source, specification_function, yaml_of_pipeline
from labline_compiler.targets.kubeflow_graph import Fan, Graph, graph, waits
from labline_compiler.targets.kubeflow_names import RETURNED, Names, passing, unique
from labline_compiler.targets.kubeflow_options import apply_options
from labline_compiler.targets.kubeflow_report import notebook_as_html
from labline_compiler.targets.kubeflow_step import run_labline_step
from labline_compiler.targets.python_cells import read_cells, write_cells
from labline_compiler.targets.python_readme import plain, readme
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import CellSource

PROJECT_FILE = "labline.json"
LOOP_ITEM = "loop_item"
MADE_BY = "labline compile --target python"

KFP = "kfp>=2.17.0,<2.18"
KFP_KUBERNETES = "kfp-kubernetes>=2.17.0,<2.18"

_IN_THE_POD = (notebook_as_html, run_labline_step)
_WHILE_COMPILING: tuple[Callable[..., Any], ...] = (
    python_support.write_pipeline,
    yaml_of_pipeline,
    python_support.labline_component,
    python_support.check_setups,
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
    tasks = graph(pipeline, names)
    texts = prose or {}
    files = {
        "README.md": readme(pipeline, names, image),
        "requirements.txt": KFP + "\n" + (KFP_KUBERNETES + "\n" if options.kubernetes else ""),
        "pipeline.py": _pipeline_module(pipeline, names, tasks, local, options),
        "components.py": _components_module(pipeline, names, tasks, image),
        "labline_step.py": _support_module(),
    }
    if pipeline.preamble:
        heading = [f"What every step of {plain(pipeline.notebook)} starts from: imports and functions."]
        files["steps/_preamble.py"] = write_cells(pipeline.preamble, texts, heading)
    for step in pipeline.steps:
        files[f"steps/{names.steps[step.name]}.py"] = write_cells(step.cells, texts, _heading(pipeline, step))
    # Half a character, which an id in a notebook's JSON may hold, becomes the escape that it is there.
    files = {path: text.encode("utf-8", "backslashreplace").decode("utf-8") for path, text in files.items()}
    project = {
        "made_by": MADE_BY,
        **_specifications(pipeline),
        "files": {path: hashlib.sha256(text.encode("utf-8")).hexdigest() for path, text in sorted(files.items())},
    }
    text = json.dumps(project, indent=2, ensure_ascii=False) + "\n"
    files[PROJECT_FILE] = text.encode("utf-8", "backslashreplace").decode("utf-8")
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


@dataclass(frozen=True)
class _Local:
    """What things are called within the pipeline's function, where parameters come first."""

    components: str
    kubernetes: str
    tasks: dict[str, str]


def _local_names(names: Names) -> _Local:
    parameters = [*names.parameters.values()]
    modules = unique((("components", "components"), ("kubernetes", "kubernetes")), taken=parameters)
    taken = [*parameters, *modules.values(), "dsl", "write_pipeline"]
    functions = [*names.steps.values(), *names.parts.values()]
    tasks = unique(((name, f"{name}_task") for name in functions), taken=[*taken, LOOP_ITEM])
    return _Local(modules["components"], modules["kubernetes"], tasks)


class _Options:
    """Sets the steps' options on KFP's own tasks, and keeps each call that KFP accepts as a line of source."""

    def __init__(self, local: _Local) -> None:
        self.calls: dict[str, list[ast.stmt]] = {}
        self.kubernetes = False
        self._local = local

    def apply(
        self, pipeline: Pipeline, component: Component, task: Any, kubernetes: Any, findings: list[Finding]
    ) -> None:
        calls = self.calls[component.name] = []
        recorded = _Recorded(task, source.name(self._local.tasks[component.name]), calls)
        module = _Recorded(kubernetes, source.name(self._local.kubernetes), calls)
        apply_options(pipeline, component, recorded, module, findings)
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


def _pipeline_module(pipeline: Pipeline, names: Names, made: Graph, local: _Local, options: _Options) -> str:
    read = {feed.task for each in made.components() for feed in each.feeds.values() if isinstance(feed, FromTask)}
    awaited = read.union(*(waits(each, names) for each in made.components()))
    awaited |= {each.items for each in made.tasks if isinstance(each, Fan)}

    def lines_of(component: Component, *, named: bool = False) -> list[ast.stmt]:
        task = source.name(local.tasks[component.name])
        given = {argument: _fed(feed, names, local) for argument, feed in component.feeds.items()}
        lines: list[ast.stmt] = []
        if component.shown != component.name.lower().replace("_", "-"):
            lines.append(_method(task, "set_display_name", ast.Constant(component.shown)))
        if after := waits(component, names):
            lines.append(_method(task, "after", *(source.name(local.tasks[name]) for name in after)))
        lines += options.calls[component.name]
        call = source.call(ast.Attribute(source.name(local.components), component.name, ast.Load()), **given)
        if named or lines or component.name in awaited:
            return [ast.Assign([ast.Name(local.tasks[component.name], ast.Store())], call), *lines]
        return [ast.Expr(call)]

    body = [
        [_loop(each, lines_of(each.one, named=True), local)] if isinstance(each, Fan) else lines_of(each)
        for each in made.tasks
    ]
    depth = 1
    opening = ""
    if made.ending is not None:
        last = source.name(local.tasks[made.ending.name])
        handler = ast.With([ast.withitem(source.call(source.dotted("dsl.ExitHandler"), last))], [])
        opening = "\n".join(source.write(lines, depth=1) for lines in (lines_of(made.ending, named=True), [handler]))
        depth = 2

    called = unique([("pipeline", pipeline.name)], taken=["dsl", "write_pipeline", local.components, local.kubernetes])
    function_name = called["pipeline"]
    signature = [
        (names.parameters[p.name], source.name(passed.type.__name__), source.literal(passed.default))
        for p in pipeline.parameters
        for passed in [passing(p)]
    ]
    decorator = source.call(
        source.dotted("dsl.pipeline"),
        name=ast.Constant(names.pipeline),
        description=ast.Constant(pipeline.summary),
    )
    # A blank line between the steps says more than any comment; a syntax tree has none.
    head = source.write([source.function(function_name, signature, [], decorator=decorator)])
    tasks = opening + "\n".join(source.write(lines, depth=depth) for lines in body)
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
            head + tasks,
            "\n" + source.write([main]),
        ]
    )


def _fed(feed: Feed, names: Names, local: _Local) -> ast.expr:
    """What a task's argument is, as it is written."""
    if isinstance(feed, FromParameter):
        return source.name(names.parameters[feed.name])
    if isinstance(feed, FromTask):
        output = _output(local.tasks[feed.task], feed.output)
        return source.call(source.dotted("dsl.Collected"), output) if feed.collected else output
    return source.name(LOOP_ITEM)


def _output(task: str, output: str) -> ast.expr:
    outputs = ast.Attribute(source.name(task), "outputs", ast.Load())
    return ast.Subscript(outputs, ast.Constant(output), ast.Load())


def _loop(fan: Fan, lines: list[ast.stmt], local: _Local) -> ast.stmt:
    given = {"items": _output(local.tasks[fan.items], RETURNED), "parallelism": ast.Constant(fan.parallel)}
    call = source.call(source.dotted("dsl.ParallelFor"), **given)
    return ast.With([ast.withitem(call, ast.Name(LOOP_ITEM, ast.Store()))], lines)


def _imported(module: str, name: str) -> str:
    return module if name == module else f"{module} as {name}"


def _method(task: ast.expr, method: str, *arguments: ast.expr) -> ast.stmt:
    return ast.Expr(source.call(ast.Attribute(task, method, ast.Load()), *arguments))


# ---------------------------------------------------------------- components.py, labline_step.py


def _components_module(pipeline: Pipeline, names: Names, made: Graph, image: str) -> str:
    docstring = (
        f"The steps of {plain(pipeline.notebook)} as components: what goes in and what comes out.\n\n"
        "A component's code are the cells of steps/NAME.py, after the imports and functions of steps/_preamble.py.\n"
    )
    functions = []
    for component in made.components():
        step = component.step
        own = step.options.image
        code = names.steps[step.name]
        decorator = source.call(
            source.name("labline_component"),
            ast.Constant(step.name),
            image=source.name("labline_image") if own is None else ast.Constant(own),
            **({} if code == component.name else {"cells": ast.Constant(code)}),
        )
        node = component.function
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
