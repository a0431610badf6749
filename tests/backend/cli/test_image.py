"""``labline image build``: a context, and whatever engine there is."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_compiler.targets.kubeflow import DEFAULT_IMAGE
from tests.backend.cli.conftest import Done, Labline
from tests.backend.images.kernels import Site
from tests.backend.notebooks import code, write


class Bench:
    """A notebook that imports a package of its kernel's own, and a path without programs."""

    def __init__(self, folder: Path, labline: Labline) -> None:
        site = Site(folder / "site")
        site.add("own-thing", "1.5", "other")
        site.add("other", "2")
        self.folder, self._labline = folder, labline
        self.bin = folder / "bin"
        self.bin.mkdir()
        self._variables = {"JUPYTER_PATH": str(site.specify(folder / "jupyter")), "PATH": str(self.bin)}
        self.notebook("import own_thing")

    def notebook(self, source: str) -> None:
        write(self.folder / "n.ipynb", code(source, "step:one"), kernel="own")

    def engine(self, name: str, script: str) -> None:
        """Put a program called *name* on the path."""
        file = self.bin / name
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)

    def build(self, *options: str | Path) -> Done:
        return self._labline("image", "build", "n.ipynb", *options, **self._variables)


@pytest.fixture
def bench(tmp_path: Path, labline: Labline) -> Bench:
    return Bench(tmp_path, labline)


def test_without_an_engine_the_context_is_written_and_the_command_is_told(bench: Bench) -> None:
    done = bench.build("-t", "team/own:1", "-o", bench.folder / "context")
    assert (done.code, done.err) == (0, "")
    assert (bench.folder / "context" / "requirements.txt").read_text() == "other==2\nown-thing==1.5\n"
    containerfile = (bench.folder / "context" / "Containerfile").read_text().splitlines()
    assert (containerfile[0], containerfile[-1]) == (f"FROM {DEFAULT_IMAGE}", "USER 1000")
    context = bench.folder / "context"
    assert f"podman build -f {context}/Containerfile -t team/own:1 {context}" in done.out


def test_the_same_notebook_gives_the_same_context_and_name(bench: Bench) -> None:
    first, second = bench.build(), bench.build()
    assert first.out == second.out
    assert "-t labline-step-n:" in first.out


def test_printing_writes_nothing(bench: Bench, labline_home: Path) -> None:
    done = bench.build("--print")
    assert "\nown-thing==1.5\n" in done.out
    assert not (labline_home / "images").exists()


def test_an_engine_that_is_there_builds(bench: Bench) -> None:
    bench.engine("buildah", 'echo "$@"; read line < "$3"; echo "$line"')
    done = bench.build("-t", "team/own:1")
    assert done.code == 0
    assert f"FROM {DEFAULT_IMAGE}" in done.err
    assert "-t team/own:1" in done.err
    assert "buildah push team/own:1" in done.out


def test_an_engine_that_does_not_answer_is_passed_over(bench: Bench) -> None:
    bench.engine("docker", "exit 1")
    bench.engine("buildah", "exit 0")
    assert "buildah push" in bench.build().out


def test_a_build_that_fails_is_said_and_leaves_its_context(bench: Bench) -> None:
    bench.engine("podman", '[ "$1" = version ]')
    done = bench.build("-t", "team/own:1")
    assert done.code == 1
    assert "podman could not build team/own:1 (exit code 1)" in done.err
    assert "podman build -f" in done.err


def test_where_the_step_image_has_it_all_none_is_built(bench: Bench) -> None:
    bench.notebook("import json")
    done = bench.build()
    assert (done.code, "no other image is needed" in done.out) == (0, True)


@pytest.mark.parametrize("option", ["-t", "--base"])
def test_what_is_no_name_of_an_image_is_refused(bench: Bench, option: str) -> None:
    done = bench.build(option, "Not a name; x")
    assert (done.code, "is no name for an image" in done.err) == (2, True)


def test_an_image_that_was_made_here_can_be_built_on(bench: Bench) -> None:
    bench.build("-t", "team/own:1")
    assert "no other image is needed" in bench.build("--base", "team/own:1").out
