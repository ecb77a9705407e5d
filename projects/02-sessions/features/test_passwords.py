"""Steps of passwords.feature."""

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import argon2
import psycopg
from psycopg import sql
from pytest_bdd import scenarios, then, when

from kata.steps import Exchange, expect, output_after, tables

from .login_site import (
    CREATED,
    OK,
    UNAUTHORIZED,
    Account,
    Site,
    describe,
    is_refused,
)

COMMON = Path(__file__).parents[1] / "common-passwords.txt"
PHC = re.compile(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=1\$[A-Za-z0-9+/]{22,}\$[A-Za-z0-9+/]{43}")
BEFORE_HASHING_SECONDS = 0.5
EMOJI = "\U0001f600\U0001f680\U0001f9ff\U0001f422\U0001f34b\U0001f3b2"

scenarios("passwords.feature")


def texts_of(connection: psycopg.Connection[tuple[object, ...]]) -> Iterator[str]:
    """Read all that stands in the tables of the service."""
    for table in tables(connection):
        for (row,) in connection.execute(sql.SQL("SELECT row_to_json(t)::text FROM {} AS t").format(table)):
            yield str(row)


def kept_hashes(site: Site) -> list[re.Match[str]]:
    """Return all argon2id hashes in the database."""
    with site.service.postgres.connect() as connection:
        return list(PHC.finditer("\n".join(texts_of(connection))))


def hashes_of(site: Site) -> list[tuple[int, int]]:
    """Return the parameters of all argon2id hashes in the database."""
    return [(int(found[1]), int(found[2])) for found in kept_hashes(site)]


def is_hash_of(password: str, kept: str) -> bool:
    try:
        return argon2.PasswordHasher().verify(kept, password)
    except argon2.exceptions.VerifyMismatchError:
        return False


@when(
    "somebody makes an account, and signs in with the right password and a wrong one", target_fixture="tried"
)
def somebody_makes_an_account_and_signs_in(site: Site) -> list[str]:
    account = site.account(password=site.draw.text(40))
    wrong = replace(account, password=site.draw.text(40))
    site.browser(account)
    refused = site.login(wrong)
    expect(refused.status == UNAUTHORIZED, expected="401", got=describe(refused))
    return [account.password, wrong.password]


@then("the database holds argon2id hashes with the settings' parameters, and no password is anywhere")
def the_database_holds_argon2id_hashes(site: Site, tried: list[str]) -> None:
    wanted = (int(site.settings["ARGON2_MEMORY_KIB"]), int(site.settings["ARGON2_PASSES"]))
    found = hashes_of(site)
    expect(wanted in found, expected=f"m={wanted[0]},t={wanted[1]}", got=found)
    own = any(is_hash_of(tried[0], kept[0]) for kept in reversed(kept_hashes(site)))
    expect(own, expected="argon2id of the password, with the parameters that the hash names", got="none is")
    with site.service.postgres.connect() as connection:
        places = {"PostgreSQL": "\n".join(texts_of(connection))}
    redis = site.service.redis.client
    keys = list(redis.scan_iter())
    places["Redis"] = "\n".join(f"{key} {redis.dump(key)!r}" for key in keys)
    places["the log"] = "\n".join(output_after(site.service, site.login(site.stranger())))
    for place, text in places.items():
        read = [password for password in tried if password in text]
        expect(not read, expected=f"no password in {place}", got=read)


@dataclass(frozen=True)
class Attempt:
    """A password that was to be set."""

    what: str
    account: Account
    answer: Exchange


def set_password(site: Site, what: str, password: str, email: str | None = None) -> Attempt:
    email = email or site.email()
    account = Account(email, password, site.draw.address())
    return Attempt(what, account, site.make(site.token(email), password))


def change_password(site: Site, what: str, password: str) -> Attempt:
    browser = site.browser()
    answer = browser.ask("PUT", "/me/password", {"new_password": password})
    return Attempt(what, replace(browser.account, password=password), answer)


def emoji(site: Site, length: int) -> str:
    return "".join(site.draw.choice(EMOJI) for _ in range(length))


def decomposed(site: Site, length: int) -> str:
    """Draw a password of so many code points in NFC, and twice as many as it is sent."""
    return unicodedata.normalize("NFD", site.draw.text(length, "\u00e4\u00f6\u00fc\u00e9\u00f1\u00e7"))


@when(
    "passwords of the least and the greatest length and beyond are set, in letters of many bytes too",
    target_fixture="attempts",
)
def passwords_of_all_lengths_are_set(site: Site) -> tuple[list[Attempt], list[Attempt]]:
    least, most = int(site.number("PASSWORD_MIN")), int(site.number("PASSWORD_MAX"))
    words: list[Callable[[int], str]] = [
        site.password,
        lambda length: emoji(site, length),
        lambda length: decomposed(site, length),
    ]
    names = ("letters", "emoji", "decomposed letters")
    within = [
        set_password(site, f"{length} {name}", make(length))
        for name, make in zip(names, words, strict=True)
        for length in (least, most)
    ]
    within.append(set_password(site, "64 emoji", emoji(site, 64)))
    beyond = [
        attempt(site, f"{length} {name}", make(length))
        for name, make in zip(names, words, strict=True)
        for length in (least - 1, most + 1)
        for attempt in (set_password, change_password)
    ]
    return within, beyond


@then(
    "those within are accepted, and those beyond are refused with a pointer, the long ones before any hashing"
)
def those_within_are_accepted(site: Site, attempts: tuple[list[Attempt], list[Attempt]]) -> None:
    within, beyond = attempts
    for attempt in within:
        expect(
            attempt.answer.status == CREATED, expected=f"201 for {attempt.what}", got=describe(attempt.answer)
        )
        answer = site.login(attempt.account)
        expect(answer.status == OK, expected=f"200 from the login with {attempt.what}", got=describe(answer))
    for attempt in beyond:
        pointer = "#/new_password" if attempt.answer.asked.startswith("PUT") else "#/password"
        is_refused(attempt.answer, pointer, f"{attempt.what} get 422")
    long = replace(site.account(), password="x" * 900_000)
    refused = site.login(long)
    is_refused(refused, "#/password", "a password beyond the maximum gets 422, at the login too")
    took = refused.received - refused.sent
    expect(
        took < BEFORE_HASHING_SECONDS,
        expected=f"422 before any hashing, within {BEFORE_HASHING_SECONDS:g} s",
        got=f"{took:.3f} s",
        timing=True,
    )


@when(
    "somebody signs in with passwords that differ from theirs in one place", target_fixture="tried_and_right"
)
def somebody_signs_in_with_passwords_that_differ(
    site: Site,
) -> list[tuple[str, Account, Exchange]]:
    other = site.draw.choice(sorted(set(EMOJI)))
    long = emoji(site, 64)
    long = long[:-1] + ("\U0001f422" if other != "\U0001f422" else "\U0001f34b")
    longest = emoji(site, int(site.number("PASSWORD_MAX")) - 1)
    blanks = f"  {site.password()} "
    zero = site.draw.text(15) + "\0"
    word = site.draw.text(20, "abcdefghijklmnop")
    pairs = [
        ("the last of 64 emoji", long, long[:-1] + other),
        ("the last of the longest", f"{longest}a", f"{longest}b"),
        ("the 73rd byte", "x" * 60 + site.draw.text(6), "x" * 60 + site.draw.text(6)),
        ("what follows U+0000", f"{zero}A{word}", f"{zero}B{word}"),
        ("a leading blank", blanks, blanks[1:]),
        ("a trailing blank", blanks, blanks[:-1]),
        ("the case", word, word[:-1] + word[-1].upper()),
        ("one more character", word, f"{word}{word[0]}"),
        ("one less", word, word[:-1]),
    ]
    tried = []
    for what, right, wrong in site.draw.shuffle(pairs):
        account = site.account(password=right)
        tried.append((what, account, site.login(replace(account, password=wrong))))
    return tried


@then("none of them is right, and theirs is")
def none_of_them_is_right(site: Site, tried_and_right: list[tuple[str, Account, Exchange]]) -> None:
    for what, account, answer in tried_and_right:
        expect(answer.status == UNAUTHORIZED, expected=f"401 where {what} differs", got=describe(answer))
        right = site.login(account)
        expect(right.status == OK, expected="200 with the password as it was set", got=describe(right))


@when(
    "passwords that are set composed are tried decomposed, and others that only look alike",
    target_fixture="logins",
)
def passwords_are_tried_in_other_forms(site: Site) -> list[tuple[int, str, Exchange]]:
    rest = site.draw.text(12)
    forms = [
        (OK, "NFC as NFD", f"caf\u00e9 \u00fcber {rest}", f"cafe\u0301 u\u0308ber {rest}"),
        (OK, "NFD as NFC", f"cafe\u0301 u\u0308ber {rest}", f"caf\u00e9 \u00fcber {rest}"),
        (OK, "the order of marks", f"q\u0323\u0307 {rest}", f"q\u0307\u0323 {rest}"),
        (OK, "Hangul", f"\ud55c\uae00 {rest}", unicodedata.normalize("NFD", f"\ud55c\uae00 {rest}")),
        (UNAUTHORIZED, "full-width digits", f"{rest}1234", f"{rest}\uff11\uff12\uff13\uff14"),
        (UNAUTHORIZED, "a ligature", f"{rest}fish", f"{rest}\ufb01sh"),
        (UNAUTHORIZED, "no accent", f"caf\u00e9 {rest}", f"cafe {rest}"),
        (UNAUTHORIZED, "sharp s", f"stra\u00dfe {rest}", f"strasse {rest}"),
    ]
    logins = []
    for status, what, kept, tried in site.draw.shuffle(forms):
        account = site.account(password=kept)
        logins.append((status, what, site.login(replace(account, password=tried))))
    return logins


@then("the first are right, and the others are wrong")
def the_first_are_right(logins: list[tuple[int, str, Exchange]]) -> None:
    for status, what, answer in logins:
        expect(answer.status == status, expected=f"{status} for {what}", got=describe(answer))


@when(
    "common passwords, ones with the e-mail's own part, and ones of one kind of letter are set",
    target_fixture="attempts",
)
def common_passwords_are_set(site: Site) -> tuple[list[Attempt], list[Attempt]]:
    draw, least = site.draw, int(site.number("PASSWORD_MIN"))
    listed = [line for line in COMMON.read_text().splitlines() if not line.startswith("#")]
    long = [line for line in listed if len(line) >= least]
    places = [draw.integer(0, 99), draw.integer(100, 2899), draw.integer(2900, 2999), len(long) - 1]
    common = [long[place] for place in places]
    common.append(draw.choice([one for one in long if one != one.upper()]).upper())
    email = site.email()
    part = email.partition("@")[0]
    bad = [
        *(set_password(site, f"the common {one}", one) for one in common),
        change_password(site, f"the common {common[1]}", common[1]),
        set_password(site, "the e-mail's own part", f"{draw.text(4)}{part.swapcase()}{draw.text(4)}", email),
    ]
    # No rules of composition, and nothing is too much alike.
    letters = [
        draw.text(least, "abcdefghijklmnopqrstuvwxyz") + draw.text(8, "qxzjvk"),
        draw.text(least + 9, "0123456789"),
        " " * (least - 1) + draw.choice("\u00a0x.\u2003"),
        draw.text(least + 3, "\u65e5\u672c\u8a9e\u4e2d\u6587"),
        f"{common[2]}{draw.text(3)}",
    ]
    good = [set_password(site, f"the password {one!r}", one) for one in letters]
    short = f"ab{draw.integer(10, 99)}"[:3]
    good.append(
        set_password(
            site, "three letters of the e-mail", f"{short}{draw.text(12)}", f"{short}@{draw.word()}.example"
        )
    )
    return bad, good


@then("the first two are refused with a pointer, and the others are accepted")
def the_first_two_are_refused(attempts: tuple[list[Attempt], list[Attempt]]) -> None:
    bad, good = attempts
    for attempt in bad:
        pointer = "#/new_password" if attempt.answer.asked.startswith("PUT") else "#/password"
        is_refused(attempt.answer, pointer, f"{attempt.what} is refused")
    for attempt in good:
        expect(
            attempt.answer.status == CREATED, expected=f"201 for {attempt.what}", got=describe(attempt.answer)
        )


@when("the user signs in at a process with other parameters", target_fixture="parameters")
def the_user_signs_in_at_a_process_with_other_parameters(
    site: Site, account: Account
) -> tuple[int, int, int]:
    memory, passes = site.settings["ARGON2_MEMORY_KIB"], site.settings["ARGON2_PASSES"]
    if site.draw.integer(0, 1):  # one of the two is another
        memory = str(site.draw.integer(4000, 6000))
    else:
        passes = str(site.draw.integer(2, 3))
    before = hashes_of(site).count((int(memory), int(passes)))
    other = {"ARGON2_MEMORY_KIB": memory, "ARGON2_PASSES": passes}
    site.service.add("web", site.other_settings() | other)
    process = len(site.service.urls) - 1
    body = {"email": account.email, "password": account.password}
    for time in ("first", "second"):
        answer = site.ask("POST", "/session", body, address=account.address, process=process)
        expect(answer.status == OK, expected=f"200 the {time} time", got=describe(answer))
    return int(memory), int(passes), before + 1


@then("the hash has the new parameters, and the password is still right")
def the_hash_has_the_new_parameters(site: Site, account: Account, parameters: tuple[int, int, int]) -> None:
    memory, passes, wanted = parameters
    found = hashes_of(site)
    count = found.count((memory, passes))
    expect(count == wanted, expected=f"{wanted} with m={memory},t={passes}", got=f"{count} of {found}")
    wrong = site.guess(account)
    expect(wrong.status == UNAUTHORIZED, expected="401 with a wrong password", got=describe(wrong))
    site.browser(account)
