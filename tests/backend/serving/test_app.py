"""The ASGI application by itself, where a server would only be slower."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from labline_backend.serving.answering import Answering
from labline_backend.serving.app import Application
from labline_backend.serving.body import BodyReader
from labline_backend.serving.metrics import Metrics

from .conftest import TOKEN

JSON = {"content-type": "application/json"}


async def asked(
    application: Application, path: str, body: bytes | None = None, given: Mapping[str, str] = JSON
) -> tuple[int, dict[bytes, bytes], Any]:
    """Status, headers and document of an answer; the document is only the head's where raw tensors follow."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body or b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    named = {"authorization": f"Bearer {TOKEN}", **given}
    headers = [(name.encode(), value.encode("latin-1")) for name, value in named.items()]
    scope = {"type": "http", "method": "GET" if body is None else "POST", "path": path, "headers": headers}
    await application(scope, receive, send)
    answered = dict(sent[0]["headers"])
    head = answered.get(b"inference-header-content-length")
    return sent[0]["status"], answered, json.loads(sent[1]["body"][: None if head is None else int(head)])


async def test_while_a_model_is_loaded_a_client_is_told_to_come_back_and_not_that_there_is_none() -> None:
    application = Application(Answering(TOKEN, Metrics()), BodyReader(1 << 20, 30.0, 1 << 26))
    for path, body in (("/v2/models/forest", None), ("/v2/models/forest/ready", None), ("/v2/models/x/infer", b"{}")):
        status, headers, document = await asked(application, path, body)
        assert (status, headers[b"retry-after"]) == (503, b"1")
        assert "still being loaded" in document["error"]
