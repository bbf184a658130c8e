"""`tutor ingest`: read books into a course."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tutor.cli import options
from tutor.cli.options import counted

if TYPE_CHECKING:
    from ingest.report import BookOutcome, IngestReport


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@options.course
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@options.force
@options.embedding
@options.home
@click.option("--ocr", is_flag=True, help="Read scanned pages with Tesseract (to be installed beside).")
@click.option("--ocr-language", default="eng", metavar="CODES", help="Languages of scanned pages, as eng+deu (eng).")
@click.option("--ray", is_flag=True, help="Read and embed on a Ray cluster (RAY_ADDRESS, or the one on this machine).")
@options.as_json
def ingest(
    paths: tuple[Path, ...],
    course: str,
    dry_run: bool,
    force: bool,
    embedding: str | None,
    home: str | None,
    ocr: bool,
    ocr_language: str,
    ray: bool,
    as_json: bool,
) -> None:
    """Read the books at PATH... (files, or folders of them) into a course: PDF, DOCX, PPTX, HTML, Markdown, plain text.

    A book that the course already has is replaced; the others stay. The course goes on answering from its old index until the
    new one is complete and has passed the checks; where nothing could be read it stays as it was.
    """
    settings = options.settings_of(embedding=embedding, home=home)

    from index_store.course import Library
    from index_store.embedding import embedding_key, load_embedding
    from ingest.cluster import Cluster
    from ingest.ocr import require_tesseract
    from ingest.pipeline import ingest as ingest_books
    from ingest.pipeline import preview, unchanged
    from tutor.cli.progress import Stages

    if ray and dry_run:
        raise click.UsageError("--dry-run reads on this machine; leave --ray out.")
    cluster = Cluster() if ray else None
    languages = ocr_language if ocr else ""
    if languages:
        require_tesseract(languages)
    library = Library(settings.home)
    target = library.course(course)
    # A wrong path is told, and an ingest that changes nothing is over, before the embedding loads.
    report = unchanged(paths, target, embedding_key(settings.embedding), languages)
    if report is None:
        with Stages() as stages:
            stages.say(f"loading the embedding {settings.embedding}")
            loaded = load_embedding(settings.embedding, models=settings.models)
            if dry_run:
                report = preview(paths, target, loaded, stages.update, languages)
            else:
                report = ingest_books(paths, target, loaded, library.vectors, stages.update, force, languages, cluster)
    show_report(report, as_json, dry_run)


def show_report(report: IngestReport, as_json: bool, dry_run: bool = False) -> None:
    """Print what became of the books, and exit as that asks for: 0, 1 (a check failed), 2 or 3 (books were refused)."""
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps(asdict(report), ensure_ascii=False, indent=1))
    else:
        for book in report.books:
            if book.status not in ("carried", "refused"):
                click.echo(_line(book))
        if carried := sum(book.status == "carried" for book in report.books):
            click.echo(f"  {'kept':<10} {counted(carried, 'other book')} as {'it was' if carried == 1 else 'they were'}")
        for book in report.refused:  # last, where they are seen
            click.echo(_line(book))
        if report.warning:
            options.say(f"warning: {report.warning}")
        for line in report.failed:
            click.echo(f"  check      {line}")
        click.echo(_summary(report, dry_run))
    if report.failed and not report.published:
        sys.exit(1)
    if report.refused:
        sys.exit(3 if any(book.status in ("read", "unchanged") for book in report.books) else 2)


def _line(book: BookOutcome) -> str:
    if book.status == "refused":
        return f"  refused    {book.error}"
    if book.status == "removed":
        return f"  removed    {book.file}: {counted(book.removed, 'passage')}"
    from index_store.passage import unit_of

    notes = [counted(book.pages, unit_of(book.file)), counted(book.passages, "passage")]
    if book.status == "read" and (book.kept or book.removed):
        notes[-1] += f" ({book.added} new, {book.removed} gone, {book.kept} kept)"
    if book.pages_without_text:
        notes.append(f"{book.pages_without_text} without text")
    if book.repaired_characters:
        notes.append(f"{counted(book.repaired_characters, 'character')} of damaged fonts repaired")
    if book.lost_characters:
        notes.append(f"{counted(book.lost_characters, 'character')} the file gives no meaning to")
    if book.hidden_parts:
        notes.append(f"{counted(book.hidden_parts, 'hidden part')} not read")
    if book.hidden_characters:
        notes.append(f"{counted(book.hidden_characters, 'hidden character')} left out")
    if book.scanned_pages and book.ocr:
        notes.append(f"{_pages(book.scanned_pages)} scanned and read by OCR")
    elif book.scanned_pages:
        one = len(book.scanned_pages) == 1
        what = "is scanned and was not read; --ocr reads it" if one else "are scanned and were not read; --ocr reads them"
        notes.append(f"{_pages(book.scanned_pages)} {what}")
    return f"  {book.status:<10} {book.file}: {', '.join(notes)}"


def _pages(numbers: Sequence[int]) -> str:
    """Page numbers in words: "pages 3-5 and 9"."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    words = [f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs]
    listed = f"{', '.join(words[:-1])} and {words[-1]}" if len(words) > 1 else words[0]
    return f"{'page' if len(numbers) == 1 else 'pages'} {listed}"


def _summary(report: IngestReport, dry_run: bool) -> str:
    if dry_run:
        if not report.changes:
            return f"Nothing would change: course {report.course!r} has {counted(report.passages, 'passage')}."
        return f"Course {report.course!r} would have {counted(report.passages, 'passage')}. Nothing was changed."
    if report.published:
        forced = " although checks failed" if report.failed else ""
        passages = f"{counted(report.passages, 'passage')} ({report.embedded:,} newly embedded)"
        return f"Course {report.course!r} now has {passages}{forced}."
    if report.failed:
        return f"Not made live: course {report.course!r} is as it was. Mend the books, or override the checks with --force."
    if report.passages:
        return f"Nothing changed: course {report.course!r} keeps its {counted(report.passages, 'passage')}."
    return f"Course {report.course!r} was not made: no book could be read."
