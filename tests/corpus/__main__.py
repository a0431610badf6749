"""``python -m tests.corpus CHECKOUTS [--list FILE] [--every N] [--seeded] [--kernel NAME] [--seconds N]
[--results FILE] [--prepared FOLDER] [--report FILE] [PATTERN...]``.

*CHECKOUTS* is a folder with one folder a repository, as ``notebooks.txt`` beside this file names them. Each notebook is
copied with the files beside it; statements that fail in a plain run of it (no network, an old API), and cells that take
too long, are cut out first. Then ``labline suggest`` splits it, or, with ``--every N``, a step starts at every Nth code
cell, which is harder; and ``labline verify`` judges. What a notebook draws from an unseeded generator cannot be judged:
``--seeded`` seeds the generators at its top.

Every outcome is a line of JSON, printed at once. ``--results`` appends them to a file as well, and leaves out the
notebooks that are in it: a campaign that was stopped goes on where it was. ``--prepared`` keeps what the cutting has
left of each notebook, for the next way of splitting. ``--report`` writes a table as Markdown.
"""

from __future__ import annotations

import argparse
import ast
import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

LIST = Path(__file__).with_name("notebooks.txt")
ROUNDS = 4
SECONDS = 900  # for all runs of one notebook
SEED = "import random, numpy\nrandom.seed(0)\nnumpy.random.seed(0)"


@dataclass(frozen=True)
class Outcome:
    """How one notebook fared. ``cut`` counts the statements and cells that fail in a plain run."""

    notebook: str
    verdict: str
    cells: int = 0
    cut: int = 0
    steps: int = 0
    values: str = ""
    outputs: str = ""
    said: str = ""
    split: float = 0.0  # seconds
    seconds: float = 0.0


def main() -> int:
    """Judge the notebooks of the list; the number of those whose pipeline differs or fails."""
    parser = argparse.ArgumentParser(prog="python -m tests.corpus")
    parser.add_argument("checkouts", type=Path)
    parser.add_argument("--every", type=int, default=0, help="start a step at every Nth code cell")
    parser.add_argument("--seeded", action="store_true", help="seed the random generators at the top of each notebook")
    parser.add_argument("--kernel", default="python3", help="the kernel that has the notebooks' libraries")
    parser.add_argument("--report", type=Path, help="write the table here")
    parser.add_argument("--list", type=Path, default=LIST, help="the notebooks, a line each")
    parser.add_argument("--seconds", type=int, default=120, help="cells that take longer in the plain run are cut out")
    parser.add_argument("--results", type=Path, help="append the outcomes here; notebooks that are in it are left out")
    parser.add_argument("--prepared", type=Path, help="keep what the cutting leaves here, and take it from here")
    parser.add_argument("patterns", nargs="*", help="only notebooks whose line in the list holds one of these")
    chosen = parser.parse_intermixed_args()
    outcomes = earlier(chosen.results)
    there = {outcome.notebook for outcome in outcomes}
    prepare = partial(
        prepared, kept=chosen.prepared, kernel=chosen.kernel, seeded=chosen.seeded, seconds=chosen.seconds
    )
    for line in chosen.list.read_text("utf-8").splitlines():
        if line.startswith("#") or not line.strip() or line in there:
            continue
        if chosen.patterns and not any(pattern in line for pattern in chosen.patterns):
            continue
        repository, _, path = line.partition(" ")
        top = chosen.checkouts / repository.partition("/")[2]
        if not (top / path).is_file():
            print(f"not there: {top / path}", file=sys.stderr)
            continue
        outcomes.append(judge(line, top / path, top, chosen.every, prepare))
        written = json.dumps(vars(outcomes[-1]))
        print(written, flush=True)
        if chosen.results is not None:
            with chosen.results.open("a", encoding="utf-8") as results:
                results.write(f"{written}\n")
        if chosen.report is not None:
            chosen.report.write_text(table(outcomes), "utf-8")
    return sum(outcome.verdict in ("different", "crashed") for outcome in outcomes)


def earlier(results: Path | None) -> list[Outcome]:
    """The outcomes that an earlier part of a campaign has left."""
    if results is None or not results.exists():
        return []
    return [Outcome(**json.loads(line)) for line in results.read_text("utf-8").splitlines()]


