"""`tutor users`, `tutor keys` and what `tutor chat` says of an address that is not this machine's alone."""

from __future__ import annotations

import json

import pytest

from index_store.errors import CourseTutorError
from tutor import passwords
from tutor.accounts import Accounts

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _low_cost(monkeypatch):
    monkeypatch.setattr(passwords.hashed, "__defaults__", (passwords.Cost(log_n=4),))
    monkeypatch.setattr(passwords.outdated, "__defaults__", (passwords.Cost(log_n=4),))


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


@pytest.fixture
def typed(monkeypatch):
    """Have standard input hold a text."""
    from click.testing import CliRunner

    invoke = CliRunner.invoke

    def type_in(text):
        monkeypatch.setattr(CliRunner, "invoke", lambda self, *given, **named: invoke(self, *given, **{**named, "input": text}))

    return type_in


def test_a_password_is_asked_for_twice_and_not_shown(tutor, typed, home):
    typed(f"{PASSWORD}\n{PASSWORD}\n")
    result = tutor("users", "add", "ada", "--home", home)
    assert (result.code, result.out) == (0, "User 'ada' may log in.\n")
    assert PASSWORD not in result.err
    assert Accounts(home).verify("ada", PASSWORD)


def test_a_password_typed_in_two_ways_is_asked_for_again(tutor, typed, home):
    typed(f"{PASSWORD}\nanother password\n{PASSWORD}\n{PASSWORD}\n")
    assert tutor("users", "add", "ada", "--home", home).code == 0
    assert Accounts(home).verify("ada", PASSWORD)


def test_a_script_gives_the_password_on_standard_input(tutor, typed, home):
    typed(f"{PASSWORD}\nmore\n")
    assert tutor("users", "add", "ada", "--password-stdin", "--home", home).code == 0
    assert Accounts(home).verify("ada", PASSWORD)
    typed("another password\r\n")
    assert tutor("users", "password", "ada", "--password-stdin", "--home", home).code == 0
    assert Accounts(home).verify("ada", "another password")
    assert not Accounts(home).verify("ada", PASSWORD)


def test_users_are_listed_without_their_hashes_and_removed(tutor, typed, home):
    typed(PASSWORD)
    for name in ("bob", "ada"):
        tutor("users", "add", name, "--password-stdin", "--home", home)
    assert [line.split()[0] for line in tutor("users", "list", "--home", home).out.splitlines()] == ["ada", "bob"]
    rows = json.loads(tutor("users", "list", "--json", "--home", home).out)
    assert [set(row) for row in rows] == [{"name", "made"}] * 2
    assert tutor("users", "remove", "bob", "--home", home).code == 0
    assert [user.name for user in Accounts(home).users] == ["ada"]


@pytest.mark.parametrize(
    ("arguments", "password", "said"),
    [
        (["users", "add", "Ada Lovelace", "--password-stdin"], PASSWORD, "user name 'Ada Lovelace'"),
        (["users", "add", "ada", "--password-stdin"], "short", "5 characters"),
        (["users", "add", "ada", "--password-stdin"], "", "0 characters"),
        (["users", "password", "ada", "--password-stdin"], PASSWORD, "no user 'ada' (users: none yet)"),
        (["users", "remove", "ada"], "", "no user 'ada'"),
        (["keys", "remove", "program"], "", "no key 'program'"),
        (["keys", "add", "../program"], "", "key name '../program'"),
        (["keys", "add", "program", "--course", "nosuch"], "", "no course 'nosuch'"),
    ],
)
def test_what_cannot_be_done_is_told_in_one_line(tutor, typed, home, arguments, password, said):
    typed(password)
    result = tutor(*arguments, "--home", home)
    assert (result.code, result.out) == (2, "")
    assert said in result.told[0]
    assert result.err.count("\n") == 1


def test_a_key_alone_is_printed_once(tutor, home):
    result = tutor("keys", "add", "program", "--home", home)
    assert result.code == 0
    key = result.out.strip()
    assert Accounts(home).key_of(key).name == "program"
    assert key not in result.err
    listed = tutor("keys", "list", "--home", home).out + tutor("keys", "list", "--json", "--home", home).out
    assert "all courses" in listed
    assert key not in listed
    assert Accounts(home).keys[0].sha256 not in listed
    assert tutor("keys", "remove", "program", "--home", home).code == 0
    assert Accounts(home).key_of(key) is None


def test_a_key_is_for_the_courses_that_are_named(tutor, small_home):
    key = tutor("keys", "add", "program", "--course", "physics", "--home", small_home).out.strip()
    assert Accounts(small_home).key_of(key).courses == ("physics",)
    assert "physics" in tutor("keys", "list", "--home", small_home).out


def test_a_damaged_file_of_accounts_is_told_in_one_line(tutor, home):
    home.mkdir()
    (home / "accounts.json").write_text("{")
    for command in (["users", "list"], ["keys", "list"], ["keys", "add", "program"]):
        result = tutor(*command, "--home", home)
        assert (result.code, result.err.count("\n")) == (2, 1)
        assert "accounts.json" in result.told[0]


@pytest.mark.parametrize(
    ("host", "proxy", "warned"),
    [
        ("127.0.0.1", "", False),
        ("::1", "", False),
        ("localhost", "", False),
        ("0.0.0.0", "", True),
        ("0.0.0.0", "10.0.0.1", False),
    ],
)
def test_an_address_of_the_network_is_warned_of(tutor, home, monkeypatch, host, proxy, warned):
    from tutor.answering import service
    from tutor.cli import chat

    def ends(*given, **named):
        raise CourseTutorError("enough.")

    monkeypatch.setattr(service, "AnsweringService", ends)
    monkeypatch.setattr(chat, "_check_free", lambda host, port: None)
    result = tutor("chat", "--host", host, "--home", home, env={"TUTOR_TRUSTED_PROXY": proxy})
    assert ("warning: 0.0.0.0 is reached over the network" in result.err) == warned
    assert "enough." in result.err
