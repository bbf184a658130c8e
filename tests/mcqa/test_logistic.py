"""The penalty of the logistic regression."""

from __future__ import annotations

import numpy as np

from tutor.mcqa.logistic import PENALTIES, best_penalty, fit


def made_up(rows: int, telling: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    features = draw.normal(size=(rows, 4))
    return features, (draw.random(rows) < 1 / (1 + np.exp(-telling * features[:, 0] + 0.5))).astype(float)


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
