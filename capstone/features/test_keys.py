"""Steps of keys.feature."""

import re
import time
import zlib
from dataclasses import dataclass

from pytest_bdd import scenarios, then, when

from kata.steps import Client, Exchange, as_object, describe_answer, expect, is_problem, wait_until

from .saas import (
    API,
    CREATED,
    FORBIDDEN,
    MISSING,
    NO_CONTENT,
    OK,
    UNAUTHENTICATED,
    Home,
    Json,
    Site,
    made,
    objects,
)

FORM = re.compile(r"cap_live_[0-9A-Za-z]{49}")
CHECKSUM_LENGTH = 6
BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

scenarios("keys.feature")


def made_key(home: Home, name: str, scopes: list[str], lifetime_seconds: int | None = None) -> Json:
    body = {"name": name, "scopes": scopes, "lifetime_seconds": lifetime_seconds}
    return made(home.http.request("POST", f"{home.path}/keys", json=body))


def bearer(site: Site, key: Json, process: int = 0) -> Client:
    return site.service.client({"Authorization": f"Bearer {key['key']}"}, process=process)


def checksum(text: str) -> str:
    number, digits = zlib.crc32(text.encode()), ""
    for _ in range(CHECKSUM_LENGTH):
        number, digit = divmod(number, 62)
        digits = BASE62[digit] + digits
    return digits


@dataclass(frozen=True)
class Reached:
    """What a key with some scopes got."""

    scopes: list[str]
    needs: str
    answer: Exchange


@dataclass(frozen=True)
class Shown:
    """Keys as they were made and as they are listed, and what they got."""

    keys: list[Json]
    before: list[Json]
    after: list[Json]
    stored: str
    reached: list[Reached]
    elsewhere: Exchange


@when(
    "keys are made with several scopes, and each is shown to routes of several kinds", target_fixture="shown"
)
def keys_are_made(site: Site, home: Home) -> Shown:
    other = site.home(home.person)
    project = home.project(site.draw.word())
    routes = [
        ("projects:read", "GET", "/projects", None),
        ("projects:read", "GET", f"/projects/{project['id']}", None),
        ("projects:write", "POST", "/projects", {"name": site.draw.word()}),
        ("projects:write", "PATCH", f"/projects/{project['id']}", {"name": site.draw.word()}),
        ("jobs:read", "GET", "/jobs", None),
        ("jobs:read", "GET", f"/jobs/{site.draw.uuid()}", None),
        ("jobs:write", "POST", f"/jobs/{site.draw.uuid()}/retry", None),
        ("", "GET", "/members", None),
        ("", "GET", "", None),
        ("", "PATCH", "", {"name": site.draw.word()}),
        ("", "GET", "/flags", None),
        ("", "GET", "/keys", None),
        ("", "POST", "/keys", {"name": "x", "scopes": ["jobs"]}),
    ]
    granted = [["projects:read"], ["projects"], ["jobs", "projects:write"], ["jobs:read"]]
    keys = [made_key(home, site.draw.word(), scopes) for scopes in granted]
    path = f"{home.path}/keys"
    before = objects(as_object(home.http.get(path)).get("items"))
    reached = []
    for key, scopes in zip(keys, granted, strict=True):
        client = bearer(site, key)
        for needs, method, end, body in site.draw.shuffle(routes):
            reached.append(Reached(scopes, needs, client.request(method, home.path + end, json=body)))
        for method, own in (("GET", "/me"), ("GET", "/organisations"), ("DELETE", "/me/sessions")):
            reached.append(Reached(scopes, "", client.request(method, API + own)))
    after = objects(as_object(home.http.get(path)).get("items"))
    return Shown(
        keys, before, after, stored_keys(site), reached, bearer(site, keys[1]).get(f"{other.path}/projects")
    )


def stored_keys(site: Site) -> str:
    """Return all that PostgreSQL has of keys."""
    with site.service.postgres.connect() as connection:
        rows = connection.execute("SELECT row_to_json(api_keys)::text FROM api_keys").fetchall()
    return "\n".join(str(row[0]) for row in rows)


