"""``%labline_load``: a step's values in the namespace of any kernel."""

from __future__ import annotations

from typing import Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_magic, magics_class
from IPython.core.magic_arguments import argument, magic_arguments, parse_argstring

from labline_runtime import past
from labline_runtime.loading import load


@magics_class
class LablineMagics(Magics):  # type: ignore[misc]
    """What ``%load_ext labline_runtime`` adds."""

    @magic_arguments()  # type: ignore[untyped-decorator]
    @argument("run", help="A run: its id, the beginning of one, or latest.")  # type: ignore[untyped-decorator]
    @argument("step", help="The name of a step.")  # type: ignore[untyped-decorator]
    @argument("--outputs", action="store_true", help="What the step handed on, not what it took.")  # type: ignore[untyped-decorator]
    @line_magic  # type: ignore[untyped-decorator]
    def labline_load(self, line: str) -> Any:
        """Put a step's inputs, or its outputs, into the namespace: values, parameters and hidden state."""
        options = parse_argstring(self.labline_load, line)
        try:
            loaded = load(self.shell.user_ns, past.run(options.run).step(options.step), outputs=options.outputs)
        except past.PastError as error:
            raise UsageError(str(error.args[0])) from error
        print(loaded)  # noqa: T201 - what a magic says goes to the cell
