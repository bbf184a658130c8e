"""Which of two answers to a question is the better one, by students' thumbs or by an instructor.

A pair is made of the same question with the same passages, so that both answers are to the same prompt. Everything here is of
one course; a row of another is as good as none.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from index_store.errors import ActivityError
from tutor.activity.exchange import Exchange, new_id, now, same_question
from tutor.activity.masking import mask_told
from tutor.activity.store import ActivityStore
from tutor.phrases import ENGLISH, LANGUAGES, Phrases

Source = Literal["thumbs", "correction", "choice"]
SOURCES: tuple[Source, ...] = ("thumbs", "correction", "choice")
LONGEST = 8000  # characters of a correction
AWAITING = (
    "reviewed = '' AND (rating < 0 OR outcome IN ('refused', 'unsure')) AND passages != '[]' AND NOT EXISTS"
    " (SELECT 1 FROM preferences p WHERE p.exchange = exchanges.id OR p.other = exchanges.id)"
)


@dataclass(frozen=True)
class Preference:
    """`chosen` is the better answer to `prompt`. `by` says who decided; `leans`: the question leans on those before it."""

    id: str
    time: str
    course: str
    exchange: str
    question: str
    prompt: str
    chosen: str
    rejected: str
    source: Source
    by: str
    leans: bool


class Preferences:
    """The preferences of one course. Methods raise ActivityError where the log cannot be used, or has no such row."""

    def __init__(self, store: ActivityStore, course: str) -> None:
        self.store = store
        self.course = course

    def review_list(self, most: int = 200) -> list[tuple[Exchange, int]]:
        """The answers that await an instructor's word, newest first: rated down, doubtful or refused. Each once, with how often
        the same question got the same answer."""
        groups: dict[tuple[object, ...], list[Exchange]] = defaultdict(list)
        for row in self.store.of_course(self.course, where=AWAITING):
            groups[_asked_and_told(row)].append(row)
        return [(rows[0], len(rows)) for rows in list(groups.values())[:most]]

    def alternatives(self, id: str) -> list[Exchange]:
        """The other answers to the same question from the same passages, newest first, each wording once."""
        row = self._row(id)
        others: dict[str, Exchange] = {}
        for other in self.store.of_course(self.course, where="passages = ?", values=(json.dumps(row.passages),)):
            if other.id != id and _alike(other, row) and _told(other) != _told(row):
                others.setdefault(_told(other), other)
        return list(others.values())

    def correct(self, id: str, better: str, by: str) -> Preference:
        """`better` is what should have been answered; one that was given before for this row is replaced.

        Raises ActivityError where it is empty, too long, what was answered, or cites a passage that the question did not have.
        """
        row = self._row(id)
        better = mask_told(better.strip())
        if not better or len(better) > LONGEST:
            raise ActivityError(f"the correction has {len(better):,} characters. Write 1 to {LONGEST:,}.")
        if _same(better) == _told(row):
            raise ActivityError("the correction is what was answered. Change it, or put the answer aside.")
        return self._keep(row, None, better, as_written(row.answer), "correction", by)

    def refuse(self, id: str, by: str) -> Preference:
        """The books do not answer this: saying so would have been the better answer. The one way to teach a refusal."""
        return self.correct(id, ENGLISH("found_nothing"), by)

    def choose(self, chosen: str, rejected: str, by: str) -> Preference:
        """The answer of row `chosen` is better than that of row `rejected`; a word to the contrary before is taken back."""
        better, worse = self._row(chosen), self._row(rejected)
        if not _alike(better, worse):
            raise ActivityError("these are no answers to the same question from the same passages. Choose among alternatives.")
        if _told(better) == _told(worse):
            raise ActivityError("the two answers are the same. Choose among different ones.")
        return self._keep(better, worse, as_written(better.answer), as_written(worse.answer), "choice", by)

    def put_aside(self, id: str, by: str) -> None:
        """Nothing is to be learnt from this answer; it does not await review any more."""
        row = self._row(id)
        self._settle([row.id, *self._like(row)], by)

    def all(self, sources: Sequence[str] = SOURCES) -> list[Preference]:
        """The preferences from these sources, oldest first: what instructors said, and what thumbs say now."""
        found = [pair for pair in self._kept() if pair.source in sources]
        found += self._of_thumbs() if "thumbs" in sources else []
        return sorted(found, key=lambda pair: (pair.time, pair.id))

    def _row(self, id: str) -> Exchange:
        row = self.store.get(id)
        if row is None or row.course != self.course:
            raise ActivityError(f"course {self.course!r} has no such answer in its log (any more). Load the list again.")
        if not row.prompt or not row.answer.strip():
            raise ActivityError("this answer was stopped or failed, so there is nothing to compare. Choose another.")
        return row

    def _keep(self, row: Exchange, other: Exchange | None, chosen: str, rejected: str, source: Source, by: str) -> Preference:
        _check_numbers(chosen, len(row.passages))
        made = Preference(
            new_id(), now(), self.course, row.id, row.question, row.prompt, chosen, rejected, source, by, row.leans
        )
        second = other.id if other else None
        self._settle(self._like(row), by)
        with self.store.open() as database:
            if other:
                database.execute(
                    "DELETE FROM preferences WHERE source = 'choice' AND exchange IN (?1, ?2) AND other IN (?1, ?2)",
                    (row.id, other.id),
                )
            else:
                database.execute("DELETE FROM preferences WHERE source = 'correction' AND exchange = ?", (row.id,))
            database.execute(
                "INSERT INTO preferences (id, time, course, exchange, other, prompt, chosen, rejected, source, by)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (made.id, made.time, made.course, row.id, second, made.prompt, chosen, rejected, source, by),
            )
        return made

    def _like(self, row: Exchange) -> list[str]:
        """The ids of what else asked the same, was told the same, and awaits a word."""
        awaiting = self.store.of_course(self.course, where=AWAITING)
        return [one.id for one in awaiting if one.id != row.id and _asked_and_told(one) == _asked_and_told(row)]

    def _settle(self, ids: Sequence[str], by: str) -> None:
        with self.store.open() as database:
            database.executemany("UPDATE exchanges SET reviewed = ? WHERE id = ?", [(by or "instructor", id) for id in ids])

    def _kept(self) -> list[Preference]:
        if not self.store.file.exists():
            return []
        with self.store.open() as database:
            rows = database.execute(
                "SELECT p.*, e.question, e.leans FROM preferences p JOIN exchanges e ON e.id = p.exchange WHERE p.course = ?",
                (self.course,),
            )
            return [_preference(row) for row in rows]

    def _of_thumbs(self) -> list[Preference]:
        """A pair of every answer with thumbs up and every one with thumbs down, of one question with the same passages.

        A refusal is never the better one by thumbs: students cannot know what else the books say.
        """
        rated: dict[tuple[object, ...], list[Exchange]] = defaultdict(list)
        for row in self.store.of_course(self.course, where="rating != 0 AND passages != '[]' AND prompt != ''"):
            rated[(same_question(row.question), row.passages)].append(row)
        pairs = []
        for rows in rated.values():
            up = [row for row in rows if row.rating > 0 and row.outcome in ("answered", "unsure", "hint")]
            for better in up:
                for worse in (row for row in rows if row.rating < 0 and row.outcome not in ("stopped", "failed")):
                    if better.help != worse.help:  # what was asked for was not the same
                        continue
                    if _told(better) == _told(worse):  # asked again, answered alike
                        continue
                    pairs.append(
                        Preference(
                            f"{better.id}-{worse.id}", max(better.time, worse.time), self.course, better.id, better.question,
                            better.prompt, as_written(better.answer), as_written(worse.answer), "thumbs", "students",
                            better.leans or worse.leans,
                        )
                    )  # fmt: skip
        return pairs


def as_written(answer: str) -> str:
    """What the model wrote, with its citations, of an answer as it was shown: no mark of doubt and no warning before it."""
    from tutor.answering.citations import DOUBT

    if any(answer.startswith(Phrases(language)("unchecked")) for language in LANGUAGES):
        answer = answer.partition("\n\n")[2]
    return re.sub(rf"(?<=\]){re.escape(DOUBT)}", "", answer).strip()


def _same(text: str) -> str:
    return " ".join(text.split())


def _told(row: Exchange) -> str:
    """What was answered, by which equal answers are known."""
    return _same(as_written(row.answer))


def _asked_and_told(row: Exchange) -> tuple[object, ...]:
    return same_question(row.question), row.passages, _told(row)


def _alike(one: Exchange, other: Exchange) -> bool:
    same = same_question(one.question) == same_question(other.question)
    return same and bool(one.passages) and one.passages == other.passages


def _check_numbers(text: str, passages: int) -> None:
    from tutor.answering.citations import keep_valid

    if keep_valid(text, passages) != text:
        raise ActivityError(
            f"the better answer cites a number beyond [{passages}], and the question had {passages} passages. Mend the number;"
            " code goes between backticks."
        )


def _preference(row: sqlite3.Row) -> Preference:
    fields = {name: row[name] for name in Preference.__dataclass_fields__}
    return Preference(**{**fields, "leans": bool(row["leans"])})
