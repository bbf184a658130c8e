"""One form for text that is written in many: characters folded place by place, and words without typography.

A `Flat` text knows where its characters stood, so that a span found in it is a span of the text given. `words` and
`arithmetic` do not; they are for comparing.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass

MOST_CHARACTERS = 2_000  # of what is compared; nothing that an option says is longer
ENCLOSED = ((0x2460, 0x2500), (0x1F110, 0x1F16A), (0x1F170, 0x1F18A))  # circled, squared, in brackets: only ever labels
STYLED = ((0x2100, 0x2150), (0xFF01, 0xFF5F), (0x1D400, 0x1D800))  # letterlike, fullwidth, mathematical
ALIKE = {
    "'": "‘’‚‛′`´",
    '"': "“”„‟″«»‹›",
    "-": "‐‑‒–—―−",
    " ": "\r\0\u00a0\u00ad\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u200b\u200c\u200d"
    "\u202f\u205f\u2060\u3000\ufeff",
    "\n": "\u0085\u2028\u2029",
    "(": "【「『〔",
    ")": "】」』〕",
    ".": "。",
    ",": "、",
    "→": "⇒⟹➔➜",
}


def _table() -> dict[int, str]:
    table = {ord(other): plain for plain, others in ALIKE.items() for other in others}
    for ranges, enclosed in ((STYLED, False), (ENCLOSED, True)):
        for code in (code for first, end in ranges for code in range(first, end)):
            letter = unicodedata.normalize("NFKC", chr(code))
            letter = letter.strip("().") if enclosed else letter
            if len(letter) != 1 or not letter.isascii():
                # Squared letters on a dark ground have no normal form; they have a name.
                name = unicodedata.name(chr(code), "")
                letter = name[-1:] if enclosed and re.search(r"LETTER [A-Z]$", name) else ""
            if letter:
                table[code] = letter.upper() if enclosed else letter
    return table


TABLE = _table()
SUPERSCRIPTS = {ord(raised): plain for raised, plain in zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻", "0123456789+-", strict=True)}
WRAPPER = re.compile(
    r"\\(?:text|textbf|textit|textrm|textsf|texttt|mathrm|mathbf|mathit|mathsf|mathbb|mathcal|operatorname|mbox|fbox|boxed"
    r"|emph|underline|ce|left|right|big|Big|displaystyle)(?![A-Za-z])\*?"
)
SPACE = re.compile(r"\\[,;:! ]|~|\\q?quad(?![A-Za-z])")
FRACTIONS = "¼½¾⅐⅑⅒⅓⅔⅕⅖⅗⅘⅙⅚⅛⅜⅝⅞"
MIXED = re.compile(rf"(?:(?<!\d)(\d+))?\s?([{FRACTIONS}])")  # "2½"
FRACTION = re.compile(r"\\?[dtc]?frac\s*\{([^{}]*)\}\s*\{([^{}]*)\}")
TOKEN = re.compile(r"(?:(?<!\w)\.(?=\d))?[^\W_]+(?:[.,]\d+)*(?:(?<=\d)!)?|[-+*/=<>^%&|~≤≥≠∈∪∩∞√$€£°±]")


def folded(text: str) -> str:
    """The text with each character's plain form in its place; as long as the text."""
    return text.replace("\0", " ").replace("\r", " ").replace("`", "'") if text.isascii() else text.translate(TABLE)


CROSSES, TICKS = "❌✗✘✖", "✅✓✔☑"
# Or a letter with its accent behind it, or a sign that says right or wrong.
GAP = re.compile(f"\\s{{4,}}|[A-Za-z][\u0300-\u0303\u0308\u0327]|[{CROSSES}{TICKS}]\ufe0f?")


@dataclass(frozen=True)
class Flat:
    """A text with its characters folded and long gaps narrowed; `gaps` are where those end, here and in the text given."""

    text: str
    gaps: tuple[list[int], list[int]]

    def place(self, at: int) -> int:
        """Where a character stood in the text given."""
        gap = bisect_right(self.gaps[0], at) - 1
        return at - self.gaps[0][gap] + self.gaps[1][gap]


