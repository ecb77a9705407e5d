"""Steps of extensions.feature."""

import re

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, expect

from .login_site import OK, Site, describe

scenarios("extensions.feature")


@when("the page and its files are asked for", target_fixture="page")
def the_page_and_its_files_are_asked_for(site: Site) -> Exchange:
    client = site.service.client()
    page = client.get("/")
    expect(page.status == OK, expected="200 from /", got=describe(page))
    files = re.findall(r'(?:href|src)="(static/[^"]+)"', page.text)
    expect(len(files) >= 2, expected="a style and a script", got=files)
    for file in files:
        answer = client.get(f"/{file}")
        expect(answer.status == OK, expected=f"200 from /{file}", got=describe(answer))
        written = re.findall(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write", answer.text)
        expect(not written, expected="what is shown is put in as text", got=written)
    return page


@then("it is HTML with fields of type password and a way out, and its policy lets nothing else in")
def it_is_html_with_fields_of_type_password(page: Exchange) -> None:
    kind = (page.header("content-type") or "none").partition(";")[0]
    expect(kind == "text/html", expected="text/html", got=kind)
    fields = re.findall(r'<input name="([a-z_]*password)" type="([a-z]+)"', page.text)
    expect(
        bool(fields) and {kind for _, kind in fields} == {"password"},
        expected="passwords in fields of type password",
        got=fields,
    )
    expect('id="sign-out"' in page.text, expected="a button to sign out", got="none")
    policy = page.header("content-security-policy") or "none"
    for directive in ("default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"):
        expect(directive in policy, expected=directive, got=policy)
