"""What is trained beside a frozen base, a LoRA adapter or virtual tokens: made new or taken from an earlier run, held in fp32.

Knows nothing of examples, trainers or run folders.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import RecipeError, RunError

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import GenerationConfig, PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

    from training.recipe import Lora, Prompt


def check_targets(lora: Lora, config: PretrainedConfig) -> None:
    """Raises RecipeError for a target that the model of `config` has no such layer for: PEFT passes it over without a word."""
    import accelerate
    import torch
    import transformers

    with accelerate.init_empty_weights():
        model: Any = transformers.AutoModelForCausalLM.from_config(config)
    layers = {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)}
    known = sorted({name.rpartition(".")[2] for name in layers} - {"lm_head"})
    for target in lora.targets:
        if not any(name == target or name.endswith(f".{target}") for name in layers):
            near = difflib.get_close_matches(target, known, n=1)
            meant = f" Did you mean {near[0]}?" if near else ""
            raise RecipeError(f"lora.targets {target}: the model has no such layer; it has {', '.join(known)}.{meant}")


def attach(model: PreTrainedModel, lora: Lora) -> PeftModel:
    """A new adapter: B is zero, so the model still computes what the base does."""
    import peft

    config = peft.LoraConfig(
        task_type="CAUSAL_LM",
        r=lora.rank,
        lora_alpha=lora.alpha,  # type: ignore[arg-type]  # a float where the scale asks for one
        use_rslora=lora.rslora,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) if isinstance(lora.targets, tuple) else lora.targets,
    )
    return peft.get_peft_model(model, config)


def attach_prompt(model: PreTrainedModel, prompt: Prompt, tokenizer: PreTrainedTokenizerBase) -> PeftModel:
    """Virtual tokens before every row, at first the embeddings of the text `prompt.init`, cut or repeated to fill them.

    PEFT's own way to begin with a text reads a tokenizer by its path anew, which for a GGUF file is not the one in use.
    """
    import peft
    import torch

    prompted: Any = peft.get_peft_model(model, peft.PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=prompt.tokens))
    ids = tokenizer(prompt.init, add_special_tokens=False)["input_ids"]
    if not ids:
        raise RunError(f"prompt.init {prompt.init!r}: the model's tokenizer makes nothing of it. Give another text.")
    ids = torch.tensor(list(islice(cycle(ids), prompt.tokens)), device=model.device)
    weight = prompted.prompt_encoder["default"].embedding.weight
    weight.data = model.get_input_embeddings()(ids).detach().to(weight.device, torch.float32)
    made: PeftModel = prompted
    return made


def load(model: PreTrainedModel, folder: Path) -> PeftModel:
    """The adapter in `folder`, trainable (PEFT loads it frozen unless told). Raises RunError where nothing could be trained."""
    import peft

    adapted = peft.PeftModel.from_pretrained(model, str(folder), is_trainable=True)
    if not any(parameter.requires_grad for parameter in adapted.parameters()):
        raise RunError(f"{folder}: the adapter holds no parameter that can be trained. Give a LoRA adapter.")
    return adapted


def save(
    model: Any,
    tokenizer: PreTrainedTokenizerBase,
    generation: GenerationConfig,
    folder: Path,
    state: dict[str, Any] | None = None,
) -> None:
    """The adapter that was trained (DPO's reference copy stays behind), with the tokenizer and the tokens that end a turn.

    `state`: the model's weights, where they are divided among processes.
    """
    given = {"state_dict": state} if state else {}
    model.save_pretrained(str(folder), selected_adapters=["default"], save_embedding_layers=False, **given)
    tokenizer.save_pretrained(str(folder))
    ends(generation, tokenizer).save_pretrained(str(folder))


def ends(generation: GenerationConfig, tokenizer: PreTrainedTokenizerBase) -> GenerationConfig:
    """`generation` with every token that ends an answer.

    A base model's generation config names its end of text only, and a model that learned to close its turn with another token
    would be let run on.
    """
    named = generation.eos_token_id if isinstance(generation.eos_token_id, list) else [generation.eos_token_id]
    generation.eos_token_id = sorted({tokenizer.eos_token_id, *(end for end in named if end is not None)})
    generation.pad_token_id = tokenizer.pad_token_id
    return generation


@contextmanager
def held_in_fp32(model: Any) -> Iterator[None]:
    """What is trained is in fp32 before and after, with the values it had, whatever a trainer's constructor casts it to.

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
