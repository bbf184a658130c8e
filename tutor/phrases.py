"""What the tutor says in its own words, in English, French and German. The words stand in phrases.toml, as data.

Knows nothing of who says it. A book's words, a model's and a command's are in whatever language they are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal, get_args

Language = Literal["en", "fr", "de"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
DEFAULT: Language = "en"


@dataclass(frozen=True)
class Phrases:
    """What is said in one language."""

    language: Language

    def __call__(self, key: str, /, **values: object) -> str:
        """The phrase with its places filled in; `count`, where it is given, chooses between singular and plural.

        Raises KeyError for a phrase that is not there, or a place without a value.
        """
        phrase = table()[key][self.language]
        if isinstance(phrase, str):
            return phrase.format_map(values)
        one, several = phrase
        return (one if self._is_one(values["count"]) else several).format_map(values)

    def _is_one(self, count: object) -> bool:
        return count in ((0, 1) if self.language == "fr" else (1,))  # "0 question" in French


ENGLISH = Phrases("en")


@cache
def table() -> Mapping[str, Mapping[str, str | list[str]]]:
    """Every phrase in every language: as it is, or as singular and plural."""
    return tomllib.loads((Path(__file__).parent / "phrases.toml").read_text("utf-8"))


def phrases_for(accepted: str, setting: str = "auto") -> Phrases:
    """The language of `setting`, or for "auto" the first one that a browser's Accept-Language names, as the browser's own page
    chooses it; English where that is none of ours. `accepted` is anything that a browser may send."""
    wanted = accepted.split(",")[0].split(";")[0].split("-")[0].strip().casefold() if setting == "auto" else setting
    return next((Phrases(language) for language in LANGUAGES if language == wanted), ENGLISH)
