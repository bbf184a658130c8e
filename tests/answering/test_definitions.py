"""What a question asks to be told about, and which sentences tell it."""

import pytest

from tutor.answering.definitions import DEFINES, LABELLED, SUBJECT, defines, names, topic_of


@pytest.mark.parametrize(
    ("question", "topic"),
    [
        ("what is a heap?", ("heap",)),
        ("What's Bayes' theorem", ("bayes", "theorem")),
        ("what are independent events?", ("independent", "events")),
        ("Explain: Binary search", ("binary", "search")),
        ("define the expectation of X", ("expectation", "of", "x")),
        ("What is meant by load factor?", ("load", "factor")),
        ("Was ist ein Heap?", ("heap",)),
        ("Was versteht man unter der Varianz?", ("varianz",)),
        ("Qu'est-ce qu'un arbre binaire ?", ("arbre", "binaire")),
        ("c'est quoi la variance ?", ("variance",)),
        ("why does quicksort need quadratic time?", ()),
        ("how long does merge sort take?", ()),
        ("what is the probability that two of thirty people share a birthday?", ()),
    ],
)
def test_the_term_is_taken_from_a_question_that_asks_for_one(question: str, topic: tuple[str, ...]) -> None:
    assert topic_of(question) == topic


@pytest.mark.parametrize(
    ("sentence", "topic"),
    [
        ("A heap is a tree in which no node has a smaller key than its parent.", "heap"),
        ("Heaps are the usual way to build a priority queue.", "heap"),
        ("An independent set in a graph is a subset of the vertices with no edges between them.", "independent set"),
        ("The load factor (also fill factor) is the average length of a chain.", "load factor"),
        ("A graph without cycles is called a forest.", "forest"),
        ("This technique, now known as memoization (yes, without an R), is old.", "memoization"),
        ("Unlike an array, a linked list is a chain of nodes.", "linked list"),
        ("Ein Heap ist ein Baum, in dem kein Knoten kleiner als sein Elternknoten ist.", "heap"),
        ("Einen Graphen ohne Kreise nennt man Wald.", "wald"),
        ("Un tas est un arbre dont chaque noeud est plus petit que ses fils.", "tas"),
        ("On appelle variance la moyenne des carrés des écarts.", "variance"),
    ],
)
def test_a_sentence_that_says_what_a_term_means_is_told_by_its_wording(sentence: str, topic: str) -> None:
    assert defines(sentence, topic.split()) == DEFINES


def test_a_label_that_names_the_term_says_it_best() -> None:
    assert defines("Theorem (Bayes). If both are positive, then the following holds.", ("bayes", "theorem")) == LABELLED
    assert DEFINES <= defines("Definition (binary min-heap). Every level is full.", ("heap",)) < LABELLED
    assert defines("Definition (variance and standard deviation). Both measure spread.", ("variance",)) == LABELLED


@pytest.mark.parametrize(
    ("sentence", "topic"),
    [
        ("A heap is not a search tree.", "heap"),
        ("A hash table has one more weakness: it destroys order.", "hash table"),
        ("Merge sort is stable.", "merge sort"),
    ],
)
def test_what_is_said_about_a_term_is_not_what_it_means(sentence: str, topic: str) -> None:
    assert defines(sentence, topic.split()) == SUBJECT


@pytest.mark.parametrize(
    ("sentence", "topic"),
    [
        ("Definition (binary search tree). Smaller keys are on the left.", "binary search"),
        ("Theorem (conservation of momentum). The total is constant.", "momentum"),
        ("The height of a tree is the number of edges on its longest path.", "tree"),
        ("Every Huffman code is a prefix-free code.", "huffman code"),
        ("Two sorted piles of cards are easily merged.", "merge sort"),
    ],
)
def test_another_terms_definition_does_not_count(sentence: str, topic: str) -> None:
    assert defines(sentence, topic.split()) == 0.0


def test_a_section_is_named_after_a_term_that_its_heading_holds() -> None:
    assert names("3.2 Heaps", ("heap",)) == 1.0
    assert names("1.3 Counting, and the birthday problem", ("birthday", "problem")) == pytest.approx(2 / 3)
    assert names("3.1 Binary search trees", ("hash", "table")) == 0.0
    assert names("3.2 Heaps", ()) == 0.0
