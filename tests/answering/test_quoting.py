"""Which sentences may be quoted, and what the grammar lets a decoder write."""

import json
import re

import pytest
from llama_index.core.llms import ChatMessage, MessageRole

from index_store.embedding import Embedding
from tutor.answering.quoting import Quotable, choose_quotable, grammar, sentences
from tutor.answering.service import AnsweringService


def test_sentences_are_kept_whole_and_fragments_left_out() -> None:
    text = "A heap is a tree. It holds keys, e.g. numbers, in order!\n\n2 5 7\n\nDoes Dr. Floyd's method take linear time? Yes."
    assert sentences(text) == ["It holds keys, e.g. numbers, in order!", "Does Dr. Floyd's method take linear time?"]


def test_a_theorems_name_stays_with_what_it_says_and_formulas_are_no_sentences() -> None:
    text = "Theorem (Bayes). The posterior is the prior times the likelihood, rescaled. "
    text += "1 - 365 365 ⋅ 364 365 ⋅ 363 365 = 0.5. Proof. Trivial, as we saw above."
    assert sentences(text) == [
        "Theorem (Bayes). The posterior is the prior times the likelihood, rescaled.",
        "Proof. Trivial, as we saw above.",
    ]


def test_white_space_inside_a_sentence_is_folded() -> None:
    assert sentences("Merge sort needs\na second   array of n elements.") == ["Merge sort needs a second array of n elements."]


PASSAGES = [
    "Merge sort takes time n log n in every case. The weather in Lisbon is often mild in winter.",
    "Merge sort takes time n log n in every case. Its drawback is a second array of n elements.",
]


def test_the_sentence_nearest_to_the_question_is_required_and_twins_appear_once(embedding: Embedding) -> None:
    quotable = choose_quotable(PASSAGES, "how long does merge sort take?", embedding)
    assert [q.text for q in quotable if q.nearest] == ["Merge sort takes time n log n in every case."]
    assert len({q.text for q in quotable}) == len(quotable)


def test_what_a_follow_up_was_told_already_is_not_told_again(embedding: Embedding) -> None:
    said = "Merge sort takes time n log n in every case. [1]"
    quotable = choose_quotable(PASSAGES, "and its drawback?", embedding, ["how long does merge sort take?"], said)
    assert "Merge sort takes time n log n in every case." not in [q.text for q in quotable]
    assert "Its drawback is a second array of n elements." in [q.text for q in quotable]


def test_passages_without_a_sentence_give_nothing_to_quote(embedding: Embedding) -> None:
    assert choose_quotable(["x = 1", "1 2 3"], "what is x?", embedding) == []


def strings_of(ebnf: str, most: int = 10_000) -> set[str]:
    """Every string the grammar derives, by expanding it here, apart from any decoder."""
    rules = dict(line.split(" ::= ", 1) for line in ebnf.splitlines())

    def expand(symbol: str) -> set[str]:
        # The terminals are JSON strings, and none in these tests holds a bar.
        found: set[str] = set()
        for option in rules[symbol].split(" | "):
            partial = {""}
            for token in re.findall(r'"(?:[^"\\]|\\.)*"|\w+', option):
                tails = {json.loads(token)} if token.startswith('"') else expand(token)
                partial = {head + tail for head in partial for tail in tails}
            found |= partial
        assert len(found) <= most
        return found

    return expand("root")


@pytest.mark.parametrize("required", [0, 1, 2, 3])
def test_the_grammar_allows_one_to_three_sentences_in_order_with_the_required_one(required: int) -> None:
    quotable = [Quotable(1 + i // 2, f"Sentence {i}.", nearest=i == required) for i in range(4)]
    said = [f"Sentence {i}. [{1 + i // 2}]" for i in range(4)]
    expected = {
        " ".join(said[i] for i in range(4) if mask >> i & 1)
        for mask in range(1, 16)
        if mask >> required & 1 and bin(mask).count("1") <= 3
    }
    assert strings_of(grammar(quotable)) == expected


def test_quotation_marks_and_backslashes_in_a_sentence_stay_themselves() -> None:
    assert strings_of(grammar([Quotable(1, 'He said "n \\ 2" aloud.', nearest=True)])) == {'He said "n \\ 2" aloud. [1]'}


@pytest.mark.model
def test_the_decoder_writes_accents_and_degrees_as_the_book_does(service: AnsweringService) -> None:
    said = "Gödel and Schrödinger met at 20 °C, and ½ a café é1 was \u00a72 of it."
    message = ChatMessage(role=MessageRole.USER, content="Repeat: " + said)
    reply = service.model.llm.chat([message], grammar=grammar([Quotable(1, said, nearest=True)]))
    assert reply.message.content == f"{said} [1]"
