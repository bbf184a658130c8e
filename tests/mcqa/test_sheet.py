"""Sheets of every kind, and what is wrong with a row."""

from __future__ import annotations

import csv
import datetime
import io
import json
import zipfile

import openpyxl
import pytest

from index_store.errors import GradingError
from tutor.mcqa.sheet import Question, digest_of, read_sheet

HEAD = "question,A,B,C,answer\n"


@pytest.fixture
def sheet(tmp_path):
    def write(content, name="sheet.csv"):
        file = tmp_path / name
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return file

    return write


def faults(file):
    return [str(fault) for fault in read_sheet(file).faults]


def refused(file):
    with pytest.raises(GradingError) as error:
        read_sheet(file)
    assert "\n" not in str(error.value)
    assert str(file) in str(error.value)
    return str(error.value)


def test_the_shipped_quiz_is_read_whole(request):
    file = request.config.rootpath / "examples" / "quiz.csv"
    with file.open(encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    read = read_sheet(file)
    assert (read.faults, read.notes) == ((), ())
    assert [(q.id, q.stem, dict(q.options), q.key) for q in read.questions] == [
        (row["id"], row["question"], {letter: row[letter] for letter in "ABCD"}, row["answer"]) for row in rows
    ]
    assert [q.row for q in read.questions] == list(range(2, 32))


def test_mmlu_pros_layout_is_read(sheet):
    row = {
        "question_id": 70,
        "question": "1 + 1?",
        "options": ["1", "2", "N/A"],
        "answer": "B",
        "answer_index": 1,
        "category": "maths",
    }
    file = sheet(json.dumps(row) + "\n", "test.jsonl")
    assert read_sheet(file).questions == (Question("70", "1 + 1?", {"A": "1", "B": "2", "C": "N/A"}, "B", "maths"),)
    file = sheet(json.dumps({**row, "answer_index": 2}) + "\n", "test.jsonl")
    assert faults(file) == ["test.jsonl, row 1, column 'answer_index': names C, but column 'answer' names B. Make both agree."]
    del row["answer"]
    assert read_sheet(sheet(json.dumps(row), "test.jsonl")).questions[0].key == "B"


def test_columns_have_german_and_french_names_too(sheet):
    german = "Nr;Frage;Antwort A;Antwort B;Lösung;Fach\n7;Was ist 1 + 1?;Zwei;Drei;A;Mathe\n"
    french = "Énoncé;Réponse 1;Réponse 2;Bonne réponse;Matière\nUn et un ?;Deux;Trois;2;Maths\n"
    assert read_sheet(sheet(german)).questions == (Question("7", "Was ist 1 + 1?", {"A": "Zwei", "B": "Drei"}, "A", "Mathe"),)
    assert read_sheet(sheet(french)).questions == (Question("1", "Un et un ?", {"A": "Deux", "B": "Trois"}, "B", "Maths"),)


def test_a_sheet_without_a_key_or_with_some_is_read(sheet):
    assert [q.key for q in read_sheet(sheet("question,A,B\nWhy?,x,y\n")).questions] == [None]
    assert [q.key for q in read_sheet(sheet(HEAD + "Why?,x,y,z,B\nHow?,x,y,z,\n")).questions] == ["B", None]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ('["x; y", "z"]', ["x; y", "z"]),
        ("x | y | z", ["x", "y", "z"]),
        ("A) x\nB) y", ["x", "y"]),
        ("(a) x; (b) y", ["x", "y"]),
        ('{"A": "x", "B": "y"}', ["x", "y"]),
        ("vitamin A. more; less", ["vitamin A. more", "less"]),
    ],
)
def test_all_options_may_stand_in_one_cell(sheet, options, expected):
    text = io.StringIO()
    csv.writer(text).writerows([["question", "options"], ["Which?", options]])
    assert list(read_sheet(sheet(text.getvalue())).questions[0].options.values()) == expected


