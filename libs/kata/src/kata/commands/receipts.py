"""`kata verify NN --receipt …`: a run that somebody else has seen, once more."""

import base64
import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NoReturn

import httpx
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from kata.catalog.projects import Project
from kata.commands.listing import contract_version
from kata.errors import UsageError
from kata.judge.verdicts import Exit, RunResult
from kata.options import Options
from kata.solution.digest import digest_of_folder

LARGEST_BYTES = 1024 * 1024
PATIENCE_SECONDS = 10.0

type Verify = Callable[[Options], RunResult]


@dataclass(frozen=True)
class SeenLevel:
    """A level of a run that has passed: by which contract, of which folder, with which checks."""

    level_id: str
    step: int
    contract: str
    solution: str | None
    checks: frozenset[str]


@dataclass(frozen=True)
class Receipt:
    """What a run has shown, as whoever holds the key has signed it."""

    project: str
    level_id: str
    learner: str
    trust: str
    seed: str
    key: str
    levels: tuple[SeenLevel, ...]


def fetch_receipt(place: str) -> Receipt:
    """Read a receipt from a file or an address. Raises: UsageError."""
    text = _fetched(place) if place.startswith(("https://", "http://")) else _content(Path(place))
    return read_receipt(text)


def read_receipt(text: bytes) -> Receipt:
    """Read a receipt that is signed as it should be. Raises: UsageError."""
    try:
        document = json.loads(text)
        signed, signature = document["receipt"], _bytes(document["signature"])
        Ed25519PublicKey.from_public_bytes(_bytes(signed["key"])).verify(signature, canonical(signed))
        return _receipt(signed)
    except InvalidSignature:
        _refuse("it is forged: its signature is not of what it says")
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
        _refuse("it is none: it has another form")


def canonical(value: object) -> bytes:
    """Return the one form in which JSON without fractions is signed. Source: RFC 8785."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def repeat(project: Project, receipt: Receipt, options: Options, verify: Verify) -> list[RunResult]:
    """Verify again what the receipt tells of, level by level, until one has not passed.

    Raises: UsageError, if it cannot be the same run.
    """
    if receipt.project != project.number:
        _refuse(f"it is for project {receipt.project}")
    contract = contract_version(project)
    digest = digest_of_folder(options.directory or project.path)
    if digest is None:
        _refuse("whether this is its folder cannot be said: it is too large, or cannot be read")
    for level in receipt.levels:
        if level.contract != contract:
            _refuse(f"its contract is {level.contract}, and here it is {contract}: take that version of this")
    if digest not in {level.solution for level in receipt.levels}:
        _refuse(f"it is for another folder ({receipt.levels[-1].solution}; this one is {digest})")
    results: list[RunResult] = []
    for level in receipt.levels:
        result = verify(replace(options, seed=receipt.seed, step=level.step, extensions=False))
        if result.no_target is None and {check.id for check in result.checks} != level.checks:
            _refuse(f"its checks of {level.level_id} are not those that are here")
        results.append(result)
        if result.exit_code is not Exit.PASS:
            break
    return results


def summary(receipt: Receipt, results: list[RunResult]) -> str:
    """Say what came of it, and who had signed what was repeated."""
    key = hashlib.sha256(_bytes(receipt.key)).hexdigest()[:16]
    signed = f"signed for {receipt.learner} by the key {key}, {receipt.trust}"
    count = sum(len(level.checks) for level in receipt.levels)
    same = len(results) == len(receipt.levels) and results[-1].exit_code is Exit.PASS
    outcome = f"all {count} verdicts are the same" if same else "not all verdicts are the same"
    return f"receipt of {receipt.level_id}: {outcome} ({signed})"


def _receipt(signed: dict[str, object]) -> Receipt:
    texts = {name: signed[name] for name in ("project", "level_id", "learner", "trust", "seed", "key")}
    levels = signed["levels"]
    if (
        not all(isinstance(text, str) for text in texts.values())
        or not isinstance(levels, list)
        or not levels
    ):
        raise TypeError
    seen = tuple(
        SeenLevel(
            str(level["level_id"]),
            int(level["step"]),
            str(level["contract"]),
            level["solution"],
            frozenset(str(check["id"]) for check in level["checks"]),
        )
        for level in levels
    )
    verdicts = {check["verdict"] for level in levels for check in level["checks"]}
    if verdicts != {"pass"}:
        raise ValueError("a receipt is of a run that has passed")
    return Receipt(**{name: str(text) for name, text in texts.items()}, levels=seen)


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(f"{text}==")


def _content(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(LARGEST_BYTES)
    except OSError as error:
        _refuse(f"{path} cannot be read: {error.strerror}")


def _fetched(url: str) -> bytes:
    try:
        with httpx.stream("GET", url, timeout=PATIENCE_SECONDS) as answer:
            text = b""
            for chunk in answer.iter_bytes():
                text += chunk
                if len(text) > LARGEST_BYTES:
                    _refuse("it is too long")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        _refuse(f"{url} does not answer: {type(error).__name__}")
    if answer.status_code != httpx.codes.OK:
        _refuse(f"{url} answers {answer.status_code}")
    return text


def _refuse(reason: str) -> NoReturn:
    raise UsageError(f"the receipt cannot be repeated: {reason}")
