"""Which new passwords are accepted."""

from collections.abc import Collection, Iterable
from typing import Final

from auth._errors import PasswordRefusedError, SettingError
from auth._passwords import normalized

LEAST_MAXIMUM: Final = 64
SHORTEST_WORD: Final = 4
"""An e-mail address of three letters forbids no password that happens to contain them."""
DECOMPOSITION: Final = 4
"""No code point of NFC was made of more, so that what is far too long is told without normalizing it."""


class PasswordPolicy:
    """Bounds in code points after NFC, and a list. Rules of composition make passwords guessable: none here.

    Source: NIST SP 800-63B-4, section 3.1.1.2: 15 where the password is the only factor, 64 must be accepted.
    """

    def __init__(self, minimum: int = 15, maximum: int = 256, common: Iterable[str] = ()) -> None:
        if minimum < 1 or maximum < max(minimum, LEAST_MAXIMUM):
            raise SettingError(f"a minimum from 1, a maximum from {LEAST_MAXIMUM}, and not below the minimum")
        self._minimum = minimum
        self._maximum = maximum
        self._common = frozenset(normalized(password).casefold() for password in common)

    def check_length(self, password: str) -> None:
        """Refuse what is too long, at a login too: it would be hashed for nothing.

        Raises: PasswordRefusedError.
        """
        if len(password) > DECOMPOSITION * self._maximum or len(normalized(password)) > self._maximum:
            raise PasswordRefusedError("too_long", f"It may have {self._maximum} characters at most.")

    def check(self, password: str, forbidden_words: Collection[str] = ()) -> None:
        """Refuse a new password; the words are the account's and the service's own names.

        Raises: PasswordRefusedError.
        """
        self.check_length(password)
        text = normalized(password)
        if len(text) < self._minimum:
            raise PasswordRefusedError("too_short", f"It needs {self._minimum} characters at least.")
        folded = text.casefold()
        if folded in self._common:
            raise PasswordRefusedError("common", "It is one of those that are guessed first.")
        words = [normalized(word).casefold() for word in forbidden_words]
        if any(word in folded for word in words if len(word) >= SHORTEST_WORD):
            raise PasswordRefusedError("contains_word", "It contains a name of yours or of this service.")
