"""Which letters were given for which keys, and how well the two agree. Unparsed is an outcome of its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tutor.mcqa.results import Result

UNPARSED = "unparsed"


@dataclass(frozen=True)
class Confusion:
    """How often each letter was given for each key: `counts[key][letter]`.

    `columns`: the letters, then UNPARSED where there are any. `agree`: how many of the `parsed` letters are the key. `kappa`:
    Cohen's, the agreement beyond what giving each letter as often, but blindly, would reach (Cohen 1960): 1 is all, 0 is no
    better than blind; None where it has no value.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    counts: dict[str, dict[str, int]]
    parsed: int
    agree: int
    kappa: float | None


def confusion(results: Sequence[Result]) -> Confusion:
    """Of the questions that have a key."""
    pairs = [(result.key, result.letter) for result in results if result.key is not None]
    given = Counter((key, letter or UNPARSED) for key, letter in pairs)
    keys = sorted({key for key, _ in given})
    letters = sorted({*keys, *(letter for _, letter in pairs if letter)})
    columns = [*letters, UNPARSED] if any(letter is None for _, letter in pairs) else letters
    counts = {key: {letter: given[key, letter] for letter in columns} for key in keys}
    parsed = [(key, letter) for key, letter in pairs if letter]
    agree = sum(key == letter for key, letter in parsed)
    return Confusion(tuple(keys), tuple(columns), counts, len(parsed), agree, _kappa(parsed, agree))


def _kappa(parsed: Sequence[tuple[str, str]], agree: int) -> float | None:
    if not parsed:
        return None
    keys, letters = Counter(key for key, _ in parsed), Counter(letter for _, letter in parsed)
    by_chance = sum(keys[label] * letters[label] for label in keys) / len(parsed) ** 2
    return (agree / len(parsed) - by_chance) / (1 - by_chance) if by_chance < 1 else None
