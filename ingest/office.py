"""What DOCX and PPTX share: a zip of XML parts, to be looked at before any parser does.

Knows nothing of what is in the parts.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from typing import Any

from ingest.blocks import Refused

OLE = bytes.fromhex("D0CF11E0A1B11AE1")  # what Office wrote before 2007, and what it still wraps around an encrypted file
ENCRYPTED = "EncryptedPackage".encode("utf-16-le")
COMPATIBILITY = "{http://schemas.openxmlformats.org/markup-compatibility/2006}"
MATHS = "{http://schemas.openxmlformats.org/officeDocument/2006/math}oMath"


def check(data: bytes, kind: str, unpacked_megabytes: int) -> None:
    """Raises Refused where `data` is no zip of XML parts, is too large once unpacked, or declares entities.

    `kind` is "docx" or "pptx".
    """
    if data.startswith(OLE):
        raise Refused("encrypted" if ENCRYPTED in data else "old-office")
    if not data.startswith(b"PK"):
        raise Refused(f"not-{kind}")
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as package:
            parts = package.infolist()
            if sum(part.file_size for part in parts) > unpacked_megabytes << 20:
                raise Refused("too-much")
            if "[Content_Types].xml" not in package.namelist():
                raise Refused(f"not-{kind}")
            for part in parts:
                # An entity can unfold to gigabytes. Office's formats allow no document type, so none gets to a parser.
                if part.filename.lower().endswith((".xml", ".rels")) and b"<!DOCTYPE" in package.read(part).replace(b"\0", b""):
                    raise Refused("declares")
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError):  # the last two: an unknown packing
        raise Refused("corrupt") from None


def one_alternative(tree: Any) -> None:
    """Of each piece that Office wrote twice, for new and for old programs, leave the one for new."""
    for both in list(tree.iter(f"{COMPATIBILITY}AlternateContent")):
        choice = both.find(f"{COMPATIBILITY}Choice")
        chosen = choice if choice is not None else both.find(f"{COMPATIBILITY}Fallback")
        parent = both.getparent()
        at = parent.index(both)
        parent[at : at + 1] = list(chosen) if chosen is not None else []
