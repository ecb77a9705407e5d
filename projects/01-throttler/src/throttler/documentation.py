"""What the OpenAPI document says of every limited route: its header fields, and how it may refuse."""

from collections.abc import Mapping

from service_kit.flask_openapi import Info, Refusal
from service_kit.json_text import Json

INFO = Info(
    "Throttler",
    "1.0.0",
    "Each client address has a budget of its own on each limited route. A request that reaches one of these"
    " is counted, also when its input is then refused. All other routes cost nothing.",
)

FIELDS: Mapping[str, Json] = {
    "RateLimit-Policy": {
        "description": "The policies of this route: q is the quota, w the window in seconds.",
        "schema": {"type": "string"},
        "example": '"default";q=10;w=60',
    },
    "RateLimit": {
        "description": (
            "Where the client stands: r is what remains, t the seconds until there is more. On 429 only the"
            " violated policies. Missing for a client on the allow list, and while nobody can count."
        ),
        "schema": {"type": "string"},
        "example": '"default";r=7;t=42',
    },
}
RETRY_AFTER: Mapping[str, Json] = {
    "Retry-After": {
        "description": "Whole seconds after which the request is admitted, if nobody else spends the budget.",
        "schema": {"type": "integer", "minimum": 1},
    }
}

UNAVAILABLE = {503: Refusal("Redis is away and FAILURE_MODE is closed.", RETRY_AFTER)}
REFUSALS = {
    403: Refusal("The address is on the deny list."),
    429: Refusal("The budget is spent.", {**FIELDS, **RETRY_AFTER}),
    **UNAVAILABLE,
}
