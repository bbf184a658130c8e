"""How sure a figure is, and whether two models on the same items differ: bootstrap intervals and paired tests.

Knows nothing of models. Everything comes out the same each time: the bootstrap draws from a fixed seed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

DRAWS = 10_000
FLAT = "A share of 0 or 100 % has a bootstrap interval of no width; about 3 / items is compatible with it all the same."
ALONE = "One item shows no spread: its interval has no width and tells nothing."
SEED = 0
AT_ONCE = 4_000_000  # drawn indices held at a time


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % percentile interval from a bootstrap over items."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """One model less another on the same items. `p`: two-sided; `test` says which. `only_one`, `only_other`: of shares, the
    items that only one has right."""

    difference: Estimate
    p: float
    test: str
    only_one: int | None = None
    only_other: int | None = None


def ratio(values: Sequence[float], weights: Sequence[float] | None = None, seed: int = SEED) -> Estimate:
    """The sum of `values` over the sum of `weights` (of one each: their mean), items drawn anew with replacement."""
    drawn = _drawn([(values, weights)], seed)[0]
    return _estimate(_ratio(values, weights), drawn)


def difference(
    one: tuple[Sequence[float], Sequence[float] | None], other: tuple[Sequence[float], Sequence[float] | None], seed: int = SEED
) -> Estimate:
    """The ratio of `one` less that of `other`, each (values, weights); each draw takes the same items of both."""
    first, second = _drawn([one, other], seed)
    return _estimate(_ratio(*one) - _ratio(*other), [a - b for a, b in zip(first, second, strict=True)])


def of_shares(one: Sequence[bool], other: Sequence[bool]) -> Paired:
    """McNemar's test, exact by the binomial distribution (McNemar 1947, Edwards 1948); p is 1 where no item differs."""
    from scipy.stats import binomtest

    only_one = sum(a and not b for a, b in zip(one, other, strict=True))
    only_other = sum(b and not a for a, b in zip(one, other, strict=True))
    p = float(binomtest(only_one, only_one + only_other).pvalue) if only_one + only_other else 1.0
    shares = [float(a) for a in one], [float(b) for b in other]
    return Paired(difference((shares[0], None), (shares[1], None)), p, "McNemar", only_one, only_other)


def of_ratios(one: tuple[Sequence[float], Sequence[float]], other: tuple[Sequence[float], Sequence[float]]) -> Paired:
    """Wilcoxon's signed-rank test on the items' own ratios (Wilcoxon 1945; scipy's: exact for few items without ties); p is 1
    where no item differs."""
    from scipy.stats import wilcoxon

    gaps = [a / m - b / n for a, m, b, n in zip(*one, *other, strict=True)]
    p = float(wilcoxon(gaps).pvalue) if any(gaps) else 1.0
    return Paired(difference(one, other), p, "Wilcoxon")


def cautions(items: int, shares: Iterable[float] = ()) -> list[str]:
    """What a reader of intervals over so many items has to know beside them."""
    if items == 1:
        return [ALONE]
    return [FLAT] if any(share in (0, 1) for share in shares) else []


def _ratio(values: Sequence[float], weights: Sequence[float] | None) -> float:
    return sum(values) / (sum(weights) if weights is not None else len(values))


def _drawn(items: Sequence[tuple[Sequence[float], Sequence[float] | None]], seed: int) -> list[list[float]]:
    """For each of `items` the ratio of every draw."""
    import numpy as np

    count = len(items[0][0])
    chance = np.random.default_rng(seed)
    arrays = [(np.asarray(values, float), np.ones(count) if of is None else np.asarray(of, float)) for values, of in items]
    made: list[list[float]] = [[] for _ in items]
    size = max(1, AT_ONCE // count)
    for begun in range(0, DRAWS, size):
        places = chance.integers(0, count, (min(size, DRAWS - begun), count))
        for kept, (values, of) in zip(made, arrays, strict=True):
            kept += (values[places].sum(1) / of[places].sum(1)).tolist()
    return made


def _estimate(value: float, drawn: Sequence[float]) -> Estimate:
    import numpy as np

    low, high = np.percentile(drawn, [2.5, 97.5])
    return Estimate(float(value), float(low), float(high))