@then("each is let in where its scopes reach, and else refused with insufficient_scope")
def each_is_let_in(shown: Shown) -> None:
    for key in shown.keys:
        secret = str(key["key"])
        expect(FORM.fullmatch(secret) is not None, expected=FORM.pattern, got=secret)
        right = checksum(secret[:-CHECKSUM_LENGTH]) == secret[-CHECKSUM_LENGTH:]
        expect(right, expected="CRC-32 of what stands before it, in base 62", got=secret)
        expect(secret not in shown.stored, expected="no key in PostgreSQL", got="the key itself")
    names = [key["name"] for key in shown.keys][::-1]
    expect([item.get("name") for item in shown.before] == names, expected=str(names), got=shown.before)
    for item in (*shown.before, *shown.after):
        expect("key" not in item, expected="no key in the list", got=item)
    for items, is_used in ((shown.before, False), (shown.after, True)):
        uses = [item.get("last_used_at") is not None for item in items]
        expect(all(use == is_used for use in uses), expected=f"last_used_at: {is_used}", got=items)
    for one in shown.reached:
        reaches = any(one.needs == scope or one.needs.startswith(f"{scope}:") for scope in one.scopes)
        if reaches:
            is_in = one.answer.status in {OK, CREATED, MISSING}  # a job that does not exist is looked for
            expect(is_in, expected=f"let in with {one.scopes}", got=describe_answer(one.answer))
        else:
            code = is_problem(one.answer, FORBIDDEN, f"{one.scopes} do not reach so far").get("code")
            expect(code == "insufficient_scope", expected="insufficient_scope", got=code)
            challenge = one.answer.header("www-authenticate") or ""
            expect("insufficient_scope" in challenge, expected="it in WWW-Authenticate", got=challenge)
    is_problem(shown.elsewhere, MISSING, "a key is of one organisation, whichever its maker is in")


@when("keys expire, are revoked, and lose what their maker may do", target_fixture="lost")
def keys_are_lost(site: Site, home: Home) -> list[tuple[list[Exchange], int]]:
    admin = site.member(home, "admin")
    member = f"{home.path}/members/{admin.person.id}"
    retry = f"{home.path}/jobs/{site.draw.uuid()}/retry"
    short = made_key(home, site.draw.word(), ["jobs"], 1)
    expires = time.monotonic() + 1
    key, revoked = made_key(admin, site.draw.word(), ["jobs"]), made_key(home, site.draw.word(), ["jobs"])

    def ask(one: Json, status: int) -> tuple[list[Exchange], int]:
        return [bearer(site, one, process).request("POST", retry) for process in (0, 1)], status

    found = [ask(key, MISSING), ask(revoked, MISSING)]
    theirs = site.home()
    foreign = theirs.http.request("DELETE", f"{theirs.path}/keys/{revoked['id']}")
    is_problem(foreign, MISSING, "another organisation's key is as if it did not exist")
    out = admin.http.request("DELETE", f"{home.path}/keys/{revoked['id']}")
    expect(out.status == NO_CONTENT, expected="204", got=describe_answer(out))
    found.append(ask(revoked, UNAUTHENTICATED))
    home.http.request("PATCH", member, json={"role": "member"})
    found.append(ask(key, FORBIDDEN))
    home.http.request("DELETE", member)
    found.append(ask(key, MISSING))
    wait_until(expires + 0.3)
    found.append(ask(short, UNAUTHENTICATED))
    return found


@then("each process refuses them at the next request")
def each_process_refuses_them(lost: list[tuple[list[Exchange], int]], home: Home) -> None:
    for answers, status in lost:
        got = [answer.status for answer in answers]
        expect(got == [status] * 2, expected=f"{status} from both", got=got)
    codes = {is_problem(answer, FORBIDDEN).get("code") for answer in lost[3][0]}
    expect(codes == {"forbidden"}, expected="forbidden: it is not the scope", got=codes)
    foreign = home.http.request("POST", f"{home.path}/keys", json={"name": "x", "scopes": ["members"]})
    is_problem(foreign, 422, "a key is for projects and jobs")


@when("keys are shown that were never made", target_fixture="invented")
def keys_are_invented(site: Site, home: Home) -> tuple[list[Exchange], int]:
    secret = str(made_key(home, site.draw.word(), ["projects"])["key"])
    place = site.draw.integer(9, len(secret) - 1)
    other = BASE62[(BASE62.index(secret[place]) + 1) % 62]
    invented = [
        secret[:place] + other + secret[place + 1 :],
        secret[:-1],
        f"{secret}0",
        secret.upper(),
        f"cap_live_{site.draw.text(49, BASE62)}",
    ]
    clients = [site.service.client({"Authorization": f"Bearer {one}"}) for one in invented]
    before = site.service.postgres.count_statements()
    answers = [client.get(f"{home.path}/projects") for client in clients]
    return answers, site.service.postgres.count_statements() - before


@then("each gets 401, and PostgreSQL was asked nothing")
def each_gets_401(invented: tuple[list[Exchange], int]) -> None:
    answers, statements = invented
    for answer in answers:
        is_problem(answer, UNAUTHENTICATED)
    expect(statements == 0, expected="no statement", got=f"{statements}")
