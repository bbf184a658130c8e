"""From a results file to its report and its review queue: what is read, what a course still has, what is written."""

from __future__ import annotations

import csv
from datetime import datetime
from pathlib import Path

from index_store.course import Library
from index_store.errors import CourseError, CourseTutorError, GradingError
from index_store.files import write_atomically
from index_store.generation import read_passages
from tutor.mcqa.compare import Comparison
from tutor.mcqa.confidence import load_calibration
from tutor.mcqa.report import examples, report
from tutor.mcqa.results import Results, read_results
from tutor.mcqa.results_file import table_file
from tutor.mcqa.review import HEAD, as_csv, review_queue


def read_some(file: Path) -> Results:
    """The results in `file`. Raises GradingError where there are none, too."""
    results = read_results(file)
    if not results.rows:
        raise GradingError(f"{file}: no question is graded yet. Run `tutor grade` to its end first.")
    return results


def write_report(out: Path, file: Path, home: Path, comparison: Comparison | None = None) -> None:
    """Write the report of the results in `file` to `out` (.html)."""
    results = read_some(file)
    finished = datetime.fromtimestamp(file.stat().st_mtime).astimezone()
    calibration = load_calibration(home, results.settings)
    write_atomically(out, report(results, finished, passage_texts(home, results), calibration, comparison), private=False)


def write_review(out: Path, file: Path, below: float) -> int:
    """Write the questions of `file` for a person to look at to `out` (.csv); how many there are."""
    flagged = review_queue(read_some(file).rows, below)
    write_atomically(out, as_csv(flagged), private=False)
    return len(flagged)


def passage_texts(home: Path, results: Results) -> dict[str, str]:
    """Passage.id to text, of the passages that the report shows and that some index of the course still has: the id is made of
    the text, so it is the one that the model was given."""
    wanted = {cited.passage_id for found in examples(results.rows) for one in found.shown for cited in one.row.citations}
    if not results.settings.course:
        return {}
    try:
        generations = Library(home).course(results.settings.course).generations()
    except CourseError:
        return {}
    found: dict[str, str] = {}
    for generation in reversed(generations):
        if not wanted - found.keys():
            break
        try:
            passages = read_passages(generation)
        except CourseTutorError:
            continue  # a damaged index of long ago; the report names the pages still
        found |= {passage.id: passage.text for passage in passages if passage.id in wanted}
    return found


def check_name(out: Path, suffix: str, what: str) -> None:
    """Raise GradingError where `out` cannot be the name of `what`."""
    if out.suffix.lower() != suffix:
        raise GradingError(f"{out}: not a name for {what}. Give one that ends in {suffix}.")
    if not out.parent.is_dir():
        raise GradingError(f"{out}: there is no folder {out.parent}. Make it, or name another file.")


def check_review(out: Path, file: Path) -> None:
    """Raise GradingError where a review queue cannot be written to `out`, is the table of the results in `file`, or is there
    with a person's decisions in it."""
    check_name(out, ".csv", "a review queue")
    if out.resolve() == table_file(file).resolve():
        raise GradingError(f"{out}: is the table of the results. Name another file for the review queue.")
    if out.exists() and not undecided(out):
        raise GradingError(f"{out}: is there already, with decisions in it. Name another file, or move it away.")


def undecided(queue: Path) -> bool:
    """Whether a file is a review queue that nobody has written into."""
    try:
        rows = list(csv.reader(queue.read_text("utf-8-sig").splitlines(keepends=True)))
    except (OSError, UnicodeDecodeError, csv.Error):
        return False
    return rows[:1] == [list(HEAD)] and not any("".join(row[len(HEAD) - 1 :]).strip() for row in rows[1:])
