"""``python -m tests.compiler.generated FIRST COUNT [python|data]``: try many notebooks, print those that go wrong."""

from __future__ import annotations

import collections
import random
import sys
import time
import traceback

from tests.compiler.generated import grammar, processes


def main(first: int, count: int, profile: str = "python") -> int:
    """Try notebooks *first* to *first* + *count*; the exit code tells whether all went well."""
    outcomes: collections.Counter[str] = collections.Counter()
    started, texts = time.monotonic(), set()
    for number in range(first, first + count):
        text = grammar.notebook(random.Random(number), data=profile == "data")
        texts.add(text)
        try:
            outcomes[processes.check(text, number)] += 1
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


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:4]))
