"""Steps of extensions.feature: the page."""

import re

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect

from .api import OK, Api

LOADED = re.compile(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"')
FIELD = re.compile(r"<(?:textarea|input)\b[^>]*>")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son[a-z]+=|\sstyle=", re.IGNORECASE)

scenarios("extensions.feature")


@when("the page is looked at, and what it loads", target_fixture="page")
def the_page_is_looked_at(api: Api) -> tuple[Exchange, dict[str, Exchange]]:
    page = api.client.get("/")
    paths = [path for path in LOADED.findall(page.text) if path.startswith("/") and not path.startswith("//")]
    return page, {path: api.client.get(path) for path in paths}


@then("it is HTML with a field for a schema and one for data")
def it_is_html_with_two_fields(page: tuple[Exchange, dict[str, Exchange]]) -> None:
    answer, _ = page
    kind = (answer.header("content-type") or "none").partition(";")[0]
    got = (answer.status, kind)
    expect(got == (OK, "text/html"), expected="200 text/html from /", got=f"{describe_answer(answer)} {kind}")
    fields = " ".join(FIELD.findall(answer.text))
    for name in ("schema", "data"):
        named = f'id="{name}"' in fields or f'name="{name}"' in fields
        expect(named, expected=f"a field with the id or the name {name}", got=fields)


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads_is_there(page: tuple[Exchange, dict[str, Exchange]]) -> None:
    answer, loaded = page
    elsewhere = [path for path in LOADED.findall(answer.text) if path not in loaded]
    expect(not elsewhere, expected="nothing from elsewhere", got=elsewhere)
    expect(bool(loaded), expected="a script of its own", got="none")
    for path, part in loaded.items():
        expect(part.status == OK, expected=f"200 from {path}", got=describe_answer(part))
    inline = INLINE.findall(answer.text)
    expect(not inline, expected="no inline script or style", got=inline[:2])
    policy = answer.header("content-security-policy") or ""
    right = "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    expect(right, expected="default-src 'none', and nothing unsafe or from elsewhere", got=policy or "none")
