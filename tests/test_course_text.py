"""A course's books as text to train on: whole sections again, nothing twice, no solutions."""

from __future__ import annotations

from index_store.course import Library
from index_store.generation import read_passages
from index_store.passage import Passage
from ingest.chunk import cut
from ingest.structure import Book, Section
from tutor.course_text import joined, sections

SENTENCES = [f"Sentence {number} says of the heap that its key {number * 7 % 11} is the least." for number in range(60)]


def passage(text: str, section: tuple[str, ...], kind: str = "text") -> Passage:
    return Passage("a.pdf", "Book", section, 1, 1, "1", "1", text, 0, kind=kind)  # type: ignore[arg-type]


def test_a_section_is_whole_again_after_it_was_cut_with_overlap() -> None:
    text = " ".join(SENTENCES)
    book = Book("Book", (Section(("Heaps",), text, [0], [1]),), {1: "1"}, 1, 0, 0)
    passages = cut(book, "a.pdf", lambda part: len(part.split()), 128)
    assert len(passages) > 5
    assert sum(len(piece.text) for piece in passages) > len(text) * 1.1  # with overlap
    (document,) = sections(passages)
    assert document["section"] == ["Book", "Heaps"]
    assert document["text"].split() == ["Heaps", *text.split()]


def test_what_two_passages_share_stands_once() -> None:
    assert joined("One. Two. Three.", "Two. Three. Four.") == "One. Two. Three. Four."
    assert joined("It ends so", "so it begins") == "It ends so\nso it begins"  # two letters may be chance
    assert joined("One.", "Two.") == "One.\nTwo."
    assert joined("", "Two.") == "Two."


def test_solutions_are_read_only_where_they_may_be_shown() -> None:
    passages = [passage("What is it?", ("Exercises",), "exercise"), passage("It is a heap.", ("Solutions",), "solution")]
    assert [row["text"] for row in sections(passages)] == ["Exercises\n\nWhat is it?"]
    assert len(sections(passages, solutions=True)) == 2


def test_every_section_of_the_sample_course_is_there_in_reading_order(sample_library: Library) -> None:
    passages = read_passages(sample_library.course("sample").live)
    made = sections(passages, solutions=True)
    places = list(dict.fromkeys((row.book, *row.section) for row in passages))
    assert [tuple(row["section"]) for row in made] == places
    words = {word for row in made for word in row["text"].split()}
    assert {word for piece in passages for word in piece.text.split()} <= words
