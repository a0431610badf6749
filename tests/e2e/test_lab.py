"""The main job in JupyterLab: tag cells, press Run, watch, look at what came out."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Page, expect

from .accessibility import violations
from .lab import LabServer
from .pages import SLOW, NotebookPage, RunPage, waits_for, write_notebook

pytestmark = pytest.mark.browser


def test_three_cells_are_tagged_run_watched_and_still_there_after_a_reload(lab: LabServer, page: Page) -> None:
    plot = "import matplotlib.pyplot as plt\nplt.plot([1, 2, 3])\nplt.show()"
    write_notebook(
        lab.work / "tagged.ipynb",
        [
            "import pandas as pd\ntable = pd.DataFrame({'city': ['Oslo', 'Rome'], 'rain': [763, 799]})\ntable",
            f"{waits_for('go')}\ntotal = int(table['rain'].sum())\nprint('the total is', total)",
            f"print('seen:', total)\n{plot}",
        ],
    )
    notebook = NotebookPage(page, lab, "tagged.ipynb")
    notebook.open_panel()
    for cell, step in enumerate(["load", "sum_up", "report"]):
        notebook.tag(cell, step)

    expect(notebook.node("report")).to_be_visible()
    edges = page.locator("#labline-pipeline [data-labline-edge]")
    expect(edges.filter(has_text="table")).to_have_count(1)
    expect(edges.filter(has_text="total")).to_have_count(1)
    assert [cell["metadata"]["tags"] for cell in notebook.save()["cells"]] == [
        ["step:load"],
        ["step:sum_up"],
        ["step:report"],
    ]

    notebook.run()
    notebook.expect_state("load", "succeeded")
    notebook.expect_state("sum_up", "running")
    notebook.expect_state("report", "pending")
    run = notebook.open_run()
    run.choose("sum_up", "log")
    expect(run.view.locator("[data-labline-log='sum_up']")).to_contain_text("waiting")
    (lab.work / "go").touch()
    expect(run.view.locator("[data-labline-log='sum_up']")).to_contain_text("the total is 1562", timeout=SLOW)
    run.expect_state("succeeded")

    run.choose("load", "cells")
    expect(run.view.locator("[data-labline-cells='load'] table")).to_contain_text("Oslo")
    run.choose("report", "cells")
    expect(run.view.locator("[data-labline-cells='report'] img")).to_be_visible()
    run.choose("load", "values")
    value = run.view.locator("[data-labline-value='table']")
    expect(value).to_contain_text("DataFrame")
    expect(value).to_contain_text("2 × 2")
    expect(value).to_contain_text("Rome")

    page.goto(f"{lab.url}lab/tree/tagged.ipynb?token={lab.token}")
    notebook.wait()
    notebook.open_panel()
    notebook.expect_state("report", "succeeded")
    page.locator("[data-labline-action=all-runs]").click()
    expect(
        page.locator("[data-labline-run][data-labline-state=succeeded]", has_text="tagged.ipynb").first
    ).to_be_visible()


@pytest.mark.long
def test_a_failing_cell_shows_its_traceback_on_the_cell(lab: LabServer, page: Page) -> None:
    write_notebook(
        lab.work / "failing.ipynb",
        [("rows = [1, 2]", ["step:load"]), ("ratio = 1 / (len(rows) - 2)", ["step:divide"]), ("ratio", ["step:use"])],
    )
    notebook = NotebookPage(page, lab, "failing.ipynb")
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("divide", "failed")
    notebook.expect_state("use", "skipped")

    fault = page.locator(".jp-CodeCell").nth(1).locator("[data-labline-cell-error='divide']")
    expect(fault).to_contain_text("ZeroDivisionError")
    expect(fault).to_contain_text("ratio = 1 / (len(rows) - 2)")
    expect(page.locator("[data-labline-cell-error]")).to_have_count(1)

    run = notebook.open_run()
    run.expect_state("failed")
    expect(run.view.get_by_role("alert").first).to_contain_text("divide")


def test_cancel_ends_the_run_and_its_step(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "endless.ipynb", [(waits_for("never"), ["step:wait"]), ("done = 1", ["step:after"])])
    notebook = NotebookPage(page, lab, "endless.ipynb")
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("wait", "running")
    page.locator("#labline-pipeline [data-labline-action=cancel]").click()
    notebook.expect_state("wait", "cancelled")
    expect(page.locator("#labline-pipeline [data-labline-action=run]")).to_be_enabled()


@pytest.mark.long
def test_the_notebook_runs_as_it_stands_in_the_editor_unsaved(lab: LabServer, page: Page) -> None:
    path = write_notebook(lab.work / "unsaved.ipynb", [("answer = 'from the disk'\nprint(answer)", ["step:say"])])
    notebook = NotebookPage(page, lab, "unsaved.ipynb")
    notebook.open_panel()
    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("print('from the editor')")
    notebook.run()
    notebook.expect_state("say", "succeeded")
    run = notebook.open_run()
    run.choose("say", "log")
    expect(run.view.locator("[data-labline-log='say']")).to_contain_text("from the editor")
    assert "from the disk" in path.read_text()


def test_a_syntax_error_is_a_finding_and_run_says_why_it_cannot(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "typo.ipynb", [("x = 1", ["step:fine"]), ("y = = 2", ["step:wrong"])])
    notebook = NotebookPage(page, lab, "typo.ipynb")
    page.locator("[data-labline-action=show-pipeline]").click()
    finding = page.locator("#labline-pipeline [data-labline-finding][data-labline-severity=error]")
    expect(finding).to_contain_text("cell 2", ignore_case=True)
    expect(page.locator("[data-labline-action=run]")).to_be_disabled()
    notebook.page.locator(".jp-CodeCell .cm-content").nth(1).click()
    page.keyboard.press("Control+a")
    page.keyboard.type("y = 2")
    expect(page.locator("[data-labline-action=run]")).to_be_enabled()


@pytest.mark.long
def test_a_parameter_is_changed_for_one_run(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "knob.ipynb", [("size = 2", ["parameters"]), ("print('size is', size)", ["step:show"])])
    notebook = NotebookPage(page, lab, "knob.ipynb")
    notebook.open_panel()
    page.locator("[data-labline-parameter='size']").fill("11")
    notebook.run()
    notebook.expect_state("show", "succeeded")
    run = notebook.open_run()
    expect(run.view.locator("[data-labline-facts=parameters] [data-labline-fact=size]")).to_contain_text("11")
    run.choose("show", "log")
    expect(run.view.locator("[data-labline-log='show']")).to_contain_text("size is 11")


def test_a_cell_is_tagged_with_the_keyboard_alone(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "keys.ipynb", ["first = 1", "second = 2"])
    notebook = NotebookPage(page, lab, "keys.ipynb")
    page.locator(".jp-CodeCell").first.locator(".jp-InputPrompt").click()
    page.keyboard.press("Alt+Shift+KeyS")
    page.keyboard.type("begin")
    page.keyboard.press("Enter")
    expect(notebook.chip(0)).to_contain_text("begin")


@pytest.mark.long
def test_a_name_that_is_no_identifier_is_refused_at_once(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "names.ipynb", ["x = 1"])
    notebook = NotebookPage(page, lab, "names.ipynb")
    notebook.chip(0).get_by_role("button").click()
    page.keyboard.type("class")
    page.keyboard.press("Enter")
    expect(page.locator("[data-labline-step-input]")).to_have_attribute("aria-invalid", "true")
    page.keyboard.press("Escape")
    expect(notebook.chip(0)).not_to_contain_text("class")


@pytest.mark.long
def test_past_runs_are_listed_after_a_restart_of_the_server(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "lasting.ipynb", [("kept = 1\nprint('kept')", ["step:keep"])])
    notebook = NotebookPage(page, lab, "lasting.ipynb")
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("keep", "succeeded")
    lab.stop()
    lab.start()

    notebook = NotebookPage(page, lab, "lasting.ipynb")
    notebook.open_panel()
    page.locator("[data-labline-action=all-runs]").click()
    row = page.locator("tr[data-labline-run], [role=row][data-labline-run]").filter(has_text="lasting.ipynb").first
    row.click()
    run = RunPage(page)
    run.expect_state("succeeded")
    run.choose("keep", "log")
    expect(run.view.locator("[data-labline-log='keep']")).to_contain_text("kept")


@pytest.mark.long
def test_mlflow_is_one_click_away_behind_the_servers_login(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "tracked.ipynb", [("depth = 7", ["parameters"]), ("x = depth", ["step:only"])])
    notebook = NotebookPage(page, lab, "tracked.ipynb")
    notebook.open_panel()
    notebook.run()
    notebook.expect_state("only", "succeeded")
    run = notebook.open_run()
    with page.expect_popup() as opened:
        run.view.get_by_role("link", name="MLflow").click()
    mlflow = opened.value
    expect(mlflow.get_by_text("labline.run").first).to_be_visible(timeout=2 * SLOW)
    stranger = page.context.browser.new_context()
    answer = stranger.request.get(f"{lab.url}labline/mlflow/", max_redirects=0)
    stranger.close()
    assert answer.status in (302, 403)


@pytest.mark.long
def test_the_main_job_works_in_notebook_7(lab: LabServer, lone_page: Page) -> None:
    write_notebook(lab.work / "seven.ipynb", ["a = 6", "b = a * 7\nprint('b is', b)"])
    notebook = NotebookPage(lone_page, lab, "seven.ipynb", notebook7=True)
    notebook.open_panel()
    notebook.tag(0, "make")
    notebook.tag(1, "multiply")
    notebook.run()
    notebook.expect_state("multiply", "succeeded")
    run = notebook.open_run()
    run.choose("multiply", "log")
    expect(run.view.locator("[data-labline-log='multiply']")).to_contain_text("b is 42")


@pytest.mark.long
def test_a_fix_is_one_click_and_undone_with_another(lab: LabServer, page: Page) -> None:
    write_notebook(
        lab.work / "fixable.ipynb", [("x = 1", ["mine", "step:load"]), ("y = x", ["step:use", "prev:laod", "kept"])]
    )
    notebook = NotebookPage(page, lab, "fixable.ipynb")
    page.locator("[data-labline-action=show-pipeline]").click()
    on_cell = page.locator(".jp-CodeCell").nth(1).locator("[data-labline-finding=LL104]")
    expect(on_cell).to_contain_text("prev:laod")
    on_cell.get_by_role("button", name="Write prev:load").click()
    expect(page.locator("[data-labline-action=run]")).to_be_enabled()
    expect(page.locator("[data-labline-finding]")).to_have_count(0)
    assert notebook.save()["cells"][1]["metadata"]["tags"] == ["step:use", "prev:load", "kept"]

    page.locator("#labline-pipeline [data-labline-action=undo]").click()
    page.locator("#labline-pipeline [data-labline-action=fix]").click()
    expect(page.locator("[data-labline-finding]")).to_have_count(0)
    expect(page.locator("[data-labline-action=run]")).to_be_enabled()


@pytest.mark.long
def test_suggested_steps_are_accepted_and_undone(lab: LabServer, page: Page) -> None:
    path = write_notebook(lab.work / "untagged.ipynb", ["import json", "rows = [1, 2]", "print(json.dumps(rows))"])
    document = json.loads(path.read_text())
    for place, title in ((1, "## Load the rows"), (3, "## Report")):
        document["cells"].insert(place, {"cell_type": "markdown", "id": f"h{place}", "metadata": {}, "source": title})
    path.write_text(json.dumps(document))
    notebook = NotebookPage(page, lab, "untagged.ipynb")
    page.locator("[data-labline-action=show-pipeline]").click()
    page.locator("[data-labline-action=suggest]").click()
    expect(page.locator("[data-labline-suggestion='2']")).to_contain_text("handed from step to step: rows")
    expect(notebook.node("load_rows")).to_be_visible()
    expect(notebook.chip(1)).not_to_contain_text("load_rows")
    assert violations(page, ".labline-Suggestion") == []
    page.locator("[data-labline-action=accept]").click()
    expect(notebook.chip(1)).to_contain_text("load_rows")
    expect(notebook.chip(2)).to_contain_text("report")
    tags = [cell["metadata"].get("tags") for cell in notebook.save()["cells"]]
    assert tags == [["imports"], None, ["step:load_rows"], None, ["step:report"]]
    page.locator("#labline-pipeline [data-labline-action=undo]").click()
    expect(page.locator("[data-labline-action=suggest]")).to_be_visible()


@pytest.mark.long
def test_the_panel_foresees_a_run_its_repetition_and_an_edited_one(lab: LabServer, page: Page) -> None:
    cells = [
        ("rows = [4, 5]", ["step:load"]),
        ("print(sum(rows))", ["step:sum_up"]),
        ("print('on its own')", ["step:other"]),
    ]
    write_notebook(lab.work / "foreseen.ipynb", cells)
    notebook = NotebookPage(page, lab, "foreseen.ipynb")
    notebook.open_panel()
    notebook.expect_foreseen("All 3 steps will run", load="runs", sum_up="runs", other="runs")
    notebook.run()
    notebook.expect_foreseen("Nothing to run: all 3 steps are cached", load="cached", sum_up="cached", other="cached")

    page.locator(".jp-CodeCell .cm-content").first.click()
    page.keyboard.press("Control+a")
    page.keyboard.type("rows = [4, 6]")
    notebook.expect_foreseen("1 of 3 steps will run, 1 more may", load="runs", sum_up="depends", other="cached")
    notebook.node("load").click()
    expect(page.locator("#labline-pipeline .labline-Graph-note")).to_contain_text("changed: code of cell 1")


@pytest.mark.long
def test_a_part_is_run_with_the_keyboard_alone(lab: LabServer, page: Page) -> None:
    write_notebook(
        lab.work / "part.ipynb",
        [("rows = [1, 2]", ["step:load"]), ("total = sum(rows)", ["step:sum_up"]), ("print(total)", ["step:report"])],
    )
    notebook = NotebookPage(page, lab, "part.ipynb")
    notebook.open_panel()
    notebook.node("sum_up").focus()
    page.keyboard.press("Enter")
    expect(notebook.node("sum_up")).to_have_attribute("aria-pressed", "true")
    page.locator("[data-labline-action=run]").focus()
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator(".labline-RunMenu .lm-mod-active")).to_have_text("Run to sum_up")
    page.keyboard.press("Enter")
    notebook.expect_state("sum_up", "succeeded")
    notebook.expect_state("report", "skipped")


@pytest.mark.long
def test_what_a_step_asks_of_a_cluster_is_in_its_form(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "cluster.ipynb", [("rows = [1, 2]", ["step:load", "node-selector:disk:slow"])])
    notebook = NotebookPage(page, lab, "cluster.ipynb")
    page.locator(".jp-CodeCell").first.locator(".jp-InputPrompt").click()
    page.keyboard.press("Alt+Shift+KeyO")
    nodes = page.locator("[data-labline-option=nodes]")
    expect(nodes).to_have_value("disk:slow")
    nodes.fill("disk")
    expect(page.locator("[data-labline-fault=nodes]")).to_be_visible()
    nodes.fill("disk:fast")
    page.locator("[data-labline-option=tolerations]").fill("gpu:NoSchedule")
    page.locator("[data-labline-option=labels]").fill("team:birds")
    page.locator("[data-labline-option=annotations]").fill('note:"for Ada, by night"')
    page.keyboard.press("Enter")
    expect(page.locator(".jp-Dialog")).to_have_count(0)
    saved = notebook.save()
    tags = ["step:load", "node-selector:disk:fast", "label:team:birds", "annotation:note:for Ada, by night"]
    assert saved["cells"][0]["metadata"]["tags"] == tags
    (toleration,) = saved["metadata"]["labline"]["steps"]["load"]["tolerations"]
    assert toleration == {"key": "gpu", "operator": "Exists", "effect": "NoSchedule"}


@pytest.mark.long
def test_the_options_of_a_step_are_set_with_the_keyboard_alone(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "options.ipynb", [("rows = [1, 2]", ["step:load"]), ("print(rows)", ["step:show"])])
    notebook = NotebookPage(page, lab, "options.ipynb")
    page.locator(".jp-CodeCell").nth(1).locator(".jp-InputPrompt").click()
    page.keyboard.press("Alt+Shift+KeyO")
    expect(page.locator("[data-labline-option=retries]")).to_be_focused()
    page.keyboard.type("many")
    page.keyboard.press("Enter")
    expect(page.locator("[data-labline-option=retries]")).to_be_focused()
    expect(page.locator("[data-labline-fault=retries]")).to_be_visible()
    page.keyboard.press("Control+a")
    page.keyboard.type("2")
    page.keyboard.press("Enter")
    expect(page.locator(".jp-CodeCell").nth(1)).to_be_focused()
    page.keyboard.press("Alt+Shift+KeyP")
    notebook.node("show").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-labline-options=show]")).to_contain_text("2\u00a0retries")
    page.keyboard.press("ArrowUp")
    expect(notebook.node("load")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator(".jp-CodeCell").nth(1)).to_be_focused()
    assert notebook.save()["metadata"]["labline"] == {"steps": {"show": {"retries": 2}}}


@pytest.mark.long
def test_a_key_that_mends_leaves_the_focus_where_it_can_go_on(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "focus.ipynb", [("x = 1", ["step:load"]), ("y = x", ["step:use", "prev:laod"])])
    NotebookPage(page, lab, "focus.ipynb")
    page.locator("[data-labline-action=show-pipeline]").click()
    page.locator("#labline-pipeline [data-labline-action=fix]").focus()
    page.keyboard.press("Enter")
    expect(page.locator("[data-labline-finding]")).to_have_count(0)
    expect(page.locator("#labline-pipeline .labline-Panel-body")).to_be_focused()


@pytest.mark.long
def test_runs_are_compared_with_the_keyboard_alone(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "twice.ipynb", [("size = 2", ["parameters"]), ("print('twice', size)", ["step:show"])])
    notebook = NotebookPage(page, lab, "twice.ipynb")
    notebook.open_panel()
    runs = []
    for size in ("11", "12"):
        page.locator("[data-labline-parameter='size']").fill(size)
        notebook.run()
        last = page.locator(
            f".labline-LastRun[data-labline-state=succeeded]:not([data-labline-run='{(runs or [''])[0]}'])"
        )
        expect(last).to_be_visible(timeout=SLOW)
        runs.append(last.get_attribute("data-labline-run"))
    page.locator("[data-labline-action=all-runs]").click()
    page.locator(f"tr[data-labline-run='{runs[1]}']").focus()
    page.keyboard.press("Space")
    page.locator(f"tr[data-labline-run='{runs[0]}']").focus()
    page.keyboard.press("Space")
    page.locator("[data-labline-action=compare]").focus()
    page.keyboard.press("Enter")
    row = page.locator(f"[data-labline-compare='{runs[1]} {runs[0]}'] [data-labline-row=size][data-labline-differs]")
    expect(row.get_by_role("cell")).to_have_text(["12", "11"])
    assert violations(page, ".labline-Runs") == []
    page.keyboard.press("Escape")
    expect(page.locator(f"tr[data-labline-run='{runs[0]}']")).to_be_visible()
