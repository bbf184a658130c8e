"""`tutor ask`: one question, answered on the terminal."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import options

if TYPE_CHECKING:
    from index_store.search import Hit
    from tutor.answering.answer import Answer


@click.command()
@click.argument("question")
@options.course
@options.model
@options.embedding
@options.reranker
@options.home
@options.as_json
def ask(question: str, course: str, as_json: bool, **flags: Any) -> None:
    """Ask a course one question; the answer names the pages it rests on.

    Exit code 1 where the course's books do not answer it.
    """
    settings = options.settings_of(**flags)

    from index_store.course import Library
    from tutor.answering.answer import checked_question

    Library(settings.home).existing(course)  # an unknown course and an empty question are told before models load
    question = checked_question(question)

    from tutor.answering.service import AnsweringService

    service = AnsweringService(settings, options.say, [course])
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
            book = "" if passage.section[:1] == (passage.book,) else passage.book
            place = " > ".join(part for part in (book, passage.section_title) if part)
            click.echo(f"  [{citation.number}] {place}, {passage.pages}  ({passage.file})")
        for note in answer.notes:
            click.echo(f"  note: {note}")
    sys.exit(0 if answer.found else 1)


def _row(answer: Answer, model: str) -> dict[str, Any]:
    def passage(hit: Hit) -> dict[str, Any]:
        return {**hit.passage.as_dict(), "score": round(hit.score, 4), "similarity": round(hit.similarity, 4)}

    return {
        "question": answer.question,
        "found": answer.found,
        "answer": answer.text,
        "citations": [{"number": c.number, **c.passage.as_dict()} for c in answer.citations],
        "passages": [passage(hit) for hit in answer.hits],
        "doubtful": list(answer.doubtful),
        "help": answer.help,
        "option": answer.option,
        "notes": list(answer.notes),
        "model": model,
        "first_token_seconds": round(answer.first_token_seconds, 3),
        "seconds": round(answer.seconds, 3),
    }
