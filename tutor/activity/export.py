"""Preferences as rows that a DPO stage takes as they are: prompt, chosen, rejected, one JSON object a line.

The prompt is the user's turn as a model that answers in its own words is given it (see tutor/answering/prompts.py; the system's
turn is prompts.EXPLAIN), so that training matches answering. What would teach nothing or something wrong is left out, and told.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from tutor.activity.exchange import same_question
from tutor.activity.masking import mask_told, mask_typed
from tutor.activity.preferences import Preference

NEARLY = 95  # rapidfuzz's ratio, of 100, at which question and both answers are another pair's
EMPTY = "an empty answer"
SAME = "the better answer is the other one"
LEANS = "the question leans on the one before it, which the prompt does not have"
CONFLICT = "an answer that is the better one here is the worse one there"
DUPLICATE = "the same pair again"
NEAR_DUPLICATE = "nearly the same pair again"


@dataclass(frozen=True)
class LeftOut:
    """A preference that is not exported, and why."""

    preference: str
    question: str
    reason: str


@dataclass(frozen=True)
class Exported:
    """Rows {prompt, chosen, rejected}, and what was left out."""

    rows: tuple[dict[str, str], ...]
    left_out: tuple[LeftOut, ...]

    @property
    def reasons(self) -> dict[str, int]:
        """How many were left out for which reason, the most frequent first."""
        return dict(Counter(left.reason for left in self.left_out).most_common())

    @property
    def text(self) -> str:
        """The file."""
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in self.rows)


def exported(preferences: Sequence[Preference]) -> Exported:
    """The rows of these preferences. Of pairs that are (nearly) the same the first stays."""
    left: list[LeftOut] = []
    kept: list[tuple[Preference, dict[str, str]]] = []
    for preference in preferences:
        row = _row(preference)
        if reason := _fault(preference, row):
            left.append(LeftOut(preference.id, preference.question, reason))
        else:
            kept.append((preference, row))
    kept, conflicting = _without_conflicts(kept)
    once, again = _once(kept)
    left += [LeftOut(preference.id, preference.question, CONFLICT) for preference in conflicting]
    return Exported(tuple(row for _, row in once), tuple(left + again))


def _row(preference: Preference) -> dict[str, str]:
    """Masked once more: what masking has learnt since holds for older rows too. The books' own words stay."""
    passages, question, asked = preference.prompt.rpartition("\n\nQuestion: ")
    return {
        "prompt": passages + question + mask_typed(asked),
        "chosen": mask_told(preference.chosen).strip(),
        "rejected": mask_told(preference.rejected).strip(),
    }


def _fault(preference: Preference, row: dict[str, str]) -> str:
    if not all(text.strip() for text in row.values()):
        return EMPTY
    if _folded(row["chosen"]) == _folded(row["rejected"]):
        return SAME
    return LEANS if preference.leans else ""


def _without_conflicts(
    pairs: Sequence[tuple[Preference, dict[str, str]]],
) -> tuple[list[tuple[Preference, dict[str, str]]], list[Preference]]:
    """The pairs without those that have an answer which is both chosen and rejected for one prompt."""
    chosen: dict[str, set[str]] = defaultdict(set)
    rejected: dict[str, set[str]] = defaultdict(set)
    for _, row in pairs:
        chosen[_prompt(row)].add(_folded(row["chosen"]))
        rejected[_prompt(row)].add(_folded(row["rejected"]))
    kept, conflicting = [], []
    for preference, row in pairs:
        both = chosen[_prompt(row)] & rejected[_prompt(row)]
        if both & {_folded(row["chosen"]), _folded(row["rejected"])}:
            conflicting.append(preference)
        else:
            kept.append((preference, row))
    return kept, conflicting


def _once(
    pairs: Sequence[tuple[Preference, dict[str, str]]],
) -> tuple[list[tuple[Preference, dict[str, str]]], list[LeftOut]]:
    """The pairs without those that repeat an earlier one, whatever passages they had."""
    from rapidfuzz.fuzz import ratio
    from rapidfuzz.process import extract_iter

    kept: list[tuple[Preference, dict[str, str]]] = []
    questions: list[str] = []
    left: list[LeftOut] = []
    seen: set[tuple[str, ...]] = set()
    for preference, row in pairs:
        question, better, worse = same_question(preference.question), _folded(row["chosen"]), _folded(row["rejected"])
        if (exact := (_prompt(row), better, worse)) in seen:
            left.append(LeftOut(preference.id, preference.question, DUPLICATE))
            continue
        seen.add(exact)
        asked = (kept[number][1] for _, _, number in extract_iter(question, questions, scorer=ratio, score_cutoff=NEARLY))
        if any(
            ratio(better, _folded(other["chosen"])) >= NEARLY and ratio(worse, _folded(other["rejected"])) >= NEARLY
            for other in asked
        ):
            left.append(LeftOut(preference.id, preference.question, NEAR_DUPLICATE))
            continue
        kept.append((preference, row))
        questions.append(question)
    return kept, left


def _prompt(row: dict[str, str]) -> str:
    return _folded(row["prompt"])


def _folded(text: str) -> str:
    return " ".join(text.casefold().split())
