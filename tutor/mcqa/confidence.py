"""How sure an answer is: raw, and as a probability fitted on questions with a key.

Raw is the share of the samples that say the letter (self-consistency, Wang et al. 2023), or for one sample the probability of
the letter. Fitted is a logistic regression on that, the letters' log-probabilities, what the passages say and how the letter
was found. It holds for the model, the number of samples, with or without passages, that it was fitted on, and is kept by these.
"""

from __future__ import annotations

import hashlib
import json
import math
import random
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from index_store.errors import GradingError
from index_store.files import write_atomically
from tutor.mcqa.calibration import expected_calibration_error, reliability
from tutor.mcqa.results import Result, Results, RunSettings

FOLDER = "calibrations"
FEWEST = 30  # questions to fit on
FEWEST_OF_EACH = 5  # right, and wrong
FOLDS, REPEATS = 5, 4
SIGNS = {"agreement": 1, "constrained": 0, "letter log-odds": 1, "entropy": -1, "evidence": 1, "stated": 1, "contradicted": -1}
"""Which way each feature counts; 0: either."""
MOST_LOG_ODDS = 8.0
MOST_DEVIATIONS = 2.0  # of a feature from its mean, in standard deviations


def confidence_of(result: Result) -> float | None:
    """The fitted one, or else the raw one."""
    return result.raw_confidence if result.confidence is None else result.confidence


def is_calibrated(results: Sequence[Result]) -> bool:
    """Whether the confidences of `results` are fitted ones."""
    return any(result.confidence is not None for result in results)


def features(result: Result) -> dict[str, float]:
    """What a fit goes by, as far as it is there; {} without a letter.

    agreement        the log-odds of the share of samples that say the letter, half a sample added to both sides
    letter log-odds  of the letter against all others, by the letters' log-probabilities
    entropy          of these, 0 (one letter) to 1 (all alike)
    evidence         how much nearer the passages are to the letter's option than to the best other
    stated           1 where the text states the letter in a sentence that gives the answer, 0 where it was found otherwise
    constrained      1 where no text committed to a letter and the model was made to choose
    contradicted     1 where the words of another option stand beside the letter
    """
    if result.letter is None:
        return {}
    found = {"stated": float(result.how == "stated letter"), "constrained": float(result.fallback)}
    if result.samples:
        own = [sample for sample in result.samples if sample.letter == result.letter]
        found["agreement"] = math.log((len(own) + 0.5) / (len(result.samples) - len(own) + 0.5))
        found["contradicted"] = float(bool(own) and own[0].against not in (None, result.letter))
    if result.letter in result.letter_logprobs:
        p = min(1.0, math.exp(result.letter_logprobs[result.letter]))
        least = math.exp(-MOST_LOG_ODDS)
        found["letter log-odds"] = max(-MOST_LOG_ODDS, min(MOST_LOG_ODDS, math.log(max(p, least) / max(1 - p, least))))
        found["entropy"] = _entropy(list(result.letter_logprobs.values()))
    others = [score for label, score in result.evidence.items() if label != result.letter]
    if result.letter in result.evidence and others:
        found["evidence"] = result.evidence[result.letter] - max(others)
    return found


def _entropy(logprobs: Sequence[float]) -> float:
    if len(logprobs) < 2:
        return 0.0
    return -sum(math.exp(one) * one for one in logprobs if one > -math.inf) / math.log(len(logprobs))


