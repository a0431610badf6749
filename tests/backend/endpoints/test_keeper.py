"""What a keeper says and does where something goes wrong, without processes."""

from __future__ import annotations

import asyncio
import io
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from labline_backend.endpoints import keeper as keeper_module
from labline_backend.endpoints.keeper import GONE, Keeper
from labline_backend.home import Home
from labline_backend.serving.control import GoneError
from labline_backend.serving.environments import HERE, Environments
from labline_backend.serving.needs import NeedsError
from labline_backend.store.endpoints import Endpoint, EndpointSpec, Rollout, Share

SPEC = EndpointSpec("m", (Share("1", 100),))
SERVED = Rollout(1, SPEC, {"1": "1"}, place="before")


@pytest.fixture
def keeper(tmp_path: Path) -> Iterator[Keeper]:
    keeper = Keeper(Home.open(tmp_path / "home"), "kept", io.BytesIO())
    yield keeper
    keeper._store.close()


def came_back(keeper: Keeper) -> bool:
    endpoint = Endpoint("kept", 0.0, "running", 1, 0, SPEC, SERVED)
    with socket.socket() as listening:
        return asyncio.run(keeper._came_back(endpoint, SERVED, listening, None))


def test_why_it_goes_on_in_the_last_environment_is_said_where_a_worker_died(
    keeper: Keeper, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(keeper._stays_in_the_last(GoneError()))
    assert capsys.readouterr().err.endswith(f"served with last: {GONE}\n")


@pytest.mark.parametrize(
    ("error", "said"), [(GoneError(), GONE), (NeedsError("pins what cannot be read"), "pins what")]
)
def test_an_endpoint_goes_on_where_it_cannot_come_back_in_the_last_environment(
    error: Exception, said: str, keeper: Keeper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async def last(*_: object) -> None:
        raise error

    monkeypatch.setattr(Environments, "last", last)
    assert not came_back(keeper)
    assert said in capsys.readouterr().err


def test_why_a_worker_cannot_serve_is_said_where_it_died(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    class Dies:
        number, pid = 1, 0

        async def call(self, name: str, argument: object = None) -> None:
            raise GoneError

        def kill(self) -> None:
            pass

        async def ended(self) -> int:
            keeper._served = None  # nothing more is wanted
            return 1

    async def start(*_: object) -> Dies:
        return Dies()

    monkeypatch.setattr(keeper, "_start", start)
    keeper._served, keeper._plan, keeper._place = SERVED, object(), HERE  # type: ignore[assignment]
    with socket.socket() as listening:
        asyncio.run(keeper._fill(listening, 0))
    assert f"worker 1 cannot serve: {GONE}" in capsys.readouterr().err


def test_a_keeper_says_that_its_environments_were_in_use_until_it_ended(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    said: list[float] = []
    monkeypatch.setattr(Environments, "touch", lambda self, after=0.0: said.append(after))
    asyncio.run(keeper.run())  # there is no such endpoint
    assert said == [0.0]


def test_a_keeper_says_again_and_again_that_its_environments_are_in_use(
    keeper: Keeper, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Said(Exception):
        """Ends what would go on for ever."""

    def touch(self: Environments, after: float = 0.0) -> None:
        raise Said(after)

    monkeypatch.setattr(keeper_module, "JUDGE_SECONDS", 0.0)
    monkeypatch.setattr(Environments, "touch", touch)
    with pytest.raises(Said) as said:
        asyncio.run(keeper._judge())
    assert said.value.args == (24 * 3600.0,)
