"""`tutor insight`: what students asked of a course, and where they are stuck."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from tutor.cli import options

if TYPE_CHECKING:
    from tutor.activity.insight import Insight, Place

ROWS = 15


@click.command()
@options.course
@click.option("--days", type=click.IntRange(1, 3650), default=30, show_default=True, metavar="N", help="The last N days.")
@click.option(
    "--csv", "csv_file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Write the tables to FILE."
)
@options.force_file
@options.embedding
@options.home
@options.as_json
def insight(
    course: str, days: int, csv_file: Path | None, force: bool, embedding: str | None, home: str | None, as_json: bool
) -> None:
    """Show what students asked of a course, how it ended, and in which sections they are stuck.

    JSON and CSV leave out what tells of fewer than three students.
    """
    settings = options.settings_of(embedding=embedding, home=home)

    from index_store.course import Library
    from index_store.embedding import load_embedding
    from tutor.activity.insight import insight as look
    from tutor.activity.store import ActivityStore
    from tutor.activity.tables import as_csv, as_dictionary

    Library(settings.home).existing(course)
    if csv_file:
        options.check_new(csv_file, force)
    store = ActivityStore(settings.home)
    refused = {row.question for row in store.of_course(course, where="outcome = 'refused'")}
    found = look(store, course, days, load_embedding(settings.embedding, models=settings.models) if len(refused) > 1 else None)
    if csv_file:
        from index_store.files import write_atomically

        write_atomically(csv_file, as_csv(found), private=False)
        options.say(f"wrote {csv_file}")
    if as_json:
        import json

        click.echo(json.dumps(as_dictionary(found), ensure_ascii=False, indent=1))
    else:
        _show(found)


def _show(found: Insight) -> None:
    from tutor.activity.insight import ENDS

    questions = options.counted(found.asked, "question")
    click.echo(f"{found.course}, {found.first} to {found.last}: {questions} of {found.students_told} students")
    if not found.asked:
        return
    ends = ", ".join(f"{count} {ENDS[outcome]}" for outcome, count in found.counts.items() if count)
    click.echo(f"{ends}; {found.rated_up} rated up, {found.rated_down} down")
    for place in found.stuck:
        click.echo(found.sentence(place))
    for title, places in (("chapter", found.chapters), ("section", found.sections), ("page", found.pages)):
        _table(title, places)
    if found.refused:
        click.echo("\nasked, and not in the books")
        for asked in found.refused:
            click.echo(f"{asked.times:>5}  {options.one_line(asked.question)}")


def _table(title: str, places: tuple[Place, ...]) -> None:
    if not places:
        return
    click.echo(f"\n{'asked':>5} {'refused':>7} {'down':>5} {'unsure':>6} {'hints':>5} {'students':>8}  {title}")
    for place in places[:ROWS]:
        name = f"{place.section or place.chapter}, {place.page}" if place.page else place.name
        click.echo(
            f"{place.asked:>5} {place.refused:>7} {place.rated_down:>5} {place.unsure:>6} {place.hints:>5} "
            f"{place.students_told:>8}  {options.one_line(name)}"
        )
    if len(places) > ROWS:
        click.echo(f"      and {len(places) - ROWS} more")
