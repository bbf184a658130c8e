"""What a text ends on where no sentence gives the answer: a label in its last sentence, an option's words, its value."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tutor.mcqa import listed, runon
from tutor.mcqa.commitments import behind, doubted, judged_right
from tutor.mcqa.doubts import OTHER_ANSWER, QUOTED
from tutor.mcqa.labels import Form, label_at, mentions, own
from tutor.mcqa.options import Options, bare
from tutor.mcqa.plain import DOLLARS, words
from tutor.mcqa.reading import Commitment
from tutor.mcqa.values import quantities
from tutor.mcqa.wording import AFFIRMS, CONCLUDES, CONSIDERS, CONTRASTS, DENIES, END, IS_WRONG, NONE

NOTHING = re.compile(r"[\s.*)$}]{0,12}(?:(?:so|thus|hence|therefore),?\s+)?(?:the\s+)?(?:final\s+|correct\s+)?", re.IGNORECASE)
LEAD = re.compile(
    r"[\s*_#>]*(?:(?:so|thus|hence|therefore|it's|it is|it must be|must be|that's|that is|this is|that leaves|=+>|-+>|→"
    r"|∴|\\therefore|donc|ainsi|c'est|also|daher|somit|by\s+(?:the\s+)?(?:process\s+of\s+)?(?:elimination|exclusion)|only"
    r"|par\s+élimination|il\s+ne\s+reste\s+que|durch\s+ausschluss|(?:es\s+)?bleibt(?:\s+nur)?|ist)(?![^\W_])[\s,:]*){0,3}",
    re.IGNORECASE,
)
LEFT = re.compile(
    r"(?:it is|remains|is left|(?:is|seems|looks) (?:right|correct)|richtig|korrekt|übrig|stimmt)?", re.IGNORECASE
)
SENTENCES = 2  # at the end in which a label counts
PART = re.compile(
    r"(?:^|\n|(?<=[.:;)]\s))[ \t*_]{0,6}(?:(?:part|question|statement|problem)\s+)?\(?(?P<part>[a-e]|i{1,3}"
    r"|[1-4])[).:][*_]{0,2}(?=\s|$)|(?<=\s)\((?P<in>[a-e]|i{1,3}|[1-4])\)(?=\s|$)",
    re.IGNORECASE,
)
# The beginning of a sentence that was about to give the answer.
STUB = re.compile(
    r"\s*(?:(?:so|thus|hence|therefore),?\s*)?(?:the\s+)?(?:final |correct |best )?answ\w*(?:\s+is)?[\s:(*]*", re.IGNORECASE
)
MARKED = re.compile(r"[#=→∴>]")
THIS_IS = re.compile(r"\W*(?:this|that|it)\s+(?:is|leaves|means)\b\s*", re.IGNORECASE)
COMES_TO = re.compile(
    r"(?:[=≈]|\\approx|\b(?:is|are|be|equals|about|approximately|gives|get|yields|obtain|ist|est|beträgt|ergibt|vaut|donne)\s+"
    r"(?:thus|therefore|then|hence|simply|donc|also|somit)?)\s*(?P<value>[^=≈]{1,80})$",
    re.IGNORECASE,
)
CLAUSES = re.compile(r",\s+|;\s+|\s+(?:and|und|et)\s+")
AND = re.compile(r"\b(?:and|und|et)\b", re.IGNORECASE)
GIVEN = re.compile(r"\s*(?:since|because|when|as|given|for|with|if|da|weil|puisque|comme)\b", re.IGNORECASE)
ONE_NUMBER = re.compile(
    r"(?<![\w.^_\\])[-$]?\$?\d[\d,]*(?:\.\d+)?(?:\s*(?:\\times|\\cdot|×|x|\*)\s*10\s*\^?\s*\{?[-+]?\d+\}?)?"
)
# "The velocity increases by 20 m/s": not the velocity.
CHANGED_BY = re.compile(
    r"\b(?:in|de)creas\w+|\b(?:ris|fall|drop|grow|chang|reduc|differ)\w*\b[^.]{0,60}?\bby\b",
    re.IGNORECASE,
)
COUNTED = re.compile(
    r"\b(?:step|case|part|equation|eq\.?|figure|question|problem|example|page|rule|law|theorem|line|item)\s*\(?$", re.IGNORECASE
)
UNKNOWN = re.compile(r"(?:^|(?<![-+*/=])[\s$,])\\?[A-Za-z]+(?:_\{?\w+\}?)?'*(?:\([A-Za-z0-9]\))?\s*$")
HYPOTHETICAL = re.compile(
    r"\b(?:if|wenn|falls|wäre|serait|assum\w+|suppose|would be|might|may be|could be|perhaps|maybe)\b", re.IGNORECASE
)
HEADING = re.compile(r"\w+\s*[:=]?[\s(\[*_]{0,8}$")  # "answer: ("
TRUTH = {
    **dict.fromkeys(("true", "yes", "correct", "wahr", "richtig", "ja", "vrai", "vraie", "oui"), "true"),
    **dict.fromkeys(("false", "no", "incorrect", "wrong", "falsch", "nein", "faux", "fausse", "non"), "false"),
}
SAYS_TRUTH = re.compile(
    r"\b(?:statement|claim|assertion|proposition|sentence|aussage|behauptung|affirmation)\s+(?:is|ist|est)\s+"
    r"(?:therefore\s+|thus\s+|indeed\s+|clearly\s+|also\s+|donc\s+)?(?P<denied>not\s+|nicht\s+|pas\s+)?(?P<truth>true|false|correct|incorrect"
    r"|wrong|wahr|falsch|richtig|vraie?|fausse)\b",
    re.IGNORECASE,
)
SAYS_YES = re.compile(
    r"[\s*_]*(?:(?:so|thus|therefore|hence|also|donc),?\s+)?(?P<truth>yes|no|ja|nein|oui|non)\b(?=[,.:;!\s*]|$)", re.IGNORECASE
)
UNSAID = re.compile(r"\b(?:myth|whether|suppos\w+|assum\w+|imagin\w+|wrongly|often|ob|angenommen)\b")
NOTHING_SAID = re.compile(r"[\s*_]*(?:$|[.,;:!)(–-]|(?:because|since|as|for|weil|da|denn|car|puisque)\b)")
COVERS = 0.6  # of a last sentence that an option's words must make up


def weak(text: str, later: list[Commitment], options: Options) -> Commitment | None:
    """The one option that is chosen or judged right without a sentence that gives the answer."""
    labels = [one for one in later if one.kind == "label"]
    if not labels or any(one.kind == "several" for one in later):
        return None
    chosen = labels[-1]
    if chosen.judged and not runon.finished(text):
        return None
    if len({one.label for one in labels}) > 1:
        return None
    after = text[chosen.end :]
    return None if IS_WRONG.match(after[:80]) or (NONE.search(after) and not re.match(r"\s*\(", after)) else chosen


def in_parts(text: str, firm: list[Commitment]) -> bool:
    """Whether parts (a) and (b) of a question are answered with a letter each."""
    stated = [one for one in firm if one.label and one.kind != "not"]
    parts = {(match["part"] or match["in"]).lower(): match.start() for match in PART.finditer(text)}
    for first, second in (("a", "b"), ("1", "2"), ("i", "ii")):
        if first in parts and second in parts and parts[first] < parts[second]:
            before = {one.label for one in stated if parts[first] < one.start < parts[second]}
            behind = [one.label for one in stated if one.start > parts[second]]
            return len(before) == 1 and len(behind) == 1 and behind[0] not in before
    return False


def alternates(text: str, firm: list[Commitment], options: Options) -> bool:
    """Whether the last two letters stated differ with nothing between them but the first one's option."""
    stated = [one for one in firm if one.kind == "label"][-2:]
    if len(stated) < 2 or stated[0].label == stated[1].label:
        return False
    # In other words, as in "So the correct option is (B). The answer is (D).", the second is the final one.
    wording = {text[one.start : one.end].replace(one.label or "", "").lower() for one in stated}
    between = text[stated[0].end : max(stated[0].end, stated[1].start)]
    said = between.lstrip(" )*_:,")
    named = options.by_beginning(said[:300])
    if named and named[0] == stated[0].label:
        between = said[named[1] :]
    return len(wording) == 1 and bool(NOTHING.fullmatch(between))


