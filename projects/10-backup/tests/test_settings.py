import pytest
from pydantic import ValidationError

from backup.settings import Settings

USUAL: dict[str, object] = {
    "port": 8000,
    "database_url": "postgresql://localhost/backup",
    "data_dir": "/tmp/versions",
    "operator_token": "o" * 16,
}


def test_nothing_happens_by_itself_unless_told_otherwise() -> None:
    settings = Settings.model_validate(USUAL)
    assert (settings.backup_every_seconds, settings.drill_every_seconds) == (0, 0)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("database_url", "postgresql://localhost"),
        ("data_dir", "relative"),
        ("postgres_bin", "/nowhere/at/all"),
        ("keep_last", 0),
        ("lock_wait_seconds", 0.09),
        ("operator_token", "o" * 15),
        ("operator_token", "o" * 257),
        ("operator_token", " " * 20),
        ("storage_url", "https://bucket"),
        ("storage_url", "s3://b"),
        ("storage_url", "s3://bucket/a b"),
        ("aws_endpoint_url", "nowhere"),
        ("age_recipient", "age1nobody"),
        ("age_identity_file", "/nowhere/at/all"),
    ],
)
def test_what_is_out_of_bounds_is_refused(name: str, value: object) -> None:
    with pytest.raises(ValidationError, match=name):
        Settings.model_validate({**USUAL, name: value})


def test_a_bucket_wants_its_keys() -> None:
    keys: dict[str, object] = {"aws_access_key_id": "key", "aws_secret_access_key": "secret"}
    bucket = {**USUAL, "storage_url": "s3://bucket/prefix"}
    assert Settings.model_validate({**bucket, **keys}).storage_url == "s3://bucket/prefix"
    for name in keys:
        with pytest.raises(ValidationError, match="AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"):
            Settings.model_validate({**bucket, **keys, name: None})


def test_nobody_is_the_operator_by_default() -> None:
    with pytest.raises(ValidationError, match="operator_token"):
        Settings.model_validate({name: value for name, value in USUAL.items() if name != "operator_token"})
