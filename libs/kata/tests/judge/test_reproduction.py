import subprocess

import pytest

from kata.judge.expectations import describe_answer, expect
from kata.judge.reproduction import as_command
from kata.judge.verdicts import CheckFailedError
from kata.network.exchange import Exchange
from kata.network.raw import send_raw

URL = "http://127.0.0.1:9"


def exchange(sent: bytes, status: int = 500) -> Exchange:
    return Exchange(0.0, 0.1, status, base_url=URL, sent_bytes=sent)


def test_a_request_is_shown_with_all_its_fields() -> None:
    sent = b"GET /a?b HTTP/1.1\r\nHost: x\r\nuser-agent: it's\r\nAccept: */*\r\nX-Forwarded-For: ::1\r\n\r\n"
    assert as_command(exchange(sent)) == (
        """curl --path-as-is -i -H 'Host: x' -H 'user-agent: it'"'"'s' -H 'Accept: */*' """
        f"-H 'X-Forwarded-For: ::1' '{URL}/a?b'"
    )


def test_curl_is_told_to_add_nothing() -> None:
    sent = b"POST / HTTP/1.0\r\nContent-Length: 9\r\n\r\nx"
    assert as_command(exchange(sent)) == (
        "curl --path-as-is -i -X POST --http1.0 -H Host: -H User-Agent: -H Accept: -H 'Content-Length: 9' "
        f"--data-binary x {URL}/"
    )


def test_a_body_that_is_no_plain_text_is_sent_byte_by_byte() -> None:
    sent = b"POST / HTTP/1.1\r\nHost: x\r\nUser-Agent: y\r\nAccept: z\r\n\r\n\xff'\n"
    command = as_command(exchange(sent)) or ""
    shown = subprocess.run(
        ["bash", "-c", f"printf %s {command.partition('--data-binary ')[2].partition(' http')[0]}"],
        capture_output=True,
        check=True,
    )
    assert shown.stdout == b"\xff'\n"


def test_of_a_long_body_the_beginning_is_shown_without_its_length() -> None:
    sent = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 400\r\n\r\n" + b"a" * 400
    command = as_command(exchange(sent)) or ""
    assert command.endswith(f" --data-binary {'a' * 300} {URL}/  # and so on: the body is longer")
    assert "Content-Length" not in command


@pytest.mark.parametrize("sent", [b"\x16\x03\r\n\r\n", b"GET / HTTP/1.1\r\nno field\r\n\r\n"])
def test_what_curl_would_not_send_is_shown_as_it_is(sent: bytes) -> None:
    assert as_command(exchange(sent)) == f"{sent!r}, by hand"


def test_what_nobody_kept_is_not_shown() -> None:
    assert as_command(Exchange(0.0, 0.1, 200)) is None


def test_the_request_of_the_answer_that_is_described_is_shown() -> None:
    one, other = exchange(b"GET /one HTTP/1.1\r\n\r\n"), exchange(b"GET /other HTTP/1.1\r\n\r\n")
    with pytest.raises(CheckFailedError) as caught:
        expect(False, expected="200", got=describe_answer(one), exchanges=[one, other])
    assert (caught.value.request or "").endswith("/one")


def test_a_raw_request_keeps_what_was_sent() -> None:
    assert send_raw(URL, b"GET / HTTP/1.1\r\n\r\n").sent_bytes == b"GET / HTTP/1.1\r\n\r\n"
