"""A request as it was sent, as a command that sends it again."""

import re
import shlex

from kata.network.exchange import Exchange

_SHOWN_BYTES = 300
_LINE = re.compile(r"(\S+) (/\S*) HTTP/1\.([01])")


def as_command(exchange: Exchange) -> str | None:
    """Return the request for curl with all its fields, or its bytes where curl would not send such.

    None if nobody kept what was sent.
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
    for field in fields:
        command += ["-H", field]
    if body:
        command += ["--data-binary", body[:_SHOWN_BYTES].decode("latin-1")]
    return shlex.join([*command, exchange.base_url + path])
