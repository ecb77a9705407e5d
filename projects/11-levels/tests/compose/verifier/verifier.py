"""The verifier of the stack's test: one level with one check, which takes a second and passes."""

import json
import sys
import time

LEVEL = {"id": "tea.1", "step": 1, "title": "Tea", "checks": ["C1"]}
TRACK = {"id": "tea", "project": "tea", "title": "Tea", "contract": "1", "levels": [LEVEL]}
EVENTS = (
    {"event": "started", "contract": "1", "checks": [{"id": "C1", "sentence": "There is tea"}]},
    {"event": "check", "id": "C1", "verdict": "pass", "seconds": 1.0, "report": "There is."},
    {"event": "end", "verdict": "pass"},
)


def say(document: object) -> None:
    sys.stdout.write(f"{json.dumps(document)}\n")
    sys.stdout.flush()


if sys.argv[1] == "list":
    say({"tracks": [TRACK]})
else:
    for event in EVENTS:
        say(event)
        time.sleep(0.5)
