"""Steps of extensions.feature: the page."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect

from .viewer import OK, Viewer

LOADED = re.compile(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"')
IMPORTED = re.compile(r'\bfrom\s+"([^"]+)"')
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son[a-z]+=|\sstyle=", re.IGNORECASE)

scenarios("extensions.feature")


@dataclass(frozen=True)
class Page:
    """The page, and all that it loads from its own service, by the path that is written there."""

    answer: Exchange
    loaded: dict[str, Exchange]
    elsewhere: list[str]


@when("a log is written, and the page is looked at with what it loads", target_fixture="page")
def the_page_is_looked_at(viewer: Viewer) -> Page:
    viewer.write(viewer.new_name(), [viewer.draw.word().encode()])
    answer = viewer.client.get("/")
    loaded: dict[str, Exchange] = {}
    elsewhere: list[str] = []
    waiting = [("/", path) for path in LOADED.findall(answer.text)]
    while waiting:
        base, path = waiting.pop()
        full = urljoin(base, path)
        if not full.startswith("/") or full.startswith("//"):
            elsewhere.append(path)
        elif full not in loaded:
            loaded[full] = viewer.client.get(full)
            waiting += [(full, found) for found in IMPORTED.findall(loaded[full].text)]
    return Page(answer, loaded, elsewhere)


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads_is_there(page: Page) -> None:
    kind = (page.answer.header("content-type") or "none").partition(";")[0]
    got = f"{describe_answer(page.answer)} {kind}"
    expect((page.answer.status, kind) == (OK, "text/html"), expected="200 text/html from /", got=got)
    expect(not page.elsewhere, expected="nothing from elsewhere", got=page.elsewhere)
    expect(bool(page.loaded), expected="a script of its own", got="none")
    for path, part in page.loaded.items():
        expect(part.status == OK, expected=f"200 from {path}", got=describe_answer(part))
    inline = INLINE.findall(page.answer.text)
    expect(not inline, expected="no inline script or style", got=inline[:2])
    policy = page.answer.header("content-security-policy") or ""
    right = "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    expect(right, expected="default-src 'none', and nothing unsafe or from elsewhere", got=policy or "none")
