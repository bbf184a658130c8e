"""`tutor questions`: an instructor's questions, whose pages every new index has to find."""

from __future__ import annotations

import click

from tutor.cli import options


@click.group()
def questions() -> None:
    """Save questions whose pages every new index of a course has to find before it goes live."""


@questions.command()
@click.argument("question")
@options.course
@click.option("--page", "pages", multiple=True, metavar="FILE:PAGE", help="A page that answers it (PDF page); may be repeated.")
@options.embedding
@options.home
def add(question: str, course: str, pages: tuple[str, ...], embedding: str | None, home: str | None) -> None:
    """Save QUESTION. Without --page, the page that is found for it now is the one to be found."""
    settings = options.settings_of(embedding=embedding, home=home)

    from index_store.course import Library
    from index_store.questions import Question, changing, page_named
    from tutor.answering.answer import checked_question

    target = Library(settings.home).existing(course)
    text = checked_question(question)
    found = [page_named(page, target.manifest().books) for page in pages]
    if not found:
        best = options.open_search(settings, course).search(text, 1)[0].passage
        found = [(best.file, page) for page in range(best.page, best.page_end + 1)]
        click.echo(f"answered on {best.pages} of {best.file}: {' '.join(best.text.split())[:160]}...")
    with changing(target.questions_file) as saved:
        saved[:] = [*(one for one in saved if one.text != text), Question(text, tuple(found))]
    click.echo(f"Course {course!r} has {options.counted(len(saved), 'saved question')}.")


@questions.command("list")
@options.course
@options.home
@options.as_json
def show(course: str, home: str | None, as_json: bool) -> None:
    """List the saved questions of a course."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from index_store.questions import read_questions

    target = Library(settings.home).existing(course)
    if as_json:
        click.echo(target.questions_file.read_text("utf-8") if target.questions_file.is_file() else "", nl=False)
        return
    for number, saved in enumerate(read_questions(target.questions_file), 1):
        click.echo(f"{number:>3}  {saved.text}  ({saved.place})")


@questions.command()
@click.argument("number", type=int)
@options.course
@options.home
def remove(number: int, course: str, home: str | None) -> None:
    """Forget the saved question NUMBER, as `tutor questions list` counts them."""
    settings = options.settings_of(home=home)

    from index_store.course import Library
    from index_store.errors import CourseError
    from index_store.questions import changing

    target = Library(settings.home).existing(course)
    with changing(target.questions_file) as saved:
        if not 1 <= number <= len(saved):
            raise CourseError(
                f"course {course!r} has no saved question {number}, it has {len(saved)}. See: tutor questions list"
            )
        forgotten = saved.pop(number - 1)
    click.echo(f"Forgotten: {forgotten.text}")
