"""Is what was found enough? On labelled questions of the sample course."""

import json
from pathlib import Path

from index_store.course import Library
from index_store.embedding import Embedding
from index_store.search import CourseSearch
from tutor.answering.evidence import best_similarity, fit_threshold

QUESTIONS = Path(__file__).parents[2] / "examples" / "questions.jsonl"


def test_the_fitted_threshold_parts_answerable_from_unrelated_questions(sample_library: Library, embedding: Embedding) -> None:
    search = CourseSearch(sample_library.existing("sample"), embedding)
    threshold = fit_threshold(search)
    rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
    answered = {True: 0, False: 0}
    for row in rows:
        answered[row["answerable"]] += best_similarity(search.search(row["question"])) >= threshold
    # Nine of ten answerable ones are answered; two of three of the others refused (most are from neighbouring topics).
    assert answered[True] >= 0.9 * sum(row["answerable"] for row in rows)
    assert answered[False] <= 0.34 * sum(not row["answerable"] for row in rows)


def test_nothing_found_is_no_evidence() -> None:
    assert best_similarity([]) == -1.0
