"""Steps of extensions.feature: the page."""

from pytest_bdd import scenarios, then, when

from kata.steps import WebPage, expect, expect_nothing_from_elsewhere, expect_nothing_told, look_at

from .panel import Panel

scenarios("extensions.feature")


@when("a flag is made, and the page is looked at with what it loads", target_fixture="looked")
def a_flag_is_made_and_the_page_is_looked_at(panel: Panel) -> tuple[WebPage, str]:
    flag = str(panel.flag()["key"])
    return look_at(panel.service.client()), flag


@then("it is HTML with a field for the token, and nothing of the flag")
def it_is_html_with_a_field_for_the_token(looked: tuple[WebPage, str]) -> None:
    page, flag = looked
    expect("token" in page.fields, expected="a field with the id or the name token", got=page.fields)
    expect_nothing_told(page, [flag])


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads_is_there(looked: tuple[WebPage, str]) -> None:
    expect_nothing_from_elsewhere(looked[0])
