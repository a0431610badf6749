"""Runs a compiled pipeline with KFP's local runner and writes, as JSON, what each step left.

A program of its own, because ``kfp.local.init`` holds for a whole process. What to run comes as JSON on standard input.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path


def main() -> None:
    """Run the pipeline; a step that fails leaves no record."""
    order = json.load(sys.stdin)
    warnings.simplefilter("ignore")  # kfp's own deprecations, and its doubts about the image's name
    from kfp import components, local

    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=order["root"], raise_on_error=False)
    components.load_component_from_text(Path(order["pipeline"]).read_text("utf-8"))(**order["arguments"])
    left = {}
    for record in Path(order["root"]).rglob("executor_output.json"):
        written = json.loads(record.read_text("utf-8")).get("artifacts", {})
        left[record.parent.name] = {
            name: {"path": found["artifacts"][0]["uri"], "metadata": found["artifacts"][0].get("metadata", {})}
            for name, found in written.items()
        }
    Path(order["result"]).write_text(json.dumps(left), "utf-8")


if __name__ == "__main__":
    main()
