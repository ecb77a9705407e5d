"""What is demanded of answers: their status, their members, and OFREP's errors."""

from collections.abc import Mapping, Sequence

from kata.steps import Exchange, as_object, describe_answer, expect

OK, CREATED, ACCEPTED, NO_CONTENT, NOT_MODIFIED = 200, 201, 202, 204, 304
BAD, UNAUTHORIZED, NOT_FOUND, CONFLICT, FAILED, INVALID, REQUIRED = 400, 401, 404, 409, 412, 422, 428
UNAVAILABLE = 503

type Json = Mapping[str, object]


class Members(dict[str, object]):
    """The members of an answer: one that is missing fails the check, and says so."""

    def __missing__(self, name: str) -> object:
        expect(
            False, expected=f"a member {name}", got=f"only {', '.join(map(str, self)) or 'an empty object'}"
        )
        return None


def wanted(answer: Exchange, status: int, what: str = "") -> Json:
    """Demand a status, and return the object."""
    expect(
        answer.status == status,
        expected=f"{status}{f' for {what}' if what else ''}",
        got=f"{describe_answer(answer)} {answer.text[:300]}",
        answer=answer,
        timing=answer.status in {0, UNAVAILABLE},
    )
    return Members(as_object(answer))


def is_same(answer: Json, members: Json, what: str) -> None:
    """Demand that an answer has these members; what is inside of them may have more, which has defaults."""
    found = {name: answer.get(name, "missing") for name in members}
    wrong = [name for name, value in members.items() if not has(found[name], value, name)]
    differ = {name: found[name] for name in wrong}
    expect(not wrong, expected=f"{ {name: members[name] for name in wrong} } for {what}", got=differ)


def has(found: object, wanted: object, name: str = "") -> bool:
    if name == "variants":
        return found == wanted
    if isinstance(wanted, dict) and isinstance(found, dict):
        return all(key in found and has(found[key], value) for key, value in wanted.items())
    if isinstance(wanted, list) and isinstance(found, list):
        return len(found) == len(wanted) and all(map(has, found, wanted))
    return found == wanted


class Entries(dict[str, Json]):
    """The entries of a bulk: a flag that is missing fails the check."""

    def __missing__(self, key: str) -> Json:
        expect(False, expected=f"{key} in the bulk", got=f"{len(self)} flags without it")
        return {}


def flags_of(bulk: Exchange) -> dict[str, Json]:
    """Return the entries of a bulk by their keys."""
    entries = objects(wanted(bulk, OK).get("flags"))
    return Entries((str(entry.get("key")), entry) for entry in entries)


def objects(value: object) -> Sequence[Json]:
    right = isinstance(value, list) and all(isinstance(item, dict) for item in value)
    expect(right, expected="a list of objects", got=value)
    return [Members(item) for item in value] if isinstance(value, list) else []


def is_ofrep_error(answer: Exchange, status: int, code: str, key: object = None) -> None:
    """Demand an error in OFREP's shape, which providers read."""
    what = f"{status} {code}"
    body = wanted(answer, status, what)
    kind = (answer.header("content-type") or "").partition(";")[0]
    expect(kind == "application/json", expected=f"application/json with {what}", got=kind, answer=answer)
    found = body.get("errorCode", "none")
    expect(found == code, expected=f"{what} in errorCode", got=found, answer=answer)
    expect(
        isinstance(body.get("errorDetails"), str), expected="errorDetails, a text", got=body, answer=answer
    )
    if key is not None:
        expect(body.get("key") == key, expected=f"the key {key}", got=body.get("key", "none"), answer=answer)
