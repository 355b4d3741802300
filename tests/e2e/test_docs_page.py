"""The page at /docs in a real browser, where there is one (`apt install chromium`): it shows every
route, its examples run from it, and it asks nobody but the service for anything."""

import os
import shutil
from urllib.parse import urlsplit

import httpx
import pytest

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome")
BROWSER = next(filter(None, map(shutil.which, NAMES)), None)
HOST = "kamado.test"
"""Unlike localhost, a name that scripts take for one on the internet."""

pytestmark = pytest.mark.skipif(BROWSER is None, reason=f"none of {', '.join(NAMES)} is installed")


@pytest.fixture(scope="module")
def browser():
    options = [f"--host-resolver-rules=MAP {HOST} 127.0.0.1"]
    if os.geteuid() == 0:
        options.append("--no-sandbox")  # which root has none of
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=BROWSER, args=options)
        yield browser
        browser.close()


@pytest.fixture
def page(browser, server):
    """/docs, loaded; `page.asked` has the hosts that it asked, `page.faults` what it complained
    of."""
    page = browser.new_page()
    page.set_default_timeout(60_000)
    page.asked, page.faults = set(), []
    page.on("request", lambda request: page.asked.add(urlsplit(request.url).hostname))
    page.on("console", lambda told: told.type == "error" and page.faults.append(told.text))
    page.on("pageerror", lambda error: page.faults.append(str(error)))
    page.goto(f"http://{HOST}:{server.port}/docs")
    page.wait_for_selector(".opblock")
    yield page
    page.close()


def test_the_page_shows_every_route_and_asks_nobody_else(page, server):
    document = httpx.get(f"{server.url}/docs.json").json()
    operations = [method for methods in document["paths"].values() for method in methods]
    page.wait_for_load_state("networkidle")
    assert page.locator(".opblock").count() == len(operations)
    assert not page.faults
    assert page.asked == {HOST}


def test_an_example_runs_from_the_page_and_its_answer_is_described(page):
    block = page.locator("#operations-OpenAI-post_v1_chat_completions")
    block.locator(".opblock-summary-control").click()
    described = block.locator(".responses-table").first
    described.wait_for()
    for status in ("200", "400", "401", "404", "429", "503"):
        assert described.locator(f"tr[data-code='{status}']").count() == 1
    block.get_by_role("button", name="Try it out").click()
    block.get_by_role("button", name="Execute").click()
    answer = block.locator(".live-responses-table .response")
    answer.wait_for()
    assert answer.locator(".response-col_status").inner_text().startswith("200")
    assert "chat.completion" in answer.locator(".highlight-code").first.inner_text()
    assert page.asked == {HOST}
    assert not page.faults
