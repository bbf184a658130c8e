"""`tutor rollback`: answer from an earlier index again."""

from __future__ import annotations

import click

from tutor.cli import options
from tutor.cli.options import counted


@click.command()
@options.course
@click.option(
    "--to", default="", metavar="ID", help="The index to go to (the beginning of its id); the one before if not given."
)
@click.option("--list", "show", is_flag=True, help="List the indexes that are kept, and change nothing.")
@options.home
def rollback(course: str, to: str, show: bool, home: str | None) -> None:
    """Answer from an earlier index of a course, which is verified first. The present one is kept, so --to leads back to it."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from index_store.manifest import read_manifest
    from index_store.rollback import roll_back

    target = Library(settings.home).existing(course)
    if show:
        for generation in target.generations():
            manifest = read_manifest(generation)
            mark = "live" if generation.name == target.live_name else "    "
            click.echo(
                f"{mark}  {generation.name}  {manifest.created}  "
                f"{counted(len(manifest.books), 'book')}, {counted(manifest.passages, 'passage')}"
            )
        return
    manifest = roll_back(target, to)
    click.echo(f"Course {course!r} is answered from its index of {manifest.created} ({counted(manifest.passages, 'passage')}).")
