"""Build the sample books' PDFs from their Typst sources: `python examples/course/build.py`."""

from pathlib import Path

import typst

FOLDER = Path(__file__).parent
BOOKS = ("algorithms", "mechanics", "probability")

for book in BOOKS:
    pdf = FOLDER / f"{book}.pdf"
    # A fixed time stamp, so that an unchanged source gives an unchanged file.
    pdf.write_bytes(typst.compile(FOLDER / "sources" / f"{book}.typ", timestamp=1767225600))
    print(f"{pdf}: {pdf.stat().st_size // 1024} KB")
