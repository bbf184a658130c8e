"""What is held back while an assignment is out: its exercises, the passages that answer them, and the answers themselves.

The student's wording decides nothing here but which exercise is meant. A passage that answers an exercise is not told, by
whatever question it was found; a sentence that says what an answer says is not told, whoever wrote it. So there is nothing
to talk a model out of. Knows nothing of how a hint is worded (see hints.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

from index_store.embedding import Embedding
from index_store.passage import Passage
from index_store.search import CourseSearch, Hit
from tutor.answering.quoting import Quotable, choose_quotable, sentences
from tutor.course_settings import Assignment

if TYPE_CHECKING:
    import numpy as np

ABOUT = 0.7  # cosine of a question to an exercise from which it asks that
ANSWERING = 0.8  # of the best passage's nearness: those as near answer the exercise too
WIDER = 12  # passages looked through for those: more than an answer is made of
SAME = 0.8  # cosine from which a sentence says what another says
APART = 0.7  # cosine up to which a sentence does not yet say what another says
SHORTEST = 12  # characters of a clause that is compared by itself
CLAUSE = re.compile(r"(?<=[.!?;:,\n])\s+|\s+(?:and|also|then|but|und|auch|aber|et|aussi|mais)\s+", re.IGNORECASE)


@dataclass(frozen=True)
class Guarded:
    """An exercise, and what a full answer to it would be made of: `hits` and the sentences to quote of them.

    The answer's `key` sentence stands in the first of the hits; `step` leads there without saying the same.
    """

    text: str
    assignment: Assignment | None
    hits: tuple[Hit, ...]
    sentences: tuple[Quotable, ...]
    key: Quotable | None = None
    step: Quotable | None = None
    passages: frozenset[str] = frozenset()
    """The ids of the passages that answer it, or a part of it, and of those beside them in their section."""


@dataclass(frozen=True)
class Held:
    """The exercises of a course's assignments that are out. The vectors are L2-normalized rows, one a clause or sentence."""

    exercises: tuple[Guarded, ...]
    embedding: Embedding
    clauses: np.ndarray
    of_clause: tuple[int, ...]
    answers: np.ndarray
    of_answer: tuple[int, ...]

    def asked(self, question: str, context: Sequence[str] = ()) -> Guarded | None:
        """The exercise that the question, or a part of it, or it together with what it leans on, has the wording of."""
        parts = [question, *(" ".join([*context[-n:], question]) for n in range(1, len(context) + 1)), *clauses(question)]
        return self._nearest(parts, self.clauses, self.of_clause, ABOUT)

    def answered_by(self, hit: Hit) -> Guarded | None:
        """The exercise that the hit's passage answers: one that an answer would be made of, or that says the same."""
        if guarded := next((one for one in self.exercises if hit.passage.id in one.passages), None):
            return guarded
        return self.told_by(sentences(hit.passage.text))

    def told_by(self, said: Sequence[str]) -> Guarded | None:
        """The exercise whose answer one of the sentences tells."""
        return self._nearest(said, self.answers, self.of_answer, SAME)

    def _nearest(self, texts: Sequence[str], rows: np.ndarray, of: Sequence[int], least: float) -> Guarded | None:
        if not len(rows) or not texts:
            return None
        cosines = (self.embedding.embed(list(texts)) @ rows.T).max(axis=0)
        best = int(cosines.argmax())
        return self.exercises[of[best]] if cosines[best] >= least else None


def hold(assignments: Sequence[Assignment], search: CourseSearch, embedding: Embedding, passages: int) -> Held:
    """What `assignments` hold back in the course that `search` reads; a full answer is made of `passages` of them."""
    exercises: list[Guarded] = []
    parts: list[tuple[int, str]] = []
    told: list[tuple[int, str]] = []
    for assignment in assignments:
        for text in assignment.exercises:
            # What a part of it asks is answered elsewhere than what the whole does.
            found = [(part, search.search(part, WIDER)) for part in [text, *clauses(text)]]
            each = [guard(part, assignment, hits[:passages], embedding) for part, hits in found]
            parts += [(len(exercises), one.text) for one in each]
            told += [(len(exercises), quotable.text) for one in each for quotable in one.sentences]
            near = {hit.passage.id for _, hits in found for hit in _answering(hits)}
            exercises.append(replace(each[0], passages=frozenset(near) | _beside(near, search.passages())))
    return Held(
        exercises=tuple(exercises),
        embedding=embedding,
        clauses=embedding.embed([part for _, part in parts]),
        of_clause=tuple(n for n, _ in parts),
        answers=embedding.embed([text for _, text in told]),
        of_answer=tuple(n for n, _ in told),
    )


def guard(text: str, assignment: Assignment | None, hits: Sequence[Hit], embedding: Embedding) -> Guarded:
    """The exercise `text` with those of the hits that answer it; the one with the answer's key sentence comes first."""
    answering = _answering(hits)
    quotable = choose_quotable([hit.passage.text for hit in answering], text, embedding)
    key = next((one for one in quotable if one.nearest), None)
    if not key:
        return Guarded(text, assignment, tuple(answering), tuple(quotable))
    order = [key.passage, *(number for number in range(1, len(answering) + 1) if number != key.passage)]
    renumbered = [replace(one, passage=order.index(one.passage) + 1) for one in quotable]
    key = renumbered[quotable.index(key)]
    cosines = embedding.embed([one.text for one in renumbered]) @ embedding.embed([key.text])[0]
    apart = [one for one, cosine in zip(renumbered, cosines, strict=True) if cosine < APART and not one.leans]
    return Guarded(text, assignment, tuple(answering[n - 1] for n in order), tuple(renumbered), key, next(iter(apart), None))


def _answering(hits: Sequence[Hit]) -> list[Hit]:
    """The hits that are about as near as the nearest."""
    best = max((hit.nearest for hit in hits), default=0.0)
    return [hit for hit in hits if hit.nearest >= ANSWERING * best]


def _beside(ids: Set[str], passages: Sequence[Passage]) -> frozenset[str]:
    """The ids of the passages before and after those of `ids`, in their section: an answer goes on there.

    Who is told the beginning of an answer's point finds it there, and not by the exercise's words.
    """
    return frozenset(
        a.id
        for one, other in pairwise(passages)
        for a, b in ((one, other), (other, one))
        if b.id in ids and (a.file, a.section) == (b.file, b.section)
    )


def redacted(hit: Hit) -> Hit:
    """The hit with its place alone: whoever has it cannot tell its text."""
    return replace(hit, passage=replace(hit.passage, text="", id=""), part=None)


def clauses(text: str) -> list[str]:
    """The parts of a text that may ask something by themselves; none where it is a single one."""
    parts = [part.strip() for part in CLAUSE.split(text)]
    found = [part for part in parts if len(part) >= SHORTEST and len(part.split()) > 2]
    return found if len(parts) > 1 else []