@pytest.mark.parametrize(
    ("key", "letter"), [("b", "B"), ("(B)", "B"), ("B.", "B"), ("Option C", "C"), ("  second ONE ", "B"), ("b) ", "B")]
)
def test_a_key_is_a_letter_or_the_options_text(sheet, key, letter):
    assert read_sheet(sheet(HEAD + f"Why?,first one,second one,third one,{key}\n")).questions[0].key == letter


def test_numbers_count_from_where_the_sheet_shows(sheet):
    rows = [f"Why {n}?,x,y,z," for n in range(3)]
    from_0 = sheet(HEAD + "".join(f"{row}{key}\n" for row, key in zip(rows, "012", strict=True)))
    assert [q.key for q in read_sheet(from_0).questions] == ["A", "B", "C"]
    from_1 = sheet(HEAD + "".join(f"{row}{key}\n" for row, key in zip(rows, "123", strict=True)))
    assert [q.key for q in read_sheet(from_1).questions] == ["A", "B", "C"]
    unclear = sheet(HEAD + rows[0] + "1\n" + rows[1] + "2\n")
    assert faults(unclear)[0] == (
        "sheet.csv, row 2, column 'answer': '1' counts from 0 or from 1, which the sheet does not show. Write the letter."
    )
    named = sheet("question,option_1,option_2,answer\nWhy?,x,y,1\n")
    assert read_sheet(named).questions[0].key == "A"


def test_a_key_that_is_an_options_number_and_anothers_text_is_not_guessed(sheet):
    file = sheet("question,option_1,option_2,option_3,answer\nHow many?,3,2,1,3\nHow many?,3,2,1,2\n")
    assert [(fault.row, fault.what) for fault in read_sheet(file).faults] == [(2, "'3' is option A's text and option C's name")]
    assert [q.key for q in read_sheet(file).questions] == ["B"]


def test_letters_that_are_also_options_are_letters_where_all_keys_are(sheet):
    assert read_sheet(sheet(HEAD + "Which base?,B,C,A,B\n")).questions[0].key == "B"


def test_every_bad_row_is_told_at_once_with_place_and_remedy(sheet):
    file = sheet(
        "id,question,A,B,C,answer\n"
        "1,Good?,x,y,z,A\n"
        "2,,x,y,z,A\n"
        "3,Gap?,x,,z,A\n"
        "4,One?,x,,,A\n"
        "5,Key?,x,y,z,Q\n"
        "1,Again?,x,y,z,A\n"
        ",No id?,x,y,z,A\n"
        "8,Long,x,y,z,A,B\n"
        "9,Formula?,=B2,y,z,A\n"
        "10,Error?,#REF!,y,z,A\n"
    )
    read = read_sheet(file)
    assert [q.id for q in read.questions] == ["1"]
    assert [(fault.row, fault.column, fault.what) for fault in read.faults] == [
        (3, "question", "there is no question"),
        (4, "B", "option B is empty"),
        (5, "A", "fewer than 2 options"),
        (6, "answer", "'Q' is none of the 3 options"),
        (7, "id", "the id '1' is another row's too"),
        (8, "id", "the id is empty"),
        (9, "", "7 cells, but 6 columns"),
        (10, "A", "the formula '=B2' instead of its value"),
        (11, "A", "the error '#REF!' instead of a value"),
    ]
    assert all(fault.remedy.endswith(".") and "\n" not in str(fault) for fault in read.faults)
    assert read.bad_rows == 9


def test_an_option_that_begins_as_a_formula_does_is_text(sheet):
    assert list(read_sheet(sheet(HEAD + "Which?,=x+1,= 2,-3,A\n")).questions[0].options.values()) == ["=x+1", "= 2", "-3"]


def test_more_than_26_options_are_refused(sheet):
    rows = [{"question": "Which?", "options": [str(n) for n in range(count)], "answer": "26th"} for count in (26, 27)]
    rows[0]["answer"] = "Z"
    read = read_sheet(sheet("".join(json.dumps(row) + "\n" for row in rows), "s.jsonl"))
    assert [(q.key, len(q.options)) for q in read.questions] == [("Z", 26)]
    assert [fault.what for fault in read.faults] == ["27 options, more than 26"]


