"""`tutor merge`: a run's adapter and its base become one model."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from tutor.cli.training_errors import training_errors


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
    out = out or run.resolve().with_name(f"{run.resolve().name}-merged")
    with training_errors("merging"):
        from training import merge as merging

        done = merging.merge(run, out, text, merging.MAX_KL if max_kl is None else max_kl, dtype, lambda line: click.echo(line))
    click.echo(
        f"{done.folder}: merged into {done.kept}, {done.dtype}. Try it: tutor chat --model {shlex.quote(str(done.folder))}"
    )
