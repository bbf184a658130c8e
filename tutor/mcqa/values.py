"""Numbers with units, compared as numbers: "24 cm^3" is `24\\,\\text{cm}^3` and 0.024 litres. Knows no options and no letters.

Units are pint's. Only single unit names and small exponents reach it, and nothing of a text is evaluated but arithmetic of
numbers, walked node by node.
"""

from __future__ import annotations

import ast
import math
import operator
import re
from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from tutor.mcqa.plain import FRACTIONS, arithmetic

if TYPE_CHECKING:
    import pint

LONGEST = 160  # characters of one value's text
MOST_PARTS = 6  # numbers of one value: "200 fps, 25 lb" has two
CLOSE = 0.02  # how far apart two numbers may be that are alike when rounded
FEWEST_DIGITS = 10  # of the coarser one, as a number in units of its last digit: two digits
SHORTEST_ANY_CASE = 3  # letters of a unit whose case may be wrong: "kPA", but "S" is no second
EQUAL = 1e-9
LARGEST_POWER = 400
NUMBER = r"(?:\d+(?:\.\d+)?|\.\d+)(?:[eE][-+]?\d{1,3})?"
NUMERIC = re.compile(rf"[\d{FRACTIONS}]|pi|π|sqrt")
EXPRESSION = re.compile(rf"(?:{NUMBER}|pi\b|sqrt\(|[-+*/^() ]){{1,60}}")
TIMES_TEN = re.compile(r"(?<=\d)\s*[x*]\s*10\s*(?:\^|\*\*)?\s*\(?\s*([-+]?\d{1,3})(?:\s*\))?(?![\d.])")
GROUPS = re.compile(r"(?<=\d)[,'](?=\d{3}(?!\d))")
DECIMAL_COMMA = re.compile(r"(?<=\d),(?=\d{1,2}(?!\d)|\d{4,}(?!\d))")
NAMED = re.compile(r"^\s*[^\W\d_](?:[\w'()]|\s(?=[=(_])){0,15}\s*=\s*")  # "Z_max = 17 ft"
# "10 times larger", "20 m/s more than before" are no values.
RELATIVE = re.compile(
    r"\s*(?:times|-?\s?fold|(?:more|less|larger|smaller|greater|higher|lower|faster|slower|longer|shorter)\s+than\b|percent\s+of|of\s+the"
    r"|th\b|mal\s+so|fois\s+plus)",
    re.IGNORECASE,
)
WORDS = re.compile(r"[\s.,)]*(?:[^\W\d_]{2}[^\d=+*^_<>|]*)?")  # what may stand behind: "24 cm of wire", but not "2 x + 3"
# No values, but what a value may be.
BOUND = re.compile(r"\s*(?:[≤≥]|\\[lg]eq?\b|<(?![^>]*>)|>)|.*\d\s+or\s+(?:more|less|fewer|higher|lower)\b")  # no value: "> 5"
RANGE = re.compile(r"\d-\d")
HEDGE = re.compile(
    r"^(?:about|approximately|approx\.?|around|roughly|nearly|circa|ca\.?|exactly|environ|etwa|rund|ungefähr|[~=])\s*", re.I
)
CURRENCY = {"$": "USD", "¤": "USD", "€": "EUR", "£": "GBP", "¥": "JPY"}
SCALES = {"hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "millions": 1e6, "billions": 1e9}
SEPARATOR = re.compile(r",\s+|;|\s+and\s+|\s+et\s+|\s+und\s+|\n")
UNIT = re.compile(
    r"\s*(?P<by>[-*/·.]|per\b)?\s*(?P<name>[A-Za-zµ%]{1,24})(?:_[a-z]{1,3})?\.?\s*(?:\^|\*\*)?\s*\(?(?P<power>[-+]?\d)?\)?"
)
DEGREES = re.compile(r"deg\s*([CFK])\b|\b([CFK])\s*deg\b|\bdegrees\s+([CFK])(?:elsius|ahrenheit|elvin)?\b")
OTHER_NAMES = {
    "sec": "second",
    "secs": "second",
    "hr": "hour",
    "hrs": "hour",
    "mole": "mol",
    "moles": "mol",
    "fps": "foot/second",
    "amp": "ampere",
    "amps": "ampere",
}
# "20 C" is no charge where the other says "20 °C".
TEMPERATURES = {"C": "degC", "F": "degF", "K": "degK", "kelvin": "degK", "celsius": "degC", "fahrenheit": "degF"}
# "3k", "1/e", "3D" and "4-bit" are not 3, 1, 3 and 4.
NO_UNIT_ALONE = frozenset(("e", "k", "d", "D", "b", "bit"))
NO_UNIT = frozenset(
    re.findall(r"\w+", "a as at in is it of to the for and or if so be by on we he per this that which from with are was")
)


@dataclass(frozen=True)
class Quantity:
    """A number, how fine it is written (the place of its last digit; 0 for an exact one), and its unit as written."""

    number: float
    step: float
    unit: tuple[tuple[str, int], ...] = ()


@lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...] | None:
    """The numbers with units that a text consists of; None where it is something else."""
    if len(text) > LONGEST or not NUMERIC.search(text):
        return None
    if BOUND.match(text):
        return None
    plain = GROUPS.sub("", arithmetic(text)).strip(" :'\"*_[]<>").rstrip(" .")
    parts = SEPARATOR.split(DECIMAL_COMMA.sub(".", plain))
    found = [_quantity(part) for part in parts[: MOST_PARTS + 1] if part.strip(" ()$")]
    known = tuple(quantity for quantity in found if quantity is not None)
    return known if 0 < len(known) == len(found) <= MOST_PARTS else None


