"""HTML to headings and pieces of text, as a reader of the page sees them.

What the page does not show is left out and counted; what is no part of its text (scripts, and the navigation around a
<main> or <article>) is left out. Styles are looked at on the elements themselves: what a style sheet hides, a script often
shows again.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ingest.blocks import Block, Cell, Numbering, Reading, Refused, item, spaced, table
from ingest.maths import mathml, raised, tex

HEADINGS = {f"h{level}": level - 1 for level in range(1, 7)}
BLOCKS = {
    *("address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dialog", "div", "dl", "dt", "fieldset"),
    *(
        "figcaption",
        "figure",
        "footer",
        "form",
        "header",
        "hgroup",
        "hr",
        "html",
        "legend",
        "li",
        "main",
        "nav",
        "p",
        "section",
    ),
    *("summary", "caption", "tbody", "td", "tfoot", "th", "thead", "tr"),
}
NO_TEXT = {
    *(
        "audio",
        "base",
        "button",
        "canvas",
        "datalist",
        "embed",
        "head",
        "iframe",
        "input",
        "link",
        "meta",
        "noscript",
        "object",
    ),
    *("rp", "script", "select", "style", "template", "textarea", "title", "video"),
}
# Marks beside headings and code, and the second, drawn copy of a formula.
CLASSES_NO_TEXT = {
    *("headerlink", "anchor-link", "mw-editsection", "linenos", "lineno", "linenodiv"),
    *("katex-html", "MathJax", "MathJax_Display", "MathJax_Preview", "MathJax_SVG", "MathJax_CHTML", "MJX-TEX"),
}
AROUND = {"nav", "header", "footer"}
AROUND_ROLES = {"navigation", "banner", "contentinfo"}
HIDING = re.compile(
    r"(?:^|;)\s*(?:display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|font-size\s*:\s*0*\.?0+(?:px|pt|em|rem|ex|%|vw|vh)?"
    r"|opacity\s*:\s*0*\.?0+%?|(?:left|top|right|bottom|text-indent|margin-left|margin-top)\s*:\s*-\d{4,}(?:\.\d+)?(?:px|pt))"
    r"\s*(?:!\s*important\s*)?(?:;|$)",
    re.IGNORECASE,
)
WHITE = re.compile(
    r"(?:^|;)\s*color\s*:\s*(?:white|#fff(?:fff)?|rgba?\(\s*255\s*,\s*255\s*,\s*255\b[^)]*\)|transparent)\s*(?:!\s*important\s*)?(?:;|$)",
    re.IGNORECASE,
)
CHARSET = re.compile(rb"<(?:meta|\?xml)[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([A-Za-z0-9_:.-]+)", re.IGNORECASE)
LATIN = {"iso-8859-1", "iso8859-1", "latin-1", "latin1", "us-ascii", "ascii"}


def declared_encoding(data: bytes) -> str:
    """The encoding that the page's beginning names; Latin-1 is read as Windows-1252, as browsers do."""
    found = CHARSET.search(data[:4096])
    name = found[1].decode("ascii").lower() if found else ""
    return "cp1252" if name in LATIN else name


