"""A version that is ready to answer: loaded, with what only that needed given back, and asked once."""

from __future__ import annotations

import contextlib

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import invocations
from labline_backend.serving.checks import Checks
from labline_backend.serving.documents import write
from labline_backend.serving.predictor import NotAtHandError, Predictor, load
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.resident import give_back


def readied(version: RegisteredVersion, checks: Checks) -> Predictor:
    """Load a version, as ``predictor.load`` does, and warm it up."""
    predictor = load(version, checks)
    give_back()
    warm_up(predictor)
    return predictor


def warm_up(predictor: Predictor) -> None:
    """Ask for the model's input example, so that no client waits for what happens the first time.

    What it answers was looked at by the check. A model that was logged without an example is asked by its first client.
    """
    body = predictor.shown.get("body")
    if body is None or predictor.shown.get("made_up"):
        return
    with contextlib.suppress(Refusal, NotAtHandError):
        predictor.answer([invocations.parse(write(body), "application/json", predictor.signature)])
