"""Formulas in XML as a line of text: MathML of web pages and the Office Math of Word and PowerPoint.

A fraction is (a+b)/c, an exponent x^2, an index x_1. Where a page gives the TeX beside its MathML, that is taken.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

WRAPPED = re.compile(r"\{\\(?:display|text|script)style\s*(.*)\}", re.DOTALL)
SIGNS_APART = set("=<>≤≥≠≈≡∼→←↔⇒⇔∈∉⊂⊆∪∩+−-±×·∧∨")
ACCENTS = {
    "→": "\u20d7",
    "⃗": "\u20d7",
    "¯": "\u0304",
    "‾": "\u0304",
    "^": "\u0302",
    "ˆ": "\u0302",
    "~": "\u0303",
    "˙": "\u0307",
}


def _name(element: Any) -> str:
    return element.tag.rpartition("}")[2].rpartition(":")[2] if isinstance(element.tag, str) else ""


def _children(element: Any) -> list[Any]:
    return [child for child in element if isinstance(child.tag, str)]


def _grouped(text: str) -> str:
    """In brackets, where it is more than one sign, number or word."""
    text = text.strip()
    closed = text[:1] + text[-1:] in ("()", "[]", "{}") and not re.search(r"[)\]}].*[(\[{]", text[1:-1])
    return text if re.fullmatch(r"[\w.]*|\W", text) or closed else f"({text})"


def _fraction(above: str, below: str) -> str:
    return f"{_grouped(above)}/{_grouped(below)}"


def _script(base: str, below: str = "", above: str = "") -> str:
    accent = ACCENTS.get(above.strip())
    if accent and len(base.strip()) == 1 and not below:
        return base.strip() + accent
    return base + (f"_{_grouped(below)}" if below.strip() else "") + (f"^{_grouped(above)}" if above.strip() else "")


def _root(inner: str, degree: str = "") -> str:
    return f"{degree.strip()}√{_grouped(inner)}"


def raised(text: str) -> str:
    """A superscript of running text: an exponent after "^"; ordinals ("1st") and marks as they are."""
    plain = text.strip().lower() in ("st", "nd", "rd", "th", "tm", "er", "e", "o", "a") or not re.search(r"\w", text)
    return text if plain else f"^{_grouped(text)}"


def mathml(element: Any) -> str:
    """A <math> element as text: its TeX in \\( \\) where it has one, else its signs in order."""
    for annotation in element.iter():
        if _name(annotation) == "annotation" and "tex" in annotation.get("encoding", "").lower() and annotation.text:
            return tex(annotation.text)
    alternative = element.get("alttext", "").strip()
    if alternative:
        return tex(alternative) if re.search(r"[\\^_{]", alternative) else alternative
    return " ".join(_mathml_all(_children(element)).split())


def tex(text: str) -> str:
    """TeX in \\( \\), without the braces and style that MediaWiki puts around it."""
    text = " ".join(text.split())
    wrapped = WRAPPED.fullmatch(text)
    return rf"\({(wrapped[1] if wrapped else text).strip()}\)"


def _mathml_all(elements: Sequence[Any]) -> str:
    return "".join(map(_mathml, elements))


def _mathml(element: Any) -> str:
    name, children = _name(element), _children(element)
    parts = [] if name in ("mrow", "mstyle", "math", "semantics") else [_mathml(child) for child in children]
    match name, parts:
        case (("mi" | "mn" | "ms"), _):
            return "".join(element.itertext()).strip()
        case "mtext", _:
            return "".join(element.itertext())
        case "mo", _:
            sign = "".join(element.itertext()).strip()
            return f" {sign} " if sign in SIGNS_APART else f"{sign} " if sign == "," else sign
        case "mfrac", [above, below]:
            return _fraction(above, below)
        case "msup" | "mover", [base, above]:
            return _script(base, above=above)
        case "msub" | "munder", [base, below]:
            return _script(base, below)
        case "msubsup" | "munderover", [base, below, above]:
            return _script(base, below, above)
        case "msqrt", _:
            return _root("".join(parts))
        case "mroot", [inner, degree]:
            return _root(inner, degree)
        case "mtable", _:
            return "; ".join(part.strip() for part in parts)
        case "mtr", _:
            return ", ".join(part.strip() for part in parts)
        case "mfenced", _:
            return element.get("open", "(") + ", ".join(parts) + element.get("close", ")")
        case (("annotation" | "annotation-xml" | "mphantom"), _):
            return ""
        case "mspace", _:
            return " "
    return _mathml_all(children)


def office_math(element: Any) -> str:
    """An <m:oMath> element of DOCX or PPTX as text."""
    return " ".join(_office_all(_children(element)).split())


def _office_all(elements: Sequence[Any]) -> str:
    return "".join(map(_office, elements))


def _office(element: Any) -> str:
    name, children = _name(element), _children(element)
    if name == "t":
        return re.sub(r"\s*([=<>≤≥≠≈→⇒∈])\s*", r" \1 ", element.text or "")
    if name.endswith("Pr"):
        return ""
    if name in ("del", "moveFrom"):
        return ""
    settings = {
        _name(one): next(iter(one.attrib.values()), "") for child in children if _name(child) == f"{name}Pr" for one in child
    }
    parts: dict[str, list[str]] = {}
    if name in ("f", "sSup", "sSub", "sSubSup", "rad", "nary", "d", "acc", "limLow", "limUpp", "m", "mr", "eqArr", "func"):
        for child in children:
            parts.setdefault(_name(child), []).append(_office(child))
    one = {key: "".join(values) for key, values in parts.items()}
    match name:
        case "f":
            return _fraction(one.get("num", ""), one.get("den", ""))
        case "sSup" | "sSub" | "sSubSup":
            return _script(one.get("e", ""), one.get("sub", ""), one.get("sup", ""))
        case "limLow" | "limUpp":
            return _script(one.get("e", ""), *([one.get("lim", "")] if name == "limLow" else ["", one.get("lim", "")]))
        case "rad":
            return _root(one.get("e", ""), one.get("deg", ""))
        case "nary":
            return _script(settings.get("chr") or "∫", one.get("sub", ""), one.get("sup", "")) + " " + one.get("e", "")
        case "func":
            return f"{one.get('fName', '')} {one.get('e', '')}"
        case "acc":
            return _script(one.get("e", ""), above=settings.get("chr") or "^")
        case "d":
            between = settings.get("sepChr") or "|"
            return settings.get("begChr", "(") + between.join(parts.get("e", [])) + settings.get("endChr", ")")
        case "m" | "eqArr":
            return "; ".join(parts.get("mr", []) + parts.get("e", []))
        case "mr":
            return ", ".join(parts.get("e", []))
    return _office_all(children)
