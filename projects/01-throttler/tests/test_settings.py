import subprocess
import sys
from pathlib import Path

import pytest

from service_kit.settings import EX_CONFIG, load
from throttler.client_address import parse_networks
from throttler.failover import FailureMode
from throttler.limiter import Algorithm, Policy
from throttler.settings import Settings

REQUIRED = {
    "PORT": "8000",
    "REDIS_URL": "redis://localhost:6379/0",
    "LIMIT": "10",
    "WINDOW_SECONDS": "60",
}
OPTIONAL = (
    "ALGORITHM",
    "TRUSTED_HOPS",
    "FAILURE_MODE",
    "POLICIES_FILE",
    "SHADOW",
    "ALLOW",
    "DENY",
    "GATE_DENY_STATUS",
)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONAL:
        monkeypatch.delenv(name, raising=False)
    for name, value in REQUIRED.items():
        monkeypatch.setenv(name, value)


def test_four_variables_are_enough() -> None:
    settings = load(Settings)
    assert settings.default_policy == Policy("default", 10, 60)
    assert settings.algorithm is Algorithm.FIXED_WINDOW
    assert settings.failure_mode is FailureMode.LOCAL
    assert settings.trusted_hops == 0
    assert settings.policies_file is None
    assert not settings.shadow
    assert settings.networks.allow == settings.networks.deny == ()
    assert settings.gate_deny_status == "429"


def test_an_empty_variable_is_an_unset_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OPTIONAL:
        monkeypatch.setenv(name, "")
    assert load(Settings).policies_file is None


def test_lists_of_networks_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW", "10.0.0.0/8, 2001:db8::/32")
    assert load(Settings).networks.allow == parse_networks("10.0.0.0/8,2001:db8::/32")


def test_a_password_in_the_url_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://:secret@localhost")
    assert "secret" not in repr(load(Settings))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("LIMIT", "0"),
        ("LIMIT", "1000001"),
        ("LIMIT", "ten"),
        ("WINDOW_SECONDS", "0"),
        ("WINDOW_SECONDS", "1.5"),
        ("WINDOW_SECONDS", "86401"),
        ("TRUSTED_HOPS", "-1"),
        ("TRUSTED_HOPS", "11"),
        ("ALGORITHM", "leaky"),
        ("FAILURE_MODE", "maybe"),
        ("REDIS_URL", "http://localhost"),
        ("REDIS_URL", "localhost:6379"),
        ("REDIS_URL", "redis://localhost?max_connections=1"),
        ("REDIS_URL", "redis://localhost?foo=bar"),
        ("REDIS_URL", "redis://localhost?socket_timeout=abc"),
        ("REDIS_URL", "redis://localhost/zero"),
        ("REDIS_URL", "redis://:pass#word@localhost"),
        ("REDIS_URL", "redis://:pass/word@localhost"),
        ("SHADOW", "perhaps"),
        ("ALLOW", "10.0.0.0/33"),
        ("DENY", "example.com"),
        ("GATE_DENY_STATUS", "500"),
    ],
)
def test_a_bad_value_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == EX_CONFIG
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"settings: {name}")


@pytest.mark.parametrize("name", REQUIRED)
def test_a_required_variable_has_no_default(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.delenv(name)
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == EX_CONFIG
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith(f"settings: {name}")


@pytest.mark.parametrize(
    ("name", "value"), [("LIMIT", "0"), ("POLICIES_FILE", "not-there.toml"), ("DENY", "nobody")]
)
def test_the_service_does_not_start_and_says_why_in_one_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)
    started = subprocess.run(
        [sys.executable, "-m", "throttler"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert started.returncode == EX_CONFIG
    assert started.stdout == ""
    [line] = started.stderr.splitlines()
    assert line.startswith(f"settings: {name}")
    assert value in line
