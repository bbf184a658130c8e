"""From lines to sections: headings, running heads, hyphens, code, pages."""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

import pikepdf
import pypdf
import pytest

from index_store.words import normalize
from ingest.headings import kind_of
from ingest.pdf import Document, Line, OutlineEntry, Page, read_pdf
from ingest.structure import understand

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
    title = book.title.removesuffix(", First edition")
    # The printed pages do have the head: book.typ sets the title on every even page that opens no chapter.
    headed = [number for number, page in enumerate(reader.pages, 1) if number > 3 and title in flat(page.extract_text())]
    assert len(headed) >= 3
    for section in book.sections:
        if not section.path:
            continue
        assert title not in flat(section.text)
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


def prose(top, lines=20, size=10.0, x=50.0, words="These words fill a line of the book and say nothing more"):
    """Rows of a page from height `top` downwards, twelve points apart, each with its own number word at the end."""
    return [(f"{words} than {chr(97 + n) * 3}.", size, x, top - 12.0 * n) for n in range(lines)]


def text_of(book):
    return "\n\n".join(section.text for section in book.sections)


def test_a_head_glued_to_the_page_number_goes_and_gives_the_label():
    pages = []
    for number in range(1, 9):
        printed = 158 + number
        head = f"{printed}4. GREEDY ALGORITHMS" if number % 2 else f"4.{number // 2}. Part {'abcd'[number // 2 - 1]} {printed}"
        pages.append(page_of((head, 9.0, 50.0 + 200 * (number % 2 == 0), 720.0), *prose(690.0), number=number, label=""))
    book = understand(document_of(*pages))
    assert "GREEDY" not in text_of(book)
    assert "Part" not in text_of(book)
    assert book.labels == {number: str(158 + number) for number in range(1, 9)}
    assert text_of(book).count("than aaa.") == 8


def test_small_lines_that_end_a_page_of_text_stay_where_pages_have_no_foot():
    # Every page is filled to the same height; on a few the last line is a small one.
    pages = [
        page_of(
            *prose(690.0, 19),
            (f"Row {'abcdefgh'[n - 1] * 4} of a table", 8.0 if n % 2 else 10.0, 50.0, 462.0),
            number=n,
            label=str(n),
        )
        for n in range(1, 9)
    ]
    text = text_of(understand(document_of(*pages)))
    assert [text.count(f"Row {letter * 4} of a table") for letter in "abcdefgh"] == [1] * 8


def test_a_sentence_that_several_pages_end_with_is_text_where_pages_have_no_foot():
    pages = [
        page_of(
            *prose(690.0, 19),
            ("Run the program again." if n % 3 == 0 else f"{'abcdefghij'[n - 1] * 3} is a word.", 10.0, 50.0, 462.0),
            number=n,
        )
        for n in range(1, 11)
    ]
    assert text_of(understand(document_of(*pages))).count("Run the program again.") == 3


def test_numbered_headings_without_an_outline_make_the_path():
    opening = page_of(
        ("Greed is good, and so is this quotation before the chapter.", 8.0, 50.0, 700.0),
        ("— Somebody Famous, A Film With a Long Name", 8.0, 150.0, 690.0),
        ("4", 50.0, 300.0, 620.0),
        ("Greedy Algorithms", 22.0, 200.0, 580.0),
        ("4.1 Storing Files on Tape", 13.0, 50.0, 540.0),
        *prose(510.0),
        number=1,
        label="1",
    )
    second = page_of(
        ("4. GREEDY ALGORITHMS", 8.0, 50.0, 720.0),
        *prose(690.0, 6),
        ("Greed is never the answer!", 18.0, 110.0, 580.0),  # displayed, and not where text begins
        *prose(550.0, 6),
        ("♥4.2 Scheduling Classes", 8.0, 45.0, 440.0),  # the ornament is small, and the number is the next one
        *prose(410.0, 6),
        ("Xn", 13.0, 50.0, 310.0),
        *prose(280.0, 3),
        number=2,
        label="2",
    )
    third = page_of(
        ("4.2. Scheduling Classes", 8.0, 250.0, 720.0),
        ("Some Bad Ideas", 11.5, 50.0, 690.0),
        *prose(660.0, 6),
        ("Exercises", 13.0, 50.0, 560.0),
        ("1. Show that none of the words above says anything", 10.0, 60.0, 530.0),
        number=3,
        label="3",
    )
    others = [page_of(("4. GREEDY ALGORITHMS", 8.0, 50.0, 720.0), *prose(690.0), number=n, label=str(n)) for n in (4, 5)]
    book = understand(document_of(opening, second, third, *others))
    chapter = "4 Greedy Algorithms"
    assert [(section.path, section.kind) for section in book.sections] == [
        ((), "text"),
        ((chapter, "4.1 Storing Files on Tape"), "text"),
        ((chapter, "4.2 Scheduling Classes"), "text"),
        ((chapter, "4.2 Scheduling Classes", "Some Bad Ideas"), "text"),
        ((chapter, "Exercises"), "exercise"),
    ]
    assert "Greed is never the answer!" in book.sections[1].text


