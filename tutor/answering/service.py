"""What answers: one embedding, one language model and an engine for each course, opened when first asked."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from index_store.course import Library
from index_store.embedding import Embedding, load_embedding
from index_store.search import CourseSearch
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.models import LanguageModel, load_model
from tutor.settings import Settings


class AnsweringService:
    """Loads embedding and model side by side. Raises CourseTutorError where either cannot be had."""

    def __init__(self, settings: Settings, notify: Callable[[str], None] = lambda message: None) -> None:
        self.settings = settings
        self.library = Library(settings.home)
        with ThreadPoolExecutor(2) as pool:
            embedding = pool.submit(load_embedding, settings.embedding)
            model = pool.submit(load_model, settings, notify)
            self.model: LanguageModel = model.result()
            self.embedding: Embedding = embedding.result()
        self._engines: dict[str, CourseQueryEngine] = {}
        self._lock = threading.Lock()

    def engine(self, course: str) -> CourseQueryEngine:
        """The engine of `course`. Raises CourseError for an unknown one, EmbeddingError where its index is another's."""
        with self._lock:
            if course not in self._engines:
                self._engines[course] = CourseQueryEngine(
                    search=CourseSearch(
                        self.library.existing(course), self.embedding, self.settings.passages, self.settings.solutions
                    ),
                    model=self.model,
                    embedding=self.embedding,
                    passages=self.settings.passages,
                    threshold=self.settings.evidence,
                )
            return self._engines[course]
