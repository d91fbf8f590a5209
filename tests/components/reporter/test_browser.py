"""The page in a browser: axe-core's rules, no error on the console, no overflow, tables that sort."""

import json
import pathlib
import shutil

import axe_playwright_python
import pytest
from playwright.sync_api import Page, sync_playwright

pytestmark = pytest.mark.needs("chromium")

AXE = pathlib.Path(axe_playwright_python.__file__).parent / "axe.min.js"


@pytest.fixture(scope="module")
def browser():
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def open_page(browser):
    """Opens a file in a window of a width, in light or in dark; what the console shows is kept in `page.errors`."""

    def open_file(path: pathlib.Path, width: int, scheme: str = "light") -> Page:
        page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        page.errors = []
        page.on("console", lambda message: page.errors.append(message.text) if message.type == "error" else None)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("request", lambda r: page.errors.append(r.url) if not r.url.startswith(("file:", "data:")) else None)
        page.goto(path.as_uri())
        return page

    return open_file


@pytest.fixture(scope="module")
def comparison(demo_root, tmp_path_factory, run):
    path = tmp_path_factory.mktemp("compared") / "comparison.html"
    run("ser_tinyml", "compare", demo_root, demo_root, f"--html={path}")
    return path


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("which", ["report", "comparison"])
def test_axe_finds_nothing_and_nothing_overflows(demo_root, comparison, open_page, which, width, scheme):
    page = open_page(comparison if which == "comparison" else demo_root / "report/index.html", width, scheme)
    page.evaluate("for (const each of document.querySelectorAll('details')) each.open = true")
    page.evaluate(AXE.read_text())
    violations = page.evaluate("axe.run().then(found => found.violations)")
    told = [f"{each['id']}: {each['nodes'][0]['html'][:200]}" for each in violations]
    assert not told, json.dumps(told, indent=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.errors == []


def test_tables_sort_by_any_column(demo_root, open_page):
    page = open_page(demo_root / "report/index.html", 1280)
    table = page.locator("table.sortable").first
    head = table.locator("thead th").nth(1)

    def read_bytes() -> list[int]:
        texts = table.locator("tbody tr td:nth-child(2)").all_text_contents()
        return [int(text.replace(",", "")) for text in texts]

    before = sorted(read_bytes())
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "ascending" and read_bytes() == before
    head.locator("button").press("Enter")
    assert head.get_attribute("aria-sort") == "descending" and read_bytes() == before[::-1]
