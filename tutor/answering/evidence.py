"""Is what was found enough to answer? Decided by similarity, not by asking the model.

The threshold is fitted per course and embedding without labels: questions from everyday life that no course book answers
show how similar the unrelated is; a passage has to be clearly nearer than that.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import fmean, stdev

from index_store.search import CourseSearch, Hit

DEVIATIONS = 3.0
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
    """The least cosine that counts as evidence in this course: mean plus DEVIATIONS of what unrelated questions reach."""
    best = [best_similarity(search.search(question, top_k=4)) for question in UNRELATED]
    return fmean(best) + DEVIATIONS * stdev(best)


def best_similarity(hits: Sequence[Hit]) -> float:
    """The cosine of the passage nearest to the question; -1 where nothing was found."""
    return max((hit.similarity for hit in hits), default=-1.0)
