import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service_kit.limits import LimitedBody, declared_length
from service_kit.problems import ProblemError


@pytest.mark.parametrize(("header", "length"), [(None, None), ("", None), ("0", 0), ("10", 10), ("010", 10)])
def test_a_declared_length_within_the_limit_is_returned(header: str | None, length: int | None) -> None:
    assert declared_length(header, 10) == length


@pytest.mark.parametrize(
    ("header", "status"),
    [("11", 413), ("9" * 30, 413), ("-1", 400), ("+1", 400), ("ten", 400), ("1.0", 400), ("²", 400)],
)
def test_any_other_is_refused(header: str, status: int) -> None:
    with pytest.raises(ProblemError) as caught:
        declared_length(header, 10)
    assert caught.value.problem.status == status


def body(sent: bytes, limit: int, declared: int | None = None) -> io.BufferedReader:
    return io.BufferedReader(LimitedBody(io.BytesIO(sent), limit, declared))


@given(st.binary(max_size=50), st.integers(0, 60))
def test_a_body_is_read_whole_up_to_the_limit_and_refused_beyond(sent: bytes, limit: int) -> None:
    if len(sent) <= limit:
        assert body(sent, limit).read() == sent
    else:
        with pytest.raises(ProblemError) as caught:
            body(sent, limit).read()
        assert caught.value.problem.status == 413


def test_the_limit_also_holds_for_reading_in_pieces() -> None:
    stream = body(b"0123456789", 9)
    assert stream.read1(4) == b"0123"
    with pytest.raises(ProblemError):
        stream.read()


def test_lines_can_be_read() -> None:
    assert list(body(b"one\ntwo\n", 100)) == [b"one\n", b"two\n"]


def test_a_body_shorter_than_declared_is_refused() -> None:
    with pytest.raises(ProblemError) as caught:
        body(b"0123", 100, declared=5).read()
    assert caught.value.problem.status == 400


def test_no_more_is_taken_from_the_client_than_one_byte_past_the_limit() -> None:
    client = io.BytesIO(b"x" * 1000)
    with pytest.raises(ProblemError):
        io.BufferedReader(LimitedBody(client, 10, None)).read()
    assert client.tell() == 11
