"""The service as the checks ask it: versions, values, and what an answer says is wrong."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kata.steps import (
    Client,
    Draw,
    Exchange,
    Service,
    as_object,
    describe_answer,
    expect,
    is_problem,
    output_after,
)

CODES = "/api/v1/codes"
COMPATIBILITY = "/api/v1/compatibility"
ORDERS = "/api/v1/orders"
SCHEMAS = "/api/v1/schemas"
OK, CREATED, MALFORMED, NOT_FOUND, INVALID = 200, 201, 400, 404, 422

# So long a log may lag behind, and an evaluation that is stopped; no timer is more exact than the last.
GRACE_SECONDS = 1.0
CLOCK_SECONDS = 0.03

type Json = object
type Schema = Mapping[str, object] | bool


@dataclass(frozen=True)
class Told:
    """One entry of `errors`."""

    pointer: str
    code: str
    params: Mapping[str, object]
    answer: Exchange | None = field(default=None, compare=False, repr=False)

    @property
    def pair(self) -> tuple[str, str]:
        return self.pointer, self.code

    @property
    def place(self) -> tuple[str, str]:
        """The same, whichever of its two spellings a question mark has."""
        return self.pointer.replace("%3F", "?"), self.code


class Api:
    """One client of one process of the service."""

    def __init__(self, service: Service, draw: Draw, *, process: int = 0) -> None:
        self.service = service
        self.draw = draw
        self.client: Client = service.client(process=process)

    def ask_to_register(
        self,
        schema: Json,
        *,
        query: str = "",
        resources: Mapping[str, Json] | None = None,
        assert_format: bool = False,
    ) -> Exchange:
        document: dict[str, Json] = {"schema": schema}
        if assert_format or self.draw.choice((True, False)):
            document["assert_format"] = assert_format
        if resources is not None:
            document["resources"] = resources
        return self.client.request("POST", SCHEMAS + query, headers=self._host(), json=document)

    def _host(self) -> dict[str, str]:
        """Draw the name by which the service is called, which need not be that of this machine."""
        name = self.draw.choice((None, f"{self.draw.word()}.example.com", "api.example.org:8443"))
        return {} if name is None else {"Host": name}

    def register(
        self, schema: Json, *, resources: Mapping[str, Json] | None = None, assert_format: bool = False
    ) -> str:
        """Return the id of a version that is made, or was made before."""
        return self.id_in(self.ask_to_register(schema, resources=resources, assert_format=assert_format))

    def id_in(self, answer: Exchange) -> str:
        expect(
            answer.status in {OK, CREATED},
            expected="201, or 200 for what is there already",
            got=f"{describe_answer(answer)} {answer.text[:300]}",
            answer=answer,
        )
        version_id = as_object(answer).get("id")
        expect(isinstance(version_id, str), expected="an id", got=version_id, answer=answer)
        return str(version_id)

    def post(self, path: str, text: bytes, content_type: str = "application/json") -> Exchange:
        headers = {"Content-Type": content_type, **self._host()}
        return self.client.request("POST", path, headers=headers, body=text)

    def validate(self, version_id: str, value: Json, query: str = "") -> Exchange:
        return self.validate_text(version_id, json.dumps(value).encode(), query)

    def validate_text(self, version_id: str, text: bytes, query: str = "") -> Exchange:
        return self.post(f"{SCHEMAS}/{version_id}/validate{query}", text)

    def order(self, value: Json, query: str = "") -> Exchange:
        return self.post(ORDERS + query, json.dumps(value).encode())

    def compare(self, old: str, new: str) -> Mapping[str, Json]:
        answer = self.client.request("POST", COMPATIBILITY, json={"old": old, "new": new})
        expect(answer.status == OK, expected="200", got=f"{describe_answer(answer)} {answer.text[:200]}")
        return as_object(answer)


def readers(api: Api) -> list[str]:
    """Return the routes that read JSON, but for those of the lesson's last steps."""
    return [ORDERS, SCHEMAS, f"{SCHEMAS}/{api.register(True)}/validate"]


def accepted(answer: Exchange, what: Json) -> None:
    """Fail the check unless the value was found valid."""
    got = f"{describe_answer(answer)} {answer.text[:300]}"
    expect(answer.status == OK, expected=f"200 for {shown(what)}", got=got, answer=answer)
    valid = as_object(answer).get("valid")
    expect(valid is True, expected='"valid": true', got=answer.text[:200], answer=answer)


def told(answer: Exchange, what: Json = "this", rule: str | None = None) -> list[Told]:
    """Return the entries of a 422, or fail the check."""
    if answer.status != INVALID:
        got = f"{describe_answer(answer)} {answer.text[:300]}"
        expect(False, expected=f"422 for {shown(what)}", got=got, rule=rule, answer=answer)
    return entries(is_problem(answer, INVALID).get("errors"), rule, answer)


def entries(listed: Json, rule: str | None = None, answer: Exchange | None = None) -> list[Told]:
    """Read a list of entries, each with all its members, or fail the check."""
    right = isinstance(listed, list) and all(isinstance(one, dict) for one in listed)
    expect(right, expected="an array `errors` of objects", got=listed, rule=rule, answer=answer)
    found = []
    for one in listed if isinstance(listed, list) else []:
        kinds = {"pointer": str, "code": str, "detail": str, "params": dict, "location": str}
        wrong = [name for name, kind in kinds.items() if not isinstance(one.get(name), kind)]
        wrong += ["location"] if one.get("location") != "body" else []
        expect(
            not wrong, expected=f"right {', '.join(kinds)} in each entry", got=one, rule=rule, answer=answer
        )
        found.append(Told(one["pointer"], one["code"], one["params"], answer))
    return found


def same(got: Sequence[Told], wanted: Sequence[tuple[str, str]], what: Json, rule: str | None = None) -> None:
    """Fail the check unless these mistakes, and no others, are told, in whatever order."""
    places = sorted(one.place for one in got)
    answer = got[0].answer if got else None
    expected = f"{sorted(wanted)} for {shown(what)}"
    expect(places == sorted(wanted), expected=expected, got=places, rule=rule, answer=answer)


def results(answer: Exchange, count: int) -> Sequence[Mapping[str, Json]]:
    """Read the results of a batch, or of a stream without its summary, or fail the check."""
    got = f"{describe_answer(answer)} {answer.text[:300]}"
    expect(answer.status == OK, expected="200", got=got, answer=answer)
    if (answer.header("content-type") or "").startswith("application/json"):
        listed = as_object(answer).get("results")
    else:
        listed = [json.loads(line) for line in answer.body.split(b"\n") if line][:-1]
    found = [one for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    expect(len(found) == count, expected=f"{count} results", got=answer.text[:500], answer=answer)
    return found


def not_logged(service: Service, words: Sequence[str], last: Exchange) -> None:
    """Fail the check if a line of the log has one of the words, once the last request has left its line."""
    lines = [line for line in output_after(service, last) if any(word in line for word in words)]
    expect(not lines, expected="a log without what was sent", got=lines[:1])


def shown(value: Json) -> str:
    text = (
        value.decode(errors="replace") if isinstance(value, bytes) else json.dumps(value, ensure_ascii=False)
    )
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}…"


LONGEST_SHOWN = 300
