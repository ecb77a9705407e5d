"""What is read from a lesson: its fenced blocks, and the sentences of its contract."""

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

_IDS = r"[SCE]\d+(?:, [SCE]\d+)*"
_SECTION = re.compile(r"^## (?:The contract|Go further)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
_ITEM = re.compile(r"^- (?P<text>.+(?:\n {2}.+)*)", re.MULTILINE)
_ITS_CHECKS = re.compile(rf"\s*\((?P<ids>{_IDS})\)")
_ROW = re.compile(rf"^\|.*\| (?P<text>[^|]+) \| (?P<ids>{_IDS}) \|$", re.MULTILINE)
_STEP = re.compile(r"^### Step (?P<step>\d+): (?P<title>.+)$", re.MULTILINE)
_FENCE = re.compile(r"^```(?P<language>[a-z]+)(?P<rest>[^\n]*)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block of a lesson: its language, what stands behind it on the fence, and its text."""

    language: str
    info: str
    body: str


def blocks(lesson: str) -> list[Block]:
    """Return the fenced blocks of a lesson in their order."""
    return [
        Block(match["language"], match["rest"].strip(), match["body"]) for match in _FENCE.finditer(lesson)
    ]


def step_titles(lesson: str) -> dict[int, str]:
    """Return the title of each step of a lesson, its first letter a capital."""
    return {
        int(match["step"]): match["title"][0].upper() + match["title"][1:] for match in _STEP.finditer(lesson)
    }


@cache
def contract_of(project: Path) -> Mapping[str, str]:
    """Return the sentences that the lesson's contract has for each check; none where there is no lesson."""
    lesson = project / "README.md"
    return read_contract(lesson.read_text()) if lesson.exists() else {}


def read_contract(lesson: str) -> dict[str, str]:
    """Read the lists and the tables of a lesson's contract: each item ends with the checks that hold it.

    An item that names checks in the middle says so much of each of them, and all of the last. A check that
    several items name has them all.
    """
    said: defaultdict[str, list[str]] = defaultdict(list)
    for section in _SECTION.finditer(lesson):
        for item in _ITEM.finditer(section["text"]):
            for checks in _ITS_CHECKS.finditer(item["text"]):
                sentence = _plain(_ITS_CHECKS.sub("", item["text"][: checks.start()]))
                for check in checks["ids"].split(", "):
                    said[check].append(sentence)
        for row in _ROW.finditer(section["text"]):
            for check in row["ids"].split(", "):
                said[check].append(_plain(row["text"]))
    return {check: ". ".join(sentences) for check, sentences in said.items()}


def _plain(markdown: str) -> str:
    """Leave the line breaks, the code marks and the addresses of links out."""
    words = " ".join(markdown.split()).replace("`", "").rstrip(",.")
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", words)
