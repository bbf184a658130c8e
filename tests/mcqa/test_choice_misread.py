"""What reads like a letter, or like an option's words, and is none: numbers cut off, retractions, doubts, other speakers."""

from __future__ import annotations

import pytest

from tutor.mcqa import extract

CITIES = ["London", "Paris", "Rome", "Berlin", "Madrid"]


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("The answer is 3.6.", ["3", "36", "3.6", "6"], "C"),
        ("So we get $\\boxed{7.25}$", ["7", "25", "725", "7.25"], "D"),
        ("The answer is 0.75", ["0", "75", "0.75"], "C"),
        ("Die Antwort ist 4,5.", ["4", "5", "45", "4,5"], "D"),
        ("La réponse est 6,75.", ["6", "75", "6,75"], "C"),
        ("The answer is 3,500,000.", ["3", "3500", "3500000"], "C"),
        ("The answer is 4,300 J.", ["4 J", "300 J", "4,300 J"], "C"),
        ("The answer is 5:2.", ["5", "2", "5:2"], "C"),
        ("The answer is 5:2.", ["5", "2", "7"], None),
        ("The answer is 4.9.", ["4", "9", "49"], None),
        ("The answer is 30.4 kg.", ["20", "30"], None),
        ("The answer is 9 - 4.", ["9", "4", "7"], None),
        ("The answer is 4!.", ["4", "3"], None),
        ("The answer is .4.", ["4", "0.4"], "B"),
        ("The answer is \u00b14.", ["4", "-4"], None),
        ("The answer is 4, 3.", ["4", "3"], None),
        ("The answer is 4 and 3.", ["4", "3"], None),
        ("The answer is x = 4, y = 3.", ["4", "3"], None),
        ("The answer is 4(3).", ["4", "3"], None),
        ("The answer is 4 or more.", ["4", "3"], None),
        ("The answer is 4!", ["4", "3"], None),
        ("The answer is 4!", ["4", "4!"], "B"),
        ("The answer is 4, as computed.", ["4", "3"], "A"),
        ("The answer is 4 - the smaller of the two.", ["4", "3"], "A"),
    ],
)
def test_a_number_is_read_whole(text: str, options: list[str], letter: str | None) -> None:
    assert extract(text, options).letter == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("C'est la réponse E.", "E"),
        ("C\u2019est bien la réponse A.", "A"),
        ("C'est alors la meilleure réponse.", None),
    ],
)
def test_an_elided_word_is_no_letter(text: str, letter: str | None) -> None:
    assert extract(text, CITIES).letter == letter


@pytest.mark.parametrize(
    "after",
    [
        "Wait, that cannot be right.",
        "No, this does not hold for large towns.",
        "Hmm, thinking again, D suits it better.",
        "The river is the Spree, so it must be D.",
        "I made an error in the first step. It is D.",
        "On second thoughts, D.",
        "I was mistaken: D is correct.",
        "Rechecking: D is right.",
        "After checking the map I find that D is correct.",
        "On closer inspection, option D is the best one.",
        "\n\nCorrection: D",
        "Let me recompute. The distance is 3 km, therefore D.",
        "Therefore it should be (D).",
        "Hold on. D.",
        "However, D is the only city on that river.",
        "I change my answer to D.",
        "D it is, then.",
        "But wait - the second river is longer.",
        "This does not add up.",
        "I am not quite sure, though.",
    ],
)
def test_a_letter_taken_back_is_not_given(after: str) -> None:
    assert extract(f"The answer is B. {after}", CITIES).letter in (None, "D")


def test_a_letter_taken_back_in_other_languages_is_not_given() -> None:
    for text in (
        "Die Antwort ist B. Halt, das stimmt nicht. Es muss D sein.",
        "Die Antwort ist B, nein, eher D.",
        "La réponse est B. Attendez, c'est plutôt D.",
    ):
        assert extract(text, CITIES).letter in (None, "D")


