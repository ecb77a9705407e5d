import pytest
from pydantic import ValidationError

from levels.settings import WebSettings

USUAL: dict[str, object] = {"port": 8000, "database_url": "postgresql://localhost/levels"}


def test_without_a_token_there_is_no_class() -> None:
    assert WebSettings.model_validate(USUAL).operator_token is None


def test_a_verifier_may_have_arguments() -> None:
    settings = WebSettings.model_validate({**USUAL, "verifier": "python 'my verifier.py' --loud"})
    assert settings.command == ("python", "my verifier.py", "--loud")


@pytest.mark.parametrize("verifier", ["", "  ", "''", 'kata "unfinished'])
def test_a_verifier_that_names_no_program_is_refused(verifier: str) -> None:
    with pytest.raises(ValidationError, match="verifier"):
        WebSettings.model_validate({**USUAL, "verifier": verifier})
