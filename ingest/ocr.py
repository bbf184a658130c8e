"""Pages that are pictures of text, read with Tesseract where its program is installed.

The child process that reads a PDF calls `recognise`; `require_tesseract` says beforehand whether it can.
"""

from __future__ import annotations

import ctypes
import io
import re
import shutil
import subprocess
from typing import Any
from xml.etree import ElementTree

from index_store.errors import SettingsError

DOTS_AN_INCH = 300
MOST_PIXELS = 6000  # a side
SECONDS_A_PAGE = 120
HYPHEN = "\N{SOFT HYPHEN}"

Row = tuple[str, float, float, float, float, float]
"""The fields of `ingest.pdf.Line`."""


def require_tesseract(languages: str) -> None:
    """Raises SettingsError where Tesseract or one of its `languages` ("eng+deu") is not installed."""
    if not shutil.which("tesseract"):
        raise SettingsError(
            "--ocr: Tesseract is not installed. Install it with: apt install tesseract-ocr (macOS: brew install tesseract)."
        )
    listed = subprocess.run(["tesseract", "--list-langs"], capture_output=True, encoding="utf-8", errors="replace", check=False)
    installed = set(listed.stdout.split("\n")[1:])
    for language in languages.split("+"):
        if language not in installed:
            raise SettingsError(
                f"--ocr-language {languages}: Tesseract has no language {language!r}. Name one that "
                f"`tesseract --list-langs` shows, or install it with: apt install tesseract-ocr-{language.replace('_', '-')}."
            )


def recognise(page: Any, raw: Any, languages: str) -> list[Row]:
    """The lines that Tesseract reads on the page as it is drawn; none where it finds none, fails or takes too long."""
    width, height = page.get_size()
    scale = min(DOTS_AN_INCH / 72, MOST_PIXELS / max(width, height, 1.0))
    image = page.render(scale=scale, grayscale=True).to_pil().convert("L")
    data = io.BytesIO()
    image.save(data, "PPM")
    command = ["tesseract", "stdin", "stdout", "-l", languages, "--dpi", str(round(72 * scale)), "hocr"]
    try:
        done = subprocess.run(command, input=data.getvalue(), capture_output=True, timeout=SECONDS_A_PAGE, check=False)
        lines = lines_of_hocr(done.stdout) if done.returncode == 0 else []
    except (subprocess.TimeoutExpired, ElementTree.ParseError):
        return []  # the page stays unread, and is counted so
    x, y = ctypes.c_double(), ctypes.c_double()

    def point(across: float, down: float) -> tuple[float, float]:
        raw.FPDF_DeviceToPage(page.raw, 0, 0, *image.size, 0, round(across), round(down), x, y)
        return x.value, y.value

    rows = []
    for text, size, left, right, baseline in lines:
        start, end = point(left, baseline), point(right, baseline)
        rows.append((text, round(size / scale, 1), round(start[0], 1), round(start[1], 1), round(end[0], 1), 0.0))
    return rows


def lines_of_hocr(hocr: bytes) -> list[tuple[str, float, float, float, float]]:
    """Tesseract's lines in its order: text, size, left, right and baseline, in pixels from the upper left."""
    found = []
    for line in ElementTree.fromstring(hocr).iter():
        if line.get("class") not in ("ocr_line", "ocr_header", "ocr_caption", "ocr_textfloat"):
            continue
        words = [" ".join("".join(word.itertext()).split()) for word in line.iter() if word.get("class") == "ocrx_word"]
        text = " ".join(word for word in words if word)
        title = line.get("title", "")
        box = re.search(r"bbox (\d+) (\d+) (\d+) (\d+)", title)
        if not text or not box:
            continue
        left, upper, right, lower = map(float, box.groups())
        size = re.search(r"x_size ([\d.]+)", title)
        slope = re.search(r"baseline -?[\d.]+ (-?[\d.]+)", title)
        if re.search(r"[^\W\d_]-$", text):
            text = text[:-1] + HYPHEN
        found.append(
            (text, float(size[1]) if size else lower - upper, left, right, lower + float(slope[1]) if slope else lower)
        )
    return found
