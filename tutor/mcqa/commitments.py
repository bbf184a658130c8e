"""What commits to an option: "The answer is (B)", "Option B is correct", "\\boxed{B}", "..., which is the answer".

A cue is looked for, then what stands at the place where the answer is given is read: a label, an option's words, a value, or
that none is right. Which of a text's commitments counts is decided elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tutor.mcqa.labels import Form, joined, label_at, mentions
from tutor.mcqa.options import Options

Kind = Literal["label", "words", "value", "not", "several", "none", "unknown", "number"]
MOST_CUES = 40  # the last of them are read
LONGEST = 300  # characters of an answer

ANSWER = r"(?:answers?|ans\.?|réponse|reponse|re\u0301ponse|antwort|lösung|loesung|lo\u0308sung|respuesta|risposta|resposta|ответ)"
FITTING = (
    r"(?:correct|right|best|true|false|incorrect|untrue|closest|nearest|final|appropriate|likely|suitable|accurate|plausible|reasonable|matching|only|valid"
    r"|bonne|correcte|exacte|juste|meilleure|vraie|fausse|richtige|korrekte|beste|zutreffende|passende|falsche|richtig|korrekt"
    r"|correcta|incorrecta|verdadera|corretta|giusta|correta)"
)
THING = (
    r"(?:answer|option|choice|statement|alternative|proposition|match|fit|value|letter|response|solution|one|assertion|conclusion|description|explanation"
    r"|condition|pair|order|sequence|combination|expression|formula|equation|example|term|guess|réponse|choix|affirmation|valeur|antwort|aussage"
    r"|möglichkeit|antwortmöglichkeit|auswahl|lösung|wert|opción|respuesta|afirmación|opzione|risposta|affermazione|opção)"
)
IS = (
    r"(?:(?<![^\W_])(?:is|are|was|were|would be|will be|should be|must be|has to be|can be|could be|may be|might be|seems to be|appears to be|remains|becomes"
    r"|est|serait|sera|doit être|ist|lautet|wäre|sei|sind|es|sería|è|sarebbe|é|seria)\b|是|为)"
)
NEGATED = re.compile(r"\s*(?:(?:can ?not|can't|won't|should ?n[o']t|could ?n[o']t)\s+be\b|isn't\b|is\s+not\b|n'est pas\b|no es\b|non è\b)", re.IGNORECASE)
CUE = re.compile(
    rf"(?<![^\W_])(?:{ANSWER}(?!\s+(?:choices|options)\b)|(?:{FITTING})\s+(?:(?!is\b|are\b|ist\b|est\b)[^\W\d_]+\s+)?{THING}"
    r"|(?:my|our)\s+(?:final\s+)?(?:choice|pick|guess|selection)|the\s+(?:option|choice|statement)(?=\s+(?:that|which)\b)"
    rf"|{THING}\s+(?:correcte|exacte|correcta|corretta|giusta|correta)|(?<=\bis )correct|richtig(?=\s+ist)|(?<=\best )correct)(?![^\W_])|答案|答え|정답",
    re.IGNORECASE,
)
LINK = re.compile(
    rf"[*_'\")\]]{{0,4}}(?P<gap>(?:\s+(?:choice|option|letter)\b|\s*\([^()\n]{{0,30}}\)|\s+[^.!?;:\n=]{{1,80}}?)??)"
    rf"[*_'\")\]]{{0,4}}(?:\s*(?P<link>{IS}|[:：=>]|→|-+>|=>)[*_]{{0,4}})",
    re.IGNORECASE,
)
FILLER = re.compile(
    r"(?:[\s,]*(?:therefore|thus|then|hence|so|clearly|simply|probably|most likely|likely|indeed|also|still|now|actually|definitely|certainly|given by"
    r"|as follows|indicated by|represented by|donc|alors|ainsi|bien|somit|daher|also|folglich|demnach|por tanto|por lo tanto|quindi|dunque"
    r"|just|obviously|in fact|therefore,|is|est|ist|:)(?![^\W_]))+[\s,:]*",
    re.IGNORECASE,
)
BOX = re.compile(r"(?:\\boxed|\\fbox|\x08oxed|(?<![^\W_])boxed)\s?\{")
CHOOSE = re.compile(
    r"(?<![^\W_])(?:(?:I|we|you|let's|let us|I'd|I'll|we'll|we'd|one|would|will|should|must|can|to|therefore,?|thus,?|so,?)\s+"
    r"(?:(?:would|will|should|must|can|have to|could|had|to|go|now|therefore)\s+){0,2}(?:choose|select|pick|go with|mark|guess|opt for|settle on|conclude)"
    r"|je choisis|on choisit|nous choisissons|il faut choisir|ich wähle|wir wählen|entscheide ich mich für|elijo|elegimos|scelgo|scegliamo"
    r"|(?:closest|nearest|best)(?:\s+\w+){0,2}\s+(?:match(?:es)?|to)"
    r"|(?:corresponds?|corresponding|matches|equivalent|points?|leads?|leaving|leaves)(?:\s+(?:to|us|only|with|us with|best))?"
    r"|(?:entspricht|correspond à|corresponde a|corrisponde a))(?![^\W_])",
    re.IGNORECASE,
)
BACKWARD = re.compile(
    rf"(?:,\s*which\s+|\s+|\)\s*){IS}\s+(?:(?:therefore|thus|then|hence|clearly|indeed|also|donc|also|somit|daher|the only)\s+)?"
    rf"(?:(?:the|la|le|die|der|das|el|il|a|our|my)\s+|l'|the\s+)(?:most\s+|only\s+)?(?:{FITTING}\s+)?(?:answer|option|choice|réponse|antwort|lösung|respuesta|risposta)"
    r"(?:\s+(?:correcte|correcta|corretta))?(?![^\W_])(?!\s*(?:is\b|:|to be\b|choice\s+\())",
    re.IGNORECASE,
)
VERDICT = re.compile(
    rf"\s*(?:[-,:]\s*)?(?:[^.\n;()]{{0,120}}?\s)??{IS}\s+(?:(?:therefore|thus|then|the|most|indeed|clearly|also|donc|la|le|die|der|das)\s+){{0,3}}"
    rf"(?:{FITTING}|correct|right|richtig|korrekt|zutreffend|corretta?|giusta?)(?![^\W_])(?!\s+(?:that|about|if)\b)",
    re.IGNORECASE,
)
WRONG = re.compile(
    r"[^.\n;]{0,60}?(?:\b(?:is|was|are|seems|would be|ist|est)\s+(?:also\s+)?(?:incorrect|wrong|false|not\b|n't|falsch|fausse?|nicht|pas\b|inconsistent|impossible)"
    r"|(?:isn't|n'est pas|can ?not be|cannot|does not|doesn't))",
    re.IGNORECASE,
)
UNSURE = re.compile(r"(?:\bif|\bwhether|\bsuppose|\bassuming|\bunless|\bwhen|\bwhy|\bthink|\bthought|\bclaim(?:s|ed)?|\bsaid)\s+(?:that\s+)?(?:the\s+|its\s+|your\s+)?(?:\w+\s+)?$", re.IGNORECASE)
WRONG_BEFORE = re.compile(r"(?:\bincorrect|\bwrong|\bprevious|\bold|\binitial|\bstudent's|\bfalsche|\bmauvaise|\bnot\s+(?:the|an?)|\bfor\s+(?:the|an)|\bno(?:ne)?(?:\s+of\s+the)?)\s+(?:\w+\s+)?$", re.IGNORECASE)
NONE = re.compile(
    r"(?:none|neither|no one|not? any) of\b|none\b(?=\W*$)|\bnot (?:\w+ )?(?:among|listed|given|provided|present|available|included|one of|in the|an? (?:option|choice)|any of|possible|clear)"
    r"|\bno (?:correct|right|valid|such|matching|suitable) (?:answer|option|choice)|\bno(?:ne)? (?:option|answer|choice)\b"
    r"|\bnone (?:are|is|match|fit)|\b(?:can ?not|can't|could not|unable to) (?:\w+ )?(?:be )?(?:determin|answer|provid|comput|calculat|select|choose|chosen)"
    r"|\bdoes ?n[o']t (?:match|correspond|appear|exist)|\bdo ?n[o']t match|\baucune d|\bkeine der|\bkeine von|\bne figure pas|\bninguna|\bnessuna",
    re.IGNORECASE,
)
STILL = re.compile(r"\b(?:but|however|closest|nearest|best|most|so|therefore|aber|mais|pero)\b", re.IGNORECASE)
END = re.compile(r"[.!?](?=[\s*\"')\]}$]|$)|\n")


@dataclass(frozen=True)
class Commitment:
    """What is said where an answer is given, from `start` to `end` of the text; `firm` where a cue leaves no doubt.

    `against` is the option whose words or value stand beside a label that is another's.
    """

    kind: Kind
    start: int
    end: int
    label: str | None = None
    firm: bool = True
    against: str | None = None
    labels: tuple[str, ...] = ()


def commitments(text: str, start: int, options: Options) -> list[Commitment]:
    """The last commitments of `text[start:]`, in order, one for each place."""
    found = [*_forward(text, start, options), *_boxes(text, start, options), *_backward(text, start, options)]
    found.extend(_chosen(text, start, options))
    found.extend(_verdicts(text, start, options))
    found.sort(key=lambda one: (one.end, not one.firm, one.start))
    kept: list[Commitment] = []
    for one in found:
        same = next((k for k, other in enumerate(kept) if other.end > one.start and other.end > other.start), None)
        if same is None:
            kept.append(one)
        elif _rank(one) > _rank(kept[same]):
            kept[same] = one
    return kept


def _rank(one: Commitment) -> tuple[bool, bool, bool]:
    return one.firm, one.kind in ("label", "several", "not"), one.kind in ("words", "value")


def _last(pattern: re.Pattern[str], text: str, start: int) -> list[re.Match[str]]:
    return list(pattern.finditer(text, start))[-MOST_CUES:]


def _forward(text: str, start: int, options: Options) -> Iterator[Commitment]:
    for cue in _last(CUE, text, start):
        before = text[max(start, cue.start() - 40) : cue.start()]
        if UNSURE.search(before) or WRONG_BEFORE.search(before):
            continue
        if negated := NEGATED.match(text, cue.end()):
            form = label_at(text, negated.end(), options)
            if form and form.label in options.labels:
                yield Commitment("not", cue.start(), form.end, form.label)
                yield from _instead(text, form, options)
                continue
        link = LINK.match(text, cue.end())
        if link is None:
            # "Answer (B)", "Réponse B": a label follows at once.
            form = label_at(text, cue.end(), options)
            asked = form and text[form.end : form.end + 1] == "?"
            if form and form.label in options.labels and not asked and (form.sure or END.match(text, form.end) or form.end == len(text)):
                yield from _judged(text, form, cue.start(), options)
            continue
        if NONE.search(link["gap"]) and not link["gap"].lower().startswith(" choice"):
            continue
        at = link.end()
        if filler := FILLER.match(text, at):
            at = filler.end()
        said, begin = read(text, at, options), _object(text, at)[0]
        if said is None or text[said.end : said.end + 1] == "?":
            continue
        weak = not re.match(rf"{ANSWER}$|.*(?:answer|option|choice|réponse|antwort|lösung|respuesta|risposta)", cue[0], re.IGNORECASE | re.DOTALL)
        for one in said.parts:
            yield Commitment(one.kind, cue.start() if one.start <= begin else one.start, one.end, one.label, not weak, one.against, one.labels)


@dataclass(frozen=True)
class Said:
    """What is read at a place, and where it ends."""

    parts: tuple[Commitment, ...]
    end: int


def read(text: str, at: int, options: Options) -> Said | None:
    """What is said where an answer is given; None where it says nothing about an option."""
    begin, end = _object(text, at)
    said = text[begin:end]
    if re.match(r"\s*(?:not|nicht|pas|no)\b(?!\s+(?:listed|among|given|provided|one|in|any|an?\s+(?:option|choice)|present|available|included|possible))", said, re.IGNORECASE):
        form = label_at(text, begin + (len(said) - len(said.lstrip())) + said.lstrip().find(" ") + 1, options)
        if form is None or form.label not in options.labels:
            return None
        parts = (Commitment("not", begin, form.end, form.label), *_instead(text, form, options))
        return Said(parts, end)
    if token := _token(said, options):
        return _one("words", begin, begin + token[1], token[0], end)
    form = label_at(text, at, options)
    plain = said.lstrip(" (*\"'$\n")
    lead = begin + len(said) - len(plain)
    if form and form.label in options.labels:
        if not form.sure and (words := options.by_beginning(plain)) and words[1] > 2 and words[0] != form.label:
            return _one("words", begin, lead + words[1], words[0], end)
        return _labelled(text, form, begin, end, options)
    if words := options.by_beginning(plain):
        return _with_mention("words", text, begin, lead + words[1], words[0], end, options)
    none = NONE.search(said)
    if none and not options.by_value(said[: none.start()])[0]:
        mentioned = [m for m in mentions(text, begin + none.end(), end, options)] if STILL.search(said, none.end()) else []
        if len({m.label for m in mentioned}) == 1:
            return Said((Commitment("label", begin, mentioned[0].end, mentioned[0].label),), end)
        if options.none_of:
            return _one("words", begin, end, options.none_of, end)
        return _one("none", begin, end, None, end)
    value, numeric = options.by_value(plain)
    if value:
        return _with_mention("value", text, begin, end, value, end, options)
    mentioned = list(mentions(text, begin, end, options))
    if len({m.label for m in mentioned}) == 1 and not WRONG.match(text[mentioned[-1].end : end]) and not _negated(text, begin, mentioned[-1].start):
        return Said((Commitment("label", begin, mentioned[-1].end, mentioned[-1].label),), end)
    if form:
        return _one("unknown", begin, form.end, None, end)
    if numeric:
        return _one("number", begin, end, None, end)
    return None


def _one(kind: Kind, start: int, end: int, label: str | None, until: int) -> Said:
    return Said((Commitment(kind, start, end, label),), until)


def _object(text: str, at: int) -> tuple[int, int]:
    """From where an answer begins, behind its wrapping, to where it ends: with its box, its sentence or its line."""
    lead = re.compile(r"(?:\\[(\[]|[\s*_$])*").match(text, at, min(len(text), at + 40))
    begin = lead.end() if lead else at
    if box := BOX.match(text, begin):
        return box.end(), _closed(text, box.end())
    # "B. Technological developments": the stop behind a label ends nothing.
    skip = re.compile(r"[(\[*]{0,3}[A-Za-z0-9]{1,2}[.)\]*]{1,3}\s?").match(text, begin)
    end = END.search(text, skip.end() if skip else begin, min(len(text), begin + LONGEST))
    return begin, end.start() if end else min(len(text), begin + LONGEST)


def _closed(text: str, at: int) -> int:
    """Where the brace that is opened before `at` is closed."""
    depth = 1
    for place in range(at, min(len(text), at + LONGEST)):
        depth += {"{": 1, "}": -1}.get(text[place], 0)
        if not depth:
            return place
    return min(len(text), at + LONGEST)


def _token(said: str, options: Options) -> tuple[str, int] | None:
    """An option whose text looks like a label, as it is written: "(a)" where F is "(a)"."""
    match = re.match(r"[\s*$]*\(?([^\W_]{1,4})\)?(?=[\s*$.]*$|[.,;])", said)
    if match and (label := options.tokens.get(match[1])) and match[1] not in options.labels:
        return label, match.end()
    return None


def _labelled(text: str, form: Form, begin: int, end: int, options: Options) -> Said:
    forms = joined(text, form, options)
    labels = tuple(dict.fromkeys(one.label for one in forms))
    if len(labels) > 1:
        known = [label for label in labels if label in options.labels]
        whole = options.by_words(text[begin : forms[-1].end])
        if whole:
            return _one("words", begin, forms[-1].end, whole, end)
        return Said((Commitment("several", begin, forms[-1].end, labels=tuple(known)),), max(end, forms[-1].end))
    return Said((Commitment("label", begin, form.end, form.label, against=_beside(text, form, options)),), max(end, form.end))


def _beside(text: str, form: Form, options: Options) -> str | None:
    """The option whose words or value follow a label that is another's: "(B) 2/3" where 2/3 is C."""
    match = re.compile(r"[\s.:,)*-]*").match(text, form.end)
    at = match.end() if match else form.end
    end = END.search(text, at, min(len(text), at + LONGEST))
    following = text[at : end.start() if end else at + LONGEST]
    if "\n" in text[form.end : at] or not following:
        return None
    named = options.by_beginning(following)
    other = named[0] if named else options.by_value(following)[0]
    return other if other != form.label else None