def judge(name: str, file: Path, top: Path, every: int, prepare: Callable[..., tuple[dict[str, Any], int]]) -> Outcome:
    """Split and verify one notebook of the checkout at *top*, in a copy of its folder."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as root:
        tree = Path(root) / "work"
        folder = copied(file, top, tree)
        notebook = folder / "notebook.ipynb"
        document, cut = prepare(name, file, tree, folder)
        cells = sum(cell["cell_type"] == "code" and bool(cell["source"].strip()) for cell in document["cells"])
        took = 0.0

        def ended(verdict: str, **more: Any) -> Outcome:
            seconds = round(time.monotonic() - began, 1)
            return Outcome(name, verdict, cells, cut, split=round(took, 1), seconds=seconds, **more)

        if cells < 2:
            return ended("too short")
        if every:
            split(document, every)
        notebook.write_text(json.dumps(document), "utf-8")
        environment = {**os.environ, "LABLINE_HOME": str(Path(root) / "home"), "DO_NOT_TRACK": "true"}
        if not every:
            before = time.monotonic()
            suggested = labline(["suggest", "--write", str(notebook)], environment)
            took = time.monotonic() - before
            if suggested.returncode:
                return ended("not split", said=last_line(suggested.stderr))
        found = labline(["verify", "--no-track", "--json", str(notebook)], environment)
        if found.returncode not in (0, 1, 2) or not found.stdout.startswith("{"):
            return ended("crashed", said=last_line(found.stderr))
        answer = json.loads(found.stdout)
        if found.returncode == 2:
            return ended("refused", said=answer.get("message", "")[:300])
        return ended(**verdict_of(answer))


def prepared(
    name: str, file: Path, tree: Path, folder: Path, *, kept: Path | None, kernel: str, seeded: bool, seconds: int
) -> tuple[dict[str, Any], int]:
    """A notebook without what fails or takes too long in a plain run of it, and how much was cut."""
    place = None if kept is None else kept / (re.sub(r"[^\w.]+", "-", name) + "-seeded" * seeded + ".json")
    if place is not None and place.exists():
        document: dict[str, Any] = json.loads(place.read_text("utf-8"))
        return document, document["metadata"].pop("cut")
    document = read(file, kernel)
    if seeded:
        seed(document)
    cut = 0
    for _ in range(ROUNDS):
        failing, sure = cut_failing(document, tree, folder, kernel, seconds)
        cut += failing
        if sure:
            break
    for cell in document["cells"]:
        cell["metadata"] = {}
    if place is not None:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(json.dumps(document | {"metadata": document["metadata"] | {"cut": cut}}), "utf-8")
    return document, cut


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


def verdict_of(certificate: dict[str, Any]) -> dict[str, Any]:
    """The columns of the table that a certificate fills."""
    subject, values, cells = certificate["subject"], certificate["values"], certificate["cells"]
    wrong = [each for each in [*values, *cells] if each["status"] == "different"]
    found = [f"{each.get('name', 'cell')} in {each['step']}: {each['difference']}"[:200] for each in wrong[:2]]
    return {
        "verdict": subject["verdict"],
        "steps": len({value["step"] for value in values} | {cell["step"] for cell in cells}),
        "values": f"{sum(value['status'] == 'equal' for value in values)}/{len(values)}",
        "outputs": f"{sum(cell['status'] == 'equal' for cell in cells)}/{len(cells)}",
        "said": (subject["failure"] or "; ".join(found))[:400],
    }


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
            return left, isinstance(each, (ast.Assign, ast.Expr, ast.Import, ast.ImportFrom))
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
    code = [cell for cell in document["cells"] if cell["cell_type"] == "code" and cell["source"].strip()]
    for number, cell in enumerate(code[::every], 1):
        cell["metadata"] = {"tags": [f"step:part_{number}"]}


def labline(arguments: list[str], environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run the command, for a bounded time."""
    command = [sys.executable, "-m", "labline_backend", *arguments]
    try:
        return subprocess.run(
            command,
            env=environment,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 124, "", f"took more than {SECONDS} s")


def last_line(text: str) -> str:
    """The end of what a command said."""
    return (text.strip().splitlines() or [""])[-1][:300]


def table(outcomes: list[Outcome]) -> str:
    """The outcomes as Markdown."""
    counted = Counter(outcome.verdict for outcome in outcomes)
    lines = [", ".join(f"{verdict} {number}" for verdict, number in sorted(counted.items())), ""]
    lines += [
        "| notebook | verdict | cells | cut | steps | values equal | outputs alike | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for each in outcomes:
        said = each.said.replace("|", "\\|").replace("\n", " ")
        lines.append(
            f"| {each.notebook} | {each.verdict} | {each.cells} | {each.cut} | {each.steps} | {each.values} | "
            f"{each.outputs} | {said} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(min(main(), 100))
