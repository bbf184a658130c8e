"""How well a model foretells a text: negative log-likelihood per token, and its exponential, perplexity.

Knows nothing of stages.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training import statistic
from training.items import Items, counted
from training.scoring import Score
from training.statistic import Estimate


@dataclass(frozen=True)
class Likelihood:
    """`nll`: nats per scored token, its interval over items (rows, or windows of text). Perplexity is e to that."""

    kind: str
    items: int
    tokens: int
    nll: Estimate
    perplexity: Estimate

    def as_dict(self) -> dict[str, Any]:
        """For json.dumps."""
        return asdict(self)


def measure(items: Items, scores: Sequence[Score], seed: int = 0) -> Likelihood:
    """Of one score for each item."""
    nll = statistic.ratio([-score.log_prob for score in scores], [score.tokens for score in scores], seed)
    perplexity = Estimate(*(math.exp(value) for value in (nll.value, nll.low, nll.high)))
    return Likelihood(items.kind, len(scores), sum(score.tokens for score in scores), nll, perplexity)


def lines(items: Items, found: Likelihood) -> list[str]:
    """For a terminal."""
    if items.kind == "text":
        scored = f"windows of {items.longest} tokens, stride {items.stride}"
    else:
        scored = "completions only"
    return [
        f"{counted(found.items, 'window' if items.kind == 'text' else 'row')}, {found.tokens:,} tokens scored ({scored})",
        f"NLL per token  {found.nll.value:8.4f}  [{found.nll.low:.4f}, {found.nll.high:.4f}]",
        f"perplexity     {found.perplexity.value:8.2f}  [{found.perplexity.low:.2f}, {found.perplexity.high:.2f}]",
        *statistic.cautions(found.items),
    ]
