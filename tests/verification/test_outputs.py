"""What cells show, compared."""

from __future__ import annotations

import base64
import io
from typing import Any

import pytest
from PIL import Image

from labline_backend.verification.memory import same_but_for_numbers
from labline_backend.verification.outputs import first_difference, shown_by_cell


def executed(*cells: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "cells": [
            {"execution_count": place + 1, "metadata": {"labline": {"index": place}}, "outputs": outputs}
            for place, outputs in enumerate(cells)
        ]
    }


def printed(text: str, stream: str = "stdout") -> dict[str, Any]:
    return {"output_type": "stream", "name": stream, "text": text}


def display(**data: Any) -> dict[str, Any]:
    kinds = {"plain": "text/plain", "html": "text/html", "png": "image/png"}
    kinds |= {"view": "application/vnd.jupyter.widget-view+json", "script": "application/javascript"}
    return {"output_type": "display_data", "data": {kinds[k]: v for k, v in data.items()}, "metadata": {}}


def picture(colour: int, level: int = 6) -> str:
    content = io.BytesIO()
    Image.new("RGB", (8, 8), (colour, 0, 0)).save(content, "PNG", compress_level=level)
    return base64.b64encode(content.getvalue()).decode()


def difference(notebook: list[dict[str, Any]], pipeline: list[dict[str, Any]]) -> str | None:
    sides = (shown_by_cell([executed(side)])[0] for side in (notebook, pipeline))
    found = first_difference(*sides)
    return None if found is None else found.path


def searched(seconds: str, score: float = 0.5) -> list[dict[str, Any]]:
    """What the diagram of a fitted search of scikit-learn 1.9 holds of its results."""
    table = f"{{&#x27;me...me&#x27;: array([{seconds}]), &#x27;me...re&#x27;: array([{score}])}}"
    name = '<a style="--doc-link-refit_time_;">refit_time_</a>'
    refitted = f'{name}<td class="fitted-att-type">float</td>\n<td>{seconds[:6]}</td>'
    return [display(html=table + refitted)]


RANDOM = ("1f0e5a3c-9b1d-4c2e-8f6a-0123456789ab", "aaaaaaaa-bbbb-4ccc-9ddd-eeeeeeeeeeee")

