"""A target behind a port-forward: whole runs through it, and what is said where there is none."""

from __future__ import annotations

import json
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from labline_backend.kubeflow.client import KubeflowClient
from labline_backend.kubeflow.errors import TargetError
from labline_backend.kubeflow.forward import Forward
from labline_backend.kubeflow.preflight import check
from labline_backend.kubeflow.targets import Target
from tests.backend.engine.bench import wait_until
from tests.backend.kubeflow.cluster import Cluster
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.forwarding import Backend
from tests.backend.kubeflow.test_tls import Authority
from tests.backend.notebooks import DOUBLE
from tests.backend.s3 import S3


def streams() -> list[threading.Thread]:
    """The threads of port-forwards in this process."""
    return [thread for thread in threading.enumerate() if thread.name == "labline-forward"]


@pytest.fixture
def target(cluster: Cluster, tmp_path: Path) -> Target:
    return Target("prod", kubeconfig=cluster.kubeconfig(tmp_path), port_forward=True).checked()


@pytest.fixture
def api(target: Target) -> Iterator[KubeflowClient]:
    with KubeflowClient(target) as api:
        yield api


def fault(api: KubeflowClient, code: str = "LL602") -> str:
    """What is said of a call that fails."""
    with pytest.raises(TargetError) as caught:
        api.health()
    assert (caught.value.code, bool(caught.value.fix)) == (code, True)
    said = str(caught.value)
    assert said.startswith("No port-forward to the target prod: ")
    return said.removeprefix("No port-forward to the target prod: ")


def test_a_target_without_an_address_is_the_service_that_kubeflow_installs(target: Target) -> None:
    assert (target.host, target.service()) == (
        "http://ml-pipeline.kubeflow:8888",
        ("ml-pipeline", "kubeflow", 8888),
    )


@pytest.mark.parametrize("host", ["https://kubeflow.example.org", "ml-pipeline", "ml-pipeline.kubeflow", "a.b:99999"])
def test_a_port_forward_to_what_is_no_service_is_refused(target: Target, host: str) -> None:
    with pytest.raises(TargetError, match="leads to a Service in the cluster"):
        Target("prod", host, kubeconfig=target.kubeconfig, port_forward=True).checked()


def test_a_port_forward_takes_a_kubeconfig() -> None:
    with pytest.raises(TargetError, match="takes the cluster's kubeconfig"):
        Target("prod", port_forward=True).checked()


def test_a_whole_run_goes_through_it_with_logs_and_outputs(
    client: Client, emulator: Emulator, cluster: Cluster, target: Target, with_storage: S3
) -> None:
    client.add(
        emulator,
        host=target.host,
        kubeconfig=target.kubeconfig,
        port_forward=True,
        root=f"s3://{with_storage.bucket}/kfp",
    )
    record = client.submit(*DOUBLE, parameters={"count": "4"})
    run = client.end(record)
    assert (run["state"], run["error"], run["metrics"]) == ("succeeded", None, {"total": 12})
    (load,) = [step for step in run["steps"] if step["name"] == "load"]
    assert [(v["name"], v["preview"]["text"]) for v in load["values"]] == [("numbers", "[0, 1, 2, 3]")]
    assert run["page"] is None  # a browser has no way there
    assert (cluster.forwarding.wrong, len(cluster.forwarding.opened) > 3) == ([], True)
    wait_until(lambda: not streams() and not cluster.forwarding.live, "a stream was left")


def test_the_pod_that_is_ready_is_taken(api: KubeflowClient, cluster: Cluster, emulator: Emulator) -> None:
    cluster.forwarding.pods = {
        "a": Backend(None, is_ready=False),
        "b": Backend(None, is_leaving=True),
        "c": Backend(emulator.port),
    }
    api.health()
    assert set(cluster.forwarding.opened) == {"c"}


@pytest.mark.parametrize("port", ["http", 8888, None])
def test_the_port_is_the_one_behind_the_services(api: KubeflowClient, cluster: Cluster, port: Any) -> None:
    cluster.forwarding.ports = [{"port": 8887, "targetPort": 1}, {"port": 8888, "targetPort": port}]
    assert api.health().release == "2.15.0"