def test_a_title_is_not_merged_with_the_section_below_it():
    (section,) = understand(
        document_of(
            page_of(
                ("Introduction", 16.0, 50.0, 700.0),
                ("0.1 What is an algorithm?", 16.0, 50.0, 680.0),
                *prose(650.0),
            )
        )
    ).sections
    assert section.path == ("Introduction", "0.1 What is an algorithm?")


def test_a_broken_word_with_a_ligature_is_joined_as_the_book_writes_it():
    (section,) = understand(
        document_of(
            page_of(
                (f"The con{SHY}", 10.0, 50.0, 700.0),
                ("\ufb02ict is re\ufb02exive, and an edge\u00ad", 10.0, 50.0, 688.0),
                ("weighted graph of Floyd\u00ad", 10.0, 50.0, 676.0),
                ("Warshall has a \ufb01rst\u00ad", 10.0, 50.0, 664.0),
                ("class con\ufb02ict, each edge of it weighted, an edge and weighted.", 10.0, 50.0, 652.0),
                ("It is a first-class example.", 10.0, 50.0, 640.0),
            )
        )
    ).sections
    assert flat(section.text) == (
        "The conflict is reflexive, and an edge-weighted graph of Floyd-Warshall has a first-class conflict, "
        "each edge of it weighted, an edge and weighted. It is a first-class example."
    )


def test_footnotes_of_a_typeset_book_follow_the_paragraph_that_refers_to_them(tmp_path, typeset):
    file = typeset(
        tmp_path / "notes.pdf",
        "#set page(width: 100mm, height: 60mm, margin: 8mm)\n#set text(10pt)\n#set par(spacing: 2em)\n"
        "Files are stored on magnetic tape.#footnote[Tape is obsolete, it is said.] Reading takes $O(n^2)$ time, and "
        "rewinding#footnote[Backwards, that is.] takes longer. The paragraph goes on for a while after that.\n\n"
        "A second paragraph has no note at all, but it has words enough for another line.\n",
    )
    printed = pypdf.PdfReader(file).pages[0].extract_text()
    assert printed.index("obsolete") > printed.index("second paragraph")  # on the page they stand at the foot
    (section,) = understand(read_pdf(file)).sections
    first, tape, backwards, second = section.text.split("\n\n")
    assert flat(first).startswith("Files are stored on magnetic tape. Reading takes")
    assert "and rewinding takes longer" in flat(first)
    assert re.search(r"O\(n ?2 ?\)", flat(first))  # an exponent is no mark
    assert flat(tape) == "Tape is obsolete, it is said."
    assert flat(backwards) == "Backwards, that is."
    assert flat(second).startswith("A second paragraph")


