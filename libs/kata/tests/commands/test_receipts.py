"""A run that somebody has signed, repeated on the doubler: by file and by address, right and forged."""

import base64
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kata.catalog.projects import Project
from kata.commands.listing import contract_version
from kata.commands.receipts import canonical
from kata.solution.digest import digest_of_folder

type Solution = Callable[[*tuple[tuple[str, str], ...]], Path]
type Kata = Callable[[*tuple[object, ...]], tuple[object, str, str]]
type Edit = Callable[[dict[str, object]], None]

REFUSED = "kata: the receipt cannot be repeated: "
CHECKS = ("C3", "C4")
KEY = Ed25519PrivateKey.generate()


def encoded(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).rstrip(b"=").decode()


def statement_for(doubler: Project, folder: Path) -> dict[str, object]:
    """Return what is said of a run of the doubler's second step."""
    checks = [{"id": check, "verdict": "pass", "draws": {"LARGEST": "7 ä"}} for check in CHECKS]
    level = {
        "level_id": "00.2",
        "step": 2,
        "contract": contract_version(doubler),
        "solution": digest_of_folder(folder),
        "checks": checks,
    }
    return {
        "version": 1,
        "number": 1,
        "previous": None,
        "learner": "ada",
        "project": "00",
        "level_id": "00.2",
        "seed": "5eed",
        "trust": "local",
        "key": encoded(KEY.public_key().public_bytes_raw()),
        "levels": [level],
    }


def signed(statement: dict[str, object]) -> str:
    signature = encoded(KEY.sign(canonical(statement)))
    return json.dumps({"receipt": statement, "signature": signature}, indent=2)


@contextmanager
def served(text: str, status: int = 200) -> Iterator[str]:
    class Answers(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Answers) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/receipt"
        finally:
            server.shutdown()
            thread.join()


def test_a_run_is_repeated_as_it_was(
    kata: Kata, doubler: Project, solution: Solution, tmp_path: Path
) -> None:
    folder = solution()
    text = signed(statement_for(doubler, folder))
    (tmp_path / "receipt.json").write_text(text)
    with served(text) as url:
        for place in (tmp_path / "receipt.json", url):
            code, out, err = kata("verify", doubler.path, "--dir", folder, "--receipt", place)
            assert (code, err) == (0, "")
            assert "2 pass in … s, seed 5eed" in out
            assert "receipt of 00.2: all 2 verdicts are the same (signed for ada by the key " in out


def test_a_folder_that_has_changed_is_another_one_and_what_fails_is_not_the_same(
    kata: Kata, doubler: Project, solution: Solution, tmp_path: Path
) -> None:
    folder = solution(("    server.serve_forever()", "    server.serve_forever() if 1 else None"))
    statement = statement_for(doubler, folder)
    place = tmp_path / "receipt.json"
    place.write_text(signed(statement))
    app = folder / "app.py"
    app.write_text(app.read_text().replace("number * 2}", "number * 3}"))
    assert refused(kata, doubler, folder, place).startswith("it is for another folder (sha256:")
    place.write_text(signed(statement_for(doubler, folder)))
    code, out, _ = kata("verify", doubler.path, "--dir", folder, "--receipt", place)
    assert code == 1
    assert "receipt of 00.2: not all verdicts are the same" in out


def test_of_a_folder_that_is_too_large_nobody_says_that_it_is_the_same(
    kata: Kata, doubler: Project, solution: Solution, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("kata.solution.digest.MOST_BYTES", 10)
    statement = statement_for(doubler, folder := solution())
    assert _level(statement)["solution"] is None
    place = tmp_path / "receipt.json"
    place.write_text(signed(statement))
    assert refused(kata, doubler, folder, place).startswith("whether this is its folder cannot be said")


def refused(kata: Kata, doubler: Project, folder: Path, place: object) -> str:
    """Demand that a receipt is refused in one line, before anything is started, and return why."""
    code, out, err = kata("verify", doubler.path, "--dir", folder, "--receipt", place)
    assert (code, out) == (4, "")
    assert err.startswith(REFUSED)
    assert err.count("\n") == 1
    return err.removeprefix(REFUSED).rstrip()


def _level(statement: dict[str, object]) -> dict[str, object]:
    levels = statement["levels"]
    assert isinstance(levels, list)
    level = levels[0]
    assert isinstance(level, dict)
    return level


@pytest.mark.parametrize(
    ("edit", "reason"),
    [
        (lambda statement: statement.update(project="07"), "it is for project 07"),
        (
            lambda statement: _level(statement).update(contract="0123"),
            "its contract is 0123, and here it is ",
        ),
        (lambda statement: _level(statement).update(checks=[]), "it is none: it has another form"),
        (lambda statement: statement.update(levels=[]), "it is none: it has another form"),
        (lambda statement: statement.pop("seed"), "it is none: it has another form"),
    ],
)
def test_what_cannot_be_repeated_is_said_in_a_line(
    kata: Kata, doubler: Project, solution: Solution, tmp_path: Path, edit: Edit, reason: str
) -> None:
    statement = statement_for(doubler, folder := solution())
    edit(statement)
    place = tmp_path / "receipt.json"
    place.write_text(signed(statement))
    assert refused(kata, doubler, folder, place).startswith(reason)


def test_a_forged_receipt_is_refused(
    kata: Kata, doubler: Project, solution: Solution, tmp_path: Path
) -> None:
    text = signed(statement_for(doubler, folder := solution()))
    place = tmp_path / "receipt.json"
    for before, after in (("ada", "eve"), ('"step": 2', '"step": 1'), ("7 ä", "8 ä")):
        escaped = json.dumps(before)[1:-1] if '"' not in before else before
        assert escaped in text
        place.write_text(text.replace(escaped, after))
        assert refused(kata, doubler, folder, place) == "it is forged: its signature is not of what it says"
    for none in ("", "[]", "{}", '{"receipt": 1, "signature": "x"}', "[" * 100_000, text.replace(",", "", 1)):
        place.write_text(none)
        assert refused(kata, doubler, folder, place) == "it is none: it has another form"


def test_where_no_receipt_is_says_so(kata: Kata, doubler: Project, solution: Solution) -> None:
    folder = solution()
    assert refused(kata, doubler, folder, "/nowhere/receipt") == (
        "/nowhere/receipt cannot be read: No such file or directory"
    )
    with served("{}", status=404) as url:
        assert refused(kata, doubler, folder, url).endswith("/receipt answers 404")
    assert "does not answer: ConnectError" in refused(kata, doubler, folder, url)


def test_a_receipt_says_itself_what_is_verified(kata: Kata, doubler: Project, tmp_path: Path) -> None:
    for more in (("--seed", "5eed"), ("--step", 1), ("--only", "C1"), ("--runs", 2), ("--events",)):
        _, _, err = kata("verify", doubler.path, "--receipt", tmp_path, *more)
        assert err == "kata: --receipt says itself what is verified: it goes with --dir alone\n"
