"""Steps of access.feature: tokens, and what is not trusted."""

from base64 import b64encode
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from urllib.parse import quote

from pytest_bdd import scenarios, then, when

from kata.steps import (
    Draw,
    Exchange,
    Instance,
    World,
    as_object,
    describe_answer,
    expect,
    expect_refused_starts,
    is_problem,
    wait_until,
    wait_until_ready,
)

from .asker import FIELD, first_answered, has_no_lease, is_awaited, lease_of, waiting
from .guarded import KINDS, READ, UNKNOWN, UNTRUSTED, WRITE, Guarded, is_unknown, shown, token_of
from .store import (
    CREATED,
    NO_CONTENT,
    NO_HEADERS,
    NOT_FOUND,
    OK,
    PRECONDITION,
    Store,
    file_of,
    is_hit,
    is_miss,
)

scenarios("access.feature")

FORBIDDEN = 403
SOON_SECONDS = 1.0


def refused(draw: Draw, token: str) -> list[Mapping[str, str]]:
    """List what is no token, and nearly one."""
    other = "A" if token[0] != "A" else "B"
    near = [other + token[1:], token[:-1], token + "A", token.swapcase(), f"{token},{token}"]
    lines = [f"Bearer {one}" for one in near if one != token]
    texts = (f"{token}:", token, f"x:{near[0]}", f"x:{token}x", f"x:y:{token}")
    lines += [f"Basic {b64encode(text.encode()).decode()}" for text in texts]
    lines += [token, f"Token {token}", f"Basic {token}", "Bearer", "Basic", f"Bearer x {token}", "Basic ="]
    return [NO_HEADERS, *({"Authorization": line} for line in draw.shuffle(lines))]


type Ask = Callable[[Mapping[str, str]], Exchange]


def everything(store: Store, key: bytes, group: str) -> dict[str, Ask]:
    """Name each request, and make it with the headers that it is given."""

    def many(path: str) -> Ask:
        def ask(headers: Mapping[str, str]) -> Exchange:
            with store.service.client() as client:
                return client.request("DELETE", path, headers=headers)

        return ask

    return {
        "GET": lambda headers: store.get(key, headers),
        "HEAD": lambda headers: store.ask("HEAD", key, headers),
        "PUT": lambda headers: store.ask("PUT", key, headers, b"new"),
        "DELETE": lambda headers: store.ask("DELETE", key, headers),
        "group": many(f"/api/v1/groups/{group}"),
        "prefix": many(f"/api/v1/entries?prefix={quote(key.decode())}"),
    }


MAY: Mapping[str, frozenset[str]] = {
    READ: frozenset({"GET", "HEAD"}),
    WRITE: frozenset({"GET", "HEAD", "PUT", "DELETE", "group", "prefix"}),
    UNTRUSTED: frozenset({"GET", "HEAD", "PUT", "DELETE"}),
}


@when(
    "everybody asks for everything, and shows a token in each way, none, or one that is nearly right",
    target_fixture="body",
)
def everybody_asks_for_everything(guarded: Guarded) -> tuple[bytes, bytes]:
    store, draw = guarded.store, guarded.store.draw
    group, key, body = draw.word(), store.key(), store.body()
    asks = everything(store, key, group)
    fields = {"Cache-Groups": f'"{group}"'}
    store.put(key, body, {**guarded.as_a(WRITE), **fields})
    for token in [token for tokens in guarded.tokens.values() for token in tokens]:
        for headers in refused(draw, token):
            what = draw.choice(tuple(asks))
            is_unknown(what, asks[what](headers))
    for what, ask in asks.items():
        is_unknown(what, ask(NO_HEADERS))
    for kind, tokens in guarded.tokens.items():
        for token in tokens:
            for what, ask in asks.items():
                if what not in MAY[kind]:
                    answer = ask(shown(draw, token))
                    got = describe_answer(answer)
                    is_so = answer.status == FORBIDDEN
                    expect(is_so, expected=f"403 for {what} with one of {kind}", got=got, answer=answer)
    return key, body


