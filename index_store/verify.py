"""Is a generation sound? Checked in a child process, since damaged HNSW files can crash the one that opens them.

Its files are those that were written, counts agree with the manifest, and a sample of passages is found again, first, by its
own vector. Where the files are those that were once verified, nothing has to be opened.
`python -m index_store.verify` is the child: it reads the folder's path from a line, and prints one of JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

from index_store.checksums import altered
from index_store.course import Course
from index_store.errors import IndexDamagedError
from index_store.generation import COLLECTION, chroma_client, read_passages, stored_vectors
from index_store.manifest import check_format, read_manifest

SAMPLE = 50
SECONDS = 120


@dataclass(frozen=True)
class Verified:
    """What was seen of a sound generation: its passages, and how many were searched for."""

    passages: int
    sample: int


def check_sound(folder: Path) -> None:
    """Raise IndexDamagedError, saying what is wrong, where the generation in `folder` is damaged.

    As verify_in_child, but what is as it was when it was made, and was verified then, is not opened again.
    """
    recorded = read_manifest(folder).checksums
    if not recorded or altered(folder, recorded):
        verify_in_child(folder)


class Verifier:
    """A child that verifies one generation. Begun early, it has loaded what it needs by the time that it is asked."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[str] | None = None

    def begin(self) -> subprocess.Popen[str]:
        self._child = self._child or subprocess.Popen(
            [sys.executable, "-m", "index_store.verify"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            cwd=Path(__file__).parent.parent,
        )
        return self._child

    def verify(self, folder: Path) -> Verified:
        """Verify the generation in `folder`. Raises IndexDamagedError saying what is wrong."""
        child = self.begin()
        mend = "Ingest the course again."
        try:
            out, err = child.communicate(f"{folder.resolve()}\n", timeout=SECONDS)
        except subprocess.TimeoutExpired:
            raise IndexDamagedError(f"{folder}: opening the index takes more than {SECONDS} s. {mend}") from None
        if child.returncode < 0:
            raise IndexDamagedError(f"{folder}: opening the index crashes (signal {-child.returncode}). {mend}")
        try:
            row = json.loads(out.strip().splitlines()[-1])
        except (ValueError, IndexError):
            reason = (err.strip().splitlines() or ["no reason given"])[-1]
            raise IndexDamagedError(f"{folder}: the index does not open ({reason}). {mend}") from None
        if "error" in row:
            raise IndexDamagedError(row["error"])
        return Verified(**row)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._child:
            with self._child:
                self._child.kill()


def verify_in_child(folder: Path) -> Verified:
    """Verify the generation in `folder`. Raises IndexDamagedError saying what is wrong."""
    with Verifier() as verifier:
        return verifier.verify(folder)


@dataclass(frozen=True)
class StandIn:
    """An earlier `generation` that is read in place of the live one, named `damaged`; `warning` is the line that says so."""

    damaged: str
    generation: Path
    warning: str


def stand_in(course: Course) -> StandIn | None:
    """Nothing where the live generation is sound; otherwise the newest earlier one that is.

    Raises IndexDamagedError where none is sound.
    """
    try:
        check_sound(course.live)
        return None
    except IndexDamagedError as error:
        for generation in course.earlier():
            try:
                verify_in_child(generation)  # it may be one whose writer was killed before it was verified
            except IndexDamagedError:
                continue
            made = read_manifest(generation).created
            return StandIn(
                course.live_name,
                generation,
                f"course {course.name!r} is answered from its earlier index of {made}, for the live one is damaged: {error}",
            )
        raise


def verify(folder: Path) -> Verified:
    """As verify_in_child, in this process."""
    import bm25s

    manifest = read_manifest(folder)
    check_format(folder, manifest)
    passages = read_passages(folder)
    if len(passages) != manifest.passages:
        raise IndexDamagedError(
            f"{folder}: {len(passages)} passages in passages.jsonl, {manifest.passages} in the manifest. "
            "Ingest the course again."
        )
    # Chroma's files are for Chroma to judge: another version of it may well write them anew.
    changed = [name for name in altered(folder, manifest.checksums) if not name.startswith("chroma/")]
    if manifest.checksums and changed:
        raise IndexDamagedError(f"{folder / changed[0]}: not as it was written, or missing. Ingest the course again.")
    stored_vectors(folder, manifest.passages)
    # Without LlamaIndex around it, which takes longer to import than everything else here.
    words = len(bm25s.BM25.load(str(folder / "bm25"), load_corpus=True).corpus or ())
    if words != manifest.passages:
        raise IndexDamagedError(
            f"{folder}: {words} passages in the keyword index, {manifest.passages} in the manifest. Ingest the course again."
        )
    client = chroma_client(folder / "chroma")
    collection = client.get_collection(COLLECTION, embedding_function=None)
    if collection.count() != manifest.passages:
        raise IndexDamagedError(
            f"{folder}: {collection.count()} passages in Chroma, {manifest.passages} in the manifest. Ingest the course again."
        )
    step = max(1, len(passages) // SAMPLE)
    ids = [passage.id for passage in passages[::step]]
    rows = collection.get(ids=ids, include=["embeddings"])
    vectors = dict(zip(rows["ids"], rows["embeddings"], strict=True))
    lost = [key for key in ids if key not in vectors]
    if not lost:
        found = collection.query(query_embeddings=[vectors[key] for key in ids], n_results=3, include=["distances"])
        # Equal texts have equal vectors: the passage or its twin, at distance 0, has to come first.
        lost = [key for key, distances in zip(ids, found["distances"], strict=True) if not distances or distances[0] > 1e-3]
    if lost:
        raise IndexDamagedError(
            f"{folder}: {len(lost)} of {len(ids)} sampled passages are not found by their own vector. Ingest the course again."
        )
    return Verified(manifest.passages, len(ids))


def main() -> None:
    import bm25s  # noqa: F401 - while the folder is awaited
    import chromadb  # noqa: F401

    folder = sys.stdin.readline().rstrip("\n")
    if not folder:  # whoever started this child has ended
        return
    try:
        print(json.dumps(asdict(verify(Path(folder)))))  # noqa: T201
    except IndexDamagedError as error:
        print(json.dumps({"error": str(error)}))  # noqa: T201


if __name__ == "__main__":
    main()
