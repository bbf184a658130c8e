"""The stage table as figures, Markdown, JSON and a picture, from what was kept of each stage. Loads no model."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from training import preferences, run_folder, statistic
from training.items import counted
from training.preferences import Pair
from training.scoring import Score
from training.statistic import Estimate, Paired

SHARE, NATS = "share", "nats per token"
ALIGNMENT = ("policy alignment", "accuracy")  # of which chance has a half
Kept = Mapping[str, Any]
"""What training/stage_table.py keeps of a stage."""


@dataclass(frozen=True)
class Line:
    """One stage's figure. `before`, `base`: compared with the stage before and with the first; None where it is that one, or
    where its reference is another. `ties` are not counted as right."""

    stage: str
    estimate: Estimate
    before: Paired | None
    base: Paired | None
    reference: str | None = None
    ties: int = 0


@dataclass(frozen=True)
class Column:
    """A measure that was taken elsewhere: for each stage the value of each item, the same items for all. `unit`: share, where
    each value is 0 or 1, or what is counted."""

    title: str
    note: str
    unit: str
    values: Sequence[Sequence[float]]


@dataclass(frozen=True)
class Measure:
    """One measure of all stages, on the same items. `unit`: share, nats per token, or what is counted."""

    title: str
    note: str
    unit: str
    items: int
    lines: tuple[Line, ...]


@dataclass(frozen=True)
class Report:
    """`notes`: what a reader has to know of all of them. `lengths`: mean tokens of chosen and rejected, and where the chosen is
    longer; None without pairs."""

    stages: tuple[Kept, ...]
    measures: tuple[Measure, ...]
    notes: tuple[str, ...]
    lengths: Mapping[str, float] | None

    def as_dict(self) -> dict[str, Any]:
        """For json.dumps; without items and answers, which the stages' own files have."""
        left = ("scores", "answers", "judged")
        stages = [{name: value for name, value in stage.items() if name not in left} for stage in self.stages]
        return {
            "stages": stages,
            "measures": [asdict(measure) for measure in self.measures],
            "notes": list(self.notes),
            "lengths": self.lengths,
        }


def report(stages: Sequence[Kept], others: Sequence[Column] = ()) -> Report:
    """All measures that the stages were measured by, and the `others`."""
    measures: list[Measure] = []
    kinds = stages[0]["scores"]
    lengths = None
    if "pairs" in kinds:
        keys = shared([stage["scores"]["pairs"] for stage in stages])
        pairs = [[_pair(stage["scores"]["pairs"][key]) for key in keys] for stage in stages]
        measures += _of_pairs(stages, pairs)
        found = preferences.measure(pairs[0], None)
        lengths = {name: getattr(found, name) for name in ("tokens_chosen", "tokens_rejected", "longer_chosen")}
    for name, title, note in (
        ("examples", "NLL of completions", "Nats per token of the completions of --examples, lower is better."),
        (
            "general",
            "NLL of general text",
            "Nats per token of --general, lower is better; what it rises by over the first stage is forgotten.",
        ),
    ):
        if name in kinds:
            measures.append(_of_nll(stages, name, title, note))
    for name in stages[0]["judged"]:
        keys = shared([stage["judged"][name] for stage in stages])
        right = [[bool(stage["judged"][name][key]) for key in keys] for stage in stages]
        measures.append(_of_shares(stages, name, "Share of questions answered rightly, through the grader.", right))
    measures += [_of_column(stages, column) for column in others]
    said = [caution for measure in measures for caution in statistic.cautions(measure.items, _shares_of(measure))]
    notes = [*_notes(stages), *dict.fromkeys(said)]
    return Report(tuple(stages), tuple(measures), tuple(notes), lengths)


def _shares_of(measure: Measure) -> list[float]:
    return [line.estimate.value for line in measure.lines] if measure.unit == SHARE else []


def shared(kept: Sequence[Mapping[str, Any]]) -> list[str]:
    """The keys that all have, in the order of the first."""
    return [key for key in kept[0] if all(key in other for other in kept)]


def _of_pairs(stages: Sequence[Kept], pairs: Sequence[Sequence[Pair]]) -> list[Measure]:
    aligned = [[pair.margin for pair in one] for one in pairs]
    per_token = [[pair.margin_per_token for pair in one] for one in pairs]
    names = [stage["name"] for stage in stages]
    made = [
        _of_margins(stages, "policy alignment", "Share of pairs with pi(chosen) > pi(rejected).", aligned),
        _of_margins(stages, "policy alignment per token", "The same by log-probability per token.", per_token),
    ]
    references = [stage["reference"] for stage in stages]
    if any(references):
        ratios = {
            place: preferences.log_ratios(pairs[place], pairs[names.index(reference)])
            for place, reference in enumerate(references)
            if reference
        }
        note = (
            "Share of pairs with pi(chosen) / ref(chosen) > pi(rejected) / ref(rejected); compared where the reference is the "
            "same."
        )
        made.append(_of_margins(stages, "accuracy", note, [ratios.get(place) for place in range(len(stages))], references))
    return made


