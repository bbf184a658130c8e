"""`tutor chat` in a process of its own, and a real browser to look at it with."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from index_store.course import Library
from index_store.embedding import Embedding
from ingest.pipeline import ingest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
REPOSITORY = Path(__file__).parents[2]
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update", "--disable-sync"]
ANSWER_MS = 60_000
sync_api.expect.set_options(timeout=20_000)  # on a busy machine a page takes its time


@pytest.fixture(scope="session")
def home(
    sample_library: Library,
    tmp_path_factory: pytest.TempPathFactory,
    typeset: Callable[[Path, str], Path],
    embedding: Embedding,
) -> Path:
    """The sample course, and "zoology" of one page."""
    home = tmp_path_factory.mktemp("browser") / "home"
    shutil.copytree(sample_library.home, home, symlinks=True)
    book = typeset(
        home.parent / "snails.pdf",
        "= Snails\n== Hermaphrodites of the garden\n" + "Snails of the garden carry both sexes at once. " * 20,
    )
    library = Library(home)
    ingest([book], library.course("zoology"), embedding, library.vectors)
    return home


@dataclass
class Server:
    """The chat's address, and what its terminal shows."""

    url: str
    terminal: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[Server]:
    """`tutor chat` as a user starts it."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-c", "from tutor.cli.main import main; main()", "chat", "--port", str(port)]
    environment = {**os.environ, "TUTOR_HOME": str(home), "PYTHONPATH": str(REPOSITORY)}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, cwd=REPOSITORY
    ) as process:
        assert process.stdout is not None
        running = Server(f"http://127.0.0.1:{port}/")
        for line in process.stdout:
            running.terminal.append(line)
            if "the chat is open at" in line:
                break
        else:
            pytest.fail(f"the chat did not start: {''.join(running.terminal)}")
        threading.Thread(target=running.terminal.extend, args=[process.stdout], daemon=True).start()
        yield running
        process.terminate()


@pytest.fixture(scope="session")
def chat_url(server: Server) -> str:
    return server.url


@pytest.fixture(scope="session")
def browser() -> Iterator[sync_api.Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium found (apt-get install chromium)")
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
    page.locator("#chat").wait_for(state="attached")
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


def sendable(page: sync_api.Page) -> None:
    """Waits until nothing runs and a question can be sent."""
    page.locator("#question .submit-button").wait_for(timeout=ANSWER_MS)
