"""Settings that train something else than they seem to, or fail late: each with the reason, as the library versions stand.

Every entry was reproduced with trl 1.16, transformers 5.23 and peft 0.21. Knows nothing of weights, tokenizers or devices.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import Any

# Arguments that this package sets itself, and where to say it instead.
ELSEWHERE = {
    "output_dir": "give --out",
    "resume_from_checkpoint": "give --resume",
    "bf16": "set precision",
    "fp16": "set precision",
    "use_cpu": "the device is chosen by what there is",
    "model_init_kwargs": "the model is loaded explicitly (by name, TRL would hold it in fp32); set quantization and precision",
    "use_liger_kernel": "set kernels (TRL's own way is deprecated)",
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


def of_trainer(stage: str, trainer: Mapping[str, Any]) -> list[str]:
    """Why `trainer` cannot be used for `stage`; empty where it can."""
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
    if (trainer.get("activation_checkpointing_kwargs") or {}).get("selective"):
        faults.append(
            "trainer.activation_checkpointing_kwargs.selective fails with an adapter (ValueError in TRL); use every_n_layers: 2"
        )
    return faults + (of_sft(trainer) if stage == "sft" else of_dpo(trainer))


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


def of_dpo(trainer: Mapping[str, Any]) -> list[str]:
    faults = []
    if trainer.get("train_sampling_strategy") == "group_by_length":
        faults.append("trainer.train_sampling_strategy group_by_length fails on pairs (ValueError); leave it out")
    if trainer.get("padding_free"):
        faults.append("trainer.padding_free is switched off by TRL for pairs; leave it out")
    if trainer.get("sync_ref_model"):
        faults.append("trainer.sync_ref_model cannot be used with an adapter; the reference stays the parent")
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
