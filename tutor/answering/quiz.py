"""A quiz from the books' own exercises: what a student asks for, single exercises, and what an answer has of the solution.

Knows nothing of pages in a browser and keeps nothing; who asks passes in what was asked before. No model grades: words, numbers
and nearness in meaning are compared, and the reader is told so.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from index_store.coverage import stems
from index_store.embedding import Embedding
from index_store.passage import Passage
from tutor.answering.support import NUMBER

SHORTEST, LONGEST = 15, 900  # characters of an exercise that is asked
OVERLAP = 15  # least characters that two passages in a row share
ON = r"(?:\s+(?:on|about|in|with|from|of|sur|zu[mr]?|über|aus|à propos de)\s+(?P<{}>.+?))?"
ASKS = re.compile(
    r"(?:please\s+|can you\s+|could you\s+|bitte\s+)*(?:"
    rf"(?:quiz|test|examine)\s+me{ON.format('a')}"
    rf"|(?:ask|give)\s+me\s+(?:a\s+(?:quiz(?:\s+question)?|question)|an\s+exercise|something|exercises|one){ON.format('b')}"
    rf"|(?:a\s+)?quiz{ON.format('c')}"
    rf"|(?:interroge[zr]?|quizz?e?[zr]?|teste[zr]?)[- ]moi{ON.format('d')}|pose[zr]?[- ]moi\s+une\s+question{ON.format('e')}"
    rf"|(?:frage?|prüfe?|teste?)\s+mich(?:\s+etwas)?{ON.format('f')}(?:\s+ab)?"
    rf"|(?:stell|gib)\s+mir\s+eine\s+(?:übungs)?(?:frage|aufgabe){ON.format('g')}"
    r")(?:\s*,?\s*(?:please|bitte|s[’']il (?:te|vous) plaît))?[\s.!?]*",
    re.IGNORECASE,
)
ANOTHER = re.compile(
    r"(?:(?:give me |ask me )?(?:another|next|one more)(?:\s+(?:one|question|exercise))?|skip(?:\s+(?:it|this|this one))?|again"
    r"|(?:encore )?une autre(?: question)?|encore une|suivante?|passe[rz]?|noch (?:eine|mal)"
    r"|(?:die )?nächste(?: (?:frage|aufgabe))?|überspringen)(?:\s*,?\s*please)?[\s.!]*",
    re.IGNORECASE,
)
STOP = re.compile(
    r"(?:please\s+)?(?:(?:stop|end|quit|exit|leave)(?:\s+(?:the\s+)?(?:quiz|quizzing(?: me)?|it))?|enough"
    r"|(?:arrête[rz]?|fini[rs]?)(?:\s+le)?(?:\s+quiz)?|(?:das\s+)?quiz\s+beenden|aufhören|stopp)[\s.!]*",
    re.IGNORECASE,
)
GIVES_UP = re.compile(
    r"(?:sorry[, ]+)?(?:i\s+(?:do\s*n[o']?t|don[’']t)\s+know(?:\s+(?:it|this|the answer))?|idk"
    r"|no\s+(?:idea|clue)|i\s+give\s+up|i\s+pass"
    r"|(?:please\s+)?(?:show|tell|give)\s+me\s+the\s+(?:solution|answer)|(?:the\s+)?(?:solution|answer)(?:\s+please)?"
    r"|(?:ich\s+)?wei(?:ß|ss)(?:\s+ich)?\s+(?:es\s+)?nicht|keine\s+ahnung|(?:zeig|sag)\s+mir\s+die\s+(?:lösung|antwort)"
    r"|je\s+(?:ne\s+)?sais\s+pas|aucune\s+idée|(?:montre|donne)[- ]moi\s+la\s+(?:solution|réponse))[\s.!?]*",
    re.IGNORECASE,
)
# What opens a question for the books, and no answer to an exercise.
ASKS_BOOKS = re.compile(
    r"\W*(?:what|why|how|when|where|who|which|explain|define|describe|tell|show|compare|summari[sz]e|thanks?|thank|hello|hi"
    r"|was|warum|wie|wann|wo|wer|welche\w*|erklär\w*|danke|pourquoi|comment|quand|qui|quel\w*|explique\w*|merci|qu[’'])\b",
    re.IGNORECASE,
)
CHAPTER = re.compile(
    r"(?:the\s+)?(?:chapter|chap\.?|ch\.?|section|sec\.?|chapitre|kapitel|abschnitt|part)?\s*(\d+(?:\.\d+)*)\.?", re.I
)
# "2.3 What" within a line, "7. The" at the beginning of one; a star or heart before it says how hard it is.
DOTTED = r"(?:(?<=\n)|(?<=[.?!)…] )|^)[^\w\s“(]{0,2}(?P<dotted>\d{1,2}\.\d{1,3})\.?\s+(?=\S)"
PLAIN = r"(?:(?<=\n)|^)[^\w\s“(]{0,2}(?P<plain>\d{1,3})[.)]\s+(?=\S)"
LABELS = re.compile(f"{DOTTED}|{PLAIN}", re.MULTILINE)
HEADING = re.compile(r"^(?:chapter\s+)?(\d+(?:\.\d+)*)\b", re.IGNORECASE)
PIECE = re.compile(r"(?<=[.!?;])\s+(?=[^a-z])|\n+|,\s+(?=(?:and|but|so|und|et)\s)")
COUNTED = {word: str(n) for n, word in enumerate("zero one two three four five six seven eight nine ten eleven twelve".split())}  # noqa: SIM905
DIRECTION = re.compile(r"\b(yes|no|true|false|oui|non|ja|nein)\b", re.IGNORECASE)
AGREES = {"yes": True, "true": True, "oui": True, "ja": True, "no": False, "false": False, "non": False, "nein": False}
LETTER = re.compile(r"\(?([a-j])[).]?", re.IGNORECASE)  # the whole solution of a multiple-choice exercise
LETTER_SAID = re.compile(r"\W*(?:answer|option|it is|it[’']s)?\W*([a-j])(?!\w)", re.IGNORECASE)
COVERED, NEAR = 0.5, 0.75  # share of a point's words, cosine to it: either is taken for having it


@dataclass(frozen=True)
class Request:
    """What is asked for: a question on what it is `about` ("" for anything), another one, the solution, or an end."""

    wants: Literal["question", "another", "stop", "solution"]
    about: str = ""


@dataclass(frozen=True)
class Exercise:
    """One exercise under the number that the book gives it; `passage` is where it begins."""

    passage: Passage
    label: str
    text: str

    @property
    def chapter(self) -> tuple[str, str]:
        return self.passage.file, self.passage.section[0] if self.passage.section else ""


@dataclass(frozen=True)
class Comparison:
    """The points of the book's solution that an answer has, and those that were not found in it."""

    had: tuple[str, ...]
    missing: tuple[str, ...]


