"""What a model says that it was made with, against what is installed here."""

from __future__ import annotations

import importlib.metadata
import sys
from pathlib import Path

import pytest

from labline_backend.serving.needs import Needs, NeedsError, differences, here, in_words, joined, shown, stated

PYTEST = importlib.metadata.version("pytest")


def model(folder: Path, requirements: str, python: str = sys.version.split()[0]) -> Path:
    (folder / "requirements.txt").write_text(requirements)
    (folder / "python_env.yaml").write_text(f"python: {python}\nbuild_dependencies:\n- pip==20.0\n")
    return folder


def test_what_the_server_brings_itself_is_no_need_of_the_models(tmp_path: Path) -> None:
    needs = stated(model(tmp_path, "mlflow==1.0\nMLflow-Skinny==1.0\nnumpy>=1\n"))
    assert needs == Needs(here(), ("numpy>=1",))


def test_a_model_that_says_nothing_needs_nothing(tmp_path: Path) -> None:
    assert stated(tmp_path) == Needs()
    assert differences(Needs()) == []


def test_comments_hashes_and_options_are_passed_over_and_named_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("attrs<99\n")
    text = "# made by hand\n--extra-index-url https://elsewhere.example\n-rmore.txt # too\npytest==1.0 # why\n"
    needs = stated(model(tmp_path, text + "numpy==1.0 \\\n    --hash=sha256:00\n"))
    assert needs.requirements == ("attrs<99", "numpy==1.0", "pytest==1.0")


def test_constraints_ask_for_nothing(tmp_path: Path) -> None:
    (tmp_path / "constraints.txt").write_text("no-such-package<2\npytest<1\n")
    needs = stated(model(tmp_path, "-c constraints.txt\npytest\n"))
    assert needs == Needs(here(), ("pytest",), ("no-such-package<2", "pytest<1"))
    assert differences(needs) == [f"pytest<1 (installed is {PYTEST})"]


def test_a_file_that_a_named_file_names_is_told(tmp_path: Path) -> None:
    (tmp_path / "more.txt").write_text("-r yet-more.txt\n")
    with pytest.raises(NeedsError, match=r"more\.txt names a file in turn"):
        stated(model(tmp_path, "-r more.txt\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("./wheels/own.whl", "names no package"),
        ("-r ../other.txt", "not the"),
        ("--requirement=absent.txt", "absent.txt, which is not beside it"),
        ("-e ./own", "no index has"),
        ("--editable git+https://me:hidden@example.org/own.git", "'--editable git.https://example.org/own.git'"),
    ],
)
def test_what_cannot_be_read_is_told(text: str, said: str, tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    with pytest.raises(NeedsError, match=said):
        stated(model(folder, f"{text}\n"))


@pytest.mark.parametrize(
    "line",
    [
        "own @ https://me:hidden@example.org/own.whl",
        "own @ git+https://hidden@example.org/own.git@v1",
        "git+https://me:hid@hidden@example.org/own.git",
        "own @ git+ssh://git:hidden@example.org/own.git",
    ],
)
def test_who_may_fetch_a_package_is_no_part_of_what_is_asked_for(line: str, tmp_path: Path) -> None:
    with pytest.raises(NeedsError) as told:
        stated(model(tmp_path, f"{line}\n"))
    assert "hidden" not in str(told.value)
    assert "example.org/own" in str(told.value)
    assert line.startswith("git") or "~/.netrc" in str(told.value)


def test_the_user_that_ssh_needs_is_no_secret(tmp_path: Path) -> None:
    line = "own @ git+ssh://git@example.org/own.git"
    assert stated(model(tmp_path, f"{line}\n")).requirements == (line,)


def test_a_line_with_a_variable_is_told(tmp_path: Path) -> None:
    with pytest.raises(NeedsError, match="a variable of this machine's"):
        stated(model(tmp_path, "own @ https://example.org/${AWS_SECRET_ACCESS_KEY}/own.whl\n"))


def test_queries_are_not_shown() -> None:
    line = "own @ https://example.org/own.whl?token=hidden"
    assert shown(line) == "own @ https://example.org/own.whl"
    assert differences(Needs("", (line,))) == ["own @ https://example.org/own.whl (not installed)"]


def test_only_what_is_not_satisfied_differs() -> None:
    lines = (
        f"pytest=={PYTEST}",
        "pytest",
        "pytest<1",
        "no-such-package==1",
        'no-such-package==2; python_version < "3"',
    )
    assert differences(Needs(here(), lines)) == [
        f"pytest<1 (installed is {PYTEST})",
        "no-such-package==1 (not installed)",
    ]


def test_a_package_from_elsewhere_differs() -> None:
    (told,) = differences(Needs("", ("pytest @ https://example.org/pytest.whl",)))
    assert told.endswith(f"(installed is {PYTEST}, from elsewhere)")


def test_another_python_differs() -> None:
    assert differences(Needs("3.1")) == [f"Python 3.1 (it runs {here()})"]


def test_versions_that_one_process_serves_are_of_one_python() -> None:
    assert joined([Needs("3.12", ("b",)), Needs("", ("a", "b"))]) == Needs("3.12", ("a", "b"))
    with pytest.raises(NeedsError, match=r"Python 3\.12 and 3\.13, and one process cannot have both"):
        joined([Needs("3.12"), Needs("3.13")])


def test_versions_that_pin_different_releases_are_told_apart_and_what_to_do() -> None:
    for_another = 'b==3; python_version < "3"'
    with pytest.raises(NeedsError, match=r"made with b 1\.0 and 2, and one .* endpoints of their own \(--name\)"):
        joined([Needs("", ("a==1", "b==1.0")), Needs("", ("a==1", "B==2", for_another))])
    assert joined([Needs("", ("b==1.0",)), Needs("", ("b>=1", "b==1.*", for_another))]).requirements


@pytest.mark.parametrize(
    "lines",
    [
        ("numpy==2.0", "numpy==2.0.0"),
        ("torch==2.4.0", "torch==2.4.0+cpu"),
        ("numpy==2.0rc1", "numpy<=2.0"),
        ("numpy>=2", "numpy<3"),
    ],
)
def test_versions_whose_pins_one_release_satisfies_go_together(lines: tuple[str, str]) -> None:
    assert joined([Needs("", (line,)) for line in lines]) == Needs("", tuple(sorted(lines)))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (("numpy==2.0", "numpy>=3"), r"numpy 2\.0 and >=3"),
        (("torch==2.4.0+cu121", "torch==2.4.0+cpu"), r"torch 2\.4\.0\+cpu and 2\.4\.0\+cu121"),
    ],
)
def test_a_pin_that_another_version_does_not_allow_is_told(lines: tuple[str, str], said: str) -> None:
    with pytest.raises(NeedsError, match=f"made with {said}, and one process cannot have both"):
        joined([Needs("", (line,)) for line in lines])


def test_many_differences_are_counted() -> None:
    assert in_words([str(number) for number in range(8)]) == "0, 1, 2, 3, 4 and 3 more"
