"""LL409: an object from an earlier step does not end where the notebook ends it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from labline_compiler.analysis import scopes
from labline_compiler.findings import Finding
from labline_compiler.findings.place import find_name
from labline_compiler.lifetimes.holding import Holding
from labline_compiler.lifetimes.parts import Made, Part, Story, Taking, calls_in, told

_ENDING = re.compile(r"\bdel\b|=\s*None\b|\bgc\.collect\b|\.(?:clear|pop|popitem|remove)\(|\bcollect\(\)")
_FIX = "Make and end the object in one step."
_KEEP = "Give the other object another name, so that this one keeps the object that is referred to."


class _Watchers(Holding):
    what = "weak references"

    def makes(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Call) and self.story.origin(node.func).startswith("weakref.")


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
    for taking in story.takings(_Watchers(story).names):
        enders = [part for part in [taking.part, *story.below(taking.made.part)] if _ENDING.search(part.cell.source)]
        if enders:
            message = (
                f"Step {taking.step} (cell {taking.part.cell.number}) needs {taking.name}, which holds weak references "
                f"since cell {taking.made.part.cell.number}. Objects that come from an earlier step do not end where "
                f"cell {enders[0].cell.number} ends them, so the references do not show it."
            )
            yield told("LL409", message, taking.part, taking.node, _FIX)
        elif (rebound := _rebound(story, taking)) is not None:
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


def _rebound(story: Story, taking: Taking) -> tuple[str, Part] | None:
    """A name of what the references were made to, and the cell of a later step that binds it to something else.

    None where they are not used any more by then.
    """
    calls = (call for call in calls_in(taking.made.part.tree) if story.origin(call.func).startswith("weakref."))
    given = (each for call in calls for value in (*call.args, *call.keywords) for each in ast.walk(value))
    names = {node.id for node in given if isinstance(node, ast.Name)}
    found = None
    for part in story.below(taking.made.part):
        bound = [binding.name for binding in scopes.bindings(part.tree.body) if binding.name in names]
        found = found or ((bound[0], part) if bound else None)
        if found is not None and find_name(part.tree, taking.name) is not None:
            return found
    return None


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
