"""What quantization costs, as Markdown, JSON and a picture. Loads no model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from training import quantizing, run_folder
from training.quantized_report import Row
from training.statistic import Estimate

NOTE = (
    "Weights: bytes as a file of the format holds them. Peak: what a process of its own (on CUDA: the device) held at"
    " most while scoring, over what it held before the model was loaded. NLL and KL (full precision to this format) "
    "in nats per token; top-1: tokens at which both have the same likeliest next token. Intervals: 95 %, by bootstrap"
    " over windows or rows. Speeds: torch on {device}; generation is one greedy text at a time. A GGUF type has the "
    "values that its file holds (of Q4_0, embedding and head in Q8_0), computed by torch in full precision: it has no"
    " peak and no speed of its own here."
)


def write(rows: Sequence[Row], model: str, device: str, text: str, folder: Path) -> list[Path]:
    """`quantization.md`, `quantization.json` and `quantization.png` in `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "quantization.md").write_text(as_markdown(rows, model, device, text), "utf-8")
    made = {"model": model, "device": device, "text": text, "rows": [asdict(row) for row in rows]}
    run_folder.write_json(folder / "quantization.json", made)
    draw(rows, folder / "quantization.png")
    return [folder / f"quantization.{kind}" for kind in ("md", "json", "png")]


def as_markdown(rows: Sequence[Row], model: str, device: str, text: str) -> str:
    return "\n".join([f"# Quantization of {model}", "", text, "", NOTE.format(device=device), "", *table(rows)]) + "\n"


def table(rows: Sequence[Row]) -> list[str]:
    """Lines of Markdown."""
    with_pairs = any(row.policy_alignment for row in rows)
    head = ["held as", "weights MB", "peak MB", "NLL", "KL", "top-1"]
    head += [*(["policy alignment"] if with_pairs else []), "scored tokens/s", "generated tokens/s"]
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    for row in rows:
        if row.fault:
            lines.append(f"| {row.name} | not measured: {row.fault.replace('|', '/')} |{' |' * (len(head) - 2)}")
            continue
        cells = [row.name, _megabytes(row.weights), _megabytes(row.peak), _interval(row.nll, ".4f"), _interval(row.kl, ".3g")]
        cells += [_interval(row.top1, ".1%"), *([_interval(row.policy_alignment, ".1%")] if with_pairs else [])]
        cells += ["" if speed is None else f"{speed:,.1f}" for speed in (row.scoring_speed, row.generating_speed)]
        lines.append(f"| {' | '.join(cells)} |")
    return lines


def _megabytes(count: int | None) -> str:
    return "" if count is None else f"{count / 1e6:,.1f}"


def _interval(found: Estimate | None, form: str) -> str:
    return "" if found is None else f"{found.value:{form}} [{found.low:{form}}, {found.high:{form}}]"


def draw(rows: Sequence[Row], picture: Path) -> None:
    """Size against what it costs: KL divergence, NLL."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 4.5), layout="constrained")
    FigureCanvasAgg(figure)
    for at, (title, name) in enumerate((("KL to full precision, nats per token", "kl"), ("NLL, nats per token", "nll")), 1):
        axes = figure.add_subplot(1, 2, at, title=title, xlabel="weights, MB")
        for place, row in enumerate(rows):
            found: Estimate | None = getattr(row, name)
            if row.weights is None or found is None or (name == "kl" and row.kind == quantizing.FULL):
                continue
            gaps = [[max(0, found.value - found.low)], [max(0, found.high - found.value)]]
            axes.errorbar([row.weights / 1e6], [found.value], yerr=gaps, fmt="o", color=f"C{place}", capsize=3, label=row.name)
        if name == "kl":
            axes.set_yscale("log")
        else:
            axes.legend(fontsize=8)
        axes.margins(0.2)
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=110, metadata={"Software": None})