def test_a_word_broken_over_a_page_is_joined_past_a_footnote_and_a_running_head():
    pages = [
        page_of(
            (f"{number} A Book", 8.0, 50.0, 720.0),
            *([("tion goes on and ends here.", 10.0, 50.0, 690.0)] if number > 1 else prose(690.0, 1)),
            *prose(670.0, 10),
            (f"This claim has a note.{number} The recurrence has a closed-form solu{SHY}", 10.0, 50.0, 540.0),
            (f"{number}", 5.0, 50.0, 503.0),
            (f"The note {'abcd'[number - 1] * 3} speaks of other things, and ends.", 8.0, 54.0, 500.0),
            number=number,
            label=str(number),
        )
        for number in (1, 2, 3, 4)
    ]
    book = understand(document_of(*pages))
    assert "solution goes on and ends here." in flat(text_of(book))
    (section,) = book.sections
    note = section.text.index("The note aaa speaks")
    assert section.page_at(note) == 1
    assert section.text.index("solution") < note
    start = section.text.index("goes on and ends here")
    assert section.pages_of(start, note + 5) == (1, 2)  # from the second page back to the first's foot


def test_labels_inside_a_figure_are_left_out_and_its_caption_and_a_formula_stay():
    labels = [
        (text, 6.0, 60.0 + 37 * (n % 7) + 5 * n, 600.0 - 11 * ((n * 5) % 13)) for n, text in enumerate("abcdefgh12345678")
    ]
    formula = [
        ("cost(k) =", 10.0, 120.0, 400.0),
        ("∑", 30.0, 170.0, 400.0),
        ("k", 6.0, 175.0, 410.0),
        ("i=1", 6.0, 172.0, 390.0),
    ]
    (section,) = understand(
        document_of(
            page_of(
                *prose(700.0, 5), *labels, ("Figure 8.2. A graph of letters.", 8.0, 60.0, 440.0), *formula, *prose(370.0, 5)
            )
        )
    ).sections
    assert not re.search(r"(?:^|\s)[a-h]\s[a-h]\s", section.text)
    assert not re.search(r"[1-8]\s[1-8]", section.text)
    assert "Figure 8.2. A graph of letters." in section.text
    assert re.search(r"cost\(k\) =\s+∑\s+k\s+i=1", section.text)


def test_cells_of_a_table_are_told_apart_by_their_columns():
    rows = [
        ("Restaurant one", "Italian food", "$10"),
        ("Restaurant two", "French food", "$20"),
        ("The third", "Thai food", "$8"),
    ]
    lines = []
    for n, row in enumerate(rows):
        for column, cell in enumerate(row):
            x = 50.0 + 120 * column
            lines.append(Line(cell, 10.0, x, 700.0 - 14 * n, x + 5.0 * len(cell), 0.0))
    text = [
        Line(f"A line of prose below the table, as wide as the page is, {n}.", 10.0, 50.0, 640.0 - 12 * n, 400.0, 0.0)
        for n in range(5)
    ]
    (section,) = understand(document_of(Page(1, "1", (*lines, *text)))).sections
    assert section.text.split("\n")[:3] == [" | ".join(row) for row in rows]


def test_code_that_goes_on_over_the_page_keeps_its_indentation():
    mono = 6.0
    (section,) = understand(
        document_of(
            page_of(("def f(x):", 9.0, 62.0, 80.0, mono), ("if x:", 9.0, 62.0 + 4 * mono, 68.0, mono), number=1),
            page_of(
                ("return 1", 9.0, 62.0 + 8 * mono, 700.0, mono),
                ("return 2", 9.0, 62.0 + 4 * mono, 688.0, mono),
                ("That was a listing, and here is prose about it.", 10.0, 50.0, 650.0),
                number=2,
                label="2",
            ),
        )
    ).sections
    assert re.sub(r"\n+", "\n", section.text).startswith("def f(x):\n    if x:\n        return 1\n    return 2\nThat was")


