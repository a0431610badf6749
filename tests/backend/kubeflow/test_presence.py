"""Whether the images of a pipeline are in their registries."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from labline_backend.errors import InputError
from labline_backend.images.logins import Login, login_at
from labline_backend.kubeflow.presence import missing_images
from labline_backend.kubeflow.registry import Reference
from labline_backend.kubeflow.targets import Target
from labline_compiler.findings import Finding
from labline_compiler.pipeline import Pipeline, Step, StepOptions
from labline_runtime.specification import CellSource
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.image_registry import ImageRegistry
from tests.backend.notebooks import code


@pytest.fixture(autouse=True)
def configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Docker's configuration, and no other."""
    for variable in ("REGISTRY_AUTH_FILE", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(variable, raising=False)
    folder = tmp_path / "docker"
    folder.mkdir()
    monkeypatch.setenv("DOCKER_CONFIG", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "configuration"))
    monkeypatch.setenv("CONTAINERS_REGISTRIES_CONF", str(tmp_path / "registries.conf"))
    return folder / "config.json"


@pytest.fixture
def registry() -> Iterator[ImageRegistry]:
    """One with an image of several platforms, team/birds:1."""
    with ImageRegistry() as registry:
        registry.push("team/birds", "1")
        yield registry


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have registries be taken for some that the cluster reaches as this machine does."""
    monkeypatch.setattr("labline_backend.kubeflow.presence.is_loopback", lambda _: False)


def asked(image: str, **options: Any) -> list[Finding]:
    """What is said of a pipeline with one step in *image*."""
    step = Step("fit", (CellSource(0, "c", "1"),), options=StepOptions(image=image, **options))
    return missing_images(Target("prod", "http://x"), Pipeline("p", "p.ipynb", (step,)))


def severities(image: str, **options: Any) -> list[str]:
    found = asked(image, **options)
    assert all(each.code == "LL615" and each.fix for each in found)
    return [each.severity for each in found]


def signed_in(file: Path, registry: ImageRegistry, password: str) -> None:
    said = base64.b64encode(f"ada:{password}".encode()).decode()
    file.write_text(json.dumps({"auths": {registry.host: {"auth": said}}}))


def test_an_image_that_is_there_is_not_told(registry: ImageRegistry) -> None:
    assert asked(f"{registry.host}/team/birds:1") == []
    assert registry.called[-1] == "HEAD /v2/team/birds/manifests/1"


def test_an_image_is_known_by_its_digest(registry: ImageRegistry) -> None:
    digest = registry.push("team/birds", "2")
    assert asked(f"{registry.host}/team/birds:other@{digest}") == []


@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.oci.image.manifest.v1+json",
        "application/vnd.docker.distribution.manifest.list.v2+json",
        "application/vnd.docker.distribution.manifest.v2+json",
    ],
)
def test_manifests_of_every_kind_count(registry: ImageRegistry, media_type: str) -> None:
    registry.push("team/other", "1", media_type)
    assert asked(f"{registry.host}/team/other:1") == []


@pytest.mark.parametrize("image", ["team/birds:9", "team/nothing:1", "team/nothing"])
@pytest.mark.usefixtures("elsewhere")
def test_an_image_that_is_not_there_is_an_error_to_who_is_signed_in(
    registry: ImageRegistry, configuration: Path, image: str
) -> None:
    signed_in(configuration, registry, "any")
    (found,) = asked(f"{registry.host}/{image}")
    assert (found.severity, found.step) == ("error", "fit")
    assert found.message.startswith(f"The registry {registry.host} has no image team/")


@pytest.mark.usefixtures("elsewhere")
def test_an_image_that_nobody_sees_may_be_there_for_the_cluster(registry: ImageRegistry) -> None:
    (found,) = asked(f"{registry.host}/team/birds:9")
    assert (found.severity, "has no image team/birds" in found.message) == ("warning", True)


def test_an_image_of_a_registry_on_loopback_may_be_there_for_each_node(
    registry: ImageRegistry, configuration: Path
) -> None:
    signed_in(configuration, registry, "any")
    assert severities(f"{registry.host}/team/birds:9") == ["warning"]


@pytest.mark.usefixtures("elsewhere")
def test_a_missing_image_keeps_a_run_from_being_submitted(
    client: Client, registry: ImageRegistry, configuration: Path
) -> None:
    signed_in(configuration, registry, "any")
    with pytest.raises(InputError, match="has no image team/birds with the tag 9, in which fit would run"):
        client.submit(code("x = 1", "step:fit", f"image:{registry.host}/team/birds:9"))


def test_a_step_without_an_image_is_asked_for_with_the_target_s(registry: ImageRegistry) -> None:
    pipeline = Pipeline("p", "p.ipynb", (Step("fit", (CellSource(0, "c", "1"),)),))
    (found,) = missing_images(Target("prod", "http://x", image=f"{registry.host}/team/birds:9"), pipeline)
    assert "in which fit would run" in found.message


def test_a_token_is_fetched_for_who_asks_as_nobody(registry: ImageRegistry) -> None:
    registry.login = "bearer"
    assert severities(f"{registry.host}/team/birds:1") == []
    assert severities(f"{registry.host}/team/birds:9") == ["warning"]


def test_what_nobody_may_see_is_only_noted(registry: ImageRegistry) -> None:
    registry.login, registry.private = "bearer", {"team/birds"}
    (found,) = asked(f"{registry.host}/team/birds:1")
    assert (found.severity, "lets nobody without a login pull it (401)" in found.message) == ("info", True)


def test_the_login_of_the_user_s_configuration_is_used(registry: ImageRegistry, configuration: Path) -> None:
    registry.login, registry.private, registry.users = "bearer", {"team/birds"}, {"ada": "s3cr:et"}
    signed_in(configuration, registry, "s3cr:et")
    assert severities(f"{registry.host}/team/birds:1") == []
    assert severities(f"{registry.host}/team/birds:9") == ["warning"]


def test_a_login_that_is_not_accepted_is_only_noted_and_not_shown(registry: ImageRegistry, configuration: Path) -> None:
    registry.login, registry.users = "bearer", {"ada": "right"}
    signed_in(configuration, registry, "wrong-one")
    (found,) = asked(f"{registry.host}/team/birds:1")
    assert (found.severity, "does not let this user pull it" in found.message) == ("info", True)
    assert "wrong-one" not in repr((found, login_at(registry.host)))


def test_an_identity_token_is_traded_for_one_of_the_repository(registry: ImageRegistry, configuration: Path) -> None:
    registry.login, registry.private, registry.identities = "bearer", {"team/birds"}, {"long-lived": "ada"}
    configuration.write_text(json.dumps({"auths": {registry.host: {"identitytoken": "long-lived"}}}))
    assert severities(f"{registry.host}/team/birds:1") == []


def test_a_registry_that_asks_for_a_password_gets_it(registry: ImageRegistry, configuration: Path) -> None:
    registry.login, registry.users = "basic", {"ada": "right"}
    assert severities(f"{registry.host}/team/birds:1") == ["info"]
    signed_in(configuration, registry, "right")
    assert severities(f"{registry.host}/team/birds:1") == []


def test_a_helper_of_the_configuration_is_asked(
    registry: ImageRegistry, configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.login, registry.users = "basic", {"ada": "right"}
    helper = tmp_path / "docker-credential-vault"
    helper.write_text('#!/bin/sh\nread -r host\necho "{\\"Username\\": \\"ada\\", \\"Secret\\": \\"right\\"}"\n')
    helper.chmod(0o700)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    configuration.write_text(json.dumps({"credHelpers": {registry.host: "vault"}}))
    assert severities(f"{registry.host}/team/birds:1") == []


def test_a_named_file_of_logins_is_read_in_place_of_podman_s_own(
    configuration: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    for folder in (tmp_path / "containers", tmp_path / "configuration" / "containers"):
        folder.mkdir(parents=True)
        (folder / "auth.json").write_text(json.dumps({"auths": {"example.org": {"identitytoken": "podman's"}}}))
    configuration.write_text(json.dumps({"auths": {"example.org": {"identitytoken": "docker's"}}}))
    assert login_at("example.org") == Login(identity="podman's")
    monkeypatch.setenv("REGISTRY_AUTH_FILE", str(tmp_path / "none.json"))
    assert login_at("example.org") == Login(identity="docker's")


def test_a_damaged_configuration_is_nobody_s(registry: ImageRegistry, configuration: Path) -> None:
    for damaged in (b"\xff", b"[]", b'{"auths": {"%s": {"auth": "no base64"}}}' % registry.host.encode()):
        configuration.write_bytes(damaged)
        assert login_at(registry.host) is None


def test_pull_secrets_may_see_what_nobody_sees(registry: ImageRegistry) -> None:
    (found,) = asked(f"{registry.host}/team/birds:9", pull_secrets=("own",))
    assert (found.severity, "does with its pull secrets" in found.message) == ("info", True)


def test_a_registry_that_is_out_of_reach_is_only_noted() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # and nobody listens
        host = f"127.0.0.1:{taken.getsockname()[1]}"
        (found,) = asked(f"{host}/team/birds:1")
    assert (found.severity, f"the registry {host} cannot be reached" in found.message) == ("info", True)


def test_a_registry_that_does_not_answer_ends_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.registry.READ_SECONDS", 0.2)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(8)
        (found,) = asked(f"127.0.0.1:{silent.getsockname()[1]}/team/birds:1")
    assert (found.severity, "does not answer in time" in found.message) == ("info", True)


@pytest.mark.parametrize("kept", ["", "Connection: close\r\n", "Transfer-Encoding: chunked\r\nConnection: close\r\n"])
def test_a_token_that_comes_byte_by_byte_ends_in_time(monkeypatch: pytest.MonkeyPatch, kept: str) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.registry.WHOLE_SECONDS", 1.0)
    (found,) = from_tokens(f"HTTP/1.1 200 OK\r\n{kept}\r\n".encode(), trickles=True)
    assert (found.severity, "does not answer in time" in found.message) == ("info", True)


@pytest.mark.parametrize(
    ("body", "said"),
    [(b"[" * 60_000, "does not answer as the distribution API has it"), (b" " * 70_000, "sends too much")],
)
def test_what_is_no_token_is_only_noted(body: bytes, said: str) -> None:
    head = f"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {len(body)}\r\n\r\n"
    (found,) = from_tokens(head.encode() + body)
    assert (found.severity, said in found.message) == ("info", True)


def from_tokens(answer: bytes, *, trickles: bool = False) -> list[Finding]:
    """What is said of an image whose registry's tokens come from a server with this *answer*, or with it and no end."""
    over = threading.Event()

    def serve(listening: socket.socket) -> None:
        host = f"127.0.0.1:{listening.getsockname()[1]}"
        while not over.is_set():
            with contextlib.suppress(OSError), listening.accept()[0] as each:
                head = each.recv(65_536)
                if head.startswith(b"GET /v2/"):
                    challenge = f'WWW-Authenticate: Bearer realm="http://{host}/token"'
                    each.sendall(
                        f"HTTP/1.1 401 No\r\n{challenge}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode()
                    )
                    continue
                each.sendall(answer)
                while trickles and not over.wait(0.05):
                    each.sendall(b"0")

    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(8)
        listening.settimeout(0.2)
        thread = threading.Thread(target=serve, args=(listening,))
        thread.start()
        try:
            return asked(f"127.0.0.1:{listening.getsockname()[1]}/team/birds:1")
        finally:
            over.set()
            thread.join()


