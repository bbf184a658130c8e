"""What answers: one embedding, one language model and an engine for each course, opened when first asked."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from index_store.course import Course, Library
from index_store.embedding import Embedding, load_embedding
from index_store.errors import IndexDamagedError
from index_store.reranker import load_reranker
from index_store.search import CourseSearch
from index_store.verify import StandIn, stand_in
from tutor.answering.engine import CourseQueryEngine
from tutor.answering.models import LanguageModel, load_model
from tutor.course_settings import read_settings
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
        self._models: dict[str, LanguageModel] = {settings.model: self.model}
        self._engines: dict[str, tuple[tuple[str, int], CourseQueryEngine]] = {}
        self._lock = threading.Lock()
        self._notify = notify

    def engine(self, course: str) -> CourseQueryEngine:
        """The engine of `course`, with the model and passages that its instructor set.

        Raises CourseError for an unknown course, EmbeddingError where its index is another's, ModelError where its model
        cannot be had, and IndexDamagedError where no sound index of it was there at the start and none was made since.
        """
        with self._lock:
            found = self.library.existing(course)
            if course in self._damaged:
                self._stand_ins[course] = stand_in(found)
                self._damaged.remove(course)
            own = read_settings(found)
            chosen = (own.model or self.settings.model, own.passages or self.settings.passages)
            if course not in self._engines or self._engines[course][0] != chosen:
                self._engines[course] = (chosen, self._made(found, *chosen))
            return self._engines[course][1]

    def _made(self, course: Course, model: str, passages: int) -> CourseQueryEngine:
        if model not in self._models:
            self._models[model] = load_model(self.settings.model_copy(update={"model": model}), self._notify)
        return CourseQueryEngine(
            search=CourseSearch(
                course,
                self.embedding,
                passages,
                stands_in=self._stand_ins.get(course.name),
                solutions=self.settings.solutions,
                reranker=self.reranker,
            ),
            model=self._models[model],
            embedding=self.embedding,
            passages=passages,
            least=self.settings.evidence,
            limits=partial(read_settings, course),
            seconds=self.settings.answer_seconds,
        )
