"""Which of several processes this is, and how they share a model: what `accelerate launch` says in the environment.

One process trains on one GPU. Knows nothing of recipes' stages, examples or trainers.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.errors import RecipeError

if TYPE_CHECKING:
    from pathlib import Path

    from datasets import Dataset

    from training.precision import Precision
    from training.recipe import Recipe

COMMAND = "accelerate launch --config_file recipes/accelerate/ddp.yaml -m tutor train RECIPE ..."


@dataclass(frozen=True)
class Launch:
    """`sharing`: ddp (each process holds all), fsdp and zero3 (weights, gradients, optimizer divided), zero2 (weights whole).

    `offload`: DeepSpeed keeps what the optimizer needs in the machine's memory.
    """

    processes: int = 1
    rank: int = 0
    local: int = 0
    sharing: str = "none"
    version: int = 2
    offload: bool = False

    @property
    def main(self) -> bool:
        """Whether this process is the one that writes and speaks."""
        return self.rank == 0

    @property
    def divided(self) -> bool:
        """Whether no process holds all the weights."""
        return self.sharing in ("fsdp", "zero3")


def launch(environment: Mapping[str, str] = os.environ) -> Launch:
    """How this process was started."""
    processes = int(environment.get("WORLD_SIZE") or 1)
    sharing = "ddp" if processes > 1 else "none"
    if environment.get("ACCELERATE_USE_FSDP") == "true":
        sharing = "fsdp"
    if environment.get("ACCELERATE_USE_DEEPSPEED") == "true":
        sharing = f"zero{environment.get('ACCELERATE_DEEPSPEED_ZERO_STAGE', '2')}"
    return Launch(
        processes,
        int(environment.get("RANK") or 0),
        int(environment.get("LOCAL_RANK") or 0),
        sharing,
        int(environment.get("FSDP_VERSION") or 2),
        environment.get("ACCELERATE_DEEPSPEED_OFFLOAD_OPTIMIZER_DEVICE", "none") == "cpu",
    )


def take_device(started: Launch, precision: Precision) -> None:
    """Each process its own GPU. Raises RecipeError for one process that sees several: TRL trains on none of them then."""
    import torch

    if precision.device != "cuda":
        return
    if started.processes > 1:
        torch.cuda.set_device(started.local)
    elif torch.cuda.device_count() > 1:
        raise RecipeError(
            f"{torch.cuda.device_count()} GPUs are visible to one process. Run: {COMMAND} (or set CUDA_VISIBLE_DEVICES=0)."
        )


def check(started: Launch, recipe: Recipe, device: str) -> None:
    """Raises RecipeError where `recipe` cannot be trained by processes that share it in this way on `device`."""
    sharing, four = started.sharing, recipe.quantization == "nf4"
    fault = None
    if device == "cpu" and sharing not in ("none", "ddp"):
        fault = (
            "Accelerate divides a model among GPUs only, and would train whole copies here; take recipes/accelerate/ddp.yaml"
        )
    elif sharing == "fsdp" and started.version != 2:
        fault = "FSDP 1 needs one number format for adapter and base; take recipes/accelerate/fsdp2.yaml"
    elif sharing == "fsdp" and four and recipe.quantization_storage == "uint8":
        fault = "4-bit weights stored as uint8 stay whole on every GPU under FSDP; set quantization_storage=bf16"
    elif sharing.startswith("zero") and not recipe.full:
        fault = "DeepSpeed is for full fine-tuning here; for an adapter take recipes/accelerate/ddp.yaml or fsdp2.yaml"
    elif sharing == "fsdp" and recipe.stage == "prompt_tuning":
        fault = "virtual tokens are too few to be divided; take recipes/accelerate/ddp.yaml"
    elif sharing == "fsdp" and recipe.full and recipe.stage == "dpo" and recipe.model.endswith(".gguf"):
        fault = "under FSDP the reference is loaded a second time, which a GGUF file cannot; name a folder of safetensors"
    if fault:
        raise RecipeError(f"{fault}.")


def wait() -> None:
    """Until all processes are here; at once where there is one."""
    if launch().processes > 1:
        from accelerate import PartialState

        PartialState().wait_for_everyone()


def agreed(asked: bool) -> bool:
    """Whether any process was asked: all get the same answer, at the same step."""
    if launch().processes == 1:
        return asked
    import torch
    from accelerate import PartialState

    flag = torch.tensor(float(asked), device=PartialState().device)
    torch.distributed.all_reduce(flag, torch.distributed.ReduceOp.MAX)
    return bool(flag.item())


def shared(sets: Mapping[str, Dataset], folder: Path) -> dict[str, Dataset]:
    """`sets` where all processes find them: the reference's log-probabilities are written beside them by one for all."""
    if launch().processes == 1:
        return dict(sets)
    import datasets

    if launch().main:
        for name, rows in sets.items():
            rows.save_to_disk(folder / name)
    wait()
    return {name: datasets.load_from_disk(folder / name) for name in sets}
