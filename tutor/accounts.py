"""Who may use what: instructors with a password, and keys that programs ask with.

HOME/accounts.json, readable by its owner alone. Passwords are kept as scrypt hashes (see passwords.py), keys as SHA-256: a key
is 32 random bytes, which no list of guesses holds. Knows nothing of browsers.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

from index_store.errors import AccountsError
from index_store.files import write_atomically
from tutor.passwords import checked_password, hashed, is_hash, matches, outdated, unknown

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
KEY_PREFIX = "ct-"
KEY_BYTES = 32
VERSION = 1


@dataclass(frozen=True)
class User:
    """An instructor. `password` is its hash; `stamp` changes with each new password, so that older sessions end."""

    name: str
    password: str
    stamp: str
    made: str


@dataclass(frozen=True)
class Key:
    """What a program asks with. `sha256` is the key's; `courses` are those it may ask, None: all."""

    name: str
    sha256: str
    courses: tuple[str, ...] | None
    made: str

    def may_ask(self, course: str) -> bool:
        return self.courses is None or course in self.courses


@dataclass(frozen=True)
class _Kept:
    users: tuple[User, ...] = ()
    keys: tuple[Key, ...] = ()


Named = TypeVar("Named", bound=User | Key)


class Accounts:
    """The accounts of one home folder. What another process changes is seen at the next call."""

    def __init__(self, home: Path) -> None:
        self.file = home / "accounts.json"
        self._seen: tuple[tuple[int, int, int], _Kept] | None = None

    @property
    def users(self) -> tuple[User, ...]:
        """By name. Raises AccountsError, as all here do, where the file is damaged."""
        return self._read().users

    @property
    def keys(self) -> tuple[Key, ...]:
        """By name."""
        return self._read().keys

    def user(self, name: str) -> User | None:
        return next((user for user in self.users if user.name == name), None)

    def add_user(self, name: str, password: str) -> User:
        """Raises AccountsError for a name that cannot be one or is taken, and for a password that is refused."""
        _check_name("user", name)
        if self.user(name):  # told before a hash is worked out; told for certain below
            raise AccountsError(f"there is a user {name!r} already. Change the password with: tutor users password {name}")
        made = User(name, hashed(checked_password(password, name)), secrets.token_hex(8), _now())
        with self._changing() as change:
            change(lambda kept: replace(kept, users=_with(kept.users, made)))
        return made

    def set_password(self, name: str, password: str) -> None:
        """A new password, with which all sessions of the user end. Raises AccountsError for an unknown user."""
        _one("user", self.users, name)
        changed = hashed(checked_password(password, name))
        with self._changing() as change:
            user = _one("user", self.users, name)
            new = replace(user, password=changed, stamp=secrets.token_hex(8))
            change(lambda kept: replace(kept, users=_with(_without(kept.users, name), new)))

    def remove_user(self, name: str) -> None:
        with self._changing() as change:
            _one("user", self.users, name)
            change(lambda kept: replace(kept, users=_without(kept.users, name)))

    def verify(self, name: str, password: str) -> User | None:
        """The user, where this is the password. It takes as long for an unknown name.

        A hash made at a lower cost than is due now is made anew.
        """
        user = self.user(name)
        right = matches(password, user.password if user else unknown())
        if not user or not right:
            return None
        if outdated(user.password):
            anew = replace(user, password=hashed(password))
            with self._changing() as change:  # in the meantime it may have been removed, or got another password
                change(lambda kept: replace(kept, users=tuple(anew if u == user else u for u in kept.users)))
            return anew
        return user

    def add_key(self, name: str, courses: Sequence[str] | None = None) -> str:
        """Make a key, and return it: it is not kept, only its SHA-256. `courses` None: it may ask all."""
        _check_name("key", name)
        key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
        made = Key(name, _digest(key), None if courses is None else tuple(sorted(set(courses))), _now())
        with self._changing() as change:
            if any(kept.name == name for kept in self.keys):
                raise AccountsError(f"there is a key {name!r} already. Remove it with: tutor keys remove {name}")
            change(lambda kept: replace(kept, keys=_with(kept.keys, made)))
        return key

    def remove_key(self, name: str) -> None:
        with self._changing() as change:
            _one("key", self.keys, name)
            change(lambda kept: replace(kept, keys=_without(kept.keys, name)))

    def key_of(self, key: str) -> Key | None:
        """The key that this is, compared in constant time; None where it is none."""
        digest = _digest(key)
        found = None
        for kept in self.keys:
            if hmac.compare_digest(kept.sha256, digest):
                found = kept
        return found

    def _read(self) -> _Kept:
        try:
            status = self.file.stat()
            at = (status.st_ino, status.st_mtime_ns, status.st_size)
            if self._seen is None or self._seen[0] != at:
                self._seen = at, _parsed(json.loads(self.file.read_text("utf-8")))
        except FileNotFoundError:
            return _Kept()
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            raise AccountsError(
                f"{self.file}: not an accounts file of this version. Restore it, or remove it and add users and keys anew."
            ) from None
        return self._seen[1]

    @contextmanager
    def _changing(self) -> Iterator[Callable[[Callable[[_Kept], _Kept]], None]]:
        """The right to write, held by one process at a time."""
        from filelock import FileLock

        self.file.parent.mkdir(parents=True, exist_ok=True)

        def change(how: Callable[[_Kept], _Kept]) -> None:
            kept = how(self._read())
            rows = {"version": VERSION, "users": _rows(kept.users), "keys": _rows(kept.keys)}
            write_atomically(self.file, json.dumps(rows, indent=1) + "\n")

        with FileLock(self.file.with_suffix(".lock"), mode=0o600):
            yield change


