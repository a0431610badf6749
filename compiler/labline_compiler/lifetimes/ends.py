"""LL409: an object from an earlier step does not end where the notebook ends it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence

from labline_compiler.analysis import scopes
from labline_compiler.analysis.operations import words
from labline_compiler.findings import Finding
from labline_compiler.findings.place import find_name
from labline_compiler.lifetimes.holding import Holding
from labline_compiler.lifetimes.parts import Made, Part, Story, Taking, calls_in, told

_ENDING = re.compile(r"\bdel\b|=\s*None\b|\bgc\.collect\b|\.(?:clear|pop|popitem|remove)\(|\bcollect\(\)")
_OF_ONE = frozenset(f"weakref.{name}" for name in words("ref proxy finalize WeakMethod"))
_FIX = "Make and end the object in one step."
_KEEP = "Give the other object another name, so that this one keeps the object that is referred to."


class _Watchers(Holding):
    what = "weak references"

    def makes(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.story.origin(node.func).startswith("weakref.")

    def referred(self, name: str, made: Made) -> set[str]:
        """The names of what the references are made to that *name* holds, as far as the cell that made it tells."""
        waiting, seen, calls, beside = [name], {name}, list[ast.Call](), set[str]()
        while waiting:
            name = waiting.pop()
            for statement in made.part.tree.body:
                if find_name(statement, name) is None:
                    continue
                found = [call for call in calls_in(statement) if self.makes(call)]
                others = {node.id for node in ast.walk(statement) if isinstance(node, ast.Name)} - seen
                if found and all(self.story.origin(call.func) in _OF_ONE for call in found):
                    calls += found
                else:
                    beside |= others  # what a function is handed that makes them, or what a set of them is filled with
                waiting += (held := {each for each in others if (made.part.step, each) in self.names})
                seen |= held
        # Where functions make the references that could be any of the cell's.
        calls = calls or [call for call in calls_in(made.part.tree) if self.makes(call)]
        given = (each for call in calls for value in self._watched(call) for each in ast.walk(value))
        return beside | {node.id for node in given if isinstance(node, ast.Name)}

    def _watched(self, call: ast.Call) -> Sequence[ast.AST]:
        """Of what a call is handed, what it refers to weakly: the callbacks are not."""
        return call.args[:1] if self.story.origin(call.func) in _OF_ONE else (*call.args, *call.keywords)


class _Watched(Holding):
    """Instances of classes that have ``__del__``."""

    what = "an object with __del__"

    def __init__(self, story: Story) -> None:
        self.classes = {
            node.name
            for part in story.telling
            if "__del__" in part.cell.source
            for node in ast.walk(part.tree)
            if isinstance(node, ast.ClassDef) and any(getattr(each, "name", "") == "__del__" for each in node.body)
        }
        super().__init__(story)
        self._makers |= self.classes
        self._follow_classes()

    def makes(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in self.classes


def find(story: Story) -> Iterator[Finding]:
    """Weak references and ``__del__`` of objects that a later step ends."""
    watchers = _Watchers(story)
    for taking in story.takings(watchers.names):
        enders = [part for part in [taking.part, *story.below(taking.made.part)] if _ENDING.search(part.cell.source)]
        if enders:
            message = (
                f"Step {taking.step} (cell {taking.part.cell.number}) needs {taking.name}, which holds weak references "
                f"since cell {taking.made.part.cell.number}. Objects that come from an earlier step do not end where "
                f"cell {enders[0].cell.number} ends them, so the references do not show it."
            )
            yield told("LL409", message, taking.part, taking.node, _FIX)
        elif (rebound := _rebound(story, taking, watchers.referred(taking.name, taking.made))) is not None:
            name, part = rebound
            message = (
                f"Step {taking.step} (cell {taking.part.cell.number}) needs {taking.name}, which holds weak references "
                f"since cell {taking.made.part.cell.number}, to what {name} stood for until cell {part.cell.number}. "
                f"Whatever else keeps that object does not come along, so {taking.name} may have lost it."
            )
            yield told("LL409", message, taking.part, taking.node, _KEEP)
    if any("__del__" in part.cell.source for part in story.telling):
        for (_, name), made in _Watched(story).names.items():
            yield from _ended(story, name, made)


def _rebound(story: Story, taking: Taking, names: set[str]) -> tuple[str, Part] | None:
    """One of *names*, to which the references were made, and the cell of a later step that binds it to something else.

    None where they are not used any more by then.
    """
    found = None
    for part in story.below(taking.made.part):
        used_by: Sequence[ast.AST] = [part.tree]
        if found is None:
            for place, statement in enumerate(part.tree.body):
                bound = [binding.name for binding in scopes.bindings([statement]) if binding.name in names]
                if bound:
                    found = bound[0], part
                    used_by = part.tree.body[place + 1 if _binds_last(statement) else place :]
                    break
        if found is not None and any(find_name(each, taking.name) is not None for each in used_by):
            return found
    return None


def _binds_last(statement: ast.stmt) -> bool:
    """Whether all that it evaluates is evaluated before it binds a name."""
    simple = isinstance(statement, (ast.Assign, ast.AnnAssign, ast.AugAssign, ast.Delete, ast.Import, ast.ImportFrom))
    return simple and not any(isinstance(node, ast.NamedExpr) for node in ast.walk(statement))


def _ended(story: Story, name: str, made: Made) -> Iterator[Finding]:
    for part in story.below(made.part):
        if any(binding.name == name for binding in scopes.bindings(part.tree.body)):
            message = (
                f"Step {part.step} (cell {part.cell.number}) ends what {name} stands for since cell "
                f"{made.part.cell.number}, whose class has __del__: that is not called here for an object that comes "
                "from an earlier step."
            )
            yield told("LL409", message, part, _binder(part, name), _FIX)
            return


def _binder(part: Part, name: str) -> ast.AST | None:
    return next((each.node for each in scopes.bindings(part.tree.body) if each.name == name), None)