def test_a_foreign_encoding_is_read_and_told(sheet):
    text = "question,A,B\nÜber wie viele Straßen?,drei,„vier“\n"
    for encoding in ("utf-8", "utf-8-sig", "utf-16"):
        read = read_sheet(sheet(text.encode(encoding)))
        assert (read.questions[0].stem, read.notes) == ("Über wie viele Straßen?", ())
    read = read_sheet(sheet(text.encode("cp1252")))
    assert read.questions[0].options == {"A": "drei", "B": "„vier“"}
    assert read.notes == ("sheet.csv is not UTF-8 and was read as Windows-1252: look at its accents, or save it as UTF-8",)


def test_lines_of_json_that_are_none_are_told_each(sheet):
    file = sheet('{"question": "Why?", "options": ["x", "y"]}\n{"question": \n[1]\n\n', "s.jsonl")
    read = read_sheet(file)
    assert len(read.questions) == 1
    assert [(fault.row, fault.what.split(" (")[0]) for fault in read.faults] == [(2, "not JSON"), (3, "not a JSON object")]


def test_a_json_list_is_read(sheet):
    assert len(read_sheet(sheet('[{"question": "Why?", "choices": ["x", "y"]}]', "s.json")).questions) == 1
    assert "not a list" in refused(sheet("{}", "s.json"))


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "no column has the questions (columns: none). Call it 'question'."),
        ("a,b\n1,2\n", "no column has the questions (columns: 'a', 'b')"),
        ("question,hint\nWhy?,x\n", "no columns have the options (columns: 'question', 'hint'). Call them A, B, C"),
        ("question,A,B\n", "no question in it. Give one a row."),
        ("question,A,A\n", "two columns are called 'A'. Give each its own name."),
        ('question,A,B\n"Why?,x,y\n', "not CSV"),
        (b"question,A,B\n\0\xff\xff,x,y\n", "not a text file"),
        (b"\xff\xfeq", "damaged UTF-16"),
    ],
)
def test_what_is_no_sheet_is_refused_in_one_line(sheet, content, told):
    assert told in refused(sheet(content))


def test_a_kind_of_file_that_is_not_read_is_named(sheet, tmp_path):
    assert "Give a .csv, .jsonl or .xlsx file." in refused(sheet("x", "sheet.docx"))
    assert "No such file" in refused(tmp_path / "none.csv")
    assert "Is a directory" in refused(tmp_path / "folder.csv") if (tmp_path / "folder.csv").mkdir() is None else False


# --- Excel -------------------------------------------------------------------------------------------------------------


def workbook(tmp_path, *rows, sheets=("questions",)):
    book = openpyxl.Workbook()
    book.active.title = sheets[0]
    for name in sheets[1:]:
        book.create_sheet(name)
    for row in rows:
        book.active.append(row)
    file = tmp_path / "sheet.xlsx"
    book.save(file)
    return file


def test_an_excel_sheet_is_read_as_its_cells_are_shown(tmp_path):
    file = workbook(
        tmp_path,
        ["id", "question", "A", "B", "C", "key"], [1, "How many?", 2, 2.5, True, 2.5], [], [2, "Who?", "x", "y", None, "B"],
        sheets=("mine", "other"),
    )  # fmt: skip
    read = read_sheet(file)
    assert read.questions == (
        Question("1", "How many?", {"A": "2", "B": "2.5", "C": "TRUE"}, "B"),
        Question("2", "Who?", {"A": "x", "B": "y"}, "B"),
    )
    assert [q.row for q in read.questions] == [2, 4]
    assert read.notes == ("sheet.xlsx has 2 sheets; only the first, 'mine', was read",)


