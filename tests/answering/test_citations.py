"""From [n] to a passage, checked."""

from index_store.embedding import Embedding
from index_store.passage import Passage
from tutor.answering.citations import add_missing, keep_valid, resolve


def passage(text: str, page: int = 1) -> Passage:
    return Passage("b.pdf", "Book", ("1 One",), page, page, str(page), str(page), text, page).with_id()


PASSAGES = [
    passage("Merge sort takes n log n steps in every case.", 4),
    passage("A hash table finds a key in constant expected time.", 9),
]


def test_a_number_without_a_passage_is_removed_and_the_text_stays_clean() -> None:
    assert keep_valid("It is fast [7]. It is stable [1].", 2) == "It is fast. It is stable [1]."


def test_of_several_numbers_the_valid_ones_stay() -> None:
    assert keep_valid("It is fast [1, 5, 2].", 2) == "It is fast [1, 2]."
    assert keep_valid("It is fast [0].", 2) == "It is fast."


def test_an_index_in_code_is_no_citation() -> None:
    answer = "Swap a[1] and `a [2]`:\n```\nx = [9]\n```\nas shown [2]."
    assert keep_valid(answer, 2) == answer
    assert [c.number for c in resolve(answer, PASSAGES)] == [2]


def test_citations_come_in_order_of_mention_each_once() -> None:
    found = resolve("B [2]. A [1]. B again [2].", PASSAGES)
    assert [(c.number, c.passage.page) for c in found] == [(2, 9), (1, 4)]


def test_a_bare_sentence_gets_the_passage_that_carries_it_and_another_stays_bare(embedding: Embedding) -> None:
    answer = "In every case merge sort needs n log n steps. Penguins live on the southern half of the globe."
    marked = add_missing(answer, PASSAGES, embedding)
    assert marked == ("In every case merge sort needs n log n steps. [1] Penguins live on the southern half of the globe.")


def test_a_sentence_that_has_a_number_keeps_it(embedding: Embedding) -> None:
    answer = "In every case merge sort needs n log n steps [2]."
    assert add_missing(answer, PASSAGES, embedding) == answer