def test_after_a_pod_has_died_another_one_is_taken(api: KubeflowClient, cluster: Cluster, emulator: Emulator) -> None:
    api.health()
    cluster.forwarding.pods = {"ml-pipeline-a": Backend(None), "ml-pipeline-b": Backend(emulator.port)}
    assert "nothing listens on port 8888 in the pod ml-pipeline-a" in fault(api)
    cluster.forwarding.opened.clear()
    api.health()
    assert set(cluster.forwarding.opened) == {"ml-pipeline-b"}


def test_a_pod_that_is_gone_is_said_and_another_one_taken(
    api: KubeflowClient, cluster: Cluster, emulator: Emulator
) -> None:
    cluster.forwarding.pods = {"a": Backend(None, is_gone=True), "b": Backend(emulator.port)}
    assert fault(api) == "the pod a is gone."
    api.health()


def test_a_service_without_a_ready_pod_is_said(api: KubeflowClient, cluster: Cluster) -> None:
    cluster.forwarding.pods["ml-pipeline-a"].is_ready = False
    assert fault(api) == "none of the 1 pods behind the Service ml-pipeline is ready."


def test_a_service_that_is_not_there_is_said(target: Target) -> None:
    elsewhere = Target("prod", "http://pipelines.kubeflow:8888", kubeconfig=target.kubeconfig, port_forward=True)
    with KubeflowClient(elsewhere) as api:
        assert fault(api) == "there is no Service pipelines in the namespace kubeflow."


def test_a_port_that_the_service_has_not_is_said(api: KubeflowClient, cluster: Cluster) -> None:
    cluster.forwarding.ports = [{"port": 80}]
    assert fault(api) == "the Service ml-pipeline in the namespace kubeflow has no port 8888, but 80."


def test_a_service_without_pods_of_its_own_is_said(api: KubeflowClient, cluster: Cluster) -> None:
    cluster.forwarding.selector = None
    assert fault(api) == "the Service ml-pipeline in the namespace kubeflow selects no pods."


@pytest.mark.parametrize(
    ("denied", "what"),
    [
        ("services", "get the Service ml-pipeline"),
        ("pods", "list pods"),
        ("pods/portforward", "create pods/portforward"),
    ],
)
def test_a_right_that_is_lacking_is_said(api: KubeflowClient, cluster: Cluster, denied: str, what: str) -> None:
    cluster.forwarding.denied = {denied}
    said = fault(api, "LL603")
    assert said == (
        f'this user may not {what} in the namespace kubeflow (403). It says: User "u" cannot do that with {denied}'
    )


def test_the_preflight_asks_for_the_rights_of_a_port_forward(target: Target, cluster: Cluster) -> None:
    assert check(target).findings == ()
    cluster.denied = {("create", "pods/portforward")}
    (found,) = check(target).findings
    assert (found.code, found.severity) == ("LL606", "error")
    assert "may not create pods/portforward in the namespace kubeflow" in found.message


def test_without_a_port_forward_its_rights_are_not_asked_for(
    emulator: Emulator, target: Target, cluster: Cluster
) -> None:
    assert check(Target("prod", emulator.url, kubeconfig=target.kubeconfig)).findings == ()
    assert not any(asked.get("subresource") == "portforward" for asked in cluster.asked)


def test_credentials_that_are_not_accepted_are_said(target: Target) -> None:
    assert target.kubeconfig is not None
    file = Path(target.kubeconfig)
    file.write_text(file.read_text().replace("token: abc", "token: wrong"))
    with KubeflowClient(target) as api:
        assert fault(api, "LL603") == "the cluster does not accept the kubeconfig's credentials (401)."


def test_a_context_that_is_not_there_is_said(target: Target) -> None:
    elsewhere = Target("prod", target.host, kubeconfig=target.kubeconfig, context="nowhere", port_forward=True)
    with KubeflowClient(elsewhere) as api:
        assert "cannot be used: it has no context nowhere." in fault(api)


def test_a_kubeconfig_that_is_gone_is_said(target: Target) -> None:
    assert target.kubeconfig is not None
    Path(target.kubeconfig).unlink()
    with KubeflowClient(target) as api:
        assert f"{target.kubeconfig} cannot be used: there is no such file." in fault(api)


