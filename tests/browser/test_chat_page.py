"""The chat as a student meets it: a real page in a real browser, answered by the built-in model."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest

from .conftest import ANSWER_MS, ask, finished, sync_api

pytestmark = pytest.mark.browser
DIJKSTRA = "why does dijkstra fail with negative edges?"


def test_a_question_is_streamed_and_answered_from_the_right_page(page: sync_api.Page) -> None:
    # Every text that the answer shows on its way is kept by the page itself.
    page.evaluate(
        """() => { window.seen = [];
        new MutationObserver(() => {
          const bot = document.querySelector('#chat .bot.message');
          if (bot) window.seen.push(bot.innerText.trim());
        }).observe(document.querySelector('#chat'), {subtree: true, childList: true, characterData: true}); }"""
    )
    ask(page, DIJKSTRA)
    answer = finished(page)
    sync_api.expect(answer).to_contain_text("never reconsiders a finished vertex")
    # The page was found by reading the book: printed 12, physical 15.
    sync_api.expect(answer).to_contain_text("Dijkstra's algorithm, p. 12 (PDF 15)")
    seen = [text for text in dict.fromkeys(page.evaluate("window.seen")) if text]
    partial = [text for text in seen if "PDF" not in text and not text.endswith("…")]
    assert len(partial) >= 3, "the answer came in one piece"
    assert all(b.startswith(a[:20]) for a, b in pairwise(partial))

    card = page.locator("#passages .ct-cited", has_text="p. 12 (PDF 15)").first
    sync_api.expect(card).to_contain_text("4.2 Dijkstra's algorithm")
    sync_api.expect(card.locator("mark").first).to_contain_text("never reconsiders a finished vertex")


def test_a_follow_up_is_understood(page: sync_api.Page) -> None:
    ask(page, DIJKSTRA)
    finished(page)
    ask(page, "and is that a problem for Bellman-Ford?")
    sync_api.expect(finished(page, 2)).to_contain_text("p. 13 (PDF 16)")


def test_what_the_books_do_not_say_is_said_plainly(page: sync_api.Page) -> None:
    ask(page, "who won the football world cup in 2018")
    answer = page.locator("#chat .bot.message").last
    sync_api.expect(answer).to_contain_text("I found nothing in this course's books", timeout=ANSWER_MS)
    sync_api.expect(page.locator("#passages")).to_contain_text("they do not answer the question")


def test_an_example_question_can_be_clicked_and_an_answer_retried(page: sync_api.Page) -> None:
    page.locator("#chat .example").first.click()
    finished(page)
    page.locator("#chat").get_by_label(re.compile("retry", re.IGNORECASE)).last.click()
    finished(page)


def test_what_a_student_types_is_shown_as_typed_and_does_nothing(page: sync_api.Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    ask(page, 'what is <img src="/nowhere.png"> a *heap* # $x$')
    shown = page.locator("#chat .user.message")
    sync_api.expect(shown).to_contain_text('what is <img src="/nowhere.png"> a *heap* # $x$')
    assert not [url for url in asked if "nowhere" in url]


def test_the_course_is_remembered_by_the_browser_and_can_be_named_in_the_address(page: sync_api.Page, chat_url: str) -> None:
    course = page.locator("#course input")
    sync_api.expect(course).to_have_value("sample")
    course.click()
    page.get_by_role("option", name="zoology").click()
    sync_api.expect(page.locator("#chat .example").first).to_contain_text("Hermaphrodites of the garden")
    page.wait_for_timeout(500)
    page.reload()
    sync_api.expect(course).to_have_value("zoology")
    sync_api.expect(page.locator("#chat .example").first).to_contain_text("Hermaphrodites of the garden")
    page.goto(f"{chat_url}?course=sample")
    sync_api.expect(course).to_have_value("sample")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_nothing_is_wider_than_the_screen(browser: sync_api.Browser, chat_url: str, scheme: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, color_scheme=scheme)
    phone = context.new_page()
    foreign: list[str] = []
    phone.on("request", lambda request: foreign.append(request.url) if not request.url.startswith(chat_url) else None)
    phone.goto(chat_url)
    phone.locator("#question textarea").wait_for()
    ask(phone, "what is the birthday problem?")
    finished(phone)
    assert phone.evaluate("document.documentElement.scrollWidth") <= 390
    background = phone.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in re.findall(r"\d+", background)[:3])
    assert (brightness < 200) if scheme == "dark" else (brightness > 600)
    assert [url for url in foreign if not url.startswith(("data:", "blob:"))] == []
    context.close()


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_header_notice_and_question_box_are_seen_without_scrolling(
    browser: sync_api.Browser, chat_url: str, width: int, height: int
) -> None:
    context = browser.new_context(viewport={"width": width, "height": height}, has_touch=width < 700)
    page = context.new_page()
    page.goto(chat_url)
    page.locator("#chat .example").first.wait_for()
    title, course, notice, question = (
        page.locator(place).bounding_box() or pytest.fail(place)
        for place in (".ct-title h1", "#course", ".ct-limits", "#question")
    )
    assert title["y"] < course["y"] + course["height"] / 2 < title["y"] + title["height"]  # side by side
    assert title["x"] + title["width"] < course["x"]
    save = page.locator("#export").bounding_box() or pytest.fail("#export")
    assert course["x"] + course["width"] <= save["x"]
    assert save["x"] + save["width"] <= width
    assert notice["y"] + notice["height"] < 80
    assert notice["height"] < 25  # one line
    assert question["y"] + question["height"] <= height
    assert page.evaluate("scrollY") == 0
    limits = page.locator(".ct-limits")
    sync_api.expect(limits.get_by_text("135 million parameters")).to_be_hidden()
    limits.locator("summary").click()
    sync_api.expect(limits.get_by_text("135 million parameters")).to_be_visible()
    sync_api.expect(limits).to_contain_text("--model")
    context.close()


def test_on_a_touch_screen_the_buttons_of_a_message_are_large_enough(browser: sync_api.Browser, chat_url: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True)
    phone = context.new_page()
    phone.goto(chat_url)
    phone.locator("#question textarea").wait_for()
    ask(phone, "what is the birthday problem?")
    finished(phone)
    for name in ("Edit", "Retry", "Undo"):
        box = phone.locator("#chat").get_by_label(name, exact=True).first.bounding_box()
        assert box is not None
        assert box["width"] >= 32, name
        assert box["height"] >= 32, name
    context.close()


def test_code_of_a_cited_passage_stands_in_its_own_lines(page: sync_api.Page) -> None:
    ask(page, "which function checks brackets?")
    sync_api.expect(finished(page)).to_contain_text("since ([)] has the right counts")
    code = page.locator("#passages .ct-cited .ct-code", has_text="def balanced(text):").first
    sync_api.expect(code).to_be_visible()
    assert "\n    stack = []\n    for ch in text:\n        if ch in" in code.inner_text()
    assert "mono" in code.evaluate("e => getComputedStyle(e).fontFamily")
    assert "Stacks appear" not in code.inner_text()


def test_the_cited_page_stands_beside_the_answer_with_the_passage_marked(page: sync_api.Page) -> None:
    ask(page, DIJKSTRA)
    answer = finished(page)
    book = page.frame_locator("iframe.ct-page")
    sync_api.expect(book.locator("header")).to_contain_text("p. 12 (PDF 15")
    sync_api.expect(book.locator("figure img")).to_have_js_property("complete", True)
    assert book.locator("figure img").evaluate("image => image.naturalWidth") > 1000
    marked = book.locator("figure i").count()
    assert marked >= 3
    # It opens at the passage: its first line is within the frame, below the frame's own header.
    shown, first = page.locator("iframe.ct-page").bounding_box(), book.locator("figure i").first.bounding_box()
    head = book.locator("header").bounding_box()
    assert shown
    assert first
    assert head
    assert head["y"] + head["height"] <= first["y"] < shown["y"] + shown["height"] - first["height"]
    book.get_by_role("link", name="Next").click()
    sync_api.expect(book.locator("header")).to_contain_text("p. 13 (PDF 16")
    # The number in the answer shows the passage when pointed at, and leads back to its page.
    chip = answer.get_by_role("link", name="[1]", exact=True).first
    chip.hover()
    sync_api.expect(page.get_by_role("tooltip")).to_contain_text("negative")
    chip.click()
    assert page.evaluate("scrollY") == 0  # course and title stay in view
    sync_api.expect(page.get_by_role("tooltip")).to_be_hidden()
    sync_api.expect(book.locator("header")).to_contain_text("p. 12 (PDF 15")
    assert len(page.context.pages) == 1
    # Read aloud, a number is a number and no address.
    assert "read/" not in str(answer.evaluate("message => message.querySelector('[aria-label]').getAttribute('aria-label')"))


def test_every_passage_shows_its_page_in_the_frame(page: sync_api.Page) -> None:
    ask(page, DIJKSTRA)
    finished(page)
    book = page.frame_locator("iframe.ct-page")
    sync_api.expect(book.locator("header")).to_contain_text("PDF 15")
    other = page.locator(".ct-card:not(.ct-cited)").first
    other.locator("summary").click()
    place = other.locator(".ct-pages").inner_text()
    other.get_by_role("link", name="Show the page").click()
    number = place.split("PDF ")[1].split("-")[0].rstrip(")")
    sync_api.expect(book.locator("header")).to_contain_text(f"PDF {number} of")


def test_the_page_of_the_book_opens_in_a_tab_of_its_own(page: sync_api.Page, chat_url: str) -> None:
    ask(page, DIJKSTRA)
    finished(page)
    address = page.locator("iframe.ct-page").get_attribute("src")
    alone = page.context.new_page()
    alone.goto(chat_url + (address or ""))
    sync_api.expect(alone.get_by_role("img")).to_be_visible()
    whole = alone.get_by_role("link", name="Open the PDF here")
    sync_api.expect(whole).to_have_attribute("href", re.compile(r"\.pdf#page=15$"))
