"""Steps of keys.feature."""

from collections.abc import Callable, Mapping

from pytest_bdd import scenarios, then

from kata.steps import expect

from .answers import NO_CONTENT, NOT_FOUND, OK, UNAUTHORIZED, flags_of, is_ofrep_error, is_same, wanted
from .panel import Panel

scenarios("keys.feature")


@then("with a key for browsers the other flags are not there, alone and in a bulk")
def a_browser_sees_what_is_marked(panel: Panel) -> None:
    hidden = str(panel.flag()["key"])
    shown = str(panel.flag(client_side=True, prerequisites=[{"flag": hidden, "variant": "on"}])["key"])
    panel.key("browser")
    for process in range(2):
        panel.soon(lambda process=process: panel.ask(shown, process=process).status == OK, "the flag")  # type: ignore[misc]
        entries = flags_of(panel.bulk(kind="browser", process=process))
        expect(hidden not in entries, expected="no flag that is not marked", got=hidden)
        is_same(entries.get(shown, {}), {"variant": "on"}, "a flag that is marked")
        is_ofrep_error(
            panel.ask(hidden, kind="browser", process=process), NOT_FOUND, "FLAG_NOT_FOUND", hidden
        )
        wanted(panel.ask(shown, kind="browser", process=process), OK)
        both = flags_of(panel.bulk(process=process))
        expect({hidden, shown} <= both.keys(), expected="both for a server", got=sorted(both)[:5])
    panel.change(shown, client_side=False)
    gone = is_gone(panel, shown)
    panel.soon(gone, "the flag hidden from browsers")


def is_gone(panel: Panel, key: str) -> Callable[[], bool]:
    return lambda: panel.ask(key, kind="browser").status == NOT_FOUND


@then("a key is taken from either header, a wrong one gets 401, and a revoked one too")
def a_key_is_good_until_it_is_revoked(panel: Panel) -> None:
    key = str(panel.flag()["key"])
    panel.known_everywhere(key)
    made = panel.new_key("server")
    secret = str(made["secret"])
    good: list[Mapping[str, str]] = [
        {"Authorization": f"Bearer {secret}"},
        {"authorization": f"bEARER  {secret}"},
        {"x-api-key": secret},
        {"Authorization": f"Bearer {secret}", "X-API-Key": secret},
    ]
    bad: list[Mapping[str, str]] = [
        {},
        {"Authorization": f"Bearer {secret[:-1]}"},
        {"Authorization": f"Bearer {secret}x"},
        {"Authorization": f"Basic {secret}"},
        {"Authorization": secret},
        {"X-API-Key": secret.swapcase()},
        {"X-API-Key": panel.settings.token},
        {"Authorization": f"Bearer {secret}", "X-API-Key": panel.key()},
        {"X-API-Key": ""},
    ]
    for process in (1, 0):
        for headers in good:
            wanted(
                panel.ask(key, process=process, headers=headers), OK, f"{sorted(headers)}, new on process 1"
            )
        for headers in bad:
            answer = panel.ask(key, process=process, headers=headers)
            is_ofrep_error(answer, UNAUTHORIZED, "GENERAL", key)
            asks = answer.header("www-authenticate") or ""
            expect(
                asks.lower().startswith("bearer"),
                expected="WWW-Authenticate: Bearer",
                got=asks,
                answer=answer,
            )
    path = f"/keys/{made['id']}"
    expect(panel.manage("DELETE", path).status == NO_CONTENT, expected="204", got="another status")
    for process in (0, 1):
        panel.soon(
            lambda process=process: panel.ask(key, process=process, headers=good[0]).status == UNAUTHORIZED,  # type: ignore[misc]
            "401 for a revoked key",
        )
