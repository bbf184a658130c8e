"""What a graded sheet comes to: right, wrong and unparsed, by subject, with intervals, and which letters stand for which keys.

Unparsed is an outcome of its own. Of a score two shares are told: of all questions with a key, in which an unparsed one gains
nothing, and of those with a letter. Knows nothing of confidence.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tutor.mcqa.results import Result

Z = 1.959964  # 95 % of a normal distribution lie within so many standard deviations
UNPARSED = "unparsed"


@dataclass(frozen=True)
class Interval:
    """A 95 % interval."""

    low: float
    high: float


def wilson(right: int, of: int) -> Interval:
    """Wilson's 95 % interval of a share (Wilson 1927); 0 to 1 where nothing was seen."""
    if not of:
        return Interval(0.0, 1.0)
    share, spread = right / of, Z * Z / of
    middle = share + spread / 2
    half = Z * math.sqrt(share * (1 - share) / of + spread / (4 * of))
    # At 0 and 1 the ends are exact, but for the last bit.
    return Interval(max(0.0, (middle - half) / (1 + spread)), min(1.0, (middle + half) / (1 + spread)))


@dataclass(frozen=True)
class Score:
    """Of the questions that have a key. `name`: the subject, or "all"."""

    name: str
    right: int
    wrong: int
    unparsed: int

    @property
    def questions(self) -> int:
        return self.right + self.wrong + self.unparsed

    @property
    def parsed(self) -> int:
        return self.right + self.wrong

    @property
    def of_all(self) -> float:
        """The share of right ones, unparsed ones gaining nothing."""
        return self.right / self.questions if self.questions else 0.0

    @property
    def of_parsed(self) -> float:
        """The share of right ones among those with a letter."""
        return self.right / self.parsed if self.parsed else 0.0

    @property
    def interval_of_all(self) -> Interval:
        return wilson(self.right, self.questions)

    @property
    def interval_of_parsed(self) -> Interval:
        return wilson(self.right, self.parsed)


def keyed(results: Sequence[Result]) -> list[Result]:
    """Those that have a key."""
    return [result for result in results if result.key is not None]


def score(results: Sequence[Result], name: str = "all") -> Score:
    """Of those of `results` that have a key."""
    counts = Counter(result.outcome for result in keyed(results))
    return Score(name, counts["right"], counts["wrong"], counts["unparsed"])


def by_subject(results: Sequence[Result]) -> list[Score]:
    """A score for each subject that has a key, by name; none where the sheet names no subject."""
    subjects = sorted({result.subject for result in keyed(results)})
    if subjects in ([], [""]):
        return []
    return [score([one for one in results if one.subject == subject], subject or "no subject") for subject in subjects]


@dataclass(frozen=True)
class Confusion:
    """How often each letter was given for each key: `counts[key][letter]`. `columns` are the letters, then UNPARSED where
    there are any. `agreement`: the share of the letters that are the key. `kappa`: Cohen's, agreement beyond what a model that
    gives each letter as often, but blindly, would reach; 0 to 1, below 0 where it does worse than that; None where it has no
    value. Both are of the questions with a letter."""

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    agreement: float
    kappa: float | None


def confusion(results: Sequence[Result]) -> Confusion:
    """Of those of `results` that have a key."""
    found = keyed(results)
    given = Counter((result.key or "", result.letter or UNPARSED) for result in found)
    keys = tuple(sorted({key for key, _ in given}))
    letters = sorted({label for label in (*keys, *(letter for _, letter in given)) if label != UNPARSED})
    columns = (*letters, *([UNPARSED] if any(letter == UNPARSED for _, letter in given) else []))
    counts = {key: {letter: given[key, letter] for letter in columns} for key in keys}
    parsed = [(result.key or "", result.letter) for result in found if result.letter]
    agreement = sum(key == letter for key, letter in parsed) / len(parsed) if parsed else 0.0
    return Confusion(keys, columns, counts, agreement, _kappa(parsed, agreement))


def _kappa(parsed: Sequence[tuple[str, str]], agreement: float) -> float | None:
    keys, letters = Counter(key for key, _ in parsed), Counter(letter for _, letter in parsed)
    by_chance = sum(keys[label] * letters[label] for label in keys) / len(parsed) ** 2 if parsed else 1.0
    return (agreement - by_chance) / (1 - by_chance) if by_chance < 1 else None
