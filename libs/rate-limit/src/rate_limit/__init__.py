"""Rate limits: exact algorithms, several policies at once, one round trip. What is public is listed here."""

from typing import TYPE_CHECKING

from rate_limit._asgi import ASGIRateLimitMiddleware
from rate_limit._decision import NEVER, Decision, Standing
from rate_limit._errors import PolicyError, RateLimitError, StorageUnavailableError
from rate_limit._failover import FailureMode
from rate_limit._header_fields import (
    HeaderFields,
    rate_limit,
    rate_limit_policy,
    retry_after,
    violated_policies,
)
from rate_limit._limiter import AsyncLimiter, Limiter
from rate_limit._memory import MemoryStorage
from rate_limit._parse import parse_policies
from rate_limit._policy import Algorithm, Policy, PolicySet
from rate_limit._problem import Refusal, Response, problem
from rate_limit._request import RequestView
from rate_limit._rules import KeyOf, Rule, by_address
from rate_limit._storage import AsyncCounters, AsyncStorage, Counters, Storage
from rate_limit._wsgi import WSGIRateLimitMiddleware

if TYPE_CHECKING:
    from rate_limit._redis_storage import AsyncRedisStorage, RedisStorage

__all__ = [
    "NEVER",
    "ASGIRateLimitMiddleware",
    "Algorithm",
    "AsyncCounters",
    "AsyncLimiter",
    "AsyncRedisStorage",
    "AsyncStorage",
    "Counters",
    "Decision",
    "FailureMode",
    "HeaderFields",
    "KeyOf",
    "Limiter",
    "MemoryStorage",
    "Policy",
    "PolicyError",
    "PolicySet",
    "RateLimitError",
    "RedisStorage",
    "Refusal",
    "RequestView",
    "Response",
    "Rule",
    "Standing",
    "Storage",
    "StorageUnavailableError",
    "WSGIRateLimitMiddleware",
    "by_address",
    "parse_policies",
    "problem",
    "rate_limit",
    "rate_limit_policy",
    "retry_after",
    "violated_policies",
]


def __getattr__(name: str) -> object:
    """Import what needs the extra `redis` when it is asked for: without it, the rest works."""
    if name in {"AsyncRedisStorage", "RedisStorage"}:
        from rate_limit import _redis_storage  # noqa: PLC0415 - see above

        storage: object = getattr(_redis_storage, name)
        return storage
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
