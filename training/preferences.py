"""Does a model prefer the chosen answers? Three shares of pairs, with pi the model's and pi_ref the reference's probability of
an answer y (w: chosen, l: rejected) given its prompt x:

    accuracy              pi(y_w|x) / pi_ref(y_w|x) > pi(y_l|x) / pi_ref(y_l|x)
    policy alignment      pi(y_w|x) > pi(y_l|x)
    reference alignment   pi_ref(y_w|x) > pi_ref(y_l|x)

The longer an answer, the less probable it is, so lengths, and policy alignment by log-probability per token, are told beside. A
tie (equal to the last bit) is not counted as right. Knows nothing of how log-probabilities are computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training import statistic
from training.items import counted
from training.scoring import Score
from training.statistic import Estimate


@dataclass(frozen=True)
class Pair:
    """A model's scores of both answers to one prompt."""

    chosen: Score
    rejected: Score

    @property
    def margin(self) -> float:
        """log pi(y_w|x) - log pi(y_l|x)."""
        return self.chosen.log_prob - self.rejected.log_prob

    @property
    def margin_per_token(self) -> float:
        return self.chosen.log_prob / self.chosen.tokens - self.rejected.log_prob / self.rejected.tokens


def pairs_of(scores: Sequence[Score]) -> list[Pair]:
    """From the scores of the answers in a row, chosen and rejected by turns (items.Items.flat)."""
    return [Pair(*scores[at : at + 2]) for at in range(0, len(scores), 2)]


@dataclass(frozen=True)
class Share:
    """Of all pairs, those that are right; `ties` are among the others."""

    share: Estimate
    right: int
    ties: int


@dataclass(frozen=True)
class Preferences:
    """What is of a reference is None without one. `reward_margin` is the mean of beta times the difference of log-ratios."""

    pairs: int
    policy_alignment: Share
    policy_alignment_per_token: Share
    reference_alignment: Share | None
    accuracy: Share | None
    reward_margin: Estimate | None
    beta: float
    tokens_chosen: float
    tokens_rejected: float
    longer_chosen: float
    equal_length: int

    def as_dict(self) -> dict[str, Any]:
        """For json.dumps."""
        return asdict(self)


def measure(policy: Sequence[Pair], reference: Sequence[Pair] | None, beta: float = 0.1, seed: int = 0) -> Preferences:
    """The metrics over pairs that stand in the same order in both."""
    ratios = log_ratios(policy, reference) if reference else None
    lengths = [(pair.chosen.tokens, pair.rejected.tokens) for pair in policy]
    return Preferences(
        pairs=len(policy),
        policy_alignment=share([pair.margin for pair in policy], seed),
        policy_alignment_per_token=share([pair.margin_per_token for pair in policy], seed),
        reference_alignment=share([pair.margin for pair in reference], seed) if reference else None,
        accuracy=share(ratios, seed) if ratios else None,
        reward_margin=statistic.ratio([beta * gap for gap in ratios], seed=seed) if ratios else None,
        beta=beta,
        tokens_chosen=sum(chosen for chosen, _ in lengths) / len(lengths),
        tokens_rejected=sum(rejected for _, rejected in lengths) / len(lengths),
        longer_chosen=sum(chosen > rejected for chosen, rejected in lengths) / len(lengths),
        equal_length=sum(chosen == rejected for chosen, rejected in lengths),
    )


def log_ratios(policy: Sequence[Pair], reference: Sequence[Pair]) -> list[float]:
    """log pi(y_w)/pi_ref(y_w) - log pi(y_l)/pi_ref(y_l) of each pair."""
    return [
        (mine.chosen.log_prob - theirs.chosen.log_prob) - (mine.rejected.log_prob - theirs.rejected.log_prob)
        for mine, theirs in zip(policy, reference, strict=True)
    ]


def share(margins: Sequence[float], seed: int = 0) -> Share:
    right = [margin > 0 for margin in margins]
    return Share(statistic.ratio([float(one) for one in right], seed=seed), sum(right), sum(margin == 0 for margin in margins))


def lines(found: Preferences) -> list[str]:
    """For a terminal."""
    shares = [
        ("accuracy", found.accuracy),
        ("policy alignment", found.policy_alignment),
        ("  per token", found.policy_alignment_per_token),
        ("reference alignment", found.reference_alignment),
    ]
    told = [f"{counted(found.pairs, 'pair')}; 95 % intervals by bootstrap over pairs"]
    for name, one in shares:
        if one:
            ties = f", {counted(one.ties, 'tie')}" if one.ties else ""
            told.append(
                f"{name:<20} {one.share.value:6.1%}  [{one.share.low:.1%}, {one.share.high:.1%}]  "
                f"{one.right} of {found.pairs}{ties}"
            )
    told += statistic.cautions(found.pairs, (one.share.value for _, one in shares if one))
    if found.reward_margin:
        gap = found.reward_margin
        told.append(f"{'reward margin':<20} {gap.value:+.4f}  [{gap.low:+.4f}, {gap.high:+.4f}]  beta {found.beta:g}")
    told.append(
        f"{'tokens':<20} {found.tokens_chosen:.1f} chosen, {found.tokens_rejected:.1f} rejected on average; the chosen is "
        f"longer in {found.longer_chosen:.1%}, {found.equal_length} of equal length"
    )
    return told
