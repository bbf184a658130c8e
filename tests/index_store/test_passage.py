"""What a passage says of itself."""

from __future__ import annotations

from dataclasses import replace

import pytest

from index_store.passage import Passage, embedding_prefix

PASSAGE = Passage(
    "a.pdf", "A Book", ("1 Sets", "1.1 Unions", "1.1.1 Finite ones"), 4, 4, "1", "1", "A union is a set.", 0
).with_id()


@pytest.mark.parametrize(
    ("page", "page_end", "label", "label_end", "printed"),
    [
        (4, 4, "4", "4", "p. 4"),
        (4, 5, "4", "5", "pp. 4-5"),
        (4, 4, "1", "1", "p. 1 (PDF 4)"),
        (3, 4, "iii", "1", "pp. iii-1 (PDF 3-4)"),
        (4, 4, "", "", "PDF p. 4"),
        (4, 5, "", "", "PDF pp. 4-5"),
    ],
)
def test_pages_are_cited_by_what_is_printed_on_them_then_by_the_files_count(page, page_end, label, label_end, printed):
    assert replace(PASSAGE, page=page, page_end=page_end, label=label, label_end=label_end).pages == printed


@pytest.mark.parametrize(
    ("file", "one", "two"),
    [
        ("a.pptx", "slide 4", "slides 4-5"),
        ("a.PPTX", "slide 4", "slides 4-5"),
        ("a.md", "part 4", "parts 4-5"),
        ("a.docx", "part 4", "parts 4-5"),
        ("a.html", "part 4", "parts 4-5"),
        ("a.PDF", "PDF p. 4", "PDF pp. 4-5"),
    ],
)
def test_places_in_other_files_than_pdfs_are_told_by_what_such_a_file_has(file, one, two):
    place = replace(PASSAGE, file=file, label="", label_end="")
    assert place.pages == one
    assert replace(place, page_end=5).pages == two


def test_the_pages_of_a_text_file_with_page_breaks_are_told_as_printed():
    assert replace(PASSAGE, file="a.txt", label="4", label_end="5", page_end=5).pages == "pp. 4-5"


@pytest.mark.parametrize("change", [{"text": "Other."}, {"page": 5}, {"file": "b.pdf"}, {"ordinal": 1}, {"section": ("2",)}])
def test_another_content_or_place_has_another_id_and_the_same_has_the_same(change):
    assert replace(PASSAGE, id="").with_id().id == PASSAGE.id
    assert replace(PASSAGE, **change).with_id().id != PASSAGE.id


def test_the_embedded_text_begins_with_the_last_two_headings():
    assert PASSAGE.embedded_text == "1.1 Unions > 1.1.1 Finite ones\nA union is a set."
    assert PASSAGE.section_title == "1 Sets > 1.1 Unions > 1.1.1 Finite ones"


def test_a_passage_without_headings_is_embedded_with_its_books_title():
    assert replace(PASSAGE, section=()).embedded_text == "A Book\nA union is a set."


def test_the_heading_line_has_at_most_160_characters():
    assert embedding_prefix("B", ("x" * 100, "y" * 100)) == "x" * 100 + " > " + "y" * 57


def test_a_passage_comes_back_equal_from_a_row_and_from_a_node():
    odd = replace(PASSAGE, section=('A "quoted" > heading', "é"), text="Zeile\nmit µ und 𝑥")
    assert Passage.from_dict(odd.as_dict()) == odd
    assert Passage.from_node(odd.as_node()) == odd


def test_the_metadata_of_a_node_is_flat_as_chroma_wants_and_is_not_embedded():
    node = PASSAGE.as_node()
    assert all(isinstance(value, str | int) for value in node.metadata.values())
    assert node.get_content(metadata_mode="embed") == PASSAGE.embedded_text


def test_a_passage_written_before_kinds_were_known_is_text():
    row = PASSAGE.as_dict()
    del row["kind"]
    assert Passage.from_dict(row).kind == "text"
    assert Passage.from_node(replace(PASSAGE, kind="exercise").as_node()).kind == "exercise"
