"""Is the right page found, and is what the book does not answer refused?

    python benchmarks/pages.py --books examples/course --questions examples/questions.jsonl

Reads the books into a course of a temporary home, then asks every question. A hit at k is a gold page among the first k
passages' pages. Refusals are those of the tutor's engine and, beside it, of thresholds on the best passage's cosine: one fitted
to the course without labels, and a fixed one. Intervals: 95 %, Wilson. Questions: one JSON object a line with question,
answerable and gold_pages [{file, page}].
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from math import sqrt
from pathlib import Path

from llama_index.core.llms import MockLLM

from tutor.offline import close_network

close_network(hub=False)

from index_store.course import Library  # noqa: E402
from index_store.embedding import load_embedding  # noqa: E402
from index_store.search import CourseSearch, Hit  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402
from tutor.answering.engine import CourseQueryEngine  # noqa: E402
from tutor.answering.evidence import best_similarity, fit_threshold  # noqa: E402
from tutor.answering.models import LanguageModel  # noqa: E402

FIXED = 0.4
WIDTH = 1.96  # of the interval, in deviations
TOP = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, nargs="+", required=True)
    parser.add_argument("--questions", type=Path, required=True)
    arguments = parser.parse_args()
    rows = [json.loads(line) for line in arguments.questions.read_text("utf-8").splitlines()]
    embedding = load_embedding()
    with tempfile.TemporaryDirectory() as home:
        library = Library(Path(home))
        begun = time.perf_counter()
        report = ingest(arguments.books, library.course("measured"), embedding, library.vectors)
        seconds = time.perf_counter() - begun
        pages = sum(book.pages for book in report.books)
        print(f"{len(report.books)} books, {pages} pages, {report.passages} passages, read in {seconds:.0f} s")
        search = CourseSearch(library.existing("measured"), embedding)
        found = [(row, search.search(row["question"], TOP)) for row in rows]
        threshold = fit_threshold(search)
        # Nothing is generated: what is found enough is decided before the model is asked.
        engine = CourseQueryEngine(search, LanguageModel("none", "", MockLLM(), 0, 0, lambda messages: 0, "explain"), embedding)
        answered = [engine.stream(row["question"]).found for row in rows]
    answerable = [(row, hits) for row, hits in found if row["answerable"]]
    ranks = [_rank(row, hits) for row, hits in answerable]
    print(f"\n| answerable questions | hit@1 | hit@3 | hit@5 | MRR |\n|---|---|---|---|---|\n| {len(ranks)} | ", end="")
    print(" | ".join(f"{sum(rank <= k for rank in ranks) / len(ranks):.2f}" for k in (1, 3, 5)), end=" | ")
    print(f"{sum(1 / rank for rank in ranks if rank <= TOP) / len(ranks):.2f} |")
    print("\n| answers where | answered though the book is silent | refused though the book answers |\n|---|---|---|")
    _print("the tutor finds evidence", answered, rows)
    for name, least in (
        (f"the cosine is fitted to the course: {threshold:.2f}", threshold),
        (f"the cosine is {FIXED:.2f}", FIXED),
    ):
        _print(name, [best_similarity(hits[:4]) >= least for _, hits in found], rows)


def _print(name: str, answered: list[bool], rows: list[dict]) -> None:
    silent = [was for was, row in zip(answered, rows, strict=True) if not row["answerable"]]
    refused = [not was for was, row in zip(answered, rows, strict=True) if row["answerable"]]
    print(f"| {name} | {_share(silent)} | {_share(refused)} |")


def _share(of: list[bool]) -> str:
    """How many, and the interval of their share."""
    count, share = len(of), sum(of) / len(of)
    middle = share + WIDTH**2 / (2 * count)
    reach = WIDTH * sqrt(share * (1 - share) / count + WIDTH**2 / (4 * count**2))
    low, high = ((middle + sign * reach) / (1 + WIDTH**2 / count) for sign in (-1, 1))
    return f"{sum(of)} of {count} ({share:.0%}, {low:.0%} to {high:.0%})"


def _rank(row: dict, hits: list[Hit]) -> int:
    """The place, from 1, of the first passage on a gold page; TOP + 1 where none is."""
    gold = {(page["file"], page["page"]) for page in row["gold_pages"]}
    for rank, hit in enumerate(hits, 1):
        passage = hit.passage
        if any((passage.file, page) in gold for page in range(passage.page, passage.page_end + 1)):
            return rank
    return TOP + 1


if __name__ == "__main__":
    main()