@then("each may do what the token is for, and what was refused has changed nothing")
def each_may_do_what_the_token_is_for(guarded: Guarded, body: tuple[bytes, bytes]) -> None:
    store, draw = guarded.store, guarded.store.draw
    key, stored = body
    for kind, tokens in guarded.tokens.items():
        for token in tokens:
            is_hit(store.get(key, shown(draw, token)), stored)
            head = store.ask("HEAD", key, shown(draw, token))
            expect(head.status == OK, expected=f"200 for HEAD with one of {kind}", got=describe_answer(head))
    for token in guarded.tokens[WRITE]:
        group, other = draw.word(), store.key()
        fields = {"Cache-Groups": f'"{group}"'}
        wanted = {"PUT": OK, "GET": OK, "group": NO_CONTENT, "DELETE": NOT_FOUND, "prefix": OK}
        store.put(other, b"old", {**shown(draw, token), **fields})
        asks = everything(store, other, group)
        for what, status in wanted.items():
            extra = fields if what == "PUT" else NO_HEADERS
            answer = asks[what]({**shown(draw, token), **extra})
            got = describe_answer(answer)
            expect(answer.status == status, expected=f"{status} for {what}", got=got, answer=answer)


@dataclass(frozen=True)
class Mixed:
    """A key, what is stored under it for all, and what those have who are not trusted; None: nothing."""

    key: bytes
    trusted: bytes | None
    own: bytes | None


@when(
    "those who are not trusted store, replace, delete and fill under keys that others use",
    target_fixture="mixed",
)
def those_who_are_not_trusted_store(guarded: Guarded, second: Instance) -> list[Mixed]:
    store = guarded.store

    def put(kind: str, key: bytes, process: int, status: int) -> bytes:
        body = store.body()
        answer = store.put(key, body, guarded.as_a(kind), process=process)
        got = describe_answer(answer)
        expect(answer.status == status, expected=f"{status} with one of {kind}", got=got, answer=answer)
        return body

    only_own, both, later, gone, kept = (store.key() for _ in range(5))
    mixed = [
        Mixed(only_own, None, put(UNTRUSTED, only_own, 0, CREATED)),
        Mixed(both, put(WRITE, both, 0, CREATED), put(UNTRUSTED, both, 1, CREATED)),
    ]
    own = put(UNTRUSTED, later, 1, CREATED)
    mixed.append(Mixed(later, put(WRITE, later, 0, CREATED), own))
    put(UNTRUSTED, gone, 0, CREATED)
    put(UNTRUSTED, gone, 1, OK)
    deleted = store.ask("DELETE", gone, guarded.as_a(UNTRUSTED))
    expect(deleted.status == NO_CONTENT, expected="204 for what is their own", got=describe_answer(deleted))
    mixed.append(Mixed(gone, None, None))
    mixed.append(Mixed(kept, put(WRITE, kept, 1, CREATED), None))
    is_problem(store.ask("DELETE", kept, guarded.as_a(UNTRUSTED)), NOT_FOUND)
    refused_put = store.ask("PUT", kept, {**guarded.as_a(UNTRUSTED), "If-Match": "*"}, b"x")
    expect(refused_put.status == PRECONDITION, expected="412", got=describe_answer(refused_put))
    second.kill()
    second.restart()
    wait_until_ready(second, timeout_seconds=20)
    return mixed


@then("nobody who is trusted sees anything of it")
def nobody_who_is_trusted_sees_anything(guarded: Guarded, mixed: list[Mixed]) -> None:
    store = guarded.store
    for one in mixed:
        for kind in (READ, WRITE):
            for process in (0, 1):
                judge(store.get(one.key, guarded.as_a(kind), process=process), one.trusted)
    key, body = store.key(), store.body()
    times = {"Cache-Control": "max-age=1, stale-while-revalidate=900"}
    put = store.put(key, body, {**guarded.as_a(WRITE), **times})
    filled(guarded)
    renewed(guarded, key, put, body)


