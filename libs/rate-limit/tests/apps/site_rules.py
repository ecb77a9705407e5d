"""What the applications of both kinds limit."""

from collections.abc import Callable

from rate_limit import Policy, RequestView, Rule, by_address

HOUR = 3_600

type MakeLimiter[L] = Callable[[*tuple[Policy, ...]], L]


def unless_staff(request: RequestView) -> str | None:
    return None if request.header("x-staff") else "everybody"


def rules[L](shared: MakeLimiter[L], closed: MakeLimiter[L]) -> list[Rule[L]]:
    visitors = by_address(trusted_hops=1)
    return [
        Rule(shared(Policy(1, HOUR, "deep")), by_address(), paths=["/limited/really/*"]),
        Rule(shared(Policy(1, HOUR, "proxied")), visitors, paths=["/limited/proxied"]),
        Rule(shared(Policy(5, HOUR, "accent")), by_address(), paths=["/limited/é"]),
        Rule(shared(Policy(3, HOUR, "a"), Policy(100, HOUR, "b")), by_address(), paths=["/limited*"]),
        Rule(shared(Policy(5, HOUR, "costly")), unless_staff, paths=["/costly"], methods=["POST"], cost=2),
        Rule(closed(Policy(5, HOUR)), by_address(), paths=["/closed"]),
    ]


def partitioned[L](shared: MakeLimiter[L]) -> Rule[L]:
    return Rule(shared(Policy(9, HOUR, "p")), by_address(trusted_hops=1), paths=["/partitioned/*"])
