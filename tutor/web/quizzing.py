"""The quiz in a conversation. Its state is the conversation itself: the link below an exercise names it.

So it outlives a reload, and what a browser says of it is looked up among the course's exercises before it counts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

import numpy as np

from index_store.passage import Passage
from index_store.search import Hit
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.held import redacted
from tutor.answering.multiple_choice import parse
from tutor.answering.quiz import (
    ASKS_BOOKS,
    Comparison,
    Exercise,
    chapters,
    compare,
    exercises,
    in_chapter,
    request_of,
    solution_of,
)
from tutor.answering.sentences import sentences
from tutor.phrases import Phrases
from tutor.web import render
from tutor.web.conversation import Messages, asked, content

# What is asked, and what was answered to it: `exercise` waits for an answer, `checked` does not.
LINK = re.compile(r"\]\(read/[^\s)?]+\?passage=(?P<passage>[0-9a-f]+)&(?P<state>exercise|checked)=(?P<label>[^\s)&]+)\)")
LOOKED_BACK = 3  # answers among which one of the quiz's is, while it goes on
LISTED = 8  # chapters named where one has no exercises
LIKE = 0.45  # least cosine of an exercise to the topic that was asked for
BETWEEN = 0.9  # of the likest one's
POINTS = 3  # sentences of the books that stand in for a missing solution
SAID = 0.6  # cosine from which an answer has what a sentence says


@dataclass(frozen=True)
class Told:
    """A reply as Markdown, and the passages beside it as HTML."""

    reply: str
    passages: str


def is_part(message: Mapping[str, Any]) -> bool:
    """Whether a message is the quiz's own."""
    return bool(LINK.search(content(message)))


def told(
    engine: CourseQueryEngine, before: Messages, text: str, say: Phrases, address: render.Address, solutions: bool
) -> Told | None:
    """The quiz's reply to `text` after the messages `before`; None where that is a question for the books.

    What the book's solution says is told only where `solutions` may be shown.
    """
    wanted = request_of(text)
    told_last = [message for message in before if message["role"] == "assistant"][-LOOKED_BACK:]
    last = LINK.search(content(before[-1])) if before else None
    if wanted and wanted.wants == "question":
        return _ask(engine, wanted.about, before, say, address)
    if wanted and wanted.wants == "solution":
        return _check(engine, last, "", say, address, solutions) if last else None
    if wanted and any(map(is_part, told_last)):
        if wanted.wants == "stop":
            return Told(say("quiz_over"), render.passages([], say=say))
        return _ask(engine, _about(before), before, say, address)
    if not last or text.rstrip().endswith("?") or parse(text):
        return None
    if last["state"] == "checked" and ASKS_BOOKS.match(text):
        return None
    return _check(engine, last, text, say, address, solutions)


def _about(before: Messages) -> str:
    """What the student last asked to be quizzed on."""
    requests = [request_of(asked(message)) for message in before if message["role"] == "user"]
    return next((wanted.about for wanted in reversed(requests) if wanted and wanted.wants == "question"), "")


def _exercises(engine: CourseQueryEngine) -> list[Exercise]:
    return engine.search.once_a_generation("exercises", lambda search: exercises(search.passages()))


def _ask(engine: CourseQueryEngine, about: str, before: Messages, say: Phrases, address: render.Address) -> Told:
    every = _exercises(engine)
    if not every:
        return Told(say("quiz_none"), render.passages([], say=say))
    found = _on(engine, every, about) if about else every
    if not found:
        named = "; ".join(chapters(every)[:LISTED])
        return Told(render.escape_markdown(say("quiz_none_there", about=about, chapters=named)), render.passages([], say=say))
    done = {(link["passage"], unquote(link["label"])) for m in before for link in LINK.finditer(content(m))}
    fresh = [exercise for exercise in found if (exercise.passage.id, exercise.label) not in done]
    chosen = (fresh or found)[0]
    notes = [] if fresh else [say("quiz_all_asked")]
    below = [_source(chosen, "exercise", say, address), *(f"*{note}*" for note in [*notes, say("quiz_how")])]
    beside = render.passages([Hit(chosen.passage, 1.0, 1.0)], address=address, say=say)
    return Told(render.escape_markdown(chosen.text) + render.SOURCES + "  \n".join(below), beside)


