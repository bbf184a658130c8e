"""One immutable, complete index of a course: a folder with passages, a Chroma collection, a keyword index, a manifest.

The manifest is written last: a folder without one is torn and is never opened. Nothing here ever changes a
generation after that; the embedded Chroma is not safe for two writers, and a reader in another process does not see rows
added later, so a new state of the course is always a new folder.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index_store.errors import EmbeddingError, IndexDamagedError
from index_store.files import sync_folder, write_atomically
from index_store.passage import Passage

if TYPE_CHECKING:
    import numpy as np
    from llama_index.core.schema import BaseNode
    from llama_index.retrievers.bm25 import BM25Retriever
    from llama_index.vector_stores.chroma import ChromaVectorStore

    from index_store.embedding import Embedding, Vectors

FORMAT = 1
COLLECTION = "passages"
ROW = "row"  # a node's place among the passages
CANDIDATES = 100  # passages that each kind of search hands on
BM25_K1, BM25_B = 0.9, 0.4


@dataclass(frozen=True)
class BookEntry:
    """A book as a manifest names it. `pages` counts physical pages (slides; or else parts); `sha256` is the file's.

    `lost_characters` are those that the file gives no meaning to (U+FFFD in the text), `repaired_characters` those that
    mended fonts changed; `hidden_characters` of a PDF, and `hidden_parts` of other files, are what the file does not show,
    left out. `scanned_pages` are the numbers of pages that are pictures of text; OCR read them in the languages `ocr`
    ("eng+deu"), or not at all where that is empty.
    """

    file: str
    title: str
    sha256: str
    pages: int
    passages: int
    pages_without_text: int
    lost_characters: int
    repaired_characters: int = 0
    hidden_parts: int = 0
    hidden_characters: int = 0
    scanned_pages: tuple[int, ...] = ()
    ocr: str = ""


@dataclass(frozen=True)
class Manifest:
    """What a generation holds and what it was made with. `created` is UTC, ISO 8601."""

    created: str
    embedding: str
    embedding_key: str
    dimension: int
    passages: int
    books: tuple[BookEntry, ...]
    settings: dict[str, Any]
    format: int = FORMAT


def read_manifest(folder: Path) -> Manifest:
    """The manifest of the generation in `folder`. Raises IndexDamagedError where there is none that can be read."""
    try:
        row = json.loads((folder / "manifest.json").read_text("utf-8"))
        if row.get("format") != FORMAT:
            raise IndexDamagedError(
                f"{folder}: index format {row.get('format')}, this version reads {FORMAT}. Ingest the course again."
            )
        return Manifest(**{**row, "books": tuple(map(_book_entry, row["books"]))})
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise IndexDamagedError(f"{folder}: no readable manifest ({type(error).__name__}). Ingest the course again.") from error


def _book_entry(row: dict[str, Any]) -> BookEntry:
    return BookEntry(**{**row, "scanned_pages": tuple(row.get("scanned_pages", ()))})


def read_passages(folder: Path) -> list[Passage]:
    """The generation's passages, in reading order."""
    try:
        with (folder / "passages.jsonl").open(encoding="utf-8") as lines:
            return [Passage.from_dict(json.loads(line)) for line in lines]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise IndexDamagedError(f"{folder / 'passages.jsonl'}: {error}. Ingest the course again.") from error


def write_generation(folder: Path, passages: Sequence[Passage], vectors: Vectors, manifest: Manifest) -> None:
    """Build a generation of `passages` with their `vectors` in the empty `folder`."""
    import numpy as np

    nodes = [passage.as_node() for passage in passages]
    for row, (node, vector) in enumerate(zip(nodes, vectors.whole, strict=True)):
        node.embedding = vector.tolist()
        node.metadata[ROW] = row
    np.save(folder / "sentences.npy", np.concatenate(vectors.sentences))
    np.save(folder / "sentence_starts.npy", np.cumsum([0, *map(len, vectors.sentences)]))
    with (folder / "passages.jsonl").open("w", encoding="utf-8") as lines:
        lines.writelines(json.dumps(passage.as_dict(), ensure_ascii=False) + "\n" for passage in passages)
    _write_chroma(folder / "chroma", nodes)
    _make_keyword_index(nodes).persist(str(folder / "bm25"), show_progress=False)
    sync_folder(folder)
    write_atomically(folder / "manifest.json", json.dumps(asdict(manifest), ensure_ascii=False, indent=1))


