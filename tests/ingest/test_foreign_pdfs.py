"""Real damaged, hostile and odd PDFs, where TUTOR_TEST_PDFS names a folder of them: each is read or refused in one line."""

from __future__ import annotations

import os
import random
from pathlib import Path

import pytest

from index_store.errors import BookError
from ingest.pdf import PAGES, read_pdf
from ingest.structure import understand

FOLDER = os.environ.get("TUTOR_TEST_PDFS", "")
SAMPLE = 40

pytestmark = pytest.mark.skipif(not FOLDER, reason="TUTOR_TEST_PDFS names no folder with PDFs")


def _sample() -> list[Path]:
    files = sorted(Path(FOLDER).rglob("*.pdf")) if FOLDER else []
    return random.Random(0).sample(files, min(SAMPLE, len(files)))


@pytest.mark.parametrize("file", _sample(), ids=lambda file: file.name)
def test_a_foreign_file_is_read_or_refused_in_one_line(file: Path) -> None:
    try:
        document = read_pdf(file)
    except BookError as error:
        refusal: BookError | None = error
    else:
        refusal = None
    if refusal:
        assert str(refusal).startswith(f"{file}: ")
        assert "\n" not in str(refusal)
        assert refusal.remedy
        return
    assert 0 < len(document.pages) <= PAGES
    assert [page.number for page in document.pages] == list(range(1, len(document.pages) + 1))
    assert set(document.scanned_pages) <= {page.number for page in document.pages}
    assert understand(document).pages == len(document.pages)
