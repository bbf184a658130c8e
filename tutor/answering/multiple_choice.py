"""A question with options to choose from: recognised by its form, and the options weighed against what the book says.

Nothing here asks a model. An option is named only where the book's sentences clearly speak for it and for no other.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from index_store.coverage import stems
from index_store.embedding import Embedding
from tutor.answering.followups import content_words

FEWEST, MOST = 2, 10
SHORTEST_STEM = 2  # words
MARK = re.compile(r"(?<!\S)(?P<open>\(?)(?P<letter>[A-Ja-j])(?P<close>[).:])(?=\s*\S)")
# What leads to options on one line: a question, a colon, a gap to be filled. "Show that (a) ... and (b) ..." does not.
LEADS_ON = re.compile(r"[?:.…_—-]\s*$")
# The parts of an exercise are asked each for itself.
PART = re.compile(
    r"(?:find|show|prove|compute|determine|calculate|explain|give|describe|list|draw|sketch|write|state|what|which|how|why|who|is|are"
    r"|does|do|can)\b|.*\?\s*$",
    re.IGNORECASE | re.DOTALL,
)
SAYS_NOTHING = frozenset(
    re.findall(
        r"\w+",
        """
    following statement statements true false correct incorrect right wrong best answer option options choose select one
    folgende folgenden aussage aussagen richtig falsch suivante suivantes affirmation affirmations vraie fausse
    """,
    )
)
# What asks for the option that does not fit, or has an option about the others, is not decided by likeness.
TURNED_ROUND = re.compile(
    r"\b(?:not|n[’']t|except|false|incorrect|nicht|kein\w*|außer|falsch\w*|sauf|faux|fausse|ne|n[’'])\b",
    re.IGNORECASE,
)
OF_OTHERS = re.compile(
    r"\b(?:(?:all|none|both|neither|any) (?:of|the above|are)|the above|alle|keine|toutes?|aucune?)\b", re.IGNORECASE
)
# Chosen with LEAST and MARGIN on the 30 questions of examples/quiz.csv and on 32 of a statistics textbook.
WORDS = 0.3  # cosine that it is worth to have all the words that set an option apart
LEAST, MARGIN = 0.83, 0.1
ON_THE_QUESTION = 0.85  # of the nearest sentence's cosine to the stem: one further off has the option's words by chance
FEWEST_WORDS = 2  # that set an option apart; one word stands in many sentences, one number does not
NEW = 0.2  # weight of an option's word that every other option has too
JOINT = re.compile(r"[\s,;]*(?:\b(?:or|and|oder|und|ou|et)\b)?[\s,;]*$")


@dataclass(frozen=True)
class Option:
    """One of the answers to choose from, under the letter that the student gave it ("B")."""

    letter: str
    text: str


@dataclass(frozen=True)
class MultipleChoice:
    """What is asked, and the options."""

    stem: str
    options: tuple[Option, ...]

    @property
    def searched(self) -> str:
        """What a page is looked for with: the stem, and the options too where the stem says nothing of its own."""
        if set(content_words(self.stem)) - SAYS_NOTHING:
            return self.stem
        return " ".join([self.stem, *(option.text for option in self.options)])

    @property
    def asked(self) -> str:
        """All of it, an option a line."""
        return "\n".join([self.stem, *(f"{option.letter}) {option.text}" for option in self.options)])

    def statement(self, option: Option) -> str:
        """The question with this option for its answer."""
        return f"{self.stem} {option.text}"


def parse(text: str) -> MultipleChoice | None:
    """The question with its options, on one line or on several; None where `text` is none."""
    for marks in _sequences(text):
        stem = text[: marks[0].start()].strip()
        ends = [mark.start() for mark in marks[1:]] + [len(text)]
        options = tuple(
            Option(mark["letter"].upper(), JOINT.sub("", " ".join(text[mark.end() : end].split())))
            for mark, end in zip(marks, ends, strict=True)
        )
        in_lines = all(not text[text.rfind("\n", 0, mark.start()) + 1 : mark.start()].strip() for mark in marks)
        if (
            len(stem.split()) >= SHORTEST_STEM
            and (in_lines or LEADS_ON.search(stem))
            and all(option.text for option in options)
            and not all(PART.match(option.text) for option in options)
        ):
            return MultipleChoice(" ".join(stem.split()), options)
    return None


def _sequences(text: str) -> Iterator[list[re.Match[str]]]:
    """The runs of marks A, B, C, ... that are written alike, each begun at another A."""
    marks = list(MARK.finditer(text))
    for i, first in enumerate(marks):
        if first["letter"] not in "Aa":
            continue
        run = [first]
        for mark in marks[i + 1 :]:
            alike = (mark["open"], mark["close"], mark["letter"].isupper()) == (
                first["open"],
                first["close"],
                first["letter"].isupper(),
            )
            if alike and ord(mark["letter"]) == ord(run[-1]["letter"]) + 1:
                run.append(mark)
        if FEWEST <= len(run) <= MOST:
            yield run


@dataclass(frozen=True)
class Borne:
    """The option that the book speaks for, and the place of the sentence that does among those given."""

    option: Option
    sentence: int


def borne_out(choice: MultipleChoice, sentences: Sequence[str], embedding: Embedding) -> Borne | None:
    """The option that one of the book's `sentences` speaks for clearly more than any does for another; None where none is."""
    import numpy as np

    own = [set(stems(option.text)) - set(stems(choice.stem)) for option in choice.options]
    if not sentences or not all(own) or TURNED_ROUND.search(choice.stem):
        return None
    if any(OF_OTHERS.search(option.text) for option in choice.options):
        return None
    given = np.array(embedding.embed(list(sentences)))
    on_it = given @ np.array(embedding.embed([choice.stem])[0])
    alike = likeness(choice, sentences, given, embedding)
    best = alike.max(axis=1)
    order = np.argsort(-best)
    first, second = int(order[0]), int(order[1])
    sentence = int(np.argmax(alike[first]))
    apart = len(own[first]) >= FEWEST_WORDS or any(word.isdigit() for word in own[first])
    clear = best[first] >= LEAST and best[first] - best[second] >= MARGIN
    if not apart or not clear or on_it[sentence] < ON_THE_QUESTION * on_it.max():
        return None
    return Borne(choice.options[first], sentence)


def likeness(choice: MultipleChoice, sentences: Sequence[str], vectors: Any, embedding: Embedding) -> Any:
    """How nearly each sentence says each option behind the stem, of shape (options, sentences): the cosine, and more where the
    sentence has the words that set the option apart. `vectors` are the sentences'."""
    import numpy as np

    statements = np.array(embedding.embed([choice.statement(option) for option in choice.options]))
    return statements @ vectors.T + WORDS * np.array(_shares(choice, sentences))


def _shares(choice: MultipleChoice, sentences: Sequence[str]) -> list[list[float]]:
    """For each option and sentence, how many of the option's words the sentence has: those that the stem does not have,
    those that few other options have counting most."""
    asked = set(stems(choice.stem))
    options = [set(stems(option.text)) for option in choice.options]
    given = [set(stems(sentence)) for sentence in sentences]

    def weight(words: set[str]) -> float:
        return sum(sum(word not in other for other in options) / len(options) + NEW for word in words)

    return [[weight((words - asked) & has) / (weight(words - asked) or 1.0) for has in given] for words in options]
