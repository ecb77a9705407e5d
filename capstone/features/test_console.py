"""Steps of console.feature."""

from dataclasses import dataclass
from urllib.parse import urlsplit

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Exchange,
    WebPage,
    expect,
    expect_nothing_from_elsewhere,
    expect_nothing_told,
    is_problem,
    look_at,
)

from .saas import MISSING, Home, Site

WANTED = {"default-src": ["'none'"], "base-uri": ["'none'"], "frame-ancestors": ["'none'"]}
LET_IN = {"'none'", "'self'"}

scenarios("console.feature")


@dataclass(frozen=True)
class Console:
    """The page as nobody and as somebody get it, with all that it loads; and that of the origin of files."""

    page: WebPage
    own: Exchange
    at_files: list[Exchange]


@when("the console is looked at, with what it loads, by nobody and by somebody", target_fixture="console")
def the_console_is_looked_at(site: Site, home: Home) -> Console:
    page = look_at(site.service.client())
    files = site.service.client({"Host": urlsplit(site.settings["FILES_ORIGIN"]).netloc})
    return Console(page, home.http.get("/"), [files.get(path) for path in ("/", *page.loaded)])


@then("it is a page with fields to sign in, and tells nobody of an organisation")
def it_is_a_page(console: Console, home: Home) -> None:
    fields = console.page.fields
    expect(fields >= {"email", "password"}, expected="fields email and password", got=fields)
    one = console.own.body == console.page.answer.body
    expect(one, expected="one page for all", got=console.own.text[:200])
    expect_nothing_told(console.page, [home.id, home.person.id, home.person.email])


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads(console: Console) -> None:
    expect_nothing_from_elsewhere(console.page)
    text = console.page.answer.header("content-security-policy") or ""
    policy = {name: sources for name, *sources in (part.split() for part in text.split(";") if part.strip())}
    for name, sources in WANTED.items():
        expect(policy.get(name) == sources, expected=f"{name} {sources} in the policy", got=text)
    others = {source for sources in policy.values() for source in sources} - LET_IN
    expect(not others, expected="a policy of 'none' and 'self'", got=text)


@then("it is not at the origin of files")
def it_is_not_at_the_origin_of_files(console: Console) -> None:
    for answer in console.at_files:
        is_problem(answer, MISSING, "what is in a file is no part of the platform's pages")