def read(page: str, title: str = "") -> Reading:
    """A page's headings and text. The title is the one given, else its <title>, else its first <h1>. Raises Refused."""
    parser = etree.HTMLParser(encoding="utf-8", huge_tree=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(page.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError:
        root = None
    # Where it reaches a limit, the parser keeps what it has, and says so only here.
    for error in parser.error_log:
        if error.type_name in ("ERR_RESOURCE_LIMIT", "ERR_NO_MEMORY"):
            raise Refused("too-deep" if error.type_name == "ERR_RESOURCE_LIMIT" else "memory")
    if root is None:
        return Reading(title, [])
    own = root.find(".//main") is not None or root.find(".//article") is not None or root.find(".//*[@role='main']") is not None
    styled = root.find(".//style") is not None or root.find(".//link[@rel='stylesheet']") is not None
    reader = _Reader(own, styled)
    blocks = reader.blocks_of(root)
    named = " ".join("".join(root.xpath("(//head/title)[1]//text()")).split())
    first = next((block.text for block in blocks if block.level == 0), "")
    return Reading(title or named or first, blocks, hidden=reader.hidden)


@dataclass
class _Reader:
    """Walks a page once; `hidden` counts what was left out because the page does not show it."""

    has_main: bool
    styled: bool
    hidden: int = 0
    blocks: list[Block] = field(default_factory=list)
    line: list[str] = field(default_factory=list)

    def blocks_of(self, element: Any) -> list[Block]:
        """What stands in `element`, apart from what stands before it."""
        before = self.blocks, self.line
        self.blocks, self.line = [], []
        self.children(element)
        self.end_line()
        found, (self.blocks, self.line) = self.blocks, before
        return found

    def texts_of(self, element: Any) -> list[str]:
        return [block.text for block in self.blocks_of(element)]

    def end_line(self) -> None:
        text = spaced("".join(self.line))
        self.line = []
        self.add(text)

    def add(self, text: str, level: int = -1) -> None:
        if text.strip():
            self.blocks.append(Block(text, level))

    def children(self, element: Any) -> None:
        self.say(element.text)
        for child in element:
            if isinstance(child.tag, str):
                self.element(child)
            self.say(child.tail)

    def say(self, text: str | None) -> None:
        if text:
            self.line.append(re.sub(r"[ \t\r\n\f]+", " ", text))

    def element(self, element: Any) -> None:
        tag = element.tag.rpartition(":")[2]
        if tag == "script" and element.get("type", "").startswith("math/tex") and element.text:
            self.line.append(rf"\({element.text.strip()}\)")
            return
        if tag == "img" and _is_mediawiki_maths(element):  # seen, although it is aria-hidden
            self.line.append(tex(element.get("alt", "")))
            return
        if self.is_left_out(element, tag):
            return
        if tag == "br":
            self.line.append("\n")
        elif tag == "img":
            self.say(element.get("alt"))
        elif tag == "svg":
            self.say(element.get("aria-label") or " ".join(element.xpath("./*[local-name()='title']//text()")))
        elif tag == "math":
            self.line.append(mathml(element))
        elif tag == "sup":
            if element.find(".//a") is None:  # else it is the mark of a footnote, whose text stands at its own place
                self.line.append(raised(" ".join(self.texts_of(element))))
        elif tag == "q":
            self.line.append("“")
            self.children(element)
            self.line.append("”")
        elif tag in HEADINGS:
            self.end_line()
            self.add(" ".join(self.texts_of(element)), HEADINGS[tag])
        elif tag in ("pre", "listing", "xmp"):
            self.end_line()
            self.add("\n".join(_trimmed(self.preformatted(element).expandtabs(4).split("\n"))))
        elif tag in ("ul", "ol", "menu", "dir"):
            self.end_line()
            self.listing(element, tag)
        elif tag == "dl":
            self.end_line()
            self.add("\n".join(self.definitions(element)))
        elif tag == "table":
            self.end_line()
            self.table(element)
        elif tag in BLOCKS:
            self.end_line()
            self.children(element)
            self.end_line()
        else:
            self.children(element)

    def is_left_out(self, element: Any, tag: str) -> bool:
        if tag in NO_TEXT:
            return True
        if CLASSES_NO_TEXT.intersection(element.get("class", "").split()):
            return True
        if _is_hidden(element, self.styled):
            self.hidden += any(text.strip() for text in element.itertext()) and not _is_mediawiki_maths(element)
            return True
        around = tag in AROUND or element.get("role") in AROUND_ROLES
        return self.has_main and around and not any(_is_main(above) for above in element.iterancestors())

    def preformatted(self, element: Any) -> str:
        """Text as it stands, with its line breaks and indentation."""
        pieces = [element.text or ""]
        for child in element:
            tag = child.tag if isinstance(child.tag, str) else ""
            if tag == "br":
                pieces.append("\n")
            elif tag and not self.is_left_out(child, tag):
                pieces.append(self.preformatted(child))
            pieces.append(child.tail or "")
        return "".join(pieces)

    def listing(self, element: Any, tag: str) -> None:
        items = [child for child in element if child.tag == "li" and not self.is_left_out(child, "li")]
        if any(child.find(f".//{heading}") is not None for child in items for heading in HEADINGS):
            for child in items:  # sections set as a list
                self.blocks += self.blocks_of(child)
            return
        numbering, style = Numbering(), element.get("type", "1") if tag == "ol" else ""
        lines = []
        for child in element:
            if child.tag in ("ul", "ol") and not self.is_left_out(child, child.tag):  # set wrongly between the items
                lines += ["  " + text.replace("\n", "\n  ") for text in self.texts_of_one(child)]
            elif child in items:
                marker = numbering.marker(0, style, _number(element.get("start"), 1))
                texts = self.texts_of(child)
                if texts:
                    lines.append(item(marker, texts))
        self.add("\n".join(lines))

    def texts_of_one(self, element: Any) -> list[str]:
        before = self.blocks
        self.blocks = []
        self.element(element)
        found, self.blocks = self.blocks, before
        return [block.text for block in found]

    def definitions(self, element: Any) -> Iterator[str]:
        for child in element:
            if child.tag == "div":
                yield from self.definitions(child)
            elif child.tag in ("dt", "dd") and not self.is_left_out(child, child.tag):
                text = "\n".join(self.texts_of(child))
                if text:
                    yield text if child.tag == "dt" else "  " + text.replace("\n", "\n  ")

    def table(self, element: Any) -> None:
        """A row a line; but a table that only arranges the page is read cell by cell."""
        inside = {one.tag for one in element.iterdescendants() if isinstance(one.tag, str)}
        rows = element.xpath("./tr | ./thead/tr | ./tbody/tr | ./tfoot/tr")
        widest = max((len(row.xpath("./td | ./th")) for row in rows), default=0)
        arranges = element.get("role") in ("presentation", "none") or inside & {"table", "pre", *HEADINGS} or widest < 2
        if arranges:
            self.children(element)
            self.end_line()
            return
        for caption in element.iterfind("./caption"):
            self.blocks += self.blocks_of(caption)
        self.add(table(self.rows(rows)))

    def rows(self, rows: list[Any]) -> Iterator[list[Cell]]:
        for row in rows:
            if not self.is_left_out(row, "tr"):
                cells = [c for c in row if c.tag in ("td", "th") and not self.is_left_out(c, c.tag)]
                yield [
                    Cell(" ".join(self.texts_of(cell)), _number(cell.get("colspan"), 1), _number(cell.get("rowspan"), 1))
                    for cell in cells
                ]


def _is_main(element: Any) -> bool:
    return element.tag in ("main", "article") or element.get("role") == "main"


def _is_hidden(element: Any, styled: bool) -> bool:
    """Whether the page does not show the element. Of white text in a page that is `styled` elsewhere nobody knows."""
    return (
        element.get("hidden") not in (None, "until-found")
        or element.get("aria-hidden", "").lower() == "true"
        or bool(HIDING.search(element.get("style", "")))
        or (not styled and bool(WHITE.search(element.get("style", ""))) and _is_on_white(element))
    )


def _is_on_white(element: Any) -> bool:
    """Whether neither the element nor what it stands in has a background of its own."""
    around = [element, *element.iterancestors()]
    return not any("background" in one.get("style", "").lower() or one.get("bgcolor") for one in around)


def _is_mediawiki_maths(element: Any) -> bool:
    return "mwe-math" in element.get("class", "")


def _trimmed(lines: list[str]) -> list[str]:
    """Without blank lines at either end, and without white space at the lines' ends."""
    kept = [line.rstrip() for line in lines]
    written = [at for at, line in enumerate(kept) if line]
    return kept[written[0] : written[-1] + 1] if written else []


def _number(text: str | None, otherwise: int) -> int:
    return int(text) if text and re.fullmatch(r"[0-9]{1,5}", text.strip()) else otherwise
