"""Steps of console.feature."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin, urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect, is_problem

from .saas import MISSING, OK, Home, Site

LOADED = re.compile(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"')
IMPORTED = re.compile(r'from\s+"([^"]+)"')
FIELD = re.compile(r'<input\b[^>]*\bid="([^"]+)"')
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son[a-z]+=|\sstyle=|javascript:", re.IGNORECASE)
WANTED = {"default-src": ["'none'"], "base-uri": ["'none'"], "frame-ancestors": ["'none'"]}
LET_IN = {"'none'", "'self'"}

scenarios("console.feature")


@dataclass(frozen=True)
class Console:
    """The page as nobody and as somebody get it, with all that it loads; and that of the origin of files."""

    page: Exchange
    own: Exchange
    loaded: dict[str, Exchange]
    elsewhere: list[str]
    at_files: list[Exchange]


@when("the console is looked at, with what it loads, by nobody and by somebody", target_fixture="console")
def the_console_is_looked_at(site: Site, home: Home) -> Console:
    nobody = site.service.client()
    page, own = nobody.get("/"), home.http.get("/")
    loaded: dict[str, Exchange] = {}
    elsewhere: list[str] = []
    waiting = [("/", path) for path in LOADED.findall(page.text)]
    while waiting:
        base, path = waiting.pop()
        full = urljoin(base, path)
        if urlsplit(full).netloc:
            elsewhere.append(full)
        elif full not in loaded:
            loaded[full] = nobody.get(full)
            waiting += [(full, each) for each in IMPORTED.findall(loaded[full].text)]
    files = site.service.client({"Host": urlsplit(site.settings["FILES_ORIGIN"]).netloc})
    return Console(page, own, loaded, elsewhere, [files.get(path) for path in ("/", *loaded)])


@then("it is a page with fields to sign in, and tells nobody of an organisation")
def it_is_a_page(console: Console, home: Home) -> None:
    kind = (console.page.header("content-type") or "none").partition(";")[0]
    got = f"{describe_answer(console.page)} {kind}"
    expect((console.page.status, kind) == (OK, "text/html"), expected="200 text/html from /", got=got)
    fields = set(FIELD.findall(console.page.text))
    expect(fields >= {"email", "password"}, expected="fields email and password", got=fields)
    expect(console.own.body == console.page.body, expected="one page for all", got=console.own.text[:200])
    for part in (console.page, console.own, *console.loaded.values()):
        told = [one for one in (home.id, home.person.id, home.person.email) if one in part.text]
        expect(not told, expected="nothing of somebody", got=told, answer=part)


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads(console: Console) -> None:
    expect(not console.elsewhere, expected="nothing from elsewhere", got=console.elsewhere)
    expect(bool(console.loaded), expected="a script of its own", got="none")
    for path, part in console.loaded.items():
        expect(part.status == OK, expected=f"200 from {path}", got=describe_answer(part))
    inline = INLINE.findall(console.page.text)
    expect(not inline, expected="no inline script or style", got=inline[:2])
    text = console.page.header("content-security-policy") or ""
    policy = {name: sources for name, *sources in (part.split() for part in text.split(";") if part.strip())}
    for name, sources in WANTED.items():
        expect(policy.get(name) == sources, expected=f"{name} {sources} in the policy", got=text)
    others = {source for sources in policy.values() for source in sources} - LET_IN
    expect(not others, expected="a policy of 'none' and 'self'", got=text)


@then("it is not at the origin of files")
def it_is_not_at_the_origin_of_files(console: Console) -> None:
    for answer in console.at_files:
        is_problem(answer, MISSING, "what is in a file is no part of the platform's pages")
