"""Does a passage bear out the sentence that cites it? Nearness in meaning, shared words, and every number.

The weights were chosen on written answers on two books: their sentences with the passages that they cite, with the other
passages found for the same question, and with a number altered (benchmarks/support.py). What is fitted on either book holds on
the other.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index_store.coverage import stems
from index_store.embedding import Embedding

NEARNESS, WORDS, NUMBERS = 7.5, 9.0, 10.0
LEAST = 21.8
NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
PIECE = re.compile(r"(?<=[.!?:;])\s+|\n+")
SHORTEST = 8  # characters of a piece of a passage


@dataclass(frozen=True)
class Claim:
    """A sentence and the passages that it cites; `known` is what need not stand in them, such as the question."""

    sentence: str
    passages: tuple[str, ...]
    known: str = ""


def borne_out(claims: Sequence[Claim], embedding: Embedding) -> list[bool]:
    """Whether the passages of each claim, together, bear out its sentence; the passages' own words are borne out by them."""
    return [
        any(_folded(claim.sentence) in _folded(passage) for passage in claim.passages) or weight(claim, cosine) >= LEAST
        for claim, cosine in zip(claims, nearest(claims, embedding), strict=True)
    ]


def nearest(claims: Sequence[Claim], embedding: Embedding) -> list[float]:
    """The cosine of each claim's sentence to the nearest piece of its passages; 0 where they have none."""
    import numpy as np

    pieces = [
        [piece for passage in claim.passages for piece in PIECE.split(passage) if len(piece) >= SHORTEST] for claim in claims
    ]
    texts = list(dict.fromkeys([claim.sentence for claim in claims] + [piece for some in pieces for piece in some]))
    vectors = dict(zip(texts, embedding.embed(texts), strict=True))
    return [
        max((float(np.dot(vectors[claim.sentence], vectors[piece])) for piece in some), default=0.0)
        for claim, some in zip(claims, pieces, strict=True)
    ]


def weight(claim: Claim, cosine: float) -> float:
    """How much speaks for the claim; `cosine` is that of its sentence to the nearest piece of its passages."""
    passages = "\n".join(claim.passages)
    words, numbers = stems(claim.sentence), set(NUMBER.findall(claim.sentence))
    here = set(stems(passages))
    given = set(NUMBER.findall(passages)) | set(NUMBER.findall(claim.known))
    share = sum(word in here for word in words) / len(words) if words else 1.0
    return NEARNESS * cosine + WORDS * share + NUMBERS * (numbers <= given)


def _folded(text: str) -> str:
    return " ".join(text.split()).casefold()
