"""Every prompt, as data. Knows nothing of models or retrieval."""

from __future__ import annotations

from collections.abc import Sequence

EXPLAIN = (
    "You are a tutor for a university course. Answer the student's question from the numbered passages of the course book, "
    "and from nothing else. After each sentence put the number of the passage it rests on, such as [1]. "
    "If the passages do not answer the question, say so."
)
QUOTE = "Answer the question based on the text, in two sentences."
REASON = (
    "You take a multiple-choice exam. Exactly one option is right. Think step by step, and end with the line "
    '"The answer is (X).", where X is the letter of the option.'
)
REASON_FROM_PASSAGES = (
    "You take a multiple-choice exam. Exactly one option is right. The passages of the course book may help. Think step by "
    'step, and end with the line "The answer is (X).", where X is the letter of the option.'
)
COMMIT = "\n\nThe answer is ("  # behind a chain of thought: what comes next is a letter


def explain_question(passages: Sequence[str], question: str) -> str:
    """The user's turn for a model that answers in its own words; passage n is numbered [n] from 1."""
    numbered = "\n\n".join(f"[{n}] {passage}" for n, passage in enumerate(passages, 1))
    return f"Passages:\n{numbered}\n\nQuestion: {question}"


def quote_question(text: str, question: str) -> str:
    """The user's turn for a model that may only repeat sentences of `text`."""
    return f"{text}\n\n{question}"


def multiple_choice(passages: Sequence[str], stem: str, options: Sequence[str]) -> str:
    """The user's turn for a chain of thought; options are lettered A, B, C, ... What varies least comes first, so that
    an engine that caches beginnings reads passages and stem once for all orders of the options."""
    numbered = "".join(f"[{n}] {passage}\n\n" for n, passage in enumerate(passages, 1))
    lettered = "\n".join(f"({chr(ord('A') + n)}) {option}" for n, option in enumerate(options))
    given = f"Passages:\n{numbered}" if passages else ""
    return f"{given}Question: {stem}\n\nOptions:\n{lettered}\n\nLet's think step by step."
