"""A conversation and its course: stop, what is refused meanwhile, and what a reload finds again."""

from __future__ import annotations

import re

import pytest

from .conftest import ANSWER_MS, Server, ask, finished, sendable, sync_api

pytestmark = pytest.mark.browser
BIRTHDAY, SPEED = "what is the birthday problem?", "what is terminal speed?"


def open_course(page: sync_api.Page, name: str) -> None:
    page.locator("#course input").click()
    page.get_by_role("option", name=name).click()


# The moments reach from the click that finds the search still running to the words that are already there.
@pytest.mark.parametrize("moments", [(0, 0, 0), (50, 150, 250), (300, 350, 450)])
def test_stop_always_says_so_and_the_next_question_is_answered(page: sync_api.Page, moments: tuple[int, ...]) -> None:
    bubbles = page.locator("#chat .bot.message")
    for number, moment in enumerate(moments, 1):
        ask(page, "explain how merge sort works and why it is fast")
        stop = page.locator("#question .stop-button")
        stop.wait_for(timeout=ANSWER_MS)
        page.wait_for_timeout(moment)
        finished_first = "PDF" in bubbles.last.inner_text()
        if not finished_first:
            stop.click(timeout=ANSWER_MS)
        sendable(page)
        page.wait_for_timeout(400)  # nothing that was on its way may still come
        sync_api.expect(bubbles).to_have_count(number)
        assert bubbles.last.inner_text().strip().endswith("Stopped.") or "PDF" in bubbles.last.inner_text()
        assert "Searching" not in bubbles.last.inner_text()
    ask(page, SPEED)
    sync_api.expect(finished(page, len(moments) + 1)).to_contain_text("drag balances")


def test_the_first_stop_is_in_time_and_leaves_nothing_but_that_it_was_stopped(page: sync_api.Page) -> None:
    # The page itself clicks, in the moment in which the button appears.
    page.evaluate(
        """() => new MutationObserver((_, watch) => {
          const stop = document.querySelector('#question .stop-button');
          if (stop) { watch.disconnect(); stop.click(); }
        }).observe(document.querySelector('#question'), {subtree: true, childList: true})"""
    )
    ask(page, BIRTHDAY)
    sync_api.expect(page.locator("#chat .bot.message")).to_have_text(re.compile(r"^\s*Stopped\.\s*$"), timeout=ANSWER_MS)
    sendable(page)
    ask(page, SPEED)
    sync_api.expect(finished(page, 2)).to_contain_text("drag balances")
    sync_api.expect(page.locator("#chat .bot.message").first).to_have_text(re.compile(r"^\s*Stopped\.\s*$"))


def test_a_question_asked_while_an_answer_runs_stays_in_the_box_and_the_page_says_why(
    page: sync_api.Page, server: Server
) -> None:
    ask(page, BIRTHDAY)
    page.locator("#question .stop-button").wait_for(timeout=ANSWER_MS)
    ask(page, SPEED)
    sync_api.expect(page.get_by_text("An answer is still on its way")).to_be_visible()
    finished(page)
    sync_api.expect(page.locator("#question textarea")).to_have_value(SPEED)
    sync_api.expect(page.locator("#chat .user.message")).to_have_count(1)
    sendable(page)
    page.keyboard.press("Enter")
    sync_api.expect(finished(page, 2)).to_contain_text("drag balances")
    assert not [line for line in server.terminal if "still on its way" in line or "Traceback" in line]


def test_an_empty_question_is_nothing_and_says_nothing(page: sync_api.Page, server: Server) -> None:
    ask(page, "   ")
    page.wait_for_timeout(700)
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)
    sync_api.expect(page.locator(".toast-body")).to_have_count(0)
    sendable(page)
    assert not [line for line in server.terminal if "Traceback" in line]


