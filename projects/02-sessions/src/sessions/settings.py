"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

import re
from typing import Annotated, Final, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.settings import ServiceSettings
from service_kit.urls import PostgresUrl, RedisUrl, check_address
from sessions.domain import canonical_email, is_email

ORIGIN: Final = re.compile(r"https?://[a-z0-9.-]+(?::[0-9]{1,5})?|https?://\[[0-9a-f:.]+\](?::[0-9]{1,5})?")
DAY_SECONDS: Final = 86_400


def check_origin(origin: str) -> str:
    if not ORIGIN.fullmatch(origin):
        raise ValueError("it is a scheme, a host and perhaps a port, such as https://app.example")
    port = urlsplit(origin).port  # raises ValueError above 65535
    if port in {0, 443 if origin.startswith("https:") else 80}:
        raise ValueError("browsers leave the port out that a scheme has by itself")
    return origin


def check_smtp_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"smtp", "smtps"} or not parts.hostname or parts.path or parts.query:
        raise ValueError("it is smtp://[user:password@]host[:port], or smtps://")
    if "#" in url:
        raise ValueError("it has no fragment; special characters of a password are percent-encoded")
    check_address(url, parts.hostname, parts.port)  # the port raises ValueError for what is none
    return url


def check_email(email: str) -> str:
    if not is_email(email):
        raise ValueError("it is an e-mail address")
    return canonical_email(email)


def check_emails(emails: str) -> str:
    return ",".join(check_email(email.strip()) for email in emails.split(",") if email.strip())


class Stores(BaseSettings):
    """What every process reads. Without repr: an address may hold a password."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class Settings(ServiceSettings, Stores):
    """What `web` reads."""

    redis_url: Annotated[RedisUrl, Field(repr=False, description="Where Redis is")]
    smtp_url: Annotated[
        str,
        AfterValidator(check_smtp_url),
        Field(repr=False, description="Which server takes the mails: `smtp://host:port`, or `smtps://`"),
    ]
    public_origin: Annotated[
        str,
        AfterValidator(check_origin),
        Field(description="Where the service's pages are for browsers, such as `https://app.example`"),
    ]
    mail_from: Annotated[str, AfterValidator(check_email), Field(description="The sender of the mails")] = (
        "accounts@localhost"
    )
    admin_emails: Annotated[
        str,
        AfterValidator(check_emails),
        Field(description="The e-mails of the administrators, with commas between"),
    ] = ""
    trusted_hops: Annotated[
        int, Field(ge=0, le=10, description="How many proxies of yours stand in front")
    ] = 0
    session_idle_seconds: Annotated[
        float, Field(gt=0, le=90 * DAY_SECONDS, description="A session ends so long after its last request")
    ] = 1800.0
    session_absolute_seconds: Annotated[
        float, Field(gt=0, le=365 * DAY_SECONDS, description="A session ends so long after its login")
    ] = 43_200.0
    session_touch_seconds: Annotated[
        float,
        Field(
            ge=0, le=3600, description="How exactly the last request is noted; below `SESSION_IDLE_SECONDS`"
        ),
    ] = 60.0
    max_sessions: Annotated[int, Field(ge=1, le=100, description="How many sessions a user has at most")] = 10
    fresh_seconds: Annotated[
        float, Field(ge=0, le=DAY_SECONDS, description="How long a login stands for the current password")
    ] = 300.0
    token_seconds: Annotated[
        float, Field(gt=0, le=7 * DAY_SECONDS, description="How long the token of a mail is good")
    ] = 3600.0
    password_min: Annotated[
        int, Field(ge=8, le=64, description="The shortest new password, in code points after NFC")
    ] = 15
    password_max: Annotated[
        int, Field(ge=64, le=4096, description="The longest password, in code points after NFC")
    ] = 256
    # 26 ms and 19 MiB each: OWASP, Password Storage Cheat Sheet.
    argon2_memory_kib: Annotated[int, Field(ge=1024, le=1_048_576, description="Argon2id: memory in KiB")] = (
        19_456
    )
    argon2_passes: Annotated[int, Field(ge=1, le=16, description="Argon2id: passes over it")] = 2
    hash_concurrency: Annotated[
        int, Field(ge=1, le=64, description="How many passwords a process hashes at once")
    ] = 2
    hash_queue: Annotated[
        int, Field(ge=0, le=1000, description="How many more wait for it; what is above gets 503")
    ] = 20
    login_failures: Annotated[
        int, Field(ge=1, le=100, description="How many failures of an account lead to a lock")
    ] = 10
    lock_seconds: Annotated[
        float, Field(gt=0, le=3600, description="The first lock; it doubles with each failure after it")
    ] = 30.0
    longest_lock_seconds: Annotated[
        float, Field(gt=0, le=DAY_SECONDS, description="The longest lock, not below the first")
    ] = 3600.0
    address_failures: Annotated[
        int, Field(ge=1, le=1_000_000, description="How many failures an address may have in its window")
    ] = 100
    address_seconds: Annotated[
        float, Field(gt=0, le=DAY_SECONDS, description="The window of an address, from its first failure")
    ] = 3600.0

    @property
    def administrators(self) -> frozenset[str]:
        return frozenset(filter(None, self.admin_emails.split(",")))

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.session_touch_seconds >= self.session_idle_seconds:
            raise ValueError("SESSION_TOUCH_SECONDS must be less than SESSION_IDLE_SECONDS")
        if self.longest_lock_seconds < self.lock_seconds:
            raise ValueError("LONGEST_LOCK_SECONDS must not be less than LOCK_SECONDS")
        return self
