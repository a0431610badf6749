"""Compiles generated projects, one after the other, where nothing of Labline can be imported.

A program of its own: ``python kfp_only.py FOLDER...`` does in each what ``python pipeline.py`` does.
"""

from __future__ import annotations

import runpy
import sys
import warnings


def main(folders: list[str]) -> None:
    # kfp deprecates parts of itself on import.
    warnings.simplefilter("ignore")
    for name in ("labline_backend", "labline_compiler", "labline_runtime"):
        sys.modules[name] = None  # type: ignore[assignment] # importing it fails
    here = sys.path[0]
    for folder in folders:
        sys.path[0] = folder  # as Python does for a script
        for module in ("components", "labline_step"):
            sys.modules.pop(module, None)
        runpy.run_path(f"{folder}/pipeline.py", run_name="__main__")
    sys.path[0] = here


if __name__ == "__main__":
    main(sys.argv[1:])
