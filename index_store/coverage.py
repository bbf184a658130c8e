"""How much of what a question asks about a passage speaks of, word by word, rare words counting most.

Knows nothing of embeddings; what it counts with is the keyword index.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

from index_store.words import WITHOUT_APOSTROPHE, fold

WORD = re.compile(r"[^\W_]{2,}")


@dataclass(frozen=True)
class Coverage:
    """`share` of the question's words that the passage has, weighted by how few passages have them (0 to 1); and the words,
    `unknown`, that are none of everyday life and that no book of the course has."""

    share: float
    unknown: tuple[str, ...]


def coverage(question: str, passage: str, index: Any, common: Callable[[str], bool]) -> Coverage:
    """What `passage` covers of `question`. `index` is the books' bm25s.BM25; `common` tells words of everyday life."""
    asked = {_stem(word): word for word in _words(question)}
    weights = {stem: _rarity(stem, index) for stem in asked}
    here = {_stem(word) for word in WORD.findall(fold(passage).lower())}
    covered = sum(weight for stem, weight in weights.items() if stem in here)
    unknown = tuple(
        word for stem, word in asked.items() if stem not in index.vocab_dict and not word.isdigit() and not common(word)
    )
    return Coverage(covered / (sum(weights.values()) or 1.0), unknown)


def stems(text: str) -> list[str]:
    """The stems of the words of `text` that have content."""
    return [_stem(word) for word in _words(text)]


def _words(text: str) -> list[str]:
    return [word for word in WORD.findall(fold(text).lower()) if word not in _no_content()]


def _rarity(stem: str, index: Any) -> float:
    """The inverse document frequency of `stem`, as BM25 has it."""
    passages = index.scores["num_docs"]
    number = index.vocab_dict.get(stem)
    having = 0 if number is None else int(index.scores["indptr"][number + 1] - index.scores["indptr"][number])
    return math.log(1 + (passages - having + 0.5) / (having + 0.5))


@cache
def _no_content() -> frozenset[str]:
    from bm25s.stopwords import STOPWORDS_EN_PLUS

    return (
        frozenset(STOPWORDS_EN_PLUS)
        | WITHOUT_APOSTROPHE
        | {"vs", "ive", "im", "explain", "explique", "erklare", "list", "example", "show", "please"}
    )


@cache
def _stemmer() -> Any:
    import Stemmer

    return Stemmer.Stemmer("english")


def _stem(word: str) -> str:
    stem: str = _stemmer().stemWord(word)
    return stem
