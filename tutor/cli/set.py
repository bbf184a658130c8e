"""`tutor set`: what holds for one course."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import click

from tutor.cli import options


@click.command()
@options.course
@options.help_level
@options.until
@click.option("--model", metavar="MODEL", help="The model of this course, as with `tutor chat`; '' for the program's own.")
@click.option("--passages", type=int, metavar="N", help="Passages given to the model; 0 for the program's own number.")
@click.option("--reset", is_flag=True, help="Take every setting of the course back, its assignments too.")
@options.home
@options.as_json
def set(
    course: str,
    help_level: str | None,
    until: datetime | None,
    model: str | None,
    passages: int | None,
    reset: bool,
    home: str | None,
    as_json: bool,
) -> None:
    """Set what holds for one course, or show it.

    With --help-level students get hints instead of answers in the whole course, up to the date --until.
    """
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from tutor.answering.models import describe
    from tutor.course_settings import CourseSettings, change_settings, made, read_settings

    target = Library(settings.home).existing(course)
    changes: dict[str, Any] = {}
    if help_level:
        changes |= {"help": help_level, "released": until}
    elif until:
        changes["released"] = until
    if model is not None:
        if model:
            describe(model)  # a model that cannot be is told now, not to the first student
        changes["model"] = model
    if passages is not None:
        changes["passages"] = passages or None
    if changes or reset:
        if reset:
            options.say(
                f"every setting of {course!r} is taken back; what was held back is answered now. The settings before are"
            )
            options.say(f"kept as {target.folder / 'settings.before.json'}")
        change_settings(target, lambda kept: made(CourseSettings, **{**kept.model_dump(), **changes}), reset)
    kept = read_settings(target)
    if as_json:
        click.echo(kept.model_dump_json(indent=1))
        return
    click.echo(f"course      {course}")
    click.echo(f"help        {options.limit_of(kept)}")
    click.echo(f"model       {kept.model or 'the one of the program'}")
    click.echo(f"passages    {kept.passages or 'as many as the program says'}")
    names = ", ".join(f"{a.name!r} ({options.limit_of(a)})" for a in kept.assignments)
    click.echo(f"assignments {names or 'none'}")
