"""Artifacts in a bucket, on a real S3 server."""

from __future__ import annotations

import datetime
import hashlib
import http.client
import io
import ipaddress
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from labline_backend.home import Home
from labline_backend.store.artifacts import ArtifactStore, ArtifactStoreError
from labline_backend.store.s3 import Location, S3Store
from labline_runtime.outcome import ArtifactRecord
from tests.backend.s3 import S3, line

FIVE_MEGABYTES = 5 << 20  # the smallest part that S3 knows


@pytest.fixture
def kept(home: Home, s3: S3) -> Iterator[ArtifactStore]:
    """A store whose artifacts are kept in the bucket."""
    store = ArtifactStore(home, S3Store(s3.url))
    yield store
    store.close()


def make(store: ArtifactStore, content: bytes = b"a value") -> ArtifactRecord:
    """An artifact as a step leaves it."""
    digest = hashlib.sha256(content).hexdigest()
    store.path(digest).parent.mkdir(exist_ok=True)
    store.path(digest).write_bytes(content)
    return ArtifactRecord(("x",), "", digest, len(content), ())


def lose(store: ArtifactStore, artifact: ArtifactRecord) -> None:
    store.path(artifact.digest).unlink()


def refusal(url: str) -> str:
    store = S3Store(url)
    with pytest.raises(ArtifactStoreError) as caught:
        store.check()
    store.close()
    return str(caught.value)


def test_what_is_kept_is_an_object_named_by_its_digest(kept: ArtifactStore, s3: S3) -> None:
    artifact = make(kept)
    kept.keep([artifact])
    assert s3.objects() == {artifact.digest: 7}


def test_what_is_missing_here_comes_back(kept: ArtifactStore) -> None:
    artifact = make(kept)
    kept.keep([artifact])
    lose(kept, artifact)
    assert kept.has(artifact)
    kept.fetch(artifact)
    assert kept.path(artifact.digest).read_bytes() == b"a value"


def test_what_was_never_kept_is_not_there(kept: ArtifactStore) -> None:
    artifact = make(kept)
    lose(kept, artifact)
    assert not kept.has(artifact)
    with pytest.raises(ArtifactStoreError, match="neither here nor in the artifact store"):
        kept.fetch(artifact)


def test_a_large_artifact_goes_up_in_parts_and_comes_back_whole(home: Home, s3: S3) -> None:
    store = ArtifactStore(home, S3Store(s3.url, part_size=FIVE_MEGABYTES))
    artifact = make(store, bytes(range(256)) * (12 << 12))
    store.keep([artifact])
    key = f"some/prefix/{artifact.digest}"
    assert s3.client.head_object(Bucket=s3.bucket, Key=key)["ETag"].strip('"').endswith("-3")
    lose(store, artifact)
    store.fetch(artifact)
    assert kept_digest(store, artifact) == artifact.digest
    store.close()


def kept_digest(store: ArtifactStore, artifact: ArtifactRecord) -> str:
    return hashlib.sha256(store.path(artifact.digest).read_bytes()).hexdigest()


def test_what_is_there_already_is_not_sent_again(kept: ArtifactStore, home: Home, s3: S3) -> None:
    artifact = make(kept)
    kept.keep([artifact])
    before = s3.client.head_object(Bucket=s3.bucket, Key=f"some/prefix/{artifact.digest}")["LastModified"]
    with line(s3, (1 << 20, 1 << 20)) as counted:
        other = ArtifactStore(home, S3Store(s3.url))
        other.keep([artifact])
        other.keep([artifact])
        other.close()
    assert counted.opened == 1
    assert s3.client.head_object(Bucket=s3.bucket, Key=f"some/prefix/{artifact.digest}")["LastModified"] == before


def test_a_half_written_object_is_written_anew(kept: ArtifactStore, s3: S3) -> None:
    artifact = make(kept)
    s3.spoil(artifact.digest, b"a v")
    kept.keep([artifact])
    assert s3.objects() == {artifact.digest: 7}


def test_a_damaged_object_is_refused_and_leaves_nothing_here(kept: ArtifactStore, home: Home, s3: S3) -> None:
    artifact = make(kept)
    kept.keep([artifact])
    lose(kept, artifact)
    s3.spoil(artifact.digest, b"A value")
    with pytest.raises(ArtifactStoreError, match="copy of x is damaged") as caught:
        kept.fetch(artifact)
    assert caught.value.code == "LL404"
    assert [path for path in home.artifacts.rglob("*") if path.is_file()] == []


def test_a_download_that_breaks_off_is_made_once_more(home: Home, s3: S3) -> None:
    store = ArtifactStore(home, S3Store(s3.url))
    artifact = make(store, b"v" * (1 << 20))
    store.keep([artifact])
    store.close()
    lose(store, artifact)
    with line(s3, (1 << 20, 1 << 19)) as broken:
        store.fetch(artifact)
        store.close()
    assert broken.opened == 2
    assert kept_digest(store, artifact) == artifact.digest


def test_an_upload_that_breaks_off_is_made_again(home: Home, s3: S3) -> None:
    with line(s3, (1 << 18, 1 << 20)):
        store = ArtifactStore(home, S3Store(s3.url))
        artifact = make(store, b"v" * (1 << 20))
        store.keep([artifact])
        store.close()
    assert s3.objects() == {artifact.digest: 1 << 20}


def test_the_check_passes_where_values_can_be_kept(kept: ArtifactStore, s3: S3) -> None:
    kept.check()
    assert s3.objects() == {}


def test_a_missing_bucket_is_said(s3: S3) -> None:
    assert "there is no bucket labline-nowhere at http://127.0.0.1" in refusal("s3://labline-nowhere")