def _parsed(row: Any) -> _Kept:
    """Raises ValueError, KeyError, TypeError or AttributeError for what was not written here."""
    if row["version"] != VERSION:
        raise ValueError
    users = [User(name, **fields) for name, fields in row["users"].items()]
    keys = [
        Key(name, fields["sha256"], None if fields["courses"] is None else tuple(fields["courses"]), fields["made"])
        for name, fields in row["keys"].items()
    ]
    for user in users:
        if not NAME.fullmatch(user.name) or not is_hash(user.password) or not isinstance(user.stamp, str) or not user.stamp:
            raise ValueError
    for key in keys:
        names = key.courses or ()
        if not NAME.fullmatch(key.name) or not re.fullmatch(r"[0-9a-f]{64}", key.sha256) or not all(map(_is_text, names)):
            raise ValueError
    return _Kept(tuple(users), tuple(keys))


def _rows(named: Sequence[User] | Sequence[Key]) -> dict[str, dict[str, Any]]:
    return {one.name: {field: value for field, value in vars(one).items() if field != "name"} for one in named}


def _with(some: tuple[Named, ...], one: Named) -> tuple[Named, ...]:
    if any(other.name == one.name for other in some):
        raise AccountsError(f"there is a {type(one).__name__.lower()} {one.name!r} already.")
    return tuple(sorted([*some, one], key=lambda named: named.name))


def _without(some: tuple[Named, ...], name: str) -> tuple[Named, ...]:
    return tuple(one for one in some if one.name != name)


def _one(kind: str, some: Sequence[Named], name: str) -> Named:
    for one in some:
        if one.name == name:
            return one
    known = ", ".join(one.name for one in some) or "none yet"
    raise AccountsError(f"no {kind} {name!r} ({kind}s: {known}). Add it with: tutor {kind}s add {name}")


def _check_name(kind: str, name: str) -> None:
    if not NAME.fullmatch(name):
        raise AccountsError(f"{kind} name {name!r}: use 1 to 64 of a-z, 0-9, . - and _, beginning with a letter or digit.")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _digest(key: str) -> str:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
