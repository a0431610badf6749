"""LL308: threads, tasks and programs that a step starts and does not wait for."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from labline_compiler.analysis.operations import words
from labline_compiler.findings import Finding
from labline_compiler.lifetimes.parts import Part, Story, calls_in, root_of, told

_THREADS = frozenset(("threading.Thread", "threading.Timer", "multiprocessing.Process"))
_STARTING = {
    "asyncio.create_task": "a task",
    "asyncio.ensure_future": "a task",
    "subprocess.Popen": "a program",
    "os.fork": "a process",
}
_ENDED_BY_WITH = ("subprocess.Popen", "asyncio.TaskGroup")
_METHODS = {"create_task": "a task", "run_in_executor": "a call in another thread"}
_WAITING = words(
    "wait communicate result gather terminate kill send_signal shutdown as_completed wait_for run_until_complete "
    "cancel is_alive done"
)


def find(story: Story) -> Iterator[Finding]:
    """What is still going on when a step ends that others follow."""
    starters = _starters(story)
    for part in story.parts if starters else story.telling:
        started = None if part.step is None else _started(story, part, starters)
        if started is None or not any(story.below(part)):
            continue
        place = story.parts.index(part)
        own = [each for each in story.parts[place:] if each.step == part.step]
        if not any(_waits(story, each) for each in own):
            what, node = started
            message = (
                f"Step {part.step} starts {what} in cell {part.cell.number} and does not wait for it: what it does "
                "after the step has ended does not happen, or nobody sees it."
            )
            yield told("LL308", message, part, node)


def _starters(story: Story) -> dict[str, str]:
    """Functions of the notebook that start something."""
    found = {}
    for part in story.telling:
        for node in part.tree.body:
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
                inside = next(filter(None, (_starting(story, call, {}) for call in calls_in(node))), None)
                if inside and not _waits_in(story, node):
                    found[node.name] = inside
    return found


def _started(story: Story, part: Part, starters: dict[str, str]) -> tuple[str, ast.AST | None] | None:
    magic = part.parsed.magic
    if magic is not None and "--bg" in magic.line.split():
        return "a program", None
    for statement in part.tree.body:
        if isinstance(statement, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            continue
        for call in calls_in(statement):
            if what := _starting(story, call, starters):
                return what, statement
    return None


def _starting(story: Story, call: ast.Call, starters: dict[str, str]) -> str | None:
    function, origin = call.func, story.origin(call.func)
    if origin in _THREADS:
        return "a process" if origin.startswith("multi") else "a thread"
    if origin in _STARTING:
        return _STARTING[origin]
    if isinstance(function, ast.Name):
        return starters.get(function.id)
    if not isinstance(function, ast.Attribute):
        return None
    if function.attr == "system" and root_of(function) == "get_ipython" and call.args:
        line = call.args[0]
        backgrounded = isinstance(line, ast.Constant) and str(line.value).rstrip().endswith("&")
        return "a program" if backgrounded else None
    return _METHODS.get(function.attr)


def _waits(story: Story, part: Part) -> bool:
    return _waits_in(story, part.tree)


def _waits_in(story: Story, tree: ast.AST) -> bool:
    stack = [tree]
    while stack:
        node = stack.pop()
        stack += (each for each in ast.iter_child_nodes(node) if not isinstance(each, ast.AsyncFunctionDef))
        if isinstance(node, ast.Await):
            return True
        if isinstance(node, ast.withitem):
            made = node.context_expr
            if isinstance(made, ast.Call) and story.origin(made.func) in _ENDED_BY_WITH:
                return True
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        if node.func.attr in _WAITING:
            return True
        if node.func.attr == "join" and not isinstance(node.func.value, ast.Constant):
            given = [*node.args, *(word.value for word in node.keywords)]
            if all(isinstance(each, ast.Constant) for each in given) and not story.origin(node.func):
                return True
    return False
