"""Text that two models are compared on: as tokens, and from which token on it counts. Knows nothing of models' weights.

A row with a prompt counts from its answer on, {"text": ...} from its second token on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training import data, rendering
from training.errors import DataError
from training.run_folder import sha256

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from training.recipe import Data

ROWS = 24
LONGEST = 2048  # tokens of a row
HELD_BYTES = 2**30  # of one model's log-probabilities in fp32, which wait in memory for the other's
GOLDEN = 0.6180339887498949


@dataclass(frozen=True)
class Text:
    """`ids` are tokens; those from `start` (at least 1) on are predicted, each from all before it."""

    ids: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class HeldOut:
    """`source` says what it is in words; `trained_on` is true where the model learned these rows."""

    texts: tuple[Text, ...]
    file: Path
    sha256: str
    source: str
    trained_on: bool

    @property
    def tokens(self) -> int:
        return sum(len(text.ids) - text.start for text in self.texts)

    def record(self) -> dict[str, Any]:
        return {
            "file": str(self.file.resolve()),
            "sha256": self.sha256,
            "source": self.source,
            "trained_on": self.trained_on,
            "rows": len(self.texts),
            "tokens": self.tokens,
        }


def of_run(
    files: Data,
    kept: Mapping[str, Any],
    course: Path,
    stage: str,
    tokenizer: PreTrainedTokenizerBase,
    words: int,
    longest: int | None,
) -> HeldOut:
    """A run's validation or test data; where it has neither, rows that it was trained on: those of its file, or of the `course`
    that it keeps. `kept` is what its manifest says of the files, `words` the vocabulary's size. Raises DataError where a file
    is no longer what it was."""
    name, file = next(
        (name, file)
        for name, file in (("validation", files.validation), ("test", files.test), ("train", files.train or course))
        if file
    )
    if file != course and sha256(file) != kept[name]["sha256"]:
        gone = "is not what it was" if file.is_file() else "is not there any more"
        raise DataError(f"{file}: {gone}; the run has it as data.{name}. Restore it, or give rows to measure on (--text FILE).")
    source = "rows that the run was trained on" if name == "train" else f"the run's {name} data"
    return read(file, stage, tokenizer, words, longest, source, trained_on=name == "train")


def read(
    file: Path,
    stage: str,
    tokenizer: PreTrainedTokenizerBase,
    words: int,
    longest: int | None = None,
    source: str = "the given text",
    trained_on: bool = False,
) -> HeldOut:
    """Rows of `file` from all over it, as many as are worth the time. Raises DataError where it cannot be read."""
    limit = min(longest or LONGEST, LONGEST)
    room = HELD_BYTES // (4 * words)
    texts: list[Text] = []
    for text in rows(file, stage, tokenizer):
        cut = Text(text.ids[:limit], text.start)
        counted = len(cut.ids) - cut.start
        if counted < 1:
            continue
        if len(texts) == ROWS or counted > room:
            break
        texts.append(cut)
        room -= counted
    if not texts:
        raise DataError(f"{file}: no row has an answer within {limit} tokens. Give other text with --text.")
    return HeldOut(tuple(texts), file, sha256(file), source, trained_on)


def rows(file: Path, stage: str, tokenizer: PreTrainedTokenizerBase) -> Iterator[Text]:
    """The rows of `file` as tokens, in an order that is spread over it."""
    keys = data.first_keys(file)
    if "text" in keys:
        found: list[Any] = [row["text"] for _, row in data.documents(file, data.text_of(file)[0])]
    else:
        found = list(data.read(file, "dpo" if "chosen" in keys else "sft" if keys else stage).rows)
    for at in sorted(range(len(found)), key=lambda place: (place * GOLDEN) % 1):
        if isinstance(found[at], str):
            yield Text(tuple(tokenizer(found[at])["input_ids"]), 1)
            continue
        fields = rendering.conversational(found[at].fields, bool(tokenizer.chat_template))
        answer = "chosen" if "chosen" in fields else "completion"
        prompt, whole = rendering.ids(tokenizer, fields, None), rendering.ids(tokenizer, fields, answer)
        same = next((i for i, (a, b) in enumerate(zip(prompt, whole, strict=False)) if a != b), min(len(prompt), len(whole)))
        yield Text(tuple(whole), max(same, 1))