def test_what_excel_made_of_a_cell_is_told(tmp_path):
    half = datetime.datetime(2026, 2, 1)
    file = workbook(
        tmp_path, ["question", "A", "B"], ["What share?", half, "1/3"], ["Sum?", "=1+1", "x"], ["Join?", '=CONCAT("a")', "x"]
    )
    assert [(fault.row, fault.column, fault.what) for fault in read_sheet(file).faults] == [
        (2, "A", "a date or time, which Excel may have made of 1/2 or 3:4"),
        (3, "A", "the formula '=1+1' instead of its value"),
        (4, "A", "the formula '=CONCAT(\"a\")' instead of its value"),
    ]


def test_an_excel_file_that_would_unpack_to_gigabytes_is_not_opened(tmp_path, monkeypatch):
    from tutor.mcqa import sheet_files

    monkeypatch.setattr(sheet_files, "UNPACKED_MEGABYTES", 1)
    file = workbook(tmp_path, ["question", "A", "B"], ["Why?", "x", "y"])
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as package:
        package.writestr("xl/more.xml", b"0" * (2 << 20))
    assert "unpacks to more than" in refused(file)


def test_what_is_no_excel_file_is_refused_in_one_line(sheet):
    assert "is no Excel file" in refused(sheet("question,A,B\n", "s.xlsx"))
    assert "is damaged" in refused(sheet(b"PK\3\4 and no more", "s.xlsx"))
    assert "Save it as .xlsx" in refused(sheet(bytes.fromhex("D0CF11E0A1B11AE1") + bytes(600), "s.xlsx"))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as package:
        package.writestr("[Content_Types].xml", "<Types/>")
    assert "is damaged" in refused(sheet(made.getvalue(), "s.xlsx"))


def test_the_digest_is_of_what_is_asked_and_of_the_key():
    one = Question("1", "Why?", {"A": "x", "B": "y"}, "A", row=2)
    assert digest_of([one]) == digest_of([Question("1", "Why?", {"A": "x", "B": "y"}, "A", row=9)])
    assert digest_of([one]) != digest_of([Question("1", "Why?", {"A": "x", "B": "y"}, "B")])
    assert digest_of([one]) != digest_of([Question("1", "Why?", {"A": "y", "B": "x"}, "A")])


def test_a_title_above_the_columns_names_is_passed_over_and_short_names_are_known(sheet):
    read = read_sheet(sheet("Quiz 3\n\nQ;A;B;C;D;ans\n1 + 1, please?;1;2;3;4;B\n"))
    (question,) = read.questions
    assert (question.stem, dict(question.options), question.key) == (
        "1 + 1, please?",
        {"A": "1", "B": "2", "C": "3", "D": "4"},
        "B",
    )
    assert question.row == 4
    assert "columns: 'Only one column'" in refused(sheet("Only one column\nx\ny\n"))


def test_options_that_say_the_same_are_noted(sheet):
    read = read_sheet(sheet(HEAD + "x?,1,2,3,A\ny?,1,2,1,A\n"))
    assert read.notes == ("sheet.csv: two options say the same in row 3; mend it if that is a slip",)
    assert len(read.questions) == 2


def test_a_key_may_be_letter_and_text_and_a_sheet_without_a_known_key_says_what_it_does_not_know(sheet):
    read = read_sheet(sheet(HEAD + "x?,1,2,3,B) 2\ny?,1,2,3,(C) 3\n"))
    assert [question.key for question in read.questions] == ["B", "C"]
    assert faults(sheet(HEAD + "x?,1,2,3,B) 3\n"))
    assert [q.key for q in read_sheet(sheet("Frage,A,B,Réponse correcte\nx?,1,2,B\n")).questions] == ["B"]
    (note,) = read_sheet(sheet("question,A,B,verdict\nx?,1,2,B\n")).notes
    assert note == (
        "sheet.csv: no column has the key, so there is no score; of no use here: 'verdict' (call the key's column 'answer')"
    )
