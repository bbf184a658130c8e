"""One question and what came of it, as the log keeps it. Knows nothing of files."""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from tutor.activity.masking import mask_told, mask_typed

if TYPE_CHECKING:
    from index_store.passage import Passage
    from tutor.answering.answer import Answer, Turn
    from tutor.answering.engine import CourseQueryEngine

Outcome = Literal["answered", "hint", "unsure", "refused", "stopped", "failed"]
OUTCOMES: tuple[Outcome, ...] = ("answered", "hint", "unsure", "refused", "stopped", "failed")
NUMBERED = re.compile(
    r"(?:(?:chapter|part|lecture|unit|kapitel|chapitre)\s+)?\d+(?:[.\s:]|$)|(?:appendix|anhang|annexe)\s+[A-Z\d]+\b",
    re.IGNORECASE,
)
ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True)
class Exchange:
    """A finished question: `student` is a pseudonym ("" where the browser has none), `time` is UTC in ISO 8601.

    `section`, `file`, `book`, `page` (counted in the file) and `label` (printed) are of the first passage that the answer
    cites, else of the nearest; empty and 0 where none is near. `passages` are the ids of those given, and `prompt` is the
    user's turn that has them and the question. `leans`: the question cannot be understood without the ones before it. Times
    are seconds. `rating` is -1, 0 or 1; `reviewed` says who put it aside.
    """

    id: str
    time: str
    course: str
    student: str
    question: str
    answer: str
    model: str
    style: str
    outcome: Outcome
    help: str = ""
    section: tuple[str, ...] = ()
    book: str = ""
    file: str = ""
    page: int = 0
    label: str = ""
    seconds: float = 0.0
    first_token_seconds: float = 0.0
    rating: int = 0
    passages: tuple[str, ...] = ()
    prompt: str = ""
    leans: bool = False
    reviewed: str = ""


def new_id() -> str:
    """An id that nobody can guess, so that only who has seen an answer can rate it."""
    return secrets.token_hex(16)


def now() -> str:
    """The time as the log writes it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def exchange(
    engine: CourseQueryEngine,
    *,
    course: str,
    student: str,
    question: str,
    turns: Sequence[Turn] = (),
    answer: Answer | None = None,
    text: str = "",
    outcome: Outcome | None = None,
    seconds: float = 0.0,
    first_token_seconds: float = 0.0,
    id: str = "",
) -> Exchange:
    """What the log keeps of a question, personal data masked.

    `answer` is None for one that was stopped or that failed; `text` is then what was told of it, and `outcome` says which.
    `seconds` and `first_token_seconds` are as who asked has waited; without, those of the answer.
    """
    from tutor.answering.followups import leaned_on

    asked = answer.question if answer else question
    place = _place(engine, answer) if answer else None
    made = Exchange(
        id=id or new_id(),
        time=now(),
        course=course,
        student=student,
        question=mask_typed(asked),
        answer=mask_told(answer.text if answer else text),
        model=engine.model.name,
        style=engine.model.style,
        outcome=outcome or (outcome_of(answer) if answer else "failed"),
        help=str(getattr(answer, "help", "") or ""),
        seconds=seconds or (answer.seconds if answer else 0.0),
        first_token_seconds=first_token_seconds or (answer.first_token_seconds if answer else 0.0),
        passages=tuple(hit.passage.id for hit in answer.hits) if answer else (),
        prompt=prompt_of(answer) if answer else "",
        leans=bool(leaned_on(asked, [turn.question for turn in turns], engine.search.has_word)),
    )
    if place is None:
        return made
    return replace(made, section=place.section, book=place.book, file=place.file, page=place.page, label=place.label)


def outcome_of(answer: Answer) -> Outcome:
    """How a finished answer counts: what is refused is neither doubtful nor a hint, and a hint is not doubtful."""
    if not answer.found:
        return "refused"
    if getattr(answer, "help", ""):
        return "hint"
    return "unsure" if answer.doubtful else "answered"


def prompt_of(answer: Answer) -> str:
    """The user's turn of a model that answers in its own words: the excerpts told, then the question, masked.

    An answer of quoted sentences came of another prompt, under a grammar; what can be learnt from it is what to say in words of
    one's own, so its prompt is this one too.
    """
    from tutor.answering.prompts import explain_question

    texts = [replace(hit.passage, text=hit.excerpt).embedded_text for hit in answer.hits]
    return explain_question(texts, mask_typed(answer.question))


def chapter_of(section: Sequence[str], book: str = "") -> str:
    """The first numbered heading of a path, else its first, else the book."""
    return next((title for title in section if NUMBERED.match(title)), section[0] if section else book)


def subsection_of(section: Sequence[str], book: str = "") -> str:
    """The heading below the chapter: the first that has a number of its own, else the first; the chapter where there is none.

    One without a number ("Exercises") is named together with its chapter.
    """
    chapter = chapter_of(section, book)
    below = list(section[list(section).index(chapter) + 1 :]) if chapter in section else []
    if not below:
        return chapter
    numbered = next((title for title in below if re.match(r"(?:\d+|[A-Z])\.\d", title)), "")
    return numbered or f"{chapter}: {below[0]}"


def same_question(text: str) -> str:
    """A question as it is compared: without case, spaces and marks at its ends."""
    return " ".join(text.casefold().split()).strip(" .?!…\"'")


def _place(engine: CourseQueryEngine, answer: Answer) -> Passage | None:
    """The passage that a question counts for; None where even the nearest is far, as for a question on another subject."""
    from tutor.answering.engine import NEARBY
    from tutor.answering.evidence import fit_threshold

    if answer.citations:
        return answer.citations[0].passage
    least = NEARBY * engine.search.once_a_generation("threshold", fit_threshold)
    near = [hit for hit in answer.hits if hit.similarity >= least]
    return near[0].passage if near else None
