"""Other people's clients, each in a process of its own, ask real servers."""

from __future__ import annotations

import functools
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ...clients import mlflow_deployments, triton_grpc, triton_http
from ...clients.__main__ import OPTIONS, ask
from .conftest import Registry, Start, place

CLIENTS = {"triton_http": triton_http, "triton_grpc": triton_grpc, "mlflow_deployments": mlflow_deployments}

Found = Callable[[str], dict[str, str | None]]


@pytest.fixture(scope="module")
def found(start: Start, registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Found]:
    """What a client found at two servers. A client is asked once."""
    folder: Path = tmp_path_factory.mktemp("client")
    with start("forest", *OPTIONS) as forest, start("prices", *OPTIONS) as prices:
        given = place(registry, forest, prices)
        yield functools.cache(lambda client: ask(client, sys.executable, given, str(folder)))


@pytest.mark.parametrize(
    ("client", "fact"), [(name, fact.__name__) for name, module in CLIENTS.items() for fact in module.FACTS]
)
def test_a_client_is_served(client: str, fact: str, found: Found) -> None:
    assert found(client)[fact] is None
