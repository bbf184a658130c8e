"""`tutor report`, and what else is shown of graded questions: those that a person should look at, two models side by side."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from tutor.cli import options

BELOW = 0.5


def review_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """--review and --review-below."""
    for option in (
        click.option(
            "--review-below",
            type=click.FloatRange(0, 1),
            default=BELOW,
            show_default=True,
            metavar="CONFIDENCE",
            help="Under which a question is for a person; unparsed ones always are.",
        ),
        click.option(
            "--review",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.csv",
            help="Write the questions that a person should look at, the least sure first.",
        ),
    ):
        command = option(command)
    return command


@click.command()
@click.argument("results", type=click.Path(path_type=Path), metavar="RESULTS.jsonl")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.html",
    help="The report.  [default: RESULTS.html]",
)
@review_options
@options.force_file
@options.home
def report(results: Path, out: Path | None, review: Path | None, review_below: float, force: bool, home: str | None) -> None:
    """Show graded questions as one HTML file: score, calibration, and the questions to look at.

    RESULTS.jsonl is what `tutor grade` wrote. The file opens and prints anywhere, and fetches nothing.
    """
    settings = options.settings_of(home=home)

    from tutor.mcqa.report_file import check_name, check_review, write_report, write_review

    page = out or results.with_suffix(".html")
    check_name(page, ".html", "a report")
    options.check_new(page, force)
    if review:
        check_review(review, results)
    write_report(page, results, settings.home)
    options.say(f"wrote {page}")
    if review:
        count = write_review(review, results, review_below)
        options.say(f"wrote {review}: {options.counted(count, 'question')} for a person")


def show_comparison(a: Path, b: Path, page: Path | None, home: str | None, as_json: bool) -> None:
    """Print the comparison of two results files, and with `page` write A's report with it."""
    settings = options.settings_of(home=home)

    from tutor.mcqa.compare import as_text, compare
    from tutor.mcqa.report_file import check_name, read_some, write_report

    if page:
        check_name(page, ".html", "a report")
    found = compare(read_some(a), read_some(b))
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=1))
    else:
        click.echo(as_text(found))
    if page:
        write_report(page, a, settings.home, found)
        options.say(f"wrote {page}")
