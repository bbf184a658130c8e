"""Is a new generation good enough to go live? What was found before must still be found.

The checks compare it with the live one: books that lost their text or labels, and the instructor's saved questions. Whether
the index itself is sound is no matter of opinion, and is asked before (see index_store/verify.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from index_store.course import Course
from index_store.embedding import Embedding
from index_store.errors import CourseError, EmbeddingError, IndexDamagedError
from index_store.manifest import BookEntry, Manifest, read_manifest
from index_store.passage import Passage
from index_store.questions import Question, found_at, read_questions

if TYPE_CHECKING:
    from index_store.search import CourseSearch

MOST_WITHOUT_TEXT = 0.5
FEWER_PASSAGES = 0.5
MANY_PASSAGES = 20  # of a book whose loss of half of them is no matter of chance
LABELS_IN_ORDER = 0.8
AMONG_FIRST = 5


Passages = Mapping[str, Sequence[Passage]]
"""The passages of every book, in reading order."""


def check(course: Course, new: Path, embedding: Embedding, passages: Passages, before: Passages) -> list[str]:
    """What speaks against making `new` live, a line each; it has `passages`, and the live one `before`."""
    manifest = read_manifest(new)
    live, old = _live(course)
    entries = {book.file: book for book in old.books} if old else {}
    changed = [book for book in manifest.books if entries.get(book.file) != book]
    failed = [line for book in changed if (line := _of_book(book, entries.get(book.file)))]
    failed += [line for book in changed if (line := _of_labels(book.file, _labels(passages, book), _labels(before, book)))]
    return failed + _of_questions(course, live, new, embedding)


def _live(course: Course) -> tuple[Path | None, Manifest | None]:
    try:
        return course.live, course.manifest()
    except (CourseError, IndexDamagedError):
        return None, None


def _labels(passages: Passages, book: BookEntry) -> list[str]:
    """The printed labels of a book's passages, in reading order."""
    return [passage.label for passage in passages.get(book.file, ())]


def _of_book(book: BookEntry, before: BookEntry | None) -> str:
    if book.pages_without_text > MOST_WITHOUT_TEXT * book.pages:
        return f"{book.file}: {book.pages_without_text} of {book.pages} pages have no text; they are probably scanned"
    if before and before.passages >= MANY_PASSAGES and book.passages < FEWER_PASSAGES * before.passages:
        return f"{book.file}: {before.passages} passages before, now {book.passages}; is it the same book?"
    if before and book.passages / book.pages < FEWER_PASSAGES * before.passages / before.pages:
        return f"{book.file}: {book.passages} passages on {book.pages} pages, {before.passages} on {before.pages} before"
    return ""


def _of_labels(file: str, labels: Sequence[str], before: Sequence[str]) -> str:
    if any(before) and not any(labels):
        return f"{file}: its pages had printed numbers before, and have none now"
    numbers = [int(label) for label in labels if re.fullmatch(r"\d+", label)]
    rising = [a <= b for a, b in pairwise(numbers)]
    if rising and fmean(rising) < LABELS_IN_ORDER:
        return f"{file}: its printed page numbers do not rise ({', '.join(map(str, numbers[:8]))}, ...)"
    return ""


def _of_questions(course: Course, live: Path | None, new: Path, embedding: Embedding) -> list[str]:
    """The saved questions whose page is among the first passages now live, and would not be."""
    questions = read_questions(course.questions_file)
    if not questions or live is None:
        return []

    from index_store.search import CourseSearch

    try:
        before = _found(questions, CourseSearch(course, embedding, generation=live))
    except (IndexDamagedError, EmbeddingError):  # made with another embedding: nothing to compare with
        return []
    after = _found(questions, CourseSearch(course, embedding, generation=new))
    return [
        f"the question {question.text!r} finds its page ({question.place}) at place {was} now, and would "
        + (f"at place {now}" if now else "not find it")
        for question, was, now in zip(questions, before, after, strict=True)
        if 0 < was <= AMONG_FIRST and not 0 < now <= AMONG_FIRST
    ]


def _found(questions: Sequence[Question], search: CourseSearch) -> list[int]:
    """The place of each question's page among the hits, from 1; 0 where it is not found."""
    return [found_at(question, search.search(question.text, 2 * AMONG_FIRST)) for question in questions]
