"""What a generated project needs beside its own code: these functions are written into its ``labline_step.py``.

They lean on one another, on kfp, and on the files of the project, never on Labline.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from labline_compiler.targets.kubeflow_embedding import specification_function, yaml_of_pipeline
from labline_compiler.targets.kubeflow_report import notebook_as_html
from labline_compiler.targets.kubeflow_step import run_labline_step
from labline_compiler.targets.python_cells import read_cells


def specification_of_step(project: dict[str, Any], step: str, cells: list[dict[str, Any]]) -> dict[str, Any]:
    """The step's specification: what labline.json says of all steps and of this one, and the *cells* of its files."""
    own = project["steps"].get(step, {})
    return {**project["specification"], **own, "step": step, "cells": [{**project["cell"], **cell} for cell in cells]}


def labline_component(step: str, *, image: str, cells: str = "") -> Callable[[Callable[..., None]], Any]:
    """Make a component of a function NAME: its code are the cells of steps/NAME.py, after those of steps/_preamble.py.

    *cells* is NAME where that is not the function's: a loop is several components of one step.

    KFP embeds the source of functions. So that the cells get into the component, they are put into the source of a
    function too, the component's own labline_specification.
    """
    from kfp import dsl

    def decorate(function: Callable[..., None]) -> Any:
        folder = Path(__file__).resolve().parent
        project = json.loads((folder / "labline.json").read_text(encoding="utf-8"))
        check_setups(project, step, folder / "steps")
        code: list[dict[str, Any]] = []
        for file in (folder / "steps" / "_preamble.py", folder / "steps" / f"{cells or function.__name__}.py"):
            if file.name != "_preamble.py" or file.exists():
                code += read_cells(file.read_bytes().decode("utf-8"))  # as bytes: a cell's line ends are its own
        return dsl.component(
            function,
            base_image=image,
            install_kfp_package=False,
            additional_funcs=[
                notebook_as_html,
                run_labline_step,
                specification_function(specification_of_step(project, step, code)),
            ],
        )

    return decorate


def check_setups(project: dict[str, Any], step: str, folder: Path) -> None:
    """See that what *step* sets up again, as steps above have it, still stands in the files of *folder*.

    Raises ``ValueError`` where it does not: the step would go by what the notebook once had.
    """
    import ast
    import re

    told = {**project["specification"], **project["steps"].get(step, {})}["setups"]
    standing = set()
    texts = [cell["source"] for file in folder.glob("*.py") for cell in read_cells(file.read_bytes().decode("utf-8"))]
    lines_of_ipython = re.compile(r"^([ \t]*)(?:[%!?].*|[^#'\"\n]*=[ \t]*[%!].*|.*\?)$", re.MULTILINE)
    texts = [lines_of_ipython.sub(r"\1pass", text) for text in texts]  # the rest of their cell is Python
    # Line by line, too: a cell may be no Python as a whole all the same, and statements may stand in blocks.
    texts += [line.strip() for text in texts for line in text.splitlines()]
    for text in texts if told else ():
        try:
            nodes = ast.parse(text).body
        except (SyntaxError, ValueError):
            continue
        for node in nodes:
            names = node.names if isinstance(node, (ast.Import, ast.ImportFrom)) else []
            standing.add(ast.unparse(node))
            standing.update(ast.unparse(type(node)(**{**vars(node), "names": [name]})) for name in names)
    for setup in told:
        last = ast.parse(setup["text"]).body[-1]
        statement = ast.unparse(last.body[-1] if isinstance(last, ast.Try) else last)
        if statement not in standing:
            raise ValueError(
                f"step {step} sets up again what no file in steps/ has any more: {statement}. "
                f'Write it anew under "setups" in labline.json, or take it out there.'
            )


def labline_specification() -> str:
    """The step's cells and where they come from, as JSON. Every component has one of its own in its place."""
    raise NotImplementedError("This runs within a component.")


def write_pipeline(pipeline: Any, name: str) -> None:
    """Write *pipeline* as the file *name* beside this one."""
    text = yaml_of_pipeline(pipeline.pipeline_spec, pipeline.platform_spec)
    (Path(__file__).resolve().parent / name).write_bytes(text.encode("utf-8"))
