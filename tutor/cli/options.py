"""The flags that several commands share, and the settings they make."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from pathlib import Path

    from index_store.search import CourseSearch
    from tutor.course_settings import Restricted
    from tutor.settings import Settings

Command = Callable[..., Any]


def home(command: Command) -> Command:
    return click.option("--home", metavar="FOLDER", help="Where courses are kept.")(command)


def embedding(command: Command) -> Command:
    return click.option("--embedding", metavar="NAME", help="all-MiniLM-L6-v2 (built in), a model folder or a hub id.")(command)


def reranker(command: Command) -> Command:
    return click.option(
        "--reranker", metavar="NAME", help="A cross-encoder that orders the best passages anew: folder or hub id."
    )(command)


def model(command: Command) -> Command:
    """--model and what shapes its answers."""
    style = click.option("--style", metavar="STYLE", help="quote: only the book's sentences; explain: the model's words; auto.")
    return style(reasoner(command))


def reasoner(command: Command) -> Command:
    """--model without a style: it reasons in its own words."""
    for option in (
        click.option("--max-new-tokens", type=int, metavar="N", help="Most tokens of an answer."),
        click.option("--passages", type=int, metavar="N", help="Passages given to the model."),
        click.option(
            "--model",
            metavar="MODEL",
            help="smollm2-135m (built in), a .gguf file, a folder of safetensors, a hub id, or http://host:port/v1#name.",
        ),
    ):
        command = option(command)
    return command


def course(command: Command) -> Command:
    return click.option("--course", required=True, metavar="NAME", help="The course: a-z, 0-9, - and _.")(command)


def help_level(command: Command) -> Command:
    return click.option(
        "--help-level",
        type=click.Choice(["nudge", "hint", "step", "full"]),
        help="The most help: nudge (where to read), hint (a sentence with gaps), step (a first step), full (the answer).",
    )(command)


def until(command: Command) -> Command:
    return click.option(
        "--until",
        type=click.DateTime(["%Y-%m-%d", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"]),
        metavar="DATE",
        help="When answers are released: 2026-12-01 or '2026-12-01 18:00', this machine's time.",
    )(command)


def as_json(command: Command) -> Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for scripts.")(command)


def force(command: Command) -> Command:
    return click.option("--force", is_flag=True, help="Make the new index live although a check failed.")(command)


def force_file(command: Command) -> Command:
    return click.option("--force", is_flag=True, help="Write over a file that is there.")(command)


def check_new(file: Path, force: bool) -> None:
    """Raise ActivityError where `file` is there and is not to be written over, or has no folder to stand in."""
    from index_store.errors import ActivityError

    if not file.parent.is_dir():
        raise ActivityError(f"{file}: there is no folder {file.parent}. Make it, or name another file.")
    if file.exists() and not force:
        raise ActivityError(f"{file}: is there already. Name another file, or write over it with --force.")


def one_line(text: str) -> str:
    """Text from a book, a student or a model as one line that tells the terminal nothing."""
    return "".join(character if character.isprintable() else " " for character in text)


def open_search(settings: Settings, course: str) -> CourseSearch:
    """Search over a course, from an earlier index where the live one is damaged, which is then said."""
    from index_store.course import Library
    from index_store.embedding import load_embedding
    from index_store.reranker import load_reranker
    from index_store.search import CourseSearch
    from index_store.verify import stand_in

    found = Library(settings.home).existing(course)
    instead = stand_in(found)
    if instead:
        say(f"warning: {instead.warning}")
    embedding = load_embedding(settings.embedding, models=settings.models)
    return CourseSearch(
        found, embedding, stands_in=instead, solutions=settings.solutions, reranker=load_reranker(settings.reranker)
    )


def settings_of(**flags: Any) -> Settings:
    """The settings in force, with telemetry off and the network closed unless a hub id was asked for."""
    from tutor.offline import close_network
    from tutor.settings import load_settings

    settings = load_settings(**flags)
    close_network(hub=any(map(_is_hub_id, (settings.model, settings.embedding, settings.reranker))))
    return settings


def _is_hub_id(name: str) -> bool:
    from pathlib import Path

    return name.count("/") == 1 and not name.startswith((".", "/", "~")) and not Path(name).exists()


def counted(number: int, noun: str) -> str:
    """`1 page`, `2,000 pages`."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def limit_of(restricted: Restricted) -> str:
    """What help is given, and until when, in words."""
    if restricted.help == "full":
        return "full answers"
    words = {"nudge": "nudges", "hint": "hints", "step": "first steps"}[restricted.help]
    if not restricted.released:
        return f"{words} instead of answers"
    from datetime import datetime

    past = datetime.now().astimezone() >= restricted.released
    at = f"{restricted.released:%Y-%m-%d %H:%M}"
    return f"full answers since {at}" if past else f"{words} instead of answers until {at}"


def say(message: str) -> None:
    """A line about what is going on, beside the output proper."""
    click.echo(message, err=True)
