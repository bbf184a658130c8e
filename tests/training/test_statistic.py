"""Intervals and tests against what they are by hand, or by another way to the same figure."""

from __future__ import annotations

import math
import random

import pytest

from training import statistic


def test_a_shares_interval_is_near_the_normal_one() -> None:
    right = [1.0] * 140 + [0.0] * 60
    found = statistic.ratio(right)
    spread = 1.96 * math.sqrt(0.7 * 0.3 / 200)
    assert found.value == pytest.approx(0.7)
    assert found.low == pytest.approx(0.7 - spread, abs=0.01)
    assert found.high == pytest.approx(0.7 + spread, abs=0.01)
    assert statistic.ratio(right) == found  # a fixed seed
    assert statistic.ratio([1.0] * 10) == statistic.Estimate(1.0, 1.0, 1.0)


def test_a_ratios_interval_weighs_items_by_their_tokens() -> None:
    """Against a plain bootstrap in Python, with another generator."""
    chance = random.Random(3)
    tokens = [float(chance.randint(1, 40)) for _ in range(60)]
    nll = [count * chance.uniform(1, 3) for count in tokens]
    found = statistic.ratio(nll, tokens)
    drawn = []
    for _ in range(4000):
        places = [chance.randrange(60) for _ in range(60)]
        drawn.append(sum(nll[place] for place in places) / sum(tokens[place] for place in places))
    drawn.sort()
    assert found.value == pytest.approx(sum(nll) / sum(tokens))
    assert found.low == pytest.approx(drawn[100], abs=0.02)
    assert found.high == pytest.approx(drawn[3900], abs=0.02)


def test_a_difference_draws_the_same_items_of_both() -> None:
    """Two models whose items differ by as much everywhere: no uncertainty, however much the items vary."""
    one = [float(value) for value in range(50)]
    found = statistic.difference(([value + 0.5 for value in one], None), (one, None))
    assert (found.value, found.low, found.high) == pytest.approx((0.5, 0.5, 0.5))


def test_mcnemar_is_the_binomials_two_tails() -> None:
    """8 only one has right, 2 only the other: 2 * P(X <= 2) of ten throws of a coin."""
    one = [True] * 8 + [False] * 2 + [True] * 5
    other = [False] * 8 + [True] * 2 + [True] * 5
    found = statistic.of_shares(one, other)
    assert found.p == pytest.approx(2 * (1 + 10 + 45) / 1024)
    assert (found.only_one, found.only_other, found.difference.value) == (8, 2, pytest.approx(6 / 15))
    assert statistic.of_shares(one, one).p == 1


def test_wilcoxon_is_the_share_of_signs_that_rank_as_far() -> None:
    """All six items better: of 2^6 ways to put the signs two are as far out."""
    ones = [1.0] * 6
    found = statistic.of_ratios(([1.0, 2.0, 3.0, 4.0, 5.0, 6.0], ones), ([1.1, 2.2, 3.3, 4.4, 5.5, 6.6], ones))
    assert found.p == pytest.approx(2 / 64)
    assert found.difference.value == pytest.approx(-0.35)
    assert statistic.of_ratios((ones, ones), (ones, ones)).p == 1
