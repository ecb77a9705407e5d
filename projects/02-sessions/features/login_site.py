"""Who uses the login service: accounts that were drawn, their browsers, the mails that they get."""

import json
import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from kata.steps import (
    Client,
    Draw,
    Exchange,
    Mail,
    Request,
    Service,
    as_object,
    burst,
    describe_answer,
    expect,
    is_problem,
    send_raw,
)

API = "/api/v1"
COOKIE = "__Host-session"
OK, CREATED, ACCEPTED, NO_CONTENT = 200, 201, 202, 204
MALFORMED, UNAUTHORIZED, FORBIDDEN, NOT_FOUND, UNSUPPORTED = 400, 401, 403, 404, 415
INVALID, TOO_MANY, UNAVAILABLE = 422, 429, 503
# Patience costs nothing where the thing happens, and a busy machine must not fail what is merely slow.
PATIENCE_SECONDS = 10.0
TOKEN = re.compile(r"/#(?:email-)?token=([A-Za-z0-9_-]+)")
# Composed and single code points: NFC changes none of them.
LETTERS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 -_.!?"
    "\u00e4\u00f6\u00fc\u00df\u00e9\u00f1\u0436\u05d0\u65e5\U0001f600\U0001f9ff"
)

type Json = Mapping[str, object]


@dataclass(frozen=True)
class Account:
    """Somebody with a password, at an address of their own."""

    email: str
    password: str
    address: str
    id: str = ""


@dataclass
class Browser:
    """Somebody who is signed in, with the cookie that the last answer set."""

    site: "Site"
    account: Account
    secret: str
    agent: str = ""
    client: Client = field(init=False)

    def __post_init__(self) -> None:
        self.client = self.site.service.client()

    def ask(self, method: str, path: str, body: object = None) -> Exchange:
        """Send a request with the cookie, and keep the one that the answer sets."""
        site, address = self.site, self.account.address
        answer = site.ask(method, path, body, cookie=self.secret, address=address, client=self.client)
        if (secret := secret_of(answer)) is not None:
            self.secret = secret
        return answer

    def me(self, process: int = 0) -> Exchange:
        return self.site.ask("GET", "/me", cookie=self.secret, process=process)

    def csrf_token(self) -> str:
        return str(as_object(self.me()).get("csrf_token"))

    def session_id(self) -> str:
        """Return the public id of this session."""
        current = [item for item in self.sessions() if item.get("current") is True]
        expect(len(current) == 1, expected="one session that is current", got=len(current))
        return str(current[0].get("id"))

    def sessions(self) -> list[Json]:
        return items_of(self.site.ask("GET", "/sessions", cookie=self.secret))


