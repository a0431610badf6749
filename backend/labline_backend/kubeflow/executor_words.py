"""What KFP's executor writes into a pod's log about itself, around what the step writes: a screen of JSON at least."""

from __future__ import annotations

import re

RECORD = re.compile(rb"( *)\[KFP Executor [^\]]* INFO\]: (.*)")
GIVEN = b"Got executor_input:"  # and then that, as JSON over many lines


class ExecutorWords:
    """Tells the executor's lines from a step's own; asked about one line after the other."""

    def __init__(self) -> None:
        self._indentation: bytes | None = None  # of the JSON, while that goes on

    def has(self, line: bytes) -> bool:
        """Whether the next line is the executor's. Its warnings and errors count as the step's."""
        if (record := RECORD.match(line)) is not None:
            self._indentation = record[1] if record[2].startswith(GIVEN) else None
            return True
        if self._indentation is None:
            return False
        rest = line[len(self._indentation) :] if line.startswith(self._indentation) else b""
        if rest == b"}" or not rest.startswith((b"{", b" ")):
            self._indentation = None
        return rest.startswith((b"{", b" ", b"}"))
