"""OFREP: what applications ask. Source: open-feature/protocol, service/openapi.yaml, 0.3.0."""

import hashlib
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import starmap
from typing import Final

import orjson

from flags.errors import (
    FlagNotFoundError,
    InvalidContextError,
    UnauthorizedError,
    UnavailableError,
)
from flags.evaluation import Compiled, Memo
from flags.keys import ApiKey, digest_of
from flags.node import Node, State
from flags.ruleset import Ruleset
from flags.spreading import Spreading
from flags.streams import StreamTokens, tag_of
from flags.targeting import Context
from flags.usage import Usage
from service_kit.json_text import Json, render

CATCH_UP_SECONDS: Final = 0.8
"""How long a process may take to hear of what the client has heard of; with the rest less than a second."""
CONFIG_TAG: Final = re.compile(r'"?([0-9a-f]{8})\.([0-9]{1,18})\.([0-9]{1,18})"?')
ENTITY_TAG: Final = re.compile(r'(?:W/)?("[\x21\x23-\x7e\x80-\xff]*")')

type Clock = Callable[[], float]


@dataclass(frozen=True, slots=True)
class Bulk:
    """The answer to a bulk; without a body the client has it already."""

    etag: str
    body: bytes | None


class Evaluation:
    """Answers questions, each by one ruleset. A store is asked only about what is not known."""

    def __init__(
        self, node: Node, spreading: Spreading, usage: Usage, tokens: StreamTokens, clock: Clock = time.time
    ) -> None:
        self._node = node
        self._spreading = spreading
        self._usage = usage
        self._tokens = tokens
        self._clock = clock

    async def authenticate(self, presented: Sequence[str]) -> ApiKey:
        """Return whose key came along.

        A key that is not known is asked for: it may be new. While PostgreSQL cannot say, it is not refused:
        a client that gets 401 once stops for ever.
        Raises: UnauthorizedError, UnavailableError.
        """
        if len(set(presented)) != 1:
            raise UnauthorizedError("Send one key, as a bearer token or in X-API-Key.")
        digest = digest_of(presented[0])
        key = self._known(digest)
        if key is not None:
            return key
        answered = await self._spreading.pull()
        key = self._known(digest)
        if key is not None:
            return key
        if not answered:
            raise UnavailableError
        raise UnauthorizedError

    def _known(self, digest: str) -> ApiKey | None:
        return self._node.ruleset.keys.get(digest) if self._node.ruleset is not None else None

    def one(self, key: str, context: Context, caller: ApiKey) -> bytes:
        """Evaluate a flag. An outcome that is an error is a body too. Raises: FlagNotFoundError."""
        ruleset = self._ruleset()
        flag = ruleset.by_key.get(key)
        if flag is None or not (flag.client_side or caller.kind == "server"):
            raise FlagNotFoundError
        outcome = flag.decide(context, self._clock(), {})
        if outcome.error:
            raise EvaluationError(outcome.error, outcome.detail)
        self._usage.note((outcome,))
        return render({**outcome.members(), "metadata": self._metadata(ruleset) | outcome.metadata()})

    async def many(self, context: Context, caller: ApiKey, known: Sequence[str], wanted: str | None) -> Bulk:
        """Evaluate all flags that the caller may see. `known` is If-None-Match, `wanted` a configuration.

        Raises: UnavailableError, if no ruleset is there that is as new as `wanted`.
        """
        if wanted is not None:
            await self._catch_up(wanted)
        ruleset, now = self._ruleset(), self._clock()
        flags = ruleset.flags if caller.kind == "server" else ruleset.client_side_flags
        fragments = self._evaluated(flags, context, now)
        period = self._tokens.period(now)
        etag = etag_of(self._config_tag, period, context, fragments)
        if is_known(etag, known):
            return Bulk(etag, None)
        tail: dict[str, Json] = {
            "metadata": self._metadata(ruleset),
            "eventStreams": [self._tokens.announcement(caller, self._config_tag, now)],
        }
        return Bulk(etag, b'{"flags":[' + b",".join(fragments) + b"]," + render(tail)[1:])

    def _evaluated(self, flags: Sequence[Compiled], context: Context, now: float) -> list[bytes]:
        memo: Memo = {}
        outcomes = [flag.decide(context, now, memo) for flag in flags]
        self._usage.note(outcomes)
        return list(starmap(Compiled.fragment, zip(flags, outcomes, strict=True)))

    async def _catch_up(self, wanted: str) -> None:
        found = CONFIG_TAG.fullmatch(wanted)
        if found is None:
            raise InvalidContextError("flagConfigEtag is none of this service's.")
        goal: State = (found[1], int(found[2]), int(found[3]))
        if self._is_behind(goal):
            self._spreading.hurry()
            await self._node.wait_while(lambda: self._is_behind(goal), CATCH_UP_SECONDS)
        if self._is_behind(goal):
            raise UnavailableError

    def _is_behind(self, goal: State) -> bool:
        """Tell whether the client has heard of something that this process has not.

        Of another epoch nothing can be said: the database is another one, and what it had is over.
        """
        epoch, version, kill_revision = self._node.state
        if self._node.ruleset is None:
            return True
        return epoch == goal[0] and (version < goal[1] or kill_revision < goal[2])

    def _ruleset(self) -> Ruleset:
        if self._node.ruleset is None:
            raise UnavailableError
        return self._node.ruleset

    @property
    def _config_tag(self) -> str:
        return tag_of(self._node.state)

    def _metadata(self, ruleset: Ruleset) -> dict[str, Json]:
        age = self._node.stale_seconds
        stale: dict[str, Json] = {"stale": True, "rulesetAgeSeconds": int(age)} if age else {}
        return {"rulesetVersion": ruleset.version, **stale}


class EvaluationError(Exception):
    """The outcome of a flag is an error, in OFREP's words."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def etag_of(tag: str, period: int, context: Context, fragments: Sequence[bytes]) -> str:
    """Return the ETag: over the ruleset, the whole context in any order, and through the values over time.

    It is weak: an answer tells its age too, which does not make it another.
    """
    canonical = orjson.dumps(context, option=orjson.OPT_SORT_KEYS)
    digest = hashlib.blake2b(f"{tag} {period} ".encode() + canonical, digest_size=16)
    digest.update(b"\n".join(fragments))
    return f'W/"{digest.hexdigest()}"'


def is_known(etag: str, if_none_match: Sequence[str]) -> bool:
    """Compare weakly. On this POST a match is 304, as OFREP has it; for HTTP it would be 412."""
    text = ",".join(if_none_match)
    return text.strip() == "*" or etag.removeprefix("W/") in ENTITY_TAG.findall(text)


def context_of(value: Mapping[str, Json]) -> Context:
    """Check a context. Raises: InvalidContextError."""
    key = value.get("targetingKey")
    if key is not None and not isinstance(key, str):
        raise InvalidContextError("targetingKey is a text.")
    return value
