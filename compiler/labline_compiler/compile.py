"""Notebook to pipeline: the one entry."""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from labline_compiler import parameters as parameters_module
from labline_compiler.analysis.dataflow import TooDeepError
from labline_compiler.analysis.flows import PARAMETERS, PREAMBLE, Flows, StepFlow, Unit
from labline_compiler.assignment import CodeCell, Role, assign_steps
from labline_compiler.conditions import find_condition
from labline_compiler.ending import find_exit
from labline_compiler.findings import Edit, Finding, MetadataEdit, TagEdit, finding
from labline_compiler.interruption import interleaved, interrupted
from labline_compiler.ipython import CellSyntaxError, ParsedCell
from labline_compiler.keeping import find_keepers
from labline_compiler.known import Known
from labline_compiler.leakage import find_leaks
from labline_compiler.lifetimes import find_lifetimes
from labline_compiler.loops import Loops, NoLoopError
from labline_compiler.meanwhile import UNCOLLECTED
from labline_compiler.metadata import read_pipeline_options
from labline_compiler.notebook import Cell, Notebook, Origin
from labline_compiler.order import cycle_in, topological
from labline_compiler.pipeline import Input, Pipeline, Step, StepOptions
from labline_compiler.placing import placed
from labline_compiler.quantities import is_more
from labline_compiler.retagging import merging, with_own_name
from labline_compiler.setups import find_setups
from labline_compiler.tags import (
    ROLES,
    Options,
    read_cell_tags,
    rename_step,
    written,
)
from labline_runtime.dataclass import dataclass
from labline_runtime.outcome import Observation
from labline_runtime.specification import CellSource, StepOutput


@dataclass(frozen=True)
class CellRoleInfo:
    """What a code cell is to the pipeline. ``step`` is the step it belongs to, tagged so itself or not."""

    index: int
    id: str
    role: Role
    step: str | None
    origin: Origin | None = None  # in a composed notebook


@dataclass(frozen=True)
class Compilation:
    """The outcome. ``pipeline`` is None exactly when a finding is an error.

    ``parted``: pairs of cells, by their places, that are in different steps and would have to be in one.
    """

    pipeline: Pipeline | None
    findings: tuple[Finding, ...]
    cells: tuple[CellRoleInfo, ...]
    parted: tuple[tuple[int, int], ...] = ()


def compile_notebook(
    notebook: Notebook,
    *,
    name: str | None = None,
    observed: Sequence[Observation] = (),
    plots: str | None = None,
    known: Known | None = None,
) -> Compilation:
    """Compile *notebook*. Never raises for what is in it: faults come as findings.

    *observed* is what earlier runs saw its steps do beyond what their code shows (``StepError.observed``). *plots* is
    the backend that matplotlib has where the steps run, as ``MPLBACKEND`` names it; None for IPython's own. *known* is
    for who compiles the same cells several times, with other tags.
    """
    with UNCOLLECTED:
        return _Compiler(notebook, name, observed, plots, known or Known(notebook, plots)).compile()


_SPLIT = "Split the cell, or move what it does to functions or to a module beside the notebook; or tag it `skip`."


