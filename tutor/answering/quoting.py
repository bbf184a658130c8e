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

SENTENCES_CONSIDERED = 4
NEAR = 0.65  # of the nearest sentence's similarity
FEWEST, MOST = 1, 3
SHORTEST, LONGEST = 25, 400
BOUNDARY = re.compile(r"(?<=[.!?])[”’\")]*\s+(?=[“‘\"(]?[^\W_a-zß-öø-ÿ])|\n{2,}|\n(?=(?:Figure|Table|Listing) \d)")
# A citation: [2], not right behind a word, where it would be an index (`a[1]`).
MARKER = re.compile(r"(?<![\w\])])\[(\d{1,2}(?:\s*,\s*\d{1,2})*)\]")
ABBREVIATION = re.compile(r"\b(?:[A-Z]|e\.g|i\.e|cf|vs|Fig|Sec|Eq|No|pp?|z\.B|d\.h|bzw|resp|al|Dr|Prof|St)\.$")
# xgrammar writes these characters as \\xNN and then reads a hexadecimal digit behind them as part of the number.
MISREAD = re.compile(r"(?<=[\x00-\x1f\x7f-\xff])(?=[0-9a-fA-F])")
# "Theorem (Bayes)." belongs to what follows.
LABEL = re.compile(
    r"(Figure|Table|Listing|Algorithm|Abbildung|Tabelle|Tableau|Theorem|Lemma|Corollary|Proposition|Definition|Example|Proof|Remark|Note|Satz|Beweis|Beispiel|Bemerkung"
    r"|Théorème|Corollaire|Définition|Exemple|Preuve|Remarque)( [\d.]+)?( \([^()]{2,60}\))?\."
)
# A caption says what a picture shows, and the picture is not there.
CAPTION = re.compile(r"(Figure|Fig\.|Table|Listing|Abbildung|Tabelle|Tableau) [\d.]+[.:] ")
PROSE = 0.6  # least share of letters and spaces; below it a line is a formula


@dataclass(frozen=True)
class Quotable:
    """A sentence that may be quoted: `passage` counts from 1; the one `nearest` to the question has to be."""

    passage: int
    text: str
    nearest: bool = False


def sentences(text: str) -> list[str]:
    """The sentences of `text`, white space folded; code, formulas and stray fragments left out."""
    parts: list[str] = []
    for part in BOUNDARY.split(text):
        folded = " ".join(part.split())
        if parts and (ABBREVIATION.search(parts[-1]) or LABEL.fullmatch(parts[-1])):
            parts[-1] += f" {folded}"
        elif folded:
            parts.append(folded)
    return [part for part in parts if SHORTEST <= len(part) <= LONGEST and part[-1] in '.!?:”’")' and _is_prose(part)]


def _is_prose(text: str) -> bool:
    return sum(character.isalpha() or character.isspace() for character in text) >= PROSE * len(text)


def choose_quotable(
    passages: Sequence[str], question: str, embedding: Embedding, context: Sequence[str] = (), said: str = ""
) -> list[Quotable]:
    """The sentences nearest to the question, each with the one after it, in reading order.

    `context` holds the earlier questions that this one leans on; what was `said` to them is not said again.
    """
    import numpy as np

    seen: set[str] = set(sentences(MARKER.sub("", said))) if context else set()
    every: list[Quotable] = []
    for number, passage in enumerate(passages, 1):
        for sentence in sentences(passage):
            caption = CAPTION.match(sentence)
            bare = sentence[caption.end() :] if caption else sentence  # an overlapping passage may begin behind the label
            if bare not in seen and not caption and not bare.endswith("?"):
                every.append(Quotable(number, sentence))
            seen.add(bare)
    if not every:
        return []
    asked = [question, " ".join([*context, question])] if context else [question]
    toward = np.mean([embedding.model.get_query_embedding(text) for text in asked], axis=0)
    nearness = embedding.embed([quotable.text for quotable in every]) @ toward
    kept: set[int] = set()
    order = np.argsort(-nearness)[:SENTENCES_CONSIDERED].tolist()
    every[order[0]] = replace(every[order[0]], nearest=True)
    for i in order:
        kept.add(i)
        if i + 1 < len(every) and every[i + 1].passage == every[i].passage:
            kept.add(i + 1)
    return [every[i] for i in sorted(kept) if nearness[i] >= NEAR * nearness[order[0]]]


def grammar(quotable: Sequence[Quotable]) -> str:
    """EBNF for two to three of the sentences in order (one where there is one), each with its passage's number."""
    count = len(quotable)
    required = next((i for i, q in enumerate(quotable) if q.nearest), -1)
    rules = [f"s{i} ::= {_literal(f'{q.text} [{q.passage}]')}" for i, q in enumerate(quotable)]

    def followers(last: int, used: int) -> str:
        space = '" " ' if used else ""
        # The required one cannot be passed over, and the last place is kept for it.
        missing = last < required
        reach = range(last + 1, required + 1 if missing else count) if not (missing and used == MOST - 1) else [required]
        options = [f"{space}s{i} r{i}_{used + 1}" for i in reach]
        if not missing and (used >= min(FEWEST, count) or not options):
            options.append('""')
        return " | ".join(options)

    rules.append(f"root ::= {followers(-1, 0)}")
    rules += [
        f"r{i}_{used} ::= {followers(i, used) if used < MOST else chr(34) * 2}"
        for used in range(1, MOST + 1)
        for i in range(count)
    ]
    return "\n".join(rules)


def _literal(text: str) -> str:
    """The text as terminals of the grammar, cut where one alone would be misread ("Gödel")."""
    return " ".join(json.dumps(part, ensure_ascii=False) for part in MISREAD.split(text))