def _write_chroma(folder: Path, nodes: Sequence[BaseNode]) -> None:
    client = chroma_client(folder)
    try:
        collection = client.create_collection(COLLECTION, embedding_function=None, configuration={"hnsw": {"space": "cosine"}})
        store = _vector_store(collection)
        # LlamaIndex slices at 41,665 rows; Chroma takes fewer a call.
        size = min(1000, client.get_max_batch_size())
        for start in range(0, len(nodes), size):
            store.add(list(nodes[start : start + size]))
    finally:
        client.close()


def _make_keyword_index(nodes: Sequence[BaseNode]) -> BM25Retriever:
    import bm25s
    import Stemmer
    from llama_index.core.vector_stores.utils import node_to_metadata_dict
    from llama_index.retrievers.bm25 import BM25Retriever

    # As BM25Retriever makes it of nodes, but for k1 and b: its defaults (1.5, 0.75) are for longer texts.
    tokens = bm25s.tokenize(
        [node.get_content() for node in nodes], stopwords="en", stemmer=Stemmer.Stemmer("english"), show_progress=False
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


def _vector_store(collection: Any) -> ChromaVectorStore:
    from llama_index.vector_stores.chroma import ChromaVectorStore

    return ChromaVectorStore(chroma_collection=collection)


def sentence_vectors(folder: Path, passages: int) -> tuple[np.ndarray, np.ndarray]:
    """The generation's sentence vectors, and for each passage where its own begin (one more at the end).

    Raises IndexDamagedError where they are not those of `passages` passages.
    """
    import numpy as np

    try:
        sentences = np.load(folder / "sentences.npy", mmap_mode="r")
        starts = np.load(folder / "sentence_starts.npy")
    except (OSError, ValueError, EOFError) as error:
        raise IndexDamagedError(f"{folder}: no readable sentence vectors ({error}). Ingest the course again.") from error
    if len(starts) - 1 != passages or len(sentences) != starts[-1]:
        raise IndexDamagedError(
            f"{folder}: sentence vectors of {len(starts) - 1} passages, {passages} in the manifest. Ingest the course again."
        )
    return sentences, starts


class Generation:
    """An opened generation. Raises EmbeddingError where `embedding` is not the one it was made with."""

    def __init__(self, folder: Path, embedding: Embedding) -> None:
        self.folder = folder
        self.manifest = read_manifest(folder)
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
        self._sentences, self._starts = sentence_vectors(folder, self.manifest.passages)
        self._rows = {row["node_id"]: number for number, row in enumerate(self.keywords.bm25.corpus or ())}
        self._unsolved = sum(row.get("kind") != "solution" for row in self.keywords.bm25.corpus)

    def nearest(self, vector: Sequence[float], count: int, solutions: bool = True) -> list[int]:
        """The rows of the `count` passages nearest to `vector`, nearest first; without solutions unless `solutions`."""
        # Ids alone: Chroma takes ten times as long to fetch texts and metadata, which the keyword index holds in memory.
        # And looking through twice as many is quicker than its filter, which reads the metadata of every passage.
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

    def node(self, row: int) -> BaseNode:
        """The passage at `row` as LlamaIndex holds it."""
        from llama_index.core.vector_stores.utils import metadata_dict_to_node

        return metadata_dict_to_node(self.keywords.bm25.corpus[row])

    def similarities(self, ids: Sequence[str], vector: Sequence[float]) -> list[float]:
        """The cosine between `vector` (unit length) and each of the passages `ids`, in their order."""
        import numpy as np

        if not ids:
            return []
        rows = self._collection.get(ids=list(ids), include=["embeddings"])
        found = dict(zip(rows["ids"], rows["embeddings"], strict=True))
        return [float(np.dot(found[key], vector)) for key in ids]

    def nearest_sentence(self, row: int, vector: Sequence[float]) -> float:
        """The cosine between `vector` (unit length) and the nearest sentence of the passage at `row`."""
        import numpy as np

        sentences = self._sentences[self._starts[row] : self._starts[row + 1]]
        return float((sentences.astype(np.float32) @ np.asarray(vector, np.float32)).max())

    def close(self) -> None:
        self._client.close()


def check_embedding(manifest: Manifest, name: str, key: str) -> None:
    """Raise EmbeddingError, naming both, where an index made with one embedding would be searched with another."""
    if manifest.embedding_key != key:
        raise EmbeddingError(
            f"this course's index was made with the embedding {manifest.embedding!r} ({manifest.embedding_key}), "
            f"not with {name!r} ({key}). Use --embedding {manifest.embedding}, or ingest the course again with {name}."
        )
