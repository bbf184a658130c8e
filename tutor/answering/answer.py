"""What a question found, an answer on its way, and a finished one. Knows nothing of how they are made."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from llama_index.core.llms import ChatMessage

from index_store.errors import CourseTutorError
from index_store.search import Hit
from index_store.words import normalize
from tutor.answering.citations import Citation
from tutor.answering.multiple_choice import MultipleChoice
from tutor.phrases import ENGLISH, Phrases

LONGEST_QUESTION = 2000  # characters


@dataclass(frozen=True)
class Turn:
    """One earlier question and its answer."""

    question: str
    answer: str


@dataclass(frozen=True)
class Answer:
    """A finished answer. `citations` are those of `text`, checked; `notes` say what the reader should know about it.

    `found` is False where the course does not answer; `hits` are then the nearest passages. `doubtful` are the sentences that
    the passages they cite do not clearly bear out. `help` is the level of a hint that was given instead of the answer (see
    tutor.course_settings), for an exercise of `assignment`. `option` is the letter of the one that the book clearly speaks for,
    where the question had options to choose from. Times are seconds.
    """

    question: str
    text: str
    hits: tuple[Hit, ...]
    citations: tuple[Citation, ...]
    found: bool
    notes: tuple[str, ...]
    first_token_seconds: float
    seconds: float
    doubtful: tuple[str, ...] = ()
    help: str = ""
    assignment: str = ""
    option: str = ""


@dataclass(frozen=True)
class Found:
    """What a question found: `question` as it was searched, with the earlier questions it leans on as `context`.

    `enough` is whether the hits answer it; `choice` is there where it has options to choose from.
    """

    question: str
    context: tuple[str, ...]
    hits: tuple[Hit, ...]
    enough: bool
    notes: tuple[str, ...] = ()
    choice: MultipleChoice | None = None

    @property
    def whole(self) -> str:
        """The question together with what it leans on."""
        return " ".join([*self.context, self.question])


class AnswerStream:
    """An answer on its way: `hits` and `found` at once, text pieces by iterating, then `answer`.

    `question` is the one that was answered; `notes` say where it is not the one that was typed.
    The tutor's own words are those of `say`. `choice` is there where the question has options to choose from. `generates`:
    a model is asked, which takes its time. `quotes()`: it can say nothing but the book's own sentences.
    """

    def __init__(
        self,
        question: str,
        hits: Sequence[Hit],
        found: bool,
        pieces: Callable[[AnswerStream], Iterator[str]],
        notes: Sequence[str] = (),
        say: Phrases = ENGLISH,
        choice: MultipleChoice | None = None,
        generates: bool = False,
        quotes: Callable[[], bool] = lambda: False,
    ) -> None:
        self.generates = generates
        self.quotes = quotes
        self.say = say
        self.choice = choice
        self.question = question
        self.notes = tuple(notes)
        self.hits = tuple(hits)
        self.found = found
        self.answer: Answer | None = None
        self.prompt: Sequence[ChatMessage] = ()  # what the model was given, where it was asked
        self._pieces = pieces

    def __iter__(self) -> Iterator[str]:
        return self._pieces(self)

    def finish(self) -> Answer:
        """Read to the end and return the answer."""
        for _ in self:
            pass
        assert self.answer is not None
        return self.answer


def checked_question(question: str) -> str:
    """The question as it is searched. Raises CourseTutorError for an empty one and one over `LONGEST_QUESTION` characters."""
    question = normalize(question).strip()
    if not question:
        raise CourseTutorError("the question is empty. Type a question on the course.")
    if len(question) > LONGEST_QUESTION:
        raise CourseTutorError(
            f"the question has {len(question):,} characters, and at most {LONGEST_QUESTION:,} are read. Shorten it."
        )
    return question
