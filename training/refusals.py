"""Settings that train something else than they seem to, or fail late: each with the reason, as the library versions stand.

Every entry was reproduced with trl 1.16, transformers 5.23 and peft 0.21. Knows nothing of weights, tokenizers or devices.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

HELD_OUT = 0.05  # of a text to learn, where the recipe does not say

# Arguments that this package sets itself, and where to say it instead.
ELSEWHERE = {
    "output_dir": "give --out",
    "resume_from_checkpoint": "give --resume",
    "bf16": "set precision",
    "fp16": "set precision",
    "use_cpu": "the device is chosen by what there is",
    "eos_token": "the token that closes a turn in the chat template ends an answer",
    "model_init_kwargs": "the model is loaded explicitly (by name, TRL would hold it in fp32); set quantization and precision",
    "use_liger_kernel": "set kernels (TRL's own way is deprecated)",
    "activation_offloading": "TRL's fails on a base that is given to it (AttributeError); checkpoint activations",
    "gradient_checkpointing": "write activation_checkpointing (the older name is deprecated)",
    "gradient_checkpointing_kwargs": "write activation_checkpointing_kwargs (the older name is deprecated)",
}
NEVER = {
    "trust_remote_code": "a model never brings code",
    "push_to_hub": "nothing is sent anywhere; publish a finished run yourself",
}
LOCAL_REPORTS = {"none", "tensorboard", "trackio"}
LORA = {
    "trainable_token_indices": "it fails on a model with an output head (AttributeError in PEFT); use a reserved token of the "
    "vocabulary",
    "modules_to_save": "a full copy of an embedding is over a billion fp32 weights at Llama-3's size; LoRA layers only",
    "target_parameters": "the reference copy of DPO cannot follow it; name layers in targets",
}


def of_trained(stage: str, written: Mapping[str, Any], quantization: str) -> list[str]:
    """Why what is to be trained (an adapter, virtual tokens, every weight) cannot be; empty where it can."""
    faults = []
    full, prompt = written.get("full") is True, stage == "prompt_tuning"
    if full and prompt:
        faults.append("full and stage prompt_tuning exclude each other: there, virtual tokens alone are trained; choose one")
    if full and quantization == "nf4":
        faults.append("full with quantization nf4: 4-bit weights cannot be trained; set quantization=none, or leave full out")
    if (full or prompt) and written.get("lora"):
        faults.append(
            f"lora is of no use with {'full: every weight' if full else 'prompt_tuning: virtual tokens'}; leave it out"
        )
    if prompt and written.get("parent"):
        faults.append("parent: prompt tuning begins at the base, for an adapter there would be lost on saving; leave it out")
    if written.get("prompt") and not prompt:
        faults.append("prompt is for stage prompt_tuning; leave it out")
    return faults


def of_data(stage: str, data: Mapping[str, Any]) -> list[str]:
    """Why `data` cannot be used for `stage`; empty where it can."""
    faults = []
    if data.get("train") is None and not (stage == "cpt" and data.get("course")):
        faults.append(
            "data.train is missing: the text to learn (data.course=NAME, or data.train=FILE)"
            if stage == "cpt"
            else "data.train is missing: the file of examples (data.train=FILE)"
        )
    if stage == "dpo" and data.get("too_long") == "truncate":
        faults.append("data.too_long truncate would cut off what two answers differ in; set it to drop, or raise max_length")
    if stage != "cpt":
        given = {"course": data.get("course"), "held_out": data.get("held_out", HELD_OUT) != HELD_OUT}
        return faults + [f"data.{name} is for stage cpt; leave it out" for name, there in given.items() if there]
    if data.get("train") and data.get("course"):
        faults.append("data.train and data.course exclude each other; give one")
    if data.get("too_long", "refuse") != "refuse":
        faults.append("data.too_long has no use in stage cpt: documents are split over rows and nothing is lost; leave it out")
    share = data.get("held_out", HELD_OUT)
    if not isinstance(share, int | float) or not 0 < share <= 0.5:
        faults.append(f"data.held_out is {share!r}: the share kept back to measure perplexity on, above 0 and at most 0.5")
    return faults


def of_trainer(stage: str, trainer: Mapping[str, Any], adapter: bool = True) -> list[str]:
    """Why `trainer` cannot be used for `stage`, on an `adapter` or not; empty where it can."""
    faults = [f"trainer.{name} is not set here: {ELSEWHERE[name]}" for name in trainer if name in ELSEWHERE]
    faults += [f"trainer.{name}: {NEVER[name]}" for name in trainer if name in NEVER and trainer[name]]
    reports = trainer.get("report_to") or "none"
    wanted = {reports} if isinstance(reports, str) else set(reports)
    if wanted - LOCAL_REPORTS:
        faults.append(
            f"trainer.report_to {', '.join(sorted(wanted - LOCAL_REPORTS))}: curves stay on this machine; use trackio"
        )
    faults += [
        f"trainer.report_to {name} is not installed; run pip install {name}"
        for name in sorted((wanted & LOCAL_REPORTS) - {"none"})
        if importlib.util.find_spec(name) is None
    ]
    if adapter and (trainer.get("activation_checkpointing_kwargs") or {}).get("selective"):
        faults.append(
            "trainer.activation_checkpointing_kwargs.selective fails with an adapter (ValueError in TRL); use every_n_layers: 2"
        )
    if stage == "dpo":
        return faults + of_dpo(trainer, adapter)
    return faults + {"cpt": of_cpt, "sft": of_sft, "prompt_tuning": of_prompt_tuning}[stage](trainer)


def of_cpt(trainer: Mapping[str, Any]) -> list[str]:
    faults = []
    if not trainer.get("packing") or trainer.get("eval_packing") is False:
        faults.append("trainer.packing is needed in stage cpt: unpacked, TRL drops what is over max_length of each document")
    elif trainer.get("packing_strategy") == "wrapped":
        faults.append("trainer.packing_strategy wrapped lets one document see the other; use bfd_split")
    elif trainer.get("packing_strategy") != "bfd_split":
        faults.append(
            f"trainer.packing_strategy {trainer.get('packing_strategy')} drops what is over max_length of each document "
            "without a word; use bfd_split"
        )
    if trainer.get("max_length", 1024) is None:
        faults.append("trainer.max_length is needed in stage cpt: it is the length of a packed row")
    faults += [
        f"trainer.{name}: a book's text has no turns, all of it is learned; leave it out"
        for name in ("assistant_only_loss", "completion_only_loss")
        if trainer.get(name)
    ]
    return faults


def of_prompt_tuning(trainer: Mapping[str, Any]) -> list[str]:
    if trainer.get("packing") or trainer.get("padding_free"):
        return [
            "trainer.packing with prompt tuning: the virtual tokens stand before a row's first document only, and its "
            "documents see each other; leave it out"
        ]
    return of_sft(trainer)


def of_sft(trainer: Mapping[str, Any]) -> list[str]:
    faults = []
    if trainer.get("packing") and trainer.get("packing_strategy", "bfd") == "wrapped":
        faults.append("trainer.packing_strategy wrapped cuts examples in two and lets one see the other; use bfd")
    if trainer.get("packing") and trainer.get("max_length", 1024) is None:
        faults.append("trainer.max_length is needed with packing: it is the length of a packed row")
    if trainer.get("assistant_only_loss"):
        faults.append(
            "trainer.assistant_only_loss fails with Llama-3.1's template (ValueError in TRL); leave it out: of messages, only "
            "the last turn is learned here anyway"
        )
    if trainer.get("padding_free") and not trainer.get("packing"):
        faults.append("trainer.padding_free without packing does not keep to max_length; set packing")
    return faults


def of_dpo(trainer: Mapping[str, Any], adapter: bool) -> list[str]:
    faults = []
    if trainer.get("train_sampling_strategy") == "group_by_length":
        faults.append("trainer.train_sampling_strategy group_by_length fails on pairs (ValueError); leave it out")
    if trainer.get("padding_free"):
        faults.append("trainer.padding_free is switched off by TRL for pairs; leave it out")
    if trainer.get("sync_ref_model"):
        faults.append(
            "trainer.sync_ref_model: the reference stays the parent, and its log-probabilities are computed once; leave it out"
        )
    if not adapter and trainer.get("precompute_ref_log_probs") is False:
        faults.append("trainer.precompute_ref_log_probs false with full: TRL would hold a second model in memory; leave it out")
    return faults


def of_lora(lora: Mapping[str, Any]) -> list[str]:
    """Why these settings of the adapter cannot be used; empty where they can."""
    faults = [f"lora.{name}: {LORA[name]}" for name in lora if name in LORA]
    targets = lora.get("targets") or ()
    if "lm_head" in targets:
        faults.append("lora.targets lm_head would never be trained: TRL multiplies with the head's own weight; leave it out")
    if any("embed" in str(target) for target in targets):
        faults.append("lora.targets on the embedding is not supported; name attention and feed-forward layers")
    return faults