@dataclass(frozen=True)
class Calibration:
    """A fit, for one model, number of samples, wording of the prompts, with or without passages.

    `features`: name to (mean, standard deviation, weight): of what was standardised, and of the regression. `questions`: fitted
    on, `right` of them right. `ece_raw`: expected calibration error of the raw confidence, None where there is none;
    `ece`: of the fitted one, cross-validated. `sheets`: names, `digests`: RunSettings.digest of what it was fitted on.
    """

    model: str
    samples: int
    passages: bool
    prompt: str
    features: Mapping[str, tuple[float, float, float]]
    intercept: float
    questions: int
    right: int
    ece_raw: float | None
    ece: float
    sheets: tuple[str, ...]
    digests: tuple[str, ...]
    fitted: str

    def confidence(self, result: Result) -> float | None:
        """The probability that the letter is right; None without one. A feature that is missing counts as its mean."""
        if result.letter is None:
            return None
        logit, found = self.intercept, features(result)
        for name, (mean, scale, weight) in self.features.items():
            if name in found:
                # Further off than what was fitted on, a feature says nothing more.
                logit += weight * max(-MOST_DEVIATIONS, min(MOST_DEVIATIONS, (found[name] - mean) / scale))
        return round(1 / (1 + math.exp(-max(-30.0, min(30.0, logit)))), 4)

    def fits(self, settings: RunSettings) -> bool:
        """Whether it holds for a run with `settings`."""
        theirs = (settings.model, settings.samples, settings.course is not None, settings.prompt)
        return (self.model, self.samples, self.passages, self.prompt) == theirs


def fit(runs: Sequence[Results]) -> Calibration:
    """A calibration from results of sheets with a key, all of one model and one number of samples.

    Raises GradingError where the runs do not belong together, or have too few questions with key and letter, or too few right
    or wrong ones.
    """
    first = runs[0].settings
    if any(_belongs(run.settings) != _belongs(first) for run in runs):
        raise GradingError(
            "these results are of different models, numbers of samples or prompts, or only some had passages: a confidence "
            "is fitted for one of each. Name results of the same kind."
        )
    rows = [row for run in runs for row in run.rows if row.outcome in ("right", "wrong")]
    right = [row.outcome == "right" for row in rows]
    names = ", ".join(dict.fromkeys(run.settings.sheet for run in runs))
    if len(rows) < FEWEST:
        raise GradingError(
            f"{names}: {len(rows)} questions have a key and a letter, and a confidence is fitted on {FEWEST} at least. Grade a "
            "longer sheet with a key, or name several results files."
        )
    if min(sum(right), len(rows) - sum(right)) < FEWEST_OF_EACH:
        raise GradingError(
            f"{names}: {sum(right)} of {len(rows)} are right; {FEWEST_OF_EACH} right and {FEWEST_OF_EACH} wrong ones are "
            "needed to tell them apart. Grade a longer sheet, or one of another difficulty."
        )
    weighted, intercept = _regress(rows, right)
    raw = [confidence for confidence in (row.raw_confidence for row in rows) if confidence is not None]
    return Calibration(
        model=first.model,
        samples=first.samples,
        passages=first.course is not None,
        prompt=first.prompt,
        features=weighted,
        intercept=intercept,
        questions=len(rows),
        right=sum(right),
        ece_raw=_error(raw, right) if len(raw) == len(rows) else None,
        ece=_cross_validated(rows, right),
        sheets=tuple(dict.fromkeys(run.settings.sheet for run in runs)),
        digests=tuple(dict.fromkeys(run.settings.digest for run in runs)),
        fitted=f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
    )


def _belongs(settings: RunSettings) -> tuple[object, ...]:
    return settings.model, settings.samples, settings.course is not None, settings.prompt


def _error(confidences: Sequence[float], right: Sequence[bool]) -> float:
    return round(expected_calibration_error(reliability(confidences, right)), 4)


def _regress(rows: Sequence[Result], right: Sequence[bool]) -> tuple[dict[str, tuple[float, float, float]], float]:
    """Feature to (mean, standard deviation, weight), and the intercept.

    What does not vary is left out, and so is what would count the wrong way round (more agreement, less confidence): with few
    questions that is noise, and no grader would believe it.
    """
    import numpy as np

    from tutor.mcqa import logistic

    found = [features(row) for row in rows]
    columns: dict[str, np.ndarray] = {}
    scaling: dict[str, tuple[float, float]] = {}
    for name in SIGNS:
        values = np.array([one.get(name, np.nan) for one in found])
        if np.isnan(values).all() or np.nanstd(values) < 1e-9:
            continue
        scaling[name] = (float(np.nanmean(values)), float(np.nanstd(values)))
        columns[name] = np.nan_to_num((values - scaling[name][0]) / scaling[name][1], nan=0.0)
    outcomes = np.array(right, float)
    while columns:
        given = np.stack(list(columns.values()), axis=1)
        intercept, *fitted = map(float, logistic.fit(given, outcomes, logistic.best_penalty(given, outcomes)))
        weights = dict(zip(columns, fitted, strict=True))
        if not (wrong := [name for name, weight in weights.items() if weight * SIGNS[name] < 0]):
            rounded = {
                name: (round(scaling[name][0], 6), round(scaling[name][1], 6), round(weight, 6))
                for name, weight in weights.items()
            }
            return rounded, round(intercept, 6)
        del columns[min(wrong, key=lambda name: weights[name] * SIGNS[name])]
    share = sum(right) / len(right)  # nothing tells the questions apart
    return {}, math.log(share / (1 - share))


