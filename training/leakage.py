"""Which training examples ask what a test asks: the same words, or nearly. Knows nothing of tokenizers or models.

Near means that the sets of three-word runs of both prompts have a Jaccard index of 0.7 and more (Broder, 1997).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from training.data import Example, Examples, normal, plain, spans
from training.errors import DataError

NEAR = 0.7
COMMON = 50  # a run in more prompts than this and in over a tenth of them is boilerplate, and makes no pair a candidate


@dataclass(frozen=True)
class Overlap:
    """Lines of two files; `similarity` is 1 for the same words."""

    line: int
    other: int
    similarity: float


def runs(text: str) -> frozenset[tuple[str, ...]]:
    """The three-word runs of `text`; of a shorter one, all of it."""
    words = re.findall(r"\w+", normal(text))
    return frozenset(tuple(words[start : start + 3]) for start in range(max(1, len(words) - 2)))


def overlaps(train: Examples, other: Examples) -> list[Overlap]:
    """Each training example that is in `other`, with its nearest there."""
    theirs = [(example.line, runs(asked(example))) for example in other.rows]
    index = defaultdict(list)
    for position, (_, held) in enumerate(theirs):
        for run in held:
            index[run].append(position)
    limit = max(COMMON, len(theirs) // 10)
    found = []
    for example in train.rows:
        mine = runs(asked(example))
        shared = Counter(position for run in mine if len(index.get(run, ())) <= limit for position in index.get(run, ()))
        best = max(((jaccard(mine, theirs[position][1]), position) for position in shared), default=(0.0, -1))
        if best[0] >= NEAR:
            found.append(Overlap(example.line, theirs[best[1]][0], best[0]))
    return found


def refuse(train: Examples, other: Examples) -> None:
    """Raises DataError where `train` holds examples of `other`."""
    found = overlaps(train, other)
    if found:
        same = sum(overlap.similarity == 1 for overlap in found)
        first = found[0]
        raise DataError(
            f"{train.file}: {len(found)} examples are in {other.file.name} too, {same} word for word: lines "
            f"{spans([overlap.line for overlap in found])} (the first is line {first.other} there). Remove them, or what is "
            "measured there is memory."
        )


def asked(example: Example) -> str:
    """What tells one example from another: the last message of the prompt, or the text of it; of a document, all."""
    prompt = example.fields["text"] if "text" in example.fields else example.fields["prompt"]
    return prompt if isinstance(prompt, str) else plain(prompt[-1:])


def jaccard(one: frozenset[tuple[str, ...]], two: frozenset[tuple[str, ...]]) -> float:
    return len(one & two) / len(one | two)
