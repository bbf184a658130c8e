"""Where the headings stand, what path each has, and what kind of section it opens. Knows nothing of paragraphs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median, mode

from index_store.passage import Kind
from index_store.words import normalize
from ingest.furniture import Margins
from ingest.pdf import Document, Line, Page
from ingest.spelling import SOFT_HYPHEN

Path = tuple[str, ...]

HEADING_RATIO = 1.04
MOST_LINES = 4
LOST = "\N{REPLACEMENT CHARACTER}"
NUMBER = re.compile(r"(?:[A-Z]\.)?\d+(?:\.\d+)*(?=\.?\s)|[A-Z](?:\.\d+)+(?=\.?\s)")
# A star or heart before the number marks a section as optional.
ORNAMENT = re.compile(r"^[*†‡⋆★☆♥♦♣♠§¶]+\s*(?=\d)")
CHAPTER = re.compile(r"(?:(?:chapter|part|lecture|kapitel|teil|chapitre|partie)\s+)?(\d{1,3}|[A-Z])\.?", re.IGNORECASE)
TITLE = re.compile(r"[“\"'(¿¡]?[^\W\d_a-z][^=<>≤≥∑∈{}|]*[^\s.,;:]|\d\w*[^\W\d_]{2}[^=<>≤≥∑∈{}|]*[^\s.,;:]")
PREFIX = re.compile(r"^(?:(?:chapter|kapitel|chapitre|section|appendix|anhang|annexe)\s+)?(?:[\dA-Z](?:[\d.]*\d)?[.:]?\s+)?")
PREFACE = re.compile(r"preface|foreword|vorwort|préface|avant-propos", re.IGNORECASE)
EXERCISE = re.compile(
    r"(?:(?:review|practice|additional|further|programming|end[- ]of[- ]chapter|chapter|section|selected|homework)\s+)*"
    r"(?:exercises?|problems?|problem sets?|practice(?: tests?)?|homework|try it(?: yourself)?|questions|quiz"
    r"|bringing it together(?:: .*)?|concepts in practice|check your understanding)(?: (?:for|to|on) .*)?"
    r"|(?:übungs)?aufgaben|übungen|übungsblatt.*|exercices.*|problèmes|travaux dirigés",
    re.IGNORECASE,
)
SOLUTION = re.compile(
    r"(?:selected\s+)?(?:solutions?|answers?)"
    r"(?: (?:to|for|of) (?:the )?(?:(?:selected|odd[- ]numbered|even[- ]numbered|all|review) )*"
    r"(?:exercises?|problems?|questions?|homework|practice|quiz\w*|chapter|tests?|try it|section)\b.*| key.*| manual)?"
    r"|(?:hints|answers) and (?:solutions|answers|hints).*"
    r"|(?:muster)?lösungen?(?: (?:der|zu|zu den) (?:übungen|(?:übungs)?aufgaben)\b.*)?|antworten.*|lösungshinweise.*"
    r"|corrigés?.*|réponses(?: aux? .*)?|solutions des exercices.*",
    re.IGNORECASE,
)


def kind_of(path: Path) -> Kind:
    """What the section at `path` holds, by its own heading and those above it; solutions to exercises are solutions."""
    titles = [title.strip() for title in path]
    if titles and PREFACE.fullmatch(titles[0]):
        return "text"  # it tells of answers, and gives none
    # A numbered "11 Solutions" is a chapter on salt in water; answers to exercises say so or go unnumbered.
    if any((m := SOLUTION.fullmatch(bare := PREFIX.sub("", t))) and (bare == t or " " in m[0]) for t in titles):
        return "solution"
    return "exercise" if any(EXERCISE.fullmatch(PREFIX.sub("", title)) for title in titles) else "text"


def key(title: str) -> str:
    """A title without what two settings of it differ in."""
    # Without hyphens too: a heading broken at its own hyphen has a soft one there.
    return re.sub(r"[\s'\"‘’“”\u00ad-]+", "", normalize(title)).casefold()


def from_outline(document: Document, kept: dict[int, list[Line]]) -> dict[tuple[int, int], Path]:
    """(page number, line index) -> path of the heading that stands there; () for a further line of the same heading."""
    found: dict[tuple[int, int], Path] = {}
    taken: dict[int, set[int]] = {}
    path: list[str] = []
    for entry in document.outline:
        title = " ".join(normalize(entry.title).split())
        path = [*path[: entry.level], title]
        place = _place_of(title, entry.y, kept[entry.page], taken.setdefault(entry.page, set()))
        if place is None:
            continue
        first, last = place
        printed = [_title(line) for line in kept[entry.page][first : last + 1]]
        if last > first and not any(line.text.endswith(SOFT_HYPHEN) for line in kept[entry.page][first:last]):
            path[-1] = " ".join(printed)  # outlines lose the space where a heading wraps
        taken[entry.page].update(range(first, last + 1))
        found[entry.page, first] = tuple(path)
        for i in range(first + 1, last + 1):
            found[entry.page, i] = ()
    return found


def _place_of(title: str, y: float | None, lines: Sequence[Line], taken: set[int]) -> tuple[int, int] | None:
    """First and last line of the heading `title`, which may wrap; compared without spaces, nearest to `y` first."""
    wanted = key(title)
    if not wanted:
        return None
    order = sorted(range(len(lines)), key=lambda i: abs(lines[i].y - y) if y is not None else i)
    for first in order:
        text = ""
        for last in range(first, min(first + MOST_LINES, len(lines))):
            if last in taken:
                break
            text += key(lines[last].text)
            if text == wanted:
                return first, last
            if not wanted.startswith(text):
                break
    return None


class _Heading:
    """A heading without an outline: its lines on one page, its words, its number where it has one."""

    def __init__(self, page: int, first: int, line: Line, text: str) -> None:
        self.page, self.first, self.last = page, first, first
        self.line = line
        self.text = text
        number = NUMBER.match(text)
        self.number: tuple[str, ...] = tuple(number.group().split(".")) if number else ()

    def extend(self, line: Line) -> None:
        broken = self.line.text.endswith(SOFT_HYPHEN)
        self.text += ("" if broken else " ") + _title(line)
        self.last += 1
        self.line = line


def by_size(pages: Sequence[Page], margins: Margins, size: float) -> dict[tuple[int, int], Path]:
    """Headings of a book without an outline, as `from_outline` gives them: titles set larger than the text, with room above.

    A formula's first character can be tall too, and a slogan can be displayed, so a heading has to read like a title and
    begin where the text begins, unless it opens a chapter. A title of any size counts where its number is the next one. The
    level is the depth of the number ("8.6" is 1); without one it follows from the sizes of the numbered.
    """
    headings = _candidates(pages, margins, size)
    ranks = _ranks(headings, size)
    found: dict[tuple[int, int], Path] = {}
    path: list[str] = []
    for heading in headings:
        level = len(heading.number) - 1 if heading.number else ranks[heading.line.size]
        path = [*path[:level], heading.text]
        for i in range(heading.first, heading.last + 1):
            found[heading.page, i] = ()
        found[heading.page, heading.first] = tuple(path)
    return found


def _candidates(pages: Sequence[Page], margins: Margins, size: float) -> list[_Heading]:
    headings: list[_Heading] = []
    numbered: _Heading | None = None
    heads_at_all = any(margins.headed.values())
    for page in pages:
        lines = margins.lines[page.number]
        if not lines:
            continue
        xs = [round(line.x) for line in lines if abs(line.size - size) < 0.05 * size]
        left = mode(xs) if xs else min(line.x for line in lines)
        top = max(line.y for line in lines)
        opens = heads_at_all and not any(line.y > top for line in margins.headed[page.number])
        for i, line in enumerate(lines):
            large = line.size > HEADING_RATIO * size
            if not large and not _may_be_numbered(line):
                continue
            previous = headings[-1] if headings and (headings[-1].page, headings[-1].last) == (page.number, i - 1) else None
            if previous and _goes_on(previous, line):
                previous.extend(line)
                continue
            room = i == 0 or lines[i - 1].y - line.y > 1.2 * size or lines[i - 1].y < line.y
            heading = _Heading(page.number, i, line, _title(line))
            if not room or not _reads_like_a_title(heading.text):
                continue
            if heading.number and numbered and not large:
                accepted = _follows(heading.number, numbered.number) and _alone(lines, i, size)
            else:
                indented = line.x - left
                centred = abs((line.x + line.right) / 2 - _middle(lines)) < 4 * size
                accepted = large and (indented < size or opens or (not heads_at_all and (i == 0 or centred)))
            if not accepted:
                continue
            chapter = lines[i - 1] if i else None
            if chapter and not heading.number and chapter.size >= line.size and (m := CHAPTER.fullmatch(chapter.text.strip())):
                heading.text = f"{m[1]} {heading.text}"
                heading.number = (m[1],)
                heading.first -= 1
                if headings and headings[-1].page == page.number and headings[-1].last >= heading.first:
                    headings.pop()
            headings.append(heading)
            numbered = heading if heading.number else numbered
    return headings


def _ranks(headings: Sequence[_Heading], text: float) -> dict[float, int]:
    """The level of headings without a number, by their size, where the text has size `text`."""
    sizes: dict[int, list[float]] = {}
    for heading in headings:
        if heading.number and heading.line.size > HEADING_RATIO * text:  # an ornament before the number is small
            sizes.setdefault(len(heading.number) - 1, []).append(heading.line.size)
    typical = {level: median(found) for level, found in sizes.items()}
    ranks: dict[float, int] = {}
    own = sorted({heading.line.size for heading in headings if not heading.number}, reverse=True)
    steps: list[float] = []
    for size in own:
        if typical:
            larger = [level for level, other in typical.items() if other > 1.03 * size]
            equal = [level for level, other in typical.items() if abs(other - size) <= 0.03 * size]
            ranks[size] = min(equal, default=max(larger, default=-1) + 1)
        else:
            if not steps or size < 0.95 * steps[-1]:
                steps.append(size)
            ranks[size] = min(len(steps) - 1, 3)
    return ranks


def _title(line: Line) -> str:
    return ORNAMENT.sub("", " ".join(normalize(line.text.replace(SOFT_HYPHEN, "")).split()))


def _may_be_numbered(line: Line) -> bool:
    return bool(line.text) and (line.text[0].isdigit() or not line.text[0].isalnum()) and len(line.text) <= 90


def _goes_on(heading: _Heading, line: Line) -> bool:
    """Whether the line is a further one of the heading before it."""
    previous = heading.line
    close = 0 < previous.y - line.y < 1.7 * line.size and abs(previous.size - line.size) < 0.02 * line.size
    aligned = abs(previous.x - line.x) < 2 * line.size or abs(previous.x + previous.right - line.x - line.right) < 4 * line.size
    # Under a number the further lines may hang.
    hanging = bool(heading.number) and 0 < line.x - previous.x < 6 * line.size
    return (
        close
        and (aligned or hanging)
        and heading.last - heading.first < MOST_LINES
        and not NUMBER.match(_title(line))
        and (_reads_like_a_title(_title(line).capitalize()))
    )


def _follows(number: Path, previous: Path) -> bool:
    """Whether a number of two parts or more comes next after another: 1.2, 1.2.1 or 2.1 after 1.1... of any depth."""
    if len(number) < 2 or not all(part.isdigit() for part in (*number, *previous)):
        return False
    here, before = [int(part) for part in number], [int(part) for part in previous]
    if here[:-1] == before[: len(here) - 1]:
        deeper = len(here) == len(before) + 1 and here[-1] == 1
        return deeper or (len(here) <= len(before) and here[-1] == before[len(here) - 1] + 1)
    return False


def _alone(lines: Sequence[Line], i: int, size: float) -> bool:
    """Whether there is more room above and below a line than between lines of text."""
    above = i == 0 or abs(lines[i - 1].y - lines[i].y) > 1.5 * size
    return above and (i + 1 == len(lines) or abs(lines[i].y - lines[i + 1].y) > 1.5 * size)


def _middle(lines: Sequence[Line]) -> float:
    return (min(line.x for line in lines) + max(line.right for line in lines)) / 2


def _reads_like_a_title(text: str) -> bool:
    words = NUMBER.sub("", text, count=1).lstrip(". ")
    letters = sum(character.isalpha() or character.isspace() for character in words)
    return (
        len(text) <= 90
        and letters >= 0.75 * len(words)
        and LOST not in text
        and bool(TITLE.fullmatch(words))
        and bool(re.search(r"[^\W\d_]{3}|[\u3040-\u9fff\uac00-\ud7a3]", words))
    )
