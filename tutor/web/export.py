"""A conversation as one Markdown file, for a student to keep: it stands alone, without the page that it was held on."""

from __future__ import annotations

import re
from datetime import date

from tutor.phrases import ENGLISH, Phrases
from tutor.web import render
from tutor.web.conversation import Messages, content

# A link that only the page itself can follow; what is read stays. Brackets of a book's own are escaped before they get here.
LEADS = re.compile(r"\[((?:\[\d+\])|[^\[\]]*)\]\(read/[^\s)]*\)")


def as_markdown(course: str, messages: Messages, day: date, say: Phrases = ENGLISH) -> str:
    """Questions as quotations, answers below them as shown, with pages and notes; links into the page are text."""
    head = f"# Course Tutor: {render.escape_markdown(course)}\n\n*{say('exported_on', day=day.isoformat())}*"
    parts, asked = [head], 0
    for message in messages:
        text = content(message).strip()
        if message["role"] == "user":
            asked += 1
            quoted = "\n".join(f"> {line}".rstrip() for line in text.split("\n"))
            parts.append(f"## {say('export_question', number=asked)}\n\n{quoted}")
        else:
            parts.append(_without_links(text))
    return "\n\n".join(parts) + "\n"


def _without_links(text: str) -> str:
    """The Markdown with links into the page made text; code stays as it is."""
    parts = render.CODE.split(text)
    parts[::2] = [LEADS.sub(r"\1", part) for part in parts[::2]]
    return "".join(parts)
