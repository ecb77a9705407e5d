"""Which passwords are accepted, and how they are kept: NIST SP 800-63B-4 and argon2id."""

import unicodedata
from importlib.resources import files
from typing import Final

import argon2
import bcrypt

from sessions.errors import UnacceptablePasswordError

SHORTEST_EMAIL_PART: Final = 4
BCRYPT_BYTES: Final = 72
BCRYPT_PREFIXES: Final = ("$2a$", "$2b$", "$2y$")


def normalized(password: str) -> str:
    """Give each way of typing the same characters the same code points.

    NFC and not NFKC, which would make a full-width digit of an ASCII one: NIST SP 800-63B-4, section 3.1.1.2.
    Nothing else is changed: blanks count, case counts.
    """
    return unicodedata.normalize("NFC", password)


def common_passwords() -> frozenset[str]:
    """Read the list of those that everybody guesses first."""
    text = files("sessions").joinpath("common-passwords.txt").read_text()
    return frozenset(line for line in text.splitlines() if not line.startswith("#"))


class PasswordPolicy:
    """What a new password must be like. There are no rules of composition: they make passwords guessable."""

    def __init__(self, shortest: int, longest: int, common: frozenset[str]) -> None:
        """Take the bounds in code points after NFC."""
        self._shortest = shortest
        self._longest = longest
        self._common = common

    def check_length(self, password: str, field: str = "password") -> None:
        """Refuse what is too long to be hashed at all. Raises: UnacceptablePasswordError."""
        if len(normalized(password)) > self._longest:
            reason = f"It may have {self._longest} characters at most."
            raise UnacceptablePasswordError(field, "too_long", reason)

    def check(self, password: str, email: str, field: str = "password") -> None:
        """Refuse a password that is new to an account. Raises: UnacceptablePasswordError."""
        self.check_length(password, field)
        text = normalized(password)
        if len(text) < self._shortest:
            raise UnacceptablePasswordError(
                field, "too_short", f"It needs {self._shortest} characters at least."
            )
        if text.lower() in self._common:
            raise UnacceptablePasswordError(field, "common", "It is one of those that are guessed first.")
        local_part = email.partition("@")[0].lower()
        if len(local_part) >= SHORTEST_EMAIL_PART and local_part in text.lower():
            raise UnacceptablePasswordError(field, "contains_email", "It contains a part of the e-mail.")


class PasswordHasher:
    """Argon2id, with parameters that may be raised: who logs in is hashed anew.

    Each hash takes `memory_kib` and tens of milliseconds of a processor: call it in the hashing pool only.
    """

    def __init__(self, memory_kib: int, passes: int) -> None:
        self._argon2 = argon2.PasswordHasher(time_cost=passes, memory_cost=memory_kib, parallelism=1)
        self.dummy: Final = self.hash("")
        """A hash of nobody's password, so that an unknown account takes as long as a wrong password."""

    def hash(self, password: str) -> str:
        return self._argon2.hash(normalized(password))

    def verify(self, stored: str, password: str) -> bool:
        """Tell whether this is the password; hashes of bcrypt, from before, are read too."""
        text = normalized(password).encode()
        if stored.startswith(BCRYPT_PREFIXES):
            # It reads 72 bytes and no more: what was truncated then must be truncated now.
            return bcrypt.checkpw(text[:BCRYPT_BYTES], stored.encode())
        try:
            return self._argon2.verify(stored, text)
        except argon2.exceptions.VerifyMismatchError:
            return False

    def needs_rehash(self, stored: str) -> bool:
        """Tell whether it is of bcrypt, or of other parameters than today's."""
        return stored.startswith(BCRYPT_PREFIXES) or self._argon2.check_needs_rehash(stored)