@pytest.mark.parametrize(
    "after",
    [
        "Wait, let me look again. Yes, B is right.",
        "Option A is wrong, since it lies on the coast.",
        "The other cities, such as (D), lie elsewhere.",
        "Note that D is correct only for another year.",
        "I hope that helps!",
        "Moment of inertia plays no part in it.",
        "The group -OH is polar.",
        "It is B rather than D.",
        "In Rome, rather than Berlin, it rains.",
        "If you were asked for the oldest, it would be C.",
        "So B.",
    ],
)
def test_a_letter_that_is_confirmed_stays(after: str) -> None:
    assert extract(f"The answer is B. {after}", CITIES).letter == "B"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is (A). It rains. The answer is (C). It pours. The answer is (E). It snows.", None),
        ("The answer is (A) London. The answer is (B) Paris.", None),
        ("The answer is (A). It rains there often. The answer is (C", None),
        ("The answer is (A). It rains. The answer is (C). It pours. The answer is (E). It snows. The answer is (D", None),
        ("The answer is (A). But 3 + 4 = 7, which is the distance to Rome. The answer is (C).", "C"),
    ],
)
def test_letters_stated_one_after_the_other(text: str, letter: str | None) -> None:
    assert extract(text, CITIES).letter == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Answer D is out of the question.", None),
        ("Option D breaks down.", None),
        ("Answer D overlooks the second river.", None),
        ("Option D sounds attractive.", None),
        ("Option D is half right.", None),
        ("We can reject answer D.", None),
        ("I would strike out option D.", None),
        ("Answer C is correct, as answer D ignores the river.", "C"),
        ("Antwort D ist ausgeschlossen.", None),
        ("Antwort D passt nicht.", None),
        ("B ist falsch, Antwort D auch.", None),
        ("La réponse D ne va pas.", None),
        ("On écarte la réponse D.", None),
        ("La B est fausse, la réponse D également.", None),
        ("Answer D, though, leaves out the river.", None),
        ("Now compare it with option D.", None),
        ("The naive answer is D.", None),
        ("Answer: D is out.", None),
        ("There is no way the answer is D.", None),
        ("Only D remains to be checked.", None),
        ("Only D remains unclear.", None),
        ("By elimination, D is out.", None),
        ("D it is not.", None),
        ("Option D fits best.", "D"),
        ("Answer D seems right.", "D"),
        ("So it must be answer D.", "D"),
        ("Antwort D trifft zu.", "D"),
        ("La réponse D convient.", "D"),
        # A contraction denies too.
        ("So the answer isn't Berlin.", None),
        ("The answer is Berlin. No, the answer is not Berlin.", None),
        ("Therefore it can't be Berlin.", None),
        ("So it wasn't Berlin.", None),
        ("So it was Berlin.", "D"),
    ],
)
def test_only_what_affirms_a_label_commits_to_it(text: str, letter: str | None) -> None:
    assert extract(text, CITIES).letter == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("I do not believe that the answer is D.", None),
        ("It is not true that the correct answer is D.", None),
        ("One may doubt that the answer is D.", None),
        ("Some readers will think that the answer is D.", None),
        ("The false option is D.", None),
        ("The least plausible answer is D.", None),
        ("If the river were shorter, the answer would be D.", None),
        ("The answer might be (D), or possibly (B).", None),
        ("Is the answer D? That remains to be seen.", None),
        ('Please end with "The answer is (D)".', None),
        ("Write your solution, e.g. 'The answer is (D)'.", None),
        ("I believe that the answer is D.", "D"),
        ("If the river is that short, then it is in Berlin, so the answer is D.", "D"),
        ("I do not know the river, but the answer is D.", "D"),
    ],
)
def test_what_is_doubted_or_said_by_others_is_no_answer(text: str, letter: str | None) -> None:
    assert extract(text, CITIES).letter == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Answer: I cannot tell.", None),
        ("Answer: A short look at the map suggests two towns.", None),
        ("Réponse : A première vue, rien ne convient.", None),
        ("Answer: I", "I"),
        ("Answer: A", "A"),
        ("Answer: A, since it is the largest.", "A"),
    ],
)
def test_words_of_one_letter_are_no_labels(text: str, letter: str | None) -> None:
    assert extract(text, [f"the town of number {number}" for number in range(1, 11)]).letter == letter


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("<think>Perhaps the answer is C.</think>\nThe answer is D.", "D"),
        ("<think>The answer is C</think> D", "D"),
        ("The answer is C.</think>\nThe answer is D.", "D"),
        ("<think>The answer is C. But then", None),
    ],
)
def test_what_stands_in_think_tags_is_not_the_answer(text: str, letter: str | None) -> None:
    found = extract(text, CITIES)
    assert found.letter == letter
    if found.span:
        assert text[slice(*found.span)].rstrip(".").endswith("D")


