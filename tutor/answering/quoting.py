"""Answers in the book's own sentences: a grammar that lets a small language model say nothing else.

A model of 135 million parameters, asked to answer in its own words, makes up what the page does not say. Under this grammar
its decoder can only choose which of the page's sentences to give, in reading order, each at most once, each followed by
the number of its passage. See docs/benchmarks.md for what that changes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from index_store.embedding import Embedding
from tutor.answering.definitions import DEFINES, defines, names, opening, topic_of
from tutor.answering.followups import content_words
from tutor.answering.sentences import MARKER, caption_of, cut, sentences

SENTENCES_CONSIDERED = 4
NEAR = 0.65  # of the nearest sentence's similarity
AGAIN = 0.8  # of the similarity to the question's own words; a sentence told before has to be so near to be told again
MOST = 3
BEHIND = 2  # sentences that follow a definition or open a section
# "Example. The stacked balls." says nothing.
TITLE = re.compile(r"(?:Example|Beispiel|Exemple)(?: [\d.]+)?[.:] (?:\S+ ){0,4}\S+\.")
# xgrammar writes these characters as \\xNN and then reads a hexadecimal digit behind them as part of the number.
MISREAD = re.compile(r"(?<=[\x00-\x1f\x7f-\xff])(?=[0-9a-fA-F])")


@dataclass(frozen=True)
class Quotable:
    """A sentence that may be quoted: `passage` counts from 1; the one `nearest` to the question has to be.

    One that `leans` is quoted only right after the one before it in the list. The nearest one is not quoted alone where it is
    not `enough`.
    """

    passage: int
    text: str
    nearest: bool = False
    leans: bool = False
    enough: bool = True


@dataclass(frozen=True)
class _Candidate:
    """`place` counts the passage's sentences from 0; `before` is what this one leans on, None where it stands alone."""

    passage: int
    place: int
    text: str
    before: str | None


def choose_quotable(
    passages: Sequence[str],
    question: str,
    embedding: Embedding,
    context: Sequence[str] = (),
    said: str = "",
    openings: Sequence[str] = (),
) -> list[Quotable]:
    """The sentences nearest to the question, each with the one after it, in reading order.

    `context` holds the earlier questions that this one leans on, of which the latest counts most; what was `said` to them is
    said again only where it is the nearest. `openings` holds, for each passage that begins a section, the section's heading,
    and "" for the others: asked what something is, the section named after it opens with the answer.
    """
    import numpy as np

    every = _candidates(passages)
    if not every:
        return []
    asked = [question, *(" ".join([*context[-size:], question]) for size in range(1, len(context) + 1))]
    vectors = np.array([embedding.model.get_query_embedding(text) for text in asked])
    to_each = embedding.embed([candidate.text for candidate in every]) @ vectors.T
    nearness = to_each.mean(axis=1)
    topic = topic_of(question)
    defining = np.array([defines(candidate.text, topic) if topic else 0.0 for candidate in every])
    named = [names(heading, topic) if topic else 0.0 for heading in openings] or [0.0] * len(passages)
    nearness += defining + [named[candidate.passage - 1] * opening(candidate.place) for candidate in every]
    if context:
        told = set(sentences(MARKER.sub("", said)))
        best = int(np.argmax(nearness))
        again = bool(content_words(question)) and to_each[best, 0] >= AGAIN * to_each[:, 0].max()
        free = [i for i, c in enumerate(every) if c.text not in told or (i == best and again)]
        every = [replace(every[i], before=None) if every[i].before in told else every[i] for i in free]
        nearness, defining = nearness[free], defining[free]
    if not any(chains := [_chain(every, i) for i in range(len(every))]):
        every = [replace(candidate, before=None) for candidate in every]
        chains = [[i] for i in range(len(every))]
    order = [i for i in np.argsort(-nearness).tolist() if chains[i]][:SENTENCES_CONSIDERED]
    if not order:
        return []
    best = order[0]
    if begins := named[every[best].passage - 1] > 0:
        begins = not _enough(every[best].text, float(defining[best]))
    if defining[best] or begins:
        near = {i for i in range(len(every)) if chains[i] and _belongs(every, i, best, float(defining[i]), begins)}
    else:
        near = {j for i in order for j in (i, i + 1) if j < len(every) and every[j].passage == every[i].passage}
        near = {j for j in near if nearness[j] >= NEAR * nearness[best]}
    kept = sorted({k for j in near for k in chains[j]})
    if topic and not any(every[i].before for i in kept):  # the passage that says what it is comes first
        kept.sort(key=lambda i: (every[i].passage != every[best].passage, i))
    return [
        Quotable(
            passage=every[i].passage,
            text=every[i].text,
            nearest=i == best,
            leans=every[i].before is not None,
            enough=_enough(every[i].text, float(defining[i]) if topic else DEFINES),
        )
        for i in kept
    ]


