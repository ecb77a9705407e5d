"""Steps of extensions.feature: the page."""

from pytest_bdd import scenarios, then, when

from kata.steps import WebPage, expect, expect_nothing_from_elsewhere, look_at

from .api import Api

scenarios("extensions.feature")


@when("the page is looked at, and what it loads", target_fixture="page")
def the_page_is_looked_at(api: Api) -> WebPage:
    return look_at(api.client)


@then("it is HTML with a field for a schema and one for data")
def it_is_html_with_two_fields(page: WebPage) -> None:
    wanted = {"schema", "data"}
    expect(page.fields >= wanted, expected=f"fields with these ids or names: {wanted}", got=page.fields)


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads_is_there(page: WebPage) -> None:
    expect_nothing_from_elsewhere(page)
