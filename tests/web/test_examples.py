"""Example questions as a student would ask them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from index_store.course import Library
from index_store.embedding import Embedding
from ingest.pipeline import ingest
from tutor.answering.service import AnsweringService
from tutor.phrases import Language, Phrases
from tutor.web.examples import examples, question

WORDS = Counter(
    {
        "sorting": 5,
        "Dijkstra": 7,
        "algorithm": 9,
        "projectile": 2,
        "TCP": 3,
        "python": 2,
        "Python": 6,
        "and": 9,
        "the": 9,
        "heaps": 4,
    }
)


@pytest.mark.model
@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_what_is_offered_is_answered_in_every_language(service: AnsweringService, language: Language) -> None:
    offered = examples(service.library, "sample", Phrases(language))
    assert len(offered) == 4
    assert [question for question in offered if not service.engine("sample").stream(question).found] == []


@pytest.mark.parametrize(
    ("title", "asked"),
    [
        ("Sorting", "Explain sorting"),
        ("Dijkstra's algorithm", "Explain Dijkstra's algorithm"),
        ("Dijkstra's Algorithm", "Explain Dijkstra's algorithm"),
        ("Projectiles", "Explain projectiles"),
        ("The TCP and Python", "Explain the TCP and Python"),
        ("SORTING AND HEAPS", "Explain sorting and heaps"),
        ("Bellman-Ford", "Explain Bellman-Ford"),
        ("Why are heaps fast?", "Why are heaps fast?"),
    ],
)
def test_a_heading_becomes_a_question_in_the_books_own_spelling(title: str, asked: str) -> None:
    assert question(title, WORDS) == asked


def test_they_are_taken_from_the_course_and_are_of_the_index_that_is_live(
    tmp_path: Path, typeset: Callable[[Path, str], Path], embedding: Embedding
) -> None:
    library = Library(tmp_path / "home")
    assert examples(library, None) == examples(library, "physics") == []
    text = "= Introduction\nOn waves.\n= 1.2 Standing Waves\nIn a string, standing waves keep their place.\n"
    book = typeset(tmp_path / "waves.pdf", text)
    ingest([book], library.course("physics"), embedding, library.vectors)
    assert examples(library, "physics") == ["Explain standing waves"]
    typeset(
        book, text.replace("Standing Waves", "Fourier's theorem").replace("standing waves keep", "as Fourier saw, they keep")
    )
    ingest([book], library.course("physics"), embedding, library.vectors)
    assert examples(library, "physics") == ["Explain Fourier's theorem"]
