"""From [n] in an answer to the passage it names, checked: no number without a passage, no duplicate, no invention.

A sentence that the model left without a number is given one where a passage clearly carries it; one that its passages do not
bear out is marked. Knows nothing of models.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from index_store.embedding import Embedding
from index_store.passage import Passage
from tutor.answering.quoting import MARKER, sentences
from tutor.answering.support import Claim, borne_out

CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
SUPPORTED = 0.6
DOUBT = " (?)"  # behind the numbers of a sentence that its passages do not bear out
# A sentence with the numbers behind its full stop, up to a paragraph's end.
CLAIM = re.compile(r"(?:(?!\n\n).)+?(?:[.!?…][”’\")\]]*(?:\s*\[\d{1,2}(?:\s*,\s*\d{1,2})*\])*(?=\s|$)|(?=\n\n)|$)", re.DOTALL)


@dataclass(frozen=True)
class Citation:
    """Passage number `number` (from 1), as cited in an answer."""

    number: int
    passage: Passage


def keep_valid(answer: str, count: int) -> str:
    """The answer without markers that name no passage of 1...count; code is left alone."""

    def valid(match: re.Match[str]) -> str:
        numbers = [n for n in map(int, match[1].split(",")) if 1 <= n <= count]
        return f"[{', '.join(map(str, numbers))}]" if numbers else ""

    checked = "".join(part if code else MARKER.sub(valid, part) for part, code in _parts(answer))
    return checked if checked == answer else re.sub(r" +(?=[.,;:!?\n]|$)", "", checked)


def add_missing(answer: str, passages: Sequence[Passage], embedding: Embedding) -> str:
    """The answer with a marker on each sentence that has none and that one passage carries (cosine of at least SUPPORTED)."""
    import numpy as np

    pairs = [(n, sentence) for n, passage in enumerate(passages, 1) for sentence in sentences(passage.text)]
    bare = [s for part, code in _parts(answer) if not code for s in sentences(part) if not MARKER.search(s)]
    if not pairs or not bare:
        return answer
    nearness = embedding.embed(bare) @ embedding.embed([sentence for _, sentence in pairs]).T
    for sentence, row in zip(bare, nearness, strict=True):
        best = int(np.argmax(row))
        # Only where the sentence stands in one line of the answer as it is; folded ones are left unmarked.
        if row[best] >= SUPPORTED and answer.count(sentence) == 1:
            answer = answer.replace(sentence, f"{sentence} [{pairs[best][0]}]")
    return answer


def mark_doubtful(answer: str, passages: Sequence[Passage], question: str, embedding: Embedding) -> tuple[str, tuple[str, ...]]:
    """The answer with DOUBT behind each sentence that the passages it cites do not bear out, and those sentences."""
    found = [(start, match) for start, part in _prose(answer) for match in CLAIM.finditer(part) if MARKER.search(match[0])]
    claims = []
    for _, match in found:
        numbers = [int(number) for marker in MARKER.finditer(match[0]) for number in marker[1].split(",")]
        texts = tuple(passages[number - 1].text for number in dict.fromkeys(numbers) if 1 <= number <= len(passages))
        claims.append(Claim(without_numbers(match[0]), texts, question))
    doubtful = []
    for (start, match), claim, sure in reversed(list(zip(found, claims, borne_out(claims, embedding), strict=True))):
        if not sure:
            *_, last = MARKER.finditer(match[0])
            place = start + match.start() + last.end()
            answer = f"{answer[:place]}{DOUBT}{answer[place:]}"
            doubtful.append(claim.sentence)
    return answer, tuple(reversed(doubtful))


def only_borne_out(answer: str, doubtful: Sequence[str]) -> str:
    """The sentences of a marked answer that cite a passage and are none of the `doubtful`; code and all else is left out."""
    claims = [match[0].strip() for _, part in _prose(answer.replace(DOUBT, "")) for match in CLAIM.finditer(part)]
    return " ".join(claim for claim in claims if MARKER.search(claim) and without_numbers(claim) not in doubtful)


def without_numbers(sentence: str) -> str:
    """A sentence without its citations."""
    return re.sub(r" (?=[.,;:!?])", "", " ".join(MARKER.sub("", sentence).split()))


def _prose(answer: str) -> list[tuple[int, str]]:
    """The parts of the answer that are no code, and where each begins."""
    begins, parts = 0, []
    for part, code in _parts(answer):
        if not code:
            parts.append((begins, part))
        begins += len(part)
    return parts


def resolve(answer: str, passages: Sequence[Passage]) -> tuple[Citation, ...]:
    """The passages that the answer cites, in the order of their first mention."""
    numbers: dict[int, None] = {}
    for part, code in _parts(answer):
        if not code:
            for match in MARKER.finditer(part):
                numbers.update(dict.fromkeys(n for n in map(int, match[1].split(",")) if 1 <= n <= len(passages)))
    return tuple(Citation(n, passages[n - 1]) for n in numbers)


def _parts(answer: str) -> list[tuple[str, bool]]:
    """The answer cut into (text, is it code)."""
    parts: list[tuple[str, bool]] = []
    end = 0
    for match in CODE.finditer(answer):
        parts += [(answer[end : match.start()], False), (match[0], True)]
        end = match.end()
    return [*parts, (answer[end:], False)]
