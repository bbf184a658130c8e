"""`tutor assignments`: exercises whose answers are held back for a while."""

from __future__ import annotations

from datetime import datetime

import click

from tutor.cli import options


@click.group()
def assignments() -> None:
    """Hold back the answers to an assignment's exercises until a date; students get hints instead."""


@assignments.command()
@click.argument("name")
@click.argument("sheet", type=click.Path())
@options.course
@options.help_level
@options.until
@options.home
def add(name: str, sheet: str, course: str, help_level: str | None, until: datetime | None, home: str | None) -> None:
    """Add the exercises of SHEET (PDF, DOCX, HTML, Markdown or text) as the assignment NAME, or replace it.

    Exercises are numbered in the sheet, or else one a paragraph. Without --help-level students get nudges.
    """
    settings = options.settings_of(home=home)

    from pathlib import Path

    from index_store.course import Library
    from index_store.errors import BookError
    from tutor.course_settings import Assignment, change_settings, made
    from tutor.sheet import exercises_of

    target = Library(settings.home).existing(course)
    if not Path(sheet).is_file():
        raise BookError(sheet, "no such file", "Name the assignment's sheet.")
    exercises = exercises_of(Path(sheet))
    assignment = made(Assignment, name=name, help=help_level or "nudge", released=until, exercises=exercises)
    change_settings(target, lambda kept: kept.with_assignment(assignment))
    for number, exercise in enumerate(assignment.exercises, 1):
        click.echo(f"{number:>3}  {exercise[:100]}")
    click.echo(f"{name!r}: {options.counted(len(assignment.exercises), 'exercise')}, {options.limit_of(assignment)}.")


@assignments.command("list")
@options.course
@options.home
@options.as_json
def show(course: str, home: str | None, as_json: bool) -> None:
    """List the assignments of a course and what is held back."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from tutor.course_settings import read_settings

    kept = read_settings(Library(settings.home).existing(course))
    if as_json:
        click.echo(kept.model_dump_json(indent=1, include={"assignments"}))
        return
    for assignment in kept.assignments:
        click.echo(
            f"{assignment.name!r}: {options.counted(len(assignment.exercises), 'exercise')}, {options.limit_of(assignment)}"
        )
    if not kept.assignments:
        click.echo(f"No assignments in course {course!r}. Add one with: tutor assignments add NAME SHEET --course {course}")


@assignments.command()
@click.argument("name")
@options.course
@options.home
def remove(name: str, course: str, home: str | None) -> None:
    """Take the assignment NAME away: its exercises are answered again."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from tutor.course_settings import change_settings

    target = Library(settings.home).existing(course)
    change_settings(target, lambda kept: kept.without_assignment(name))
    click.echo(f"{name!r} is removed; its exercises are answered again.")
