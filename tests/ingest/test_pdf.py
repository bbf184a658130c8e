"""Reading a PDF in the child process: labels, lines, outline, and what is said of a file that cannot be read."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import zlib

import pikepdf
import pypdf
import pytest

from index_store.errors import BookError
from ingest.pdf import read_pdf

BOOKS = ("algorithms.pdf", "mechanics.pdf", "probability.pdf")


@pytest.mark.parametrize("book", BOOKS)
def test_page_labels_are_those_that_another_reader_sees(sample_books, book):
    labels = [page.label for page in read_pdf(sample_books / book).pages]
    assert labels == pypdf.PdfReader(sample_books / book).page_labels


def test_the_fourth_physical_page_of_a_sample_book_is_printed_as_page_one(sample_books):
    # By book.typ: title page, preface and contents are numbered i to iii; chapter 1 resets the counter.
    pages = read_pdf(sample_books / "algorithms.pdf").pages
    assert [(page.number, page.label) for page in pages[:5]] == [(1, "i"), (2, "ii"), (3, "iii"), (4, "1"), (5, "2")]


def test_labels_with_a_prefix_are_read_and_a_file_without_labels_has_none(sample_books, tmp_path):
    with pikepdf.open(sample_books / "algorithms.pdf") as pdf:
        pdf.Root.PageLabels = pikepdf.Dictionary(Nums=[0, pikepdf.Dictionary(S=pikepdf.Name.D, P="A-")])
        pdf.save(tmp_path / "prefixed.pdf")
        del pdf.Root.PageLabels
        pdf.save(tmp_path / "unlabelled.pdf")
    assert [page.label for page in read_pdf(tmp_path / "prefixed.pdf").pages][:3] == ["A-1", "A-2", "A-3"]
    assert [page.label for page in read_pdf(tmp_path / "unlabelled.pdf").pages][:3] == ["", "", ""]


@pytest.mark.parametrize("book", BOOKS)
def test_the_outline_has_the_titles_levels_and_pages_that_another_reader_sees(sample_books, book):
    reader = pypdf.PdfReader(sample_books / book)

    def walk(entries, level=0):
        for entry in entries:
            if isinstance(entry, list):
                yield from walk(entry, level + 1)
            else:
                yield level, entry.title, reader.get_destination_page_number(entry) + 1

    outline = [(entry.level, entry.title, entry.page) for entry in read_pdf(sample_books / book).outline]
    assert outline == list(walk(reader.outline))


@pytest.mark.parametrize("book", BOOKS)
def test_the_title_is_that_of_the_document_information(sample_books, book):
    with pikepdf.open(sample_books / book) as pdf:
        assert read_pdf(sample_books / book).title == str(pdf.docinfo["/Title"]).strip()


def test_sizes_places_and_fixed_pitch_are_those_that_were_set(tmp_path, typeset):
    file = typeset(
        tmp_path / "places.pdf",
        "#set page(width: 400pt, height: 400pt, margin: 0pt)\n"
        "#place(top + left, dx: 50pt, dy: 100pt, text(20pt)[Tall])\n"
        '#place(top + left, dx: 90pt, dy: 200pt, text(10pt, font: "DejaVu Sans Mono", raw("mono")))\n',
    )
    tall, mono = read_pdf(file).pages[0].lines
    assert (tall.text, mono.text) == ("Tall", "mono")
    assert tall.x == pytest.approx(50, abs=2)
    assert mono.x == pytest.approx(90, abs=2)
    assert tall.y - mono.y == pytest.approx(100, abs=15)  # the second stands 100 pt lower, give or take its smaller height
    assert tall.pitch == 0.0
    # DejaVu Sans Mono advances 1233 of 2048 units; inside #text, raw is set at 0.8 em: 8 pt * 1233 / 2048.
    assert mono.pitch == pytest.approx(8 * 1233 / 2048, abs=0.05)


def test_a_word_broken_at_a_lines_end_ends_that_line_with_a_soft_hyphen(tmp_path, typeset):
    file = typeset(
        tmp_path / "narrow.pdf",
        "#set page(width: 60mm, height: 150mm)\n#set par(justify: true)\n#set text(10pt, hyphenate: true)\n"
        "Incomprehensible characterisations notwithstanding, undergraduates understand transformations extraordinarily "
        "well, notwithstanding occasional misunderstandings about incomprehensible characterisations.\n",
    )
    lines = read_pdf(file).pages[0].lines
    broken = [line for line in lines if "\N{SOFT HYPHEN}" in line.text]
    assert broken, "the sample text is meant to be hyphenated"
    assert all(line.text.count("\N{SOFT HYPHEN}") == 1 and line.text.endswith("\N{SOFT HYPHEN}") for line in broken)
    # A line for every printed line: equal steps down the page, none skipped.
    steps = [above.y - below.y for above, below in itertools.pairwise(lines)]
    assert max(steps) < 1.2 * min(steps)


def test_letters_beyond_the_basic_plane_come_whole(tmp_path, typeset):
    file = typeset(tmp_path / "maths.pdf", "Let $x$ be given.\n")
    assert "\N{MATHEMATICAL ITALIC SMALL X}" in pypdf.PdfReader(file).pages[0].extract_text()
    assert read_pdf(file).pages[0].lines[0].text == "Let \N{MATHEMATICAL ITALIC SMALL X} be given."


def test_progress_counts_every_page(sample_books):
    seen = []
    read_pdf(sample_books / "probability.pdf", lambda done, total: seen.append((done, total)))
    assert seen == [(n, 18) for n in range(1, 19)]


def test_a_file_encrypted_without_a_password_to_open_is_read(sample_books, tmp_path):
    with pikepdf.open(sample_books / "algorithms.pdf") as pdf:
        pdf.save(tmp_path / "owner.pdf", encryption=pikepdf.Encryption(user="", owner="secret"))
    assert len(read_pdf(tmp_path / "owner.pdf").pages) == 18


def _no_file(file, book):
    pass


def _empty(file, book):
    file.write_bytes(b"")


def _not_pdf(file, book):
    file.write_text("Lecture notes, week 1\n" * 50)


def _garbage(file, book):
    file.write_bytes(b"%PDF-1.7\n" + bytes(range(256)) * 20)


def _truncated(file, book):
    file.write_bytes(book.read_bytes()[: book.stat().st_size // 2])


def _encrypted(file, book):
    with pikepdf.open(book) as pdf:
        pdf.save(file, encryption=pikepdf.Encryption(user="exam", owner="exam"))


def _no_pages(file, book):
    pikepdf.new().save(file)


@pytest.mark.parametrize(
    ("make", "reason", "remedy"),
    [
        (_no_file, "No such file", "Check the path"),
        (_empty, "empty", "Export or download it again"),
        (_not_pdf, "not a PDF", "as a PDF"),
        (_garbage, "damaged", "Export or download it again"),
        (_truncated, "damaged", "Export or download it again"),
        (_encrypted, "password", "Save a copy without the password"),
        (_no_pages, "damaged", "Export or download it again"),  # pdfium opens no file without pages
    ],
)
def test_a_file_that_cannot_be_read_is_refused_by_name_with_reason_and_remedy(sample_books, tmp_path, make, reason, remedy):
    file = tmp_path / "week 1 – notes.pdf"
    make(file, sample_books / "algorithms.pdf")
    with pytest.raises(BookError) as refused:
        read_pdf(file)
    message = str(refused.value)
    assert message.startswith(f"{file}: ")
    assert reason in message
    assert remedy in message
    assert "\n" not in message


def test_a_folder_in_place_of_a_book_is_refused(tmp_path):
    with pytest.raises(BookError, match="Is a directory"):
        read_pdf(tmp_path)


def test_a_book_of_too_many_pages_is_refused_by_the_child(sample_books):
    child = subprocess.run(
        [sys.executable, "-m", "ingest.pdf_reader", str(sample_books / "algorithms.pdf"), "2048", "60", "17", "60"],
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert json.loads(child.stdout) == ["refused", "too-many-pages"]  # 18 pages, where 17 are allowed


def test_a_small_file_that_unfolds_beyond_the_memory_allowed_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("ingest.pdf.MEGABYTES", 128)
    packer = zlib.compressobj(1)
    packed = b"".join([*(packer.compress(b" " * (1 << 20)) for _ in range(256)), packer.flush()])
    pdf = pikepdf.new()
    stream = pikepdf.Stream(pdf, b"")
    stream.write(packed, filter=pikepdf.Name.FlateDecode)
    pdf.add_blank_page().obj.Contents = pdf.make_indirect(stream)
    pdf.save(tmp_path / "bomb.pdf")
    assert (tmp_path / "bomb.pdf").stat().st_size < 2_000_000  # and 256 MB once unfolded
    with pytest.raises(BookError, match=r"bomb\.pdf: .*(memory|the reader stopped).*Save"):
        read_pdf(tmp_path / "bomb.pdf")
