"""Which step finds the page? From LlamaIndex's default pipeline to the tutor's search, one step a row.

    python benchmarks/retrieval.py --books FOLDER --questions QUESTIONS.jsonl

A hit at k is a gold page among the first k passages' pages. Every row uses the same all-MiniLM-L6-v2 and searches
exactly. The default pipeline is pypdf's text page by page (as PDFReader has it), SentenceSplitter of 1024 tokens with 200
of overlap, and the nearest vectors. Intervals: 95 %, bootstrap over questions.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Sequence
from pathlib import Path

import bm25s
import numpy as np
import pypdf
import Stemmer
from llama_index.core.node_parser import SentenceSplitter

from tutor.offline import close_network

close_network(hub=False)

from index_store.course import Library  # noqa: E402
from index_store.embedding import load_embedding  # noqa: E402
from index_store.generation import BM25_B, BM25_K1, CANDIDATES, read_passages  # noqa: E402
from index_store.questions import Question, found_at, read_questions  # noqa: E402
from index_store.search import DENSE_WEIGHT, CourseSearch  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402

TOP = 10
RESAMPLES = 2000
Pages = set[tuple[str, int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, nargs="+", required=True)
    parser.add_argument("--questions", type=Path, required=True)
    arguments = parser.parse_args()
    questions = [question for question in read_questions(arguments.questions) if question.answerable]
    embedding = load_embedding()
    asked = embedding.embed([question.text for question in questions])
    print(f"{len(questions)} questions\n\n| step | hit@1 | hit@3 | hit@5 | MRR |\n|---|---|---|---|---|")

    files = sorted(file for folder in arguments.books for file in ([folder] if folder.is_file() else folder.glob("*.pdf")))
    pages = _pypdf_pages(files)
    for name, splitter in {
        "LlamaIndex's default: pypdf, 1024/200, dense": SentenceSplitter(),
        "chunks of 200 tokens, overlap 30": SentenceSplitter(
            chunk_size=200, chunk_overlap=30, tokenizer=lambda text: [0] * embedding.count_tokens(text)
        ),
    }.items():
        chunks = [({place}, chunk) for place, text in pages for chunk in splitter.split_text(text)]
        dense = asked @ embedding.embed([text for _, text in chunks]).T
        _print(name, _places(questions, [where for where, _ in chunks], dense))

    with tempfile.TemporaryDirectory() as home:
        library = Library(Path(home))
        course = library.course("measured")
        ingest(arguments.books, course, embedding, library.vectors, force=True)
        passages = read_passages(course.live)
        where = [{(p.file, page) for page in range(p.page, p.page_end + 1)} for p in passages]
        bare = asked @ embedding.embed([p.text for p in passages]).T
        _print("our text: fonts repaired, sections, whole paragraphs", _places(questions, where, bare))
        headed = asked @ embedding.embed([p.embedded_text for p in passages]).T
        _print("headings embedded with the text", _places(questions, where, headed))
        texts, words = [p.embedded_text for p in passages], [question.text for question in questions]
        fused = 0.5 * _scaled(headed, 20) + 0.5 * _scaled(_bm25(texts, words, 1.5, 0.75), 20)
        _print("BM25 fused, half and half, 20 candidates", _places(questions, where, fused))
        keywords = _scaled(_bm25(texts, words, BM25_K1, BM25_B), CANDIDATES)
        fused = DENSE_WEIGHT * _scaled(headed, CANDIDATES) + (1 - DENSE_WEIGHT) * keywords
        _print(f"{CANDIDATES} candidates, dense {DENSE_WEIGHT}, BM25 k1 {BM25_K1} b {BM25_B}", _places(questions, where, fused))
        search = CourseSearch(course, embedding)
        found = [found_at(question, search.search(question.text, TOP)) for question in questions]
        _print("scored by the nearest sentence: the tutor's search", found)


def _pypdf_pages(files: Sequence[Path]) -> list[tuple[tuple[str, int], str]]:
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    return [
        ((file.name, number), page.extract_text())
        for file in files
        for number, page in enumerate(pypdf.PdfReader(file).pages, 1)
    ]


def _bm25(texts: Sequence[str], questions: Sequence[str], k1: float, b: float) -> np.ndarray:
    """Scores of shape (questions, texts)."""
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25(k1=k1, b=b)
    index.index(bm25s.tokenize(list(texts), stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)
    tokens = bm25s.tokenize(list(questions), stopwords="en", stemmer=stemmer, show_progress=False, return_ids=False)
    known = [[token for token in row if token in index.vocab_dict] for row in tokens]
    return np.stack([index.get_scores(row) if row else np.zeros(len(texts)) for row in known])


def _scaled(scores: np.ndarray, candidates: int) -> np.ndarray:
    """Each row's best `candidates` from 0 to 1 (LlamaIndex's relative scores), 0 elsewhere."""
    scaled = np.zeros_like(scores)
    for row, out in zip(scores, scaled, strict=True):
        best = np.argsort(-row)[:candidates]
        best = best[row[best] > 0]
        if len(best):
            low, high = row[best].min(), row[best].max()
            out[best] = (row[best] - low) / (high - low) if high > low else 1.0
    return scaled


def _places(questions: Sequence[Question], where: Sequence[Pages], scores: np.ndarray) -> list[int]:
    """The place, from 1, of the first passage on a gold page among the first TOP; 0 where none is."""
    places = []
    for question, row in zip(questions, scores, strict=True):
        best = np.argsort(-row, kind="stable")[:TOP]
        places.append(next((place for place, i in enumerate(best, 1) if where[i] & set(question.pages)), 0))
    return places


def _print(name: str, places: Sequence[int]) -> None:
    found = np.array(places)
    rows = np.stack([(found > 0) & (found <= k) for k in (1, 3, 5)] + [np.where(found > 0, 1 / np.maximum(found, 1), 0)])
    generator = np.random.default_rng(0)
    resampled = rows[:, generator.integers(0, len(found), (RESAMPLES, len(found)))].mean(axis=2)
    low, high = np.percentile(resampled, [2.5, 97.5], axis=1)
    cells = " | ".join(f"{mean:.2f} [{a:.2f}, {b:.2f}]" for mean, a, b in zip(rows.mean(axis=1), low, high, strict=True))
    print(f"| {name} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
