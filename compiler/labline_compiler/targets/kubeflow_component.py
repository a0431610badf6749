"""How a step becomes a component of Kubeflow Pipelines: its signature, and what its body calls.

Needs no KFP. The function that is written here runs the same step specification as every other target does; what it
calls is :mod:`.kubeflow_step`, embedded as source.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import replace

from labline_compiler.importing import imported_elsewhere
from labline_compiler.passage import Passage, looped
from labline_compiler.pipeline import Pipeline, Step
from labline_compiler.targets import source
from labline_compiler.targets.kubeflow_folder import Shipped
from labline_compiler.targets.kubeflow_names import (
    FOLDER,
    OWN_OUTPUTS,
    PASSED,
    RESULT,
    SPECIFICATION,
    WRITTEN,
    Names,
    Role,
    passing,
    runs_apart,
    unique,
)
from labline_compiler.targets.kubeflow_packages import Packages
from labline_compiler.targets.kubeflow_report import notebook_as_html
from labline_compiler.targets.kubeflow_step import run_labline_step
from labline_runtime.classified import MADE_BY
from labline_runtime.dataclass import dataclass
from labline_runtime.specification import Registration, StepSpecification

EMBEDDED = (notebook_as_html, run_labline_step)


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
    cells = (*pipeline.preamble, *step.cells)
    return StepSpecification(
        run="",
        pipeline=pipeline.name,
        step=step.name,
        notebook=pipeline.notebook,
        working_directory="",
        artifacts_directory="",
        output_directory="",
        cells=cells,
        metadata=pipeline.metadata,
        passing=passage.passing,
        unawaited=passage.unawaited,
        seeded=passage.seeded,
        pauses=passage.pauses,
        types=pipeline.types(step.name),
        derive_random=pipeline.parallel_random,
        setups=step.setups,
        definitions=pipeline.definitions(step.name),
        imported=imported_elsewhere(pipeline, step.name),
        subclasses=pipeline.asks_for_subclasses,
        loop=looped(step, cells) if runs_apart(step) else None,
        condition=step.condition.cell if step.condition is not None else None,
        register=_registration(pipeline, step),
    )


def _registration(pipeline: Pipeline, step: Step) -> Registration | None:
    """What the step is to register, where its pod can reach MLflow: nobody opens a run there for it."""
    if step.options.register is None or not reaches_mlflow(step):
        return None
    return replace(step.options.register, experiment=pipeline.experiment or pipeline.name)


def reaches_mlflow(step: Step) -> bool:
    """Whether the pod of *step* is told where MLflow is: by a secret or a config map, and by nothing else."""
    given = (*step.options.secrets, *step.options.config_maps)
    return any(variable == "MLFLOW_TRACKING_URI" for _, _, variable in given)


def artifact_type(step: Step, output: int) -> str:
    """The class of KFP's artifact that an output of *step* is: for the pages of KFP, which treat all of them alike."""
    kinds = {step.kinds.get(name) for name in step.outputs[output].names} - {"scalar"}
    return {"data": "Dataset", "model": "Model"}.get(kinds.pop() or "", "Artifact") if len(kinds) == 1 else "Artifact"


# ---------------------------------------------------------------- what goes into a task


@dataclass(frozen=True)
class FromParameter:
    """One of the pipeline's parameters."""

    name: str


@dataclass(frozen=True)
class FromTask:
    """What the task called *task* leaves as *output*; with ``collected`` all such tasks of a loop."""

    task: str
    output: str
    collected: bool = False


@dataclass(frozen=True)
class FromLoop:
    """The item that the task is for."""


Feed = FromParameter | FromTask | FromLoop


@dataclass(frozen=True)
class Component:
    """A task's function, called as the task is, and what its arguments are fed from."""

    role: Role
    step: Step
    function: ast.FunctionDef
    feeds: dict[str, Feed]

    @property
    def name(self) -> str:
        """What the function is called."""
        return self.function.name

    @property
    def shown(self) -> str:
        """What people read."""
        return self.step.name + {"list": ": items", "item": ": item"}.get(self.role, "")


