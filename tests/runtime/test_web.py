"""What a step reads over the network, and what is known of it afterwards."""

from __future__ import annotations

import asyncio
import socket
import threading
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from labline_runtime.outcome import PageUse
from labline_runtime.web import Watch
from tests.pages import Site, served


@pytest.fixture
def site() -> Iterator[Site]:
    with served() as site:
        yield site


def watched(act: Callable[[], object]) -> tuple[tuple[PageUse, ...], str | None]:
    watch = Watch()
    act()
    return watch.stop(), watch.blind


def read(address: str) -> bytes:
    with urllib.request.urlopen(address) as answer:
        return answer.read()


@pytest.mark.parametrize("get", [read, requests.get])
def test_a_page_is_known_by_its_validators(site: Site, get: Callable[[str], object]) -> None:
    address = site.put("/data.csv", "1", ETag='"one"', Last_Modified="Thu, 26 Nov 2026 10:00:00 GMT")
    (page,), blind = watched(lambda: get(address))
    assert (page.address, page.etag, page.modified, blind) == (
        address,
        '"one"',
        "Thu, 26 Nov 2026 10:00:00 GMT",
        None,
    )


def test_what_is_read_comes_as_it_would(site: Site) -> None:
    address = site.put("/data.csv", "content", ETag='"one"')
    heard = []
    watched(lambda: heard.append((read(address), requests.get(address).text)))
    assert heard == [(b"content", "content")]


def test_the_class_of_an_answer_keeps_its_name(site: Site) -> None:
    address = site.put("/data.csv", "1", ETag='"one"')
    names = []

    def act() -> None:
        with urllib.request.urlopen(address) as answer:
            names.append((type(answer).__name__, type(answer).__module__))

    watched(act)
    assert names == [("HTTPResponse", "http.client")]


@pytest.mark.parametrize("get", [read, requests.get])
def test_of_redirections_the_first_address_counts_with_the_last_validators(
    site: Site, get: Callable[[str], object]
) -> None:
    site.put("/now", "1", ETag='"one"')
    site.put("/next", "", Location="/now")
    (page,), blind = watched(lambda: get(site.put("/old", "", Location="/next")))
    assert (page.address, page.etag, blind) == (f"{site.address}/old", '"one"', None)


def test_a_thread_of_the_notebook_is_watched_too(site: Site) -> None:
    address = site.put("/data.csv", "1", ETag='"one"')

    def act() -> None:
        with ThreadPoolExecutor(1) as pool:
            pool.submit(requests.get, address).result()

    (page,), _ = watched(act)
    assert page.address == address


@pytest.mark.parametrize(
    ("path", "act", "reason"),
    [
        ("/plain", requests.get, "does not say when it changes"),
        ("/tagged", lambda address: requests.post(address, data="x"), "sends something"),
        ("/tagged", lambda address: requests.get(address, auth=("me", "secret")), "with a login"),
        ("/tagged?api_key=1", requests.get, "may hold a secret"),
        ("/gone", requests.get, "answered 404"),
    ],
)
def test_what_cannot_be_asked_again_is_told(site: Site, path: str, act: Callable[[str], object], reason: str) -> None:
    site.put("/plain", "1")
    site.put("/tagged", "1", ETag='"one"')
    site.put("/tagged?api_key=1", "1", ETag='"one"')
    pages, blind = watched(lambda: act(site.address + path))
    assert pages == ()
    assert reason in (blind or "")


def test_no_secret_is_in_what_is_told(site: Site) -> None:
    address = site.put("/data?token=hush", "1", ETag='"one"')
    assert "hush" not in str(watched(lambda: requests.get(address)))


def test_a_page_that_changes_meanwhile_is_told(site: Site) -> None:
    address = site.put("/data", "1", ETag='"one"')

    def act() -> None:
        read(address)
        site.put("/data", "2", ETag='"two"')
        read(address)

    assert watched(act)[1] == f"{address} changed while it ran"


def test_a_connection_that_is_not_http_is_told(site: Site) -> None:
    place = ("127.0.0.1", int(site.address.rpartition(":")[2]))
    assert "127.0.0.1" in (watched(lambda: socket.create_connection(place).close())[1] or "")


def test_a_connection_of_asyncio_is_told(site: Site) -> None:
    async def connect() -> None:
        _, writer = await asyncio.open_connection("127.0.0.1", int(site.address.rpartition(":")[2]))
        writer.close()
        await writer.wait_closed()

    assert watched(lambda: asyncio.run(connect()))[1] is not None


def test_sockets_of_this_machine_are_nothing(tmp_path) -> None:
    with socket.socket(socket.AF_UNIX) as listening, socket.socket(socket.AF_UNIX) as asking:
        listening.bind(str(tmp_path / "s"))
        listening.listen()
        assert watched(lambda: asking.connect(str(tmp_path / "s"))) == ((), None)


def test_a_watch_that_has_ended_breaks_no_thread_that_goes_on(site: Site) -> None:
    address = site.put("/data", "1", ETag='"one"')
    watch, failures, go_on = Watch(), [], threading.Event()

    def act() -> None:
        go_on.wait(10)
        try:
            requests.get(address)
        except Exception as error:  # whatever it is, it is told
            failures.append(error)

    thread = threading.Thread(target=act)
    thread.start()
    watch.stop()
    go_on.set()
    thread.join()
    assert failures == []
