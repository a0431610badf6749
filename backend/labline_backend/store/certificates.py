"""Certificates: the record of a verification, made so that a change of it shows.

A certificate is a JSON document::

    {"kind", "schema", "subject", "values": [...], "cells": [...], "chain": [...], "digest", "signature"}

``chain`` has one link for the subject, one a value, one a cell: each is the sha256 of the link before it and the
canonical JSON of its record. ``digest``, the last link, stands for the whole content. ``signature`` is an HMAC of the
digest with a key of this data folder. Anyone can check that content, chain and digest belong together, and the first
link that does not fit names the record that was changed. Only who has the key can check, and make, the signature.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from labline_backend.home import Home
from labline_runtime.dataclass import dataclass

KIND = "labline.certificate"
SCHEMA = 1
NAME = "certificate.json"
_KEY_BYTES = 32
_ENTRIES = frozenset(("kind", "schema", "subject", "values", "cells", "chain", "digest", "signature"))

Document = dict[str, Any]
Origin = Literal["this data folder", "another data folder", "none"]


class CertificateError(Exception):
    """The file is no certificate that can be read; the message is one sentence."""


@dataclass(frozen=True)
class Check:
    """What is to be said of a certificate. ``changed`` names the first record that is not as it was written.

    ``origin``: whose key signed what it says. "none": nobody's, because it was changed after it was signed, or the
    signature is missing, or wrong though this folder's key is named, so that it was not made here.
    """

    intact: bool
    changed: str | None
    origin: Origin


@dataclass(frozen=True)
class Kept:
    """What lies with a run: its certificate, or why what lies there is none of it; neither where nothing does."""

    document: Document | None = None
    fault: str | None = None


class Certificates:
    """The certificates and the key of one data folder."""

    def __init__(self, home: Home) -> None:
        self._home = home

    def make(self, subject: Document, values: Sequence[Document], cells: Sequence[Document]) -> Document:
        """A signed certificate. Everything must be plain JSON without floats, whose text is not everywhere the same."""
        document: Document = {
            "kind": KIND,
            "schema": SCHEMA,
            "subject": subject,
            "values": list(values),
            "cells": list(cells),
        }
        document["chain"] = list(_chain(document))
        document["digest"] = document["chain"][-1]
        key = self._key()
        document["signature"] = {
            "algorithm": "hmac-sha256",
            "key": _key_id(key),
            "value": _signature(key, document["digest"]),
        }
        return document

    def keep(self, document: Document, run: str | None) -> Path:
        """Write *document* into the folder of *run*, or among those of no run; where it lies then."""
        if run is not None:
            path = self._home.run_folder(run) / NAME
        else:
            folder = self._home.root / "certificates"
            folder.mkdir(mode=0o700, exist_ok=True)
            path = folder / f"{document['digest'][:16]}.json"
        write(path, document)
        return path

    def of_run(self, run: str) -> Kept:
        """The certificate of *run*, if it has one that is as it was written here, and for this run."""
        try:
            document = read(self._home.run_folder(run) / NAME)
        except FileNotFoundError:
            return Kept()
        except (CertificateError, OSError) as error:
            return Kept(fault=f"The certificate of this run cannot be read: {error}")
        check = self.check(document)
        if not check.intact:
            return Kept(
                fault=f"The certificate of this run was changed since it was written, first in {check.changed}."
            )
        if check.origin != "this data folder":
            return Kept(fault="The certificate of this run was not made in this data folder.")
        if document["subject"].get("run") != run:
            return Kept(fault=f"The certificate of this run is another one's: {document['subject'].get('run')}.")
        return Kept(document)

    def check(self, document: Document) -> Check:
        """Whether *document* is as it was written, and whether it was written here."""
        if (changed := _changed(document)) is not None:
            return Check(False, changed, "none")
        signature = document.get("signature")
        key = self._known_key()
        if not isinstance(signature, dict) or not isinstance(signature.get("value"), str):
            return Check(True, None, "none")
        if key is None or signature.get("key") != _key_id(key):
            return Check(True, None, "another data folder")
        genuine = hmac.compare_digest(_bytes(signature["value"]), _bytes(_signature(key, document["digest"])))
        return Check(True, None, "this data folder" if genuine else "none")

    @property
    def _key_file(self) -> Path:
        return self._home.root / "certificate.key"

    def _known_key(self) -> bytes | None:
        try:
            return bytes.fromhex(self._key_file.read_text("ascii"))
        except (OSError, ValueError):
            return None

    def _key(self) -> bytes:
        """The key, made where it is missing: whole or not at all, and for nobody else's eyes."""
        if (key := self._known_key()) is not None:
            return key
        temporary = self._key_file.with_name(f".{self._key_file.name}-{secrets.token_hex(8)}")
        descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(descriptor, "w") as file:
                file.write(secrets.token_hex(_KEY_BYTES))
            with contextlib.suppress(FileExistsError):  # another process was faster
                os.link(temporary, self._key_file)
        finally:
            temporary.unlink()
        if (key := self._known_key()) is None:
            raise OSError(None, "the key that certificates are signed with cannot be read", str(self._key_file))
        return key


