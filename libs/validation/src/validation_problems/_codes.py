"""The one table of codes: what every mistake is called, whichever library has found it.

A code is for programs and never changes; `detail` is for people, with the params put in. Params come from the
schema or are counts: nothing in here can repeat what a client has sent. The codes are those of lesson 09, and
`invalid`: what a validator of the application's own has refused.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Code:
    """A row of the table."""

    name: str
    detail: str
    status: int
    params: tuple[str, ...] = ()

    def explain(self, params: Mapping[str, object]) -> str:
        if not params:
            return self.detail
        return self.detail.format_map({name: _in_words(value) for name, value in params.items()})


def _in_words(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return " or ".join(map(_in_words, value))
    return json.dumps(value, ensure_ascii=False, default=str)


_INVALID: Final = 422
_MALFORMED: Final = 400
_ROWS: Final = (
    # What cannot be read: the problem's own `code`.
    Code("byte_order_mark", "The text begins with a byte order mark.", _MALFORMED),
    Code("invalid_utf8", "The text is not UTF-8.", _MALFORMED),
    Code("unexpected_character", "No JSON has this character here.", _MALFORMED),
    Code("unexpected_end", "The text ends within a value.", _MALFORMED),
    Code("trailing_data", "Something follows the value.", _MALFORMED),
    Code("duplicate_name", "An object has this name twice.", _MALFORMED),
    Code("lone_surrogate", "An escape is half of a surrogate pair.", _MALFORMED),
    Code("number_out_of_range", "No double is near this number, or it has too many digits.", _MALFORMED),
    Code("depth_limit", "Arrays and objects are nested more than {limit} deep.", _MALFORMED, ("limit",)),
    Code("member_limit", "There are more than {limit} members and items.", _MALFORMED, ("limit",)),
    Code("string_limit", "There are more than {limit} strings.", _MALFORMED, ("limit",)),
    Code("line_limit", "A line has more than {limit} bytes.", _MALFORMED, ("limit",)),
    Code("bad_record", "This is no record with a cell for each name of the header.", _MALFORMED),
    # What is read, and takes too long to judge: the same.
    Code("evaluation_stopped", "The evaluation took too long.", _INVALID),
    # What is read, and not acceptable: an entry of `errors`.
    Code("missing", "must be there", _INVALID),
    Code("unknown_member", "is not a member that may be there", _INVALID),
    Code("unknown_items", "has {count} items that may not be there", _INVALID, ("count",)),
    Code("forbidden", "may not be there, whatever its value", _INVALID),
    Code("wrong_type", "must be of type {expected}", _INVALID, ("expected",)),
    Code("not_the_constant", "must be {expected}", _INVALID, ("expected",)),
    Code("not_in_enum", "must be one of {expected}", _INVALID, ("expected",)),
    Code("too_small", "must be at least {limit}", _INVALID, ("limit",)),
    Code("too_large", "must be at most {limit}", _INVALID, ("limit",)),
    Code("not_above", "must be above {limit}", _INVALID, ("limit",)),
    Code("not_below", "must be below {limit}", _INVALID, ("limit",)),
    Code("not_a_multiple", "must be a multiple of {of}", _INVALID, ("of",)),
    Code("too_short", "must have at least {limit} characters", _INVALID, ("limit",)),
    Code("too_long", "must have at most {limit} characters", _INVALID, ("limit",)),
    Code("pattern_mismatch", "must match {pattern}", _INVALID, ("pattern",)),
    Code("bad_format", "must be a {format}", _INVALID, ("format",)),
    Code("too_few_items", "must have at least {limit} items", _INVALID, ("limit",)),
    Code("too_many_items", "must have at most {limit} items", _INVALID, ("limit",)),
    Code("not_unique", "must not have an item twice", _INVALID),
    Code("contains_too_few", "must have more items of the kind that it is to contain", _INVALID),
    Code("contains_too_many", "must have fewer items of the kind that it is to contain", _INVALID),
    Code("too_few_members", "must have at least {limit} members", _INVALID, ("limit",)),
    Code("too_many_members", "must have at most {limit} members", _INVALID, ("limit",)),
    Code("bad_name", "has a name that may not be there", _INVALID),
    Code("matches_not", "must not match what `not` describes", _INVALID),
    Code("no_branch", "is none of {branches} alternatives", _INVALID, ("branches",)),
    Code("several_branches", "must be one alternative only, and is several", _INVALID),
    Code("invalid", "is not acceptable", _INVALID),
    # What is wrong with a schema that somebody registers.
    Code("bad_pattern", "is no pattern of the linear-time subset", _INVALID),
    Code("reference_outside", "leads out of what was registered", _INVALID),
    Code("reference_to_nothing", "leads to nothing", _INVALID),
    Code("unknown_dialect", "must be JSON Schema 2020-12, or come along in `resources`", _INVALID),
    Code("unknown_keyword", "is no keyword; nearest is {suggestion}", _INVALID, ("suggestion",)),
)
CODES: Final[Mapping[str, Code]] = {row.name: row for row in _ROWS}
