"""`tutor rollback`: answer from an earlier index again."""

from __future__ import annotations

import click

from tutor.cli import options


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
    from index_store.generation import read_manifest
    from index_store.verify import verify_in_child

    target = Library(settings.home).existing(course)
    if show:
        for generation in target.generations():
            manifest = read_manifest(generation)
            mark = "live" if generation.name == target.live_name else "    "
            click.echo(
                f"{mark}  {generation.name}  {manifest.created}  {len(manifest.books)} books, {manifest.passages:,} passages"
            )
        return
    with target.writer() as writer:
        if to:
            found = [generation for generation in target.generations() if generation.name.startswith(to)]
        else:
            found = target.earlier()[:1]
        if len(found) != 1:
            kept = ", ".join(generation.name for generation in target.generations())
            reason = f"{to!r} names {len(found) or 'none'} of them" if to else "there is none before the live one"
            raise CourseError(f"course {course!r} keeps the indexes {kept}; {reason}. Choose with --to ID.")
        (generation,) = found
        verify_in_child(generation)
        writer.make_live(generation)
    manifest = read_manifest(generation)
    click.echo(f"Course {course!r} is answered from its index of {manifest.created} ({manifest.passages:,} passages).")
