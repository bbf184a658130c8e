"""Books read and embedded on an existing Ray cluster, a task a book; checking and publishing stay with the one writer here.

Every node needs Course Tutor in this version with the same embedding; books travel to it by content. Knows nothing of
courses and generations.
"""

from __future__ import annotations

import logging
import os
import re
import socket
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from index_store.embedding import Embedding, Vectors, load_embedding
from index_store.errors import BookError, EmbeddingError, SettingsError
from index_store.vectors import VectorCache

if TYPE_CHECKING:
    from ingest.books import BookRead, Job, Progress

SECONDS = 5  # to wait for a cluster to answer
INSTALL = "Install it with: pip install 'course-tutor[cluster]'"


class Cluster:
    """The Ray cluster at RAY_ADDRESS, or the one on this machine. Raises SettingsError where none can be reached."""

    def __init__(self) -> None:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
        try:
            import ray
        except ImportError as error:
            raise SettingsError(f"--ray: Ray is not installed. {INSTALL}") from error
        address = os.environ.get("RAY_ADDRESS", "")
        try:
            _knock(address)
            if not ray.is_initialized():
                ray.init(address=address or "auto", log_to_driver=False, logging_level=logging.ERROR)
        except (OSError, RuntimeError, ValueError) as error:
            raise SettingsError(
                f"--ray: no Ray cluster at {address or 'this machine'}. "
                "Start one with: ray start --head; or set RAY_ADDRESS to its host:port."
            ) from error
        self._ray = ray
        self.embedded = 0
        """Texts embedded on the cluster so far."""

    def read_all(
        self, jobs: Sequence[Job], embedding: Embedding, vectors: VectorCache, progress: Progress
    ) -> Iterator[tuple[str, BookRead]]:
        """Every job's book as it is done, in any order; the vectors that are new are then among `vectors`.

        Raises EmbeddingError where a node embeds with other weights.
        """
        ray = self._ray
        read = ray.remote(num_cpus=1, max_retries=1)(_read)
        embed = ray.remote(num_cpus=1, max_retries=1)(_embed)
        reading: dict[Any, Job] = {}
        embedding_of: dict[Any, tuple[Job, BookRead, list[str]]] = {}
        for job in jobs:
            try:
                content = ray.put(job.file.read_bytes())
            except OSError as error:
                yield job.name, BookError(str(job.file), error.strerror or str(error), "Check the path and its permissions.")
                continue
            reading[read.remote(content, job, embedding.name, embedding.key)] = job
        while reading or embedding_of:
            (done,), _ = ray.wait([*reading, *embedding_of], num_returns=1)
            result = self._result(done)
            if done in embedding_of:
                job, book, texts = embedding_of.pop(done)
                vectors.keep(embedding, texts, result)
                self.embedded += len(texts)
                yield job.name, _told(book, progress)
                continue
            job = reading.pop(done)
            missing = [] if isinstance(result, BookError) else vectors.missing(embedding, result.texts)
            if missing:
                embedding_of[embed.remote(missing, embedding.name, embedding.key)] = (job, result, missing)
            else:
                yield job.name, _told(result, progress)

    def _result(self, done: Any) -> Any:
        from ray.exceptions import RayError, RayTaskError

        try:
            return self._ray.get(done)
        except RayTaskError as error:
            if isinstance(error.cause, EmbeddingError):
                raise EmbeddingError(str(error.cause)) from None
            raise SettingsError(
                f"--ray: a node failed: {_first_line(error.cause)}. Check that every node runs this version."
            ) from error
        except RayError as error:
            raise SettingsError(
                f"--ray: the cluster failed: {_first_line(error)}. Ingest again; what is embedded is kept."
            ) from error


def _knock(address: str) -> None:
    """Raise OSError where nobody listens at `address`: Ray itself would try for minutes."""
    if place := re.fullmatch(r"(?:ray://)?([\w.-]+):(\d+)", address):
        socket.create_connection((place[1], int(place[2])), timeout=SECONDS).close()


def _told(book: BookRead, progress: Progress) -> BookRead:
    """The book, once `progress` knows of it."""
    if not isinstance(book, BookError):
        progress(book.entry.file, book.entry.pages, book.entry.pages)
    return book


def _first_line(error: Any) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]


# What runs on a node


def _read(content: bytes, job: Job, embedding: str, key: str) -> BookRead:
    """A job's book read from its bytes."""
    from dataclasses import replace

    from ingest.books import read_job

    loaded = _loaded(embedding, key)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, job.file.name)
        file.write_bytes(content)
        book = read_job(replace(job, file=file), loaded)
    if isinstance(book, BookError):
        return BookError(str(job.file), book.reason, book.remedy)
    return book


def _embed(texts: Sequence[str], embedding: str, key: str) -> Vectors:
    return _loaded(embedding, key).embed_passages(texts)


@cache
def _loaded(embedding: str, key: str) -> Embedding:
    """The node's embedding. Raises EmbeddingError where it is not the one whose key is `key`."""
    loaded = load_embedding(embedding)
    if loaded.key != key:
        raise EmbeddingError(f"--ray: a node has the embedding {loaded.key}, not {key}. Give every node the same one.")
    return loaded
