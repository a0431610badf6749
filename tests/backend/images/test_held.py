"""What is known to be in an image."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from labline_backend.home import Home
from labline_backend.images import held
from labline_backend.images.context import context, record
from labline_backend.images.needs import Difference
from labline_compiler.targets.kubeflow import DEFAULT_IMAGE

CONTAINERFILE = Path(__file__).parents[3] / "deploy" / "images" / "step" / "Containerfile"


@pytest.fixture
def home(labline_home: Path) -> Home:
    return Home.open(labline_home)


def test_the_step_image_holds_what_it_is_made_of() -> None:
    packages = held.step_image().packages
    assert {"numpy", "pandas", "scikit-learn", "ipython", "cloudpickle"} <= packages.keys()
    assert "jupyterlab" not in packages


def test_its_python_is_that_of_the_containerfile() -> None:
    assert re.findall("ARG PYTHON=(.*)", CONTAINERFILE.read_text()) == [held.PYTHON]


@pytest.mark.parametrize("image", [DEFAULT_IMAGE, f"registry.example.org:5000/team/{DEFAULT_IMAGE}"])
def test_the_step_image_is_known_in_every_registry(home: Home, image: str) -> None:
    assert held.holds(home, image) == held.step_image()


@pytest.mark.parametrize("image", ["python:3.11", "labline-step:0.0.1", f"my-{DEFAULT_IMAGE}"])
def test_of_other_images_nothing_is_known(home: Home, image: str) -> None:
    assert held.holds(home, image) is None


def test_an_image_that_was_made_here_holds_what_was_put_on_top(home: Home) -> None:
    lacking = Difference(("a==1",), {"a": "1"}, ("a",))
    record(home, context(DEFAULT_IMAGE, lacking), "team/own:1", held.step_image(), lacking)
    assert held.holds(home, "team/own:1").packages == {**held.step_image().packages, "a": "1"}


def test_a_damaged_record_is_nobodys(home: Home) -> None:
    (home.root / "images" / "x").mkdir(parents=True)
    (home.root / "images" / "x" / "image.json").write_text('{"reference": 1')
    assert held.holds(home, "team/own:1") is None
