"""Does a question ask what something is, and does a sentence say it? By the wording alone, in English, German and French.

Knows nothing of models and indexes; every book words its definitions in one of a few ways.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tutor.answering.sentences import LABEL

ASKS = re.compile(
    r"(?:(?:please|can you|could you|bitte)\s+)*"
    r"(?:what(?:[’']s|\s+(?:is meant by|do you mean by|exactly is|is|are|was|were|does|do))|"
    r"define|explain|describe|give\s+(?:the|a)\s+definition\s+of|state|(?:the\s+)?definition\s+of|meaning\s+of|"
    r"was\s+(?:ist|sind|bedeutet|heißt|versteht\s+man\s+unter)|erkläre?|definiere?|"
    r"qu[’']est-ce\s+qu(?:e|[’'])(?:\s*c[’']est\s+qu(?:e|[’']))?|c[’']est\s+quoi|explique[zr]?|définis(?:sez)?|définir)\s*:?\s*",
    re.IGNORECASE,
)
DETERMINER = r"(?:(?:an?|the|einen?|eine[mnrs]?|ein|der|die|das|dem|den|une?|les?|la|des)\s+|l[’'])"
LEAD = re.compile(
    rf"(?:the\s+(?:definition|concept|idea|notion|meaning|principle)\s+of\s+)?{DETERMINER}?(?P<topic>.+?)"
    r"(?:\s+(?:mean|means|about))?[\s?.!]*$",
    re.IGNORECASE,
)
MOST_WORDS = 6  # a longer topic is no term but a question of its own
WORD = re.compile(r"[^\W_]+")
PREPOSITIONS = frozenset({"of", "in", "for", "with", "to", "on", "from", "by", "von", "mit", "zu", "de", "du", "des", "à"})
QUANTIFIERS = re.compile(r"(any|every|each|all|some|no|most|many|both|jede[rs]?|alle|chaque|tou(te?)?s?)\b", re.IGNORECASE)
ENDING = 2  # letters by which two forms of one word may differ: heap, heaps
LABELLED, DEFINES, SUBJECT = 0.35, 0.3, 0.1
OPENING = (0.35, 0.25)  # the first sentences of the section that is named after the topic
SAME_PASSAGE = 0.08

_OF = r"(?:,[^,]{1,60},|\s*\([^()]*\)|\s+(?:of|in|for|on|from|to|von|für|de|du|dans)\s[^,;.:]{1,60}?)?\s*"
_ONE = r"(?:simply\s+|just\s+|essentially\s+|einfach\s+|simplement\s+)?"
IS = re.compile(
    rf"{_OF}(?:\b(?:is|are|ist|sind|est|sont)\s+{_ONE}"
    r"(?:an?|the|any|one of|those|that|when|defined|ein|eine|einen|der|die|das|une?|le|la|les|des|l[’'])\b"
    r"|\b(?:means|denotes|refers to|consists? of|bezeichnet|bedeutet|heißt|heißen|besteht aus|désigne|signifie|consiste)\b)",
    re.IGNORECASE,
)
SAYS = re.compile(
    r"\b(?:(?:is|are|be|as|we|we[’']ll|will|often|also|usually|sometimes|which|problem|commonly|strategy|technique)\s+"
    r"(?:call(?:ed)?|known as|termed|named)|called|known as|"
    r"wird|heißt|heißen|nennt man|nennen wir|genannt|(?:est|sont)\s+(?:appelée?s?|dite?s?)|appelle|nomme)\b",
    re.IGNORECASE,
)
NEAR_BY = 45  # characters from "is called" to the term


def topic_of(question: str) -> tuple[str, ...]:
    """The words of the term that the question asks to be told about; empty where it asks for something else."""
    asked = ASKS.match(question.strip())
    lead = LEAD.match(question.strip()[asked.end() :]) if asked else None
    words = _words(lead["topic"]) if lead else ()
    return words if len(words) <= MOST_WORDS else ()


def defines(sentence: str, topic: Sequence[str]) -> float:
    """How clearly the sentence says what `topic` is, from 0 to LABELLED."""
    label = LABEL.match(sentence)
    if label and label[3] and (share := _labels(label[1], label[3], topic)):
        return max(DEFINES, LABELLED * share)
    body = sentence[label.end() :].strip() if label else sentence
    heads = [start + head for start in (0, _behind_comma(body)) if (head := _end_of_subject(body[start:], topic))]
    if any(IS.match(body, head) for head in heads):
        return DEFINES
    for says in SAYS.finditer(body):
        around = body[says.end() : says.end() + NEAR_BY + sum(map(len, topic))]
        if _is_term(_words(re.split(r"[,;:.(]| if | when | and |(?<=\w) (?:la|le|les|une?) ", around)[0]), topic):
            return DEFINES
    return SUBJECT if heads else 0.0


def _labels(kind: str, name: str, topic: Sequence[str]) -> float:
    """How much of a label's name is the topic: "(binary min-heap)" names a heap, "(heap sort)" does not."""
    shares = [0.0]
    for part in re.split(r",| and | or | und | oder | et | ou ", name.strip(" ()")):
        words = _words(part)
        for named in (words, (*words, kind.casefold())):
            if _is_term(named, topic):
                shares.append(0.7 + 0.3 * len(topic) / len(named))
    return min(1.0, max(shares))


