"""From [n] to a passage, checked."""

from index_store.course import Library
from index_store.embedding import Embedding
from index_store.generation import read_passages
from index_store.passage import Passage
from tutor.answering.citations import add_missing, keep_valid, mark_doubtful, resolve
from tutor.answering.quoting import sentences


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


QUESTION = "How fast is merge sort?"


def test_a_sentence_that_its_passage_does_not_bear_out_is_marked(embedding: Embedding) -> None:
    answer = "Merge sort takes n log n steps in every case [1]. Merge sort was invented by penguins in Antarctica [1]."
    marked, doubtful = mark_doubtful(answer, PASSAGES, QUESTION, embedding)
    assert marked == f"{answer[:-1]} (?)."
    assert doubtful == ("Merge sort was invented by penguins in Antarctica.",)


def test_an_altered_number_is_not_borne_out(embedding: Embedding) -> None:
    passages = [passage("A red-black tree of n keys has a height of at most 2 log n, and 13 of its 25 keys are leaves.")]
    right, wrong = "Of its 25 keys, 13 are leaves [1].", "Of its 25 keys, 17 are leaves [1]."
    assert mark_doubtful(right, passages, QUESTION, embedding) == (right, ())
    assert mark_doubtful(wrong, passages, QUESTION, embedding)[1] == ("Of its 25 keys, 17 are leaves.",)


def test_a_number_of_the_question_need_not_stand_in_the_book(embedding: Embedding) -> None:
    passages = [passage("A binary search halves the interval with every comparison until one element is left.")]
    answer = "For 1024 elements a binary search halves the interval with every comparison [1]."
    assert mark_doubtful(answer, passages, "How does binary search deal with 1024 elements?", embedding)[1] == ()
    assert mark_doubtful(answer, passages, "How does binary search work?", embedding)[1] != ()


def test_the_citation_of_another_passage_is_not_borne_out(embedding: Embedding) -> None:
    answer = "Merge sort takes n log n steps in every case. [2] A hash table finds a key in constant expected time. [2]"
    marked, doubtful = mark_doubtful(answer, PASSAGES, QUESTION, embedding)
    assert marked == answer.replace("case. [2]", "case. [2] (?)")
    assert doubtful == ("Merge sort takes n log n steps in every case.",)


def test_what_two_passages_say_together_is_borne_out(embedding: Embedding) -> None:
    answer = "Merge sort takes n log n steps in every case, and a hash table finds a key in constant expected time [1, 2]."
    assert mark_doubtful(answer, PASSAGES, QUESTION, embedding) == (answer, ())


def test_the_books_own_sentences_are_never_doubtful(sample_library: Library, embedding: Embedding) -> None:
    for one in read_passages(sample_library.existing("sample").live)[3:150:7]:
        said = [sentence for sentence in sentences(one.text) if sentence[0].isupper()]
        answer = " ".join(f"{sentence} [1]" for sentence in said)
        assert mark_doubtful(answer, [one], QUESTION, embedding)[1] == ()


def test_sentences_without_a_number_and_code_are_left_alone(embedding: Embedding) -> None:
    answer = "Penguins swim well.\n\n```\nx = [1]\n```\nDone."
    assert mark_doubtful(answer, PASSAGES, QUESTION, embedding) == (answer, ())
