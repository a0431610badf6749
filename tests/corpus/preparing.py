"""What of a notebook can be judged: without the statements that fail in a plain run of it, and what takes too long."""

from __future__ import annotations

import ast
import copy
import itertools
import json
import random
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROUNDS = 4
SEED = "import random, numpy\nrandom.seed(0)\nnumpy.random.seed(0)"


def copied(file: Path, top: Path, tree: Path) -> Path:
    """Copy to *tree* what stands beside a notebook, or all of its checkout where it names a folder above its own.

    Other notebooks only where it names them, as ``%run`` does. The copy of the notebook's folder is returned.
    """
    text = file.read_text("utf-8")

    def left_out(_: str, names: list[str]) -> set[str]:
        unnamed = {name for name in names if name.endswith(".ipynb") and name not in text}
        return unnamed | ({".git", ".ipynb_checkpoints"} & set(names))

    source = top if "../" in text else file.parent
    shutil.copytree(source, tree, ignore=left_out)
    return tree / file.parent.relative_to(source)


def prepared(
    name: str, file: Path, tree: Path, folder: Path, *, kept: Path | None, kernel: str, seeded: bool, seconds: int
) -> tuple[dict[str, Any], int]:
    """A notebook without what fails or takes too long in a plain run of it, and how much was cut."""
    place = None if kept is None else kept / (re.sub(r"[^\w.]+", "-", name) + ".json")
    if place is not None and place.exists():
        document: dict[str, Any] = json.loads(place.read_text("utf-8"))
        cut: int = document["metadata"].pop("cut")
    else:
        document, cut = without_what_fails(file, tree, folder, kernel, seconds)
        if place is not None:
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text(json.dumps(document | {"metadata": document["metadata"] | {"cut": cut}}), "utf-8")
    if seeded:
        seed(document)
    return document, cut


def without_what_fails(file: Path, tree: Path, folder: Path, kernel: str, seconds: int) -> tuple[dict[str, Any], int]:
    """The notebook in *file*, whose copy is in *folder*, without what fails, and how much was cut."""
    document = read(file, kernel)
    cut = 0
    for _ in range(ROUNDS):
        failing, sure = cut_failing(document, tree, folder, kernel, seconds)
        cut += failing
        if sure:
            break
    for cell in document["cells"]:
        cell["metadata"] = {}
    return document, cut


def read(file: Path, kernel: str) -> dict[str, Any]:
    """The notebook in today's format, without outputs and metadata, for *kernel*."""
    import nbformat

    document: dict[str, Any] = json.loads(nbformat.writes(nbformat.convert(nbformat.read(file, as_version=4), 4)))
    for number, cell in enumerate(document["cells"]):
        cell |= {"metadata": {}, "id": f"cell-{number}"}
        cell["source"] = re.sub(r"\bseaborn-(?!v0_8)(?=[a-z-]+['\"])", "seaborn-v0_8-", "".join(cell["source"]))
        if cell["cell_type"] == "code":
            cell |= {"outputs": [], "execution_count": None}
    document["metadata"] = {"kernelspec": {"name": kernel, "display_name": kernel, "language": "python"}}
    document["nbformat_minor"] = 5
    return document


def cut_failing(document: dict[str, Any], tree: Path, folder: Path, kernel: str, seconds: int) -> tuple[int, bool]:
    """Run the notebook as it is, and cut what fails: statement by statement, or the whole cell.

    How many cells were cut, and whether that is sure to do: not where what was cut had done something before it failed.
    Files that the run made are taken away.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellTimeoutError, DeadKernelError

    changed, sure = 0, True
    with tempfile.TemporaryDirectory() as scratch:
        shutil.copytree(tree, Path(scratch) / "work")
        place = Path(scratch) / "work" / folder.relative_to(tree)
        ran = nbformat.from_dict(copy.deepcopy(document))
        where = {"metadata": {"path": str(place)}}
        client = NotebookClient(
            ran, kernel_name=kernel, allow_errors=True, timeout=seconds, interrupt_on_timeout=True, resources=where
        )
        with client.setup_kernel():
            for number, cell in enumerate(document["cells"]):
                if cell["cell_type"] != "code":
                    continue
                before = cell["source"]
                while cell["source"].strip():
                    ran["cells"][number]["source"] = cell["source"]
                    try:
                        client.execute_cell(ran["cells"][number], number)
                        failed = failure(ran["cells"][number]["outputs"])
                    except (CellTimeoutError, DeadKernelError) as error:
                        print(f"cell {number}: {type(error).__name__}", file=sys.stderr)
                        failed = ""
                        if isinstance(error, DeadKernelError):
                            cell["source"] = ""
                            return changed + 1, False
                    if failed is None:
                        break
                    cell["source"], simple = without_failing(cell["source"], failed)
                    sure = sure and simple
                changed += cell["source"] != before
    return changed, sure


def failure(outputs: list[Any]) -> str | None:
    """The traceback among a cell's outputs; nothing where it has not failed."""
    for output in outputs:
        if output["output_type"] == "error":
            return "\n".join(output["traceback"])
        if output.get("text", "").startswith("UsageError: "):
            return ""
    return None


def without_failing(source: str, traceback: str) -> tuple[str, bool]:
    """A cell without the statement that failed; without any where that is not known. Whether it had done nothing."""
    from labline_compiler.ipython import CellSyntaxError, parse_cell

    place = re.search(r"Cell In\[\d+\], line (\d+)", re.sub(r"\x1b\[[0-9;]*m", "", traceback))
    try:
        statements = parse_cell(source).tree.body
    except CellSyntaxError:
        return "", True
    if place is None or source.startswith("%%"):
        return "", False
    for each in statements:
        if each.lineno <= int(place[1]) <= (each.end_lineno or each.lineno):
            lines = source.split("\n")
            left = "\n".join([*lines[: each.lineno - 1], *lines[each.end_lineno :]])
            several = isinstance(each, (ast.Import, ast.ImportFrom)) and len(each.names) > 1  # the first may be there
            return left, isinstance(each, (ast.Assign, ast.Expr, ast.Import, ast.ImportFrom)) and not several
    return "", False


def seed(document: dict[str, Any]) -> None:
    """Seed the generators in a code cell above all others."""
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "seed",
        "metadata": {},
        "source": SEED,
        "outputs": [],
        "execution_count": None,
    }
    document["cells"].insert(0, cell)


def split(document: dict[str, Any], every: int) -> None:
    """Start a step at every Nth code cell."""
    _tag(document, itertools.repeat(every))


def split_anywhere(document: dict[str, Any], seed: int) -> None:
    """Start a step at every third to fifth code cell, as the *seed* has it."""
    chance = random.Random(seed)
    _tag(document, (chance.randint(3, 5) for _ in itertools.count()))


def _tag(document: dict[str, Any], lengths: Iterator[int]) -> None:
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code" and cell["source"].strip()]
    place = 0
    for number in itertools.count(1):
        if place >= len(code):
            break
        code[place]["metadata"] = {"tags": [f"step:part_{number}"]}
        place += next(lengths)
