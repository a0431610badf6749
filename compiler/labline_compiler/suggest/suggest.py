"""The one entry: a notebook to a suggestion that compiles."""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from dataclasses import replace

from labline_compiler.analysis.history import is_result
from labline_compiler.compile import Compilation, compile_notebook
from labline_compiler.findings import Edit, Finding, TagEdit
from labline_compiler.ipython import CellSyntaxError, ParsedCell
from labline_compiler.known import Known
from labline_compiler.notebook import Cell, Notebook
from labline_compiler.pipeline import Pipeline
from labline_compiler.suggest import gains
from labline_compiler.suggest.cuts import Crossing, Cuts, weight_of
from labline_compiler.suggest.fragile import fragile_names
from labline_compiler.suggest.model import Role, SuggestedCell, SuggestedStep, Suggestion
from labline_compiler.suggest.names import Heading, headings, name_of, plain, says_nothing, section_of, unique
from labline_compiler.suggest.phases import deed_of, worth_cutting
from labline_compiler.suggest.roles import roles
from labline_compiler.tags import read_cell_tags

_TAGS: dict[Role, str] = {"imports": "imports", "functions": "functions", "parameters": "pipeline-parameters"}
_REASONS = {
    "imports": "it only imports and sets options",
    "functions": "it only defines functions and classes",
    "parameters": "it only gives names to numbers and texts",
}
# Findings on what later processes would not see, so that no step may begin after the cell.
_PROCESS = frozenset(("LL204", "LL303", "LL304"))
_HARMLESS = re.compile(r"^\s*%(load_ext\s+autoreload|autoreload|config|precision|matplotlib)\b.*$", re.MULTILINE)
_ROUNDS = 30


class SuggestionError(Exception):
    """There is nothing to suggest. ``findings`` say why, where it is for what is in the notebook."""

    def __init__(self, message: str, findings: tuple[Finding, ...] = ()) -> None:
        super().__init__(message)
        self.message, self.findings = message, findings


def suggest(notebook: Notebook, sizes: Mapping[str, int] | None = None) -> Suggestion:
    """Propose steps for *notebook*, which must have none. *sizes* are bytes of values by name, where they are known.

    Deterministic. Raises :class:`SuggestionError` where the notebook has steps, or errors that no tagging mends.
    """
    read = [read_cell_tags(cell) for cell in notebook.code_cells]
    if any(tags.step for tags, _ in read):
        raise SuggestionError("The notebook has steps already. To have others suggested, remove its step tags.")
    if unread := tuple(
        found for cell in notebook.code_cells for found in read_cell_tags(cell)[1] if found.code == "LL108"
    ):
        raise SuggestionError("The notebook has tags that cannot be read, so none can be added to them.", unread)
    try:
        suggestion = _Suggester(notebook, sizes or {}).suggest()
    except CellSyntaxError:
        suggestion = None
    if suggestion is None:
        findings = compile_notebook(notebook).findings
        raise SuggestionError("The notebook has errors, so no steps can be suggested yet.", findings)
    return suggestion


