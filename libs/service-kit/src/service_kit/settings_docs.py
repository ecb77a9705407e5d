"""Settings as a table for a lesson, a body for `.env.sample`, or JSON: all from the fields themselves.

python -m service_kit.settings_docs greeter.settings:Settings --format markdown
"""

import argparse
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from importlib import import_module

import orjson
from pydantic_core import PydanticUndefined, to_jsonable_python
from pydantic_settings import BaseSettings

from service_kit.json_text import Json, as_mapping
from service_kit.settings import QuietSchema, describe, inline, is_secret, variable


@dataclass(frozen=True, slots=True)
class Setting:
    """One environment variable. Without a default it must be set; of a secret no default is told."""

    name: str
    default: str | None
    bounds: str
    description: str
    is_required: bool
    is_secret: bool


def settings_of(settings_class: type[BaseSettings]) -> list[Setting]:
    """List what can be set, in the order of the fields; those of the class itself before what it inherits.

    Raises: ValueError naming the fields without a description.
    """
    schema: dict[str, Json] = settings_class.model_json_schema(schema_generator=QuietSchema)
    properties, definitions = as_mapping(schema["properties"]), as_mapping(schema.get("$defs"))
    own = settings_class.__annotations__.keys()
    fields = sorted(settings_class.model_fields.items(), key=lambda item: item[0] not in own)
    if missing := [name for name, field in fields if not field.description]:
        raise ValueError(f"no description: {', '.join(missing)}")
    found = []
    for name, field in fields:
        alias = field.validation_alias
        key = alias if isinstance(alias, str) else name
        subschema = inline(properties.get(key), definitions)
        secret = is_secret(subschema)
        default = None if field.default is PydanticUndefined or secret else written(field.default)
        found.append(
            Setting(
                variable(key, settings_class),
                default,
                describe(subschema),
                field.description or "",
                is_required=field.is_required(),
                is_secret=secret,
            )
        )
    return found


def written(default: object) -> str:
    """Write a default as the environment has it; nothing for none and for an empty list."""
    if default is None or default == ():
        return ""
    value = to_jsonable_python(default.value if isinstance(default, Enum) else default)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else orjson.dumps(value).decode()


def as_markdown(settings: Iterable[Setting]) -> str:
    """Make the table of a lesson."""
    rows = [
        f"| `{one.name}` | {sentence(one)} | {default_cell(one)} |".replace("\n", " ") for one in settings
    ]
    return "\n".join(["| variable | value | default |", "|---|---|---|", *rows, ""])


def default_cell(setting: Setting) -> str:
    if setting.is_secret:
        return "none, secret"
    return f"`{setting.default}`" if setting.default else "none"


def sentence(setting: Setting) -> str:
    """Return the description, and the bounds where there are any."""
    return setting.description.rstrip(".") + (f"; {setting.bounds}" if setting.bounds else "")


def as_env(settings: Iterable[Setting]) -> str:
    """Make the body of `.env.sample`: what must be set is open, what has a default is commented out."""
    blocks = []
    for one in settings:
        assignment = f"{one.name}={one.default or ''}"
        blocks.append(f"# {sentence(one)}.\n{assignment if one.is_required else f'#{assignment}'}\n")
    return "\n".join(blocks)


def as_json(settings: Iterable[Setting]) -> str:
    """Make a list of objects."""
    return orjson.dumps([asdict(one) for one in settings], option=orjson.OPT_INDENT_2).decode() + "\n"


FORMATS: Mapping[str, Callable[[Iterable[Setting]], str]] = {
    "json": as_json,
    "markdown": as_markdown,
    "env": as_env,
}


def main() -> None:
    """Print the settings of a class."""
    parser = argparse.ArgumentParser(prog="python -m service_kit.settings_docs", description=__doc__)
    parser.add_argument("settings", help="the class, as module:Class")
    parser.add_argument("--format", choices=FORMATS, default="markdown")
    arguments = parser.parse_args()
    module, _, name = arguments.settings.partition(":")
    settings_class = getattr(import_module(module), name)
    if not (isinstance(settings_class, type) and issubclass(settings_class, BaseSettings)):
        parser.error(f"{arguments.settings} is no settings class")
    sys.stdout.write(FORMATS[arguments.format](settings_of(settings_class)))


if __name__ == "__main__":
    main()