def test_prose_that_begins_with_a_word_of_code_is_prose():
    def line(text, y, pitch=0.0):
        return Line(text, 10.0, 50.0, y, 50.0 + 4.4 * (len(text) - 1), pitch)

    lines = (
        line("The print() function displays output to the user, and the options called", 700.0),
        line("sep and end can be used to customize that output. Each is a string of text", 688.0, 6.0),
        line("that stands between or after the values, as the table of the next page says.", 676.0),
    )
    (section,) = understand(document_of(Page(1, "1", lines))).sections
    assert section.text == " ".join(line.text for line in lines)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (("4 Greedy Algorithms", "Exercises"), "exercise"),
        (("1 Recursion", "Exercises", "Tower of Hanoi"), "exercise"),
        (("Chapter 1 Data", "Practice", "1.2 Sampling"), "exercise"),
        (("Chapter 1 Data", "Bringing It Together: Homework"), "exercise"),
        (("3.4 Review Problems",), "exercise"),
        (("2 Mannigfaltigkeiten", "Übungsaufgaben"), "exercise"),
        (("Chapitre 2", "Exercices"), "exercise"),
        (("Chapter 1 Data", "Solutions"), "solution"),
        (("A Answers to Selected Exercises", "Chapter 1", "Exercises"), "solution"),
        (("Solutions to Odd-Numbered Problems",), "solution"),
        (("Lösungen der Übungsaufgaben",), "solution"),
        (("Corrigés des exercices",), "solution"),
        (("12 Solutions",), "text"),  # of salt in water
        (("3 Equations", "3.2 Solutions of linear systems"), "text"),
        (("3 Equations", "Solution of the heat equation"), "text"),
        (("Preface", "Answers to Questions in the Book"), "text"),
        (("5 Practice makes perfect",), "text"),
        ((), "text"),
    ],
)
def test_exercises_and_solutions_are_told_by_their_headings(path, kind):
    assert kind_of(path) == kind


def test_a_contents_page_without_leaders_and_an_index_are_not_indexed():
    contents = [(f"{n}.1 A heading called {chr(96 + n) * 4} {4 * n}", 10.0, 50.0, 700.0 - 12 * n) for n in range(1, 13)]
    index = [(f"{chr(96 + n)}lgorithm, {n}, {n + 20}", 10.0, 50.0, 700.0 - 12 * n) for n in range(1, 13)]
    table = [(f"Town of {chr(96 + n) * 4} {(n * 7) % 11}", 10.0, 50.0, 700.0 - 12 * n) for n in range(1, 13)]
    book = understand(
        document_of(
            page_of(*contents, number=1),
            page_of(("Last entries 50", 10.0, 50.0, 700.0), number=2, label="2"),
            page_of(*prose(700.0), number=3, label="3"),
            page_of(*table, number=4, label="4"),
            page_of(*index, number=5, label="5"),
        )
    )
    assert {page for section in book.sections for page in section.pages} == {3, 4}


def test_a_wrapped_heading_takes_the_space_that_its_outline_lost():
    (section,) = understand(
        document_of(
            page_of(("Science and the Universe: A Brief", 16.0, 50.0, 700.0), ("Tour", 16.0, 50.0, 680.0), *prose(650.0)),
            outline=[OutlineEntry(0, "Science and the Universe: A BriefTour", 1, 710.0)],
        )
    ).sections
    assert section.path == ("Science and the Universe: A Brief Tour",)


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("Second Edition", "Heaps, Second Edition"),
        ("3rd revised edition", "Heaps, 3rd revised edition"),
        ("2., überarbeitete Auflage", "Heaps, 2., überarbeitete Auflage"),
        ("2e édition", "Heaps, 2e édition"),
        ("This second edition was written in a hurry.", "Heaps"),
        ("What changed since the first edition", "Heaps"),
    ],
)
def test_the_title_names_the_edition_that_the_title_page_does(line, title):
    page = page_of(("A Book on Heaps", 20.0, 72.0, 700.0), (line, 12.0, 72.0, 600.0), ("A heap is a tree.", 10.0, 72.0, 500.0))
    assert understand(Document(Path("made.pdf"), "Heaps", (page,), ())).title == title


def test_a_title_that_names_its_edition_is_left_alone():
    page = page_of(("Second Edition", 12.0, 72.0, 600.0), ("A heap is a tree.", 10.0, 72.0, 500.0))
    for title in ("Heaps 2e", "Heaps, Second Edition"):
        assert understand(Document(Path("made.pdf"), title, (page,), ())).title == title
