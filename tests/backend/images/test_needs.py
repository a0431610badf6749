"""What a notebook needs in an image, and what of it is lacking there."""

from __future__ import annotations

from pathlib import Path

import pytest

from labline_backend.images.held import Held
from labline_backend.images.needs import Difference, difference, needed
from labline_runtime.specification import CellSource
from tests.backend.images.kernels import Site

HERE = "3.11"


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return Site(tmp_path / "site")


def lacks(site: Site, source: str, has: dict[str, str] | None = None, *also: str, python: str = "") -> Difference:
    folder = site.folder.parent / "notebooks"
    folder.mkdir(exist_ok=True)
    found = needed([CellSource(0, "c", source)], folder, site.kernel)
    assert found is not None
    return difference(found, Held(python or found.installed.minor, has or {}), also)


def test_what_is_imported_is_pinned_with_all_that_it_requires(site: Site) -> None:
    site.add("a-thing", "1.0", "b>=2", "c ; extra == 'more'")
    site.add("b", "2.5")
    site.add("c", "3")
    assert lacks(site, "from a_thing import x").pins == ("a-thing==1.0", "b==2.5")


def test_what_an_extra_requires_is_pinned_where_it_is_asked_for(site: Site) -> None:
    site.add("a", "1.0", "b[more]")
    site.add("b", "2.5", "c ; extra == 'more'")
    site.add("c", "3")
    assert lacks(site, "import a").pins == ("a==1.0", "b==2.5", "c==3")


def test_what_the_image_has_at_that_version_is_not_pinned(site: Site) -> None:
    site.add("a", "1.0", "b")
    site.add("b", "2.5")
    found = lacks(site, "import a", {"a": "1.0", "b": "2.4"})
    assert (found.pins, found.missing) == (("b==2.5",), ())


def test_what_is_only_required_elsewhere_is_left_out(site: Site) -> None:
    site.add("a", "1.0", "b ; sys_platform == 'win32'", "c ; python_version < '3'")
    assert lacks(site, "import a").pins == ("a==1.0",)


def test_requirements_are_those_of_the_images_python(site: Site) -> None:
    site.add("a", "1.0", "b ; python_version < '3.5'")
    site.add("b", "2")
    assert lacks(site, "import a", python="3.4").pins == ("a==1.0", "b==2")


def test_another_python_is_told(site: Site) -> None:
    (found,) = lacks(site, "x = 1", python="3.4").findings
    assert (found.code, found.severity) == ("LL614", "warning")
    assert "the image 3.4" in found.message


def test_modules_beside_the_notebook_count_by_what_they_import(site: Site) -> None:
    site.add("a", "1.0")
    folder = site.folder.parent / "notebooks"
    folder.mkdir()
    (folder / "helper.py").write_text("import a\n")
    assert lacks(site, "import helper").pins == ("a==1.0",)


def test_what_the_notebook_can_do_without_is_pinned_where_the_kernel_has_it(site: Site) -> None:
    site.add("a", "1.0")
    assert lacks(site, "try:\n    import a\nexcept ImportError:\n    import b").pins == ("a==1.0",)


def test_a_line_of_ipython_hides_no_import(site: Site) -> None:
    site.add("a", "1.0")
    assert lacks(site, "%matplotlib inline\nimport a\n!ls").pins == ("a==1.0",)


def test_of_a_namespace_only_what_has_the_module_is_pinned(site: Site) -> None:
    site.add("g-one", "1", files=("g/one/__init__.py",))
    site.add("g-two", "2", files=("g/two.py",))
    assert lacks(site, "from g.two import x").pins == ("g-two==2",)


def test_one_of_two_that_have_the_same_module_is_enough(site: Site) -> None:
    site.add("m", "1", files=("m/__init__.py",))
    site.add("m-skinny", "1", files=("m/__init__.py",))
    assert lacks(site, "import m", {"m-skinny": "1"}).pins == ()


def test_a_package_that_is_used_without_an_import_can_be_named(site: Site) -> None:
    site.add("Some.Engine", "1.0", files=("e.py",))
    assert lacks(site, "x = 1", {}, "some_engine").pins == ("Some.Engine==1.0",)


def test_a_package_that_the_kernel_has_not_is_told(site: Site) -> None:
    site.add("a", "1.0", "b")
    messages = [found.message for found in lacks(site, "import a", {}, "z").findings]
    assert [message.partition(",")[0] for message in messages] == ["z is asked for", "a asks for b"]


def test_what_the_image_has_need_not_be_in_the_kernel(site: Site) -> None:
    site.add("a", "1.0", "b")
    found = lacks(site, "import a", {"b": "1"})
    assert (found.pins, found.findings) == (("a==1.0",), ())


@pytest.mark.parametrize(
    "source",
    [
        {"url": "file:///home/me/a", "dir_info": {"editable": True}},
        {"url": "https://example.org/a.git", "vcs_info": {"vcs": "git", "commit_id": "1"}},
        {"url": "file:///home/me/a-1.0.whl", "archive_info": {}},
        {"url": "https://me:secret@example.org/a-1.0.whl", "archive_info": {}},
    ],
)
def test_what_no_image_can_get_is_told_and_not_pinned(site: Site, source: dict[str, object]) -> None:
    site.add("a", "1.0", source=source)
    found = lacks(site, "import a")
    assert (found.pins, len(found.findings)) == ((), 1)
    assert "secret" not in found.findings[0].message


def test_a_file_that_everybody_can_get_is_pinned_by_its_address(site: Site) -> None:
    archive = {"url": "https://example.org/a-1.0.whl", "archive_info": {"hashes": {"sha256": "ab"}}}
    site.add("a", "1.0", source=archive)
    assert lacks(site, "import a").pins == ("a @ https://example.org/a-1.0.whl#sha256=ab",)


def test_where_conda_has_built_a_package_does_not_count(site: Site) -> None:
    site.add("a", "1.0", source={"url": "file:///feedstock/a", "dir_info": {}}, installer="conda")
    assert lacks(site, "import a").pins == ("a==1.0",)


def test_nothing_is_known_of_a_kernel_that_does_not_start(tmp_path: Path) -> None:
    from labline_backend.kernels import Kernel

    assert needed([], tmp_path, Kernel("gone", str(tmp_path / "python"))) is None
