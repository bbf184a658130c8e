"""The LoRA layer on a 4-bit base as one step forward and one back, with PEFT's results and without its extra passes.

PEFT clones the base's output, multiplies the adapter's product and adds it, each in a pass of its own, and autograd adds both
gradients of the input in another: over a third of the memory traffic of an 8B model. Here the products are accumulated where
they belong. The classes hold PEFT's state and stand in for its own; anything unusual goes PEFT's way.
"""

from __future__ import annotations

from typing import Any

import bitsandbytes
import torch
from peft.tuners.lora import bnb

LAST = "down_proj"  # the last product of a Llama-like block


class Product(torch.autograd.Function):
    """rows W' + scale rows A' B', with W in 4 bits and frozen, A and B held in fp32 and computed in the format of `rows`."""

    @staticmethod
    def forward(
        ctx: Any, rows: torch.Tensor, weight: Any, state: Any, a: torch.Tensor, b: torch.Tensor, scale: float
    ) -> torch.Tensor:
        """`rows` (tokens, inputs), `a` (rank, inputs), `b` (outputs, rank); returns (tokens, outputs)."""
        a, b = a.to(rows.dtype), b.to(rows.dtype)
        hidden = rows @ a.t()
        result = bitsandbytes.matmul_4bit(rows, weight, quant_state=state)
        ctx.save_for_backward(rows, hidden, a, b)
        ctx.weight, ctx.state, ctx.scale = weight, state, scale
        return result.addmm_(hidden, b.t(), alpha=scale)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> Any:  # type: ignore[override]
        rows, hidden, a, b = ctx.saved_tensors
        inner = (gradient @ b).mul_(ctx.scale)
        of_a = (inner.t() @ rows).float()
        of_b = (gradient.t() @ hidden).float().mul_(ctx.scale)
        of_rows = None
        if ctx.needs_input_grad[0]:
            weight = bitsandbytes.functional.dequantize_4bit(ctx.weight, ctx.state).to(gradient.dtype)
            of_rows = (gradient @ weight).addmm_(inner, a)
        return of_rows, None, None, of_a, of_b, None


class FusedLinear4bit(bnb.Linear4bit):  # type: ignore[misc]
    """PEFT's LoRA layer on a 4-bit base, computed by `Product`."""

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        parts = self.plain_parts(x, args or kwargs)
        if parts is None:
            return super().forward(x, *args, **kwargs)
        base: Any = self.base_layer
        a, b, scale = parts
        rows = x.reshape(-1, x.shape[-1])
        result = Product.apply(rows, base.weight, base.weight.quant_state, a, b, scale)
        return result.view(*x.shape[:-1], result.shape[-1])

    def plain_parts(self, x: torch.Tensor, other: Any) -> tuple[torch.Tensor, torch.Tensor, float] | None:
        """A, B and the scale where this is one adapter of the plain kind on a base that computes in the format of `x`."""
        names = [name for name in self.active_adapters if name in self.lora_A]
        if other or len(names) != 1 or self.disable_adapters or self.merged or self.lora_variant:
            return None
        (name,) = names
        computed = self.base_layer.compute_dtype == x.dtype and self.base_layer.bias is None
        if not computed or not isinstance(self.lora_dropout[name], torch.nn.Identity):
            return None
        down, up = self.lora_A[name].get_parameter("weight"), self.lora_B[name].get_parameter("weight")
        return down, up, self.scaling[name]


class LastLinear4bit(FusedLinear4bit):
    """The last projection of a checkpointed block, whose product does not have to be computed again.

    Checkpointing computes a block again only up to the last tensor that the backward pass needs: in this order `hidden`, which
    comes before the product with the base: 27 % of what a Llama-3 block computes.
    """

    def forward(self, x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:
        parts = self.plain_parts(x, args or kwargs)
        if parts is None:
            return super().forward(x, *args, **kwargs)
        a, b, scale = parts
        rows = x.reshape(-1, x.shape[-1])
        hidden = torch.nn.functional.linear(rows, a.to(x.dtype))
        product = torch.nn.functional.linear(hidden, b.to(x.dtype))
        result = self.base_layer(rows).add_(product, alpha=scale)
        return result.view(*x.shape[:-1], result.shape[-1])


def fuse(model: Any, checkpointed: bool) -> int:
    """Put these layers in the place of PEFT's; returns how many. `checkpointed`: whether blocks will be computed again."""
    changed = 0
    for name, module in model.named_modules():
        if type(module) is bnb.Linear4bit:
            module.__class__ = LastLinear4bit if checkpointed and name.endswith(LAST) else FusedLinear4bit
            changed += 1
    return changed
