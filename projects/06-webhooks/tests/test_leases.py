from uuid import uuid4

from structlog.testing import capture_logs

from webhooks.domain import Claim
from webhooks.leases import read

ROW = {
    "id": uuid4(),
    "lease_token": 1,
    "attempt_count": 1,
    "destination": "https://receiver.example/",
    "signing_secret": "whsec_c2VjcmV0",
    "message_id": "m",
    "content_type": None,
    "body": b"x",
}


def test_a_row_that_cannot_be_read_is_no_claim_and_tells_none_of_its_values() -> None:
    assert read(ROW) == Claim(**ROW)  # type: ignore[arg-type]  # one type for all of its values
    with capture_logs() as logs:
        assert read({**ROW, "body": None, "lease_token": "secret"}) is None
    assert logs[0]["event"] == "not readable"
    assert "secret" not in str(logs)
