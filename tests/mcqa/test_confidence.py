"""How sure an answer is, and whether that can be believed."""

from __future__ import annotations

import csv
import json
import math
import random
from dataclasses import replace
from pathlib import Path

import pytest

from index_store.errors import GradingError
from tutor.mcqa import run
from tutor.mcqa.calibration import brier_score, expected_calibration_error, reliability
from tutor.mcqa.confidence import (
    Calibration,
    calibration_file,
    confidence_of,
    features,
    fit,
    load_calibration,
    save_calibration,
)
from tutor.mcqa.grade import Plan
from tutor.mcqa.results import Results, read_results, settings_file
from tutor.mcqa.results_file import table_file
from tutor.mcqa.sheet import Question

from .graded import LABELS, logprobs, overconfident, result, sample, settings


def test_the_error_is_the_distance_of_confidence_and_share_weighted_by_questions() -> None:
    # 30 questions in three bins: 0.9 with 7 of 10 right, 0.6 with 6 of 10, 0.3 with 1 of 10.
    confidences = [0.9] * 10 + [0.6] * 10 + [0.3] * 10
    right = [True] * 7 + [False] * 3 + [True] * 6 + [False] * 4 + [True] + [False] * 9
    bins = reliability(confidences, right)
    assert [(bin.questions, bin.right) for bin in bins] == [(10, 1), (10, 6), (10, 7)]
    assert expected_calibration_error(bins) == pytest.approx((0.2 * 10 + 0.0 * 10 + 0.2 * 10) / 30)
    # 7 (0.1)^2 + 3 (0.9)^2, 6 (0.4)^2 + 4 (0.6)^2, 1 (0.7)^2 + 9 (0.3)^2
    assert brier_score(confidences, right) == pytest.approx((2.5 + 2.4 + 1.3) / 30)


def test_bins_have_equally_many_questions_and_equal_confidences_stay_together() -> None:
    spread = reliability([n / 100 for n in range(100)], [False] * 100)
    assert [bin.questions for bin in spread] == [10] * 10
    tied = reliability([0.2] * 50 + [0.4] * 30 + [1.0] * 20, [True] * 100)
    assert [(bin.low, bin.high, bin.questions) for bin in tied] == [(0.2, 0.2, 50), (0.4, 0.4, 30), (1.0, 1.0, 20)]
    assert [bin.questions for bin in reliability([n / 25 for n in range(25)], [True] * 25)] == [12, 13]
    assert len(reliability([0.5] * 3, [True] * 3)) == 1
    assert reliability([], []) == []


def test_raw_confidence_is_the_share_that_agrees_or_of_one_sample_the_letters_probability() -> None:
    assert result("1", "B", agree=4).raw_confidence == 0.8
    assert result("1", "B", of=1, letter_logprobs=logprobs("B", 0.7)).raw_confidence == pytest.approx(0.7)
    assert result("1", "B", of=1).raw_confidence is None
    assert result("1", None).raw_confidence is None
    assert confidence_of(result("1", "B", agree=4, confidence=0.55)) == 0.55
    forced = result("1", "B", samples=tuple(sample(None) for _ in range(5)), fallback=True, how="constrained completion")
    assert forced.agreement == 0.0


def test_features_are_told_as_far_as_they_can_be_had() -> None:
    assert features(result("1", None)) == {}
    assert features(result("1", "B", of=1)) == {
        "agreement": pytest.approx(math.log(3)),
        "constrained": 0.0,
        "stated": 1.0,
        "contradicted": 0.0,
    }
    full = features(
        result("1", "B", agree=3, letter_logprobs=logprobs("B", 0.7), evidence={"A": 0.5, "B": 0.4, "C": 0.1, "D": 0.0})
    )
    assert full["agreement"] == pytest.approx(math.log(3.5 / 2.5))
    assert full["letter log-odds"] == pytest.approx(math.log(0.7 / 0.3))
    assert full["evidence"] == pytest.approx(-0.1)
    assert full["entropy"] == pytest.approx(-(0.7 * math.log(0.7) + 0.3 * math.log(0.1)) / math.log(4))
    assert features(result("1", "B", letter_logprobs=dict.fromkeys(LABELS, math.log(0.25))))["entropy"] == pytest.approx(1)
    certain = {"A": -math.inf, "B": 0.0, "C": -math.inf, "D": -math.inf}
    told = features(result("1", "B", letter_logprobs=certain))
    assert (told["letter log-odds"], told["entropy"]) == (pytest.approx(8), 0.0)
    words_of_c = (sample("B", against="C"), sample("B"))
    assert features(result("1", "B", samples=words_of_c, how="letter late"))["contradicted"] == 1.0


