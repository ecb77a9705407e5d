import base64

import pytest

from reminders.settings import WebSettings, WorkerSettings
from service_kit.settings import load

GOOD = {"DATABASE_URL": "postgresql://u:p@localhost/db", "REDIS_URL": "redis://localhost/0", "PORT": "8000"}
SECRET = "whsec_" + base64.b64encode(b"k" * 24).decode()


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in GOOD.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DATABASE_URL", "mysql://localhost/db"),
        ("DATABASE_URL", ""),
        ("REDIS_URL", "localhost:6379"),
        ("MAX_ATTEMPTS", "0"),
        ("MAX_ATTEMPTS", "101"),
        ("MAX_ATTEMPTS", "3.5"),
        ("BACKOFF_BASE_SECONDS", "0"),
        ("BACKOFF_BASE_SECONDS", "nan"),
        ("BACKOFF_CAP_SECONDS", "-1"),
        ("BACKOFF_CAP_SECONDS", "inf"),
        ("BACKOFF_CAP_SECONDS", "4.9"),  # less than the base
        ("LEASE_SECONDS", "0.4"),
        ("LEASE_SECONDS", "soon"),
        ("DELIVERY_TIMEOUT_SECONDS", "0"),
        ("RETRY_AFTER_CAP_SECONDS", "0"),
        ("ALLOW_PRIVATE_CALLBACKS", "perhaps"),
        ("MESSAGE_LIMIT", "0"),
        ("WORKER_CONCURRENCY", "0"),
        ("SIGNING_SECRET", "secret"),
        ("SIGNING_SECRET", "whsec_c2hvcnQ="),
        ("SIGNING_SECRET", "whsec_!"),
    ],
)
@pytest.mark.parametrize("process", [WebSettings, WorkerSettings])
def test_a_bad_setting_stops_either_process_with_a_line_that_names_it(
    process: type[WebSettings | WorkerSettings],
    name: str,
    value: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        load(process)
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert name in lines[0]
    assert name != "SIGNING_SECRET" or value not in lines[0]


def test_the_worker_needs_no_port(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT")
    assert load(WorkerSettings).max_attempts == 8
    with pytest.raises(SystemExit):
        load(WebSettings)


def test_a_signing_secret_is_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_SECRET", SECRET)
    assert load(WorkerSettings).signing_key == b"k" * 24
    assert "whsec" not in repr(load(WorkerSettings))


def test_an_empty_value_is_no_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIGNING_SECRET", "")
    monkeypatch.setenv("LEASE_SECONDS", "")
    assert load(WorkerSettings).signing_key is None
    assert load(WorkerSettings).lease_seconds == 30.0