def _with_mention(kind: Kind, text: str, begin: int, until: int, label: str, end: int, options: Options) -> Said:
    """An option by its content, unless its sentence has a label too: "The answer is 12 m (B)"."""
    mentioned = {m.label: m for m in mentions(text, begin, end, options) if not _negated(text, begin, m.start)}
    if len(mentioned) == 1:
        ((stated, form),) = mentioned.items()
        return Said((Commitment("label", begin, form.end, stated, against=label if label != stated else None),), end)
    return _one(kind, begin, until, label, end)


def _negated(text: str, begin: int, at: int) -> bool:
    return bool(re.search(r"\b(?:not|nicht|pas|no|rather than|instead of|than|unlike|except)\s+(?:the\s+)?(?:option|choice|answer)?\s*[(\[*]*$", text[max(begin, at - 40) : at], re.IGNORECASE))


def _instead(text: str, form: Form, options: Options) -> Iterator[Commitment]:
    """The label behind "not (A) but"."""
    but = re.compile(r"[\s,.;]*(?:but(?:\s+rather)?|rather|instead|it is|it's|sondern|mais(?:\s+plutôt)?|sino|ma|bensì)\s+", re.IGNORECASE).match(text, form.end)
    if but and (other := label_at(text, but.end(), options)) and other.label in options.labels:
        yield Commitment("label", form.end, other.end, other.label)


