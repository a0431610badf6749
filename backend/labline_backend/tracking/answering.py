"""A helper process's end of a :class:`~labline_backend.tracking.channel.Channel`: JSON lines, answered in order.

A request is ``{"id", "call", "arguments"}``, an answer ``{"id", "result"}`` or ``{"id", "error", "kind"}``: one
sentence, and ``away`` where the reason is a server that does not answer, ``absent`` or ``refused`` where it is what was
asked for, else ``failed``. The process ends when its standard input does, so it cannot outlive whoever started it.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from typing import Any

from labline_backend.registry import AbsentError, RegistryError


class AwayError(Exception):
    """The MLflow server does not answer; the message is one sentence for the user."""


def run(calls: Any) -> None:
    """Answer until standard input ends, by the public methods of *calls*. Whatever a library prints goes to standard
    error, not among the answers."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    with open(sys.stdin.fileno(), encoding="utf-8", closefd=False) as requests:
        serve(calls, requests, answers)


def _kind(error: BaseException) -> str:
    if isinstance(error, AbsentError):
        return "absent"
    if isinstance(error, RegistryError):
        return "refused"
    return "away" if _is_away(error) else "failed"


def _is_away(error: BaseException) -> bool:
    if isinstance(error, AwayError):
        return True
    # What the requests library raises is an OSError; it has a response when the server did answer.
    causes = (error, error.__cause__, error.__context__)
    return any(isinstance(cause, OSError) and getattr(cause, "response", None) is None for cause in causes)


def _sentence(error: BaseException) -> str:
    if isinstance(error, (AwayError, RegistryError)):
        return str(error)
    text = " ".join(str(getattr(error, "message", None) or error).split())
    return f"{type(error).__name__}: {text[:600]}" if text else type(error).__name__


def serve(calls: Any, requests: Any, answers: Any) -> None:
    """Answer every line of *requests* until there are no more."""
    for line in requests:
        request = json.loads(line)
        answer: dict[str, Any] = {"id": request["id"]}
        try:
            call: Callable[..., Any] = getattr(calls, request["call"])
            answer["result"] = call(**request["arguments"])
        except Exception as error:
            answer["error"], answer["kind"] = _sentence(error), _kind(error)
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
