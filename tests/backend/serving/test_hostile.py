"""Hostile requests to the whole application on a real model: each is answered or refused, and nothing fails."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from labline_backend.serving import v2_messages
from labline_backend.serving.answering import Answering
from labline_backend.serving.app import Application
from labline_backend.serving.body import BodyReader
from labline_backend.serving.engine import Engine, Limits
from labline_backend.serving.metrics import Metrics
from labline_backend.serving.plan import Arm
from labline_backend.serving.refusal import Refusal
from labline_backend.serving.routing import Routing
from labline_backend.serving.versions import Served

from ...faults.hostile import Sent, messages, requests
from .conftest import TOKEN, Registry
from .test_app import asked

bounded = settings(
    max_examples=150, derandomize=True, database=None, deadline=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def ask(registry: Registry) -> Iterator[Any]:
    """Ask the forest; the answer's status and document."""
    with asyncio.Runner() as runner:

        async def made() -> tuple[Application, Served]:
            predictor = registry.predictor("forest")
            served = Served(predictor, Engine(predictor, Limits()), None)
            application = Application(Answering(TOKEN, Metrics()), BodyReader(1 << 20, 30.0, 1 << 26))
            application.serve(Routing("forest", [Arm("1", "1", 100)], {"1": served}))
            return application, served

        application, served = runner.run(made())
        yield lambda sent: runner.run(asked(application, sent.path, sent.body, sent.headers))
        runner.run(served.close())


@bounded
@given(requests)
def test_whatever_is_sent_is_answered_or_refused_and_never_a_failure(ask: Any, sent: Sent) -> None:
    status, _, document = ask(sent)
    assert status == 200 or 400 <= status < 500, (status, document)
    if status != 200:
        assert document.get("error") or document.get("message")


@bounded
@given(messages)
def test_whatever_message_is_sent_is_read_or_refused(registry: Registry, data: bytes) -> None:
    with contextlib.suppress(Refusal):
        request = v2_messages.read("ModelInferRequest", data)
        assert v2_messages.rows(request, registry.predictor("forest").signature).count >= 0
