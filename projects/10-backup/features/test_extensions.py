"""Steps of extensions.feature: the page."""

import re
from dataclasses import dataclass
from urllib.parse import urljoin

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, describe_answer, expect

from .vault import OK, Vault

scenarios("extensions.feature")

LOADED = re.compile(r'<(?:script|link|img)\b[^>]*?(?:src|href)="([^"]+)"')
FIELD = re.compile(r"<input\b[^>]*>")
INLINE = re.compile(r"<script(?![^>]*\bsrc=)[^>]*>|<style|\son[a-z]+=|\sstyle=", re.IGNORECASE)


@dataclass(frozen=True)
class Page:
    """The page as a stranger gets it, with all that it loads from its own service."""

    secrets: tuple[str, str]
    answer: Exchange
    loaded: dict[str, Exchange]


@when("a version has a label, and the page is looked at with what it loads", target_fixture="page")
def a_version_has_a_label_and_the_page_is_looked_at(vault: Vault) -> Page:
    label = vault.draw.text(24)
    version_id = vault.create({"note": label})
    with vault.service.client() as client:
        answer = client.get("/")
        paths = {path: urljoin("/", path) for path in LOADED.findall(answer.text) if "//" not in path}
        loaded = {path: client.get(full) for path, full in paths.items()}
    return Page((label, version_id), answer, loaded)


@then("it is HTML with a field for the token, and nothing of the version")
def it_is_html_with_a_field_for_the_token(page: Page) -> None:
    kind = (page.answer.header("content-type") or "none").partition(";")[0]
    got = f"{describe_answer(page.answer)} {kind}"
    expect((page.answer.status, kind) == (OK, "text/html"), expected="200 text/html from /", got=got)
    fields = FIELD.findall(page.answer.text)
    named = any('id="token"' in field or 'name="token"' in field for field in fields)
    expect(named, expected="a field with the id or the name token", got=fields)
    for part in (page.answer, *page.loaded.values()):
        told = [secret for secret in page.secrets if secret in part.text]
        expect(not told, expected="nothing of a version", got=told, answer=part)


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads_is_there(page: Page) -> None:
    elsewhere = [path for path in LOADED.findall(page.answer.text) if path not in page.loaded]
    expect(not elsewhere, expected="nothing from elsewhere", got=elsewhere)
    expect(bool(page.loaded), expected="a script of its own", got="none")
    for path, part in page.loaded.items():
        expect(part.status == OK, expected=f"200 from {path}", got=describe_answer(part))
    inline = INLINE.findall(page.answer.text)
    expect(not inline, expected="no inline script or style", got=inline[:2])
    policy = page.answer.header("content-security-policy") or ""
    right = "default-src 'none'" in policy and "unsafe" not in policy and "http" not in policy
    expect(right, expected="default-src 'none', and nothing unsafe or from elsewhere", got=policy or "none")
