"""`tutor evaluate`: how well a course does on labelled questions, and a model on examples."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import evaluate_models, options
from tutor.cli.grade import grade_sheet, grading

if TYPE_CHECKING:
    from tutor.mcqa.confidence import Calibration

TOP = 10


class Measures(click.Group):
    """Says what was left out where a file stands in a measure's place."""

    def resolve_command(self, ctx: click.Context, args: list[str]) -> tuple[str | None, click.Command | None, list[str]]:
        if args[0] not in self.commands:
            raise click.UsageError(
                f"{args[0]!r} is nothing that can be measured. Write: tutor evaluate retrieval FILE --course NAME", ctx
            )
        return super().resolve_command(ctx, args)


@click.group(cls=Measures)
def evaluate() -> None:
    """Measure a course on labelled questions, or a model on examples."""


for measure in (evaluate_models.preferences, evaluate_models.perplexity, evaluate_models.stages):
    evaluate.add_command(measure)


@evaluate.command()
@click.argument("questions", type=click.Path(path_type=Path), metavar="QUESTIONS.jsonl")
@options.course
@options.embedding
@options.reranker
@options.home
@options.as_json
def retrieval(
    questions: Path, course: str, embedding: str | None, reranker: str | None, home: str | None, as_json: bool
) -> None:
    """Is the page that answers found? hit@1, hit@3, hit@5 and MRR over the first 10 passages.

    QUESTIONS.jsonl has a JSON object a line: question, gold_pages [{file, page}] and, where the course does not answer it,
    answerable false; those are left out.
    """
    settings = options.settings_of(embedding=embedding, reranker=reranker, home=home)

    from dataclasses import asdict

    from index_store.errors import CourseError
    from index_store.questions import found_at, read_questions, score

    if not questions.is_file():
        raise CourseError(f"{questions}: no such file. Give a JSONL file of questions with gold_pages.")
    asked = [question for question in read_questions(questions) if question.answerable]
    if not asked:
        raise CourseError(f"{questions}: no answerable question in it. Give questions with gold_pages.")
    search = options.open_search(settings, course)
    files = {book.file for book in search.manifest.books}
    foreign = sorted({file for question in asked for file, _ in question.pages} - files)
    if len(foreign) == len({file for question in asked for file, _ in question.pages}):
        raise CourseError(f"{questions}: its pages are of {', '.join(foreign)}, and course {course!r} has none of these.")
    places = [found_at(question, search.search(question.text, TOP)) for question in asked]
    figures = score(places)
    if as_json:
        import json

        rows: list[dict[str, Any]] = [
            {"question": question.text, "gold_pages": question.pages, "place": place}
            for question, place in zip(asked, places, strict=True)
        ]
        click.echo(json.dumps({**asdict(figures), "rows": rows}, ensure_ascii=False, indent=1))
        return
    if foreign:
        options.say(f"note: the course does not hold {', '.join(foreign)}; their questions count as not found")
    for question, place in zip(asked, places, strict=True):
        if not 0 < place <= 5:
            click.echo(f"{'place ' + str(place) if place else 'not found':<10} {question.text}  ({question.place})")
    click.echo(
        f"{figures.questions} questions: hit@1 {figures.hit_at_1:.2f}, hit@3 {figures.hit_at_3:.2f}, "
        f"hit@5 {figures.hit_at_5:.2f}, MRR {figures.mrr:.2f}"
    )


@evaluate.command()
@click.argument("questions", type=click.Path(path_type=Path), metavar="QUESTIONS")
@click.option("--course", metavar="NAME", help="Give the model what this course's books say on each question.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE.jsonl",
    help="Results; QUESTIONS.results.jsonl without.",
)
@grading
def mcqa(questions: Path, course: str | None, out: Path | None, as_json: bool, **flags: Any) -> None:
    """How many multiple-choice questions does the model answer rightly, by chain of thought? Overall and by category.

    QUESTIONS is in MMLU-Pro's layout (question_id, category, question, options, answer, answer_index), JSON Lines, or any
    sheet that `tutor grade` takes.
    """
    grade_sheet(questions, course, out or Path(f"{questions.stem}.results.jsonl"), as_json, subjects=True, **flags)


@evaluate.command()
@click.argument("results", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="RESULTS.jsonl...")
@click.option("--save", is_flag=True, help="Keep the fit: `tutor grade` uses it for this model and number of samples.")
@options.home
@options.as_json
def confidence(results: tuple[Path, ...], save: bool, home: str | None, as_json: bool) -> None:
    """Is a confidence of 0.8 right in 8 of 10? Before fitting, and after.

    RESULTS.jsonl is what `tutor grade` wrote of a sheet with a key, 30 questions at least; several files of one model, number
    of samples, with or without passages, are fitted together. Both errors are expected calibration errors; the fitted one is
    cross-validated.
    """
    settings = options.settings_of(home=home)

    from tutor.mcqa.confidence import fit, save_calibration
    from tutor.mcqa.report_file import read_some

    calibration = fit([read_some(file) for file in results])
    kept = save_calibration(settings.home, calibration) if save else None
    if as_json:
        import json
        from dataclasses import asdict

        click.echo(json.dumps({**asdict(calibration), "file": str(kept) if kept else None}, ensure_ascii=False, indent=1))
        return
    _tell_fit(calibration)
    click.echo(f"kept in {kept}" if kept else "not kept; to grade with it, add --save")


def _tell_fit(calibration: Calibration) -> None:
    passages = "with" if calibration.passages else "without"
    click.echo(f"{options.one_line(calibration.model)}, k = {calibration.samples}, {passages} passages")
    share = calibration.right / calibration.questions
    click.echo(f"{calibration.questions} questions with key and letter, {calibration.right} right ({share:.1%})")
    raw = "unknown" if calibration.ece_raw is None else f"{calibration.ece_raw:.3f}"
    what = "the share of samples that agree" if calibration.samples > 1 else "the letter's probability"
    click.echo(f"calibration error {raw} raw ({what}), {calibration.ece:.3f} fitted")
    if calibration.ece_raw is not None and calibration.ece >= calibration.ece_raw:
        click.echo("note: fitting gains nothing here; more questions with a key would tell")
    if all(abs(weight) < 0.1 for _, _, weight in calibration.features.values()):
        click.echo("note: nothing tells right from wrong answers here; each gets about the share of right ones")
    for name, (_, _, weight) in sorted(calibration.features.items(), key=lambda item: -abs(item[1][2])):
        click.echo(f"  {weight:+.2f}  {name}, for one standard deviation more")
