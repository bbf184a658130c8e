"""The way through a question where an instructor holds answers back: to a hint, or to an answer that gives nothing of them.

A question that asks an exercise, or that is answered by what answers one, gets that exercise's hint. Any other is answered
without the passages that answer an exercise, and, where a model says it in its own words, only in sentences that the pages
left bear out and that tell nothing of an exercise's answer. No prompt is involved.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Protocol

from index_store.embedding import Embedding
from index_store.search import CourseSearch
from tutor.answering.answer import Answer, AnswerStream, Found, Turn
from tutor.answering.citations import keep_valid, only_borne_out, resolve
from tutor.answering.held import ABOUT, Guarded, Held, guard, hold, redacted
from tutor.answering.hints import hint, wants_more
from tutor.answering.sentences import MARKER, sentences
from tutor.course_settings import Assignment, CourseSettings
from tutor.phrases import ENGLISH, Phrases

OTHER_MATTER = 0.4  # cosine of a question to an exercise from which it is about that one
REMEMBERED = 12  # turns looked through for how often an exercise was asked


class Engine(Protocol):
    """What finds and answers where nothing is held back (see engine.py)."""

    search: CourseSearch
    embedding: Embedding
    passages: int

    def find(self, question: str, turns: Sequence[Turn] = (), say: Phrases = ENGLISH) -> Found: ...

    def answer(self, found: Found, turns: Sequence[Turn] = (), say: Phrases = ENGLISH) -> AnswerStream: ...


class Guide:
    """Answers as far as `limits` allow at `now`."""

    def __init__(self, engine: Engine, limits: CourseSettings, now: datetime, say: Phrases = ENGLISH) -> None:
        self.engine = engine
        self.say = say
        self.limits = limits
        self.now = now
        out = [assignment for assignment in limits.assignments if assignment.level(now) != "full"]
        self.out = self._hold(out)
        self.strict = limits.level(now) != "full"  # then what is released is the exception
        self.free = self._hold([a for a in limits.assignments if a not in out] if self.strict else [])

    def stream(self, question: str, turns: Sequence[Turn]) -> AnswerStream:
        """A hint, an answer, or a refusal."""
        asked, before = _asked(question, turns)
        found = self.engine.find(asked, before, self.say)
        guarded = self.out.asked(found.question, found.context)
        if not guarded and (guarded := self._answered(found)):
            guarded = self._talked_of(found.question, before, guarded)
        if not guarded and self.strict and found.enough and not self.free.asked(found.question, found.context):
            guarded = guard(found.whole, None, found.hits, self.engine.embedding)
        if not guarded and not found.enough and before:
            # "Just tell me", "why?": nothing of its own, and the question before was an exercise.
            guarded = self._exercise(before[-1].question)
        if guarded and guarded.hits:
            return self._hint(found, guarded, self._times(guarded, turns))
        if not found.enough:
            # The nearest places are named; what stands there is not shown, for it may be the answer differently asked for.
            return self.engine.answer(replace(found, hits=tuple(map(redacted, found.hits))), before, self.say)
        left = tuple(hit for hit in found.hits if not self.out.answered_by(hit))
        answer = self.engine.answer(replace(found, hits=left), before, self.say)
        if answer.quotes():
            return answer
        return AnswerStream(
            answer.question, left, True, lambda stream: self._checked(stream, answer), answer.notes, self.say, generates=True
        )

    def holds_back(self, text: str) -> bool:
        """Whether a question of these words would be given a hint."""
        return self.strict or self._exercise(text) is not None

    def _exercise(self, question: str, context: Sequence[str] = ()) -> Guarded | None:
        """The exercise that a question asks, or that the best passage for it answers."""
        if guarded := self.out.asked(question, context):
            return guarded
        hits = self.engine.search.search(question, 1)
        return self.out.answered_by(hits[0]) if hits else None

    def _talked_of(self, question: str, before: Sequence[Turn], answered: Guarded) -> Guarded:
        """The exercise of the turn before, where the question is not about the one found: "just tell me the answer"."""
        earlier = self._exercise(before[-1].question) if before else None
        if not earlier or earlier is answered:
            return answered
        vectors = self.engine.embedding.embed([question, answered.text])
        return earlier if float(vectors[0] @ vectors[1]) < OTHER_MATTER else answered

    def _answered(self, found: Found) -> Guarded | None:
        """The exercise that the best of what was found answers."""
        return self.out.answered_by(found.hits[0]) if found.enough and found.hits else None

    def _hint(self, found: Found, guarded: Guarded, times: int) -> AnswerStream:
        rule = guarded.assignment or self.limits
        given = hint(guarded, rule, self.now, times, self.say)
        hits = [redacted(hit) for hit in guarded.hits[: given.places]]
        passages = [hit.passage for hit in hits]
        name = guarded.assignment.name if guarded.assignment else ""
        begun = time.perf_counter()

        def pieces(stream: AnswerStream) -> Iterator[str]:
            took = time.perf_counter() - begun
            cited = resolve(given.text, passages)
            stream.answer = Answer(
                found.question,
                given.text,
                stream.hits,
                cited,
                True,
                stream.notes,
                took,
                took,
                help=given.level,
                assignment=name,
            )
            yield given.text

        return AnswerStream(found.question, hits, True, pieces, found.notes, self.say)

    def _checked(self, stream: AnswerStream, answer: AnswerStream) -> Iterator[str]:
        """A model's own words, told when all of them are there and were looked through."""
        made = answer.finish()
        stream.prompt = answer.prompt
        text = only_borne_out(made.text, made.doubtful) if made.found else made.text
        if not made.found or not text or self.out.told_by(sentences(MARKER.sub("", text))):
            text = self.say("held_back")
        notes = made.notes if text == made.text else (*stream.notes, self.say("held_only_borne_out"))
        text = keep_valid(text, len(made.hits))
        cited = resolve(text, [hit.passage for hit in made.hits])
        stream.found = bool(cited)
        stream.answer = replace(made, text=text, citations=cited, found=bool(cited), notes=notes, doubtful=(), option="")
        yield text

    def _times(self, guarded: Guarded, turns: Sequence[Turn]) -> int:
        """How often the exercise was asked in the turns before, requests for more help with it counted."""
        times, latest = 0, False
        questions = [turn.question for turn in turns[-REMEMBERED:]]
        for number, question in enumerate(questions):
            if not wants_more(question):
                latest = self._same(guarded, question, questions[max(0, number - 1) : number])
            times += latest
        return times

    def _same(self, guarded: Guarded, question: str, context: Sequence[str]) -> bool:
        if not guarded.assignment:
            vectors = self.engine.embedding.embed([guarded.text, question])
            return float(vectors[0] @ vectors[1]) >= ABOUT
        return self._exercise(question, context) is guarded

    def _hold(self, assignments: Sequence[Assignment]) -> Held:
        """What the assignments hold back, worked out once for each index and set of exercises."""
        name = f"held {[assignment.model_dump_json() for assignment in assignments]}"
        return self.engine.search.once_a_generation(
            name, lambda search: hold(assignments, search, self.engine.embedding, self.engine.passages)
        )


def _asked(question: str, turns: Sequence[Turn]) -> tuple[str, Sequence[Turn]]:
    """The question that a request for more help is about, and the turns before it."""
    before = list(turns)
    while wants_more(question) and before:
        question = before.pop().question
    return question, [turn for turn in before if not wants_more(turn.question)]
