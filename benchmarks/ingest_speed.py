"""How fast are books read into a course, beside LlamaIndex's default pipeline, and how much memory does it take?

    python benchmarks/ingest_speed.py --books examples/course

Every run is a process of its own with a new home; clocks start once the embedding is loaded. Median of --runs, ours and the
baselines taking turns. The baseline: pypdf's text page by page (LlamaIndex's PDFReader), SentenceSplitter (1024 tokens, 200
shared), HuggingFaceEmbedding on torch with the same weights, ChromaVectorStore; it embeds the first 256 tokens of each chunk,
for MiniLM reads no more. "all text embedded" is the same with chunks of 200 of MiniLM's own tokens, 30 shared. Neither
checks, verifies, nor keeps a keyword index.

Parts are seconds by the clock, those of books read at the same time added up. Growth: the first PDF's text typeset anew for
every book with a word in twenty altered, so that no passage has its vector already; each number of books is a cold ingest.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from tutor.offline import close_network

close_network(hub=False)

from index_store.course import Library  # noqa: E402
from index_store.embedding import DEFAULT_EMBEDDING, embedding_folder, load_embedding  # noqa: E402
from ingest.pipeline import find_books, ingest  # noqa: E402

COURSE = "measured"
BASELINES = {"LlamaIndex's default (1024/200)": "default", "LlamaIndex, all text embedded (200/30)": "short"}
OURS = "Course Tutor"
# Where the time goes: the name shown, and the function whose calls are timed.
PARTS = {
    "reading": ("ingest.books", "read_book"),
    "cutting": ("ingest.books", "cut"),
    "embedding": ("index_store.vectors.VectorCache", "embed"),
    "Chroma": ("index_store.generation", "_write_chroma"),
    "BM25": ("index_store.generation", "_make_keyword_index"),
    "verification": ("index_store.verify.Verifier", "verify"),
    "checks": ("ingest.pipeline", "check"),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=Path, nargs="+", default=[])
    parser.add_argument("--edition", type=Path, nargs=2, metavar=("FIRST.pdf", "SECOND.pdf"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--growth", type=int, nargs="*", default=[1, 10, 50], help="numbers of books; none: left out")
    parser.add_argument("--job", nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.job:
        job, *values = arguments.job
        jobs: dict[str, Callable[..., dict[str, Any]]] = {"ours": ours, "baseline": baseline}
        print(json.dumps(jobs[job](*values) | memory()))
        return
    if not arguments.books:
        parser.error("--books: name at least one")
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        books = [str(file) for file in arguments.books]
        first = against_baselines(books, arguments.runs, work)
        ingested_again(books, first, work)
        if arguments.edition:
            edition(*arguments.edition, work)
        if arguments.growth:
            growth(arguments.books, arguments.growth, work)


# What runs in a process of its own


def ours(home: str, *books: str) -> dict[str, Any]:
    library = Library(Path(home))
    embedding = load_embedding(models=library.home / "models")
    seconds = time_parts()
    children = watch_children()
    begun = time.perf_counter()
    report = ingest([Path(book) for book in books], library.course(COURSE), embedding, library.vectors)
    return {
        "seconds": time.perf_counter() - begun,
        "pages": sum(book.pages for book in report.books),
        "passages": report.passages,
        "embedded": report.embedded,
        "kept": sum(book.kept for book in report.books),
        "refused": [book.error for book in report.refused],
        "parts": dict(seconds),
        "child_mb": max(children),
    }


def watch_children() -> list[float]:
    """What is returned gets the highest megabytes of this process's children and theirs, looked up five times a second."""
    # Not RUSAGE_CHILDREN: a child begins with the memory of the process that started it.
    seen = [0.0]

    def look(process: str) -> None:
        for listed in Path("/proc", process, "task").glob("*/children"):
            for child in read(listed).split():
                found = [line.split() for line in read(Path("/proc", child, "status")).splitlines() if "VmHWM" in line]
                # A child that is still a copy of this process has its command line too.
                if found and read(Path("/proc", child, "cmdline")) != read(Path("/proc/self/cmdline")):
                    seen.append(int(found[0][1]) / 1024)
                look(child)

    def watch() -> None:
        while True:
            look("self")
            time.sleep(0.2)

    def read(file: Path) -> str:
        try:
            return file.read_text()
        except OSError:  # ended meanwhile
            return ""

    threading.Thread(target=watch, daemon=True).start()
    return seen