def components(
    pipeline: Pipeline,
    step: Step,
    names: Names,
    *,
    ends: bool = False,
    shipped: Shipped | None = None,
    packages: Packages | None = None,
) -> tuple[Component, ...]:
    """The functions that KFP makes components of: of a loop that runs apart one for each part, the whole last.

    *ends* says that the step is to be the task that ends the run. *shipped* are the files that come with the notebook,
    *packages* what is installed for those steps that run in their image.
    """
    roles: tuple[Role, ...] = ("list", "item", "whole") if runs_apart(step) else ("exit",) if ends else ("step",)
    return tuple(_Writer(pipeline, step, names, role, shipped, packages).component() for role in roles)


class _Writer:
    """Writes the function of one task."""

    def __init__(
        self,
        pipeline: Pipeline,
        step: Step,
        names: Names,
        role: Role,
        shipped: Shipped | None = None,
        packages: Packages | None = None,
    ) -> None:
        self._shipped = shipped
        self._pipeline, self._step, self._names, self._role = pipeline, step, names, role
        self._signature: list[tuple[str, ast.expr]] = []
        self._feeds: dict[str, Feed] = {}
        self._call: dict[str, ast.expr] = {}
        self._outputs = names.outputs[step.name]
        if packages is not None and step.options.image is None:
            self._call["packages"] = ast.Constant(packages.name)

    def component(self) -> Component:
        """The function, with its feeds."""
        name = self._names.parts.get((self._step.name, self._role), self._names.steps[self._step.name])
        self._take_inputs()
        self._take_what_kfp_passes()
        self._leave()
        call = source.call(
            source.name(run_labline_step.__name__), source.call(source.name(SPECIFICATION)), **self._call
        )
        lists = self._role == "list"
        function = source.function(
            name,
            ((argument, annotation, None) for argument, annotation in self._signature),
            [ast.Return(call) if lists else ast.Expr(call)],
            docstring=f"{self._what} of {self._pipeline.notebook}.",
            returns=source.name("list") if lists else None,
        )
        return Component(self._role, self._step, function, self._feeds)

    @property
    def _what(self) -> str:
        name = self._step.name
        of_loop = {"list": f"The items of step {name}", "item": f"One item of step {name}"}
        return of_loop.get(self._role, f"Step {name}")

    def _take_inputs(self) -> None:
        step, names = self._step, self._names
        of_run = step.options.exit if self._role == "exit" else ()
        parameters = {
            p.name: names.parameters[p.name]
            for p in self._pipeline.parameters
            if p.name in step.parameters and p.name not in of_run
        }
        taken = [*OWN_OUTPUTS, *PASSED, *self._outputs.values(), *parameters.values()]
        origins = sources(self._pipeline, step)
        arguments = unique(
            ((origin, names.outputs[origin.step][origin.output]) for origin in origins),
            taken=taken,
        )
        keepers = unique(
            ((keeper, f"result_of_{names.steps[keeper]}") for keeper in step.keepers),
            taken=[*taken, *arguments.values()],
        )
        for origin, argument in arguments.items():
            feed = FromTask(names.steps[origin.step], names.outputs[origin.step][origin.output])
            self._take(argument, feed, artifact_type(self._pipeline.step(origin.step), origin.output))
        for keeper, argument in keepers.items():
            self._take(argument, FromTask(names.steps[keeper], RESULT))
        travels = {p.name: passing(p) for p in self._pipeline.parameters}
        for name, argument in parameters.items():
            self._feeds[argument] = FromParameter(name)
            self._signature.append((argument, source.name(travels[name].type.__name__)))
        self._call["parameters"] = ast.Dict(
            [ast.Constant(name) for name in parameters],
            [_tuple(ast.Constant(travels[name].kind), source.name(arg)) for name, arg in parameters.items()],
        )
        self._call["inputs"] = _list(
            _tuple(
                ast.Constant(origin.step),
                source.literal(list(origin.names)),
                source.literal(list(origin.unaltered)),
                source.name(argument),
            )
            for origin, argument in arguments.items()
        )
        self._kept = [source.name(argument) for argument in keepers.values()]
        if self._role != "exit":  # which takes nothing of other tasks
            self._take_files([*taken, *arguments.values(), *keepers.values()])

    def _take_files(self, taken: list[str]) -> None:
        """The notebook's files, and then those that steps above have written, in the notebook's order."""
        archives: list[ast.expr] = []
        if self._shipped is not None:
            self._take("notebook_files", FromTask(FOLDER, self._shipped.output))
            archives.append(_tuple(source.name("notebook_files"), ast.Constant(self._shipped.digest)))
        wanted = ((writer, f"files_of_{self._names.steps[writer]}") for writer in self._step.files_of)
        for writer, argument in unique(wanted, taken=taken).items():
            self._take(argument, FromTask(self._names.steps[writer], WRITTEN))
            archives.append(_tuple(source.name(argument), ast.Constant(None)))
        if archives:
            self._call["archives"] = _list(archives)

    def _take(self, argument: str, feed: FromTask, kind: str = "Artifact") -> None:
        self._feeds[argument] = feed
        annotation: ast.expr = source.dotted(f"dsl.{kind}")
        if feed.collected:
            annotation = ast.Subscript(source.name("list"), annotation, ast.Load())
        self._signature.append((argument, _directed("Input", annotation)))

    def _take_what_kfp_passes(self) -> None:
        """What the parts of a loop get of one another, and the last task of the run."""
        own = self._step.name
        if self._role == "exit":
            self._signature.append(("run_status", source.dotted("dsl.PipelineTaskFinalStatus")))
            self._call["ending"] = source.literal(self._step.options.exit)
            self._call["status"] = source.name("run_status")
        if self._role in ("list", "item", "whole"):
            self._call["part"] = ast.Constant(self._role)
        if self._role in ("item", "whole"):
            self._take("loop_listing", FromTask(self._names.parts[own, "list"], "loop_listing"))
            self._call["listing"] = source.name("loop_listing")
        if self._role == "item":
            self._feeds["loop_item"] = FromLoop()
            self._signature.append(("loop_item", source.name("str")))
            self._call["item"] = source.name("loop_item")
        if self._role == "whole":
            left = {"loop_results": RESULT, "loop_notebooks": "executed_notebook"}
            left |= {"loop_values": self._outputs[0]} if self._step.outputs else {}
            for argument, output in left.items():
                self._take(argument, FromTask(self._names.parts[own, "item"], output, collected=True))
            self._call["left"] = _tuple(*map(source.name, left))

    def _leave(self) -> None:
        left = {} if self._role == "list" else self._outputs
        for output, argument in left.items():
            kind = "Artifact" if self._role == "item" else artifact_type(self._step, output)  # of one item's part
            self._signature.append((argument, _directed("Output", source.dotted(f"dsl.{kind}"))))
        self._call["outputs"] = _list(
            _tuple(source.name(left[n]), source.literal(list(output.names)), source.literal(list(output.optional)))
            for n, output in enumerate(self._step.outputs)
            if n in left
        )
        for argument, kind in self._own_outputs().items():
            name = "loop_listing" if self._role == "list" else argument
            self._signature.append((name, _directed("Output", source.dotted(f"dsl.{kind}"))))
            self._call[argument] = source.name(name)
        if self._kept:
            self._call["kept"] = _list(self._kept)

    def _own_outputs(self) -> dict[str, str]:
        """What the component leaves beside the step's values, and as which kind of KFP artifact."""
        kinds = {"executed_notebook": "Artifact", RESULT: "Artifact"}
        if self._role == "list":
            return {RESULT: "Artifact"}
        if self._role == "item":  # which writes no files that others use, or it would not run apart
            return kinds
        if self._step.name in self._pipeline.writers and self._role != "exit":
            kinds[WRITTEN] = "Artifact"
        measuring = [cell.source for cell in self._step.cells if cell.role == "metrics"]
        if measuring:
            kinds["metrics"] = "Metrics"
        if any(map(MADE_BY.search, measuring)):
            kinds["classification"] = "ClassificationMetrics"
        if self._step.options.report is not False:
            kinds["report"] = "HTML"
        return kinds


def _directed(direction: str, kind: ast.expr) -> ast.expr:
    return ast.Subscript(source.dotted(f"dsl.{direction}"), kind, ast.Load())


def _tuple(*items: ast.expr) -> ast.expr:
    return ast.Tuple(list(items), ast.Load())


def _list(items: Iterable[ast.expr]) -> ast.expr:
    return ast.List(list(items), ast.Load())
