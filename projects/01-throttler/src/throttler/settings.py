"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, RedisDsn
from pydantic_settings import NoDecode, SettingsConfigDict

from service_kit.settings import ServiceSettings
from throttler.client_address import Network, Networks, parse_networks
from throttler.failover import FailureMode
from throttler.limiter import Algorithm, Policy
from throttler.policies import DEFAULT_POLICY, MAX_LIMIT, MAX_WINDOW_SECONDS

type NetworkList = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(parse_networks)]


class Settings(ServiceSettings):
    """The throttler's settings."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    redis_url: Annotated[RedisDsn, Field(repr=False)]  # it may hold a password
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT)]
    # Whole seconds, because the `w` of RateLimit-Policy is; at most a day.
    window_seconds: Annotated[int, Field(ge=1, le=MAX_WINDOW_SECONDS)]
    algorithm: Algorithm = Algorithm.FIXED_WINDOW
    trusted_hops: Annotated[int, Field(ge=0, le=10)] = 0
    failure_mode: FailureMode = FailureMode.LOCAL
    policies_file: Path | None = None
    shadow: bool = False
    allow: NetworkList = Field(default=(), validate_default=False)
    deny: NetworkList = Field(default=(), validate_default=False)
    # nginx's auth_request makes a 500 of any refusal but 401 and 403; Caddy and Traefik hand 429 on.
    gate_deny_status: Literal["429", "403"] = "429"

    @property
    def default_policy(self) -> Policy:
        return Policy(DEFAULT_POLICY, self.limit, self.window_seconds)

    @property
    def networks(self) -> Networks:
        return Networks(self.allow, self.deny)
