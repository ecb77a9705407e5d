"""A page as a browser gets it: HTML, all that it loads, and a policy that lets nothing else in."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final
from urllib.parse import urljoin, urlsplit

from kata.judge.expectations import describe_answer, expect
from kata.network.client import Client
from kata.network.exchange import Exchange

_LOADED: Final = re.compile(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"')
_IMPORTED: Final = re.compile(r'\bfrom\s+"([^"]+)"')
_FIELD: Final = re.compile(r'<(?:input|textarea|select)\b[^>]*?\b(?:id|name)="([^"]+)"[^>]*>')
_NAME: Final = re.compile(r'\b(?:id|name)="([^"]+)"')
_INLINE: Final = re.compile(
    r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son[a-z]+=|\sstyle=|javascript:", re.IGNORECASE
)


@dataclass(frozen=True)
class WebPage:
    """A page, what it loads from its own service by path, and what it would load from elsewhere."""

    answer: Exchange
    loaded: Mapping[str, Exchange]
    elsewhere: Sequence[str]

    @property
    def parts(self) -> list[Exchange]:
        return [self.answer, *self.loaded.values()]

    @property
    def fields(self) -> set[str]:
        """The ids and names of its fields."""
        fields = _FIELD.finditer(self.answer.text)
        return {name for field in fields for name in _NAME.findall(field[0])}


def look_at(client: Client, path: str = "/") -> WebPage:
    """Get a page with all that it loads, and what its scripts import.

    Raises: CheckFailedError, where it is no HTML.
    """
    answer = client.get(path)
    kind = (answer.header("content-type") or "none").partition(";")[0]
    expect(
        (answer.status, kind) == (HTTPStatus.OK, "text/html"),
        expected=f"200 text/html from {path}",
        got=f"{describe_answer(answer)} {kind}",
        answer=answer,
    )
    loaded: dict[str, Exchange] = {}
    elsewhere: list[str] = []
    waiting = [(path, found) for found in _LOADED.findall(answer.text)]
    while waiting:
        base, found = waiting.pop()
        full = urljoin(base, found)
        if urlsplit(full).netloc or urlsplit(full).scheme:
            elsewhere.append(found)
        elif full not in loaded:
            loaded[full] = client.get(full)
            waiting += [(full, each) for each in _IMPORTED.findall(loaded[full].text)]
    return WebPage(answer, loaded, elsewhere)


def expect_nothing_from_elsewhere(page: WebPage) -> None:
    """Demand that all it loads is there, of this service, and that its policy lets nothing else in.

    Raises: CheckFailedError.
    """
    expect(not page.elsewhere, expected="nothing from elsewhere", got=page.elsewhere)
    expect(bool(page.loaded), expected="a script of its own", got="none")
    for path, part in page.loaded.items():
        expect(part.status == HTTPStatus.OK, expected=f"200 from {path}", got=describe_answer(part))
    inline = _INLINE.findall(page.answer.text)
    expect(not inline, expected="no inline script or style", got=inline[:2])
    policy = page.answer.header("content-security-policy") or ""
    right = "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    expect(right, expected="default-src 'none', and nothing unsafe or from elsewhere", got=policy or "none")


def expect_nothing_told(page: WebPage, secrets: Iterable[str]) -> None:
    """Demand that neither the page nor what it loads holds any of these. Raises: CheckFailedError."""
    secrets = list(secrets)
    for part in page.parts:
        told = [secret for secret in secrets if secret in part.text]
        expect(not told, expected="nothing of what only the API tells", got=told, answer=part)
