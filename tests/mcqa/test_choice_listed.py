"""Texts that go through the options one by one, and what else has a letter, or a number, and means none."""

from __future__ import annotations

import pytest

from tutor.mcqa import extract

CAPITALS = ["Paris", "London", "Berlin", "Madrid"]


@pytest.mark.parametrize(
    "text",
    [
        "Let's go through each option:\n\nA) Paris",
        "Let's go through each option:\n\n- A: Paris is in France.\n- B: London",
        "Let's evaluate each option:\n\n1. (A) Paris - capital of France\n2. (B) London",
        "Let's evaluate each option.\n\n**A. Paris** - no\n\n**B. London**",
        "Option A: Paris\n\nOption B: London",
        "(A) Paris (B) London (C) Berlin (D) Madrid",
        "(A) Paris, (B) London, (C) Berlin, (D) Madrid.",
        "... (A) Paris is wrong. (B) London is wrong. (D)",
        "Possible answers: Paris, London",
        "The possible answers are:\nA) Paris\nB) London",
        "To find the answer:\nA) Paris\nB) London",
        "First option:\nA) Paris\nis in France",
        "Analysons chaque option :\n\nA) Paris\nB) Londres",
        "Prüfen wir jede Option:\n\nA) Paris",
        "Let's consider each answer choice:\nA) Paris: no\nB) London: no",
        "(C)\n(D)\n(A)\n(B)",
        "Die Antwort wäre A, wenn nach Frankreich gefragt wäre.",
        "Viele denken, die Antwort ist A.",
        "Beaucoup pensent que la réponse est A.",
        "Wir betrachten Option A.",
        "Considérons l'option D.",
    ],
)
def test_going_through_the_options_says_none_of_them(text: str) -> None:
    assert extract(text, CAPITALS).letter is None


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is (C).\n\nWhich city is the capital of Spain?\n\nThe answer is (D).", "C"),
        ("The answer is (C).\n\nAnother example: the capital of Spain. The answer is (D).", "C"),
        ("1. A) Paris: no.\n2. B) London: no.\n3. C) Berlin: yes.\n4. D) Madrid: no.", "C"),
        (
            "Let's go through each option:\n\nA) Paris is in France.\nB) London is in England.\n"
            "C) Berlin is in Germany.\nD) Madrid is in Spain.\n\nThe answer is (C).",
            "C",
        ),
        (
            "Let's go through each option:\n\nA) Paris is in France.\nB) London is in England.\n"
            "C) Berlin is in Germany.\nD) Madrid is in Spain.\n\nSo the answer is C.",
            "C",
        ),
        ("We have options (A) Paris and (C) Berlin. The answer is (C).", "C"),
        ("So (C) Berlin.", "C"),
        ("C) Berlin", "C"),
        ("The correct option: C", "C"),
        ("Correct answer: C", "C"),
        ("Option: C", "C"),
        ("Final answer: C) Berlin", "C"),
        ("My choice: (C)", "C"),
        ("A) Paris is in France. B) London is in England.\nTherefore, C.", "C"),
        ("It is a capital.\n\nAnswer: (C) Berlin", "C"),
        ("The answer is (B). Wait, what is the capital of Germany? It is Berlin. So the answer is (C).", "C"),
    ],
)
def test_what_is_said_behind_them_counts_and_another_question_does_not(text: str, letter: str) -> None:
    assert extract(text, CAPITALS).letter == letter


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("A) Paris - ❌\nB) London - ❌\nC) Berlin - ✅\nD) Madrid - ❌", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("❌ A) Paris\n❌ B) London\n✅ C) Berlin\n❌ D) Madrid", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("The answer is A for France and C for Germany.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("The answer given is A, but I get Berlin.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("We consider each option.\nA) Paris: no, France.\nB) London", ["Paris", "London", "Berlin", "Madrid"], None),
        ("We consider each option.\nA) Paris", ["Paris", "London", "Berlin", "Madrid"], None),
        ("The answer is A*.", ["A*", "B*", "C", "D"], "A"),
        ("The answer is A*.", ["Dijkstra", "A*", "BFS", "DFS"], "B"),
        ("The answer is A*.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("The answer is A. But C is also correct.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("The answer is A, or maybe C.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("The answer is 10 times larger.", ["10 m/s", "20 m/s", "30 m/s", "40 m/s"], None),
        ("Therefore the velocity increases by 20 m/s.", ["10 m/s", "20 m/s", "30 m/s", "40 m/s"], None),
        ("The answer is 20 m/s more than before.", ["10 m/s", "20 m/s", "30 m/s", "40 m/s"], None),
        ("So the velocity is 20 m/s.", ["10 m/s", "20 m/s", "30 m/s", "40 m/s"], "B"),
        ("The answer is 20 m/s.", ["10 m/s", "20 m/s", "30 m/s", "40 m/s"], "B"),
        ("The answer is 1/e.", ["0.25", "0.5", "0.75", "1"], None),
        ("Thus the answer is step 1.", ["0.25", "0.5", "0.75", "1"], None),
        ("The answer is 3k.", ["1", "2", "3", "4"], None),
        ("The answer is 3D.", ["1", "2", "3", "4"], None),
        ("The answer is 4-bit.", ["1", "2", "3", "4"], None),
        ("The answer is 2d.", ["1", "2", "3", "4"], None),
        ("The answer is 2.", ["1", "2", "3", "4"], "B"),
        ("A is incorrect. B is incorrect. C is correct. D is incorrect.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("A: False\nB: False\nC: True\nD: False", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("A: True\nB: False\nC: True\nD: False", ["Paris", "London", "Berlin", "Madrid"], None),
        ("The answer is **C**.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("The answer is *C*.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("**Answer: C**", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("Answer: C**", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("The correct answer is C**", ["Paris", "London", "Berlin", "Madrid"], "C"),
    ],
)
def test_signs_parts_and_numbers_of_something_else(text: str, options: list[str], letter: str | None) -> None:
    assert extract(text, options).letter == letter


@pytest.mark.parametrize(
    "text",
    [
        "It is a myth that the mean is larger than the median.",
        "We should check whether the mean is larger than the median.",
        "Suppose the mean is larger than the median.",
    ],
)
def test_an_options_words_that_are_only_supposed_are_no_answer(text: str) -> None:
    assert extract(text, ["mean is larger than the median", "mean is smaller than the median", "both are equal"]).letter is None


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("La réponse est C et non A.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("La bonne réponse est C, non A.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("La respuesta es C, no A.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("A resposta não é C.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("The answer is A. No, C.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("The answer is A... no, wait, C.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("La réponse est A. Non, C.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        (
            "Paris is in France, so A is out.\n\nB) London is the capital of the UK, so it is out too.",
            ["Paris", "London", "Berlin", "Madrid"],
            None,
        ),
        (
            "Now consider option A) Paris is in France.\nB) London is the capital of the UK.",
            ["Paris", "London", "Berlin", "Madrid"],
            None,
        ),
        ("We can discard the following:\nD) Madrid", ["Paris", "London", "Berlin", "Madrid"], None),
        ("There are six outcomes, and only one of them is a ", ["Paris", "London", "Berlin", "Madrid"], None),
        ("Je ne sais pas si la réponse est A.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("Réponse fausse : A", ["Paris", "London", "Berlin", "Madrid"], None),
        ("La réponse fausse est A.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("Réponse possible : A", ["Paris", "London", "Berlin", "Madrid"], None),
        ("Die Antwort ist A. Entschuldigung, ich meinte C.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("For France, the answer is A. For Germany, the answer is C.", ["Paris", "London", "Berlin", "Madrid"], None),
        ("For Germany, the answer is C.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("The statement is false.", ["True", "False"], "B"),
        ("Therefore, the statement is not true.", ["True", "False"], "B"),
        ("Thus the statement is true.", ["True", "False"], "A"),
        ("Yes, because it converges.", ["Yes", "No"], "A"),
        ("No.", ["Yes", "No"], "B"),
        ("If the statement is false, we are done.", ["True", "False"], None),
        ("The answer is c.", ["Paris", "London", "Berlin", "Madrid"], "C"),
        ("the answer is (c)", ["Paris", "London", "Berlin", "Madrid"], "C"),
    ],
)
def test_other_languages_no_the_single_item_of_a_list_and_true_or_false(
    text: str, options: list[str], letter: str | None
) -> None:
    assert extract(text, options).letter == letter
