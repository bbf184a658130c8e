"""Finding passages: dense (Chroma, then the nearest sentence) and keyword (BM25) results, fused by LlamaIndex's relative
scores.

Knows nothing of prompts and answers. Whether what was found is enough to answer is decided a floor above, from the
`similarity` that every hit carries.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from llama_index.core.base.base_retriever import BaseRetriever
from llama_index.core.llms import MockLLM
from llama_index.core.retrievers import QueryFusionRetriever
from llama_index.core.retrievers.fusion_retriever import FUSION_MODES
from llama_index.core.schema import NodeWithScore, QueryBundle

from index_store.course import Course
from index_store.coverage import Coverage, coverage
from index_store.embedding import Embedding
from index_store.excerpt import Sentences, Span, excerpts
from index_store.generation import CANDIDATES, Generation, read_passages
from index_store.manifest import Manifest
from index_store.passage import Passage
from index_store.reranker import RERANKED, Reranker
from index_store.verify import StandIn
from index_store.words import fold

DENSE_WEIGHT = 0.6
T = TypeVar("T")


@dataclass(frozen=True)
class Hit:
    """A passage found: `score` orders hits of one search (0 to 1), `similarity` is the cosine to the question.

    `nearest` is the cosine of the sentence of it that is nearest to the question; `part` is where in the passage's text it is
    about the question (see excerpt.py), all of it without.
    """

    passage: Passage
    score: float
    similarity: float
    nearest: float = -1.0
    part: Span | None = None

    @property
    def excerpt(self) -> str:
        """The part of the passage's text that is about the question."""
        return self.passage.text[slice(*self.part or (None,))].rstrip()


class _Dense(BaseRetriever):
    """The passages that Chroma finds, scored by their sentence nearest to the question: one sentence is what answers."""

    def __init__(self, generation: Generation, candidates: int, solutions: bool) -> None:
        self._generation = generation
        self._candidates = candidates
        self._solutions = solutions
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        vector = query_bundle.embedding
        assert vector is not None
        generation = self._generation
        rows = generation.nearest(vector, self._candidates, self._solutions)
        scores = generation.nearest_sentences(rows, vector)
        return [NodeWithScore(node=generation.node(row), score=score) for row, score in zip(rows, scores, strict=True)]


class _Keywords(BaseRetriever):
    """LlamaIndex's BM25 retriever without the rows that match no word: it returns those too, with score 0."""

    def __init__(self, retriever: BaseRetriever) -> None:
        self._retriever = retriever
        super().__init__()

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        found = self._retriever.retrieve(QueryBundle(fold(query_bundle.query_str)))
        return [hit for hit in found if (hit.score or 0.0) > 0.0]


