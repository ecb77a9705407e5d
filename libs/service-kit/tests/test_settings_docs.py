import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Annotated

import pytest
from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings

from service_kit.settings import ServiceSettings
from service_kit.settings_docs import as_env, as_json, as_markdown, settings_of

HERE = Path(__file__).parent


class Settings(ServiceSettings):
    limit: Annotated[int, Field(ge=1, le=9, description="Requests in a window")]
    api_key: Annotated[SecretStr, Field(description="The key of the API")] = SecretStr("hunter2")
    shadow: Annotated[bool, Field(description="Refuse nobody.")] = False
    ratio: Annotated[float, Field(gt=0, description="A ratio")] = 0.50
    file: Annotated[Path | None, Field(description="A file")] = None
    hosts: Annotated[tuple[str, ...], Field(description="Some hosts")] = ("a", "b")


def test_every_setting_of_a_service_is_described() -> None:
    names = [setting.name for setting in settings_of(ServiceSettings)]
    assert names == [name.upper() for name in ServiceSettings.model_fields]


def test_the_table_has_name_description_bounds_and_default_the_services_own_first() -> None:
    rows = as_markdown(settings_of(Settings)).splitlines()
    assert rows[:8] == [
        "| variable | value | default |",
        "|---|---|---|",
        "| `LIMIT` | Requests in a window; an integer between 1 and 9 | none |",
        "| `API_KEY` | The key of the API | none, secret |",
        "| `SHADOW` | Refuse nobody; true or false | `false` |",
        "| `RATIO` | A ratio; a number above 0 | `0.5` |",
        "| `FILE` | A file | none |",
        '| `HOSTS` | Some hosts | `["a","b"]` |',
    ]
    assert len(rows) == 2 + len(Settings.model_fields)


def test_what_must_be_set_is_open_and_what_has_a_default_is_a_comment() -> None:
    blocks = as_env(settings_of(Settings)).split("\n\n")
    assert blocks[0] == "# Requests in a window; an integer between 1 and 9.\nLIMIT="
    assert blocks[2] == "# Refuse nobody; true or false.\n#SHADOW=false"
    assert all(re.fullmatch(r"# .+\.\n#?[A-Z_]+=.*\n?", block) for block in blocks)


def test_the_readme_has_the_table_as_it_is_generated() -> None:
    assert as_markdown(settings_of(ServiceSettings)) in (HERE.parent / "README.md").read_text()


def test_a_secret_stays_out_of_every_form() -> None:
    settings = settings_of(Settings)
    for text in (as_markdown(settings), as_env(settings), as_json(settings)):
        assert "API_KEY" in text
        assert "hunter2" not in text


def test_a_setting_without_a_description_is_named() -> None:
    class Silent(BaseSettings):
        told: Annotated[int, Field(description="Told")] = 1
        untold: int = 1

    with pytest.raises(ValueError, match=r"no description: untold$"):
        settings_of(Silent)


def test_a_prefix_and_an_alias_are_named_as_in_the_environment() -> None:
    class Named(BaseSettings, env_prefix="kit_"):
        own: Annotated[int, Field(description="Own")] = 1
        other: Annotated[int, Field(description="Other", validation_alias="OTHER_NAME")] = 1

    assert [setting.name for setting in settings_of(Named)] == ["KIT_OWN", "OTHER_NAME"]


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "service_kit.settings_docs", *arguments]
    return subprocess.run(command, cwd=HERE, capture_output=True, text=True, check=False)


def test_it_is_a_command() -> None:
    printed = run("service_kit.settings:ServiceSettings", "--format", "json")
    assert printed.returncode == 0, printed.stderr
    port = json.loads(printed.stdout)[0]
    assert port == {
        "name": "PORT",
        "default": None,
        "bounds": "an integer between 1 and 65535",
        "description": "Where to listen",
        "is_required": True,
        "is_secret": False,
    }
    assert run("service_kit.settings:load").returncode == 2
