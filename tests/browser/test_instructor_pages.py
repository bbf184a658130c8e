"""The instructor's pages in a real browser: a book goes in, an assignment goes out, and what a student then sees."""

from __future__ import annotations

import secrets
from pathlib import Path

import pytest

from tutor.accounts import Accounts

from .conftest import Server, ask, finished, sync_api

pytestmark = pytest.mark.browser
PASSWORD = "a long enough password"


@pytest.fixture
def anna(browser: sync_api.Browser, server: Server, home: Path):  # type: ignore[no-untyped-def]
    """The page of an instructor who has logged in by the form."""
    name = f"anna-{secrets.token_hex(3)}"
    Accounts(home).add_user(name, PASSWORD)
    context = browser.new_context(viewport={"width": 1100, "height": 860})
    page = context.new_page()
    page.goto(f"{server.url}instructor")
    page.get_by_label("Name").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.keyboard.press("Enter")
    sync_api.expect(page.get_by_role("heading", name="Courses")).to_be_visible()
    yield page
    context.close()
    Accounts(home).remove_user(name)


def test_a_book_goes_in_with_its_dry_run_and_is_taken_out_again(anna: sync_api.Page, tmp_path: Path) -> None:
    book = tmp_path / "glaciers.md"
    book.write_text("# Glaciers\n\nA glacier is a body of ice that moves under its own weight, and it carves valleys.\n")
    anna.get_by_role("link", name="zoology").click()
    anna.get_by_label("Upload books").set_input_files(book)
    anna.get_by_role("button", name="Upload and show what would change").click()
    sync_api.expect(anna.get_by_text("What ingesting would change")).to_be_visible(timeout=60_000)
    anna.get_by_role("button", name="Ingest and go live").click()
    sync_api.expect(anna.get_by_text("The ingest is over")).to_be_visible(timeout=60_000)
    row = anna.get_by_role("row").filter(has_text="glaciers.md").last
    row.get_by_text("Remove").click()
    anna.get_by_role("button", name="Take glaciers.md out").click()
    sync_api.expect(anna.get_by_text("The removal is over")).to_be_visible(timeout=60_000)
    sync_api.expect(anna.get_by_role("button", name="Answer from this one").first).to_be_visible()


def test_an_assignment_turns_an_answer_into_hints_until_it_is_removed(anna: sync_api.Page, page: sync_api.Page) -> None:
    anna.get_by_role("link", name="sample").click()
    form = anna.locator("form", has=anna.get_by_role("button", name="Hold the answers back"))
    form.get_by_label("Name").fill("Sheet 9")
    form.get_by_label("Exercises").fill("1. What is the birthday problem, and how many people does it need?")
    form.get_by_role("button").click()
    sync_api.expect(anna.get_by_role("status").filter(has_text="Sheet 9")).to_be_visible()
    try:
        ask(page, "what is the birthday problem?")
        hint = finished(page)
        sync_api.expect(hint).to_contain_text("This belongs to “Sheet 9”")
        sync_api.expect(page.locator("#passages .ct-text").first).to_contain_text("not shown while hints are given")
        ask(page, "more help")
        sync_api.expect(finished(page, 2)).to_contain_text("the most help that is given")
    finally:
        anna.get_by_role("row").filter(has_text="Sheet 9").get_by_role("button", name="Remove").click()
    ask(page, "what is the birthday problem?")
    sync_api.expect(finished(page, 3)).not_to_contain_text("Sheet 9")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1100, 390])
def test_no_page_has_a_serious_fault_for_who_does_not_see_or_point(anna: sync_api.Page, scheme: str, width: int) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    anna.emulate_media(color_scheme=scheme)
    anna.set_viewport_size({"width": width, "height": 860})
    base = anna.url
    for path in ("", "/login", "/c/sample", "/c/sample/insight", "/c/sample/review"):
        anna.goto(f"{base}{path}")
        found = axe.Axe().run(anna).response["violations"]
        assert [fault["id"] for fault in found if fault["impact"] in ("serious", "critical")] == [], path
        assert anna.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
