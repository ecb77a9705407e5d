"""The header fields that tell a client its policies, what is left of them and when to come back.

Source: draft-ietf-httpapi-ratelimit-headers; RFC 9651 (structured fields); RFC 9110, 10.2.3 (Retry-After).
"""

from throttler.limiter import MICROSECONDS, Budget, Decision

QUOTA_EXCEEDED = "https://iana.org/assignments/http-problem-types#quota-exceeded"


def rate_limit_policy(budget: Budget) -> str:
    """`"default";q=10;w=60`: what never changes."""
    return ", ".join(
        f'"{policy.name}";q={policy.limit};w={policy.window_seconds}' for policy in budget.policies
    )


def rate_limit(budget: Budget, decision: Decision) -> str:
    """`"default";r=7;t=42`: what is left, and the seconds until there is more.

    A rejection names the violated policies only. The draft asks that Retry-After is not earlier than any `t`
    beside it, and the `t` of a policy that has room left may be later. A full quota has no `t`.
    """
    return ", ".join(
        f'"{policy.name}";r={standing.remaining};t={whole_seconds(standing.reset_us)}'
        if standing.reset_us
        else f'"{policy.name}";r={standing.remaining}'
        for policy, standing in zip(budget.policies, decision.standings, strict=True)
        if decision.admitted or standing.retry_us
    )


def retry_after_seconds(decision: Decision) -> int:
    """Return the whole seconds after which the same request is admitted, if nobody else spends the budget."""
    return max(1, *(whole_seconds(standing.retry_us) for standing in decision.standings))


def violated_policies(budget: Budget, decision: Decision) -> list[str]:
    """Name the policies that had no room for the request."""
    return [
        policy.name
        for policy, standing in zip(budget.policies, decision.standings, strict=True)
        if standing.retry_us
    ]


def whole_seconds(microseconds: int) -> int:
    """Round up: a client that waits this long has waited long enough, by less than a second too much."""
    return -(-microseconds // MICROSECONDS)
