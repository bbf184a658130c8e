"""`tutor ask`: one question, answered on the terminal."""

from __future__ import annotations

import sys

import click

from tutor.cli import options


@click.command()
@click.argument("question")
@options.course
@options.model
@options.embedding
@options.home
@options.as_json
def ask(
    question: str,
    course: str,
    model: str | None,
    style: str | None,
    passages: int | None,
    max_new_tokens: int | None,
    embedding: str | None,
    home: str | None,
    as_json: bool,
) -> None:
    """Ask a course one question; the answer names the pages it rests on.

    Exit code 1 where the course's books do not answer it.
    """
    settings = options.settings_of(
        model=model, style=style, passages=passages, max_new_tokens=max_new_tokens, embedding=embedding, home=home
    )

    from index_store.course import Library

    Library(settings.home).existing(course)  # an unknown course is told before models load

    from tutor.answering.service import AnsweringService

    service = AnsweringService(settings, lambda message: None if as_json else options.say(message))
    stream = service.engine(course).stream(question)
    for piece in stream:
        if not as_json and sys.stdout.isatty():
            click.echo(piece, nl=False)
    answer = stream.answer
    assert answer is not None
    if as_json:
        import json

        click.echo(json.dumps(_row(answer, service.model.name), ensure_ascii=False, indent=1))
    else:
        # On a terminal the text has been streamed; elsewhere the checked text is printed whole.
        click.echo("" if sys.stdout.isatty() else answer.text)
        for citation in answer.citations:
            passage = citation.passage
            place = " > ".join(part for part in (passage.book, passage.section_title) if part)
            click.echo(f"  [{citation.number}] {place}, {passage.pages}  ({passage.file})")
        for note in answer.notes:
            click.echo(f"  note: {note}")
    sys.exit(0 if answer.found else 1)


def _row(answer, model: str) -> dict:  # type: ignore[no-untyped-def, type-arg]
    def passage(hit) -> dict:  # type: ignore[no-untyped-def, type-arg]
        return {**hit.passage.as_dict(), "score": round(hit.score, 4), "similarity": round(hit.similarity, 4)}

    return {
        "question": answer.question,
        "found": answer.found,
        "answer": answer.text,
        "citations": [{"number": c.number, **c.passage.as_dict()} for c in answer.citations],
        "passages": [passage(hit) for hit in answer.hits],
        "notes": list(answer.notes),
        "model": model,
        "first_token_seconds": round(answer.first_token_seconds, 3),
        "seconds": round(answer.seconds, 3),
    }
