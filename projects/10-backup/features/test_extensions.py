"""Steps of extensions.feature: the page."""

from pytest_bdd import scenarios, then, when

from kata.steps import WebPage, expect, expect_nothing_from_elsewhere, expect_nothing_told, look_at

from .vault import Vault

scenarios("extensions.feature")


@when("a version has a label, and the page is looked at with what it loads", target_fixture="looked")
def a_version_has_a_label_and_the_page_is_looked_at(vault: Vault) -> tuple[WebPage, list[str]]:
    label = vault.draw.text(24)
    version_id = vault.create({"note": label})
    with vault.service.client() as client:
        return look_at(client), [label, version_id]


@then("it is HTML with a field for the token, and nothing of the version")
def it_is_html_with_a_field_for_the_token(looked: tuple[WebPage, list[str]]) -> None:
    page, secrets = looked
    expect("token" in page.fields, expected="a field with the id or the name token", got=page.fields)
    expect_nothing_told(page, secrets)


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads_is_there(looked: tuple[WebPage, list[str]]) -> None:
    expect_nothing_from_elsewhere(looked[0])
