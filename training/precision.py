"""Which number format a device trains in. Knows nothing of recipes or models."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import torch

NAMES = ("auto", "bf16", "fp16", "fp32")


@dataclass(frozen=True)
class Precision:
    """`name` is bf16, fp16 or fp32; `device` is cuda or cpu."""

    name: str
    device: str
    flash: bool  # whether PyTorch's flash kernels run on this device

    @property
    def dtype(self) -> torch.dtype:
        import torch

        return {"bf16": torch.bfloat16, "fp16": torch.float16, "fp32": torch.float32}[self.name]


def gpu(wanted: str = "auto") -> Precision:
    """What a GPU that is not here would train in; fp16, where it is asked for, is that of one before Ampere."""
    name = "bf16" if wanted == "auto" else wanted
    return Precision(name, "cuda", name == "bf16")


def pick(wanted: str = "auto", device: str | None = None) -> Precision:
    """The format that `device` (where None: a GPU if there is one) is fast and right in.

    `torch.cuda.is_bf16_supported()` says yes on a T4, which only emulates bf16: the compute capability decides instead.
    """
    import torch

    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    ampere = device == "cuda" and torch.cuda.get_device_capability() >= (8, 0)
    if wanted != "auto":
        return Precision(wanted, device, ampere and wanted != "fp32")
    if device == "cpu":
        return Precision("fp32", device, False)
    return Precision("bf16" if ampere else "fp16", device, ampere)
