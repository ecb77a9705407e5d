"""What a file is, by its bytes alone: a name and a header say what somebody wants to be believed.

Whatever is text is plain text, HTML and SVG, too: it is shown and never run. What is none of these is not
taken. Source: WHATWG, MIME Sniffing, section 6.
"""

import codecs
import re
from typing import Final

HEAD_BYTES: Final = 16
SIGNATURES: Final = (
    (re.compile(rb"\x89PNG\r\n\x1a\n", re.DOTALL), "image/png"),
    (re.compile(rb"\xff\xd8\xff", re.DOTALL), "image/jpeg"),
    (re.compile(rb"GIF8[79]a", re.DOTALL), "image/gif"),
    (re.compile(rb"RIFF....WEBPVP", re.DOTALL), "image/webp"),
    (re.compile(rb"%PDF-", re.DOTALL), "application/pdf"),
    (re.compile(rb"PK\x03\x04", re.DOTALL), "application/zip"),
)
TEXT: Final = "text/plain; charset=utf-8"
BINARY: Final = re.compile(r"[\x00-\x08\x0b\x0e-\x1a\x1c-\x1f]")
"""The characters that no text has. Source: the same, section 3."""


class Sniffer:
    """Looks at the bytes as they pass by."""

    def __init__(self) -> None:
        self._head = b""
        self._decode = codecs.getincrementaldecoder("utf-8")()
        self._is_text = True

    def feed(self, chunk: bytes) -> None:
        if len(self._head) < HEAD_BYTES:
            self._head += chunk[: HEAD_BYTES - len(self._head)]
        if self._is_text:
            self._is_text = self._reads_as_text(chunk, is_last=False)

    def type(self) -> str | None:
        """Say what it is, when all has passed by; None for what is not taken."""
        for pattern, media_type in SIGNATURES:
            if pattern.match(self._head):
                return media_type
        return TEXT if self._is_text and self._reads_as_text(b"", is_last=True) else None

    def _reads_as_text(self, chunk: bytes, *, is_last: bool) -> bool:
        try:
            return BINARY.search(self._decode.decode(chunk, is_last)) is None
        except UnicodeDecodeError:
            return False
