"""Can the confidence of grading be believed, what does a review queue by it catch, and what does it cost?

    python benchmarks/confidence.py examples/quiz.csv [SHEET...] --make examples/course [BOOKS...]
    python benchmarks/confidence.py --results FILE.jsonl...

Each sheet is graded by the built-in model with passages of one course of BOOKS, if any are named, with one sample a question
and then with `--samples`; with `--results` files that `tutor grade` wrote of keyed sheets are looked at instead, untimed.

Before and after: the questions with key and letter are divided at random into halves; a fit on one tells the confidence of the
other, `--halves` times. `the share of right ones` gives every question of the one half the share that was right in the other: a
fit that is no better than that does not tell questions apart. `AUC`: how often a right answer has more confidence than a wrong
one. Medians, and from the least to the most.

Review: each question's confidence is its mean over the times it was not fitted on. `sent`: to a person; `wrong caught`: of the
wrong answers, how many are among those; `of those, wrong`: how many of those sent are wrong; `right of the rest`: of what no
person reads.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from tutor.offline import close_network

close_network(hub=False)

from index_store.course import Library  # noqa: E402
from index_store.embedding import load_embedding  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402
from tutor.answering.models import LanguageModel, load_model  # noqa: E402
from tutor.mcqa.calibration import brier_score, expected_calibration_error, reliability  # noqa: E402
from tutor.mcqa.confidence import fitted_confidences  # noqa: E402
from tutor.mcqa.grade import Course, Plan, grade  # noqa: E402
from tutor.mcqa.results import Result, read_results  # noqa: E402
from tutor.mcqa.run import SMALL_MODEL_TOKENS, open_course  # noqa: E402
from tutor.mcqa.sheet import Question, read_sheet  # noqa: E402
from tutor.settings import load_settings  # noqa: E402

THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sheets", nargs="*", type=Path, metavar="SHEET")
    parser.add_argument("--make", nargs="+", type=Path, default=[], metavar="BOOKS")
    parser.add_argument("--samples", type=int, default=5, metavar="K")
    parser.add_argument("--results", nargs="+", type=Path, default=[], metavar="FILE.jsonl")
    parser.add_argument("--halves", type=int, default=50)
    arguments = parser.parse_args()
    if bool(arguments.sheets) == bool(arguments.results):
        parser.error("give sheets, or --results")
    rows = [row for file in arguments.results for row in read_results(file).rows]
    if arguments.sheets:
        questions = [
            replace(question, id=f"{sheet.stem}:{question.id}")
            for sheet in arguments.sheets
            for question in read_sheet(sheet).questions
        ]
        rows = timed(questions, arguments.samples, arguments.make)
    told = [row for row in rows if row.outcome in ("right", "wrong")]
    right = sum(row.outcome == "right" for row in told)
    if min(right, len(told) - right) < 4:
        raise SystemExit(f"{right} of {len(told)} are right; halves need 4 right and 4 wrong at least")
    print(f"{len(rows)} questions, {len(told)} with a letter, {right} of these right ({right / len(told):.0%}).\n")
    held_out = halves(told, arguments.halves)
    print()
    review(told, held_out)


def timed(questions: Sequence[Question], samples: int, books: Sequence[Path]) -> list[Result]:
    """The results with `samples`, after a table of what they cost against one."""
    with tempfile.TemporaryDirectory() as home:
        settings = load_settings(home=Path(home))
        model, course = load_model(settings), None
        if books:
            library = Library(settings.home)
            ingest(list(books), library.course("quiz"), load_embedding(), library.vectors)
            course = open_course(settings, "quiz")
        _graded(questions[:2], model, course, 1)  # warm
        print("| | seconds | seconds a question | tokens a question |\n|---|---|---|---|")
        for k in (1, samples):
            rows, seconds = _graded(questions, model, course, k)
            tokens = sum(row.tokens for row in rows) / len(rows)
            print(f"| k = {k} | {seconds:.0f} | {seconds / len(rows):.1f} | {tokens:,.0f} |", flush=True)
    print()
    return rows


def _graded(questions: Sequence[Question], model: LanguageModel, course: Course | None, k: int) -> tuple[list[Result], float]:
    begun = time.perf_counter()
    rows = list(grade(questions, model, Plan(samples=k, max_tokens=SMALL_MODEL_TOKENS), course))
    return rows, time.perf_counter() - begun


def halves(rows: Sequence[Result], times: int) -> dict[str, float]:
    """Print errors before and after; each question's mean confidence where it was not fitted on."""
    from sklearn.metrics import roc_auc_score

    ways: dict[str, Callable[[Sequence[Result], Sequence[Result]], list[float]]] = {
        "raw": lambda learnt, held_out: [row.raw_confidence or 0.0 for row in held_out],
        "the share of right ones": lambda learnt, held_out: [_share(learnt)] * len(held_out),
        "fitted": fitted_confidences,
    }
    measured: dict[str, list[tuple[float, float, float]]] = defaultdict(list)
    confidences: dict[str, list[float]] = defaultdict(list)
    draw = random.Random(0)
    while len(measured["raw"]) < times:
        mixed = draw.sample(list(rows), len(rows))
        learnt, held_out = mixed[: len(mixed) // 2], mixed[len(mixed) // 2 :]
        right = [row.outcome == "right" for row in held_out]
        if not 2 <= sum(row.outcome == "right" for row in learnt) <= len(learnt) - 2 or not 0 < sum(right) < len(right):
            continue
        for name, way in ways.items():
            sure = way(learnt, held_out)
            ece = expected_calibration_error(reliability(sure, right))
            measured[name].append((ece, brier_score(sure, right), float(roc_auc_score(right, sure))))
            if name == "fitted":
                for row, one in zip(held_out, sure, strict=True):
                    confidences[row.id].append(one)
    print("| confidence | calibration error | Brier score | AUC |\n|---|---|---|---|")
    for name, figures in measured.items():
        print(f"| {name} | {' | '.join(map(_median_and_range, zip(*figures, strict=True)))} |")
    return {id: statistics.mean(sure) for id, sure in confidences.items()}


def _share(rows: Sequence[Result]) -> float:
    return sum(row.outcome == "right" for row in rows) / len(rows)


def _median_and_range(values: Sequence[float]) -> str:
    return f"{statistics.median(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def review(rows: Sequence[Result], held_out: dict[str, float]) -> None:
    print("| confidence under | sent | wrong caught | of those, wrong | right of the rest |\n|---|---|---|---|---|")
    for name, sure in (
        ("raw", {row.id: row.raw_confidence or 0.0 for row in rows}),
        ("fitted", held_out),
    ):
        for threshold in THRESHOLDS:
            sent = [row for row in rows if sure[row.id] < threshold]
            rest = [row for row in rows if sure[row.id] >= threshold]
            wrong = sum(row.outcome == "wrong" for row in sent)
            all_wrong = sum(row.outcome == "wrong" for row in rows)
            caught = _of(wrong, all_wrong)
            print(
                f"| {name} {threshold} | {_of(len(sent), len(rows))} | {caught} | {_of(wrong, len(sent))} "
                f"| {_of(sum(row.outcome == 'right' for row in rest), len(rest))} |"
            )


def _of(part: int, whole: int) -> str:
    return f"{part / whole:.0%} ({part} of {whole})" if whole else "-"


if __name__ == "__main__":
    main()
