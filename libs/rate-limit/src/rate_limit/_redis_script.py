"""A decision as Redis sees it: one script, its keys and arguments, and what its reply means.

Commands are packed here, with all that never changes packed once: redis-py packs a command anew each time.
"""

import hashlib
import re
from importlib import resources
from itertools import batched

from rate_limit._decision import Decision, Standing
from rate_limit._errors import PolicyError, StorageUnavailableError
from rate_limit._policy import Algorithm, PolicySet
from redis_wire import command, packed

KEY_TEMPLATE = "{{rate:{key}}}:{policy}:{algorithm}"
"""What stands in braces decides on a Cluster's slot: all keys of one decision share it, so that a script may
touch them. It begins with `rate:`, because Redis ignores empty braces."""

NUMBERS = 3
"""Of the reply, for each policy."""


def script_text(algorithm: Algorithm) -> str:
    folder = resources.files("rate_limit") / "lua"
    names = (f"{algorithm.replace('-', '_')}.lua", "decide.lua")
    return "\n".join((folder / name).read_text(encoding="utf-8") for name in names)


class Script:
    """The script of one set of policies.

    Raises: PolicyError for a template that would give two policies the same key.
    """

    def __init__(self, policies: PolicySet, key_template: str = KEY_TEMPLATE) -> None:
        self.text = script_text(policies.algorithm)
        self.sha = hashlib.sha1(self.text.encode(), usedforsecurity=False).hexdigest()
        self._ends = [_around_key(key_template, policies, policy.name) for policy in policies.policies]
        if len(set(self._ends)) < len(self._ends):
            raise PolicyError(f"{{policy}} is missing in the template {key_template!r}")
        numbers = [number for policy in policies.policies for number in (policy.limit, policy.window_us)]
        self._numbers = [b"%d" % number for number in numbers]
        count = b"%d" % len(self._ends)
        head = b"*%d\r\n" % (5 + 3 * len(self._ends))
        self._evalsha = head + packed(b"EVALSHA", self.sha.encode(), count)
        self._eval = head + packed(b"EVAL", self.text.encode(), count)
        self._tails = {charge: packed(b"%d" % charge, *self._numbers) for charge in (False, True)}

    def keys(self, key: str) -> list[bytes]:
        """Name the keys in Redis, one for each policy."""
        # Servers hand bytes that are no UTF-8 over as lone surrogates: they stay what they are.
        middle = key.encode("utf-8", "surrogatepass")
        return [start + middle + end for start, end in self._ends]

    def arguments(self, cost: int, *, charge: bool) -> list[bytes]:
        return [b"%d" % cost, b"%d" % charge, *self._numbers]

    def evalsha(self, key: str, cost: int, *, charge: bool) -> bytes:
        """Pack the decision, for a Redis that has the script."""
        return self._evalsha + self._rest(key, cost, charge=charge)

    def eval(self, key: str, cost: int, *, charge: bool) -> bytes:
        """Pack the decision together with the script, which Redis keeps for the next."""
        return self._eval + self._rest(key, cost, charge=charge)

    def _rest(self, key: str, cost: int, *, charge: bool) -> bytes:
        digits = b"%d" % cost
        return b"%b$%d\r\n%b\r\n%b" % (packed(*self.keys(key)), len(digits), digits, self._tails[charge])

    def decision(self, reply: object) -> Decision:
        """Read the script's reply.

        Raises: StorageUnavailableError if it is none.
        """
        if type(reply) is list:
            if len(reply) == NUMBERS:
                return Decision(reply[2] == 0, (Standing(*reply),))
            if len(reply) == NUMBERS * len(self._ends):
                standings = tuple(Standing(*numbers) for numbers in batched(reply, NUMBERS, strict=True))
                return Decision(not any(standing.retry_us for standing in standings), standings)
        raise StorageUnavailableError(f"Redis answered {reply!r}")


def scan(cursor: bytes, pattern: bytes) -> bytes:
    return command(b"SCAN", cursor, b"MATCH", pattern, b"COUNT", b"1000")


def scan_page(reply: object) -> tuple[bytes, list[bytes]]:
    """Return the next cursor and the keys of this page.

    Raises: StorageUnavailableError if the reply is none.
    """
    match reply:
        case [bytes(cursor), list(keys)]:
            return cursor, keys
    raise StorageUnavailableError(f"Redis answered {reply!r}")


def pattern_of_all(template: str) -> bytes:
    """Return what matches every key of this template.

    Raises: PolicyError if that might match keys of others.
    """
    start = template.partition("{key}")[0].replace("{{", "{")
    if not start:
        raise PolicyError(f"keys of the template {template!r} cannot be told from others")
    return re.sub(r"([\\*?\[\]])", r"\\\1", start).encode() + b"*"


def _around_key(template: str, policies: PolicySet, name: str) -> tuple[bytes, bytes]:
    """Return what the template puts before and behind the key."""
    mark = "\0"
    try:
        filled = template.format(key=mark, policy=name, algorithm=policies.algorithm.value)
        start, end = filled.split(mark)
    except (KeyError, IndexError, ValueError) as exc:
        raise PolicyError(f"a template of keys has {{key}} once, unlike {template!r}") from exc
    return start.encode(), end.encode()