def judge(answer: Exchange, body: bytes | None) -> None:
    if body is None:
        is_miss(answer)
    else:
        is_hit(answer, body)


def filled(guarded: Guarded) -> None:
    """Let one who is not trusted have the lease of a key: those who are trusted have their own."""
    store, ttl = guarded.store, guarded.store.settings["LEASE_SECONDS"]
    key, body = store.key(), store.body()
    none = {"Prefer": "wait=0"}
    reader = ", as one of READ_TOKENS, while nobody who is trusted has a lease"
    has_no_lease(store.get(key, {**none, **guarded.as_a(READ)}), reader)
    old = lease_of(store.get(key, {**none, **guarded.as_a(UNTRUSTED)}), ttl)
    is_awaited(store.get(key, {**none, **guarded.as_a(UNTRUSTED)}))
    has_no_lease(store.get(key, {**none, **guarded.as_a(READ)}), reader)
    lease_of(store.get(key, {**none, **guarded.as_a(WRITE)}), ttl)
    is_awaited(store.get(key, {**none, **guarded.as_a(READ)}))
    with ExitStack() as stack:
        waiters = [
            waiting(store, stack, key, 5, process=process, headers=guarded.as_a(kind))
            for process, kind in ((0, UNTRUSTED), (1, UNTRUSTED), (0, READ), (1, WRITE))
        ]
        first = first_answered(waiters, 0.3)
        expect(first is None, expected="nobody answered while it is filled", got=first and first.asked)
        put = store.put(key, body, guarded.as_a(WRITE), process=store.draw.integer(0, 1))
        answers = [one.answer() for one in waiters]
        for answer in answers:
            is_hit(answer, body)
        after_seconds = max(answer.received for answer in answers) - put.sent
        got = f"{after_seconds:.2f} s after it"
        expect(after_seconds < SOON_SECONDS, expected="answers as soon as it is stored", got=got, timing=True)
    late = store.ask("PUT", key, {**guarded.as_a(UNTRUSTED), "Cache-Lease": old}, b"late")
    expect(late.status == PRECONDITION, expected="412: what is trusted is there", got=describe_answer(late))
    another = store.key()
    for kind in (WRITE, UNTRUSTED):  # nor do those wait for who is trusted
        lease_of(store.get(another, {**none, **guarded.as_a(kind)}), ttl)


def renewed(guarded: Guarded, key: bytes, put: Exchange, body: bytes) -> None:
    """Let what is stale be asked for: who may only read is not told to make a new one."""
    wait_until(put.received + 1.05)
    for kind, is_told in ((READ, False), (WRITE, True)):
        answer = guarded.store.get(key, {"Prefer": "wait=0", **guarded.as_a(kind)})
        is_hit(answer, body)
        lease = answer.header(FIELD)
        wanted = f"{'a' if is_told else 'no'} lease with what is stale, for one of {kind}"
        expect((lease is not None) == is_told, expected=wanted, got=lease, answer=answer)


@then("what is trusted comes first")
def what_is_trusted_comes_first(guarded: Guarded, mixed: list[Mixed]) -> None:
    store = guarded.store
    for one in mixed:
        first = one.own if one.trusted is None else one.trusted
        for process in (0, 1):
            judge(store.get(one.key, guarded.as_a(UNTRUSTED), process=process), first)
        if one.trusted is not None:
            store.ask("DELETE", one.key, guarded.as_a(WRITE))
            for process in (0, 1):
                judge(store.get(one.key, guarded.as_a(UNTRUSTED), process=process), one.own)
                is_miss(store.get(one.key, guarded.as_a(READ), process=process))
    swapped(guarded)
    purged(guarded, next(one for one in mixed if one.trusted is None and one.own is not None))


