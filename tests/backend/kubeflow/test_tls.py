"""A target with a certificate authority of its own: a real TLS server, asked as a user asks it."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.backend.cli.conftest import Labline
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.test_cli import here
from tests.backend.notebooks import code, write

__all__ = ["here"]
pytestmark = pytest.mark.usefixtures("labline_home")

NOW = datetime.datetime.now(datetime.UTC)


class Authority:
    """A certificate authority."""

    def __init__(self, name: str, folder: Path) -> None:
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._folder = folder / name
        self._folder.mkdir()
        self.file = self._folder / "ca.pem"
        made = self._builder(self._name, self._key).add_extension(x509.BasicConstraints(True, 0), critical=True)
        # Strict verification asks for both of these.
        usage = x509.KeyUsage(False, False, False, False, False, True, True, False, False)
        made = made.add_extension(usage, critical=True)
        made = made.add_extension(x509.SubjectKeyIdentifier.from_public_key(self._key.public_key()), critical=False)
        self.file.write_bytes(made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM))

    def serving(self, address: str) -> ssl.SSLContext:
        """What a server at *address*, an IP address, serves https with."""
        key = ec.generate_private_key(ec.SECP256R1())
        names = x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))])
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, address)])
        issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key())
        made = self._builder(subject, key).add_extension(names, critical=False).add_extension(issuer, critical=False)
        file = self._folder / "server.pem"
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        public = made.sign(self._key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM)
        file.write_bytes(private + public)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    def _builder(self, subject: x509.Name, key: ec.EllipticCurvePrivateKey) -> x509.CertificateBuilder:
        day = datetime.timedelta(days=1)
        named = x509.CertificateBuilder().subject_name(subject).issuer_name(self._name).public_key(key.public_key())
        return named.serial_number(x509.random_serial_number()).not_valid_before(NOW - day).not_valid_after(NOW + day)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority("own", tmp_path)


def serve(emulator: Emulator, context: ssl.SSLContext) -> str:
    """Have the server be at the same port by https; its address."""
    emulator.stop()
    emulator.tls = context
    emulator.start()
    return emulator.url


def test_a_run_goes_through_to_a_server_of_the_authority_that_was_named(
    here: Labline, emulator: Emulator, authority: Authority, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    emulator.credentials = ("Authorization", "Bearer token-of-mine")
    monkeypatch.setenv("TOKEN", "token-of-mine")
    address = serve(emulator, authority.serving("127.0.0.1"))
    assert address.startswith("https://")
    signed_in = ("--auth", "token", "--secret", "env:TOKEN")
    added = here("target", "add", "prod", "--host", address, "--ca-file", authority.file, *signed_in)
    assert (added.code, added.err) == (0, "")
    assert here("target", "check", "prod").out.splitlines()[-1] == "prod: nothing to complain of"
    notebook = write(tmp_path / "one.ipynb", code("x = 1", "step:one"))
    done = here("run", notebook, "--target", "prod")
    assert (done.code, len(emulator.runs)) == (0, 1), done.err


@pytest.mark.parametrize("named", [True, False], ids=["another", "none"])
def test_a_server_of_an_authority_that_was_not_named_is_told_no_secret(
    here: Labline,
    emulator: Emulator,
    authority: Authority,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    named: bool,
) -> None:
    monkeypatch.setenv("TOKEN", "token-of-mine")
    address = serve(emulator, authority.serving("127.0.0.1"))
    ca: tuple[str | Path, ...] = ("--ca-file", Authority("another", tmp_path).file) if named else ()
    here("target", "add", "prod", "--host", address, *ca, "--auth", "token", "--secret", "env:TOKEN")
    refused = here("target", "check", "prod")
    assert refused.code == 1
    assert "error LL602" in refused.err
    whose = f": by the authority in {ca[1]} it is not for this address" if ca else "."
    assert f"The certificate of {address} is not trusted{whose}" in refused.err
    assert "--ca-file FILE" in refused.err
    assert emulator.called == []


def test_a_certificate_for_another_address_is_not_trusted(
    here: Labline, emulator: Emulator, authority: Authority
) -> None:
    address = serve(emulator, authority.serving("127.0.0.2"))
    here("target", "add", "prod", "--host", address, "--ca-file", authority.file)
    refused = here("target", "check", "prod")
    assert (refused.code, f"The certificate of {address} is not trusted: by" in refused.err) == (1, True)


@pytest.mark.parametrize(
    "text", ["", "no certificate\n", "-----BEGIN CERTIFICATE-----\nabc\n-----END CERTIFICATE-----\n"]
)
def test_a_file_without_an_authority_is_refused_when_it_is_named(
    here: Labline, emulator: Emulator, tmp_path: Path, text: str
) -> None:
    file = tmp_path / "empty.pem"
    file.write_text(text)
    refused = here("target", "add", "prod", "--host", emulator.url, "--ca-file", file)
    assert (refused.code, f"There is no certificate authority in {file}." in refused.err) == (2, True)
