"""Models are checked once, by a process of their own, and only files that are what was checked are loaded."""

from __future__ import annotations

import dataclasses
import shutil
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from blake3 import blake3

from labline_backend.home import Home
from labline_backend.registry import (
    AbsentError,
    Lying,
    ModelReference,
    RegisteredVersion,
    RegistryError,
    lying,
    resolve,
    source,
)
from labline_backend.serving import checking, mlmodel
from labline_backend.serving.checks import Checked, Checks, Kept, LoadError, digests
from labline_backend.serving.needs import Needs, Resolved
from labline_backend.serving.predictor import NotAtHandError, Predictor, load
from labline_backend.serving.rows import Matrix
from labline_backend.tracking.location import Location

from .conftest import Registry, Server, using
from .models import frame

FOREST, LOGISTIC = RegisteredVersion("forest", "1"), RegisteredVersion("logistic", "1")


def copied(registry: Registry, name: str, folder: Path) -> Checked:
    """What is known of a model, with its files in *folder*."""
    registry.predictor(name)
    checked = registry.checks.checked(RegisteredVersion(name, "1"))
    shutil.copytree(checked.folder, folder)
    return dataclasses.replace(checked, folder=str(folder))


def append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def test_a_pickle_that_is_not_what_was_checked_is_not_loaded(registry: Registry, tmp_path: Path) -> None:
    checked = copied(registry, "forest", tmp_path / "model")
    append(tmp_path / "model" / "model.pkl")
    with pytest.raises(LoadError, match=r"model\.pkl .* is not what it was when the model was deployed"):
        Predictor(FOREST, checked)


def test_what_answers_for_a_linear_model_is_not_read_where_it_is_not_what_the_check_has_written(
    registry: Registry, tmp_path: Path
) -> None:
    checked = copied(registry, "logistic", tmp_path / "model")
    assert checked.arithmetic is not None
    altered = tmp_path / "arithmetic.pickle"
    shutil.copy(checked.arithmetic.path, altered)
    append(altered)
    with pytest.raises(LoadError, match="is not what the check has written"):
        Predictor(LOGISTIC, dataclasses.replace(checked, arithmetic=Kept(str(altered), checked.arithmetic.digest)))


def test_a_linear_model_that_is_not_what_was_checked_is_not_loaded_for_an_unusual_row_either(
    registry: Registry, tmp_path: Path
) -> None:
    checked = copied(registry, "logistic", tmp_path / "model")
    append(tmp_path / "model" / "model.pkl")
    predictor = Predictor(LOGISTIC, checked)
    unusual = Matrix(predictor.signature.names, np.full((1, 4), np.nan))
    with pytest.raises(NotAtHandError):
        predictor.answer([(unusual, None)])
    with pytest.raises(LoadError, match=r"model\.pkl .* is not what it was when the model was deployed"):
        predictor.load_model()


@pytest.mark.filterwarnings("ignore")  # what MLflow calls, and what it says of its own examples
def test_the_pickle_of_a_model_that_skops_wrote_is_not_loaded_where_it_is_not_what_the_check_has_written(
    registry: Registry, tmp_path: Path
) -> None:
    import mlflow
    from sklearn.tree import DecisionTreeClassifier

    rows = frame()
    model = DecisionTreeClassifier(max_depth=2).fit(rows, rows["a"] > 0)
    mlflow.sklearn.save_model(
        model,
        str(tmp_path / "model"),
        input_example=rows[:8],
        pip_requirements=["scikit-learn"],
        serialization_format="skops",
        skops_trusted_types=["sklearn.tree._tree.Tree"],
    )
    version = RegisteredVersion("tree", "1", str(tmp_path / "model"))
    checks = dataclasses.replace(registry.checks, home=Home.open(tmp_path / "home"))
    checked = checking.check(version, checks)
    assert checked.native is not None
    answer = Predictor(version, checked).answer([(Matrix(tuple(rows), rows.to_numpy()), None)])[0]
    assert answer.tolist() == model.predict(rows).tolist()
    append(Path(checked.native.path))
    with pytest.raises(LoadError, match="is not what the check has written"):
        Predictor(version, checked)


