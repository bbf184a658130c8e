"""`tutor ingest`: read books into a course."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from tutor.cli import options
from tutor.cli.options import counted

if TYPE_CHECKING:
    from ingest.pipeline import BookOutcome, IngestReport


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="PATH...")
@options.course
@click.option("--dry-run", is_flag=True, help="Show what would change, and change nothing.")
@options.force
@options.embedding
@options.home
@options.as_json
def ingest(
    paths: tuple[Path, ...], course: str, dry_run: bool, force: bool, embedding: str | None, home: str | None, as_json: bool
) -> None:
    """Read the PDFs at PATH... (files, or folders of them) into a course.

    A book that the course already has is replaced; the others stay. The course goes on answering from its old index until the
    new one is complete and has passed the checks; where nothing could be read it stays as it was.
    """
    settings = options.settings_of(embedding=embedding, home=home)

    from index_store.course import Library
    from index_store.embedding import embedding_key, load_embedding
    from ingest.pipeline import ingest as ingest_books
    from ingest.pipeline import preview, unchanged
    from tutor.cli.progress import Stages

    library = Library(settings.home)
    target = library.course(course)
    # A wrong path is told, and an ingest that changes nothing is over, before the embedding loads.
    report = unchanged(paths, target, embedding_key(settings.embedding))
    if report is None:
        with Stages() as stages:
            stages.say(f"loading the embedding {settings.embedding}")
            loaded = load_embedding(settings.embedding, models=settings.models)
            if dry_run:
                report = preview(paths, target, loaded, stages.update)
            else:
                report = ingest_books(paths, target, loaded, library.vectors, stages.update, force)
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
    notes = [counted(book.pages, "page"), counted(book.passages, "passage")]
    if book.status == "read" and (book.kept or book.removed):
        notes[-1] += f" ({book.added} new, {book.removed} gone, {book.kept} kept)"
    if book.pages_without_text:
        notes.append(f"{book.pages_without_text} without text")
    if book.repaired_characters:
        notes.append(f"{counted(book.repaired_characters, 'character')} of damaged fonts repaired")
    if book.lost_characters:
        notes.append(f"{counted(book.lost_characters, 'character')} the PDF gives no meaning to")
    return f"  {book.status:<10} {book.file}: {', '.join(notes)}"


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
