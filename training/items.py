"""What of a file is scored: pairs, completions, or running text in sliding windows, as tokens. Knows nothing of weights."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from training import data
from training.errors import DataError
from training.scoring import Tokens, of_answers

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

WINDOW = 1024


@dataclass(frozen=True)
class Items:
    """`texts`: for each item its answers (two for a pair, one else); `keys` name the items, by line, or line and window.

    `too_long`: lines left out because an answer with its prompt has more than `longest` tokens. `kind`: pairs, completions or
    text; `stride`: of the windows of text.
    """

    file: Path
    sha256: str
    kind: str
    keys: tuple[str, ...]
    texts: tuple[tuple[Tokens, ...], ...]
    longest: int
    stride: int | None = None
    too_long: tuple[int, ...] = ()
    empty: int = 0
    duplicates: int = 0

    @property
    def flat(self) -> list[Tokens]:
        return [text for item in self.texts for text in item]

    @property
    def digest(self) -> str:
        """Of the tokens: models whose digests differ do not read the same."""
        made = [(text.start, *text.ids) for text in self.flat]
        return hashlib.sha256(json.dumps(made).encode()).hexdigest()

    def left_out(self) -> str:
        """In words; empty where nothing was."""
        told = [f"{count} {what}" for count, what in ((self.empty, "empty"), (self.duplicates, "duplicates")) if count]
        if self.too_long:
            lines = ", ".join(map(str, self.too_long[:5])) + (", ..." if len(self.too_long) > 5 else "")
            told.append(f"{len(self.too_long)} of more than {self.longest} tokens (line {lines})")
        return f"left out {', '.join(told)}" if told else ""


def rows(file: Path, stage: str, tokenizer: PreTrainedTokenizerBase, longest: int) -> Items:
    """The pairs (`stage` dpo) or completions (sft) of `file`. Raises DataError where no row is left."""
    read = data.read(file, stage)
    texts = [(example.line, tuple(of_answers(tokenizer, example.fields))) for example in read.rows]
    fitting = [(line, row) for line, row in texts if max(len(text.ids) for text in row) <= longest]
    if not fitting:
        raise DataError(f"{file}: every row has more than {longest} tokens. Raise --max-length.")
    return Items(
        file,
        read.sha256,
        "pairs" if stage == "dpo" else "completions",
        tuple(str(line) for line, _ in fitting),
        tuple(row for _, row in fitting),
        longest,
        too_long=tuple(sorted({line for line, _ in texts} - {line for line, _ in fitting})),
        empty=read.empty,
        duplicates=read.duplicates,
    )


def text(file: Path, tokenizer: PreTrainedTokenizerBase, window: int = WINDOW, stride: int | None = None) -> Items:
    """Running text (.txt, or JSON lines with "text"), or the completions of JSON lines with a prompt.

    Of running text every token but a document's first is scored once, in windows of `window` tokens of which each goes on
    `stride` tokens (half a window) behind the one before. Raises DataError.
    """
    stride = stride or window // 2
    if not 0 < stride < window:
        raise DataError(f"a stride of {stride} does not fit windows of {window} tokens. Give one from 1 to {window - 1}.")
    documents = _documents(file)
    if documents is None:
        return rows(file, "sft", tokenizer, window)
    keys, texts = [], []
    for line, document in documents:
        ids = list(tokenizer(document)["input_ids"])
        for number, made in enumerate(windows(ids, window, stride)):
            keys.append(f"{line}.{number}")
            texts.append((made,))
    if not texts:
        raise DataError(f"{file}: no text of two tokens or more in it. Give another file.")
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    return Items(file, digest, "text", tuple(keys), tuple(texts), window, stride)


def counted(count: int, kind: str) -> str:
    """So many of a `kind`: "1 window of text", "2 pairs"."""
    one = {"text": "window of text", "pairs": "pair", "completions": "completion"}.get(kind, kind)
    first, *rest = one.split(" ")
    return " ".join([f"{count:,}", first if count == 1 else f"{first}s", *rest])


def windows(ids: Sequence[int], window: int, stride: int) -> list[Tokens]:
    """Every token but the first scored once, given as many before it as the window holds."""
    made, scored = [], 1
    while scored < len(ids):
        end = min(len(ids), max(window, scored + stride))
        begin = max(0, end - window)
        made.append(Tokens(tuple(ids[begin:end]), scored - begin))
        scored = end
    return made


def _documents(file: Path) -> list[tuple[int, str]] | None:
    """Texts with their lines; None where the rows are prompts with completions. Raises DataError."""
    read, _ = data.text_of(file)
    if file.suffix != ".jsonl":
        return [(1, read)]
    if data.first_keys(file) & {"prompt", "messages"}:
        return None
    return [(line, row["text"]) for line, row in data.documents(file, read)]
