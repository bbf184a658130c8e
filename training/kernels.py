"""Faster kernels for a base model's layers on CUDA, with the same results. Knows nothing of recipes, adapters or trainers."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedModel

    from training.precision import Precision


def apply(model: PreTrainedModel, precision: Precision) -> list[str]:
    """Put in what this device and installation have; returns the names of what was put in."""
    parts = {"packed attention": packed_attention, "Liger": liger}
    return [name for name, put in parts.items() if put(model, precision)]


def packed_attention(model: PreTrainedModel, precision: Precision) -> bool:
    """See training/attention.py. Needs PyTorch's flash kernels."""
    if not precision.flash:
        return False
    from training import attention

    model.set_attn_implementation(attention.register())
    return True


def liger(model: PreTrainedModel, precision: Precision) -> bool:
    """Liger's norm, rotary embedding and SwiGLU, where the package is installed; before Ampere it is left out, untried."""
    if not precision.flash or not importlib.util.find_spec("liger_kernel"):
        return False
    from liger_kernel.transformers import _apply_liger_kernel_to_instance

    # TRL's own chunked head stays: Liger's would replace the forward that it patches.
    _apply_liger_kernel_to_instance(model, fused_linear_cross_entropy=False)
    return True
