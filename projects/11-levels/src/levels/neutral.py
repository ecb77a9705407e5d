"""What strangers say, made fit to be kept and shown: as text, without secrets, and no more of it than fits.

A report holds what a solution has answered, and the output is the solution's own. Neither may move a
terminal's cursor, pass for something else on a page, or carry a token to whoever reads the report.
"""

import re
from typing import Final

from levels.domain import Text

ESCAPES: Final = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]"  # CSI, of which colours are one
    r"|\x1b[\]PX^_][^\n\x07\x1b]*(?:\x07|\x1b\\)?"  # a string: the title of a window, the target of a link
    r"|\x1b[ -/]*[0-~]"
)
# C0 and C1 but for tab and line break, DEL, and what turns the direction of text.
CONTROLS: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
LINE_BREAKS: Final = re.compile(r"\r\n?|\u2028|\u2029|\x85")
SECRETS: Final = (
    re.compile(r"(?P<kept>\b(?:bearer|basic)\s+)[A-Za-z0-9._~+/=-]{6,}", re.IGNORECASE),
    re.compile(r"(?P<kept>\b[a-z][a-z0-9+.-]*://[^\s/:@]*:)[^\s/@]+(?=@)", re.IGNORECASE),
    re.compile(
        r"""(?P<kept>\b\w*(?:token|secret|password|passwd|api_?key)["']?\s*[=:]\s*["']?)[^\s"',;&]{3,}""",
        re.IGNORECASE,
    ),
)
REDACTED: Final = r"\g<kept>[redacted]"


def neutral(text: str) -> str:
    """Return the text without what is none, and without what looks like a secret."""
    text = text.encode("utf-8", "replace").decode()  # JSON can hold half a surrogate pair
    text = LINE_BREAKS.sub("\n", ESCAPES.sub("", text))
    text = CONTROLS.sub("", text)
    for secret in SECRETS:
        text = secret.sub(REDACTED, text)
    return text


def beginning(text: str, limit_bytes: int) -> str:
    """Return as many whole characters as there are in so many bytes of UTF-8."""
    return text.encode()[:limit_bytes].decode(errors="ignore")


def capped(text: str, limit_bytes: int) -> Text:
    """Return the beginning of what is left when a text is neutral; `bytes_total` is what there was."""
    shown = neutral(text)
    kept = beginning(shown, limit_bytes)
    return Text(kept, truncated=kept != shown, bytes_total=len(text.encode(errors="replace")))
