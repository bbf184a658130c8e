"""Questions with the pages that answer them, and whether a search finds those pages.

One JSON object a line: question, gold_pages [{file, page}] (pages counted from 1 in the file), answerable (true if left
out). Instructors save them with a course; benchmarks and `tutor evaluate retrieval` read files of them.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from index_store.errors import CourseError
from index_store.files import write_atomically

if TYPE_CHECKING:
    from index_store.manifest import BookEntry
    from index_store.search import Hit


@dataclass(frozen=True)
class Question:
    """A question; `pages` are (file, page from 1), empty where the books do not answer it."""

    text: str
    pages: tuple[tuple[str, int], ...]
    answerable: bool = True

    @property
    def place(self) -> str:
        return ", ".join(f"{file} p. {page}" for file, page in self.pages)


@dataclass(frozen=True)
class Retrieval:
    """How well the pages of answerable questions are found: shares of `questions`, and the mean reciprocal rank."""

    questions: int
    hit_at_1: float
    hit_at_3: float
    hit_at_5: float
    mrr: float


def read_questions(file: Path) -> list[Question]:
    """The questions in `file`; none where there is no file. Raises CourseError naming the line that is not one."""
    if not file.is_file():
        return []
    questions = []
    for number, line in enumerate(file.read_text("utf-8-sig", errors="replace").splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            pages = tuple((str(page["file"]), int(page["page"])) for page in row.get("gold_pages") or ())
            answerable = bool(row.get("answerable", True))
            if not isinstance(row["question"], str) or not row["question"].strip():
                raise ValueError("the question is empty")
            if answerable and not pages:
                raise ValueError("gold_pages is empty")
            questions.append(Question(row["question"], pages, answerable))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            reason = f"{error} is missing" if isinstance(error, KeyError) else str(error)
            raise CourseError(
                f'{file}, line {number}: {reason}. Write {{"question": "...", "gold_pages": [{{"file": "a.pdf", "page": 3}}]}}.'
            ) from None
    return questions


def write_questions(file: Path, questions: Sequence[Question]) -> None:
    """Replace the questions in `file`."""
    rows = [{"question": q.text, "gold_pages": [{"file": f, "page": p} for f, p in q.pages]} for q in questions]
    write_atomically(file, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


@contextmanager
def changing(file: Path) -> Iterator[list[Question]]:
    """The questions in `file`, to be changed in place: written when the block ends, by one at a time."""
    from filelock import FileLock

    with FileLock(file.with_suffix(".lock")):
        questions = read_questions(file)
        before = list(questions)
        yield questions
        if questions != before:
            write_questions(file, questions)


def page_named(text: str, books: Sequence[BookEntry]) -> tuple[str, int]:
    """File and page of "FILE:PAGE". Raises CourseError for what none of the books has."""
    pages = {book.file: book.pages for book in books}
    file, _, page = text.rpartition(":")
    if file not in pages:
        raise CourseError(f"page {text}: the course has no book {file or text!r}. Its books: {', '.join(sorted(pages))}.")
    if not page.isdecimal() or not 1 <= int(page) <= pages[file]:
        raise CourseError(f"page {text}: {file} has the PDF pages 1 to {pages[file]}. Write FILE:PAGE.")
    return file, int(page)


def found_at(question: Question, hits: Sequence[Hit]) -> int:
    """The place, from 1, of the first hit on one of the question's pages; 0 where none is."""
    pages = set(question.pages)
    for place, hit in enumerate(hits, 1):
        passage = hit.passage
        if any((passage.file, page) in pages for page in range(passage.page, passage.page_end + 1)):
            return place
    return 0


def score(places: Sequence[int]) -> Retrieval:
    """The figures for the places that `found_at` gave."""
    count = len(places)

    def share(most: int) -> float:
        return sum(0 < place <= most for place in places) / count

    return Retrieval(count, share(1), share(3), share(5), sum(1 / place for place in places if place) / count)
