"""Thumbs below answers, on the page as it is served: they reach the log, the right row of it, and are shown again."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from tutor.activity.exchange import Exchange
from tutor.activity.store import ActivityStore

from .conftest import ANSWER_MS, Server, ask, finished, sendable, sync_api

pytestmark = pytest.mark.browser
BIRTHDAY, SPEED = "what is the birthday problem?", "what is terminal speed?"


def cookie_of(page: sync_api.Page) -> str:
    (cookie,) = [one for one in page.context.cookies() if one["name"] == "course-tutor-visitor"]
    assert cookie["httpOnly"]
    assert cookie["sameSite"] == "Lax"
    return str(cookie["value"])


def name_of(page: sync_api.Page) -> str:
    """What of the cookie tells the browser apart; the rest is a signature."""
    return cookie_of(page).partition(".")[0]


class Log:
    """What this page's student asked."""

    def __init__(self, home: Path, page: sync_api.Page) -> None:
        from tutor.activity.pseudonyms import Pseudonyms

        self.home, self.store = home, ActivityStore(home)
        self.student = Pseudonyms(home).of_browser(name_of(page))

    def rows(self) -> list[Exchange]:
        own = [row for row in self.store.of_course("sample") if row.student == self.student]
        return sorted(own, key=lambda row: row.time)

    def becomes(self, *ratings: int) -> bool:
        """Whether the ratings of the rows, in the order asked, are these before long."""
        for _ in range(100):
            if [row.rating for row in self.rows()] == list(ratings):
                return True
            time.sleep(0.05)
        return False


@pytest.fixture
def log(home: Path, page: sync_api.Page) -> Log:
    return Log(home, page)


def thumb(page: sync_api.Page, name: str) -> sync_api.Locator:
    return page.locator("#chat").get_by_label(name, exact=True)


def test_thumbs_are_kept_changed_and_taken_back_and_shown_after_a_reload(page: sync_api.Page, log: Log) -> None:
    ask(page, BIRTHDAY)
    finished(page)
    sendable(page)
    time.sleep(1.1)  # rows of one second have no order
    ask(page, SPEED)
    finished(page, 2)
    sendable(page)
    assert log.becomes(0, 0)
    thumb(page, "Like").first.click()
    assert log.becomes(1, 0)
    thumb(page, "Dislike").last.click()
    assert log.becomes(1, -1)
    thumb(page, "Like").last.click()  # the first one is "Liked" now
    assert log.becomes(1, 1)
    page.reload()
    finished(page, 2)
    sync_api.expect(thumb(page, "Liked")).to_have_count(2)
    thumb(page, "Liked").first.click()
    assert log.becomes(0, 1)
    assert [row.question for row in log.rows()] == [BIRTHDAY, SPEED]
    assert {row.outcome for row in log.rows()} == {"answered"}


def test_a_retried_answer_is_a_row_of_its_own_without_a_thumb(page: sync_api.Page, log: Log) -> None:
    ask(page, BIRTHDAY)
    finished(page)
    sendable(page)
    thumb(page, "Dislike").click()
    assert log.becomes(-1)
    time.sleep(1.1)
    thumb(page, "Retry").click()
    page.locator("#question .stop-button").wait_for(timeout=ANSWER_MS)
    sendable(page)
    finished(page)
    sync_api.expect(thumb(page, "Disliked")).to_have_count(0)
    thumb(page, "Like").click()
    assert log.becomes(-1, 1)
    assert len({row.id for row in log.rows()}) == 2
    assert len({row.passages for row in log.rows()}) == 1


def test_after_an_undo_the_thumb_goes_to_the_answer_that_is_there(page: sync_api.Page, log: Log) -> None:
    ask(page, BIRTHDAY)
    finished(page)
    sendable(page)
    thumb(page, "Like").click()
    assert log.becomes(1)
    thumb(page, "Undo").click()
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)
    time.sleep(1.1)
    ask(page, SPEED)
    finished(page)
    sendable(page)
    sync_api.expect(thumb(page, "Liked")).to_have_count(0)
    thumb(page, "Dislike").click()
    assert log.becomes(1, -1)


def test_the_thumbs_are_reached_and_pressed_by_keyboard(page: sync_api.Page, log: Log) -> None:
    ask(page, BIRTHDAY)
    finished(page)
    sendable(page)
    page.locator("#question textarea").focus()
    for _ in range(12):
        page.keyboard.press("Shift+Tab")
        if page.evaluate("document.activeElement.ariaLabel") == "Dislike":
            break
    page.keyboard.press("Enter")
    assert log.becomes(-1)


def test_another_browser_cannot_rate_an_answer_even_if_it_knows_its_id(
    page: sync_api.Page, log: Log, browser: sync_api.Browser, chat_url: str
) -> None:
    ask(page, BIRTHDAY)
    finished(page)
    sendable(page)
    assert log.becomes(0)
    kept = page.evaluate("JSON.stringify(localStorage)")
    assert name_of(page) not in kept
    other = browser.new_context()
    foreign = other.new_page()
    foreign.goto(chat_url)
    foreign.locator("#question textarea").wait_for()
    foreign.evaluate("kept => Object.assign(localStorage, JSON.parse(kept))", kept)
    foreign.reload()
    finished(foreign)
    thumb(foreign, "Like").click()
    sync_api.expect(foreign.get_by_text("This answer cannot be rated")).to_be_visible()
    sync_api.expect(thumb(foreign, "Liked")).to_have_count(0)
    assert log.becomes(0)
    other.close()


def test_a_stopped_answer_is_a_row_and_what_cannot_be_rated_says_so(page: sync_api.Page, log: Log) -> None:
    ask(page, "explain how merge sort works and why it is fast")
    stop = page.locator("#question .stop-button")
    stop.wait_for(timeout=ANSWER_MS)
    sync_api.expect(page.locator("#chat .bot.message")).to_contain_text("Reading", timeout=ANSWER_MS)
    stop.click()
    sendable(page)
    for _ in range(100):
        if log.rows():
            break
        time.sleep(0.1)
    (row,) = log.rows()
    assert (row.outcome, row.passages, row.prompt) == ("stopped", (), "")


def test_no_cookie_is_in_the_log_and_the_secret_is_in_neither(page: sync_api.Page, log: Log, server: Server) -> None:
    ask(page, "what is a load factor? I am ada@uni.example")
    finished(page)
    sendable(page)
    assert log.becomes(0)
    assert log.rows()[0].question == "what is a load factor? I am [e-mail]"
    files = b"".join(file.read_bytes() for file in log.home.glob("activity.sqlite*"))
    assert log.student.encode() in files
    assert b"127.0.0.1" not in files
    assert b"ada@uni.example" not in files
    for secret in (name_of(page), (log.home / "pseudonym.key").read_text().strip()):
        assert secret.encode() not in files
    assert page.evaluate("document.cookie") == ""
    assert not [line for line in server.terminal if "Traceback" in line or "not being recorded" in line]


def test_before_the_first_question_the_page_leads_to_what_is_kept(page: sync_api.Page, log: Log) -> None:
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="What is kept of your questions").click()
    sync_api.expect(opened.value.locator("body")).to_contain_text(f"In this browser you are {log.student}.")
