"""Result rows made by rule: what a grader would leave of questions of which it is known how sure one may be."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from typing import Any

from tutor.mcqa.results import Cited, Result, Results, RunSettings, Sample

LABELS = ("A", "B", "C", "D")
OPTIONS = dict(zip(LABELS, ("red", "green", "blue", "none of them is a colour"), strict=True))


def settings(**changed: Any) -> RunSettings:
    told: dict[str, Any] = {
        "sheet": "quiz.csv",
        "questions": 4,
        "digest": "d1",
        "model": "smollm2-135m",
        "engine": "openvino",
        "course": None,
        "index": "",
        "passages": 0,
        "samples": 5,
        "seed": 0,
        "temperature": 0.7,
        "max_tokens": 300,
        "fallback": True,
        "letter_logprobs": True,
        "prompt": "p1",
        "versions": {"course-tutor": "0.1.0"},
    }
    return RunSettings(**{**told, **changed})


def sample(letter: str | None, order: Sequence[str] = LABELS, **changed: Any) -> Sample:
    told: dict[str, Any] = {"how": "stated letter" if letter else None, "why": None if letter else "no commitment"}
    told |= {"text": f"The answer is ({letter}).", "tokens": 20, "truncated": False}
    return Sample(order=tuple(order), letter=letter, **{**told, **changed})


def result(id: str, letter: str | None, key: str | None = "A", agree: int = 5, of: int = 5, **changed: Any) -> Result:
    """A question of four options, `agree` of whose `of` samples say the letter and the others another."""
    other = next(label for label in LABELS if label != letter)
    samples = [sample(letter if letter is None or n < agree else other) for n in range(of)]
    told: dict[str, Any] = {
        "question": f"Which is question {id}?",
        "options": OPTIONS,
        "how": "stated letter" if letter else None,
        "why": None if letter else "no commitment",
        "reasoning": samples[0].text,
        "samples": tuple(samples),
        "seconds": 1.0,
        "tokens": 100,
    }
    return Result(id=id, letter=letter, key=key, **{**told, **changed})


def logprobs(letter: str, p: float) -> dict[str, float]:
    """The letter has probability `p`, the others share what is left."""
    return {label: math.log(p if label == letter else (1 - p) / 3) for label in LABELS}


def overconfident(count: int, seed: int, **changed: Any) -> Results:
    """A model that is right less often than its samples agree: where a share s agrees, 0.1 + 0.6 s^2 are right; and the
    letter's probability tells some of the rest."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        agree = draw.randint(1, 5)
        good = draw.random() < 0.1 + 0.6 * (agree / 5) ** 2
        p = min(0.97, max(0.3, draw.gauss(0.8 if good else 0.6, 0.15)))
        letter = draw.choice(LABELS)
        key = letter if good else draw.choice([label for label in LABELS if label != letter])
        rows.append(result(f"q{number}", letter, key, agree, letter_logprobs=logprobs(letter, p)))
    return Results(settings(questions=count, digest=f"d{seed}", **changed), tuple(rows))


CITED = Cited(1, "Algorithms", "algorithms.pdf", 15, "p. 12", "Heaps > Binary heaps", "passage-1")
