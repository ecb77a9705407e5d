import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Literal, Self

import pytest
from pydantic import Field, RedisDsn, SecretStr, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings

from service_kit.settings import EX_CONFIG, BearerToken, ServiceSettings, explain, load


class Algorithm(StrEnum):
    FIXED = "fixed-window"
    SLIDING = "sliding-window"


class Settings(ServiceSettings):
    limit: Annotated[int, Field(ge=1, le=1_000_000)] = 10
    ratio: Annotated[float, Field(gt=0)] = 0.5
    retries: Annotated[int, Field(ge=3)] | None = None
    shadow: bool = False
    algorithm: Algorithm = Algorithm.FIXED
    deny_status: Literal["429", "403"] = "429"
    redis_url: RedisDsn = RedisDsn("redis://127.0.0.1:6379/0")
    api_key: SecretStr | None = None
    file: Path = Path()
    tags: tuple[int, ...] = ()

    @field_validator("file")
    @classmethod
    def file_is_relative(cls, file: Path) -> Path:
        if file.is_absolute():
            raise ValueError("a relative path is wanted")
        return file


def lines_for(monkeypatch: pytest.MonkeyPatch, settings: type[BaseSettings], **environment: str) -> list[str]:
    for name, value in ({"PORT": "8000"} | environment).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(ValidationError) as caught:
        settings()
    return explain(caught.value, settings)


@pytest.mark.parametrize(
    ("name", "value", "line"),
    [
        ("LIMIT", "ten", "settings: LIMIT must be an integer between 1 and 1000000, not 'ten'"),
        ("LIMIT", "0", "settings: LIMIT must be an integer between 1 and 1000000, not '0'"),
        ("LIMIT", "", "settings: LIMIT must be an integer between 1 and 1000000, not ''"),
        ("PORT", "65536", "settings: PORT must be an integer between 1 and 65535, not '65536'"),
        ("RATIO", "0", "settings: RATIO must be a number above 0, not '0'"),
        ("RETRIES", "2", "settings: RETRIES must be an integer of at least 3, not '2'"),
        ("SHADOW", "maybe", "settings: SHADOW must be true or false, not 'maybe'"),
        (
            "ALGORITHM",
            "leaky",
            "settings: ALGORITHM must be one of fixed-window, sliding-window, not 'leaky'",
        ),
        ("DENY_STATUS", "500", "settings: DENY_STATUS must be one of 429, 403, not '500'"),
        ("FILE", "/etc/x", "settings: FILE: a relative path is wanted"),
        ("REDIS_URL", "http://h", "settings: REDIS_URL: URL scheme should be 'redis' or 'rediss'"),
        ("LISTEN_ADDRESS", "", "settings: LISTEN_ADDRESS: String should have at least 1 character, not ''"),
    ],
)
def test_a_bad_value_is_explained_by_variable_and_bounds(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, line: str
) -> None:
    assert lines_for(monkeypatch, Settings, **{name: value}) == [line]


def test_each_bad_variable_has_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    lines = lines_for(monkeypatch, Settings, LIMIT="a", RATIO="b", SHADOW="c")
    assert [line.split()[1] for line in lines] == ["LIMIT", "RATIO", "SHADOW"]


def test_a_missing_variable_says_what_it_must_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PORT", raising=False)
    with pytest.raises(ValidationError) as caught:
        Settings()
    assert explain(caught.value, Settings) == [
        "settings: PORT must be set, to an integer between 1 and 65535"
    ]


