"""`tutor search`: the passages that a question finds, without an answer."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import options

if TYPE_CHECKING:
    from index_store.search import Hit

SHOWN = 300


@click.command()
@click.argument("question")
@options.course
@click.option("--top", type=click.IntRange(1, 100), default=5, show_default=True, metavar="K", help="Passages to show.")
@options.embedding
@options.reranker
@options.home
@options.as_json
def search(
    question: str, course: str, top: int, embedding: str | None, reranker: str | None, home: str | None, as_json: bool
) -> None:
    """Show the passages that QUESTION finds in a course, best first, with their pages and scores.

    Exit code 1 where nothing is found.
    """
    settings = options.settings_of(embedding=embedding, reranker=reranker, home=home)

    from tutor.answering.answer import checked_question

    question = checked_question(question)
    hits = options.open_search(settings, course).search(question, top)
    if as_json:
        import json

        click.echo(json.dumps([_row(hit) for hit in hits], ensure_ascii=False, indent=1))
    else:
        for place, hit in enumerate(hits, 1):
            passage = hit.passage
            text = " ".join(hit.excerpt.split())
            click.echo(f"[{place}] {hit.score:.2f} (similarity {hit.similarity:.2f})  {passage.book}, {passage.pages}")
            if passage.section:
                click.echo(f"    {passage.section_title}")
            click.echo(f"    {text[:SHOWN]}{'...' if len(text) > SHOWN else ''}")
    sys.exit(0 if hits else 1)


def _row(hit: Hit) -> dict[str, Any]:
    return {
        "score": round(hit.score, 4),
        "similarity": round(hit.similarity, 4),
        "excerpt": hit.excerpt,
    } | hit.passage.as_dict()
