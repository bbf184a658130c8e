"""From sections to passages that the embedding model reads whole. Knows nothing of PDFs.

A passage never crosses a section; it may cross a page, and then names both. Sentences are kept whole by LlamaIndex's
SentenceSplitter, counted with the embedding model's own tokenizer: all-MiniLM-L6-v2 reads 256 tokens and silently
ignores the rest, so the heading line that is embedded with a passage counts too.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

from index_store.passage import Passage, embedding_prefix
from ingest.structure import Book, Section

PASSAGE_TOKENS = 200
OVERLAP_TOKENS = 30
SPECIAL_TOKENS = 2
FEWEST_CHARACTERS = 12
# Behind a full stop and what closes with it, before a capital; not behind an initial or an abbreviation.
SENTENCE_END = re.compile(
    r"(?<=[.!?…])(?<!\b[A-Z]\.)(?<!\be\.g\.)(?<!\bi\.e\.)(?<!\bcf\.)(?<!\bFig\.)(?<!\bEq\.)(?<!\bz\.B\.)(?<!\bd\.h\.)(?<!\bDr\.)"
    r"[”’\")\]]*\s+(?=[“‘\"(\[]*[^\W_a-zß-öø-ÿ])"
)


def cut(book: Book, file: str, count_tokens: Callable[[str], int], max_tokens: int) -> list[Passage]:
    """The passages of `book`, in reading order; every `embedded_text` has at most `max_tokens` - 2 tokens."""
    passages: list[Passage] = []
    for section in book.sections:
        prefix = count_tokens(embedding_prefix(book.title, section.path))
        size = min(PASSAGE_TOKENS, max_tokens - SPECIAL_TOKENS - prefix)
        for start, text in _pieces(section, size, count_tokens):
            first, last = section.pages_of(start, start + len(text))
            passages.append(
                Passage(
                    file=file,
                    book=book.title,
                    section=section.path,
                    page=first,
                    page_end=last,
                    label=book.labels[first],
                    label_end=book.labels[last],
                    text=text,
                    ordinal=len(passages),
                    kind=section.kind,
                ).with_id()
            )
    return passages


def _sentences(text: str) -> list[str]:
    """The text cut behind every sentence, white space and all."""
    ends = [0, *(match.end() for match in SENTENCE_END.finditer(text)), len(text)]
    return [text[start:end] for start, end in pairwise(ends) if start < end]


def _pieces(section: Section, size: int, count_tokens: Callable[[str], int]) -> list[tuple[int, str]]:
    """The section's text in pieces of at most `size` tokens, each with its offset."""
    from llama_index.core.node_parser import SentenceSplitter

    splitter = SentenceSplitter(
        chunk_size=size,
        chunk_overlap=OVERLAP_TOKENS,
        tokenizer=lambda text: [0] * count_tokens(text),
        paragraph_separator="\n\n",
        # LlamaIndex's own is NLTK's for English, and takes a second to load.
        chunking_tokenizer_fn=_sentences,
    )
    pieces: list[tuple[int, str]] = []
    start, end = -1, 0
    for text in splitter.split_text(section.text):
        start = section.text.index(text, start + 1)
        # The same words may stand earlier too, but a piece shares no more than the overlap with the one before it.
        while start < end and count_tokens(section.text[start:end]) > OVERLAP_TOKENS:
            further = section.text.find(text, start + 1)
            if further < 0:
                break
            start = further
        end = start + len(text)
        if len(text) >= FEWEST_CHARACTERS:
            pieces.append((start, text))
    return pieces
