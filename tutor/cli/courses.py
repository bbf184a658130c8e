"""`tutor courses`: what there is."""

from __future__ import annotations

from typing import Any

import click

from tutor.cli import options


@click.command()
@options.home
@options.as_json
def courses(home: str | None, as_json: bool) -> None:
    """List the courses, their books and when each was last ingested."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from index_store.errors import CourseTutorError
    from index_store.passage import unit_of

    rows: list[dict[str, Any]] = []
    for course in Library(settings.home).courses():
        try:
            manifest = course.manifest()
        except CourseTutorError as error:
            rows.append({"course": course.name, "error": str(error)})
            continue
        rows.append(
            {
                "course": course.name,
                "created": manifest.created,
                "embedding": manifest.embedding,
                "passages": manifest.passages,
                "books": [{"file": b.file, "title": b.title, "pages": b.pages} for b in manifest.books],
            }
        )
    if as_json:
        import json

        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
    elif not rows:
        click.echo(f"No courses in {settings.home} yet. Make one with: tutor ingest BOOK.pdf --course NAME")
    else:
        for row in rows:
            if "error" in row:
                click.echo(f"{row['course']}: {row['error']}")
                continue
            click.echo(
                f"{row['course']}: {options.counted(row['passages'], 'passage')}, {row['embedding']}, ingested {row['created']}"
            )
            for book in row["books"]:
                click.echo(f"  {book['file']}: {book['title']}, {options.counted(book['pages'], unit_of(book['file']))}")