class _Suggester:
    def __init__(self, notebook: Notebook, sizes: Mapping[str, int]) -> None:
        self.notebook = notebook
        self.sizes = sizes
        self.known = Known(notebook)
        self.parsed: dict[int, ParsedCell] = {}
        self.titles: dict[int, str | None] = {}  # by first cells of steps: the headings that name them
        self.why: dict[int, str] = {}  # by cells above which a cut is worth something
        self.given: dict[int, str] = {}  # roles that the notebook's own tags give
        for cell in notebook.code_cells:
            tags, _ = read_cell_tags(cell)
            if tags.role not in (None, "metrics"):
                self.given[cell.index] = str(tags.role)
            if tags.role != "skip" and cell.source.strip():
                self.parsed[cell.index] = self.known.parse(cell)

    def suggest(self) -> Suggestion | None:
        """Find roles, then cuts, and take back what the compiler objects to. None where it objects to all."""
        special = self._special()
        joined: set[int] = set()  # cells that have to be in one step with the cell above
        while True:
            ordinary = [index for index in self.parsed if index not in special and index not in self.given]
            fine = self._compile({i: f"c{i}" for i in ordinary if i not in joined}, special)
            refused = {found.cell_index for found in fine.findings if found.code in ("LL110", "LL111")} & set(special)
            special = {index: role for index, role in special.items() if index not in refused}
            more = {i for first, last in fine.parted for i in ordinary if first < i <= last and i != ordinary[0]}
            if not refused and more <= joined:
                break
            joined |= more
        if not ordinary or fine.pipeline is None:
            return self._whole(special, ordinary)
        cuts = self._cuts(fine.pipeline, ordinary, special)
        cuts.forbidden |= {number for number, index in enumerate(ordinary) if index in joined}
        for found in fine.findings:
            self._keep_together(found, cuts, ordinary)
        for _ in range(_ROUNDS):
            steps = self._named([ordinary[start] for start in cuts.best()], ordinary)
            compilation = self._compile(steps, special)
            if compilation.pipeline is not None:
                return self._suggestion(steps, special, ordinary, compilation)
            before = len(cuts.forbidden)
            for first, last in compilation.parted:
                cuts.forbidden |= {number for number, index in enumerate(ordinary) if first < index <= last}
            for found in compilation.findings if len(cuts.forbidden) == before else ():
                cuts.forbid_between(0, len(ordinary) - 1 if found.cell_index is None else _place(found, ordinary))
            if len(cuts.forbidden) == before:
                break
        return self._whole(special, ordinary)

    def _whole(self, special: Mapping[int, Role], ordinary: list[int]) -> Suggestion | None:
        """All in one step."""
        steps = self._named(ordinary[:1], ordinary)
        compilation = self._compile(steps, special)
        if compilation.pipeline is None or not compilation.pipeline.steps:
            special, ordinary = {}, list(self.parsed)
            steps = self._named(list(self.parsed)[:1], list(self.parsed))
            compilation = self._compile(steps, special)
        return self._suggestion(steps, special, ordinary, compilation)

    # ------------------------------------------------------------------------------------------------------------ roles

    def _special(self) -> dict[int, Role]:
        """Cells that look like a special role. The compiler says of some that they have to run once."""
        special = roles({index: parsed for index, parsed in self.parsed.items() if index not in self.given})
        if "parameters" in self.given.values():
            special = {index: role for index, role in special.items() if role != "parameters"}
        return special

    # ------------------------------------------------------------------------------------------------------------- cuts

    def _cuts(self, fine: Pipeline, ordinary: list[int], special: Mapping[int, Role]) -> Cuts:
        """The cuts there could be, from the compilation in which every cell is a step."""
        place = {f"c{index}": number for number, index in enumerate(ordinary)}
        statements = [node for parsed in self.parsed.values() for node in parsed.tree.body]
        defined = {
            node.name for node in statements if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
        }
        imported = {
            (alias.asname or alias.name).partition(".")[0]
            for node in statements
            if isinstance(node, (ast.Import, ast.ImportFrom))
            for alias in node.names
        }
        crossings = [
            Crossing(
                place[taken.source],
                place[step.name],
                name,
                weight_of(name, self.sizes.get(name), light=name in defined),
            )
            for step in fine.steps
            for taken in step.inputs
            for name in taken.names
            if taken.source in place and step.name in place and name not in imported
        ]
        seconds = [gains.seconds_of(self.notebook.cells[index]) for index in ordinary]
        worth, why = worth_cutting([self.parsed[index].tree for index in ordinary], seconds)
        self.why = {ordinary[number]: reason for number, reason in why.items()}
        cuts = Cuts(len(ordinary), crossings, self._starts(ordinary), worth=worth)
        fragile = fragile_names(self.parsed)
        for crossing in crossings:
            if crossing.name in fragile.get(ordinary[crossing.source], ()) or is_result(crossing.name):
                cuts.forbid_between(crossing.source, crossing.target)
        return cuts

    def _starts(self, ordinary: list[int]) -> dict[int, int]:
        """The cells, by their number, right above which there are headings, with the level of the highest."""
        found: dict[int, int] = {}
        for heading in headings(self.notebook.cells):
            after = next((number for number, index in enumerate(ordinary) if index > heading.cell), None)
            if after is not None:
                found[after] = min(heading.level, found.get(after, heading.level))
        return {number: level for number, level in found.items() if number > 0}

    def _keep_together(self, found: Finding, cuts: Cuts, ordinary: list[int]) -> None:
        if found.cell_index not in ordinary:
            return
        number = ordinary.index(found.cell_index)
        if found.code in _PROCESS:
            source = self.notebook.cells[found.cell_index].source
            if found.code != "LL304" or re.search(r"^\s*%", _HARMLESS.sub("", source), re.MULTILINE):
                cuts.forbid_between(number, len(ordinary) - 1)

    # ------------------------------------------------------------------------------------------------------------ names

    def _named(self, starts: list[int], ordinary: list[int]) -> dict[int, str]:
        """First cells with names for their steps."""
        above: dict[int, list[Heading]] = {}
        everything = headings(self.notebook.cells)
        title = everything[0] if everything and [h.level for h in everything].count(1) == 1 else None
        for one in everything:
            after = next((index for index in ordinary if index > one.cell), None)
            if after is not None and (one is not title or one.level != 1 or len(everything) == 1):
                above.setdefault(after, []).append(one)
        taken: set[str] = set()
        named = {}
        for number, start in enumerate(starts):
            end = starts[number + 1] if number + 1 < len(starts) else len(self.notebook.cells)
            heading = self._heading(
                above.get(start, []), [h for i in ordinary if start < i < end for h in above.get(i, [])]
            )
            trees = [self.parsed[index].tree for index in ordinary if start <= index < end]
            if heading is not None and says_nothing(heading.text):
                section = section_of(heading, everything)
                heading = heading if section in (None, title) else section
            name = (name_of(heading.text) if heading else None) or deed_of(trees)
            named[start] = unique(name, taken)
            self.titles[start] = plain(heading.text) if heading else None
        return named

    @staticmethod
    def _heading(above: list[Heading], inside: list[Heading]) -> Heading | None:
        """Of the headings right above a step the one that names all of it: the last that none inside is equal to."""
        if not above:
            return None
        inner = min((heading.level for heading in inside), default=9)
        fitting = [heading for heading in above if heading.level < inner]
        return fitting[-1] if fitting else above[0]

    # -------------------------------------------------------------------------------------------------- the outcome

    def _edits(self, steps: Mapping[int, str], special: Mapping[int, Role]) -> tuple[TagEdit, ...]:
        tags = {**{index: _TAGS[role] for index, role in special.items()}, **{i: f"step:{n}" for i, n in steps.items()}}
        return tuple(TagEdit(self.notebook.cells[index].id, add=tag) for index, tag in sorted(tags.items()))

    def _compile(self, steps: Mapping[int, str], special: Mapping[int, Role]) -> Compilation:
        added = {edit.cell_id: str(edit.add) for edit in self._edits(steps, special)}
        cells = tuple(_tagged(cell, added[cell.id]) if cell.id in added else cell for cell in self.notebook.cells)
        return compile_notebook(replace(self.notebook, cells=cells), known=self.known)

    def _suggestion(
        self, steps: Mapping[int, str], special: Mapping[int, Role], ordinary: list[int], compilation: Compilation
    ) -> Suggestion | None:
        pipeline = compilation.pipeline
        if pipeline is None:
            return None
        timed = {index: gains.seconds_of(self.notebook.cells[index]) for index in self.parsed}
        taken = {index: seconds for index, seconds in timed.items() if seconds is not None}
        again = gains.reruns(pipeline)
        heading_of = {name: self.titles.get(index) for index, name in steps.items()}
        suggested = []
        for step in pipeline.steps:
            cells = tuple(cell.index for cell in step.cells)
            known = [taken[index] for index in cells if index in taken]
            seconds = sum(known) if known else None
            suggested.append(SuggestedStep(step.name, heading_of.get(step.name), cells, seconds, again[step.name]))
        total = sum(taken.values()) if taken else None
        shortest = gains.critical(pipeline, {s.name: s.seconds or 0.0 for s in suggested}) if taken else None
        groups = gains.together(pipeline)
        return Suggestion(
            Edit(f"Tag {len(steps)} steps", tags=self._edits(steps, special)),
            self._suggested_cells(steps, special, compilation),
            tuple(suggested),
            groups,
            total,
            shortest,
            gains.sentences(pipeline, suggested, groups, total, shortest, self.sizes),
            compilation,
        )

    def _suggested_cells(
        self, steps: Mapping[int, str], special: Mapping[int, Role], compilation: Compilation
    ) -> tuple[SuggestedCell, ...]:
        result = []
        for info in compilation.cells:
            if info.index in special:
                role = special[info.index]
                result.append(SuggestedCell(info.index, info.id, role, None, _REASONS[role]))
            elif info.index in self.parsed and info.step is not None:
                title = self.titles.get(info.index)
                if info.index in steps:
                    first = "the work begins here" if info.index == min(steps) else "few values cross here"
                    reason = self.why.get(info.index, first)
                    reason = f"the heading “{title}” stands above it" if title else reason
                else:
                    reason = "it goes with the cell above"
                result.append(SuggestedCell(info.index, info.id, "step", info.step, reason))
        return tuple(result)


def _tagged(cell: Cell, tag: str) -> Cell:
    return replace(cell, metadata={**cell.metadata, "tags": [*cell.metadata.get("tags", ()), tag]})


def _place(found: Finding, ordinary: list[int]) -> int:
    before = [number for number, index in enumerate(ordinary) if index <= (found.cell_index or 0)]
    return before[-1] if before else 0