@pytest.mark.parametrize(
    "url",
    [
        "http://user:hunter2@host/0",
        "http://user:hunter2@with@signs@host/0",
        "http://host/0?password=hunter2",
        "rediss//user:hunter2@host",
    ],
)
def test_credentials_in_a_url_are_not_repeated(monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    (line,) = lines_for(monkeypatch, Settings, REDIS_URL=url)
    assert line.startswith("settings: REDIS_URL: ")
    assert "hunter2" not in line


def test_the_value_of_a_secret_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    class Guarded(ServiceSettings):
        api_key: Annotated[SecretStr, Field(min_length=20)]
        keys: tuple[SecretStr, SecretStr] | None = None

    lines = lines_for(monkeypatch, Guarded, API_KEY="hunter2", KEYS='["hunter2"]')
    assert [line.split(":")[1] for line in lines] == [" API_KEY", " KEYS"]
    assert "hunter2" not in "".join(lines)


def test_a_long_value_is_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = lines_for(monkeypatch, Settings, LIMIT="x" * 5000)
    assert line.endswith("x...'")
    assert len(line) < 150


def test_a_line_break_in_a_value_does_not_break_the_line(monkeypatch: pytest.MonkeyPatch) -> None:
    (line,) = lines_for(monkeypatch, Settings, LIMIT="1\nsettings: all is well")
    assert "\n" not in line


def test_a_rule_across_variables_is_a_line_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    class Ordered(ServiceSettings):
        low: int = 1
        high: int = 2

        @model_validator(mode="after")
        def ascend(self) -> Self:
            if self.low > self.high:
                raise ValueError("LOW must not be above HIGH")
            return self

    assert lines_for(monkeypatch, Ordered, LOW="3") == ["settings: LOW must not be above HIGH"]


def test_a_prefix_and_an_alias_are_named_as_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    class Named(BaseSettings, env_prefix="kit_"):
        own: int = 1
        other: int = Field(1, validation_alias="OTHER_NAME")

    lines = lines_for(monkeypatch, Named, KIT_OWN="a", OTHER_NAME="b")
    assert [line.split()[1] for line in lines] == ["KIT_OWN", "OTHER_NAME"]


class WithToken(BaseSettings):
    operator_token: Annotated[BearerToken, Field(description="for whoever runs it")]


@pytest.mark.parametrize(
    "token",
    [
        "",
        "o" * 15,
        "o" * 257,
        " " * 20,
        "o" * 20 + "\n",
        "o" * 20 + " ",
        "\u00e9" * 20,
        "=" + "o" * 20,
        "o=" * 10,
    ],
)
def test_a_token_that_no_header_could_carry_is_refused_and_not_repeated(
    monkeypatch: pytest.MonkeyPatch, token: str
) -> None:
    [line] = lines_for(monkeypatch, WithToken, OPERATOR_TOKEN=token)
    assert line.startswith("settings: OPERATOR_TOKEN")
    assert len(line) < 120


@pytest.mark.parametrize("token", ["o" * 16, "o" * 256, "-._~+/aZ09" + "=" * 6])
def test_a_token_that_a_header_can_carry_is_taken(token: str) -> None:
    assert WithToken.model_validate({"operator_token": token}).operator_token.get_secret_value() == token


def test_load_writes_the_lines_and_exits(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "0")
    with pytest.raises(SystemExit) as stopped:
        load(Settings)
    assert stopped.value.code == EX_CONFIG
    written = capsys.readouterr()
    assert written.err == "settings: PORT must be an integer between 1 and 65535, not '0'\n"
    assert written.out == ""


def test_load_names_a_list_that_is_no_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PORT", "8000")
    monkeypatch.setenv("TAGS", "hunter2")
    with pytest.raises(SystemExit):
        load(Settings)
    written = capsys.readouterr().err
    assert written.startswith("settings: ")
    assert '"tags"' in written
    assert "hunter2" not in written


def test_settings_are_read_from_the_environment_and_never_change(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8000")
    monkeypatch.setenv("LOG_LEVEL", "WARNING")
    settings = load(Settings)
    assert (settings.port, settings.listen_address, settings.log_level) == (8000, "127.0.0.1", "warning")
    with pytest.raises(ValidationError):
        settings.port = 9000  # type: ignore[misc]  # that it is refused is the point


def test_what_others_export_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "8000")
    monkeypatch.setenv("HOST", "x86_64-conda-linux-gnu")
    monkeypatch.setenv("PGHOSTADDR", "192.0.2.1")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere")
    monkeypatch.setenv("PGPASSWORD", "hunter/2")
    settings = load(ServiceSettings)
    assert (settings.port, settings.listen_address) == (8000, "127.0.0.1")
    assert [name for name in os.environ if name.startswith("PG")] == ["PGPASSWORD"]
