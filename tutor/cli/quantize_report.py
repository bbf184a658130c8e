"""`tutor quantize-report`: what each number format costs one model."""

from __future__ import annotations

from pathlib import Path

import click

from tutor.cli import options
from tutor.cli.training_errors import training_errors


@click.command(name="quantize-report")
@click.argument("model", metavar="MODEL")
@click.option("--text", required=True, type=click.Path(path_type=Path), metavar="T.jsonl", help="Text that it has not seen.")
@click.option("--pairs", type=click.Path(path_type=Path), metavar="P.jsonl", help="Preference pairs.")
@click.option("--kinds", metavar="A,B,...", help="Of int8, nf4, nf4-double, fp4, gguf-f16, gguf-q8_0, gguf-q4_0; all without.")
@click.option("--window", type=click.IntRange(2), default=1024, show_default=True, metavar="N", help="Tokens read at a time.")
@click.option(
    "--out", required=True, type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Of table and picture."
)
@options.as_json
def quantize_report(
    model: str, text: Path, pairs: Path | None, kinds: str | None, window: int, out: Path, as_json: bool
) -> None:
    """Size, memory, likelihood, divergence and speed of MODEL in full precision, int8, NF4, FP4 and GGUF types.

    MODEL is smollm2-135m, a folder (a merged run), a .gguf file or owner/name@COMMIT. T.jsonl is as for `tutor evaluate
    perplexity`. What this machine cannot do is a row that says why.
    """
    with training_errors():
        from training import quantized_report, quantized_table, quantizing, scored_model
        from training.errors import RunError

        chosen = tuple(kind.strip() for kind in kinds.split(",")) if kinds else quantizing.KINDS
        unknown = [kind for kind in chosen if kind not in quantizing.KINDS]
        if unknown:
            raise RunError(f"--kinds {', '.join(unknown)}: not a format. Choose among {', '.join(quantizing.KINDS)}.")
        if (out / "quantization.json").exists():
            raise RunError(f"{out}: holds a report already. Choose another --out.")
        named = scored_model.named(model)
        rows = []
        for row in quantized_report.measure(named, text, pairs, window, kinds=chosen, notify=options.say):
            rows.append(row)
            about = f"{text.name}" + (f" and {pairs.name}" if pairs else "")
            files = quantized_table.write(rows, model, named.precision.device, about, out)
    if as_json:
        click.echo(files[1].read_text("utf-8"))
        return
    click.echo(files[0].read_text("utf-8"))
    options.say(", ".join(map(str, files)))
