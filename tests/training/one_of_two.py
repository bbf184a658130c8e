"""One of two processes that train together, as a launcher would start it; run by path, with `given` among its globals:

rank, port, written (the recipe), folder, resume, signal_at (a step at which this process alone gets a Ctrl-C)
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

GIVEN: dict[str, Any] = globals()["given"]
RANK, FOLDER = GIVEN["rank"], GIVEN["folder"]

os.environ |= {"RANK": str(RANK), "LOCAL_RANK": str(RANK), "WORLD_SIZE": "2", "TQDM_DISABLE": "1"}
os.environ |= {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(GIVEN["port"])}

import safetensors.torch  # noqa: E402
import torch  # noqa: E402
import transformers  # noqa: E402

from training import dpo as preferences  # noqa: E402
from training import recipe, sft, stage  # noqa: E402

torch.set_num_threads(1)
torch.cuda.is_available = lambda: False
kept: list[Any] = []


class Signal(transformers.TrainerCallback):  # type: ignore[misc]
    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == GIVEN["signal_at"]:
            os.kill(os.getpid(), signal.SIGINT)


for module in (sft, preferences):
    original = module.build_trainer

    def build(*given: Any, original: Any = original) -> Any:
        trainer = original(*given)
        trainer.add_callback(Signal())
        kept.append(trainer)
        return trainer

    module.build_trainer = build

checked = stage.check(recipe.build(GIVEN["written"], "two"))
outcome = stage.run(checked, Path(FOLDER), GIVEN["resume"])
trained = {name: p.detach().clone() for name, p in kept[0].model.named_parameters() if p.requires_grad}
safetensors.torch.save_file(trained, f"{FOLDER}.rank{RANK}.safetensors")
Path(f"{FOLDER}.rank{RANK}.txt").write_text(f"{outcome.finished} {outcome.steps} {outcome.tokens}", "utf-8")
torch.distributed.destroy_process_group()
