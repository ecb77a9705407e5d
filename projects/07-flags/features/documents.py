"""Parts of flags that several features make."""

from .panel import Panel

LARGEST_INTEGER = 2**53 - 1

VALUES: dict[str, tuple[list[object], list[object]]] = {
    # What is a value of the type, and what is none.
    "boolean": ([True, False], [0, 1, "true", None]),
    "string": (["", "żółw 漢 👩‍🚀", '"'], [1, None, True, "a\0b"]),
    "integer": ([0, -7, LARGEST_INTEGER, -LARGEST_INTEGER], [1.5, "1", True, 2**53, -(2**53), None]),
    "float": ([0.5, -1e300, 3], ["1.0", True, None]),
    "object": (
        [{}, {"a": [1, {"b": None}]}, {"x": 1e20}, {"a": [-LARGEST_INTEGER]}],
        [[], "{}", 1, {"a": ["\0"]}, {"n": 2**53}, {"a": [-(2**53)]}, {"a": [[{"b": [2**53]}]]}],
    ),
}


def made_of(panel: Panel, kind: str) -> dict[str, object]:
    values = VALUES[kind][0]
    variants = {f"v{number}": value for number, value in enumerate(values)}
    return panel.document(type=kind, variants=variants, off_variant="v0", default={"variant": "v1"})


def rule(variant: str = "other", **members: object) -> dict[str, object]:
    return {"name": "rule-1", "variant": variant, **members}


def asks(attribute: str, operator: str, *values: object, negate: bool = False) -> dict[str, object]:
    return {"attribute": attribute, "operator": operator, "values": list(values), "negate": negate}
