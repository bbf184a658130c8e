"""The report of a graded sheet as a browser shows and prints it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pypdf
import pytest

from tutor.mcqa.compare import compare
from tutor.mcqa.report import report

from ..mcqa.sheets import PASSAGES, graded_sheet
from .conftest import sync_api
from .test_chat_accessibility import faults

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sheet, other = graded_sheet(), graded_sheet(seed=1, model="other")
    pairs = compare(sheet, type(other)(other.settings, sheet.rows))
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_text(report(sheet, datetime(2026, 11, 27), PASSAGES, comparison=pairs), "utf-8")
    return file


@pytest.fixture
def shown(browser: sync_api.Browser, file: Path) -> Iterator[sync_api.Page]:
    context = browser.new_context(viewport={"width": 390, "height": 844})
    page = context.new_page()
    page.goto(file.as_uri())
    yield page
    context.close()


def test_axe_finds_nothing_serious_and_nothing_stands_out_of_a_phones_screen(shown: sync_api.Page) -> None:
    shown.evaluate("for (const one of document.querySelectorAll('details')) one.open = true")
    for scheme in ("light", "dark"):
        shown.emulate_media(color_scheme=scheme)
        assert faults(shown) == []
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_is_printed_with_the_reasoning_of_questions_that_were_folded(shown: sync_api.Page) -> None:
    assert shown.locator("details[open]").count() == 0
    printed = pypdf.PdfReader(io.BytesIO(shown.pdf(format="A4")))
    text = " ".join(" ".join(page.extract_text() for page in printed.pages).split())
    assert text.count("A binary heap keeps the smallest key at its root") == shown.locator("details").count()
    assert "In a binary heap, each node's key is at most those of its children" in text
