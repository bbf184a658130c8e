"""Whether a model prefers a position: how often it chooses what is shown first, second, ..., against what it would without.

Read from samples with shuffled options. There every option stands everywhere equally often, so whatever the model believes,
each of n positions is chosen in 1/n of the samples, unless the position itself counts. Knows nothing of keys.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tutor.mcqa.results import Result

DRAWS = 10_000
LEAST_P = 0.05


@dataclass(frozen=True)
class Position:
    """`label`: the letter that the position had in the prompt. `chosen`: samples; `expected`: how many it would be."""

    label: str
    chosen: int
    expected: float


@dataclass(frozen=True)
class Preference:
    """`samples`: with shuffled options and a letter. `p`: how often chance alone departs as far from what is expected."""

    positions: tuple[Position, ...]
    samples: int
    p: float

    @property
    def clear(self) -> bool:
        return self.p < LEAST_P


def position_preference(results: Sequence[Result]) -> Preference | None:
    """Over the samples that had their options shuffled and commit to one; None where there are none.

    `p` is of Pearson's statistic, by 10,000 draws with a fixed seed, since questions may have different numbers of options.
    """
    import numpy as np

    at: list[tuple[int, int]] = []  # position, of how many
    for result in results:
        shown = [sample for sample in result.samples[1:] if sample.letter]
        in_order = tuple(result.options)
        if all(sample.order == in_order for sample in result.samples):
            continue  # options that speak of each other are not shuffled
        at += [(sample.order.index(sample.letter), len(sample.order)) for sample in shown if sample.letter in sample.order]
    if not at:
        return None
    sizes = np.array([size for _, size in at])
    most = int(sizes.max())
    chosen = np.bincount([position for position, _ in at], minlength=most)
    of_size = Counter(sizes.tolist())
    expected = np.array([sum(count / size for size, count in of_size.items() if size > position) for position in range(most)])
    draw = np.random.default_rng(0)
    by_chance = sum(
        draw.multinomial(count, [1 / size] * size + [0.0] * (most - size), DRAWS) for size, count in of_size.items()
    )
    departs = ((by_chance - expected) ** 2 / expected).sum(axis=1)
    p = float((1 + (departs >= ((chosen - expected) ** 2 / expected).sum() - 1e-9).sum()) / (1 + DRAWS))
    positions = tuple(Position(chr(ord("A") + n), int(chosen[n]), float(expected[n])) for n in range(most))
    return Preference(positions, len(at), p)
