"""What an ingest would change, what it must not make worse, and how a book leaves a course."""

from __future__ import annotations

import shutil

import pytest

from index_store.errors import CourseError
from index_store.files import sha256_of
from index_store.generation import read_passages
from index_store.questions import Question, write_questions
from index_store.search import CourseSearch
from ingest.pipeline import ingest, preview, remove

LENSES = "= Lenses\nA converging lens brings parallel rays together at its focal point.\n"
MIRRORS = "= Mirrors\nA plane mirror shows a virtual image as far behind it as the object stands before it.\n"
SOUND = "= Sound\nSound in air is a longitudinal wave of pressure.\n"


@pytest.fixture
def course(library):
    return library.course("physics")


@pytest.fixture
def books(tmp_path, typeset):
    typeset(tmp_path / "books" / "optics.pdf", LENSES + MIRRORS)
    typeset(tmp_path / "books" / "waves.pdf", SOUND)
    return tmp_path / "books"


def files_of(folder):
    return {f: sha256_of(f) for f in folder.rglob("*") if f.is_file()} if folder.exists() else {}


def by_file(report):
    return {book.file: book for book in report.books}


def test_a_preview_tells_what_would_change_and_changes_nothing(library, course, embedding, books, typeset):
    first = preview([books], course, embedding)
    assert {book.file: (book.status, book.added) for book in first.books} == {
        "optics.pdf": ("read", 2),
        "waves.pdf": ("read", 1),
    }
    assert not course.folder.exists()

    ingest([books], course, embedding, library.vectors)
    before = files_of(library.home)
    typeset(books / "optics.pdf", LENSES + "= Prisms\nA prism spreads white light into its colours.\n")
    report = preview([books], course, embedding)
    optics = by_file(report)["optics.pdf"]
    assert (optics.status, optics.added, optics.removed, optics.kept) == ("read", 1, 1, 1)
    assert by_file(report)["waves.pdf"].status == "unchanged"
    assert report.passages == 3
    assert not report.published
    assert files_of(library.home) == before


def test_a_removed_book_is_no_longer_found_and_the_others_are_not_embedded_again(library, course, embedding, books):
    ingest([books], course, embedding, library.vectors)
    report = remove(["optics.pdf"], course, embedding, library.vectors)
    assert report.published
    assert report.embedded == 0
    assert {p.file for p in read_passages(course.live)} == {"waves.pdf"}
    hits = CourseSearch(course, embedding).search("how does a plane mirror show an image?")
    assert {hit.passage.file for hit in hits} == {"waves.pdf"}


def test_a_book_that_is_not_there_and_the_last_one_are_not_removed(library, course, embedding, books):
    ingest([books], course, embedding, library.vectors)
    live = course.live
    with pytest.raises(CourseError, match=r"no book 'optic.pdf'. Its books: optics.pdf, waves.pdf"):
        remove(["optic.pdf"], course, embedding, library.vectors)
    with pytest.raises(CourseError, match="nothing would be left"):
        remove(["optics.pdf", "waves.pdf"], course, embedding, library.vectors)
    assert course.live == live


def test_the_same_file_under_a_second_name_is_refused_naming_the_first(library, course, embedding, books):
    shutil.copy(books / "optics.pdf", books / "optics (1).pdf")
    report = ingest([books], course, embedding, library.vectors)
    (refused,) = report.refused
    assert refused.error.startswith(str(books / "optics.pdf"))  # folders are read in the order of their names
    assert "the same file as optics (1).pdf" in refused.error
    assert len(read_passages(course.live)) == 3


def test_a_new_index_that_loses_a_saved_questions_page_does_not_go_live_unless_forced(
    library, course, embedding, books, typeset
):
    ingest([books], course, embedding, library.vectors)
    write_questions(course.questions_file, [Question("how far behind a plane mirror is the image?", (("optics.pdf", 1),))])
    live = course.live
    typeset(books / "optics.pdf", "#pagebreak()\n" + LENSES + MIRRORS)
    report = ingest([books], course, embedding, library.vectors)
    assert not report.published
    (line,) = report.failed
    assert "how far behind a plane mirror is the image?" in line
    assert "optics.pdf p. 1" in line
    assert course.live == live
    assert len(course.generations()) == 1

    forced = ingest([books], course, embedding, library.vectors, force=True)
    assert forced.published
    assert forced.failed == report.failed
    assert {passage.page for passage in read_passages(course.live) if passage.file == "optics.pdf"} == {2}


def test_a_saved_question_whose_page_is_still_found_lets_a_new_index_through(library, course, embedding, books, typeset):
    ingest([books], course, embedding, library.vectors)
    write_questions(course.questions_file, [Question("how far behind a plane mirror is the image?", (("optics.pdf", 1),))])
    typeset(books / "waves.pdf", SOUND + "= Light\nLight is a transverse electromagnetic wave.\n")
    report = ingest([books], course, embedding, library.vectors)
    assert report.published
    assert report.failed == ()


def test_a_book_that_lost_most_of_its_text_does_not_go_live(library, course, embedding, books, typeset):
    pages = [f"= Part {n}\nThe lens number {n} brings parallel rays together at its own focal point.\n" for n in range(8)]
    typeset(books / "optics.pdf", "#pagebreak()\n".join(pages))
    ingest([books], course, embedding, library.vectors)
    live = course.live
    typeset(books / "optics.pdf", pages[0] + "#pagebreak()" * 7)
    report = ingest([books], course, embedding, library.vectors)
    assert not report.published
    assert report.failed == ("optics.pdf: 7 of 8 pages have no text; they are probably scanned",)
    assert course.live == live


def test_printed_numbers_that_a_book_had_and_lost_are_noticed(library, course, embedding, books, typeset):
    ingest([typeset(books / "optics.pdf", '#set page(numbering: "1")\n' + LENSES)], course, embedding, library.vectors)
    assert read_passages(course.live)[0].label == "1"
    report = ingest([typeset(books / "optics.pdf", LENSES)], course, embedding, library.vectors)
    assert report.failed == ("optics.pdf: its pages had printed numbers before, and have none now",)
