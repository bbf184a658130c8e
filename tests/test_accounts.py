"""Users and keys: kept as hashes, in a file that only its owner reads, and never lost to two writers."""

from __future__ import annotations

import json
import stat
import threading

import pytest

from index_store.errors import AccountsError
from tutor import passwords
from tutor.accounts import Accounts

PASSWORD = "correct horse battery"


@pytest.fixture
def accounts(tmp_path):
    return Accounts(tmp_path / "home")


@pytest.fixture
def quick(monkeypatch):
    """A low cost, for tests of what is not the hash."""
    cost = passwords.Cost(log_n=4)
    monkeypatch.setattr(passwords.hashed, "__defaults__", (cost,))
    monkeypatch.setattr(passwords.outdated, "__defaults__", (cost,))


def test_a_user_is_known_by_the_password_alone(accounts):
    accounts.add_user("ada", PASSWORD)
    assert accounts.verify("ada", PASSWORD).name == "ada"
    assert accounts.verify("ada", PASSWORD + " ") is None
    assert accounts.verify("ada", "") is None
    assert accounts.verify("bob", PASSWORD) is None


def test_a_password_is_kept_as_scrypt_at_the_cost_that_owasp_names(accounts):
    import base64
    import hashlib

    accounts.add_user("ada", PASSWORD)
    text = accounts.file.read_text()
    assert PASSWORD not in text
    kind, log_n, r, p, salt, kept = json.loads(text)["users"]["ada"]["password"].split("$")
    assert (kind, log_n, r, p) == ("scrypt", "17", "8", "1")
    again = hashlib.scrypt(PASSWORD.encode(), salt=base64.b64decode(salt), n=2**17, r=8, p=1, maxmem=2**28, dklen=32)
    assert base64.b64decode(kept) == again


def test_the_same_password_has_another_hash_for_each_user(accounts, quick):
    accounts.add_user("ada", PASSWORD)
    accounts.add_user("bob", PASSWORD)
    ada, bob = accounts.users
    assert ada.password.split("$")[4:] != bob.password.split("$")[4:]


def test_an_unknown_name_costs_a_hash_too(accounts, monkeypatch):
    accounts.add_user("ada", PASSWORD)
    costs = []
    scrypt = passwords._scrypt
    monkeypatch.setattr(passwords, "_scrypt", lambda *given: costs.append(given[2]) or scrypt(*given))
    accounts.verify("ada", "wrong password")
    accounts.verify("nobody", "wrong password")
    assert costs == [passwords.COST, passwords.COST]


def test_a_hash_of_a_lower_cost_is_made_anew_when_the_password_is_shown(accounts, monkeypatch):
    accounts.add_user("ada", PASSWORD)
    kept = json.loads(accounts.file.read_text())
    kept["users"]["ada"]["password"] = passwords.hashed(PASSWORD, passwords.Cost(log_n=4))
    accounts.file.write_text(json.dumps(kept))
    assert accounts.verify("ada", "wrong password") is None
    assert accounts.user("ada").password.startswith("scrypt$4$")
    before = accounts.user("ada").stamp
    assert accounts.verify("ada", PASSWORD)
    assert accounts.user("ada").password.startswith("scrypt$17$8$1$")
    assert accounts.user("ada").stamp == before  # sessions go on
    assert accounts.verify("ada", PASSWORD)


@pytest.mark.parametrize("typed", ["Caf\u00e9 au lait", "Cafe\u0301 au lait"])
def test_a_password_is_the_same_however_its_accents_are_typed(accounts, quick, typed):
    accounts.add_user("ada", "Caf\u00e9 au lait")
    assert accounts.verify("ada", typed)


@pytest.mark.parametrize(
    ("name", "password", "said"),
    [
        ("Ada", PASSWORD, "user name 'Ada'"),
        ("", PASSWORD, "user name ''"),
        ("../ada", PASSWORD, "user name"),
        ("a" * 65, PASSWORD, "user name"),
        ("ada\n", PASSWORD, "user name"),
        ("ada", "short pass"[:9], "9 characters"),
        ("ada", "x" * 1001, "1001 characters"),
        ("ada.lovelace", "Ada.Lovelace", "the password is the name"),
    ],
)
def test_what_cannot_be_a_name_or_a_password_is_refused(accounts, name, password, said):
    with pytest.raises(AccountsError, match=said) as refused:
        accounts.add_user(name, password)
    assert "\n" not in str(refused.value)
    assert not accounts.file.exists()