def _quantity(part: str) -> Quantity | None:
    part = _unbracketed(HEDGE.sub("", NAMED.sub("", part).strip()))
    unit: tuple[tuple[str, int], ...] = ()
    sign = ""
    if money := re.match(r"([-+]?)\s*([$¤€£¥])\s*(?=[-+.\d])", part):
        sign, unit, part = money[1], ((CURRENCY[money[2]], 1),), part[money.end() :]
    part = TIMES_TEN.sub(lambda power: f"e{int(power[1])}", part)
    match = EXPRESSION.match(part)
    # A sign or a bracket at the end belongs to the unit: "8.5 (m/s)", "3 /s".
    written = match[0].rstrip("(/* -") if match else ""
    number = _evaluated(sign + written)
    if number is None or RANGE.search(written.replace("e-", "e")):
        return None
    rest = part[len(written) :]
    scale = re.match(r"\s*([A-Za-z]+)\b", rest)
    if scale and scale[1].lower() in SCALES:
        number *= SCALES[scale[1].lower()]
        written, rest = f"{written}*{SCALES[scale[1].lower()]}", rest[scale.end() :]
    given, rest = _unit(rest.replace("(", " "))
    if RELATIVE.match(rest):
        return None
    adjoining = not given and rest[:1].isalpha()  # "2x"
    return Quantity(number, _step(written), unit or given) if WORDS.fullmatch(rest) and not adjoining else None


def _unbracketed(part: str) -> str:
    inner = part[1:-1]
    return inner.strip() if part[:1] == "(" and part[-1:] == ")" and "(" not in inner and ")" not in inner else part


OPERATORS: dict[type, Any] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
}


def _evaluated(written: str) -> float | None:
    """What the arithmetic comes to; None where it is none, or has no finite real value."""
    # 2 pi, 3 sqrt(2), 2(3): a product without its sign.
    source = re.sub(r"(?<=[\d)i])\s*(?=pi|sqrt|\()", "*", written.replace("^", "**")).replace("sqrt*", "sqrt")
    try:
        number = _walked(ast.parse(source.strip(), mode="eval").body)
    except (SyntaxError, ValueError, ArithmeticError, TypeError, RecursionError, MemoryError):
        return None
    return number if isinstance(number, float) and math.isfinite(number) else None


def _walked(node: ast.AST) -> float:
    match node:
        case ast.Constant(value=int() | float() as number) if not isinstance(number, bool):
            return float(number)
        case ast.Name(id="pi"):
            return math.pi
        case ast.Call(func=ast.Name(id="sqrt"), args=[inner], keywords=[]):
            return math.sqrt(_walked(inner))
        case ast.UnaryOp(op=ast.USub(), operand=inner):
            return -_walked(inner)
        case ast.UnaryOp(op=ast.UAdd(), operand=inner):
            return _walked(inner)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in OPERATORS:
            first, second = _walked(left), _walked(right)
            if isinstance(op, ast.Pow) and abs(second) > LARGEST_POWER:
                raise ValueError("too large a power")
            return OPERATORS[type(op)](first, second)
    raise ValueError("no arithmetic of numbers")


