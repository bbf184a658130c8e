"""A byte-level BPE tokenizer in a GGUF file's header: tokens, merges, kinds, special tokens, chat template.

Others (SentencePiece, WordPiece) are refused, and so is a way of splitting that llama.cpp has no name for.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training import pre_tokenizers
from training.errors import RunError

if TYPE_CHECKING:
    from gguf import GGUFWriter
    from transformers import PreTrainedTokenizerBase


@dataclass(frozen=True)
class Vocabulary:
    """`tokens` by id, as many as the model has rows; `kinds` are gguf.TokenType."""

    splitting: str
    tokens: list[str]
    kinds: list[int]
    merges: list[str]


def vocabulary(tokenizer: PreTrainedTokenizerBase, words: int) -> Vocabulary:
    """What the header takes. `words` are the rows of the model's embedding. Raises RunError for what cannot be written."""
    import gguf

    whole: Any = json.loads(tokenizer.backend_tokenizer.to_str())  # type: ignore[attr-defined]
    model = whole["model"]
    if model["type"] != "BPE" or model.get("byte_fallback") or whole["normalizer"] is not None:
        raise RunError(
            f"the tokenizer is no byte-level BPE ({model['type']}{', normalized' if whole['normalizer'] else ''}); GGUF is "
            "written for those of SmolLM2 and Llama-3. Convert the merged folder with llama.cpp's own script."
        )
    splitting = pre_tokenizers.name(tokenizer)
    special = {token["id"]: (token["content"], token["special"]) for token in whole["added_tokens"]}
    by_id = {number: token for token, number in model["vocab"].items()} | {
        number: content for number, (content, _) in special.items()
    }
    if max(by_id) >= words:
        raise RunError(
            f"the tokenizer has a token {max(by_id)} and the model {words} rows: they do not belong together. Merge again."
        )
    tokens, kinds = [], []
    for number in range(words):
        tokens.append(by_id.get(number, f"[PAD{number}]"))
        if number in special:
            kinds.append(gguf.TokenType.CONTROL if special[number][1] else gguf.TokenType.USER_DEFINED)
        else:
            kinds.append(gguf.TokenType.NORMAL if number in by_id else gguf.TokenType.UNUSED)
    merges = [merge if isinstance(merge, str) else " ".join(merge) for merge in model["merges"]]
    return Vocabulary(splitting, tokens, [int(kind) for kind in kinds], merges)


def add(writer: GGUFWriter, tokenizer: PreTrainedTokenizerBase, made: Vocabulary) -> None:
    """Write it into the header. The end is the token that closes a turn: llama.cpp and the CPU engine stop at that."""
    writer.add_tokenizer_model("gpt2")
    writer.add_tokenizer_pre(made.splitting)
    writer.add_token_list(made.tokens)
    writer.add_token_types(made.kinds)
    writer.add_token_merges(made.merges)
    first = tokenizer("a")["input_ids"][0]
    writer.add_add_bos_token(tokenizer.bos_token_id is not None and first == tokenizer.bos_token_id)
    writer.add_add_space_prefix(False)
    for number, put in (
        (tokenizer.bos_token_id, writer.add_bos_token_id),
        (tokenizer.eos_token_id, writer.add_eos_token_id),
        (tokenizer.eos_token_id, writer.add_eot_token_id),
        (tokenizer.unk_token_id, writer.add_unk_token_id),
        (tokenizer.pad_token_id, writer.add_pad_token_id),
    ):
        if number is not None:
            put(number)
    if tokenizer.chat_template:
        writer.add_chat_template(tokenizer.chat_template)
