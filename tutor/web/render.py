"""Answers and passages as inert Markdown and HTML. Everything that comes from a book or a model is escaped here."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Sequence

from index_store.passage import Passage
from index_store.search import Hit
from tutor.answering.answer import Answer
from tutor.answering.citations import MARKER, Citation
from tutor.answering.quoting import sentences
from tutor.phrases import ENGLISH, Phrases

PAGE_FRAME = "ct-page"
SOURCES = "\n\n---\n"
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
# Pandoc's rule: no space inside the dollars, no digit behind the closing one. `$$` is display maths and the page's own.
INLINE_MATHS = re.compile(r"(?<![\\$])\$(?![\s$])([^$\n]{1,200}?)(?<![\s\\])\$(?![\d$])")
TERSE = 60  # characters
MARKDOWN = re.compile(r"[\\`*_{}#+\-!|~$<>\[\]]")
# With a backslash before it, a bracket would begin the page's maths.
ENTITIES = {"[": "&#91;", "]": "&#93;", "\\": "&#92;"}
# A citation as a link to its page.
CHIP = re.compile(r"\[\[(\d+)\]\]\(read/[^\s)]+\)")
Address = Callable[[Passage], str]
"""Where a passage is read (see book.py); empty where it is nowhere."""
ESCAPED = re.compile(r"&#9[123];|\\[`*_{}#+\-!|~$<>]")


def escape_markdown(text: str) -> str:
    """Book text as Markdown that shows it as printed; citations keep their brackets."""
    escaped = []
    end = 0
    for match in MARKER.finditer(text):
        escaped += [MARKDOWN.sub(_escape, text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*escaped, MARKDOWN.sub(_escape, text[end:])])


def _escape(character: re.Match[str]) -> str:
    return ENTITIES.get(character[0], f"\\{character[0]}")


def disarm(text: str) -> str:
    """A model's Markdown without images: a picture's address would be fetched by the reader's browser.

    `$x^2$` becomes `\\(x^2\\)`, which the page renders as maths; code and prices ("$5 and $7") stay as they are.
    """
    parts = CODE.split(text)
    parts[::2] = [INLINE_MATHS.sub(r"\\(\1\\)", part).replace("![", "!&#91;") for part in parts[::2]]
    return "".join(parts)


def notice(text: str, say: Phrases = ENGLISH) -> str:
    """What to expect of the answers: the first sentence, and the rest for who asks."""
    gist, _, rest = text.partition(". ")
    return (
        f'<details class="ct-limits"><summary>{html.escape(gist)}. <span class="ct-more">{html.escape(say("more"))}</span>'
        "</summary>"
        f"<p>{html.escape(rest)}</p></details>"
    )


def alert(text: str) -> str:
    """A line above the conversation that is read aloud at once."""
    return f'<p class="ct-alert" role="alert">{html.escape(text)}</p>'


def piece(text: str, style: str) -> str:
    """Answer text so far, as the chat shows it."""
    return escape_markdown(text) if style == "quote" else disarm(text)


def finished(answer: Answer, style: str, address: Address = lambda passage: "") -> str:
    """A finished answer with its pages and notes below; citations lead to their pages."""
    text = _with_chips(piece(answer.text, style if answer.found else "quote"), answer, address)
    below = [f"**[{c.number}]** {_linked(escape_markdown(_place(c)), address(c.passage))}" for c in answer.citations]
    below += [f"*{escape_markdown(note)}*" for note in answer.notes]
    return text + (SOURCES + "  \n".join(below) if below else "")


def _with_chips(text: str, answer: Answer, address: Address) -> str:
    """The text with every marker of a citation made a link to its page (page.js shows the passage when it is pointed at)."""
    cited = {citation.number: citation.passage for citation in answer.citations}

    def chip(number: int) -> str:
        where = address(cited[number]) if number in cited else ""
        return f"[[{number}]]({where})" if where else f"[{number}]"

    def chips(match: re.Match[str]) -> str:
        return " ".join(chip(int(number)) for number in match[1].split(","))

    parts = CODE.split(text)
    parts[::2] = [MARKER.sub(chips, part) for part in parts[::2]]
    return "".join(parts)


def _linked(text: str, where: str) -> str:
    return f"[{text}]({where})" if where else text


def unescaped(shown: str) -> str:
    """The text that `escape_markdown` made `shown` of."""
    return ESCAPED.sub(lambda escaped: html.unescape(escaped[0].removeprefix("\\")), shown)


def answer_text(shown: str) -> str:
    """What was said, of what the chat shows: the part above the pages, unescaped; nothing for a stopped answer."""
    return unescaped(CHIP.sub(r"[\1]", shown.partition(SOURCES.strip())[0])).strip()


def _place(citation: Citation) -> str:
    passage = citation.passage
    book = "" if passage.section[:1] == (passage.book,) else passage.book  # a title that is the outermost heading too
    return ", ".join(part for part in (book, passage.section_title, passage.pages) if part)


def passages(
    hits: Sequence[Hit],
    answer: Answer | None = None,
    found: bool = True,
    address: Address = lambda passage: "",
    say: Phrases = ENGLISH,
) -> str:
    """The passages as cards; sentences that the answer repeats are marked, cited passages say so.

    Above them the page that the answer cites first.
    """
    if not hits:
        return f'<p class="ct-empty">{html.escape(say("passages_appear"))}</p>'
    cited = {citation.number for citation in answer.citations} if answer else set()
    quoted = sentences(MARKER.sub("", answer.text)) if answer and answer.found else []
    head = html.escape(say("passages" if found else "nearest_passages"))
    cards = [_card(n, hit, n in cited, quoted, address(hit.passage), say) for n, hit in enumerate(hits, 1)]
    first = address(answer.citations[0].passage) if answer and answer.citations else ""
    title = html.escape(say("page_of_book"), quote=True)
    page = f'<iframe class="ct-page" name="{PAGE_FRAME}" title="{title}" src="{first}"></iframe>' if first else ""
    return f'{page}<section aria-label="{head}"><h2 class="ct-head">{head}</h2>{"".join(cards)}</section>'


def _card(number: int, hit: Hit, cited: bool, quoted: Sequence[str], where: str, say: Phrases) -> str:
    passage = hit.passage
    badge = f'<span class="ct-badge">{html.escape(say("cited"))}</span>' if cited else ""
    section = f'<div class="ct-section">{html.escape(passage.section_title)}</div>' if passage.section else ""
    shown = _marked(passage.text, quoted) if passage.text else f"<i>{html.escape(say('text_held_back'))}</i>"
    return (
        f'<details class="ct-card{" ct-cited" if cited else ""}" {"open" if cited else ""}>'
        f'<summary><b>[{number}]</b> <span class="ct-pages">{html.escape(passage.pages)}</span> {badge}'
        f'<div class="ct-book">{html.escape(passage.book)}</div>{section}</summary>'
        f'<div class="ct-text">{shown}</div>{_show(where, say)}</details>'
    )


def _show(where: str, say: Phrases) -> str:
    if not where:
        return ""
    return (
        f'<a class="ct-show" href="{html.escape(where, quote=True)}" target="{PAGE_FRAME}">{html.escape(say("show_page"))}</a>'
    )


def _marked(text: str, quoted: Sequence[str]) -> str:
    """The text escaped, code in its own lines, the quoted sentences marked, however their lines were broken."""
    spans: list[tuple[int, int]] = []
    for sentence in quoted:
        words = sentence.split()
        match = re.search(r"\s+".join(map(re.escape, words)), text) if words else None
        if match and all(match.end() <= start or match.start() >= end for start, end in spans):
            spans.append(match.span())
    parts = []
    for begin, end, code in _blocks(text):
        shown = _with_marks(text, begin, end, sorted(spans))
        parts.append(f'<pre class="ct-code">{shown}</pre>' if code else shown)
    return "".join(parts)


def _with_marks(text: str, begin: int, end: int, spans: Sequence[tuple[int, int]]) -> str:
    parts = []
    for start, stop in spans:
        start, stop = max(start, begin), min(stop, end)
        if start < stop:
            parts += [html.escape(text[begin:start]), f"<mark>{html.escape(text[start:stop])}</mark>"]
            begin = stop
    return "".join([*parts, html.escape(text[begin:end])])


def _blocks(text: str) -> list[tuple[int, int, bool]]:
    """Where the text's blocks of prose and of code begin and end; what is in none of them is white space around code.

    Books are read so that only code keeps its indentation. A paragraph of short lines that end no sentence belongs to the
    code beside it: the imports above a function, the output below it.
    """
    paragraphs = [(match.start(), match.end()) for match in re.finditer(r"(?:[^\n]|\n(?!\n))+", text)]
    lines = [text[begin:end].strip("\n").split("\n") for begin, end in paragraphs]
    indented = [any(line.startswith((" ", "\t")) and line.strip() for line in block) for block in lines]
    terse = [all(len(line) <= TERSE and not line.endswith((".", "?", "!", ":")) for line in block) for block in lines]
    blocks: list[tuple[int, int, bool]] = []
    for i, (begin, end) in enumerate(paragraphs):
        code = indented[i] or (terse[i] and any(indented[max(0, i - 1) : i + 2]))
        if blocks and blocks[-1][2] == code:
            blocks[-1] = (blocks[-1][0], end, code)
        else:
            blocks.append((begin, end, code))
    return [(begin + len(text[begin:end]) - len(text[begin:end].lstrip("\n")), end, code) for begin, end, code in blocks]