def late(text: str, options: Options, run_on: bool) -> Commitment | None:
    """The option that the last finished sentences end on; None for a text that goes in circles or breaks off elsewhere."""
    found = runon.sentences(text, max(0, len(text) - 3_000))
    if not found or runon.looped(text):
        return None
    begin, end = found[-1]
    if text[:end].rstrip().endswith("?"):
        return None
    line = text.rstrip(" \n'").rfind("\n", begin) + 1
    broken = not run_on and not runon.finished(text) and len(found) > 1
    if (item := listed.last_item(text, options)) and line <= item:
        return None
    alone = _alone(text, max(begin, line), options, broken) or _first(text, options)
    if alone:
        return alone
    if not run_on and not runon.finished(text):
        if not STUB.fullmatch(text[begin:end]) or len(found) < 2:
            return _whole(text, max(begin, line), options)
        found = found[:-1]
        begin, end = found[-1]
    if NONE.search(text[found[-min(3, len(found))][0] : end]):
        return None
    return (
        _label(text, found, options)
        or _line(text, found, options)
        or _truth(text, begin, end, options)
        or _content(text, begin, end, options)
        or _value(text, begin, end, options)
    )


def _alone(text: str, begin: int, options: Options, broken: bool) -> Commitment | None:
    """A last sentence that is a label, or a label and its option's own words: "So (B).", "=> B", "C) the UDP scan"."""
    lead = LEAD.match(text, begin)
    form = label_at(text, lead.end() if lead else begin, options)
    if form is None or form.label not in options.labels or _denied(text, lead.end() if lead else begin, form):
        return None
    if options.roman and form.label == "I" and not form.sure:
        return None
    if (text[form.start].islower() and len(PART.findall(text)) > 1) or IS_WRONG.match(text, behind(text, form)):
        return None
    rest = text[form.end :].strip(" .:*_)'\n")
    if broken:
        # What stands complete all the same: a mark before the label, or all of the option's words.
        complete = options.by_words(rest) == form.label if rest else bool(MARKED.search(text[begin : form.start]))
    else:
        complete = (
            LEFT.fullmatch(rest) is not None
            or judged_right(text, form, options) is not None
            or _whole_option(text, form, options)
        )
    return Commitment("label", begin, len(text.rstrip()), form.label) if complete else None


