"""``python -m tests.corpus CHECKOUTS [--list FILE] [--every N | --anywhere SEED] [--seeded] [--kernel NAME]
[--seconds N] [--results FILE] [--prepared FOLDER] [--report FILE] [--work FOLDER] [PATTERN...]``.

*CHECKOUTS* is a folder with one folder a repository, as ``notebooks.txt`` beside this file names them. Each notebook is
copied with the files beside it; statements that fail in a plain run of it (no network, an old API), and cells that take
too long, are cut out first. Then it is split as ``labline suggest`` does; or, which is harder, with ``--every N`` a
step starts at every Nth code cell, with ``--anywhere SEED`` at every third to fifth, by chance. It is judged as
``labline verify`` does. What a notebook draws from an unseeded generator cannot be judged: ``--seeded`` seeds the
generators at its top.

Every outcome is a line of JSON, printed at once. ``--results`` appends them to a file as well, and leaves out the
notebooks that are in it: a campaign that was stopped goes on where it was. ``--prepared`` keeps what the cutting has
left of each notebook, for the next way of splitting. ``--work`` keeps the folder that it all happens in, with the last
notebook and its runs. ``--report`` writes a table as Markdown.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from labline_backend.errors import InputError
from labline_backend.verification.interpreter import Stopped

from .judge import Judge
from .preparing import copied, prepared, split, split_anywhere

LIST = Path(__file__).with_name("notebooks.txt")
SECONDS = 900  # for all runs of one notebook


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
    parser.add_argument("--anywhere", type=int, metavar="SEED", help="start a step at every third to fifth, by chance")
    parser.add_argument("--seeded", action="store_true", help="seed the random generators at the top of each notebook")
    parser.add_argument("--kernel", default="python3", help="the kernel that has the notebooks' libraries")
    parser.add_argument("--report", type=Path, help="write the table here")
    parser.add_argument("--list", type=Path, default=LIST, help="the notebooks, a line each")
    parser.add_argument("--seconds", type=int, default=120, help="cells that take longer in the plain run are cut out")
    parser.add_argument("--results", type=Path, help="append the outcomes here; notebooks that are in it are left out")
    parser.add_argument("--prepared", type=Path, help="keep what the cutting leaves here, and take it from here")
    parser.add_argument("--work", type=Path, help="an empty folder to work in, and to leave as it is at the end")
    parser.add_argument("patterns", nargs="*", help="only notebooks whose line in the list holds one of these")
    chosen = parser.parse_intermixed_args()
    outcomes = earlier(chosen.results)
    there = {outcome.notebook for outcome in outcomes}
    tag: Callable[[dict[str, Any]], None] | None = None
    if chosen.anywhere is not None:
        tag = partial(split_anywhere, seed=chosen.anywhere)
    elif chosen.every:
        tag = partial(split, every=chosen.every)
    prepare = partial(
        prepared, kept=chosen.prepared, kernel=chosen.kernel, seeded=chosen.seeded, seconds=chosen.seconds
    )
    with folder(chosen.work) as root, Judge(root, SECONDS) as judge:
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
            outcomes.append(fare(line, top / path, top, root / "work", tag, prepare, judge))
            written = json.dumps(vars(outcomes[-1]))
            print(written, flush=True)
            if chosen.results is not None:
                with chosen.results.open("a", encoding="utf-8") as results:
                    results.write(f"{written}\n")
            if chosen.report is not None:
                chosen.report.write_text(table(outcomes), "utf-8")
    return sum(outcome.verdict in ("different", "crashed") for outcome in outcomes)


@contextlib.contextmanager
def folder(wanted: Path | None) -> Iterator[Path]:
    """Where to work: what is *wanted*, or one that is gone at the end."""
    if wanted is not None:
        yield wanted.resolve()
        return
    with tempfile.TemporaryDirectory() as root:
        yield Path(root).resolve()


def earlier(results: Path | None) -> list[Outcome]:
    """The outcomes that an earlier part of a campaign has left."""
    if results is None or not results.exists():
        return []
    return [Outcome(**json.loads(line)) for line in results.read_text("utf-8").splitlines()]


def fare(
    name: str,
    file: Path,
    top: Path,
    tree: Path,
    tag: Callable[[dict[str, Any]], None] | None,
    prepare: Callable[..., tuple[dict[str, Any], int]],
    judge: Judge,
) -> Outcome:
    """Split and verify one notebook of the checkout at *top*, in a copy of its folder below *tree*.

    As *tag* does, or ``labline suggest`` where there is none.
    """
    began = time.monotonic()
    shutil.rmtree(tree, ignore_errors=True)
    notebook = copied(file, top, tree) / "notebook.ipynb"
    document, cut = prepare(name, file, tree, notebook.parent)
    cells = sum(cell["cell_type"] == "code" and bool(cell["source"].strip()) for cell in document["cells"])
    took = 0.0

    def ended(verdict: str, **more: Any) -> Outcome:
        seconds = round(time.monotonic() - began, 1)
        return Outcome(name, verdict, cells, cut, split=round(took, 1), seconds=seconds, **more)

    if cells < 2:
        return ended("too short")
    if tag is not None:
        tag(document)
    notebook.write_text(json.dumps(document), "utf-8")
    if tag is None:
        before = time.monotonic()
        try:
            judge.split(notebook)
        except InputError as error:
            return ended("not split", said=error.message[:300])
        finally:
            took = time.monotonic() - before
    try:
        found = verdict_of(judge(notebook))
        return ended(**found | {"said": "; ".join(filter(None, [*judge.stopped, found["said"]]))[:600]})
    except InputError as error:
        return ended("refused", said=error.message[:300])
    except Stopped:
        return ended("crashed", said=f"took more than {SECONDS} s")
    except Exception as error:
        return ended("crashed", said=f"{type(error).__name__}: {error}"[:300])


def verdict_of(certificate: dict[str, Any]) -> dict[str, Any]:
    """The columns of the table that a certificate fills."""
    subject, values, cells = certificate["subject"], certificate["values"], certificate["cells"]
    odd = [each for each in [*values, *cells] if each["status"] != "equal"]
    odd.sort(key=lambda each: each["status"] != "different")
    found = [
        f"{each['status']} {each.get('name', 'cell')} in {each['step']}: {each['difference']}"[:200] for each in odd
    ]
    return {
        "verdict": subject["verdict"],
        "steps": len({value["step"] for value in values} | {cell["step"] for cell in cells}),
        "values": f"{sum(value['status'] == 'equal' for value in values)}/{len(values)}",
        "outputs": f"{sum(cell['status'] == 'equal' for cell in cells)}/{len(cells)}",
        "said": (subject["failure"] or "; ".join(found))[:600],
    }


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
