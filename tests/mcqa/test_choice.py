"""Which option a text commits to: examples of every kind, none of them from a labelled file."""

from __future__ import annotations

import string

import pytest

from tutor.mcqa import Choice, extract

WORDS = ["increases", "stays the same", "decreases", "doubles", "is halved"]
SPEEDS = ["12 m/s", "15 m/s", "24 m/s", "8.5 m/s", "0.5 m/s"]
SCANS = ["The SYN stealth scan", "The TCP connect scan", "The UDP scan", "A ping sweep"]
FUNCTIONS = ["f is an isomorphism.", "f is continuous.", "f is a bijection.", "f is continuous and one-to-one"]
TRUTHS = ["True, False", "False, True", "True, True", "False, False"]
ROMAN = ["I only", "II only", "I and II only", "I, II and III", "III only"]
OR_NONE = ["12", "15", "24", "None of the above"]
LIKE_LABELS = ["1", "2", "3", "4", "5", "(a)"]
PARTED = ["(a) 5 m, (b) 2 m", "(a) 2 m, (b) 5 m", "(a) 3 m, (b) 3 m"]
ENERGIES = [f"{energy} J" for energy in (100, 200, 300, 400, 500, 600, 700, 800, 900, 950)]
GERMAN = ["Sie steigt", "Sie bleibt gleich", "Sie fällt"]

LETTER_IN_ANY_FORM = """
The answer is (B).
The answer is B
the answer is b.
THE ANSWER IS (B)
The answer is **B**.
The answer is $\\boxed{B}$.
\\[ \\boxed{\\text{B}} \\]
$\\boxed{\\textbf{(B)}}$
The answer is \\(\\textbf{B}\\)
So the final answer is:\\n\\n**(B) stays the same**
**Answer: B**
**Final Answer**: B
### Final Answer\\n\\nB
Final answer: [B]
Final answer - (B)
#### B
answer = B
The right answer → B
The answer is `B`.
<answer>B</answer>
{"answer": "B"}
```\\nB\\n```
The answer is:\\n- B
Hence, option B is correct.
Thus, B is the correct answer.
B would be the best choice.
(B) stays the same is the correct answer.
Therefore, the correct choice is option B: stays the same
The answer is **Option B: stays the same**
The correct answer is therefore B) stays the same.
The best answer is: B - stays the same.
Ans. B
Solution: (B)
It must be B.
By elimination, it is B.
By process of elimination, it must be B.
Only B remains.
B it is.
Also ist B richtig.
Es bleibt nur B übrig.
Therefore B is right.
So, (B).
=> B
I would choose B.
I'm going with B.
So my pick is B.
I think the answer is (B).
This is option (B).
It stays the same, as described in option B.
That leaves (B).
The only option that works is (B).
The option that best fits is B.
The incorrect statement is (B).
The answer is option B, as the mass cancels out.
Answer is B as (A) and (C) are wrong.
B
(B)
b) stays the same
**(B)**\\n\\nThe mass cancels out. Nothing changes.
**B. stays the same**\\n\\nBecause the mass cancels out, nothing changes.
The answer is \u24b7.
The answer is \uff22\u3002
The answer is \U0001d401.
The answer is \uff08\uff22\uff09
The answer is \U0001f171.
\\r\\n\\r\\nThe answer is:\\r\\n\\r\\n(B)\\r\\n
La réponse est (B).
La re\u0301ponse est B.
La bonne réponse est donc la B.
Réponse : B
La réponse correcte est l'option B.
Je choisis B.
Die Antwort ist (B).
Die richtige Antwort lautet B.
Richtig ist Option B.
Lösung: B
Die richtige Option ist daher B.
Antwort B ist richtig.
La respuesta es B.
La risposta corretta è B.
答案是B。
"""


def lines(text: str) -> list[str]:
    return [line.replace("\\n", "\n").replace("\\r", "\r") for line in text.strip().split("\n")]


