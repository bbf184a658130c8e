"""How passages are cut into sentences."""

import pytest

from tutor.answering.sentences import Sentence, caption_of, cut, sentences


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


def test_a_parenthesis_is_never_cut_in_half() -> None:
    text = "(As far as I can tell, he never used it. Nobody else did at that time.) Shannon used it for his maze in 1950."
    assert sentences(text) == [
        "(As far as I can tell, he never used it. Nobody else did at that time.)",
        "Shannon used it for his maze in 1950.",
    ]
    unclosed = "(As far as I can tell, he never used it. Nobody else did at that time."
    assert sentences(unclosed) == ["Nobody else did at that time."]
    assert sentences("The value lies in the interval [0, 1) at all times.") == [
        "The value lies in the interval [0, 1) at all times."
    ]


def test_a_sentence_that_leads_to_a_formula_keeps_what_is_sound_of_it() -> None:
    broken = "If P(A) and P(B) are positive, then\n\nP(A | B) = P(B | A) P(A)\nP(B) ."
    assert [s.text for s in cut(broken) if s.whole] == ["If P(A) and P(B) are positive, then …"]
    assert sentences(broken) == []  # a fraction has lost its bar: nothing of it is a sentence
    inline = "For the union of two events we have the rule\n\nP(A or B) = P(A) + P(B) - P(A and B).\n\nIt is used often."
    assert sentences(inline)[0] == "For the union of two events we have the rule P(A or B) = P(A) + P(B) - P(A and B)."


def test_a_footnotes_digit_does_not_hide_the_end_of_a_sentence() -> None:
    assert sentences("The same technique was proposed by Samuel.5 Shannon used it even earlier than that.") == [
        "The same technique was proposed by Samuel.5",
        "Shannon used it even earlier than that.",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "The reason is that 23 people form 253 pairs.",
        "So both bets have the same ratio.",
        "This is the birthday paradox.",
        "In words: split the world into cases.",
        "It has m slots and a hash function.",
        "However, the heap is not sorted.",
        "Daher ist der Baum ausgeglichen.",
        "Cela prouve le théorème.",
        "where n is the number of keys.",
    ],
)
def test_sentences_that_point_back_are_known(text: str) -> None:
    assert Sentence(text, True, True).leans


@pytest.mark.parametrize(
    "text",
    [
        "Instead of searching for a key, a hash table computes where to look.",
        "So far we have assumed that all keys differ.",
        "In this chapter we look at trees.",
        "Items are stored in slots.",
        "Merge sort cuts the list in half.",
        "Thissen proved it first.",
    ],
)
def test_sentences_that_stand_alone_are_not_taken_for_such(text: str) -> None:
    assert not Sentence(text, True, True).leans


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("Figure 2: A min-heap as a tree.", "A min-heap as a tree."),
        ("10 9 Figure 2: A min-heap as a tree.", "A min-heap as a tree."),
        ("Abbildung 3.1. Ein Baum mit vier Knoten.", "Ein Baum mit vier Knoten."),
        ("The strict shape is shown in Figure 2: a tree without gaps.", None),
        ("The heap lives in an array, as Figure 2 shows.", None),
    ],
)
def test_a_caption_is_told_from_a_sentence_that_mentions_a_figure(text: str, says: str | None) -> None:
    assert caption_of(Sentence(text, True, True)) == says
