"""Which kinds of bugs are planted against each check, and where that is left open."""

from collections import Counter
from collections.abc import Sequence

from kata.catalog.mutants import KINDS, Mutant, Without

_COLUMNS = (*KINDS, "all")


def unexplained(
    checks: Sequence[str], mutants: Sequence[Mutant], without: Sequence[Without]
) -> list[tuple[str, str]]:
    """Return the checks and the kinds for which there is neither a bug nor a reason."""
    explained = set(_count(mutants)) | {(check, entry.kind) for entry in without for check in entry.checks}
    return [(check, kind) for check in checks for kind in KINDS if (check, kind) not in explained]


def render_kinds(checks: Sequence[str], mutants: Sequence[Mutant], without: Sequence[Without]) -> str:
    """Render the table: a row a check, a column a kind, in each cell how many bugs.

    A dot is a cell that is empty for a reason, a blank one is unexplained.
    """
    counts = _count(mutants)
    blank = set(unexplained(checks, mutants, without))
    lines = [_row("", _COLUMNS)]
    for check in checks:
        cells = ["" if (check, kind) in blank else str(counts[check, kind] or ".") for kind in KINDS]
        lines.append(_row(check, [*cells, str(sum(counts[check, kind] for kind in KINDS))]))
    of_kind = Counter(mutant.kind for mutant in mutants)
    lines.append(_row("all", [str(of_kind[kind]) for kind in KINDS] + [str(len(mutants))]))
    return "\n".join([*lines, f"{len(blank)} cells are empty without a reason"])


def _count(mutants: Sequence[Mutant]) -> Counter[tuple[str, str]]:
    return Counter((check, mutant.kind) for mutant in mutants if mutant.kind for check in mutant.caught_by)


def _row(head: str, cells: Sequence[str]) -> str:
    widths = [len(column) for column in _COLUMNS]
    return f"{head:<3}" + "".join(f"  {cell:>{width}}" for cell, width in zip(cells, widths, strict=True))
