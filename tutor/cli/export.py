"""`tutor export`: a trained model in the formats of llama.cpp, the CPU engine and MLX."""

from __future__ import annotations

import shlex
from pathlib import Path

import click

from tutor.cli.training_errors import training_errors


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), metavar="RUN_OR_MERGED")
@click.option(
    "--to", type=click.Choice(["gguf", "mlx", "adapter"]), required=True, help="Format; adapter: LoRA alone, as GGUF."
)
@click.option("--type", "kind", type=click.Choice(["f16", "q8_0", "q4_0"]), help="How GGUF holds the weights (f16).")
@click.option("--out", type=click.Path(path_type=Path), help="What to write (beside RUN_OR_MERGED, with its name).")
@click.option(
    "--text",
    type=click.Path(path_type=Path),
    metavar="FILE.jsonl",
    help="Held-out rows to measure on, in place of the merge's.",
)
def export(folder: Path, to: str, kind: str | None, out: Path | None, text: Path | None) -> None:
    """Write the model of RUN_OR_MERGED, a folder of `tutor train` or `tutor merge`, as one GGUF file or in MLX's format.

    A run is merged first. What was written is read again and compared with the merged model on held-out text.
    """
    with training_errors("exporting"):
        from training import export as exporting

        done = exporting.export(folder, to, kind, out, text, lambda line: click.echo(line))
    if done.agreement:
        click.echo(f"{done.file}: beside the merged model {done.agreement.told()}.")
        if done.cautions:
            click.echo(
                f"Serve it with llama-server (--model http://127.0.0.1:8080/v1): the CPU engine answers from it too, but "
                f"{', and '.join(done.cautions)}."
            )
    else:
        click.echo(f"{done.file}: load it over a GGUF of its base, with llama-server --lora {shlex.quote(str(done.file))}")
