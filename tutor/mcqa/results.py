"""What grading leaves of each question: JSON Lines, a question a line, in the sheet's order; and the settings they came of.

FILE.jsonl            one Result a line, appended as it is finished
FILE.settings.json    the Settings of the run, written before the first line
FILE.csv              the same for a spreadsheet, without the samples, written when all are there

Knows nothing of models and of how a result is come by.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from index_store.errors import GradingError
from index_store.files import write_atomically

NAMED = {
    "digest": "the questions",
    "prompt": "the prompt",
}  # settings that say nothing to a reader
Outcome = Literal["right", "wrong", "unparsed", "no key"]
CONSTRAINED = "constrained completion"  # Result.how where no text committed to an option and the model was made to choose


@dataclass(frozen=True)
class Cited:
    """A passage that the model was given, under the number it had in the prompt.

    `page`: the first page, counted in the file from 1. `label`: the pages as a reader looks them up ("p. 12"). `section`: the
    path of headings. `passage_id`: Passage.id.
    """

    number: int
    book: str
    file: str
    page: int
    label: str
    section: str
    passage_id: str


@dataclass(frozen=True)
class Sample:
    """One chain of thought. Letters and labels are the sheet's, but in `text`, which has them as they were shown.

    `order`: the sheet's labels in the order in which their options were shown: ("C", "A", "B") showed option C as A. Sample 0
    has the sheet's order. `letter`, `how`, `why`: as in tutor.mcqa.Choice. `text`: the chain of thought. `tokens`: generated.
    `truncated`: the tokens ran out before it ended. `against`: the option whose words stand beside a letter that is another's.
    `span`: `text[slice(*span)]` is what the letter was found in.
    """

    order: tuple[str, ...]
    letter: str | None
    how: str | None
    why: str | None
    text: str
    tokens: int
    truncated: bool
    against: str | None = None
    span: tuple[int, int] | None = None


@dataclass(frozen=True)
class Result:
    """One graded question.

    id, question, options, subject, key
        as in Question (tutor.mcqa.sheet); `question` is the stem.
    letter      what the most samples commit to (of equally many, what the first sample says); None: unparsed, which is neither
                right nor wrong.
    how         how that was found, of the first sample that says it: one of tutor.mcqa.choice.How, or CONSTRAINED; None
                where `letter` is.
    why         why there is none, of sample 0; None where there is a letter.
    confidence  0 to 1, the probability that `letter` is right, by a fitted calibration; None where nothing was fitted.
                A line of the file has `raw_confidence` beside it.
    reasoning   the chain of thought of the sample that `how` is of.
    citations   the passages given, in the order of their numbers; empty without a course.
    samples     every chain of thought, the greedy one first.
    letter_logprobs  label to log-probability after sample 0's chain of thought, up to where it commits, and "The answer is (";
                normalised over the question's labels: their exponentials sum to 1. Empty where it was not asked for, or
                could not be had.
    evidence    label to how nearly a sentence of the passages says that option (multiple_choice.likeness); empty without
                passages.
    fallback    whether `letter` comes of the constrained completion.
    seconds     until it was finished, from the beginning of its wave: those of one wave are asked together.
    tokens      generated, over all samples.
    """

    id: str
    question: str
    options: Mapping[str, str]
    subject: str = ""
    key: str | None = None
    letter: str | None = None
    how: str | None = None
    why: str | None = None
    confidence: float | None = None
    reasoning: str = ""
    citations: tuple[Cited, ...] = ()
    samples: tuple[Sample, ...] = ()
    letter_logprobs: Mapping[str, float] = field(default_factory=dict)
    evidence: Mapping[str, float] = field(default_factory=dict)
    fallback: bool = False
    seconds: float = 0.0
    tokens: int = 0

    @property
    def outcome(self) -> Outcome:
        """Unparsed is an outcome of its own, with a key or without."""
        if self.letter is None:
            return "unparsed"
        if self.key is None:
            return "no key"
        return "right" if self.letter == self.key else "wrong"

    @property
    def agreement(self) -> float | None:
        """The share of the samples that commit to the letter themselves, 0 to 1; None without a letter or samples."""
        if self.letter is None or not self.samples:
            return None
        return sum(sample.letter == self.letter for sample in self.samples) / len(self.samples)

    @property
    def raw_confidence(self) -> float | None:
        """What there is without a fit: of several samples the share that agrees, of one the letter's probability. None where
        there is neither; a single sample always agrees with itself."""
        if len(self.samples) > 1:
            return self.agreement
        if self.letter is None or self.letter not in self.letter_logprobs:
            return None
        return math.exp(self.letter_logprobs[self.letter])

    def as_dict(self) -> dict[str, Any]:
        """For a line of the results file. `raw_confidence` is there for readers; it follows from the rest."""
        raw = self.raw_confidence
        return {**asdict(self), "raw_confidence": None if raw is None else round(raw, 4)}

    @classmethod
    def from_dict(cls, row: Mapping[str, Any]) -> Result:
        """Raises TypeError, KeyError, ValueError or AttributeError where `row` is no result."""
        kept = {name: value for name, value in row.items() if name != "raw_confidence"}
        return cls(
            **{
                **kept,
                "options": dict(row["options"]),
                "citations": tuple(Cited(**cited) for cited in row.get("citations", ())),
                "samples": tuple(_sample(sample) for sample in row.get("samples", ())),
            }
        )


def _sample(row: Mapping[str, Any]) -> Sample:
    span = row.get("span")
    return Sample(**{**row, "order": tuple(row["order"]), "span": tuple(span) if span else None})


@dataclass(frozen=True)
class RunSettings:
    """What the results depend on; a run goes on only where all of it but `calibration` is the same.

    `sheet`: the file's name. `questions`: how many, and `digest` the sha256 of their content. `course`: None without one;
    `index`: the generation that was searched. `samples`: chains of thought for each question. `prompt`: the sha256 of the
    prompts' wording. `versions`: of what generates, by package. `calibration`: when the one that
    the confidences are of was fitted; "" without one. Another gives the results other confidences, and nothing else.
    """

    sheet: str
    questions: int
    digest: str
    model: str
    engine: str
    course: str | None
    index: str
    passages: int
    samples: int
    seed: int
    temperature: float
    max_tokens: int
    fallback: bool
    letter_logprobs: bool
    prompt: str
    versions: Mapping[str, str]
    calibration: str = ""

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    def differing(self, other: RunSettings) -> list[str]:
        """What of this is another in `other`, but the calibration, in words: "samples 1, now 5"."""
        ours, theirs = self.as_dict(), other.as_dict()
        return [
            f"{NAMED.get(name, name)} changed since"
            if name in NAMED
            else f"{name} {_said(ours[name])}, now {_said(theirs[name])}"
            for name in ours
            if ours[name] != theirs[name]
            and name != "calibration"
            and not (name == "digest" and ours["questions"] != theirs["questions"])  # said already
        ]


def _said(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{package} {version}" for package, version in value.items())
    return (
        {None: "none", True: "on", False: "off"}.get(value, str(value))
        if value is None or isinstance(value, bool)
        else str(value)
    )


@dataclass(frozen=True)
class Results:
    """A results file as it was read. `torn`: whether a last line was cut off (a run was killed in it), and left out."""

    settings: RunSettings
    rows: tuple[Result, ...]
    torn: bool = False


def settings_file(file: Path) -> Path:
    """Where the settings of the results in `file` stand."""
    return file.with_suffix(".settings.json")


def read_results(file: Path) -> Results:
    """The results in `file` (.jsonl) with their settings.

    Raises GradingError, naming file and line, where one is missing or damaged. A torn last line is left out.
    """
    beside = settings_file(file)
    try:
        settings = RunSettings(**json.loads(beside.read_text("utf-8")))
        text = file.read_bytes() if file.exists() else b""
    except OSError as error:
        raise GradingError(f"{error.filename}: {error.strerror}. Give the .jsonl file that `tutor grade` wrote.") from None
    except (ValueError, TypeError) as error:
        raise GradingError(f"{beside}: not the settings of a run ({error}). Grade anew with --force.") from None
    *lines, last = text.split(b"\n")
    rows = []
    for number, line in enumerate(lines, 1):
        try:
            rows.append(Result.from_dict(json.loads(line)))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise GradingError(f"{file}, line {number}: not a result ({error}). Grade anew with --force.") from None
    return Results(settings, tuple(rows), torn=bool(last))


def write_settings(file: Path, settings: RunSettings) -> None:
    write_atomically(file, json.dumps(settings.as_dict(), ensure_ascii=False, indent=1) + "\n", private=False)


def as_line(result: Result) -> str:
    """The result's line, without its end."""
    return json.dumps(result.as_dict(), ensure_ascii=False)
