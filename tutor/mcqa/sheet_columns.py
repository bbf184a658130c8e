"""Which column of a sheet is which: question, options, key, id and subject, by their names in English, German and French."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from index_store.errors import GradingError
from tutor.mcqa.sheet_files import Row

# Names folded to a-z and 0-9, the likeliest first.
STEM = (
    "question", "stem", "questiontext", "questionstem", "prompt", "frage", "fragetext", "fragestellung", "aufgabe", "enonce",
    "item", "text", "q",
)  # fmt: skip
KEY = (
    "answer", "key", "answerkey", "correct", "correctanswer", "correctoption", "rightanswer", "solution", "gold", "label",
    "target", "antwort", "richtig", "richtigeantwort", "losung", "loesung", "schlussel", "reponse", "bonnereponse", "cle",
    "corrige", "ans", "sol", "reponsecorrecte", "reponsejuste", "reponseexacte", "lettrecorrecte", "korrekteantwort", 
    "richtigeoption",
    "lettercorrect", "correctletter", "rightoption",
)  # fmt: skip
INDEX = ("answerindex", "answeridx", "correctindex", "answerid", "keyindex")
ID = ("id", "questionid", "qid", "nr", "no", "number", "num", "nummer", "numero", "frageid")
SUBJECT = (
    "subject", "category", "topic", "chapter", "fach", "thema", "kategorie", "kapitel", "matiere", "sujet", "categorie",
    "chapitre",
)  # fmt: skip
OPTIONS = (
    "options", "choices", "answers", "alternatives", "optionen", "antworten", "antwortmoglichkeiten", "propositions",
    "reponses", "choix",
)  # fmt: skip
OPTION = re.compile(
    r"(?:option|opt|choice|answer|alternative|antwort|antwortmoglichkeit|moglichkeit|reponse|proposition|choix)?([a-z]|\d{1,2})"
)
MARKED = re.compile(r"\s*\(?([A-Za-z]|\d{1,2})[).:]\s+")


@dataclass(frozen=True)
class Columns:
    """The columns' names as the sheet writes them; "" where it has none. Options are in `options`, all in one, or else in
    `option_columns`, in order; `counts_from`: the number of the first of these, None where they have letters."""

    stem: str
    options: str
    option_columns: tuple[str, ...]
    key: str
    index: str
    id: str
    subject: str
    counts_from: int | None = None

    def options_of(self, row: Row) -> list[str]:
        """The texts of the options; "" in a gap, none behind the last."""
        if self.options:
            return _listed(row.cells.get(self.options))
        texts = [_one_line(row.cells.get(name)) for name in self.option_columns]
        while texts and not texts[-1]:
            texts.pop()
        return texts


def columns_of(file: Path, names: Sequence[str]) -> Columns:
    """Raises GradingError, saying which columns there are, where none has the questions or the options."""
    folded = {_folded(name): name for name in reversed(names)}

    def find(known: Sequence[str]) -> str:
        return next((folded[name] for name in known if name in folded), "")

    there = ", ".join(map(repr, names[:30])) or "none"
    stem, options = find(STEM), find(OPTIONS)
    single = [(match[1], name) for name in names if name != stem and (match := OPTION.fullmatch(_folded(name)))]
    lettered = sorted((mark, name) for mark, name in single if mark.isalpha())
    numbered = sorted((int(mark), name) for mark, name in single if not mark.isalpha())
    chosen: list[tuple[Any, str]] = list(lettered) if len(lettered) > 1 else list(numbered)
    if not stem:
        raise GradingError(f"{file}: no column has the questions (columns: {there}). Call it 'question'.")
    if not options and len(chosen) < 2:
        raise GradingError(f"{file}: no columns have the options (columns: {there}). Call them A, B, C, ..., or one 'options'.")
    counts_from = None if options or chosen == lettered else chosen[0][0]
    option_columns = () if options else tuple(name for _, name in chosen)
    return Columns(stem, options, option_columns, find(KEY), find(INDEX), find(ID), find(SUBJECT), counts_from)


def _folded(name: str) -> str:
    plain = unicodedata.normalize("NFKD", name.casefold())
    return "".join(character for character in plain if character.isascii() and character.isalnum())


def _one_line(cell: Any) -> str:
    return " ".join(str("" if cell is None else cell).split())


def _listed(cell: Any) -> list[str]:
    """The options in one cell: a JSON list or object, or a text that lines, bars or semicolons part."""
    if isinstance(cell, str):
        text = cell.strip()
        if text.startswith(("[", "{")):
            try:
                cell = json.loads(text)
            except (ValueError, RecursionError):
                cell = text
    if isinstance(cell, dict):
        if set(cell) == {"text", "label"} and isinstance(cell["text"], list):  # as ARC has them
            return _listed(cell["text"])
        return [_one_line(text) for _, text in sorted(cell.items(), key=lambda item: str(item[0]))]
    if isinstance(cell, list):
        return [_one_line(text) for text in cell]
    text = str(cell or "").strip()
    sign = next((sign for sign in ("\n", "|", ";") if sign in text), None)
    parts = [part.strip() for part in text.split(sign)] if sign else [text]
    parts = [part for part in parts if part]
    marks = [MARKED.match(part) for part in parts]
    if all(marks) and [mark[1].upper() for mark in marks if mark] == [chr(ord("A") + n) for n in range(len(parts))]:
        parts = [MARKED.sub("", part, count=1) for part in parts]
    return [_one_line(part) for part in parts]
