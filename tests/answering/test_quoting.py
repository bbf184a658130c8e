"""Which sentences may be quoted, and what the grammar lets a decoder write."""

import json
import re

import pytest
from llama_index.core.llms import ChatMessage, MessageRole

from index_store.embedding import Embedding
from tutor.answering.quoting import Quotable, choose_quotable, grammar
from tutor.answering.service import AnsweringService

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


def test_a_sentence_told_before_is_told_again_where_it_answers_the_question_best(embedding: Embedding) -> None:
    said = "Merge sort takes time n log n in every case. [1]"
    quotable = choose_quotable(PASSAGES, "what is its running time?", embedding, ["how does merge sort work?"], said)
    assert [q.text for q in quotable if q.nearest] == ["Merge sort takes time n log n in every case."]


def test_captions_with_all_their_lines_are_not_offered(embedding: Embedding) -> None:
    passage = (
        "10 9 Figure 2: A min-heap as a tree and as an array. The node at index 4 has its children at 8 and 9.\n"
        "The minimum of a heap is always at the root."
    )
    assert [q.text for q in choose_quotable([passage], "where is the minimum of a heap?", embedding)] == [
        "The minimum of a heap is always at the root."
    ]


GROUP = (
    "In a group of 23 people two share a birthday with probability one half. The reason is that 23 people form 253 pairs. "
    "Birthdays are taken to be equally likely."
)


def test_a_sentence_that_points_back_comes_only_behind_the_one_it_points_at(embedding: Embedding) -> None:
    quotable = choose_quotable([GROUP], "how many pairs do 23 people form?", embedding)
    texts = [q.text for q in quotable]
    reason = texts.index("The reason is that 23 people form 253 pairs.")
    assert quotable[reason].leans
    assert texts[reason - 1].startswith("In a group of 23 people")


def test_a_sentence_that_points_at_nothing_there_is_not_offered(embedding: Embedding) -> None:
    passage = "The reason is that 23 people form 253 pairs. Birthdays of people are taken to be equally likely."
    quotable = choose_quotable([passage], "how many pairs do 23 people form?", embedding)
    assert [q.text for q in quotable] == ["Birthdays of people are taken to be equally likely."]
    # Where there is nothing else, it is better than nothing.
    alone = choose_quotable([passage[:44]], "how many pairs do 23 people form?", embedding)
    assert [q.text for q in alone] == ["The reason is that 23 people form 253 pairs."]


SORTS = [
    "Merge sort is only a little above what any sort can guarantee, and merge sort is stable. Merge sort beats others.",
    "Two sorted piles of cards are easily merged. Each comparison places one card of the two.",
]


def test_asked_what_something_is_the_opening_of_its_section_is_preferred(embedding: Embedding) -> None:
    plain = choose_quotable(SORTS, "what is merge sort?", embedding)
    assert [q.passage for q in plain if q.nearest] == [1]
    opened = choose_quotable(SORTS, "what is merge sort?", embedding, openings=["", "2.2 Merge sort"])
    assert [(q.passage, q.text) for q in opened if q.nearest] == [(2, "Two sorted piles of cards are easily merged.")]
    assert not next(q for q in opened if q.nearest).enough


def test_asked_what_something_is_the_definition_is_preferred_and_stands_first(embedding: Embedding) -> None:
    passages = [
        "A heap is not a search tree, and a heap is built in linear time. The heap is fast.",
        "Trees come in many shapes. Definition (binary min-heap). In it no node has a key smaller than its parent's.",
    ]
    quotable = choose_quotable(passages, "what is a heap?", embedding)
    assert [q.text for q in quotable if q.nearest] == [
        "Definition (binary min-heap). In it no node has a key smaller than its parent's."
    ]
    assert quotable[0].passage == 2


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


def said(*numbers: int) -> str:
    return " ".join(f"Sentence {i}. [1]" for i in numbers)


def test_the_grammar_puts_a_leaning_sentence_only_behind_its_own() -> None:
    # 1 leans on 0, and 3 on 2; 3 is required, so 2 and 3 stand in every answer.
    quotable = [Quotable(1, f"Sentence {i}.", nearest=i == 3, leans=i in (1, 3)) for i in range(5)]
    assert strings_of(grammar(quotable)) == {said(2, 3), said(0, 2, 3), said(2, 3, 4)}


def test_the_grammar_does_not_leave_a_sentence_alone_that_is_not_enough() -> None:
    quotable = [Quotable(1, f"Sentence {i}.", nearest=i == 2, enough=False) for i in range(3)]
    assert strings_of(grammar(quotable)) == {said(0, 2), said(1, 2), said(0, 1, 2)}
    assert strings_of(grammar(quotable[2:])) == {said(2)}


def test_what_leans_on_a_sentence_that_is_not_enough_goes_with_it() -> None:
    quotable = [Quotable(1, f"Sentence {i}.", nearest=i == 1, leans=i == 2, enough=False) for i in range(4)]
    assert strings_of(grammar(quotable)) == {said(1, 2), said(0, 1, 2), said(1, 2, 3)}


def test_quotation_marks_and_backslashes_in_a_sentence_stay_themselves() -> None:
    assert strings_of(grammar([Quotable(1, 'He said "n \\ 2" aloud.', nearest=True)])) == {'He said "n \\ 2" aloud. [1]'}


@pytest.mark.model
def test_the_decoder_writes_accents_and_degrees_as_the_book_does(service: AnsweringService) -> None:
    said = "Gödel and Schrödinger met at 20 °C, and ½ a café é1 was \u00a72 of it."
    message = ChatMessage(role=MessageRole.USER, content="Repeat: " + said)
    reply = service.model.llm.chat([message], grammar=grammar([Quotable(1, said, nearest=True)]))
    assert reply.message.content == f"{said} [1]"
