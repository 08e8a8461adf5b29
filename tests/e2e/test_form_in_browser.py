"""The verification form as a person meets it: in the Prefect UI, in a real browser."""

import os
import shutil
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from playwright.sync_api import Locator, Page, expect, sync_playwright

from dz.tasklib.jobs import jobs
from dz.tasklib.jobs.jobs import JobView
from dz.tasklib.launches import launches
from dz.zoomdb import Zoomdb
from tests.e2e.conftest import ROOT, Stack
from tests.e2e.launching import begin, job_of, served, until

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
SHOP = ROOT / "tests" / "projects" / "src_layout"
PATIENCE = 60_000
"""Milliseconds that the UI has for each step."""

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="there is no browser: `apt-get install chromium` as root (`bin/dz test` does it as root)"
)


@pytest.fixture
def page(stack: Stack) -> Iterator[Page]:
    """A browser that has signed in to the Prefect UI."""
    options = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=options)
        page = browser.new_page(viewport={"width": 900, "height": 900})
        page.set_default_timeout(PATIENCE)
        expect.set_options(timeout=PATIENCE)
        page.goto(stack.settings["prefect_ui_url"])
        page.locator("input").fill(stack.settings["prefect_auth_string"])
        page.keyboard.press("Enter")
        expect(page.locator("input[type=password]")).to_have_count(0)
        yield page
        browser.close()


def _form(page: Page, stack: Stack, run: str) -> Locator:
    """Open the form of a run that waits, as a person does."""
    page.goto(f"{stack.settings['prefect_ui_url']}/runs/flow-run/{run}")
    page.get_by_role("button", name="Resume").click()
    form = page.locator(".p-modal__card")
    expect(form.get_by_text("Settings module")).to_be_visible()
    return form


def _part(form: Locator, title: str) -> Locator:
    """A field with its title and what is said of it."""
    return form.locator(".schema-form-property", has=form.page.locator(".schema-form-property__label", has_text=title))


def _field(form: Locator, title: str) -> Locator:
    return _part(form, title).locator("textarea, input[type=number]").first


def test_a_person_corrects_the_prefilled_form_and_the_site_goes_live(stack: Stack, page: Page, tmp_path: Path) -> None:
    run = begin(stack, url=served(stack, SHOP), project="browsed")
    until(stack, run, "Suspended", form=1)

    form = _form(page, stack, run)
    expect(_field(form, "Project name")).to_have_value("browsed")
    expect(_field(form, "Settings module")).to_have_value("shop.settings.production")
    expect(_part(form, "Settings module")).to_contain_text("Read from ")
    # What must be seen stands at the first field: the text above the form has no height in this UI.
    expect(_part(form, "Project name").get_by_text("dz variables browsed --ask PAYMENT_KEY")).to_be_visible()
    form.screenshot(path=tmp_path / "launch-form.png")
    _field(form, "Settings module").fill("shop.settings.gone")
    _field(form, "Processes of each instance").fill("3")
    _field(form, "Project name").fill("Bad Name")
    form.get_by_role("button", name="Submit").click()

    # Refused by the flow: the form is there again, with what is wrong and with what was typed.
    until(stack, run, "Suspended", form=2)
    form = _form(page, stack, run)
    expect(_part(form, "Project name").get_by_text("PAYMENT_KEY is a secret that nobody has set")).to_be_visible()
    for title in ("Project name", "Settings module"):
        expect(_part(form, title).get_by_text("there is no module 'shop.settings.gone'")).to_be_visible()
    expect(_field(form, "Settings module")).to_have_value("shop.settings.gone")
    expect(_field(form, "Processes of each instance")).to_have_value("3")
    expect(_part(form, "Project name").get_by_text("'Bad Name' cannot be the name of a project")).to_be_visible()
    _field(form, "Project name").fill("browsed")
    form.screenshot(path=tmp_path / "launch-form-refused.png")
    assert stack.run("variables", "browsed", "--set", "PAYMENT_KEY=only-here").returncode == 0

    _field(form, "Settings module").fill("shop.settings.production")
    form.get_by_role("button", name="Submit").click()

    until(stack, run, "Completed")
    zoomdb = stack.zoomdb
    view = jobs.get(zoomdb, job_of(stack, run))
    zoomdb.close()
    assert view
    assert httpx.get(view.result["url"], trust_env=False, timeout=20).status_code == 200
    assert "processes = 3" in stack.run("config", "browsed").stdout


def test_a_finished_check_leads_on_to_the_form_and_nothing_is_checked_again(stack: Stack, page: Page) -> None:
    url = served(stack, SHOP)
    check = stack.json("check", url)
    artifact = max(
        (
            one
            for one in stack.all("artifacts")
            if (one["key"] or "").endswith("-guesses") and str(check["job"]) in one["data"]
        ),
        key=lambda one: str(one["created"]),
    )
    page.set_viewport_size({"width": 1280, "height": 800})
    page.goto(f"{stack.settings['prefect_ui_url']}/artifacts/artifact/{artifact['id']}")
    # Proof and place of each guess are within the page, however long its value is.
    for words in ("src/shop/wsgi.py:5", "proved"):
        box = page.get_by_role("cell", name=words, exact=True).first.bounding_box()
        assert box
        assert box["x"] + box["width"] <= 1280 - 280  # beside it is what Prefect says of the artifact
    link = page.get_by_role("link", name="Go on to the form that holds these guesses")
    assert link.get_attribute("href") == check["form_url"]
    link.click()
    page.goto(check["form_url"])  # the link opens a tab of its own
    expect(page.locator("textarea").nth(1)).to_have_value(url)
    page.get_by_role("button", name="Submit").click()
    expect(page.get_by_text("scheduled to start").first).to_be_visible()

    zoomdb = stack.zoomdb
    launch = _newest_launch(zoomdb, after=check["job"])
    until(stack, str(launch.flow_run_id), "Suspended", form=1)
    assert launches.get(zoomdb, launch.id).check == check["job"]
    assert [job.kind for job in jobs.newest(zoomdb, limit=50) if job.id > check["job"]] == ["launch"]
    zoomdb.close()
    form = _form(page, stack, str(launch.flow_run_id))
    expect(_field(form, "Settings module")).to_have_value("shop.settings.production")


def _newest_launch(zoomdb: Zoomdb, *, after: int) -> JobView:
    """Wait for the launch that a person has just started."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        for job in jobs.newest(zoomdb, limit=5):
            if job.kind == "launch" and job.id > after and job.flow_run_id:
                return job
        time.sleep(0.5)
    raise AssertionError("no launch has begun")
