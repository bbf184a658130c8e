"""Has a model begun to repeat itself? Small ones do, until their tokens are used up."""

from __future__ import annotations

import re

REPEATED = 24  # characters of a sentence that counts


def repeats(text: str) -> bool:
    """Whether the last finished sentence or line was written twice before."""
    parts = [part.strip() for part in re.split(r"(?<=[.!?])\s+|\n+", text)]
    finished = [part for part in parts[:-1] if len(part) >= REPEATED]
    return (len(finished) >= 3 and finished.count(finished[-1]) >= 3) or _cycles(text)


def _cycles(text: str) -> bool:
    """Whether the end of the text is one piece of 1 to 40 characters over and over for 160 characters."""
    tail = text[-160:]
    return len(tail) == 160 and any(tail == (tail[:size] * (160 // size + 1))[:160] for size in range(1, 41))