def _narrow(gap: str, before: str) -> str:
    if gap[0] in CROSSES or gap[0] in TICKS:
        said = "wrong" if gap[0] in CROSSES else "right"
        return f" is {said}" if before and before[before.rfind("\n") + 1 :].strip(" *_-") else f"{said}: "
    if gap[0].isspace():
        return ("  ", "\n", "\n\n")[min(2, gap.count("\n"))]
    return unicodedata.normalize("NFC", gap)


def flattened(text: str, offset: int = 0) -> Flat:
    """The text, which stands at `offset` of the one that places are told in, in its plain form."""
    text = folded(text)
    parts: list[str] = []
    ends: tuple[list[int], list[int]] = ([0], [offset])
    at = length = 0
    for gap in GAP.finditer(text):
        narrow = _narrow(gap[0], text[: gap.start()])
        parts += [text[at : gap.start()], narrow]
        length += gap.start() - at + len(narrow)
        at = gap.end()
        ends[0].append(length)
        ends[1].append(at + offset)
    return Flat("".join([*parts, text[at:]]), ends)


def words(text: str) -> str:
    """Lower-case words, numbers and signs of a text, one space between; LaTeX and Markdown left out."""
    text = unicodedata.normalize("NFKC", _without_latex(text[:MOST_CHARACTERS].translate(SUPERSCRIPTS).translate(TABLE)))
    return " ".join(TOKEN.findall(text.casefold().replace("$", " ")))


def _without_latex(text: str) -> str:
    text = SPACE.sub(" ", WRAPPER.sub("", text))
    for _ in range(4):
        text, replaced = FRACTION.subn(r"(\1)/(\2)", text)
        if not replaced:
            break
    return re.sub(r"\\([A-Za-z]+)", r"\1", text)


DOLLARS = re.compile(r"\$([^$]{1,120})\$(?![\d.])")  # around a formula; "$5 and $6" are two prices
RAISED = re.compile(f"[{''.join(map(chr, SUPERSCRIPTS))}]+")
SIGNS = (
    (re.compile(r"\^\s*\{?\s*\\circ\s*\}?|\\degree|°|º"), " deg "),
    (re.compile(r"\\(?:times|cdot|ast)(?![A-Za-z])|[×·⋅∙]"), "*"),
    (re.compile(r"\\(?:approx|simeq|sim|cong)(?![A-Za-z])|[≈≃]"), "="),
    (re.compile(r"\\pi(?![A-Za-z])|π"), " pi "),
    (re.compile(r"\\mu(?![A-Za-z])|μ"), "µ"),
    (re.compile(r"\\Omega(?![A-Za-z])|Ω"), " ohm "),
    (re.compile(r"\\?sqrt\s*\{([^{}]*)\}|√\s*\(([^()]*)\)|√\s*([\d.]+)"), r" sqrt(\1\2\3) "),
)


def _mixed(found: re.Match[str]) -> str:
    over, under = unicodedata.normalize("NFKC", found[2]).split("\N{FRACTION SLASH}")
    return f"({found[1]}+({over})/({under}))" if found[1] else f"(({over})/({under}))"


def arithmetic(text: str) -> str:
    """A number with its unit as a calculator would take it: `1.5\\times10^{-3}` is "1.5*10^(-3)". Letters keep their case."""
    text = RAISED.sub(lambda raised: f"^({raised[0].translate(SUPERSCRIPTS)})", text[:MOST_CHARACTERS]).translate(TABLE)
    text = MIXED.sub(_mixed, text)
    text = SPACE.sub(" ", WRAPPER.sub("", text)).replace("\\%", "%").replace("\\$", "¤")
    text = DOLLARS.sub(r"\1", text)
    for sign, plain in SIGNS:
        text = sign.sub(plain, text)
    for _ in range(4):
        text, replaced = FRACTION.subn(r"((\1)/(\2))", text)
        if not replaced:
            break
    text = re.sub(r"\^\s*\{([^{}]*)\}", r"^(\1)", text)
    return re.sub(r"\\[()\[\]]|[{}\\]", " ", text)
