"""Which earlier questions a question cannot be understood without. Knows nothing of indexes and models."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

# A question that opens or points back like this is searched together with the one before it.
OPENINGS = re.compile(r"(and|but|so|what about|how about|et|mais|und|aber)\b")
POINTERS = re.compile(
    r"\b(it|its|this|these|those|they|them|their|he|she|ça|cela|ceci|ils|elles|dies|diese[mnrs]?|davon|daf[üu]r|dabei)\b"
    # "that" mostly joins clauses; it points back after a verb and at the end.
    r"|\b(is|was|does|did|do|why|how|about|of) that\b|\bthat\W*$"
)
SHORT_WORDS = 3
FEW_WORDS = 3  # that say what a question is about; one with more says it all
# Short, and still whole: "what is recursion", "explain: heaps".
DEFINITIONS = re.compile(r"(what('s| is| are| was)|define|explain:?|was (ist|sind)|qu'est-ce qu\S*|c'est quoi)\s+\w{3,}")
# Words that say nothing of a course's matter: a question of these alone ("why?", "how so?") asks about what was said before.
FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """
    a an the of in on at for with from by to as and or but so if then than not no yes ok okay is are was were be been
    do does did can could will would should may might must have has had it its this that these those they them their
    he she i you we me us my your our what which who whom whose why how when where again more else also too very
    really please explain tell show give say mean example examples about there here just only now der die das den dem
    des ein eine einen einer eines und oder aber wenn dann als nicht kein ja nein ist sind war waren sein hat haben
    kann können wird werden muss soll was wer wie wo warum wieso weshalb wann welche welcher welches noch mehr auch
    sehr bitte mal zum zur von mit für auf im am bei beispiel erkläre genau denn doch es er sie ich du wir man le la
    les un une des du de au aux et ou mais si alors que qui quoi quand comment pourquoi où est sont était être a ont
    avoir peut ce cet cette ces il elle ils elles je tu nous vous on ne pas oui non plus encore aussi très exemple
    avec pour par dans sur explique
    """,
    )
)
KEPT = 2  # earlier questions taken along


def content_words(question: str) -> list[str]:
    """The question's words that say what it is about."""
    return [word for word in re.findall(r"[^\W_]+", question.casefold()) if word not in FUNCTION_WORDS]


def leaned_on(question: str, earlier: Sequence[str], known: Callable[[str], bool]) -> list[str]:
    """The `earlier` questions that `question` cannot be understood without, oldest first; empty where it stands alone.

    A short question leans on the one before it, unless none of the words it is about is `known` to the course.
    """
    context: list[str] = []
    current = question
    for before in reversed(earlier[-KEPT:]):
        folded = current.casefold().strip()
        short = len(re.findall(r"\w+", folded)) <= SHORT_WORDS and not DEFINITIONS.match(folded)
        if not (OPENINGS.match(folded) or POINTERS.search(folded) or (short and is_question(folded, known))):
            break
        context.insert(0, before)
        current = before
    return context


def is_question(text: str, known: Callable[[str], bool]) -> bool:
    """Whether the text can be about the course: made of words of speech alone ("why?"), or with one that the course knows."""
    words = content_words(text)
    if words:
        return any(known(word) for word in words)
    return bool(re.search(r"[^\W\d_]", text))


def may_lean(text: str, known: Callable[[str], bool]) -> bool:
    """Whether a question that points at nothing before may be meant with it all the same ("which one is faster?"): it says
    little of its own, and nothing that the course does not know."""
    words = content_words(text)
    if words:
        return len(words) <= FEW_WORDS and all(map(known, words))
    return is_question(text, known)