@pytest.mark.parametrize("text", lines(LETTER_IN_ANY_FORM))
def test_a_letter_is_read_in_any_form(text: str) -> None:
    assert extract(text, WORDS).letter == "B"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is not A but B.", "B"),
        ("The answer isn't A; it's B.", "B"),
        ("The answer is not (A). The answer is (B).", "B"),
        ("The answer is not (A).", None),
        ("The answer cannot be A.", None),
        ("The answer is clearly **not** (A).", None),
        ("The answer is clearly not A but B.", "B"),
        ("The answer is B, not A.", "B"),
        ("Die Antwort ist nicht A, sondern B.", "B"),
        ("The answer is A... no, B.", "B"),
        ("The answer is A. Wait, no. It should be B.", "B"),
        ("The answer is A — no, wait, it's B.", "B"),
        ("The answer is (A) - sorry, (B).", "B"),
        ("La réponse est A, non, B.", "B"),
        ("The answer is (A), but this is incorrect. The correct answer is (B).", "B"),
        ("The answer is (A). Actually, that is wrong.", None),
        ("The answer is (A). Let me check: the mass cancels, so nothing changes. The answer is (B).", "B"),
        ("The answer is (A).\n\nExplanation: the mass cancels, so nothing changes. The answer is (B).", "B"),
        ("The answer is (A).\n\nLet's think step by step. The mass cancels. The answer is (B).", "B"),
        ("One might think the answer is (A). But the answer is (B).", "B"),
        ("If the answer is B, then the mass doubles. But it doesn't.", None),
        ("Is the answer B?", None),
        ("We do not know if the answer is (A) or (B).", None),
        ("The correct option is (C), because (A) is not the answer and (B) is impossible.", "C"),
        ("So the correct answer is B.\n\nNote that option C is correct only in a vacuum.", "B"),
    ],
)
def test_denied_and_corrected_letters(text: str, letter: str | None) -> None:
    assert extract(text, WORDS).letter == letter


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("The answer is (A) and (B).", "two commitments"),
        ("The answer is A, B, and C.", "two commitments"),
        ("The answer is (B) (or possibly (C)).", "two commitments"),
        ("Option A is correct. Option B is correct.", "two commitments"),
        ("(a) It rises. The answer is (A). (b) It falls. The answer is (C).", "two commitments"),
        ("The answer is (A).\nThe answer is (C).", "two commitments"),
        ("The answer is (A) for part (a) and (C) for part (b).", "two commitments"),
        ("The answer is (A).\nThe answer is (C).\n" * 9, "looped"),
        ("We have to compare the two, and so " * 40, "looped"),
        ("The answer is (G).", "not an option"),
        ("The answer is (none of the above).", "not an option"),
        ("The answer is not among the options.", "not an option"),
        ("The answer is ( ).", "not an option"),
        ("None of these fits.", "no commitment"),
        ("I cannot answer this question.", "no commitment"),
        ("Let P(A) be the chance and B the event. Then P(B) = 0.3 and A", "truncated"),
        ("", "no commitment"),
        ("Hepatitis B and vitamin C are no scans.", "no commitment"),
        ("Let's consider (A).", "no commitment"),
        ("We can rule out (A).", "no commitment"),
        ("It's hard to say whether (A) or (B) is right.", "no commitment"),
    ],
)
def test_why_there_is_none(text: str, why: str) -> None:
    choice = extract(text, WORDS)
    assert (choice.letter, choice.how, choice.why) == (None, None, why)


def test_one_of_several_that_is_settled_on_is_taken() -> None:
    assert extract("It is (B) or (D). The answer is (D).", WORDS).letter == "D"
    assert extract("The answer is (A) or (B). The answer is (B).", WORDS).letter == "B"


def test_a_letter_named_as_the_closest_is_taken() -> None:
    assert extract("The answer is not among the options, but the closest is (B).", WORDS).letter == "B"
    assert extract("None of the options match. The closest option is (B).", WORDS).letter == "B"
    assert extract("The answer is none of the options except for (D).", WORDS).letter == "D"