def time_parts() -> dict[str, float]:
    """Have every function of PARTS add its seconds to what is returned."""
    import importlib

    seconds: dict[str, float] = defaultdict(float)
    lock = threading.Lock()

    def timed(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*values: Any, **options: Any) -> Any:
            begun = time.perf_counter()
            try:
                return function(*values, **options)
            finally:
                with lock:
                    seconds[name] += time.perf_counter() - begun

        return call

    for name, (place, function) in PARTS.items():
        module, _, of_class = place.rpartition(".")
        owner: Any = (
            getattr(importlib.import_module(module), of_class) if of_class[0].isupper() else importlib.import_module(place)
        )
        setattr(owner, function, timed(name, getattr(owner, function)))
    return seconds


def baseline(kind: str, home: str, *books: str) -> dict[str, Any]:
    import chromadb
    import pypdf
    from llama_index.core import Document, StorageContext, VectorStoreIndex
    from llama_index.core.node_parser import SentenceSplitter
    from llama_index.embeddings.huggingface import HuggingFaceEmbedding
    from llama_index.vector_stores.chroma import ChromaVectorStore

    embedding = HuggingFaceEmbedding(model_name=str(embedding_folder(DEFAULT_EMBEDDING)))
    options: dict[str, Any] = {"chunk_size": 1024, "chunk_overlap": 200}
    if kind == "short":
        tokenizer = embedding._model.tokenizer
        options = {
            "chunk_size": 200,
            "chunk_overlap": 30,
            "tokenizer": lambda text: tokenizer.encode(text, add_special_tokens=False, verbose=False),
        }
    begun = time.perf_counter()
    documents = []
    for name, file in find_books([Path(book) for book in books])[0].items():
        if file.suffix.lower() == ".pdf":
            reader = pypdf.PdfReader(file)
            documents += [
                Document(text=page.extract_text(), metadata={"page_label": reader.page_labels[n], "file_name": name})
                for n, page in enumerate(reader.pages)
            ]
    # The page and file stand before every chunk that is embedded, as they do by default; "short" embeds the text alone.
    nodes = SentenceSplitter(include_metadata=kind == "default", **options).get_nodes_from_documents(documents)
    if kind == "short":
        for node in nodes:
            node.excluded_embed_metadata_keys = list(node.metadata)
    collection = chromadb.PersistentClient(home).create_collection("quickstart")
    storage = StorageContext.from_defaults(vector_store=ChromaVectorStore(chroma_collection=collection))
    VectorStoreIndex(nodes, storage_context=storage, embed_model=embedding)
    return {"seconds": time.perf_counter() - begun, "pages": len(documents), "passages": len(nodes), "child_mb": 0.0}


def memory() -> dict[str, float]:
    """Megabytes of this process at the highest."""
    # Not ru_maxrss where this is: a process begins with that of the one which started it.
    status = Path("/proc/self/status")
    own = (
        next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        if status.is_file()
        else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    )
    return {"own_mb": own / 1024}


def run(*job: object) -> dict[str, Any]:
    done = subprocess.run([sys.executable, __file__, "--job", *map(str, job)], stdout=subprocess.PIPE, encoding="utf-8")
    if done.returncode != 0:
        raise SystemExit(f"the run {' '.join(map(str, job[:2]))} failed")
    row: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    for error in row.get("refused", ()):
        print(error, file=sys.stderr)
    return row


# The tables


def against_baselines(books: Sequence[str], runs: int, work: Path) -> float:
    """Print ours beside the baselines; seconds of ours. The last home of ours is kept as `work`/home."""
    rows: dict[str, list[dict[str, Any]]] = {name: [] for name in (OURS, *BASELINES)}
    home = work / "home"
    for number in range(runs):
        shutil.rmtree(home, ignore_errors=True)
        rows[OURS].append(run("ours", home, *books))
        for name, kind in BASELINES.items():
            rows[name].append(run("baseline", kind, work / f"{kind}-{number}", *books))
    pages = rows[OURS][0]["pages"]
    seconds = {name: median(row["seconds"] for row in found) for name, found in rows.items()}
    print(f"{pages} pages, {runs} runs each, {os.cpu_count()} cores\n")
    print("| pipeline | passages | s | spread | pages/s | ours is faster by | MB, process | MB, its largest child |")
    print("|---|---:|---:|---|---:|---:|---:|---:|")
    for name, found in rows.items():
        low, high = (extreme(row["seconds"] for row in found) for extreme in (min, max))
        own, child = (max(row[key] for row in found) for key in ("own_mb", "child_mb"))
        print(f"| {name} | {found[0]['passages']:,} | {seconds[name]:.1f} | {low:.1f}-{high:.1f} | ", end="")
        print(f"{found[0]['pages'] / seconds[name]:.1f} | {seconds[name] / seconds[OURS]:.2f} | {own:.0f} | {child:.0f} |")
    print("\n| part of ours | s | of the whole |\n|---|---:|---:|")
    parts = {name: median(row["parts"].get(name, 0.0) for row in rows[OURS]) for name in PARTS}
    for name, spent in parts.items():
        print(f"| {name} | {spent:.1f} | {spent / seconds[OURS]:.0%} |")
    return seconds[OURS]


