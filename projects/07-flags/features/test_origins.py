"""Steps of origins.feature."""

from pytest_bdd import scenarios, then

from kata.steps import Exchange, World, describe_answer, expect

from .answers import BAD, NO_CONTENT, NOT_FOUND, NOT_MODIFIED, OK, UNAUTHORIZED
from .panel import OFREP, Panel

scenarios("origins.feature")


@then("the preflight allows the headers of providers by name, and answers may be read")
def the_preflight_allows_the_headers(panel: Panel) -> None:
    for origin in panel.settings.origins or [f"https://{panel.draw.word()}.example"]:
        for path in ("/evaluate/flags", f"/evaluate/flags/{panel.draw.word()}"):
            answer = preflight(panel, path, origin)
            expect(
                answer.status in {OK, NO_CONTENT}, expected="2xx", got=describe_answer(answer), answer=answer
            )
            allows(answer, "access-control-allow-methods", {"post"})
            needed = {"authorization", "content-type", "if-none-match", "x-api-key"}
            allows(answer, "access-control-allow-headers", needed)
            readable(answer, origin)
        for answer in answers_to(panel, origin):
            readable(answer, origin)
            allows(answer, "access-control-expose-headers", {"etag", "retry-after"})
            allows(answer, "vary", {"origin"} if panel.settings.origins else set())


@then("no page of another origin may, unless all may")
def no_page_of_another_origin_may(panel: Panel, world: World) -> None:
    first = panel.settings.origins[0] if panel.settings.origins else f"https://{panel.draw.word()}.example"
    scheme, _, host = first.partition("://")
    other = {"http": "https", "https": "http"}[scheme]
    strangers = [
        f"{other}://{host}",
        f"{first}.example",
        f"{first}0",
        first[:-1],
        f"https://{panel.draw.word()}.example",
    ]
    strangers += ["null", f"{first},{first}", "*"]
    for stranger in strangers if panel.settings.origins else []:
        for answer in (
            preflight(panel, "/evaluate/flags", stranger),
            panel.bulk({}, headers={"Origin": stranger}),
        ):
            told = answer.header("access-control-allow-origin")
            expect(told not in {"*", stranger}, expected=f"nothing for {stranger}", got=told, answer=answer)
            allows(answer, "vary", {"origin"})
    everybody = world.start_alone({**panel.settings.environment(), "ALLOWED_ORIGINS": ""})
    for stranger in strangers[:5]:
        readable(
            everybody.client().request("OPTIONS", f"{OFREP}/evaluate/flags", headers=asked(stranger)),
            stranger,
        )


def asked(origin: str) -> dict[str, str]:
    """Return the headers of a preflight."""
    return {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type,if-none-match,x-api-key",
    }


def preflight(panel: Panel, path: str, origin: str) -> Exchange:
    return panel.service.client().request("OPTIONS", f"{OFREP}{path}", headers=asked(origin))


def answers_to(panel: Panel, origin: str) -> list[Exchange]:
    """Return an answer of each status."""
    fields = {"Origin": origin}
    first = panel.bulk({}, headers=fields)
    answers = [
        first,
        panel.bulk({}, headers={**fields, "If-None-Match": str(first.header("etag"))}),
        panel.ask(panel.draw.word(), headers={**fields, "X-API-Key": panel.key()}),
        panel.ask(panel.draw.word(), headers={**fields, "X-API-Key": "nobodys"}),
        panel.ask(panel.draw.word(), 7, headers={**fields, "X-API-Key": panel.key()}),
    ]
    statuses = [answer.status for answer in answers]
    right = [OK, NOT_MODIFIED, NOT_FOUND, UNAUTHORIZED, BAD]
    expect(statuses == right, expected=str(right), got=statuses)
    return answers


def allows(answer: Exchange, header: str, names: set[str]) -> None:
    value = (answer.header(header) or "").lower()
    listed = {name.strip() for name in value.split(",")}
    expect(names <= listed, expected=f"{header} with {sorted(names)}", got=value, answer=answer)


def readable(answer: Exchange, origin: str) -> None:
    value = answer.header("access-control-allow-origin")
    expect(value in {"*", origin}, expected="that the origin may read it", got=value, answer=answer)
