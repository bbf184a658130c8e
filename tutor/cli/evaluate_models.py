"""`tutor evaluate preferences`, `perplexity` and `stages`: models measured on files of examples."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tutor.cli import options
from tutor.cli.training_errors import training_errors

if TYPE_CHECKING:
    from training.items import Items
    from training.scored_model import ScoredModel
    from training.scoring import Score

MODEL = "smollm2-135m, a folder, a .gguf file or owner/name@COMMIT, each with @nf4 for 4 bits; or a run's folder."
longest = click.option(
    "--max-length",
    type=click.IntRange(16),
    default=2048,
    show_default=True,
    metavar="N",
    help="Most tokens of a prompt with its answer; longer rows are left out, and told.",
)


@click.command()
@click.argument("pairs", type=click.Path(path_type=Path), metavar="PAIRS.jsonl")
@click.option("--model", required=True, metavar="MODEL", help=MODEL)
@click.option("--reference", metavar="MODEL", help="A DPO run's parent, or a run's base, unless another is named.")
@click.option("--beta", type=click.FloatRange(min=0, min_open=True), help="Of the reward margin; the run's, else 0.1.")
@longest
@options.as_json
def preferences(pairs: Path, model: str, reference: str | None, beta: float | None, max_length: int, as_json: bool) -> None:
    """Does a model prefer the chosen answers of PAIRS.jsonl (prompt, chosen, rejected)?

    accuracy: pi(chosen)/ref(chosen) > pi(rejected)/ref(rejected). Policy alignment: pi(chosen) > pi(rejected). Reference
    alignment: the same of the reference. pi and ref are an answer's probabilities given its prompt, computed as in training.
    """
    with training_errors():
        from training import preferences as metrics
        from training import scored_model

        policy = scored_model.named(model)
        named = reference or scored_model.reference_of(policy)
        against = scored_model.named(named) if named else None
        scored_model.quiet([policy, *([against] if against else [])])
        found, scores = _scored_pairs(policy, pairs, max_length)
        theirs = None
        if against:
            other, theirs = _scored_pairs(against, pairs, max_length)
            if other.keys != found.keys:
                from training.errors import DataError

                raise DataError(f"{against.name}: its tokens leave out other rows than {policy.name}'s. Raise --max-length.")
        trained = (policy.trained or {}).get("recipe", {}).get("trainer", {})
        made = metrics.measure(scores, theirs, beta or float(trained.get("beta", 0.1)))
        shown = {"model": model, "reference": named, "file": str(pairs), "too_long": found.too_long, **made.as_dict()}
        _tell(shown, [*_about(found), f"model      {model}, {policy.held}", _reference(against), *metrics.lines(made)], as_json)


@click.command()
@click.argument("text", type=click.Path(path_type=Path), metavar="TEXT")
@click.option("--model", required=True, metavar="MODEL", help=MODEL)
@click.option("--window", type=click.IntRange(2), default=1024, show_default=True, metavar="N", help="Tokens read at a time.")
@click.option("--stride", type=click.IntRange(1), metavar="N", help="Tokens from one window to the next; half a window.")
@options.as_json
def perplexity(text: Path, model: str, window: int, stride: int | None, as_json: bool) -> None:
    """How well does a model foretell TEXT: negative log-likelihood per token, and perplexity?

    TEXT is .txt, or JSON lines with "text": all of it is scored, in windows that overlap. Of lines with a prompt and a
    completion the completions are.
    """
    with training_errors():
        from training import items, likelihood, scored_model, scoring

        named = scored_model.named(model)
        scored_model.quiet([named])
        tokenizer = scored_model.tokenizer_for(named, window)
        read = items.text(text, tokenizer, window, stride)
        _caution(named, read)
        options.say(f"loading {model} ({named.held})")
        base = scored_model.load(named, tokenizer)
        made = likelihood.measure(read, scoring.score(base, read.flat))
        shown = {"model": model, "file": str(text), "window": window, "stride": read.stride, **made.as_dict()}
        _tell(shown, [*_about(read), f"model {model}, {named.held}", *likelihood.lines(read, made)], as_json)


@click.command()
@click.argument("stages", nargs=-1, required=True, metavar="NAME=MODEL...")
@click.option("--pairs", type=click.Path(path_type=Path), metavar="P.jsonl", help="Pairs: prompt, chosen, rejected.")
@click.option("--examples", type=click.Path(path_type=Path), metavar="E.jsonl", help="Prompts with completions.")
@click.option("--general", type=click.Path(path_type=Path), metavar="TEXT", help="General text, for what is forgotten.")
@click.option("--mcqa", type=click.Path(path_type=Path), metavar="SHEET", help="Multiple-choice questions with a key.")
@click.option("--limit", type=click.IntRange(1), metavar="N", help="Only the first N questions of SHEET.")
@click.option("--mcqa-tokens", type=click.IntRange(1), default=300, show_default=True, help="Most of a chain of thought.")
@click.option("--answers", type=click.IntRange(0), default=0, metavar="N", help="Greedy answers to N examples, side by side.")
@click.option("--answer-tokens", type=click.IntRange(1), default=200, show_default=True, metavar="N", help="Most of an answer.")
@click.option("--seed", type=int, default=0, show_default=True, help="Draws the examples that are answered.")
@click.option("--window", type=click.IntRange(2), default=1024, show_default=True, metavar="N", help="Of general text.")
@click.option(
    "--out",
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    metavar="FOLDER",
    help="Of table, picture and what is kept of each stage.",
)
@longest
@options.as_json
def stages(
    stages: tuple[str, ...],
    mcqa: Path | None,
    limit: int | None,
    mcqa_tokens: int,
    out: Path,
    max_length: int,
    as_json: bool,
    **plan: Any,
) -> None:
    """The stages of a training side by side: base=MODEL sft=RUN dpo=RUN merged=FOLDER exported=FILE.gguf.

    All are measured on the same items, each is compared with the one before and with the first by paired tests. A stage that is
    measured is kept in FOLDER: a run that was ended goes on with the same command.
    """
    with training_errors():
        from training import stage_report, stage_table

        made = stage_table.stages(stages)
        judges = {}
        if mcqa:
            from tutor.mcqa.stages import judge

            judges = {f"multiple choice, {mcqa.name}": judge(mcqa, out / "mcqa", limit, mcqa_tokens, options.say)}
        planned = stage_table.Plan(longest=max_length, **plan)
        try:
            kept = stage_table.measure(planned, made, out, options.say, judges)
        except KeyboardInterrupt:
            options.say(f"interrupted; the stages that are done are kept in {out}. Run the same command again to go on.")
            sys.exit(130)
        found = stage_report.report(kept)
        files = stage_report.write(found, out)
    if as_json:
        import json

        click.echo(json.dumps(found.as_dict(), ensure_ascii=False, indent=1))
        return
    for measure in found.measures:
        click.echo(f"{measure.title} ({options.counted(measure.items, 'item')})")
        for line in measure.lines:
            form = "z.1%" if measure.unit == stage_report.SHARE else "z.4f"
            estimate = line.estimate
            against = f"  p {line.before.p:.3f} against the stage before" if line.before else ""
            against += f"  (reference {line.reference})" if line.reference else ""
            click.echo(f"  {line.stage:<12} {estimate.value:{form}}  [{estimate.low:{form}}, {estimate.high:{form}}]{against}")
    click.echo(", ".join(map(str, files)))


def _scored_pairs(model: ScoredModel, file: Path, max_length: int) -> tuple[Items, list[Any]]:
    """The pairs with the model's scores; the model is freed."""
    from training import data, items, scored_model, scoring
    from training.preferences import pairs_of

    data.read(file, "dpo")  # what is wrong with it is told before a vocabulary is read, which can take seconds
    tokenizer = scored_model.tokenizer_for(model, max_length)
    read = items.rows(file, "dpo", tokenizer, max_length)
    _caution(model, read)
    options.say(f"loading {model.name} ({model.held})")
    base = scored_model.load(model, tokenizer)
    scores: list[Score] = scoring.score(base, read.flat)
    del base
    scored_model.free()
    return read, pairs_of(scores)


def _caution(model: ScoredModel, read: Items) -> None:
    from training import scored_model

    if scored_model.learned(model, read.sha256):
        options.say(scored_model.memory_too(model.name, read.file))


def _about(read: Items) -> list[str]:
    left_out = read.left_out()
    return [f"{read.file}: {left_out}"] if left_out else []


def _reference(model: ScoredModel | None) -> str:
    if model is None:
        return "reference  none: name one with --reference for accuracy"
    return f"reference  {model.name}, {model.held}"


def _tell(shown: dict[str, Any], lines: list[str], as_json: bool) -> None:
    if as_json:
        import json

        click.echo(json.dumps(shown, ensure_ascii=False, indent=1))
        return
    for line in lines:
        click.echo(line)
