"""A merged model in MLX's format, by mlx_lm, for Apple's processors (its CPU build runs on Linux). Knows nothing of runs."""

from __future__ import annotations

import contextlib
import importlib.util
import io
from pathlib import Path
from typing import TYPE_CHECKING

from training.errors import RunError

if TYPE_CHECKING:
    import torch

    from training.agreement import LogProbs
    from training.held_out import Text


def require() -> None:
    """Raises RunError where mlx_lm is missing."""
    if importlib.util.find_spec("mlx_lm") is None or importlib.util.find_spec("mlx") is None:
        raise RunError("MLX's format is written by mlx_lm, not installed. Run: pip install -e '.[mlx]'")


def write(model: Path, out: Path) -> None:
    """The model in the folder as the folder `out`. Raises RunError where mlx_lm cannot convert it."""
    import mlx_lm

    try:
        with contextlib.redirect_stdout(io.StringIO()):
            mlx_lm.convert(str(model), str(out))
    except (ValueError, OSError, RuntimeError, KeyError) as error:
        raise RunError(
            f"{model}: mlx_lm cannot convert it: {str(error).strip().splitlines()[0]}. Export GGUF instead."
        ) from error


def log_probs_of(folder: Path) -> LogProbs:
    """Of the converted model, computed by MLX."""
    import mlx.core as mx
    import mlx_lm
    import torch

    model = mlx_lm.load(str(folder))[0]

    def log_probs(text: Text) -> torch.Tensor:
        logits = model(mx.array([text.ids]))[0, text.start - 1 : -1].astype(mx.float32)
        return torch.tensor(logits.tolist()).log_softmax(-1)

    return log_probs
