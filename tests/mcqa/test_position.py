"""Whether a model prefers what is shown first."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from tutor.mcqa.position import position_preference

from .graded import LABELS, OPTIONS, result, sample


def graded(count: int, choose, seed: int = 0):
    """Questions with a sample in the sheet's order and four with shuffled options; `choose` names a letter of an order."""
    draw = random.Random(seed)
    rows = []
    for number in range(count):
        orders = [LABELS, *(tuple(draw.sample(LABELS, 4)) for _ in range(4))]
        samples = tuple(sample(choose(order, draw), order) for order in orders)
        rows.append(replace(result(str(number), samples[0].letter), samples=samples))
    return rows


def test_a_model_that_takes_what_is_first_shows() -> None:
    found = position_preference(graded(20, lambda order, draw: order[0]))
    assert found is not None
    assert [(one.label, one.chosen, one.expected) for one in found.positions] == [
        ("A", 80, 20.0),
        ("B", 0, 20.0),
        ("C", 0, 20.0),
        ("D", 0, 20.0),
    ]
    assert found.p < 0.001
    assert found.clear


@pytest.mark.parametrize(
    "choose", [lambda order, draw: draw.choice(order), lambda order, draw: "B"], ids=["blindly", "one option"]
)
def test_a_preference_is_seldom_seen_where_there_is_none(choose) -> None:
    trials = [position_preference(graded(10, choose, seed)) for seed in range(60)]
    assert sum(found.clear for found in trials if found) <= 9  # 3 expected; more than 9 has a probability of 0.2 %


def test_samples_that_were_not_shuffled_or_say_nothing_do_not_count() -> None:
    assert position_preference([result("1", "A"), result("2", "B", of=1), result("3", None)]) is None
    reverse = LABELS[::-1]
    row = replace(result("1", "A"), samples=(sample("A"), sample("A", reverse), sample(None, reverse)))
    found = position_preference([row])
    assert found is not None
    assert found.samples == 1
    assert [one.chosen for one in found.positions] == [0, 0, 0, 1]


def test_questions_of_different_numbers_of_options_are_expected_by_their_own() -> None:
    two = {"A": OPTIONS["A"], "B": OPTIONS["B"]}
    short = replace(result("2", "A", options=two), samples=(sample("A", "AB"), sample("A", "BA"), sample("A", "BA")))
    long = replace(result("1", "A"), samples=(sample("A"), sample("A", "BACD")))
    found = position_preference([short, long])
    assert found is not None
    assert [(one.chosen, one.expected) for one in found.positions] == [(0, 1.25), (3, 1.25), (0, 0.25), (0, 0.25)]
