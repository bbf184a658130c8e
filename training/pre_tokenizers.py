"""How a byte-level BPE vocabulary splits text before its merges: llama.cpp's names for it, and what they stand for.

A GGUF file says it by a name only, a tokenizer.json by its parts. transformers, reading a GGUF file, takes a name that it does
not know (SmolLM2's among them) for GPT-2's, and then "x  1" comes out in other tokens than the model was made with.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import RunError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

BYTES: dict[str, Any] = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True}
LLAMA_3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
# Named as in llama.cpp's conversion script; parts as in the tokenizer.json that the models were published with.
PARTS: dict[str, list[dict[str, Any]]] = {
    "smollm": [{"type": "Digits", "individual_digits": True}, BYTES | {"use_regex": True}],
    "llama-bpe": [
        {"type": "Split", "pattern": {"Regex": LLAMA_3}, "behavior": "Isolated", "invert": False},
        BYTES | {"use_regex": False},
    ],
    "gpt-2": [BYTES | {"use_regex": True}],
}


def parts(tokenizer: PreTrainedTokenizerBase) -> list[dict[str, Any]]:
    """The steps of `tokenizer`'s splitting, as its tokenizer.json has them."""
    whole: Any = json.loads(tokenizer.backend_tokenizer.to_str())["pre_tokenizer"]  # type: ignore[attr-defined]
    if whole is None:
        return []
    steps = whole["pretokenizers"] if whole["type"] == "Sequence" else [whole]
    return [step | ({"trim_offsets": True} if step["type"] == "ByteLevel" else {}) for step in steps]  # offsets, not tokens


def name(tokenizer: PreTrainedTokenizerBase) -> str:
    """llama.cpp's name. Raises RunError for a tokenizer that splits in none of these ways."""
    found = parts(tokenizer)
    for known, steps in PARTS.items():
        if found == steps:
            return known
    told = " then ".join(step["type"] for step in found) or "nothing"
    raise RunError(
        f"the tokenizer splits text by {told}, which is none of {', '.join(PARTS)}: under another's name a GGUF file would be "
        "read in other tokens. Convert the merged folder with llama.cpp's own script."
    )


def restore(tokenizer: PreTrainedTokenizerBase, file: Path) -> None:
    """Split as the GGUF `file` names it, where transformers took the name for GPT-2's."""
    import tokenizers
    from transformers.integrations.gguf.reader import read_gguf_metadata  # gguf's own reader takes seconds for a vocabulary

    header, _ = read_gguf_metadata(str(file))
    steps = PARTS.get(str(header.get("tokenizer.ggml.pre", "")))
    if steps is None or parts(tokenizer) != PARTS["gpt-2"] or steps == PARTS["gpt-2"]:
        return
    backend = tokenizer.backend_tokenizer  # type: ignore[attr-defined]
    whole = json.loads(backend.to_str()) | {"pre_tokenizer": {"type": "Sequence", "pretokenizers": steps}}
    backend.pre_tokenizer = tokenizers.Tokenizer.from_str(json.dumps(whole)).pre_tokenizer
