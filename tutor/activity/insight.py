"""What a course's log says: how questions ended, where in the books students are stuck, what is asked in vain.

Counted in Python over the rows of a period. Knows nothing of HTML and commands.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from statistics import NormalDist
from typing import TYPE_CHECKING

from tutor.activity.exchange import OUTCOMES, Exchange, chapter_of, same_question, subsection_of
from tutor.activity.store import ActivityStore

if TYPE_CHECKING:
    from index_store.embedding import Embedding

STUCK_QUESTIONS = 5  # fewest at a place of which it is said that students are stuck there
STUCK_STUDENTS = 3  # and fewest who asked them
FEWEST = 3  # students, below which their number is not told, and a place's own counts are not exported
CONFIDENT = NormalDist().inv_cdf(0.975)
ALIKE = 0.85  # cosine of questions that are one
COMPARED = 500  # wordings, the most frequent ones, that are compared by meaning
QUESTIONS_TOLD = 20
ENDS = {
    "answered": "answered",
    "hint": "helped by a hint",
    "unsure": "doubtful",
    "refused": "not in the books",
    "stopped": "stopped",
    "failed": "failed",
}
"""How each of OUTCOMES is called."""


@dataclass(frozen=True)
class Day:
    """How the questions of one day (UTC) ended: a count for each of OUTCOMES."""

    day: date
    counts: tuple[int, ...]

    @property
    def asked(self) -> int:
        return sum(self.counts)


@dataclass(frozen=True)
class Place:
    """A chapter, section or page of a book, and what was asked about it; a question may count as more than one kind of trouble.

    `trouble` is how many were refused, rated down or doubtful, each question once. A hint is the instructor's own rule.
    """

    book: str
    chapter: str
    section: str
    page: str
    asked: int
    refused: int
    rated_down: int
    unsure: int
    hints: int
    trouble: int
    students: int

    @property
    def name(self) -> str:
        """As a reader knows it."""
        return self.page or self.section or self.chapter

    @property
    def students_told(self) -> str:
        return str(self.students) if self.students >= FEWEST else f"<{FEWEST}"

    @property
    def share(self) -> float:
        return self.trouble / self.asked if self.asked else 0.0


@dataclass(frozen=True)
class RefusedQuestion:
    """A question that the course did not answer, with those that are nearly the same."""

    question: str
    times: int
    students: int


@dataclass(frozen=True)
class Insight:
    """A course over the days from `first` to `last`, both included. `stuck` holds the sections where students are stuck."""

    course: str
    first: date
    last: date
    asked: int
    students: int
    counts: dict[str, int]
    rated_up: int
    rated_down: int
    mean_trouble: float
    days: tuple[Day, ...]
    chapters: tuple[Place, ...]
    sections: tuple[Place, ...]
    pages: tuple[Place, ...]
    refused: tuple[RefusedQuestion, ...]
    stuck: tuple[Place, ...]

    @property
    def students_told(self) -> str:
        return str(self.students) if self.students >= FEWEST or not self.asked else f"<{FEWEST}"

    def sentence(self, place: Place) -> str:
        """Why it is said that students are stuck at `place`."""
        return (
            f"Students are stuck on {place.name}: of {place.asked} questions there, by {place.students} students, "
            f"{place.trouble} were refused, rated down or doubtful ({place.share:.0%}; "
            f"in the whole course {self.mean_trouble:.0%})."
        )

    def for_export(self) -> Insight:
        """The same without what tells of fewer than FEWEST students: such places are one row, such questions have no words."""
        return replace(
            self,
            chapters=_folded(self.chapters),
            sections=_folded(self.sections),
            pages=_folded(self.pages),
            refused=tuple(
                asked if asked.students >= FEWEST else replace(asked, question=f"(asked by fewer than {FEWEST} students)")
                for asked in self.refused
            ),
        )


def insight(
    store: ActivityStore, course: str, days: int = 30, embedding: Embedding | None = None, today: date | None = None
) -> Insight:
    """What the log says of a course over the last `days` days, today included.

    With an `embedding` refused questions that mean nearly the same are one; without, those of the same words.
    """
    last = today or datetime.now(UTC).date()
    first = last - timedelta(days=days - 1)
    rows = [row for row in store.of_course(course, first.isoformat(), prompts=False) if row.time[:10] <= last.isoformat()]
    placed = [row for row in rows if row.section or row.page]
    told = [row for row in placed if row.outcome not in ("stopped", "failed")]
    mean = sum(map(_is_trouble, told)) / len(told) if told else 0.0
    sections = _places(told, lambda row: (row.book, _chapter(row), _section(row), ""))
    return Insight(
        course=course,
        first=first,
        last=last,
        asked=len(rows),
        students=_students(rows),
        counts={outcome: sum(row.outcome == outcome for row in rows) for outcome in OUTCOMES},
        rated_up=sum(row.rating > 0 for row in rows),
        rated_down=sum(row.rating < 0 for row in rows),
        mean_trouble=mean,
        days=_days(rows, first, last),
        chapters=_places(told, lambda row: (row.book, _chapter(row), "", "")),
        sections=sections,
        pages=_places(told, lambda row: (row.book, _chapter(row), _section(row), _page(row))),
        refused=_refused([row for row in rows if row.outcome == "refused"], embedding),
        stuck=tuple(sorted((s for s in sections if _is_stuck(s, mean)), key=lambda s: -lower_bound(s.trouble, s.asked))),
    )


def lower_bound(hits: int, of: int) -> float:
    """The lower end of Wilson's 95 % interval for a share (Wilson 1927): what it is at least, after so few were seen."""
    if not of:
        return 0.0
    share, z = hits / of, CONFIDENT
    middle = share + z * z / (2 * of)
    spread = z * math.sqrt(share * (1 - share) / of + z * z / (4 * of * of))
    return (middle - spread) / (1 + z * z / of)


