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
    from index_store.errors import CourseError
    from index_store.manifest import read_manifest
    from index_store.verify import verify_in_child

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
    with target.writer() as writer:
        if to:
            found = [generation for generation in target.generations() if generation.name.startswith(to)]
        else:
            found = target.earlier()[:1]
        if len(found) != 1:
            raise CourseError(_reason(course, to, [generation.name for generation in target.generations()], len(found)))
        (generation,) = found
        verify_in_child(generation)
        writer.make_live(generation)
    manifest = read_manifest(generation)
    click.echo(f"Course {course!r} is answered from its index of {manifest.created} ({counted(manifest.passages, 'passage')}).")


def _reason(course: str, to: str, kept: list[str], found: int) -> str:
    """Why there is not the one index to go to."""
    if not kept:
        return f"course {course!r} has no complete index to go to. Ingest the course again."
    if len(kept) == 1 and not to:
        return f"course {course!r} has only one index, {kept[0]}: there is no earlier one to go back to."
    choice = f"It keeps {', '.join(kept)}. Choose with --to ID, or see: tutor rollback --list --course {course}"
    if not to:
        return f"course {course!r} is answered from its earliest index already. {choice}"
    return f"course {course!r} has {f'{found} indexes' if found else 'no index'} whose id begins with {to!r}. {choice}"