def test_another_service_at_the_address_says_nothing_of_an_image(registry: ImageRegistry) -> None:
    registry.speaks = False
    (found,) = asked(f"{registry.host}/team/birds:1")
    assert (found.severity, "does not speak the distribution API (404)" in found.message) == ("info", True)


@pytest.mark.parametrize("status", [429, 500, 503])
def test_a_registry_in_trouble_says_nothing_of_an_image(registry: ImageRegistry, status: int) -> None:
    registry.override = status
    (found,) = asked(f"{registry.host}/team/birds:1")
    assert (found.severity, f"answers {status}" in found.message) == ("info", True)


def test_an_image_without_a_registry_is_asked_for_nowhere(registry: ImageRegistry) -> None:
    (found,) = asked("team/birds:1")
    assert (found.severity, "its name says no registry" in found.message) == ("info", True)
    assert registry.called == []


def test_an_image_without_a_registry_is_looked_for_where_the_configuration_says(
    registry: ImageRegistry, tmp_path: Path
) -> None:
    (tmp_path / "registries.conf").write_text(f'unqualified-search-registries = ["{registry.host}"]\n')
    assert severities("team/birds:1") == []
    (found,) = asked("team/birds:9")  # where nodes look is their own affair
    assert (found.severity, f"{registry.host}, which this machine is set up to ask" in found.message) == ("info", True)


def test_what_is_no_name_of_an_image_is_an_error() -> None:
    (found,) = asked("example.org/Team/Birds:1")
    assert (found.severity, "is no name of an image" in found.message) == ("error", True)


def test_a_reference_is_taken_apart() -> None:
    digest = "sha256:" + "0" * 64
    assert [
        Reference.parse(image)
        for image in ("python", "team/x:1", "localhost/x", "r.example:5000/a/b_c", f"[::1]:5000/a@{digest}", "a:b:c")
    ] == [
        Reference(None, "python", "latest"),
        Reference(None, "team/x", "1"),
        Reference("localhost", "x", "latest"),
        Reference("r.example:5000", "a/b_c", "latest"),
        Reference("[::1]:5000", "a", digest),
        None,
    ]
