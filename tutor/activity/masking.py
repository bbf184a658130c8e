"""Personal data in what people type, masked before it is kept.

Caught: e-mail addresses; phone numbers (international ones, and those of the countries in REGIONS as they are written there);
numbers that are introduced as a student's ("Matrikelnummer 1234567", "student id: AB-1234"); in questions also numbers of 7 to
9 digits that stand alone, as such numbers do, unless they are round or part of a formula or a list; names that are introduced
as such ("my name is Ada Lovelace"). Not caught: names and addresses that stand in a sentence like any other word.
"""

from __future__ import annotations

import re

EMAIL = "[e-mail]"
PHONE = "[phone number]"
NUMBER = "[student number]"
NAME = "[name]"
REGIONS = ("US", "GB", "DE", "AT", "CH", "FR", "IT", "ES", "NL", "IN")

_ADDRESS = re.compile(r"(?<![\w.+-])[\w.+-]{1,64}(?:@|\s?\(at\)\s?|\s?\[at\]\s?)(?:[\w-]{1,63}\.){1,8}[^\W\d_]{2,24}(?!\w)")
_INTRODUCED = re.compile(
    r"\b((?:(?:matrikel|matriculation|immatrikulations?)[\s-]{0,2}(?:numbers?|nummer|no\b\.?|nr\b\.?)?"
    r"|(?:student|enrol?l?ment|registration|candidate|étudiante?)[\s'’s-]{0,3}(?:numbers?|nummer|no\b\.?|nr\b\.?|id\b|#))"
    r"\s{0,3}(?:is|ist|=|:|#)?\s{0,3})(?=(?:[\w/-]{0,9}?\d){3})([\w/-]{4,14})",
    re.IGNORECASE,
)
# What stands beside a number in a formula, a list or an identifier, so that it is none of a person.
_ALONE = re.compile(r"(?<![\w.,^*/+=<>%_\[(-])(?<![\^*/+=<>%,] )(\d{7,9})(?![\w^*/+=<>%_\])-])(?![.,]\d)(?!,? [\d^*/+=<>%-])")
_SELF = re.compile(
    r"\b((?:[Mm]y name is|I am called|[Mm]ein Name ist|[Ii]ch heiße|[Jj]e m['’]appelle)\s+)"
    r"([^\W\d_a-z][\w'’-]+(?:\s+[^\W\d_a-z][\w'’-]+){0,2})"
)


def mask_typed(text: str) -> str:
    """What a person typed, without personal data as far as this module tells it."""
    return _ALONE.sub(_unless_round, mask_told(text))


def mask_told(text: str) -> str:
    """The same for what a model or a book says: numbers that stand alone stay, for they are the subject's."""
    text = _ADDRESS.sub(EMAIL, text)
    text = _INTRODUCED.sub(lambda found: f"{found[1]}{NUMBER}", text)
    text = _SELF.sub(lambda found: f"{found[1]}{NAME}", text)
    return _without_phones(text)


def _unless_round(found: re.Match[str]) -> str:
    return found[1] if found[1].endswith("000") else NUMBER


def _without_phones(text: str) -> str:
    if sum(character.isdigit() for character in text) < 7:
        return text
    from phonenumbers import Leniency, PhoneNumberMatcher

    for region in REGIONS:
        found = [
            (match.start, match.end)
            for match in PhoneNumberMatcher(text, region, leniency=Leniency.STRICT_GROUPING)
            if _is_written_as_one(text, match.start, match.end)
        ]
        for start, end in reversed(found):
            text = f"{text[:start]}{PHONE}{text[end:]}"
    return text


def _is_written_as_one(text: str, start: int, end: int) -> bool:
    """Whether a possible phone number is written as people write theirs: a bare run of digits and a decimal are numbers."""
    written, before = text[start:end], text[max(0, start - 2) : start]
    if re.search(r"[\d.,=^*<>]\s?$", before):
        return False
    return written.startswith(("+", "00", "(")) or bool(re.search(r"\d[ /.()-]+\d", written)) or written.startswith("0")
