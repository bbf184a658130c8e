"""What a passage is: a piece of one book that fits the embedding model, and knows its section and pages.

Knows nothing of how it was cut or how it is found.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from pathlib import PurePath
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from llama_index.core.schema import BaseNode, TextNode

SECTION_SEPARATOR = " > "
PREFIX_CHARACTERS = 160

Kind = Literal["text", "exercise", "solution"]


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a book.

    `page` and `page_end` are physical pages of the file, counted from 1: slides of a PPTX, and of a file that has no pages
    the parts that its outermost headings make (see `unit_of`); `label` and `label_end` are what is printed on
    them ("iv", "27"), empty where that is not known. `section` is the path of headings from the chapter down, and may be
    empty. `kind` tells exercises and their solutions from what explains.
    """

    file: str
    book: str
    section: tuple[str, ...]
    page: int
    page_end: int
    label: str
    label_end: str
    text: str
    ordinal: int
    id: str = ""
    kind: Kind = "text"

    def with_id(self) -> Passage:
        """The same passage under an id made of its content and place, so that equal content has an equal id."""
        content = json.dumps([self.file, self.book, self.section, self.page, self.label, self.ordinal, self.text])
        return replace(self, id=hashlib.sha256(content.encode()).hexdigest()[:24])

    @property
    def embedded_text(self) -> str:
        """What the embedding and the keyword index read: the section path, then the text."""
        return f"{embedding_prefix(self.book, self.section)}\n{self.text}"

    @property
    def section_title(self) -> str:
        return SECTION_SEPARATOR.join(self.section)

    @property
    def pages(self) -> str:
        """The pages as a reader looks them up: printed label first, the PDF's own count where the two differ.

        "slide 4" or "part 3" where the file has no pages.
        """
        unit = unit_of(self.file)
        if not self.label and unit != "page":
            return f"{unit} {self.page}" if self.page == self.page_end else f"{unit}s {self.page}-{self.page_end}"
        if not self.label:
            return f"PDF p. {self.page}" if self.page == self.page_end else f"PDF pp. {self.page}-{self.page_end}"
        printed = self.label if self.label == self.label_end else f"{self.label}-{self.label_end}"
        physical = str(self.page) if self.page == self.page_end else f"{self.page}-{self.page_end}"
        word = "p." if self.page == self.page_end else "pp."
        return f"{word} {printed}" if printed == physical else f"{word} {printed} (PDF {physical})"

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, row: dict[str, Any]) -> Passage:
        return cls(**{**row, "section": tuple(row["section"])})

    def as_node(self) -> TextNode:
        """As LlamaIndex and Chroma hold it: metadata flat (Chroma refuses lists), embedded text as the node's text."""
        from llama_index.core.schema import TextNode

        metadata = self.as_dict()
        metadata["section"] = json.dumps(self.section, ensure_ascii=False)
        keys = list(metadata)
        return TextNode(
            id_=self.id,
            text=self.embedded_text,
            metadata=metadata,
            excluded_embed_metadata_keys=keys,
            excluded_llm_metadata_keys=keys,
        )

    @classmethod
    def from_node(cls, node: BaseNode) -> Passage:
        row = {name: node.metadata[name] for name in cls.__dataclass_fields__}
        return cls.from_dict({**row, "section": json.loads(row["section"])})


def unit_of(file: str) -> str:
    """What `page` counts in a file of this name: "page" in a PDF, "slide" in a PPTX, "part" in a file without pages."""
    suffix = PurePath(file).suffix.lower()
    return {"": "page", ".pdf": "page", ".pptx": "slide"}.get(suffix, "part")


def embedding_prefix(book: str, section: tuple[str, ...]) -> str:
    """The heading line that is embedded with a passage: the last two headings, or the book where there are none."""
    return (SECTION_SEPARATOR.join(section[-2:]) if section else book)[:PREFIX_CHARACTERS]
