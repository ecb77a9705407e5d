from hypothesis import given, settings
from hypothesis import strategies as st

from validation.compatibility import Compatible, compare
from validation.compiled import Compiled
from validation.patterns import matching
from validation.registry import Schema, Version
from validation.value import Value

BOUNDS = st.integers(0, 6)
LEAVES: st.SearchStrategy[dict[str, object]] = st.one_of(
    st.just({}),
    st.fixed_dictionaries({"type": st.sampled_from(["integer", "string", "null", "number", "boolean"])}),
    st.fixed_dictionaries({"type": st.just("integer")}, optional={"minimum": BOUNDS, "maximum": BOUNDS}),
    st.fixed_dictionaries({"type": st.just("string")}, optional={"minLength": BOUNDS, "maxLength": BOUNDS}),
    st.fixed_dictionaries(
        {"enum": st.lists(st.sampled_from(["a", 0, None, True, 0.5]), min_size=1, unique_by=repr)}
    ),
)
SCHEMAS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.fixed_dictionaries({"type": st.just("array"), "items": inner}, optional={"minItems": BOUNDS}),
        st.fixed_dictionaries(
            {"type": st.just("object"), "properties": st.dictionaries(st.sampled_from("ab"), inner)},
            optional={
                "required": st.lists(st.sampled_from("ab"), unique=True),
                "additionalProperties": st.booleans(),
            },
        ),
        st.fixed_dictionaries({"anyOf": st.lists(inner, min_size=1, max_size=3)}),
    ),
    max_leaves=4,
)
VALUES = st.recursive(
    st.sampled_from([None, True, 0, 3, 6, 7, "", "aaa", "aaaaaaa"]),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=2),
    max_leaves=4,
)


def compiled(schema: Schema) -> Compiled:
    return Compiled(Version(schema, {}, assert_format=False), 100)


@settings(deadline=None, max_examples=150)
@given(SCHEMAS, SCHEMAS, st.lists(VALUES, max_size=20))
def test_no_answer_is_wrong(old: Schema, new: Schema, values: list[Value]) -> None:
    before, after = compiled(old), compiled(new)
    comparison = compare(before, after)
    if comparison.compatible is Compatible.NO:
        assert before.accepts(comparison.witness)
        assert comparison.findings == after.findings(comparison.witness)
        assert not comparison.findings.is_valid
    elif comparison.compatible is Compatible.YES:
        assert [value for value in values if before.accepts(value) and not after.accepts(value)] == []


@settings(deadline=None, max_examples=60)
@given(SCHEMAS)
def test_a_version_is_never_incompatible_with_itself(schema: Schema) -> None:
    assert compare(compiled(schema), compiled(schema)).compatible is not Compatible.NO


def test_texts_match_the_patterns_that_they_are_made_of() -> None:
    for pattern in (r"^[A-Z]{3}-[0-9]{4}$", r"^(?:a|b)+c?$", r"^[^@\s]+@[^@\s]+$", r"^\d{2,}\.x$", "^.$"):
        validator = compiled({"type": "string", "pattern": pattern})
        assert [text for text in matching(pattern) if not validator.accepts(text)] == []
        assert list(matching(pattern))
    assert list(matching(r"\p{L}+")) == []


def test_of_two_versions_of_which_one_asserts_formats_a_witness_is_found() -> None:
    schema: Schema = {"type": "string", "format": "date"}
    plain, asserted = (Compiled(Version(schema, {}, assert_format=flag), 100) for flag in (False, True))
    assert compare(plain, asserted).compatible is Compatible.NO
    assert compare(asserted, plain).compatible is not Compatible.NO
