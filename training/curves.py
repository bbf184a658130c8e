"""What a run logs, as JSON lines and as a picture, while it runs. Knows nothing of recipes or stages."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from transformers import TrainerCallback

PANELS = (
    ("loss", {"loss": "training", "eval_loss": "validation"}),
    ("reward margin", {"rewards/margins": "training", "eval_rewards/margins": "validation"}),
    ("reward accuracy", {"rewards/accuracies": "training", "eval_rewards/accuracies": "validation"}),
    ("token accuracy", {"mean_token_accuracy": "training", "eval_mean_token_accuracy": "validation"}),
    ("learning rate", {"learning_rate": "learning rate"}),
    ("gradient norm", {"grad_norm": "norm"}),
)
SECONDS = 20  # between two pictures


class Curves(TrainerCallback):  # type: ignore[misc]
    """Writes each log to `file`, and the picture beside it."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.drawn = 0.0

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """A resumed run goes on from its checkpoint: what was logged after it is forgotten."""
        self.drawn = time.monotonic()
        kept = [row for row in read(self.file) if row["step"] <= state.global_step] if state.global_step else []
        self.file.write_text("".join(json.dumps(row) + "\n" for row in kept), "utf-8")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        row = {
            "step": state.global_step,
            **{name: value for name, value in (logs or {}).items() if isinstance(value, int | float)},
        }
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        if time.monotonic() - self.drawn > SECONDS:
            draw(self.file)
            self.drawn = time.monotonic()

    def on_train_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        draw(self.file)


def read(file: Path) -> list[dict[str, Any]]:
    """The logs, in order of step; half a line, which a kill leaves, is none."""
    rows = []
    for line in file.read_text("utf-8").splitlines() if file.is_file() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows


def draw(file: Path) -> Path | None:
    """`file` as a picture beside it; None where there is nothing to draw."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = read(file)
    panels = [(title, lines) for title, lines in PANELS if any(name in row for row in rows for name in lines)]
    if not panels:
        return None
    figure = Figure(figsize=(10, 3 * -(-len(panels) // 2)), layout="constrained")
    FigureCanvasAgg(figure)
    for at, (title, lines) in enumerate(panels, 1):
        axes = figure.add_subplot(-(-len(panels) // 2), 2, at, title=title, xlabel="step")
        for name, label in lines.items():
            points = [(row["step"], row[name]) for row in rows if name in row]
            if points:
                axes.plot(*zip(*points, strict=True), label=label, marker="o" if len(points) < 30 else None, markersize=3)
        axes.grid(alpha=0.3)
        if len(lines) > 1:
            axes.legend()
    picture = file.with_suffix(".png")
    figure.savefig(picture, dpi=110)
    return picture
