"""The lines that requests leave in the output."""

import json
import time
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, IPv6Network

from kata.steps import Exchange, Service, describe_answer, expect

LOG_SECONDS = 5.0


def lines_of(service: Service, answers: Sequence[Exchange]) -> list[Mapping[str, object]]:
    """Return the JSON object that each request has left, by the id in its answer, or fail the check."""
    wanted = [answer for answer in answers if answer.status]
    deadline, found = time.monotonic() + LOG_SECONDS, dict[str, Mapping[str, object]]()
    while len(found) < len(wanted) and time.monotonic() < deadline:
        objects = [read(line) for line in service.web.output()]
        found = {str(line["request_id"]): line for line in objects if "request_id" in line}
        found = {its_id: found[its_id] for answer in wanted if (its_id := id_of(answer)) in found}
        time.sleep(0.01)
    for answer in wanted:
        expect(
            id_of(answer) in found,
            expected=f"a line of JSON with the id of {answer.asked}, which got {answer.status}",
            got="none",
            rule="each request, whatever it is answered, leaves a line that is one JSON object",
            answer=answer,
        )
    return [found[id_of(answer)] for answer in wanted]


def read(line: str) -> Mapping[str, object]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def id_of(answer: Exchange) -> str:
    return answer.header("x-request-id") or describe_answer(answer)


def names_client(line: Mapping[str, object], address: str) -> bool:
    """Tell whether a member is the address, or of an IPv6 address its /64."""
    names = {address}
    if ":" in address:
        names.add(str(IPv6Network((int(IPv6Address(address)), 64), strict=False)))
    return any(value in names for value in line.values() if isinstance(value, str))
