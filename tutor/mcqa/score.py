"""How well a keyed sheet was answered, and how sure that figure is."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tutor.mcqa.results import Outcome, Result

Z = 1.959964  # of a two-sided interval of 95 %


@dataclass(frozen=True)
class Score:
    """Counts of outcomes. `keyed` questions have a key, unparsed ones among them; `share` is right of keyed, with its 95 %
    Wilson interval: an unparsed question earns nothing, and is told apart from a wrong one."""

    right: int
    wrong: int
    unparsed: int
    no_key: int
    fallback: int
    keyed: int

    @property
    def share(self) -> float:
        return self.right / self.keyed if self.keyed else math.nan

    @property
    def interval(self) -> tuple[float, float]:
        return wilson(self.right, self.keyed)


def score(results: Sequence[Result]) -> Score:
    counts: dict[Outcome, int] = {"right": 0, "wrong": 0, "unparsed": 0, "no key": 0}
    for result in results:
        counts[result.outcome] += 1
    return Score(
        counts["right"],
        counts["wrong"],
        counts["unparsed"],
        counts["no key"],
        sum(result.fallback for result in results),
        sum(result.key is not None for result in results),
    )


def by_subject(results: Sequence[Result]) -> dict[str, Score]:
    """The score of each subject, in the order in which they come."""
    parts: dict[str, list[Result]] = {}
    for result in results:
        parts.setdefault(result.subject, []).append(result)
    return {subject: score(part) for subject, part in parts.items()}


def wilson(right: int, of: int) -> tuple[float, float]:
    """The 95 % score interval of a share (Wilson 1927); (0, 1) of nothing."""
    if not of:
        return 0.0, 1.0
    share = right / of
    middle = share + Z * Z / (2 * of)
    spread = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of))
    return max(0.0, (middle - spread) / (1 + Z * Z / of)), min(1.0, (middle + spread) / (1 + Z * Z / of))
