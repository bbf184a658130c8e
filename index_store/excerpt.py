"""Which part of a found passage is about the question. Knows nothing of indexes and embeddings.

A passage is cut for being found; what answers is a few of its sentences. Left out are sentences at its edges that are far
from the question, and those that it shares with a passage found before it. Code stays, for its nearness says little.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

EDGE = 0.5  # of the nearest sentence's cosine: below it, a sentence at the edge is left out. Fitted by benchmarks/chunking.py
CODE = re.compile(r"^(?: {2,}|\t)\S", re.MULTILINE)

Span = tuple[int, int]
"""Where a part of a text begins and ends."""


@dataclass(frozen=True)
class Sentences:
    """A found passage by its sentences: `spans` in `text`, in order and without gaps, and each one's cosine to the question.

    `order` is the passage's place in its book.
    """

    book: str
    order: int
    text: str
    spans: Sequence[Span]
    cosines: Sequence[float]


def excerpts(found: Sequence[Sentences]) -> list[Span]:
    """The part of each of the passages `found`, best first; never an empty one."""
    least = EDGE * max((max(passage.cosines) for passage in found), default=0.0)
    parts = []
    for number, passage in enumerate(found):
        own = _own(passage, found[:number])
        near = [i for i in own if passage.cosines[i] >= least or CODE.search(passage.text[slice(*passage.spans[i])])]
        near = near or [max(own, key=lambda i: passage.cosines[i])]
        parts.append((passage.spans[near[0]][0], passage.spans[near[-1]][1]))
    return parts


def _own(passage: Sentences, before: Sequence[Sentences]) -> list[int]:
    """The sentences, by number, that the neighbours of `passage` among those `before` do not have; all where none is left."""
    begin, end = 0, len(passage.text)
    for other in before:
        if other.book == passage.book and other.order == passage.order - 1:
            begin = _shared(other.text, passage.text)
        elif other.book == passage.book and other.order == passage.order + 1:
            end = len(passage.text) - _shared(passage.text, other.text)
    ends = [start + len(passage.text[start:stop].rstrip()) for start, stop in passage.spans]
    numbers = range(len(passage.spans))
    return [i for i in numbers if ends[i] > begin and passage.spans[i][0] < end] or list(numbers)


def _shared(first: str, second: str) -> int:
    """How many characters at the end of `first` are the beginning of `second`."""
    return next((length for length in range(min(len(first), len(second)), 0, -1) if first.endswith(second[:length])), 0)
