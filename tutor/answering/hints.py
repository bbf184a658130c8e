"""How much is said of an answer that is held back: where to read, a sentence with gaps, a step. No model is asked.

What a hint says is made of the exercise and of the book: words of the answer stand in it only where the exercise has them too,
so that it can be given whatever was asked.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime

from index_store.coverage import stems
from tutor.answering.followups import FUNCTION_WORDS
from tutor.answering.held import Guarded
from tutor.course_settings import LEVELS, Level, Restricted
from tutor.phrases import Phrases

MORE = re.compile(
    r"\W*(please\W+)?((can|could|may) (i|you) (have|get|give me)\W+)?((give|show) me\W+|i (need|want)\W+)?"
    r"((some |a little |a bit )?more( help| hints?)?|(another|a stronger|a better|the next|next|one more|a) hint"
    r"|help( me)?( more)?|i('| a)?m (still )?stuck|i (still )?(don't|do not) (get|understand|see) it"
    r"|encore|plus d'aide|un (autre )?indice|plus d'indices|mehr( hilfe)?|(noch )?ein hinweis|hilfe)"
    r"\W*(please|s'il te pla[iî]t|s'il vous pla[iî]t|bitte)?\W*",
    re.IGNORECASE,
)
WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W_]+(?:['’-][^\W_]+)*|\S")
NAMED = 4  # words to look out for
PLACES = 2  # passages named
GAP = "____"
DECIDES = frozenset(
    re.findall(r"\w+", "not no never nor none only always cannot yes nicht kein nie nur immer ja nein oui non ne pas jamais")
)  # fmt: skip


@dataclass(frozen=True)
class Hint:
    """What is said; `level` is how much of the answer that is, and `places` are the hits it names, by their number from 1."""

    text: str
    level: Level
    places: int


def wants_more(question: str) -> bool:
    """Whether the question asks for nothing but more help with the one before."""
    return bool(MORE.fullmatch(question))


def hint(guarded: Guarded, rule: Restricted, now: datetime, asked_before: int, say: Phrases) -> Hint:
    """The hint for an exercise that was asked `asked_before` times: the first is a nudge, up to the level of the rule."""
    highest = rule.level(now)
    level = LEVELS[min(asked_before, LEVELS.index(highest))]
    hits = guarded.hits[:PLACES]
    parts = [_why(guarded, rule.released, say), _nudge(guarded, len(hits), say)]
    key, step = guarded.key, guarded.step
    if key and level != "nudge":
        if level == "step" and step and step.passage <= len(hits):
            parts.append(say("help_begin", sentence=step.text, place=f"[{step.passage}]"))
        parts.append(say("help_gaps", sentence=with_gaps(key.text, guarded.text), place=f"[{key.passage}]"))
    parts.append(say("help_last") if level == highest else say("help_more"))
    return Hint("\n\n".join(parts), level, len(hits))


def _why(guarded: Guarded, released: datetime | None, say: Phrases) -> str:
    if guarded.assignment and released:
        return say("hints_of_assignment_until", name=guarded.assignment.name, moment=_moment(released))
    if guarded.assignment:
        return say("hints_of_assignment", name=guarded.assignment.name)
    return say("hints_of_course_until", moment=_moment(released)) if released else say("hints_of_course")


def _nudge(guarded: Guarded, places: int, say: Phrases) -> str:
    read = say("help_read", places=" ".join(f"[{number}]" for number in range(1, places + 1)))
    words = _named(guarded, places)
    return f"{read} {say('help_look_for', words=', '.join(f'“{word}”' for word in words))}" if words else read


def _named(guarded: Guarded, places: int) -> list[str]:
    """Words of the exercise that its passages have too, the longest first: they tell what to look out for, and nothing new."""
    here = {stem for hit in guarded.hits[:places] for stem in stems(hit.passage.embedded_text)}
    words = dict.fromkeys(word for word in re.findall(r"[^\W\d_]{4,}", guarded.text) if set(stems(word)) & here)
    distinct = list({tuple(stems(word)): word for word in reversed(words)}.values())
    return sorted(distinct, key=lambda word: -len(word))[:NAMED]


def with_gaps(sentence: str, exercise: str) -> str:
    """The sentence with a gap for each run of words, numbers and signs that are neither speech nor the exercise's own."""
    given = set(stems(exercise))
    pieces: list[str] = []
    for match in WORD.finditer(sentence):
        word = match[0]
        common = word.casefold() in FUNCTION_WORDS - DECIDES or word in ",.;:()"
        if not common and not set(stems(word)) & given:
            word = GAP
        if word != GAP or not pieces or pieces[-1] != GAP:
            pieces.append(word)
    text = " ".join(pieces)
    return re.sub(rf"\s+(?=[,.;:)])|(?<=\()\s+|(?<={GAP}) (?={GAP})", "", text)


def _moment(moment: datetime) -> str:
    """A date and time, the same in every language: "2026-12-01, 18:00", in the machine's zone."""
    return f"{moment.astimezone():%Y-%m-%d, %H:%M}"
