"""The way back from the call that predicts to the raw rows."""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterable, Sequence

from labline_compiler.compile import Compilation
from labline_compiler.notebook import Cell, Notebook
from labline_compiler.pipeline import Pipeline
from labline_compiler.setups import bound_by
from labline_compiler.slicing import tables
from labline_compiler.slicing.asked import Prediction, find_prediction
from labline_compiler.slicing.rewriting import Rewritten, rewrite, rewrite_expression
from labline_compiler.slicing.settings import ENVIRONMENT, SHOWN_BY, makes_setting
from labline_compiler.slicing.statements import Statement, Version, read_statements
from labline_compiler.slicing.words import SlicingError, place
from labline_compiler.syntax import parse, unparse
from labline_runtime.capture import Binding, Operation, Piece, Slice, StepReplay

PREAMBLE, PARAMETERS = "<preamble>", "<parameters>"


def slice_notebook(
    notebook: Notebook,
    compilation: Compilation,
    asked: str,
    given: str | None = None,
    *,
    plots: str | None = None,
    learned: Collection[tuple[str, int]] = (),
) -> Slice:
    """Slice *notebook* back from the prediction in the cell *asked* for to the name *given*, or to what it loads.

    *compilation* is the notebook's, without errors. *learned* are names that were seen to stand for no rows after the
    statement with that number, though they are made of rows. Raises :class:`SlicingError`.
    """
    if compilation.pipeline is None:
        raise SlicingError("The notebook does not compile.")
    statements = read_statements(notebook, compilation, plots)
    slicer = _Slicer(notebook, compilation.pipeline, statements, find_prediction(statements, asked))
    slicer.learned = {Version(*each) for each in learned}
    return slicer.slice(given)


