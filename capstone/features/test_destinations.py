"""Steps of destinations.feature."""

from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, expect

from .saas import Home, Site, is_refused

scenarios("destinations.feature")


@when("actions are to send to places that are not to be called", target_fixture="answers")
def actions_are_to_send(site: Site, home: Home) -> list[Exchange]:
    site.switch(is_on=True, organisation=home.id)
    project = home.project(site.draw.word())
    word, number = site.draw.word(), site.draw.integer(1, 254)
    hosts = [
        f"127.0.0.{number}",
        f"10.{number}.0.1",
        f"172.16.0.{number}",
        f"192.168.{number}.1",
        "169.254.169.254",
        "0.0.0.0",
        "127.1",
        "2130706433",
        "[::1]",
        f"[fd00::{number}]",
        f"[::ffff:10.0.0.{number}]",
        "localhost",
        f"{word}.localhost",
        f"{word}.internal",
    ]
    others = [
        f"ftp://{word}.example.com/",
        f"https://me:secret@{word}.example.com/",
        "/hook",
        f"http://{word}.example.com:99999/",
    ]
    return [
        home.act(project, one) for one in site.draw.shuffle([*(f"http://{host}/" for host in hosts), *others])
    ]


@then("each is refused with 422 at /destination, and there is no job")
def each_is_refused(answers: list[Exchange], home: Home) -> None:
    for answer in answers:
        is_refused(answer, "/destination")
    expect(home.jobs() == [], expected="no job", got=home.jobs())
