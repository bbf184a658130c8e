"""The child process that opens a document: `python -m ingest.document_reader FILE MEGABYTES SECONDS SUFFIX TEXT UNPACKED`.

TEXT and UNPACKED are the most megabytes of a text file, and of a DOCX or PPTX once unpacked. Prints JSON lines `[kind,
row]`: head, block..., end; or one refused. Imports only the readers that the file needs. Also forked for every such line of
arguments (see child.py).
"""

from __future__ import annotations

import sys
from importlib import import_module
from pathlib import Path

from ingest.blocks import Reading, Refused
from ingest.child import emit, limit

DEEPEST = 10_000  # Python calls: lxml builds trees of up to 2048 levels, and each costs the readers a few


def read(file: Path, suffix: str, text_megabytes: int, unpacked_megabytes: int) -> Reading:
    """Raises Refused."""
    if file.stat().st_size == 0:
        raise Refused("empty")
    if suffix in (".docx", ".pptx"):
        return _office(file.read_bytes(), suffix[1:], unpacked_megabytes)
    if file.stat().st_size > text_megabytes << 20:
        raise Refused("too-large")
    from ingest import plain

    data = file.read_bytes()
    if suffix == ".txt":
        return plain.read(plain.decoded(data))
    from ingest import web

    if suffix in (".html", ".htm"):
        return web.read(plain.decoded(data, web.declared_encoding(data)))
    from ingest import markdown

    return markdown.read(plain.decoded(data))


def _office(data: bytes, kind: str, unpacked_megabytes: int) -> Reading:
    from lxml.etree import XMLSyntaxError

    from ingest import office

    office.check(data, kind, unpacked_megabytes)
    try:
        if kind == "docx":
            from ingest import word

            return word.read(data)
        from ingest import slides

        return slides.read(data)
    except (XMLSyntaxError, KeyError, ValueError):
        raise Refused(f"not-{kind}") from None


def prepare(arguments: list[str]) -> None:
    """Load what reading more files of the kind of this one takes."""
    kinds = {".docx": "word", ".pptx": "slides", ".htm": "web", ".html": "web", ".md": "markdown", ".markdown": "markdown"}
    if name := kinds.get(arguments[3]):
        import_module(f"ingest.{name}")


def main() -> None:
    file, megabytes, seconds, suffix = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
    limit(megabytes, seconds)
    sys.setrecursionlimit(DEEPEST)
    try:
        reading = read(file, suffix, int(sys.argv[5]), int(sys.argv[6]))
        if not any(block.text.strip() for block in reading.blocks):
            raise Refused("no-text")
        if sum(len(block.text) for block in reading.blocks) > int(sys.argv[5]) << 20:
            raise Refused("too-large")
    except Refused as refused:
        return emit("refused", refused.word)
    except RecursionError:
        return emit("refused", "too-deep")
    except MemoryError:
        return emit("refused", "memory")
    emit("head", {"title": reading.title, "pages": reading.pages, "hidden": reading.hidden})
    for block in reading.blocks:
        emit("block", [block.text, block.level, block.page])
    emit("end", None)


if __name__ == "__main__":
    main()
