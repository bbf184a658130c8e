"""What a run does beside training: counts its tokens, tells how far it is, stops early, and saves when it is interrupted."""

from __future__ import annotations

import json
import math
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

from transformers import EarlyStoppingCallback, TrainerCallback, TrainerState

from training import distributed
from training.errors import RunError
from training.recipe import Recipe
from training.run_folder import TOKENS

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
ECHO = 2.0  # seconds in which the launcher of several processes hands on the Ctrl-C that they had from the terminal already


class Interruption(TrainerCallback):  # type: ignore[misc]
    """Within it, the first Ctrl-C ends training after the step, with a checkpoint; a second one ends it at once. So does the
    first sign that the terminal was closed or the machine wants the place (SIGHUP, SIGTERM)."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        self.notify = notify
        self.asked = False
        self.at = 0.0
        self.before: dict[int, Any] = {}

    def __enter__(self) -> Interruption:
        if threading.current_thread() is threading.main_thread():
            # Under nohup SIGHUP is ignored, and has to stay so: the run is meant to outlive its terminal.
            heard = [number for number in SIGNALS if number == signal.SIGINT or signal.getsignal(number) != signal.SIG_IGN]
            self.before = {number: signal.signal(number, self.handle) for number in heard}
        return self

    def __exit__(self, *exception: object) -> None:
        for number, handler in self.before.items():
            signal.signal(number, handler)

    def handle(self, number: int, frame: FrameType | None) -> None:
        if self.asked:
            if number != signal.SIGINT or time.monotonic() - self.at < ECHO:
                return
            raise KeyboardInterrupt
        self.asked, self.at = True, time.monotonic()
        self.notify("saving after this step; press Ctrl-C again to leave without")

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> Any:
        self.asked = distributed.agreed(self.asked)
        if self.asked:
            control.should_save = control.should_training_stop = True
        return control


class Finite(TrainerCallback):  # type: ignore[misc]
    """Ends a run whose loss is no number any more: nothing that it still learns is worth keeping."""

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        for name in ("loss", "eval_loss"):
            value = (logs or {}).get(name)
            if value is not None and not math.isfinite(value):
                raise RunError(
                    f"{Path(args.output_dir).parent}: {name} is {value} at step {state.global_step}. Lower the learning rate "
                    "or lora.scale, and start anew in another --out."
                )


class Tokens(TrainerCallback):  # type: ignore[misc]
    """The tokens trained on, without padding, kept in each checkpoint: TRL's own count starts at 0 when a run is resumed."""

    def __init__(self) -> None:
        self.trainer: Any = None

    def follow(self, trainer: Any) -> None:
        self.trainer = trainer

    @property
    def total(self) -> int:
        return int(self.trainer._total_train_tokens)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        folder = Path(args.output_dir, f"checkpoint-{state.global_step}")
        if folder.is_dir() and state.is_world_process_zero:
            (folder / TOKENS).write_text(json.dumps(self.total), "utf-8")

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        kept = Path(args.output_dir, f"checkpoint-{state.global_step}", TOKENS)
        if state.global_step and kept.is_file():
            self.trainer._total_train_tokens = json.loads(kept.read_text("utf-8"))


class Told(TrainerCallback):  # type: ignore[misc]
    """One line for each log: step, loss, tokens a second, time left."""

    def __init__(self, notify: Callable[[str], None]) -> None:
        self.notify = notify
        self.began = 0.0
        self.first: tuple[int, float] | None = None

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.began, self.at = time.monotonic(), state.global_step

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        logs = logs or {}
        names = {
            "loss": "loss",
            "eval_loss": "validation loss",
            "rewards/margins": "margin",
            "rewards/accuracies": "accuracy",
            "eval_rewards/accuracies": "validation accuracy",
        }
        told = [f"{label} {logs[name]:.4f}" for name, label in names.items() if name in logs]
        if not told:
            return
        done, spent = state.global_step - self.at, time.monotonic() - self.began
        left = spent / done * (state.max_steps - state.global_step) if done else 0.0
        told.append(f"{left / 60:.0f} min left" if left > 90 else f"{left:.0f} s left")
        self.notify(f"step {state.global_step} of {state.max_steps}: {', '.join(told)}")


def over(checkpoint: Path, recipe: Recipe) -> bool:
    """Whether training had come to its end there: the trainer, going on from the last step, would make one more."""
    state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    callbacks = (state.stateful_callbacks or {}).get("EarlyStoppingCallback", {})
    waited = callbacks.get("attributes", {}).get("early_stopping_patience_counter", 0)
    return state.global_step >= state.max_steps or bool(recipe.early_stopping and waited >= recipe.early_stopping)


def take_back(trainer: Any, checkpoint: Path, recipe: Recipe) -> None:
    """What was trained up to `checkpoint`, in the place of training: with early stopping, that of the lowest loss."""
    trainer.state = TrainerState.load_from_json(str(checkpoint / "trainer_state.json"))
    best = trainer.state.best_model_checkpoint if recipe.early_stopping else None
    trainer._load_from_checkpoint(str(checkpoint.with_name(Path(best).name) if best else checkpoint))
    trainer._total_train_tokens = json.loads((checkpoint / TOKENS).read_text("utf-8"))


def early_stopping(recipe: Recipe) -> list[TrainerCallback]:
    """Stops after so many evaluations without a lower loss on the validation examples."""
    return [EarlyStoppingCallback(early_stopping_patience=recipe.early_stopping)] if recipe.early_stopping else []
