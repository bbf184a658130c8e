"""A course's books as text to train on: each section whole again, of the passages that were cut from it, in reading order.

Solutions stay out unless the course may show them: a model that has learned them would tell them. Knows nothing of training.
"""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from typing import Any

from index_store.passage import Passage

FEWEST = 3  # characters that two passages share before it counts as overlap


def sections(passages: Iterable[Passage], solutions: bool = False) -> list[dict[str, Any]]:
    """One document a section: {"book", "section" (path of headings, the book's title where there is none), "text"}."""
    kept = [passage for passage in passages if solutions or passage.kind != "solution"]
    documents = []
    for (_, book, path), pieces in groupby(kept, key=lambda passage: (passage.file, passage.book, passage.section)):
        text = ""
        for piece in pieces:
            text = joined(text, piece.text)
        heading = f"{path[-1]}\n\n" if path else ""
        documents.append({"book": book, "section": [book, *path], "text": heading + text})
    return documents


def joined(before: str, after: str) -> str:
    """Two passages that follow each other, the sentences that both hold once."""
    for size in range(min(len(before), len(after)), FEWEST - 1, -1):
        if before.endswith(after[:size]) and (size == len(before) or before[-size - 1].isspace()):
            return before + after[size:]
    return f"{before}\n{after}" if before else after