def test_a_fit_makes_confidences_true_on_questions_it_was_not_fitted_on() -> None:
    calibration = fit([overconfident(300, seed=1)])
    told = overconfident(2000, seed=2).rows
    right = [row.outcome == "right" for row in told]
    before = expected_calibration_error(reliability([row.raw_confidence or 0.0 for row in told], right))
    fitted = [calibration.confidence(row) or 0.0 for row in told]
    after = expected_calibration_error(reliability(fitted, right))
    # By hand: s is right 0.1 + 0.6 s^2 of the time; the mean of |s - that| over s = 0.2 ... 1 is 0.2376.
    assert before == pytest.approx(0.2376, abs=0.03)
    assert after < 0.06
    assert brier_score(fitted, right) < 0.19 < brier_score([row.raw_confidence or 0.0 for row in told], right)
    assert calibration.ece == pytest.approx(after, abs=0.05)  # what it says of itself was cross-validated
    assert (calibration.questions, calibration.right) == (300, sum(r.outcome == "right" for r in overconfident(300, 1).rows))
    assert calibration.features["agreement"][2] > 0
    assert calibration.features["letter log-odds"][2] > 0


def test_a_fit_does_without_what_is_not_there() -> None:
    results = overconfident(200, seed=3)
    bare = replace(results, rows=tuple(replace(row, letter_logprobs={}) for row in results.rows))
    calibration = fit([bare])
    assert set(calibration.features) == {"agreement"}  # what is the same everywhere tells nothing
    full = fit([results])
    assert full.confidence(bare.rows[0]) is not None
    assert full.confidence(result("1", None)) is None
    assert 0 < (full.confidence(result("1", "A", agree=0)) or 0) < (full.confidence(result("1", "A")) or 0) < 1


def test_a_fit_on_questions_that_nothing_tells_apart_is_the_share_of_right_ones() -> None:
    rows = tuple(result(str(n), "A", key="A" if n % 4 == 0 else "B") for n in range(40))
    calibration = fit([Results(settings(), rows)])
    assert calibration.features == {}
    assert calibration.confidence(rows[0]) == pytest.approx(0.25)


def test_what_would_count_the_wrong_way_round_is_left_out() -> None:
    rows = tuple(result(str(n), "A", "A" if n % 2 else "B", agree=1 if n % 2 else 5) for n in range(40))
    assert fit([Results(settings(), rows)]).features == {}
    told = tuple(replace(row, letter_logprobs=logprobs("A", 0.9 if row.key == "A" else 0.5)) for row in rows)
    assert set(fit([Results(settings(), told)]).features) <= {"letter log-odds", "entropy"}


def test_too_little_to_fit_on_is_refused() -> None:
    few = Results(settings(), overconfident(100, seed=4).rows[:29])
    with pytest.raises(GradingError, match=r"quiz\.csv: 29 questions have a key and a letter, and .* 30 at least"):
        fit([few])
    unparsed = Results(settings(), tuple(result(str(n), None) for n in range(100)))
    with pytest.raises(GradingError, match="0 questions have a key and a letter"):
        fit([unparsed])
    all_right = Results(settings(), tuple(result(str(n), "A") for n in range(40)))
    with pytest.raises(GradingError, match="40 of 40 are right"):
        fit([all_right])


def test_results_of_different_models_are_not_fitted_together() -> None:
    ours = overconfident(40, seed=5)
    assert fit([ours, overconfident(40, seed=6)]).questions == 80
    for changed in ({"model": "other"}, {"samples": 1}, {"course": "sample"}):
        with pytest.raises(GradingError, match="different models"):
            fit([ours, overconfident(40, seed=6, **changed)])


