"""How far confidences can be believed: the reliability table, the expected calibration error, the Brier score.

Knows nothing of where a confidence comes from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tutor.mcqa.score import wilson

BINS = 10  # at most
FEWEST = 10  # questions that a bin has at least, where there are so many


@dataclass(frozen=True)
class Bin:
    """Questions of like confidence. `confidence`: their mean; `low`, `high`: the least and the most of them; `share`: how many
    of them are right, 0 to 1."""

    low: float
    high: float
    questions: int
    right: int
    confidence: float

    @property
    def share(self) -> float:
        return self.right / self.questions

    @property
    def interval(self) -> tuple[float, float]:
        """Of `share`, 95 %."""
        return wilson(self.right, self.questions)


def reliability(confidences: Sequence[float], right: Sequence[bool], bins: int = BINS) -> list[Bin]:
    """The questions in up to `bins` bins of about equally many, by rising confidence.

    Equal confidences stay together, so there may be fewer bins, and uneven ones: five samples agree in six ways at most. With
    few questions there are fewer bins, of about FEWEST each. Raises ValueError where the two differ in length.
    """
    pairs = sorted(zip(confidences, right, strict=True))
    bins = max(1, min(bins, len(pairs) // FEWEST))
    found: list[Bin] = []
    begun = 0
    for end in range(1, len(pairs) + 1):
        last = end == len(pairs)
        if not last and pairs[end][0] == pairs[end - 1][0]:
            continue
        if last or end >= round(len(pairs) * (len(found) + 1) / bins):
            found.append(_bin(pairs[begun:end]))
            begun = end
    return found


def _bin(pairs: Sequence[tuple[float, bool]]) -> Bin:
    values = [confidence for confidence, _ in pairs]
    return Bin(values[0], values[-1], len(pairs), sum(good for _, good in pairs), sum(values) / len(values))


def expected_calibration_error(bins: Sequence[Bin]) -> float:
    """The mean, over questions, of how far a bin's mean confidence is from its share of right ones (Naeini et al. 2015).

    0 to 1. Of few questions it is above nought by chance even where every confidence is true: with n in a bin by about
    0.8 * sqrt(p (1 - p) / n).
    """
    total = sum(bin.questions for bin in bins)
    return sum(bin.questions * abs(bin.confidence - bin.share) for bin in bins) / total if total else 0.0


def brier_score(confidences: Sequence[float], right: Sequence[bool]) -> float:
    """The mean squared difference of confidence and outcome (Brier 1950); 0 is best, 0.25 is what 0.5 everywhere gets."""
    pairs = list(zip(confidences, right, strict=True))
    return sum((confidence - good) ** 2 for confidence, good in pairs) / len(pairs) if pairs else 0.0
