"""Runs in Kale's environment: for every line read, compile the notebook and print the CPU seconds that took."""

from __future__ import annotations

import os
import sys
import time

from kale.common import kfputils
from kale.compiler import Compiler
from kale.processors import NotebookProcessor

OPTIONS = {"experiment_name": "bench", "pipeline_name": "bench"}


def compile_once(notebook: str, what: str) -> None:
    """As Kale's command does it; "analysis" ends with the source of the pipeline, "yaml" with what KFP takes."""
    processor = NotebookProcessor(notebook, dict(OPTIONS))
    pipeline = processor.run()
    script = Compiler(pipeline, processor.get_imports_and_functions()).compile()
    if what == "yaml":
        kfputils.compile_pipeline(script, pipeline.config.pipeline_name)


def main() -> None:
    """Answer on a stream that nothing of Kale's prints into."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        start = time.process_time()
        compile_once(sys.argv[1], line.strip())
        print(time.process_time() - start, file=answers, flush=True)


if __name__ == "__main__":
    main()
