"""``python -m tests.bench.guards [NOTEBOOK...]``: what guards cost in real runs of the example notebooks.

Every step measures itself (``StepResult.cpu`` and ``guards``): CPU seconds of its process, all threads, so that what
else runs on the machine matters little. What guards do whenever a cell imports a library is in it. Audit events, which
also tell the cache what files a step uses, are not; nor is storing and loading values, which steps without guards would
do as well.
"""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from pathlib import Path

from labline_backend.home import Home
from labline_backend.service import Service

ROUNDS = 7
NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


def measure(notebook: Path, rounds: int = ROUNDS) -> dict[str, list[tuple[float, float]]]:
    """By step: the CPU seconds of its guards and of all of it, in every round."""
    found: dict[str, list[tuple[float, float]]] = {}
    with tempfile.TemporaryDirectory() as folder:
        service = Service(Home.open(Path(folder)), track=False)
        try:
            for _ in range(rounds):
                run = service.run(notebook, notebook=notebook.name, cache=False)
                record = service.engine.wait(run.id, timeout=600)
                assert record.state == "succeeded", record.error
                for step in service.store.steps(run.id):
                    result = json.loads((service.home.step_folder(run.id, step.name) / "result.json").read_text())
                    found.setdefault(step.name, []).append((result["guards"], result["cpu"]))
        finally:
            service.close()
    return found


def main() -> None:
    """Measure and print, by step and as a whole."""
    notebooks = [Path(name) for name in sys.argv[1:]] or sorted(NOTEBOOKS.glob("*.ipynb"))
    print(f"{'':32}{'guards':>10}{'step':>10}{'share':>8}{'of the rest':>13}")
    for notebook in notebooks:
        steps = measure(notebook)
        medians = {
            name: [statistics.median(each) for each in zip(*rounds, strict=True)] for name, rounds in steps.items()
        }
        medians[f"all of {notebook.stem}"] = [sum(each) for each in zip(*medians.values(), strict=True)]
        for name, (guards, cpu) in medians.items():
            share, rest = guards / cpu, guards / (cpu - guards)
            print(f"{name:32}{1e3 * guards:7.1f} ms{1e3 * cpu:7.0f} ms{100 * share:7.1f}%{100 * rest:12.1f}%")


if __name__ == "__main__":
    main()
