import pytest

from validation.records import Record, Records


def cut(*parts: bytes, is_csv: bool = False) -> list[Record]:
    """Feed records of at most four bytes, part by part."""
    records = Records(4, is_csv=is_csv)
    return [*(record for part in parts for record in records.feed(part)), *records.finish()]


@pytest.mark.parametrize("parts", [(b"abcd\r\ne",), (b"abcd\r", b"\ne"), (b"abcd", b"\r", b"\n", b"e")])
def test_a_line_break_is_no_part_of_its_line_wherever_it_is_cut(parts: tuple[bytes, ...]) -> None:
    assert cut(*parts) == [Record(1, b"abcd"), Record(2, b"e")]


@pytest.mark.parametrize("line", [b"abcde", b"abcd\rx", b"abcd\r\r"])
def test_a_longer_line_is_refused_before_its_end(line: bytes) -> None:
    records = Records(4, is_csv=False)
    assert list(records.feed(line)) == [Record(1, None)]
    assert list(records.feed(b"\nnext\n")) == [Record(2, b"next")]


def test_a_line_of_blanks_counts_and_what_json_does_not_call_blank_is_a_record() -> None:
    assert cut(b" \t\r\n\x0c\n\n1") == [Record(2, b"\x0c"), Record(4, b"1")]


def test_a_record_of_csv_may_have_line_breaks_in_quotes() -> None:
    assert cut(b'"\n"\na', is_csv=True) == [Record(1, b'"\n"'), Record(3, b"a")]
