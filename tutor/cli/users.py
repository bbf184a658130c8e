"""`tutor users`: the instructors who may log in."""

from __future__ import annotations

import sys

import click

from tutor.cli import options


@click.group()
def users() -> None:
    """Instructors who may log in to their pages, each with a password."""


_from_stdin = click.option("--password-stdin", is_flag=True, help="Read the password from standard input, for scripts.")


@users.command()
@click.argument("name")
@_from_stdin
@options.home
def add(name: str, password_stdin: bool, home: str | None) -> None:
    """Add the user NAME. The password is asked for twice, and not shown."""
    settings = options.settings_of(home=home)

    from tutor.accounts import Accounts

    Accounts(settings.home).add_user(name, _password(password_stdin))
    click.echo(f"User {name!r} may log in.")


@users.command("password")
@click.argument("name")
@_from_stdin
@options.home
def change(name: str, password_stdin: bool, home: str | None) -> None:
    """Give the user NAME a new password, which ends that user's sessions."""
    settings = options.settings_of(home=home)

    from tutor.accounts import Accounts

    Accounts(settings.home).set_password(name, _password(password_stdin))
    click.echo(f"User {name!r} has a new password and is logged out everywhere.")


@users.command("list")
@options.home
@options.as_json
def show(home: str | None, as_json: bool) -> None:
    """List the users."""
    settings = options.settings_of(home=home)

    from tutor.accounts import Accounts

    found = Accounts(settings.home).users
    if as_json:
        import json

        click.echo(json.dumps([{"name": user.name, "made": user.made} for user in found], indent=1))
        return
    for user in found:
        click.echo(f"{user.name}  since {user.made}")


@users.command()
@click.argument("name")
@options.home
def remove(name: str, home: str | None) -> None:
    """Remove the user NAME, who is logged out everywhere."""
    settings = options.settings_of(home=home)

    from tutor.accounts import Accounts

    Accounts(settings.home).remove_user(name)
    click.echo(f"User {name!r} is removed and logged out everywhere.")


def _password(stdin: bool) -> str:
    if stdin:
        return sys.stdin.readline().rstrip("\r\n")
    typed: str = click.prompt("Password", hide_input=True, confirmation_prompt="Password again", err=True)
    return typed
