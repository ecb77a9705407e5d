"""The header fields that tell a client its policies, what is left of them and when to come back.

Source: draft-ietf-httpapi-ratelimit-headers; RFC 9651 (structured fields); RFC 9110, 10.2.3 (Retry-After).
"""

import hashlib
from base64 import b64encode

from rate_limit._decision import NEVER, Decision
from rate_limit._policy import MICROSECONDS, PolicySet

PARTITION_KEY_BYTES = 9
"""Of the key's SHA-256: 12 characters, and no two keys of one client that are the same by chance."""


def partition_key(key: str) -> str:
    """Return `pk` for a key: a digest, so that no address or token leaves the server."""
    digest = hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()[:PARTITION_KEY_BYTES]
    return f";pk=:{b64encode(digest).decode()}:"


def rate_limit_policy(policies: PolicySet, partition: str = "") -> str:
    """`"default";q=10;w=60`: what never changes."""
    return ", ".join(
        f'"{policy.name}";q={policy.limit};w={policy.window_seconds}{partition}'
        for policy in policies.policies
    )


def rate_limit(policies: PolicySet, decision: Decision, partition: str = "") -> str:
    """`"default";r=7;t=42`: what is left, and the seconds until there is more.

    A refusal names the violated policies only: Retry-After should not point to before a `t` beside it (the
    draft), and that of a policy with room left may reach further. Without `t`: the quota is full.
    """
    items = []
    for policy, standing in zip(policies.policies, decision.standings, strict=True):
        if decision.admitted or standing.retry_us:
            until = f";t={_whole_seconds(standing.reset_us)}" if standing.reset_us else ""
            items.append(f'"{policy.name}";r={standing.remaining}{until}{partition}')
    return ", ".join(items)


def retry_after(decision: Decision) -> int | None:
    """Return whole seconds, at least 1, for Retry-After; None where waiting does not help."""
    waits = [standing.retry_us for standing in decision.standings]
    return None if NEVER in waits else max(1, *map(_whole_seconds, waits))


def violated_policies(policies: PolicySet, decision: Decision) -> list[str]:
    """Name the policies that had no room for the request."""
    return [
        policy.name
        for policy, standing in zip(policies.policies, decision.standings, strict=True)
        if standing.retry_us
    ]


def _whole_seconds(microseconds: int) -> int:
    """Round up: a client that waits this long has waited long enough, by less than a second too much."""
    return -(-microseconds // MICROSECONDS)


class HeaderFields:
    """The fields of one set of policies; what never changes is written once."""

    def __init__(self, policies: PolicySet, *, partition_keys: bool) -> None:
        self._policies = policies
        self._partition_keys = partition_keys
        self._policy_field = rate_limit_policy(policies)

    def of(self, key: str, decision: Decision) -> list[tuple[str, str]]:
        """Return RateLimit-Policy and RateLimit; nothing where nobody knows what is left."""
        if not decision.standings:
            return []
        if not self._partition_keys:
            return [
                ("ratelimit-policy", self._policy_field),
                ("ratelimit", rate_limit(self._policies, decision)),
            ]
        partition = partition_key(key)
        return [
            ("ratelimit-policy", rate_limit_policy(self._policies, partition)),
            ("ratelimit", rate_limit(self._policies, decision, partition)),
        ]
