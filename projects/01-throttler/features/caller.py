"""A client of the throttler, and what may be demanded of the answers that it got."""

from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import quote

from kata.steps import (
    TOLERANCE_SECONDS,
    Client,
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
PRINTED = (10, 60)  # the numbers that the lesson prints
OK = 200
NO_CONTENT = 204
TOO_MANY = 429
ANSWER_SECONDS = 0.2
# Of Redis, each way: far below the 50 ms that count as up, far above what a race needs to show.
DELAY_SECONDS = 0.01


@dataclass(frozen=True)
class Throttler:
    """A running throttler and the settings that it was given."""

    service: Service
    limit: int
    window_seconds: int


@dataclass
class Caller:
    """One client of the throttler, known by the address that its proxy writes."""

    throttler: Throttler
    address: str
    http: Client
    sent: list[Exchange] = field(default_factory=list)
    word: str = ""

    def headers(self) -> dict[str, str]:
        return {"X-Forwarded-For": self.address}

    def send(self, path: str = PING, headers: dict[str, str] | None = None) -> Exchange:
        """Send one request and remember its answer."""
        exchange = self.http.get(path, headers=headers or self.headers())
        self.sent.append(exchange)
        return exchange

    def send_many(self, count: int, path: str = PING) -> list[Exchange]:
        return [self.send(path) for _ in range(count)]

    @property
    def opened(self) -> Exchange:
        """The request that opened the window."""
        return self.sent[0]

    @property
    def window_is_over(self) -> float:
        """The first moment at which the window has surely closed."""
        return self.opened.received + self.throttler.window_seconds + TOLERANCE_SECONDS

    def within_window(self) -> None:
        """Be sure that all answers came while the window was open: only then is a refusal demanded."""
        if not surely_within(self.opened, self.sent[-1], self.throttler.window_seconds):
            raise Inconclusive(
                f"the requests took longer than the window of {self.throttler.window_seconds} s"
            )


def draw_throttler(world: World, start: Callable[[dict[str, str]], Service], **fixed: str) -> Throttler:
    """Start a throttler with a limit and a window that the run draws."""
    settings = {**draw_settings(world), **fixed}
    return Throttler(start(settings), int(settings["LIMIT"]), int(settings["WINDOW_SECONDS"]))


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


def refused(client: Caller) -> None:
    """Demand that the last answer is a 429, if the window was surely still open."""
    answer = client.sent[-1]
    if answer.status == TOO_MANY:
        return
    client.within_window()
    limit = client.throttler.limit
    expect(
        False,
        expected=f"429 for request {len(client.sent)} within the window ({limit} of {limit} used)",
        got=describe_answer(answer),
        exchanges=client.sent,
        timing=True,
    )


def refused_last(client: Caller) -> None:
    """Demand that the last answer is a 429 and all before it are successes."""
    statuses = [exchange.status for exchange in client.sent]
    limit = client.throttler.limit
    if statuses == [OK] * limit + [TOO_MANY]:
        return
    client.within_window()
    wrong = next(n for n, status in enumerate(statuses) if status != (OK if n < limit else TOO_MANY))
    expect(
        False,
        expected=f"{OK if wrong < limit else TOO_MANY} for request {wrong + 1} of {limit + 1}",
        got=describe_answer(client.sent[wrong]),
        exchanges=client.sent[: wrong + 1],
        timing=True,
    )


def ask_gate(client: Caller, path: str) -> Exchange:
    """Ask the gate about a path as a proxy does: with the query and the headers of its client."""
    of_the_client = {"Accept": "image/webp", "Content-Type": "text/plain"}
    headers = {**client.headers(), **of_the_client, "X-Forwarded-Uri": path}
    return client.send(f"/gate?{quote(path.strip('/'))}=1", headers=headers)


def gate_refuses_last(client: Caller, asked: list[Exchange]) -> None:
    """Demand 204 for all but the last of what the gate was asked, and 429 for that."""
    if not surely_within(asked[0], asked[-1], client.throttler.window_seconds):
        raise Inconclusive("the requests took longer than the window")
    for number, answer in enumerate(asked, start=1):
        status = NO_CONTENT if number < len(asked) else TOO_MANY
        expect(
            answer.status == status,
            expected=f"{status} from the gate for request {number} of {len(asked)}",
            got=describe_answer(answer),
            exchanges=asked[:number],
            timing=True,
        )
