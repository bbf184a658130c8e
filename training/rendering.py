"""Examples as a model reads them: chat template, stop token, padding, and which rows are too long. Knows nothing of weights.

A text stands for one turn of the user or the assistant wherever the tokenizer has a chat template.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from training.data import Example, Examples, plain, spans
from training.errors import DataError, RecipeError

if TYPE_CHECKING:
    from datasets import Dataset
    from transformers import PreTrainedTokenizerBase

SHOWN = 100  # tokens shown of a document
DOCUMENT_ENDS = ("<|end_of_text|>", "<|endoftext|>", "</s>")
PADS = ("<|finetune_right_pad_id|>", "<|reserved_special_token_0|>", "<pad>", "<|endoftext|>", "<unk>")


@dataclass(frozen=True)
class Rendered:
    """Rows ready for TRL, and what became of those that were too long. Counts are tokens with the template.

    `control`: rows in whose text a control token of the model stands, and is read as one.
    """

    dataset: Dataset
    lengths: tuple[int, ...]
    too_long: int
    cut_tokens: int
    dropped: int
    control: int = 0

    @property
    def tokens(self) -> int:
        return sum(self.lengths)


def prepare(tokenizer: PreTrainedTokenizerBase) -> None:
    """Give `tokenizer` the token that ends a turn as its end, and a padding token that is none of the model's words.

    The end that a base model's tokenizer names is never trained when the template closes turns with another, and a model that
    learned to close its turn would then not stop there. A tokenizer is prepared once, so every stage loads its own.
    """
    stop = stop_token(tokenizer)
    if stop:
        tokenizer.eos_token = stop
    if tokenizer.eos_token is None:
        raise RecipeError("the tokenizer has no end-of-text token. Choose another model.")
    if tokenizer.pad_token is None:
        known = tokenizer.get_vocab()
        tokenizer.pad_token = next((pad for pad in PADS if pad in known), tokenizer.eos_token)


def stop_token(tokenizer: PreTrainedTokenizerBase) -> str | None:
    """The special token that the chat template closes the assistant's turn with; None without a template or such a token."""
    if not tokenizer.chat_template:
        return None
    mark = "mark"
    messages = [{"role": "user", "content": mark}, {"role": "assistant", "content": mark}]
    text = str(templated(tokenizer, messages, tokenize=False))
    rest = text[text.rindex(mark) + len(mark) :]
    closing = [
        (rest.find(token), token) for token in tokenizer.all_special_tokens + added(tokenizer) if token and token in rest
    ]
    return min(closing)[1] if closing else None


def document_end(tokenizer: PreTrainedTokenizerBase) -> int:
    """The token that ends a document, for CPT: an instruction-tuned model's tokenizer names the end of a turn instead.

    Asked for before `prepare`. Raises RecipeError where there is none.
    """
    known = tokenizer.get_vocab()
    end = next((token for token in DOCUMENT_ENDS if token in known), tokenizer.eos_token)
    if end is None:
        raise RecipeError("the tokenizer has no end-of-text token. Choose another model.")
    return int(known[str(end)])


def render_documents(examples: Examples, tokenizer: PreTrainedTokenizerBase, end: int) -> Rendered:
    """Each document's tokens and `end`, whatever its length: packing splits what is over a row, and nothing is lost."""
    import datasets

    rows = [{"input_ids": [*tokenizer(example.fields["text"])["input_ids"], end]} for example in examples.rows]
    return Rendered(datasets.Dataset.from_list(rows), tuple(len(row["input_ids"]) for row in rows), 0, 0, 0)


def added(tokenizer: PreTrainedTokenizerBase) -> list[str]:
    """Control tokens that are not among the named special ones, as Llama-3's <|eot_id|> is not."""
    return [str(token.content) for token in tokenizer.added_tokens_decoder.values() if token.special]


def conversational(fields: Mapping[str, Any], template: bool) -> dict[str, Any]:
    """All fields as messages where there is a template; raises DataError for messages where there is none."""
    if not template:
        if not all(isinstance(value, str) for value in fields.values()):
            raise DataError(
                "the rows hold chat messages and the model has no chat template. Choose its instruction-tuned version."
            )
        return dict(fields)
    roles = {"prompt": "user"}
    return {
        name: value if not isinstance(value, str) else [{"role": roles.get(name, "assistant"), "content": value}]
        for name, value in fields.items()
    }


def ids(tokenizer: PreTrainedTokenizerBase, fields: Mapping[str, Any], answer: str | None) -> list[int]:
    """Tokens of the prompt alone, or of prompt and `answer`, as TRL makes them."""
    if isinstance(fields["prompt"], str):
        text = fields["prompt"] + (fields[answer] + str(tokenizer.eos_token) if answer else "")
        return list(tokenizer(text)["input_ids"])
    messages = fields["prompt"] + (fields[answer] if answer else [])
    made: Any = templated(tokenizer, messages, tokenize=True, add_generation_prompt=answer is None, return_dict=True)
    return list(made["input_ids"])


def templated(tokenizer: PreTrainedTokenizerBase, messages: Sequence[Mapping[str, str]], **options: Any) -> Any:
    """The messages by the chat template. Raises DataError with the template's own words where it refuses them."""
    from jinja2 import TemplateError

    try:
        return tokenizer.apply_chat_template(list(messages), **options)  # type: ignore[arg-type]
    except TemplateError as error:
        roles = ", ".join(message["role"] for message in messages)
        raise DataError(
            f"the model's chat template refuses turns of {roles}: {error}. Change the turns (a text for the system can stand "
            "in the user's), or choose another model."
        ) from error


