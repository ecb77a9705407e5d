"""Accounts with one password, and the cookies that they get."""

import json
from dataclasses import dataclass
from uuid import UUID, uuid4

import psycopg

from kata.bench.answers import answer_of
from kata.bench.load import Request
from sessions.passwords import PasswordHasher

PASSWORD = "the owls are not what they seem"
LOGIN, ME = "/api/v1/session", "/api/v1/me"
FROM_US = {"Sec-Fetch-Site": "same-origin", "Content-Type": "application/json"}


@dataclass(frozen=True)
class Account:
    id: UUID
    email: str

    def login(self) -> Request:
        credentials = {"email": self.email, "password": PASSWORD}
        return Request(LOGIN, "POST", FROM_US, json.dumps(credentials))

    def claim(self) -> Request:
        """What the contestant on libs/auth takes for a login: it has no accounts."""
        return Request(LOGIN, "POST", FROM_US, json.dumps({"id": str(self.id), "email": self.email}))


def make_accounts(url: str, count: int, memory_kib: int, passes: int) -> list[Account]:
    """Replace all accounts of the database."""
    accounts = [Account(uuid4(), f"user{number}@example.org") for number in range(count)]
    stored = PasswordHasher(memory_kib, passes).hash(PASSWORD)
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        cursor.execute("TRUNCATE users CASCADE")
        cursor.executemany(
            "INSERT INTO users (id, email, password_hash) VALUES (%s, %s, %s)",
            [(account.id, account.email, stored) for account in accounts],
        )
    return accounts


def signed_in(port: int, login: Request) -> Request:
    """Sign in, and return the request that asks who is signed in."""
    cookie = answer_of(port, login).headers["set-cookie"].partition(";")[0]
    return Request(ME, headers={"Cookie": cookie})
