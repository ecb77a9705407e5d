"""The lines that requests leave in the output."""

from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, IPv6Network

from kata.steps import Exchange, Service, describe_answer, entries, expect, output_once


def lines_of(service: Service, answers: Sequence[Exchange]) -> list[Mapping[str, object]]:
    """Return the JSON object that each request has left, by the id in its answer, or fail the check."""
    wanted = [answer for answer in answers if answer.status]
    ids = {id_of(answer) for answer in wanted}
    lines = output_once(service, lambda lines: ids <= by_id(lines).keys())
    found = by_id(lines)
    for answer in wanted:
        expect(
            id_of(answer) in found,
            expected=f"a line of JSON with the id of {answer.asked}, which got {answer.status}",
            got=" / ".join(line for line in lines if not entries([line])) or "none",
            rule="each request, whatever it is answered, leaves a line that is one JSON object",
            answer=answer,
        )
    return [found[id_of(answer)] for answer in wanted]


def by_id(lines: Sequence[str]) -> dict[str, Mapping[str, object]]:
    return {str(entry["request_id"]): entry for entry in entries(lines) if "request_id" in entry}


def id_of(answer: Exchange) -> str:
    return answer.header("x-request-id") or describe_answer(answer)


def names_client(line: Mapping[str, object], address: str) -> bool:
    """Tell whether a member is the address, or of an IPv6 address its /64."""
    names = {address}
    if ":" in address:
        names.add(str(IPv6Network((int(IPv6Address(address)), 64), strict=False)))
    return any(value in names for value in line.values() if isinstance(value, str))
