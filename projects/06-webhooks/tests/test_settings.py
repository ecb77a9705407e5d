import pytest
from pydantic import ValidationError

from webhooks.settings import Settings

USUAL: dict[str, object] = {
    "port": 8000,
    "database_url": "postgresql://localhost/webhooks",
}


def test_a_count_adds_one_unless_told_otherwise() -> None:
    assert Settings.model_validate(USUAL).increment == 1


@pytest.mark.parametrize("increment", [0, 1001, "many"])
def test_an_increment_out_of_bounds_is_refused(increment: object) -> None:
    with pytest.raises(ValidationError, match="increment"):
        Settings.model_validate({**USUAL, "increment": increment})