def request_of(text: str) -> Request | None:
    """What a message asks of a quiz; None for a message that is none. All but the first mean something only in a quiz."""
    said = " ".join(text.split())
    if asked := ASKS.fullmatch(said):
        return Request("question", next((about.strip() for about in asked.groups() if about), ""))
    if ANOTHER.fullmatch(said):
        return Request("another")
    if GIVES_UP.fullmatch(said):
        return Request("solution")
    return Request("stop") if STOP.fullmatch(said) else None


def exercises(passages: Iterable[Passage]) -> list[Exercise]:
    """The single exercises of a course in reading order; those that carry no number cannot be told apart and are left out."""
    found = _numbered(passage for passage in passages if passage.kind == "exercise")
    return [exercise for exercise in found if SHORTEST <= len(exercise.text) <= LONGEST]


def solution_of(exercise: Exercise, passages: Iterable[Passage]) -> Exercise | None:
    """The book's solution under the exercise's number, of the same chapter where numbers begin anew in each; None without."""
    same = [
        solution
        for solution in _numbered(p for p in passages if p.kind == "solution" and p.file == exercise.passage.file)
        if solution.label == exercise.label
    ]
    return next((s for s in same if s.chapter == exercise.chapter), same[0] if same and "." in exercise.label else None)


def in_chapter(found: Sequence[Exercise], about: str) -> list[Exercise] | None:
    """The exercises of the chapter or section that `about` names by number; None where it names none."""
    named = CHAPTER.fullmatch(about.strip())
    if not named:
        return None
    number = named[1]
    return [e for e in found if any((m := HEADING.match(title)) and _within(m[1], number) for title in e.passage.section)]