def ingested_again(books: Sequence[str], first: float, work: Path) -> None:
    library = median(run("ours", work / "home", *books)["seconds"] for _ in range(3))
    tutor = [sys.executable, "-c", "from tutor.cli.main import main; main()"]
    command = [*tutor, "ingest", *books, "--course", COURSE, "--home", str(work / "home")]
    spent = []
    for _ in range(3):
        begun = time.perf_counter()
        subprocess.run(command, stdout=subprocess.DEVNULL, check=True)
        spent.append(time.perf_counter() - begun)
    print("\n| the same books again | s | the first is slower by |\n|---|---:|---:|")
    print(f"| through the library | {library:.2f} | {first / library:.0f} |")
    print(f"| by `tutor ingest`, from start to end | {median(spent):.2f} | {first / median(spent):.0f} |", flush=True)


def edition(first: Path, second: Path, work: Path) -> None:
    given = work / "edition" / first.name
    given.parent.mkdir()
    home = work / "edition-home"
    shutil.copyfile(first, given)
    before = run("ours", home, given)
    shutil.copyfile(second, given)
    after = run("ours", home, given)
    print("\n| edition | passages | as before | embedded | s | of the first |\n|---|---:|---:|---:|---:|---:|")
    for name, row in (("first", before), ("second, in its place", after)):
        print(f"| {name} | {row['passages']:,} | {row['kept']:,} | {row['embedded']:,} | {row['seconds']:.1f} | ", end="")
        print(f"{row['seconds'] / before['seconds']:.0%} |", flush=True)
    print("\n| part of the second | s |\n|---|---:|")
    for name in PARTS:
        print(f"| {name} | {after['parts'].get(name, 0.0):.2f} |")


def growth(books: Sequence[Path], numbers: Sequence[int], work: Path) -> None:
    pages = text_of(next(file for file in find_books(books)[0].values() if file.suffix.lower() == ".pdf"))
    print("\n| books | pages | passages | embedded | s | pages/s | MB, process | MB, its largest child |")
    print("|---:|---:|---:|---:|---:|---:|---:|---:|")
    folder = work / "growth"
    folder.mkdir()
    for number in sorted(numbers):
        for copy in range(len(list(folder.iterdir())), number):
            typeset(folder / f"book-{copy:03}.pdf", altered(pages, copy))
        row = run("ours", work / f"growth-{number}", folder)
        print(f"| {number} | {row['pages']:,} | {row['passages']:,} | {row['embedded']:,} | {row['seconds']:.1f} | ", end="")
        print(f"{row['pages'] / row['seconds']:.1f} | {row['own_mb']:.0f} | {row['child_mb']:.0f} |", flush=True)


def text_of(file: Path) -> list[list[str]]:
    """The paragraphs of every page."""
    from ingest.pdf import read_pdf

    return [[" ".join(line.text for line in page.lines)] for page in read_pdf(file).pages]


def altered(pages: Sequence[Sequence[str]], copy: int) -> list[list[str]]:
    """The pages with every twentieth word, or so, exchanged for another of the book, differently in each copy."""
    dice = random.Random(copy)
    words = [word for page in pages for paragraph in page for word in paragraph.split()]
    return [
        [" ".join(dice.choice(words) if dice.random() < 0.05 else word for word in text.split()) for text in page]
        for page in pages
    ]


def typeset(file: Path, pages: Sequence[Sequence[str]]) -> None:
    import typst

    source = "#for page in json(bytes(sys.inputs.pages)) { for text in page { par(text) }; pagebreak(weak: true) }"
    file.write_bytes(typst.compile(source.encode(), sys_inputs={"pages": json.dumps(pages)}))


if __name__ == "__main__":
    main()
