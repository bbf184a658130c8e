"""`tutor preferences`: which answers were better, for fine-tuning by DPO."""

from __future__ import annotations

from pathlib import Path

import click

from tutor.cli import options

source = click.option(
    "--source",
    "sources",
    multiple=True,
    type=click.Choice(["thumbs", "correction", "choice"]),
    help="Only these: students' thumbs, an instructor's correction or choice; may be repeated.",
)


@click.group()
def preferences() -> None:
    """Pairs of a better and a worse answer, from students' thumbs and from instructors."""


@preferences.command("list")
@options.course
@source
@options.home
@options.as_json
def show(course: str, sources: tuple[str, ...], home: str | None, as_json: bool) -> None:
    """List the preferences of a course."""
    settings = options.settings_of(home=home)

    from dataclasses import asdict

    from index_store.course import Library
    from tutor.activity.preferences import SOURCES, Preferences
    from tutor.activity.store import ActivityStore

    Library(settings.home).existing(course)
    found = Preferences(ActivityStore(settings.home), course).all(sources or SOURCES)
    if as_json:
        import json

        click.echo(json.dumps([asdict(pair) for pair in found], ensure_ascii=False, indent=1))
        return
    for pair in found:
        click.echo(f"{pair.time[:10]}  {pair.source}, {options.one_line(pair.by)}: {options.one_line(pair.question)}")
        click.echo(f"  better  {options.one_line(pair.chosen)}")
        click.echo(f"  worse   {options.one_line(pair.rejected)}")
    options.say(f"{options.counted(len(found), 'preference')} in course {course!r}")


@preferences.command()
@click.argument("file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE.jsonl")
@options.course
@source
@options.force_file
@options.home
@options.as_json
def export(file: Path, course: str, sources: tuple[str, ...], force: bool, home: str | None, as_json: bool) -> None:
    """Write the preferences of a course to FILE.jsonl: prompt, chosen and rejected, as a DPO stage reads them.

    Duplicates, contradictions and questions that lean on the one before are left out; personal data is masked.
    """
    settings = options.settings_of(home=home)

    from dataclasses import asdict

    from index_store.course import Library
    from index_store.files import write_atomically
    from tutor.activity.export import exported
    from tutor.activity.preferences import SOURCES, Preferences
    from tutor.activity.store import ActivityStore

    Library(settings.home).existing(course)
    options.check_new(file, force)
    made = exported(Preferences(ActivityStore(settings.home), course).all(sources or SOURCES))
    if made.rows:
        write_atomically(file, made.text)
    if as_json:
        import json

        left = [asdict(one) for one in made.left_out]
        told = {"file": str(file) if made.rows else None, "written": len(made.rows), "reasons": made.reasons, "left_out": left}
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
    else:
        click.echo(f"wrote {options.counted(len(made.rows), 'row')} to {file}" if made.rows else f"nothing to write to {file}")
        for left_out in made.left_out:
            click.echo(f"left out: {left_out.reason}: {options.one_line(left_out.question)}")
    if not made.rows:
        raise SystemExit(1)
