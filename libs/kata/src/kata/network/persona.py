"""Who asks and who answers: how a program writes the heads of its messages, as various as strangers are.

A solution that can tell the verifier from a stranger can treat it better. So nobody who sends a request says
who it is: whatever is not part of what is asked is drawn here.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate

_SYLLABLES = ("ba", "de", "lo", "mi", "nu", "ra", "so", "ti", "vu", "ze")

_AGENTS = (
    "curl/8.{a}.{b}",
    "Wget/1.{a}.{b}",
    "python-requests/2.{a}.{b}",
    "python-httpx/0.{a}.{b}",
    "Go-http-client/1.1",
    "okhttp/4.{a}.{b}",
    "axios/1.{a}.{b}",
    "node",
    "Java-http-client/{a}.0.{b}",
    "Mozilla/5.0 (X11; Linux x86_64; rv:1{a}.0) Gecko/20100101 Firefox/1{a}.0",
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/1{a}.0.0.0",
    "{word}/{a}.{b}",
    "{word}",
    None,
)
# All of them take anything, so that no answer has to be 406.
_ACCEPTED = (
    "*/*",
    "application/json, */*;q=0.5",
    "application/json, text/plain, */*",
    "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
    None,
)
_CLIENT_FIELDS: Mapping[str, tuple[str | None, ...]] = {
    "User-Agent": _AGENTS,
    "Accept": _ACCEPTED,
    "Accept-Encoding": ("identity", "gzip", "gzip, deflate", None),
    "Accept-Language": ("en-GB,en;q=0.7", "de", "*", None, None, None),
    "Cache-Control": ("no-cache", None, None, None),
    "Connection": ("keep-alive", "close", None, None),
}
_SERVER_FIELDS: Mapping[str, tuple[str | None, ...]] = {
    "Server": ("nginx/1.{a}.{b}", "Apache/2.4.{b} (Debian)", "gunicorn", "{word}/{a}.{b}", None, None),
    "Date": ("{date}", None),
    "Cache-Control": ("no-store", "private, max-age={b}", None, None),
    "X-Powered-By": ("Express", "PHP/8.{b}", None, None, None),
}
_SPELLINGS: tuple[Callable[[str], str], ...] = (str.title, str.title, str.lower, str.upper)
_LONGEST_PAUSE_SECONDS = 0.004


@dataclass(frozen=True)
class Persona:
    """One program: the fields that it sends unasked, how it spells and orders any, and how long it thinks."""

    fields: tuple[tuple[str, str], ...]
    spell: Callable[[str], str]
    order: int
    on_this_machine: str = "127.0.0.1"  # what it calls that address
    pause_seconds: float = 0.0

    def head(self, given: Mapping[str, str], *, host: str | None = None) -> list[tuple[bytes, bytes]]:
        """Return the fields of a message that has these given ones, each of which replaces its own."""
        names = {name.lower() for name in given}
        fields = [(name, value) for name, value in self.fields if name.lower() not in names]
        fields += given.items()
        if host is not None and "host" not in names:
            fields.append(("Host", host.replace("127.0.0.1", self.on_this_machine)))
        random.Random(self.order).shuffle(fields)  # noqa: S311 - to be repeated
        return [(self.spell(name).encode("ascii"), value.encode("latin-1")) for name, value in fields]


class Personas:
    """A stream of personas. One of its own for each check makes a run repeatable."""

    def __init__(self) -> None:
        self._random = random.Random()  # noqa: S311 - to be repeated, not to be secret

    def begin(self, seed: str) -> None:
        """Draw from here on what this seed decides."""
        self._random.seed(seed)

    def client(self) -> Persona:
        """Draw somebody who asks."""
        source = self._random
        return Persona(
            fields=self._choose(_CLIENT_FIELDS),
            spell=source.choice(_SPELLINGS),
            order=source.getrandbits(32),
            on_this_machine=source.choice(("127.0.0.1", "localhost")),
            pause_seconds=source.choice((0.0, source.uniform(0.0, _LONGEST_PAUSE_SECONDS))),
        )

    def server(self) -> Persona:
        """Draw somebody who answers."""
        return Persona(
            fields=self._choose(_SERVER_FIELDS),
            spell=self._random.choice(_SPELLINGS),
            order=self._random.getrandbits(32),
        )

    def _choose(self, fields: Mapping[str, tuple[str | None, ...]]) -> tuple[tuple[str, str], ...]:
        chosen = ((name, self._random.choice(values)) for name, values in fields.items())
        return tuple((name, self._filled(value)) for name, value in chosen if value is not None)

    def _filled(self, template: str) -> str:
        source = self._random
        word = "".join(source.choices(_SYLLABLES, k=source.randint(2, 4)))
        numbers = {"a": source.randint(10, 40), "b": source.randint(0, 9)}
        return template.format(word=word, date=formatdate(usegmt=True), **numbers)


# One for the process, in which one check is judged at a time: what nobody gave a persona has one too.
personas = Personas()