def _step(written: str) -> float:
    plain = re.fullmatch(r"[-+]?\s*(\d*)(?:\.(\d+))?(?:[eE]([-+]?\d+))?(?:\*([\de.+]+))?", written.strip("() "))
    if not plain:
        return 0.0
    return 10.0 ** (int(plain[3] or 0) - len(plain[2] or "")) * float(plain[4] or 1)


def _unit(rest: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """The unit that a number is followed by, and what comes behind: names known to pint until a word that is none."""
    rest = DEGREES.sub(r"deg\1\2\3", rest)
    unit: list[tuple[str, int]] = []
    at = 0
    while len(unit) < 8 and (match := UNIT.match(rest, at)):
        name = match["name"]
        if (name in NO_UNIT and not match["by"]) or not _known(name):
            break
        power = int(match["power"] or 1)
        unit.append((OTHER_NAMES.get(name, name), -power if match["by"] in ("/", "per") else power))
        at = match.end()
    return tuple(unit), rest[at:]


@cache
def _registry() -> pint.UnitRegistry:
    import pint

    registry: pint.UnitRegistry = pint.UnitRegistry(cache_folder=None)
    for money in set(CURRENCY.values()):
        registry.define(f"{money} = [{money}]")
    return registry


@lru_cache(maxsize=4096)
def _known(name: str) -> bool:
    return _single(name) is not None


@lru_cache(maxsize=4096)
def _single(name: str) -> Any:
    import pint

    if name == "%":
        return _registry().Quantity(0.01)
    for sensitive in (True, False):
        try:
            return 1.0 * _registry().parse_units(OTHER_NAMES.get(name, name), case_sensitive=sensitive)
        except (pint.errors.PintError, AttributeError, ValueError, TypeError, AssertionError, SyntaxError):
            if len(name) < SHORTEST_ANY_CASE:
                return None
    return None


@lru_cache(maxsize=4096)
def _magnitude(unit: tuple[tuple[str, int], ...]) -> tuple[float, Any] | None:
    """A unit in base units: factor and dimensions; None where pint cannot (degrees of a scale that does not start at zero)."""
    import pint

    product = _registry().Quantity(1.0)
    try:
        for name, power in unit:
            product = product * _single(name) ** power
        base = product.to_base_units()
    except (pint.errors.PintError, AttributeError, ArithmeticError, ValueError, TypeError):
        return None
    return float(base.magnitude), base.dimensionality


def alike(one: tuple[Quantity, ...], other: tuple[Quantity, ...], exactly: bool) -> bool:
    """Whether two values are the same: each number to the last digit that both have, in the same unit or one convertible."""
    return len(one) == len(other) and all(_same(a, b, exactly) for a, b in zip(one, other, strict=True))


def _same(a: Quantity, b: Quantity, exactly: bool) -> bool:
    factor = 1.0
    if (scale := _scale(a.unit)) and scale == _scale(b.unit):
        return _near(a.number, a.step, b, factor, exactly)
    if a.unit != b.unit and (a.unit == (("%", 1),) or b.unit == (("%", 1),)) and not (a.unit and b.unit):
        # 45 % and 0.45; a bare 45 may be meant as per cent too.
        factor = 0.01 if a.unit else 100.0
        return _near(a.number, a.step, b, factor, exactly) or _near(a.number, a.step, b, 1.0, exactly)
    if a.unit and b.unit and a.unit != b.unit:
        mine, theirs = _magnitude(a.unit), _magnitude(b.unit)
        if mine is None or theirs is None or mine[1] != theirs[1] or not theirs[0]:
            return False
        factor = mine[0] / theirs[0]
    if bool(a.unit) != bool(b.unit) and {name for name, _ in a.unit or b.unit} & NO_UNIT_ALONE:
        return False
    # 20.3 may be rounded to 20, but a number without the unit that the other has is not also another number.
    return _near(a.number, a.step, b, factor, exactly or bool(a.unit) != bool(b.unit))


def _scale(unit: tuple[tuple[str, int], ...]) -> str | None:
    if len(unit) != 1 or unit[0][1] != 1:
        return None
    name = unit[0][0]
    return name if name.startswith("deg") and len(name) == 4 else TEMPERATURES.get(name)


def _near(number: float, step: float, other: Quantity, factor: float, exactly: bool) -> bool:
    number, step = number * factor, step * factor
    apart, size = abs(number - other.number), max(abs(number), abs(other.number))
    if apart <= EQUAL * size:
        return True
    coarser = max(step, other.step)
    return not exactly and size >= FEWEST_DIGITS * coarser and apart <= coarser / 2 * (1 + EQUAL) and apart <= CLOSE * size