def _whole_option(text: str, form: Form, options: Options) -> bool:
    """Whether its own option follows the label, and nothing is said of it: "C) Berlin, because", not "C) Berlin is a city"."""
    if not own(text, form.end, form.label, options):
        return False
    following = text[form.end : form.end + 300].split("\n")[0].lstrip(" .:,)*_-")
    named = options.by_beginning(following)
    return named is None or bool(NOTHING_SAID.match(following, named[1]))


def _label(text: str, found: list[tuple[int, int]], options: Options) -> Commitment | None:
    for begin, end in reversed(found[-SENTENCES:]):
        forms = [
            form
            for form in (*mentions(text, begin, end, options), *_named(text, begin, end, options))
            if not _heads(text, form)
        ]
        if not forms:
            continue
        if (
            len({form.label for form in forms}) > 1
            or text[begin:end].rstrip().endswith("?")
            or not (AFFIRMS.match(text, forms[-1].end) or judged_right(text, forms[-1], options))
            or IS_WRONG.match(text, behind(text, forms[-1]), end)
            or CONTRASTS.match(text, forms[-1].end)
            or _denied(text, begin, forms[0])
        ):
            return None
        return Commitment("label", forms[-1].start, forms[-1].end, forms[-1].label)
    return None


def _named(text: str, begin: int, end: int, options: Options) -> Iterator[Form]:
    """Labels that their option's own words follow: "Technique C, the UDP scan"."""
    for match in re.finditer(r"(?<=[^\W\d_] )(?P<label>[A-Z])(?=\s?[,:(])", text[begin:end][:600]):
        if match["label"] in options.labels and own(text, begin + match.end(), match["label"], options):
            yield Form(match["label"], begin + match.start(), begin + match.end(), True)