def test_a_version_on_an_older_check_answers_unusual_rows_after_another_check_has_written_in_its_place(
    registry: Registry, tmp_path: Path
) -> None:
    checks = dataclasses.replace(registry.checks, home=Home.open(tmp_path / "home"))
    checked = checking.check(RegisteredVersion("logistic", "1"), checks)
    assert checked.arithmetic is not None
    pickled = tmp_path / "native.pickle"
    pickled.write_bytes(next(Path(checked.folder).glob("*.pkl")).read_bytes())
    native = Kept(str(pickled), blake3(pickled.read_bytes()).hexdigest())
    predictor = Predictor(RegisteredVersion("logistic", "1"), dataclasses.replace(checked, native=native))
    for kept in (native, checked.arithmetic):
        other = Path(kept.path).with_suffix(".part")
        other.write_bytes(b"of another check")
        other.replace(kept.path)
    predictor.load_model()
    rows = frame(3)
    answer = predictor.answer([(Matrix(tuple(rows), rows.to_numpy()), None)])[0]
    assert answer.tobytes() == registry.pyfunc("logistic", rows).tobytes()


def test_code_of_a_model_that_is_not_what_was_checked_is_not_loaded(registry: Registry, tmp_path: Path) -> None:
    checked = copied(registry, "ratio", tmp_path / "model")
    append(next((tmp_path / "model").glob("*.pkl")))
    with pytest.raises(LoadError, match="are not what they were when the model was deployed"):
        Predictor(RegisteredVersion("ratio", "1"), checked)


