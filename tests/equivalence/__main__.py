"""``python -m tests.equivalence [--on kfp-local] [WORD...]``: see ``matrix.py``."""

from __future__ import annotations

import argparse
import collections
import sys
import tempfile
from pathlib import Path

from .judge import Judge
from .matrix import OTHERWISE, PRODUCT, cells


def main(arguments: list[str] | None = None) -> int:
    """Judge the product, print what is not as it should be; the exit code tells whether anything was not."""
    parser = argparse.ArgumentParser(prog="python -m tests.equivalence")
    parser.add_argument("words", nargs="*")
    parser.add_argument("--on", choices=("local", "kfp-local"), default="local")
    given = parser.parse_args(arguments)
    outcomes: collections.Counter[str] = collections.Counter()
    wrong = 0
    with tempfile.TemporaryDirectory() as root, Judge(Path(root)) as judge:
        for shape, case in PRODUCT:
            if given.words and not any(word in f"{shape} {case}" for word in given.words):
                continue
            found = judge(cells(shape, case), given.on)
            outcomes[found.outcome] += 1
            if found.outcome != OTHERWISE.get(case, "equal"):
                wrong += 1
                print(f"{shape} {case}: {found.outcome}\n{found.said}", flush=True)
    print(dict(outcomes))
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
