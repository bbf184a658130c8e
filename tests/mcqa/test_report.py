"""The report: one HTML file that stands alone, whatever stands in the sheet and whatever the model wrote."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime

import pytest
from lxml import html

from tutor.mcqa.compare import compare
from tutor.mcqa.confidence import fit
from tutor.mcqa.report import report
from tutor.mcqa.results import Result, Results

from .graded import CITED, result, sample, settings
from .sheets import PASSAGES, graded_sheet

DAY = datetime(2026, 11, 27, 10, 30)
EVIL = "<script>alert(1)</script><img src=http://evil.example/x onerror=alert(2)>\"'>{{ 7 * 7 }}</style></details>\x00\ud800"


def page(results: Results, **more):
    """The report's text, and its tree."""
    text = report(results, DAY, **more)
    text.encode("utf-8")
    return text, html.document_fromstring(text)


def words(node) -> str:
    return " ".join(" ".join(node.itertext()).split())


def section(tree, title: str) -> str:
    """What stands under a heading, up to the next one."""
    (heading,) = [one for one in tree.iter("h2") if one.text == title]
    told = []
    for node in heading.itersiblings():
        if node.tag == "h2":
            break
        told.append(words(node))
    return " ".join(told)


def row(tree, label: str, first: str) -> list[str]:
    (table,) = tree.xpath(f"//*[@aria-label='{label}']//table")
    (found,) = [line for line in table.iter("tr") if line[0].text_content().strip() == first]
    return [words(cell) for cell in found][1:]


def test_unparsed_is_counted_apart_from_wrong_everywhere() -> None:
    rows = [result(str(n), "A" if n < 5 else "B", subject="heaps") for n in range(8)]
    rows += [result(f"u{n}", None, key="C", subject="graphs") for n in range(2)]
    _, tree = page(Results(settings(questions=10), tuple(rows)))
    # 5 of 10; Wilson's interval of a half of ten from tables: 23.7 to 76.3 %.
    assert row(tree, "Score by subject", "All")[:6] == ["50.0 %", "23.7 to 76.3 %", "10", "5", "3", "2"]
    assert row(tree, "Score by subject", "graphs")[::2] == ["0.0 %", "2", "0", ""]
    assert "Of the 8 with a letter, 5 are right: 62.5 %" in section(tree, "Score")
    assert row(tree, "Letters by key", "C") == ["0", "0", "0", "2", "2"]
    assert row(tree, "Letters by key", "A") == ["5", "3", "0", "0", "8"]
    assert row(tree, "How letters were found", "none: no commitment") == ["2"]
    assert "unparsed 2 2 no commitment" in words(tree.find_class("figures")[0])
    assert "Which is question u1?" in section(tree, "Unparsed")


def test_kappa_is_agreement_beyond_chance() -> None:
    # Keys A 5, B 5; letters A 6, B 4; 7 agree: by chance (5 * 6 + 5 * 4) / 100 = 0.5, so (0.7 - 0.5) / 0.5.
    pairs = ["AA"] * 4 + ["BB"] * 3 + ["AB"] + ["BA"] * 2
    rows = [result(str(n), letter, key) for n, (key, letter) in enumerate(pairs)]
    _, tree = page(Results(settings(questions=10), tuple(rows)))
    assert "7 of 10 letters are the key; Cohen's kappa 0.40" in section(tree, "Letter and key")


def test_whatever_stands_in_a_sheet_or_was_written_stays_text() -> None:
    samples = tuple(sample("A", text=EVIL + " The answer is (A).", span=(3, 9)) for _ in range(2))
    evil = result(EVIL, "A", key="B", question=EVIL, subject=EVIL, options={"A": EVIL, "B": EVIL}, samples=samples)
    evil = replace(evil, reasoning=samples[0].text, why=EVIL, citations=(replace(CITED, book=EVIL, section=EVIL, label=EVIL),))
    silent = replace(evil, id="2", letter=None, how=None)
    results = Results(settings(sheet=EVIL, model=EVIL, course=EVIL, index=EVIL, versions={EVIL: EVIL}), (evil, silent))
    text, tree = page(results, passages={CITED.passage_id: EVIL}, comparison=compare(results, results, (EVIL, EVIL)))
    assert {node.tag for node in tree.iter() if isinstance(node.tag, str)}.isdisjoint({"script", "img", "iframe", "link"})
    assert not [name for node in tree.iter() for name in node.attrib if name == "src" or name.startswith("on")]
    assert all(re.fullmatch(r"#q\d+", target) and tree.get_element_by_id(target[1:]).tag for target in tree.xpath("//@href"))
    assert "49" not in section(tree, "Slowest").replace(EVIL, "")
    assert text.count("<style>") == text.count("</style>") == 1
    assert "\x00" not in text
    shown = tree.find_class("thought")[-1]
    assert "<script>alert(1)</script>" in shown.text_content()
    assert {mark.text for mark in tree.iter("mark")} == {EVIL[3:9]}


def test_nothing_is_fetched_and_nothing_runs() -> None:
    text, tree = page(graded_sheet(), passages=PASSAGES)
    assert not re.search(r"https?:|//[a-z]|@import|url\(|<script|<link|javascript:", text)
    (policy,) = tree.xpath("//meta[@http-equiv='Content-Security-Policy']/@content")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'"


