"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

import shlex
from pathlib import Path
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, DirectoryPath, Field, FilePath
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from levels.domain import Trust
from levels.receipts import Issuer, read_signer
from service_kit import worker
from service_kit.settings import BearerToken, ServiceSettings
from service_kit.urls import PostgresUrl


def command_line(text: str) -> str:
    words = shlex.split(text)
    if not words or not words[0]:
        raise ValueError("it names no program")
    return text


def key_file(path: Path | None) -> Path | None:
    if path is not None:
        read_signer(path)
    return path


def key_list(text: object) -> object:
    return tuple(text.split(",")) if isinstance(text, str) else text


Key = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]{43}$")]
Keys = Annotated[tuple[Key, ...], NoDecode, BeforeValidator(key_list)]


class DatabaseSettings(BaseSettings):
    """What `migrate` reads."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    # Without repr: it may hold a password.
    database_url: Annotated[PostgresUrl, Field(repr=False, description="Where PostgreSQL is")]


class ReleaseSettings(DatabaseSettings):
    """What `migrate` reads besides, to make a key on a learner's own machine."""

    operator_token: str | None = None
    signing_key_file: Path | None = None


class Settings(DatabaseSettings):
    """What `web` and `worker` read. Both read all of it, so that a mistake stops both."""

    verifier: Annotated[
        str,
        AfterValidator(command_line),
        Field(
            max_length=4096,
            description="The program that judges, with its first arguments, quoted as for a shell",
        ),
    ] = "kata"
    solutions_dir: Annotated[
        DirectoryPath,
        Field(description="The folder beneath which solutions lie; in a class there is one for each learner"),
    ] = Path("/")
    operator_token: Annotated[
        BearerToken | None,
        Field(
            repr=False,
            description="Makes it a service for a class: who sends it can add learners. Without it there is"
            " one learner, and no account",
        ),
    ] = None
    allow_private_targets: Annotated[
        bool,
        Field(
            description="Whether what is judged by its URL may be at an address that is not public: only for"
            " trying out, for who asks for a run can then reach all that the workers can"
        ),
    ] = False
    lease_seconds: Annotated[
        float, Field(ge=1, le=3600, description="How long a claim of a run lasts without renewal")
    ] = 15.0
    run_timeout_seconds: Annotated[
        float, Field(gt=0, le=86_400, description="How long a run may take in all")
    ] = 1800.0
    stale_after_days: Annotated[
        float, Field(gt=0, le=36_500, description="How long it counts that a level was verified")
    ] = 90.0
    signing_key_file: Annotated[
        FilePath | None,
        AfterValidator(key_file),
        Field(
            description="A file with the key that signs receipts: Ed25519, PKCS#8 in PEM. Without it there"
            " are none",
        ),
    ] = None
    trusted_keys: Annotated[
        Keys,
        Field(description="Other keys whose receipts count: public ones in base64url, with commas between"),
    ] = ()
    output_limit_bytes: Annotated[
        int,
        Field(
            ge=256,
            le=1024 * 1024,
            description="How much is kept of each report, and of all that a run prints besides",
        ),
    ] = 65_536

    @property
    def command(self) -> tuple[str, ...]:
        return tuple(shlex.split(self.verifier))

    @property
    def issuer(self) -> Issuer:
        """Who signs: on the learner's own machine it is they who could forge it, and it says so."""
        signer = None if self.signing_key_file is None else read_signer(self.signing_key_file)
        return Issuer(signer, Trust.LOCAL if self.operator_token is None else Trust.HOSTED)

    @property
    def keys(self) -> frozenset[str]:
        """Whose receipts count."""
        own = self.issuer.signer
        return frozenset(self.trusted_keys) | (frozenset() if own is None else {own.key})


class WebSettings(ServiceSettings, Settings):
    """What `web` reads."""

    heartbeat_seconds: Annotated[
        float, Field(ge=0.1, le=15, description="How long a stream of events may be silent")
    ] = 15.0


class WorkerSettings(worker.WorkerSettings, Settings):
    """What `worker` reads."""
