"""Example questions of a course, made of section headings spread over its books."""

from __future__ import annotations

import re
from collections import Counter
from functools import lru_cache
from pathlib import Path

from index_store.course import Library
from index_store.errors import CourseTutorError
from index_store.generation import read_passages
from tutor.answering.topics import topic_of_section
from tutor.phrases import ENGLISH, Phrases

WORD = re.compile(r"[^\W\d_]+")
# A word at the beginning of a line or sentence has a capital anyway and tells nothing.
WITHIN = re.compile(r"(?<!^)(?<!\n)(?<![.!?:] )(?<![^\W\d_])[^\W\d_]+")
EXAMPLES = 4


def examples(library: Library, course: str | None, say: Phrases = ENGLISH) -> list[str]:
    """Up to EXAMPLES questions; none where the course cannot be read."""
    if not course:
        return []
    try:
        return list(_of_generation(library.existing(course).live, say))
    except CourseTutorError:
        return []


@lru_cache(maxsize=64)
def _of_generation(generation: Path, say: Phrases) -> tuple[str, ...]:
    passages = read_passages(generation)
    titles = [
        title for title in dict.fromkeys(topic_of_section(passage.section) for passage in passages if passage.section) if title
    ]
    step = max(1, len(titles) // EXAMPLES)
    chosen = titles[step // 2 :: step][:EXAMPLES]
    words = {form for title in chosen for word in WORD.findall(title) for form in _forms(word)}
    counts = Counter(word for passage in passages for word in WITHIN.findall(passage.text) if word in words)
    return tuple(question(title, counts, say) for title in chosen)


def question(title: str, counts: Counter[str], say: Phrases = ENGLISH) -> str:
    """A question on `title`; `counts` says how often each form of its words stands within the books' sentences."""
    if title.endswith("?"):
        return title
    return say("explain", topic=WORD.sub(lambda word: _in_a_sentence(word[0], counts), title))


def _in_a_sentence(word: str, counts: Counter[str]) -> str:
    """A heading's word as the books write it within a sentence: a name keeps its capital, an acronym its capitals."""
    printed = max((sum(counts[form] for form in group), shown) for group, shown in _groups(word))
    return printed[1] if printed[0] else word


def _groups(word: str) -> list[tuple[list[str], str]]:
    """The ways in which a word may be written, each with its singular and plural: small, with a capital, all in capitals."""
    numbers = [word, word.removesuffix("s"), f"{word}s"]
    ways = [str.lower, str.capitalize, str.upper]
    return [([way(number) for number in numbers], way(word)) for way in ways]


def _forms(word: str) -> list[str]:
    return [form for group, _ in _groups(word) for form in group]
