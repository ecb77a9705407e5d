import uuid

import pytest

from apps.worker.settings import check_smtp_url
from core.mail.domain import DueMail, MailKind


@pytest.mark.parametrize(("attempts", "seconds"), [(1, 1), (2, 2), (4, 8), (5, 10), (50, 10)])
def test_a_mail_that_is_not_taken_waits_twice_as_long_each_time_up_to_ten_seconds(
    attempts: int, seconds: int
) -> None:
    mail = DueMail(uuid.uuid4(), MailKind.RESET, "ann@example.com", {}, attempts)
    assert mail.wait().total_seconds() == seconds


@pytest.mark.parametrize(
    "url", ["smtp://127.0.0.1:25", "smtps://me:s%40cret@mail.example", "smtp://[::1]:2525"]
)
def test_the_address_of_a_mail_server_is_taken(url: str) -> None:
    assert check_smtp_url(url) == url


@pytest.mark.parametrize(
    "url",
    ["nowhere", "http://mail.example", "smtp://", "smtp://mail.example/x", "smtp://mail.example?x=1",
     "smtp://mail.example:99999", "smtp://me:s#cret@mail.example", "smtp://mail.example:0"],
)  # fmt: skip
def test_what_is_no_address_of_a_mail_server_is_refused(url: str) -> None:
    with pytest.raises(ValueError, match=r"it|Port"):
        check_smtp_url(url)
