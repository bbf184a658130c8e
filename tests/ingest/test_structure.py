"""From lines to sections: headings, running heads, hyphens, code, pages."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pikepdf
import pypdf
import pytest

from ingest.pdf import Document, Line, Page, read_pdf
from ingest.structure import normalize, understand

BOOKS = ("algorithms", "mechanics", "probability")
SHY = "\N{SOFT HYPHEN}"


@pytest.fixture(scope="module")
def books(sample_books):
    return {name: understand(read_pdf(sample_books / f"{name}.pdf")) for name in BOOKS}


def outline_paths(file):
    """(path of titles, physical page) of every entry, by pypdf."""
    reader = pypdf.PdfReader(file)

    def walk(entries, path=()):
        title = None
        for entry in entries:
            if isinstance(entry, list):
                yield from walk(entry, (*path, title))
            else:
                title = entry.title
                yield (*path, title), reader.get_destination_page_number(entry) + 1

    return list(walk(reader.outline))


def flat(text):
    return " ".join(text.split())


def page_of(*rows, number=1, label="1"):
    """A page of lines (text, size, x, y[, pitch]) with a body text of ten points, 300 points wide."""
    lines = [Line(text, size, x, y, x + 300.0, *(pitch or (0.0,))) for text, size, x, y, *pitch in rows]
    return Page(number, label, tuple(lines))


def document_of(*pages, outline=()):
    return Document(Path("made.pdf"), "", tuple(pages), tuple(outline))


@pytest.mark.parametrize("name", BOOKS)
def test_every_heading_of_the_outline_becomes_a_section_on_its_page(books, sample_books, name):
    sections = {section.path: section for section in books[name].sections}
    parents = {path[:depth] for path in sections for depth in range(1, len(path) + 1)}
    for path, page in outline_paths(sample_books / f"{name}.pdf"):
        assert path in parents
        if path in sections:  # a chapter that goes straight into its first section has no text of its own
            assert sections[path].pages[0] == page


@pytest.mark.parametrize("name", BOOKS)
def test_no_section_is_made_of_anything_but_the_outline_and_the_title_page(books, sample_books, name):
    known = {path for path, _ in outline_paths(sample_books / f"{name}.pdf")}
    others = [section for section in books[name].sections if section.path not in known]
    assert [(section.path, section.pages) for section in others] == [((), [1])]


@pytest.mark.parametrize("name", BOOKS)
def test_running_heads_and_page_numbers_are_not_in_the_text(books, sample_books, name):
    book = books[name]
    reader = pypdf.PdfReader(sample_books / f"{name}.pdf")
    # The printed pages do have the head: book.typ sets the title on every even page that opens no chapter.
    headed = [number for number, page in enumerate(reader.pages, 1) if number > 3 and book.title in flat(page.extract_text())]
    assert len(headed) >= 3
    for section in book.sections:
        if not section.path:
            continue
        assert book.title not in flat(section.text)
        for start, end, number in zip(section.starts, [*section.starts[1:], None], section.pages, strict=True):
            assert section.text[start:end].split()[-1] != book.labels[number]  # the folio is the last thing on a page


@pytest.mark.parametrize("name", BOOKS)
def test_the_contents_page_is_not_indexed(books, name):
    book = books[name]
    assert all(3 not in section.pages for section in book.sections)  # physical page 3, by book.typ
    assert not any(re.search(r"(\. ?){4,}", section.text) for section in book.sections)


@pytest.mark.parametrize("name", BOOKS)
def test_every_listing_keeps_the_indentation_of_the_books_source(books, sample_books, name):
    source = (sample_books / "sources" / f"{name}.typ").read_text("utf-8")
    listings = re.findall(r"```python\n(.*?)```", source, re.DOTALL)
    assert listings
    whole = "\n".join(section.text for section in books[name].sections)
    for listing in listings:
        expected = [
            line[: len(line) - len(line.lstrip())] + flat(line)
            for line in textwrap.dedent(listing).splitlines()
            if line.strip()
        ]
        assert "\n".join(expected) in re.sub(r"\n+", "\n", whole)


def test_mathematical_italics_become_plain_letters(books):
    text = "".join(section.text for section in books["algorithms"].sections)
    # algorithms.typ: "if there are constants $c > 0$ and $n_0$ such that"
    assert "if there are constants c > 0 and n0 such that" in flat(text)
    assert not re.search("[\N{MATHEMATICAL BOLD CAPITAL A}-\N{MATHEMATICAL MONOSPACE DIGIT NINE}]", text)


@pytest.mark.parametrize(
    ("character", "plain"),
    [
        ("\N{MATHEMATICAL ITALIC SMALL X}", "x"),
        ("\N{MATHEMATICAL BOLD SMALL V}", "v"),
        ("\N{LATIN SMALL LIGATURE FI}", "fi"),
        ("\N{MINUS SIGN}", "-"),
        ("\N{NON-BREAKING HYPHEN}", "-"),
        ("\N{MICRO SIGN}", "\N{GREEK SMALL LETTER MU}"),
        ("é", "é"),
    ],
)
def test_normalize_gives_each_character_one_spelling(character, plain):
    assert normalize(character) == plain


@pytest.mark.parametrize("name", BOOKS)
def test_no_paragraph_of_a_sample_book_ends_inside_a_word_or_after_a_comma(books, sample_books, name):
    # Sentences that the source writes on one line, of plain words, are found whole where they do not cross a page.
    source = (sample_books / "sources" / f"{name}.typ").read_text("utf-8").replace("'", "’").replace(" ", " ")
    sentences = re.findall(r"(?<=[.?] )[A-Z][a-z ,;’]{60,200}\.(?= |\n)", source)
    assert len(sentences) >= 10
    pieces = [flat(piece) for section in books[name].sections for piece in section.text.split("\n\n")]
    crossing = [sentence for sentence in sentences if not any(sentence in piece for piece in pieces)]
    pages = [
        flat(page.extract_text().replace("-\n", "").replace("\n", " "))
        for page in pypdf.PdfReader(sample_books / f"{name}.pdf").pages
    ]
    assert not [sentence for sentence in crossing if any(sentence in page for page in pages)]


@pytest.mark.parametrize("width", [55, 65, 80])
def test_words_broken_by_the_typesetter_come_back_as_the_source_has_them(tmp_path, typeset, width):
    # "well-known" is also printed unbroken, on a line of its own, so its hyphen is the book's; the others are the line's.
    source = (
        "A characterisation of self-adjoint operators is incomprehensible to undergraduates; nevertheless, understanding such "
        "a characterisation of a well-known and self-adjoint transformation is extraordinarily worthwhile, notwithstanding "
        "occasional misunderstandings. Undergraduates understanding transformations well become extraordinarily well-known."
    )
    file = typeset(
        tmp_path / "narrow.pdf",
        f"#set page(width: {width}mm, height: 200mm)\n#set par(justify: true)\n#set text(10pt, hyphenate: true)\n"
        f"{source}\n\nWell-known.\n\nSelf-adjoint.\n",
    )
    assert any(SHY in line.text for line in read_pdf(file).pages[0].lines)
    (section,) = understand(read_pdf(file)).sections
    assert flat(section.text) == f"{source} Well-known. Self-adjoint."
    assert source in re.sub(r"(?<!\n)\n(?!\n)", " ", section.text)  # one paragraph: no blank line inside it


def test_a_hyphen_at_a_lines_end_stays_where_the_book_writes_the_word_with_it_elsewhere():
    (section,) = understand(
        document_of(
            page_of(
                (f"This is a well{SHY}", 10.0, 50.0, 700.0),
                (f"known fact about an algo{SHY}", 10.0, 50.0, 688.0),
                (f"rithm and a uni{SHY}", 10.0, 50.0, 676.0),
                ("corn, and every well-known algorithm has one.", 10.0, 50.0, 664.0),
            )
        )
    ).sections
    assert section.text == "This is a well-known fact about an algorithm and a unicorn, and every well-known algorithm has one."


def test_a_word_broken_across_two_pages_is_joined():
    (section,) = understand(
        document_of(
            page_of((f"The recurrence has a solu{SHY}", 10.0, 50.0, 100.0), number=1, label="1"),
            page_of(("tion in closed form.", 10.0, 50.0, 700.0), number=2, label="2"),
        )
    ).sections
    assert section.text == "The recurrence has a solution in closed form."
    assert section.page_at(section.text.index("The")) == 1
    assert section.page_at(section.text.index("closed")) == 2


def test_a_heading_that_wraps_is_found_and_is_not_in_the_text(tmp_path, typeset):
    title = "The Bellman-Ford algorithm and its incomprehensible characterisation of well-founded transformations"
    file = typeset(
        tmp_path / "wrapped.pdf",
        "#set page(width: 85mm, height: 120mm)\n#set par(justify: true)\n#set text(10pt, hyphenate: true)\n"
        f"Before the heading.\n= {title}\nAfter the heading.\n",
    )
    assert sum(line.size > 11 for line in read_pdf(file).pages[0].lines) in (3, 4)
    before, after = understand(read_pdf(file)).sections
    assert (before.path, flat(before.text)) == ((), "Before the heading.")
    assert (after.path, flat(after.text)) == ((title,), "After the heading.")


def test_two_headings_of_one_title_keep_their_own_text(tmp_path, typeset):
    file = typeset(
        tmp_path / "twice.pdf",
        "= One\n== Exercises\nShow the first thing.\n= Two\n== Exercises\nShow the second thing.\n",
    )
    sections = {section.path: flat(section.text) for section in understand(read_pdf(file)).sections}
    assert sections == {
        ("One", "Exercises"): "Show the first thing.",
        ("Two", "Exercises"): "Show the second thing.",
    }


def test_headings_are_found_by_their_size_where_there_is_no_outline(sample_books, tmp_path):
    with pikepdf.open(sample_books / "algorithms.pdf") as pdf:
        del pdf.Root.Outlines
        pdf.save(tmp_path / "bare.pdf")
    document = read_pdf(tmp_path / "bare.pdf")
    assert document.outline == ()
    found = {section.path[-1] for section in understand(document).sections if section.path}
    wanted = {path[-1] for path, _ in outline_paths(sample_books / "algorithms.pdf") if len(path) == 2}
    assert {normalize(title).replace("’", "'") for title in wanted} <= {title.replace("’", "'") for title in found}


def test_a_heading_without_outline_that_is_broken_inside_a_word_is_one_heading():
    sections = understand(
        document_of(
            page_of(
                (f"1 Incomprehensible transfor{SHY}", 16.0, 50.0, 700.0),
                ("mations of functions", 16.0, 50.0, 680.0),
                ("They are the body of the text here.", 10.0, 50.0, 650.0),
                ("They are the body of the text again.", 10.0, 50.0, 638.0),
                ("They are the body of the text at last.", 10.0, 50.0, 626.0),
            )
        )
    ).sections
    assert [section.path for section in sections] == [("1 Incomprehensible transformations of functions",)]


def test_running_heads_and_numbers_of_a_typeset_book_go_and_its_text_stays(tmp_path, typeset):
    file = typeset(
        tmp_path / "headed.pdf",
        '#set page(width: 100mm, height: 80mm, numbering: "1", header: text(8pt)[Lecture notes #h(1fr) Prof. Example])\n'
        + "#pagebreak()\n".join(f"Page {word} tells its own story.\n" for word in ("one", "two", "three", "four", "five")),
    )
    assert "Prof. Example" in pypdf.PdfReader(file).pages[2].extract_text()
    (section,) = understand(read_pdf(file)).sections
    assert section.text.split("\n\n") == [f"Page {w} tells its own story." for w in ("one", "two", "three", "four", "five")]
    assert section.pages == [1, 2, 3, 4, 5]
    for number, word in enumerate(("one", "two", "three", "four", "five"), 1):
        assert section.page_at(section.text.index(f"Page {word}")) == number


def test_code_beside_an_inline_listing_keeps_its_own_left_edge():
    mono = 6.0
    (section,) = understand(
        document_of(
            page_of(
                ("def f(x):", 9.0, 62.0, 700.0, mono),
                ("if x:", 9.0, 62.0 + 4 * mono, 688.0, mono),
                ("return 1", 9.0, 62.0 + 8 * mono, 676.0, mono),
                ("That was a listing, and here is prose about it.", 10.0, 50.0, 650.0),
                ("lo + hi is code at the start of a line of prose.", 10.0, 50.0, 638.0, mono),
            )
        )
    ).sections
    assert section.text.startswith("def f(x):\n    if x:\n        return 1\n\nThat was")


def test_pages_without_text_and_lost_characters_are_counted():
    book = understand(
        document_of(
            page_of(("A line with a lost \N{REPLACEMENT CHARACTER} in it, and \N{REPLACEMENT CHARACTER}.", 10.0, 50.0, 700.0)),
            Page(2, "2", ()),
            Page(3, "3", ()),
        )
    )
    assert (book.pages, book.pages_without_text, book.lost_characters) == (3, 2, 2)


def test_a_document_without_a_title_is_called_by_its_file():
    assert understand(document_of(page_of(("Some text.", 10.0, 50.0, 700.0)))).title == "made"


def test_a_file_without_labels_takes_them_from_its_page_numbers(sample_books, tmp_path):
    # The same book without /PageLabels: its feet still say i, ii, iii, 1, 2, ... (the title page says nothing).
    with pikepdf.open(sample_books / "algorithms.pdf") as pdf:
        del pdf.Root.PageLabels
        pdf.save(tmp_path / "unlabelled.pdf")
    labels = understand(read_pdf(tmp_path / "unlabelled.pdf")).labels
    assert [labels[number] for number in (1, 4, 5, 18)] == ["", "1", "2", "15"]


def test_a_file_that_says_nothing_of_its_pages_has_no_labels(tmp_path, typeset):
    file = typeset(tmp_path / "plain.pdf", "#lorem(900)\n#pagebreak()\nSecond, of 1066.\n#pagebreak()\nThird.")
    assert set(understand(read_pdf(file)).labels.values()) == {""}