def test_a_cluster_that_is_away_is_said(target: Target) -> None:
    assert target.kubeconfig is not None
    file = Path(target.kubeconfig)
    document = yaml.safe_load(file.read_text())
    with socket.socket() as nobody:  # a port that is taken, where nobody listens
        nobody.bind(("127.0.0.1", 0))
        address = f"http://127.0.0.1:{nobody.getsockname()[1]}"
        document["clusters"][0]["cluster"]["server"] = address
        file.write_text(yaml.safe_dump(document))
        with KubeflowClient(target) as api:
            assert f"the cluster's API at {address} cannot be reached" in fault(api)


def test_a_stream_that_breaks_off_in_a_call_is_said_and_the_next_call_opens_another(
    api: KubeflowClient, cluster: Cluster, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = emulator.answer

    def cut(*call: Any) -> dict[str, Any]:
        cluster.forwarding.cut()
        wait_until(lambda: not cluster.forwarding.live, "the stream was never cut")
        return answer(*call)

    monkeypatch.setattr(emulator._server.RequestHandlerClass, "respond", staticmethod(cut))
    assert fault(api) == "the stream to the pod ml-pipeline-a broke off."
    monkeypatch.undo()
    api.health()


def test_what_the_pods_node_says_is_told(api: KubeflowClient, cluster: Cluster) -> None:
    cluster.forwarding.last_words = "lost connection\nto pod"
    assert fault(api) == "the pod ml-pipeline-a cannot be reached. It says: lost connection to pod"


@pytest.mark.parametrize("greeting", [b"\x00\x01\x02", b"\x07\xb8\x22", b"\x00", b"\x00\xb8\x22\x00"])
def test_a_server_that_does_not_speak_the_protocol_is_said(
    api: KubeflowClient, cluster: Cluster, greeting: bytes
) -> None:
    cluster.forwarding.greeting = greeting
    assert fault(api) == "the stream to the pod ml-pipeline-a does not speak its protocol."


@pytest.mark.parametrize(
    ("answer", "how"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", "answers 200"),
        (b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\n\r\n", "cannot be reached"),
        (b"HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n", "answers 500"),
        (b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "cannot be reached"),
        (b"gibberish\r\n\r\n", "cannot be reached"),
        (b"", "does not answer in time"),
    ],
)
def test_a_handshake_that_fails_is_said(
    api: KubeflowClient, cluster: Cluster, answer: bytes, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labline_backend.kubeflow.pod_stream.SECONDS", 0.5)
    cluster.fault = ("/portforward", answer)
    assert f"{how}, asked to create pods/portforward." in fault(api)


def test_nothing_is_left_behind(target: Target, cluster: Cluster) -> None:
    with KubeflowClient(target) as api:  # what is made once a process is made
        api.health()
    wait_until(lambda: not streams(), "a thread was left")
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(3):
        with KubeflowClient(target) as api:
            api.health()
    cluster.forwarding.pods["ml-pipeline-a"].leads_to = None
    with KubeflowClient(target) as api:
        fault(api)
    cluster.forwarding.denied = {"pods/portforward"}
    with KubeflowClient(target) as api:
        fault(api, "LL603")
    wait_until(lambda: not streams() and not cluster.forwarding.live, "a stream was left")
    wait_until(lambda: len(os.listdir("/proc/self/fd")) <= len(before), "descriptors were left")
    assert cluster.forwarding.wrong == []


def test_a_stream_that_is_in_use_ends_with_its_client(target: Target, cluster: Cluster) -> None:
    forward = Forward(target)
    with forward.connect() as connection:
        connection.sendall(b"GET /")  # and no more
        wait_until(lambda: cluster.forwarding.live == 1, "there was never a stream")
        forward.close()
        assert (connection.recv(1), streams()) == (b"", [])


def test_much_goes_through_both_ways(target: Target, cluster: Cluster) -> None:
    sent = os.urandom(3 << 20)
    got = bytearray()

    def echo(server: socket.socket) -> None:
        there, _ = server.accept()
        with there:
            while len(got) < len(sent):
                got.extend(there.recv(1 << 16))
            there.sendall(got)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=echo, args=(server,))
        thread.start()
        cluster.forwarding.pods["ml-pipeline-a"].leads_to = server.getsockname()[1]
        forward = Forward(target)
        with forward.connect() as connection:
            connection.sendall(sent)
            back = bytearray()
            while part := connection.recv(1 << 16):
                back.extend(part)
        thread.join()
        forward.close()
    assert (bytes(got) == sent, bytes(back) == sent, cluster.forwarding.wrong) == (True, True, [])


def test_a_secret_goes_through_it_and_over_no_plain_connection(
    target: Target, emulator: Emulator, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.credentials = ("Authorization", "Bearer token-of-mine")
    monkeypatch.setenv("TOKEN", "token-of-mine")
    signed = Target("prod", kubeconfig=target.kubeconfig, port_forward=True, auth="token", secret="env:TOKEN").checked()
    with KubeflowClient(signed) as api:
        api.health()
    assert signed.kubeconfig is not None
    file = Path(signed.kubeconfig)
    file.write_text(file.read_text().replace("http://127.0.0.1", "http://cluster.invalid"))
    with KubeflowClient(signed) as api, pytest.raises(TargetError, match="reached over plain http"):
        api.health()


def test_the_cluster_is_reached_by_https_of_its_own_authority(
    emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    authority = Authority("authority", tmp_path)
    cluster.socket = authority.serving("127.0.0.1").wrap_socket(cluster.socket, server_side=True)
    cluster.authority = authority.file
    forwarded = Target("prod", kubeconfig=cluster.kubeconfig(tmp_path), port_forward=True).checked()
    with KubeflowClient(forwarded) as api:
        assert api.health().release == "2.15.0"
    assert (cluster.forwarding.wrong, len(cluster.forwarding.opened) > 0) == ([], True)


def test_streams_go_where_the_clusters_other_calls_go_whatever_proxy_the_environment_names(
    api: KubeflowClient, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        for name in ("http_proxy", "HTTP_PROXY", "https_proxy"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.getsockname()[1]}")
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        api.health()
        with pytest.raises(BlockingIOError):  # nobody has come
            proxy.accept()


def test_a_cluster_of_another_authority_is_told_from_one_that_is_away(
    emulator: Emulator, cluster: Cluster, tmp_path: Path
) -> None:
    cluster.socket = Authority("its", tmp_path).serving("127.0.0.1").wrap_socket(cluster.socket, server_side=True)
    cluster.authority = Authority("another", tmp_path).file
    forwarded = Target("prod", kubeconfig=cluster.kubeconfig(tmp_path), port_forward=True).checked()
    with KubeflowClient(forwarded) as api:
        assert "shows a certificate that is not by the kubeconfig's authority" in fault(api)
    assert cluster.forwarding.opened == []


def test_credentials_that_are_renewed_in_the_kubeconfig_are_used_when_the_old_ones_have_ended(
    api: KubeflowClient, target: Target, cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    api.health()
    monkeypatch.setattr("tests.backend.kubeflow.cluster.TOKEN", "new")
    cluster.forwarding.cut()
    wait_until(lambda: not streams(), "a stream was left")
    fault(api, "LL603")  # nobody has signed in anew
    assert target.kubeconfig is not None
    file = Path(target.kubeconfig)
    file.write_text(file.read_text().replace("token: abc", "token: new"))
    api.health()


@pytest.mark.parametrize("program", ["there-is-no-such-program", "false"])
def test_a_program_that_gives_no_credentials_is_told_from_credentials_that_are_refused(
    target: Target, program: str
) -> None:
    assert target.kubeconfig is not None
    file = Path(target.kubeconfig)
    document = yaml.safe_load(file.read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": program, "interactiveMode": "Never"}
    document["users"][0]["user"] = {"exec": plugin}
    file.write_text(yaml.safe_dump(document))
    with KubeflowClient(target) as api:
        assert "the kubeconfig gives no credentials that can be used" in fault(api, "LL603")


def test_credentials_of_a_program_are_used(target: Target, tmp_path: Path) -> None:
    assert target.kubeconfig is not None
    given = tmp_path / "credential.json"
    status = {"token": "abc"}
    given.write_text(
        json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status})
    )
    file = Path(target.kubeconfig)
    document = yaml.safe_load(file.read_text())
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": "cat", "args": [str(given)]}
    document["users"][0]["user"] = {"exec": plugin}
    file.write_text(yaml.safe_dump(document))
    with KubeflowClient(target) as api:
        api.health()
