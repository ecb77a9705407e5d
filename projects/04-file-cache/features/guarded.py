"""A cache that wants tokens, and who shows one."""

from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass

from kata.steps import Draw, Exchange, describe_answer, expect

from .store import Store, field

UNKNOWN = 401
ALPHABET = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~+/"
KINDS = ("READ_TOKENS", "WRITE_TOKENS", "UNTRUSTED_TOKENS")
READ, WRITE, UNTRUSTED = KINDS


def token_of(draw: Draw) -> str:
    """Draw a token, of the shortest and the longest kind more often than by chance."""
    length = draw.choice((16, 256, draw.integer(17, 255)))
    tail = draw.choice(("", "=", "=="))
    return draw.text(length - len(tail), ALPHABET) + tail


def shown(draw: Draw, token: str) -> Mapping[str, str]:
    """Draw a way to show a token that has to be known."""
    user = draw.choice(("", draw.word(), f"{draw.word()}@é"))
    basic = b64encode(f"{user}:{token}".encode()).decode()
    scheme = draw.choice(("Bearer", "bearer", "BEARER", "Basic", "basic"))
    return {"Authorization": f"{scheme} {basic if scheme.lower() == 'basic' else token}"}


@dataclass(frozen=True)
class Guarded:
    """A cache, and the tokens of each kind."""

    store: Store
    tokens: Mapping[str, list[str]]

    def as_a(self, kind: str) -> Mapping[str, str]:
        """Show one of the tokens of a kind, in one of the ways."""
        return shown(self.store.draw, self.store.draw.choice(self.tokens[kind]))


def is_unknown(what: str, answer: Exchange) -> None:
    sent = answer.sent_bytes.decode("latin-1").lower().partition("authorization:")[2].partition("\r")[0]
    expect(
        answer.status == UNKNOWN,
        expected=f"401 for {what} with Authorization:{sent or ' none'}",
        got=describe_answer(answer),
        answer=answer,
    )
    challenge = field(answer, "www-authenticate")
    has_both = "Bearer" in challenge and "Basic" in challenge
    expect(has_both, expected="WWW-Authenticate with Bearer and Basic", got=challenge, answer=answer)
