"""A question that a program asks, over HTTP or MCP: by whom, of which course, and what comes of it.

Knows nothing of the protocols, and tells a program nothing of the machine.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Callable, Generator, Sequence
from contextlib import aclosing
from dataclasses import dataclass

from llama_index.core.llms import ChatMessage, MessageRole

from index_store.errors import CourseTutorError
from index_store.passage import Passage
from tutor.accounts import Key
from tutor.activity.exchange import exchange
from tutor.activity.log import ActivityLog
from tutor.answering.answer import Answer, AnswerStream, Turn, checked_question
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.service import AnsweringService
from tutor.web import book, line
from tutor.web.limits import QuestionLimit, too_many
from tutor.web.working import Waiting, Work

WAITING = 64  # answers of programs on their way
TURNS = 15  # the last ones are used, as many as the chat keeps


class NotAsked(Exception):
    """`status` is HTTP's; `wait` seconds make sense before another try, where above 0."""

    def __init__(self, status: int, message: str, code: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.status, self.message, self.code, self.wait = status, message, code, wait


@dataclass(frozen=True)
class Usage:
    """Tokens of an answer by the model's own count; 0 where no model was asked."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class Place:
    """Where passage `number` stands: `page` counts in the file from 1, `label` is what is printed on it.

    `url` shows the page; None where no server shows any.
    """

    number: int
    book: str
    file: str
    page: int
    label: str
    section: str
    passage_id: str
    url: str | None
    text: str


@dataclass(frozen=True)
class Begun:
    """The beginning of an answer: what was found, and whether it is taken to answer."""

    found: bool
    passages: tuple[Place, ...]


@dataclass(frozen=True)
class Finished:
    """The end of an answer."""

    answer: Answer
    citations: tuple[Place, ...]
    usage: Usage


Piece = Begun | str | Finished
"""First what was found, then the text as it comes, then the end."""

Placed = Callable[[int, Passage], Place]


class Asking:
    """Answers programs' questions, as many as each may ask."""

    def __init__(self, service: AnsweringService, limit: QuestionLimit, log: ActivityLog) -> None:
        self._service = service
        self._limit = limit
        self._log = log
        self._on_their_way = 0

    def courses(self, key: Key) -> list[str]:
        """The courses that there are for this key."""
        return [course.name for course in self._service.library.courses() if key.may_ask(course.name)]

    async def ask(
        self, key: Key, course: str, question: str, base: str = "", turns: Sequence[Turn] = ()
    ) -> AsyncGenerator[Piece, None]:
        """The answer as it comes. Raises NotAsked. When the reader leaves, the generation ends.

        `base` is the address of the server that shows the books' pages, with a slash at its end; "" where none does.
        """

        def steps(turn: line.Turn) -> Generator[Piece, None, None]:
            engine, stream, place = self._found(course, question, turns, base)
            yield _begun(stream, place)
            if stream.generates and not turn():
                return
            yield from stream
            answer = stream.answer
            assert answer is not None
            student = self._log.key(key.name)
            self._log.record(
                lambda: exchange(engine, course=course, student=student, question=question, turns=turns, answer=answer)
            )
            yield Finished(answer, tuple(place(c.number, c.passage) for c in answer.citations), _usage(engine, stream))

        async with aclosing(self._worked_out(key, course, question, steps)) as pieces:
            async for piece in pieces:
                yield piece

    async def search(self, key: Key, course: str, question: str, base: str = "") -> Begun:
        """What is found, unanswered. Raises NotAsked."""

        def steps(turn: line.Turn) -> Generator[Piece, None, None]:
            _, stream, place = self._found(course, question, (), base)
            yield _begun(stream, place)

        async with aclosing(self._worked_out(key, course, question, steps)) as pieces:
            begun = await anext(pieces)
        assert isinstance(begun, Begun)
        return begun

    async def _worked_out(
        self, key: Key, course: str, question: str, steps: Callable[[line.Turn], Generator[Piece, None, None]]
    ) -> AsyncGenerator[Piece, None]:
        """What `steps` yields, where the question may be asked. Raises NotAsked."""
        self._check(key, course, question)
        if self._on_their_way >= WAITING:
            raise NotAsked(503, "Too many answers are on their way. Try again in a moment.", "overloaded", 5)
        if wait := self._limit.allow(user_of(key)):
            raise NotAsked(429, too_many(wait), "rate_limit_exceeded", wait)
        self._on_their_way += 1
        try:
            async with aclosing(Work(steps).results()) as results:
                async for piece in results:
                    if not isinstance(piece, Waiting):
                        yield piece
        except CourseTutorError as error:  # it may name folders and addresses, which are not a program's to know
            logging.getLogger(__name__).warning("course %r is not answered: %s", course, error)
            raise NotAsked(503, f"The course {course!r} cannot be answered at the moment.", "unavailable") from None
        finally:
            self._on_their_way -= 1

    def _found(
        self, course: str, question: str, turns: Sequence[Turn], base: str
    ) -> tuple[CourseQueryEngine, AnswerStream, Placed]:
        engine = self._service.engine(course)
        books = {entry.file: entry.sha256 for entry in engine.search.manifest.books}

        def place(number: int, passage: Passage) -> Place:
            where = book.address(course, books, passage) if base else ""
            return _place(number, passage, f"{base}{where}" if where else None)

        return engine, engine.stream(question, turns[-TURNS:]), place

    def _check(self, key: Key, course: str, question: str) -> None:
        known = self.courses(key)
        if course not in known:
            there = f"There are: {', '.join(known)}." if known else "There is none for this key."
            raise NotAsked(404, f"There is no course {course[:64]!r}. {there}", "model_not_found")
        try:
            checked_question(question)
        except CourseTutorError as error:
            raise NotAsked(400, str(error), "invalid_question") from None


def _usage(engine: CourseQueryEngine, stream: AnswerStream) -> Usage:
    if not stream.prompt or stream.answer is None:
        return Usage(0, 0)
    count, prompt = engine.model.count_tokens, list(stream.prompt)
    before = count(prompt)
    said = ChatMessage(role=MessageRole.ASSISTANT, content=stream.answer.text)
    return Usage(before, max(0, count([*prompt, said]) - before))


def user_of(key: Key) -> str:
    """Who asks, as limits and records name it."""
    return f"key {key.name}"


def _begun(stream: AnswerStream, place: Placed) -> Begun:
    return Begun(stream.found, tuple(place(number, hit.passage) for number, hit in enumerate(stream.hits, 1)))


def _place(number: int, passage: Passage, url: str | None) -> Place:
    return Place(
        number,
        passage.book,
        passage.file,
        passage.page,
        passage.label,
        passage.section_title,
        passage.id,
        url,
        passage.text,
    )