def swapped(guarded: Guarded) -> None:
    """Put the file of one who is not trusted into the place of a trusted one, under the same key."""
    store, key = guarded.store, guarded.store.key()
    trusted, own = store.body(), store.body()
    for kind, body in ((WRITE, trusted), (UNTRUSTED, own)):
        store.put(key, body, guarded.as_a(kind))
    file_of(store, trusted).write_bytes(file_of(store, own).read_bytes())
    answer = store.get(key, guarded.as_a(READ))
    wanted = "404: in the place of what is trusted stands the file of one who is not"
    expect(answer.status == NOT_FOUND, expected=wanted, got=describe_answer(answer), answer=answer)


def purged(guarded: Guarded, one: Mixed) -> None:
    """Who may change all removes what those have stored who are not trusted, too."""
    store = guarded.store
    path = f"/api/v1/entries?prefix={quote(one.key.decode(), safe='')}"
    with store.service.client() as client:
        answer = client.request("DELETE", path, headers=guarded.as_a(WRITE))
    removed = as_object(answer).get("removed")
    expect(removed == 1, expected='"removed": 1', got=removed, answer=answer)
    is_miss(store.get(one.key, guarded.as_a(UNTRUSTED)))


@dataclass(frozen=True)
class Open:
    """A cache, what may be done there without a token, and a token that is known."""

    store: Store
    may: str
    token: str | None


@when("caches are started with and without tokens, and with each value of ANONYMOUS", target_fixture="opened")
def caches_are_started(world: World, service_settings: dict[str, str]) -> list[Open]:
    draw = world.draw
    token = token_of(draw)
    same = {kind: f"{token_of(draw)},{token}" for kind in draw.shuffle(KINDS)[:2]}
    expect_refused_starts([("_TOKENS", token, world.start_unready({**service_settings, **same}))])
    with_tokens = {"WRITE_TOKENS": token, draw.choice((READ, UNTRUSTED)): token_of(draw)}
    wanted: list[tuple[dict[str, str], str, str | None]] = [
        ({}, "write", None),
        ({"ANONYMOUS": draw.choice(("auto", "write"))}, "write", None),
        ({**with_tokens, "ANONYMOUS": draw.choice(("", "auto", "nothing"))}, "nothing", token),
        ({draw.choice((READ, UNTRUSTED)): token, "ANONYMOUS": draw.choice(("", "auto"))}, "nothing", token),
        ({**with_tokens, "ANONYMOUS": "read"}, "read", token),
        ({**with_tokens, "ANONYMOUS": "write"}, "write", token),
    ]
    found = []
    for own, may, known in wanted:
        settings = {**service_settings, **own}
        found.append(Open(Store(world.start(settings), draw, settings), may, known))
    return found


@then("without a token so much may be done, and a token that is not known is refused")
def without_a_token_so_much_may_be_done(opened: list[Open]) -> None:
    for one in opened:
        store, key = one.store, one.store.key()
        known = {} if one.token is None else shown(store.draw, one.token)
        old = store.ask("PUT", key, known, b"old")
        wanted = FORBIDDEN if READ in store.settings and one.token == store.settings[READ] else CREATED
        got = describe_answer(old)
        expect(old.status == wanted, expected=f"{wanted} for a PUT with a token", got=got, answer=old)
        put = store.ask("PUT", key, body=b"new")
        got = describe_answer(put)
        status = OK if one.may == "write" else UNKNOWN
        expect(put.status == status, expected=f"{status} for a PUT without a token", got=got, answer=put)
        answer = store.get(key)
        if one.may == "nothing":
            is_unknown("GET", answer)
        else:
            is_hit(answer, b"new" if one.may == "write" else b"old")
        strange = store.get(key, shown(store.draw, token_of(store.draw)))
        if one.token is None:
            is_hit(strange, b"new")
        else:
            is_unknown("GET", strange)
        if wanted == FORBIDDEN:
            is_miss(store.get(key, known))
        else:
            is_hit(store.get(key, known), b"new" if one.may == "write" else b"old")
