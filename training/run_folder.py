"""The folder of one run."""

from __future__ import annotations

from pathlib import Path


def adapter_folder(run: Path) -> Path:
    return run / "adapter"
