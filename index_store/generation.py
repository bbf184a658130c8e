"""One immutable, complete index of a course: a folder with passages, a Chroma collection, a keyword index, a manifest.

The manifest is written last: a folder without one is torn and is never opened. Nothing here ever changes a
generation after that; the embedded Chroma is not safe for two writers, and a reader in another process does not see rows
added later, so a new state of the course is always a new folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, replace
from functools import cached_property
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index_store.checksums import checksums
from index_store.errors import CourseError, IndexDamagedError
from index_store.files import sync_folder, write_atomically
from index_store.manifest import MANIFEST, Manifest, check_embedding, check_format, read_manifest
from index_store.passage import Passage
from index_store.words import Words, fold

if TYPE_CHECKING:
    import numpy as np
    from llama_index.core.schema import BaseNode
    from llama_index.retrievers.bm25 import BM25Retriever

    from index_store.embedding import Embedding, Vectors

COLLECTION = "passages"
WORDS = "words.json"
PASSAGES = "passages.jsonl"
CANDIDATES = 100  # passages that each kind of search hands on
BM25_K1, BM25_B = 0.9, 0.4


def read_passages(folder: Path) -> list[Passage]:
    """The generation's passages, in reading order."""
    try:
        with (folder / PASSAGES).open(encoding="utf-8") as lines:
            return [Passage.from_dict(json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise IndexDamagedError(f"{folder / 'passages.jsonl'}: {error}. Ingest the course again.") from error


def load_writers() -> None:
    """Load what writing a generation takes: half a second, well spent in another thread while books are read."""
    for module in ("chromadb", "bm25s", "Stemmer", "llama_index.retrievers.bm25"):
        with suppress(ImportError):  # is said where it is used
            import_module(module)


def write_generation(folder: Path, passages: Sequence[Passage], vectors: Vectors, manifest: Manifest) -> None:
    """Build a generation of `passages` with their `vectors` in the empty `folder`. Raises CourseError for a full disk."""
    from chromadb.errors import ChromaError

    try:
        _write(folder, passages, vectors, manifest)
    except (OSError, ChromaError) as error:
        reason = (getattr(error, "strerror", None) or str(error) or type(error).__name__).splitlines()[0]
        raise CourseError(
            f"{folder}: the index cannot be written ({reason}). Check free space and permissions, then ingest again."
        ) from error


def _write(folder: Path, passages: Sequence[Passage], vectors: Vectors, manifest: Manifest) -> None:
    import numpy as np

    np.save(folder / "vectors.npy", vectors.whole)
    np.save(folder / "sentences.npy", np.concatenate(vectors.sentences))
    np.save(folder / "sentence_starts.npy", np.cumsum([0, *map(len, vectors.sentences)]))
    with (folder / PASSAGES).open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(passage.as_dict(), ensure_ascii=False) + "\n" for passage in passages)
    with ThreadPoolExecutor(1) as pool:
        graph = pool.submit(_write_chroma, folder / "chroma", passages, vectors.whole)
        Words.of(passage.embedded_text for passage in passages).write(folder / WORDS)
        _make_keyword_index([passage.as_node() for passage in passages]).persist(str(folder / "bm25"), show_progress=False)
        graph.result()
    sync_folder(folder)
    manifest = replace(manifest, checksums=checksums(folder))
    write_atomically(folder / MANIFEST, json.dumps(asdict(manifest), ensure_ascii=False, indent=1))


def _write_chroma(folder: Path, passages: Sequence[Passage], vectors: np.ndarray) -> None:
    # Ids, vectors and kinds alone: texts and the rest stand in passages.jsonl and the keyword index, and cost Chroma most of
    # its time, for it keeps an index of every three letters.
    client = chroma_client(folder)
    try:
        # Everything goes into the HNSW files at once; by default up to 1,000 rows would be put in anew at every opening.
        # And its search looks at more than it hands out: with the 100 of the default, which of them it misses is chance.
        graph = {"space": "cosine", "sync_threshold": 2, "batch_size": 2, "ef_search": 400}
        collection = client.create_collection(COLLECTION, embedding_function=None, configuration={"hnsw": graph})
        size = client.get_max_batch_size()
        for start in range(0, len(passages), size):
            batch = passages[start : start + size]
            collection.add(
                [passage.id for passage in batch],
                embeddings=vectors[start : start + size],
                metadatas=[{"kind": passage.kind} for passage in batch],
            )
    finally:
        client.close()


def _make_keyword_index(nodes: Sequence[BaseNode]) -> BM25Retriever:
    import bm25s
    import Stemmer
    from llama_index.core.vector_stores.utils import node_to_metadata_dict
    from llama_index.retrievers.bm25 import BM25Retriever

    # As BM25Retriever makes it of nodes, but for k1 and b: its defaults (1.5, 0.75) are for longer texts.
    tokens = bm25s.tokenize(
        [fold(node.get_content()) for node in nodes], stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False
    )
    index = bm25s.BM25(k1=BM25_K1, b=BM25_B, corpus=[node_to_metadata_dict(node) | {"node_id": node.node_id} for node in nodes])
    index.index(tokens, show_progress=False)
    return BM25Retriever(existing_bm25=index, similarity_top_k=min(len(nodes), CANDIDATES))


def keyword_index(folder: Path) -> BM25Retriever:
    """The keyword index of the generation in `folder`."""
    from llama_index.retrievers.bm25 import BM25Retriever

    return BM25Retriever.from_persist_dir(str(folder / "bm25"), show_progress=False)


def chroma_client(folder: Path) -> Any:
    import chromadb

    return chromadb.PersistentClient(str(folder), settings=chromadb.Settings(anonymized_telemetry=False))


def stored_vectors(folder: Path, passages: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The generation's vectors, those of its sentences, and for each passage where its sentences begin (one more at the end).

    Raises IndexDamagedError where they are not those of `passages` passages.
    """
    import numpy as np

    try:
        whole = np.load(folder / "vectors.npy", mmap_mode="r")
        sentences = np.load(folder / "sentences.npy", mmap_mode="r")
        starts = np.load(folder / "sentence_starts.npy")
    except (OSError, ValueError, EOFError) as error:
        raise IndexDamagedError(f"{folder}: no readable vectors ({error}). Ingest the course again.") from error
    if not len(whole) == len(starts) - 1 == passages or len(sentences) != starts[-1]:
        raise IndexDamagedError(
            f"{folder}: vectors of {len(whole)} passages, sentences of {len(starts) - 1}, {passages} in the manifest. "
            "Ingest the course again."
        )
    return whole, sentences, starts


class Generation:
    """An opened generation. Raises EmbeddingError where `embedding` is not the one it was made with."""

    def __init__(self, folder: Path, embedding: Embedding) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
        check_format(folder, self.manifest)
        check_embedding(self.manifest, embedding.name, embedding.key)
        try:
            self._client = chroma_client(folder / "chroma")
            self._collection = self._client.get_collection(COLLECTION, embedding_function=None)
            rows = self._collection.count()
            self.keywords = keyword_index(folder)
        except Exception as error:  # Chroma and bm25s raise many kinds for a damaged file
            raise IndexDamagedError(f"{folder}: the index does not open ({error}). Ingest the course again.") from error
        words = len(self.keywords.bm25.corpus or ())  # None where its file is missing
        if not rows == words == self.manifest.passages:
            raise IndexDamagedError(
                f"{folder}: {rows} passages in Chroma, {words} in the keyword index, {self.manifest.passages} in the manifest. "
                "Ingest the course again."
            )
        self._vectors, self._sentences, self._starts = stored_vectors(folder, self.manifest.passages)
        self._rows = {row["node_id"]: number for number, row in enumerate(self.keywords.bm25.corpus or ())}
        self._unsolved = sum(row.get("kind") != "solution" for row in self.keywords.bm25.corpus)

    def nearest(self, vector: Sequence[float], count: int, solutions: bool = True) -> list[int]:
        """The rows of the `count` passages nearest to `vector`, nearest first; without solutions unless `solutions`."""
        # Ids alone: all else stands in the keyword index, in memory. And looking through twice as many is quicker than
        # its filter, which reads the metadata of every passage.
        most = min(len(self._rows), count if solutions else 2 * count)
        rows = self._query(vector, most)
        if not solutions:
            rows = [row for row in rows if self.keywords.bm25.corpus[row].get("kind") != "solution"]
            if len(rows) < min(count, self._unsolved):
                rows = self._query(vector, count, where={"kind": {"$ne": "solution"}})
        return rows[:count]

    def _query(self, vector: Sequence[float], count: int, **options: Any) -> list[int]:
        found = self._collection.query(query_embeddings=[list(vector)], n_results=count, include=[], **options)
        return [self._rows[key] for key in found["ids"][0]]

    @cached_property
    def words(self) -> Words:
        return Words.read(self.folder / WORDS)

    def node(self, row: int) -> BaseNode:
        """The passage at `row` as LlamaIndex holds it."""
        from llama_index.core.vector_stores.utils import metadata_dict_to_node

        return metadata_dict_to_node(self.keywords.bm25.corpus[row])

    def similarities(self, ids: Sequence[str], vector: Sequence[float]) -> list[float]:
        """The cosine between `vector` (unit length) and each of the passages `ids`, in their order."""
        import numpy as np

        cosines: list[float] = (self._vectors[[self._rows[key] for key in ids]] @ np.asarray(vector, np.float32)).tolist()
        return cosines

    def nearest_sentences(self, rows: Sequence[int], vector: Sequence[float]) -> list[float]:
        """The cosine between `vector` (unit length) and the nearest sentence of each of the passages at `rows`."""
        import numpy as np

        spans = [slice(self._starts[row], self._starts[row + 1]) for row in rows]
        firsts = np.cumsum([0, *(span.stop - span.start for span in spans[:-1])])
        cosines = np.concatenate([self._sentences[span] for span in spans]).astype(np.float32) @ np.asarray(vector, np.float32)
        nearest: list[float] = np.maximum.reduceat(cosines, firsts).tolist()
        return nearest

    def of_sentences(self, key: str, vector: Sequence[float]) -> list[float]:
        """The cosine between `vector` (unit length) and each sentence of the passage with the id `key`."""
        import numpy as np

        row = self._rows[key]
        sentences = self._sentences[self._starts[row] : self._starts[row + 1]].astype(np.float32)
        cosines: list[float] = (sentences @ np.asarray(vector, np.float32)).tolist()
        return cosines

    def close(self) -> None:
        self._client.close()