def _candidates(passages: Sequence[str]) -> list[_Candidate]:
    """Every sentence that may be quoted, each once; captions, with all their lines, titles and questions left out."""
    seen: set[str] = set()
    every: list[_Candidate] = []
    for number, passage in enumerate(passages, 1):
        in_caption, before, place = False, "", 0
        for sentence in cut(passage):
            captioned = caption_of(sentence)
            in_caption = captioned is not None or (in_caption and not sentence.paragraph)
            text = captioned or sentence.text  # an overlapping passage may begin behind the label
            said = sentence.whole and not in_caption and not text.endswith("?") and not TITLE.fullmatch(text)
            if said and text not in seen:
                every.append(_Candidate(number, place, text, before if sentence.leans else None))
            seen.add(text)
            before = before if in_caption else text
            place += sentence.whole
    return every


def _enough(text: str, defining: float) -> bool:
    """Whether the sentence may answer alone: it says what was asked, and no formula was left out of it."""
    return defining >= DEFINES and not text.endswith("…")


def _belongs(every: Sequence[_Candidate], i: int, best: int, defining: float, begins: bool) -> bool:
    """Whether candidate `i` may stand beside the `best` answer to what something is.

    It says so too, or it stands in the same passage: close behind, on the same subject, or at the beginning where the passage
    `begins` the section named after that.
    """
    if every[i].passage != every[best].passage:
        return defining >= DEFINES
    return 0 <= i - best <= BEHIND or bool(defining) or (begins and every[i].place < BEHIND)


def _chain(every: Sequence[_Candidate], i: int) -> list[int]:
    """Candidate `i` after those that it leans on; empty where they are not there, or are too many."""
    chain = [i]
    while (before := every[chain[0]].before) is not None:
        if chain[0] == 0 or every[chain[0] - 1].text != before or len(chain) == MOST:
            return []
        chain.insert(0, chain[0] - 1)
    return chain


def grammar(quotable: Sequence[Quotable]) -> str:
    """EBNF for one to three of the sentences in order, each with its passage's number; the nearest is among them."""
    count = len(quotable)
    required = next((i for i, q in enumerate(quotable) if q.nearest), -1)
    wants_more = required >= 0 and not quotable[required].enough
    fewest = min(2 if wants_more else 1, count)
    # What the nearest one leaves open, a sentence that leans on it goes on to say.
    goes_on = wants_more and required + 1 < count and quotable[required + 1].leans
    start = required  # where the sentences begin that the required one leans on
    while start > 0 and quotable[start].leans:
        start -= 1
    rules = [f"s{i} ::= {_literal(f'{q.text} [{q.passage}]')}" for i, q in enumerate(quotable)]

    def follows(i: int, last: int, used: int) -> bool:
        if (quotable[i].leans and last != i - 1) or used + count - i < fewest:
            return False
        if last >= required:
            return not (goes_on and last == required) or i == required + 1
        # The required one cannot be passed over, and places are kept for it and for those it leans on.
        ahead = required - i if i >= start else required - start + 1
        return i <= required and used + 1 + ahead + goes_on <= MOST

    def followers(last: int, used: int) -> str:
        space = '" " ' if used else ""
        options = [f"{space}s{i} r{i}_{used + 1}" for i in range(last + 1, count) if follows(i, last, used)]
        if last >= required and ((used >= fewest and not (goes_on and last == required and options)) or not options):
            options.append('""')
        return " | ".join(options)

    # Only what can be reached: a rule without an option would be no grammar.
    rules.append(f"root ::= {followers(-1, 0)}")
    rules += [
        f"r{i}_{used} ::= {(followers(i, used) if used < MOST else '') or chr(34) * 2}"
        for used in range(1, MOST + 1)
        for i in range(count)
    ]
    return "\n".join(rules)


def _literal(text: str) -> str:
    """The text as terminals of the grammar, cut where one alone would be misread ("Gödel")."""
    return " ".join(json.dumps(part, ensure_ascii=False) for part in MISREAD.split(text))
