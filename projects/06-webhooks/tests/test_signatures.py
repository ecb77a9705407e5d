import base64
import hashlib
import hmac
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from time import perf_counter
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from webhooks.domain import HmacScheme, Scheme, Secret, Source, SourceState
from webhooks.errors import BadSignatureError, MalformedHeadersError, RejectedError
from webhooks.keys import key_of
from webhooks.signatures import hmac_digest, signed_headers, verify

# The vectors of the Standard Webhooks libraries' own tests.
VECTOR_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VECTOR_ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
VECTOR_TIMESTAMP = 1614265330
VECTOR_BODY = b'{"test": 2432232314}'
VECTOR_SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
# The vector of GitHub's documentation.
GITHUB_SECRET = "It's a Secret to Everybody"
GITHUB_BODY = b"Hello, World!"
GITHUB_SIGNATURE = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
# The vector of Slack's documentation.
SLACK_SECRET = "8f742231b10e8888abcd99yyyzzz85a5"
SLACK_TIMESTAMP = "1531420618"
SLACK_BODY = (
    b"token=xyzz0WbapA4vBCDEFasx0q6G&team_id=T1DC2JH3J&team_domain=testteamnow&channel_id=G8PSS9T3V&"
    b"channel_name=foobar&user_id=U2CERLKJA&user_name=roadrunner&command=%2Fwebhook-collect&text=&"
    b"response_url=https%3A%2F%2Fhooks.slack.com%2Fcommands%2FT1DC2JH3J%2F397700885554%2F"
    b"96rGlfmibIGlgcZRskXaIFfN&trigger_id=398738663015.47445629121.803a0bc887a14d10d2c447fce8b6703c"
)
SLACK_SIGNATURE = "v0=a2114d57b48eac39b9ad189dd8316235a7b4a8d21a10bd27519666489c69b503"

NOW = datetime.fromtimestamp(VECTOR_TIMESTAMP, UTC)
TOLERANCE = 300.0


def source(scheme: Scheme, hmac_scheme: HmacScheme | None = None) -> Source:
    return Source(UUID(int=1), "shop", scheme, SourceState.ACTIVE, "https://example.com/", NOW, hmac_scheme)


def secret(scheme: Scheme, text: str, not_after: datetime | None = None) -> Secret:
    kind, key = key_of(scheme, text)
    return Secret(UUID(int=2), kind, key, text, not_after, NOW)


def lines(headers: Mapping[str, str]) -> dict[str, Sequence[bytes]]:
    return {name: [value.encode("latin-1")] for name, value in headers.items()}


STANDARD = source(Scheme.STANDARD)
STANDARD_SECRET = secret(Scheme.STANDARD, VECTOR_SECRET)
HEADERS = {
    "webhook-id": VECTOR_ID,
    "webhook-timestamp": str(VECTOR_TIMESTAMP),
    "webhook-signature": VECTOR_SIGNATURE,
}


def test_the_published_vector_of_standard_webhooks_verifies() -> None:
    found, presented = verify(STANDARD, [STANDARD_SECRET], lines(HEADERS), VECTOR_BODY, NOW, TOLERANCE)
    assert (found, presented.message_id) == (STANDARD_SECRET, VECTOR_ID)


def test_what_is_signed_anew_is_what_the_vector_says() -> None:
    assert signed_headers(STANDARD_SECRET.key, VECTOR_ID, NOW, VECTOR_BODY) == HEADERS


def test_the_published_vector_of_github_verifies() -> None:
    known = secret(Scheme.GITHUB, GITHUB_SECRET)
    headers = lines({"x-hub-signature-256": GITHUB_SIGNATURE})
    assert verify(source(Scheme.GITHUB), [known], headers, GITHUB_BODY, NOW, TOLERANCE)[0] == known


def test_the_published_vector_of_slack_verifies_by_description() -> None:
    slack = HmacScheme(
        "x-slack-signature",
        prefix="v0=",
        signed="v0:{timestamp}:{body}",
        timestamp_header="x-slack-request-timestamp",
    )
    known = secret(Scheme.HMAC, SLACK_SECRET)
    headers = lines({"x-slack-signature": SLACK_SIGNATURE, "x-slack-request-timestamp": SLACK_TIMESTAMP})
    now = datetime.fromtimestamp(int(SLACK_TIMESTAMP), UTC)
    assert verify(source(Scheme.HMAC, slack), [known], headers, SLACK_BODY, now, TOLERANCE)[0] == known


@pytest.mark.parametrize(
    ("age_seconds", "reason"),
    [
        (-301, "future_timestamp"),
        (-300.001, "future_timestamp"),
        (-300, None),
        (300, None),
        (300.001, "stale_timestamp"),
        (301, "stale_timestamp"),
    ],
)
def test_a_timestamp_counts_up_to_the_tolerance_on_both_sides(age_seconds: float, reason: str | None) -> None:
    now = NOW + timedelta(seconds=age_seconds)
    if reason is None:
        verify(STANDARD, [STANDARD_SECRET], lines(HEADERS), VECTOR_BODY, now, TOLERANCE)
        return
    with pytest.raises(BadSignatureError) as caught:
        verify(STANDARD, [STANDARD_SECRET], lines(HEADERS), VECTOR_BODY, now, TOLERANCE)
    assert caught.value.reason == reason


def test_a_secret_counts_until_its_not_after_and_not_at_it() -> None:
    ending = secret(Scheme.STANDARD, VECTOR_SECRET, NOW)
    before = NOW - timedelta(microseconds=1)
    assert verify(STANDARD, [ending], lines(HEADERS), VECTOR_BODY, before, TOLERANCE)[0] == ending
    with pytest.raises(BadSignatureError):
        verify(STANDARD, [ending], lines(HEADERS), VECTOR_BODY, NOW, TOLERANCE)


