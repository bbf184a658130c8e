"""A page as it is printed, with a passage marked: the marks lie on the passage's words and on no others."""

from __future__ import annotations

import io
import re
import unicodedata
from pathlib import Path

import pikepdf
import pypdfium2
import pytest
from PIL import Image

from index_store.errors import BookError
from index_store.generation import read_passages
from ingest.facsimile import Facsimile, facsimile
from ingest.readers import Readers


def words(text: str) -> list[str]:
    return re.findall(r"\w+", unicodedata.normalize("NFKC", text).replace("\u00ad", "").replace("\ufffe", ""))


def beneath(file: Path, number: int, found: Facsimile) -> list[str]:
    """The words that pdfium finds under the marks."""
    page = pypdfium2.PdfDocument(file)[number - 1]
    width, height = page.get_size()
    text = []
    for left, top, wide, high in found.marks:
        middle = height - (top + high / 2) * height  # a mark is as high as a line, and touches its neighbours
        box = (left * width - 1, middle - high * height / 4, (left + wide) * width + 1, middle + high * height / 4)
        text.append(page.get_textpage().get_text_bounded(*box))
    return words(" ".join(text))


@pytest.fixture(scope="module")
def passages(sample_library):
    found = read_passages(sample_library.course("sample").live)
    return [passage for passage in found if passage.kind == "text" and passage.page == passage.page_end]


def test_marks_lie_on_the_words_of_the_passage(sample_books, passages):
    with Readers() as readers:
        for passage in passages[5:100:12]:
            found = facsimile(sample_books / passage.file, passage.page, passage.text, readers)
            wanted, seen = words(passage.text), beneath(sample_books / passage.file, passage.page, found)
            assert len(set(wanted) & set(seen)) >= 0.9 * len(set(wanted)), passage.text
            assert len(seen) <= 1.15 * len(wanted), passage.text


def test_the_picture_is_the_page(sample_books):
    found = facsimile(sample_books / "algorithms.pdf", 3)
    image = Image.open(io.BytesIO(found.data)).convert("L")
    page = pypdfium2.PdfDocument(sample_books / "algorithms.pdf")[2]
    assert image.size == (found.width, found.height)
    assert found.width / found.height == pytest.approx(page.get_width() / page.get_height(), abs=0.01)
    assert found.marks == ()
    small = page.render(scale=1).to_pil().convert("L")
    darkness = [sum(255 - value for value in picture.resize((20, 20)).tobytes()) for picture in (image, small)]
    assert darkness[0] == pytest.approx(darkness[1], rel=0.1)


def test_a_passage_over_two_pages_is_marked_on_both(typeset, tmp_path):
    first, second = "The first half stands at the foot of a page", "and the second half at the head of the next one."
    file = typeset(
        tmp_path / "two.pdf",
        f"#set page(height: 8cm)\nOther words come before it here.\n\n{first}\n#pagebreak()\n{second}\n\nMore.",
    )
    for number, part in ((1, first), (2, second)):
        assert beneath(file, number, facsimile(file, number, f"{first} {second}")) == words(part)


def test_words_joined_over_a_line_end_are_within_the_mark(typeset, tmp_path):
    text = "Incomprehensibilities characteristically overcomplicate straightforward internationalization nevertheless"
    file = typeset(
        tmp_path / "hyphens.pdf", f"#set page(width: 5cm)\n#set text(hyphenate: true)\nBefore all this.\n\n{text}\n\nAfter."
    )
    found = facsimile(file, 1, text)
    assert "".join(beneath(file, 1, found)).replace("-", "").startswith("Incompre")
    assert len(found.marks) >= 4


def test_a_turned_page_has_its_marks_where_it_is_read(typeset, tmp_path):
    text = "These few words are to be found again on the page"
    upright = typeset(tmp_path / "upright.pdf", f"#v(3cm)\n{text}")
    turned = tmp_path / "turned.pdf"
    with pikepdf.open(upright) as pdf:
        pdf.pages[0].Rotate = 90
        pdf.save(turned)
    ((left, top, width, height),) = facsimile(upright, 1, text).marks
    ((turned_left, turned_top, turned_width, turned_height),) = facsimile(turned, 1, text).marks
    # Turned clockwise, what was at the left is at the top, and what was at the top is at the right.
    assert turned_top == pytest.approx(left, abs=0.01)
    assert turned_left == pytest.approx(1 - top - height, abs=0.01)
    assert (turned_width, turned_height) == (pytest.approx(height, abs=0.01), pytest.approx(width, abs=0.01))


def test_a_passage_that_is_not_on_the_page_has_no_marks(sample_books):
    assert facsimile(sample_books / "mechanics.pdf", 4, "Snails of the garden carry both sexes at once").marks == ()


def test_a_page_that_there_is_not_is_said(sample_books):
    for number in (0, 99_999):
        with pytest.raises(BookError, match=r"mechanics\.pdf: there is no such page"):
            facsimile(sample_books / "mechanics.pdf", number)


def test_a_file_that_is_no_pdf_is_said(tmp_path):
    (tmp_path / "a.pdf").write_bytes(b"no pdf")
    with pytest.raises(BookError, match=r"a\.pdf: the PDF is damaged"):
        facsimile(tmp_path / "a.pdf", 1)