def _heads(text: str, form: Form) -> bool:
    """Whether the label opens a line about that option: "Option C: buy the machine"."""
    line = re.sub(r"\w+\s*$", "", text[text.rfind("\n", 0, form.start) + 1 : form.start])
    behind = re.compile(r"[:.)]\s{0,3}\S").match(text, form.end) or text[form.end - 1] in ".:)"
    return bool(behind) and not line.strip(" (*_") and not END.match(text, form.end)


def _denied(text: str, begin: int, form: Form) -> bool:
    before = text[begin : form.start]
    return doubted(text, form.start) or bool(
        DENIES.search(before)
        or CONSIDERS.search(before)
        or HYPOTHETICAL.search(before)
        or OTHER_ANSWER.search(HEADING.sub("", before))
        or QUOTED.search(text[max(0, form.start - 80) : form.start])
    )


def _line(text: str, found: list[tuple[int, int]], options: Options) -> Commitment | None:
    """A line that is a label with that option's own words and no more, where only one is given so."""
    lines: dict[str, Commitment] = {}
    parted = len(PART.findall(text)) > 1
    for match in re.finditer(r"^[ \t*_>#-]{0,6}(?=\(?[A-Za-z0-9]{1,2}[).:])", text, re.MULTILINE):
        form = label_at(text, match.end(), options)
        if form and form.label in options.labels and not (parted and text[form.start].islower()):
            end = text.find("\n", form.end)
            said = text[form.end : end if end >= 0 else len(text)].lstrip(" .:*)")
            named = options.by_beginning(said[:300])
            whole = named and not said[named[1] :].strip(" .*_)")
            if named and whole and named[0] == form.label and not IS_WRONG.match(text, behind(text, form)):
                lines[form.label] = Commitment("label", form.start, form.end, form.label)
    return next(iter(lines.values())) if len(lines) == 1 else None


def _whole(text: str, begin: int, options: Options) -> Commitment | None:
    """An unfinished last sentence that is an option's text, word for word, and no beginning of another's."""
    lead = CONCLUDES.match(text, begin)
    mine = bare(words(text[lead.end() if lead else begin :]))
    same = [label for label, said in options.words.items() if said.startswith(mine)] if mine else []
    if len(same) != 1 or options.words[same[0]] != mine or (lead is None and len(mine.split()) < 2):
        return None
    return Commitment("words", begin, len(text.rstrip()), same[0], False)


def _first(text: str, options: Options) -> Commitment | None:
    """A first line that is nothing but a label, before what explains it."""
    begin = len(text) - len(text.lstrip())
    form = label_at(text, begin, options)
    if form and form.label in options.labels and re.compile(r"[ .:*_)]{0,6}\n").match(text, form.end):
        return Commitment("label", form.start, form.end, form.label)
    return None


def contradicts(text: str, stated: Commitment, options: Options) -> str | None:
    """Another option that the sentence before a stated letter ends on."""
    before = text[: stated.start]
    cut = max(before.rfind("\n"), before.rfind(". ") + 1, before.rfind(".\n") + 1, 0)
    found = runon.sentences(text[:cut], max(0, cut - 1_000))
    if not found:
        return None
    begin, end = found[-1]
    other = _content(text[:cut], begin, end, options) or _value(text[:cut], begin, end, options)
    return other.label if other and other.label != stated.label else None


