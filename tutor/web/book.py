"""The page at hand: a book's page as it is printed, with a passage marked, at an address of its own.

`read/COURSE/BOOK/PAGE?passage=ID` is a small page of HTML that needs no script: it is shown beside the answer, and opens in any
tab; `read/COURSE/BOOK/PAGE/text?passage=ID` is the passage alone. BOOK is the beginning of the file's SHA-256 and PAGE counts
from 1 in the file, so that an address goes on naming the same page when a new edition is ingested. Nothing of an address
becomes a path.
"""

from __future__ import annotations

import base64
import html
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Header, Query, Response
from fastapi.responses import FileResponse, HTMLResponse, PlainTextResponse

from index_store.course import Course, Library
from index_store.errors import BookError, CourseTutorError, IndexDamagedError
from index_store.generation import read_passages
from index_store.manifest import BookEntry, read_manifest
from index_store.passage import SECTION_SEPARATOR, Passage, unit_of
from ingest.facsimile import Facsimile, facsimile
from ingest.readers import Readers
from tutor.phrases import Phrases, phrases_for

BOOK_DIGITS = 16
STYLE = (Path(__file__).parent / "book.css").read_text("utf-8")
# Nothing is fetched, run or sent, whatever a book's words are.
POLICY = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; frame-ancestors 'self'; base-uri 'none'"
PLAIN = {"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "private, max-age=300"}
PAINTED = 64  # pages kept, of some 200 KB each: a lecture's students look at the same ones
HEADERS = {"Content-Security-Policy": POLICY, **PLAIN}

Paint = Callable[[Path, int, str], Facsimile]
Accepted = Annotated[str, Header(alias="accept-language", max_length=1000)]


def address(course: str, books: Mapping[str, str], passage: Passage) -> str:
    """Where a passage is read, seen from the chat; `books` gives each file's SHA-256. Empty where the file is none of them."""
    digits = books.get(passage.file, "")[:BOOK_DIGITS]
    return f"read/{course}/{digits}/{passage.page}?passage={passage.id}" if digits else ""


@dataclass(frozen=True)
class _Book:
    """A book of a course, with its passages in reading order. Where `solutions` is False, those to exercises are hidden."""

    course: Course
    entry: BookEntry
    passages: Sequence[Passage]
    solutions: bool

    def of_page(self, number: int) -> list[Passage]:
        return [passage for passage in self.passages if passage.page <= number <= passage.page_end]

    def hides(self, passage: Passage) -> bool:
        return passage.kind == "solution" and not self.solutions

    def label(self, number: int) -> str:
        """What is printed on a page, as far as its passages say."""
        for passage in self.of_page(number):
            if passage.page == number:
                return passage.label
            if passage.page_end == number:
                return passage.label_end
        return ""

    def place(self, number: int) -> str:
        """The page as a reader looks it up."""
        unit, label = unit_of(self.entry.file), self.label(number)
        if unit != "page":
            return f"{unit} {number} of {self.entry.pages}"
        return f"p. {label} (PDF {number} of {self.entry.pages})" if label else f"PDF p. {number} of {self.entry.pages}"


def routes(
    library: Library, readers: Readers, solutions: bool = False, open_pdf: bool = True, language: str = "auto"
) -> APIRouter:
    """The addresses below `read/`. Pages are painted by `readers`, as many at a time as there are cores.

    Without `solutions` no page with a solution to an exercise is shown; with `open_pdf` whole PDFs are, theirs included. They
    speak `language`, or the browser's where it is "auto".
    """
    router = APIRouter()
    slots = threading.BoundedSemaphore(os.cpu_count() or 1)

    @lru_cache(PAINTED)  # a course keeps its books by content, so a path stands for one page for ever
    def paint(file: Path, number: int, text: str) -> Facsimile:
        with slots:
            return facsimile(file, number, text, readers)

    @router.get("/read/{course}/{book}/{page}")
    def page(
        course: str, book: str, page: int, passage: Annotated[str, Query(max_length=64)] = "", accept_language: Accepted = ""
    ) -> Response:
        say = phrases_for(accept_language, language)
        try:
            found = _find(library, course, book, passage, solutions)
            if not found or not 1 <= page <= found.entry.pages:
                return _said("page_gone", say, 404)
            marked = next((p for p in found.passages if p.id == passage and p.page <= page <= p.page_end), None)
            return HTMLResponse(_page(found, page, marked, passage, paint, open_pdf, say), headers=HEADERS)
        except CourseTutorError:  # it names the folder, which is not a student's to know
            return _said("course_gone", say, 404)

    @router.get("/read/{course}/{book}/{page}/text")
    def text(course: str, book: str, page: int, passage: Annotated[str, Query(max_length=64)]) -> Response:
        with suppress(CourseTutorError):
            found = _find(library, course, book, passage, solutions)
            for one in found.passages if found else ():
                if one.id == passage and found and not found.hides(one):
                    return PlainTextResponse(one.text, headers=HEADERS)
        return PlainTextResponse("", 404, headers=HEADERS)

    @router.get("/read/{course}/{book}.pdf")
    def pdf(course: str, book: str, accept_language: Accepted = "") -> Response:
        say = phrases_for(accept_language, language)
        try:
            found = _find(library, course, book, "", solutions)
        except CourseTutorError:  # it names the folder, which is not a student's to know
            return _said("course_gone", say, 404)
        file = found.course.book_file(found.entry) if found and open_pdf else None
        if not found or not file or file.suffix != ".pdf" or not file.is_file():
            return _said("book_gone", say, 404)
        name = Path(found.entry.file).name
        return FileResponse(
            file, media_type="application/pdf", filename=name, content_disposition_type="inline", headers=HEADERS
        )

    return router


def _find(library: Library, course: str, book: str, passage: str, solutions: bool) -> _Book | None:
    """The book as the live index has it, or an earlier one: an answer of last week may cite the edition before.

    The index that has the passage comes first. Raises CourseTutorError for an unknown course.
    """
    if len(book) != BOOK_DIGITS:
        return None
    found = library.existing(course)
    without: _Book | None = None
    for generation in found.generations()[::-1]:
        with suppress(IndexDamagedError):
            for entry in read_manifest(generation).books:
                if entry.sha256.startswith(book):
                    passages = [p for p in _passages(generation) if p.file == entry.file]
                    if not passage or any(p.id == passage for p in passages):
                        return _Book(found, entry, passages, solutions)
                    without = without or _Book(found, entry, passages, solutions)
    return without


@lru_cache(4)
def _passages(generation: Path) -> list[Passage]:
    return read_passages(generation)  # a generation never changes


def _page(book: _Book, number: int, marked: Passage | None, passage: str, paint: Paint, open_pdf: bool, say: Phrases) -> str:
    section = SECTION_SEPARATOR.join(marked.section) if marked else ""
    if not section:
        section = next((SECTION_SEPARATOR.join(p.section) for p in book.of_page(number)), "")
    title = f"{book.entry.title}, {book.place(number)}"
    shown = [passage for passage in book.of_page(number) if not book.hides(passage)]
    body, pdf = "".join(_texts(shown, marked)), ""
    hidden = len(shown) < len(book.of_page(number))
    if hidden:
        body = f'<p class="said">{html.escape(say("solutions_hidden"))}</p>{body}'
    elif book.entry.file.lower().endswith(".pdf"):
        body = _image(book, number, marked, paint, say)
    if book.entry.file.lower().endswith(".pdf") and open_pdf and not hidden:
        digits = book.entry.sha256[:BOOK_DIGITS]
        pdf = f'<a href="../{digits}.pdf#page={number}" target="_blank" rel="noopener">{html.escape(say("open_pdf"))}</a>'
    query = f"?passage={html.escape(passage, quote=True)}" if passage else ""
    turns = _turn(number - 1, book, query, "prev", say("previous")) + _turn(number + 1, book, query, "next", say("next"))
    return (
        f'<!doctype html><html lang="{say.language}"><head><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"><style>{STYLE}</style></head><body>'
        f'<header><div class="where"><b>{html.escape(book.entry.title)}</b> <span>{html.escape(book.place(number))}</span>'
        f'<div class="section">{html.escape(section)}</div></div>'
        f"<nav>{turns}{pdf}</nav>"
        "</header>"
        f"<main>{body}</main></body></html>"
    )


def _turn(number: int, book: _Book, query: str, way: str, name: str) -> str:
    if not 1 <= number <= book.entry.pages:
        return f'<span class="off" aria-hidden="true">{html.escape(name)}</span>'
    return f'<a rel="{way}" href="{number}{query}">{html.escape(name)}</a>'


def _image(book: _Book, number: int, marked: Passage | None, paint: Paint, say: Phrases) -> str:
    text = marked.text if marked else ""
    try:
        painted = paint(book.course.book_file(book.entry), number, text)
    except BookError as error:
        return f'<p class="said">{html.escape(say("page_not_shown", reason=error.reason))}</p>' + "".join(
            _texts(book.of_page(number), marked)
        )
    marks = "".join(
        f'<i style="left:{left:.2%};top:{top:.2%};width:{width:.2%};height:{height:.2%}"></i>'
        for left, top, width, height in painted.marks
    )
    told = (
        f'<details><summary>{html.escape(say("passage_as_text"))}</summary><p class="text">{html.escape(text)}</p></details>'
        if text
        else ""
    )
    alt = html.escape(f"{book.place(number)} of {book.entry.title}", quote=True)
    data = base64.b64encode(painted.data).decode()
    return (
        f'<figure><img alt="{alt}" width="{painted.width}" height="{painted.height}" src="data:image/webp;base64,{data}">'
        f"{marks}</figure>{told}"
    )


def _texts(passages: Sequence[Passage], marked: Passage | None) -> Iterator[str]:
    """A page of a book that has no pages to paint: its passages."""
    for passage in passages:
        tag = "mark" if passage == marked else "span"
        yield f'<p class="text"><{tag}>{html.escape(passage.text)}</{tag}></p>'


def _said(key: str, say: Phrases, status: int) -> HTMLResponse:
    return HTMLResponse(
        f'<!doctype html><html lang="{say.language}"><head><meta charset="utf-8"><title>Course Tutor</title>'
        f'<style>{STYLE}</style></head><body><p class="said">{html.escape(say(key))}</p></body></html>',
        status_code=status,
        headers=HEADERS,
    )
