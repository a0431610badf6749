"""Runs a compiled pipeline with KFP's own local runner and writes, as JSON, what each step left.

A program of its own, because ``kfp.local.init`` holds for a whole process:
``python kfp_local.py PIPELINE ROOT ARGUMENTS RESULT``.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path


def main(pipeline: str, root: str, arguments: str, result: str) -> None:
    # kfp deprecates parts of itself on import, and takes any image without "python" in its name for a mistake.
    warnings.simplefilter("ignore")
    from kfp import components, local

    local.init(local.SubprocessRunner(use_venv=False), pipeline_root=root, raise_on_error=False)
    components.load_component_from_text(Path(pipeline).read_text(encoding="utf-8"))(**json.loads(arguments))
    left = {}
    for record in Path(root).rglob("executor_output.json"):
        written = json.loads(record.read_text(encoding="utf-8")).get("artifacts", {})
        left[record.parent.name] = {
            name: {"path": found["artifacts"][0]["uri"], "metadata": found["artifacts"][0]["metadata"]}
            for name, found in written.items()
        }
    Path(result).write_text(json.dumps(left), encoding="utf-8")


if __name__ == "__main__":
    main(*sys.argv[1:])
