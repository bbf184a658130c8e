"""Where a text stops answering: it runs on into another question, goes round in circles, or breaks off."""

from __future__ import annotations

import re

from tutor.mcqa.options import Options
from tutor.mcqa.plain import words

# What opens another question, at the beginning of a line.
QUESTION = re.compile(
    r"^[ \t#*_>-]{0,8}(?:(?:(?:next|new|last|another|following|sample|practice|nächste|prochaine)\s+)?"
    r"(?:question|problem|exercise|frage|aufgabe|exercice|pregunta|domanda|pergunta|problème|übung|q|вопрос|问题|問題|题目|質問)"
    r"[ \t]*(?:no\.?|nr\.?|n°|#)?[ \t]*\d{0,4}[ \t]*[*_]{0,3}[ \t]*(?:[:.)：][*_]{0,3}|(?<=\d)[ \t*_]{0,4}$)"
    r"|(?:user|human|instruction|system|input)[ \t]*[*_]{0,3}:"
    r"|(?:options|choices|optionen|opciones|opzioni|answer choices|choix)[ \t]*[*_]{0,3}:)",
    re.IGNORECASE | re.MULTILINE,
)
TURN = re.compile(
    r"</s>|<\|(?:im_end|im_start|endoftext|eot_id|end|user|start_header_id|end_of_text)\|>|\[INST\]|<end_of_turn>|<eos>"
)
# What comes again only where another question is answered: an explanation is of this one, and may correct its letter.
AGAIN = re.compile(
    r"^[ \t*_#>]{0,6}(?:another|a\s+(?:related|similar)"
    r"|(?:for|as)\s+(?:a|another|the)\s+(?:related|similar|next))\s+(?:example|question|problem)\b"
    # A question after a blank line, that is none about this answer.
    r"|(?<=\n\n)(?:what|which|who|where|when|how|why|was|welche\w*|wer|wo|wann|wie|quel\w*|qui|où|quand|comment)\b"
    r"(?![^\n?]{0,200}\b(?:options?|answers?|this|that|it|right|correct|check|about|we|i|you)\b)[^\n?]{15,300}\?[ \t]*\n"
    r"|^[ \t*_#>]{0,6}(?:(?:answer|réponse|antwort|respuesta|risposta)[*_]{0,3}\s*:[*_]{0,3}[ \t]*(?=\S[^\n]{30})"
    r"|the following are multiple choice|we refer to wikipedia)",
    re.IGNORECASE | re.MULTILINE,
)
LIST = re.compile(
    r"^[ \t]{0,4}[*(]{0,3}A[).:][ \t*]{1,4}(?=\S)(?:[^\n]{1,400}\n{1,2})[ \t]{0,4}[*(]{0,3}B[).:][ \t*]{1,4}(?=\S)",
    re.MULTILINE,
)
LISTED_INLINE = re.compile(r"\(A\)[ \t][^\n]{1,200}?\(B\)[ \t][^\n]{1,200}?\(C\)[ \t]")
# Scripts in which a text that was written in Latin letters goes on.
OTHER_SCRIPT = re.compile(r"\n[ \t]*[\u0400-\u04ff\u0590-\u06ff\u0900-\u097f\u3040-\u30ff\u4e00-\u9fff\uac00-\ud7af]{2}")
INTRODUCTION = 300  # characters before "Question:" that may only announce that the question comes again
OURS = 6_000  # characters behind a mark in which the options of this question may be listed again
SENTENCE = re.compile(r"[.!?][)\"'*_$\]}]{0,4}(?=\s|$)|\n\s*\n")
FINISHED = re.compile(r"(?:[.!?\"']|\*\*|\$\$|\\[\])]|\\end\{\w+\*?\}|\(\s?\w\s?\))$")
TAIL = 8_000
LOOP = 3  # times that the same comes, word for word, at the end
SHORTEST_LOOP = 20


THINKING = re.compile(r"<(?P<closes>/?)think(?:ing)?>", re.IGNORECASE)


def without_thinking(text: str) -> str:
    """The text with spaces in place of what stands in think tags; a tag that only closes was opened before the text."""
    parts: list[str] = []
    done = at = depth = 0
    for tag in THINKING.finditer(text):
        if not tag["closes"]:
            at, depth = (at, 1) if depth else (tag.start(), 1)
        elif depth or not done:
            parts += [text[done:at], " " * (tag.end() - at)]
            done = at = tag.end()
            depth = 0
    if depth:
        parts += [text[done:at], " " * (len(text) - at)]
        done = len(text)
    return "".join([*parts, text[done:]])


def marks(text: str) -> list[int]:
    """Where another question, or another speaker's turn, begins."""
    found = [match.start() for match in QUESTION.finditer(text)]
    found.extend(match.start() for match in TURN.finditer(text))
    return sorted(found)


def again(text: str, start: int) -> list[int]:
    """Where, behind a commitment that ends at `start`, the answering begins anew, or other options are listed."""
    found = [match.start() for match in AGAIN.finditer(text, start)]
    for listed in (LIST.search(text, start), LISTED_INLINE.search(text, start)):
        if listed:
            found.append(listed.start())
    other = OTHER_SCRIPT.search(text, start)
    if other and not OTHER_SCRIPT.search("\n" + "\n".join(text[:start].split())):
        found.append(other.start())
    return sorted(found)


def ours(text: str, mark: int, options: Options) -> bool:
    """Whether what follows a mark is this question once more: most of its options are listed there."""
    parts = (text[begin : begin + 2_000] for begin in range(mark, mark + OURS, 2_000))
    following = f" {' '.join(map(words, parts))} "
    return sum(f" {option} " in following for option in options.words.values() if option) * 2 > len(options.labels)


def looped(text: str) -> bool:
    """Whether the end of the text is one passage over and over."""
    end = text[-TAIL:].rstrip()
    probe = end[-SHORTEST_LOOP * 2 :]
    at = end.rfind(probe, 0, len(end) - 1)
    period = len(end) - len(probe) - at
    if at < 0 or period == 0 or len(end) < LOOP * period:
        return False
    return end[-period:] == end[-2 * period : -period] == end[-3 * period : -2 * period]


def finished(text: str) -> bool:
    """Whether the text ends where a sentence, a formula or a line does."""
    stripped = text.rstrip()
    return not stripped or bool(FINISHED.search(stripped[-20:])) or "\n" in text[len(stripped) :]


def sentences(text: str, start: int) -> list[tuple[int, int]]:
    """Begin and end of the sentences from `start` on; the last may be unfinished."""
    found, begin = [], start
    for match in SENTENCE.finditer(text, start):
        found.append((begin, match.end()))
        begin = match.end()
    found.append((begin, len(text)))
    return [(begin, end) for begin, end in found if text[begin:end].strip()]
