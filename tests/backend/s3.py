"""A real S3 server (moto's, a process of its own), open to all or checking signatures, and a line that breaks."""

from __future__ import annotations

import contextlib
import functools
import json
import socket
import socketserver
import ssl
import subprocess
import sys
import threading
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

SECONDS = 60  # after which a server that does not start has failed


@dataclass
class S3:
    """A bucket of this test's own. ``client`` is boto3's, to look at what is there past our own code."""

    endpoint: str
    bucket: str
    monkeypatch: pytest.MonkeyPatch

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/some/prefix"

    @functools.cached_property
    def client(self) -> Any:
        return self.service("s3")

    def service(self, name: str) -> Any:
        import boto3

        return boto3.client(
            name,
            endpoint_url=self.endpoint,
            region_name="us-east-1",
            aws_access_key_id="admin",
            aws_secret_access_key="admin",
        )

    def objects(self) -> dict[str, int]:
        """Every object below the prefix but the probe, with its size."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
        found = {o["Key"].removeprefix("some/prefix/"): o["Size"] for p in pages for o in p.get("Contents", ())}
        return {name: size for name, size in found.items() if name != ".labline"}

    def spoil(self, name: str, content: bytes = b"something else") -> None:
        """Put other bytes in an object's place."""
        self.put(name, content)

    def put(self, name: str, content: bytes) -> None:
        """Make an object."""
        self.client.put_object(Bucket=self.bucket, Key=f"some/prefix/{name}", Body=content)

    def empty(self) -> None:
        """Take the bucket away with all that is in it."""
        for page in self.client.get_paginator("list_objects_v2").paginate(Bucket=self.bucket):
            for found in page.get("Contents", ()):
                self.client.delete_object(Bucket=self.bucket, Key=found["Key"])
        self.client.delete_bucket(Bucket=self.bucket)

    def use(self, **variables: str) -> None:
        """Set environment variables for this test."""
        for name, value in variables.items():
            self.monkeypatch.setenv(name, value)

    def user(self, *actions: str) -> tuple[str, str]:
        """The keys of a user who may do *actions* in this bucket."""
        iam, name = self.service("iam"), f"user-{uuid.uuid4().hex[:8]}"
        iam.create_user(UserName=name)
        places = [f"arn:aws:s3:::{self.bucket}", f"arn:aws:s3:::{self.bucket}/*"]
        statement = [{"Effect": "Allow", "Action": list(actions), "Resource": places}]
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        iam.put_user_policy(UserName=name, PolicyName="buckets", PolicyDocument=document)
        key = iam.create_access_key(UserName=name)["AccessKey"]
        return key["AccessKeyId"], key["SecretAccessKey"]

    @contextlib.contextmanager
    def checking_signatures(self) -> Iterator[None]:
        """Have the server check who asks, as long as the block runs."""
        self._checked_from("0")
        try:
            yield
        finally:
            self._checked_from("inf")

    def _checked_from(self, count: str) -> None:
        kind = {"Content-Type": "text/plain"}
        request = urllib.request.Request(f"{self.endpoint}/moto-api/reset-auth", count.encode(), kind, method="POST")
        urllib.request.urlopen(request, timeout=SECONDS).close()


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The server's address."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path_factory.mktemp("s3") / "log.txt").open("w+") as log:
        command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        try:
            until = time.monotonic() + SECONDS
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                log.seek(0)
                assert process.poll() is None and time.monotonic() < until, log.read()
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> S3:
    """A bucket, and an environment that names its server and any keys."""
    s3 = S3(s3_server, f"labline-{uuid.uuid4().hex[:8]}", monkeypatch)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    s3.use(
        AWS_ENDPOINT_URL=s3_server,
        AWS_REGION="us-east-1",
        AWS_ACCESS_KEY_ID="some-key",
        AWS_SECRET_ACCESS_KEY="some-secret",
        AWS_SHARED_CREDENTIALS_FILE=str(tmp_path / "credentials"),
    )
    s3.client.create_bucket(Bucket=s3.bucket)
    return s3


class Line(socketserver.ThreadingTCPServer):
    """A line to a server that carries TLS where it has a certificate, and breaks when it is told to."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, endpoint: str, certificate: Path | None = None) -> None:
        host, _, port = endpoint.removeprefix("http://").partition(":")
        self.server = (host, int(port))
        self.breaks: list[tuple[int, int]] = []  # bytes up and down after which the next connections break
        self.opened = 0
        self.carried = 0  # bytes down
        self._context = None
        if certificate is not None:
            self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            self._context.load_cert_chain(certificate)
        super().__init__(("127.0.0.1", 0), _Call)
        self._thread = threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.05})
        self._thread.start()

    @property
    def endpoint(self) -> str:
        return f"{'http' if self._context is None else 'https'}://127.0.0.1:{self.server_address[1]}"

    def get_request(self) -> tuple[Any, Any]:
        call, address = super().get_request()
        if self._context is not None:
            call = self._context.wrap_socket(call, server_side=True, do_handshake_on_connect=False)
        return call, address

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self._thread.join()
        self.server_close()


class _Call(socketserver.BaseRequestHandler):
    server: Line

    def handle(self) -> None:
        self.server.opened += 1
        up, down = self.server.breaks.pop(0) if self.server.breaks else (1 << 60, 1 << 60)
        with contextlib.suppress(OSError), socket.create_connection(self.server.server) as there:
            if isinstance(self.request, ssl.SSLSocket):
                self.request.do_handshake()
            back = threading.Thread(target=self._carry, args=(there, self.request, down), daemon=True)
            back.start()
            self._carry(self.request, there, up)
            back.join()

    def _carry(self, source: socket.socket, target: socket.socket, limit: int) -> None:
        with contextlib.suppress(OSError, ValueError):
            while limit > 0 and (data := source.recv(min(limit, 1 << 16))):
                target.sendall(data)
                self.server.carried += len(data) * (target is self.request)
                limit -= len(data)
        for end in (source, target):
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


@contextlib.contextmanager
def line(s3: S3, *breaks: tuple[int, int], certificate: Path | None = None) -> Iterator[Line]:
    """A line to the server, which the environment names as the endpoint from here on."""
    with Line(s3.endpoint, certificate) as found:
        found.breaks += breaks
        s3.use(AWS_ENDPOINT_URL=found.endpoint)
        yield found