def _judged(text: str, form: Form, start: int, options: Options) -> Iterator[Commitment]:
    if WRONG.match(text[form.end : form.end + 80]):
        return
    rest = text[form.end : form.end + 200]
    if VERDICT.match(rest) or END.match(text, form.end) or form.end == len(text) or re.match(r"\s*[.:,;)]", rest):
        yield from _labelled(text, form, start, form.end, options).parts


def _boxes(text: str, start: int, options: Options) -> Iterator[Commitment]:
    for box in _last(BOX, text, start):
        end = _closed(text, box.end())
        said = read(text[:end], box.end(), options)
        if said:
            for one in said.parts:
                yield Commitment(one.kind, box.start(), max(one.end, end), one.label, True, one.against, one.labels)
        elif re.search(r"\d", text[box.end() : end]):
            yield Commitment("number", box.start(), end)


def _backward(text: str, start: int, options: Options) -> Iterator[Commitment]:
    """What is named before "is the answer"."""
    for cue in _last(BACKWARD, text, start):
        begin = max(start, cue.start() - 160)
        clause = re.split(r"(?<=[.!?])\s+|\n", text[begin : cue.start()])[-1]
        begin = cue.start() - len(clause)
        if re.search(r"\b(?:not|nor|neither|no|nicht|pas|none)\b[^,]{0,30}$", clause, re.IGNORECASE) or UNSURE.search(clause):
            continue
        last = re.search(rf"(?:^|[\s(\[*_'\"$])(?P<form>(?:(?i:option|choice|answer|statement|réponse|antwort)\s+)?[(\[*_'\"$]{{0,4}}(?P<label>[A-Z]|[1-9]\d?)[)\]*_'\"$]{{0,4}})$", clause)
        if last and last["label"] in options.labels:
            yield Commitment("label", begin + last.start("form"), cue.end(), last["label"])
            continue
        plain = re.sub(r"^\s*(?:so|thus|hence|therefore|then|also|donc|and)\b[\s,]*", "", clause, flags=re.IGNORECASE)
        if label := options.by_words(plain) or _ending(plain, options):
            yield Commitment("words", begin, cue.end(), label)
        elif label := options.by_value(plain)[0]:
            yield Commitment("value", begin, cue.end(), label)


