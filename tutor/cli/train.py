"""`tutor train`: one stage of training, from a recipe."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from index_store.errors import CourseTutorError
from tutor.cli import options
from tutor.cli.training_errors import training_errors

if TYPE_CHECKING:
    from collections.abc import Mapping

PATIENCE = 30  # seconds that another process leaves to the main one to say what is wrong


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run (runs/ and the recipe's name).")
@click.option("--plan", "plan_only", is_flag=True, help="Check everything and predict the memory; load no weights.")
@click.option("--memory-gb", type=click.FloatRange(min=0), help="With --plan: for a GPU of so many GB, not this machine.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --out.")
@options.home
def train(
    recipe: Path,
    settings: tuple[str, ...],
    out: Path | None,
    plan_only: bool,
    memory_gb: float | None,
    resume: bool,
    home: str | None,
) -> None:
    """Train one stage as RECIPE says (see recipes/), each KEY=VALUE in place of what stands there.

    The examples are checked first, then the memory; nothing loads before both are in order. Ctrl-C saves after the step, and
    --resume goes on to the same weights as if nothing had happened. On several GPUs: accelerate launch --config_file
    recipes/accelerate/ddp.yaml -m tutor train RECIPE ...
    """
    if memory_gb is not None and not plan_only:
        raise click.UsageError("--memory-gb plans for another machine. Give --plan too, or leave it out.")
    with training_errors("training"):
        _train(recipe, settings, out or Path("runs", recipe.stem), plan_only, memory_gb, resume, home)


def _train(
    recipe: Path,
    settings: tuple[str, ...],
    out: Path,
    plan_only: bool,
    memory_gb: float | None,
    resume: bool,
    home: str | None,
) -> None:
    from training import distributed, stage
    from training import recipe as recipes
    from training.errors import TrainingError

    main = distributed.launch().main

    def say(line: str) -> None:
        if main:
            click.echo(line)

    try:
        wanted = recipes.load(recipe, settings)
        course = course_text(wanted.data.course, out, resume, home) if wanted.data.course else None
        checked = stage.check(wanted, memory_gb * 1e9 if memory_gb is not None else None, course)
        for line in checked.told():
            say(line)
        say(f"\nThe first example as the model reads it (what is learned between \u27e6 and \u27e7):\n{checked.shown}\n")
        say("Predicted memory:\n" + "\n".join(checked.plan.lines()))
        checked.plan.require()
        if plan_only:
            return
        outcome = stage.run(checked, out, resume, say)
    except (TrainingError, CourseTutorError):
        if not main:  # mostly the same in every process: the main one says it, and the launcher ends this one
            time.sleep(PATIENCE)
        raise
    if not outcome.finished:
        say(f"Interrupted after step {outcome.steps}. Go on with the same command and --resume.")
        sys.exit(130)
    made = "model" if wanted.full else "virtual tokens" if wanted.prompt else "adapter"
    say(f"{outcome.folder}: {outcome.steps} steps, {outcome.tokens:,} tokens; {made}, curves and model card are there.")


def course_text(name: str, out: Path, resume: bool, home: str | None) -> list[Mapping[str, Any]]:
    """The books of the course `name`, by section; of a run that is resumed, as they were when it began."""
    import json

    from index_store.course import Library
    from index_store.generation import read_passages
    from training.corpus import COURSE
    from tutor.course_text import sections
    from tutor.settings import load_settings

    kept = out / COURSE
    if resume and kept.is_file():
        return [json.loads(line) for line in kept.read_text("utf-8").split("\n") if line]
    settings = load_settings(home=home)
    return [*sections(read_passages(Library(settings.home).existing(name).live), settings.solutions)]
