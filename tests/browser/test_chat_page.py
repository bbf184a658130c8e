"""The chat as a student meets it: a real page in a real browser, answered by the built-in model."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from index_store.course import Library
from index_store.embedding import Embedding
from ingest.pipeline import ingest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium found (apt-get install chromium)"),
]
REPOSITORY = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
ANSWER_MS = 60_000


@pytest.fixture(scope="module")
def home(
    sample_library: Library,
    tmp_path_factory: pytest.TempPathFactory,
    typeset: Callable[[Path, str], Path],
    embedding: Embedding,
) -> Path:
    """The sample course, and "zoology" of one page."""
    home = tmp_path_factory.mktemp("browser") / "home"
    shutil.copytree(sample_library.home, home)
    book = typeset(home.parent / "snails.pdf", "= Snails\n== Hermaphrodites of the garden\n" + "Snails carry both sexes. " * 20)
    library = Library(home)
    ingest([book], library.course("zoology"), embedding, library.vectors)
    return home


@pytest.fixture(scope="module")
def chat_url(home: Path) -> Iterator[str]:
    """`tutor chat` in a process of its own, as a user starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from tutor.cli.main import main; main()", "chat", "--port", str(port)]
    environment = {**os.environ, "TUTOR_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True, cwd=REPOSITORY) as server:
        assert server.stderr is not None
        said = ""
        for line in server.stderr:
            said += line
            if "the chat is open at" in line:
                break
        else:
            pytest.fail(f"the chat did not start: {said}")
        yield f"http://127.0.0.1:{port}/"
        server.terminate()


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: sync_api.Browser, chat_url: str) -> Iterator[sync_api.Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860})
    page = context.new_page()
    page.goto(chat_url)
    page.locator("#question textarea").wait_for()
    yield page
    context.close()


def ask(page: sync_api.Page, question: str) -> None:
    page.locator("#question textarea").fill(question)
    page.keyboard.press("Enter")


def finished(page: sync_api.Page, count: int = 1) -> sync_api.Locator:
    """The last of `count` answers, once its pages stand below it."""
    answers = page.locator("#chat .bot.message")
    sync_api.expect(answers).to_have_count(count, timeout=ANSWER_MS)
    last = answers.last
    sync_api.expect(last).to_contain_text("PDF", timeout=ANSWER_MS)
    return last


def test_a_question_is_streamed_and_answered_from_the_right_page(page: sync_api.Page) -> None:
    # Every text that the answer shows on its way is kept by the page itself.
    page.evaluate(
        """() => { window.seen = [];
        new MutationObserver(() => {
          const bot = document.querySelector('#chat .bot.message');
          if (bot) window.seen.push(bot.innerText.trim());
        }).observe(document.querySelector('#chat'), {subtree: true, childList: true, characterData: true}); }"""
    )
    ask(page, "why does dijkstra fail with negative edges?")
    answer = finished(page)
    sync_api.expect(answer).to_contain_text("never reconsiders a finished vertex")
    # The page was found by reading the book: printed 12, physical 15.
    sync_api.expect(answer).to_contain_text("Dijkstra's algorithm, p. 12 (PDF 15)")
    seen = [text for text in dict.fromkeys(page.evaluate("window.seen")) if text]
    partial = [text for text in seen if "PDF" not in text]
    assert len(partial) >= 3, "the answer came in one piece"
    assert all(b.startswith(a[:20]) for a, b in pairwise(partial))

    card = page.locator("#passages .ct-cited", has_text="p. 12 (PDF 15)").first
    sync_api.expect(card).to_contain_text("4.2 Dijkstra's algorithm")
    sync_api.expect(card.locator("mark").first).to_contain_text("never reconsiders a finished vertex")


def test_a_follow_up_is_understood(page: sync_api.Page) -> None:
    ask(page, "why does dijkstra fail with negative edges?")
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


def test_stop_ends_the_answer_and_the_next_question_is_answered(page: sync_api.Page) -> None:
    ask(page, "what is the birthday problem?")
    page.locator("#question .stop-button").click(timeout=ANSWER_MS)
    page.locator("#question .submit-button").wait_for(timeout=ANSWER_MS)  # stopped: the box offers send again
    page.wait_for_timeout(500)
    ask(page, "what is terminal speed?")
    sync_api.expect(page.locator("#chat .bot.message").last).to_contain_text("drag balances", timeout=ANSWER_MS)


def test_a_question_asked_while_an_answer_runs_stays_in_the_box(page: sync_api.Page) -> None:
    ask(page, "what is the birthday problem?")
    page.locator("#question .stop-button").wait_for(timeout=ANSWER_MS)
    ask(page, "what is terminal speed?")
    finished(page)
    sync_api.expect(page.locator("#question textarea")).to_have_value("what is terminal speed?")
    sync_api.expect(page.locator("#chat .user.message")).to_have_count(1)


def test_what_a_student_types_is_shown_as_typed_and_does_nothing(page: sync_api.Page) -> None:
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    ask(page, 'what is <img src="/nowhere.png"> a *heap* # $x$')
    shown = page.locator("#chat .user.message")
    sync_api.expect(shown).to_contain_text('what is <img src="/nowhere.png"> a *heap* # $x$')
    assert not [url for url in asked if "nowhere" in url]


def test_the_small_models_limits_are_stated_in_one_line(page: sync_api.Page) -> None:
    sync_api.expect(page.locator(".ct-limits").first).to_contain_text("135 million parameters")
    sync_api.expect(page.locator(".ct-limits").first).to_contain_text("--model")


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