def _ending(clause: str, options: Options) -> str | None:
    """The one option with whose words a clause ends."""
    from tutor.mcqa.plain import words

    mine = f" {words(clause)}"
    ending = {label: text for label, text in options.words.items() if text and mine.endswith(f" {text}")}
    longest = [label for label, text in ending.items() if len(text) == max(map(len, ending.values()))]
    return longest[0] if len(longest) == 1 else None


def _chosen(text: str, start: int, options: Options) -> Iterator[Commitment]:
    for cue in _last(CHOOSE, text, start):
        at = cue.end()
        filler = re.compile(r"\s+(?:(?:that|the|is|option|choice|answer|value|best|closest|correct|most|likely|one|is:|with|to|us)\s+){0,4}", re.IGNORECASE).match(text, at)
        form = label_at(text, at, options) or (label_at(text, filler.end(), options) if filler else None)
        if form and form.label in options.labels and not WRONG.match(text[form.end : form.end + 60]):
            if re.search(r"\b(?:not|n't|nicht|if)\s+(?:\w+\s+)?$", text[max(start, cue.start() - 20) : cue.start()], re.IGNORECASE):
                continue
            for one in _labelled(text, form, cue.start(), form.end, options).parts:
                yield Commitment(one.kind, one.start, one.end, one.label, False, one.against, one.labels)


def _verdicts(text: str, start: int, options: Options) -> Iterator[Commitment]:
    """ "Option B is correct": a label, and what is said of it."""
    for form in list(mentions(text, start, len(text), options))[-MOST_CUES:]:
        end = behind(text, form)
        if WRONG.match(text, end, end + 80):
            continue
        if verdict := VERDICT.match(text, end, end + 200):
            yield Commitment("label", form.start, verdict.end(), form.label, False)


def behind(text: str, form: Form) -> int:
    """Where what is said of a label begins: behind its mark where it opens a line of a list ("B. rises is wrong")."""
    opens = not text[text.rfind("\n", 0, form.start) + 1 : form.start].strip(" (*_")
    mark = re.compile(r"[ .:)*_]{0,5}").match(text, form.end)
    return mark.end() if opens and mark else form.end
