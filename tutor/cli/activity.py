"""`tutor activity`: what is kept of students' questions."""

from __future__ import annotations

import click

from tutor.cli import options


@click.group()
def activity() -> None:
    """Delete what is kept of students' questions and answers, and the preferences made of them."""


@activity.command()
@click.option("--student", default="", metavar="PSEUDONYM", help="What this student asked.")
@click.option("--course", default="", metavar="NAME", help="What was asked in this course.")
@click.option(
    "--before", type=click.DateTime(["%Y-%m-%d"]), metavar="DATE", help="What was asked before this day (UTC), 2026-10-01."
)
@options.home
@options.as_json
def delete(student: str, course: str, before: object, home: str | None, as_json: bool) -> None:
    """Delete what all the options given are true of; at least one is needed."""
    from datetime import datetime

    settings = options.settings_of(home=home)

    from index_store.errors import ActivityError
    from tutor.activity.store import ActivityStore

    if not (student or course or before):
        raise ActivityError("nothing says what to delete. Give --student PSEUDONYM, --course NAME or --before DATE.")
    day = before.date().isoformat() if isinstance(before, datetime) else ""
    deleted = ActivityStore(settings.home).delete(student, course, day)
    if as_json:
        import json

        click.echo(json.dumps({"deleted": deleted}))
    else:
        click.echo(f"Deleted {options.counted(deleted, 'question')}.")
    if not deleted:
        raise SystemExit(1)
