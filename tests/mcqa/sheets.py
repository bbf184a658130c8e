"""A graded sheet with everything in it that a report shows: subjects, shuffled samples, passages, unparsed ones."""

from __future__ import annotations

import random
from dataclasses import replace

from tutor.mcqa.results import CONSTRAINED, Result, Results

from .graded import CITED, LABELS, logprobs, result, sample, settings

REASONING = (
    "A binary heap keeps the smallest key at its root.\nInserting a key at the end and letting it rise takes at most the "
    "height of the tree, which is log n.\n\nSo the answer is ({letter})."
)
PASSAGES = {
    CITED.passage_id: "In a binary heap, each node's key is at most those of its children; the smallest is at the root."
}


def graded_sheet(count: int = 60, seed: int = 0, k: int = 5, **changed: object) -> Results:
    """A model that is right somewhat more often where its samples agree, and likes what is shown first."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        key, skill = draw.choice(LABELS), draw.random()
        samples = []
        for n in range(k):
            order = LABELS if not n else tuple(draw.sample(LABELS, 4))
            letter = key if draw.random() < skill else order[0] if draw.random() < 0.6 else draw.choice(LABELS)
            span = (len(REASONING) - 12, len(REASONING) - 8 - 2)
            samples.append(sample(letter, order, text=REASONING.format(letter="ABCD"[order.index(letter)]), span=span))
        subject = ("heaps", "graphs", "dynamic programming and memoisation")[number % 3]
        letter = samples[0].letter
        row = replace(
            result(f"q-{number:02}", letter, key, subject=subject, citations=(CITED,), seconds=draw.uniform(1, 30)),
            question=f"How long does it take to insert a key into a binary heap of {number} keys, at the most?",
            samples=tuple(samples),
            reasoning=samples[0].text,
            letter_logprobs=logprobs(letter or "A", draw.uniform(0.3, 0.9)),
            tokens=draw.randint(200, 1500),
        )
        rows.append(_odd(row, number))
    return Results(
        settings(questions=count, course="sample", index="2026-11-20", passages=4, samples=k, **changed), tuple(rows)
    )


def _odd(row: Result, number: int) -> Result:
    silent = tuple(replace(one, letter=None, how=None, why="looped", span=None) for one in row.samples)
    if number % 13 == 5:
        return replace(row, letter=None, how=None, why="looped", samples=silent)
    if number % 13 == 7:
        return replace(row, how=CONSTRAINED, fallback=True, samples=silent)
    return row
