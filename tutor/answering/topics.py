"""What a section is about, by its heading: something a student could ask about."""

from __future__ import annotations

import re
from collections.abc import Sequence

from index_store.passage import Passage

# Headings that every book repeats are nothing to ask about.
COMMON = re.compile(
    r"(preface|contents|exercises?|solutions?.*|introduction|summary|key terms|references|chapter .*|appendix.*|index)",
    re.IGNORECASE,
)
NUMBER = re.compile(r"^(?:[A-Z]\.)?[\d.]+\s+")
SHORTEST, LONGEST = 6, 60  # characters


def topic_of_section(section: Sequence[str]) -> str:
    """The innermost heading that is a topic, without its number; empty where none is."""
    for heading in reversed(section):
        title = NUMBER.sub("", heading).strip(" .:")
        if SHORTEST <= len(title) <= LONGEST and not COMMON.fullmatch(title):
            return title
    return ""


def chapters(passages: Sequence[Passage], most: int) -> list[str]:
    """Up to `most` topics that whole chapters are about, spread evenly over the books."""
    outer = (passage.section[1:] if passage.section[:1] == (passage.book,) else passage.section for passage in passages)
    found = list(dict.fromkeys(topic for section in outer if (topic := topic_of_section(section[:1]))))
    return [found[n * len(found) // most] for n in range(most)] if len(found) > most else found