def test_another_question_with_its_number_alone_on_a_line_ends_the_answering() -> None:
    found = extract("Die Antwort ist D.\n\nAufgabe 7\nWelche Stadt liegt am Tiber?\nDie Antwort ist C.", CITIES)
    assert (found.letter, found.run_on) == ("D", True)


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("Option D repeats what is correct.", None),
        ("I first thought option D is correct, but it leaves out the river.", None),
        ("Many readers believe option D is correct.", None),
        ("D is the answer only if the river is short.", None),
        ("The answer is D if the river is short and B if it is long.", None),
        ("Suppose that D is the correct answer. Then the river is short.", None),
        ("The answer is Paris. Or rather Berlin.", None),
        ("Option D, Berlin, is correct.", "D"),
        ("Option D indeed is correct.", "D"),
    ],
)
def test_a_label_is_judged_right_itself_and_without_condition(text: str, letter: str | None) -> None:
    assert extract(text, CITIES).letter == letter


@pytest.mark.parametrize(
    "text",
    [
        "The answer was B in the previous question.",
        "The answer to question 1 is B. The answer to question 2 is C.",
        "B is the answer that most people give.",
        "The answer that most people give is B.",
        "Vitamin B is the answer.",
        "At first glance, the answer is B.",
        "On the face of it, the answer is B.",
        "The second-best answer is B.",
        "Example answer: (B)",
        "Only a fool would say the answer is B.",
        "Man könnte meinen, die Antwort ist B.",
        "Auf den ersten Blick ist die Antwort B.",
        "À première vue, la réponse est B.",
        "On pourrait croire que la réponse est B.",
        "Never choose option B.",
        "You should avoid option B",
        "Option B would be right for a gas.",
        "Answer: A and B cannot both hold.",
        "Option A is correct; so is option B.",
        "Option A is correct, and so is B.",
        "Option A is correct and option B is also correct.",
        "Both A and B are correct.",
        "The answer is B, isn't it? No.",
        "It would be B if the gas were ideal.",
        "The answer would be B for an ideal gas.",
        "Hepatitis B is the correct answer.",
        "The answer to the previous question was B.",
        "The previous answer was B.",
        "Creo que no es la B.",
        "La respuesta no es B.",
        "La risposta non è B.",
    ],
)
def test_what_is_said_of_another_question_by_others_or_at_first_glance_is_no_answer(text: str) -> None:
    assert extract(text, CITIES).letter is None


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("So B is the answer.", "B"),
        ("Clearly B is the correct answer.", "B"),
        ("This means B is the answer.", "B"),
        ("The answer to question 7 is B.", "B"),
        ("At first glance, the answer is B. But looking closer, the answer is C.", "C"),
        ("Option B would be right.", "B"),
        ("The answer is B for the reasons given.", "B"),
        ("I would choose option B.", "B"),
        ("Initially I thought B. The answer is C.", "C"),
        ("The best answer is B; the second-best is C.", "B"),
        ("Most people say A, but the answer is B.", "B"),
        ("The answer that fits best is B.", "B"),
        ("B is the answer that fits the data.", "B"),
        ("The answer is B. In the previous question it was C.", "B"),
        ("La respuesta correcta es B.", "B"),
        ("La opción correcta es la B.", "B"),
        ("La risposta corretta è B.", "B"),
        ("La risposta giusta è la B.", "B"),
        ("Respuesta: B", "B"),
        ("Risposta: B", "B"),
        ("Por lo tanto, la opción B es correcta.", "B"),
        ("Quindi l'opzione B è corretta.", "B"),
        ("La alternativa correcta es B.", "B"),
        ("A resposta correta é B.", "B"),
        ("L'opzione corretta è la (B).", "B"),
    ],
)
def test_a_plain_answer_beside_such_words_stays_one(text: str, letter: str) -> None:
    assert extract(text, CITIES).letter == letter


def test_a_dot_that_may_part_thousands_settles_nothing_between_the_two() -> None:
    assert extract("The answer is 1.000.", ["1", "1000", "10"]).letter is None
    assert extract("The answer is 1.000.", ["1", "2"]).letter == "A"
    assert extract("The answer is 1.000.", ["1.000", "1000"]).letter == "A"
