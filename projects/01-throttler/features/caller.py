"""A client of the throttler, and what may be demanded of the answers that it got."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address, IPv6Network

from kata.steps import (
    TOLERANCE_SECONDS,
    Client,
    Draw,
    Exchange,
    Inconclusive,
    Service,
    World,
    describe_answer,
    expect,
    surely_within,
)

PING = "/api/v1/ping"
ECHO = "/api/v1/echo"
LONGEST_WORD = 64
ROUTES = (PING, f"{ECHO}/{{word}}")
PRINTED = (10, 60)  # the limit and the window that the lesson prints
DEFAULT_MODE = "local"
MODES = (DEFAULT_MODE, "open", "closed")
OK = 200
NO_CONTENT = 204
TOO_MANY = 429
ANSWER_SECONDS = 0.2
# A service that has waited so long for one command may count by itself.
UP_SECONDS = 0.05
# And one that answers so late may have given up a conversation that Redis went through with.
GIVEN_UP_SECONDS = 0.1
# Of Redis, in milliseconds each way: below the 50 that count as up, above what a race needs to show.
DELAY_MILLISECONDS = (6, 16)
# A service that has lost Redis for a moment, on a busy machine, is back after so long.
BACK_SECONDS = 2.0
CONNECTIONS = 3
# Milliseconds before the end of a window in which its budget is still spent.
CLOSE_TO_THE_END = (180, 400)


@dataclass(frozen=True)
class Throttler:
    """A running throttler and the settings that it was given."""

    service: Service
    limit: int
    window_seconds: int
    hops: int = 1
    mode: str = DEFAULT_MODE
    ready_since: float = field(default_factory=time.monotonic)


@dataclass
class Caller:
    """One client of the throttler, known by the address that its proxy writes."""

    throttler: Throttler
    address: str
    draw: Draw
    route: str = PING
    sent: list[Exchange] = field(default_factory=list)
    already: int = 0
    """How many requests it sends one by one, before many at once."""
    opened_in_redis: Exchange | None = None
    """The request that opened its window there, if it is now counted elsewhere."""
    _connections: list[Client] = field(default_factory=list)
    _beside: dict[str, str] = field(init=False)
    """What else its proxies write: by nothing are they to be told from others."""

    def __post_init__(self) -> None:
        name = f"{self.draw.word()}.{self.draw.choice(('example', 'test', 'net'))}"
        self._beside = self.draw.choice(
            (
                {},
                {"Host": name},
                {"X-Forwarded-Proto": self.draw.choice(("http", "https")), "X-Forwarded-Host": name},
                {"Host": name, "X-Forwarded-Proto": "https", "X-Real-IP": self.address},
                {"Via": f"1.1 {name}"},
            )
        )

    def headers(self) -> dict[str, str]:
        """What the proxies write; the verifier is the last of them."""
        listed = ", ".join([self.address] + ["10.0.0.9"] * (self.throttler.hops - 1))
        return {"X-Forwarded-For": listed, **self._beside}

    @property
    def path(self) -> str:
        """A path of its route: of the words each time another."""
        return PING if self.route == PING else f"{ECHO}/{self.draw.word()}"

    @property
    def other_route(self) -> str:
        return ROUTES[self.route == PING]

    @property
    def http(self) -> Client:
        """The next of its connections, which lead to all web processes in turn."""
        if not self._connections:
            processes = len(self.throttler.service.urls)
            self._connections = [
                self.throttler.service.client(process=number % processes)
                for number in range(max(CONNECTIONS, 2 * processes))
            ]
        self._connections.append(self._connections.pop(0))
        return self._connections[-1]

    def send(
        self, path: str | None = None, headers: dict[str, str] | None = None, method: str = "GET"
    ) -> Exchange:
        """Send one request and remember its answer."""
        exchange = self.http.request(method, path or self.path, headers=headers or self.headers())
        self.sent.append(exchange)
        return exchange

    def send_many(self, count: int, path: str | None = None) -> list[Exchange]:
        return [self.send(path) for _ in range(count)]

    def redis_keys(self) -> list[str]:
        """Return its keys in Redis; those of an IPv6 client may begin with its network of 64 bits."""
        owners = [self.address]
        if ":" in self.address:
            owners.append(str(IPv6Network((int(IPv6Address(self.address)), 64), strict=False)))
        redis = self.throttler.service.redis.client
        return [str(key) for owner in owners for key in redis.scan_iter(f"rate:{owner}:*")]

    @property
    def opened(self) -> Exchange:
        """The request that opened the window."""
        return self.sent[0]

    @property
    def window_is_over(self) -> float:
        """The first moment at which the window has surely closed."""
        return self.opened.received + self.throttler.window_seconds + TOLERANCE_SECONDS

    def in_doubt(self) -> None:
        """Be sure that Redis was asked each time, where a machine that is slow may have made it look lost.

        Raises:
            Inconclusive: an answer took longer than a command may, and Redis holds less than was let through.

        """
        slowest = max(exchange.received - exchange.sent for exchange in self.sent)
        if slowest <= UP_SECONDS:
            return
        passed = sum(exchange.status != TOO_MANY for exchange in self.sent)
        keys = self.redis_keys()
        held = counts_in_redis(keys, self)
        if slowest > GIVEN_UP_SECONDS or (keys and (held is None or held < passed)):
            raise Inconclusive(
                f"{passed} passed, one after {slowest:.3f} s, and Redis holds {held or 'some'} of them:"
                " the service may have given it up for a moment, and counted the others by itself"
            )

    def within_window(self) -> None:
        """Be sure that all answers came while the window was open: only then is a refusal demanded."""
        last = max(self.sent, key=lambda exchange: exchange.received)
        if not surely_within(self.opened, last, self.throttler.window_seconds):
            raise Inconclusive(
                f"the requests took longer than the window of {self.throttler.window_seconds} s"
            )


def draw_throttler(world: World, start: Callable[[dict[str, str]], Service], **fixed: str) -> Throttler:
    """Start a throttler with a limit and a window that the run draws."""
    settings = {**draw_settings(world), **fixed}
    return Throttler(
        start(settings),
        int(settings["LIMIT"]),
        int(settings["WINDOW_SECONDS"]),
        int(settings["TRUSTED_HOPS"] or 0),
        settings.get("FAILURE_MODE") or DEFAULT_MODE,
    )


def draw_settings(world: World) -> dict[str, str]:
    """Return the settings of the run, the same for all its checks."""
    return {
        "LIMIT": str(world.setting("LIMIT", 4, 16, away_from=PRINTED)),
        "WINDOW_SECONDS": str(world.setting("WINDOW_SECONDS", 2, 3, away_from=PRINTED)),
        "TRUSTED_HOPS": "1",
    }


def all_succeed(client: Caller) -> None:
    """Demand that every answer so far was a success."""
    for number, exchange in enumerate(client.sent, start=1):
        expect(
            OK <= exchange.status < 300,
            expected=f"200 for request {number}",
            got=describe_answer(exchange),
            exchanges=client.sent[:number],
        )


def refused(client: Caller, *, in_redis: bool = True) -> None:
    """Demand that the last answer is a 429, if the window was surely still open."""
    answer = client.sent[-1]
    if answer.status == TOO_MANY:
        return
    client.within_window()
    if in_redis:
        client.in_doubt()
    limit = client.throttler.limit
    expect(
        False,
        expected=f"429 for request {len(client.sent)} within the window ({limit} of {limit} used)",
        got=describe_answer(answer),
        exchanges=client.sent,
    )


def refused_last(client: Caller, *, in_redis: bool = True) -> None:
    """Demand that the last answer is a 429 and all before it are successes."""
    statuses = [exchange.status for exchange in client.sent]
    limit = client.throttler.limit
    if statuses == [OK] * limit + [TOO_MANY]:
        return
    client.within_window()
    if in_redis:
        client.in_doubt()
    wrong = next(n for n, status in enumerate(statuses) if status != (OK if n < limit else TOO_MANY))
    expect(
        False,
        expected=f"{OK if wrong < limit else TOO_MANY} for request {wrong + 1} of {limit + 1}",
        got=describe_answer(client.sent[wrong]),
        exchanges=client.sent[: wrong + 1],
    )


def counts_in_redis(keys: Sequence[str], client: Caller) -> int | None:
    """Return what the keys hold if they are plain numbers, as most solutions keep them."""
    redis = client.throttler.service.redis.client
    values = [redis.get(key) if redis.type(key) == "string" else None for key in keys]
    numbers = [int(str(value)) for value in values if str(value).isdigit()]
    return sum(numbers) if len(numbers) == len(values) else None
