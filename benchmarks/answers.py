"""How good are the built-in model's answers? Its own words against the book's sentences, on the shipped questions.

    python benchmarks/answers.py --make examples/course [--questions examples/questions.jsonl] [--limit N]
    python benchmarks/answers.py --course NAME --questions QUESTIONS.jsonl      (a course ingested before)

For every question that the course answers: `points` is the mean, over the answer points of the question, of the cosine
(all-MiniLM-L6-v2) to the nearest sentence of the answer; `on a gold page` is the share of answers that cite a page where the
book answers. `true to the book` is the share of the answer's sentences that stand in a passage word for word. `on the page
it cites` is the share of cited sentences, shown as borne out, that pypdf, which the tutor does not read with, finds on a page
that they cite (90 % of their letters in order). Sentences that hold formulas are set in many pieces and count as missed.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean, median

from tutor.offline import close_network

close_network(hub=False)

from pypdf import PdfReader  # noqa: E402
from rapidfuzz import fuzz  # noqa: E402

from index_store.course import Course, Library  # noqa: E402
from index_store.embedding import load_embedding  # noqa: E402
from index_store.words import normalize  # noqa: E402
from ingest.pipeline import ingest  # noqa: E402
from tutor.answering.answer import Answer  # noqa: E402
from tutor.answering.citations import CLAIM, DOUBT, MARKER, resolve, without_numbers  # noqa: E402
from tutor.answering.engine import CourseQueryEngine  # noqa: E402
from tutor.answering.quoting import choose_quotable, sentences  # noqa: E402
from tutor.answering.service import AnsweringService  # noqa: E402
from tutor.settings import load_settings  # noqa: E402

SHORTEST = 20  # letters of a sentence that can be looked for


@dataclass
class Scores:
    """What was seen of one way to answer."""

    points: list[float] = field(default_factory=list)
    cited: list[bool] = field(default_factory=list)
    true: list[float] = field(default_factory=list)
    there: list[bool] = field(default_factory=list)
    words: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--course", help="a course of the home in use")
    which.add_argument("--make", type=Path, help="books to read into a temporary home first")
    parser.add_argument("--questions", type=Path, default=Path("examples/questions.jsonl"))
    parser.add_argument("--limit", type=int, default=None)
    arguments = parser.parse_args()
    if not arguments.make:
        return measure(arguments.course, arguments.questions, arguments.limit, load_settings().home)
    with tempfile.TemporaryDirectory() as home:
        library = Library(Path(home))
        ingest([arguments.make], library.course("sample"), load_embedding(), library.vectors)
        measure("sample", arguments.questions, arguments.limit, library.home)


def measure(course: str, questions: Path, limit: int | None, home: Path) -> None:
    """Print the table for one course."""
    rows = [json.loads(line) for line in questions.read_text("utf-8").splitlines()]
    rows = [row for row in rows if row["answerable"]][:limit]

    ways: dict[str, Callable[[str], tuple[str, Answer]]] = {}
    service = AnsweringService(load_settings(evidence=-1.0, style="quote", home=home))
    quoting = service.engine(course)
    pages = _Pages(Library(home).existing(course))
    own_words = AnsweringService(load_settings(evidence=-1.0, style="explain", home=home)).engine(course)
    ways["own words (style explain)"] = lambda question: _answer(own_words, question)
    ways["nearest two sentences, no model"] = lambda question: _nearest(quoting, question)
    ways["book's sentences (style quote)"] = lambda question: _answer(quoting, question)

    print(f"{len(rows)} questions on course {course!r}, model {service.model.name}")
    print("| answers in | points | on a gold page | true to the book | on the page it cites | words | seconds, median |")
    print("|---|---|---|---|---|---|---|")
    for way, answer_with in ways.items():
        scores = Scores()
        for row in rows:
            text, answer = answer_with(row["question"])
            _score(scores, row, text, answer, service)
            scores.there += pages.bear_out(text, answer)
        print(
            f"| {way} | {fmean(scores.points):.3f} | {fmean(scores.cited):.2f} | {fmean(scores.true):.2f} "
            f"| {_share(scores.there)} | {fmean(scores.words):.0f} | {median(scores.seconds):.2f} |",
            flush=True,
        )


def _answer(engine: CourseQueryEngine, question: str) -> tuple[str, Answer]:
    answer = engine.stream(question).finish()
    return answer.text, answer


def _nearest(engine: CourseQueryEngine, question: str) -> tuple[str, Answer]:
    stream = engine.stream(question)
    texts = [hit.passage.text for hit in stream.hits]
    quotable = choose_quotable(texts, question, engine.embedding)
    vectors = engine.embedding.embed([q.text for q in quotable] or [""])
    nearness = vectors @ engine.embedding.embed([question])[0]
    best = sorted(nearness.argsort()[::-1][:2].tolist()) if quotable else []
    text = " ".join(f"{quotable[i].text} [{quotable[i].passage}]" for i in best)
    passages = [hit.passage for hit in stream.hits]
    return text, Answer(question, text, stream.hits, resolve(text, passages), True, (), 0.0, 0.0)


class _Pages:
    """The pages of a course's books as pypdf reads them: letters and digits alone."""

    def __init__(self, course: Course) -> None:
        self._course = course
        self._books = {book.file: book for book in course.manifest().books}
        self._texts: dict[tuple[str, int], str] = {}

    def bear_out(self, text: str, answer: Answer) -> list[bool]:
        """For each cited sentence that is not marked as doubtful, whether it stands on a page that it cites."""
        passages = {citation.number: citation.passage for citation in answer.citations}
        found = []
        for match in CLAIM.finditer(text.replace(DOUBT, "")):
            numbers = [int(n) for marker in MARKER.finditer(match[0]) for n in marker[1].split(",")]
            sentence = without_numbers(match[0])
            if numbers and sentence not in answer.doubtful and len(_letters(sentence)) >= SHORTEST:
                cited = [passages[n] for n in numbers if n in passages]
                texts = [self._text(p.file, page) for p in cited for page in range(p.page, p.page_end + 1)]
                found.append(fuzz.partial_ratio(_letters(sentence), "".join(texts)) >= 90)
        return found

    def _text(self, file: str, page: int) -> str:
        if (file, page) not in self._texts:
            reader = PdfReader(self._course.book_file(self._books[file]))
            self._texts[file, page] = _letters(reader.pages[page - 1].extract_text())
        return self._texts[file, page]


def _letters(text: str) -> str:
    return "".join(re.findall(r"[^\W_]", normalize(text).lower()))


def _share(found: list[bool]) -> str:
    return f"{sum(found)} of {len(found)}" if found else "-"


def _score(scores: Scores, row: dict, text: str, answer: Answer, service: AnsweringService) -> None:
    found = sentences(MARKER.sub("", text)) or [text]
    points = service.embedding.embed(row["answer_points"]) @ service.embedding.embed(found).T
    scores.points.append(float(points.max(axis=1).mean()))
    gold = {(page["file"], page["page"]) for page in row["gold_pages"]}
    cited = {(c.passage.file, p) for c in answer.citations for p in range(c.passage.page, c.passage.page_end + 1)}
    scores.cited.append(bool(gold & cited))
    book = " ".join(" ".join(hit.passage.text.split()) for hit in answer.hits)
    scores.true.append(fmean(sentence.strip() in book for sentence in found))
    scores.words.append(len(text.split()))
    scores.seconds.append(answer.seconds)


if __name__ == "__main__":
    main()
