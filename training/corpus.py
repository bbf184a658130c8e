"""Documents for continued pre-training: from JSON lines, a plain text, or a course's sections, and the share that is held out.

    {"text": ..., "section": ...}    a document a line; documents with the same `section` are held out together

A plain text is cut at its blank lines into documents of some thousand characters. Knows nothing of tokenizers or models.
"""

from __future__ import annotations

import hashlib
import json
import random
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training import data, leakage
from training.data import Example, Examples
from training.errors import DataError

COURSE = "course.jsonl"  # in the run's folder, what was read of a course
DOCUMENT = 8000  # characters of a document cut from a plain text


@dataclass(frozen=True)
class HeldOut:
    """Documents divided: what is trained on, what is measured on. `near` were left out, for they nearly are the latter."""

    train: Examples
    validation: Examples
    sections: tuple[str, ...]
    near: int


def read(file: Path) -> Examples:
    """The documents of a JSON-lines or text file. Raises DataError."""
    text, digest = data.text_of(file)
    if file.suffix.lower() in (".jsonl", ".json"):
        return documents(file, text, digest)
    if "\0" in text:
        raise DataError(f"{file}: not plain text. Give a .txt file, JSON lines, or a course (data.course=NAME).")
    rows = [{"text": part} for part in parts(text)]
    if not rows:
        raise DataError(f"{file}: holds no text.")
    return Examples(file, digest, tuple(Example(number, row) for number, row in enumerate(rows, 1)), 0, 0)


def of_course(name: str, rows: Iterable[Mapping[str, Any]]) -> Examples:
    """The documents of the course `name`, handed on by who can read it. Raises DataError where there are none."""
    text = as_lines(rows)
    return documents(Path(COURSE), text, hashlib.sha256(text.encode()).hexdigest())


def as_lines(rows: Iterable[Mapping[str, Any]]) -> str:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def documents(file: Path, lines: str, digest: str) -> Examples:
    """One document a line; malformed ones are named, empty and repeated ones counted. Raises DataError."""
    rows: list[Example] = []
    seen: set[str] = set()
    empty = duplicates = 0
    for number, row in data.documents(file, lines):
        if not row["text"].strip():
            empty += 1
        elif row["text"] in seen:
            duplicates += 1
        else:
            seen.add(row["text"])
            rows.append(Example(number, row))
    if not rows:
        raise DataError(f"{file}: no document is left ({empty} empty). A row of stage cpt has text.")
    return Examples(file, digest, tuple(rows), empty, duplicates)


def parts(text: str) -> list[str]:
    """`text` in documents of about DOCUMENT characters, cut at blank lines."""
    made: list[str] = []
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n").replace("\f", "\n\n")):
        if not paragraph.strip():
            continue
        if made and len(made[-1]) + len(paragraph) < DOCUMENT:
            made[-1] += "\n\n" + paragraph.rstrip()
        else:
            made.append(paragraph.rstrip())
    return made


def hold_out(examples: Examples, share: float, seed: int) -> HeldOut:
    """About `share` of the characters of `examples`, by whole sections chosen by `seed`; the same every time.

    A document for training that nearly is one held out (another edition of the book) is left out: it would be remembered.
    Raises DataError where there are fewer than two sections.
    """
    groups: dict[str, list[Example]] = {}
    for example in examples.rows:
        section = example.fields.get("section")
        groups.setdefault(title(section) if section else f"document {example.line}", []).append(example)
    if len(groups) < 2:
        raise DataError(f"{examples.file}: one section only, none can be held out. Give data.validation, or more text.")
    wanted = share * sum(len(example.fields["text"]) for example in examples.rows)
    order = sorted(groups)
    random.Random(seed).shuffle(order)
    chosen: list[str] = []
    size = 0
    for name in order[:-1]:
        if size >= wanted:
            break
        chosen.append(name)
        size += sum(len(example.fields["text"]) for example in groups[name])
    kept = tuple(example for name in chosen for example in groups[name])
    validation = Examples(examples.file, examples.sha256, kept, 0, 0)
    held = {example.line for example in kept}
    rest = Examples(
        examples.file,
        examples.sha256,
        tuple(example for example in examples.rows if example.line not in held),
        examples.empty,
        examples.duplicates,
    )
    near = {overlap.line for overlap in leakage.overlaps(rest, validation)}
    train = tuple(example for example in rest.rows if example.line not in near)
    if not train:
        raise DataError(f"{examples.file}: every document nearly is one held out. Give data.validation.")
    return HeldOut(
        Examples(rest.file, rest.sha256, train, rest.empty, rest.duplicates), validation, tuple(sorted(chosen)), len(near)
    )


def title(section: Any) -> str:
    return " > ".join(map(str, section)) if isinstance(section, list) else str(section)
