"""What is demanded of answers: their status, their members, and OFREP's errors."""

from collections.abc import Mapping, Sequence

from kata.steps import Exchange, as_object, describe_answer, expect

OK, CREATED, ACCEPTED, NO_CONTENT, NOT_MODIFIED = 200, 201, 202, 204, 304
BAD, UNAUTHORIZED, NOT_FOUND, CONFLICT, FAILED, INVALID, REQUIRED = 400, 401, 404, 409, 412, 422, 428
UNAVAILABLE = 503

type Json = Mapping[str, object]


def wanted(answer: Exchange, status: int, what: str = "") -> Json:
    """Demand a status, and return the object."""
    expect(
        answer.status == status,
        expected=f"{status}{f' for {what}' if what else ''}",
        got=f"{describe_answer(answer)} {answer.text[:300]}",
        answer=answer,
        timing=answer.status in {0, UNAVAILABLE},
    )
    return as_object(answer)


def is_same(answer: Json, members: Json, what: str) -> None:
    """Demand that an answer has these members; what is inside of them may have more, which has defaults."""
    found = {name: answer.get(name, "missing") for name in members}
    right = all(has(found[name], value, name) for name, value in members.items())
    expect(right, expected=f"{dict(members)} for {what}", got=found)


def has(found: object, wanted: object, name: str = "") -> bool:
    if name == "variants":
        return found == wanted
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and has(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(has, found, wanted))
    return found == wanted


def flags_of(bulk: Exchange) -> dict[str, Json]:
    """Return the entries of a bulk by their keys."""
    entries = objects(wanted(bulk, OK).get("flags"))
    return {str(entry.get("key")): entry for entry in entries}


def objects(value: object) -> Sequence[Json]:
    right = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    expect(right, expected="a list of objects", got=value)
    return value if isinstance(value, list) else []


def is_ofrep_error(answer: Exchange, status: int, code: str, key: object = None) -> None:
    """Demand an error in OFREP's shape, which providers read."""
    what = f"{status} {code}"
    body = wanted(answer, status, what)
    kind = (answer.header("content-type") or "").partition(";")[0]
    expect(kind == "application/json", expected=f"application/json with {what}", got=kind, answer=answer)
    expect(body.get("errorCode") == code, expected=what, got=body, answer=answer)
    expect(isinstance(body.get("errorDetails"), str), expected="errorDetails", got=body, answer=answer)
    if key is not None:
        expect(body.get("key") == key, expected=f"the key {key}", got=body, answer=answer)
