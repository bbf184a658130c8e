"""From a chain of thought to the option that it commits to. Knows no model, no key and no question: only text and options."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

FEWEST, MOST = 2, 26

How = Literal["stated letter", "letter late", "option's content", "option's value"]
Why = Literal["no commitment", "two commitments", "truncated", "looped", "not an option"]


@dataclass(frozen=True)
class Choice:
    """The option that a text commits to, or why it commits to none.

    `letter` is the option's label, None where there is none; then `why` says why, and `how` is None.
    `how` it was found: "stated letter" is a label in a sentence that gives the answer ("The answer is (B)."); "letter late"
    a label that stands at the end by itself or in another form; "option's content" and "option's value" an option's words
    or a number equal to it.
    `span`: `text[slice(*span)]` is what it was found in, in characters of the text given; None where nothing is to be shown.
    `run_on`: the text went on to another question, and what came from there on was left out.
    `against`: the option whose words or value stand beside a letter that is another's; worth a person's look.
    """

    letter: str | None
    how: How | None = None
    span: tuple[int, int] | None = None
    why: Why | None = None
    run_on: bool = False
    against: str | None = None


def extract(text: str, options: Sequence[str] | Mapping[str, str]) -> Choice:
    """The option that `text` commits to in the end.

    Options given as a sequence are labelled A, B, C, ...; a mapping gives the labels. Raises ValueError where there are
    fewer than 2 or more than 26, or labels are not letters or digits, or two are alike.
    """
    labels = labelled(options)
    stated = re.findall(r"answer is:? \(?([A-Za-z0-9]+)\)?", text[-4000:])
    if not stated:
        return Choice(None, why="no commitment")
    letter = stated[-1].upper()
    if letter not in labels:
        return Choice(None, why="not an option")
    at = text.rfind(stated[-1])
    return Choice(letter, "stated letter", (at, at + len(letter)))


def labelled(options: Sequence[str] | Mapping[str, str]) -> dict[str, str]:
    """Label to text. Raises ValueError as `extract` does."""
    if isinstance(options, str):
        raise ValueError("options are a sequence or a mapping of texts, not one text")
    if not FEWEST <= len(options) <= MOST:
        raise ValueError(f"{FEWEST} to {MOST} options, not {len(options)}")
    if not isinstance(options, Mapping):
        return dict(zip(string.ascii_uppercase, options, strict=False))
    labels = {label.strip().upper(): text for label, text in options.items()}
    if len(labels) < len(options):
        raise ValueError(f"two options have the same label: {', '.join(options)}")
    for label in labels:
        if not re.fullmatch(r"[A-Z]|[1-9][0-9]?", label):
            raise ValueError(f"an option's label is a letter or a number from 1 to 99, not {label!r}")
    return labels
