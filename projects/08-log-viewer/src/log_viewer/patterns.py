"""Patterns that take linear time whatever they and the text are: RE2."""

from typing import Protocol, cast

import re2  # type: ignore[import-untyped]  # it has no annotations

from log_viewer.errors import InvalidQueryError


class Pattern(Protocol):
    """A compiled pattern."""

    def search(self, text: str) -> object | None:
        """Find a match anywhere."""
        ...


def compile_pattern(text: str) -> Pattern:
    """Compile a pattern. Raises: InvalidQueryError, for what RE2 does not know, such as lookaround."""
    options = re2.Options()
    options.log_errors = False  # else it writes to stderr by itself
    try:
        return cast("Pattern", re2.compile(text, options))
    except re2.error as error:
        reason = error.args[0]
        message = reason.decode(errors="replace") if isinstance(reason, bytes) else str(reason)
        raise InvalidQueryError("pattern", "invalid_pattern", f"RE2 refuses it: {message}") from error
