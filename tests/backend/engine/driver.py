"""An engine in a process of its own: ``python -m tests.backend.engine.driver FOLDER PIPELINE.json``.

Prints the run's id, waits for its end, and prints how it ended.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from labline_compiler.pipeline import Pipeline
from tests.backend.engine.bench import Bench

ROOT = Path(__file__).parents[3]


def start(bench: Bench, pipeline: Pipeline) -> tuple[subprocess.Popen[str], str]:
    """Run *pipeline* in another process on the same data folder; the process and the run's id."""
    document = bench.folder.parent / "pipeline.json"
    document.write_text(pipeline.to_json())
    process = subprocess.Popen(
        [sys.executable, "-m", __name__, str(bench.folder.parent), str(document)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    return process, process.stdout.readline().strip()


def end(process: subprocess.Popen[str]) -> str:
    """Wait for the process; how its run ended."""
    told, _ = process.communicate(timeout=60)
    return told.strip()


def kill(process: subprocess.Popen[str]) -> None:
    """End the process as the kernel would."""
    process.kill()
    process.communicate()


def main() -> None:
    """Run one pipeline."""
    bench = Bench(Path(sys.argv[1]))
    run = bench.start(Pipeline.from_json(Path(sys.argv[2]).read_text()))
    print(run.id, flush=True)
    print(bench.end(run).state, flush=True)
    bench.close()


if __name__ == "__main__":
    main()
