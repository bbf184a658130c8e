"""Vectors already made, by embedding and text: unchanged text is never embedded twice, across books and courses.

The durable asset of an ingest: a generation can always be rebuilt from it. One SQLite file, safe for several processes.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from index_store.errors import CourseError

if TYPE_CHECKING:
    from index_store.embedding import Embedding, Vectors

CHUNK = 256


class VectorCache:
    """Vectors kept in `file`, keyed by embedding key and text."""

    def __init__(self, file: Path) -> None:
        self.file = file
        file.parent.mkdir(parents=True, exist_ok=True)
        with self._open() as database, database:
            # A table of its own: one made before sentences had vectors stays as it is.
            database.execute(
                "CREATE TABLE IF NOT EXISTS passages (key BLOB PRIMARY KEY, whole BLOB NOT NULL, sentences BLOB NOT NULL)"
                " WITHOUT ROWID"
            )

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            with closing(sqlite3.connect(self.file, timeout=60)) as database:
                database.execute("PRAGMA journal_mode=WAL")
                yield database
        except sqlite3.OperationalError as error:  # no space, no permission, locked for too long
            raise CourseError(f"{self.file}: {error}. Check free space and permissions, then ingest again.") from error
        except sqlite3.DatabaseError as error:
            raise CourseError(f"{self.file}: {error}. Delete this file; what it held is computed again.") from error

    def embed(
        self, embedding: Embedding, texts: Sequence[str], progress: Callable[[int, int], None] = lambda done, total: None
    ) -> tuple[Vectors, int]:
        """The vectors of `texts` and of their sentences, and how many texts had to be computed.

        New vectors are stored batch by batch, so that an interrupted ingest goes on where it was.
        `progress(done, total)` is called with counts of texts.
        """
        import numpy as np

        from index_store.embedding import Vectors

        keys = _keys(embedding, texts)
        width = embedding.dimension
        vectors = Vectors(np.empty((len(texts), width), dtype=np.float32), [np.empty((0, width), np.float16)] * len(texts))
        missing: dict[bytes, list[int]] = {}
        with self._open() as database:
            for i, key in enumerate(keys):
                if row := _row(database, key, width):
                    vectors.whole[i] = np.frombuffer(row[0], dtype=np.float32)
                    vectors.sentences[i] = np.frombuffer(row[1], dtype=np.float16).reshape(-1, width)
                else:
                    missing.setdefault(key, []).append(i)
            done = len(texts) - sum(map(len, missing.values()))
            progress(done, len(texts))
            lengths = embedding.lengths([texts[places[0]] for places in missing.values()])
            new = [item for _, item in sorted(zip(lengths, missing.items(), strict=True), key=lambda pair: pair[0])]
            for start in range(0, len(new), CHUNK):
                batch = new[start : start + CHUNK]
                computed = embedding.embed_passages([texts[places[0]] for _, places in batch])
                _store(database, [key for key, _ in batch], computed)
                for (_, places), whole, sentences in zip(batch, computed.whole, computed.sentences, strict=True):
                    vectors.whole[places] = whole
                    for place in places:
                        vectors.sentences[place] = sentences
                    done += len(places)
                progress(done, len(texts))
        return vectors, len(new)

    def missing(self, embedding: Embedding, texts: Sequence[str]) -> list[str]:
        """The texts, each once, that have no vector yet."""
        with self._open() as database:
            keys = dict(zip(_keys(embedding, texts), texts, strict=True))
            return [text for key, text in keys.items() if not _row(database, key, embedding.dimension)]

    def keep(self, embedding: Embedding, texts: Sequence[str], vectors: Vectors) -> None:
        """Keep vectors that `embedding` made of `texts` elsewhere."""
        with self._open() as database:
            _store(database, _keys(embedding, texts), vectors)


def _keys(embedding: Embedding, texts: Sequence[str]) -> list[bytes]:
    return [hashlib.sha256(f"{embedding.key}\0{text}".encode()).digest() for text in texts]


def _row(database: sqlite3.Connection, key: bytes, width: int) -> tuple[bytes, bytes] | None:
    """A text's vector and those of its sentences; None where they are not there, or not whole."""
    row = database.execute("SELECT whole, sentences FROM passages WHERE key = ?", (key,)).fetchone()
    return row if row and len(row[0]) == 4 * width and len(row[1]) and len(row[1]) % (2 * width) == 0 else None


def _store(database: sqlite3.Connection, keys: Sequence[bytes], vectors: Vectors) -> None:
    with database:
        database.executemany(
            "INSERT OR REPLACE INTO passages VALUES (?, ?, ?)",
            [
                (key, whole.tobytes(), sentences.tobytes())
                for key, whole, sentences in zip(keys, vectors.whole, vectors.sentences, strict=True)
            ],
        )
