"""What answers: one embedding, one language model and an engine for each course, opened when first asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from index_store.course import Library
from index_store.embedding import Embedding, load_embedding
from index_store.errors import IndexDamagedError
from index_store.reranker import load_reranker
from index_store.search import CourseSearch
from index_store.verify import StandIn, stand_in
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.models import LanguageModel, load_model
from tutor.settings import Settings


class AnsweringService:
    """Loads embedding and model, and verifies the indexes of `courses`, side by side.

    Raises CourseTutorError where one of them cannot be had. A course whose live index is damaged is answered from the last
    sound one before it, which `notify` says.
    """

    def __init__(
        self,
        settings: Settings,
        notify: Callable[[str], None] = lambda message: None,
        courses: Sequence[str] = (),
    ) -> None:
        self.settings = settings
        self.library = Library(settings.home)
        self._stand_ins: dict[str, StandIn | None] = {}
        self._damaged: set[str] = set()
        with ThreadPoolExecutor(4) as pool:
            reranker = pool.submit(load_reranker, settings.reranker)
            embedding = pool.submit(load_embedding, settings.embedding, models=settings.models)
            model = pool.submit(load_model, settings, notify)
            verified = {name: pool.submit(stand_in, self.library.existing(name)) for name in courses}
            for name, found in verified.items():
                try:
                    self._stand_ins[name] = instead = found.result()
                except IndexDamagedError:  # told to who asks this course; the others are answered
                    self._damaged.add(name)
                    continue
                if instead:
                    notify(f"warning: {instead.warning}")
            self.model: LanguageModel = model.result()
            self.embedding: Embedding = embedding.result()
            self.reranker = reranker.result()
        self._engines: dict[str, CourseQueryEngine] = {}
        self._lock = threading.Lock()

    def engine(self, course: str) -> CourseQueryEngine:
        """The engine of `course`. Raises CourseError for an unknown one, EmbeddingError where its index is another's.

        Raises IndexDamagedError where no sound index of it was there at the start and none was made since.
        """
        with self._lock:
            if course in self._damaged:
                self._stand_ins[course] = stand_in(self.library.existing(course))
                self._damaged.remove(course)
            if course not in self._engines:
                self._engines[course] = CourseQueryEngine(
                    search=CourseSearch(
                        self.library.existing(course),
                        self.embedding,
                        self.settings.passages,
                        stands_in=self._stand_ins.get(course),
                        solutions=self.settings.solutions,
                        reranker=self.reranker,
                    ),
                    model=self.model,
                    embedding=self.embedding,
                    passages=self.settings.passages,
                    least=self.settings.evidence,
                    seconds=self.settings.answer_seconds,
                )
            return self._engines[course]