def test_a_server_that_is_not_there_is_said(s3: S3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("labline_backend.store.s3.RETRIES", 0)
    s3.use(AWS_ENDPOINT_URL="http://127.0.0.1:9")
    assert "http://127.0.0.1:9 cannot be reached" in refusal(s3.url)


def test_missing_credentials_are_said(s3: S3) -> None:
    s3.use(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="")
    assert "there are no credentials" in refusal(s3.url)


@pytest.mark.parametrize("url", ["bucket", "https://bucket/x", "s3://", "s3://user:word@bucket/x", "s3://[bucket"])
def test_what_is_no_place_in_an_s3_is_said_without_quoting_it(s3: S3, url: str) -> None:
    said = refusal(url)
    assert "it must look like s3://bucket/prefix" in said
    assert "word" not in said


def test_an_endpoint_that_is_no_address_is_said(s3: S3) -> None:
    s3.use(AWS_ENDPOINT_URL="http://[::1")
    assert "AWS_ENDPOINT_URL is wrong, it must look like https://host:port" in refusal(s3.url)


def test_the_bucket_is_in_the_path_or_in_the_hosts_name_as_one_wishes(s3: S3) -> None:
    assert Location.parse(s3.url).virtual is None
    s3.use(LABLINE_S3_ADDRESSING="virtual")
    assert Location.parse(s3.url).virtual is True
    s3.use(LABLINE_S3_ADDRESSING="sideways")
    assert "LABLINE_S3_ADDRESSING is wrong" in refusal(s3.url)


@pytest.mark.long
def test_more_objects_than_one_answer_holds_are_all_listed(s3: S3) -> None:
    wanted = [f"{number:04}" for number in range(1001)]
    server = urlsplit(s3.endpoint).netloc
    for name in wanted:  # past boto3, which takes several times as long
        connection = http.client.HTTPConnection(server)
        connection.request("PUT", f"/{s3.bucket}/some/prefix/{name}", body=b"")
        assert connection.getresponse().status == 200
        connection.close()
    store = S3Store(s3.url)
    assert store.names() == wanted
    store.close()


# ---------------------------------------------------------------- who asks


def test_the_rights_to_put_and_get_are_enough(home: Home, s3: S3) -> None:
    key, secret = s3.user("s3:GetObject", "s3:PutObject")
    s3.use(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    store = ArtifactStore(home, S3Store(s3.url))
    artifact = make(store)
    with s3.checking_signatures():
        store.check()
        store.keep([artifact])
        lose(store, artifact)
        store.fetch(artifact)
        store.close()
    assert s3.objects() == {artifact.digest: 7}


def test_a_wrong_secret_is_refused_in_words_that_do_not_quote_it(s3: S3) -> None:
    key, secret = s3.user("s3:*")
    s3.use(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret[::-1])
    with s3.checking_signatures():
        said = refusal(s3.url)
    assert "refuses the signature" in said
    assert secret[::-1] not in said


def test_an_unknown_key_is_said(s3: S3) -> None:
    with s3.checking_signatures():
        assert "does not know the access key" in refusal(s3.url)


def test_missing_rights_are_said(s3: S3) -> None:
    key, secret = s3.user("s3:GetObject")
    s3.use(AWS_ACCESS_KEY_ID=key, AWS_SECRET_ACCESS_KEY=secret)
    with s3.checking_signatures():
        assert "access to the bucket" in refusal(s3.url)


def test_temporary_credentials_that_were_replaced_in_their_file_are_read_again(s3: S3, tmp_path: Path) -> None:
    iam, sts = s3.service("iam"), s3.service("sts")
    trust = '{"Version": "2012-10-17", "Statement": []}'
    role = iam.create_role(RoleName=f"role-{s3.bucket}", AssumeRolePolicyDocument=trust)["Role"]
    allowed = '{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]}'
    iam.put_role_policy(RoleName=role["RoleName"], PolicyName="buckets", PolicyDocument=allowed)
    given = sts.assume_role(RoleArn=role["Arn"], RoleSessionName="test")["Credentials"]

    def write(key: str) -> None:
        (tmp_path / "credentials").write_text(
            f"[team]\naws_access_key_id = {key}\naws_secret_access_key = {given['SecretAccessKey']}\n"
            f"aws_session_token = {given['SessionToken']}\n"
        )

    s3.use(AWS_ACCESS_KEY_ID="", AWS_SECRET_ACCESS_KEY="", AWS_PROFILE="team")
    write("ASIAOLDKEYTHATISNOTKNOWN")
    store = S3Store(s3.url)
    with s3.checking_signatures():
        with pytest.raises(ArtifactStoreError, match="does not know the access key"):
            store.check()
        write(given["AccessKeyId"])
        store.check()
    store.close()


# ---------------------------------------------------------------- TLS


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A certificate for 127.0.0.1 that nobody vouches for, with its key."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    file = io.BytesIO()
    file.write(built.public_bytes(serialization.Encoding.PEM))
    none = serialization.NoEncryption()
    file.write(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, none))
    path = tmp_path_factory.mktemp("tls") / "certificate.pem"
    path.write_bytes(file.getvalue())
    return path


def test_an_authority_of_ones_own_is_trusted_where_it_is_named(s3: S3, certificate: Path) -> None:
    with line(s3, certificate=certificate):
        s3.use(AWS_CA_BUNDLE=str(certificate))
        store = S3Store(s3.url)
        store.check()
        store.close()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    s3: S3, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("labline_backend.store.s3.RETRIES", 0)
    with line(s3, certificate=certificate):
        assert "is not trusted" in refusal(s3.url)


def test_a_missing_authority_file_is_said(s3: S3) -> None:
    s3.use(AWS_CA_BUNDLE="/nowhere.pem")
    assert "there is no file /nowhere.pem" in refusal(s3.url)