def _cross_validated(rows: Sequence[Result], right: Sequence[bool]) -> float:
    """The expected calibration error where each question's confidence is of a fit without it: the mean over several ways to
    divide them."""
    errors = []
    for seed in range(REPEATS):
        draw = random.Random(seed)
        order = sorted(
            draw.sample(range(len(rows)), len(rows)), key=lambda n: right[n]
        )  # like shares of right ones in each part
        held_out = [0.0] * len(rows)
        for part in range(FOLDS):
            told = order[part::FOLDS]
            learnt = sorted(set(order).difference(told))
            for n, sure in zip(told, fitted_confidences([rows[n] for n in learnt], [rows[n] for n in told]), strict=True):
                held_out[n] = sure
        errors.append(_error(held_out, right))
    return round(statistics.mean(errors), 4)


def fitted_confidences(learnt: Sequence[Result], told: Sequence[Result]) -> list[float]:
    """The confidences of `told`, which all have a letter, by a fit on `learnt`, which all have a letter and a key, with two
    right and two wrong ones among them at least."""
    weighted, intercept = _regress(learnt, [row.outcome == "right" for row in learnt])
    trial = Calibration("", 0, False, "", weighted, intercept, len(learnt), 0, None, 0.0, (), (), "")
    return [trial.confidence(row) or 0.0 for row in told]


def calibration_file(home: Path, model: str, samples: int, passages: bool) -> Path:
    """Where the fit for a model, number of samples, with or without passages is kept."""
    name = re.sub(r"[^A-Za-z0-9.]+", "-", model).strip("-.")[-60:]
    mark = hashlib.sha256(model.encode()).hexdigest()[:8]  # names that only differ in what was replaced
    return home / FOLDER / f"{name}-{mark}-k{samples}{'-passages' if passages else ''}.json"


def save_calibration(home: Path, calibration: Calibration) -> Path:
    """Keep it, in place of an earlier one of the same kind; the file."""
    file = calibration_file(home, calibration.model, calibration.samples, calibration.passages)
    file.parent.mkdir(parents=True, exist_ok=True)
    write_atomically(file, json.dumps(asdict(calibration), ensure_ascii=False, indent=1) + "\n")
    return file


def load_calibration(home: Path, settings: RunSettings) -> Calibration | None:
    """The fit that holds for a run with `settings`, None where there is none. Raises GradingError for a damaged file."""
    file = calibration_file(home, settings.model, settings.samples, settings.course is not None)
    if not file.is_file():
        return None
    try:
        row = json.loads(file.read_text("utf-8"))
        weighted = {name: (float(mean), float(scale), float(weight)) for name, (mean, scale, weight) in row["features"].items()}
        found = Calibration(**{**row, "features": weighted, "sheets": tuple(row["sheets"]), "digests": tuple(row["digests"])})
        if not all(scale > 0 and math.isfinite(mean + weight) for mean, scale, weight in weighted.values()):
            raise ValueError("a feature without a spread")
        if not math.isfinite(found.intercept):
            raise ValueError("no intercept")
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise GradingError(
            f"{file}: not a fitted confidence ({error}). Fit anew with `tutor evaluate confidence RESULTS.jsonl --save`."
        ) from None
    return found if found.fits(settings) else None
