"""Two results on the same questions, side by side, with a paired test: which model is better, and could it be chance?

Knows nothing of confidence and of how results were come by.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from index_store.errors import GradingError
from tutor.mcqa.results import Result, Results

OUTCOMES = ("right", "wrong", "unparsed")
DRAWS = 10_000
NO_SUBJECT = "no subject"


@dataclass(frozen=True)
class McNemar:
    """`only_a`, `only_b`: questions that only one has right. `p`: two-sided and exact, by the binomial distribution (McNemar
    1947, Edwards 1948); 1 where there are none."""

    only_a: int
    only_b: int
    p: float


@dataclass(frozen=True)
class Paired:
    """Of the questions with a key in both. `name`: the subject, or "all". `counts`: outcome of A to outcome of B to how many.

    `of_parsed`: the test over those to which both gave a letter; `of_all`: over all, an unparsed one being not right.
    `difference`: A's share of right ones less B's, an unparsed one being not right, with its 95 % `interval`.
    """

    name: str
    counts: dict[str, dict[str, int]]
    of_parsed: McNemar
    of_all: McNemar
    difference: float
    interval: tuple[float, float]

    @property
    def questions(self) -> int:
        return sum(sum(row.values()) for row in self.counts.values())

    def of_a(self, outcome: str) -> int:
        return sum(self.counts[outcome].values())

    def of_b(self, outcome: str) -> int:
        return sum(row[outcome] for row in self.counts.values())


@dataclass(frozen=True)
class Comparison:
    """`a`, `b`: what the two are called. `only_in_a`, `only_in_b`: ids of questions that the other lacks. `without_key`:
    questions in both that have none. `same_letter`: of those in both to which `both_letter` gave a letter, how many got the
    same. `overall` is None where no question has a key."""

    a: str
    b: str
    only_in_a: tuple[str, ...]
    only_in_b: tuple[str, ...]
    in_both: int
    without_key: int
    both_letter: int
    same_letter: int
    overall: Paired | None
    subjects: tuple[Paired, ...]

    def as_dict(self) -> dict[str, Any]:
        """For json.dumps."""
        return asdict(self)


def compare(a: Results, b: Results, names: tuple[str, str] | None = None) -> Comparison:
    """Pair the two by the questions' ids. Without `names` they go by what their settings differ in.

    Raises GradingError where a question of the same id has another text, other options or another key in B, or none is in
    both.
    """
    ours, theirs = {row.id: row for row in a.rows}, {row.id: row for row in b.rows}
    pairs = [(row, theirs[row.id]) for row in a.rows if row.id in theirs]
    called = names or called_of(a, b)
    if not pairs:
        raise GradingError(f"{called[0]} and {called[1]} have no question in common. Give results of the same sheet.")
    for one, other in pairs:
        _check_same(one, other, called)
    with_key = [(one, other) for one, other in pairs if one.key is not None]
    letters = [(one.letter, other.letter) for one, other in pairs if one.letter and other.letter]
    subjects = sorted({one.subject for one, _ in with_key})
    return Comparison(
        a=called[0],
        b=called[1],
        only_in_a=tuple(id for id in ours if id not in theirs),
        only_in_b=tuple(id for id in theirs if id not in ours),
        in_both=len(pairs),
        without_key=len(pairs) - len(with_key),
        both_letter=len(letters),
        same_letter=sum(one == other for one, other in letters),
        overall=_paired("all", with_key) if with_key else None,
        subjects=tuple(
            _paired(subject or NO_SUBJECT, [pair for pair in with_key if pair[0].subject == subject])
            for subject in (subjects if any(subjects) else ())
        ),
    )


def called_of(a: Results, b: Results) -> tuple[str, str]:
    """Names that tell the two apart: the model, and what else differs that a reader would ask about."""
    ours, theirs = _told(a), _told(b)
    differing = [name for name in ours if name != "model" and ours[name] != theirs[name]]
    first, second = (", ".join([told["model"], *(told[name] for name in differing)]) for told in (ours, theirs))
    return (f"{first} (A)", f"{second} (B)") if first == second else (first, second)


def _told(results: Results) -> dict[str, str]:
    settings = results.settings
    return {
        "model": settings.model,
        "course": f"course {settings.course}" if settings.course else "no passages",
        "samples": f"k = {settings.samples}",
        "max_tokens": f"{settings.max_tokens} tokens",
        "seed": f"seed {settings.seed}",
        "fallback": "with fallback" if settings.fallback else "no fallback",
    }


def _check_same(one: Result, other: Result, called: tuple[str, str]) -> None:
    for what, ours, theirs in (
        ("text", one.question, other.question),
        ("options", dict(one.options), dict(other.options)),
        ("key", one.key, other.key),
    ):
        if ours != theirs:
            raise GradingError(
                f"question {one.id!r}: {called[0]} and {called[1]} have a different {what} for it. Give results of "
                "the same sheet."
            )


def _paired(name: str, pairs: Sequence[tuple[Result, Result]]) -> Paired:
    found = Counter((one.outcome, other.outcome) for one, other in pairs)
    counts = {ours: {theirs: found[ours, theirs] for theirs in OUTCOMES} for ours in OUTCOMES}  # type: ignore[index]
    parsed = _mcnemar([(one, other) for one, other in pairs if one.letter and other.letter])
    differences = [(one.outcome == "right") - (other.outcome == "right") for one, other in pairs]
    return Paired(name, counts, parsed, _mcnemar(pairs), sum(differences) / len(pairs), _bootstrap(differences))


def _mcnemar(pairs: Sequence[tuple[Result, Result]]) -> McNemar:
    from scipy.stats import binomtest

    right = Counter((one.outcome == "right", other.outcome == "right") for one, other in pairs)
    only_a, only_b = right[True, False], right[False, True]
    p = float(binomtest(only_a, only_a + only_b).pvalue) if only_a + only_b else 1.0
    return McNemar(only_a, only_b, p)


def _bootstrap(differences: Sequence[int]) -> tuple[float, float]:
    """The 95 % percentile interval of the mean: 10,000 draws of as many questions, with replacement and a fixed seed.

    Each difference is -1, 0 or 1, so a draw is one of counts.
    """
    import numpy as np

    counts = np.array([differences.count(-1), differences.count(0), differences.count(1)])
    drawn = np.random.default_rng(0).multinomial(len(differences), counts / len(differences), DRAWS)
    low, high = np.percentile((drawn[:, 2] - drawn[:, 0]) / len(differences), [2.5, 97.5])
    return float(low), float(high)


def as_text(comparison: Comparison) -> str:
    """For a terminal."""
    lines = [f"A  {comparison.a}", f"B  {comparison.b}", _in_both(comparison)]
    if comparison.overall is None:
        lines.append("no question has a key, so neither is better")
        return "\n".join(lines)
    if comparison.without_key:
        lines.append(f"{comparison.without_key} without a key are left out below")
    overall = comparison.overall
    lines += ["", f"{'':<12}{'B right':>10}{'B wrong':>10}{'B unparsed':>12}"]
    for ours in OUTCOMES:
        row = overall.counts[ours]
        lines.append(f"{'A ' + ours:<12}{row['right']:>10}{row['wrong']:>10}{row['unparsed']:>12}")
    lines += ["", f"{'':<20}{'questions':>9} {'A right':>8} {'B right':>8}  {'A - B, 95 %':<26} {'only A':>6} {'only B':>6}  p"]
    lines += [_line(paired) for paired in (overall, *comparison.subjects)]
    parsed = overall.of_parsed
    lines += [
        "",
        "p: McNemar's test, exact and two-sided; an unparsed question is not right. Only where both have a letter: "
        f"{parsed.only_a} only A, {parsed.only_b} only B, {p_told(parsed.p)}",
        verdict(comparison),
    ]
    return "\n".join(lines)


def _in_both(comparison: Comparison) -> str:
    told = f"{comparison.in_both} questions in both"
    for name, ids in (("A", comparison.only_in_a), ("B", comparison.only_in_b)):
        if ids:
            told += f"; {len(ids)} only in {name}, left out"
    return f"{told}; the same letter in {comparison.same_letter} of {comparison.both_letter} where both have one"


def _line(paired: Paired) -> str:
    difference = f"{paired.difference:+.1%} [{paired.interval[0]:+.1%}, {paired.interval[1]:+.1%}]"
    name = "".join(character if character.isprintable() else " " for character in paired.name)
    return (
        f"{name[:20]:<20}{paired.questions:>9} {paired.of_a('right'):>8} {paired.of_b('right'):>8}  {difference:<26} "
        f"{paired.of_all.only_a:>6} {paired.of_all.only_b:>6}  {p_value(paired.of_all.p)}"
    )


def verdict(comparison: Comparison) -> str:
    """What the test says, in a sentence."""
    if comparison.overall is None:
        return ""
    if comparison.overall.of_all.p >= 0.05:
        return "The difference could be chance."
    better = "A" if comparison.overall.difference > 0 else "B"
    return f"{better} is better on these questions, by more than chance explains."


def p_value(p: float) -> str:
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def p_told(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"