def _on(engine: CourseQueryEngine, every: Sequence[Exercise], about: str) -> list[Exercise]:
    """The exercises on a chapter by number, on one by its heading, or on a topic, the likest first."""
    numbered = in_chapter(every, about)
    if numbered is not None:
        return numbered
    vectors = engine.search.once_a_generation(
        "exercise vectors", lambda search: np.array(engine.embedding.embed([exercise.text for exercise in every]))
    )
    cosines = vectors @ np.array(engine.embedding.embed([about])[0])
    least = max(LIKE, BETWEEN * float(cosines.max()))
    like = [every[i] for i in np.argsort(-cosines) if cosines[i] >= least]
    named = [e for e in every if about.casefold() in e.chapter[1].casefold()]
    if like or named:
        return list(dict.fromkeys([*like, *named]))
    # No exercise speaks of it in so many words: those of the chapter that does.
    hits = [hit for hit in engine.search.search(about) if hit.nearest >= LIKE]
    places = [(hit.passage.file, next(iter(hit.passage.section), "")) for hit in hits]
    return [exercise for exercise in every if exercise.chapter in places[:1]]


def _check(
    engine: CourseQueryEngine, link: re.Match[str], answer: str, say: Phrases, address: render.Address, solutions: bool
) -> Told:
    label = unquote(link["label"])
    exercise = next((e for e in _exercises(engine) if (e.passage.id, e.label) == (link["passage"], label)), None)
    if exercise is None:
        return Told(say("quiz_gone"), render.passages([], say=say))
    hits = [hit for hit in engine.search.search(exercise.text, 3 * engine.passages) if hit.passage.kind == "text"]
    hits = hits[: engine.passages]
    if held := engine.holds_back(exercise.text):  # then where to read is told, and not what stands there
        hits, solutions = [redacted(hit) for hit in hits], False
    solution = solution_of(exercise, engine.search.passages())
    if not answer:
        parts = [_given_up(solution, say, solutions)]
        return _read_on(exercise, hits, parts, say, address)
    found = compare(solution.text, answer, exercise.text, engine.embedding) if solution else Comparison((), ())
    if found.had or found.missing:
        parts = _compared(found, say, solutions)
    else:
        parts = [say("quiz_no_solution"), *([] if held else _beside(engine, exercise, answer, hits, say))]
    return _read_on(exercise, hits, parts, say, address)


def _given_up(solution: Exercise | None, say: Phrases, solutions: bool) -> str:
    """What is told to who does not know: the solution where it may be shown, and else where to read."""
    if solution and solutions:
        return render.escape_markdown(say("quiz_solution", solution=solution.text))
    return say("quiz_solution_kept")


def _read_on(exercise: Exercise, hits: Sequence[Hit], parts: Sequence[str], say: Phrases, address: render.Address) -> Told:
    pages = {_place(hit.passage): _linked(hit.passage, address) for hit in hits[:2]}
    below = [say("quiz_read", places="; ".join(pages.values()))] if pages else []
    below += [_source(exercise, "checked", say, address), f"*{say('quiz_doubt')} {say('quiz_more')}*"]
    beside = render.passages(hits, address=address, say=say)
    return Told("\n\n".join(parts) + render.SOURCES + "  \n".join(below), beside)


def _compared(found: Comparison, say: Phrases, solutions: bool) -> list[str]:
    """What of the solution is in the answer, as Markdown; the solution's own words only where `solutions` may be shown."""
    total = len(found.had) + len(found.missing)
    if not found.missing:
        return [say("quiz_has_all")]
    parts = [say("quiz_has_some", count=len(found.had), total=total)]
    if solutions:
        parts.append(render.escape_markdown(say("quiz_also", missing=" ".join(found.missing))))
    return parts


def _beside(engine: CourseQueryEngine, exercise: Exercise, answer: str, hits: Sequence[Hit], say: Phrases) -> list[str]:
    """What the books say that is nearest to the exercise, sentence by sentence, and whether the answer has it."""
    found = [(n, text) for n, hit in enumerate(hits, 1) for text in sentences(hit.passage.text)]
    if not found:
        return []
    vectors = np.array(engine.embedding.embed([exercise.text, answer, *(text for _, text in found)]))
    nearest = np.argsort(-(vectors[2:] @ vectors[0]))[:POINTS]
    lines = []
    for i in sorted(nearest.tolist()):
        has = float(vectors[2 + i] @ vectors[1]) >= SAID
        number, text = found[i]
        whose = say("quiz_in_yours" if has else "quiz_not_in_yours")
        lines.append(f"- {render.escape_markdown(text)} [{number}] *({whose})*")
    return ["\n".join(lines)]


def _source(exercise: Exercise, state: str, say: Phrases, address: render.Address) -> str:
    name = render.escape_markdown(say("exercise", label=exercise.label))
    where = f"{address(exercise.passage)}&{state}={quote(exercise.label, safe='')}"
    return f"**[{name}]({where})** {_place(exercise.passage)}"


def _place(passage: Passage) -> str:
    return render.escape_markdown(", ".join(part for part in (passage.book, passage.section_title, passage.pages) if part))


def _linked(passage: Passage, address: render.Address) -> str:
    where = address(passage)
    return f"[{_place(passage)}]({where})" if where else _place(passage)
