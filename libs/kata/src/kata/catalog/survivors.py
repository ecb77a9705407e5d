"""What was said of the generated mutants that survived: survivors.toml, beside mutants.toml."""

import json
import tomllib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from kata.catalog.mutants import Mutant
from kata.errors import KataError


class Judgement(StrEnum):
    """Why a mutant may survive, or that it may not."""

    EQUIVALENT = "equivalent"  # it does what the reference does
    OUTSIDE = "outside"  # it differs in what the contract leaves open
    MISSING = "missing"  # it breaks the contract, and a check is missing


@dataclass(frozen=True)
class Survivor:
    """A generated mutant that survived, and what was said of it."""

    id: str
    edit: str
    verdict: Judgement
    reason: str


def load_survivors(project: Path) -> dict[str, Survivor]:
    """Read survivors.toml by the mutants' ids; none where there is no file.

    Raises:
        KataError: a field is missing, there is no such verdict, or an id stands twice.

    """
    file = project / "survivors.toml"
    entries = tomllib.loads(file.read_text()).get("survivor", ()) if file.exists() else ()
    found: dict[str, Survivor] = {}
    for entry in entries:
        try:
            survivor = Survivor(**{**entry, "verdict": Judgement(entry["verdict"])})
        except (KeyError, TypeError, ValueError) as error:
            raise KataError(f"{project.name}/survivors.toml: {error}") from error
        if survivor.id in found:
            raise KataError(f"{project.name}/survivors.toml: {survivor.id} stands twice")
        found[survivor.id] = survivor
    return found


def to_be_judged(mutants: Iterable[Mutant]) -> str:
    """Return the entries of survivors.toml for these, to be completed by whoever judges them."""
    verdicts = " | ".join(Judgement)
    return "\n".join(
        f"[[survivor]]\nid = {json.dumps(mutant.id)}\nedit = {json.dumps(mutant.says, ensure_ascii=False)}\n"
        f'verdict = ""  # {verdicts}\nreason = ""\n'
        for mutant in mutants
    )
