"""Attention within each document of a packed row, by PyTorch's variable-length flash kernel.

transformers' `sdpa` gives a packed row a mask that is quadratic in its length and forbids the flash kernel. Registered here by
the name `packed`: rows of several documents go to `torch.nn.attention.varlen`, padded batches to SDPA's causal kernel, for
padding to the right of a text is never attended to. Knows nothing of recipes or trainers.
"""

from __future__ import annotations

import inspect
from typing import Any

import torch
from torch.nn.attention import varlen
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "packed"
# From 2.12 on, PyTorch asks that keys with fewer heads be announced; its kernel always took them.
GROUPED = {"enable_gqa": True} if "enable_gqa" in inspect.signature(varlen.varlen_attn).parameters else {}


def register() -> str:
    """Make the attention known to transformers; returns the name to ask for it by."""
    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, mask)
    return NAME


def mask(*args: Any, attention_mask: torch.Tensor | None = None, **kwargs: Any) -> torch.Tensor | None:
    """None where causal attention is right as it is: nothing is padded, or the padding is on the right."""
    if attention_mask is None or not bool((attention_mask[:, 1:] > attention_mask[:, :-1]).any()):
        return None
    made: torch.Tensor | None = sdpa_mask(*args, attention_mask=attention_mask, **kwargs)  # type: ignore[misc]
    return made


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    cu_seq_lens_q: torch.Tensor | None = None,
    max_length_q: int | None = None,
    scaling: float | None = None,
    position_ids: torch.Tensor | None = None,
    **kwargs: Any,
) -> tuple[torch.Tensor, None]:
    """`query` is (batch, heads, tokens, size), `key` and `value` have the heads of keys; returns (batch, tokens, heads, size).

    `cu_seq_lens_q`, shape (documents + 1,), says where each document of the one row starts, as TRL's collator gives it.
    """
    if cu_seq_lens_q is None or max_length_q is None:
        tokens = query.shape[2]
        if (
            attention_mask is None
            and query.shape[0] == 1
            and position_ids is not None
            and int(position_ids[0, -1]) != tokens - 1
        ):
            raise ValueError("a packed row came without cu_seq_lens_q: its documents would attend to each other")
        return sdpa_attention_forward(module, query, key, value, attention_mask, scaling=scaling, **kwargs)
    q, k, v = (tensor.transpose(1, 2).squeeze(0) for tensor in (query, key, value))
    options: dict[str, Any] = {"scale": scaling, "window_size": (-1, 0), **GROUPED}
    out = varlen.varlen_attn(q, k, v, cu_seq_lens_q, cu_seq_lens_q, max_length_q, max_length_q, **options)
    assert isinstance(out, torch.Tensor)
    return out.unsqueeze(0), None
