"""Little notebooks, and an executor that runs a compiled pipeline in this process.

Each step gets a namespace of its own and copies of its inputs, group by group, as if they had gone through a file.
"""

from __future__ import annotations

import copy
import textwrap
import types
from typing import Any

from labline_compiler.compile import Compilation, compile_notebook
from labline_compiler.notebook import parse
from labline_compiler.pipeline import Pipeline


def compile_text(text: str) -> Compilation:
    return compile_notebook(parse(textwrap.dedent(text), "little.py"))


def pipeline_of(text: str) -> Pipeline:
    compilation = compile_text(text)
    assert compilation.pipeline is not None, [f.message for f in compilation.findings]
    return compilation.pipeline


def codes(text: str) -> list[str]:
    return [found.code for found in compile_text(text).findings]


def edges(pipeline: Pipeline) -> set[str]:
    """Edges as "source>target:names", names sorted."""
    found = set()
    for step in pipeline.steps:
        for taken in step.inputs:
            found.add(f"{taken.source}>{step.name}:{','.join(taken.names)}")
        found |= {f"{source}>{step.name}" for source in step.after}
    return found


def run_notebook(text: str) -> dict[str, Any]:
    """Top to bottom, in one namespace."""
    namespace: dict[str, Any] = {}
    for cell in parse(textwrap.dedent(text), "little.py").code_cells:
        exec(compile(cell.source, f"cell {cell.index}", "exec"), namespace)
    return namespace


def run_pipeline(pipeline: Pipeline) -> dict[str, dict[str, Any]]:
    """Step by step. Returns each step's namespace as it is when the step ends."""
    artifacts: dict[str, list[dict[str, Any]]] = {}
    namespaces: dict[str, dict[str, Any]] = {}
    for step in pipeline.steps:
        namespace: dict[str, Any] = {}
        for cell in pipeline.preamble:
            exec(compile(cell.source, f"cell {cell.index}", "exec"), namespace)
        defaults = {parameter.name: parameter.default for parameter in pipeline.parameters}
        for name in step.parameters:
            namespace[name] = eval(defaults[name])
        for taken in step.inputs:
            for artifact in artifacts[taken.source]:
                wanted = [name for name in taken.names if name in artifact]
                namespace.update(transfer({name: artifact[name] for name in wanted}, namespace))
        for cell in step.cells:
            exec(compile(cell.source, f"cell {cell.index}", "exec"), namespace)
        artifacts[step.name] = []
        for output in step.outputs:
            missing = {name for name in output.names if name not in namespace}
            assert missing <= set(output.optional), f"{step.name} lacks {missing}"
            present = {name: namespace[name] for name in output.names if name not in missing}
            artifacts[step.name].append(transfer(present, {}))
        namespaces[step.name] = namespace
    return namespaces


def transfer(values: dict[str, Any], target: dict[str, Any]) -> dict[str, Any]:
    """Copy a group of values together; functions get *target* as their globals, as they do in a step's process."""
    memo: dict[int, Any] = {}

    def rebuild(value: Any, depth: int = 0) -> None:
        if isinstance(value, types.FunctionType) and id(value) not in memo:
            clone = types.FunctionType(value.__code__, target, value.__name__, None, value.__closure__)
            memo[id(value)] = clone
            clone.__defaults__ = copy.deepcopy(value.__defaults__, memo)
            clone.__kwdefaults__ = copy.deepcopy(value.__kwdefaults__, memo)
        elif isinstance(value, (list, tuple, set)) and depth < 20:
            for item in value:
                rebuild(item, depth + 1)
        elif isinstance(value, dict) and depth < 20:
            for item in value.values():
                rebuild(item, depth + 1)

    for value in values.values():
        rebuild(value)
    return copy.deepcopy(values, memo)