def test_while_it_waits_the_page_says_what_is_being_done(page: sync_api.Page) -> None:
    page.evaluate(
        """() => { window.seen = [];
        new MutationObserver(() => {
          const bot = document.querySelector('#chat .bot.message');
          if (bot) window.seen.push(bot.innerText.trim());
        }).observe(document.querySelector('#chat'), {subtree: true, childList: true, characterData: true}); }"""
    )
    ask(page, BIRTHDAY)
    answer = finished(page)
    seen = [text for text in dict.fromkeys(page.evaluate("window.seen")) if text]
    assert seen[0] == "Searching the books…"
    assert "Reading 4 passages…" in seen[1:3]
    sync_api.expect(answer).not_to_contain_text("Reading")


def test_a_reload_shows_the_conversation_again_and_clear_forgets_it(page: sync_api.Page) -> None:
    ask(page, BIRTHDAY)
    said = finished(page).inner_text()
    sendable(page)
    page.reload()
    assert finished(page).inner_text() == said
    sync_api.expect(page.locator("#chat .user.message")).to_contain_text(BIRTHDAY)
    ask(page, "and why is it called a problem?")  # it goes on from there
    finished(page, 2)
    sendable(page)
    page.locator("#chat").get_by_label("Clear", exact=True).click()
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)
    page.wait_for_timeout(500)
    page.reload()
    page.locator("#chat .example").first.wait_for()
    page.wait_for_timeout(500)
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)


def test_each_course_has_its_conversation(page: sync_api.Page) -> None:
    ask(page, BIRTHDAY)
    finished(page)
    sendable(page)
    open_course(page, "zoology")
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)
    ask(page, "what do snails carry?")
    sync_api.expect(finished(page)).to_contain_text("carry both sexes at once")
    sendable(page)
    open_course(page, "sample")
    sync_api.expect(page.locator("#chat .user.message")).to_contain_text(BIRTHDAY)
    page.reload()
    sync_api.expect(page.locator("#chat .user.message")).to_contain_text(BIRTHDAY)
    open_course(page, "zoology")
    sync_api.expect(page.locator("#chat .user.message")).to_contain_text("what do snails carry?")


@pytest.mark.parametrize("moment", [0, 150, 350])
def test_an_answer_that_is_left_for_another_course_writes_nothing_there(page: sync_api.Page, moment: int) -> None:
    ask(page, "explain how merge sort works and why it is fast")
    page.locator("#question .stop-button").wait_for(timeout=ANSWER_MS)
    page.wait_for_timeout(moment)
    open_course(page, "zoology")
    sendable(page)
    page.wait_for_timeout(800)
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)
    sync_api.expect(page.locator("#passages .ct-card")).to_have_count(0)
    open_course(page, "sample")
    sync_api.expect(page.locator("#chat .user.message")).to_contain_text("merge sort")


def test_clear_while_an_answer_runs_leaves_nothing(page: sync_api.Page) -> None:
    ask(page, BIRTHDAY)
    page.locator("#question .stop-button").wait_for(timeout=ANSWER_MS)
    page.locator("#chat").get_by_label("Clear", exact=True).click()
    sendable(page)
    page.wait_for_timeout(800)
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)
    page.reload()
    page.locator("#chat .example").first.wait_for()
    page.wait_for_timeout(500)
    sync_api.expect(page.locator("#chat .message")).to_have_count(0)


def test_enter_in_an_empty_box_leaves_the_conversation_as_it_is(page: sync_api.Page) -> None:
    ask(page, BIRTHDAY)
    told = finished(page).inner_text()
    cards = page.locator("#passages .ct-card").count()
    for text in ("", "   "):
        page.locator("#question textarea").fill(text)
        page.keyboard.press("Enter")
        page.wait_for_timeout(600)
        sync_api.expect(page.locator("#chat .bot.message")).to_have_text(told)
        assert page.locator("#passages .ct-card").count() == cards > 0
    ask(page, SPEED)
    finished(page, 2)
    page.reload()
    sync_api.expect(page.locator("#chat .user.message")).to_have_count(2)
