"""`tutor merge`: a run's adapter and its base become one model."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import click

from index_store.errors import TrainError
from tutor.cli.train import LIBRARIES
from tutor.offline import close_network


@click.command()
@click.argument("run", type=click.Path(path_type=Path), metavar="RUN")
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the merged model (RUN-merged).")
@click.option(
    "--text",
    type=click.Path(path_type=Path),
    metavar="FILE.jsonl",
    help="Held-out rows to measure on, in place of the run's own.",
)
@click.option(
    "--max-kl", type=click.FloatRange(min=0), help="Most divergence from the adapter, nats a token, to publish (0.01)."
)
@click.option(
    "--dtype",
    type=click.Choice(["auto", "bf16", "fp16", "fp32"]),
    default="auto",
    help="Number format to save in (bf16 if it was trained in, else fp16, which is nearer).",
)
def merge(run: Path, out: Path | None, text: Path | None, max_kl: float | None, dtype: str) -> None:
    """Merge the adapter of RUN, a folder of `tutor train`, into its base.

    It is merged into the 4-bit base dequantized and into the 16-bit base; both are saved, read again and measured against the
    adapter on held-out text, and the nearer one is kept. The folder is ready for chat, grade and
    ask (--model), vLLM and llama.cpp.
    """
    missing = [name for name in LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise TrainError(f"merging needs {', '.join(missing)}, not installed. Run: pip install -e '.[train]'")
    close_network(hub=True)
    os.environ.setdefault("TQDM_DISABLE", "1")  # read when tqdm is imported
    from training import merge as merging
    from training.errors import TrainingError

    out = out or run.resolve().with_name(f"{run.resolve().name}-merged")
    try:
        done = merging.merge(run, out, text, merging.MAX_KL if max_kl is None else max_kl, dtype, lambda line: click.echo(line))
    except TrainingError as error:
        raise TrainError(str(error)) from error
    click.echo(f"{done.folder}: merged into {done.kept}, {done.dtype}. Try it: tutor chat --model {done.folder}")