def test_what_was_said_before_a_break_counts() -> None:
    assert extract("(D)\n\nExplanation: the mass doubles and therefore the for", WORDS).letter == "D"
    assert extract("so the answer should be (D), which doubles. The answer is", WORDS).letter == "D"
    assert extract("Thus the speed is 24 m/s. The answer", SPEEDS).letter == "C"
    assert extract("Thus the speed is 24 m/s. The", SPEEDS).letter is None
    assert extract("Thus the speed is 24 m/s. A", SPEEDS).letter is None
    assert extract("It seems that option B is true, because the mass that", WORDS).letter is None
    assert extract("Thus the speed is 24 m/s. We then take the mean of all", SPEEDS).letter is None


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("The answer is (8.5).", SPEEDS, "D"),
        ("The speed is $\\boxed{15\\,\\text{m/s}}$", SPEEDS, "B"),
        ("Hence $24$ is the answer.", SPEEDS, "C"),
        ("Thus the answer is 54 km/h.", SPEEDS, "B"),
        ("The final answer is 1.5\\times10^{1} m/s.", SPEEDS, "B"),
        ("The answer is \\frac{17}{2}", SPEEDS, "D"),
        ("Therefore the speed is about 0.5 metres per second.", SPEEDS, "E"),
        ("Das Ergebnis ist 12 m/s. Die Antwort ist also 12 m/s.", SPEEDS, "A"),
        ("La réponse est 3,5 kg.", ["5 kg", "3.5 kg"], "B"),
        ("The answer is 13 m/s.", SPEEDS, None),
        ("The answer is 12 kg.", SPEEDS, None),
        ("The closest option is 15 m/s, which is not the correct answer. So none of the options is right.", SPEEDS, None),
        ("The answer is 15 m/s, which is not one of the options.", SPEEDS, None),
        ("It is 0.3, and the other is 0.7.", ["0.3", "0.7"], None),
        ("The force is 5 N, and the speed is 12 m/s.", SPEEDS, None),
        ("Since the force is 5 N and the mass is 2 kg, the speed is 12 m/s.", SPEEDS, "A"),
        ("Therefore the ball rolls 12 m/s faster.", SPEEDS, "A"),
        ("The ball rolls 12 m/s faster.", SPEEDS, None),
        ("The answer is: it rises.", ["it rises", "it rises", "it falls"], None),
        (
            "The answer is that the small dog bites the man.",
            ["The man the small dog bites", "The small dog bites the man"],
            "B",
        ),
        (
            "The answer is that the man bites the small dog.",
            ["The man the small dog bites", "The small dog bites the man"],
            None,
        ),
        ("We have x(x + 2) = 0.", ["0", "-2"], None),
        ("So x = 0.", ["0", "-2"], "A"),
        ("So the answer is the SYN stealth scan.", SCANS, "A"),
        ("That leaves the SYN stealth scan, which is the answer.", SCANS, "A"),
        ("The answer is A ping sweep.", SCANS, "D"),
        ("Technique C, the UDP scan, is what is described.", SCANS, "C"),
        ("The answer is that f is continuous.", FUNCTIONS, "B"),
        ("Therefore f is continuous and one-to-one.", FUNCTIONS, "D"),
        ("The answer is True, True", TRUTHS, "C"),
        ("The answer is I and II only.", ROMAN, "C"),
        ("The correct answer is III only.", ROMAN, "E"),
        ("The answer is none of the above.", OR_NONE, "D"),
        ("Therefore, it stays the same.", WORDS, "B"),
        ("Die Antwort lautet: Sie bleibt gleich.", GERMAN, "B"),
        ("The process increases the entropy of the gas.", ["This process increases the gas entropy", "It cools the gas"], "A"),
        ("The speed stays the same until it decreases again.", WORDS, None),
    ],
)
def test_content_and_value(text: str, options: list[str], letter: str | None) -> None:
    choice = extract(text, options)
    assert choice.letter == letter
    assert choice.how in ("option's content", "option's value", "letter late", None)


@pytest.mark.parametrize(
    ("text", "options", "letter"),
    [
        ("(a) is brighter. The answer is (F).", LIKE_LABELS, "F"),
        ("The answer is (a).", LIKE_LABELS, "F"),
        ("The answer is (A).", LIKE_LABELS, "A"),
        ("The answer is 3.", LIKE_LABELS, "C"),
        ("The answer is (a) 2 m, (b) 5 m.", PARTED, "B"),
        ("(b) The second is 5 m.", PARTED, None),
        ("The answer is A rise in pressure.", WORDS, None),
        ("The answer is I think.", ENERGIES, None),
        ("The answer is I.", ENERGIES, "I"),
        ("The answer is I.", [*ROMAN, *TRUTHS], None),
        ("The answer is (I).", [*ROMAN, *TRUTHS], "I"),
        ("I is true because the map is onto", [*ROMAN, *TRUTHS], None),
        ("The answer is C++.", WORDS, None),
        ("The answer is E. coli.", WORDS, None),
        ("The pressure is (A = 3, B = 4).", WORDS, None),
        ("$P(A) = 0.3$ and $P(B) = 0.4$, and $[A] \\cdot [B]$ is large.", WORDS, None),
        ("The answer is D. It doubles.", WORDS, "D"),
    ],
)
def test_what_looks_like_a_label(text: str, options: list[str], letter: str | None) -> None:
    assert extract(text, options).letter == letter


def test_a_letter_beats_the_content_beside_it_and_that_is_flagged() -> None:
    assert extract("The answer is (B) 24 m/s.", SPEEDS) == Choice("B", "stated letter", (4, 17), against="C")
    assert extract("The speed is 24 m/s. The answer is (B).", SPEEDS).against == "C"
    assert extract("The answer is (B), which is 15 m/s.", SPEEDS).against is None


@pytest.mark.parametrize(
    "more",
    [
        "\n\nQuestion: Which one?\nA. x\nB. y\nAnswer: The answer is (A).",
        "\n\n**Question 12:** why?\nThe answer is (A).",
        "\n\nA 2 kg block slides.\nA. 1\nB. 2\nC. 3\nThe answer is (A).",
        "\n\nHow long? (A) 3 s (B) 4 s (C) 5 s. The answer is (A).",
        "\nAnswer: Let's think step by step about the next one. The answer is (A).",
        "</s>The answer is (A)",
        "\n\nUser: and if it falls?\nAssistant: The answer is (A).",
        "\n\nFrage: was?\nAntwort: (A)",
        "\n\nPregunta: ¿qué?\nRespuesta: (A)",
        "\n\n下面的问题是什么？答案是 (A)。",
    ],
)
def test_what_comes_after_another_question_begins_is_left_out(more: str) -> None:
    choice = extract(f"The mass cancels. The answer is (C).{more}", WORDS)
    assert (choice.letter, choice.run_on) == ("C", True)


