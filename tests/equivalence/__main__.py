"""``python -m tests.equivalence [--on kfp-local] [--results FILE] [--every N] [WORD...]``: see ``matrix.py``.

Every outcome that is not as it should be is printed at once. ``--results`` appends all of them to a file, a line of
JSON each, and leaves out what is in it already: a campaign that was stopped goes on where it was. ``--every`` takes
each Nth of what is chosen.
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
import time
from pathlib import Path

from .judge import Judge, Judgement, roomy_folder
from .matrix import OTHERWISE, PRODUCT, Pair, cells


def main(arguments: list[str] | None = None) -> int:
    """Judge the product, print what is not as it should be; the exit code tells whether anything was not."""
    parser = argparse.ArgumentParser(prog="python -m tests.equivalence")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--on", choices=("local", "kfp-local"), default="local")
    parser.add_argument("--results", type=Path)
    parser.add_argument("--every", type=int, default=1)
    given = parser.parse_args(arguments)
    chosen = [pair for pair in PRODUCT if not given.words or any(word in " ".join(pair) for word in given.words)]
    found = _earlier(given.results, given.on)
    before, started = len(found), time.monotonic()
    with roomy_folder() as root, Judge(root) as judge:
        for pair in chosen[:: given.every]:
            if pair in found:
                continue
            found[pair] = judge(cells(*pair), given.on)
            if given.results is not None:
                with given.results.open("a", encoding="utf-8") as results:
                    results.write(f"{json.dumps([given.on, *pair, found[pair].outcome, found[pair].said])}\n")
            if _is_wrong(pair, found[pair]):
                print(f"{' '.join(pair)}: {found[pair].outcome}\n{found[pair].said}", flush=True)
    print(dict(collections.Counter(each.outcome for each in found.values())))
    print(f"{len(found) - before} judged in {time.monotonic() - started:.0f} s")
    return int(any(_is_wrong(*each) for each in found.items()))


def _is_wrong(pair: Pair, found: Judgement) -> bool:
    return found.outcome != OTHERWISE.get(pair[1], "equal")


def _earlier(results: Path | None, target: str) -> dict[Pair, Judgement]:
    """What an earlier part of a campaign has left."""
    if results is None or not results.exists():
        return {}
    lines = [json.loads(line) for line in results.read_text("utf-8").splitlines()]
    return {(shape, case): Judgement(*rest) for on, shape, case, *rest in lines if on == target}


if __name__ == "__main__":
    sys.exit(main())
