"""Is what was found enough to answer? Decided by what was found, not by asking the model.

Two things count. The evidence for a question is the cosine of the nearest sentence, more where the nearest passage has the
question's rare words, less where the question names what the books never do (a theorem, a method). And a single passage is near
where its cosine is clearly above what unrelated questions reach.

Both are measured against the course without labels: questions from everyday life that no course book answers show what the
unrelated reaches. How far above that is enough was chosen on labelled questions on four books; benchmarks/pages.py shows what
it costs.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

from index_store.search import CourseSearch, Hit

DEVIATIONS = 3.0
COVERED = 0.2  # cosine that it is worth to have all of the question's words
UNKNOWN = 0.1  # and that it costs to name what the books do not
MARGIN = 0.25  # above the mean of unrelated questions
UNRELATED = (
    "How long should I boil an egg so that the yolk stays soft?",
    "Which football club has won the most league titles?",
    "When does the next train to the airport leave?",
    "Who wrote the novel about the white whale?",
    "How do I remove a wine stain from a carpet?",
    "What is the capital of Mongolia?",
    "Which vaccine protects against measles?",
    "Why did the Roman Empire fall?",
    "How often should I water a cactus?",
    "What are the opening hours of the library on Sundays?",
    "Who painted the ceiling of the Sistine Chapel?",
    "How do I train a puppy not to bite?",
    "What is the exchange rate of the yen today?",
    "Which spices go into a vegetable curry?",
    "How do plants attract pollinating insects?",
    "What happened at the Congress of Vienna?",
    "How do I apply for a student visa?",
    "Which muscles does swimming train?",
    "What is the plot of Romeo and Juliet?",
    "How is cheddar cheese made?",
)


def fit_threshold(search: CourseSearch) -> float:
    """The least cosine at which a passage is near in this course: mean plus DEVIATIONS of what unrelated questions reach."""
    best = [best_similarity(hits) for _, hits in _unrelated(search)]
    return fmean(best) + DEVIATIONS * stdev(best)


def fit_least(search: CourseSearch) -> float:
    """The least evidence (see `evidence`) that answers in this course."""
    return fmean(evidence(search, question, hits) for question, hits in _unrelated(search)) + MARGIN


def _unrelated(search: CourseSearch) -> list[tuple[str, list[Hit]]]:
    """What this course has for each of UNRELATED, searched once for both levels."""
    return search.once_a_generation("unrelated", lambda own: [(asked, own.search(asked, top_k=4)) for asked in UNRELATED])


def evidence(search: CourseSearch, question: str, hits: Sequence[Hit]) -> float:
    """How much speaks for `hits` answering `question`; -1 where nothing was found."""
    if not hits:
        return -1.0
    nearest = max(hits, key=lambda hit: hit.similarity)
    words = search.coverage(question, nearest.passage)
    return max(hit.nearest for hit in hits) + COVERED * words.share - (UNKNOWN if words.unknown else 0.0)


def best_similarity(hits: Sequence[Hit]) -> float:
    """The cosine of the passage nearest to the question; -1 where nothing was found."""
    return max((hit.similarity for hit in hits), default=-1.0)
