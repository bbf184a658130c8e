"""From sections to passages: they fit the model, stand where they say, and stay inside their section."""

from __future__ import annotations

import re
import unicodedata

import pypdf
import pytest

from index_store.generation import read_passages
from ingest.chunk import cut
from ingest.pdf import read_pdf
from ingest.structure import Book, Section, understand

BOOKS = ("algorithms.pdf", "mechanics.pdf", "probability.pdf")


def letters(text):
    """Only the plain letters, so that two readers' ideas of spaces, hyphens and formulas do not matter."""
    return re.sub(r"[^A-Za-z]", "", unicodedata.normalize("NFKC", text))


@pytest.fixture(scope="module")
def passages(sample_library):
    return read_passages(sample_library.course("sample").live)


def book_of(text, path=("1 Sets",), pages=(1,), starts=(0,)):
    section = Section(path, text, list(starts), list(pages))
    return Book("A Book", (section,), {n: str(n) for n in range(1, 10)}, 9, 0, 0)


def test_every_embedded_text_fits_what_the_model_reads(passages, embedding):
    # all-MiniLM-L6-v2 reads 256 tokens, two of which are [CLS] and [SEP].
    counts = [len(embedding.tokenizer.encode(p.embedded_text, add_special_tokens=True)) for p in passages]
    assert embedding.max_tokens == 256
    assert max(counts) <= 256
    assert max(counts) > 180, "passages are meant to fill the model's window"


def test_text_without_spaces_or_sentences_still_fits(embedding):
    text = "∑" * 3000 + " " + "x" * 3000 + " " + "лес " * 900 + "1,2;3." * 500
    made = cut(book_of(text), "b.pdf", embedding.count_tokens, embedding.max_tokens)
    assert len(made) > 10
    assert max(embedding.count_tokens(passage.embedded_text) for passage in made) <= 254


def test_a_long_heading_takes_its_room_from_the_passage(embedding):
    path = ("1 " + "Incomprehensible characterisations " * 8, "1.1 " + "Self-adjoint transformations " * 8)
    made = cut(
        book_of("A sentence of some length about sets. " * 100, path), "b.pdf", embedding.count_tokens, embedding.max_tokens
    )
    assert max(embedding.count_tokens(passage.embedded_text) for passage in made) <= 254


@pytest.mark.parametrize("book", BOOKS)
def test_a_passage_stands_on_the_pages_it_names(sample_books, passages, book):
    pages = [letters(page.extract_text()) for page in pypdf.PdfReader(sample_books / book).pages]
    checked = 0
    for passage in (p for p in passages if p.file == book):
        # A stretch of prose at each end; formulas and figures are ordered differently by different readers.
        for page, prose in (
            (passage.page, re.match(r"[A-Za-z ,.’]{24}", passage.text)),
            (passage.page_end, re.search(r"[A-Za-z ,.’]{24}$", passage.text)),
        ):
            if prose:
                checked += 1
                assert letters(prose.group()) in pages[page - 1]
    assert checked >= 25


@pytest.mark.parametrize(
    ("book", "sentence", "page", "label"),
    [
        # In the section on hash tables, the fourth page of chapter 1, which opens on physical page 4.
        ("algorithms.pdf", "in 2011 researchers showed that small requests full of colliding keys", 7, "4"),
        ("algorithms.pdf", "An algorithm is a recipe precise enough for something that has no common sense.", 2, "ii"),
    ],
)
def test_a_sentence_known_to_stand_on_a_page_is_cited_with_it(sample_books, passages, book, sentence, page, label):
    reader = pypdf.PdfReader(sample_books / book)
    wanted = letters(sentence)
    assert [n for n, p in enumerate(reader.pages, 1) if wanted in letters(p.extract_text())] == [page]
    assert reader.page_labels[page - 1] == label
    holding = [p for p in passages if p.file == book and sentence in " ".join(p.text.split())]
    assert holding
    assert all(p.page <= page <= p.page_end for p in holding)
    assert any((p.page, p.label) == (page, label) for p in holding)


def test_no_prose_of_a_section_is_left_out_of_its_passages(sample_books, passages):
    for book in BOOKS:
        for section in understand(read_pdf(sample_books / book)).sections:
            text = "\n".join(p.text for p in passages if p.file == book and p.section == section.path)
            for sentence in re.findall(r"[A-Z][a-z ,]{30,120}\.", section.text):
                assert sentence in text


def test_a_passage_never_crosses_a_section(embedding):
    book = Book(
        "B", (Section(("1 A",), "Alpha.  " * 3, [0], [1]), Section(("2 B",), "Beta. " * 3, [0], [1])), {1: "1"}, 1, 0, 0
    )
    made = cut(book, "b.pdf", embedding.count_tokens, embedding.max_tokens)
    assert [(p.section, p.text.split()[0]) for p in made] == [(("1 A",), "Alpha."), (("2 B",), "Beta.")]


def test_a_passage_across_a_page_names_both_pages_and_their_labels(embedding):
    text = "The sum begins here. And it ends there."
    book = Book("B", (Section(("S",), text, [0, text.index("And")], [4, 5]),), {4: "iv", 5: "1"}, 5, 0, 0)
    (passage,) = cut(book, "b.pdf", embedding.count_tokens, embedding.max_tokens)
    assert (passage.page, passage.page_end, passage.label, passage.label_end) == (4, 5, "iv", "1")


def test_a_repeated_sentence_gets_the_page_of_its_own_place(embedding):
    sentence = "This sentence is on every page of the appendix and has words enough to fill some room. "
    text = (sentence * 60).strip()
    starts = list(range(0, len(text), 1000))
    book = book_of(text, pages=range(1, len(starts) + 1), starts=starts)
    made = cut(book, "b.pdf", embedding.count_tokens, embedding.max_tokens)
    first_pages = [passage.page for passage in made]
    assert first_pages == sorted(first_pages)
    assert made[-1].page_end == (len(text) - 1) // 1000 + 1


def test_scraps_shorter_than_twelve_characters_are_no_passages(embedding):
    assert cut(book_of("□ QED."), "b.pdf", embedding.count_tokens, embedding.max_tokens) == []


def test_passages_of_one_course_have_different_ids_and_count_up_in_each_book(passages):
    assert len({passage.id for passage in passages}) == len(passages)
    for book in BOOKS:
        ordinals = [passage.ordinal for passage in passages if passage.file == book]
        assert ordinals == list(range(len(ordinals)))


def test_a_passage_is_of_its_sections_kind(embedding):
    sections = tuple(
        Section((kind,), f"A sentence of the kind {kind}.", [0], [1], kind) for kind in ("text", "exercise", "solution")
    )
    made = cut(Book("B", sections, {1: "1"}, 1, 0, 0), "b.pdf", embedding.count_tokens, embedding.max_tokens)
    assert [passage.kind for passage in made] == ["text", "exercise", "solution"]


def test_a_passage_that_ends_in_a_footnote_of_the_page_before_names_both_pages_in_order(embedding):
    text = "It begins here and goes on over the page.\n\nThis note stands on the page before."
    book = book_of(text, pages=(4, 5, 4), starts=(0, text.index("over"), text.index("This")))
    (passage,) = cut(book, "b.pdf", embedding.count_tokens, embedding.max_tokens)
    assert (passage.page, passage.page_end) == (4, 5)