class Site:
    """A login service with what was drawn for it."""

    def __init__(self, service: Service, draw: Draw, settings: Mapping[str, str]) -> None:
        self.service = service
        self.draw = draw
        self.settings = settings
        self._clients: dict[int, Client] = {}

    def number(self, name: str) -> float:
        return float(self.settings[name])

    @property
    def origin(self) -> str:
        return self.settings["PUBLIC_ORIGIN"]

    @property
    def administrators(self) -> list[str]:
        return self.settings["ADMIN_EMAILS"].split(",")

    def other_settings(self) -> dict[str, str]:
        """Return what a second process has: other administrators, and a longest lock at its least."""
        longest = self.settings.get("LOCK_SECONDS", "30")
        return {"ADMIN_EMAILS": self.administrators[1], "LONGEST_LOCK_SECONDS": longest}

    # Requests

    def proof(self) -> dict[str, str]:
        """Say in one of the ways that it is a page of the service that sends this."""
        ways = [{"Sec-Fetch-Site": "same-origin"}, {"Sec-Fetch-Site": "none"}, {"Origin": self.origin}]
        return self.draw.choice(ways)

    def request(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        cookie: str | None = None,
        address: str | None = None,
        proof: Mapping[str, str] | None = None,
    ) -> Request:
        headers = dict(self.proof() if proof is None and method != "GET" else proof or {})
        if cookie is not None:
            headers["Cookie"] = f"{COOKIE}={cookie}"
        headers["X-Forwarded-For"] = address or self.draw.address()
        if body is None:
            return Request(method, f"{API}{path}", headers)
        headers["Content-Type"] = "application/json"
        written = json.dumps(body, ensure_ascii=self.draw.choice([True, False]))
        return Request(method, f"{API}{path}", headers, written.encode())

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        cookie: str | None = None,
        address: str | None = None,
        proof: Mapping[str, str] | None = None,
        process: int = 0,
        client: Client | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        asked = self.request(method, path, body, cookie=cookie, address=address, proof=proof)
        client = client or self._client(process)
        return client.request(
            method, asked.path, headers={**asked.headers, **(headers or {})}, body=asked.body or None
        )

    def raw(self, method: str, path: str, lines: Sequence[tuple[str, str]], body: object = None) -> Exchange:
        """Send a request with exactly these header lines, of which several may have one name."""
        content = b"" if body is None else json.dumps(body).encode()
        url = self.service.urls[0]
        fields = [("Host", url.partition("//")[2]), ("Connection", "close"), *lines]
        if content:
            fields += [("Content-Type", "application/json"), ("Content-Length", str(len(content)))]
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        return send_raw(url, f"{method} {API}{path} HTTP/1.1\r\n{head}\r\n".encode() + content)

    def _client(self, process: int) -> Client:
        if process not in self._clients:
            self._clients[process] = self.service.client(process=process)
        return self._clients[process]

    def burst(self, requests: Sequence[Request], timeout_seconds: float = PATIENCE_SECONDS) -> list[Exchange]:
        return burst(self.service.urls[0], requests, timeout_seconds=timeout_seconds)

    # People

    def email(self) -> str:
        """Draw an address, some of whose letters are capitals."""
        ends = [".example", ".test", ".org", ".co.uk", ""]  # a browser takes a host without a dot, too
        text = f"{self.draw.word()}.{self.draw.word()}@{self.draw.word()}{self.draw.choice(ends)}"
        return "".join(letter.upper() if self.draw.integer(0, 3) == 0 else letter for letter in text)

    def password(self, length: int | None = None) -> str:
        """Draw one of so many code points, by default a few more than the least."""
        least = int(self.number("PASSWORD_MIN"))
        return self.draw.text(length or self.draw.integer(least, least + 12), LETTERS)

    def account(self, email: str | None = None, password: str | None = None) -> Account:
        """Have an account made, by the mail that is sent for it."""
        email, password = email or self.email(), password or self.password()
        address = self.draw.address()
        token = self.token(email)
        answer = self.make(token, password, address)
        is_answered(answer, CREATED, "POST /accounts")
        return Account(email, password, address, str(as_object(answer).get("id")))

    def make(self, token: str, password: str, address: str | None = None) -> Exchange:
        return self.ask("POST", "/accounts", {"token": token, "password": password}, address=address)

    def register(self, email: str) -> Exchange:
        answer = self.ask("POST", "/registrations", {"email": email})
        is_answered(answer, ACCEPTED, "POST /registrations")
        return answer

    def token(self, email: str) -> str:
        """Register, and return the token of the mail."""
        before = len(self.mails(email))
        self.register(email)
        return token_of(self.mail(email, before + 1))

    def mails(self, email: str) -> list[Mail]:
        return self.service.mail.server.received(email)

    def mail(self, email: str, count: int = 1) -> Mail:
        """Return the newest mail to an address, when there are so many."""
        mails = self.service.mail.server.wait_for(email, count, PATIENCE_SECONDS)
        expect(
            len(mails) >= count,
            expected=f"mail {count} to {email}",
            got=f"{len(mails)} within {PATIENCE_SECONDS:g} s",
            timing=True,
        )
        return mails[-1]

    def login_request(self, account: Account, cookie: str | None = None) -> Request:
        body = {"email": account.email, "password": account.password}
        return self.request("POST", "/session", body, cookie=cookie, address=account.address)

    def login(
        self, account: Account, cookie: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Exchange:
        return self.ask(
            "POST",
            "/session",
            {"email": account.email, "password": account.password},
            cookie=cookie,
            address=account.address,
            headers=headers,
        )

    def guess(self, account: Account, address: str | None = None, process: int = 0) -> Exchange:
        """Sign in with a password that is wrong."""
        body = {"email": account.email, "password": self.password()}
        return self.ask("POST", "/session", body, address=address or account.address, process=process)

    def browser(self, account: Account | None = None, agent: str = "") -> Browser:
        """Sign in, with this program."""
        account = account or self.account()
        answer = self.login(account, headers={"User-Agent": agent} if agent else None)
        return Browser(self, account, secret_in(answer), agent)

    def chief(self) -> Browser:
        """Sign an administrator in, who has an account from the first time on."""
        email, password = self.administrators[0], f"{self.origin[::-1]} of all"
        account = Account(email, password, self.draw.address())
        if self.login(account).status != OK:
            account = self.account(email, password)
        return self.browser(account)

    def stranger(self) -> Account:
        """Draw somebody who has no account."""
        return Account(self.email(), self.password(), self.draw.address())


def is_answered(answer: Exchange, status: int, by: str) -> None:
    """Demand a status. A 503 of a service that has its stores may be the fault of a slow machine."""
    overloaded = answer.status == UNAVAILABLE
    expect(answer.status == status, expected=f"{status} from {by}", got=describe(answer), timing=overloaded)


def secret_in(answer: Exchange) -> str:
    """Return the secret that a login has set, or fail the check."""
    is_answered(answer, OK, "the login")
    secret = secret_of(answer)
    expect(bool(secret), expected=f"Set-Cookie: {COOKIE}=…", got=cookies_of(answer))
    return secret or ""


def cookies_of(answer: Exchange) -> list[str]:
    return [value for name, value in answer.headers if name.lower() == "set-cookie"]


def secret_of(answer: Exchange) -> str | None:
    """Return what an answer sets the cookie to; None if it does not set it."""
    for line in cookies_of(answer):
        name, _, rest = line.partition("=")
        if name.strip() == COOKIE:
            return rest.partition(";")[0].strip()
    return None


def attributes_of(answer: Exchange) -> dict[str, str]:
    """Return the attributes of the only cookie that an answer sets, their names in lower case."""
    lines = cookies_of(answer)
    expect(len(lines) == 1, expected="one Set-Cookie", got=lines)
    parts = [part.strip().partition("=") for part in lines[0].split(";")[1:]]
    return {name.lower(): value for name, _, value in parts}


def is_cleared(answer: Exchange, rule: str | None = None) -> None:
    """Demand that the answer has a browser forget the cookie."""
    shown = cookies_of(answer)
    expect(secret_of(answer) == "", expected=f"Set-Cookie: {COOKIE}=; Max-Age=0; …", got=shown, rule=rule)
    attributes = attributes_of(answer)
    expect(attributes.get("max-age") == "0", expected="Max-Age=0", got=shown, rule=rule)
    expect(
        {"secure"} <= attributes.keys() and attributes.get("path") == "/",
        expected="Secure and Path=/, without which a browser ignores it",
        got=shown,
        rule=rule,
    )


def is_signed_in(browser: Browser, rule: str | None = None, process: int = 0) -> Exchange:
    answer = browser.me(process)
    expect(answer.status == OK, expected="200 from GET /me", got=describe(answer), rule=rule)
    email = as_object(answer).get("email")
    expect(
        email == browser.account.email.lower(), expected=browser.account.email.lower(), got=email, rule=rule
    )
    return answer


def is_signed_out(browser: Browser, rule: str | None = None, process: int = 0) -> None:
    answer = browser.me(process)
    expect(answer.status == UNAUTHORIZED, expected="401 from GET /me", got=describe(answer), rule=rule)


def items_of(answer: Exchange) -> list[Json]:
    expect(answer.status == OK, expected="200", got=describe(answer))
    items = as_object(answer).get("items")
    expect(isinstance(items, list), expected="items, a list", got=answer.text[:200])
    return [item for item in items if isinstance(item, dict)] if isinstance(items, list) else []


def token_of(mail: Mail) -> str:
    found = TOKEN.search(mail.text)
    expect(found is not None, expected="a link with a token in the mail", got=mail.text[:300])
    return found[1] if found else ""


def is_refused(answer: Exchange, pointer: str, rule: str | None = None) -> None:
    """Demand a 422 that points at the mistake."""
    problem = is_problem(answer, INVALID, rule)
    errors = problem.get("errors")
    found = (
        [one.get("pointer") for one in errors if isinstance(one, dict)] if isinstance(errors, list) else []
    )
    expect(pointer in found, expected=f"a pointer to {pointer}", got=answer.text[:300], rule=rule)


def describe(answer: Exchange) -> str:
    text = "" if OK <= answer.status < 300 else f" {answer.text[:200]}"
    return f"{describe_answer(answer)}{text}"


def retry_after(answer: Exchange, rule: str | None = None) -> int:
    value = answer.header("retry-after") or "none"
    expect(value.isdigit() and int(value) >= 1, expected="Retry-After: whole seconds", got=value, rule=rule)
    return int(value) if value.isdigit() else 0


def wait(seconds: float) -> None:
    time.sleep(max(0.0, seconds))


def other_password(account: Account, password: str) -> Account:
    return replace(account, password=password)
