"""Examples from JSON lines, checked before anything loads: what cannot be read is named by line, what is odd is counted.

    {"prompt": ..., "completion": ...}              SFT, prompt tuning; each a text, or a list of chat messages
    {"messages": [...]}                             the same; the last turn, the assistant's, is what is learned
    {"prompt": ..., "chosen": ..., "rejected": ...} DPO

Other keys of a row are left alone. Documents for CPT are read by training/corpus.py. Knows nothing of tokenizers (see
training/rendering.py) or models.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from training.errors import DataError

ANSWERED = ("prompt", "completion")
FIELDS = {"sft": ANSWERED, "prompt_tuning": ANSWERED, "dpo": ("prompt", "chosen", "rejected")}
ROLES = ("system", "user", "assistant", "tool")
SHOWN = 5  # faults told of one file


@dataclass(frozen=True)
class Example:
    """One row. `fields` are texts or lists of messages, by name; `line` counts from 1."""

    line: int
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class Examples:
    """What a file holds, and what was left out of it."""

    file: Path
    sha256: str
    rows: tuple[Example, ...]
    empty: int
    duplicates: int


def read(file: Path, stage: str) -> Examples:
    """The examples of `file`. Raises DataError naming lines that are malformed, or whose chosen answer is the rejected one."""
    text, digest = text_of(file)
    faults: dict[int, str] = {}
    rows, seen = [], set()
    empty = duplicates = 0
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            fields = fields_of(row, stage)
        except ValueError as error:
            faults[line] = str(error)
            continue
        words = {name: plain(value) for name, value in fields.items()}
        if not all(text.strip() for text in words.values()):
            empty += 1
        elif "chosen" in words and words["chosen"].strip() == words["rejected"].strip():
            faults[line] = "chosen and rejected are the same"
        elif (key := tuple(key_of(name, text) for name, text in words.items())) in seen:
            duplicates += 1
        else:
            seen.add(key)
            rows.append(Example(line, fields))
    if faults and text.lstrip().startswith("["):
        raise DataError(f"{file}: one JSON list. Write each of its objects on a line of its own (JSON lines).")
    refuse(file, faults)
    if not text.strip():
        raise DataError(f"{file}: an empty file. A row of this stage has {', '.join(FIELDS[stage])}.")
    if not rows:
        raise DataError(f"{file}: no example is left ({empty} empty). A row of this stage has {', '.join(FIELDS[stage])}.")
    return Examples(file, digest, tuple(rows), empty, duplicates)


def documents(file: Path, text: str) -> list[tuple[int, dict[str, Any]]]:
    """The rows {"text": ...} of `text`, JSON lines of `file`, each with its line. Raises DataError naming what is none."""
    faults: dict[int, str] = {}
    rows = []
    for line, row in enumerate(text.split("\n"), 1):
        if not row.strip():
            continue
        try:
            record = record_of(row)
        except ValueError as error:
            faults[line] = str(error)
            continue
        if isinstance(record.get("text"), str):
            rows.append((line, record))
        else:
            faults[line] = f'no "text" (it has {", ".join(list(record)[:6]) or "nothing"})'
    refuse(file, faults)
    return rows


def first_keys(file: Path) -> set[str]:
    """The names that the first row has; none where it is no JSON object (and who reads the rows says why)."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            row = json.loads(next((line for line in lines if line.strip()), "null"))
    except (OSError, ValueError):
        return set()
    return set(row) if isinstance(row, dict) else set()


def refuse(file: Path, faults: Mapping[int, str]) -> None:
    """Raises DataError where there are `faults`, by line: the first explained, all named."""
    if faults:
        told = "; ".join(f"line {line}: {fault}" for line, fault in list(faults.items())[:SHOWN])
        more = f"; and {len(faults) - SHOWN} more: {spans([*faults][SHOWN:])}" if len(faults) > SHOWN else ""
        raise DataError(f"{file}: {told}{more}. Mend or remove these rows.")


def text_of(file: Path) -> tuple[str, str]:
    """The text of `file` and its sha256. Raises DataError."""
    try:
        raw = file.read_bytes()
        return raw.decode("utf-8-sig"), hashlib.sha256(raw).hexdigest()
    except FileNotFoundError:
        raise DataError(f"{file}: no such file. Give a file of JSON lines.") from None
    except IsADirectoryError:
        raise DataError(f"{file}: a folder. Give a file of JSON lines.") from None
    except UnicodeDecodeError as error:
        raise DataError(f"{file}: not UTF-8 (byte {error.start}). Save it as UTF-8.") from error


def record_of(row: str) -> dict[str, Any]:
    """A JSON line. Raises ValueError saying what is wrong with it."""
    try:
        record = json.loads(row)
        json.dumps(record, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise ValueError("holds half of a character (a lone surrogate), which is no text") from error
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    except ValueError as error:
        raise ValueError(f"not valid JSON ({error})") from error
    if not isinstance(record, dict):
        raise ValueError("not a JSON object")
    return record


def fields_of(row: str, stage: str) -> dict[str, Any]:
    """The fields of one JSON line. Raises ValueError saying what is wrong with it."""
    record = record_of(row)
    if FIELDS[stage] == ANSWERED and "messages" in record:
        messages = list(turns(record["messages"], "messages"))
        if len(messages) < 2 or messages[-1]["role"] != "assistant":
            raise ValueError("messages has to end with a turn of the assistant, after one of the user")
        return {"prompt": messages[:-1], "completion": messages[-1:]}
    missing = [name for name in FIELDS[stage] if name not in record]
    if missing:
        given = ", ".join(list(record)[:6]) or "nothing"
        raise ValueError(f"no {' and no '.join(missing)} (it has {given})")
    fields = {name: value_of(record[name], name) for name in FIELDS[stage]}
    for name in FIELDS[stage][1:]:
        if not isinstance(fields[name], str) and fields[name][-1]["role"] != "assistant":
            raise ValueError(f"{name} ends with a turn of the {fields[name][-1]['role']}, not of the assistant")
    return fields


def value_of(value: Any, name: str) -> Any:
    """A text or a list of messages. Raises ValueError for anything else."""
    return value if isinstance(value, str) else list(turns(value, name))


def turns(messages: Any, name: str) -> Iterator[dict[str, str]]:
    if not isinstance(messages, list) or not messages:
        raise ValueError(f"{name} is neither a text nor a list of messages")
    for message in messages:
        if not isinstance(message, dict) or message.get("role") not in ROLES or not isinstance(message.get("content"), str):
            raise ValueError(f"{name} holds a message without a role ({', '.join(ROLES)}) and a content that is text")
        yield {"role": message["role"], "content": message["content"]}


def spans(lines: Sequence[int], most: int = 20) -> str:
    """Lines in ascending order as "1 to 3, 7", at most so many of them."""
    made: list[list[int]] = []
    for line in lines:
        if made and line == made[-1][1] + 1:
            made[-1][1] = line
        else:
            made.append([line, line])
    told = [str(low) if low == high else f"{low} to {high}" for low, high in made[:most]]
    return ", ".join(told) + (", ..." if len(made) > most else "")


def plain(value: Any) -> str:
    """The words of a text or of messages."""
    return value if isinstance(value, str) else "\n".join(message["content"] for message in value)


def key_of(name: str, text: str) -> str:
    """What is the same in two rows that say the same: in an answer, which may be code, case and indentation count."""
    return normal(text) if name == "prompt" else text.strip()


def normal(text: str) -> str:
    """`text` for comparing: lower case, runs of white space as one space."""
    return re.sub(r"\s+", " ", text).strip().lower()
