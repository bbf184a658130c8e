"""`tutor train`: one stage of training, from a recipe."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

import click

from index_store.errors import TrainError
from tutor.offline import close_network

LIBRARIES = ("trl", "peft", "bitsandbytes", "datasets", "accelerate", "matplotlib")


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path), metavar="RECIPE")
@click.argument("settings", nargs=-1, metavar="[KEY=VALUE]...")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the run (runs/ and the recipe's name).")
@click.option("--plan", "plan_only", is_flag=True, help="Check everything and predict the memory; load no weights.")
@click.option("--memory-gb", type=click.FloatRange(min=0), help="Plan for a device of so many GB instead of this one.")
@click.option("--resume", is_flag=True, help="Go on from the last checkpoint in --out.")
def train(
    recipe: Path, settings: tuple[str, ...], out: Path | None, plan_only: bool, memory_gb: float | None, resume: bool
) -> None:
    """Train one stage as RECIPE says (see recipes/), each KEY=VALUE in place of what stands there.

    The examples are checked first, then the memory; nothing loads before both are in order. Ctrl-C saves after the step, and
    --resume goes on to the same weights as if nothing had happened.
    """
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainError(f"training needs {', '.join(missing)}, not installed. Run: pip install -e '.[train]'")
    close_network(hub=True)
    os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported
    os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")  # read when CUDA starts
    from training import recipe as recipes
    from training import stage
    from training.errors import TrainingError
    from training.rendering import lines

    out = out or Path("runs", recipe.stem)
    try:
        checked = stage.check(recipes.load(recipe, settings), memory_gb * 1e9 if memory_gb is not None else None)
        for line in lines([(checked.examples[name], made) for name, made in checked.rendered.items()]):
            click.echo(line)
        click.echo(f"\nThe first example as the model reads it (what is learned between \u27e6 and \u27e7):\n{checked.shown}\n")
        click.echo("Predicted memory:\n" + "\n".join(checked.plan.lines()))
        checked.plan.require()
        if plan_only:
            return
        outcome = stage.run(checked, out, resume, lambda message: click.echo(message))
    except TrainingError as error:
        raise TrainError(str(error)) from error
    if not outcome.finished:
        click.echo(f"Interrupted after step {outcome.steps}. Go on with the same command and --resume.")
        sys.exit(130)
    click.echo(f"{outcome.folder}: {outcome.steps} steps, {outcome.tokens:,} tokens; adapter, curves and model card are there.")
