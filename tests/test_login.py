"""Failures are slowed down, by name and by address; the clock is the test's."""

from __future__ import annotations

import pytest

from tutor import login, passwords
from tutor.accounts import Accounts
from tutor.login import LoggedIn, Login, Refused, Throttle, network

PASSWORD = "correct horse battery"


class Clock:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def log_in(tmp_path, clock, monkeypatch):
    cost = passwords.Cost(log_n=4)
    monkeypatch.setattr(passwords.hashed, "__defaults__", (cost,))
    monkeypatch.setattr(passwords.outdated, "__defaults__", (cost,))
    accounts = Accounts(tmp_path)
    accounts.add_user("ada", PASSWORD)
    accounts.add_user("eve", PASSWORD)
    return Login(accounts, clock)


def test_the_right_password_logs_in_and_a_wrong_one_does_not(log_in):
    assert log_in("ada", PASSWORD, "10.0.0.1") == LoggedIn(log_in._accounts.user("ada"))
    assert log_in("ada", "wrong", "10.0.0.1") == Refused()
    assert log_in("nobody", PASSWORD, "10.0.0.1") == Refused()


def test_after_five_failures_the_waits_double_up_to_a_quarter_of_an_hour(log_in, clock):
    for _ in range(5):
        assert log_in("ada", "wrong", "10.0.0.1") == Refused(0)
    waits = []
    for _ in range(12):
        refused = log_in("ada", PASSWORD, "10.0.0.1")  # the right one is not even looked at
        waits.append(refused.wait_seconds)
        clock.now += refused.wait_seconds
        assert log_in("ada", "wrong", "10.0.0.1") == Refused(0)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]


def test_who_waited_gets_in_and_begins_anew(log_in, clock):
    for _ in range(5):
        log_in("ada", "wrong", "10.0.0.1")
    clock.now += 1
    assert isinstance(log_in("ada", PASSWORD, "10.0.0.1"), LoggedIn)
    for _ in range(4):
        assert log_in("ada", "wrong", "10.0.0.2") == Refused(0)


def test_a_name_is_slowed_down_from_any_address_and_an_address_for_any_name(log_in):
    for number in range(5):
        log_in("ada", "wrong", f"10.0.0.{number}")
    assert log_in("ada", PASSWORD, "10.0.0.99").wait_seconds == 1
    assert isinstance(log_in("eve", PASSWORD, "10.0.0.99"), LoggedIn)
    for number in range(5):
        log_in(f"name{number}", "wrong", "10.0.1.1")
    assert log_in("eve", PASSWORD, "10.0.1.1").wait_seconds == 1


def test_an_account_of_ones_own_does_not_clear_the_address_of_guesses(log_in):
    for number in range(4):
        log_in(f"name{number}", "wrong", "10.0.0.1")
        assert isinstance(log_in("eve", PASSWORD, "10.0.0.1"), LoggedIn)
    log_in("ada", "wrong", "10.0.0.1")
    assert log_in("eve", PASSWORD, "10.0.0.1").wait_seconds == 1


def test_failures_are_forgotten_after_an_hour(log_in, clock):
    for _ in range(5):
        log_in("ada", "wrong", "10.0.0.1")
    clock.now += login.REMEMBERED + 1
    for _ in range(5):
        assert log_in("ada", "wrong", "10.0.0.1") == Refused(0)


def test_attempts_at_once_are_counted_before_they_are_looked_at(clock):
    throttle = Throttle(clock)
    assert [throttle.attempt("name ada") for _ in range(7)] == [0, 0, 0, 0, 0, 1, 1]


def test_what_is_remembered_is_bounded(clock, monkeypatch):
    monkeypatch.setattr(login, "MOST", 100)
    throttle = Throttle(clock)
    for number in range(1000):
        throttle.attempt(f"name {number}")
    assert len(throttle._failures) == 100


@pytest.mark.parametrize(
    ("address", "counted"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2:aaaa::1", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:bbbb::1", "2001:db8:1:2::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("testclient", ""),
        ("", ""),
    ],
)
def test_an_address_of_ipv6_counts_by_its_network(address, counted):
    assert network(address) == counted
