"""Packed attention sees each document alone. PyTorch's variable-length kernel needs a GPU; a plain one stands for it here."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import transformers
from torch.nn.functional import scaled_dot_product_attention

from training import attention, kernels
from training.precision import Precision


def plain_varlen(query: Any, key: Any, value: Any, starts: Any, *others: Any, scale: float, **options: Any) -> torch.Tensor:
    """What the kernel is documented to compute: causal attention within each document; (tokens, heads, size) in and out."""
    assert options["window_size"] == (-1, 0)
    parts = []
    for start, end in zip(starts[:-1].tolist(), starts[1:].tolist(), strict=True):
        q, k, v = (tensor[start:end].transpose(0, 1)[None] for tensor in (query, key, value))
        parts.append(scaled_dot_product_attention(q, k, v, is_causal=True, scale=scale, enable_gqa=True)[0].transpose(0, 1))
    return torch.cat(parts)


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> transformers.LlamaForCausalLM:
    monkeypatch.setattr(attention.varlen, "varlen_attn", plain_varlen)
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        num_hidden_layers=2, hidden_size=32, intermediate_size=48, num_attention_heads=4, num_key_value_heads=2, vocab_size=50
    )
    return transformers.LlamaForCausalLM(config).eval()


def alone(model: Any, document: torch.Tensor) -> torch.Tensor:
    model.set_attn_implementation("eager")
    with torch.no_grad():
        logits = model(document[None], use_cache=False).logits[0]
    model.set_attn_implementation(attention.register())
    return logits


def test_documents_of_a_packed_row_do_not_see_each_other(model: Any) -> None:
    documents = [torch.randint(0, 50, (length,)) for length in (5, 9, 3)]
    expected = torch.cat([alone(model, document) for document in documents])
    starts = torch.tensor([0, 5, 14, 17], dtype=torch.int32)
    positions = torch.cat([torch.arange(len(document)) for document in documents])[None]
    packed = {"cu_seq_lens_q": starts, "cu_seq_lens_k": starts, "max_length_q": 9, "max_length_k": 9, "position_ids": positions}
    with torch.no_grad():
        got = model(torch.cat(documents)[None], use_cache=False, **packed).logits[0]
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_on_either_side_changes_nothing(model: Any, side: str) -> None:
    document = torch.randint(1, 50, (6,))
    expected = alone(model, document)
    filler = torch.zeros(4, dtype=torch.long)
    row = torch.cat([document, filler] if side == "right" else [filler, document])
    seen = (row != 0).long()[None].repeat(2, 1)
    positions = (seen.cumsum(1) - 1).clamp(min=0)
    with torch.no_grad():
        got = model(row[None].repeat(2, 1), attention_mask=seen, position_ids=positions, use_cache=False).logits[1]
    torch.testing.assert_close(got[row != 0], expected, rtol=1e-4, atol=1e-5)


def test_only_a_gpu_with_flash_kernels_gets_packed_attention(model: Any) -> None:
    before = model.config._attn_implementation
    for held in (Precision("fp32", "cpu", False), Precision("fp16", "cuda", False)):
        assert kernels.apply(model, held) == []
        assert model.config._attn_implementation == before
    assert kernels.packed_attention(model, Precision("bf16", "cuda", True))
    assert model.config._attn_implementation == "packed"


def test_a_packed_row_without_its_borders_is_refused(model: Any) -> None:
    model.set_attn_implementation(attention.register())
    with pytest.raises(ValueError, match="would attend to each other"):
        model(torch.ones(1, 4, dtype=torch.long), position_ids=torch.tensor([[0, 1, 0, 1]]), use_cache=False)
