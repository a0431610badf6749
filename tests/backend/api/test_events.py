"""The WebSocket: numbered, replayable events and growing logs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import tornado.httpclient
import tornado.websocket

from ..notebooks import DOUBLE, code, notebook
from .conftest import Call, Listen, Listener, Run


async def test_a_stranger_is_refused(listen: Listen, jp_auth_header: dict[str, str]) -> None:
    jp_auth_header["Authorization"] = "token wrong"
    with pytest.raises(tornado.httpclient.HTTPClientError, match="403"):
        await listen()


async def test_a_user_without_the_permission_is_refused(
    listen: Listen, jp_serverapp: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jp_serverapp.authorizer, "is_authorized", lambda *_: False)
    with pytest.raises(tornado.httpclient.HTTPClientError, match="403"):
        await listen()


@pytest.fixture
def from_page(jp_http_port: int, jp_base_url: str, cookie: Any) -> Any:
    """Open the WebSocket as a browser does for a page of some origin: with the cookie of whoever is logged in."""

    async def from_page(origin: str) -> Any:
        url = f"ws://127.0.0.1:{jp_http_port}{jp_base_url}labline/api/v1/events"
        headers = {"Cookie": await cookie(), "Origin": origin}
        return await tornado.websocket.websocket_connect(tornado.httpclient.HTTPRequest(url, headers=headers))

    return from_page


async def test_a_page_of_another_site_is_refused(from_page: Any) -> None:
    with pytest.raises(tornado.httpclient.HTTPClientError, match="403"):
        await from_page("http://elsewhere.example")


async def test_a_page_of_this_server_is_let_in(from_page: Any, jp_http_port: int) -> None:
    listener = Listener(await from_page(f"http://127.0.0.1:{jp_http_port}"))
    await listener.next("hello")
    await listener.leave()


async def test_a_start_that_is_no_number_is_refused(listen: Listen) -> None:
    with pytest.raises(tornado.httpclient.HTTPClientError, match="400"):
        await listen(start="soon")


async def test_the_first_message_tells_the_latest_event(run: Run, listen: Listen, call: Call) -> None:
    await run(*DOUBLE)
    latest = (await call("GET", "status")).document["latest_event"]
    assert await (await listen()).next() == {"kind": "hello", "seq": latest}


async def test_a_run_is_told_from_its_start_to_its_end(listen: Listen, call: Call) -> None:
    listener = await listen()
    assert (await listener.next())["kind"] == "hello"
    created = (await call("POST", "runs", {"path": "a.ipynb", "content": notebook(*DOUBLE)})).document
    messages = await listener.until_ended(created["id"])
    assert {message["run"] for message in messages} == {created["id"]}
    ended = {m["data"]["name"] for m in messages if m["kind"] == "step" and m["data"]["state"] == "succeeded"}
    assert ended == {"load", "double"}
    cells = [(m["data"]["step"], m["data"]["state"]) for m in messages if m["kind"] == "cell"]
    assert ("load", "running") in cells
    assert ("double", "succeeded") in cells
    assert messages[-1]["data"]["metrics"] == {"total": 6}


async def test_events_are_replayed_from_the_middle(run: Run, listen: Listen) -> None:
    await run(*DOUBLE)
    listener = await listen(start=0)
    latest = (await listener.next("hello"))["seq"]
    events = await listener.until_seq(latest)
    assert len(events) > 10
    middle = events[len(events) // 2]["seq"]
    listener = await listen(start=middle)
    assert (await listener.next("hello"))["seq"] == latest
    assert await listener.until_seq(latest) == [event for event in events if event["seq"] > middle]


async def test_a_cursor_from_another_data_folder_does_not_miss_what_comes(listen: Listen, call: Call) -> None:
    listener = await listen(start=1_000_000)
    created = (await call("POST", "runs", {"path": "a.ipynb", "content": notebook(*DOUBLE)})).document
    assert (await listener.until_ended(created["id"]))[-1]["data"]["state"] == "succeeded"


async def test_a_log_is_told_as_it_grows(listen: Listen, call: Call, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    source = f"""import pathlib, time
print("before ä", flush=True)
while not pathlib.Path({str(gate)!r}).exists():
    time.sleep(0.02)
print("after ö", flush=True)"""
    created = (await call("POST", "runs", {"path": "a.ipynb", "content": notebook(code(source, "step:only"))})).document
    listener = await listen()
    listener.send({"subscribe": {"run": created["id"], "step": "only", "offset": 0}})
    text = ""
    while "before ä" not in text:
        part = await listener.next("log")
        assert not part["complete"]
        text += part["text"]
    gate.touch()
    while not part["complete"]:
        part = await listener.next("log")
        text += part["text"]
    assert text == "before ä\nafter ö\n"


async def test_a_log_longer_than_a_message_arrives_whole(run: Run, listen: Listen) -> None:
    detail = await run(code("for i in range(40000): print(i, 'ääää')", "step:only"))
    text = await (await listen()).whole_log(detail["id"], "only")
    assert text == "".join(f"{i} ääää\n" for i in range(40000))


async def test_a_log_is_told_from_an_offset(run: Run, listen: Listen) -> None:
    detail = await run(*DOUBLE)
    assert await (await listen()).whole_log(detail["id"], "load", offset=2) == "loaded äöü\n"


async def test_the_log_of_an_unknown_run_is_a_problem(listen: Listen) -> None:
    listener = await listen()
    listener.send({"subscribe": {"run": "none", "step": "load", "offset": 0}})
    assert "none" in (await listener.next("problem"))["message"]


@pytest.mark.parametrize(
    "message",
    [
        "",
        "{",
        "[]",
        "{}",
        '"hello"',
        '{"subscribe": 5}',
        '{"subscribe": {"run": 1, "step": "a"}}',
        '{"subscribe": {"run": "a", "step": "b", "offset": "c"}}',
        '{"shout": {}}',
        "[" * 60_000,
    ],
)
async def test_a_message_that_makes_no_sense_is_a_problem(listen: Listen, message: str) -> None:
    listener = await listen()
    listener.send(message)
    assert "subscribe" in (await listener.next("problem"))["message"]


async def test_sockets_are_closed_when_the_server_stops(listen: Listen, jp_serverapp: Any) -> None:
    listener = await listen()
    await listener.next("hello")
    await jp_serverapp.cleanup_extensions()
    await listener.leave()
    assert listener.socket.close_code == 1001
