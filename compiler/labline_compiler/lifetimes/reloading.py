"""LL408: what was taken out of a module that is rewritten and loaded anew is the old thing only in its own process."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from labline_compiler.analysis.files import is_foreign
from labline_compiler.findings import Finding
from labline_compiler.findings.place import find_name
from labline_compiler.lifetimes.parts import Part, Story, calls_in, told

_FIX = "Use it through the module (`module.name`), or do what needs the old one in the step that loads the module anew."


def find(story: Story) -> Iterator[Finding]:
    """Steps below a reload that use what was taken out of the module above it."""
    for place, part in enumerate(story.parts):
        if part.step is None or "reload" not in part.cell.source:
            continue
        for module in sorted(set(_reloaded(story, part))):
            if not any(f"{module.rpartition('.')[2]}.py" in above.cell.source for above in story.parts[: place + 1]):
                continue  # nobody has rewritten it
            kept = {name: each for each in story.parts[:place] for name in _taken_out(story, each, module)}
            yield from _used(story, part, module, kept)


def _reloaded(story: Story, part: Part) -> Iterator[str]:
    for call in calls_in(part.tree):
        if story.origin(call.func) == "importlib.reload" and call.args:
            module = story.origin(call.args[0])
            if module and is_foreign(module):
                yield module


def _taken_out(story: Story, part: Part, module: str) -> Iterator[str]:
    for statement in part.tree.body:
        match statement:
            case ast.ImportFrom(module=source, names=names, level=0) if source == module:
                yield from (alias.asname or alias.name for alias in names if alias.name != "*")
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Attribute() as value):
                if story.origin(value).startswith(f"{module}."):
                    yield name
            case ast.Assign(
                targets=[ast.Name(id=name)], value=ast.Call(func=made)
            ):  # an instance, by how it is spelled
                path, _, last = story.origin(made).rpartition(".")
                if path == module and last[:1].isupper():
                    yield name


def _used(story: Story, reload: Part, module: str, kept: dict[str, Part]) -> Iterator[Finding]:
    told_of: set[tuple[str | None, str]] = set()
    gone = _bound(reload)
    for part in story.below(reload):
        for name, taken in kept.items():
            if name in gone:
                continue
            node = find_name(part.tree, name) if name in part.cell.source else None
            if node is None or not isinstance(node.ctx, ast.Load) or (part.step, name) in told_of:
                continue
            told_of.add((part.step, name))
            message = (
                f"Step {part.step} (cell {part.cell.number}) uses {name}, which cell {taken.cell.number} took out of "
                f"{module} before cell {reload.cell.number} loads the module anew: the notebook goes on with the old "
                "one, the step has the new one."
            )
            yield told("LL408", message, part, node, _FIX)
        gone |= _bound(part)


def _bound(part: Part) -> set[str]:
    """Names that the cell binds anew."""
    return {
        node.id for node in ast.walk(part.tree) if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
    }
