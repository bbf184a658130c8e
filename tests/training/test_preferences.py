"""The metrics on log-probabilities made by hand."""

from __future__ import annotations

import pytest

from training import preferences
from training.preferences import Pair
from training.scoring import Score


def pair(chosen: float, rejected: float, tokens: tuple[int, int] = (10, 10)) -> Pair:
    return Pair(Score(chosen, tokens[0]), Score(rejected, tokens[1]))


POLICY = [
    pair(-10, -12),  # right by both
    pair(-10, -9),  # wrong by policy; nearer than in the reference, so accurate
    pair(-8, -8, (8, 16)),  # a tie of the policy
    pair(-20, -11, (40, 10)),  # wrong by sum, right per token
]
REFERENCE = [pair(-11, -12), pair(-15, -9), pair(-8, -8), pair(-20, -11)]


def test_the_three_shares_and_their_ties() -> None:
    found = preferences.measure(POLICY, REFERENCE, beta=0.5)
    assert (found.policy_alignment.right, found.policy_alignment.ties) == (1, 1)
    assert found.policy_alignment.share.value == 0.25
    assert found.reference_alignment is not None
    assert (found.reference_alignment.right, found.reference_alignment.ties) == (1, 1)
    assert found.accuracy is not None
    assert (found.accuracy.right, found.accuracy.ties) == (2, 2)  # log-ratios 1, 5, 0, 0
    assert found.accuracy.share.value == 0.5
    assert found.reward_margin is not None
    assert found.reward_margin.value == pytest.approx(0.5 * (1 + 5 + 0 + 0) / 4)


def test_lengths_are_told_and_taken_out() -> None:
    found = preferences.measure(POLICY, None)
    assert (found.tokens_chosen, found.tokens_rejected) == (17.0, 11.5)
    assert (found.longer_chosen, found.equal_length) == (0.25, 2)
    # per token: -1.0 > -1.2, -1.0 < -0.9, -1.0 < -0.5, -0.5 > -1.1
    assert found.policy_alignment_per_token.right == 2
    assert found.accuracy is found.reference_alignment is found.reward_margin is None


def test_a_model_against_itself_ties_everywhere_and_gets_nothing_right() -> None:
    found = preferences.measure(POLICY, POLICY)
    assert found.accuracy is not None
    assert (found.accuracy.share.value, found.accuracy.ties) == (0.0, 4)
    assert "no width" in "\n".join(preferences.lines(found))  # 0 of 4
    assert "4 ties" in "\n".join(preferences.lines(found))
    assert "One item" in "\n".join(preferences.lines(preferences.measure(POLICY[:1], None)))