class _Compiler:
    def __init__(
        self, notebook: Notebook, name: str | None, observed: Sequence[Observation], plots: str | None, known: Known
    ) -> None:
        self.notebook = notebook
        self.observed = observed
        self.name = name
        self.plots = plots
        self.known = known
        self.findings: list[Finding] = []
        self.cells: list[CodeCell] = []

    def compile(self) -> Compilation:
        options, findings = read_pipeline_options(self.notebook)
        self.findings += findings
        self._read_cells()
        self.setup, told = assign_steps(self.cells)
        self.findings += told
        self._parse_cells()
        step_options = self._step_options(options.steps, options.defaults)
        prev = self._prev()
        infos = self._roles()
        if self._failed:
            return Compilation(None, self._sorted_findings(), infos)
        try:
            flows = self._flows(options.parallel_random)
        except TooDeepError as error:
            self.findings.append(finding("LL101", str(error), cell=error.cell.place, fix=_SPLIT))
            return Compilation(None, self._sorted_findings(), infos)
        infos = self._roles()
        self.setups = find_setups(self.cells, self.known.beside)
        for found in self.setups.told(flows.findings):
            found = merging(found, flows.parted, step_options, self.cells)
            self.findings.append(with_own_name(found, step_options, self.cells))
        self.findings += self._leaks()
        self.findings += find_lifetimes(self.cells, flows, self.known.keeping)
        steps = self._steps(flows, prev, step_options, options.parallel_random)
        if self._failed or steps is None:
            return Compilation(None, self._sorted_findings(), infos, tuple(flows.parted))
        kept = ("kernelspec", "language_info")
        pipeline = Pipeline(
            name=pipeline_name(self.name or options.name or Path(self.notebook.path).stem),
            notebook=self.notebook.name,
            steps=steps,
            preamble=tuple(
                self._source(c) for c in self.cells if c.role in ("imports", "functions") and c.step is None
            ),
            parameters=tuple(parameter for c in self.cells for parameter in c.parameters),
            kernel=self.notebook.kernel,
            cache=options.cache,
            experiment=options.experiment,
            description=options.description,
            service_account=options.service_account,
            timeout=options.timeout,
            metadata={key: self.notebook.metadata[key] for key in kept if key in self.notebook.metadata},
            observed=tuple(fact for fact in self.observed if fact in flows.telling),
            parallel_random=options.parallel_random,
        )
        return Compilation(pipeline, self._sorted_findings(), infos, tuple(flows.parted))

    def _roles(self) -> tuple[CellRoleInfo, ...]:
        return tuple(CellRoleInfo(c.cell.index, c.cell.id, c.role, c.step, c.cell.origin) for c in self.cells)

    @property
    def _failed(self) -> bool:
        return any(found.severity == "error" for found in self.findings)

    def _sorted_findings(self) -> tuple[Finding, ...]:
        rank = {"error": 0, "warning": 1, "info": 2}
        return tuple(
            sorted(
                (placed(found, self.notebook) for found in self.findings),
                key=lambda f: (rank[f.severity], -1 if f.cell_index is None else f.cell_index, f.line or 0),
            )
        )

    # ------------------------------------------------------------------------------------------------- cells and steps

    def _read_cells(self) -> None:
        for cell in self.notebook.code_cells:
            tags, findings = read_cell_tags(cell)
            self.findings += findings
            if tags.notebook is not None and tags.role != "skip":
                message = f"Cell {cell.number} stands for the notebook {tags.notebook}, which is not put in its place."
                self.findings.append(finding("LL113", message, cell=cell.place))
            role: Role = tags.role if tags.role is not None else "step"  # type: ignore[assignment]
            self.cells.append(CodeCell(cell, tags, role, source=cell.source))
        self.findings = self._rename_steps(self.findings)
        if all(c.role == "skip" or not (c.cell.source.strip() or c.tags.notebook) for c in self.cells):
            self.findings.append(finding("LL007", "Every code cell is empty or tagged `skip`."))

    def _rename_steps(self, findings: list[Finding]) -> list[Finding]:
        """Offer a new name for a step that cannot be called so, unless another step has it or would get it."""
        findings = rename_step(findings)
        wanted = {found.edit.title for found in findings if found.code == "LL103" and found.edit}
        names = [title.rpartition(" ")[2] for title in wanted] + [str(c.tags.step) for c in self.cells if c.tags.step]
        return [
            replace(found, edit=None)
            if found.code == "LL103" and found.edit and names.count(found.edit.title.rpartition(" ")[2]) > 1
            else found
            for found in findings
        ]

    def _parse_cells(self) -> None:
        seen: dict[str, CodeCell] = {}
        number = 0
        for c in self.cells:
            if c.role == "skip" or not c.cell.source.strip():
                continue
            c.number = number = number + 1
            try:
                c.parsed = self.known.parse(c.cell)
            except CellSyntaxError as error:
                where = f"Cell {c.cell.number}" + (f", line {error.line}" if error.line else "")
                self.findings.append(
                    finding(
                        "LL101",
                        f"{where}: {error.message}.",
                        cell=c.cell.place,
                        line=error.line,
                        column=error.column,
                        step=c.step,
                    )
                )
                continue
            if c.role != "parameters" or c.parsed.magic is not None:
                continue
            taken = parameters_module.split_parameters(c.parsed.tree, c.cell.source, c.cell.index)
            c.parameters = taken.parameters
            c.parsed = ParsedCell(taken.rest) if taken.rest_source is not None else None
            c.source = taken.rest_source or ""
            for parameter in taken.parameters:
                if (other := seen.setdefault(parameter.name, c)) is not c:
                    message = (
                        f"Parameter {parameter.name} is defined in cell {other.cell.number} "
                        f"and again in cell {c.cell.number}."
                    )
                    self.findings.append(finding("LL110", message, cell=c.cell.place, line=parameter.line))
        for c in self.cells:
            if c.role == "parameters" and c.parsed is None:
                c.step = None

    def _step_options(self, by_name: dict[str, Options], defaults: Options) -> dict[str, StepOptions]:
        merged: dict[str, Options] = {
            c.step: Options() for c in self.cells if c.step is not None and c.parsed is not None
        }
        for c in self.cells:
            if c.step in merged and (clash := merged[c.step].merge(c.tags.options)):
                message = f"Cell {c.cell.number} contradicts another cell of step {c.step} on {clash}."
                self.findings.append(finding("LL107", message, cell=c.cell.place, step=c.step))
        for name, options in by_name.items():
            if name not in merged:
                message = f"In the notebook's metadata, `labline.steps.{name}` names no step."
                near = difflib.get_close_matches(name, [step for step in merged if step not in by_name], n=1)
                edit = None
                if near:
                    rename = MetadataEdit(("labline", "steps", name), near[0])
                    edit = Edit(f"Rename labline.steps.{name} to {near[0]}", metadata=(rename,))
                self.findings.append(finding("LL108", message, edit=edit))
            elif clash := merged[name].merge(options):
                message = f"The notebook's metadata contradicts the tags of step {name} on {clash}."
                self.findings.append(finding("LL107", message, step=name))
        result = {}
        for name, options in merged.items():
            options.fill(defaults)
            for resource, quantity in options.requests.items():
                if is_more(quantity, options.limits.get(resource)):
                    message = (
                        f"Step {name} asks for {quantity} of {resource}, which is more than its limit of "
                        f"{options.limits[resource]}."
                    )
                    fix = f"Lower request:{resource}, or raise limit:{resource}."
                    self.findings.append(finding("LL107", message, step=name, fix=fix))
            if not options.retries:
                self.findings += [
                    finding("LL109", f"Step {name} has {option}, but no retries, so it changes nothing.", step=name)
                    for option in ("backoff", "retry_on")
                    if getattr(options, option)
                ]
            result[name] = StepOptions(
                limits=options.limits,
                requests=options.requests,
                labels=options.labels,
                annotations=options.annotations,
                node_selector=options.node_selector,
                tolerations=tuple(options.tolerations),
                secrets=tuple(options.secrets),
                secret_files=tuple(options.secret_files),
                config_maps=tuple(options.config_maps),
                config_map_files=tuple(options.config_map_files),
                volumes=tuple(options.volumes),
                pull_secrets=tuple(options.pull_secrets),
                service_account=options.service_account,
                image=options.image,
                cache=options.cache,
                report=options.report,
                retries=options.retries or 0,
                backoff=options.backoff,
                retry_on=options.retry_on or (),
                exit=options.exit or (),
                foreach=options.foreach,
                register=options.register,
                timeout=options.timeout,
                post_mortem=options.post_mortem or False,
            )
        return result

    def _prev(self) -> dict[str, dict[str, Cell]]:
        """Step -> the steps that ``prev:`` tags put before it, and the cell that says so."""
        known = {c.step for c in self.cells if c.step is not None}
        units: dict[str, dict[str, None]] = {}  # a notebook in this one -> its steps
        for c in self.cells:
            for unit in c.cell.origin.units if c.cell.origin is not None and c.step is not None else ():
                units.setdefault(unit, {})[c.step or ""] = None
        result: dict[str, dict[str, Cell]] = {}
        for c in self.cells:
            if c.step is None or c.role not in ("step", "metrics"):
                continue
            for name in [each for said in c.tags.prev for each in units.get(said, (said,))]:
                if name not in known:
                    near = difflib.get_close_matches(name, [k for k in known if k], n=1)
                    hint = f" Did you mean {near[0]}?" if near else ""
                    message = f"Cell {c.cell.number}: prev:{name} names a step that no cell has.{hint}"
                    edit = None
                    if near and near[0] != c.step:
                        tag = TagEdit(c.cell.id, written(c.cell, "prev", name), f"prev:{near[0]}")
                        edit = Edit(f"Write prev:{near[0]}", tags=(tag,))
                    self.findings.append(finding("LL104", message, cell=c.cell.place, step=c.step, edit=edit))
                elif name == c.step:
                    message = f"Cell {c.cell.number}: step {name} would have to wait for itself."
                    edit = _without_prev(c.cell, name)
                    self.findings.append(finding("LL106", message, cell=c.cell.place, step=c.step, edit=edit))
                else:
                    result.setdefault(c.step, {})[name] = c.cell
        if (cycle := cycle_in({step: set(before) for step, before in result.items()})) and not self._failed:
            cell = result[cycle[0]][cycle[1]]
            self.findings.append(
                finding("LL106", f"The prev: tags form a cycle: {_arrows(cycle)}.", cell=cell.place, step=cycle[0])
            )
        return result

    # -------------------------------------------------------------------------------------------------------- data flow

    def _flows(self, parallel_random: bool) -> Flows:
        """Analyse; cells that turn out to be unfit for the start of every step become part of the step above them."""
        while True:
            flows = self.known.analysis.flows(self._units(), self.observed, parallel_random=parallel_random)
            moved = False
            above: str | None = None
            for c in self.cells:
                if c.role in ("imports", "functions") and c.step is None and c.cell.index in flows.misplaced:
                    c.step = above or self.setup
                    moved = True
                    message = f"Cell {c.cell.number} is tagged {c.role} but runs once, as part of step {c.step}."
                    edit = Edit(f"Remove the tag {c.role}", tags=tuple(TagEdit(c.cell.id, t) for t in _roles(c.cell)))
                    self.findings.append(finding("LL111", message, cell=c.cell.place, step=c.step, edit=edit))
                elif c.role in ("step", "metrics"):
                    above = c.step
            if not moved:
                return flows

    def _leaks(self) -> list[Finding]:
        """What is wrong with how models are trained and judged."""
        steps = {c.cell.id: c.step for c in self.cells}
        found = find_leaks((c.cell, c.parsed) for c in self.cells if c.parsed is not None)
        return [replace(leak, step=steps.get(leak.cell_id or "")) for leak in found]

    def _units(self) -> list[Unit]:
        units = []
        for c in self.cells:
            if c.parameters:
                units.append(Unit(c.cell, PARAMETERS, parameters=c.parameters))
            if c.parsed is not None:
                units.append(Unit(c.cell, c.step or PREAMBLE, c.parsed, cell_number=c.number))
        return units

    def _steps(
        self,
        flows: Flows,
        prev: dict[str, dict[str, Cell]],
        options: dict[str, StepOptions],
        parallel_random: bool,
    ) -> tuple[Step, ...] | None:
        names = list(flows.steps)
        position = {name: i for i, name in enumerate(names)}
        waits = {
            name: self._waits_for(flow) | prev.get(name, {}).keys() & position.keys()
            for name, flow in flows.steps.items()
        }
        parameters = [parameter for c in self.cells for parameter in c.parameters]
        last, wrong = find_exit(options, parameters, waits)
        self.findings += wrong
        if wrong:
            return None
        if last is not None:
            waits[last] = position.keys() - {last}
        if cycle := cycle_in(waits):
            self._tell_cycle(cycle, prev)
            return None
        if not self._failed:
            self.findings += interleaved(self.cells)
        order = topological(names, waits)
        keepers = find_keepers(flows, order, self.cells)
        broken = interrupted(self.cells)
        cells: dict[str | None, list[CellSource]] = {}
        trees: dict[str | None, list[ast.Module]] = {}
        for c in self.cells:
            if c.parsed is not None:
                cells.setdefault(c.step, []).append(self._source(c))
                trees.setdefault(c.step, []).append(c.parsed.tree)
        steps = []
        for name in order:
            flow = flows.steps[name]
            by_source: dict[str, list[str]] = {}
            for variable, version in flow.inputs.items():
                by_source.setdefault(version.step, []).append(variable)
            after = [
                s
                for s in {
                    **flow.after,
                    **prev.get(name, {}),
                    **keepers.get(name, {}),
                    **(waits if name == last else {}),
                }
                if s in position and s not in by_source and s != name
            ]
            made = {*flow.files_of, *prev.get(name, {})}
            outputs = [StepOutput(tuple(group), tuple(sorted(flow.optional & set(group)))) for group in flow.groups]
            stretches = [stretch.told() for stretch in flow.stretches.values()]
            steps.append(
                Step(
                    name=name,
                    cells=tuple(cells.get(name, ())),
                    parameters=tuple(p.name for p in parameters if p.name in flow.parameters),
                    inputs=tuple(
                        Input(tuple(taken), s, tuple(name for name in taken if name in stretches[-1].unaltered))
                        for s in sorted(by_source, key=position.__getitem__)
                        for taken in [sorted(by_source[s])]
                    ),
                    outputs=tuple(outputs),
                    kinds=dict(sorted(flow.kinds.items())),
                    after=tuple(sorted(after, key=position.__getitem__)),
                    uses=tuple(sorted({state for stretch in stretches for state in stretch.uses})),
                    files=tuple(sorted({path for stretch in stretches for path in stretch.files})),
                    stretches=tuple(stretches) if name in broken else (),
                    keepers=tuple(keepers.get(name, ())),
                    files_of=tuple(sorted(made & position.keys(), key=position.__getitem__)),
                    options=options.get(name) or StepOptions(),
                    setups=self.setups.of(name),
                    condition=find_condition(cells.get(name, ()), trees.get(name, ())),
                )
            )
        return tuple(self._with_loops(steps, parallel_random))

    def _with_loops(self, steps: list[Step], parallel_random: bool) -> Iterator[Step]:
        """The steps; those that are to run item by item with their loop, or with a finding that says why not."""
        loops = Loops(self._units(), self.observed, parallel_random=parallel_random, plots=self.plots)
        for step in steps:
            if step.options.foreach is None:
                yield step
                continue
            try:
                loop = loops.find(step)
            except NoLoopError as found:
                message = f"Step {step.name} runs as a whole, not item by item: {found.reason}."
                cell = found.unit.cell.place if found.unit is not None else None
                self.findings.append(finding("LL209", message, cell=cell, line=found.line, step=step.name))
                yield step
                continue
            together = StepOutput(tuple(name for output in step.outputs for name in output.names))
            yield replace(step, loop=loop, outputs=(together,) if step.outputs else ())

    @staticmethod
    def _waits_for(flow: StepFlow) -> set[str]:
        return {version.step for version in flow.inputs.values()} | set(flow.after)

    def _tell_cycle(self, cycle: list[str], prev: dict[str, dict[str, Cell]]) -> None:
        for step, before in zip(cycle, [*cycle[1:], cycle[0]], strict=True):
            if cell := prev.get(step, {}).get(before):
                message = f"prev:{before} on step {step} contradicts the values that flow: {_arrows(cycle)}."
                edit = _without_prev(cell, before)
                self.findings.append(finding("LL203", message, cell=cell.place, step=step, edit=edit))
                return
        cells = [c.cell for c in self.cells if c.step in cycle]
        numbers = ", ".join(str(cell.number) for cell in cells)
        message = f"Steps wait for each other: {_arrows(cycle)}; their cells {numbers} are interleaved."
        self.findings.append(finding("LL202", message, cell=cells[-1].place, step=cycle[0]))

    def _source(self, c: CodeCell) -> CellSource:
        in_step = c.step is not None and c.role in ("imports", "functions")
        role = "step" if in_step or c.role == "skip" else c.role
        source = CellSource(c.cell.index, c.cell.id, c.source, role, c.number)
        if (origin := c.cell.origin) is None:
            return source
        return replace(source, label=origin.number, host=origin.cell[1] if origin.notebook else "")


def _without_prev(cell: Cell, name: str) -> Edit:
    return Edit(f"Remove prev:{name}", tags=(TagEdit(cell.id, remove=written(cell, "prev", name)),))


def _roles(cell: Cell) -> list[str]:
    return [tag.strip() for tag in cell.metadata.get("tags", ()) if tag.strip() in ROLES]


def _arrows(cycle: Iterable[str]) -> str:
    steps = list(cycle)
    return " waits for ".join([*steps, steps[0]])


def pipeline_name(text: str) -> str:
    """*text* as a name that every target takes: small letters, digits and dashes."""
    name = re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:100].strip("-")
    return name or "pipeline"
