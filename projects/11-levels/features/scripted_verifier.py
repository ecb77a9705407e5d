"""A verifier that plays what a script says: `python scripted_verifier.py CATALOGUE list|verify …`.

The script is `script.json` in the folder that it is asked to verify: for each step, and for `only`, what is
done in the first call, in the second, and so on; the last is repeated. Without one all checks pass. Each call
is noted in `calls.jsonl` there, and each process that it starts in `pids`.
"""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

POLL_SECONDS = 0.01
LISTENER = """
import os, signal, socket, sys, time
os.setsid()
signal.signal(signal.SIGINT, signal.SIG_IGN)
signal.signal(signal.SIGTERM, signal.SIG_IGN)
if os.fork():
    os._exit(0)
with socket.create_server(("127.0.0.1", int(sys.argv[1]))):
    with open(sys.argv[2], "a") as pids:
        pids.write(f"{os.getpid()}\\n")
    time.sleep(600)
"""


def option(arguments: list[str], name: str) -> str:
    return arguments[arguments.index(name) + 1] if name in arguments else ""


def say(line: str) -> None:
    sys.stdout.buffer.write(f"{line}\n".encode(errors="replace"))
    sys.stdout.buffer.flush()


def checks_of(catalogue: Path, arguments: list[str]) -> list[str]:
    """Return the names of the checks that it is asked for."""
    if only := option(arguments, "--only"):
        return only.split(",")
    for track in json.loads(catalogue.read_text())["tracks"]:
        for level in track["levels"]:
            if (track["project"], str(level["step"])) == (arguments[1], option(arguments, "--step")):
                return [str(check) for check in level["checks"]]
    return []


def contract_of(catalogue: Path, project: str) -> str:
    for track in json.loads(catalogue.read_text())["tracks"]:
        if track["project"] == project:
            return str(track["contract"])
    return ""


def all_pass(checks: list[str]) -> list[list[object]]:
    verdicts: list[list[object]] = [["check", check, "pass"] for check in checks]
    return [["start"], *verdicts, ["end", "pass"], ["exit", 0]]


def play(  # noqa: C901, PLR0912 - one case for each word of the script
    actions: list[list[object]], folder: Path, arguments: list[str], checks: list[str], contract: str
) -> None:
    seed = option(arguments, "--seed")
    for name, *rest in actions:
        words = [str(word) for word in rest]
        match name:
            case "start":
                named = [{"id": check, "sentence": f"{check} holds"} for check in (words or checks)]
                # What stands for a digest of the folder is its name: each of a check's has another one.
                about = {"contract": contract, "solution": f"of-{folder.name}", "seed": seed}
                say(json.dumps({"event": "started", **about, "checks": named}))
            case "contract":
                contract = words[0]
            case "check":
                report = words[2] if len(words) > 2 else f"{words[0]}: {words[1]}"
                event = {
                    "event": "check",
                    "id": words[0],
                    "verdict": words[1],
                    "seconds": 0.25,
                    "draws": {"LIMIT": f"{int(seed, 16) % 1000}", "TITLE": f"<b>{words[0]} größer</b>"},
                    "report": report,
                }
                say(json.dumps(event))
            case "end":
                say(
                    json.dumps(
                        {"event": "end", "verdict": words[0], "reason": words[1] if words[1:] else None}
                    )
                )
            case "say":
                say(words[0])
            case "mutter":
                sys.stderr.write(f"{words[0]}\n")
                sys.stderr.flush()
            case "repeat":
                sys.stdout.write(f"{words[1]}\n" * int(words[0]))
                sys.stdout.flush()
            case "sleep":
                time.sleep(float(words[0]))
            case "wait":
                while not (folder / words[0]).exists():
                    time.sleep(POLL_SECONDS)
            case "listen":
                listen(folder, words[0])
            case "stubborn":
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            case "environment":
                (folder / "environment.json").write_text(json.dumps(dict(os.environ)))
            case "signal":
                os.kill(os.getpid(), int(words[0]))
            case "exit":
                os._exit(int(words[0]))
            case _:
                raise ValueError(name)


def listen(folder: Path, port: str) -> None:
    """Start a process that leaves its parent and its session, and hears no signal that it can ignore."""
    subprocess.run([sys.executable, "-S", "-c", LISTENER, port, str(folder / "pids")], check=True)
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", int(port))) == 0:
                return
        time.sleep(POLL_SECONDS)


def main() -> None:
    catalogue, arguments = Path(sys.argv[1]), sys.argv[2:]
    if arguments == ["list", "--json"]:
        say(catalogue.read_text())
        return
    folder = Path(option(arguments, "--dir"))
    # What runs elsewhere has no folder here: what is to be noted lies beside the catalogue.
    if url := option(arguments, "--url"):
        folder = catalogue.parent / url.rpartition(":")[2]
    with (folder / "pids").open("a") as pids:
        pids.write(f"{os.getpid()}\n")
    key = "only" if option(arguments, "--only") else option(arguments, "--step")
    noted = folder / "calls.jsonl"
    calls = [json.loads(line) for line in noted.read_text().splitlines()] if noted.exists() else []
    with noted.open("a") as file:
        file.write(json.dumps({"key": key, "arguments": arguments, "at": time.monotonic()}) + "\n")
    script = json.loads((folder / "script.json").read_text()) if (folder / "script.json").exists() else {}
    before = sum(call["key"] == key for call in calls)
    checks = checks_of(catalogue, arguments)
    played = script.get(key, [])
    actions = played[min(before, len(played) - 1)] if played else all_pass(checks)
    play(actions, folder, arguments, checks, contract_of(catalogue, arguments[1]))


if __name__ == "__main__":
    main()
