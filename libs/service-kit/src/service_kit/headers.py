"""The headers that every response carries unless the service says otherwise."""

from collections.abc import Container

# Right for JSON, which a browser has no business to render. An HTML page sets a policy of its own.
CONTENT_SECURITY_POLICY = "default-src 'none'; frame-ancestors 'none'"

DEFAULTS = (
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("content-security-policy", CONTENT_SECURITY_POLICY),
    ("cache-control", "no-store"),
    # Without one, granian writes its own name, and so tells an attacker what to look up.
    ("server", "service"),
)


def missing_from(names: Container[str]) -> list[tuple[str, str]]:
    """Return the defaults that a response with these header names, in lower case, still lacks."""
    return [header for header in DEFAULTS if header[0] not in names]
