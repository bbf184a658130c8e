"""Who asked, without saying who: a name made of a browser's or a key's identity and a secret of this home.

The same identity has the same name as long as the secret stays; without the secret nobody can tell from a name whose it is.
The identity itself is kept nowhere.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path

from index_store.errors import ActivityError

KEY_FILE = "pseudonym.key"
DIGITS = 8  # 32 bits: among 500 students two share a name in 3 of 100,000 courses
UNKNOWN = ""  # a browser that keeps no cookie


class Pseudonyms:
    """The names of one home. Makes its secret at the first one. Raises ActivityError where that cannot be read or kept."""

    def __init__(self, home: Path) -> None:
        self.file = home / KEY_FILE
        self._secret = b""

    def of_browser(self, cookie: str) -> str:
        """The name of who has this cookie; UNKNOWN where it is empty."""
        return self._name("browser", cookie)

    def of_key(self, name: str) -> str:
        """The name of who uses the API under the key called `name`."""
        return self._name("key", name)

    def cookie_secret(self) -> bytes:
        """What browsers' cookies are signed with; empty where no secret can be read or kept."""
        try:
            self._secret = self._secret or _secret(self.file)
        except ActivityError:  # told when the first question is to be kept
            return b""
        return hmac.new(self._secret, b"cookies", hashlib.sha256).digest()

    def _name(self, kind: str, identity: str) -> str:
        if not identity:
            return UNKNOWN
        self._secret = self._secret or _secret(self.file)
        digest = hmac.new(self._secret, f"{kind}:{identity}".encode(), hashlib.sha256).hexdigest()
        return f"student-{digest[:DIGITS]}"


def _secret(file: Path) -> bytes:
    try:
        if not file.exists():
            _make(file)
        text = file.read_text("ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a key"
        raise ActivityError(f"{file}: {reason}. Check free space and permissions.") from error
    if not re.fullmatch(r"[0-9a-f]{64}", text):
        raise ActivityError(f"{file}: not a key. Delete it; students then get new pseudonyms.")
    return bytes.fromhex(text)


def _make(file: Path) -> None:
    """A new secret, whole or not at all; where another process makes one too, the first stays."""
    file.parent.mkdir(parents=True, exist_ok=True)
    handle, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")  # 0600
    try:
        with os.fdopen(handle, "w", encoding="ascii") as stream:
            stream.write(secrets.token_hex(32) + "\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.link(temporary, file)
    except FileExistsError:
        pass
    finally:
        os.unlink(temporary)
