"""``python -m tests.compiler.generated FIRST COUNT [python|data|kernel]``: try many notebooks, print what goes wrong.

By default steps run one after another in this process. ``--on local`` has them run by the engine, in processes of their
own, with guards and all hidden state; ``--on kfp-local`` under KFP's local runner. What is compared then is what
``labline verify`` compares. The profile "kernel" has to be run so.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import random
import sys
import time
import traceback
from collections.abc import Callable, Iterator

from labline_compiler.notebook import parse
from tests.compiler.generated import grammar, processes
from tests.equivalence.judge import Judge, roomy_folder

IMPORTED = {  # where steps are forked from
    "python": "",
    "data": "numpy, pandas, sklearn.preprocessing",
    "kernel": "",  # pyplot, imported before the step has set it up, would not show figures inline
}
Check = Callable[[str, int], str]  # a notebook and its number -> how it went


def main(arguments: list[str] | None = None) -> int:
    """Try notebooks *first* to *first* + *count*; the exit code tells whether all went well."""
    parser = argparse.ArgumentParser(prog="python -m tests.compiler.generated")
    parser.add_argument("first", type=int)
    parser.add_argument("count", type=int)
    parser.add_argument("profile", choices=grammar.PROFILES, nargs="?", default="python")
    parser.add_argument("--on", choices=("local", "kfp-local"))
    given = parser.parse_args(arguments)
    outcomes: collections.Counter[str] = collections.Counter()
    started, texts = time.monotonic(), set()
    with _check(given.on, IMPORTED[given.profile]) as check:
        for number in range(given.first, given.first + given.count):
            text = grammar.notebook(random.Random(number), given.profile)
            texts.add(text)
            try:
                outcomes[check(text, number)] += 1
            except processes.Diverged as error:
                outcomes["DIVERGED"] += 1
                print(f"=== {number}\n{error}", flush=True)
            except Exception:
                outcomes["CRASHED"] += 1
                print(f"=== {number}\n{traceback.format_exc()}\n{text}", flush=True)
            if len(texts) % 100 == 0:
                print(f"{len(texts)} distinct notebooks so far: {dict(outcomes)}", flush=True)
    print(f"{len(texts)} distinct notebooks in {time.monotonic() - started:.0f} s: {dict(outcomes)}")
    return int(outcomes["DIVERGED"] + outcomes["CRASHED"] > 0)


@contextlib.contextmanager
def _check(target: str | None, imported: str) -> Iterator[Check]:
    if target is None:
        yield processes.check
        return
    with roomy_folder() as root, Judge(root, imported) as judge:

        def check(text: str, number: int) -> str:
            cells = [(cell.source, cell.metadata["tags"]) for cell in parse(text, "little.py").code_cells]
            found = judge(cells, "kfp-local" if target == "kfp-local" else "local")
            if found.outcome in ("equal", "refused", "fails"):
                return f"refused: {found.said[2:7]}" if found.outcome == "refused" else found.outcome
            raise processes.Diverged(f"{found.outcome}: {found.said}\n\n{text}")

        yield check


if __name__ == "__main__":
    sys.exit(main())