class CourseSearch(BaseRetriever):
    """Search over the live generation of a course; a newly published one is opened at the next question.

    Passages of the kind "solution" are never among the hits unless `solutions` is true. With `generation`, over that one
    alone. `stands_in` is read for the live one while that is the one found damaged. A `reranker` orders the best again.
    """

    def __init__(
        self,
        course: Course,
        embedding: Embedding,
        top_k: int = 4,
        generation: Path | None = None,
        solutions: bool = False,
        stands_in: StandIn | None = None,
        reranker: Reranker | None = None,
    ) -> None:
        self._reranker = reranker
        self._course = course
        self._pinned = generation
        self._stands_in = stands_in
        self._embedding = embedding
        self._top_k = top_k
        self._solutions = solutions
        self._lock = threading.Lock()
        self._open: tuple[Generation, QueryFusionRetriever] | None = None
        self._kept: dict[tuple[str, str], Any] = {}
        super().__init__()
        self._generation()

    def _generation(self) -> tuple[Generation, QueryFusionRetriever]:
        with self._lock:
            live = self._folder()
            if self._open is None or self._open[0].folder != live:
                # The old one is not closed: an answer in another thread may still read from it.
                self._open = self._open_generation(Generation(live, self._embedding))
            return self._open

    def _folder(self) -> Path:
        if self._pinned:
            return self._pinned
        if self._stands_in and self._course.live_name == self._stands_in.damaged:
            return self._stands_in.generation
        return self._course.live

    def _open_generation(self, generation: Generation) -> tuple[Generation, QueryFusionRetriever]:
        candidates = min(CANDIDATES, generation.manifest.passages)
        shown = [self._solutions or row.get("kind") != "solution" for row in generation.keywords.corpus]
        # Both leave solutions out before they count candidates, so that there are as many as of a book without any.
        generation.keywords.corpus_weight_mask = None if all(shown) else [int(show) for show in shown]
        fused = QueryFusionRetriever(
            [_Dense(generation, candidates, all(shown)), _Keywords(generation.keywords)],
            # Never called at one query, but LlamaIndex would otherwise resolve its default, a remote service.
            llm=MockLLM(),
            num_queries=1,
            mode=FUSION_MODES.RELATIVE_SCORE,
            retriever_weights=[DENSE_WEIGHT, 1 - DENSE_WEIGHT],
            similarity_top_k=2 * candidates,
            use_async=False,
        )
        return generation, fused

    @property
    def manifest(self) -> Manifest:
        """The manifest of the generation that the next question will be answered from."""
        return self._generation()[0].manifest

    def passages(self) -> list[Passage]:
        """Every passage of the generation that the next question will be answered from, solutions too, in reading order."""
        return self.once_a_generation("passages", lambda own: read_passages(own._generation()[0].folder))

    def corrected(self, question: str) -> str:
        """The question as it is searched: slips of the keyboard mended towards the books' own words."""
        # What the embedding has one token for is a word, although no book here uses it.
        return self._generation()[0].words.corrected(question, lambda word: self._embedding.count_tokens(word) == 1)

    def coverage(self, question: str, passage: Passage) -> Coverage:
        """Which of the question's words the passage has, and which the books have."""
        index = self._generation()[0].keywords.bm25
        return coverage(question, passage.embedded_text, index, lambda word: self._embedding.count_tokens(word) == 1)

    def has_word(self, beginning: str) -> bool:
        """Whether the books have a word that begins so."""
        return self._generation()[0].words.begin(beginning)

    def search(self, question: str, top_k: int | None = None, context: Sequence[str] = ()) -> list[Hit]:
        """The best `top_k` passages for `question`, best first.

        `context` holds earlier questions of the conversation, oldest first; a follow-up such as "why?" is searched
        together with them.
        """
        generation, fused = self._generation()
        text = self.corrected(" ".join([*context, question]))
        vector = self._embedding.model.get_query_embedding(text)
        found = self._best(fused.retrieve(QueryBundle(text, embedding=vector)), text, top_k or self._top_k)
        similarity = generation.similarities([hit.node.node_id for hit in found], vector)
        passages = [Passage.from_node(hit.node) for hit in found]
        sentences = self._sentences(generation, passages, vector)
        return [
            Hit(passage, hit.score or 0.0, cosine, max(within.cosines), part)
            for passage, hit, cosine, within, part in zip(
                passages, found, similarity, sentences, excerpts(sentences), strict=True
            )
        ]

    def _sentences(self, generation: Generation, passages: Sequence[Passage], vector: Sequence[float]) -> list[Sentences]:
        texts = [passage.embedded_text for passage in passages]
        found = []
        for passage, text, starts in zip(passages, texts, self._embedding.sentence_starts(texts), strict=True):
            cosines = generation.of_sentences(passage.id, vector)
            if len(cosines) != len(starts):  # made where only whole passages have vectors, or asked there
                starts, cosines = starts[:1], [max(cosines)]
            spans = [(a - starts[0], b - starts[0]) for a, b in pairwise([*starts, len(text)])]
            found.append(Sentences(passage.file, passage.ordinal, passage.text, spans, cosines))
        return found

    def _best(self, found: list[NodeWithScore], question: str, count: int) -> list[NodeWithScore]:
        if not self._reranker:
            return found[:count]
        found = found[: max(RERANKED, count)]
        for hit, score in zip(found, self._reranker.scores(question, [hit.node.get_content() for hit in found]), strict=True):
            hit.score = score
        return sorted(found, key=lambda hit: -(hit.score or 0.0))[:count]

    def once_a_generation(self, name: str, compute: Callable[[CourseSearch], T]) -> T:
        """`compute(self)`, kept under `name` until another generation goes live."""
        key = (self._generation()[0].folder.name, name)
        if key not in self._kept:
            made = compute(self)  # which may keep something itself
            self._kept = {k: v for k, v in self._kept.items() if k[0] == key[0]} | {key: made}
        kept: T = self._kept[key]
        return kept

    @staticmethod
    def as_nodes(hits: Sequence[Hit]) -> list[NodeWithScore]:
        return [NodeWithScore(node=hit.passage.as_node(), score=hit.score) for hit in hits]

    def _retrieve(self, query_bundle: QueryBundle) -> list[NodeWithScore]:
        return self.as_nodes(self.search(query_bundle.query_str))