ALIKE = {
    "pieces of a stream": ([printed("a\nb\n")], [printed("a\n"), printed("b\n")]),
    "the order of the streams": ([printed("a"), printed("b", "stderr")], [printed("b", "stderr"), printed("a")]),
    "addresses": ([printed("<object at 0x7f1234567890>")], [printed("<object at 0x7f0000000001>")]),
    "addresses of buffers": ([printed("<Buffer address=0x7f1234567890>")], [printed("<Buffer address=0x7f00000001>")]),
    "addresses cut short": (
        [display(html="&lt;a.b...x7f1234567890&gt;")],
        [display(html="&lt;a.b...x7f0000000001&gt;")],
    ),
    "ids of matplotlib's animations": (
        [display(html=f'<img id="_anim_img{RANDOM[0].replace("-", "")}">')],
        [display(html=f'<img id="_anim_img{RANDOM[1].replace("-", "")}">')],
    ),
    "ids in SVG": (
        [display(html='<g id="pa1b2c3d4e5"/><use clip-path="url(#pa1b2c3d4e5)" xlink:href="#ma1b2c3d4e5"/>')],
        [display(html='<g id="p0000000001"/><use clip-path="url(#p0000000001)" xlink:href="#m0000000001"/>')],
    ),
    "%time": ([printed("CPU times: user 2 ms\nWall time: 3.1 ms")], [printed("CPU times: user 9 ms\nWall time: 9 s")]),
    "%timeit": (
        [
            printed(
                "The slowest run took 11.81 times longer than the fastest. This could mean that an intermediate result "
                "is being cached.\n1.2 μs ± 3.4 ns per loop (mean ± std. dev. of 7 runs)"
            )
        ],
        [printed("1.3 μs ± 9 ns per loop (mean ± std. dev. of 7 runs)")],
    ),
    "the memory of a frame": (
        [printed("dtypes: int64(1)\nmemory usage: 162.0+ bytes")],
        [printed("dtypes: int64(1)\nmemory usage: 1.2 KB")],
    ),
    "when a model was fitted": (
        [
            printed(
                "Date:                Sat, 28 Nov 2026   Prob:  0.1\nTime:                        10:29:08   AIC:  3\n"
            ),
            printed("Date:           Sat, 28, Nov, 2026\n         time fit was run = 2026-11-28 10:29:35 UTC\n"),
            display(html="<th>Date:</th>   <td>Sat, Nov 28 2026</td> <td>Date:</td><td>2026-11-28 10:29</td>"),
        ],
        [
            printed(
                "Date:                Sun, 29 Nov 2026   Prob:  0.1\nTime:                        00:00:01   AIC:  3\n"
            ),
            printed("Date:           Sun, 29, Nov, 2026\n         time fit was run = 2026-11-29 00:00:02 UTC\n"),
            display(html="<th>Date:</th>   <td>Sun, Nov 29 2026</td> <td>Date:</td><td>2026-11-29 00:00</td>"),
        ],
    ),
    "progress bars": (
        [printed("100%|##| 5/5 [00:01<00:00, 3.2it/s]", "stderr")],
        [printed("100%|##| 5/5 [00:02<00:00, 2.1s/it]", "stderr")],
    ),
    "ids of widgets": (
        [display(view={"version_major": 2, "model_id": "fb5ce69750a240aba5399a6e34fd34bf"})],
        [display(view={"version_major": 2, "model_id": "a1d9c6e7edcd4547a12361280fd73d7d"})],
    ),
    "the time of a file": (
        [printed("-rw-r--r-- 1 me me 38K Nov 26 05:10 a.png")],
        [printed("-rw-r--r-- 1 me me 38K Nov 26 05:09 a.png")],
    ),
    "temporary files": ([printed("/tmp/tmpab12cd_4/x.csv")], [printed("/tmp/tmpzz99zz88/x.csv")]),
    "random ids of elements": (
        [display(html=f'<div id="{RANDOM[0]}"></div><script>draw("{RANDOM[0]}")</script>')],
        [display(html=f'<div id="{RANDOM[1]}"></div><script>draw("{RANDOM[1]}")</script>')],
    ),
    "random ids in names": (
        [display(html=f"var map_{RANDOM[0].replace('-', '')} = L.map();")],
        [display(html=f"var map_{RANDOM[1].replace('-', '')} = L.map();")],
    ),
    "ids of folium's maps": (
        [display(html=f'<script src="leaflet.js"></script>map_{"0f" * 16} map_{"1e" * 16}')],
        [display(html=f'<script src="leaflet.js"></script>map_{"2d" * 16} map_{"3c" * 16}')],
    ),
    "when RDKit has warned": (
        [printed("[13:39:35] DEPRECATION WARNING: please use MorganGenerator\n", "stderr")],
        [printed("[13:40:01] DEPRECATION WARNING: please use MorganGenerator\n", "stderr")],
    ),
    "addresses of astropy's tables": (
        [display(html='<table id="table139973998981328" class="table">')],
        [display(html='<table id="table140245298942736" class="table">')],
    ),
    "random ids in code for the browser": (
        [display(script=f'draw({{"{RANDOM[0]}": 1}}, "{RANDOM[0]}")')],
        [display(script=f'draw({{"{RANDOM[1]}": 1}}, "{RANDOM[1]}")')],
    ),
    "bokeh's models": (
        [display(html='<div data-root-id="p1053">'), display(script='[{"id":"p1053"},{"id":"p1054"}]')],
        [display(html='<div data-root-id="p1008">'), display(script='[{"id":"p1008"},{"id":"p1009"}]')],
    ),
    "bokeh's models as they are printed": (
        [printed("figure(id='p1144', ...)"), printed("no renderers: figure(id='p1144', ...)", "stderr")],
        [printed("figure(id='p1008', ...)"), printed("no renderers: figure(id='p1008', ...)", "stderr")],
    ),
    "shap's ids": (
        [display(html="<div id='iAAAABBBBCCCCDDDD012'>iAAAABBBBCCCCDDDD012")],
        [display(html="<div id='iZZZZBBBBCCCCDDDD999'>iZZZZBBBBCCCCDDDD999")],
    ),
    "ids of styled tables": ([display(html='<a id="T_ab12c_row0">')], [display(html='<a id="T_99fff_row0">')]),
    "scikit-learn's counters": ([display(html="sk-container-id-7")], [display(html="sk-container-id-1")]),
    "the seconds of scikit-learn's searches": (searched("0.0101..., 0.0061"), searched("0.0922, 0.0083")),
    "pixels in another file": ([display(png=picture(9, 1))], [display(png=picture(9, 9))]),
}

