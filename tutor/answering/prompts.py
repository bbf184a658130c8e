"""Every prompt, as data. Knows nothing of models or retrieval."""

from __future__ import annotations

from collections.abc import Sequence

EXPLAIN = (
    "You are a tutor for a university course. Answer the student's question from the numbered passages of the course book, "
    "and from nothing else. After each sentence put the number of the passage it rests on, such as [1]. "
    "If the passages do not answer the question, say so."
)
QUOTE = "Answer the question based on the text, in two sentences."


def explain_question(passages: Sequence[str], question: str) -> str:
    """The user's turn for a model that answers in its own words; passage n is numbered [n] from 1."""
    numbered = "\n\n".join(f"[{n}] {passage}" for n, passage in enumerate(passages, 1))
    return f"Passages:\n{numbered}\n\nQuestion: {question}"


def quote_question(text: str, question: str) -> str:
    """The user's turn for a model that may only repeat sentences of `text`."""
    return f"{text}\n\n{question}"
