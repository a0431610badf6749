"""Artifacts in a bucket of any S3, through the minio client.

Written to the S3 contract, not to one server: objects are put whole, in parts where they are large, and never in
another's place where the server can see to it; a download that breaks off goes on where it stopped.
Everything secret stays with the client's credential providers; no message here quotes a header or a key.
"""

from __future__ import annotations

import contextlib
import copy
import io
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, TypeVar
from urllib.parse import SplitResult, urlsplit

from labline_backend.store.artifacts import ENVIRONMENT_VARIABLE, ArtifactStoreError, BrokenTransferError
from labline_runtime.dataclass import dataclass

if TYPE_CHECKING:
    from minio import Minio
    from minio.credentials.providers import Provider

AWS = "https://s3.amazonaws.com"
ADDRESSING = "LABLINE_S3_ADDRESSING"

PART = 32 << 20  # bytes; more than this is uploaded in parts, at most three at a time, each held in memory
CHUNK = 1 << 17  # bytes; what of one has come when a download breaks off is asked for again
RETRIES = 4  # of one request, by the client
RESUMPTIONS = 8  # of one download, each of which must have brought something
CONNECT_SECONDS = 10.0
READ_SECONDS = 60.0

PROBE = b"Labline keeps artifacts here.\n"
ANEW = frozenset(
    {"ExpiredToken", "ExpiredTokenException", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"}
)
"""Refusals that credentials read anew may cure: temporary ones are replaced while a server runs."""

UNCONDITIONAL = frozenset({"NotImplemented", "ConditionalRequestConflict"})
"""Answers of servers that know no conditions of puts, or are in the midst of another one."""

T = TypeVar("T")


@dataclass(frozen=True)
class Location:
    """A place in an S3. ``virtual``: the bucket is in the host's name, not in the path; None: as the client knows."""

    bucket: str
    prefix: str
    endpoint: str
    region: str | None
    ca_file: str | None
    virtual: bool | None

    @staticmethod
    def parse(url: str) -> Location:
        """What *url* and the usual AWS variables say. Raises ``ArtifactStoreError``."""
        named = _parts(url)
        if named.scheme != "s3" or not named.hostname or named.query or named.fragment or named.username:
            # Not quoted: who mistakes it for an address of another kind may have written a password into it.
            raise _wrong(ENVIRONMENT_VARIABLE, "it must look like s3://bucket/prefix")
        variable = next((name for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL") if os.environ.get(name)), "")
        endpoint = os.environ.get(variable) or AWS
        found = _parts(endpoint)
        if found.scheme not in ("http", "https") or not found.hostname or found.path.strip("/") or found.username:
            raise _wrong(variable, "it must look like https://host:port")
        addressing = os.environ.get(ADDRESSING, "")
        if addressing not in ("", "path", "virtual"):
            raise _wrong(ADDRESSING, "it is either path or virtual")
        return Location(
            bucket=named.netloc,
            prefix=named.path.strip("/"),
            endpoint=endpoint.rstrip("/"),
            region=os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or None,
            ca_file=os.environ.get("AWS_CA_BUNDLE") or os.environ.get("SSL_CERT_FILE") or None,
            virtual=addressing == "virtual" if addressing else None,
        )

    def key(self, name: str) -> str:
        """The object that holds the artifact *name*."""
        return f"{self.prefix}/{name}" if self.prefix else name


def _parts(url: str) -> SplitResult:
    """The parts of *url*; none where it cannot be parsed."""
    try:
        return urlsplit(url)
    except ValueError:  # a bracket that is not closed
        return urlsplit("")


class S3Store:
    """A ``DurableStore`` in a bucket. Thread-safe; connects when it is first used."""

    def __init__(self, url: str, *, part_size: int = PART) -> None:
        """Use the place that *url* names; a wrong one is told by the first call."""
        self._url = url
        self._part_size = part_size
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    def check(self) -> None:
        """Put a small object and read it back: just the rights that keeping values needs."""

        def probe(client: Minio, at: Location) -> bytes:
            client.put_object(at.bucket, at.key(".labline"), io.BytesIO(PROBE), len(PROBE), "text/plain")
            response = client.get_object(at.bucket, at.key(".labline"))
            try:
                return bytes(response.read())
            finally:
                response.close()
                response.release_conn()

        if self._do(probe) != PROBE:
            raise ArtifactStoreError(
                f"The bucket {self._location().bucket} does not give back what was put into it.",
                "See that nothing between here and the storage changes objects on their way.",
            )

    def has(self, digest: str, size: int) -> bool:
        """Whether the object is known to be there, at its full size."""
        from minio.error import S3Error

        def look(client: Minio, at: Location) -> bool:
            try:
                return bool(client.stat_object(at.bucket, at.key(digest)).size == size)
            except S3Error as error:
                # Who may not list a bucket is not told either that an object is missing.
                if error.code in ("NoSuchKey", "NoSuchObject", "AccessDenied"):
                    return False
                raise

        return self._do(look)

    def put(self, digest: str, path: Path, *, replace: bool = False) -> None:
        """Upload the file under its digest: one object, so that it appears whole or not at all.

        One of the same size that is there stays, unless *replace*: it was checked when it was made, and this file may
        have suffered since. A server that cannot see to that overwrites.
        """
        from minio.error import S3Error

        def upload(client: Minio, at: Location) -> None:
            client.fput_object(at.bucket, at.key(digest), str(path), part_size=self._part_size)

        def add(client: Minio, at: Location) -> bool:
            try:
                upload(client, at)
            except S3Error as error:
                if error.code in UNCONDITIONAL:
                    return False
                if error.code != "PreconditionFailed":
                    raise
                return bool(client.stat_object(at.bucket, at.key(digest)).size == path.stat().st_size)
            return True

        if replace or not self._do(add, adding=True):
            self._do(upload)

    def get(self, digest: str, into: BinaryIO) -> None:
        """Download the object, going on where it breaks off. The caller checks its digest."""

        def download(client: Minio, at: Location) -> None:
            into.seek(0)
            into.truncate()
            tag = None
            for _ in range(RESUMPTIONS):
                begun = into.tell()
                tag, is_whole = _go_on(client, at, digest, into, tag)
                if is_whole:
                    return
                if into.tell() <= begun:
                    break
            raise BrokenTransferError(f"it breaks off after {into.tell():,} bytes")

        self._do(download)

    def names(self) -> list[str]:
        """The names of all objects below the prefix. Takes the right to list, which keeping values does not."""

        def look(client: Minio, at: Location) -> list[str]:
            prefix = at.key("")
            found = client.list_objects(at.bucket, prefix=prefix, recursive=True)
            return [str(each.object_name).removeprefix(prefix) for each in found]

        return self._do(look)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            opened, self._opened = self._opened, None
        if opened is not None:
            opened.client._http.clear()

    def _location(self) -> Location:
        return Location.parse(self._url)

    def _do(self, work: Callable[[Minio, Location], T], *, adding: bool = False) -> T:
        """Have *work* done by a client; with *adding* by one that puts nothing in another object's place."""
        from minio.error import S3Error

        def done() -> T:
            opened = self._client()
            return work(opened.adding if adding else opened.client, at)

        at = self._client().at
        with _in_words(at):
            try:
                return done()
            except S3Error as error:
                if error.code not in ANEW:
                    raise
                self.close()
                return done()

    def _client(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                at = self._location()
                with _in_words(at):
                    client = _connect(at)
                    self._opened = _Opened(at, client, _adding(client))
            return self._opened


@dataclass(frozen=True)
class _Opened:
    """Two clients over the same connections, which close when either is no longer needed."""

    at: Location
    client: Minio
    adding: Minio


def _adding(client: Minio) -> Minio:
    """*client*, asking the server to refuse what would take another object's place."""
    adding = copy.copy(client)

    def execute(method: str, *given: Any, **more: Any) -> Any:
        asked = more.get("query_params") or {}
        if (method == "PUT" and not asked) or (method == "POST" and asked.keys() == {"uploadId"}):
            more["headers"] = {**(more.get("headers") or {}), "If-None-Match": "*"}
        return client._execute(method, *given, **more)

    adding._execute = execute  # type: ignore[method-assign]
    return adding


def _go_on(client: Minio, at: Location, digest: str, into: BinaryIO, tag: str | None) -> tuple[str | None, bool]:
    """Append to *into* what it lacks of an object; the object's tag, and whether all has come.

    *tag* is that of what *into* holds. Raises ``KeyError`` and ``BrokenTransferError``.
    """
    from minio.error import S3Error
    from urllib3.exceptions import HTTPError

    offset = into.tell()
    try:
        response = client.get_object(at.bucket, at.key(digest), offset=offset)
    except S3Error as error:
        if error.code in ("NoSuchKey", "NoSuchObject"):
            raise KeyError(digest) from error
        raise
    try:
        found = response.headers.get("ETag")
        is_rest = response.status == 206 or "Content-Range" in response.headers  # some say 200 with it
        if offset and is_rest and found != tag:
            raise BrokenTransferError("another object came in its place")
        if offset and not is_rest:
            into.seek(0)
            into.truncate()
        for chunk in response.stream(CHUNK):
            into.write(chunk)
    except HTTPError:  # broken off, or silent for too long
        return found, False
    finally:
        response.close()
        response.release_conn()
    return found, True


def _connect(at: Location) -> Minio:
    import certifi
    import urllib3
    from minio import Minio

    if at.ca_file is not None and not Path(at.ca_file).is_file():
        raise _wrong("AWS_CA_BUNDLE", f"there is no file {at.ca_file}")
    endpoint = urlsplit(at.endpoint)
    client = Minio(
        endpoint.netloc,
        secure=endpoint.scheme == "https",
        region=at.region,
        credentials=_credentials(),
        http_client=urllib3.PoolManager(
            maxsize=10,
            timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=READ_SECONDS),
            retries=urllib3.Retry(total=RETRIES, backoff_factor=0.2, status_forcelist=[429, 500, 502, 503, 504]),
            cert_reqs="CERT_REQUIRED",
            ca_certs=at.ca_file or certifi.where(),
        ),
    )
    if at.virtual is not None:
        client._base_url.virtual_style_flag = at.virtual
    return client


def _credentials() -> Provider:
    """Where AWS's own tools look, in their order. A machine's role only where asked for: elsewhere nobody answers."""
    from minio.credentials.providers import AWSConfigProvider, ChainedProvider, EnvAWSProvider, IamAwsProvider

    providers: list[Any] = [EnvAWSProvider(), AWSConfigProvider()]
    given = (
        "AWS_WEB_IDENTITY_TOKEN_FILE",
        "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
        "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    )
    if any(os.environ.get(name) for name in given) or os.environ.get("AWS_EC2_METADATA_DISABLED") == "false":
        providers.append(IamAwsProvider())
    return ChainedProvider(providers)


# ---------------------------------------------------------------- errors in words


def _wrong(variable: str, why: str) -> ArtifactStoreError:
    return ArtifactStoreError(
        f"The artifact store is not configured right: {variable} is wrong, {why}.", f"Set {variable}."
    )


REFUSALS = {
    "NoSuchBucket": ("there is no bucket {bucket} at {endpoint}", "Create the bucket, or name another one."),
    "AccessDenied": (
        "access to the bucket {bucket} is denied",
        "Allow these credentials s3:GetObject and s3:PutObject below {prefix!r}.",
    ),
    "InvalidAccessKeyId": ("{endpoint} does not know the access key", "Correct the credentials."),
    "SignatureDoesNotMatch": ("{endpoint} refuses the signature", "Correct the secret key, and the region."),
    "ExpiredToken": ("the temporary credentials have expired", "Get new ones."),
    "RequestTimeTooSkewed": ("this machine's clock is wrong", "Set the clock."),
    "AuthorizationHeaderMalformed": (
        "the region {region} is not the bucket's",
        "Set AWS_REGION to the bucket's region.",
    ),
    "PermanentRedirect": ("the region {region} is not the bucket's", "Set AWS_REGION to the bucket's region."),
}


@contextlib.contextmanager
def _in_words(at: Location) -> Iterator[None]:
    """What goes wrong in the block as one sentence. Keys, headers and signatures are never quoted."""
    import urllib3
    from minio.error import MinioException, S3Error

    def said(what: str, fix: str) -> ArtifactStoreError:
        named = {
            "bucket": at.bucket,
            "endpoint": at.endpoint,
            "prefix": at.prefix + "/",
            "region": at.region or "us-east-1",
        }
        return ArtifactStoreError(f"The artifact store cannot be used: {what.format(**named)}.", fix.format(**named))

    try:
        yield
    except S3Error as error:
        known = REFUSALS.get(error.code or "") or (
            f"{{endpoint}} answers {error.code}",
            "See the storage server's log.",
        )
        raise said(*known) from error
    except MinioException as error:
        raise said(
            "{endpoint} does not answer as an S3 does",
            "See that the endpoint is the S3 API's address, not that of a page or another service.",
        ) from error
    except urllib3.exceptions.HTTPError as error:
        reason = getattr(error, "reason", None) or error
        if isinstance(reason, urllib3.exceptions.SSLError):
            raise said(
                "the certificate of {endpoint} is not trusted",
                "Set AWS_CA_BUNDLE to the file with the certificate authority's certificate.",
            ) from error
        if isinstance(reason, urllib3.exceptions.ResponseError):
            raise said("{endpoint} is out of order", "Try again later, or see the storage server's log.") from error
        raise said(
            "{endpoint} cannot be reached", "See that the endpoint is right and that the server runs."
        ) from error
    except ValueError as error:  # the client's own checks
        if "credentials" in str(error) or "Access key" in str(error):
            raise said(
                "there are no credentials",
                "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE for one of the credentials file.",
            ) from error
        raise said("{bucket} is no name for a bucket", "Correct LABLINE_ARTIFACTS.") from error