DIFFERENT = {
    "the scores of scikit-learn's searches": (
        searched("0.0101, 0.0061", score=0.9),
        searched("0.0922, 0.0083", score=0.8),
        "output 1, text/html, line 1",
    ),
    "text": ([printed("a\nb\n")], [printed("a\nc\n")], "stdout, line 2"),
    "a line more": ([printed("a\n")], [printed("a\nb\n")], "stdout, line 2"),
    "an end of line": ([printed("a\n")], [printed("a")], "stdout"),
    "a duration of the notebook's own": ([printed("took 3 s")], [printed("took 4 s")], "stdout, line 1"),
    "a time of the notebook's own": ([printed("Time: 10:29:08")], [printed("Time: 10:29:09")], "stdout, line 1"),
    "a random id of the notebook's own": ([printed(RANDOM[0])], [printed(RANDOM[1])], "stdout, line 1"),
    "a random id that is no element's": (
        [display(html=f"<td>{RANDOM[0]}</td>")],
        [display(html=f"<td>{RANDOM[1]}</td>")],
        "output 1, text/html, line 1",
    ),
    "a checksum in a table": (
        [display(html=f"<td>md5_{'0f' * 16}</td>")],
        [display(html=f"<td>md5_{'2d' * 16}</td>")],
        "output 1, text/html, line 1",
    ),
    "a time of the notebook's own in brackets": (
        [printed("[13:39:35] epoch 1")],
        [printed("[13:39:36] epoch 1")],
        "stdout, line 1",
    ),
    "which of bokeh's models": (
        [display(script='[{"id":"p1053"},{"axis":"p1054"},"p1053"]')],
        [display(script='[{"id":"p1008"},{"axis":"p1009"},"p1009"]')],
        "output 1, application/javascript, line 1",
    ),
    "a temporary file of another name": ([printed("/tmp/my_tmp_a")], [printed("/tmp/my_tmp_b")], "stdout, line 1"),
    "two temporary files and one": (
        [printed("/tmp/tmpab12cd_4 /tmp/tmpzz99zz88")],
        [printed("/tmp/tmpab12cd_4 /tmp/tmpab12cd_4")],
        "stdout, line 1",
    ),
    "what looks like a styled table's id": ([printed("T_ab12c")], [printed("T_99fff")], "stdout, line 1"),
    "a checksum": ([printed("crc 0xdeadbeef")], [printed("crc 0xdeadbeee")], "stdout, line 1"),
    "a key": ([printed('{"key": "a0123456789"}')], [printed('{"key": "a0123456780"}')], "stdout, line 1"),
    "a table": ([display(html="<td>1</td>")], [display(html="<td>2</td>")], "output 1, text/html, line 1"),
    "pixels": ([display(png=picture(9))], [display(png=picture(10))], "output 1, image/png"),
    "an image less": ([display(png=picture(9))], [], "output 1"),
    "standard error": ([printed("a", "stderr")], [printed("b", "stderr")], "stderr, line 1"),
}


@pytest.mark.parametrize("name", ALIKE)
def test_what_cannot_be_the_same_in_two_processes_does_not_count(name: str) -> None:
    assert difference(*ALIKE[name]) is None


@pytest.mark.parametrize("name", DIFFERENT)
def test_everything_else_counts(name: str) -> None:
    notebook, pipeline, path = DIFFERENT[name]
    assert difference(notebook, pipeline) == path


def test_a_cell_that_runs_in_every_step_counts_once() -> None:
    first, second = executed([printed("a")]), executed([printed("b")])
    assert [piece.text for piece in shown_by_cell([first, second])[0]] == ["a"]


WARNING = "lib.py:3: FutureWarning: soon\nand more\n  call()\n"


def test_a_warning_that_python_shows_once_a_process_counts_once() -> None:
    notebook = shown_by_cell([executed([printed(WARNING, "stderr")], [])])
    pipeline = shown_by_cell([executed([printed(WARNING, "stderr")], [printed(WARNING, "stderr")])])
    assert notebook == pipeline


def test_a_warning_of_another_place_counts() -> None:
    other = WARNING.replace(":3:", ":4:")
    shown = shown_by_cell([executed([printed(WARNING, "stderr")], [printed(other, "stderr")])])
    assert [piece.text for piece in shown[1]] == [other]


def test_plotlys_own_code_for_the_browser_which_it_shows_once_a_process_counts_once() -> None:
    loader = {
        "output_type": "display_data",
        "data": {"text/html": "<script>window.PlotlyConfig = {};</script><script>(...)</script>\n"},
        "metadata": {},
    }
    notebook = shown_by_cell([executed([loader], [printed("a")])])
    pipeline = shown_by_cell([executed([loader], [loader, printed("a")])])
    assert notebook == pipeline


@pytest.mark.parametrize(
    ("notebook", "pipeline", "same"),
    [("1,024 bytes (3.5 %)", "512 bytes (12 %)", True), ("total    9", "total 1234", True), ("1 row", "1 rows", False)],
)
def test_outputs_may_differ_in_numbers_alone(notebook: str, pipeline: str, same: bool) -> None:
    sides = [shown_by_cell([executed([printed(text)])])[0] for text in (notebook, pipeline)]
    assert same_but_for_numbers(*sides) == same