@pytest.mark.parametrize(
    "timestamp",
    [
        *("1_614_265_330", "+1614265330", " 1614265330 ", "1.614265330e9", "1614265330.9", "NaN", "-1", ""),
        *("0x6037b9b2", "\u0661".encode().decode("latin-1"), "1" * 13),
    ],
)
def test_a_timestamp_that_is_no_row_of_digits_is_malformed(timestamp: str) -> None:
    with pytest.raises(MalformedHeadersError, match="digits"):
        verify(
            STANDARD,
            [STANDARD_SECRET],
            lines({**HEADERS, "webhook-timestamp": timestamp}),
            VECTOR_BODY,
            NOW,
            TOLERANCE,
        )


@pytest.mark.parametrize(
    "line",
    [
        *(
            "v1",
            "v1,",
            "v1,a,b",
            "v2,x",
            "",
            " ",
            "v1,*" + VECTOR_SIGNATURE[3:],
            VECTOR_SIGNATURE.rstrip("="),
        ),
        *(VECTOR_SIGNATURE.replace("v1,", "v1a,"), "v1,\xe9", "v1,===="),
    ],
)
def test_a_malformed_signature_is_one_that_does_not_match(line: str) -> None:
    headers = lines({**HEADERS, "webhook-signature": line})
    with pytest.raises(BadSignatureError):
        verify(STANDARD, [STANDARD_SECRET], headers, VECTOR_BODY, NOW, TOLERANCE)
    beside = lines({**HEADERS, "webhook-signature": f"{line} {VECTOR_SIGNATURE}"})
    assert verify(STANDARD, [STANDARD_SECRET], beside, VECTOR_BODY, NOW, TOLERANCE)


@pytest.mark.parametrize("count", [16, 17])
def test_sixteen_signatures_are_read_and_seventeen_are_not(count: int) -> None:
    line = " ".join(["v1,x"] * (count - 1) + [VECTOR_SIGNATURE])
    headers = lines({**HEADERS, "webhook-signature": line})
    if count == 16:
        assert verify(STANDARD, [STANDARD_SECRET], headers, VECTOR_BODY, NOW, TOLERANCE)
    else:
        with pytest.raises(MalformedHeadersError):
            verify(STANDARD, [STANDARD_SECRET], headers, VECTOR_BODY, NOW, TOLERANCE)


def test_an_id_with_a_full_stop_is_malformed_for_it_could_be_moved_into_the_time() -> None:
    with pytest.raises(MalformedHeadersError):
        verify(
            STANDARD,
            [STANDARD_SECRET],
            lines({**HEADERS, "webhook-id": "msg.1"}),
            VECTOR_BODY,
            NOW,
            TOLERANCE,
        )


def test_a_public_key_takes_ed25519_and_no_hmac_with_its_bytes() -> None:
    private = Ed25519PrivateKey.from_private_bytes(b"k" * 32)
    public_bytes = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    known = secret(Scheme.STANDARD, f"whpk_{base64.b64encode(public_bytes).decode()}")
    signed = f"{VECTOR_ID}.{VECTOR_TIMESTAMP}.".encode() + VECTOR_BODY
    good = base64.b64encode(private.sign(signed)).decode()
    forged = base64.b64encode(hmac.digest(public_bytes, signed, "sha256")).decode()

    def outcome(line: str) -> str:
        try:
            verify(
                STANDARD, [known], lines({**HEADERS, "webhook-signature": line}), VECTOR_BODY, NOW, TOLERANCE
            )
        except RejectedError as error:
            return error.reason
        return "verified"

    assert outcome(f"v1a,{good}") == "verified"
    assert {outcome(line) for line in (f"v1,{forged}", f"v1a,{forged}", f"v1,{good}", "v1a,*")} == {
        "no_match"
    }


def test_the_public_header_of_stripe_may_hold_several_signatures_and_one_time() -> None:
    known = secret(Scheme.STRIPE, "whsec_" + "s" * 32)
    body = b'{"id": "evt_1"}'
    right = hmac.new(known.key, f"{VECTOR_TIMESTAMP}.".encode() + body, hashlib.sha256).hexdigest()
    stripe = source(Scheme.STRIPE)
    good = lines({"stripe-signature": f"t={VECTOR_TIMESTAMP},v1={'0' * 64},x,v1={right},v0=1"})
    assert verify(stripe, [known], good, body, NOW, TOLERANCE)[0] == known
    twice = lines({"stripe-signature": f"t={VECTOR_TIMESTAMP},t={VECTOR_TIMESTAMP},v1={right}"})
    with pytest.raises(MalformedHeadersError):
        verify(stripe, [known], twice, body, NOW, TOLERANCE)
    with pytest.raises(BadSignatureError):
        verify(
            stripe,
            [known],
            lines({"stripe-signature": f"t={VECTOR_TIMESTAMP},v0={right}"}),
            body,
            NOW,
            TOLERANCE,
        )


def test_a_verification_takes_microseconds() -> None:
    headers = lines(HEADERS)
    times = []
    for _ in range(500):
        began = perf_counter()
        verify(STANDARD, [STANDARD_SECRET], headers, VECTOR_BODY, NOW, TOLERANCE)
        times.append(perf_counter() - began)
    assert min(times) < 0.0005


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
@pytest.mark.parametrize("length", [1, 24, 63, 64, 65, 127, 128, 129, 255])
def test_an_hmac_is_that_of_the_library_however_often_its_key_is_used(length: int, algorithm: str) -> None:
    key = bytes(range(length))
    for message in (b"", b"one", b"x" * 300, b"one"):
        assert hmac_digest(key, message, algorithm) == hmac.digest(key, message, algorithm)