def _of_margins(
    stages: Sequence[Kept],
    title: str,
    note: str,
    margins: Sequence[Sequence[float] | None],
    references: Sequence[str | None] | None = None,
) -> Measure:
    right = [[margin > 0 for margin in one] if one is not None else None for one in margins]
    ties = [sum(margin == 0 for margin in one) if one is not None else 0 for one in margins]
    return _of_shares(stages, title, note, right, references, ties)


def _of_shares(
    stages: Sequence[Kept],
    title: str,
    note: str,
    right: Sequence[Sequence[bool] | None],
    references: Sequence[str | None] | None = None,
    ties: Sequence[int] | None = None,
) -> Measure:
    lines = []
    for place, mine in enumerate(right):
        if mine is None:
            continue

        def against(other: int, mine: Sequence[bool] = mine, place: int = place) -> Paired | None:
            theirs = right[other] if 0 <= other < place else None
            comparable = theirs is not None and (references is None or references[other] == references[place])
            return statistic.of_shares(mine, theirs) if comparable and theirs is not None else None

        lines.append(
            Line(
                stages[place]["name"],
                statistic.ratio([float(one) for one in mine]),
                against(place - 1),
                against(0),
                references[place] if references else None,
                ties[place] if ties else 0,
            )
        )
    return Measure(title, note, SHARE, next(len(one) for one in right if one is not None), tuple(lines))


def _of_column(stages: Sequence[Kept], column: Column) -> Measure:
    if column.unit == SHARE:
        return _of_shares(stages, column.title, column.note, [[value > 0 for value in one] for one in column.values])
    ones = [1.0] * len(column.values[0])
    return _of_means(stages, column.title, column.note, column.unit, [(one, ones) for one in column.values])


def _of_nll(stages: Sequence[Kept], kind: str, title: str, note: str) -> Measure:
    keys = shared([stage["scores"][kind] for stage in stages])
    scored = [[stage["scores"][kind][key][0] for key in keys] for stage in stages]
    values = [([-log_prob for log_prob, _ in one], [float(tokens) for _, tokens in one]) for one in scored]
    return _of_means(stages, title, note, NATS, values)


def _of_means(
    stages: Sequence[Kept], title: str, note: str, unit: str, values: Sequence[tuple[Sequence[float], Sequence[float]]]
) -> Measure:
    """Of each stage the sum of its items' values over the sum of their weights."""
    lines = [
        Line(
            stages[place]["name"],
            statistic.ratio(*mine),
            statistic.of_ratios(mine, values[place - 1]) if place else None,
            statistic.of_ratios(mine, values[0]) if place else None,
        )
        for place, mine in enumerate(values)
    ]
    return Measure(title, note, unit, len(values[0][0]), tuple(lines))


def _pair(kept: Sequence[Sequence[float]]) -> Pair:
    chosen, rejected = kept
    return Pair(Score(chosen[0], int(chosen[1])), Score(rejected[0], int(rejected[1])))


def _notes(stages: Sequence[Kept]) -> list[str]:
    first = stages[0]
    notes = [
        "Intervals: 95 %, by bootstrap over items. p: two-sided, not corrected for several comparisons; McNemar's exact test "
        "for shares, Wilcoxon's signed-rank test for NLL."
    ]
    for kind in first["scores"]:
        others = [stage["name"] for stage in stages if stage["tokens"][kind] != first["tokens"][kind]]
        if others:
            notes.append(f"{', '.join(others)} reads the {kind} in other tokens than {first['name']}: compare NLL with care.")
        fewer = len(shared([stage["scores"][kind] for stage in stages]))
        if fewer < len(first["scores"][kind]):
            notes.append(
                f"{len(first['scores'][kind]) - fewer} of the {kind} are too long for a later stage, and left out for all."
            )
    if len({stage["held"].removesuffix(", adapter") for stage in stages}) > 1:
        notes.append("The stages are held differently (see above): a difference may be the number format's.")
    for stage in stages:
        notes += [
            f"{stage['name']} was trained on {file}: what is measured there is memory too." for file in stage.get("learned", ())
        ]
    return notes


def write(found: Report, folder: Path) -> list[Path]:
    """`stages.md`, `stages.json` and `stages.png` in `folder`."""
    (folder / "stages.md").write_text(as_markdown(found), "utf-8")
    run_folder.write_json(folder / "stages.json", found.as_dict())
    draw(found, folder / "stages.png")
    return [folder / "stages.md", folder / "stages.json", folder / "stages.png"]


