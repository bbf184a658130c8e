"""The chat for who does not see it, or does not use a mouse: axe-core, the keyboard, and what is read aloud."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from .conftest import ANSWER_MS, ask, finished, sync_api

axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
pytestmark = pytest.mark.browser
DIJKSTRA = "why does dijkstra fail with negative edges?"
FOCUSABLE = "button, a[href], input, textarea, summary, iframe, select, [tabindex='0']"


def faults(page: sync_api.Page) -> list[str]:
    """What axe-core finds that is serious or critical, with the elements. Nothing is left out."""
    found = axe.Axe().run(page).response["violations"]
    return [
        f"{fault['id']} ({fault['impact']}): {[node['target'] for node in fault['nodes']]}"
        for fault in found
        if fault["impact"] in ("serious", "critical")
    ]


@pytest.fixture(params=[("light", 1280), ("dark", 1280), ("light", 390), ("dark", 390)], ids=lambda p: f"{p[0]}-{p[1]}")
def seen(browser: sync_api.Browser, chat_url: str, request: pytest.FixtureRequest) -> Iterator[sync_api.Page]:
    scheme, width = request.param
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    page = context.new_page()
    page.goto(chat_url)
    page.locator("#chat .example").first.wait_for()
    yield page
    context.close()


def test_axe_finds_nothing_serious_in_the_chat_nor_on_the_page_of_the_book(seen: sync_api.Page, chat_url: str) -> None:
    assert faults(seen) == []
    ask(seen, DIJKSTRA)
    finished(seen)
    seen.locator("#question .submit-button").wait_for(timeout=ANSWER_MS)
    for card in seen.locator(".ct-card:not([open]) summary").all():
        card.click()
    assert faults(seen) == []
    seen.goto(chat_url + (seen.locator("iframe.ct-page").get_attribute("src") or ""))
    seen.get_by_role("img").wait_for()
    assert faults(seen) == []


def test_axe_finds_a_fault_where_there_is_one(page: sync_api.Page) -> None:
    page.evaluate("document.body.insertAdjacentHTML('beforeend', '<button></button>')")
    assert [fault.split(" ")[0] for fault in faults(page)] == ["button-name"]


def test_every_control_is_reached_by_the_keyboard_and_shows_that_it_is(page: sync_api.Page) -> None:
    ask(page, DIJKSTRA)
    finished(page)
    page.locator("#question .submit-button").wait_for(timeout=ANSWER_MS)
    page.wait_for_timeout(500)
    # Each control gets a number; what the keyboard reaches is collected by these.
    controls = page.evaluate(
        """selector => [...document.querySelectorAll(selector)]
          .filter(e => e.checkVisibility({visibilityProperty: true}) && !e.disabled && e.tabIndex >= 0
            && e.getClientRects().length && !e.closest('[inert], [aria-hidden="true"]'))
          .map((e, i) => (e.dataset.control = i, e.outerHTML.slice(0, 100)))""",
        FOCUSABLE,
    )
    assert len(controls) >= 15
    reached: set[int] = set()
    for _ in range(3 * len(controls)):
        page.keyboard.press("Tab")
        at = page.evaluate(
            """() => { const e = document.activeElement, s = getComputedStyle(e), w = e.closest('#question, #course');
              const rings = [s, ...(w ? [getComputedStyle(w)] : [])];
              return [e.tagName, Number(e.dataset.control ?? -1), e.outerHTML.slice(0, 100),
                rings.some(r => (r.outlineStyle !== 'none' && parseFloat(r.outlineWidth) >= 1) || r.boxShadow !== 'none')]; }"""
        )
        tag, number, markup, visible = at
        if number >= 0:
            assert visible or tag == "IFRAME", markup
            reached.add(number)
    assert [controls[n] for n in range(len(controls)) if n not in reached] == []


def test_every_button_has_a_name(page: sync_api.Page) -> None:
    ask(page, DIJKSTRA)
    finished(page)
    page.locator("#question .submit-button").wait_for(timeout=ANSWER_MS)
    named = page.evaluate(
        """() => [...document.querySelectorAll('button')].filter(b => b.checkVisibility())
          .map(b => [b.innerText.trim() || b.ariaLabel || b.title, b.outerHTML.slice(0, 160)])"""
    )
    assert [markup for name, markup in named if not name] == []


def test_an_answer_is_read_aloud_once_and_whole(page: sync_api.Page) -> None:
    page.evaluate(
        """() => { window.spoken = [];
        new MutationObserver(() => {
          const loud = '[aria-live]:not([aria-live=off]), [role=status], [role=log]:not([aria-live=off])';
          for (const region of document.querySelectorAll(loud)) {
            const text = region.innerText.trim();
            if (text && window.spoken.at(-1) !== text) window.spoken.push(text);
          }
        }).observe(document.body, {subtree: true, childList: true, characterData: true}); }"""
    )
    ask(page, DIJKSTRA)
    finished(page)
    status = page.locator(".ct-spoken[role=status]")
    sync_api.expect(status).to_contain_text("PDF 15", timeout=ANSWER_MS)
    assert re.match("Dijkstra’s algorithm can give wrong answers", status.inner_text())
    answers = [text for text in page.evaluate("window.spoken") if "Dijkstra" in text]
    assert len(answers) == 1, answers
