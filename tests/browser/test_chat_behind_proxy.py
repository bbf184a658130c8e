"""The chat in a browser, through nginx with HTTPS, under a path that is not the root."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ..web.conftest import of, running
from ..web.nginx import needs_nginx, nginx
from .conftest import ANSWER_MS, ask, finished, sync_api

pytestmark = [pytest.mark.browser, needs_nginx]


@pytest.fixture(scope="module")
def proxied_url(service, tmp_path_factory):
    folder = tmp_path_factory.mktemp("nginx")
    behind = of(service, folder / "home", root_path="/tutor", trusted_proxy="127.0.0.1", questions_per_minute=2)
    with running(behind) as served, nginx(folder, served.url) as proxy:
        yield proxy.url


@pytest.fixture
def page(browser: sync_api.Browser, proxied_url: str) -> Iterator[sync_api.Page]:
    context = browser.new_context(viewport={"width": 1280, "height": 860}, ignore_https_errors=True)
    page = context.new_page()
    page.goto(proxied_url)
    page.locator("#question textarea").wait_for()
    yield page
    context.close()


def test_a_question_is_answered_and_its_page_shown_and_all_stays_below_the_path(page: sync_api.Page, proxied_url: str) -> None:
    fetched: list[str] = []
    failed: list[str] = []
    page.on("request", lambda request: fetched.append(request.url))
    page.on("response", lambda answer: failed.append(answer.url) if answer.status >= 400 else None)
    page.reload()
    page.locator("#question textarea").wait_for()
    ask(page, "what is the birthday problem?")
    answer = finished(page)
    sync_api.expect(answer).to_contain_text("share a birthday")
    frame = page.frame_locator("iframe.ct-page")
    sync_api.expect(frame.locator("img")).to_be_visible()
    link = answer.locator('a[href*="read/"]').first
    with page.context.expect_page() as opened:
        link.click(modifiers=["Control"])
    sync_api.expect(opened.value.locator("img")).to_be_visible()
    assert opened.value.url.startswith(f"{proxied_url}read/sample/")
    network = [url for url in fetched if url.startswith("http")]
    assert len(network) > 10
    assert [url for url in network if not url.startswith(proxied_url)] == []
    assert failed == []


def test_who_asks_too_often_is_told_in_a_sentence_and_may_ask_again_later(page: sync_api.Page) -> None:
    for number, question in enumerate(("what is a heap?", "what is a load factor?"), 1):
        ask(page, question)
        finished(page, number)
    ask(page, "what is a binary search tree?")
    answers = page.locator("#chat .bot.message")
    sync_api.expect(answers).to_have_count(3, timeout=ANSWER_MS)
    sync_api.expect(answers.last).to_contain_text("Ask again in", timeout=ANSWER_MS)
    sync_api.expect(page.locator("#question textarea")).to_be_editable()


def test_the_cookie_is_secure_and_no_scripts(page: sync_api.Page) -> None:
    (cookie,) = [cookie for cookie in page.context.cookies() if cookie["name"] == "course-tutor-visitor"]
    assert (cookie["secure"], cookie["httpOnly"], cookie["path"]) == (True, True, "/tutor")
