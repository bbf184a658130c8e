"""Scanned pages are told from others, named, and read with Tesseract when asked to."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pypdfium2
import pytest

from index_store.course import Library
from index_store.embedding import Embedding
from index_store.errors import BookError, SettingsError
from ingest.ocr import lines_of_hocr, require_tesseract
from ingest.pdf import Line, Page, even_sizes, read_pdf
from ingest.pipeline import ingest, unchanged
from ingest.structure import understand

tesseract = pytest.mark.skipif(not shutil.which("tesseract"), reason="Tesseract is not installed")

SOURCE = """#set page(width: 160mm, height: 200mm, numbering: none)
#set text(11pt)
= Lenses
A converging lens brings parallel rays together at its focal point.
The distance from the lens to that point is called the focal length.
#pagebreak()
= Mirrors
A plane mirror shows a virtual image as far behind it as the object stands before it.
Its rays only seem to come from there.
"""


@pytest.fixture
def scan(tmp_path: Path, typeset: Callable[[Path, str], Path]) -> Callable[..., Path]:
    """Make a book whose pages named are pictures of what is typeset, turned by `rotation`, and the others text."""

    def make(name: str, pages: tuple[int, ...] = (1, 2), rotation: int = 0) -> Path:
        printed = typeset(tmp_path / "printed" / name, SOURCE)
        file = tmp_path / name
        with pikepdf.open(printed) as pdf:
            for number in pages:
                rendered = pypdfium2.PdfDocument(printed)[number - 1].render(scale=150 / 72, rotation=-rotation % 360)
                image = rendered.to_pil().convert("L")
                picture = pdf.make_stream(image.tobytes())
                picture.Type, picture.Subtype, picture.ColorSpace = (
                    pikepdf.Name.XObject,
                    pikepdf.Name.Image,
                    pikepdf.Name.DeviceGray,
                )
                picture.Width, picture.Height, picture.BitsPerComponent = image.width, image.height, 8
                page = pdf.pages[number - 1].obj
                width, height = image.width * 72 / 150, image.height * 72 / 150
                page.MediaBox = [0, 0, width, height]
                page.Rotate = rotation
                page.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Scan=picture))
                page.Contents = pdf.make_stream(b"q %f 0 0 %f 0 0 cm /Scan Do Q" % (width, height))
            if "/Outlines" in pdf.Root:
                del pdf.Root.Outlines
            pdf.save(file)
        return file

    return make


def test_scanned_pages_are_named_and_pages_of_text_are_not(scan: Callable[..., Path]) -> None:
    assert read_pdf(scan("all.pdf")).scanned_pages == (1, 2)
    document = read_pdf(scan("one.pdf", pages=(2,)))
    assert document.scanned_pages == (2,)
    assert [bool(page.lines) for page in document.pages] == [True, False]
    assert understand(document).scanned_pages == (2,)


def test_an_empty_page_and_a_page_with_a_small_picture_are_not_scanned(tmp_path: Path, scan: Callable[..., Path]) -> None:
    file = scan("book.pdf")
    with pikepdf.open(file, allow_overwriting_input=True) as pdf:
        pdf.pages[0].obj.Contents = pdf.make_stream(b"")
        pdf.pages[1].obj.Contents = pdf.make_stream(b"q 200 0 0 200 50 50 cm /Scan Do Q")
        pdf.save(file)
    assert read_pdf(file).scanned_pages == ()


@tesseract
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_recognised_lines_stand_where_the_printed_ones_do(tmp_path: Path, scan: Callable[..., Path], rotation: int) -> None:
    document = read_pdf(scan("book.pdf", rotation=rotation), ocr="eng")
    assert document.recognised_pages == (1, 2)
    recognised = [line for line in document.pages[0].lines if line.text.startswith(("Lenses", "A conv"))]
    printed = [
        line
        for line in read_pdf(tmp_path / "printed" / "book.pdf").pages[0].lines
        if line.text.startswith(("Lenses", "A conv"))
    ]
    assert [line.text for line in recognised] == [line.text for line in printed]
    if rotation == 0:
        for ours, theirs in zip(recognised, printed, strict=True):
            assert (ours.x, ours.y) == (pytest.approx(theirs.x, abs=2), pytest.approx(theirs.y, abs=2))
            assert ours.right == pytest.approx(theirs.right, abs=10)
            assert ours.size == pytest.approx(theirs.size, rel=0.3)


@tesseract
def test_the_sections_of_a_scanned_book_are_those_of_the_printed_one(tmp_path: Path, scan: Callable[..., Path]) -> None:
    book = understand(read_pdf(scan("book.pdf"), ocr="eng"))
    printed = understand(read_pdf(tmp_path / "printed" / "book.pdf"))
    assert [section.path for section in book.sections] == [("Lenses",), ("Mirrors",)]
    assert [section.text.split() for section in book.sections] == [section.text.split() for section in printed.sections]
    assert [section.pages for section in book.sections] == [[1], [2]]


@tesseract
def test_a_course_read_without_ocr_is_read_again_with_it_only_where_pages_are_scanned(
    library: Library, embedding: Embedding, scan: Callable[..., Path], typeset: Callable[[Path, str], Path], tmp_path: Path
) -> None:
    half = scan("half.pdf", pages=(2,))
    whole = typeset(tmp_path / "whole.pdf", SOURCE)
    course = library.course("optics")

    def read(ocr: str) -> dict[str, str]:
        report = ingest([half, whole], course, embedding, library.vectors, ocr=ocr)
        return {book.file: book.status for book in report.books}

    read("")
    entries = {entry.file: entry for entry in course.manifest().books}
    assert (entries["half.pdf"].scanned_pages, entries["half.pdf"].ocr, entries["half.pdf"].passages) == ((2,), "", 1)
    assert unchanged([half, whole], course, embedding.key) is not None
    assert unchanged([half, whole], course, embedding.key, "eng") is None
    assert read("eng") == {"half.pdf": "read", "whole.pdf": "unchanged"}
    entries = {entry.file: entry for entry in course.manifest().books}
    assert (entries["half.pdf"].scanned_pages, entries["half.pdf"].ocr, entries["half.pdf"].passages) == ((2,), "eng", 2)
    for languages in ("", "eng"):  # what OCR read stays, whether or not it is asked for again
        assert unchanged([half, whole], course, embedding.key, languages) is not None


def test_a_book_of_scanned_pages_alone_is_refused_with_the_way_to_read_it(
    library: Library, embedding: Embedding, scan: Callable[..., Path]
) -> None:
    report = ingest([scan("book.pdf")], library.course("optics"), embedding, library.vectors)
    (book,) = report.refused
    assert "no text on any of its 2 pages, so it is probably scanned. Give --ocr" in book.error


def test_without_tesseract_it_is_said_before_anything_is_read(
    library: Library, embedding: Embedding, scan: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SettingsError, match=r"--ocr: Tesseract is not installed\. Install it with: apt install tesseract-ocr"):
        ingest([scan("book.pdf")], library.course("optics"), embedding, library.vectors, ocr="eng")


@tesseract
def test_a_language_that_tesseract_does_not_have_is_named() -> None:
    require_tesseract("eng")
    with pytest.raises(SettingsError, match=r"--ocr-language eng\+tlh: Tesseract has no language 'tlh'"):
        require_tesseract("eng+tlh")


def test_lines_are_taken_from_what_the_recogniser_writes() -> None:
    hocr = b"""<?xml version="1.0" encoding="UTF-8"?><html xmlns="http://www.w3.org/1999/xhtml"><body><div class='ocr_page'>
    <span class='ocr_line' title="bbox 100 200 900 240; baseline 0.001 -8; x_size 40; x_descenders 8; x_ascenders 9">
      <span class='ocrx_word' title='bbox 100 200 300 240; x_wconf 96'>Light &amp;</span>
      <span class='ocrx_word' title='bbox 320 200 900 240; x_wconf 96'><strong>refrac-</strong></span></span>
    <span class='ocr_line' title="bbox 100 300 900 340"><span class='ocrx_word'> </span></span>
    </div></body></html>"""
    assert lines_of_hocr(hocr) == [("Light & refrac\N{SOFT HYPHEN}", 40.0, 100.0, 900.0, 232.0)]


def test_recognised_sizes_that_nearly_agree_become_one_and_headings_and_printed_pages_keep_theirs() -> None:
    def page(number: int, *sizes: float) -> Page:
        return Page(number, "", tuple(Line("ten letters", size, 0, 0, 0, 0) for size in sizes))

    pages = even_sizes([page(1, 11.2, 18.0, 10.9, 11.0, 11.6), page(2, 10.8), page(3, 11.4)], {1, 2})
    assert [[line.size for line in page.lines] for page in pages] == [[11.0, 18.0, 11.0, 11.0, 11.0], [11.0], [11.4]]


def test_a_page_that_takes_too_long_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A hundred million operators in half a megabyte."""
    with pikepdf.new() as pdf:
        pdf.add_blank_page()
        page = pdf.add_blank_page().obj
        # Forms that paint a form ten times each, eight deep.
        inner = pdf.make_stream(b"0 0 1 1 re f\n" * 100)
        for _ in range(8):
            inner.Type, inner.Subtype, inner.BBox = pikepdf.Name.XObject, pikepdf.Name.Form, [0, 0, 600, 800]
            outer = pdf.make_stream(b"/Inner Do\n" * 10)
            outer.Resources = pikepdf.Dictionary(XObject=pikepdf.Dictionary(Inner=inner))
            inner = outer
        page.Contents, page.Resources = inner, inner.Resources
        pdf.save(tmp_path / "nested.pdf")
    monkeypatch.setattr("ingest.pdf.SECONDS_A_PAGE", 1)
    with pytest.raises(BookError, match=r"nested\.pdf: .*page 2 of 2"):
        read_pdf(tmp_path / "nested.pdf")
