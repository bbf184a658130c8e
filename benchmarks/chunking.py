"""Are whole answers retrieved, and little else? Chroma's chunking benchmark (472 questions with exact reference spans).

    python benchmarks/chunking.py --data FOLDER

FOLDER holds corpora/*.md and questions.csv, as in github.com/brandonstarxel/chunking_evaluation (MIT). All corpora are one
collection; five passages are retrieved a question. Over characters, as that benchmark counts: recall is the share of the
reference spans that lies in retrieved passages, precision the share of the retrieved text that lies in reference spans, IoU
the same over retrieved text and missed spans together. Baselines are searched densely, all with the same all-MiniLM-L6-v2,
exactly; the tutor's own passages by its own search, whole, and as the excerpts that a model is given. Intervals: 95 %,
bootstrap over questions.
"""

from __future__ import annotations

import argparse
import csv
import json
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tutor.offline import close_network

close_network(hub=False)

from index_store.course import Library  # noqa: E402
from index_store.embedding import Embedding, load_embedding  # noqa: E402
from index_store.manifest import BookEntry  # noqa: E402
from index_store.passage import Passage  # noqa: E402
from index_store.search import CourseSearch, Hit  # noqa: E402
from ingest.chunk import cut  # noqa: E402
from ingest.structure import Book, Section  # noqa: E402

TOP = 5
RESAMPLES = 2000
Span = tuple[int, int]
Found = tuple[str, int, int]
"""A corpus, and where in it a retrieved piece begins and ends."""


@dataclass(frozen=True)
class Question:
    """A question with the spans of its corpus that answer it."""

    text: str
    corpus: str
    spans: tuple[Span, ...]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    data = parser.parse_args().data
    corpora = {file.stem: file.read_text("utf-8") for file in sorted((data / "corpora").glob("*.md"))}
    with (data / "questions.csv").open(encoding="utf-8", newline="") as lines:
        questions = [
            Question(
                row["question"],
                row["corpus_id"],
                tuple((reference["start_index"], reference["end_index"]) for reference in json.loads(row["references"])),
            )
            for row in csv.DictReader(lines)
        ]
    embedding = load_embedding()
    print(f"{len(questions)} questions, {sum(map(len, corpora.values())):,} characters, {TOP} passages a question\n")
    print("| passages | search | mean characters | recall | precision | IoU |\n|---|---|---|---|---|---|")
    for name, pieces in _baselines(corpora).items():
        _print(name, "dense", pieces, questions, _dense(pieces, corpora, embedding))
    with tempfile.TemporaryDirectory() as home:
        pieces, whole, excerpt = _ours(corpora, embedding, Path(home))
        _print("the tutor's", "the tutor's", pieces, questions, whole)
        _print("the tutor's", "the tutor's, excerpts", pieces, questions, excerpt)


def _baselines(corpora: dict[str, str]) -> dict[str, list[Found]]:
    from llama_index.core.node_parser import SentenceSplitter, TokenTextSplitter

    splitters = {
        "LlamaIndex SentenceSplitter, 1024/200 (its default)": SentenceSplitter(),
        "SentenceSplitter, 200/0": SentenceSplitter(chunk_size=200, chunk_overlap=0),
        "TokenTextSplitter, 250/125": TokenTextSplitter(chunk_size=250, chunk_overlap=125),
    }
    return {
        name: [found for corpus, text in corpora.items() for found in _located(corpus, text, splitter.split_text(text))]
        for name, splitter in splitters.items()
    }


def _located(corpus: str, text: str, pieces: Sequence[str]) -> list[Found]:
    found = []
    start = -1
    for piece in pieces:
        start = text.index(piece, start + 1)
        found.append((corpus, start, start + len(piece)))
    return found


def _dense(pieces: Sequence[Found], corpora: dict[str, str], embedding: Embedding) -> Callable[[str], list[Found]]:
    vectors = embedding.embed([corpora[corpus][start:end] for corpus, start, end in pieces])
    return lambda question: [pieces[i] for i in np.argsort(-(vectors @ embedding.embed([question])[0]))[:TOP]]


Search = Callable[[str], list[Found]]


def _ours(corpora: dict[str, str], embedding: Embedding, home: Path) -> tuple[list[Found], Search, Search]:
    library = Library(home)
    course = library.course("measured")
    passages: list[Passage] = []
    where: dict[str, Found] = {}
    entries = []
    for corpus, text in corpora.items():
        section = Section((), text, starts=[0], pages=[1])
        mine = cut(Book("Corpus", (section,), {1: ""}, 1, 0, 0), corpus, embedding.count_tokens, embedding.max_tokens)
        places = _located(corpus, text, [passage.text for passage in mine])
        where |= {passage.id: place for passage, place in zip(mine, places, strict=True)}
        passages += mine
        entries.append(BookEntry(corpus, "Corpus", "", 1, len(mine), 0, 0))
    vectors, _ = library.vectors.embed(embedding, [passage.embedded_text for passage in passages])
    with course.writer() as writer:
        writer.make_live(writer.build(passages, vectors, embedding, entries, {}))
    search = CourseSearch(course, embedding)

    def excerpt(hit: Hit) -> Found:
        corpus, start, _ = where[hit.passage.id]
        begin = start + (hit.part[0] if hit.part else 0)
        return corpus, begin, begin + len(hit.excerpt)

    return (
        list(where.values()),
        lambda question: [where[hit.passage.id] for hit in search.search(question, TOP)],
        lambda question: [excerpt(hit) for hit in search.search(question, TOP)],
    )


def _print(
    name: str, how: str, pieces: Sequence[Found], questions: Sequence[Question], search: Callable[[str], list[Found]]
) -> None:
    rows = np.array([_score(question, search(question.text)) for question in questions])
    size = np.mean([end - start for _, start, end in pieces])
    generator = np.random.default_rng(0)
    means = rows[generator.integers(0, len(rows), (RESAMPLES, len(rows)))].mean(axis=1)
    low, high = np.percentile(100 * means, [2.5, 97.5], axis=0)
    cells = " | ".join(f"{100 * mean:.1f} [{a:.1f}, {b:.1f}]" for mean, a, b in zip(rows.mean(axis=0), low, high, strict=True))
    print(f"| {name} | {how} | {size:.0f} | {cells} |", flush=True)


def _score(question: Question, found: Sequence[Found]) -> tuple[float, float, float]:
    """Recall, precision and IoU, over characters."""
    wanted = {position for start, end in question.spans for position in range(start, end)}
    retrieved = [range(start, end) for corpus, start, end in found if corpus == question.corpus]
    hit = wanted & {position for piece in retrieved for position in piece}
    length = sum(end - start for _, start, end in found)
    return len(hit) / len(wanted), len(hit) / length, len(hit) / (length + len(wanted - hit))


if __name__ == "__main__":
    main()