def test_a_model_of_skops_is_read_as_the_check_has_kept_it(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For skops imports all that scikit-learn has."""
    import mlflow
    from mlflow.models import infer_signature
    from sklearn.naive_bayes import GaussianNB

    rows = frame(30)
    model = GaussianNB().fit(rows, rows["a"] > 0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow compares labels as pandas will not any more
        mlflow.sklearn.save_model(
            model,
            str(tmp_path / "model"),
            signature=infer_signature(rows, model.predict_proba(rows)),
            input_example=rows.head(8),
            pyfunc_predict_fn="predict_proba",
            pip_requirements=["scikit-learn"],
            serialization_format="skops",
        )
    version = RegisteredVersion("near", "1", str(tmp_path / "model"))
    checked = registry.checks.checked(version)
    assert checked.verdict.native and checked.native is not None
    read = []
    content = Checked.content
    monkeypatch.setattr(Checked, "content", lambda self, file: read.append(file) or content(self, file))
    predictor = Predictor(version, checked)
    assert read == [mlmodel.FILE]
    others = frame(5, seed=3)
    assert predictor._native(others.to_numpy()).tolist() == model.predict_proba(others).tolist()


def test_what_is_known_is_not_found_out_again(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.predictor("forest")
    monkeypatch.setattr(Checks, "_call", lambda *_, **__: pytest.fail("it was checked again"))
    assert load(FOREST, registry.checks).verdict.native


def test_what_was_found_out_with_other_releases_does_not_count(registry: Registry, tmp_path: Path) -> None:
    registry.predictor("forest")
    checks = registry.checks
    checked = checks.checked(FOREST)
    other = RegisteredVersion("other", "1")
    checks.known(other).mkdir(parents=True)
    checks.write(other, checked)
    assert checks.read(other) == checked
    checks.write(other, dataclasses.replace(checked, packages={**checked.packages, "scikit-learn": "0.1"}))
    assert checks.read(other) is None


def test_what_was_found_out_in_another_environment_neither_counts_nor_goes(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.predictor("forest")
    checks = registry.checks
    checked = checks.read(FOREST)
    assert checked is not None
    with monkeypatch.context() as patch:
        patch.setattr(sys, "prefix", "/another/environment")
        assert checks.read(FOREST) is None
        checks.known(FOREST).mkdir()
        checks.write(FOREST, dataclasses.replace(checked, shown={"found": "there"}))
    assert checks.read(FOREST) == checked


@pytest.fixture
def fetches(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is fetched, as if no model lay on this machine."""
    import mlflow

    fetched, fetch = [], mlflow.artifacts.download_artifacts

    def fetch_and_tell(**arguments: Any) -> Any:
        fetched.append(arguments["artifact_uri"])
        return fetch(**arguments)

    monkeypatch.setattr(checking, "local", lambda uri: None)
    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", fetch_and_tell)
    return fetched


def test_a_model_that_lies_elsewhere_is_fetched_once_however_often_it_is_asked_for(
    registry: Registry, fetches: list[str], tmp_path: Path
) -> None:
    checks, other = (Checks(Home.open(tmp_path / "home"), registry.location, bound) for bound in (0.0, 1e-6))
    with using(registry.location.uri):
        folder = checking.fetched(FOREST, checks)
        assert checking.fetched(FOREST, other) == folder
        assert checking.check(FOREST, checks).folder == str(folder)
    assert fetches == [FOREST.uri]
    assert folder.is_relative_to(checks.place(FOREST))


def test_a_fetched_model_that_was_altered_or_lies_elsewhere_by_now_is_fetched_anew(
    registry: Registry, fetches: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Checks(Home.open(tmp_path / "home"), registry.location)
    with using(registry.location.uri):
        folder = checking.fetched(FOREST, checks)
        whole = digests(folder)
        append(folder / "model.pkl")
        assert digests(checking.fetched(FOREST, checks)) == whole
        assert len(fetches) == 2
        monkeypatch.setattr(checking, "source", lambda *_: "s3://elsewhere/forest")
        checking.fetched(FOREST, checks)
    assert len(fetches) == 3


def test_what_a_model_leaves_beside_its_files_has_nothing_fetched(
    registry: Registry, fetches: list[str], tmp_path: Path
) -> None:
    checks = Checks(Home.open(tmp_path / "home"), registry.location)
    with using(registry.location.uri):
        left = checking.fetched(FOREST, checks) / "cache.tmp"
        left.touch()
        checking.fetched(FOREST, checks)
    assert left.exists()
    assert len(fetches) == 1


def test_a_fetched_model_stays_where_another_fetch_fails(
    registry: Registry, fetches: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow

    def fail(**_: object) -> None:
        raise OSError("no network")

    checks = Checks(Home.open(tmp_path / "home"), registry.location)
    with using(registry.location.uri):
        folder = checking.fetched(FOREST, checks)
        whole, there = digests(folder), sorted(checks.place(FOREST).iterdir())
        with monkeypatch.context() as patch:
            patch.setattr(checking, "source", lambda *_: "s3://elsewhere/forest")
            patch.setattr(mlflow.artifacts, "download_artifacts", fail)
            with pytest.raises(LoadError, match="no network"):
                checking.fetched(FOREST, checks)
        assert checking.fetched(FOREST, checks) == folder
    assert digests(folder) == whole
    assert sorted(checks.place(FOREST).iterdir()) == there
    assert len(fetches) == 1


def test_a_fetched_model_is_there_while_the_registry_is_away_but_not_one_that_it_has_no_more(
    registry: Registry, fetches: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checks = Checks(Home.open(tmp_path / "home"), registry.location)
    errors: list[Exception] = [RegistryError("it does not answer"), AbsentError("there is none")]

    def fail(*_: object) -> None:
        raise errors.pop(0)

    with using(registry.location.uri):
        folder = checking.fetched(FOREST, checks)
        monkeypatch.setattr(checking, "source", fail)
        assert checking.fetched(FOREST, checks) == folder
        with pytest.raises(AbsentError):
            checking.fetched(FOREST, checks)


def test_where_a_version_lies_that_is_not_registered_is_told(registry: Registry) -> None:
    with using(registry.location.uri), pytest.raises(AbsentError, match="There is no forest/9 in the registry; the"):
        source(RegisteredVersion("forest", "9"), registry.location)


def test_versions_are_checked_in_one_process_and_only_those_that_nothing_is_known_of(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.predictor("forest")
    asked: list[Any] = []
    monkeypatch.setattr(Checks, "_call", lambda *_, **arguments: asked.append(arguments))
    unknown = [RegisteredVersion("forest", number) for number in ("2", "3")]
    registry.checks.check([FOREST, *unknown])
    registry.checks.check([FOREST])
    assert asked == [{"versions": [{"name": "forest", "version": n, "folder": None} for n in ("2", "3")]}]


def test_a_reference_stands_for_a_version_that_is_checked(registry: Registry) -> None:
    assert registry.checks.resolved([ModelReference.parse("forest@champion")]) == [Resolved(FOREST, Needs())]
    assert registry.checks.read(FOREST) is not None


def test_a_reference_to_what_is_known_takes_no_process(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    registry.predictor("forest")
    monkeypatch.setattr(Checks, "_call", lambda *_, **__: pytest.fail("a process was started"))
    (found,) = registry.checks.resolved([ModelReference.parse("forest@champion")], anyway=False)
    assert found.version == FOREST
    assert "scikit-learn" in str(found.needs.requirements)


@pytest.fixture(scope="module")
def moved(registry: Registry) -> Registry:
    """Versions 1 to 10 of ``moved`` lie where the forest does; the newest was deleted, and an alias stands for 2."""
    import mlflow

    with using(registry.location.uri):
        client = mlflow.MlflowClient()
        client.create_registered_model("moved")
        place = source(FOREST, registry.location)
        for _ in range(11):
            client.create_model_version("moved", place)
        client.delete_model_version("moved", "11")
        client.set_registered_model_alias("moved", "champion", "2")
    return registry


@pytest.mark.parametrize("text", ["forest", "forest@champion", "forest/1", "moved", "moved@champion", "moved/9"])
def test_a_store_of_our_own_is_read_as_mlflow_reads_it(text: str, moved: Registry) -> None:
    reference, location = ModelReference.parse(text), moved.location
    version = resolve(reference, location)
    assert lying(reference, location) == Lying(version, source(version, location))


@pytest.mark.parametrize("text", ["moved/11", "moved/12", "moved@challenger", "moved@latest", "nobody"])
def test_what_is_not_in_a_store_of_our_own_is_left_to_mlflow(text: str, moved: Registry) -> None:
    assert lying(ModelReference.parse(text), moved.location) is None


@pytest.mark.parametrize("name", ["forest", "ratio"])
def test_how_a_version_is_asked_and_why_is_a_tag_of_it(name: str, registry: Registry) -> None:
    import mlflow

    verdict = registry.predictor(name).verdict
    with using(registry.location.uri):
        tags = mlflow.MlflowClient().get_model_version(name, "1").tags
    assert tags["labline.serving"] == str(verdict)


def test_why_a_version_gets_no_tag_is_told_without_passwords(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import mlflow

    address = "http://me:hidden@registry.example"

    def fail(*_: object) -> None:
        raise OSError(f"{address} does not answer")

    monkeypatch.setattr(mlflow.MlflowClient, "set_model_version_tag", fail)
    checking._tag(RegisteredVersion("forest", "1"), Location("http://runs.example", address), "")
    assert capsys.readouterr().err.endswith("http://registry.example does not answer\n")


def test_a_reference_to_nothing_is_told(registry: Registry) -> None:
    with pytest.raises(LoadError, match="There is no model absent in the registry"):
        registry.checks.resolved([ModelReference.parse("absent")])


@pytest.mark.parametrize("name", ["forest", "logistic", "prices", "pixels", "ratio", "scaled"])
def test_a_signature_is_read_as_mlflow_reads_it(name: str, registry: Registry) -> None:
    predictor = registry.predictor(name)
    theirs = predictor._pyfunc.metadata
    ours = mlmodel.read((Path(predictor._checked.folder) / mlmodel.FILE).read_bytes())
    schema = theirs.get_input_schema()
    assert ours.signature == predictor.signature
    assert ours.signature.takes_parameters == (theirs.get_params_schema() is not None)
    if schema is None:
        assert not ours.signature.columns and not ours.signature.tensors
    elif schema.is_tensor_spec():
        assert [(t.dtype, t.shape) for t in ours.signature.tensors] == [(s.type, s.shape) for s in schema.inputs]
    else:
        found = [(column.name, column.kind, column.required) for column in ours.signature.columns]
        assert found == [(spec.name, spec.type.name, spec.required) for spec in schema.inputs]


def loaded(server: Server) -> str:
    """The files that a process has mapped."""
    return Path(f"/proc/{server.process.pid}/maps").read_text()


def test_a_server_that_asks_by_arrays_has_no_pandas(server: Server) -> None:
    rows = frame(2)
    split: dict[str, Any] = {"columns": list(rows.columns), "data": rows.to_numpy().tolist()}
    assert server.ask("/invocations", {"dataframe_split": split}).status == 200
    maps = loaded(server)
    assert "/sklearn/" in maps
    assert "/pandas/" not in maps and "/pyarrow/" not in maps
