"""A change of a certificate shows, and where it came from can be told on the machine that made it."""

from __future__ import annotations

import copy
import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from labline_backend.home import Home
from labline_backend.store.certificates import CertificateError, Certificates, Check, Kept, _chain, read, write


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return Certificates(Home.open(tmp_path / "home"))


@pytest.fixture
def document(certificates: Certificates) -> dict[str, Any]:
    values = [{"step": "train", "name": name, "status": "equal"} for name in ("model", "score")]
    return certificates.make({"verdict": "verified", "run": "run"}, values, [{"index": 3, "status": "equal"}])


def rechained(document: dict[str, Any]) -> dict[str, Any]:
    """What somebody without the key can do: a chain and a digest that fit the content."""
    document["chain"] = list(_chain(document))
    document["digest"] = document["chain"][-1]
    return document


def test_a_certificate_is_intact_as_it_was_written(certificates: Certificates, document: dict[str, Any]) -> None:
    assert certificates.check(json.loads(json.dumps(document))) == Check(True, None, "this data folder")


CHANGES = {
    "the subject": lambda d: d["subject"].update(verdict="different"),
    "the value score of step train": lambda d: d["values"][1].update(status="different"),
    "cell 3 (counted from 0)": lambda d: d["cells"][0].update(status="different"),
    "the digest": lambda d: d.update(digest="0" * 64),
    "the chain": lambda d: d["chain"].append("0"),
    "an entry 'note', which no certificate has": lambda d: d.update(note="verified"),
}


@pytest.mark.parametrize("changed", CHANGES)
def test_the_record_that_was_changed_is_named(
    changed: str, certificates: Certificates, document: dict[str, Any]
) -> None:
    CHANGES[changed](document)
    check = certificates.check(document)
    assert (check.intact, check.changed) == (False, changed)


def test_a_record_taken_away_shows(certificates: Certificates, document: dict[str, Any]) -> None:
    del document["values"][1]
    assert not certificates.check(document).intact


def test_a_change_with_a_new_chain_is_not_signed(certificates: Certificates, document: dict[str, Any]) -> None:
    document["values"][1]["status"] = "different"
    assert certificates.check(rechained(document)) == Check(True, None, "none")


def test_another_machine_can_check_the_content_and_not_the_origin(tmp_path: Path, document: dict[str, Any]) -> None:
    elsewhere = Certificates(Home.open(tmp_path / "elsewhere"))
    assert elsewhere.check(document) == Check(True, None, "another data folder")


def test_a_certificate_without_a_signature_has_no_origin(certificates: Certificates, document: dict[str, Any]) -> None:
    del document["signature"]
    assert certificates.check(document).origin == "none"


def test_the_key_is_its_owners_alone(tmp_path: Path, document: dict[str, Any]) -> None:
    mode = (tmp_path / "home" / "certificate.key").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_changed_certificate_of_a_run_is_not_shown(certificates: Certificates, document: dict[str, Any]) -> None:
    (certificates._home.run_folder("run")).mkdir()
    certificates.keep(document, "run")
    assert certificates.of_run("run") == Kept(document)
    changed = copy.deepcopy(document)
    changed["subject"]["verdict"] = "different"
    certificates.keep(rechained(changed), "run")
    assert certificates.of_run("run") == Kept(fault="The certificate of this run was not made in this data folder.")


def test_a_certificate_of_another_run_is_none_of_this_one(certificates: Certificates, document: dict[str, Any]) -> None:
    (certificates._home.run_folder("other")).mkdir()
    certificates.keep(document, "other")
    assert certificates.of_run("other") == Kept(fault="The certificate of this run is another one's: run.")


@pytest.mark.parametrize("place", [("digest",), ("signature", "value")])
def test_text_that_is_no_text_is_a_change_like_any_other(
    place: tuple[str, ...], certificates: Certificates, document: dict[str, Any]
) -> None:
    *parents, last = place
    holder = document
    for name in parents:
        holder = holder[name]
    holder[last] = "\ud800"
    assert certificates.check(document).origin == "none"


def test_a_record_that_is_nested_too_deeply_is_a_change(certificates: Certificates, document: dict[str, Any]) -> None:
    nested: list[Any] = []
    for _ in range(sys.getrecursionlimit()):
        nested = [nested]
    document["subject"]["verdict"] = nested
    assert not certificates.check(document).intact


NOT_CERTIFICATES = {
    "not JSON": "{",
    "a list": "[]",
    "another document": "{}",
    "another schema": '{"kind": "labline.certificate", "schema": 99}',
    "half of one": '{"kind": "labline.certificate", "schema": 1, "subject": {}}',
    "records that are none": '{"kind": "labline.certificate", "schema": 1, "subject": {}, "values": [1], "cells": [], '
    '"chain": [], "digest": ""}',
    "deeply nested": "[" * 100_000,
}


@pytest.mark.parametrize("name", NOT_CERTIFICATES)
def test_what_is_no_certificate_is_said_to_be_none(name: str, tmp_path: Path) -> None:
    path = tmp_path / "certificate.json"
    path.write_text(NOT_CERTIFICATES[name])
    with pytest.raises(CertificateError):
        read(path)


def test_a_certificate_that_says_something_twice_is_none(tmp_path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document)
    (tmp_path / "twice.json").write_text('{"subject": {"verdict": "verified"}, ' + text[1:])
    with pytest.raises(CertificateError, match="'subject' twice"):
        read(tmp_path / "twice.json")


def test_what_is_written_is_read(tmp_path: Path, document: dict[str, Any]) -> None:
    write(tmp_path / "certificate.json", document)
    assert read(tmp_path / "certificate.json") == document
