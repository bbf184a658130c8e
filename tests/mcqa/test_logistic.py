"""The logistic regression, against scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from tutor.mcqa.logistic import PENALTIES, best_penalty, fit


def made_up(rows: int, telling: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(rows, 4))
    return features, (draw.random(rows) < 1 / (1 + np.exp(-telling * features[:, 0] + 0.5))).astype(float)


@pytest.mark.parametrize("penalty", [0.1, 1.0, 30.0])
def test_weights_are_those_of_scikit_learn(penalty: float) -> None:
    features, outcomes = made_up(60, telling=2, seed=0)
    theirs = LogisticRegression(C=1 / penalty, tol=1e-10, max_iter=1000).fit(features, outcomes)
    assert fit(features, outcomes, penalty) == pytest.approx([*theirs.intercept_, *theirs.coef_[0]], abs=1e-4)


def test_outcomes_that_a_feature_parts_completely_have_weights_too() -> None:
    features = np.linspace(-1, 1, 20)[:, None]
    weights = fit(features, (features[:, 0] > 0).astype(float), 1.0)
    assert np.isfinite(weights).all()
    assert weights[1] > 1


def test_the_penalty_is_low_where_the_features_tell_and_high_where_they_do_not() -> None:
    telling = [best_penalty(*made_up(80, 3, seed)) for seed in range(9)]
    silent = [best_penalty(*made_up(80, 0, seed)) for seed in range(9)]
    assert sorted(telling)[4] == PENALTIES[0]
    assert sorted(silent)[4] >= 30
