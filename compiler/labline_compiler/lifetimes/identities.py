"""LL408: an object is another object in every process."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace

from labline_compiler.findings import Finding
from labline_compiler.lifetimes.holding import Holding
from labline_compiler.lifetimes.parts import Part, Story, root_of, told
from labline_compiler.syntax import dump

_CLASS = re.compile(r"^class (\w+)", re.MULTILINE)
_INDEX = re.compile(r"\.(?:index|columns|levels)\b")
_COMPARING = re.compile(r"[\w\])] is (?!None\b|not None\b|True\b|False\b)")
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)
_FIX = "Use a key of the objects' own, such as a name or an index, or keep both in one step."


class _Numbers(Holding):
    what = "numbers of objects"

    def makes(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Call):
            node = node.func
        return isinstance(node, ast.Name) and self.story.origin(node) == "builtins.id"


def find(story: Story) -> Iterator[Finding]:
    """Numbers from ``id()`` that are looked for in another step; parts of values that are compared with ``is``."""
    numbers = _Numbers(story)
    asking = {part.step for part in story.telling if _asks(story, part, functions=False)}
    anywhere = any(_asks(story, part, functions=True) for part in story.telling)
    for taking in story.takings(numbers.names):
        if anywhere or taking.step in asking:
            message = (
                f"Step {taking.step} (cell {taking.part.cell.number}) needs {taking.name}, which holds numbers that "
                f"id() gave in cell {taking.made.part.cell.number}: in step {taking.step} the same objects have others."
            )
            yield told("LL408", message, taking.part, taking.node, _FIX)
    told_of: set[int] = set()
    yield from _compared(story, told_of)
    yield from _indexes(story, told_of)
    yield from _alike(story)


class _Instances(Holding):
    """A class, and instances of it."""

    what = "a class"

    def __init__(self, story: Story, name: str) -> None:
        self._class = name
        super().__init__(story)

    def makes(self, node: ast.expr) -> bool:
        named = node.func if isinstance(node, ast.Call) else node
        return isinstance(named, ast.Name) and named.id == self._class


def defined_twice(parts: Sequence[Part]) -> dict[str, list[Part]]:
    """Names of classes that cells of several steps define."""
    found: dict[str, list[Part]] = {}
    for part in parts:
        if part.step is not None and "class " in part.cell.source:
            for name in _CLASS.findall(part.cell.source):
                found.setdefault(name, []).append(part)
    return {name: its for name, its in found.items() if len({part.step for part in its}) > 1}


def _alike(story: Story) -> Iterator[Finding]:
    """Classes that two cells define in the same words, with things of the first that are used after the second."""
    for name, (first, *others) in defined_twice(story.parts).items():
        again = next((part for part in others if part.step != first.step), None)
        if again is None or _definition(first, name) != _definition(again, name):
            continue
        place = story.parts.index(again)
        above = Story([replace(part, telling=True) for part in story.parts[:place]], story.flows)
        for taking in above.takings(_Instances(above, name).names, within=story):
            if story.last.get(taking.step, 0) >= place:
                message = (
                    f"Step {taking.step} (cell {taking.part.cell.number}) needs {taking.name}, which has to do with "
                    f"class {name} of cell {first.cell.number}. Cell {again.cell.number} defines {name} again in the "
                    "same words: the notebook has two classes from there on, the step takes them for one."
                )
                yield told(
                    "LL408", message, taking.part, taking.node, "Define the class once, in a cell tagged `functions`."
                )


def _definition(part: Part, name: str) -> str | None:
    found = [node for node in part.tree.body if isinstance(node, ast.ClassDef) and node.name == name]
    return dump(found[-1]) if found else None


def _asks(story: Story, part: Part, *, functions: bool) -> bool:
    """Whether a cell asks for numbers, or has functions that do."""
    if not functions:
        return any(_is_id(story, node) for node in ast.walk(part.tree))
    bodies = [n for n in ast.walk(part.tree) if isinstance(n, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda))]
    return any(_is_id(story, node) for body in bodies for node in ast.walk(body))


def _is_id(story: Story, node: ast.AST) -> bool:
    return isinstance(node, ast.Name) and node.id == "id" and story.origin(node) == "builtins.id"


def _compared(story: Story, told_of: set[int]) -> Iterator[Finding]:
    """``a.x is b.y``, where the two came in different artifacts: what libraries share out of sight is two then."""
    for part in story.telling:
        flow = story.flows.steps.get(part.step or "")
        if flow is None or " is " not in part.cell.source:
            continue
        for node in ast.walk(part.tree):
            if not isinstance(node, ast.Compare) or not isinstance(node.ops[0], (ast.Is, ast.IsNot)):
                continue
            sides = [node.left, node.comparators[0]]
            if not all(isinstance(side, (ast.Attribute, ast.Subscript)) for side in sides):
                continue
            names = [root_of(side) or "" for side in sides]
            versions = [flow.inputs.get(name) for name in names]
            if names[0] == names[1] or None in versions or any(map(story.origin, sides)):  # something of a module
                continue
            groups = [group for each in story.flows.steps.values() for group in each.groups]
            if not any(names[0] in group and names[1] in group for group in groups):
                message = (
                    f"Step {part.step} (cell {part.cell.number}) compares parts of {names[0]} and {names[1]} by "
                    "identity, which come from earlier steps apart: what the two share there are two objects here."
                )
                told_of.add(id(node))
                yield told("LL408", message, part, node, "Compare them where both are made.")


class _Indexes(Holding):
    """Indexes of frames, which libraries share out of sight, and parts of them, which are made anew in each process."""

    what = "an index"

    def makes(self, node: ast.expr) -> bool:
        if isinstance(node, ast.Subscript):
            return isinstance(node.value, ast.Attribute) and node.value.attr == "levels"
        return isinstance(node, ast.Attribute) and node.attr in ("index", "columns") and not self.story.origin(node)

    def is_one(self, node: ast.expr) -> bool:
        """Whether an expression of a cell is an index, as far as that is spelled out."""
        if not isinstance(node, ast.Name):
            return self.makes(node)
        return any(name == node.id for _, name in self.names)


def compares_indexes(part: Part) -> bool:
    """Whether a cell may compare indexes by identity."""
    source = part.cell.source
    return ".is_(" in source or (" is " in source and _COMPARING.search(source) is not None)


def _indexes(story: Story, told_of: set[int]) -> Iterator[Finding]:
    """Indexes that are compared by identity in a step that takes something of others, or in a function."""
    comparing = [part for part in story.parts if compares_indexes(part)]
    if not comparing:
        return
    spelled = [replace(part, telling=_INDEX.search(part.cell.source) is not None) for part in story.parts]
    indexes = _Indexes(Story(spelled, story.flows))
    groups = [group for each in story.flows.steps.values() for group in each.groups]
    for part in comparing:
        takes = part.step is not None and bool(story.flows.steps[part.step].inputs)
        for node in [each for each in ast.walk(part.tree) if takes or isinstance(each, _FUNCTIONS)]:
            for pair in ast.walk(node) if isinstance(node, _FUNCTIONS) else [node]:
                if (sides := _by_identity(pair)) is None or id(pair) in told_of:
                    continue
                told_of.add(id(pair))
                if not any(map(indexes.is_one, sides)):  # columns of a database have an is_(), too
                    continue
                roots = {root_of(side) or "" for side in sides}
                in_parts = any(isinstance(each, ast.Attribute) and each.attr == "levels" for each in ast.walk(pair))
                together = isinstance(pair, ast.Compare) and not in_parts and any(roots <= set(g) for g in groups)
                if together or (len(roots) == 1 and not any(isinstance(side, ast.Name) for side in sides)):
                    continue
                message = (
                    f"Cell {part.cell.number} compares indexes by identity: where frames, or parts of an index, come "
                    "from earlier steps, what they share in the notebook is not one object."
                )
                yield told("LL408", message, part, pair, "Compare them where both are made, or what they hold.")


def _by_identity(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    """What code compares by identity: two expressions of which none is a constant."""
    match node:
        case ast.Compare(left=left, ops=[ast.Is() | ast.IsNot()], comparators=[right]):
            return None if isinstance(left, ast.Constant) or isinstance(right, ast.Constant) else (left, right)
        case ast.Call(func=ast.Attribute(value=left, attr="is_"), args=[right]):
            return left, right
    return None