def chapters(found: Sequence[Exercise]) -> list[str]:
    """The outermost headings that have exercises, in reading order."""
    return list(dict.fromkeys(exercise.chapter[1] or exercise.passage.book for exercise in found))


def compare(solution: str, answer: str, exercise: str, embedding: Embedding) -> Comparison:
    """What `answer` has of the points of `solution`. A point's numbers, but for those that the exercise gives, decide where
    it has some; words and meaning decide otherwise."""
    import numpy as np

    if letter := LETTER.fullmatch(solution.strip()):
        mine = LETTER_SAID.match(answer)
        return (
            Comparison((solution,), ()) if mine and mine[1].casefold() == letter[1].casefold() else Comparison((), (solution,))
        )
    points = [point.strip() for point in PIECE.split(solution) if len(point.strip()) > 2]
    if not points or not answer.strip():
        return Comparison((), tuple(points))
    vectors = np.array(embedding.embed([answer, *points]))
    given, said, words = _numbers(exercise), _numbers(answer), set(stems(answer))
    had = []
    for point, cosine in zip(points, vectors[1:] @ vectors[0], strict=True):
        printed, needed = _digits(point), set(stems(point)) - set(stems(exercise))
        # A point of what the exercise says itself is told by all of its numbers.
        numbers = printed if not needed else printed - given
        share = len(needed & words) / len(needed) if needed else 0.0
        has = numbers <= said if numbers else share >= COVERED or float(cosine) >= NEAR or _agrees(point, answer)
        had.append(has and not _contradicts(point, answer))
    return Comparison(
        tuple(p for p, has in zip(points, had, strict=True) if has),
        tuple(p for p, has in zip(points, had, strict=True) if not has),
    )


def _agrees(point: str, answer: str) -> bool:
    """Whether the point is a yes or a no, and the answer begins with the same."""
    mine, books = DIRECTION.match(answer.strip()), DIRECTION.fullmatch(point.strip(" .,;:!"))
    return bool(mine and books and AGREES[mine[1].casefold()] == AGREES[books[1].casefold()])


def _contradicts(point: str, answer: str) -> bool:
    """Whether one says yes and the other no."""
    mine, books = DIRECTION.match(answer.strip()), DIRECTION.match(point)
    return bool(mine and books and AGREES[mine[1].casefold()] != AGREES[books[1].casefold()])


def _digits(text: str) -> set[str]:
    return {number.replace(",", "") for number in NUMBER.findall(text)}


def _numbers(text: str) -> set[str]:
    """The numbers of a text, those in words too."""
    return _digits(text) | {COUNTED[word] for word in re.findall(r"[a-z]+", text.casefold()) if word in COUNTED}


def _within(heading: str, number: str) -> bool:
    return heading == number or heading.startswith(f"{number}.")


def _numbered(passages: Iterable[Passage]) -> list[Exercise]:
    found: dict[tuple[str, str, str], Exercise] = {}
    for _, group in groupby(passages, key=lambda p: (p.file, p.section)):
        text, starts = _joined(list(group))
        marks = _alike(list(LABELS.finditer(text)))
        for mark, end in zip(marks, [*(m.start() for m in marks[1:]), len(text)], strict=False):
            passage = next(passage for start, passage in reversed(starts) if start <= mark.start())
            label = mark["dotted"] or mark["plain"]
            one = Exercise(passage, label, " ".join(text[mark.end() : end].split()))
            found.setdefault((*one.chapter, label), one)
    return list(found.values())


def _alike(marks: list[re.Match[str]]) -> list[re.Match[str]]:
    """The numbers of the kind that there are more of: a row of data among exercises 7, 8, 9 may begin with 2.5."""
    dotted = [mark for mark in marks if mark["dotted"]]
    return dotted if 2 * len(dotted) > len(marks) else [mark for mark in marks if mark["plain"]]


def _joined(passages: Sequence[Passage]) -> tuple[str, list[tuple[int, Passage]]]:
    """The text of passages in a row without what each repeats of the one before it, and where each begins in it."""
    text, starts = "", []
    for passage in passages:
        longest = min(len(text), len(passage.text))
        shared = next((n for n in range(longest, OVERLAP, -1) if text.endswith(passage.text[:n])), 0)
        text += ("" if shared or not text else "\n") + passage.text[shared:]
        starts.append((len(text) - len(passage.text), passage))
    return text, starts