def test_a_kept_fit_is_found_again_for_the_same_kind_of_run_only(tmp_path: Path) -> None:
    calibration = fit([overconfident(100, seed=7)])
    file = save_calibration(tmp_path, calibration)
    loaded = load_calibration(tmp_path, settings(digest="another sheet", seed=9))
    assert loaded == calibration
    row = overconfident(1, seed=8).rows[0]
    assert isinstance(loaded, Calibration)
    assert loaded.confidence(row) == calibration.confidence(row)
    for changed in ({"model": "smollm2/135m"}, {"samples": 1}, {"course": "sample"}, {"prompt": "reworded"}):
        assert load_calibration(tmp_path, settings(**changed)) is None
    assert file == calibration_file(tmp_path, "smollm2-135m", 5, passages=False)


@pytest.mark.parametrize(
    "damage",
    [
        lambda row: "{",
        lambda row: "[]",
        lambda row: json.dumps({**row, "features": {"agreement": [0, 0, 1]}}),
        lambda row: json.dumps({**row, "features": {"agreement": [0, 1, float("nan")]}}),
        lambda row: json.dumps({**row, "intercept": float("inf")}),
        lambda row: json.dumps({name: value for name, value in row.items() if name != "model"}),
    ],
)
def test_a_damaged_fit_is_told_in_one_line(tmp_path: Path, damage) -> None:
    file = save_calibration(tmp_path, fit([overconfident(60, seed=7)]))
    file.write_text(damage(json.loads(file.read_text("utf-8"))), "utf-8")
    with pytest.raises(GradingError, match=r"not a fitted confidence \([^\n]*\)\. Fit anew") as told:
        load_calibration(tmp_path, settings())
    assert "\n" not in str(told.value)


def test_a_run_with_a_fit_gives_each_result_its_confidence_and_another_fit_gives_a_finished_run_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibration = fit([overconfident(100, seed=7)])
    rows = [*overconfident(5, seed=8).rows, result("silent", None)]
    asked = [replace(row, confidence=None) for row in rows]
    monkeypatch.setattr(run, "grade", lambda questions, model, plan, course, done: iter(asked))
    questions = [Question(row.id, row.question, row.options) for row in rows]
    made = settings(calibration=calibration.fitted)
    file = tmp_path / "r.jsonl"
    done = run.grade_into(file, questions, None, Plan(), made, calibration=calibration)  # type: ignore[arg-type]
    assert [row.confidence for row in done.results] == [calibration.confidence(row) for row in rows]
    assert done.results[-1].confidence is None
    assert read_results(file).rows == done.results
    (first, *_) = csv.DictReader(file.with_suffix(".csv").open(encoding="utf-8-sig"))
    assert (first["confidence"], first["calibrated"]) == (f"{done.results[0].confidence:.3f}", "yes")
    fitted_at_once = file.read_bytes(), settings_file(file).read_bytes(), table_file(file).read_bytes()

    told: list[str] = []
    monkeypatch.setattr(run, "grade", lambda questions, model, plan, course, done: iter(()))  # all is there
    without = run.grade_into(file, questions, None, Plan(), settings(), notify=told.append)  # type: ignore[arg-type]
    assert [row.confidence for row in without.results] == [None] * len(rows)
    assert read_results(file) == Results(settings(), without.results)
    again = run.grade_into(file, questions, None, Plan(), made, notify=told.append, calibration=calibration)  # type: ignore[arg-type]
    assert again.results == done.results
    assert (file.read_bytes(), settings_file(file).read_bytes(), table_file(file).read_bytes()) == fitted_at_once
    assert told == [
        f"{file}: the confidences are now not fitted",
        f"{file}: the confidences are now those of the fit that was saved since",
    ]


def test_a_raw_confidence_that_is_true_stays_so() -> None:
    draw = random.Random(0)
    rows = []
    for number in range(1500):
        agree = draw.randint(1, 5)
        rows.append(result(str(number), "A", "A" if draw.random() < agree / 5 else "B", agree))
    calibration = fit([Results(settings(), tuple(rows))])
    assert calibration.ece_raw is not None
    assert calibration.ece_raw < 0.02
    assert calibration.ece < 0.05
    for agree in (1, 2, 3, 4):
        assert calibration.confidence(result("1", "A", agree=agree)) == pytest.approx(agree / 5, abs=0.07)