class _Slicer:
    def __init__(
        self, notebook: Notebook, pipeline: Pipeline, statements: Sequence[Statement], prediction: Prediction
    ) -> None:
        self._notebook = notebook
        self._pipeline = pipeline
        self._statements = statements
        self._prediction = prediction
        self._names = {parameter.name for parameter in pipeline.parameters}
        self.learned: set[Version] = set()
        self._rows: set[Version] = set()
        self._rewritten: dict[int, Rewritten] = {}
        self._keys: dict[Version, str] = {}
        self._code: dict[int, Piece] = {}
        self._code_takes: dict[int, tuple[tuple[str, str], ...]] = {}
        self._needed: set[Version] = set()  # rows that what is kept takes

    def slice(self, given: str | None) -> Slice:
        asked = self._prediction
        wanted = self._used(asked.statement, asked.rows)
        closure = self._closure(wanted)
        start = self._input(closure, given)
        self._follow(start, closure)
        result = rewrite_expression(asked.statement, asked.rows, self._row_names(asked.statement))
        if result.problem is not None:
            raise SlicingError(result.problem)
        kept = self._kept(start)
        if not any(version in self._rows for version in wanted):
            raise SlicingError(
                f"{unparse(asked.rows)} in {place(asked.statement.cell, asked.call)} does not depend on "
                f"{start.name} of {self._place(start.statement)}. Name the frame that it is made of with --input."
            )
        pieces = tuple(self._piece(number) for number in kept)
        states = [version for version in asked.statement.versions if version.is_state]
        binds, takes = self._state(asked.statement, [*self._used(asked.statement, asked.rows), *states])
        input_statement = self._statements[start.statement]
        return Slice(
            notebook=self._notebook.name,
            prediction=asked.text,
            place=place(asked.statement.cell, asked.call),
            step=self._home(asked.statement),
            input=start.name,
            input_place=place(input_statement.cell, input_statement.node),
            model=unparse(asked.model),
            method=asked.method,
            result=result.served,
            captured_result=result.captured,
            result_binds=binds,
            result_takes=takes,
            result_of=self._rows_read(asked.statement, wanted),
            pieces=pieces,
            code=tuple(self._code.values()),
            preamble=tuple(each.source for each in self._statements if self._home(each) == PREAMBLE),
            replays=tuple(self._replays(start, kept)),
            left_out=tuple(dict.fromkeys([*(t for n in kept for t in self._rewritten[n].left_out), *result.left_out])),
        )

    # -------------------------------------------------------------- what depends on what

    def _used(self, statement: Statement, *nodes: ast.AST) -> list[Version]:
        names = dict.fromkeys(each.id for node in nodes for each in ast.walk(node) if isinstance(each, ast.Name))
        return [version for name in names if (version := statement.version(name)) is not None]

    def _closure(self, versions: Iterable[Version]) -> set[int]:
        found: set[int] = set()
        ahead = [version.statement for version in versions]
        while ahead:
            number = ahead.pop()
            if number not in found:
                found.add(number)
                ahead += (each.statement for each in self._statements[number].versions if not each.is_state)
        return found

    def _input(self, closure: set[int], given: str | None) -> Version:
        """Where the rows come from: a name the first time that it stands for something, or what is loaded."""
        if given is not None:
            name, _, cell = given.partition(":")
            made = [n for n in sorted(closure) if name in self._statements[n].changes]
            made = [n for n in made if not cell or cell in (str(self._cell(n).number), self._cell(n).id)]
            if not made:
                raise SlicingError(f"{self._prediction.text} is not made of anything called {given!r}.")
            return Version(name, made[-1] if cell else made[0])
        loading = [n for n in sorted(closure) if self._loads(self._statements[n])]
        found = [(n, name) for n in loading for name in sorted(self._statements[n].changes)]
        if len(found) == 1:
            return Version(found[0][1], found[0][0])
        if not found:
            raise SlicingError(
                f"Nothing that {self._prediction.text} depends on is seen to load rows. "
                "Name the frame that requests are to bring with --input NAME."
            )
        names = ", ".join(f"{name} ({self._place(n)})" for n, name in found)
        raise SlicingError(
            f"Several things are loaded: {names}. Name the frame whose rows are asked about with --input NAME; the "
            "others are kept as they are."
        )

    def _loads(self, statement: Statement) -> bool:
        """Whether the statement brings data in by itself, or by a function of the notebook's."""
        if statement.is_code or not isinstance(statement.node, ast.Assign | ast.AnnAssign):
            return False
        functions = {each.node.name: each.node for each in self._statements if isinstance(each.node, ast.FunctionDef)}
        for call in (each for each in ast.walk(statement.node) if isinstance(each, ast.Call)):
            inside = functions.get(call.func.id) if isinstance(call.func, ast.Name) else None
            if _brings_data(call) or (
                inside is not None
                and any(_brings_data(each) for each in ast.walk(inside) if isinstance(each, ast.Call))
            ):
                return True
        return False

    def _follow(self, start: Version, closure: set[int]) -> None:
        """Find what stands for rows, from the input on."""
        self._rows.add(start)
        for number in sorted(closure):
            statement = self._statements[number]
            rows = self._row_names(statement)
            if number == start.statement or not rows or statement.is_code:
                continue
            rewritten = rewrite(statement, rows)
            self._rewritten[number] = rewritten
            made = {Version(name, number) for name in statement.changes if name in rewritten.rows}
            self._rows |= made - self.learned

    def _row_names(self, statement: Statement) -> set[str]:
        return {version.name for version in statement.versions if version in self._rows}

    def _kept(self, start: Version) -> list[int]:
        """The statements that make the rows which the prediction is given, in the notebook's order."""
        found: set[int] = set()
        ahead = [v for v in self._used(self._prediction.statement, self._prediction.rows) if v in self._rows]
        while ahead:
            version = ahead.pop()
            self._needed.add(version)
            if version.statement not in found and version.statement != start.statement:
                found.add(version.statement)
                ahead += [v for v in self._statements[version.statement].versions if v in self._rows]
        # What has learned something is believed to leave the rows as they are, until the slice is tried.
        return sorted(found - {version.statement for version in self.learned})

    # -------------------------------------------------------------- pieces

    def _piece(self, number: int) -> Piece:
        statement, rewritten = self._statements[number], self._rewritten[number]
        for node in ast.walk(statement.node):
            if isinstance(node, ast.Await | ast.AsyncFor | ast.AsyncWith | ast.Global):
                raise SlicingError(f"{self._place(number).capitalize()}: this cannot be part of a model.")
        frame, column = _gives_column(statement.node)
        served = self._served(number)
        binds, _ = self._state(statement, self._still_used(statement, served))
        return Piece(
            number=number,
            source=served,
            place=self._place(number),
            binds=binds,
            changes=tuple(sorted(statement.changes)),
            rows=tuple(sorted(name for name in statement.changes if Version(name, number) in self._needed)),
            frame=frame,
            column=column,
            problem=rewritten.problem or "",
        )

    def _still_used(self, statement: Statement, served: str) -> list[Version]:
        """What *statement* needs, without what only stood where something kept now stands."""
        gone = _mentioned(statement.node) - _mentioned(parse(served))
        inside: set[str] = set()
        for each in self._statements:
            inside |= _mentioned(each.node) if each.is_code else set()
        return [version for version in statement.versions if version.name not in gone or version.name in inside]

    def _served(self, number: int) -> str:
        """The piece's code; where it was one split into many, of what somebody takes."""
        served = self._rewritten[number].served
        body = parse(served).body
        if len(body) < 2:
            return served
        names = {version.name for version in self._needed if version.statement == number}
        wanted = [each for each in body if not isinstance(each, ast.Assign) or names & _targets(each)]
        return "\n".join(unparse(each) for each in wanted)

    def _state(
        self, statement: Statement, versions: Iterable[Version]
    ) -> tuple[tuple[Binding, ...], tuple[tuple[str, str], ...]]:
        """What of *versions* has nothing to do with the rows: code as it is, values by the keys they are kept under."""
        binds, takes = [], []
        for version in sorted(versions, key=lambda each: (each.statement, each.name)):
            if version in self._rows:
                continue
            if version.is_state:
                if (setting := self._setting(version)) is not None:
                    binds.append(Binding(f"<setting {setting}>", code=self._keep_code(setting)))
                continue
            if self._statements[version.statement].is_code:
                binds.append(Binding(version.name, code=self._keep_code(version.statement)))
                continue
            if version not in self._keys:
                taken = version.name in self._keys.values()
                self._keys[version] = f"{version.name} ({self._place(version.statement)})" if taken else version.name
            binds.append(Binding(version.name, self._keys[version]))
            takes.append((self._keys[version], version.name))
        return tuple(binds), tuple(takes)

    def _keep_code(self, number: int) -> int:
        if number in self._code:
            return number
        statement = self._statements[number]
        if isinstance(statement.node, ast.ImportFrom) and any(alias.name == "*" for alias in statement.node.names):
            raise SlicingError(
                f"{self._place(number).capitalize()}: name what you import, instead of *: the model is a function."
            )
        self._code[number] = Piece(number, statement.source, self._place(number))  # a function may name itself
        versions = [version for version in statement.versions if version.statement != number]
        if any(version in self._rows for version in versions):
            raise SlicingError(
                f"{self._place(number).capitalize()}: this depends on the rows. Hand them over as an argument."
            )
        binds, takes = self._state(statement, versions)
        self._code[number] = Piece(number, statement.source, self._place(number), (*self._set_up(statement), *binds))
        self._code_takes[number] = takes
        return number

    def _setting(self, version: Version | None) -> int | None:
        """The last statement that has set a state which counts here, where it has done so in so many words."""
        while version is not None:
            statement = self._statements[version.statement]
            made = {each.name: self._statements[each.statement] for each in statement.versions if not each.is_state}
            imports = {
                name: found.origin
                for each in made.values()
                for name, found in bound_by(each.node)
                if made.get(name) is each
            }
            code = frozenset(name for name, each in made.items() if each.is_code)
            if makes_setting(statement.node, version.name, imports, code) and (
                version.name != ENVIRONMENT or self._is_asked_for(statement)
            ):
                return version.statement
            version = statement.version(version.name)
        return None

    def _is_asked_for(self, statement: Statement) -> bool:
        """Whether the slice may read what *statement* sets in the environment: the rest, such as keys, is not given
        away with the model."""
        texts = {each.value for each in ast.walk(statement.node) if isinstance(each, ast.Constant)}
        texts |= {each.arg for each in ast.walk(statement.node) if isinstance(each, ast.keyword)}
        readers = (each for each in self._statements if each.is_code or each.number in self._rewritten)
        return any(
            isinstance(each, ast.Constant) and isinstance(each.value, str) and each.value in texts
            for reader in readers
            for each in ast.walk(reader.node)
        )

    def _set_up(self, statement: Statement) -> list[Binding]:
        """What the notebook has set up of the library that *statement* imports, if it does."""
        libraries = {found.origin.partition(".")[0] for _, found in bound_by(statement.node)} - SHOWN_BY
        found = []
        for each in self._statements[: self._prediction.statement.number]:
            if each.setup is not None and each.setup.library in libraries:
                number = -1 - each.number  # no statement's: it may be code in its own right
                self._code[number] = Piece(number, each.setup.text, self._place(each.number))
                found.append(Binding(f"<set up {each.number}>", code=number))
        return found

    # -------------------------------------------------------------- running it once more

    def _home(self, statement: Statement) -> str:
        """The step that the statement runs in."""
        if statement.role == "parameters" and not statement.changes.isdisjoint(self._names):
            return PARAMETERS
        return statement.step if statement.step is not None else PREAMBLE

    def _replays(self, start: Version, kept: Sequence[int]) -> Iterable[StepReplay]:
        end = self._prediction.statement
        wanted: dict[str, set[int]] = {}
        stored: set[int] = set()

        def need(number: int, version: Version | None = None) -> None:
            statement = self._statements[number]
            home = self._home(statement)
            if home in (PREAMBLE, PARAMETERS) or number in wanted.setdefault(home, set()) or number in stored:
                return
            if version is not None and version not in self._rows and self._is_stored(version):
                stored.add(number)
                wanted[home].add(number)
                return
            wanted[home].add(number)
            need_inputs(statement)

        def need_inputs(statement: Statement, versions: Iterable[Version] | None = None) -> None:
            for version in statement.versions if versions is None else versions:
                if self._home(self._statements[version.statement]) == self._home(statement):
                    need(version.statement, version)

        need(start.statement)
        for number in kept:
            need(number)
        need_inputs(end, self._used(end, self._prediction.model, self._prediction.rows))
        wanted.setdefault(self._home(end), set())
        for step in (each.name for each in self._pipeline.steps):
            if step not in wanted:
                continue
            end_of = end.number if step == self._home(end) else max(wanted[step])
            wanted[step] |= {
                each.number for each in self._statements[:end_of] if each.setup is not None and self._home(each) == step
            }
            if self._pipeline.step(step).stretches:
                raise SlicingError(
                    f"Step {step} has cells on both sides of another step's: its values at each are not stored."
                )
            yield StepReplay(step, tuple(self._operation(n, start, kept, stored) for n in sorted(wanted[step])))

    def _is_stored(self, version: Version) -> bool:
        """Whether the step has handed on what the name stands for after this statement."""
        if version.is_state:  # where a step ends is not where a statement of it stands
            return False
        step = self._home(self._statements[version.statement])
        later = [
            each
            for each in self._statements
            if each.number > version.statement and self._home(each) == step and version.name in each.changes
        ]
        given = {name for output in self._pipeline.step(step).outputs for name in output.names}
        return not later and version.name in given

    def _operation(self, number: int, start: Version, kept: Sequence[int], stored: set[int]) -> Operation:
        statement = self._statements[number]
        if number in stored:
            return Operation(number, "", self._place(number), stored=tuple(sorted(statement.changes)))
        if number == start.statement:
            return Operation(
                number,
                statement.source,
                self._place(number),
                rows=(start.name,),
                gives_input=True,
                final=self._final(number),
            )
        if number not in kept and number not in self._rewritten:
            source = statement.source if statement.setup is None else statement.setup.text
            return Operation(number, source, self._place(number))
        rows = tuple(sorted(name for name in statement.changes if Version(name, number) in self._rows))
        read = self._rows_read(statement, statement.versions)
        if number not in kept:
            return Operation(number, statement.source, self._place(number), rows=rows, of=read)
        used = self._still_used(statement, self._served(number))
        _, takes = self._state(statement, used)
        for version in used:
            if version.statement in self._code:
                takes += self._code_takes.get(version.statement, ())
        return Operation(
            number,
            self._rewritten[number].captured,
            self._place(number),
            takes,
            rows,
            read,
            final=self._final(number),
        )

    def _final(self, number: int) -> tuple[str, ...]:
        given = (Version(name, number) for name in sorted(self._statements[number].changes))
        return tuple(version.name for version in given if version in self._rows and self._is_stored(version))

    def _rows_read(self, statement: Statement, versions: Iterable[Version]) -> dict[str, int]:
        return {version.name: version.statement for version in versions if version in self._rows}

    def _cell(self, number: int) -> Cell:
        return self._statements[number].cell

    def _place(self, number: int) -> str:
        return place(self._statements[number].cell, self._statements[number].node)


def _brings_data(call: ast.Call) -> bool:
    name = tables.called(call)
    return name in tables.LOADERS or name.startswith(tables.LOADING)


def _targets(node: ast.Assign) -> set[str]:
    return {each.id for target in node.targets for each in ast.walk(target) if isinstance(each, ast.Name)}


def _mentioned(node: ast.AST) -> set[str]:
    return {each.id for each in ast.walk(node) if isinstance(each, ast.Name)}


def _gives_column(node: ast.stmt) -> tuple[str, str]:
    """The frame and the column of ``frame['column'] = ...``."""
    match node:
        case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=frame), slice=ast.Constant(value=str(column)))]):
            return frame, column
    return "", ""
