"""What can be set, and within which bounds. Each field is the environment variable of the same name."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field
from pydantic_settings import NoDecode, SettingsConfigDict

from service_kit.settings import ServiceSettings
from service_kit.urls import RedisUrl
from throttler.client_address import Network, Networks, parse_networks
from throttler.failover import FailureMode
from throttler.limiter import Algorithm, Policy
from throttler.policies import DEFAULT_POLICY, MAX_LIMIT, MAX_WINDOW_SECONDS

type NetworkList = Annotated[tuple[Network, ...], NoDecode, BeforeValidator(parse_networks)]


class Settings(ServiceSettings):
    """The throttler's settings."""

    model_config = SettingsConfigDict(env_ignore_empty=True)

    redis_url: Annotated[
        RedisUrl, Field(repr=False, description="Where the counts are kept, as redis://host:port/database")
    ]
    limit: Annotated[int, Field(ge=1, le=MAX_LIMIT, description="Requests in a window")]
    # Whole seconds, because the `w` of RateLimit-Policy is; at most a day.
    window_seconds: Annotated[
        int, Field(ge=1, le=MAX_WINDOW_SECONDS, description="Length of the window in whole seconds")
    ]
    algorithm: Annotated[Algorithm, Field(description="What a window of time means")] = Algorithm.FIXED_WINDOW
    trusted_hops: Annotated[
        int, Field(ge=0, le=10, description="How many proxies of yours stand in front")
    ] = 0
    failure_mode: Annotated[FailureMode, Field(description="Who decides while Redis is lost")] = (
        FailureMode.LOCAL
    )
    policies_file: Annotated[
        Path | None, Field(description="A file of more policies, as policies.sample.toml")
    ] = None
    shadow: Annotated[bool, Field(description="Count and tell, but refuse nobody")] = False
    allow: Annotated[
        NetworkList,
        Field(description="Networks that are never limited, with commas between", validate_default=False),
    ] = ()
    deny: Annotated[
        NetworkList, Field(description="Networks that get 403, with commas between", validate_default=False)
    ] = ()
    # nginx's auth_request makes a 500 of any refusal but 401 and 403; Caddy and Traefik hand 429 on.
    gate_deny_status: Annotated[
        Literal["429", "403"], Field(description="The status of a refusal at the gate; 403 for nginx")
    ] = "429"

    @property
    def default_policy(self) -> Policy:
        return Policy(DEFAULT_POLICY, self.limit, self.window_seconds)

    @property
    def networks(self) -> Networks:
        return Networks(self.allow, self.deny)
