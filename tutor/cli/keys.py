"""`tutor keys`: what programs ask with."""

from __future__ import annotations

import click

from tutor.cli import options


@click.group()
def keys() -> None:
    """Keys that programs ask with, over HTTP or MCP."""


@keys.command()
@click.argument("name")
@click.option("--course", "courses", multiple=True, metavar="NAME", help="A course it may ask; may be repeated. All without.")
@options.home
def add(name: str, courses: tuple[str, ...], home: str | None) -> None:
    """Make a key called NAME and print it. It is shown this once: only its SHA-256 is kept."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from tutor.accounts import Accounts

    for course in courses:
        Library(settings.home).existing(course)
    key = Accounts(settings.home).add_key(name, courses or None)
    click.echo(key)
    options.say(f"Key {name!r} may ask {', '.join(courses) or 'all courses'}. It is not shown again.")


@keys.command("list")
@options.home
@options.as_json
def show(home: str | None, as_json: bool) -> None:
    """List the keys by name, with the courses that each may ask."""
    settings = options.settings_of(home=home)

    from tutor.accounts import Accounts

    found = Accounts(settings.home).keys
    if as_json:
        import json

        click.echo(json.dumps([{"name": key.name, "courses": key.courses, "made": key.made} for key in found], indent=1))
        return
    for key in found:
        click.echo(f"{key.name}  since {key.made}  {'all courses' if key.courses is None else ', '.join(key.courses)}")


@keys.command()
@click.argument("name")
@options.home
def remove(name: str, home: str | None) -> None:
    """Remove the key called NAME: it asks nothing any more."""
    settings = options.settings_of(home=home)

    from tutor.accounts import Accounts

    Accounts(settings.home).remove_key(name)
    click.echo(f"Key {name!r} is removed.")
