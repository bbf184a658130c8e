"""The log as who answers uses it: an exchange is kept if it can be, and an answer never suffers where it cannot."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from index_store.errors import ActivityError
from tutor.activity.exchange import Exchange
from tutor.activity.pseudonyms import UNKNOWN, Pseudonyms
from tutor.activity.store import ActivityStore
from tutor.settings import Settings

DAY = 24 * 3600.0


class ActivityLog:
    """The log of a home under the setting `retention_days`; with 0 nothing is ever written.

    `notify` is told of the first fault.
    """

    def __init__(self, settings: Settings, notify: Callable[[str], None] = lambda message: None) -> None:
        self.store = ActivityStore(settings.home)
        self.pseudonyms = Pseudonyms(settings.home)
        self.days = settings.retention_days
        self._notify = notify
        self._told = False

    @property
    def keeps(self) -> bool:
        """Whether anything is recorded."""
        return self.days > 0

    def browser(self, cookie: str) -> str:
        """The pseudonym of a browser; UNKNOWN where it has no cookie or the secret cannot be read."""
        return self._named(self.pseudonyms.of_browser, cookie)

    def key(self, name: str) -> str:
        """The pseudonym of who uses the API under the key called `name`."""
        return self._named(self.pseudonyms.of_key, name)

    def record(self, make: Callable[[], Exchange]) -> None:
        """Keep the exchange that `make` makes. Raises nothing: what goes wrong is one line to `notify`, once."""
        if not self.keeps:
            return
        try:
            self.store.add(make())
        except ActivityError as error:
            self._fault(str(error))
        except Exception as error:  # noqa: BLE001  the answer was given; that it cannot be kept is no reason to take it away
            self._fault(f"{type(error).__name__}: {error}".splitlines()[0])

    def rate(self, id: str, student: str, rating: int) -> bool:
        """Set the rating of this student's exchange; whether it is kept."""
        try:
            return self.keeps and self.store.rate(id, student, rating)
        except ActivityError as error:
            self._fault(str(error))
            return False

    def ratings(self, ids: Sequence[str], student: str) -> dict[str, int]:
        """The ratings of this student's exchanges by id, as far as they can be read."""
        try:
            return self.store.ratings(ids, student) if self.keeps and ids else {}
        except ActivityError as error:
            self._fault(str(error))
            return {}

    @contextmanager
    def purged_daily(self) -> Iterator[None]:
        """Meanwhile what is too old is deleted: at once, and then once a day, on a thread of its own.

        With `retention_days` 0 everything is.
        """
        over = threading.Event()

        def work() -> None:
            while True:
                try:
                    self.store.purge(self.days)
                except ActivityError as error:
                    self._fault(str(error))
                if over.wait(DAY):
                    return

        threading.Thread(target=work, daemon=True, name="retention").start()
        try:
            yield
        finally:
            over.set()

    def _named(self, name: Callable[[str], str], identity: str) -> str:
        if not self.keeps:
            return UNKNOWN
        try:
            return name(identity)
        except ActivityError as error:
            self._fault(str(error))
            return UNKNOWN

    def _fault(self, reason: str) -> None:
        if not self._told:
            self._told = True
            self._notify(f"warning: what is asked is not being recorded: {reason}")
