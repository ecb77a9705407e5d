"""Steps of broken_off.feature: sessions that end, and subscriptions."""

import secrets

from pytest_bdd import scenarios, then, when

from kata.steps import expect

from .content import Content
from .test_failures import GONE_SECONDS, is_waiting, once, slow_to_restore, started_again
from .vault import Json, Vault, shown

scenarios("broken_off.feature")

DROP_SECONDS = 5.0
SUBSCRIBE = """
    CREATE SUBSCRIPTION {} CONNECTION 'host=127.0.0.1 port=1' PUBLICATION none WITH (connect = false)
"""
END = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE wait_event = 'PgSleep' AND starts_with(datname, %s)
"""


@when("a drill of a proven version is broken off by PostgreSQL", target_fixture="broken_off")
def a_drill_is_broken_off(vault: Vault, content: Content) -> tuple[Json, Json, Json]:
    setting = slow_to_restore(vault, content)
    version_id = vault.create()
    vault.succeeded(vault.begin(f"/versions/{version_id}/drill"))
    before = vault.version(version_id)
    vault.run("ALTER ROLE CURRENT_USER SET {} = 60", setting)
    try:
        run = vault.begin(f"/versions/{version_id}/drill")
        once(lambda: is_waiting(vault, "wait_event = 'PgSleep'"), GONE_SECONDS)
        with vault.connect("postgres") as connection:
            connection.execute(END, [vault.database[:12]])
        ended = vault.ended(run)
    finally:
        vault.run("ALTER ROLE CURRENT_USER RESET {}", setting)
    return ended, before, vault.version(version_id)


@then("it fails with connection_failed, and the version is as proven as it was")
def it_fails_with_connection_failed(vault: Vault, broken_off: tuple[Json, Json, Json]) -> None:
    ended, before, after = broken_off
    got = (ended["state"], ended["code"])
    expect(got == ("failed", "connection_failed"), expected="failed with connection_failed", got=shown(ended))
    for name in ("verification", "proven_at"):
        expect(after[name] == before[name], expected=f"{name} as it was: {before[name]}", got=after[name])
    expect(not vault.databases(), expected="no database is left", got=sorted(vault.databases()))


@then("a database that subscribes is drilled and restored, and nothing is left of either")
def a_database_that_subscribes(vault: Vault) -> None:
    started_again(vault, {"UNDO_SECONDS": "0"})
    name = f"sub_{secrets.token_hex(4)}"
    vault.run(SUBSCRIBE, name)
    try:
        version_id = vault.create()
        vault.succeeded(vault.begin(f"/versions/{version_id}/drill"))
        expect(not vault.databases(), expected="no database is left", got=sorted(vault.databases()))
        expect(
            subscriptions(vault) == 1, expected="the live database's subscription", got=subscriptions(vault)
        )
        vault.restore(version_id)
        gone = once(lambda: not vault.databases(), DROP_SECONDS)
        expect(gone, expected="no former database behind its time", got=sorted(vault.databases()))
        expect(subscriptions(vault) == 1, expected="the one that was restored", got=subscriptions(vault))
    finally:
        vault.run("ALTER SUBSCRIPTION {} SET (slot_name = NONE)", name)
        vault.run("DROP SUBSCRIPTION {}", name)


def subscriptions(vault: Vault) -> int:
    """Count those of the live database."""
    with vault.connect() as connection:
        query = "SELECT FROM pg_subscription JOIN pg_database AS d ON d.oid = subdbid WHERE datname = %s"
        return connection.execute(query, [vault.database]).rowcount
