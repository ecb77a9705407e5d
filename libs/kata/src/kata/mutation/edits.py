"""Draws edits by mutmut's operators and prints them as JSON, in an environment that has mutmut.

`python edits.py SEED COUNT FILE…`: so many of all edits of these files, the same for the same seed.
"""

import json
import random
import sys
from difflib import ndiff
from pathlib import Path

import libcst  # type: ignore[import-not-found]  # in that environment
from mutmut.mutation.file_mutation import MutationVisitor, deep_replace  # type: ignore[import-not-found]
from mutmut.mutation.mutators import mutation_operators  # type: ignore[import-not-found]
from mutmut.mutation.pragma_handling import IgnoredCode  # type: ignore[import-not-found]


def main(seed: str, count: int, files: list[str]) -> None:
    found = [(file, *edit) for file in files for edit in _edits(Path(file).read_text())]
    drawn = random.Random(seed).sample(found, min(count, len(found)))  # noqa: S311 - to be repeated
    for file, module, before, after in drawn:
        mutated = deep_replace(module, before, after).code
        told = {"file": file, "find": module.code, "put": mutated}
        print(json.dumps({**told, **_change(module.code, mutated)}))  # noqa: T201 - read by who started it


def _change(before: str, after: str) -> dict[str, str | int]:
    """Return what is removed and added, and how often the first such line stands above it."""
    lines = list(ndiff(before.splitlines(), after.splitlines()))
    removed, added = ([line[2:] for line in lines if line.startswith(sign)] for sign in "-+")
    kept = next(number for number, line in enumerate(lines) if line.startswith(("-", "+")))
    above = before.splitlines()[:kept].count((removed or added)[0])
    return {"removed": _joined(removed), "added": _joined(added), "above": above}


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)


def _edits(source: str) -> list[tuple[libcst.Module, libcst.CSTNode, libcst.CSTNode]]:
    visitor = MutationVisitor(mutation_operators, IgnoredCode(set(), set(), set()))
    module = libcst.metadata.MetadataWrapper(libcst.parse_module(source)).visit(visitor)
    return [(module, edit.original_node, edit.mutated_node) for edit in visitor.mutations]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
