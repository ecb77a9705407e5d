"""Steps of extensions.feature: the page."""

from pytest_bdd import scenarios, then, when

from kata.steps import WebPage, expect_nothing_from_elsewhere, look_at

from .viewer import Viewer

scenarios("extensions.feature")


@when("a log is written, and the page is looked at with what it loads", target_fixture="page")
def the_page_is_looked_at(viewer: Viewer) -> WebPage:
    viewer.write(viewer.new_name(), [viewer.draw.word().encode()])
    return look_at(viewer.client)


@then("all that it loads is there, of this service, and its policy lets nothing else in")
def all_that_it_loads_is_there(page: WebPage) -> None:
    expect_nothing_from_elsewhere(page)