def test_a_sheet_without_a_key_has_a_report_without_scores() -> None:
    sheet = graded_sheet()
    bare = Results(sheet.settings, tuple(replace(one, key=None) for one in sheet.rows))
    _, tree = page(bare, passages=PASSAGES)
    titles = [heading.text for heading in tree.iter("h2")]
    assert titles == [
        "How letters were found",
        "Preference for a position",
        "Unparsed",
        "Least sure",
        "Slowest",
        "Model and settings",
    ]
    assert "without a key: no score" in words(tree.find_class("figures")[0])
    assert "(key)" not in tree.text_content()


def test_least_sure_and_slowest_come_first_with_reasoning_and_passages() -> None:
    rows = [result(str(n), "A", agree=1 + n % 5, seconds=float(n), citations=(CITED,)) for n in range(20)]
    _, tree = page(Results(settings(questions=20), tuple(rows)), passages=PASSAGES)
    assert section(tree, "Least sure").startswith("The lowest confidence first. 5 of 20. Which is question 0?")
    assert "[1] Algorithms, p. 12: Heaps > Binary heaps In a binary heap, each node's key" in section(tree, "Least sure")
    slowest = re.findall(r"Which is question (\d+)\?", section(tree, "Slowest"))
    assert slowest == [str(n) for n in range(19, 14, -1)]  # a quarter of the sheet
    _, without = page(Results(settings(questions=20), tuple(rows)))
    assert "[1] Algorithms, p. 12" in section(without, "Slowest")
    assert not list(without.iter("blockquote"))


def test_confident_answers_that_are_not_the_key_are_listed() -> None:
    rows = [result("a", "B", agree=5), result("b", "B", agree=3), result("c", "A", agree=5)]
    _, tree = page(Results(settings(questions=3), tuple(rows)))
    assert re.findall(r"Which is question (\w)\?", section(tree, "Sure, and not the key")) == ["a"]


@pytest.mark.parametrize("k", [1, 5])
def test_a_confidence_that_was_not_fitted_is_said_to_be_none_that_one_can_trust(k: int) -> None:
    _, tree = page(graded_sheet(k=k))
    assert "not calibrated" in words(tree.find_class("said")[0])
    assert "raw confidence, not calibrated" in words(tree.find_class("figures")[0])


def test_calibration_is_told_before_and_after_and_on_what_it_was_fitted() -> None:
    learnt = graded_sheet(200, seed=1)
    learnt = replace(learnt, settings=replace(learnt.settings, digest="learnt", sheet="practice.csv"))
    calibration = fit([learnt])
    sheet = graded_sheet(60)
    fitted = Results(sheet.settings, tuple(replace(one, confidence=calibration.confidence(one)) for one in sheet.rows))
    _, tree = page(fitted, calibration=calibration)
    assert "fitted on 200 questions of practice.csv" not in words(tree)  # unparsed ones are no part of a fit
    assert f"fitted on {calibration.questions} questions of practice.csv" in words(tree)
    assert re.search(r"Expected calibration error 0\.\d{3} \(0\.\d{3} before fitting\)", section(tree, "Calibration"))
    here = replace(calibration, digests=("learnt", sheet.settings.digest))
    assert "fitted on this very sheet" in words(page(fitted, calibration=here)[1])
    part = replace(calibration, sheets=("practice.csv", sheet.settings.sheet))  # graded with --limit, its digest is another
    assert "fitted on this very sheet" in words(page(fitted, calibration=part)[1])


def test_the_reliability_diagram_has_a_dot_for_each_bin_where_it_belongs() -> None:
    rows = [result(f"l{n}", "A", "A" if n < 1 else "B", agree=1) for n in range(10)]
    rows += [result(f"h{n}", "A", "A" if n < 9 else "B", agree=4) for n in range(10)]
    _, tree = page(Results(settings(questions=20), tuple(rows)))
    titles = [title.text for title in tree.xpath("//svg//g/title")]
    assert titles[:2] == [
        "10 questions, mean confidence 20%: 10% right",
        "10 questions, mean confidence 80%: 90% right",
    ]
    # |0.2 - 0.1| and |0.8 - 0.9|, half each.
    assert "Expected calibration error 0.100" in section(tree, "Calibration")
    left, bottom, side = 58, 250, 240
    circles = [(float(dot.get("cx")), float(dot.get("cy"))) for dot in tree.iter("circle")]
    expected = [(left + 0.2 * side, bottom - 0.1 * side), (left + 0.8 * side, bottom - 0.9 * side)]
    assert circles == [pytest.approx(one, abs=0.1) for one in expected]


def test_two_models_stand_side_by_side() -> None:
    ours, theirs = graded_sheet(30), graded_sheet(30, model="other")
    worse = Results(theirs.settings, tuple(replace(one, letter=None) if one.outcome == "right" else one for one in theirs.rows))
    _, tree = page(ours, comparison=compare(ours, worse))
    right = sum(one.outcome == "right" for one in ours.rows)
    assert row(tree, "Outcomes of A and B", "A right") == ["0", "0", str(right)]
    told = section(tree, "Compared")
    assert "A: smollm2-135m B: other" in told
    assert "A is better on these questions, by more than chance explains." in told


def test_a_sheet_that_is_not_finished_says_so_and_an_empty_bin_breaks_nothing() -> None:
    one: Result = result("1", None, key=None)
    _, tree = page(Results(settings(questions=4), (one,)))
    assert "1 of 4 questions are graded so far" in words(tree)


def test_settings_and_the_day_are_told() -> None:
    _, tree = page(graded_sheet())
    told = section(tree, "Model and settings")
    assert "Chains of thought a question 5" in told
    assert "course-tutor 0.1.0" in told
    assert "finished on 27 November 2026, 10:30" in words(tree)
