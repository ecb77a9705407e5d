"""A request as it was sent, as a command that sends it again."""

import re
import shlex

from kata.network.exchange import Exchange

_SHOWN_BYTES = 300
_LINE = re.compile(r"(\S+) (/\S*) HTTP/1\.([01])")


def as_command(exchange: Exchange) -> str | None:
    """Return the request for curl with all its fields, or its bytes where curl would not send such.

    A long body is cut, and a comment says so. None if nobody kept what was sent.
    """
    if not exchange.sent_bytes:
        return None
    head, _, body = exchange.sent_bytes.partition(b"\r\n\r\n")
    line, *fields = head.decode("latin-1").split("\r\n")
    parts = _LINE.fullmatch(line)
    if parts is None or not all(": " in field for field in fields):
        return f"{exchange.sent_bytes[:_SHOWN_BYTES]!r}, by hand"
    method, path, version = parts.groups()
    command = ["curl", "--path-as-is", "-I" if method == "HEAD" else "-i"]
    if method not in {"GET", "HEAD"} or body:
        command += ["-X", method]
    if version == "0":
        command.append("--http1.0")
    names = {field.partition(":")[0].lower() for field in fields}
    # What curl would add by itself.
    for name in ("Host", "User-Agent", "Accept"):
        if name.lower() not in names:
            command += ["-H", f"{name}:"]
    is_cut = len(body) > _SHOWN_BYTES
    for field in fields:
        # With its true length curl would wait for an answer that waits for the rest.
        if not (is_cut and field.lower().startswith("content-length:")):
            command += ["-H", field]
    words = shlex.join(command)
    if body:
        words += f" --data-binary {_quoted(body[:_SHOWN_BYTES])}"
    note = "  # and so on: the body is longer" if is_cut else ""
    return f"{words} {shlex.quote(exchange.base_url + path)}{note}"


def _quoted(body: bytes) -> str:
    """Quote bytes for bash; a NUL ends what it can pass on."""
    if body.isascii() and body.decode().isprintable():
        return shlex.quote(body.decode())
    escaped = "".join(
        char if char.isascii() and char.isprintable() and char not in "'\\" else f"\\x{ord(char):02x}"
        for char in body.decode("latin-1")
    )
    return f"$'{escaped}'"