def _is_stuck(place: Place, mean: float) -> bool:
    """Enough questions of enough students, and more trouble than in the course even at the lower end of what is likely."""
    enough = place.asked >= STUCK_QUESTIONS and place.students >= STUCK_STUDENTS
    return enough and lower_bound(place.trouble, place.asked) > mean


def _is_trouble(row: Exchange) -> bool:
    return row.outcome in ("refused", "unsure") or row.rating < 0


def _days(rows: Sequence[Exchange], first: date, last: date) -> tuple[Day, ...]:
    """Every day of the period, those without a question too."""
    counted: dict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        counted[row.time[:10]][row.outcome] += 1
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    return tuple(Day(day, tuple(counted[day.isoformat()][outcome] for outcome in OUTCOMES)) for day in every)


def _places(rows: Sequence[Exchange], key: Callable[[Exchange], tuple[str, str, str, str]]) -> tuple[Place, ...]:
    """The places that `key` (book, chapter, section, page) tells apart, the one with most trouble first."""
    grouped: dict[Hashable, list[Exchange]] = defaultdict(list)
    for row in rows:
        grouped[key(row)].append(row)
    places = [
        Place(
            *key(group[0]),
            asked=len(group),
            refused=sum(row.outcome == "refused" for row in group),
            rated_down=sum(row.rating < 0 for row in group),
            unsure=sum(row.outcome == "unsure" for row in group),
            hints=sum(row.outcome == "hint" for row in group),
            trouble=sum(map(_is_trouble, group)),
            students=_students(group),
        )
        for group in grouped.values()
    ]
    return tuple(sorted(places, key=lambda place: (-place.trouble, -place.asked, place.book, place.chapter, place.name)))


def _folded(places: Sequence[Place]) -> tuple[Place, ...]:
    """The places with those of fewer than FEWEST students made one; who they are together is not told either."""
    few = [place for place in places if place.students < FEWEST]
    if not few:
        return tuple(places)
    together = Place(
        book="",
        chapter=f"(places with fewer than {FEWEST} students each)",
        section="",
        page="",
        asked=sum(place.asked for place in few),
        refused=sum(place.refused for place in few),
        rated_down=sum(place.rated_down for place in few),
        unsure=sum(place.unsure for place in few),
        hints=sum(place.hints for place in few),
        trouble=sum(place.trouble for place in few),
        students=0,
    )
    return (*(place for place in places if place.students >= FEWEST), together)


def _refused(rows: Sequence[Exchange], embedding: Embedding | None) -> tuple[RefusedQuestion, ...]:
    """The refused questions, the most frequent first; each group goes by its most frequent wording."""
    worded: dict[str, list[Exchange]] = defaultdict(list)
    for row in rows:
        worded[same_question(row.question)].append(row)
    groups = sorted(worded.values(), key=lambda group: (-len(group), group[0].question))
    if embedding and len(groups) > 1:
        groups, rest = groups[:COMPARED], groups[COMPARED:]
        vectors = embedding.embed([group[0].question for group in groups])
        near = vectors @ vectors.T >= ALIKE
        leaders: list[int] = []
        for number in range(len(groups)):
            leader = next((leader for leader in leaders if near[leader, number]), None)
            if leader is None:
                leaders.append(number)
            else:
                groups[leader] = groups[leader] + groups[number]
        groups = [groups[leader] for leader in leaders] + rest
    counted = [RefusedQuestion(group[0].question, len(group), _students(group)) for group in groups]
    return tuple(sorted(counted, key=lambda asked: -asked.times)[:QUESTIONS_TOLD])


def _students(rows: Sequence[Exchange]) -> int:
    """How many there are; browsers without a cookie cannot be told apart and count as none."""
    return len({row.student for row in rows} - {""})


def _chapter(row: Exchange) -> str:
    return chapter_of(row.section, row.book)


def _section(row: Exchange) -> str:
    return subsection_of(row.section, row.book)


def _page(row: Exchange) -> str:
    from index_store.passage import unit_of

    unit = unit_of(row.file)
    if unit != "page":
        return f"{unit} {row.page}"
    return f"p. {row.label}" if row.label else f"PDF p. {row.page}"
