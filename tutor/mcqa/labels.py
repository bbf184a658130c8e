"""How an option's label is written: (B), **B**, \\boxed{B}, option B; and what only looks like one: P(B), B = 3, vitamin B."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tutor.mcqa.options import Options

MACRO = (
    r"\\(?:boxed|text(?:bf|it|rm|sf|tt)?|math(?:bf|rm|it|sf|bb)|mbox|fbox|underline|left"
    r"|displaystyle)(?![A-Za-z])\s?\{?|[\x08\\]?oxed\s?\{"
)
OPEN = rf"(?:{MACRO}|\n[ \t]*[-•][ \t]|\\[(\[]|[\s*_'\"$({{\[<#]){{0,14}}+"
CLOSE = r"(?:\s?(?:\\right|\\[)\]]|[*_'\"$)}\]>])){0,10}"
NOUN = (
    r"(?:(?:answer\s+)?(?:option|choice|letter|alternative|answer|statement|proposition|possibility|number|réponse"
    r"|lettre|choix|affirmation"
    r"|antwort|antwortmöglichkeit|auswahl|aussage|buchstabe|variante|möglichkeit|opción|respuesta|letra|opzione"
    r"|risposta|lettera|opção)"
    r"[*_'\"]{0,2}\s*[:#]?\s*)"
)
LABEL = re.compile(
    rf"(?P<open>{OPEN})(?P<noun>(?i:(?:the\s+|die\s+|la\s+|l')?{NOUN}){OPEN}|(?:the|la|die|el)\s+(?=[(\[*]{{0,3}}[A-Z0-9]\b))?"
    # No word, formula, degree, ordinal or abbreviation.
    r"(?P<label>[A-Za-z]|[1-9]\d?)(?![^\W_]|_(?:\w|\{|$)|[°^´]|'\w|-\w|[.,]\d|\.[^\W\d_]|\s*(?:[+=>≤≥≠∈|%]|<(?!/))|\s?/|\\(?![)\]])|\()"
    rf"(?P<close>{CLOSE})"
)
JOINED = re.compile(
    r"\s*(?:\(?or\s+(?:possibly|maybe|perhaps)\s|,?\s*(?:and/or|and|or|und|oder|et|ou|y|o|e|sowie|as well as|&|\+)\s|,"
    r"|;|/|&)\s*(?:also\s+|both\s+)?(?:option\s+|choice\s+)?",
    re.IGNORECASE,
)
ENDS = re.compile(r"\s*(?:$|[.,;:!?)\n<-]|and the answer)")
STOPPED = re.compile(r"\.[ \t][a-z]")
LAST = re.compile(r"[ \t]*[.)]?[ \t]*(?:$|\n)")
AFTER_WORD = re.compile(
    r"\s*(?:because|since|as|which|with|and|or|is|but|for|due|in|here|if|when|only|by|from|on|not|again|instead|rather"
    r"|too|however|then|so|it is(?=\W*$)|remains|richtig|übrig"
    r"|weil|da|denn|ist|und|sondern|nicht|car|parce|puisque|est|mais|et|porque|es|perché|è)\b"
)
# Single letters that are words: "The answer is A rise in prices", "I think".
WORDS = frozenset("AIOEYaioey")
MENTION = re.compile(
    rf"(?:(?P<line>^[ \t*_]{{0,4}}\(?(?=[A-Z0-9]{{1,2}}[).:]))|(?P<noun>(?i:\b{NOUN}))[*_'\"$]{{0,3}}\(?"
    rf"|(?<![\w)\]}}\\^])[*_'\"$]{{0,3}}\()(?:\\text(?:bf)?\{{)?(?P<label>[A-Z]|[1-9]\d?)\}}?"
    r"(?:(?P<close>[)\]])(?![^\W_]|[_^({]|\s?[=*/+\\·])|(?![^\W_]|[°^']|-\w|\.\d|\s*[+=<>]|\())[*_'\"$]{0,3}",
    re.MULTILINE,
)


@dataclass(frozen=True)
class Form:
    """A label as it is written, from `start` to `end`; `sure` where the form leaves no doubt that it is meant as a label."""

    label: str
    start: int
    end: int
    sure: bool


def label_at(text: str, at: int, options: Options) -> Form | None:
    """The label, of the options or of none of them, that stands at a place where an answer is given."""
    match = LABEL.match(text, at)
    if not match:
        return None
    written, opened, closed = match["label"], match["open"] + (match["noun"] or ""), match["close"]
    label = written.upper()
    wrapped = ("(" in opened and ")" in closed) or ("[" in opened and "]" in closed) or ("{" in opened and "}" in closed)
    wrapped = wrapped or any(mark * 2 in opened and mark * 2 in closed for mark in "*_")
    wrapped = wrapped or any(mark in opened.strip() and mark in closed for mark in "'\"")
    # Opened around more than the label: "(B. text)", "**Option C: xz**", "(B) 12"; "B)" is closed only.
    follows = text[match.end() : match.end() + 1]
    opens = any(mark in opened for mark in "([{*'\"") and (follows in ".:,;-" or not follows)
    sure = wrapped or bool(match["noun"]) or ")" in closed or (opens and written.isupper())
    form = Form(label, match.start("label"), match.end(), sure)
    starred = re.match(r"\*(?!\*)", closed) and "*" not in opened
    if starred and text.count("*", text.rfind("\n", 0, match.start()) + 1, match.start()) % 2 == 0:
        return None  # A*, the algorithm
    if written in options.marks and not LAST.match(text, match.end()):
        return None
    if written.isdigit():
        return form if options.digits and (sure or ENDS.match(text, match.end("label"))) else None
    if options.digits and not sure:
        return None
    if written.islower():
        # "b." and "$x$" are labels only at an end or in brackets.
        # At the end of a text that breaks off, it may be the beginning of a word.
        last = bool(LAST.match(text, match.end())) and bool(text[match.end() : match.end() + 9].strip(" "))
        shown = wrapped or ")" in closed or bool(match["noun"])
        return form if (last or (shown and follows != ".")) and (wrapped or "$" not in opened) else None
    if sure:
        return form
    return form if _stands_alone(text, match, options) else None


def _stands_alone(text: str, match: re.Match[str], options: Options) -> bool:
    end = match.end()
    if STOPPED.match(text, end):  # "E. coli"
        return own(text, end, match["label"].upper(), options)
    if ENDS.match(text, end) or AFTER_WORD.match(text, end):
        return True
    label = match["label"].upper()
    return label in options.labels and own(text, end, label, options)


def own(text: str, end: int, label: str, options: Options) -> bool:
    """Whether the words or the value of the label's option follow it: "B stays the same"."""
    line = text.find("\n", end, end + 300)
    following = text[end : line if line >= 0 else end + 300].lstrip(" .:,)*_-")
    named = options.by_beginning(following)
    return (named[0] if named else options.by_value(following)[0]) == label


def joined(text: str, form: Form, options: Options) -> list[Form]:
    """The label and those that are joined to it: "(C) and (E)"."""
    forms = [form]
    while len(forms) < 26 and (link := JOINED.match(text, forms[-1].end)):
        following = label_at(text, link.end(), options)
        if following is None or (following.label in WORDS and not following.sure and not ENDS.match(text, following.end)):
            break
        forms.append(following)
    return forms


def mentions(text: str, start: int, end: int, options: Options) -> Iterator[Form]:
    """The labels of options in brackets, behind a noun ("option D") or before a line's list mark, in `text[start:end]`."""
    for match in MENTION.finditer(text, start, end):
        label = match["label"].upper()
        # "Answer: I do not know", "Answer: A careful look shows"
        word = label in WORDS and match["noun"] and not match["close"]
        alone = ENDS.match(text, match.end()) or (label != "I" and AFTER_WORD.match(text, match.end()))
        if word and not alone and (label == "I" or ":" in match["noun"]):
            continue
        if label in options.labels and (match["noun"] or match["close"] or match["line"] is not None):
            yield Form(label, match.start("label"), match.end(), True)
