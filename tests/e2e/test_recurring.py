"""Recurring runs made, paused and removed from the Lab, here and on a cluster; past runs that go on or run again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest
from playwright.sync_api import Locator, Page, expect

from labline_backend.home import Home
from labline_backend.store.runs import RunStore
from tests.backend.kubeflow.emulator import Emulator

from .lab import LabServer
from .overflow import sticking_out
from .pages import SLOW, NotebookPage, RunPage, write_notebook
from .test_target import prod

__all__ = ["prod"]

pytestmark = [pytest.mark.browser, pytest.mark.long]


@pytest.fixture(autouse=True)
def nothing_stays(lab: LabServer) -> Iterator[None]:
    """Recurring runs go with their test, also where it fails: others use the server, too."""
    yield
    with closing(RunStore(Home.open(lab.home))) as store:
        for each in store.schedules.all():
            store.schedules.remove(each.id)


def option(page: Page, name: str) -> Locator:
    """A field of the dialog."""
    return page.locator(f".jp-Dialog [data-labline-option='{name}']")


def accept(page: Page) -> None:
    page.locator(".jp-Dialog .jp-mod-accept").click()


def ask_for_schedule(page: Page) -> None:
    """Open the dialog from the menu beside Run, by the keyboard."""
    menu = page.locator("[data-labline-action=run-menu]")
    expect(menu).to_be_enabled(timeout=SLOW)
    menu.focus()
    page.keyboard.press("ArrowDown")
    page.locator(".lm-Menu-item[data-command='labline:run-on-schedule']").wait_for()
    page.keyboard.press("ArrowUp")  # to the last
    page.keyboard.press("Enter")
    expect(page.locator(".jp-Dialog .labline-Foreseen-reading")).to_be_visible(timeout=SLOW)


def test_a_schedule_is_read_out_while_it_is_chosen_and_then_kept(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "nightly.ipynb", [("n = 1", ["parameters"]), ("print(n)", ["step:one"])])
    notebook = NotebookPage(page, lab, "nightly.ipynb")
    notebook.open_panel()
    ask_for_schedule(page)
    foreseen = page.locator(".jp-Dialog .labline-Foreseen")
    expect(foreseen).to_contain_text("Every day at 03:00")
    expect(foreseen.locator("li")).to_have_count(3)
    option(page, "repeat").select_option("cron")
    option(page, "cron").fill("61 * * * *")
    expect(foreseen).to_contain_text("the minute is from 0 to 59, not 61")
    option(page, "cron").fill("30 3 * * 1-5")
    expect(foreseen).to_contain_text("Monday to Friday at 03:30")
    option(page, "zone").fill("Asia/Kolkata")
    page.locator(".jp-Dialog [data-labline-parameter=n]").fill("7")
    accept(page)
    page.get_by_role("button", name="Show").click()
    row = page.locator("[data-labline-recurring=nightly]")
    for told in ("Monday to Friday at 03:30", "Asia/Kolkata", "n = 7", "nightly.ipynb"):
        expect(row).to_contain_text(told)
    row.get_by_role("button", name="Edit nightly").click()
    expect(option(page, "time")).to_have_value("03:30")
    expect(option(page, "zone")).to_have_value("Asia/Kolkata")
    expect(option(page, "cache")).to_have_count(0)
    option(page, "at-most").fill("99")
    accept(page)  # which is refused
    expect(page.locator(".jp-Dialog [data-labline-fault=at-most]")).to_be_visible()
    option(page, "at-most").fill("2")
    option(page, "time").fill("04:15")
    page.locator(".jp-Dialog [data-labline-parameter=n]").fill("8")
    accept(page)
    expect(row).to_contain_text("Monday to Friday at 04:15")
    expect(row).to_contain_text("n = 8")
    row.get_by_role("button", name="Pause nightly").click()
    expect(row).to_contain_text("paused")
    row.get_by_role("button", name="Resume nightly").click()
    expect(row.get_by_role("button", name="Pause nightly")).to_be_visible()
    row.get_by_role("button", name="Remove nightly").click()
    page.locator(".jp-Dialog .jp-mod-warn").click()
    expect(page.locator(".labline-Runs")).to_contain_text("No recurring runs")


def test_long_names_in_the_list_keep_to_its_place_beside_the_panel(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "narrow.ipynb", [("print('it ran')", ["step:one"])])
    notebook = NotebookPage(page, lab, "narrow.ipynb")
    notebook.open_panel()
    ask_for_schedule(page)
    name = "the_forecast_of_the_delays_of_domestic_flights_every_night_before_four"
    option(page, "name").fill(name)
    option(page, "zone").fill("America/Argentina/ComodRivadavia")
    accept(page)
    page.get_by_role("button", name="Show").click()
    expect(page.locator(f"[data-labline-recurring={name}]")).to_be_visible(timeout=SLOW)
    assert sticking_out(page, "#labline-runs-view") == []


def test_a_schedule_begins_runs_that_say_so(lab: LabServer, page: Page) -> None:
    write_notebook(lab.work / "often.ipynb", [("print('it ran')", ["step:one"])])
    notebook = NotebookPage(page, lab, "often.ipynb")
    notebook.open_panel()
    ask_for_schedule(page)
    option(page, "repeat").select_option("cron")
    option(page, "cron").fill("* * * * * *")
    expect(page.locator(".jp-Dialog .labline-Foreseen")).to_contain_text("Every second")
    accept(page)
    page.get_by_role("button", name="Show").click()
    row = page.locator("[data-labline-recurring=often]")
    row.locator("[data-labline-action=open-run]").click(timeout=SLOW)
    run = RunPage(page)
    expect(run.view.locator(".labline-Run-head dl")).to_contain_text("Begun byoften")
    page.locator(".labline-Run [data-labline-action=back]").click()
    page.locator("[data-labline-action=show-recurring]").click()
    row.get_by_role("button", name="Remove often").click()
    page.locator(".jp-Dialog .jp-mod-warn").click()
    expect(row).to_have_count(0)


def test_a_past_run_is_run_again_with_another_parameter(lab: LabServer, page: Page) -> None:
    cells = [("n = 1\nlabel = 'x'", ["parameters"]), ("print(label, n)", ["step:one"])]
    write_notebook(lab.work / "again.ipynb", cells)
    notebook = NotebookPage(page, lab, "again.ipynb")
    notebook.open_panel()
    page.locator("#labline-pipeline [data-labline-parameter=n]").fill("5")
    notebook.run()
    notebook.expect_state("one", "succeeded")
    run = notebook.open_run()
    page.locator(".labline-Run [data-labline-action=run-again-with]").click()
    filled = page.locator(".jp-Dialog [data-labline-parameter]")
    expect(filled.nth(0)).to_have_value("5")
    expect(filled.nth(1)).to_have_value("x")
    filled.nth(1).fill("again")
    accept(page)
    expect(run.view.locator("[data-labline-fact=label]")).to_contain_text("again", timeout=SLOW)
    expect(run.view.locator("[data-labline-fact=n]")).to_contain_text("5")
    run.expect_state("succeeded")


def test_a_cluster_begins_its_own_and_a_failed_run_goes_on_there(lab: LabServer, page: Page, prod: Emulator) -> None:
    there = lab.work / "there"
    there.unlink(missing_ok=True)
    cells = [("n = 1", ["parameters"]), (f"print(n, open({str(there)!r}).read())", ["step:one"])]
    write_notebook(lab.work / "far-nightly.ipynb", cells)
    notebook = NotebookPage(page, lab, "far-nightly.ipynb")
    notebook.open_panel()
    page.locator("[data-labline-action=target]").select_option("prod")
    ask_for_schedule(page)
    expect(option(page, "target")).to_have_value("prod")
    expect(page.locator(".jp-Dialog .labline-Foreseen")).to_contain_text("By the clock of prod")
    accept(page)
    page.get_by_role("button", name="Show").click(timeout=SLOW)
    row = page.locator("[data-labline-recurring='far-nightly']")
    expect(row).to_contain_text("by the clock of prod")
    (made,) = prod.recurring.values()
    assert made["trigger"]["cron_schedule"]["cron"] == "0 0 3 * * *"
    row.get_by_role("button", name="Pause far-nightly").click()
    expect(row).to_contain_text("paused")
    assert made["mode"] == "DISABLE"
    row.get_by_role("button", name="Edit far-nightly").click()
    expect(page.locator(".jp-Dialog .labline-Form-note")).to_contain_text("prod gets a new one in its place")
    option(page, "time").fill("05:00")
    accept(page)
    expect(row).to_contain_text("Every day at 05:00")
    (anew,) = prod.recurring.values()
    assert (anew["mode"], anew["trigger"]["cron_schedule"]["cron"]) == ("DISABLE", "0 0 5 * * *")

    page.locator(".lm-TabBar-tab:has-text('far-nightly.ipynb')").first.click()
    notebook.run()
    notebook.expect_state("one", "failed")
    run = notebook.open_run()
    run.expect_state("failed")
    href = run.view.locator("[data-labline-action=target-page]").get_attribute("href")
    assert href == f"{prod.url}/#/runs/details/{next(iter(prod.runs))}"
    assert run.view.locator("[data-labline-action=step-page]").get_attribute("href") == href
    there.write_text("by now")
    run.view.locator("[data-labline-action=retry]").click()
    run.expect_state("succeeded")