def as_markdown(found: Report) -> str:
    return "\n".join(["# Stages", "", *tables(found), *_side_by_side(found.stages)]).rstrip() + "\n"


def tables(found: Report, level: str = "##") -> list[str]:
    """Lines of Markdown: what the stages are, what to know, and a table for each measure, under headings of `level`."""
    lines = ["| stage | model | held |", "|---|---|---|"]
    lines += [f"| {stage['name']} | {stage['model']} | {stage['held']}, {stage['device']} |" for stage in found.stages]
    lines += ["", *[f"{note}\n" for note in found.notes]]
    if found.lengths:
        lengths = found.lengths
        lines += [
            f"Lengths: {lengths['tokens_chosen']:.1f} tokens chosen and {lengths['tokens_rejected']:.1f} rejected on average; "
            f"the chosen is longer in {lengths['longer_chosen']:.1%}.\n"
        ]
    for measure in found.measures:
        lines += [*_table(measure, level), ""]
    return lines


def _table(measure: Measure, level: str) -> list[str]:
    referring = any(line.reference for line in measure.lines)
    head = ["stage", *(["reference"] if referring else []), measure.title, "95 % interval"]
    head += ["less the stage before", "p", "less the first", "p"]
    made = [
        f"{level} {measure.title[0].upper()}{measure.title[1:]}",
        "",
        f"{measure.note} {counted(measure.items, 'item')}.",
        "",
    ]
    made += [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    show: Callable[[float], str] = {SHARE: _percent, NATS: _nats}.get(measure.unit, _count)
    for line in measure.lines:
        estimate = line.estimate
        ties = f" ({line.ties} ties)" if line.ties else ""
        cells = [line.stage, *([line.reference or ""] if referring else []), show(estimate.value) + ties]
        cells += [f"{show(estimate.low)} to {show(estimate.high)}"]
        for paired in (line.before, line.base):
            cells += _compared(paired, show)
        made.append(f"| {' | '.join(cells)} |")
    return made


def _compared(paired: Paired | None, show: Callable[[float], str]) -> list[str]:
    if paired is None:
        return ["", ""]
    gap = paired.difference
    told = [f"{'+' if value >= 0 else ''}{show(value)}" for value in (gap.value, gap.low, gap.high)]
    return [f"{told[0]} [{told[1]}, {told[2]}]", "< 0.001" if paired.p < 0.001 else f"{paired.p:.3f}"]


def _percent(value: float) -> str:
    return f"{value:.1%}"


def _nats(value: float) -> str:
    return f"{value:z.4f}"


def _count(value: float) -> str:
    return f"{value:.1f}"


def _side_by_side(stages: Sequence[Kept]) -> list[str]:
    """The answers as they came, in blocks that no text can end."""
    if not stages[0]["answers"]:
        return []
    made = ["## Answers side by side", "", "Greedy, as they came; examples drawn by seed.", ""]
    for place, asked in enumerate(stages[0]["answers"]):
        made += [f"### Line {asked['line']}", "", *_block("prompt", asked["prompt"]), *_block("expected", asked["expected"])]
        for stage in stages:
            answer = stage["answers"][place]
            cut = ", cut there" if answer["cut"] else ""
            made += _block(f"{stage['name']} ({answer['tokens']} tokens{cut})", answer["text"])
    return made


def _block(title: str, text: str) -> list[str]:
    longest = max((len(run) for run in re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return [f"**{title}**", "", f"{fence}text", text, fence, ""]


def draw(found: Report, picture: Path) -> None:
    """A panel for each measure, its stages from left to right with their intervals."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    rows = -(-len(found.measures) // 2)
    figure = Figure(figsize=(10, 3.2 * rows), layout="constrained")
    FigureCanvasAgg(figure)
    for at, measure in enumerate(found.measures, 1):
        scale = 100 if measure.unit == SHARE else 1
        axes = figure.add_subplot(rows, min(2, len(found.measures)), at, title=measure.title)
        axes.set_ylabel("%" if measure.unit == SHARE else measure.unit)
        places = range(len(measure.lines))
        middle = [scale * line.estimate.value for line in measure.lines]
        below = [scale * max(0, line.estimate.value - line.estimate.low) for line in measure.lines]
        above = [scale * max(0, line.estimate.high - line.estimate.value) for line in measure.lines]
        axes.errorbar(places, middle, yerr=[below, above], fmt="o", capsize=4)
        if measure.title.startswith(ALIGNMENT):
            axes.axhline(50, linewidth=0.8, linestyle="--", color="grey")
        axes.set_xticks(list(places), [line.stage for line in measure.lines])
        axes.margins(x=0.2)
        axes.grid(alpha=0.3)
    figure.savefig(picture, dpi=110, metadata={"Software": None})
