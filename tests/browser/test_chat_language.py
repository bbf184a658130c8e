"""The chat in the browser's language, a conversation saved as a file, a quiz that a reload does not end."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from .conftest import ANSWER_MS, ask, finished, sendable, sync_api

pytestmark = pytest.mark.browser
DIJKSTRA = "why does dijkstra fail with negative edges?"
SAVE = {
    "en-GB": "Save as Markdown",
    "fr-CH": "Enregistrer en Markdown",
    "de-AT": "Als Markdown speichern",
    "es": "Save as Markdown",
}


@pytest.fixture
def page_in(browser: sync_api.Browser, chat_url: str) -> Iterator[Callable[[str], sync_api.Page]]:
    """A page of a browser that is set to a language."""
    contexts = []

    def opened(language: str) -> sync_api.Page:
        contexts.append(browser.new_context(locale=language, viewport={"width": 1280, "height": 860}))
        page = contexts[-1].new_page()
        page.goto(chat_url)
        page.locator("#chat .example").first.wait_for()
        return page

    yield opened
    for context in contexts:
        context.close()


def saved(page: sync_api.Page) -> tuple[str, str]:
    """The name and the text of the file that the button saves."""
    with page.expect_download() as coming:
        page.locator("#export").click()
    return coming.value.suggested_filename, Path(coming.value.path()).read_text("utf-8")


@pytest.mark.parametrize(("language", "spoken"), [("fr-CH", "fr"), ("de-AT", "de"), ("es", "en")])
def test_the_page_its_buttons_and_what_is_read_aloud_are_in_the_browsers_language(
    page_in: Callable[[str], sync_api.Page], language: str, spoken: str
) -> None:
    page = page_in(language)
    hints = {
        "en": "Ask a question on the course",
        "fr": "Posez une question sur le cours",
        "de": "Stellen Sie eine Frage zum Kurs",
    }
    send = {"en": "Send", "fr": "Envoyer", "de": "Senden"}
    sync_api.expect(page.locator("html")).to_have_attribute("lang", spoken)
    sync_api.expect(page.locator("#export")).to_have_text(SAVE[language])
    sync_api.expect(page.locator("#question textarea")).to_have_attribute("placeholder", hints[spoken])
    sync_api.expect(page.locator("#question .submit-button")).to_have_attribute("aria-label", send[spoken])
    left = """() => [...document.querySelectorAll('body *:not(script)')].filter(e => e.innerText?.includes('__i18n__')
      || [...e.attributes].some(a => a.value.includes('__i18n__'))).map(e => e.outerHTML.slice(0, 200))"""
    assert page.evaluate(left) == []


def test_a_refusal_and_the_page_of_the_book_are_in_the_browsers_language(page_in: Callable[[str], sync_api.Page]) -> None:
    page = page_in("fr-FR")
    sync_api.expect(page.locator(".ct-limits")).to_contain_text("Petit modèle intégré")
    ask(page, "who won the football world cup in 2018")
    answer = page.locator("#chat .bot.message").last
    sync_api.expect(answer).to_contain_text("Je n'ai rien trouvé dans les livres", timeout=ANSWER_MS)
    sync_api.expect(page.locator("#passages")).to_contain_text("ils ne répondent pas à la question")
    sendable(page)
    ask(page, DIJKSTRA)
    finished(page, 2)
    book = page.frame_locator("iframe.ct-page")
    sync_api.expect(book.get_by_role("link", name="Suivante")).to_be_visible()
    sync_api.expect(book.locator("html")).to_have_attribute("lang", "fr")


def test_a_conversation_is_saved_as_markdown_that_stands_alone(page: sync_api.Page) -> None:
    ask(page, DIJKSTRA)
    finished(page)
    sendable(page)
    name, text = saved(page)
    assert re.fullmatch(r"course-tutor-sample-\d{4}-\d\d-\d\d\.md", name)
    assert f"## Question 1\n\n> {DIJKSTRA}\n" in text
    assert "never reconsiders a finished vertex, while a negative edge may later open a shorter way to it. [1]" in text
    assert "4 Graphs and dynamic programming \\> 4.2 Dijkstra's algorithm, p. 12 (PDF 15)" in text
    assert "read/" not in text
    # What the page does with messages is saved as it is left.
    page.locator("#chat").get_by_label("Retry", exact=True).last.click()
    page.locator("#question .stop-button").wait_for(timeout=ANSWER_MS)  # before, what is there is the answer that goes
    sendable(page)
    finished(page)
    page.locator("#chat").get_by_label("Edit", exact=True).first.click()
    page.locator("#chat textarea").fill("what is the birthday problem?")
    page.locator("#chat").get_by_label("Submit", exact=True).click()
    sync_api.expect(finished(page)).to_contain_text("birthday")
    sendable(page)
    _, text = saved(page)
    assert "> what is the birthday problem?" in text
    assert DIJKSTRA not in text
    page.locator("#chat").get_by_label("Undo", exact=True).last.click()
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)
    page.locator("#export").click()
    sync_api.expect(page.get_by_text("There is nothing to save yet.")).to_be_visible()


def test_a_quiz_goes_on_after_a_reload(page: sync_api.Page) -> None:
    answers = page.locator("#chat .bot.message")
    ask(page, "quiz me on chapter 3")
    sync_api.expect(answers.last).to_contain_text("Exercise 3.1", timeout=ANSWER_MS)
    sync_api.expect(page.locator("#passages")).to_contain_text("3.4 Exercises")
    sendable(page)
    page.wait_for_timeout(500)
    page.reload()
    sync_api.expect(answers).to_have_count(1)
    ask(page, "its height is 3")
    sync_api.expect(answers.last).to_contain_text("points in the book's solution", timeout=ANSWER_MS)
    sendable(page)
    ask(page, "another one")
    sync_api.expect(answers.last).to_contain_text("Exercise 3.2", timeout=ANSWER_MS)
