"""The LoRA adapter on a frozen base: made new or taken from an earlier run, held in fp32, and computed without extra passes.

Knows nothing of examples, trainers or run folders.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import RunError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase

    from training.recipe import Lora


def attach(model: PreTrainedModel, lora: Lora) -> PeftModel:
    """A new adapter: B is zero, so the model still computes what the base does."""
    import peft

    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,
        use_rslora=lora.rslora,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) if isinstance(lora.targets, tuple) else lora.targets,
    )
    return peft.get_peft_model(model, config)


def load(model: PreTrainedModel, folder: Path) -> PeftModel:
    """The adapter in `folder`, trainable (PEFT loads it frozen unless told). Raises RunError where nothing could be trained."""
    import peft

    adapted = peft.PeftModel.from_pretrained(model, str(folder), is_trainable=True)
    if not any(parameter.requires_grad for parameter in adapted.parameters()):
        raise RunError(f"{folder}: the adapter holds no parameter that can be trained. Give a LoRA adapter.")
    return adapted


def save(model: Any, tokenizer: PreTrainedTokenizerBase, generation: GenerationConfig, folder: Path) -> None:
    """The adapter that was trained (DPO's reference copy stays behind), with the tokenizer and the tokens that end a turn.

    A base model's generation config names its end of text only, and a model that learned to close its turn with another token
    would be let run on.
    """
    model.save_pretrained(str(folder), selected_adapters=["default"])
    tokenizer.save_pretrained(str(folder))
    ends = generation.eos_token_id
    named = ends if isinstance(ends, list) else [ends]
    generation.eos_token_id = sorted({tokenizer.eos_token_id, *(end for end in named if end is not None)})
    generation.pad_token_id = tokenizer.pad_token_id
    generation.save_pretrained(str(folder))


@contextmanager
def held_in_fp32(model: Any) -> Iterator[None]:
    """What is trained is in fp32 before, inside and after, with the values it had, whatever a trainer's constructor casts it to.

    TRL casts the adapters of a quantized base to bf16. There an update of 1e-6 is smaller than half the distance to the next
    number, so most weights never move; a resumed run gets fp32 back and differs; fp16's gradient scaler fails on bf16; and a
    parent's adapter would be rounded while DPO's reference copy of it is not.
    """
    for parameter in model.parameters():
        if parameter.requires_grad:
            parameter.data = parameter.data.float()
    kept = {name: parameter.data for name, parameter in model.named_parameters() if parameter.requires_grad}
    yield
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            parameter.data = kept[name]


def fuse(model: Any) -> int:
    """Add each LoRA product into the base layer's output in place; returns how many layers were changed.

    PEFT clones the output, multiplies and adds in passes of their own: over a third of an 8B layer's memory traffic.
    """
    from peft.tuners.lora import bnb

    fused = fused_linear4bit()
    changed = 0
    for module in model.modules():
        if type(module) is bnb.Linear4bit:
            module.__class__ = fused
            changed += 1
    return changed


def fused_linear4bit() -> type:
    """A class with the state of PEFT's Linear4bit and its results; `fuse` gives it to layers that stand in a model."""
    import torch
    from peft.tuners.lora import bnb

    class FusedLinear4bit(bnb.Linear4bit):  # type: ignore[misc]
        def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
            names = [name for name in self.active_adapters if name in self.lora_A]
            plain = not (args or kwargs or self.disable_adapters or self.merged or self.lora_variant) and len(names) == 1
            if not plain or not isinstance(self.lora_dropout[names[0]], torch.nn.Identity):
                return super().forward(x, *args, **kwargs)
            if not torch.is_autocast_enabled(x.device.type) and x.dtype != self.lora_A[names[0]].weight.dtype:
                return super().forward(x)
            down, up, scale = self.lora_A[names[0]].weight, self.lora_B[names[0]].weight, self.scaling[names[0]]
            rows = x.reshape(-1, x.shape[-1])
            hidden = torch.nn.functional.linear(rows, down)
            if up.shape[0] < down.shape[1]:
                # Checkpointing computes a layer again only up to the last tensor that the backward pass needs. That is `hidden`
                # here, so the product of the layer's last and narrowing projection is not computed again.
                product = torch.nn.functional.linear(hidden, up)
                result = self.base_layer(rows).add_(product, alpha=scale)
            else:
                result = self.base_layer(rows)
                result.addmm_(hidden.to(result.dtype), up.to(result.dtype).t(), alpha=scale)
            return result.view(*x.shape[:-1], result.shape[-1])

    return FusedLinear4bit
