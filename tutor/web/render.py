"""Answers and passages as inert Markdown and HTML. Everything that comes from a book or a model is escaped here."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence

from index_store.search import Hit
from tutor.answering.citations import MARKER, Citation
from tutor.answering.engine import Answer
from tutor.answering.quoting import sentences

SOURCES = "\n\n---\n"
CODE = re.compile(r"(```.*?(?:```|\Z)|`[^`\n]+`)", re.DOTALL)
# Pandoc's rule: no space inside the dollars, no digit behind the closing one. `$$` is display maths and the page's own.
INLINE_MATHS = re.compile(r"(?<![\\$])\$(?![\s$])([^$\n]{1,200}?)(?<![\s\\])\$(?![\d$])")
MARKDOWN = re.compile(r"([\\`*_{}#+\-!|~$<>\[\]])")


def escape_markdown(text: str) -> str:
    """Book text as Markdown that shows it as printed; citations keep their brackets."""
    escaped = []
    end = 0
    for match in MARKER.finditer(text):
        escaped += [MARKDOWN.sub(r"\\\1", text[end : match.start()]), match[0]]
        end = match.end()
    return "".join([*escaped, MARKDOWN.sub(r"\\\1", text[end:])])


def disarm(text: str) -> str:
    """A model's Markdown without images: a picture's address would be fetched by the reader's browser.

    `$x^2$` becomes `\\(x^2\\)`, which the page renders as maths; code and prices ("$5 and $7") stay as they are.
    """
    parts = CODE.split(text)
    parts[::2] = [INLINE_MATHS.sub(r"\\(\1\\)", part).replace("![", "!\\[") for part in parts[::2]]
    return "".join(parts)


def piece(text: str, style: str) -> str:
    """Answer text so far, as the chat shows it."""
    return escape_markdown(text) if style == "quote" else disarm(text)


def finished(answer: Answer, style: str) -> str:
    """A finished answer with its pages and notes below."""
    text = piece(answer.text, style if answer.found else "quote")
    below = [f"**[{c.number}]** {escape_markdown(_place(c))}" for c in answer.citations]
    below += [f"*{escape_markdown(note)}*" for note in answer.notes]
    return text + (SOURCES + "  \n".join(below) if below else "")


def unescaped(shown: str) -> str:
    """The text that `escape_markdown` made `shown` of."""
    return re.sub(r"\\([\\`*_{}#+\-!|~$<>\[\]])", r"\1", shown)


def answer_text(shown: str) -> str:
    """What was said, of what the chat shows: the part above the pages, unescaped; nothing for a stopped answer."""
    return unescaped(shown.partition(SOURCES.strip())[0]).strip()


def _place(citation: Citation) -> str:
    passage = citation.passage
    book = "" if passage.section[:1] == (passage.book,) else passage.book  # a title that is the outermost heading too
    return ", ".join(part for part in (book, passage.section_title, passage.pages) if part)


def passages(hits: Sequence[Hit], answer: Answer | None = None, found: bool = True) -> str:
    """The passages as cards; sentences that the answer repeats are marked, cited passages say so."""
    if not hits:
        return '<p class="ct-empty">The passages that an answer rests on appear here.</p>'
    cited = {citation.number for citation in answer.citations} if answer else set()
    quoted = sentences(MARKER.sub("", answer.text)) if answer and answer.found else []
    head = "Passages" if found else "Nearest passages (they do not answer the question)"
    cards = [_card(n, hit, n in cited, quoted) for n, hit in enumerate(hits, 1)]
    return f'<section aria-label="{head}"><h3 class="ct-head">{head}</h3>{"".join(cards)}</section>'


def _card(number: int, hit: Hit, cited: bool, quoted: Sequence[str]) -> str:
    passage = hit.passage
    badge = '<span class="ct-badge">cited</span>' if cited else ""
    section = f'<div class="ct-section">{html.escape(passage.section_title)}</div>' if passage.section else ""
    return (
        f'<details class="ct-card{" ct-cited" if cited else ""}" {"open" if cited else ""}>'
        f'<summary><b>[{number}]</b> <span class="ct-pages">{html.escape(passage.pages)}</span> {badge}'
        f'<div class="ct-book">{html.escape(passage.book)}</div>{section}</summary>'
        f'<div class="ct-text">{_marked(passage.text, quoted)}</div></details>'
    )


def _marked(text: str, quoted: Sequence[str]) -> str:
    """The text escaped, with the quoted sentences marked, however their lines were broken."""
    spans: list[tuple[int, int]] = []
    for sentence in quoted:
        words = sentence.split()
        match = re.search(r"\s+".join(map(re.escape, words)), text) if words else None
        if match and all(match.end() <= start or match.start() >= end for start, end in spans):
            spans.append(match.span())
    parts, end = [], 0
    for start, stop in sorted(spans):
        parts += [html.escape(text[end:start]), f"<mark>{html.escape(text[start:stop])}</mark>"]
        end = stop
    return "".join([*parts, html.escape(text[end:])])
