"""Logging in, slowed down where it keeps failing: guessing a password takes years, mistyping one no time.

Knows nothing of browsers; what a session is, tutor/web/sessions.py knows.
"""

from __future__ import annotations

import ipaddress
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from tutor.accounts import Accounts, User

FREE = 5  # failures without a wait
LONGEST_WAIT = 15 * 60.0  # seconds
REMEMBERED = 60 * 60.0  # seconds after the last failure
MOST = 10_000  # names and addresses remembered


@dataclass(frozen=True)
class LoggedIn:
    """The password was right."""

    user: User


@dataclass(frozen=True)
class Refused:
    """Name or password is wrong, or, where `wait_seconds` is above 0, it was not even looked at for that long."""

    wait_seconds: float = 0.0


@dataclass
class _Failures:
    count: int
    last: float


class Throttle:
    """Counts failures of names and addresses: after FREE of them the waits are 1, 2, 4 ... seconds, up to LONGEST_WAIT.

    Kept in memory; where there are more than MOST, the one that failed longest ago is forgotten.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._lock = threading.Lock()
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def attempt(self, *who: str) -> float:
        """Seconds that `who` have to wait, or 0: then it is counted as failed until `succeeded` says otherwise.

        Counted beforehand, or a thousand attempts at once would all be free.
        """
        with self._lock:
            now = self._clock()
            wait = max(self._wait(one, now) for one in who)
            if wait <= 0:
                for one in who:
                    failures = self._failures.setdefault(one, _Failures(0, now))
                    failures.count, failures.last = failures.count + 1, now
                    self._failures.move_to_end(one)
                while len(self._failures) > MOST:
                    self._failures.popitem(last=False)
            return max(wait, 0.0)

    def succeeded(self, name: str, *others: str) -> None:
        """The failures of `name` are forgotten; of the others only the attempt that was none.

        Who has one account cannot clear an address of the guesses at another.
        """
        with self._lock:
            self._failures.pop(name, None)
            for one in others:
                if failures := self._failures.get(one):
                    failures.count -= 1

    def _wait(self, one: str, now: float) -> float:
        failures = self._failures.get(one)
        if failures is None:
            return 0.0
        if now - failures.last > REMEMBERED:
            del self._failures[one]
            return 0.0
        if failures.count < FREE:
            return 0.0
        wait = min(2.0 ** min(failures.count - FREE, 30), LONGEST_WAIT)
        return failures.last + wait - now


class Login:
    """The one way in with a password."""

    def __init__(self, accounts: Accounts, clock: Callable[[], float] = time.monotonic) -> None:
        self._accounts = accounts
        self._throttle = Throttle(clock)

    def __call__(self, name: str, password: str, address: str) -> LoggedIn | Refused:
        """`address` is the browser's. Call it on a thread: scrypt takes a third of a second.

        Raises AccountsError for a damaged file.
        """
        who = f"name {name[:100]}", f"address {network(address)}"
        if wait := self._throttle.attempt(*who):
            return Refused(wait)
        user = self._accounts.verify(name, password)
        if user is None:
            return Refused()
        self._throttle.succeeded(*who)
        return LoggedIn(user)


def network(address: str) -> str:
    """The address, or of IPv6 the /64, which is one household's; "" where it is none."""
    try:
        found = ipaddress.ip_address(address.split("%")[0])
    except ValueError:
        return ""
    return str(ipaddress.ip_network((found, 64), strict=False)) if found.version == 6 else str(found)
