"""What goes over a connection in which pieces."""

from __future__ import annotations

from typing import Any

from labline_backend.serving.protocol import Whole

HEAD = b"HTTP/1.1 200 OK\r\n\r\n"


class Recording:
    """A transport that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[Any] = []

    def write(self, data: bytes) -> None:
        self.told.append(data)

    def writelines(self, parts: Any) -> None:
        self.told.append(b"".join(parts))

    def close(self) -> None:
        self.told.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.told


def told(*written: bytes, end: str = "flush") -> list[Any]:
    """What a transport is told of *written*, up to *end*."""
    transport = Recording()
    whole = Whole(transport)  # type: ignore[arg-type]
    for data in written:
        whole.write(data)
    getattr(whole, end)()
    return transport.told


def test_head_and_body_go_in_one_piece() -> None:
    assert told(HEAD, b"body") == [HEAD + b"body"]


def test_a_head_without_a_body_goes_when_the_answer_is_complete() -> None:
    assert told(HEAD) == [HEAD]


def test_what_is_held_goes_before_the_connection_is_closed() -> None:
    assert told(HEAD, end="close") == [HEAD, "closed"]


def test_the_word_to_go_on_is_not_held() -> None:
    assert told(b"HTTP/1.1 100 Continue\r\n\r\n", HEAD, b"body") == [b"HTTP/1.1 100 Continue\r\n\r\n", HEAD + b"body"]


def test_a_body_that_looks_like_a_head_is_a_body() -> None:
    assert told(HEAD, HEAD, b"more") == [HEAD + HEAD, b"more"]
