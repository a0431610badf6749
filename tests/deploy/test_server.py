"""The server as the manifests start it: their flags, environment and probes, as a process on this machine."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from .conftest import REPOSITORY, Manifest
from .test_images import IMAGES, instructions
from .test_kubernetes import one

TOKEN = "of-the-secret"
OWNERS = "ann@example.org bob@example.org"
SECONDS = 120


class Deployed:
    """A server, and what its manifest says about it."""

    def __init__(self, manifest: Manifest, folder: Path) -> None:
        self.pod = manifest["spec"]["template"]["spec"]
        (self.container,) = self.pod["containers"]
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        arguments = [self._here(argument, folder) for argument in self.container["args"]]
        self.log = (folder / "log.txt").open("w")
        self.process = subprocess.Popen(
            [sys.executable, "-m", "labline_backend", *arguments, *(["--allow-root"] if os.geteuid() == 0 else [])],
            cwd=folder,
            env=self._environment(folder),
            stdout=self.log,
            stderr=subprocess.STDOUT,
        )

    def _here(self, argument: str, folder: Path) -> str:
        """An argument as it is, but for loopback, a free port, and this test's folder in place of a volume."""
        name, _, value = argument.partition("=")
        volumes = [mount["mountPath"] for mount in self.container["volumeMounts"]]
        here = {"--ip": "127.0.0.1", "--port": str(self.port)}
        if name == "--folder":
            assert value in volumes
            here[name] = str(folder)
        return f"{name}={here[name]}" if name in here else argument

    def _environment(self, folder: Path) -> dict[str, str]:
        """The image's environment and the manifest's; volumes are folders of this test."""
        image: dict[str, str] = {}
        for word, rest in instructions(IMAGES / "server" / "Containerfile"):
            if word == "ENV":
                image |= dict(variable.split("=", 1) for variable in shlex.split(rest))
        manifest = {variable["name"]: self._value(variable) for variable in self.container["env"]}
        python = os.pathsep.join([str(REPOSITORY / "backend"), str(REPOSITORY / "compiler")])
        own = {"PATH": os.environ["PATH"], "PYTHONPATH": python, "PYTHONWARNINGS": "ignore", "TMPDIR": str(folder)}
        return {**image, **manifest, **own, "HOME": str(folder), "LABLINE_HOME": str(folder / "data")}

    def _value(self, variable: dict[str, Any]) -> str:
        """A variable's value: out of a secret it is the token, and out of a config map the owners."""
        match variable:
            case {"value": str(value)}:
                return value
            case {"valueFrom": {"secretKeyRef": {"name": "labline"}}}:
                return TOKEN
            case {"name": "LABLINE_OWNERS", "valueFrom": {"configMapKeyRef": {"key": "owners"}}}:
                return OWNERS
        pytest.fail(f"nobody says what {variable} is")

    @property
    def has_gateway(self) -> bool:
        return any(argument.startswith("--user-header=") for argument in self.container["args"])

    @property
    def login(self) -> dict[str, str]:
        """What says that a request is its owner's."""
        return {"kubeflow-userid": "bob@example.org"} if self.has_gateway else {"Authorization": f"token {TOKEN}"}

    def get(self, path: str, headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers or {})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                return answer.status, answer.read()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read()

    def probe(self, name: str) -> int:
        assert self.container[name]["httpGet"]["port"] in {port["name"] for port in self.container["ports"]}
        return self.get(self.container[name]["httpGet"]["path"])[0]

    def wait(self) -> None:
        """Ask the startup probe as the kubelet does, until it answers."""
        for _ in range(SECONDS * 10):
            assert self.process.poll() is None, self.said()
            try:
                assert self.probe("startupProbe") == 200
                return
            except urllib.error.URLError:
                time.sleep(0.1)
        pytest.fail("it never came up")

    def said(self) -> str:
        return Path(self.log.name).read_text()  # opened anew: to seek would move where the server writes

    @property
    def api(self) -> str:
        (base,) = (a.removeprefix("--base-url=") for a in self.container["args"] if a.startswith("--base-url="))
        return f"{base}labline/api/v1/status"


@pytest.fixture(scope="module", params=["standalone", "kubeflow"])
def server(
    request: pytest.FixtureRequest, rendered: Callable[[str], list[Manifest]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployed]:
    deployed = Deployed(one(rendered(request.param), "StatefulSet"), tmp_path_factory.mktemp("server"))
    try:
        deployed.wait()
        yield deployed
    finally:
        deployed.process.kill()
        deployed.process.wait()
        deployed.log.close()


def test_the_probes_answer_whoever_asks(server: Deployed) -> None:
    assert [server.probe(name) for name in ("startupProbe", "readinessProbe", "livenessProbe")] == [200] * 3


@pytest.mark.parametrize(
    "login",
    [{}, {"Authorization": "token guessed"}, {"Authorization": "token "}, {"kubeflow-userid": "eve@example.org"}],
    ids=["nothing", "a guess", "an empty token", "a stranger"],
)
def test_the_api_is_closed_to_others(server: Deployed, login: dict[str, str]) -> None:
    assert server.get(server.api, login)[0] == 403


def test_the_api_is_open_to_its_owner_and_has_the_data_folder(server: Deployed) -> None:
    status, body = server.get(server.api, server.login)
    assert status == 200
    assert Path(json.loads(body)["home"]).name == "data"


def test_what_lets_one_in_without_the_gateway_does_not_behind_it_and_the_other_way_round(server: Deployed) -> None:
    other = {"Authorization": f"token {TOKEN}"} if server.has_gateway else {"kubeflow-userid": "bob@example.org"}
    assert server.get(server.api, other)[0] == 403


def test_the_log_says_how_to_get_in_and_not_the_token(server: Deployed) -> None:
    how = "for ann@example.org, bob@example.org, whom" if server.has_gateway else "with the token in JUPYTER_TOKEN"
    assert re.search(f"Labline serves .* {how}", server.said())
    assert TOKEN not in server.said()


def test_it_ends_when_it_is_told_to_and_in_time(server: Deployed) -> None:
    server.process.send_signal(signal.SIGTERM)
    assert server.process.wait(timeout=server.pod["terminationGracePeriodSeconds"]) == 0
