"""One contestant: judges the order for as many seconds as each line of stdin says; prints how often a second.

`python judge.py NAME good|bad`. From the bytes of a request to what was declared, or to a list of mistakes,
each with a pointer, a code, words and params.
"""
# mypy: disable-error-code="import-not-found,import-untyped"
# Because the peers have an environment of their own.

import json
import sys
import time
from collections.abc import Callable

from dto import SCHEMA, Order, OrderStruct
from order import BAD, GOOD, MISTAKES

type Judge = Callable[[bytes], list[str]]
BATCH = 200


def ours(declared: object) -> Judge:
    from validation_problems import InvalidInputError, body_of, problem_of

    body = body_of(declared)  # type: ignore[call-overload]

    def judge(text: bytes) -> list[str]:
        try:
            body.read(text)
        except InvalidInputError as error:
            told = problem_of(error).findings.document()
            return [str(entry["pointer"]) for entry in told]
        return []

    return judge


def jsonschema() -> Judge:
    from jsonschema import Draft202012Validator, FormatChecker

    validator = Draft202012Validator(SCHEMA, format_checker=FormatChecker())

    def judge(text: bytes) -> list[str]:
        """Two of the four point at their parents, and one is a union's."""
        told = [
            {
                "pointer": f"#{error.json_path}",
                "code": error.validator,
                "detail": error.message,
                "params": error.validator_value,
            }
            for error in validator.iter_errors(json.loads(text))
        ]
        return [one["pointer"] for one in told]

    return judge


CONTESTANTS: dict[str, Callable[[], Judge]] = {
    "pydantic": lambda: ours(Order),
    "msgspec": lambda: ours(OrderStruct),
    "jsonschema-rs": lambda: ours(SCHEMA),
    "jsonschema": jsonschema,
}


def main() -> None:
    name, kind = sys.argv[1:]
    text = GOOD if kind == "good" else BAD
    judge = CONTESTANTS[name]()
    found = judge(text)
    wanted = [] if kind == "good" else MISTAKES
    if (len(found) if name == "jsonschema" else found) != (len(wanted) if name == "jsonschema" else wanted):
        raise SystemExit(f"{name}: {found}")
    for line in sys.stdin:
        seconds, done, started = float(line), 0, time.perf_counter()
        while (elapsed := time.perf_counter() - started) < seconds:
            for _ in range(BATCH):
                judge(text)
            done += BATCH
        print(done / elapsed, flush=True)


if __name__ == "__main__":
    main()
