"""Numbers with units: read from text and LaTeX, compared as numbers."""

from __future__ import annotations

import math

import pytest

from tutor.mcqa.values import alike, quantities


def same(one: str, other: str, exactly: bool = True) -> bool:
    a, b = quantities(one), quantities(other)
    assert a is not None
    assert b is not None
    return alike(a, b, exactly)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("24", 24.0),
        ("-3", -3.0),
        (".33 M", 0.33),
        ("1,234.5", 1234.5),
        ("1'000", 1000.0),
        ("3,5 kg", 3.5),
        ("$8$", 8.0),
        ("\\$5 million", 5e6),
        ("$1,234.50", 1234.5),
        ("1.5\\times10^{-3}", 1.5e-3),
        ("1.5 × 10⁻³ m", 1.5e-3),
        ("2.00 \\cdot 10^8 \\, \\mathrm{m/s}", 2e8),
        ("6e23", 6e23),
        ("\\frac{1}{2}", 0.5),
        ("½", 0.5),
        ("2 ½ kg", 2.5),
        ("-⅔", -2 / 3),
        ("-\\frac{\\pi}{6}", -math.pi / 6),
        ("2\\sqrt{3}", 2 * math.sqrt(3)),
        ("√2/2", math.sqrt(2) / 2),
        ("1/(2*3)", 1 / 6),
        ("2^{10}", 1024.0),
        ("x = 5", 5.0),
        ("(8.5)", 8.5),
        ("about 12 m", 12.0),
        ("12.48g of Ni", 12.48),
        ("5 apples", 5.0),
    ],
)
def test_a_number_is_read(text: str, number: float) -> None:
    found = quantities(text)
    assert found is not None
    assert [quantity.number for quantity in found] == [pytest.approx(number)]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "none",
        "2x + 3",
        "2x",
        "3-5",
        "9**9**9**9",
        "(num MOD 2) = 1",
        "5' TCG",
        "1/0",
        "sqrt(-1)",
        "__import__('os')",
        "(1" * 70,
        "x" * 400,
    ],
)
def test_what_is_no_number_is_none(text: str) -> None:
    assert quantities(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("24 cm^3", "24\\,\\text{cm}^3"),
        ("24 cm^3", "0.024 litres"),
        ("54 km/h", "15 m/s"),
        ("1 kJ/mol", "1000 J mol^-1"),
        ("800 $\\mathrm{~m} / \\mathrm{s}$", "800 m/s"),
        ("22$\\text{kPA}$", "22 kPa"),
        ("45%", "0.45"),
        ("45\\%", "45"),
        ("78.7 °C", "78.7 C°"),
        ("78.7 degrees Celsius", "78.7 C"),
        ("180°", "\\pi rad"),
        ("8.5", "8.5 m/s"),
        ("200 fps, 25 lb", "200 ft/s and 25 lb"),
        ("V = 28 ft/sec, Z_max = 17 ft", "28 ft/s, 17 ft"),
    ],
)
def test_the_same_in_other_units_and_writing(one: str, other: str) -> None:
    assert same(one, other)
    assert same(other, one)


@pytest.mark.parametrize(
    ("one", "other"), [("24 cm^3", "24 cm^2"), ("5 m", "5 min"), ("-3", "3"), ("2, 3", "3, 2"), ("2", "2, 2"), ("$5", "£5")]
)
def test_what_differs(one: str, other: str) -> None:
    assert not same(one, other, exactly=False)


def test_rounded_numbers_are_alike_but_not_the_same() -> None:
    assert same("0.2345", "0.235", exactly=False)
    assert not same("0.2345", "0.235")
    assert same("1/3", "0.333", exactly=False)
    assert not same("1/3", "0.34", exactly=False)
    assert not same("1.3", "1", exactly=False)
    assert not same("4.05", "4", exactly=False)
    assert same("12.1", "12", exactly=False)
    assert not same("98.92", "98.95", exactly=False)
