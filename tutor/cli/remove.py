"""`tutor remove`: take a book out of a course."""

from __future__ import annotations

import click

from tutor.cli import options
from tutor.cli.ingest import show_report


@click.command()
@click.argument("books", nargs=-1, required=True, metavar="BOOK...")
@options.course
@options.force
@options.home
@options.as_json
def remove(books: tuple[str, ...], course: str, force: bool, home: str | None, as_json: bool) -> None:
    """Take BOOK... out of a course, by the names that `tutor courses` shows. `tutor rollback` brings them back."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from index_store.embedding import load_embedding
    from ingest.pipeline import remove as remove_books

    library = Library(settings.home)
    target = library.existing(course)
    embedding = load_embedding(target.manifest().embedding, models=settings.models)
    report = remove_books(books, target, embedding, library.vectors, force)
    show_report(report, as_json)
