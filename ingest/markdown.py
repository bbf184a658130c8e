"""Markdown to HTML, and so to headings and text. Formulas between $ or \\( \\) stay as they are written.

CommonMark with tables and strikethrough. Front matter (YAML or TOML at the very top) gives the title and is no text.
"""

from __future__ import annotations

import html
import re
from typing import Any

from markdown_it import MarkdownIt

from ingest import web
from ingest.blocks import Reading

FRONT_MATTER = re.compile(r"\A(---|\+\+\+)[ \t]*\n(?=[ \t]*[\w-]+[ \t]*[:=])(.*?)\n(?:\1|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
TITLE = re.compile(r"^title[ \t]*[:=][ \t]*(?:[>|][+-]?[ \t]*\n[ \t]+)?(.+?)[ \t]*$", re.MULTILINE | re.IGNORECASE)
# Pandoc's rule for a single dollar: no space inside, no digit behind the closing one. Of a length that searching for the
# end stays quick.
INLINE = re.compile(
    r"\\\(.{1,2000}?\\\)|\\\[.{1,2000}?\\\]|\$\$.{1,2000}?\$\$|\$(?![\s$])(?:\\.|[^$\\`]){1,2000}?(?<![\s\\])\$(?!\d)",
    re.DOTALL,
)
DISPLAYS = {"$$": "$$", "\\[": "\\]"}
ENVIRONMENT = re.compile(r"\\begin\{(\w+\*?)\}")


def read(text: str) -> Reading:
    """A Markdown file's headings and text. Raises Refused."""
    title = ""
    if front := FRONT_MATTER.match(text):
        text = text[front.end() :]
        if named := TITLE.search(front[2]):
            title = named[1].strip("\"'")
    return web.read(f"<body>{_parser().render(text)}</body>", title)


def _parser() -> MarkdownIt:
    # Without a limit on nesting of its own, which would leave out what is deeper: Python's on recursion stops it.
    parser = MarkdownIt("commonmark", {"maxNesting": 1_000_000}).enable(["table", "strikethrough"])
    parser.inline.ruler.before("escape", "maths", _inline_maths)
    parser.block.ruler.before("code", "maths_block", _display_maths, {"alt": ["paragraph", "reference", "blockquote", "list"]})
    return parser


def _inline_maths(state: Any, silent: bool) -> bool:
    if state.src[state.pos] not in "\\$" or not (found := INLINE.match(state.src, state.pos)):
        return False
    if not silent:
        state.push("text", "", 0).content = found[0]
    state.pos = found.end()
    return True


def _display_maths(state: Any, first: int, last: int, silent: bool) -> bool:
    """Lines from $$, \\[ or \\begin{...} to its end, kept as they stand."""
    line = _line(state, first).lstrip()
    environment = ENVIRONMENT.match(line)
    closing = f"\\end{{{environment[1]}}}" if environment else DISPLAYS.get(line[:2], "")
    if not closing or state.is_code_block(first):
        return False
    opened = len(environment[0]) if environment else 2
    for end in range(first, last):
        if closing not in (line[opened:] if end == first else _line(state, end)):
            continue
        if not _line(state, end).rstrip().endswith((closing, closing + ".", closing + ",")):
            return False  # the sentence goes on behind it
        if not silent:
            token = state.push("html_block", "", 0)
            token.content = f"<pre>{html.escape(state.getLines(first, end + 1, state.blkIndent, False))}</pre>"
            state.line = end + 1
        return True
    return False


def _line(state: Any, number: int) -> str:
    return state.src[state.bMarks[number] + state.tShift[number] : state.eMarks[number]]
