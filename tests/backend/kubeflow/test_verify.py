"""The certificate of a run on a target: the notebook here, the pipeline there, value by value."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from labline_backend.errors import InputError, NotFoundError
from labline_backend.store.records import RunRecord
from labline_backend.verification import fetching
from labline_backend.verification.background import Verifications
from labline_backend.verification.session import Watcher
from labline_backend.verification.session import verify as verify_subject
from labline_backend.verification.subject import read_subject
from tests.backend.kubeflow.conftest import Client
from tests.backend.kubeflow.emulator import Emulator
from tests.backend.kubeflow.test_run import is_running, waiting
from tests.backend.notebooks import DOUBLE, code, write
from tests.backend.s3 import S3

Certificate = dict[str, Any]


@pytest.fixture
def prod(client: Client, emulator: Emulator, with_storage: S3) -> Client:
    """A service whose target leaves its results where they can be read."""
    client.add(emulator, root=f"s3://{with_storage.bucket}/kfp")
    return client


def verify(client: Client, *cells: dict[str, Any], watcher: Watcher | None = None, **given: str) -> Certificate:
    path = write(client.folder / "case.ipynb", *cells)
    return verify_subject(client.service, read_subject(client.service, path, given), "prod", watcher or Watcher())


def statuses(certificate: Certificate) -> dict[tuple[str, str, str], str]:
    return {(v["step"], v["role"], v["name"]): v["status"] for v in certificate["values"]}


def test_a_pipeline_that_computes_there_what_the_notebook_computes_here_is_verified(
    prod: Client, emulator: Emulator
) -> None:
    certificate = verify(prod, *DOUBLE, count="4")
    subject = certificate["subject"]
    assert (subject["verdict"], subject["target"], subject["reference_runs"]) == ("verified", "prod", 1)
    assert statuses(certificate) == {
        ("load", "parameter", "count"): "equal",
        ("load", "parameter", "label"): "equal",
        ("load", "output", "numbers"): "equal",
        ("double", "input", "numbers"): "equal",
    }
    assert {cell["index"]: cell["status"] for cell in certificate["cells"]}[1] == "equal"
    run = prod.service.detail(subject["run"])
    assert (run["target"], run["state"], run["verification"]["state"]) == ("prod", "succeeded", "ended")
    assert (run["certificate"]["verdict"], run["certificate"]["target"]) == ("verified", "prod")
    assert [each.state for each in emulator.runs.values()] == ["SUCCEEDED"]


def test_files_random_numbers_and_loops_come_to_the_same_there(prod: Client) -> None:
    (prod.folder / "data.csv").write_text("a,b\n1,2\n")
    draw = "import random\nrandom.seed(1)\nx = random.random()\nwith open('out', 'w') as f:\n    _ = f.write(str(x))"
    cells = (
        code(draw, "step:draw"),
        code("y = random.random()\nz = open('out').read() + open('data.csv').read()", "step:read"),
        code("found = []\nfor x in [1, 2, 4]:\n    found.append(8 // x)", "step:loop"),
        code("print(y, z, found)", "step:show"),
    )
    path = write(prod.folder / "case.ipynb", *cells, labline={"steps": {"loop": {"foreach": True}}})
    certificate = verify_subject(prod.service, read_subject(prod.service, path, {}), "prod", Watcher())
    assert [v for v in certificate["values"] if v["status"] != "equal"] == []
    assert certificate["subject"]["verdict"] == "verified"
    assert not (prod.folder / "out").exists()


def test_what_only_one_side_has_in_its_environment_makes_a_difference_that_is_named(
    prod: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY_HERE", "7")  # the cluster's processes were started before
    cells = (
        code("import os\nrows = [1, int(os.environ.get('ONLY_HERE', '0'))]", "step:read"),
        code("total = sum(rows)\nprint('total', total)", "step:sum"),
    )
    certificate = verify(prod, *cells)
    assert (certificate["subject"]["verdict"], certificate["subject"]["reference_runs"]) == ("different", 2)
    (rows,) = [v for v in certificate["values"] if (v["role"], v["name"]) == ("output", "rows")]
    assert rows["status"] == "different"
    assert rows["difference"] == {"path": "rows[1]", "notebook": "7", "pipeline": "0"}
    (shown,) = [cell for cell in certificate["cells"] if cell["status"] == "different"]
    assert (shown["index"], shown["difference"]["pipeline"]) == (1, "total 1")
    assert prod.service.detail(certificate["subject"]["run"])["certificate"]["verdict"] == "different"


def test_a_set_has_one_order_on_both_sides_whatever_seed_is_set_here(
    prod: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONHASHSEED", "42")
    cells = (code("names = list({chr(n) for n in range(97, 123)})", "step:make"), code("print(names)", "step:use"))
    certificate = verify(prod, *cells)
    assert certificate["subject"]["verdict"] == "verified"
    assert certificate["subject"]["environment"]["hash_seed"] == "0"


def test_a_pipeline_that_fails_there_alone_is_different(prod: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ONLY_HERE", "7")
    certificate = verify(prod, code("import os\nrow = os.environ['ONLY_HERE']", "step:read"), code("row", "step:show"))
    assert certificate["subject"]["verdict"] == "different"
    assert certificate["subject"]["failure"].startswith("Step read failed: ")
    (row,) = [v for v in certificate["values"] if (v["step"], v["name"]) == ("show", "row")]
    assert (row["status"], row["note"]) == (
        "not comparable",
        "step read did not hand it on, because it did not succeed",
    )


class Losing(Watcher):
    """Has what one step left go from the storage before it is brought here."""

    def __init__(self, storage: S3, lost: str) -> None:
        self._storage, self._lost = storage, lost

    def attend(self, service: Any, record: RunRecord) -> RunRecord:
        ended = super().attend(service, record)
        service.store.set_step(record.id, self._lost, result=None)
        return ended


def test_what_cannot_be_read_is_not_comparable_and_says_why(prod: Client, with_storage: S3) -> None:
    certificate = verify(prod, *DOUBLE, watcher=Losing(with_storage, "load"))
    assert certificate["subject"]["verdict"] == "partly verified"
    lost = [v for v in certificate["values"] if v["status"] == "not comparable"]
    assert [(v["step"], v["name"]) for v in lost] == [("load", "numbers"), ("double", "numbers")]
    assert {v["note"] for v in lost} == {"what step load left is not here"}


class Changing(Watcher):
    """Has what the run left in the storage changed before it is brought here."""

    def __init__(self, storage: S3, change: Callable[[S3, str], None]) -> None:
        self._storage, self._change = storage, change

    def attend(self, service: Any, record: RunRecord) -> RunRecord:
        ended = super().attend(service, record)
        for found in self._storage.client.list_objects_v2(Bucket=self._storage.bucket, Prefix="kfp/")["Contents"]:
            self._change(self._storage, found["Key"])
        return ended


def lose(storage: S3, key: str) -> None:
    storage.client.delete_object(Bucket=storage.bucket, Key=key)


def swell(storage: S3, key: str) -> None:
    content = storage.client.get_object(Bucket=storage.bucket, Key=key)["Body"].read()
    storage.client.put_object(Bucket=storage.bucket, Key=key, Body=content + bytes(1 << 20))


def alter(storage: S3, key: str) -> None:
    content = storage.client.get_object(Bucket=storage.bucket, Key=key)["Body"].read()
    storage.client.put_object(Bucket=storage.bucket, Key=key, Body=content[:-1] + b"?")


def leave(storage: S3, key: str) -> None:
    pass


@pytest.mark.parametrize(
    ("change", "limit", "said"),
    [
        (lose, "", "not in the pipeline root any more"),
        (swell, "", "larger than the"),
        (alter, "", "could not be loaded"),
        (leave, "LARGEST", "at most 0 MiB are fetched"),
        (leave, "MOST", "no more than 0 MiB are"),
    ],
    ids=["gone", "larger than told", "another", "large", "one too many"],
)
def test_a_value_that_cannot_be_brought_here_is_different_by_its_look(
    prod: Client,
    with_storage: S3,
    monkeypatch: pytest.MonkeyPatch,
    change: Callable[[S3, str], None],
    limit: str,
    said: str,
) -> None:
    monkeypatch.setenv("ONLY_HERE", "7")
    if limit:
        monkeypatch.setattr(fetching, limit, 0)
    cells = (
        code("import os\nrows = [1, os.environ.get('ONLY_HERE')]", "step:read"),
        code("print(len(rows))", "step:count"),
    )
    certificate = verify(prod, *cells, watcher=Changing(with_storage, change))
    (rows,) = [v for v in certificate["values"] if (v["role"], v["name"]) == ("output", "rows")]
    assert rows["difference"] == {"path": "rows", "notebook": "[1, '7']", "pipeline": "[1, None]"}
    assert said in rows["note"]


def test_a_value_that_the_disk_has_no_room_for_is_not_brought_here(
    prod: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ONLY_HERE", "7")
    full = SimpleNamespace(disk_usage=lambda _: SimpleNamespace(free=10))
    monkeypatch.setattr(fetching, "shutil", full)
    cells = (
        code("import os\nrows = [1, os.environ.get('ONLY_HERE')]", "step:read"),
        code("print(len(rows))", "step:count"),
    )
    (rows,) = [v for v in verify(prod, *cells)["values"] if (v["role"], v["name"]) == ("output", "rows")]
    assert "and only 1 MiB are free" in rows["note"]


def test_without_a_pipeline_root_nothing_is_submitted(client: Client, emulator: Emulator) -> None:
    with pytest.raises(InputError, match="no pipeline root"):
        verify(client, *DOUBLE)
    assert emulator.runs == {}


def test_an_unknown_target_is_refused(client: Client) -> None:
    path = write(client.folder / "case.ipynb", *DOUBLE)
    with pytest.raises(NotFoundError, match="There is no target 'moon'"):
        verify_subject(client.service, read_subject(client.service, path, {}), "moon", Watcher())


def test_trouble_of_the_target_is_no_difference(prod: Client, emulator: Emulator) -> None:
    class Removing(Watcher):
        def attend(self, service: Any, record: RunRecord) -> RunRecord:
            emulator.faults.append(("GET /apis/v2beta1/runs/", 404))
            return super().attend(service, record)

    with pytest.raises(InputError, match="came to no end of its own"):
        verify(prod, *DOUBLE, watcher=Removing())


@pytest.fixture
def verifications() -> Iterator[Verifications]:
    verifications = Verifications()
    yield verifications
    verifications.close()


def test_cancelling_ends_the_run_there_and_the_verification(
    prod: Client, emulator: Emulator, verifications: Verifications
) -> None:
    path = write(prod.folder / "slow.ipynb", *waiting(prod.folder))
    record = verifications.start(prod.service, path, notebook="slow.ipynb", target="prod")
    prod.until(record, is_running)
    prod.service.cancel(record.id)
    ended = prod.until(record, lambda run: run["verification"]["state"] != "running")
    assert (ended["state"], ended["verification"]["state"], ended["certificate"]) == ("cancelled", "cancelled", None)
    assert [run.state for run in emulator.runs.values()] == ["CANCELED"]


def test_a_run_whose_verification_was_interrupted_is_followed_to_its_end_but_not_verified(
    prod: Client, verifications: Verifications
) -> None:
    path = write(prod.folder / "slow.ipynb", *waiting(prod.folder))
    record = verifications.start(prod.service, path, notebook="slow.ipynb", target="prod")
    prod.until(record, is_running)
    verifications.close()
    prod.close()
    prod.open()
    (prod.folder / "go").touch()
    assert [each.id for each in prod.service.adopt()] == [record.id]
    run = prod.end(record)
    assert (run["state"], run["verification"]["state"], run["certificate"]) == ("succeeded", "interrupted", None)