def render(
    examples: Examples, tokenizer: PreTrainedTokenizerBase, max_length: int | None, too_long: str, whole: bool
) -> Rendered:
    """Examples within `max_length`. Raises DataError naming rows that are too long, where the recipe neither drops nor cuts.

    TRL leaves out a row whose prompt fills the length and cuts the rest of others, without a word. `whole`: a cut row is of no
    use here (a pair), and is dropped.
    """
    import datasets

    template = bool(tokenizer.chat_template)
    kept: list[dict[str, Any]] = []
    lengths: list[int] = []
    long: list[tuple[Example, int]] = []
    marks = sorted({token for token in tokenizer.all_special_tokens + added(tokenizer) if token})
    cut = dropped = control = 0
    for example in examples.rows:
        fields = conversational(example.fields, template)
        answers = [name for name in fields if name != "prompt"]
        try:
            sizes = [len(ids(tokenizer, fields, answer)) for answer in answers]
        except DataError as error:
            raise DataError(f"{examples.file}: line {example.line}: {error}") from error
        if max_length is not None and max(sizes) > max_length:
            long.append((example, max(sizes)))
            prompt = len(ids(tokenizer, fields, None))
            if too_long == "drop" or whole or prompt >= max_length:
                dropped += 1
                continue
            cut += max(sizes) - max_length
            sizes = [min(size, max_length) for size in sizes]
        control += any(mark in plain(value) for value in fields.values() for mark in marks)
        kept.append(fields)
        lengths.append(max(sizes))
    if long and too_long == "refuse":
        longest, size = max(long, key=lambda found: found[1])
        raise DataError(
            f"{examples.file}: {len(long)} rows have more than max_length {max_length} tokens: lines "
            f"{spans([example.line for example, _ in long])}; the longest is line {longest.line} with {size}. "
            f"Raise trainer.max_length, or set data.too_long to drop{'' if whole else ' or truncate'}."
        )
    if not kept:
        raise DataError(f"{examples.file}: every row has more than max_length {max_length} tokens. Raise trainer.max_length.")
    return Rendered(datasets.Dataset.from_list(kept), tuple(lengths), len(long), cut, dropped, control)


def shown(tokenizer: PreTrainedTokenizerBase, dataset: Dataset, max_length: int | None, all_of_it: bool = False) -> str:
    """The first example as the model reads it, decoded from its tokens, with what is learned between marks. Raises RecipeError.

    The learned part has to end with the token that ends a turn, or the model would never learn to stop.
    """
    fields = dataset[0]
    if "input_ids" in fields:
        start = tokenizer.decode(fields["input_ids"][:SHOWN])
        return f"\u27e6{start}{'...' if len(fields['input_ids']) > SHOWN else ''}\u27e7"
    answer = next(name for name in fields if name != "prompt")
    prompt, whole = ids(tokenizer, fields, None), ids(tokenizer, fields, answer)
    common = next(
        (at for at, (one, two) in enumerate(zip(prompt, whole, strict=False)) if one != two), min(len(prompt), len(whole))
    )
    end = max(common, max_length or len(whole))
    learned, rest = whole[common:end], whole[end:]
    if tokenizer.eos_token_id not in learned + rest:
        raise RecipeError(
            f"the chat template does not close the assistant's turn with {tokenizer.eos_token}: the model would not learn to "
            "stop. Choose a model whose template does."
        )
    if common < len(prompt):
        raise RecipeError(
            f"the chat template writes the prompt otherwise with an answer (without {tokenizer.decode(prompt[common:])!r}): "
            "the model would be trained on another context than it meets. Choose a model whose template does not."
        )
    cut = f" ... {len(rest)} tokens are cut off, and the end of the answer with them" if rest else ""
    if all_of_it:
        return f"\u27e6{tokenizer.decode(whole[:max_length])}\u27e7{cut}"
    return f"{tokenizer.decode(whole[:common])}\u27e6{tokenizer.decode(learned)}\u27e7{cut}"


def lines(rendered: Sequence[tuple[Examples, Rendered]]) -> list[str]:
    """What a user is told of each file."""
    told = []
    for examples, made in rendered:
        longest, median = max(made.lengths), sorted(made.lengths)[len(made.lengths) // 2]
        told.append(
            f"{examples.file}: {len(made.lengths):,} examples, {made.tokens:,} tokens (median {median:,}, longest {longest:,});"
            f" left out {examples.empty:,} empty, {examples.duplicates:,} duplicates, {made.dropped:,} too long;"
            f" {made.too_long - made.dropped:,} cut, by {made.cut_tokens:,} tokens"
        )
        earlier = sum(answered_before(example) for example in examples.rows)
        if earlier:
            told.append(f"{examples.file}: {earlier:,} examples have earlier answers too; of each only the last is learned")
        if made.control:
            told.append(
                f"{examples.file}: {made.control:,} examples have a control token of the model as text, which is read as one"
            )
    return told


def answered_before(example: Example) -> bool:
    """Whether its prompt is a conversation with answers of the assistant in it."""
    prompt = example.fields.get("prompt")
    return isinstance(prompt, list) and any(turn["role"] == "assistant" for turn in prompt)


def printable(text: str) -> str:
    """`text` with its control characters escaped, which a terminal would obey; lines and tabs stay."""
    return "".join(c if c in "\n\t" or not unicodedata.category(c).startswith("C") else ascii(c)[1:-1] for c in text)