def read(path: Path) -> Document:
    """Read a certificate. Raises ``CertificateError`` for what is none, ``OSError`` where there is no file to read."""
    try:
        document = json.loads(path.read_bytes(), object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise CertificateError(f"{path} is not JSON: {error}.") from error
    if not isinstance(document, dict) or document.get("kind") != KIND:
        raise CertificateError(f"{path} is not a certificate of Labline's.")
    if document.get("schema") != SCHEMA:
        raise CertificateError(f"{path} has schema {document.get('schema')!r}; this version reads schema {SCHEMA}.")
    shapes = {"subject": dict, "values": list, "cells": list, "chain": list, "digest": str}
    wrong = [name for name, shape in shapes.items() if not isinstance(document.get(name), shape)]
    if wrong or not all(isinstance(record, dict) for name in ("values", "cells") for record in document[name]):
        raise CertificateError(f"{path} is not a whole certificate: {wrong[0] if wrong else 'a record'} is missing.")
    return document


def _once(pairs: list[tuple[str, Any]]) -> Document:
    """An object of *pairs*. Of an entry that is there twice people would read the one and programs the other."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"it has {next(name for name in names if names.count(name) > 1)!r} twice")
    return found


def write(path: Path, document: Document) -> None:
    """Write *document* at *path*; a reader sees the old file or the new one."""
    temporary = path.with_name(f".{path.name}-{secrets.token_hex(8)}")
    try:
        temporary.write_text(json.dumps(document, indent=1) + "\n", "utf-8")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def canonical(value: Any) -> bytes:
    """JSON in one way only: keys sorted, no spaces, ASCII."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False).encode("ascii")


def _records(document: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Each record with what it is called in messages. How many there are is in the first one."""
    head = {name: document[name] for name in ("kind", "schema", "subject")}
    yield "the subject", {**head, "values": len(document["values"]), "cells": len(document["cells"])}
    for value in document["values"]:
        yield f"the value {value.get('name')} of step {value.get('step')}", value
    for cell in document["cells"]:
        yield f"cell {cell.get('index')} (counted from 0)", cell


def _chain(document: Mapping[str, Any]) -> Iterator[str]:
    link = ""
    for _, record in _records(document):
        link = hashlib.sha256(link.encode() + canonical(record)).hexdigest()
        yield link


def _changed(document: Mapping[str, Any]) -> str | None:
    if added := sorted(document.keys() - _ENTRIES):
        return f"an entry {added[0]!r}, which no certificate has"
    try:
        links = list(_chain(document))
    except ValueError:
        return "a number"
    except RecursionError:  # whoever reads JSON goes deeper than who writes it
        return "a record"
    written = [*document["chain"], *[None] * len(links)]
    for (name, _), link, kept in zip(_records(document), links, written, strict=False):
        if link != kept:
            return name
    if len(document["chain"]) != len(links):
        return "the chain"
    return None if document["digest"] == links[-1] else "the digest"


def _key_id(key: bytes) -> str:
    return hashlib.sha256(b"labline certificate key " + key).hexdigest()[:16]


def _signature(key: bytes, digest: str) -> str:
    return hmac.new(key, _bytes(digest), hashlib.sha256).hexdigest()


def _bytes(text: str) -> bytes:
    """*text* as it came out of JSON, where a surrogate may stand alone."""
    return text.encode("utf-8", "surrogatepass")
