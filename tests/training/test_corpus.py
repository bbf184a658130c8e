"""Documents to learn: read with faults named by line, cut where they are one long text, and held out by section."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from training import corpus
from training.errors import DataError


def file_of(tmp_path: Path, *rows: Any) -> Path:
    file = tmp_path / "books.jsonl"
    file.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows), "utf-8")
    return file


@pytest.mark.parametrize(
    ("row", "reason"), [("{", "not valid JSON"), ({"prompt": "a"}, 'no "text" .it has prompt'), ('["a"]', "not a JSON object")]
)
def test_a_malformed_document_is_named_by_line(tmp_path: Path, row: Any, reason: str) -> None:
    with pytest.raises(DataError, match=rf"books\.jsonl: line 2: {reason}"):
        corpus.read(file_of(tmp_path, {"text": "a"}, row))


def test_empty_and_repeated_documents_are_counted_and_left_out(tmp_path: Path) -> None:
    made = corpus.read(file_of(tmp_path, {"text": "a"}, {"text": "a"}, "", {"text": "  "}, {"text": "b"}))
    assert ([row.line for row in made.rows], made.empty, made.duplicates) == ([1, 5], 1, 1)


def test_a_plain_text_is_cut_at_blank_lines_and_nothing_is_lost(tmp_path: Path) -> None:
    paragraphs = [f"Paragraph {number}. " + "word " * 500 for number in range(10)]  # of over 2,500 characters each
    file = tmp_path / "book.txt"
    file.write_text("\r\n\r\n".join(paragraphs), "utf-8", newline="")
    made = [row.fields["text"] for row in corpus.read(file).rows]
    assert len(made) == 4  # three of them in 8,000 characters
    assert " ".join(made).split() == " ".join(paragraphs).split()


@pytest.mark.parametrize("content", [b"", b"\n \n", b"%PDF-1.7 \0\1"])
def test_a_file_without_text_is_refused(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "book.txt"
    file.write_bytes(content)
    with pytest.raises(DataError, match=r"book\.txt: (holds no text|not plain text)"):
        corpus.read(file)


def sections(count: int, **more: Any) -> list[dict[str, Any]]:
    words = ["heap", "queue", "stack", "graph", "tree", "node", "edge", "list", "array", "hash"]
    return [
        {"section": ["Book", str(number // 2)], "text": " ".join(words[(number * k + k * k) % 10] for k in range(1, 30))} | more
        for number in range(count)
    ]


def test_whole_sections_are_held_out_and_the_same_every_time(tmp_path: Path) -> None:
    examples = corpus.read(
        file_of(tmp_path, *[row | {"text": f"{n} {row['text']} {n}" * 3} for n, row in enumerate(sections(40))])
    )
    one, two = (corpus.hold_out(examples, 0.1, 42) for _ in range(2))
    assert one == two
    assert len(one.sections) == 2  # 40 documents of like size make 20 sections; 2 are a tenth
    held = {tuple(row.fields["section"]) for row in one.validation.rows}
    assert len(one.validation.rows) == 4
    assert held.isdisjoint(tuple(row.fields["section"]) for row in one.train.rows)
    assert corpus.hold_out(examples, 0.1, 1).sections != one.sections


def test_another_edition_of_what_is_held_out_is_not_trained_on(tmp_path: Path) -> None:
    rows = [{"section": str(n), "text": " ".join(f"w{n}x{k}" for k in range(40))} for n in range(10)]
    again = [{"section": f"second {n}", "text": row["text"] + " revised"} for n, row in enumerate(rows)]
    made = corpus.hold_out(corpus.read(file_of(tmp_path, *rows, *again)), 0.05, 42)
    assert (len(made.sections), made.near, len(made.train.rows)) == (1, 1, 18)


def test_one_section_cannot_be_divided(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"one section only, none can be held out. Give data.validation"):
        corpus.hold_out(corpus.read(file_of(tmp_path, {"text": "a"})), 0.1, 42)
