"""How much of a book's text is read as its author wrote it, by pypdf, by pypdfium2 and by Course Tutor?

    python benchmarks/text_quality.py --books FOLDER --html FOLDER

Every NAME.html in the HTML folder, and every NAME-ground-truth.txt in either folder, is the truth for NAME*.pdf in the books
folder (looked for at any depth). Word error rate: insertions, deletions and replacements of words on the shortest way to the
truth, by words of the truth. Word-bag F1: the same words, in any order. Both in NFKC, without case and without punctuation
around words. CPU seconds are those of this process and its children.
"""

from __future__ import annotations

import argparse
import re
import resource
import unicodedata
from collections import Counter
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path

from rapidfuzz.distance import Levenshtein

from ingest.pdf import read_pdf
from ingest.structure import understand

TRUTH = "-ground-truth"
UNSEEN = {"script", "style", "head", "title", "annotation", "annotation-xml"}
INLINE = {"a", "abbr", "b", "cite", "code", "em", "i", "q", "s", "small", "span", "strong", "sub", "sup", "u", "var"}
MATHS = re.compile(r"m[a-z]+")


class _Visible(HTMLParser):
    """The text of a page as it is read: blocks and cells apart, letters of a formula together."""

    def __init__(self) -> None:
        super().__init__()
        self.text: list[str] = []
        self.unseen = 0

    def _apart(self, tag: str) -> None:
        if tag not in INLINE and not MATHS.fullmatch(tag):
            self.text.append(" ")

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.unseen += tag in UNSEEN
        self._apart(tag)

    def handle_endtag(self, tag: str) -> None:
        self.unseen -= tag in UNSEEN
        self._apart(tag)

    def handle_data(self, data: str) -> None:
        if not self.unseen:
            self.text.append(data)


def truth_of(file: Path) -> str:
    text = file.read_text("utf-8")
    if file.suffix != ".html":
        return text
    parser = _Visible()
    parser.feed(text)
    return "".join(parser.text)


def by_pypdf(file: Path) -> str:
    import pypdf

    return "\n".join(page.extract_text() for page in pypdf.PdfReader(file).pages)


def by_pypdfium2(file: Path) -> str:
    import pypdfium2

    return "\n".join(page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(file))


def by_course_tutor(file: Path) -> str:
    text: list[str] = []
    before: tuple[str, ...] = ()
    for section in understand(read_pdf(file)).sections:
        shared = next((n for n, (a, b) in enumerate(zip(before, section.path, strict=False)) if a != b), len(before))
        text += [*section.path[shared:], section.text]
        before = section.path
    return "\n".join(text)


READERS: dict[str, Callable[[Path], str]] = {
    "pypdf": by_pypdf,
    "pypdfium2": by_pypdfium2,
    "Course Tutor": by_course_tutor,
}


def words(text: str) -> list[str]:
    text = unicodedata.normalize("NFKC", text).casefold().replace("\N{MINUS SIGN}", "-")
    return [word for token in text.split() if (word := re.sub(r"^[\W_]+|[\W_]+$", "", token))]


def cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in used)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, required=True)
    parser.add_argument("--html", type=Path, required=True)
    parser.add_argument("--only", nargs="+", default=[], help="names of books; default: all that have a truth")
    parser.add_argument("--readers", nargs="+", choices=list(READERS), default=list(READERS))
    arguments = parser.parse_args()
    truths = {file.stem: file for file in sorted(arguments.html.glob("*.html"))}
    for folder in (arguments.books, arguments.html):
        truths |= {file.stem.removesuffix(TRUTH): file for file in sorted(folder.glob(f"*{TRUTH}.txt"))}
    pairs = {
        name: (next(iter(sorted(arguments.books.rglob(f"{name}*.pdf"), key=lambda f: len(f.name))), None), file)
        for name, file in truths.items()
        if not arguments.only or name in arguments.only
    }
    if not any(book for book, _ in pairs.values()):
        parser.error(f"no PDF in {arguments.books} has its truth in {arguments.html}")
    print("| book | words | reader | word error rate | word-bag F1 | CPU s |")
    print("|---|---:|---|---:|---:|---:|")
    for name, (book, file) in pairs.items():
        if book is None:
            print(f"| {name} | | no {name}*.pdf among the books | | | |")
            continue
        truth = words(truth_of(file))
        for reader in arguments.readers:
            started = cpu_seconds()
            text = READERS[reader](book)
            seconds = cpu_seconds() - started
            found = words(text)
            errors = Levenshtein.distance(truth, found)
            shared = (Counter(truth) & Counter(found)).total()
            f1 = 2 * shared / (len(truth) + len(found))
            print(f"| {name} | {len(truth):,} | {reader} | {errors / len(truth):.3f} | {f1:.3f} | {seconds:.1f} |", flush=True)


if __name__ == "__main__":
    main()
