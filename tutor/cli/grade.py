"""`tutor grade`: a sheet of multiple-choice questions, answered by chain of thought."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import options
from tutor.cli.report import review_options, show_comparison

if TYPE_CHECKING:
    from tutor.mcqa.confidence import Calibration
    from tutor.mcqa.run import Run
    from tutor.mcqa.sheet import Question, Sheet
    from tutor.settings import Settings

MOST_FAULTS = 20  # told; the rest are counted


def grading(command: Callable[..., Any]) -> Callable[..., Any]:
    """What `tutor grade` and `tutor evaluate mcqa` both take."""
    for option in (
        review_options,
        click.option(
            "--report",
            "page",
            type=click.Path(path_type=Path, dir_okay=False),
            metavar="FILE.html",
            help="Write a report: one HTML file that opens and prints anywhere.",
        ),
        click.option("--force", is_flag=True, help="Begin anew over results that are there."),
        click.option("--skip-bad-rows", is_flag=True, help="Grade the rows that are right, and exit with 3."),
        click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N questions."),
        click.option(
            "--letter-logprobs/--no-letter-logprobs",
            default=True,
            help="Ask behind each chain of thought how likely each letter is; the confidence rests on it.  [default: on]",
        ),
        click.option(
            "--fallback/--no-fallback",
            default=True,
            help="Where no text commits to an option, make the model choose, and mark it.  [default: on]",
        ),
        click.option("--no-passages", is_flag=True, help="Give the model nothing of the course."),
        click.option(
            "--temperature",
            type=click.FloatRange(0.05, 2),
            default=0.7,
            show_default=True,
            help="Of the samples but the first.",
        ),
        click.option("--seed", type=int, default=0, show_default=True, help="Of the samples and the order of their options."),
        click.option(
            "--samples",
            type=click.IntRange(1, 32),
            default=1,
            show_default=True,
            metavar="K",
            help="Chains of thought a question; what most of them say counts.",
        ),
    ):
        command = option(command)
    return options.reasoner(options.embedding(options.reranker(options.home(options.as_json(command)))))


@click.command()
@click.argument("sheet", required=False, type=click.Path(path_type=Path), metavar="SHEET")
@click.option("--course", metavar="NAME", help="Give the model what this course's books say on each question.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.jsonl",
    help="Results, a question a line; a .csv is written beside. A run that was ended goes on with the same command.",
)
@click.option(
    "--compare",
    nargs=2,
    type=click.Path(path_type=Path),
    metavar="A.jsonl B.jsonl",
    help="Grade nothing: two results on the same questions side by side, with a paired test.",
)
@grading
def grade(
    sheet: Path | None, course: str | None, out: Path | None, compare: tuple[Path, Path] | None, as_json: bool, **flags: Any
) -> None:
    """Answer the multiple-choice questions in SHEET (.csv, .jsonl, .xlsx) by chain of thought.

    Columns: question; A, B, C, ... or options; and, where there are any, answer (the key), id and subject. Exit code 3 where
    rows were left out.
    """
    if compare:
        if sheet or out or course or flags["review"]:
            raise click.UsageError("--compare takes two results files, and no SHEET, --out, --course or --review.")
        show_comparison(*compare, flags["page"], flags["home"], as_json)
        return
    if sheet is None:
        raise click.UsageError("Missing argument 'SHEET'.")
    if out is None:
        raise click.UsageError("Missing option '--out'.")
    grade_sheet(sheet, course, out, as_json, **flags)


def grade_sheet(
    sheet: Path,
    course: str | None,
    out: Path,
    as_json: bool,
    *,
    subjects: bool = False,
    skip_bad_rows: bool,
    limit: int | None,
    force: bool,
    no_passages: bool,
    page: Path | None,
    review: Path | None,
    review_below: float,
    **flags: Any,
) -> None:
    """Read the sheet, grade it, tell how it went (by subject too with `subjects`), and exit with 3 where rows were left out."""
    chosen = {name: flags.pop(name) for name in ("samples", "seed", "temperature", "fallback", "letter_logprobs")}
    settings = options.settings_of(**flags)

    from index_store.course import Library
    from tutor.mcqa.confidence import load_calibration
    from tutor.mcqa.report_file import check_name, check_review, write_report, write_review
    from tutor.mcqa.run import grade_into, open_course, plan_of, results_path, run_settings
    from tutor.mcqa.sheet import read_sheet

    file = results_path(out, sheet)
    if page:
        check_name(page, ".html", "a report")
    if review:
        check_review(review, file)
    if course and not no_passages:
        Library(settings.home).existing(course)  # an unknown course and a bad sheet are told before models load
    read = read_sheet(sheet)
    questions = _questions(read, sheet, skip_bad_rows)[:limit]
    plan = plan_of(settings, **chosen)
    model = _load(settings)
    opened = open_course(settings, course, options.say) if course and not no_passages else None
    made = run_settings(sheet, questions, model, plan, course if opened else None, opened)
    calibration = load_calibration(settings.home, made)
    made = replace(made, calibration=calibration.fitted if calibration else "")

    from tutor.cli.progress import Questions

    with Questions() as bar, _interruptible() as check:

        def progress(before: int, done: int, total: int) -> None:
            bar.update(before, done, total)
            check()

        try:
            run = grade_into(file, questions, model, plan, made, opened, force, bar.say, progress, calibration)
        except KeyboardInterrupt:
            kept = file.read_bytes().count(b"\n") if file.exists() else 0
            bar.say(f"interrupted after {kept} of {options.counted(len(questions), 'question')}; they are kept in {file}.")
            bar.say("Run the same command again to go on.")
            sys.exit(130)
    if subjects and not as_json:
        _tell_subjects(run)
    _tell(run, file, as_json, read.bad_rows)
    if not as_json:
        click.echo(_of_confidence(calibration, plan.samples))
    if page and run.results:
        write_report(page, file, settings.home)
        options.say(f"wrote {page}")
    if review and run.results:
        options.say(f"wrote {review}: {options.counted(write_review(review, file, review_below), 'question')} for a person")
    if read.bad_rows:
        sys.exit(3)


@contextmanager
def _interruptible() -> Iterator[Callable[[], None]]:
    """Ctrl-C as always; and what is yielded raises it again where an engine's own code, in which it came, has swallowed it."""
    asked = threading.Event()

    def interrupt(number: int, frame: object) -> None:
        asked.set()
        raise KeyboardInterrupt

    def check() -> None:
        if asked.is_set():
            raise KeyboardInterrupt

    before = signal.signal(signal.SIGINT, interrupt) if threading.current_thread() is threading.main_thread() else None
    try:
        yield check
    finally:
        if before is not None:
            signal.signal(signal.SIGINT, before)


