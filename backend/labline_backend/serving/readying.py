"""A version that is ready to answer: loaded, with what only that needed given back, and asked once."""

from __future__ import annotations

import threading

from labline_backend.registry import RegisteredVersion
from labline_backend.serving import invocations
from labline_backend.serving.checks import Checks
from labline_backend.serving.documents import write
from labline_backend.serving.predictor import Predictor, load
from labline_backend.serving.resident import give_back


def readied(version: RegisteredVersion, checks: Checks, seconds: float) -> Predictor:
    """Load a version, as ``predictor.load`` does, and warm it up for so many *seconds* at most."""
    predictor = load(version, checks)
    give_back()
    warm_up(predictor, seconds)
    return predictor


def warm_up(predictor: Predictor, seconds: float) -> None:
    """Ask for the model's input example, so that no client waits for what happens the first time.

    What it answers was looked at by the check. A model that was logged without an example is asked by its first client.
    Whatever the model does here, it is served: clients are told of what fails, and of what takes longer than *seconds*.
    """
    body = predictor.shown.get("body")
    if body is None or predictor.shown.get("made_up"):
        return

    def ask() -> None:
        try:
            predictor.answer([invocations.parse(write(body), "application/json", predictor.signature)])
        except BaseException:  # a model may call sys.exit
            return

    asking = threading.Thread(target=ask, name="example", daemon=True)  # one without end keeps nothing from ending
    asking.start()
    asking.join(seconds)
