"""``python -m tests.bench [NAME...]``: run benchmarks (all of them), print tables, write ``results.json`` here."""

from __future__ import annotations

import json
import os
import platform
import statistics
import sys
from pathlib import Path

from . import compile, digest, handover, kale, lab, peers, pipelines, serving, serving_peers

RESULTS = Path(__file__).parent / "results.json"
BENCHMARKS = (
    *pipelines.BENCHMARKS,
    compile,
    *([kale] if peers.wanted() else []),
    *digest.BENCHMARKS,
    *handover.BENCHMARKS,
    serving,
    *(serving_peers.BENCHMARKS if peers.wanted() else []),
    lab,
)


def main() -> None:
    """Measure, print, write."""
    report: dict[str, object] = {
        "machine": {
            "cores": len(os.sched_getaffinity(0)),
            "system": platform.platform(),
            "python": platform.python_version(),
            "load": os.getloadavg()[0],
        }
    }
    # Installed packages are compiled; where this is set, those that nobody has compiled yet would be anew each time.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    names = sys.argv[1:] or [benchmark.NAME for benchmark in BENCHMARKS]
    for benchmark in (each for each in BENCHMARKS if each.NAME in names):
        samples = benchmark.measure()
        medians = {contender: statistics.median(seconds) for contender, seconds in samples.items()}
        reference = medians[benchmark.REFERENCE]
        print(f"\n{benchmark.TITLE}")
        print(f"  {'':32}{'median':>10}{'spread':>20}{'ratio':>8}")
        for contender, median in sorted(medians.items(), key=lambda item: item[1]):
            low, high = min(samples[contender]), max(samples[contender])
            spread = f"{_time(low)} - {_time(high)}"
            print(f"  {contender:32}{_time(median):>10}{spread:>20}{median / reference:8.2f}")
        report[benchmark.NAME] = {
            "title": benchmark.TITLE,
            "reference": benchmark.REFERENCE,
            "contenders": {
                contender: {"seconds": seconds, "median": medians[contender], "ratio": medians[contender] / reference}
                for contender, seconds in samples.items()
            },
        }
    RESULTS.write_text(json.dumps(report, indent=2) + "\n")
    print(f"\nWritten to {RESULTS.relative_to(Path.cwd()) if RESULTS.is_relative_to(Path.cwd()) else RESULTS}")


def _time(seconds: float) -> str:
    """A time with three digits that tell something."""
    for unit, factor in (("s", 1.0), ("ms", 1e3)):
        if seconds * factor >= 1:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds * 1e6:.3g} µs"


if __name__ == "__main__":
    main()