def _of_confidence(calibration: Calibration | None, samples: int) -> str:
    """What the confidences are, in a line."""
    if calibration:
        sheets = options.one_line(", ".join(calibration.sheets))
        return f"confidence: fitted on {calibration.questions} questions of {sheets}"
    what = f"the share of the {samples} chains that agree" if samples > 1 else "the letter's probability"
    return f"confidence: {what}, not calibrated (fit it on results with a key: tutor evaluate confidence)"


def _load(settings: Settings) -> Any:
    from tutor.answering.models import load_model

    return load_model(settings.model_copy(update={"style": "auto"}), options.say)


def _questions(read: Sheet, sheet: Path, skip: bool) -> Sequence[Question]:
    """The questions to grade; what is wrong with the others is told, and raises GradingError without `skip`."""
    from index_store.errors import GradingError

    for note in read.notes:
        options.say(f"note: {note}")
    for fault in read.faults[:MOST_FAULTS]:
        options.say(options.one_line(str(fault)))
    if len(read.faults) > MOST_FAULTS:
        options.say(f"and {len(read.faults) - MOST_FAULTS:,} more")
    if read.faults and not (skip and read.questions):
        bad, good = options.counted(read.bad_rows, "bad row"), options.counted(len(read.questions), "good one")
        remedy = f"Mend them, or grade the {good} with --skip-bad-rows." if read.questions else "Mend them."
        raise GradingError(f"{sheet}: {bad}; nothing was graded. {remedy}")
    return read.questions


def _tell_subjects(run: Run) -> None:
    from tutor.mcqa.score import by_subject

    click.echo(f"{'right':>6} {'wrong':>6} {'unparsed':>8} {'score':>6}  95 % interval    subject")
    for subject, part in by_subject(run.results).items():
        low, high = part.interval
        shown = f"{part.share:>6.1%}  {low:.1%} to {high:.1%}" if part.keyed else f"{'':>6}"
        click.echo(f"{part.right:>6} {part.wrong:>6} {part.unparsed:>8} {shown:<24}  {options.one_line(subject) or '-'}")


def _tell(run: Run, file: Path, as_json: bool, bad_rows: int) -> None:
    from tutor.mcqa.results_file import table_file
    from tutor.mcqa.score import by_subject, score

    figures = score(run.results)
    if as_json:
        import json
        from dataclasses import asdict

        low, high = figures.interval
        told = {
            "file": str(file),
            "table": str(table_file(file)),
            "questions": len(run.results),
            "graded_now": run.graded,
            "right": figures.right,
            "wrong": figures.wrong,
            "unparsed": figures.unparsed,
            "no_key": figures.no_key,
            "fallback": figures.fallback,
            "keyed": figures.keyed,
            "score": round(figures.share, 4) if figures.keyed else None,
            "interval": [round(low, 4), round(high, 4)] if figures.keyed else None,
            "subjects": {name: asdict(part) for name, part in by_subject(run.results).items() if name},
            "bad_rows": bad_rows,
            "seconds": round(run.seconds, 1),
        }
        click.echo(json.dumps(told, ensure_ascii=False, indent=1))
        return
    if figures.keyed:
        low, high = figures.interval
        click.echo(
            f"score {figures.right} of {figures.keyed} = {figures.share:.1%} (95 % interval {low:.1%} to {high:.1%}): "
            f"{figures.right} right, {figures.wrong} wrong, {figures.unparsed} unparsed"
        )
    else:
        click.echo(f"{options.counted(len(run.results), 'question')} without a key, {figures.unparsed} unparsed")
    if figures.fallback:
        click.echo(f"{options.counted(figures.fallback, 'letter')} by constrained completion, where the text committed to none")
    if bad_rows:
        click.echo(f"{options.counted(bad_rows, 'bad row')} left out")
    if run.graded:
        click.echo(
            f"{options.counted(run.graded, 'question')} graded in {run.seconds:,.0f} seconds, "
            f"{60 * run.graded / run.seconds:,.0f} a minute"
        )
    else:
        click.echo("nothing was left to grade")
    click.echo(f"{file}, {table_file(file)}")
