"""What is taken for personal data, and what is a course's own subject."""

from __future__ import annotations

import pytest

from tutor.activity.masking import mask_told, mask_typed


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("write to anna.b+x@uni-koeln.de please", "write to [e-mail] please"),
        ("anna (at) uni.de or bob@cs.uni.example.org?", "[e-mail] or [e-mail]?"),
        ("call 0170/1234567", "call [phone number]"),
        ("my phone is +49 170 1234567.", "my phone is [phone number]."),
        ("(650) 253-0000", "[phone number]"),
        ("079 123 45 67", "[phone number]"),
        ("Matrikelnummer 7362514: what is a heap", "Matrikelnummer [student number]: what is a heap"),
        ("my matriculation number is 123456", "my matriculation number is [student number]"),
        ("student id: AB-12345, why?", "student id: [student number], why?"),
        ("I am 7362514 and stuck on BFS", "I am [student number] and stuck on BFS"),
        ("my name is Ada Lovelace and I wonder", "my name is [name] and I wonder"),
        ("Ich heiße Jörg Müller, was ist ein Heap?", "Ich heiße [name], was ist ein Heap?"),
    ],
)
def test_what_is_a_persons_is_masked(typed: str, kept: str) -> None:
    assert mask_typed(typed) == kept


@pytest.mark.parametrize(
    "text",
    [
        "sort 38, 27, 43, 3, 9, 82, 10",
        "why is 2^31 = 2147483648?",
        "what is 2025550123 mod 7",
        "is 3628800 = 10!",
        "1234567 + 89",
        "does it need 1000000 steps?",
        "the array [3628800, 1234567]",
        "p = 0.05 and 0.01, or 3.14159265",
        "on page 12 of the 2018 edition, section 8.4",
        "a @decorator and x@y",
        "student 12 has 30 marks; students in 2018 and 1999",
        "192.168.100.200",
        "my name is not on the list",
    ],
)
def test_what_is_the_subjects_stays(text: str) -> None:
    assert mask_typed(text) == text


def test_in_an_answer_numbers_stay_and_addresses_do_not() -> None:
    assert mask_told("7362514 is prime [1].") == "7362514 is prime [1]."
    assert mask_told("ask anna@uni.de [1]") == "ask [e-mail] [1]"


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "text",
    [
        "1" * 8000,
        "a@" * 4000,
        "a." * 4000 + "@",
        "student number " + "1a" * 4000,
        "my name is " + "Ab" * 4000,
        "+" * 8000,
        "0 1" * 2600,
        "matriculation " * 600,
    ],
)
def test_a_text_made_to_be_slow_is_not(text: str) -> None:
    mask_typed(text)
