"""One answer on its way to the page: a thread works it out, one reader shows it, and it can be stopped at any moment.

Gradio's own `cancels` is not used. It goes by session and function, so a late one ends the next answer; and the stopped
answer, the stop button and the events behind them would all write the conversation, in no certain order. Here only the
reader writes: once stopped, it takes nothing more from the thread, and its last word is "Stopped."
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import AsyncIterator, Callable, Generator
from dataclasses import dataclass

from index_store.errors import CourseTutorError
from index_store.passage import Passage
from tutor.activity.exchange import Exchange, Outcome, exchange, new_id
from tutor.activity.log import ActivityLog
from tutor.answering.answer import AnswerStream
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.service import AnsweringService
from tutor.phrases import ENGLISH, Phrases
from tutor.web import book, conversation, quizzing, render
from tutor.web.conversation import Messages
from tutor.web.limits import too_many
from tutor.web.line import ANSWERS, Line, Turn
from tutor.web.working import Waiting, Work


@dataclass(frozen=True)
class Frame:
    """What the page shows at one moment: the reply as Markdown, the passages as HTML.

    `waiting`: the reply is a word on what goes on, no part of the answer. `last`: nothing follows.
    """

    reply: str
    passages: str
    waiting: bool = False
    last: bool = False


Frames = Generator[Frame, None, None]


class Reply:
    """The answer to the last of `messages`, which is a question on `course`; the tutor's own words are those of `say`.

    The log knows it by `id`.
    """

    def __init__(self, course: str, messages: Messages, say: Phrases = ENGLISH) -> None:
        self.id = new_id()
        self.course = course
        self.say = say
        self.messages = messages
        self.instead: Messages | None = None  # what the page shows now, where it was left
        self.forgotten = False
        self._begun = self._told = self.is_over = False
        self._stopped = False
        self._work: Work[Frame] | None = None

    def begin(self) -> bool:
        """Whether this is the first call: an answer is told once."""
        first, self._begun = not self._begun, True
        return first

    def close(self) -> bool:
        """Whether it is over, with the page ready for the next question; one that could not even begin is over too."""
        self.is_over = self._told or not self._begun
        return self.is_over

    def stop(self) -> None:
        """Nothing more is shown but that it was stopped, and its generation ends."""
        self._stopped = True
        if self._work:
            self._work.stop()

    def leave(self, shown: Messages, forgotten: bool = False) -> None:
        """Stop, for a page that shows `shown` now; `forgotten`: the browser is not to keep the conversation."""
        self.instead, self.forgotten = shown, forgotten
        self.stop()

    async def frames(self, steps: Callable[[Turn], Frames], line: Line = ANSWERS) -> AsyncIterator[Frame]:
        """What `steps` yields on a thread of its own, up to its last frame or the one that says "Stopped.".

        Raises what `steps` raises. They are given what waits for their turn in the `line`; meanwhile the place in it is told.
        """
        frame = Frame("", render.passages([], say=self.say), waiting=True)
        self._work = Work(steps, line)
        try:
            if not self._stopped:
                async with contextlib.aclosing(self._work.results()) as results:
                    async for what in results:
                        frame = self._waiting(what, frame) if isinstance(what, Waiting) else what
                        yield frame
                        if frame.last:
                            return
            if self._stopped:
                shown = "" if frame.waiting else frame.reply
                yield Frame(conversation.stopped(shown, self.say), frame.passages, last=True)
        finally:
            self._told = True

    def _waiting(self, waiting: Waiting, frame: Frame) -> Frame:
        """The place in the line, below what is shown already."""
        said = self.say("before_yours", count=waiting.before) if waiting.before else self.say("next_in_line")
        return Frame(f"*{said}*", frame.passages, waiting=True)


def answered(service: AnsweringService, reply: Reply, turn: Turn, log: ActivityLog, student: str, wait: float = 0.0) -> Frames:
    """The frames of an answer: what is being done, the answer as it grows, the answer with its pages.

    The passages are there before the `turn` of the model comes. What came of it is recorded when all is told, or as soon as it
    is stopped. Who has to `wait` so many seconds is told so instead.
    """
    say = reply.say
    if wait:
        yield Frame(f"{render.SOURCES}*{too_many(wait, say)}*".lstrip(), render.passages([], say=say), last=True)
        return
    *before, question = reply.messages
    asked = conversation.asked(question)
    turns = conversation.turns([message for message in before if not quizzing.is_part(message)])
    engine: CourseQueryEngine | None = None
    stream: AnswerStream | None = None
    outcome: Outcome | None = "failed"
    text, begun, first = "", time.perf_counter(), 0.0
    try:
        if not reply.course:
            raise CourseTutorError("there is no course yet. Make one with: tutor ingest BOOK.pdf --course NAME")
        engine = service.engine(reply.course)
        style = engine.model.style
        books = {entry.file: entry.sha256 for entry in engine.search.manifest.books}

        def where(passage: Passage) -> str:
            return book.address(reply.course, books, passage)

        if told := quizzing.told(engine, before, asked, say, where, service.settings.solutions):
            outcome = "answered"
            text = told.reply
            yield Frame(told.reply, told.passages, last=True)
            return
        stream = engine.stream(asked, turns, say)
        panel = render.passages(stream.hits, found=stream.found, address=where, say=say)
        if stream.found:
            yield Frame(f"*{say('reading', count=len(stream.hits))}*", panel, waiting=True)
        if stream.generates and not turn():
            outcome = "stopped"
            return
        for delta in stream:
            text += delta
            if text.strip():
                first = first or time.perf_counter() - begun
                yield Frame(render.piece(text, style), panel)
        answer = stream.answer
        assert answer is not None
        outcome = None
        panel = render.passages(stream.hits, answer, stream.found, where, say)
        yield Frame(render.finished(answer, style, where), panel, last=True)
    except GeneratorExit:
        outcome = outcome and "stopped"
        raise
    except CourseTutorError as error:
        yield Frame(render.escape_markdown(say("sorry", error=error)), render.passages([], say=say), last=True)
    finally:
        seconds = time.perf_counter() - begun

        def made() -> Exchange:
            assert engine is not None
            return exchange(
                engine, course=reply.course, student=student, question=asked, turns=turns, id=reply.id, text=text,
                answer=stream.answer if stream else None, outcome=outcome, seconds=seconds, first_token_seconds=first,
            )  # fmt: skip

        if engine:
            log.record(made)