def test_a_name_is_given_once(accounts, quick):
    accounts.add_user("ada", PASSWORD)
    with pytest.raises(AccountsError, match="already"):
        accounts.add_user("ada", "another password")
    assert accounts.verify("ada", PASSWORD)
    accounts.add_key("program")
    with pytest.raises(AccountsError, match="already"):
        accounts.add_key("program")


def test_a_new_password_is_the_only_one(accounts, quick):
    accounts.add_user("ada", PASSWORD)
    stamp = accounts.user("ada").stamp
    accounts.set_password("ada", "another password")
    assert accounts.verify("ada", PASSWORD) is None
    assert accounts.verify("ada", "another password")
    assert accounts.user("ada").stamp != stamp
    with pytest.raises(AccountsError, match="no user 'bob' \\(users: ada\\)"):
        accounts.set_password("bob", PASSWORD)


def test_a_user_that_was_removed_is_none(accounts, quick):
    accounts.add_user("ada", PASSWORD)
    accounts.remove_user("ada")
    assert accounts.verify("ada", PASSWORD) is None
    with pytest.raises(AccountsError, match="none yet"):
        accounts.remove_user("ada")


def test_a_key_is_shown_once_and_kept_as_its_sha256(accounts):
    import hashlib

    key = accounts.add_key("program", ["b", "a"])
    assert key.startswith("ct-")
    assert len(key) >= 3 + 43  # 32 bytes in base64
    assert key not in accounts.file.read_text()
    (kept,) = accounts.keys
    assert kept.sha256 == hashlib.sha256(key.encode()).hexdigest()
    assert accounts.key_of(key) == kept
    assert kept.courses == ("a", "b")
    assert kept.may_ask("a")
    assert not kept.may_ask("c")
    for other in ("", "ct-", key[:-1], key + "x", key.upper(), "\ud800"):
        assert accounts.key_of(other) is None


def test_a_key_without_courses_asks_all_and_one_of_none_asks_none(accounts):
    assert accounts.key_of(accounts.add_key("all")).may_ask("anything")
    assert not accounts.key_of(accounts.add_key("none", [])).may_ask("anything")


def test_the_file_is_its_owners_alone(accounts, quick):
    accounts.add_user("ada", PASSWORD)
    accounts.add_key("program")
    assert stat.S_IMODE(accounts.file.stat().st_mode) == 0o600


def test_what_another_process_changes_is_seen(accounts, tmp_path):
    other = Accounts(tmp_path / "home")
    assert other.keys == ()
    key = accounts.add_key("program")
    assert other.key_of(key)
    accounts.remove_key("program")
    assert other.key_of(key) is None


def test_many_writers_lose_nothing(tmp_path):
    threads = [
        threading.Thread(target=lambda n=n: Accounts(tmp_path).add_key(f"key{n}"))  # type: ignore[misc]
        for n in range(20)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Accounts(tmp_path).keys) == 20


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        '{"version": 2, "users": {}, "keys": {}}',
        '{"version": 1, "users": {}}',
        '{"version": 1, "users": {"ada": {}}, "keys": {}}',
        '{"version": 1, "users": {"ada": {"password": "plain", "stamp": "x", "made": ""}}, "keys": {}}',
        '{"version": 1, "users": {"ada": {"password": "scrypt$30$8$1$AAAA$AAAA", "stamp": "x", "made": ""}}, "keys": {}}',
        '{"version": 1, "users": {}, "keys": {"k": {"sha256": "", "courses": null, "made": ""}}}',
        '{"version": 1, "users": {}, "keys": {"k": {"sha256": "' + "0" * 64 + '", "courses": [1], "made": ""}}}',
        '{"version": 1, "users": {}, "keys": {"K/": {"sha256": "' + "0" * 64 + '", "courses": null, "made": ""}}}',
    ],
)
def test_a_damaged_file_is_named_and_left_alone(accounts, text):
    accounts.file.parent.mkdir()
    accounts.file.write_text(text)
    for use in (
        lambda: accounts.users,
        lambda: accounts.key_of("ct-x"),
        lambda: accounts.verify("ada", PASSWORD),
        lambda: accounts.add_key("x"),
    ):
        with pytest.raises(AccountsError) as refused:
            use()
        assert str(accounts.file) in str(refused.value)
        assert "\n" not in str(refused.value)
    assert accounts.file.read_text() == text
