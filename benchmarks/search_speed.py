"""How long does one search take, with the question's embedding, as a course grows?

    python benchmarks/search_speed.py --books examples/course --sizes 1000 10000 100000

The books' passages are repeated up to each size with a word in eight exchanged for another of the books; their vectors, and
those of their sentences, are the real ones with noise, so that every passage has neighbours as near as in a real book. A
question is fifteen words of a passage. Milliseconds, of one thread, once warm. "Chroma alone" is a query by vector, embedded
before, for as many passages as the search asks for first. Parts are medians; they overlap nowhere.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median, quantiles
from typing import Any

from tutor.offline import close_network

close_network(hub=False)

import numpy as np  # noqa: E402
from chromadb.api.models.Collection import Collection  # noqa: E402
from llama_index.retrievers.bm25 import BM25Retriever  # noqa: E402

from index_store.course import Course, Library  # noqa: E402
from index_store.embedding import Embedding, Vectors, load_embedding  # noqa: E402
from index_store.generation import CANDIDATES, COLLECTION, Generation, chroma_client, read_passages  # noqa: E402
from index_store.manifest import read_manifest  # noqa: E402
from index_store.passage import Passage  # noqa: E402
from index_store.search import CourseSearch  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402

NOISE = 0.5  # length of the noise beside the unit vector: a cosine of 0.89 to the passage it was made of
WARM = 5
# The name shown, and the method whose calls are timed.
PARTS: dict[str, tuple[Any, str]] = {
    "Chroma": (Collection, "query"),
    "sentences": (Generation, "nearest_sentences"),
    "BM25": (BM25Retriever, "_retrieve"),
    "similarities": (Generation, "similarities"),
}
EMBEDDING = "embedding the question"
REST = "fusion and nodes"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, nargs="+", required=True)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    parser.add_argument("--questions", type=int, default=200)
    arguments = parser.parse_args()
    embedding = load_embedding()
    spent = time_parts(embedding)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        library = Library(Path(folder))
        ingest(arguments.books, library.course("books"), embedding, library.vectors)
        books = library.existing("books")
        passages = read_passages(books.live)
        vectors, _ = library.vectors.embed(embedding, [passage.embedded_text for passage in passages])
        for size in arguments.sizes:
            begun = time.perf_counter()
            course = repeated(books, passages, vectors, size, embedding, library)
            built = time.perf_counter() - begun
            rows.append((size, built, *measure(course, embedding, questions_of(passages, arguments.questions), spent)))
    print("| passages | built in s | p50 ms | p95 ms | Chroma alone, p50 | p95 |\n|---:|---:|---:|---:|---:|---:|")
    for size, built, whole, alone, _ in rows:
        print(f"| {size:,} | {built:.0f} | {median(whole):.1f} | {p95(whole):.1f} | {median(alone):.1f} | {p95(alone):.1f} |")
    names = [EMBEDDING, *PARTS, REST]
    print(f"\n| passages | {' | '.join(names)} |\n|---:|{'---:|' * len(names)}")
    for size, _, _, _, parts in rows:
        print(f"| {size:,} | " + " | ".join(f"{median(parts[name]):.1f}" for name in names) + " |")


def p95(values: Sequence[float]) -> float:
    return quantiles(values, n=20)[-1]


def questions_of(passages: Sequence[Passage], number: int) -> list[str]:
    dice = random.Random(1)
    return [" ".join(dice.choice(passages).text.split()[5:20]) for _ in range(number)]


def repeated(
    books: Course, passages: Sequence[Passage], vectors: Vectors, size: int, embedding: Embedding, library: Library
) -> Course:
    """A course of `size` passages made from `passages`."""
    dice, noise = random.Random(size), np.random.default_rng(size)
    words = [word for passage in passages for word in passage.text.split()]

    def near(of: np.ndarray) -> np.ndarray:
        moved = of.astype(np.float32) + noise.normal(0, NOISE / of.shape[-1] ** 0.5, of.shape)
        return moved / np.linalg.norm(moved, axis=-1, keepdims=True)

    made: list[Passage] = []
    for ordinal in range(size):
        passage = passages[ordinal % len(passages)]
        text = " ".join(dice.choice(words) if dice.random() < 1 / 8 else word for word in passage.text.split())
        made.append(replace(passage, text=text, ordinal=ordinal).with_id())
    places = [ordinal % len(passages) for ordinal in range(size)]
    matrix = near(vectors.whole[places]).astype(np.float32)
    sentences = [near(vectors.sentences[place]).astype(np.float16) for place in places]
    manifest = read_manifest(books.live)
    course = library.course(f"passages-{size}")
    with course.writer() as writer:
        writer.make_live(writer.build(made, Vectors(matrix, sentences), embedding, manifest.books, manifest.settings))
    return course


def time_parts(embedding: Embedding) -> dict[str, float]:
    """Have every method of PARTS, and the question's embedding, add its milliseconds to what is returned."""
    spent = dict.fromkeys([EMBEDDING, *PARTS], 0.0)

    def timed(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **options: Any) -> Any:
            begun = time.perf_counter()
            try:
                return method(*values, **options)
            finally:
                spent[name] += 1000 * (time.perf_counter() - begun)

        return call

    for name, (owner, method) in {**PARTS, EMBEDDING: (type(embedding.model), "get_query_embedding")}.items():
        setattr(owner, method, timed(name, getattr(owner, method)))
    return spent


def measure(
    course: Course, embedding: Embedding, questions: Sequence[str], spent: dict[str, float]
) -> tuple[list[float], list[float], dict[str, list[float]]]:
    """Milliseconds of every search, of Chroma alone, and of the search's parts."""
    search = CourseSearch(course, embedding)
    whole: list[float] = []
    parts: dict[str, list[float]] = {name: [] for name in (*spent, REST)}
    for question in [*questions[:WARM], *questions]:
        spent.update(dict.fromkeys(spent, 0.0))
        begun = time.perf_counter()
        search.search(question)
        whole.append(1000 * (time.perf_counter() - begun))
        for name, milliseconds in spent.items():
            parts[name].append(milliseconds)
        parts[REST].append(whole[-1] - sum(spent.values()))
    collection = chroma_client(course.live / "chroma").get_collection(COLLECTION, embedding_function=None)
    vectors = [embedding.model.get_query_embedding(question) for question in questions]
    alone: list[float] = []
    for vector in [*vectors[:WARM], *vectors]:
        begun = time.perf_counter()
        collection.query(query_embeddings=[vector], n_results=min(CANDIDATES, collection.count()))
        alone.append(1000 * (time.perf_counter() - begun))
    return whole[WARM:], alone[WARM:], {name: values[WARM:] for name, values in parts.items()}


if __name__ == "__main__":
    main()