def test_a_value_before_another_question_counts() -> None:
    assert extract("So the speed is 24 m/s.\n\nQuestion: And then?\nThe answer is (A).", SPEEDS).letter == "C"
    assert extract("We cannot tell yet.\n\nQuestion: And then?\nThe answer is (A).", SPEEDS).letter is None


def test_the_same_question_once_more_is_no_other_question() -> None:
    listed = "\n".join(f"{letter}. {option}" for letter, option in zip("ABCDE", WORDS, strict=True))
    assert extract(f"Here is the last question:\n\nQuestion: what happens?\n{listed}\nThe answer is (D).", WORDS).letter == "D"
    assert extract(f"We are asked about speed.\n\nQuestion: what happens?\n{listed}\nThe answer is (D).", WORDS).letter == "D"


def test_verdicts_option_by_option() -> None:
    assert extract("A. increases is wrong.\nB. stays the same is correct.\nC. decreases is wrong.", WORDS).letter == "B"
    assert extract("We look at one.\nA. increases: this is wrong.\nThat is all we know.", WORDS).letter is None
    assert extract("Option A is incorrect. Option B is correct. Option C is incorrect.", WORDS).letter == "B"


def test_how_it_was_found() -> None:
    assert extract("The answer is (B).", WORDS) == Choice("B", "stated letter", (4, 17))
    assert extract("This is option (B).", WORDS).how == "letter late"
    assert extract("The answer is: it doubles.", WORDS).how == "option's content"
    assert extract("The answer is 54 km/h.", SPEEDS).how == "option's value"


@pytest.mark.parametrize(
    ("text", "letter"),
    [
        ("The answer is (2).", "2"),
        ("The answer is option 3.", "3"),
        ("Answer: 2", "2"),
        ("Antwort 2 ist richtig.", "2"),
        ("The answer is 2.", "2"),
        ("The answer is falls.", "2"),
        ("The answer is (4).", None),
        ("There are 2 of them, and 3 others.", None),
    ],
)
def test_numbers_as_labels(text: str, letter: str | None) -> None:
    assert extract(text, {"1": "rises", "2": "falls", "3": "stays"}).letter == letter


def test_a_number_that_is_one_options_label_and_anothers_value_is_none() -> None:
    options = {"1": "12", "2": "3", "3": "2"}
    assert extract("The answer is 2.", options).letter is None
    assert extract("The answer is option 2.", options).letter == "2"
    assert extract("The answer is 12.", options).letter == "1"


def test_labels_are_given_back_as_they_were_given() -> None:
    assert extract("The answer is (B).", {"a": "rises", "b": "falls"}).letter == "b"


@pytest.mark.parametrize("letter", string.ascii_uppercase)
def test_twenty_six_options(letter: str) -> None:
    options = [f"state {number} of the machine" for number in range(100, 126)]
    assert extract(f"We look at all. The answer is ({letter}).", options).letter == letter
    assert extract(f"Hence the correct option is {letter}.", options).letter == letter


@pytest.mark.parametrize(
    "options",
    [["only one"], [], ["x"] * 27, {"A": "x", "a": "y"}, {"AB": "x", "C": "y"}, {"0": "x", "1": "y"}, "AB"],
    ids=["one", "none", "27", "alike", "two letters", "zero", "a text"],
)
def test_options_that_cannot_be_labelled_are_refused(options: object) -> None:
    with pytest.raises(ValueError, match="option"):
        extract("The answer is (A).", options)  # type: ignore[arg-type]


def test_the_span_is_of_the_text_given() -> None:
    text = "\u00a0\u00a0\n\n\n\n\n\nRe\u0301sume\u0301:     the correct      answer  is\r\n\r\n(\uff22)   ."
    choice = extract(text, WORDS)
    assert choice.letter == "B"
    assert choice.span is not None
    assert text[slice(*choice.span)] == "correct      answer  is\r\n\r\n(\uff22)"


def test_a_long_text_is_read_from_its_end_and_cut_at_its_first_questions() -> None:
    thought = "We go on and think about it. " * 50_000
    text = f"{thought}The answer is (B)."
    choice = extract(text, WORDS)
    assert choice.letter == "B"
    assert choice.span == (text.index("answer is (B)"), len(text) - 1)
    assert extract(f"The answer is (C).\n\nQuestion: next?\n{thought}The answer is (B).", WORDS).letter == "C"