def _is_term(words: Sequence[str], topic: Sequence[str]) -> bool:
    """Whether the words name the topic, or a kind of it: they hold it, and what they name last is what it names last."""
    return _holds(words, topic) and _same(_head(words), _head(topic))


def _head(words: Sequence[str]) -> str:
    """The last word before "of" or the like: of "law of large numbers", "law"."""
    end = next((i for i, word in enumerate(words) if i and word in PREPOSITIONS), len(words))
    return words[end - 1]


def _behind_comma(text: str) -> int:
    """Where the sentence goes on after an opening clause ("Instead of searching, a hash table ..."); 0 where there is none."""
    clause = re.match(r"[^,;:()]{3,80},\s+", text)
    return clause.end() if clause else 0


def names(heading: str, topic: Sequence[str]) -> float:
    """The share of the heading's words that are the topic's, where it holds them all; else 0."""
    words = [word for word in _words(heading) if not word.isdigit() and word not in {"the", "a", "an", "and", "of"}]
    return min(1.0, len(topic) / len(words)) if words and topic and _holds(words, topic) else 0.0


def opening(place: int) -> float:
    """What counts for sentence `place`, from 0, of the first passage of a section named after the topic."""
    return OPENING[place] if place < len(OPENING) else SAME_PASSAGE


def _end_of_subject(text: str, topic: Sequence[str]) -> int:
    """Where the term ends with which the sentence begins, a few words before it allowed ("A binary min-heap"); else 0."""
    if QUANTIFIERS.match(text):  # what every one of them has is no definition
        return 0
    found = list(WORD.finditer(text))[: len(topic) + 4]
    for start in range(len(found) - len(topic) + 1):
        if start and found[start - 1][0].casefold() in {*PREPOSITIONS, "is", "are"}:
            return 0
        window = found[start : start + len(topic)]
        if _holds([match[0].casefold() for match in window], topic):
            return window[-1].end()
    return 0


def _words(text: str) -> tuple[str, ...]:
    return tuple(word for word in WORD.findall(re.sub(r"[’']s?\b", " ", text.casefold())))


def _holds(words: Sequence[str], topic: Sequence[str]) -> bool:
    return all(any(_same(word, term) for word in words) for term in topic)


def _same(one: str, other: str) -> bool:
    shorter, longer = sorted((one, other), key=len)
    return longer.startswith(shorter) and len(longer) - len(shorter) <= (ENDING if len(shorter) > 2 else 0)