def _truth(text: str, begin: int, end: int, options: Options) -> Commitment | None:
    """Of two options that say true and false, or yes and no, the one that a last sentence says."""
    said = {folded: label for label, words in options.words.items() if (folded := TRUTH.get(words))}
    if len(options.labels) != 2 or set(said) != {"true", "false"} or HYPOTHETICAL.search(text, begin, end):
        return None
    match = SAYS_TRUTH.search(text, begin, end) or SAYS_YES.match(text, begin, end)
    if not match:
        return None
    yes = TRUTH[match["truth"].casefold()] == "true"
    yes ^= bool(match.groupdict().get("denied"))
    return Commitment("words", begin, end, said["true" if yes else "false"], False)


def _content(text: str, begin: int, end: int, options: Options) -> Commitment | None:
    lead = CONCLUDES.match(text, begin, end) or THIS_IS.match(text, begin, end)
    sentence = text[lead.end() if lead else begin : end]
    if len(PART.findall(text)) > 1:
        return None
    if label := options.by_words(sentence.strip(" .\n")):
        return Commitment("words", begin, end, label, False) if len(options.words[label]) > 3 else None
    mine = f" {words(sentence)} "
    inside = {label: text for label, text in options.words.items() if text and f" {text} " in mine}
    longest = max(inside.values(), key=len, default="")
    if not longest or any(said not in longest for said in inside.values()) or list(inside.values()).count(longest) > 1:
        return None
    at_end = mine.endswith(f" {longest} ")
    enough = len(longest) >= COVERS * (len(mine) - 2) and " " in longest
    enough = enough or (at_end and len(longest.split()) > 4) or (at_end and lead is not None and len(longest) > 3)
    rest = mine.replace(f" {longest} ", "  ")
    changed = CHANGED_BY.search(sentence) and re.search(r"\d", longest)
    if not enough or changed or DENIES.search(rest) or UNSAID.search(rest):
        return None
    label = next(label for label, said in inside.items() if said == longest)
    return Commitment("words", begin, end, label, False)


def _value(text: str, begin: int, end: int, options: Options) -> Commitment | None:
    sentence = text[begin:end].strip().rstrip(".*").rstrip()
    if HYPOTHETICAL.search(sentence) or len(PART.findall(text)) > 1:
        return None
    plain = re.sub(r"\\[()\[\]]|\*\*", " ", DOLLARS.sub(r"\1", sentence)).rstrip()
    *earlier, last = CLAUSES.split(plain[-200:])
    # "The force is 5 N, and the speed 12 m/s" has two results; "since x = 3 and y = 4, we get 12 m/s" has one.
    joined = AND.search(plain[: len(plain) - len(last)][-8:] + last[:4])
    if joined and not GIVEN.match(plain) and any(_has_result(clause) for clause in earlier):
        return None
    if CHANGED_BY.search(plain):
        return None
    label = _result(plain[-200:], options) or _result(last, options) or _only(plain, options)
    return Commitment("value", begin, end, label, False) if label else None


def _has_result(clause: str) -> bool:
    match = COMES_TO.search(clause)
    return bool(match and quantities(match["value"].strip()))


def _only(sentence: str, options: Options) -> str | None:
    """The option with the value of a sentence that has one number: "So she drove 8 miles a day"."""
    numbers = list(ONE_NUMBER.finditer(sentence))
    if (
        len(numbers) != 1
        or COUNTED.search(sentence[: numbers[0].start()])
        or not CONCLUDES.match(sentence)
        or DENIES.search(sentence)
    ):
        return None
    return options.by_value(sentence[numbers[0].start() :], whole=True)[0]


def _result(clause: str, options: Options) -> str | None:
    match = COMES_TO.search(clause)
    if not match:
        return None
    label, _ = options.by_value(match["value"].strip(), whole=True)
    # "x(x + 2) = 0" is an equation, "x = 0" a result.
    if label and clause[match.start()] == "=" and match["value"].strip() == "0" and not UNKNOWN.search(clause[: match.start()]):
        return None
    return label
