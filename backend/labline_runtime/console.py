"""IPython in a terminal, with what a step had: ``labline load`` and ``labline debug --console`` start it.

What to open it on is ``{"load": [RUN, STEP, OUTPUTS], "home": FOLDER}`` or ``{"debug": SPEC, "before": INDEX}``, with
the index, or null, of :func:`labline_runtime.replay.parts`.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from labline_runtime import replay
from labline_runtime.documents import from_json
from labline_runtime.specification import StepSpecification


def main(request: dict[str, Any]) -> int:
    """Open the console and leave when the user does; 2 where there is nothing to open it on."""
    try:
        from IPython.terminal.ipapp import TerminalIPythonApp
    except ImportError as error:
        sys.stderr.write(f"labline: {sys.executable} has no console, it lacks {error.name}.\n")
        return 2
    sys.argv[:] = [""]
    app = TerminalIPythonApp.instance(display_banner=False)
    app.initialize([])
    shell = app.shell
    if "" not in sys.path:
        sys.path.insert(0, "")
    ready = _debug(shell, request) if "debug" in request else _load(shell, request)
    if not ready:
        return 2
    shell.mainloop()
    return 0


def _load(shell: Any, request: dict[str, Any]) -> bool:
    from labline_runtime import past
    from labline_runtime.loading import load

    run, step, outputs = request["load"]
    try:
        found = past.run(run, request["home"]).step(step)
        print(load(shell.user_ns, found, outputs=outputs))  # noqa: T201
    except past.PastError as error:
        sys.stderr.write(f"labline: {error.args[0]}\n")
        return False
    return True


def _debug(shell: Any, request: dict[str, Any]) -> bool:
    path = Path(request["debug"])
    spec = from_json(StepSpecification, path.read_text("utf-8"))
    bundle = Path(__file__).parents[1]
    for part in replay.parts(spec, path, bundle, request["before"]):
        if part.cell is not None:
            print(f"Cell {part.cell.shown} ...", flush=True)  # noqa: T201
        shell.run_cell(part.code, store_history=part.cell is not None)
        if not shell.last_execution_result.success:
            print("\n%debug looks at the frames above; the step's variables are here.", flush=True)  # noqa: T201
            return True
    said = (
        "%debug looks at the process that failed; what the step took is here."
        if spec.post_mortem
        else "Nothing has failed so far; the step's variables are here."
    )
    print(f"\n{said}", flush=True)  # noqa: T201
    return True
