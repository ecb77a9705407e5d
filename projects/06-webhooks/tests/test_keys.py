import base64

import pytest

from webhooks.domain import Scheme
from webhooks.errors import InvalidFieldError
from webhooks.keys import fingerprint, key_of, new_secret


@pytest.mark.parametrize("size", [24, 31, 64])
def test_a_secret_is_read_in_each_of_its_spellings(size: int) -> None:
    key = bytes(range(size))
    text = base64.b64encode(key).decode()
    spellings = (f"whsec_{text}", f"whsec_{text.rstrip('=')}", f"v1,whsec_{text}")
    assert {key_of(Scheme.STANDARD, spelling) for spelling in spellings} == {("hmac", key)}


@pytest.mark.parametrize(
    ("scheme", "text"),
    [
        (Scheme.STANDARD, "whsec_" + base64.b64encode(b"x" * 23).decode()),
        (Scheme.STANDARD, "whsec_" + base64.b64encode(b"x" * 65).decode()),
        (Scheme.STANDARD, "whsec_" + base64.b64encode(b"x" * 30).decode()[:-1] + "*"),
        (
            Scheme.STANDARD,
            "whsec_" + base64.b64encode(b"x" * 25).decode()[:-3] + "B==",
        ),  # bits beyond its end
        (Scheme.STANDARD, base64.b64encode(b"x" * 32).decode()),
        (Scheme.STANDARD, "whpk_" + base64.b64encode(b"x" * 31).decode()),
        (Scheme.GITHUB, "x" * 15),
        (Scheme.GITHUB, "x" * 256),
        (Scheme.STRIPE, "x" * 20 + "\n"),
    ],
)
def test_what_is_no_secret_is_refused(scheme: Scheme, text: str) -> None:
    with pytest.raises(InvalidFieldError):
        key_of(scheme, text)


def test_stripes_secret_is_its_text() -> None:
    assert key_of(Scheme.STRIPE, "whsec_" + "s" * 32) == ("hmac", b"whsec_" + b"s" * 32)


@pytest.mark.parametrize("scheme", Scheme)
def test_a_secret_that_is_made_up_is_one_and_another_each_time(scheme: Scheme) -> None:
    one, two = new_secret(scheme), new_secret(scheme)
    assert key_of(scheme, one) != key_of(scheme, two)
    assert fingerprint(one) != fingerprint(two)
