"""Passwords as scrypt hashes that say how they were made, so that the cost can be raised later.

`scrypt$17$8$1$SALT$HASH`: the logarithm of N, then r, p, and salt and hash in base64. Knows nothing of users.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
import unicodedata
from dataclasses import dataclass

from index_store.errors import AccountsError

SHORTEST, LONGEST = 10, 1000  # characters
SALT_BYTES, HASH_BYTES = 16, 32
MOST_LOG_N = 20  # a gigabyte, beyond which a foreign file only costs memory
AT_ONCE = 2
_slots = threading.BoundedSemaphore(AT_ONCE)  # a hash takes 128 MB


@dataclass(frozen=True)
class Cost:
    """scrypt's parameters; memory is 128 * 2^log_n * r bytes. The default is what OWASP's Password Storage Cheat Sheet says."""

    log_n: int = 17
    r: int = 8
    p: int = 1


COST = Cost()


def checked_password(password: str, name: str) -> str:
    """The password of user `name`. Raises AccountsError for one that is too short, too long, or the name."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise AccountsError(f"the password has {len(password)} characters; use {SHORTEST} to {LONGEST:,}.")
    if password.strip().casefold() == name.casefold():
        raise AccountsError("the password is the name. Choose another.")
    return password


def hashed(password: str, cost: Cost = COST) -> str:
    """The password's hash under a new salt, with what it takes to check it."""
    salt = os.urandom(SALT_BYTES)
    parts = ["scrypt", str(cost.log_n), str(cost.r), str(cost.p), _text(salt), _text(_scrypt(password, salt, cost))]
    return "$".join(parts)


def matches(password: str, stored: str) -> bool:
    """Whether `stored` is the hash of the password; compared in constant time. Raises ValueError where it is no hash."""
    cost, salt, kept = _parts(stored)
    return hmac.compare_digest(_scrypt(password, salt, cost), kept)


def is_hash(stored: str) -> bool:
    """Whether `stored` has the form that `hashed` gives."""
    try:
        _parts(stored)
    except ValueError:
        return False
    return True


def unknown() -> str:
    """A hash that no password has, so that who is unknown takes as long as who is known."""
    parts = ["scrypt", str(COST.log_n), str(COST.r), str(COST.p), _text(os.urandom(SALT_BYTES)), _text(os.urandom(HASH_BYTES))]
    return "$".join(parts)


def outdated(stored: str, cost: Cost = COST) -> bool:
    """Whether `stored` was made at another cost than is due now."""
    return _parts(stored)[0] != cost


def _parts(stored: str) -> tuple[Cost, bytes, bytes]:
    kind, log_n, r, p, salt, kept = stored.split("$")
    cost = Cost(int(log_n), int(r), int(p))
    if kind != "scrypt" or not (1 <= cost.log_n <= MOST_LOG_N and 1 <= cost.r <= 16 and 1 <= cost.p <= 16):
        raise ValueError("no scrypt hash of a sensible cost")
    salt_bytes, kept_bytes = (base64.b64decode(part, validate=True) for part in (salt, kept))
    if len(kept_bytes) != HASH_BYTES or not salt_bytes:
        raise ValueError("no scrypt hash")
    return cost, salt_bytes, kept_bytes


def _scrypt(password: str, salt: bytes, cost: Cost) -> bytes:
    # One password, however a keyboard composes its accents.
    typed = unicodedata.normalize("NFKC", password[: LONGEST + 1]).encode("utf-8", "surrogatepass")
    n = 2**cost.log_n
    with _slots:
        return hashlib.scrypt(
            typed, salt=salt, n=n, r=cost.r, p=cost.p, maxmem=128 * cost.r * (n + cost.p + 2) + 2**20, dklen=HASH_BYTES
        )


def _text(value: bytes) -> str:
    return base64.b64encode(value).decode()
