"""What administrators do: each change is one transaction, with its audit, and then everywhere."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from pydantic import JsonValue, ValidationError

from flags import references
from flags.documents import NAME, Flag, FlagFields, Segment, SegmentFields
from flags.errors import (
    ExistsError,
    InvalidDocumentError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    TypeFixedError,
)
from flags.history import AuditEntry, Edit, Stored
from flags.keys import ApiKey, KeyFields, digest_of, new_secret
from flags.repository import Begin, Reader
from flags.ruleset import FLAG, KEY, SEGMENT, Ref, read
from flags.spreading import Spreading

type Expected = frozenset[int] | None
"""The versions that a change may be made from; None for any."""
type Stock = Mapping[Ref, Stored]

FIXED: Final = frozenset({"key", "killed", "archived"})


@dataclass(frozen=True, slots=True)
class Changed:
    """A document after a change."""

    version: int
    document: JsonValue


class Management:
    """Flags, segments and keys. Changes raise StoreUnavailableError while PostgreSQL is away."""

    def __init__(
        self, begin: Begin, reader: Reader, spreading: Spreading, new_id: Callable[[], UUID]
    ) -> None:
        self._begin = begin
        self._reader = reader
        self._spreading = spreading
        self._new_id = new_id

    async def create_flag(self, actor: str, fields: FlagFields) -> Changed:
        """Raises: ExistsError, InvalidInputError."""
        flag = Flag.model_validate(fields.model_dump(mode="json"))

        def made(stock: Stock) -> JsonValue:
            check_new(Ref(FLAG, flag.key), stock)
            references.check(flag, flags_of(stock), segments_of(stock))
            return dumped(flag)

        return await self._change(actor, "create", Ref(FLAG, flag.key), made)

    async def change_flag(
        self,
        actor: str,
        key: str,
        change: Mapping[str, JsonValue],
        expected: Expected,
        action: str = "change",
    ) -> Changed:
        """Put members in place of those that the flag has.

        Raises: NotFoundError, PreconditionFailedError, TypeFixedError, InvalidInputError, InUseError.
        """
        ref = Ref(FLAG, key)

        def made(stock: Stock) -> JsonValue:
            current = Flag.model_validate(live(ref, stock, expected).document)
            flag = merged(current, change)
            references.check(flag, {**flags_of(stock), key: flag}, segments_of(stock))
            references.check_variants_kept(flag, flags_of(stock))
            return dumped(flag)

        return await self._change(actor, action, ref, made)

    async def archive_flag(self, actor: str, key: str, expected: Expected) -> Changed:
        """Raises: NotFoundError, PreconditionFailedError, InUseError."""
        ref = Ref(FLAG, key)

        def made(stock: Stock) -> JsonValue:
            flag = Flag.model_validate(live(ref, stock, expected).document)
            references.check_unused(key, flags_of(stock))
            return dumped(flag.model_copy(update={"archived": True}))

        return await self._change(actor, "archive", ref, made)

    async def create_segment(self, actor: str, fields: SegmentFields) -> Changed:
        """Raises: ExistsError."""
        segment = Segment.model_validate(fields.model_dump(mode="json"))
        ref = Ref(SEGMENT, segment.key)

        def made(stock: Stock) -> JsonValue:
            check_new(ref, stock)
            return dumped(segment)

        return await self._change(actor, "create", ref, made)

    async def change_segment(
        self, actor: str, key: str, change: Mapping[str, JsonValue], expected: Expected
    ) -> Changed:
        """Raises: NotFoundError, PreconditionFailedError, InvalidDocumentError."""
        ref = Ref(SEGMENT, key)

        def made(stock: Stock) -> JsonValue:
            current = Segment.model_validate(live(ref, stock, expected).document)
            refuse_fixed(current.model_dump(mode="json"), change)
            return dumped(validated(Segment, current.model_dump(mode="json") | dict(change)))

        return await self._change(actor, "change", ref, made)

    async def archive_segment(self, actor: str, key: str, expected: Expected) -> Changed:
        """Raises: NotFoundError, PreconditionFailedError, InUseError."""
        ref = Ref(SEGMENT, key)

        def made(stock: Stock) -> JsonValue:
            segment = Segment.model_validate(live(ref, stock, expected).document)
            references.check_segment_unused(key, flags_of(stock))
            return dumped(segment.model_copy(update={"archived": True}))

        return await self._change(actor, "archive", ref, made)

    async def create_key(self, actor: str, fields: KeyFields) -> tuple[ApiKey, str]:
        """Make a key, and return it with its secret, which nobody can be told again."""
        secret = new_secret()
        key = ApiKey(id=str(self._new_id()), name=fields.name, kind=fields.kind, sha256=digest_of(secret))
        await self._change(actor, "create", Ref(KEY, key.id), lambda _: dumped(key))
        return key, secret

    async def revoke_key(self, actor: str, key_id: str) -> None:
        """Raises: NotFoundError."""
        ref = Ref(KEY, key_id)

        def made(stock: Stock) -> JsonValue:
            if ref not in stock:
                raise NotFoundError("key")
            key = ApiKey.model_validate(stock[ref].document)
            return dumped(key.model_copy(update={"revoked": True}))

        await self._change(actor, "revoke", ref, made)

    async def keys(self) -> Sequence[ApiKey]:
        stored = await self._reader.stored(KEY)
        return [ApiKey.model_validate(one.document) for one in stored.values()]

    async def find(self, ref: Ref) -> Stored:
        """Raises: NotFoundError."""
        found = await self._reader.find(ref) if is_name(ref.key) else None
        if found is None:
            raise NotFoundError(ref.kind)
        return found

    async def stored(self, kind: str) -> dict[str, Stored]:
        return await self._reader.stored(kind)

    async def audit(self, limit: int, before: int | None, ref: Ref | None) -> list[AuditEntry]:
        if ref is not None and not is_name(ref.key):
            return []
        return await self._reader.audit(limit, before, ref)

    async def _change(self, actor: str, action: str, ref: Ref, made: Callable[[Stock], JsonValue]) -> Changed:
        """Make one change, unless it changes nothing, and have it known everywhere."""
        async with self._begin() as work:
            await work.lock()
            stock = await work.documents()
            after = made(stock)
            known = stock.get(ref)
            if known is not None and known.document == after:
                return Changed(known.version, after)
            before = known.document if known is not None else None
            version = await work.apply(Edit(actor, action, ref, before, after))
            await work.commit()
        await self._spreading.pull()
        return Changed(version, after)


def is_name(key: str) -> bool:
    """Tell whether anything can have this key: PostgreSQL is not asked for what it cannot even read."""
    return re.fullmatch(NAME, key) is not None


def check_new(ref: Ref, stock: Stock) -> None:
    if ref in stock:
        raise ExistsError


def live(ref: Ref, stock: Stock, expected: Expected) -> Stored:
    """Return a document that may be changed. Raises: NotFoundError, PreconditionFailedError."""
    found = stock.get(ref)
    if found is None or not isinstance(found.document, dict) or found.document.get("archived"):
        raise NotFoundError(ref.kind)
    if expected is not None and found.version not in expected:
        raise PreconditionFailedError(found.version)
    return found


def merged(current: Flag, change: Mapping[str, JsonValue]) -> Flag:
    """Raises: TypeFixedError, InvalidInputError, InvalidDocumentError."""
    members = current.model_dump(mode="json")
    refuse_fixed(members, change)
    if "type" in change and change["type"] != current.type:
        raise TypeFixedError
    return validated(Flag, members | dict(change))


def refuse_fixed(members: Mapping[str, JsonValue], change: Mapping[str, JsonValue]) -> None:
    for name in sorted(FIXED & change.keys()):
        if change[name] != members.get(name):
            raise InvalidInputError("fixed", f"{name} is not changed like this.", f"#/{name}")


def validated[D: (Flag, Segment)](model: type[D], members: Mapping[str, JsonValue]) -> D:
    """Raises: InvalidDocumentError."""
    try:
        return model.model_validate(members)
    except ValidationError as error:
        raise InvalidDocumentError(error) from error


def dumped(document: Flag | Segment | ApiKey) -> JsonValue:
    members: JsonValue = document.model_dump(mode="json")
    return members


def flags_of(stock: Stock) -> dict[str, Flag]:
    return read({ref: stored.document for ref, stored in stock.items()}, FLAG, Flag)[0]


def segments_of(stock: Stock) -> dict[str, Segment]:
    return read({ref: stored.document for ref, stored in stock.items()}, SEGMENT, Segment)[0]
