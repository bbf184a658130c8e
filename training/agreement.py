"""How nearly one causal model computes what another does, on given text. Knows nothing of runs, files or merging.

The models are asked one after the other, so that two need not be in memory; the first one's log-probabilities wait there.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from training.held_out import Text

if TYPE_CHECKING:
    import torch

GREEDY_ROWS, GREEDY_TOKENS = 8, 24

# A causal model: the log-probabilities, (tokens from `start` on, vocabulary), fp32, of each next token of a text
LogProbs = Callable[[Text], "torch.Tensor"]


@dataclass(frozen=True)
class Reference:
    """What the first model computes. `greedy` are its own answers to the first prompts, behind them."""

    texts: tuple[Text, ...]
    log_probs: tuple[torch.Tensor, ...]
    greedy: tuple[Text, ...]
    greedy_top: tuple[torch.Tensor, ...]

    @property
    def nll(self) -> float:
        """Nats a token."""
        return mean_nll(self.texts, self.log_probs)


@dataclass(frozen=True)
class Agreement:
    """`kl`: KL(first || second), the mean over tokens, nats. `nll`: the second's own, nats a token. `top1`: share of tokens at
    which both have the same likeliest next token. `greedy`: share of the first's greedy answers that the second gives to the
    last token; `greedy_tokens`: share of their tokens before the second would leave them."""

    kl: float
    nll: float
    top1: float
    greedy: float
    greedy_tokens: float

    def record(self) -> dict[str, float]:
        return asdict(self)

    def told(self) -> str:
        return (
            f"KL {max(0.0, self.kl):.2g} nats a token, NLL {self.nll:.4f}, the same likeliest token at {self.top1:.1%}, "
            f"{self.greedy:.0%} of greedy answers the same"
        )


def log_probs_of(model: Any) -> LogProbs:
    """Of a transformers model. No cache: with one, the documents of a packed row see each other."""
    import torch

    def log_probs(text: Text) -> torch.Tensor:
        ids = torch.tensor([text.ids], device=model.device)
        with torch.inference_mode():
            logits = model(ids, use_cache=False, logits_to_keep=len(text.ids) - text.start + 1).logits
        return logits[0, :-1].float().log_softmax(-1).cpu()

    return log_probs


def refer(model: Any, texts: Sequence[Text], stops: Sequence[int]) -> Reference:
    """What a transformers model computes on `texts`, and its greedy answers, which end at one of `stops`."""
    import torch

    log_probs = log_probs_of(model)
    greedy = []
    for text in texts[:GREEDY_ROWS]:
        prompt = text.ids[: text.start] if text.start > 1 else text.ids[: max(1, len(text.ids) // 2)]
        ids = torch.tensor([prompt], device=model.device)
        options = {"do_sample": False, "max_new_tokens": GREEDY_TOKENS, "use_cache": True}
        with torch.inference_mode():
            row = model.generate(
                input_ids=ids, attention_mask=torch.ones_like(ids), eos_token_id=list(stops), pad_token_id=stops[0], **options
            )
        greedy.append(Text(tuple(row[0].tolist()), len(prompt)))
    top = tuple(log_probs(text).argmax(-1) for text in greedy)
    return Reference(tuple(texts), tuple(log_probs(text) for text in texts), tuple(greedy), top)


def compare(reference: Reference, log_probs: LogProbs) -> Agreement:
    """How nearly the model behind `log_probs` computes what the reference's does."""
    kl = same = 0.0
    own = []
    for text, first in zip(reference.texts, reference.log_probs, strict=True):
        second = log_probs(text)
        kl += float((first.exp() * (first - second)).sum().double())
        same += int((first.argmax(-1) == second.argmax(-1)).sum())
        own.append(nll_of(text, second))
    tokens = sum(len(text.ids) - text.start for text in reference.texts)
    whole = kept = 0
    for text, first in zip(reference.greedy, reference.greedy_top, strict=True):
        differ = (log_probs(text).argmax(-1) != first).nonzero()
        before = int(differ[0]) if len(differ) else len(first)
        kept += before
        whole += before == len(first)
    continued = sum(len(top) for top in reference.greedy_top)
    return Agreement(
        kl / tokens, sum(own) / tokens, same / tokens, whole / max(len(reference.greedy), 1), kept / max(continued, 1)
    )


def nll_of(text: Text, log_probs: torch.Tensor) -> float:
    """The sum over the tokens that count."""
    import torch

    return float(-log_probs.gather(1, torch.tensor(text.ids[text.start :])[:, None]).sum().double())


def mean_nll(texts: Sequence[Text], log_probs: Sequence[torch.Tensor]) -> float:
    tokens = sum(len(text.ids) - text.start for text in texts)
    return sum(map(nll_of, texts, log_probs)) / tokens


def within(agreement: Agreement, most: float) -> bool:
    """Whether the divergence is at most `most`; what is not a number is not."""
    return math.isfinite(agreement.kl) and agreement.kl <= most
